//! An MCP client that hides nothing: it sends the bytes it is given and shows every message that comes back.

use std::{
    collections::VecDeque,
    pin::Pin,
    process::ExitStatus,
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::{Value, json};
use shared::{Server, registry::Registry, serve::serve_streams, settings::Settings, tool::Face};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader},
    process::Child,
    sync::mpsc::{UnboundedReceiver, unbounded_channel},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use crate::{PATIENCE, Start};

/// The `_meta` of a stateless request.
pub fn meta() -> Value {
    json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "harness", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    })
}

/// The text of a tool result: its only content item.
pub fn text(result: &Value) -> &str {
    let content = result["content"].as_array().unwrap_or_else(|| panic!("no content in {result}"));
    assert_eq!(content.len(), 1, "one text item: {result}");
    assert_eq!(content[0]["type"], "text", "{result}");
    content[0]["text"].as_str().expect("text")
}

/// The text of an answer, and whether it is an error.
pub async fn ask(client: &mut Client, tool: &str, arguments: Value) -> (String, bool) {
    let result = client.call(tool, arguments).await;
    (text(&result).to_owned(), result["isError"] == true)
}

/// The text of an answer that is no error.
pub async fn ok(client: &mut Client, tool: &str, arguments: Value) -> String {
    let (text, error) = ask(client, tool, arguments).await;
    assert!(!error, "{text}");
    text
}

/// The text of an error.
pub async fn err(client: &mut Client, tool: &str, arguments: Value) -> String {
    let (text, error) = ask(client, tool, arguments).await;
    assert!(error, "{text}");
    text
}

/// What stands in the frame of an answer.
pub fn framed(text: &str) -> &str {
    let (_, rest) = text.split_once("<untrusted-").expect("a frame");
    let (_, rest) = rest.split_once('\n').expect("its first line");
    rest.split_once("\n</untrusted-").expect("its end").0
}

/// A connection to a server.
pub struct Client {
    input: Option<Pin<Box<dyn AsyncWrite + Send>>>,
    lines: UnboundedReceiver<String>,
    aside: VecDeque<Value>,
    stderr: Arc<Mutex<String>>,
    child: Option<Child>,
    served: Option<JoinHandle<Result<(), String>>>,
    next: u64,
}

impl Drop for Client {
    fn drop(&mut self) {
        // The child is killed by its own drop.
        if let Some(served) = &self.served {
            served.abort();
        }
    }
}

impl Client {
    /// Starts a process and talks to its stdin and stdout.
    pub fn spawn(start: &Start) -> Self {
        let mut child = start.command().spawn().unwrap_or_else(|error| panic!("{:?}: {error}", start.program));
        let input = child.stdin.take().expect("stdin");
        let output = child.stdout.take().expect("stdout");
        let mut errors = child.stderr.take().expect("stderr");
        let mut client = Self::over(input, output);
        let stderr = client.stderr.clone();
        tokio::spawn(async move {
            let mut chunk = [0; 4096];
            while let Ok(count @ 1..) = errors.read(&mut chunk).await {
                stderr.lock().unwrap().push_str(&String::from_utf8_lossy(&chunk[..count]));
            }
        });
        client.child = Some(child);
        client
    }

    /// Serves `S` in this process and talks to it over a pipe.
    pub fn piped<S: Server>(settings: Settings) -> Self {
        let registry = Arc::new(Registry::<S>::new(settings, Face::Protocol).expect("settings"));
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        let (read, write) = tokio::io::split(theirs);
        let served = tokio::spawn(serve_streams(registry, read, write, CancellationToken::new()));
        let (read, write) = tokio::io::split(ours);
        let mut client = Self::over(write, read);
        client.served = Some(served);
        client
    }

    fn over(input: impl AsyncWrite + Send + 'static, output: impl AsyncRead + Send + Unpin + 'static) -> Self {
        let (sender, lines) = unbounded_channel();
        tokio::spawn(async move {
            let mut reader = BufReader::new(output);
            let mut line = Vec::new();
            while let Ok(1..) = reader.read_until(b'\n', &mut line).await {
                if sender.send(String::from_utf8(std::mem::take(&mut line)).expect("UTF-8 on stdout")).is_err() {
                    break;
                }
            }
        });
        Self {
            input: Some(Box::pin(input)),
            lines,
            aside: VecDeque::new(),
            stderr: Arc::default(),
            child: None,
            served: None,
            next: 0,
        }
    }

    /// Sends bytes as they are.
    pub async fn send_raw(&mut self, bytes: &[u8]) {
        let input = self.input.as_mut().expect("stdin is open");
        let sent = tokio::time::timeout(PATIENCE, async {
            input.write_all(bytes).await?;
            input.flush().await
        });
        let sent = sent.await.expect("the server reads");
        sent.unwrap_or_else(|error| panic!("the server reads: {error}; stderr: {}", self.stderr()));
    }

    /// Sends one message.
    pub async fn send(&mut self, message: &Value) {
        self.send_raw(format!("{message}\n").as_bytes()).await;
    }

    /// Sends a request and returns its id.
    pub async fn ask(&mut self, method: &str, params: Value) -> u64 {
        self.next += 1;
        let id = self.next;
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})).await;
        id
    }

    /// Sends a notification.
    pub async fn notify(&mut self, method: &str, params: Value) {
        self.send(&json!({"jsonrpc": "2.0", "method": method, "params": params})).await;
    }

    async fn line(&mut self, patience: Duration) -> Option<Value> {
        let line = tokio::time::timeout(patience, self.lines.recv()).await.ok()??;
        let message: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("stdout has {line:?}"));
        assert_eq!(message["jsonrpc"], "2.0", "stdout has {line:?}");
        assert!(line.ends_with('\n'), "a message ends its line: {line:?}");
        Some(message)
    }

    /// The next message, whichever it is; `None` when none comes in time or the server has closed.
    pub async fn next(&mut self, patience: Duration) -> Option<Value> {
        match self.aside.pop_front() {
            Some(message) => Some(message),
            None => self.line(patience).await,
        }
    }

    /// The answer to the request `id`; other messages are kept for later.
    pub async fn answer(&mut self, id: impl Into<Value>) -> Value {
        let id = id.into();
        let is_answer = |message: &Value| message["id"] == id && message.get("method").is_none();
        if let Some(at) = self.aside.iter().position(is_answer) {
            return self.aside.remove(at).expect("position");
        }
        loop {
            let message = self.line(PATIENCE).await;
            let message = message.unwrap_or_else(|| panic!("no answer to {id}; stderr: {}", self.stderr()));
            if is_answer(&message) {
                return message;
            }
            self.aside.push_back(message);
        }
    }

    /// Sends a request and waits for its whole answer.
    pub async fn request(&mut self, method: &str, params: Value) -> Value {
        let id = self.ask(method, params).await;
        self.answer(id).await
    }

    /// Opens the session and returns the result of `initialize`.
    pub async fn initialize(&mut self, version: &str) -> Value {
        let info = json!({"name": "harness", "version": "1"});
        let params = json!({"protocolVersion": version, "capabilities": {}, "clientInfo": info});
        let mut answer = self.request("initialize", params).await;
        assert!(answer.get("error").is_none(), "{answer}");
        self.notify("notifications/initialized", json!({})).await;
        answer["result"].take()
    }

    /// Opens a session of the newest version that has sessions.
    pub async fn ready(mut self) -> Self {
        self.initialize("2025-11-25").await;
        self
    }

    /// Calls a tool and returns its result, error results included.
    pub async fn call(&mut self, tool: &str, arguments: Value) -> Value {
        let mut answer = self.request("tools/call", json!({"name": tool, "arguments": arguments})).await;
        assert!(answer.get("error").is_none(), "{answer}");
        answer["result"].take()
    }

    /// The tools in `tools/list`.
    pub async fn tools(&mut self) -> Vec<Value> {
        let answer = self.request("tools/list", json!({})).await;
        answer["result"]["tools"].as_array().unwrap_or_else(|| panic!("{answer}")).clone()
    }

    /// Ends the server's input.
    pub async fn close(&mut self) {
        if let Some(mut input) = self.input.take() {
            let _ = input.shutdown().await;
        }
    }

    /// The id of the process.
    pub fn process(&self) -> u32 {
        self.child.as_ref().and_then(Child::id).expect("a running process")
    }

    /// Sends a signal to the process.
    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_raw(self.process().cast_signed()).expect("a process id");
        rustix::process::kill_process(pid, signal).expect("kill");
    }

    /// Waits for the process to end by itself.
    pub async fn ended(&mut self) -> ExitStatus {
        let child = self.child.as_mut().expect("a process");
        tokio::time::timeout(PATIENCE, child.wait()).await.expect("the process ends").expect("wait")
    }

    /// Waits for an in-process server to end by itself.
    pub async fn served(&mut self) -> Result<(), String> {
        let served = self.served.take().expect("an in-process server");
        tokio::time::timeout(PATIENCE, served).await.expect("the server ends").expect("the server does not panic")
    }

    /// What the process wrote to stderr so far.
    pub fn stderr(&self) -> String {
        self.stderr.lock().unwrap().clone()
    }
}
