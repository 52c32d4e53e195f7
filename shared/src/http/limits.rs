//! What a server says about how often it may be asked.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use http::{HeaderMap, StatusCode};
use url::Url;

use super::origin;
use crate::error::{Code, ToolError};

/// What is left of a limit, as a server's headers tell it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Requests allowed in a window.
    pub limit: u64,
    /// Requests left of them.
    pub remaining: u64,
    /// When the window ends, in seconds since 1970.
    pub reset: i64,
    /// What the limit is of (`core`, `graphql`); empty where the server does not say.
    pub resource: String,
}

/// Why a server refused a request for having been asked too often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The window's requests are used up; it ends at this time, in seconds since 1970.
    Primary {
        /// When the window ends.
        reset: i64,
    },
    /// Too many at once, or too many of a kind: to be tried again after this long, where the server says.
    Secondary {
        /// How long to wait.
        wait: Option<Duration>,
    },
}

impl Rate {
    /// Reads `x-ratelimit-*` (GitHub) or `ratelimit-*` (GitLab).
    pub fn read(headers: &HeaderMap) -> Option<Self> {
        ["x-ratelimit", "ratelimit"].into_iter().find_map(|prefix| {
            let text = |part: &str| headers.get(format!("{prefix}-{part}"))?.to_str().ok().map(str::trim);
            Some(Self {
                limit: text("limit")?.parse().ok()?,
                remaining: text("remaining")?.parse().ok()?,
                reset: text("reset")?.parse().ok()?,
                resource: text("resource").unwrap_or_default().to_owned(),
            })
        })
    }
}

/// Whether an answer says "not so often", told by its headers alone: what stands in bodies changes, and some have none.
pub fn refused(status: StatusCode, headers: &HeaderMap, now: i64) -> Option<Refused> {
    if status != StatusCode::FORBIDDEN && status != StatusCode::TOO_MANY_REQUESTS {
        return None;
    }
    let wait = headers.get(http::header::RETRY_AFTER).and_then(|value| retry_after(value.to_str().ok()?, now));
    match Rate::read(headers) {
        _ if wait.is_some() => Some(Refused::Secondary { wait }),
        Some(rate) if rate.remaining == 0 => Some(Refused::Primary { reset: rate.reset }),
        _ if status == StatusCode::TOO_MANY_REQUESTS => Some(Refused::Secondary { wait: None }),
        // A 403 with requests left is about permission.
        _ => None,
    }
}

/// The limit of a server is used up; `until` is when it is not, in seconds since 1970.
pub fn used_up(base: &Url, until: i64, now: i64) -> ToolError {
    let when = jiff::Timestamp::from_second(until).map(|time| time.to_string()).unwrap_or_default();
    let wait = until.saturating_sub(now).max(0);
    ToolError::new(
        Code::RateLimited,
        format!("{} takes no more requests until {when} (in {wait} s): its limit is used up", origin::place(base)),
    )
    .hint(format!("wait {wait} s before the next call; nothing was changed"))
}

/// What `Retry-After` says: seconds, or a date, which is compared with `now` in seconds since 1970.
pub fn retry_after(value: &str, now: i64) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(value).ok()?;
    Some(Duration::from_secs(u64::try_from(date.as_second().saturating_sub(now)).unwrap_or(0)))
}

/// How long a refusal holds that does not say so, in seconds.
const UNSAID: i64 = 60;
/// The longest that a refusal is remembered: a server's clock may be wrong, and limits are lifted.
const REMEMBERED_MAX: i64 = 3600;

/// The limits of one server as this process has seen them. What is used up is not asked for again before its time: servers shut out clients that go on.
#[derive(Debug, Default)]
pub struct Limits {
    seen: Mutex<HashMap<&'static str, (Option<Rate>, i64)>>,
}

impl Limits {
    /// Remembers what the headers of an answer to a request of `group` say. `now` is in seconds since 1970.
    pub fn note(&self, group: &'static str, status: StatusCode, headers: &HeaderMap, now: i64) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = seen.entry(group).or_default();
        if let Some(rate) = Rate::read(headers) {
            entry.0 = Some(rate);
        }
        let until = match refused(status, headers, now) {
            Some(Refused::Primary { reset }) => reset,
            Some(Refused::Secondary { wait }) => now.saturating_add(wait.map_or(UNSAID, seconds)),
            None => return,
        };
        entry.1 = until.min(now.saturating_add(REMEMBERED_MAX));
    }

    /// Until when, in seconds since 1970, requests of `group` are not worth sending; nothing when they are.
    pub fn closed(&self, group: &'static str, now: i64) -> Option<i64> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.get(group).map(|(_, until)| *until).filter(|until| *until > now)
    }

    /// What is left of the limit of `group`, as the last answer told it.
    pub fn left(&self, group: &'static str) -> Option<Rate> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).get(group).and_then(|(rate, _)| rate.clone())
    }
}

fn seconds(wait: Duration) -> i64 {
    i64::try_from(wait.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    const USED_UP: [(&str, &str); 4] = [
        ("x-ratelimit-limit", "60"),
        ("x-ratelimit-remaining", "0"),
        ("x-ratelimit-reset", "1000"),
        ("x-ratelimit-resource", "core"),
    ];

    #[test]
    fn headers_tell_limits_from_permissions() {
        let forbidden = |pairs: &[_]| refused(StatusCode::FORBIDDEN, &headers(pairs), 400);
        assert_eq!(forbidden(&USED_UP), Some(Refused::Primary { reset: 1000 }));
        let secondary = Some(Refused::Secondary { wait: Some(Duration::from_secs(60)) });
        assert_eq!(forbidden(&[("retry-after", "60")]), secondary);
        assert_eq!(forbidden(&[USED_UP[0], ("x-ratelimit-remaining", "59"), USED_UP[2]]), None);
        assert_eq!(forbidden(&[]), None);
        assert_eq!(refused(StatusCode::TOO_MANY_REQUESTS, &headers(&[]), 0), Some(Refused::Secondary { wait: None }));
        // Used up by this very request, which was answered: nothing was refused.
        assert_eq!(refused(StatusCode::OK, &headers(&USED_UP), 0), None);
        assert_eq!(refused(StatusCode::NOT_FOUND, &headers(&USED_UP), 0), None);
    }

    #[test]
    fn both_spellings_are_read_and_nonsense_is_none() {
        let lab = [("ratelimit-limit", "5"), ("ratelimit-remaining", "4"), ("ratelimit-reset", "9")];
        assert_eq!(Rate::read(&headers(&lab)).map(|rate| (rate.limit, rate.remaining, rate.reset)), Some((5, 4, 9)));
        assert_eq!(Rate::read(&headers(&[USED_UP[0], USED_UP[1], ("x-ratelimit-reset", "soon")])), None);
    }

    #[test]
    fn what_is_used_up_is_remembered_until_its_time_and_no_longer_than_an_hour() {
        let limits = Limits::default();
        limits.note("core", StatusCode::FORBIDDEN, &headers(&USED_UP), 400);
        assert_eq!(limits.closed("core", 999), Some(1000));
        assert_eq!(limits.closed("core", 1000), None);
        assert_eq!(limits.closed("graphql", 999), None);
        assert_eq!(limits.left("core").map(|rate| rate.remaining), Some(0));
        let far = [USED_UP[0], USED_UP[1], ("x-ratelimit-reset", "99999999999")];
        limits.note("core", StatusCode::FORBIDDEN, &headers(&far), 400);
        assert_eq!(limits.closed("core", 500), Some(4000));
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        assert_eq!(retry_after(" 7 ", 0), Some(Duration::from_secs(7)));
        assert_eq!(retry_after("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_770), Some(Duration::from_secs(7)));
        assert_eq!(retry_after("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_999), Some(Duration::ZERO));
        assert_eq!(retry_after("soon", 0), None);
    }
}
