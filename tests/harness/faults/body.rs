//! Bodies: whole ones, and ones that pass through and suffer something on the way.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::Sleep;

/// A body of one piece.
pub struct Whole(Option<Bytes>);

impl<T: Into<Bytes>> From<T> for Whole {
    fn from(bytes: T) -> Self {
        Self(Some(bytes.into()).filter(|bytes| !bytes.is_empty()))
    }
}

impl Body for Whole {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.take().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.as_ref().map_or(0, |bytes| bytes.len() as u64))
    }
}

/// What happens to a body on its way.
#[derive(Clone, Copy, Debug)]
pub(super) enum Suffers {
    /// After this many bytes have gone out, the connection is cut.
    Cut(u64),
    /// It ends after this many bytes, as if it had no more.
    Truncated(u64),
    /// The lowest bit of this byte is another one.
    Flipped(u64),
    /// So many bytes at a time, with a pause after each piece.
    Trickled(usize, Duration),
}

/// A body that passes through.
pub(super) struct Through {
    from: Incoming,
    /// What has come and not gone on.
    held: Bytes,
    /// How much has gone on.
    gone: u64,
    /// How much has come, for whoever watches.
    came: Arc<AtomicU64>,
    suffers: Option<Suffers>,
    pause: Option<Pin<Box<Sleep>>>,
    /// The last piece before a cut has been asked to leave.
    flushed: bool,
}

impl Through {
    pub(super) fn new(from: Incoming, came: Arc<AtomicU64>, suffers: Option<Suffers>) -> Self {
        Self { from, held: Bytes::new(), gone: 0, came, suffers, pause: None, flushed: false }
    }

    /// The most that may go on now.
    fn most(&self) -> usize {
        match self.suffers {
            Some(Suffers::Cut(after) | Suffers::Truncated(after)) => {
                usize::try_from(after - self.gone).expect("a size")
            }
            Some(Suffers::Trickled(step, _)) => step,
            Some(Suffers::Flipped(_)) | None => usize::MAX,
        }
    }
}

impl Body for Through {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if let Some(pause) = &mut self.pause {
            ready!(pause.as_mut().poll(context));
            self.pause = None;
        }
        if self.most() == 0 {
            if !matches!(self.suffers, Some(Suffers::Cut(_))) {
                return Poll::Ready(None);
            }
            // hyper sends what it holds when a body has nothing for it, and forgets it when a body fails.
            if !std::mem::replace(&mut self.flushed, true) {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            return Poll::Ready(Some(Err(io::Error::other("cut, as the test wants it"))));
        }
        while self.held.is_empty() {
            match ready!(Pin::new(&mut self.from).poll_frame(context)) {
                Some(Ok(frame)) => self.held = frame.into_data().unwrap_or_default(),
                Some(Err(error)) => return Poll::Ready(Some(Err(io::Error::other(error)))),
                None => return Poll::Ready(None),
            }
            self.came.fetch_add(self.held.len() as u64, Ordering::SeqCst);
        }
        let count = self.held.len().min(self.most());
        let mut piece = self.held.split_to(count);
        match self.suffers {
            Some(Suffers::Flipped(at)) => {
                let inside = at.checked_sub(self.gone).and_then(|at| usize::try_from(at).ok());
                if let Some(at) = inside.filter(|at| *at < piece.len()) {
                    let mut bytes = piece.to_vec();
                    bytes[at] ^= 1;
                    piece = bytes.into();
                }
            }
            Some(Suffers::Trickled(_, pause)) => self.pause = Some(Box::pin(tokio::time::sleep(pause))),
            _ => {}
        }
        self.gone += piece.len() as u64;
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.held.is_empty() && self.suffers.is_none() && self.from.is_end_stream()
    }

    // Through a head that says the length, which hyper believes.
    fn size_hint(&self) -> SizeHint {
        match self.suffers {
            None => self.from.size_hint(),
            Some(_) => SizeHint::new(),
        }
    }
}

/// Either.
pub(super) enum Reply {
    Whole(Whole),
    Through(Box<Through>),
}

impl Body for Reply {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match &mut *self {
            Self::Whole(whole) => Pin::new(whole).poll_frame(context).map_err(|never| match never {}),
            Self::Through(through) => Pin::new(through.as_mut()).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(whole) => whole.is_end_stream(),
            Self::Through(through) => through.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(whole) => whole.size_hint(),
            Self::Through(through) => through.size_hint(),
        }
    }
}
