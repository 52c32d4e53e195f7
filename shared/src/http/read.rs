//! An answer, read: bounded in size, in patience and as a whole.

use std::time::Duration;

use bytes::Bytes;
use http::Response;
use tokio::time::{Instant, sleep_until};

use super::{
    body::{Longer, Reading, Taken},
    bounds::{Bounds, Failure},
    client::Cut,
    connect,
};
use crate::error::{Code, ToolError};

/// How long nothing may come of a body that has begun.
const IDLE: Duration = Duration::from_secs(15);
/// How long an answer may take as a whole, however steadily it comes.
pub(super) const WHOLE: Duration = Duration::from_secs(30);
/// How long a write goes on after its call was stopped, so that it can still be said what became of it. Less than what the spine gives a call to end.
const GRACE: Duration = Duration::from_millis(700);

/// All of `answer`.
///
/// # Errors
/// When it does not come, breaks off, or is longer than `bounds` let it be.
pub(super) async fn read(
    mut answer: reqwest::Response,
    place: &str,
    bounds: &Bounds,
) -> Result<Response<Bytes>, Failure> {
    let fails = |code, message: String| Err(Failure::unknown(ToolError::new(code, message)));
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = answer.status();
    *response.headers_mut() = answer.headers().clone();
    let mut reading = match Reading::new(answer.headers(), bounds.body_max) {
        Ok(reading) => reading,
        Err(encoding) => {
            return fails(
                Code::Unavailable,
                format!("read from {place}: it is encoded as {encoding:?}, which was not asked for"),
            );
        }
    };
    loop {
        let patience = bounds.deadline.min(Instant::now() + IDLE);
        let piece = tokio::select! {
            piece = answer.chunk() => piece,
            () = sleep_until(patience) => return Err(Failure::unknown(silent(place, IDLE))),
        };
        match piece {
            Ok(None) => break,
            Err(error) => return Err(Failure::unknown(connect::failed(place, error))),
            Ok(Some(piece)) => match reading.take(&piece) {
                Taken::Whole => {}
                Taken::Full if bounds.longer == Longer::Ends => {
                    *response.body_mut() = reading.so_far();
                    response.extensions_mut().insert(Cut);
                    return Ok(response);
                }
                Taken::Full => {
                    let message = format!("read from {place}: the answer is larger than {} bytes", bounds.body_max);
                    return fails(Code::TooLarge, message);
                }
                Taken::Broken => {
                    return fails(Code::Unavailable, format!("read from {place}: what it sends is no gzip"));
                }
            },
        }
    }
    match reading.finish() {
        Some(body) => {
            *response.body_mut() = body;
            Ok(response)
        }
        None => fails(Code::Unavailable, format!("read from {place}: the answer broke off")),
    }
}

/// Ends when the request's call is stopped; for a write somewhat later.
pub(super) async fn stopped(bounds: &Bounds, read: bool) {
    bounds.cancel.cancelled().await;
    if !read {
        tokio::time::sleep(GRACE).await;
    }
}

/// The call was stopped.
pub(super) fn cancelled() -> ToolError {
    ToolError::new(Code::Cancelled, "the request was stopped with its call")
}

/// Nothing came for `waited`.
pub(super) fn silent(place: &str, waited: Duration) -> ToolError {
    ToolError::new(Code::Timeout, format!("ask {place}: it said nothing for {} s", waited.as_secs()))
        .hint("try again; if it stays silent, look at its status page")
}

/// It came, and did not end.
pub(super) fn slow(place: &str) -> ToolError {
    ToolError::new(Code::Timeout, format!("read from {place}: the answer is not over after {} s", WHOLE.as_secs()))
        .hint("try again, or ask for less at once")
}
