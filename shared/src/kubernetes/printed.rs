//! What came of a command in a container.

use schemars::JsonSchema;
use serde::Serialize;

use crate::{List, Text, exec::Ends};

/// How a command in a container ended, and what it printed.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Printed {
    /// The command's exit code; absent when its time ran out.
    #[serde(skip_serializing_if = "Option::is_none")]
    exit_code: Option<i32>,
    /// Seconds after which it was given up.
    #[serde(skip_serializing_if = "Option::is_none")]
    timed_out: Option<u32>,
    /// What it printed.
    stdout: Ends,
    /// What it printed to stderr.
    stderr: Ends,
}

impl Printed {
    /// A command that ended with `exit_code`, or did not within `seconds`.
    pub fn new(exit_code: Option<i32>, seconds: u32, stdout: Ends, stderr: Ends) -> Self {
        Self { exit_code, timed_out: exit_code.is_none().then_some(seconds), stdout, stderr }
    }

    /// How it ended, for the first line of an answer.
    pub fn how(&self) -> String {
        match (self.exit_code, self.timed_out) {
            (Some(code), _) => format!("exit code {code}"),
            (None, seconds) => format!(
                "given up after {} s; the command may still be running there: Kubernetes cannot end it from outside",
                seconds.unwrap_or_default()
            ),
        }
    }

    /// Writes what it printed; its stdout without a title where there is nothing else.
    pub fn write(&self, text: &mut Text<'_>) {
        match (self.stdout.is_empty(), self.stderr.is_empty()) {
            (true, true) => text.line("no output"),
            (false, true) => self.stdout.write(text),
            (_, false) => {
                if !self.stdout.is_empty() {
                    text.line("stdout:");
                    self.stdout.write(text);
                }
                text.line("stderr:");
                self.stderr.write(text);
            }
        }
    }

    /// What may be cut: stderr is kept longest.
    pub fn lists(&mut self) -> Vec<&mut dyn List> {
        self.stderr.lists().into_iter().chain(self.stdout.lists()).collect()
    }
}
