//! What is asked again, and after how long.

use std::{
    hash::{BuildHasher, RandomState},
    time::Duration,
};

use bytes::Bytes;
use http::{Method, Response, StatusCode, header};

use super::{
    bounds::Failure,
    limits::{self, Refused},
};

/// How often a request is sent in all.
pub const ATTEMPTS: u32 = 3;
/// The longest a server may ask to wait for it to be waited for; beyond it whoever called decides.
pub const WAIT_MAX: Duration = Duration::from_secs(5);
const FIRST: Duration = Duration::from_millis(250);

/// Whether sending it twice is the same as sending it once. A write is sent once, whatever becomes of it.
pub fn repeatable(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

/// Whether an answer with `status` may be another one soon.
pub fn passes(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 500 | 502 | 503 | 504)
}

/// How long to wait after attempt number `attempt` (from 1) failed; `None`: not at all, it is over. `jitter` is from 0 to 255.
pub fn wait(attempt: u32, asked: Option<Duration>, jitter: u8) -> Option<Duration> {
    if attempt >= ATTEMPTS {
        return None;
    }
    // Between half and all of it, so that many who failed together do not come back together.
    let spread = |full: Duration| full / 2 + (full / 2) * u32::from(jitter) / 255;
    match asked {
        None => Some(spread(FIRST * 4u32.pow(attempt.saturating_sub(1).min(5)))),
        Some(asked) if asked > WAIT_MAX => None,
        Some(asked) => Some(asked + spread(FIRST)),
    }
}

/// A number from 0 to 255 that differs between processes and from one use to the next.
pub fn jitter() -> u8 {
    RandomState::new().hash_one(0) as u8
}

/// Whether an outcome may be another one soon, and what the server asked to wait before.
#[expect(clippy::option_option, reason = "not again, again, and again after so long are three answers")]
pub(super) fn asked_again(outcome: &Result<Response<Bytes>, Failure>, now: i64) -> Option<Option<Duration>> {
    match outcome {
        Err(failure) => failure.passes().then_some(None),
        Ok(response) if passes(response.status()) => {
            let asked = response.headers().get(header::RETRY_AFTER);
            Some(asked.and_then(|value| limits::retry_after(value.to_str().ok()?, now)))
        }
        Ok(response) => match limits::refused(response.status(), response.headers(), now)? {
            Refused::Secondary { wait } => wait.map(Some),
            Refused::Primary { reset } => Some(Some(Duration::from_secs(u64::try_from(reset - now).unwrap_or(0)))),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_is_never_repeated() {
        for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            assert!(!repeatable(&method), "{method}");
        }
        assert!(repeatable(&Method::GET));
    }

    #[test]
    fn what_the_server_decided_is_not_asked_again() {
        for status in [400, 401, 403, 404, 406, 409, 410, 422, 429, 451, 501] {
            assert!(!passes(StatusCode::from_u16(status).unwrap()), "{status}");
        }
        assert!(passes(StatusCode::BAD_GATEWAY));
    }

    #[test]
    fn waits_grow_and_end() {
        let millis = |attempt, asked: Option<u64>, jitter| {
            wait(attempt, asked.map(Duration::from_secs), jitter).map(|wait| wait.as_millis())
        };
        assert_eq!(millis(1, None, 0), Some(125));
        assert_eq!(millis(1, None, 255), Some(250));
        assert_eq!(millis(2, None, 255), Some(1000));
        assert_eq!(millis(3, None, 255), None);
        assert_eq!(millis(1, Some(5), 0), Some(5125));
        assert_eq!(millis(1, Some(6), 0), None);
    }
}
