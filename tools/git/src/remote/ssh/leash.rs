//! A connection that ends when its owner is gone.
//!
//! The ssh library moves the socket into a task of its own, which outlives a dropped handshake for as long as the peer stays silent.
//! The leash is what remains in our hand: when it is cancelled, the socket's next read or write fails, and the task with it.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_util::sync::{CancellationToken, DropGuard, WaitForCancellationFutureOwned};

/// A socket on a leash.
pub(super) struct Leashed {
    stream: TcpStream,
    released: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
}

/// Ties `stream` to the guard: dropping the guard ends the connection.
pub(super) fn leash(stream: TcpStream) -> (Leashed, DropGuard) {
    let token = CancellationToken::new();
    let released = Some(Box::pin(token.clone().cancelled_owned()));
    (Leashed { stream, released }, token.drop_guard())
}

impl Leashed {
    /// Fails once the leash is gone, and has the task woken when that happens.
    fn held(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        if let Some(released) = &mut self.released
            && released.as_mut().poll(context).is_pending()
        {
            return Ok(());
        }
        self.released = None;
        Err(io::ErrorKind::ConnectionAborted.into())
    }
}

impl AsyncRead for Leashed {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.held(context)?;
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Leashed {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
        self.held(context)?;
        Pin::new(&mut self.stream).poll_write(context, buffer)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
