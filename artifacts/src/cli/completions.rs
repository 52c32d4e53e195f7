//! `agent-tools completions SHELL`.

use clap::{Arg, ArgMatches, Command, builder::PossibleValuesParser};
use clap_complete::Shell;

use super::{Verb, places, print};
use crate::{Error, Kind, Result};

pub(super) const VERB: Verb = Verb { command, run };

fn command() -> Command {
    Command::new("completions").about("Print a completion script").arg(
        Arg::new("SHELL").required(true).value_parser(PossibleValuesParser::new([
            "bash",
            "elvish",
            "fish",
            "powershell",
            "zsh",
        ])),
    )
}

fn run(matches: &ArgMatches) -> Result<()> {
    let shell: Shell =
        places::text(matches, "SHELL").parse().map_err(|_| Error::new(Kind::Usage, "there is no such shell"))?;
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut super::build(), "agent-tools", &mut script);
    print::out(&String::from_utf8_lossy(&script))
}
