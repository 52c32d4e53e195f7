//! Answers that are known to be under way until their last byte was taken.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use axum::{
    body::{Body, Bytes, HttpBody},
    response::Response,
};
use http_body::{Frame, SizeHint};
use tokio_util::task::task_tracker::TaskTrackerToken;

/// A body that keeps `token` as long as it lasts.
struct Held {
    body: Body,
    _token: TaskTrackerToken,
}

/// `response`, under way until it was taken or given up.
pub(super) fn held(response: Response, token: TaskTrackerToken) -> Response {
    response.map(|body| Body::new(Held { body, _token: token }))
}

impl HttpBody for Held {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
