//! Moments as the documents write them. There is no clock here: the moment comes from the caller, who takes it from the commit.

use crate::{Error, Kind, Result};

/// The last second the calendar reaches, close to the end of the year 9999.
const LAST: u64 = 253_402_207_200;

/// The last second that fits into a plain tar header: eleven octal digits.
const LAST_OF_TAR: u64 = 0o77_777_777_777;

/// Reads the value of `SOURCE_DATE_EPOCH`.
///
/// # Errors
///
/// [`Kind::Usage`] for what is no number of seconds since 1970, or more than an archive can note.
pub fn source_date(text: &str) -> Result<u64> {
    text.parse().ok().filter(|seconds| *seconds <= LAST_OF_TAR).ok_or_else(|| {
        let message =
            format!("SOURCE_DATE_EPOCH is {text:?}, not a number of seconds since 1970 of at most {LAST_OF_TAR}");
        Error::new(Kind::Usage, message)
    })
}

/// `seconds` since 1970 as RFC 3339 in UTC, such as `2026-11-25T19:24:27Z`. What is later than the calendar reaches is its last second.
pub fn rfc3339(seconds: u64) -> String {
    let seconds = i64::try_from(seconds.min(LAST)).unwrap_or_default();
    jiff::Timestamp::from_second(seconds).unwrap_or_default().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_those_of_date() {
        // `date -u -d @N +%FT%TZ`.
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (951_868_800, "2000-03-01T00:00:00Z"),
            (1_704_067_199, "2023-12-31T23:59:59Z"),
            (1_709_164_800, "2024-02-29T00:00:00Z"),
            (1_795_634_667, "2026-11-25T19:24:27Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (LAST, "9999-12-30T22:00:00Z"),
            (u64::MAX, "9999-12-30T22:00:00Z"),
        ] {
            assert_eq!(rfc3339(seconds), text);
        }
    }

    #[test]
    fn the_date_of_the_source_is_one_that_an_archive_can_note() {
        assert_eq!(source_date("8589934591"), Ok(8_589_934_591));
        for wrong in ["8589934592", "-1", "1e9", " 1", ""] {
            assert!(source_date(wrong).is_err_and(|error| error.kind == Kind::Usage), "{wrong}");
        }
    }
}
