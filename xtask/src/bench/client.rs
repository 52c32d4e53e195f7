//! As much of an MCP client as a stopwatch needs.

use std::{
    ffi::OsString,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use serde_json::{Value, json};

/// What a server is started with.
#[derive(Clone, Debug)]
pub(super) struct Program {
    name: OsString,
    arguments: Vec<OsString>,
    variables: Vec<(&'static str, OsString)>,
}

impl Program {
    /// A program, its arguments behind it.
    pub(super) fn new<W: Into<OsString>>(words: impl IntoIterator<Item = W>) -> Self {
        let mut words = words.into_iter().map(Into::into);
        Self { name: words.next().unwrap_or_default(), arguments: words.collect(), variables: Vec::new() }
    }

    /// With variables of the environment besides our own.
    #[must_use]
    pub(super) fn with(mut self, variables: &[(&'static str, OsString)]) -> Self {
        self.variables.extend_from_slice(variables);
        self
    }

    /// As a command.
    pub(super) fn command(&self) -> Command {
        let mut command = Command::new(&self.name);
        command.args(&self.arguments).envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }
}

/// A server process and its two ends.
pub(super) struct Client {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    next: u64,
}

impl Client {
    /// Starts `program` in `directory` and gets through `initialize`.
    pub(super) fn start(program: &Program, directory: &Path) -> Result<Self, String> {
        let mut child = program
            .command()
            .current_dir(directory)
            .env("WORKSPACE", directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("{} could not be started: {error}", program.name.to_string_lossy()))?;
        let input = child.stdin.take().ok_or("no stdin")?;
        let output = BufReader::new(child.stdout.take().ok_or("no stdout")?);
        let mut client = Self { child, input, output, next: 0 };
        client.request(
            "initialize",
            json!({"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "bench", "version": "1"}}),
        )?;
        client.write(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}))?;
        Ok(client)
    }

    /// Sends a request and waits for its answer.
    pub(super) fn request(&mut self, method: &str, params: Value) -> Result<Value, String> {
        let id = self.send(method, params)?;
        loop {
            let answer = self.receive()?;
            // A server may ask us something, under numbers of its own.
            if answer["id"] == id && answer.get("method").is_none() {
                return Ok(answer);
            }
        }
    }

    /// Calls a tool and fails if it does.
    pub(super) fn call(&mut self, tool: &str, arguments: &Value) -> Result<Value, String> {
        let answer = self.request("tools/call", json!({"name": tool, "arguments": arguments}))?;
        failed(&answer).map_or(Ok(answer), Err)
    }

    /// Sends `count` calls at once and waits for all answers.
    pub(super) fn call_many(&mut self, tool: &str, arguments: &Value, count: usize) -> Result<(), String> {
        for _ in 0..count {
            self.send("tools/call", json!({"name": tool, "arguments": arguments}))?;
        }
        let mut answered = 0;
        while answered < count {
            let answer = self.receive()?;
            if answer.get("id").is_some() && answer.get("method").is_none() {
                answered += 1;
                failed(&answer).map_or(Ok(()), Err)?;
            }
        }
        Ok(())
    }

    /// Its process.
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    fn send(&mut self, method: &str, params: Value) -> Result<u64, String> {
        self.next += 1;
        self.write(&json!({"jsonrpc": "2.0", "id": self.next, "method": method, "params": params}))?;
        Ok(self.next)
    }

    fn write(&mut self, message: &Value) -> Result<(), String> {
        writeln!(self.input, "{message}").map_err(|error| format!("the server took no message: {error}"))
    }

    fn receive(&mut self) -> Result<Value, String> {
        let mut line = String::new();
        match self.output.read_line(&mut line) {
            Ok(0) => Err(String::from("the server ended")),
            Ok(_) => serde_json::from_str(&line).map_err(|error| format!("not JSON: {error}: {line}")),
            Err(error) => Err(format!("the server could not be read: {error}")),
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn failed(answer: &Value) -> Option<String> {
    (answer.get("error").is_some() || answer["result"]["isError"] == true).then(|| format!("the call failed: {answer}"))
}
