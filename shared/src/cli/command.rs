//! The command line's grammar.

use std::process::ExitCode;

use clap::{Arg, ArgAction, ArgMatches, Command, builder::PossibleValuesParser};
use clap_complete::Shell;

use crate::{Server, registry::Registry, settings::Settings, tool::Face};

/// The command of server `S`, with an example call of every tool.
pub(super) fn build<S: Server>() -> Command {
    let name: &'static str = leak(format!("mcp-{}", S::NAME));
    Command::new(name)
        .bin_name(name)
        .version(S::VERSION)
        .about(S::DESCRIPTION)
        .after_help(examples::<S>(name))
        .arg_required_else_help(true)
        .subcommand(Command::new("tools").about("List the tools of this mode, with what each costs in tokens"))
        .subcommand(Command::new("schema").about("Print a tool's input schema").arg(tool_name::<S>()))
        .subcommand(
            Command::new("call")
                .about("Run one call exactly as MCP would and print its answer")
                .arg(tool_name::<S>())
                .arg(
                    Arg::new("ARGUMENT")
                        .action(ArgAction::Append)
                        .help("key=value; the tool's schema says what the value is read as, [..] and {..} as JSON"),
                )
                .arg(Arg::new("json").long("json").value_name("OBJECT").help("All arguments as one JSON object"))
                .arg(
                    Arg::new("output")
                        .long("output")
                        .short('o')
                        .value_parser(PossibleValuesParser::new(["text", "json"]))
                        .default_value("text")
                        .help("The text, or the structured value"),
                ),
        )
        .subcommand(Command::new("manifest").about("Print manifest.json"))
        .subcommand(Command::new("catalogue").about("Print every tool with schemas, annotations and cost as JSON"))
        .subcommand(Command::new("doctor").about("Check what the tools need and say what is missing"))
        .subcommand(
            Command::new("serve").about("Serve MCP over stdio, or over Streamable HTTP at /mcp").arg(
                Arg::new("http")
                    .long("http")
                    .value_name("ADDR")
                    .help("Listen here instead, for example 127.0.0.1:8080; other than loopback needs HTTP_TOKEN_FILE"),
            ),
        )
        .subcommand(Command::new("completions").about("Print a completion script").arg(
            Arg::new("SHELL").required(true).value_parser(PossibleValuesParser::new([
                "bash",
                "elvish",
                "fish",
                "powershell",
                "zsh",
            ])),
        ))
}

/// Prints the completion script of the shell asked for.
pub(super) fn completions<S: Server>(matches: &ArgMatches) -> ExitCode {
    let shell = matches.get_one::<String>("SHELL").and_then(|name| name.parse::<Shell>().ok());
    let Some(shell) = shell else { return super::complain("unknown shell", super::USAGE) };
    let mut command = build::<S>();
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, format!("mcp-{}", S::NAME), &mut script);
    super::print::out(&String::from_utf8_lossy(&script));
    ExitCode::SUCCESS
}

fn tool_name<S: Server>() -> Arg {
    Arg::new("TOOL").required(true).help(format!("A tool of `mcp-{} tools`", S::NAME))
}

fn examples<S: Server>(name: &str) -> String {
    let Ok(registry) = Registry::<S>::new(Settings::new(crate::Mode::Readwrite), Face::Terminal) else {
        return String::new();
    };
    let mut text = String::from("Examples:\n");
    for spec in registry.specs() {
        text.push_str(&format!("  {name} call {} {}\n", spec.name, spec.example));
    }
    text.push_str(
        "\nEnvironment: MODE=readonly|readwrite, TOOLS, TOOLS_EXCLUDE, RESULTS=text|structured|both, RUST_LOG\n",
    );
    text.push_str("Exit codes: 0 ok, 1 the call failed, 2 the command line or the environment is wrong");
    text
}

/// clap keeps names for the life of the process, and so do we: this runs once.
fn leak(text: String) -> &'static str {
    Box::leak(text.into_boxed_str())
}
