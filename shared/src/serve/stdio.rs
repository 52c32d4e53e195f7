//! One message a line, bounded, checked, and answered even when it is not a message.

use std::{
    collections::HashSet,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rmcp::{
    RoleServer,
    model::{JsonRpcMessage, RequestId},
    service::{RxJsonRpcMessage, TxJsonRpcMessage},
};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};

use super::{
    MAX_MESSAGE,
    message::{self, Refusal},
};

/// How long the end waits for a peer to take what was written.
pub(super) const CLOSING: Duration = Duration::from_millis(500);

/// A transport over a pair of streams.
pub(super) struct Transport<R, W> {
    input: BufReader<R>,
    line: Vec<u8>,
    /// Whether the line being read is already too long and only its end is awaited. Part of the state, because reading is cancelled and resumed
    /// between any two chunks.
    overflowing: bool,
    /// A refusal not yet written, for the same reason.
    refusal: Option<Refusal>,
    output: Arc<tokio::sync::Mutex<Option<W>>>,
    /// Whether a request has come in.
    begun: bool,
    /// Requests that are not answered yet. The library keeps one call to an id: a second one would be cancelled by the answer to the first.
    /// A cancelled request keeps its id, because its late answer would be taken for the next one's; clients must not use an id twice anyway.
    live: Mutex<HashSet<RequestId>>,
}

impl<R: AsyncRead + Unpin, W> Transport<R, W> {
    pub(super) fn new(input: R, output: W) -> Self {
        Self {
            input: BufReader::with_capacity(16 * 1024, input),
            line: Vec::new(),
            overflowing: false,
            refusal: None,
            output: Arc::new(tokio::sync::Mutex::new(Some(output))),
            begun: false,
            live: Mutex::default(),
        }
    }

    /// The next whole line in `self.line`; `Ok(false)` at the end of the stream.
    async fn read_line(&mut self) -> io::Result<bool> {
        loop {
            let chunk = self.input.fill_buf().await?;
            if chunk.is_empty() {
                // A last line without its newline is still a message.
                return Ok(!self.line.is_empty() && !self.overflowing);
            }
            let newline = chunk.iter().position(|byte| *byte == b'\n');
            let part = newline.map_or(chunk, |at| &chunk[..at]);
            let used = part.len() + usize::from(newline.is_some());
            if !self.overflowing {
                self.line.extend_from_slice(part);
                self.overflowing = self.line.len() > MAX_MESSAGE;
            }
            self.input.consume(used);
            if self.overflowing {
                self.line = Vec::new();
            }
            if newline.is_some() {
                if self.overflowing {
                    self.overflowing = false;
                    self.refusal = Some(Refusal::new(
                        -32600,
                        format!("the message is longer than {MAX_MESSAGE} bytes and was dropped"),
                    ));
                }
                return Ok(true);
            }
        }
    }
}

impl<R, W> rmcp::transport::Transport<RoleServer> for Transport<R, W>
where
    R: AsyncRead + Send + Unpin,
    W: AsyncWrite + Send + Unpin + 'static,
{
    type Error = io::Error;

    fn send(&mut self, item: TxJsonRpcMessage<RoleServer>) -> impl Future<Output = io::Result<()>> + Send + 'static {
        let output = self.output.clone();
        let answered = match &item {
            JsonRpcMessage::Response(response) => Some(&response.id),
            JsonRpcMessage::Error(error) => error.id.as_ref(),
            JsonRpcMessage::Request(_) | JsonRpcMessage::Notification(_) => None,
        };
        if let Some(id) = answered {
            ids(&self.live).remove(id);
        }
        async move {
            let mut line = serde_json::to_vec(&item)?;
            line.push(b'\n');
            write(&output, &line).await
        }
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleServer>> {
        loop {
            if let Some(refusal) = &self.refusal {
                let mut line = refusal.to_json().into_bytes();
                line.push(b'\n');
                write(&self.output, &line).await.ok()?;
                self.refusal = None;
            }
            match self.read_line().await {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => {
                    tracing::error!(%error, "failed to read stdin");
                    return None;
                }
            }
            let line = std::mem::take(&mut self.line);
            if line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            match parse(&line) {
                // The library ends the session when the first message is not a request. Nothing is lost by passing it over: there is no call to
                // cancel yet and no question that was answered.
                Ok(JsonRpcMessage::Request(request)) => {
                    self.begun = true;
                    if ids(&self.live).insert(request.id.clone()) {
                        return Some(JsonRpcMessage::Request(request));
                    }
                    self.refusal = Some(Refusal {
                        code: -32600,
                        message: String::from("the id is in use by a request that was not answered yet"),
                        id: message::id_of(&line),
                    });
                }
                Ok(_) if !self.begun => tracing::debug!("passed over a message before the first request"),
                Ok(message) => return Some(message),
                Err(refusal) => self.refusal = Some(refusal),
            }
        }
    }

    async fn close(&mut self) -> io::Result<()> {
        // A peer that does not read holds the output for ever, and must not hold up the end.
        let closing = async {
            match self.output.lock().await.take() {
                Some(mut output) => output.flush().await,
                None => Ok(()),
            }
        };
        tokio::time::timeout(CLOSING, closing).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }
}

fn ids(live: &Mutex<HashSet<RequestId>>) -> MutexGuard<'_, HashSet<RequestId>> {
    live.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn write<W: AsyncWrite + Unpin>(output: &tokio::sync::Mutex<Option<W>>, line: &[u8]) -> io::Result<()> {
    match output.lock().await.as_mut() {
        Some(output) => {
            output.write_all(line).await?;
            output.flush().await
        }
        None => Err(io::ErrorKind::NotConnected.into()),
    }
}

fn parse(line: &[u8]) -> Result<RxJsonRpcMessage<RoleServer>, Refusal> {
    message::check(line)?;
    serde_json::from_slice(line).map_err(|_| Refusal {
        code: -32600,
        message: String::from("not a JSON-RPC 2.0 message of this protocol"),
        id: message::id_of(line),
    })
}
