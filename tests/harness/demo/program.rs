//! `demo_run`: a tool around a program, as most tools of a server around a CLI are.

use std::{fmt::Write as _, sync::Arc};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shared::{
    Annotations, Answer, Call, Code, Lines, List, Result, Text, Tool, Write,
    exec::{Capture, Command, Program},
};

use super::Demo;

/// The program, looked for beside this server's executable and then in PATH.
pub const PROGRAM: &str = "fake-program";

/// Runs the program.
pub struct Run;

/// Parameters.
#[derive(Deserialize, JsonSchema)]
pub struct RunParams {
    /// What the program is to do.
    mode: String,
    /// Its arguments.
    #[serde(default)]
    arguments: Vec<String>,
    /// What it reads.
    input: Option<String>,
    /// The file it notes its processes in.
    pids: Option<String>,
    /// Only lines with this in them.
    grep: Option<String>,
}

/// What a program printed.
#[derive(Serialize, JsonSchema)]
pub struct Printed {
    /// Lines it printed in all.
    lines: u64,
    /// The lines that were asked for.
    output: Lines,
}

impl Answer for Printed {
    fn text(&self, text: &mut Text<'_>) {
        text.line(format_args!("{PROGRAM} printed {} lines", self.lines));
        text.lines(&self.output);
    }

    fn lists(&mut self) -> Vec<&mut dyn List> {
        vec![&mut self.output]
    }
}

impl Tool for Run {
    const NAME: &'static str = "demo_run";
    const TITLE: &'static str = "Run";
    const DESCRIPTION: &'static str = "Runs the fake program and shows what it printed.";
    const EXAMPLE: &'static str = "mode=say";
    const ANNOTATIONS: Annotations = Annotations { destructive: true, idempotent: false, open_world: true };
    const TIMEOUT: std::time::Duration = std::time::Duration::from_secs(3);
    const BUDGETED: bool = true;
    type Access = Write;
    type Server = Demo;
    type Params = RunParams;
    type Output = Printed;

    async fn run(_: Arc<Demo>, params: RunParams, call: Call) -> Result<Printed> {
        let program = Program::find(PROGRAM)?;
        let mut kept = String::new();
        let mut seen = 0_u64;
        let progress = call.progress().clone();
        let wanted = |line: &str| params.grep.as_deref().is_none_or(|grep| line.contains(grep));
        let mut command = Command::new(&program).positional("mode", &params.mode)?;
        for argument in &params.arguments {
            command = command.positional("arguments", argument)?;
        }
        if let Some(input) = params.input {
            command = command.stdin(input);
        }
        if let Some(pids) = &params.pids {
            command = command.env("PIDS", pids)?;
        }
        // The filter comes before the limit, and what is not wanted is not kept.
        let lines = Capture::lines(1000, |line| {
            seen += 1;
            progress.report(seen, 0, "reading its lines");
            let text = String::from_utf8_lossy(line.bytes);
            if wanted(&text) && kept.len() < 1 << 20 {
                let _ = writeln!(kept, "{text}");
            }
        });
        let outcome = command.stdout(lines).call(&call).await?;
        // In its own words the program says what kind of failure it is.
        let outcome = outcome.succeeded(|said| {
            if said.contains("a number is missing") { Code::InvalidArgument } else { Code::Unavailable }
        })?;
        Ok(Printed { lines: outcome.stdout.lines, output: Lines::all("lines", kept.as_bytes()) })
    }
}
