//! What a call came to.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

use super::capture::Captured;
use crate::error::{Code, Result, ToolError};

/// How much of a child's stderr an error repeats, in bytes.
const SAID: usize = 2000;

/// How a child left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// By itself, with this code; 0 is success.
    Code(i32),
    /// By this signal.
    Signal(i32),
    /// Killed, but not gone after five seconds: it hangs in the kernel, on a dead network file system for example. It is
    /// still watched and will be collected.
    Unknown,
}

impl From<Option<ExitStatus>> for Exit {
    fn from(status: Option<ExitStatus>) -> Self {
        match status.map(|status| (status.code(), status.signal())) {
            Some((Some(code), _)) => Self::Code(code),
            Some((None, Some(signal))) => Self::Signal(signal),
            _ => Self::Unknown,
        }
    }
}

/// Why a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The child exited by itself or was killed by somebody else.
    Exited,
    /// It took longer than allowed and was killed.
    TimedOut,
    /// The caller cancelled and it was killed.
    Cancelled,
}

/// What a call came to. A timeout and a cancellation are outcomes and not errors, because what the child had said until
/// then is often what the caller wants; [`Outcome::finished`] makes errors of them where it is not.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The program's name, for messages.
    pub program: String,
    /// How the child left.
    pub exit: Exit,
    /// Why the call ended.
    pub ended: Ended,
    /// What was kept of stdout.
    pub stdout: Captured,
    /// What was kept of stderr.
    pub stderr: Captured,
    /// From the request to start the child until nothing of it was left.
    pub wall: Duration,
}

impl Outcome {
    /// Whether the child exited by itself with code 0.
    pub fn success(&self) -> bool {
        self.ended == Ended::Exited && self.exit == Exit::Code(0)
    }

    /// The outcome, if the child was let to its end (whatever its exit code).
    ///
    /// # Errors
    /// [`Code::Timeout`] or [`Code::Cancelled`], with the end of stderr as the words of the child.
    pub fn finished(self) -> Result<Self> {
        let seconds = self.wall.as_secs_f64();
        let error = match self.ended {
            Ended::Exited => return Ok(self),
            Ended::TimedOut => {
                ToolError::new(Code::Timeout, format!("{} was stopped after {seconds:.1} s", self.program))
                    .hint("ask for less, or allow more time")
            }
            Ended::Cancelled => {
                ToolError::new(Code::Cancelled, format!("{} was stopped on request after {seconds:.1} s", self.program))
            }
        };
        let said = self.stderr_end();
        Err(if said.is_empty() { error } else { error.with_said(said) })
    }

    /// The outcome, if the child ended with code 0. `code` tells from its last words what kind of failure it was.
    ///
    /// # Errors
    /// As [`Outcome::finished`], and what `code` says, with the end of stderr as the words of the child.
    pub fn succeeded(self, code: impl FnOnce(&str) -> Code) -> Result<Self> {
        let outcome = self.finished()?;
        let how = match outcome.exit {
            Exit::Code(0) => return Ok(outcome),
            Exit::Code(code) => format!("ended with exit code {code}"),
            Exit::Signal(signal) => format!("was ended by signal {signal}"),
            Exit::Unknown => String::from("did not end when it was told to"),
        };
        let said = outcome.stderr_end();
        let error = ToolError::new(code(&said), format!("{} {how}", outcome.program));
        Err(if said.is_empty() { error } else { error.with_said(said) })
    }

    /// The last lines of stderr as text, at most 2000 bytes: what a program says last is usually why it failed.
    /// Untrusted.
    pub fn stderr_end(&self) -> String {
        end(&self.stderr)
    }

    /// The last lines of stdout as text, at most 2000 bytes. Untrusted.
    pub fn stdout_end(&self) -> String {
        end(&self.stdout)
    }
}

fn end(stream: &Captured) -> String {
    let kept = if stream.tail.is_empty() { &stream.head } else { &stream.tail };
    let from = kept.len().saturating_sub(SAID);
    String::from_utf8_lossy(kept.get(from..).unwrap_or_default()).trim().to_owned()
}
