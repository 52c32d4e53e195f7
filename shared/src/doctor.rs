//! What a server needs, checked before the first call: the `doctor` command.

use std::fmt;

use crate::{exec::Program, untrusted::Untrusted};

/// One thing a server needs, and how it is.
#[derive(Clone, Debug)]
pub struct Check {
    /// What was looked at ("workspace", "known_hosts").
    pub name: &'static str,
    /// How it is.
    pub state: State,
}

/// How a needed thing is.
#[derive(Clone, Debug)]
pub enum State {
    /// There and usable; the text says what was found.
    Fine(String),
    /// Not there, and not needed for everything; the text says what does not work without it.
    Limited(String),
    /// Not there, and the tools cannot work without it; the text says the remedy.
    Missing(String),
}

impl Check {
    /// A need that is met.
    pub fn fine(name: &'static str, found: impl Into<String>) -> Self {
        Self { name, state: State::Fine(found.into()) }
    }

    /// A need without which something does not work.
    pub fn limited(name: &'static str, without: impl Into<String>) -> Self {
        Self { name, state: State::Limited(without.into()) }
    }

    /// A need without which nothing works.
    pub fn missing(name: &'static str, remedy: impl Into<String>) -> Self {
        Self { name, state: State::Missing(remedy.into()) }
    }

    /// A program nothing works without, looked for where [`Program::find`] looks.
    pub fn program(name: &'static str) -> Self {
        match Program::find(name) {
            Ok(program) => Self::fine(name, program.path().display().to_string()),
            Err(error) => Self::missing(name, error.next_step().unwrap_or(error.message())),
        }
    }

    /// Whether the tools can work as far as this check goes.
    pub fn passes(&self) -> bool {
        !matches!(self.state, State::Missing(_))
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mark, text) = match &self.state {
            State::Fine(text) => ("ok     ", text),
            State::Limited(text) => ("limited", text),
            State::Missing(text) => ("missing", text),
        };
        // Paths, versions and errors are strangers' words, too.
        let text = Untrusted::line(text).into_string();
        write!(f, "{mark}  {:<12} {text}", self.name)
    }
}
