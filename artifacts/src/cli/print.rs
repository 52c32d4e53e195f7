//! The one place that writes results to stdout, and progress to stderr.

use std::{
    io::{self, IsTerminal, Write},
    sync::Arc,
};

use clap::{Arg, ArgMatches, builder::PossibleValuesParser};
use serde::Serialize;

use crate::{
    Error, Kind, Result,
    transfer::{Bars, Lines, Progress},
    words::visible,
};

/// Writes `text` to stdout. A reader that went away is no failure; a disk that is full is.
pub(super) fn out(text: &str) -> Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Error::new(Kind::Io, format!("writing the result: {error}")))
        }
        _ => Ok(()),
    }
}

/// Writes a line to stderr, if anybody listens. What strangers wrote is in some of them.
pub(super) fn note(line: &str) {
    let _ = writeln!(io::stderr(), "{}", visible(line));
}

/// `--output text|json`.
pub(super) fn output() -> Arg {
    Arg::new("output")
        .long("output")
        .value_name("FORMAT")
        .value_parser(PossibleValuesParser::new(["text", "json"]))
        .default_value("text")
        .help("How the result is written")
}

/// Writes the result in the form that was asked for.
pub(super) fn result(matches: &ArgMatches, text: &str, value: &impl Serialize) -> Result<()> {
    if matches.get_one::<String>("output").is_some_and(|format| format == "json") {
        let json = serde_json::to_string_pretty(value)
            .map_err(|error| Error::new(Kind::Io, format!("writing the result as JSON: {error}")))?;
        out(&format!("{json}\n"))
    } else {
        out(&visible(text))
    }
}

/// Bars where a person looks, lines where a log is written. `verb` stands before each.
pub(super) fn progress(verb: &'static str) -> Arc<dyn Progress> {
    if io::stderr().is_terminal() { Arc::new(Bars::new(verb)) } else { Arc::new(Lines::new(verb, note)) }
}
