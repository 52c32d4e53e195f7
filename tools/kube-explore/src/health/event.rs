//! Warnings about an object that is in trouble.

use jiff::Timestamp;
use serde_json::Value;

use super::words;
use crate::field::{number, text, time};

/// A kind of warning, with how often it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// In a word.
    pub reason: String,
    /// In a sentence.
    pub message: String,
    /// How often.
    pub count: u64,
    last: Option<Timestamp>,
}

/// Reads an event.
pub fn read(event: &Value) -> Option<Warning> {
    if text(event, "/type") != "Warning" {
        return None;
    }
    let counts = [number(event, "/count"), number(event, "/series/count")];
    let last = ["/series/lastObservedTime", "/lastTimestamp", "/eventTime", "/metadata/creationTimestamp"];
    Some(Warning {
        reason: words::brief(text(event, "/reason")),
        message: text(event, "/message").to_owned(),
        count: counts.into_iter().max().and_then(|count| u64::try_from(count).ok()).unwrap_or(0).max(1),
        last: last.into_iter().find_map(|path| time(event, path)),
    })
}

/// The warning that says most of several: what is said of waiting says less than anything else; then the newest.
pub fn telling(warnings: Vec<Warning>) -> Option<Warning> {
    let count = |reason: &str| -> u64 {
        warnings.iter().filter(|warning| warning.reason == reason).fold(0, |all, one| all.saturating_add(one.count))
    };
    let best = warnings.iter().max_by_key(|warning| {
        (!matches!(warning.reason.as_str(), "BackOff" | "FailedScheduling"), warning.last, &warning.message)
    })?;
    Some(Warning { count: count(&best.reason), ..best.clone() })
}

impl Warning {
    /// As a fact and what is said: `Unhealthy ×12`, and the message.
    pub fn told(&self) -> (String, String) {
        let fact = if self.count > 1 { format!("{} ×{}", self.reason, self.count) } else { self.reason.clone() };
        (fact, words::brief(&self.message))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_newest_warning_that_is_none_of_waiting() {
        let events = [
            json!({"type": "Warning", "reason": "BackOff", "message": "back-off", "count": 9, "lastTimestamp": "2026-01-01T00:09:00Z"}),
            json!({"type": "Warning", "reason": "Unhealthy", "message": "probe: old", "count": 2, "lastTimestamp": "2026-01-01T00:00:00Z"}),
            json!({"type": "Warning", "reason": "Unhealthy", "message": "probe: new", "series": {"count": 5, "lastObservedTime": "2026-01-01T00:05:00Z"}}),
            json!({"type": "Normal", "reason": "Pulled"}),
            json!({}),
        ];
        let found = telling(events.iter().filter_map(read).collect()).unwrap();
        assert_eq!(found.told(), (String::from("Unhealthy ×7"), String::from("probe: new")));
        assert_eq!(telling(Vec::new()), None);
    }
}
