//! Printing for a person: tables that fit the terminal, colour only where there is one.

use std::{
    io::{self, IsTerminal, Write},
    process::ExitCode,
};

use serde::Serialize;

use super::{FAILED, USAGE, complain};
use crate::{
    Access, Server, manifest,
    registry::{Missing, Registry},
};

/// Writes to stdout. A reader that has gone away (`| head`) is no failure of ours.
pub(super) fn out(text: &str) {
    let mut stdout = io::stdout().lock();
    let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
}

/// Prints `value` as JSON.
pub(super) fn json(value: &impl Serialize) -> ExitCode {
    match serde_json::to_string_pretty(value) {
        Ok(text) => {
            out(&format!("{text}\n"));
            ExitCode::SUCCESS
        }
        Err(error) => complain(&format!("could not be written as JSON: {error}"), FAILED),
    }
}

/// Prints the tools a registry holds, a line each.
pub(super) fn tools<S: Server>(registry: &Registry<S>) {
    let stdout = io::stdout();
    let terminal = stdout.is_terminal();
    let width = if terminal { columns().unwrap_or(100) } else { usize::MAX };
    let name_width = registry.specs().map(|spec| spec.name.len()).max().unwrap_or(0);
    let (mut count, mut cost) = (0, 0);
    for spec in registry.specs() {
        let tokens = manifest::tokens(spec);
        let access = if spec.access == Access::Read { "read " } else { "write" };
        let colour = match (terminal, spec.access) {
            (false, _) => ["", ""],
            (true, Access::Read) => ["\x1b[32m", "\x1b[0m"],
            (true, Access::Write) => ["\x1b[33m", "\x1b[0m"],
        };
        let room = width.saturating_sub(name_width + 18);
        let description = shorten(spec.description, room);
        out(&format!("{:<name_width$}  {}{access}{}  {tokens:>5}  {description}\n", spec.name, colour[0], colour[1]));
        count += 1;
        cost += tokens;
    }
    out(&format!("{count} tools, {cost} tokens, MODE={}\n", registry.settings().mode));
}

/// Prints the input schema of a tool.
pub(super) fn schema<S: Server>(registry: &Registry<S>, name: &str) -> ExitCode {
    match registry.spec(name) {
        Ok(spec) => json(&*spec.input),
        Err(Missing::Unknown(message)) => complain(&message, USAGE),
        Err(Missing::Refused(error)) => complain(&error.to_string(), FAILED),
    }
}

fn columns() -> Option<usize> {
    rustix::termios::tcgetwinsize(io::stdout())
        .ok()
        .map(|size| usize::from(size.ws_col))
        .filter(|columns| *columns > 40)
}

fn shorten(text: &str, room: usize) -> String {
    if text.chars().count() <= room {
        return text.to_owned();
    }
    let kept: String = text.chars().take(room.saturating_sub(1)).collect();
    format!("{kept}…")
}
