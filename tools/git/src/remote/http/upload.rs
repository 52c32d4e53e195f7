//! A request body of unknown length, handed over piece by piece.
//!
//! libgit2 writes a pack as it makes it. The pieces go through a short queue to the request, which runs as a task of its own; a full
//! queue makes libgit2 wait, so a slow server costs time and not memory. A body that is dropped before [`Upload::finish`] ends in an
//! error, so that the connection breaks and no server takes half a push for a whole one.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use http_body::Frame;
use reqwest::{Response, StatusCode};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::super::operation::Operation;
use shared::{Result, ToolError};

/// Small writes are gathered up to this size.
const PIECE: usize = 64 * 1024;

/// Pieces in the queue.
const QUEUE: usize = 8;

enum Piece {
    Data(Bytes),
    End,
}

/// The sending end of a body.
pub(super) struct Sender(mpsc::Sender<Piece>);

/// A body and the end it is fed from.
pub(super) fn body() -> (Sender, reqwest::Body) {
    let (sender, receiver) = mpsc::channel(QUEUE);
    (Sender(sender), reqwest::Body::wrap(Queue { receiver, ended: false }))
}

struct Queue {
    receiver: mpsc::Receiver<Piece>,
    ended: bool,
}

impl http_body::Body for Queue {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        Poll::Ready(match ready!(self.receiver.poll_recv(context)) {
            Some(Piece::Data(data)) => Some(Ok(Frame::data(data))),
            Some(Piece::End) => {
                self.ended = true;
                None
            }
            None => Some(Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the push was given up"))),
        })
    }

    fn is_end_stream(&self) -> bool {
        self.ended
    }
}

/// A request on its way.
pub(super) struct Upload {
    sender: Sender,
    answer: JoinHandle<Result<Response>>,
    /// An answer that came before the body was complete.
    early: Option<Response>,
    gathered: BytesMut,
}

impl Upload {
    pub(super) fn new(sender: Sender, answer: JoinHandle<Result<Response>>) -> Self {
        Self { sender, answer, early: None, gathered: BytesMut::with_capacity(PIECE) }
    }

    /// Adds to the body.
    ///
    /// # Errors
    /// Those of the connection, and of stopping the operation.
    pub(super) fn push(&mut self, operation: &Operation, buffer: &[u8]) -> Result<()> {
        self.gathered.extend_from_slice(buffer);
        while self.gathered.len() >= PIECE {
            let piece = self.gathered.split_to(PIECE).freeze();
            self.send(operation, Piece::Data(piece))?;
        }
        Ok(())
    }

    fn send(&mut self, operation: &Operation, piece: Piece) -> Result<()> {
        let size = match &piece {
            Piece::Data(data) => data.len(),
            Piece::End => 0,
        };
        if self.early.is_none() {
            // Room in the queue, or an answer, whichever comes first; the piece itself is not at stake here.
            let (sender, answer) = (&self.sender.0, &mut self.answer);
            self.early = operation.wait(async {
                tokio::select! {
                    biased;
                    room = sender.reserve() => match room {
                        Ok(_) => Ok(None),
                        // The request let go of its body: its answer says why.
                        Err(_) => joined((&mut *answer).await).map(Some),
                    },
                    answered = &mut *answer => joined(answered).map(Some),
                }
            })?;
        }
        // A refusal is the result; the server reads no further.
        if self.early.as_ref().is_some_and(|early| early.status() != StatusCode::OK) {
            return Ok(());
        }
        // git's own CGI sends the head of its answer first and reads the push then, so a success is no reason to stop.
        let sender = &self.sender.0;
        operation.wait(async {
            sender.send(piece).await.ok();
            Ok(())
        })?;
        operation.sent(size);
        Ok(())
    }

    /// Ends the body and waits for the head of the answer.
    ///
    /// # Errors
    /// As [`Upload::push`].
    pub(super) fn finish(mut self, operation: &Operation) -> Result<Response> {
        let rest = self.gathered.split().freeze();
        if !rest.is_empty() {
            self.send(operation, Piece::Data(rest))?;
        }
        self.send(operation, Piece::End)?;
        match self.early.take() {
            Some(response) => Ok(response),
            None => {
                let answer = &mut self.answer;
                operation.wait(async { joined(answer.await) })
            }
        }
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        self.answer.abort();
    }
}

fn joined(answer: std::result::Result<Result<Response>, tokio::task::JoinError>) -> Result<Response> {
    answer.unwrap_or_else(|error| Err(ToolError::internal(format!("push to the remote: the request ended: {error}"))))
}
