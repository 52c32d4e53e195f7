//! How old a line may be: an age, or a time.

use jiff::Timestamp;
use shared::{Result, ToolError};

/// The longest age, in seconds: ten years. Of one it cannot count in nanoseconds, the API server makes a time to come, and answers with no lines.
const OLDEST: u64 = 3_650 * 86_400;

/// From when on lines are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Since {
    /// So many seconds back.
    Seconds(u64),
    /// From a time on.
    Time(Timestamp),
}

impl Since {
    /// Reads `90s`, `10m`, `1h30m`, `2d`, or a time in RFC 3339.
    ///
    /// # Errors
    /// Anything else.
    pub fn read(text: &str) -> Result<Self> {
        let text = text.trim();
        if let Some(seconds) = seconds(text) {
            if seconds > OLDEST {
                return Err(ToolError::invalid("since is longer than ten years")
                    .hint("for all of a log pass since=3650d, or leave since out and pass lines"));
            }
            return Ok(Self::Seconds(seconds.max(1)));
        }
        text.parse().map(Self::Time).map_err(|_| {
            ToolError::invalid("since is neither an age nor a time")
                .hint("for example since=90s, 10m, 1h30m, 2d, or since=2026-01-31T08:00:00Z")
        })
    }
}

/// Numbers, each with a unit.
fn seconds(text: &str) -> Option<u64> {
    let (mut sum, mut number) = (0_u64, None::<u64>);
    for c in text.chars() {
        if let Some(digit) = c.to_digit(10) {
            number = Some(number.unwrap_or_default().checked_mul(10)?.checked_add(u64::from(digit))?);
            continue;
        }
        let unit = match c {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            _ => return None,
        };
        sum = sum.checked_add(number.take()?.checked_mul(unit)?)?;
    }
    (number.is_none() && !text.is_empty()).then_some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_and_times() {
        for (text, expected) in
            [("90s", 90), ("1h30m", 5_400), ("2d", 172_800), (" 10m ", 600), ("0s", 1), ("3650d", OLDEST)]
        {
            assert_eq!(Since::read(text).unwrap(), Since::Seconds(expected), "{text}");
        }
        assert!(matches!(Since::read("2026-01-31T08:00:00+01:00"), Ok(Since::Time(_))));
        for text in [
            "",
            "10",
            "m",
            "1h3",
            "-5m",
            "yesterday",
            "99999999999999999999d",
            "9999999999999999d",
            "99999999999h",
            "3651d",
            "1.5h",
        ] {
            assert!(Since::read(text).is_err(), "{text}");
        }
    }
}
