//! Answers, and ways of not quite giving them.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body as _, Frame};
use hyper::Response;
use tokio::sync::mpsc;

pub(super) fn status(code: u16, headers: &[(&'static str, String)], body: &str) -> Response<Reply> {
    let mut response = Response::builder().status(code);
    for (name, value) in headers {
        response = response.header(*name, value);
    }
    response.body(Reply::Whole(Some(Bytes::copy_from_slice(body.as_bytes())))).expect("response")
}

/// The same answer in steps of `step` bytes: with a pause between them, or with one step and then silence.
pub(super) fn limited(response: Response<Reply>, step: usize, pause: Option<Duration>) -> Response<Reply> {
    let (head, mut body) = response.into_parts();
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        while let Some(Ok(frame)) = std::future::poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
            let data = frame.into_data().unwrap_or_default();
            for piece in data.chunks(step) {
                if sender.send(Bytes::copy_from_slice(piece)).await.is_err() {
                    return;
                }
                match pause {
                    Some(pause) => tokio::time::sleep(pause).await,
                    None => {
                        sender.closed().await;
                        return;
                    }
                }
            }
        }
    });
    Response::from_parts(head, Reply::Pieces(receiver))
}

/// The same answer as far as `after` bytes, and then silence.
pub(super) fn stalled(response: Response<Reply>, after: usize) -> Response<Reply> {
    let (head, mut body) = response.into_parts();
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        let mut left = after;
        while let Some(Ok(frame)) = std::future::poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
            let mut data = frame.into_data().unwrap_or_default();
            data.truncate(left);
            left -= data.len();
            if !data.is_empty() && sender.send(data).await.is_err() {
                return;
            }
            if left == 0 {
                sender.closed().await;
                return;
            }
        }
    });
    Response::from_parts(head, Reply::Pieces(receiver))
}

/// References without end.
pub(super) fn endless() -> Response<Reply> {
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        let mut piece = String::from("001e# service=git-upload-pack\n0000");
        for number in 0_u64.. {
            let line = format!("{number:040x} refs/heads/b{number:020}\n");
            piece.push_str(&format!("{:04x}{line}", line.len() + 4));
            if piece.len() > 60_000 && sender.send(std::mem::take(&mut piece).into()).await.is_err() {
                return;
            }
        }
    });
    let response = Response::builder().header("content-type", "application/x-git-upload-pack-advertisement");
    response.body(Reply::Pieces(receiver)).expect("response")
}

/// A body.
pub(super) enum Reply {
    Whole(Option<Bytes>),
    Pieces(mpsc::Receiver<Bytes>),
}

impl http_body::Body for Reply {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match &mut *self {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Pieces(receiver) => {
                receiver.poll_recv(context).map(|piece| piece.map(|piece| Ok(Frame::data(piece))))
            }
        }
    }
}
