//! What GitHub sends in small: words of its own, times, people.

use jiff::{Timestamp, tz::TimeZone};
use serde::{Deserialize, Deserializer};
use shared::Untrusted;

/// The longest word of GitHub's own that is shown as one.
const WORD_MAX: usize = 40;

/// Names that are written out.
const NAMES_MAX: usize = 10;

/// An account. One that was deleted is `null` where it stood.
#[derive(Clone, Debug, Deserialize)]
pub struct User {
    /// Its name.
    pub login: String,
}

/// Who it was; `ghost`, as GitHub shows it, for an account that is no more.
pub fn person(user: Option<&User>) -> Untrusted {
    Untrusted::line(user.map_or("ghost", |user| &user.login))
}

/// A word that GitHub chose from a list of its own (`open`, `timed_out`), safe to stand in a sentence. What is no word becomes `unrecognised`.
pub fn word(given: Option<&str>) -> String {
    let given = given.unwrap_or("unknown");
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    if !given.is_empty() && given.len() <= WORD_MAX && given.bytes().all(plain) {
        given.to_lowercase()
    } else {
        "unrecognised".to_owned()
    }
}

/// A commit's id, shortened to what a person copies; `unknown` for what is none.
pub fn short(id: Option<&str>) -> String {
    match id.filter(|id| id.len() >= 7 && id.bytes().all(|byte| byte.is_ascii_hexdigit())) {
        Some(id) => id[..id.len().min(10)].to_owned(),
        None => "unknown".to_owned(),
    }
}

/// A time to the minute, in UTC: `2026-11-25 14:02Z`.
pub fn when(time: Option<&str>) -> String {
    match time.and_then(|time| time.parse::<Timestamp>().ok()) {
        Some(time) => time.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%MZ").to_string(),
        None => "-".to_owned(),
    }
}

/// Seconds from one time to another; nothing when one of them is not known.
pub fn seconds_between(from: Option<&str>, to: Option<&str>) -> Option<i64> {
    let read = |time: Option<&str>| time?.parse::<Timestamp>().ok();
    Some(read(to)?.as_second() - read(from)?.as_second())
}

/// A length of time in its two largest units: `1h04m`, `3m12s`, `7s`.
pub fn lasting(seconds: i64) -> String {
    let seconds = seconds.max(0);
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes) {
        (0, 0) => format!("{rest}s"),
        (0, _) => format!("{minutes}m{rest:02}s"),
        _ => format!("{hours}h{minutes:02}m"),
    }
}

/// `1 file`, `2 files`.
pub fn count(number: u64, one: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {one}s") }
}

/// Names between backquotes, the first of them where there are many.
pub fn names(names: &[Untrusted]) -> String {
    let shown: Vec<String> = names.iter().take(NAMES_MAX).map(|name| name.quoted().to_string()).collect();
    match names.len() - shown.len() {
        0 => shown.join(" "),
        more => format!("{} and {more} more", shown.join(" ")),
    }
}

/// What is `null` or not there is what an empty value is.
pub fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// A list in which what is `null` is left out: GitHub sends such places for what was deleted.
pub fn without_null<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    let items: Option<Vec<Option<T>>> = Option::deserialize(deserializer)?;
    Ok(items.unwrap_or_default().into_iter().flatten().collect())
}

/// A list that has to be there, without what is `null` in it: `null` in its place is not an empty list.
pub fn list<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    let items: Vec<Option<T>> = Vec::deserialize(deserializer)?;
    Ok(items.into_iter().flatten().collect())
}

/// A label, which older answers send as its bare name.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Label {
    /// As it is now.
    Named {
        /// Its name.
        name: Option<String>,
    },
    /// As it was.
    Bare(String),
}

impl Label {
    /// Its name.
    pub fn name(&self) -> &str {
        match self {
            Self::Named { name } => name.as_deref().unwrap_or_default(),
            Self::Bare(name) => name,
        }
    }
}

/// The names of labels.
pub fn labels(labels: &[Label]) -> Vec<Untrusted> {
    labels.iter().map(|label| Untrusted::line(label.name())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_a_word_whatever_was_sent() {
        assert_eq!(word(Some("TIMED_OUT")), "timed_out");
        assert_eq!(word(None), "unknown");
        for strange in ["", "a b", "`", "a\nb", &"x".repeat(41)] {
            assert_eq!(word(Some(strange)), "unrecognised", "{strange:?}");
        }
        assert_eq!(short(Some("0123456789abcdef")), "0123456789");
        assert_eq!(short(Some("not an id")), "unknown");
    }

    #[test]
    fn times_are_short_and_what_is_none_is_said() {
        assert_eq!(when(Some("2026-11-25T14:02:59Z")), "2026-11-25 14:02Z");
        assert_eq!(when(Some("2026-11-25T14:02:59+02:00")), "2026-11-25 12:02Z");
        assert_eq!((when(None), when(Some("soon"))), ("-".to_owned(), "-".to_owned()));
        assert_eq!(seconds_between(Some("2026-11-25T14:00:00Z"), Some("2026-11-25T14:01:05Z")), Some(65));
        assert_eq!(seconds_between(None, Some("2026-11-25T14:01:05Z")), None);
        assert_eq!((lasting(7), lasting(65), lasting(3840)), ("7s".into(), "1m05s".into(), "1h04m".into()));
    }

    #[test]
    fn null_is_nothing() {
        #[derive(Deserialize)]
        struct Lists {
            #[serde(default, deserialize_with = "without_null")]
            labels: Vec<Label>,
            #[serde(default, deserialize_with = "or_default")]
            number: u64,
        }
        let lists: Lists =
            serde_json::from_str(r#"{"labels":[null,{"name":"a"},"b",{"name":null}],"number":null}"#).unwrap();
        assert_eq!(lists.labels.iter().map(Label::name).collect::<Vec<_>>(), ["a", "b", ""]);
        assert_eq!(lists.number, 0);
        let none: Lists = serde_json::from_str(r#"{"labels":null}"#).unwrap();
        assert!(none.labels.is_empty());
    }
}
