//! Bodies as they go out: whole, in pieces, or cut.

use std::io::{self, Write as _};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http_body::{Body, Frame, SizeHint};
use tokio::sync::mpsc;

/// A body.
pub(super) enum Reply {
    /// One piece.
    Whole(Option<Bytes>),
    /// As they come; an error cuts the connection.
    Pieces(mpsc::Receiver<io::Result<Bytes>>),
}

impl Reply {
    pub(super) fn whole(bytes: impl Into<Bytes>) -> Self {
        Self::Whole(Some(bytes.into()).filter(|bytes| !bytes.is_empty()))
    }

    /// So many bytes at a time, with a pause after each piece.
    pub(super) fn trickling(bytes: Vec<u8>, step: usize, pause: Duration) -> Self {
        let (sender, receiver) = mpsc::channel(1);
        tokio::spawn(async move {
            for piece in bytes.chunks(step.max(1)) {
                if sender.send(Ok(Bytes::copy_from_slice(piece))).await.is_err() {
                    return;
                }
                tokio::time::sleep(pause).await;
            }
        });
        Self::Pieces(receiver)
    }

    /// The beginning, and then the end of the connection.
    pub(super) fn cut(bytes: &[u8], after: usize) -> Self {
        let (sender, receiver) = mpsc::channel(1);
        let start = Bytes::copy_from_slice(&bytes[..after.min(bytes.len())]);
        tokio::spawn(async move {
            let _ = sender.send(Ok(start)).await;
            // What hyper holds when a body fails is forgotten: let it leave first.
            tokio::time::sleep(Duration::from_millis(50)).await;
            let _ = sender.send(Err(io::Error::other("cut, as the test wants it"))).await;
        });
        Self::Pieces(receiver)
    }

    /// What was to be said, and spaces without end before its last character, so that JSON never ends and is never wrong.
    pub(super) fn endless(bytes: &[u8]) -> Self {
        let (sender, receiver) = mpsc::channel(1);
        let start = Bytes::copy_from_slice(&bytes[..bytes.len().saturating_sub(1)]);
        tokio::spawn(async move {
            let mut piece = start;
            while sender.send(Ok(piece)).await.is_ok() {
                piece = Bytes::from_static(&[b' '; 65_536]);
            }
        });
        Self::Pieces(receiver)
    }
}

/// A JSON string of so many megabytes, compressed.
pub(super) fn bomb(megabytes: usize) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    let piece = vec![b'a'; 1 << 20];
    let mut write = |bytes: &[u8]| encoder.write_all(bytes).expect("memory takes it");
    write(b"{\"name\":\"");
    (0..megabytes).for_each(|_| write(&piece));
    write(b"\"}");
    encoder.finish().expect("memory takes it")
}

impl Body for Reply {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match &mut *self {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Pieces(pieces) => pieces.poll_recv(context).map(|piece| piece.map(|piece| piece.map(Frame::data))),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Self::Pieces(_) => SizeHint::default(),
        }
    }
}
