//! Points in time: git's to text, and a caller's words to git's.

use jiff::{
    Span, Timestamp, ToSpan, Zoned, civil,
    tz::{Offset, TimeZone},
};
use shared::{Result, ToolError};

/// `2026-11-23 06:10 +0100`, in the zone the author was in.
pub fn shown(time: git2::Time) -> String {
    match zoned(time) {
        Some(zoned) => zoned.strftime("%Y-%m-%d %H:%M %z").to_string(),
        None => format!("@{}", time.seconds()),
    }
}

/// RFC 3339 with the author's offset, for programs.
pub fn rfc3339(time: git2::Time) -> String {
    match zoned(time) {
        Some(zoned) => zoned.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(),
        None => format!("@{}", time.seconds()),
    }
}

/// Dates a commit can hold and a calendar cannot give `None`.
fn zoned(time: git2::Time) -> Option<Zoned> {
    let timestamp = Timestamp::from_second(time.seconds()).ok()?;
    let seconds = time.offset_minutes().checked_mul(60);
    let offset = seconds.and_then(|seconds| Offset::from_seconds(seconds).ok()).unwrap_or(Offset::UTC);
    Some(timestamp.to_zoned(TimeZone::fixed(offset)))
}

/// Seconds since 1970 of a caller's `since` or `until`: `2026-11-23`, `2026-11-23T06:10:00+01:00`, `@1700000000`, `2 weeks ago`, `yesterday`.
pub fn parse(parameter: &str, text: &str, now: Timestamp) -> Result<i64> {
    let text = text.trim();
    let bad = || {
        ToolError::invalid(format!("`{parameter}` is not a time: {text:?}"))
            .hint("use 2026-11-23, 2026-11-23T06:10:00Z, \"2 weeks ago\" or @seconds")
    };
    if let Some(seconds) = text.strip_prefix('@') {
        return seconds.parse().map_err(|_| bad());
    }
    if let Ok(timestamp) = text.parse::<Timestamp>() {
        return Ok(timestamp.as_second());
    }
    let utc = |datetime: civil::DateTime| {
        datetime.to_zoned(TimeZone::UTC).map(|zoned| zoned.timestamp().as_second()).map_err(|_| bad())
    };
    if let Ok(datetime) = text.replace(' ', "T").parse::<civil::DateTime>() {
        return utc(datetime);
    }
    if let Ok(date) = text.parse::<civil::Date>() {
        return utc(date.at(0, 0, 0, 0));
    }
    let span = match text {
        "now" => Span::new(),
        "yesterday" => 1.day(),
        _ => text.strip_suffix("ago").ok_or_else(bad)?.trim().parse::<Span>().map_err(|_| bad())?,
    };
    let now = now.to_zoned(TimeZone::UTC);
    now.checked_sub(span).map(|then| then.timestamp().as_second()).map_err(|_| bad())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_callers_write_is_understood() {
        let now: Timestamp = "2026-11-23T12:00:00Z".parse().unwrap();
        for (text, expected) in [
            ("@17", 17),
            ("1970-01-02", 86_400),
            ("1970-01-02 00:00:01", 86_401),
            ("1970-01-01T01:00:00+01:00", 0),
            ("2 weeks ago", now.as_second() - 14 * 86_400),
            ("1 hour ago", now.as_second() - 3_600),
            ("yesterday", now.as_second() - 86_400),
            ("now", now.as_second()),
        ] {
            assert_eq!(parse("since", text, now).unwrap(), expected, "{text}");
        }
        for text in ["", "soon", "2026-13-01", "--all", "99999999999 years ago", "@x"] {
            assert!(parse("since", text, now).unwrap_err().to_string().contains("is not a time"), "{text}");
        }
    }

    #[test]
    fn times_outside_the_calendar_are_shown_as_they_are() {
        assert_eq!(shown(git2::Time::new(0, 60)), "1970-01-01 01:00 +0100");
        assert_eq!(rfc3339(git2::Time::new(0, -330)), "1969-12-31T18:30:00-05:30");
        assert_eq!(shown(git2::Time::new(i64::MAX, 0)), format!("@{}", i64::MAX));
        assert_eq!(shown(git2::Time::new(0, i32::MAX)), "1970-01-01 00:00 +0000");
    }
}
