//! HTTP as bytes: requests no well-behaved client would send are the point.

use std::{net::SocketAddr, sync::atomic::AtomicU64};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{Client, PATIENCE, Start, until};

/// A process that serves HTTP.
pub struct HttpServer {
    /// Where it listens.
    pub address: SocketAddr,
    /// The process, for its stderr and its end.
    pub process: Client,
}

impl HttpServer {
    /// Starts `start` with `serve --http 127.0.0.1:0` and waits until it says where it listens.
    pub async fn start(start: Start) -> Self {
        let process = Client::spawn(&start.args(["serve", "--http", "127.0.0.1:0"]));
        let address = || {
            let stderr = process.stderr();
            let (_, rest) = stderr.split_once("http://")?;
            rest.split_once("/mcp")?.0.parse().ok()
        };
        until("the line that names the address", || address().is_some()).await;
        Self { address: address().expect("the address"), process }
    }

    /// The URL of the endpoint.
    pub fn url(&self) -> String {
        format!("http://{}/mcp", self.address)
    }

    /// A request to this server.
    pub fn request(&self, method: &'static str, path: &str) -> Request {
        Request::to(self.address, method, path)
    }

    /// Sends bytes as they are and reads what comes back until the server closes.
    pub async fn raw(&self, bytes: &[u8]) -> Response {
        let exchange = async {
            let mut stream = TcpStream::connect(self.address).await.expect("a connection");
            let _ = stream.write_all(bytes).await;
            let mut answer = Vec::new();
            let _ = stream.read_to_end(&mut answer).await;
            Response::parse(&answer)
        };
        tokio::time::timeout(PATIENCE, exchange).await.expect("an answer in time")
    }

    /// A JSON-RPC message to the endpoint.
    pub fn post(&self, message: &Value) -> Request {
        self.post_raw(message.to_string().as_bytes())
    }

    /// Bytes to the endpoint, said to be JSON.
    pub fn post_raw(&self, body: &[u8]) -> Request {
        let mut request = self
            .request("POST", "/mcp")
            .header("Content-Type", "application/json")
            .header("Accept", "application/json, text/event-stream");
        request.body = body.to_owned();
        request
    }

    /// A message of the stateless protocol, with the headers it asks for.
    pub fn stateless(&self, method: &str, mut params: Value) -> Request {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let id = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        params["_meta"] = crate::meta();
        let name = params["name"].as_str().map(str::to_owned);
        let message = serde_json::json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        let request = self.post(&message).header("MCP-Protocol-Version", "2026-07-28").header("Mcp-Method", method);
        match name {
            Some(name) => request.header("Mcp-Name", &name),
            None => request,
        }
    }
}

/// A request to send.
pub struct Request {
    address: SocketAddr,
    method: &'static str,
    path: String,
    headers: Vec<(String, String)>,
    /// What it carries.
    pub body: Vec<u8>,
}

impl Request {
    /// A request to a server.
    pub fn to(address: SocketAddr, method: &'static str, path: &str) -> Self {
        let headers = vec![("Host".to_owned(), address.to_string())];
        Self { address, method, path: path.to_owned(), headers, body: Vec::new() }
    }

    /// Sets a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sends it on a connection of its own and reads the answer to its end.
    pub async fn send(&self) -> Response {
        tokio::time::timeout(PATIENCE, self.exchange()).await.expect("an answer in time")
    }

    async fn exchange(&self) -> Response {
        let mut stream = self.begin().await;
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes).await;
        Response::parse(&bytes)
    }

    /// Sends it and leaves the answer to be read from the stream.
    pub async fn begin(&self) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.expect("a connection");
        let mut head = format!("{} {} HTTP/1.1\r\nConnection: close\r\n", self.method, self.path);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("Content-Length: {}\r\n\r\n", self.body.len()));
        // A server that refuses early need not read all of it.
        let _ = stream.write_all(head.as_bytes()).await;
        let _ = stream.write_all(&self.body).await;
        stream
    }
}

/// An answer.
#[derive(Debug)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, chunks joined.
    pub body: String,
}

impl Response {
    /// The answer that `bytes` are.
    pub fn parse(bytes: &[u8]) -> Self {
        let at = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("a head");
        let head = String::from_utf8_lossy(&bytes[..at]).into_owned();
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|code| code.parse().ok());
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
            .collect();
        let rest = &bytes[at + 4..];
        let chunked = headers.iter().any(|(name, value)| name == "transfer-encoding" && value == "chunked");
        let body = if chunked { dechunked(rest) } else { rest.to_owned() };
        Self { status: status.expect("a status"), headers, body: String::from_utf8(body).expect("a body in UTF-8") }
    }

    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The JSON-RPC message in the body, be it JSON or the last event of a stream.
    pub fn message(&self) -> Value {
        let stream = self.header("content-type").is_some_and(|kind| kind.starts_with("text/event-stream"));
        if !stream {
            return serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("not JSON: {self:?}"));
        }
        let events = self.body.lines().filter_map(|line| line.strip_prefix("data:"));
        events
            .filter_map(|data| serde_json::from_str(data.trim()).ok())
            .next_back()
            .unwrap_or_else(|| panic!("no message: {self:?}"))
    }
}

fn dechunked(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(at) = rest.windows(2).position(|two| two == b"\r\n") {
        let size = usize::from_str_radix(String::from_utf8_lossy(&rest[..at]).trim(), 16).unwrap_or(0);
        let start = at + 2;
        if size == 0 || rest.len() < start + size {
            break;
        }
        body.extend_from_slice(&rest[start..start + size]);
        rest = rest.get(start + size + 2..).unwrap_or_default();
    }
    body
}
