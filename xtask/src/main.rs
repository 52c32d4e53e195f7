//! The project's verbs. `cargo xtask` says which there are.

use std::process::ExitCode;

mod bench;
mod cluster;
mod codegen;
mod dist;
mod go;
mod new;
mod release;
mod run;
mod rust;
mod test;
mod tidy;
mod tree;

const HELP: &str = "\
cargo xtask <verb>

  test [FILTER]      fetch what the tests need, run them all, sum up what passed, failed and was skipped
  tidy               format, lints, boundaries, generated files: what review would otherwise have to say
  codegen [--check]  write what is generated from the servers (or only say what is stale)
  bench [NAME…]      start, calls, git, kubectl, explore, github, pack: beside a peer in one run, as ratios; --record notes them in the documents
  cluster <verb>     a real Kubernetes on this machine: up, down, status, shell, scenario, load
  release [--help]   build, pack and verify every server as an OCI artifact, under dist/; with --registry push it
  new <server>       write a new server that compiles, has one tool, and passes its tests
";

/// The exit code of a verb that does not exist or was given something it does not take.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments.as_slice() {
        ["help" | "-h" | "--help"] | ["test" | "tidy" | "codegen" | "bench" | "new", "-h" | "--help"] => {
            run::out(HELP.trim_end());
            Ok(ExitCode::SUCCESS)
        }
        ["codegen"] => codegen::run(false),
        ["codegen", "--check"] => codegen::run(true),
        ["tidy"] => tidy::run(),
        ["test"] => test::run(None),
        ["test", filter] if !filter.starts_with('-') => test::run(Some(filter)),
        ["bench", names @ ..] => bench::run(names).map(|()| ExitCode::SUCCESS),
        ["cluster", arguments @ ..] => cluster::run(arguments),
        ["release", arguments @ ..] => release::run(arguments),
        ["new", server] if !server.starts_with('-') => new::run(server),
        given => {
            if let Some(verb) = given.first() {
                eprintln!("error: {verb:?} is no verb, or does not take what follows it\n");
            }
            eprint!("{HELP}");
            Ok(ExitCode::from(USAGE))
        }
    };
    done.unwrap_or_else(|message| {
        eprintln!("error: {message}");
        ExitCode::FAILURE
    })
}
