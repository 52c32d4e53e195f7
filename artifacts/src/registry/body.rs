//! Bodies: what is read, bounded in size and in patience; and what is sent, from memory or from a file, counted as it goes.

use std::{
    fs::File,
    future::Future,
    io,
    os::unix::fs::FileExt,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use reqwest::Response;

use super::{failure, http, origin, retry::Failure};
use crate::{Error, Kind, Result, transfer::Step};

/// How long nothing may happen on a connection.
pub(super) const IDLE: Duration = Duration::from_secs(30);
/// How long a registry may think about an upload it has as a whole: some copy it to another place first.
const THINKING: Duration = Duration::from_secs(120);
/// How much is read from a file at once.
const PIECE: u64 = 128 << 10;

/// The next piece of an answer.
pub(super) async fn chunk(response: &mut Response, doing: &str) -> Result<Option<Bytes>, Failure> {
    let url = response.url().clone();
    match tokio::time::timeout(IDLE, response.chunk()).await {
        Ok(chunk) => chunk.map_err(|error| http::failed(doing, &url, error)),
        Err(_) => Err(silent(doing, &url, IDLE)),
    }
}

/// All of an answer of at most `max` bytes.
pub(super) async fn read(mut response: Response, doing: &str, max: u64) -> Result<Vec<u8>, Failure> {
    let too_large = || Error::refused(format!("{doing}: the answer is larger than {max} bytes, no document is"));
    if response.content_length().is_some_and(|length| length > max) {
        return Err(too_large().into());
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = chunk(&mut response, doing).await? {
        if bytes.len() as u64 + chunk.len() as u64 > max {
            return Err(too_large().into());
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// All of an answer that should be a document.
pub(super) async fn document(response: Response, doing: &str, max: u64) -> Result<Vec<u8>, Failure> {
    if failure::is_html(&response) {
        return Err(Error::refused(format!("{doing}: {}", failure::PAGE)).into());
    }
    let bytes = read(response, doing, max).await?;
    if bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'<') {
        return Err(Error::refused(format!("{doing}: {}", failure::PAGE)).into());
    }
    Ok(bytes)
}

fn silent(doing: &str, url: &reqwest::Url, patience: Duration) -> Failure {
    Failure::passing(Error::new(
        Kind::Timeout,
        format!("{doing}: {} said nothing for {} s", origin::place(url), patience.as_secs()),
    ))
}

/// Content to be sent, whole or in parts.
#[derive(Clone)]
pub(super) enum Content {
    Bytes(Bytes),
    File(Arc<File>),
}

/// A part of some content, which can be sent as often as needed.
#[derive(Clone)]
pub(super) struct Payload {
    pub(super) content: Content,
    pub(super) offset: u64,
    pub(super) length: u64,
    /// Who is told how far it is.
    pub(super) step: Option<Arc<dyn Step>>,
}

impl Payload {
    pub(super) fn bytes(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self { offset: 0, length: bytes.len() as u64, content: Content::Bytes(bytes), step: None }
    }

    /// A body to send, and the count of what was taken of it.
    fn body(&self) -> (reqwest::Body, Arc<AtomicU64>) {
        let sent = Arc::new(AtomicU64::new(0));
        let body = Sending { payload: self.clone(), sent: Arc::clone(&sent) };
        (reqwest::Body::wrap(body), sent)
    }
}

/// One sending of a payload.
struct Sending {
    payload: Payload,
    sent: Arc<AtomicU64>,
}

impl http_body::Body for Sending {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let done = self.sent.load(Ordering::Relaxed);
        let payload = &self.payload;
        let size = (payload.length - done).min(PIECE);
        if size == 0 {
            return Poll::Ready(None);
        }
        let at = payload.offset + done;
        let piece = match &payload.content {
            Content::Bytes(bytes) => {
                let start = usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
                let end = start.saturating_add(size as usize).min(bytes.len());
                Ok(bytes.slice(start..end))
            }
            Content::File(file) => {
                let mut piece = vec![0; size as usize];
                // A file of this machine: it is in memory, or a short moment away.
                file.read_exact_at(&mut piece, at).map(|()| Bytes::from(piece))
            }
        };
        if piece.as_ref().is_ok_and(|piece| piece.len() as u64 == size) {
            self.sent.fetch_add(size, Ordering::Relaxed);
            if let Some(step) = &payload.step {
                step.reached(at + size);
            }
        }
        Poll::Ready(Some(piece.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.sent.load(Ordering::Relaxed) >= self.payload.length
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.payload.length - self.sent.load(Ordering::Relaxed))
    }
}

/// Sends `request` with `payload` and waits for the head of the answer, as long as something happens.
pub(super) async fn send(
    http: &http::Http,
    mut request: reqwest::Request,
    payload: Option<&Payload>,
    doing: &str,
) -> Result<Response, Failure> {
    let url = request.url().clone();
    let mut sending = None;
    if let Some(payload) = payload {
        let (body, sent) = payload.body();
        *request.body_mut() = Some(body);
        sending = Some((sent, payload.length));
    }
    let mut answer = pin!(http.client(&url)?.execute(request));
    let mut before = 0;
    loop {
        let progress = sending.as_ref().map(|(sent, length)| (sent.load(Ordering::Relaxed), *length));
        let patience = match progress {
            Some((sent, length)) if sent >= length && length > 0 => THINKING,
            _ => IDLE,
        };
        match timeout(patience, answer.as_mut()).await {
            Some(answer) => return answer.map_err(|error| http::failed(doing, &url, error)),
            None => {
                let now = sending.as_ref().map_or(0, |(sent, _)| sent.load(Ordering::Relaxed));
                if now == before || patience == THINKING {
                    return Err(silent(doing, &url, patience));
                }
                before = now;
            }
        }
    }
}

async fn timeout<T>(patience: Duration, future: Pin<&mut impl Future<Output = T>>) -> Option<T> {
    tokio::time::timeout(patience, future).await.ok()
}
