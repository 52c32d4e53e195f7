//! The times the API server puts before lines, read fast: there is one before each.

use jiff::Timestamp;

const SECOND: i64 = 1_000_000_000;

/// A time in nanoseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stamp(i64);

impl Stamp {
    /// Splits `2026-01-31T08:00:00.123456789Z text` into its time and its text. A line without a time is all text.
    pub fn split(line: &[u8]) -> (Option<Self>, &[u8]) {
        let end = memchr::memchr(b' ', line.get(..line.len().min(40)).unwrap_or_default()).unwrap_or(line.len());
        let (head, rest) = line.split_at(end);
        match Self::read(head) {
            Some(stamp) => (Some(stamp), rest.get(1..).unwrap_or_default()),
            None => (None, line),
        }
    }

    /// RFC 3339.
    pub fn read(text: &[u8]) -> Option<Self> {
        let (date, rest) = text.split_at_checked(19)?;
        let marks = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
        if !marks.iter().all(|&(at, mark)| date.get(at) == Some(&mark)) {
            return None;
        }
        let field = |at: usize, len: usize| number(date.get(at..at + len)?);
        let (year, month, day) = (field(0, 4)?, field(5, 2)?, field(8, 2)?);
        let (hour, minute, second) = (field(11, 2)?, field(14, 2)?, field(17, 2)?);
        // The years that fit into nanoseconds.
        if !(1970..2262).contains(&year)
            || !(1..=12).contains(&month)
            || !(1..=31).contains(&day)
            || hour > 23
            || minute > 59
            || second > 60
        {
            return None;
        }
        let (nanos, zone) = fraction(rest)?;
        let seconds = days(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second - offset(zone)?;
        Some(Self(seconds * SECOND + nanos))
    }

    /// The day, to tell whether several times are of one.
    pub fn day(self) -> i64 {
        self.0.div_euclid(86_400 * SECOND)
    }

    /// `2026-01-31T08:00:00Z`.
    pub fn shown(self) -> String {
        Timestamp::from_second(self.0.div_euclid(SECOND)).map_or_else(|_| String::from("?"), |time| time.to_string())
    }

    /// `08:00:00`, or with `date` `01-31T08:00:00`.
    pub fn short(self, date: bool) -> String {
        let shown = self.shown();
        shown.get(if date { 5 } else { 11 }..19).unwrap_or(&shown).to_owned()
    }
}

fn number(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0, |sum: i64, digit| digit.is_ascii_digit().then(|| sum * 10 + i64::from(digit - b'0')))
}

/// `.123456789` and what is behind it.
fn fraction(text: &[u8]) -> Option<(i64, &[u8])> {
    let Some(digits) = text.strip_prefix(b".") else { return Some((0, text)) };
    let len = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if !(1..=9).contains(&len) {
        return None;
    }
    let (digits, zone) = digits.split_at(len);
    Some((number(digits)? * 10_i64.pow(9 - len as u32), zone))
}

/// Seconds east of Greenwich.
fn offset(zone: &[u8]) -> Option<i64> {
    let (&sign, rest) = zone.split_first()?;
    match (sign, rest.len()) {
        (b'Z', 0) => Some(0),
        (b'+' | b'-', 5) if rest.get(2) == Some(&b':') => {
            let seconds = number(rest.get(..2)?)? * 3_600 + number(rest.get(3..)?)? * 60;
            Some(if sign == b'+' { seconds } else { -seconds })
        }
        _ => None,
    }
}

/// Days since 1970-01-01, of a date after it.
fn days(year: i64, month: i64, day: i64) -> i64 {
    // Counted from March, so that the leap day is a year's last.
    let (year, month) = if month <= 2 { (year - 1, month + 9) } else { (year, month - 3) };
    year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_jiff_reads() {
        for text in [
            "1970-01-01T00:00:00Z",
            "2026-01-31T08:00:00.123456789Z",
            "2024-02-29T23:59:59.5Z",
            "2000-03-01T00:00:00+05:30",
            "2100-02-28T12:00:00-08:00",
            "2261-12-31T23:59:59Z",
        ] {
            let expected: Timestamp = text.parse().unwrap();
            assert_eq!(i128::from(Stamp::read(text.as_bytes()).unwrap().0), expected.as_nanosecond(), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_text() {
        for line in [
            "",
            " ",
            "hello",
            "2026-01-31 08:00:00 x",
            "2026-13-31T08:00:00Z x",
            "2026-01-31T08:00:00 x",
            "9999-01-31T08:00:00Z x",
            "2026-01-31T08:00:00.Z x",
            "2026-01-31T08:00:00.1234567890Z x",
            "2026-0é-31T08:00:00Z x",
        ] {
            assert_eq!(Stamp::split(line.as_bytes()), (None, line.as_bytes()), "{line}");
        }
        let (stamp, rest) = Stamp::split(b"2026-01-31T08:00:00.1Z  text");
        assert_eq!((stamp.unwrap().shown().as_str(), rest), ("2026-01-31T08:00:00Z", &b" text"[..]));
        assert_eq!(
            (stamp.unwrap().short(false), stamp.unwrap().short(true)),
            ("08:00:00".into(), "01-31T08:00:00".into())
        );
        // The line of an empty log entry has nothing behind its time.
        assert_eq!(Stamp::split(b"2026-01-31T08:00:00Z").1, b"");
    }
}
