//! What is tried again, and after how long.

use std::time::Duration;

use crate::{Error, Result};

/// How often something is tried in all.
pub(super) const ATTEMPTS: u32 = 5;
/// The longest wait a registry may ask for; beyond it the person decides.
const WAIT_MAX: Duration = Duration::from_secs(60);
const FIRST: Duration = Duration::from_millis(300);

/// A failure, and whether trying again may help.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) error: Error,
    pub(super) again: Again,
    /// The status of the answer, if there was one.
    pub(super) status: Option<u16>,
}

/// Whether to try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Again {
    /// It would fail the same way.
    No,
    /// After a while.
    Soon,
    /// After what the registry said.
    After(Duration),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { error, again: Again::No, status: None }
    }
}

impl Failure {
    /// One that may pass.
    pub(super) fn passing(error: Error) -> Self {
        Self { error, again: Again::Soon, status: None }
    }
}

/// Whether an answer with `status` may be another one later. What the registry decided (400, 401, 403, 404) stays.
pub(super) fn passes(status: u16) -> bool {
    matches!(status, 408 | 429 | 500 | 502 | 503 | 504)
}

/// What `Retry-After` says: seconds, or a date, which is compared with `now` in seconds since 1970.
pub(super) fn retry_after(value: &str, now: i64) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(value).ok()?;
    Some(Duration::from_secs(u64::try_from(date.as_second().saturating_sub(now)).unwrap_or(0)))
}

/// How long to wait after attempt number `attempt` (from 1) failed; `None`: not at all, it is over. `jitter` is from 0 to 255.
fn wait(attempt: u32, again: Again, jitter: u8) -> Option<Duration> {
    if attempt >= ATTEMPTS {
        return None;
    }
    // Between half and all of it, so that many who failed together do not come back together.
    let spread = |full: Duration| full / 2 + (full / 2) * u32::from(jitter) / 255;
    match again {
        Again::No => None,
        Again::Soon => Some(spread(FIRST * 3u32.pow(attempt.saturating_sub(1).min(5)))),
        Again::After(asked) if asked > WAIT_MAX => None,
        Again::After(asked) => Some(asked + spread(FIRST)),
    }
}

/// Counts the attempts of one piece of work.
#[derive(Default)]
pub(super) struct Patience {
    failed: u32,
}

impl Patience {
    /// Waits before the next attempt.
    ///
    /// # Errors
    ///
    /// The failure itself, when there is no next attempt.
    pub(super) async fn after(&mut self, failure: Failure) -> Result<()> {
        self.failed += 1;
        match wait(self.failed, failure.again, jitter()) {
            Some(wait) => {
                tokio::time::sleep(wait).await;
                Ok(())
            }
            None => {
                let mut error = failure.error;
                if self.failed > 1 {
                    error.message = format!("{} (tried {} times)", error.message, self.failed);
                }
                Err(error)
            }
        }
    }

    /// There was progress: what fails from now on is a new trouble.
    pub(super) fn progress(&mut self) {
        self.failed = 0;
    }
}

fn jitter() -> u8 {
    let mut byte = [128];
    // Without randomness the middle will do.
    let _ = ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut byte);
    byte[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_registry_decided_is_not_asked_again() {
        for status in [400, 401, 403, 404, 405, 409, 413, 416, 501] {
            assert!(!passes(status), "{status}");
        }
        for status in [408, 429, 500, 502, 503, 504] {
            assert!(passes(status), "{status}");
        }
    }

    #[test]
    fn waits_grow_and_end() {
        let millis = |attempt, again, jitter| wait(attempt, again, jitter).map(|wait| wait.as_millis());
        assert_eq!(millis(1, Again::Soon, 0), Some(150));
        assert_eq!(millis(1, Again::Soon, 255), Some(300));
        assert_eq!(millis(2, Again::Soon, 255), Some(900));
        assert_eq!(millis(4, Again::Soon, 255), Some(8100));
        assert_eq!(millis(5, Again::Soon, 255), None);
        assert_eq!(millis(1, Again::No, 255), None);
        assert_eq!(millis(1, Again::After(Duration::from_secs(60)), 0), Some(60_150));
        assert_eq!(millis(1, Again::After(Duration::from_secs(61)), 0), None);
        assert_eq!(millis(5, Again::After(Duration::ZERO), 0), None);
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let seconds = |value, now| retry_after(value, now).map(|wait| wait.as_secs());
        assert_eq!(seconds("7", 0), Some(7));
        assert_eq!(seconds("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_770), Some(7));
        assert_eq!(seconds("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_790), Some(0));
        for wrong in ["", "soon", "-1", "1.5"] {
            assert_eq!(seconds(wrong, 0), None, "{wrong}");
        }
    }
}
