//! The events of one object, those that say the same in one line.

use jiff::Timestamp;
use serde_json::Value;
use shared::kubernetes::age;

use super::cut;
use crate::field::text;

/// The longest message.
const MESSAGE_MAX: usize = 300;

/// An event, or several that say the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    warning: bool,
    reason: String,
    message: String,
    count: i64,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
}

impl Event {
    /// Reads an event of the core or of events.k8s.io.
    pub fn read(event: &Value) -> Self {
        let time = |paths: &[&str]| paths.iter().find_map(|path| text(event, path).parse::<Timestamp>().ok());
        let count = event.get("count").and_then(Value::as_i64);
        let series = event.pointer("/series/count").and_then(Value::as_i64);
        Self {
            warning: text(event, "/type") == "Warning",
            reason: text(event, "/reason").to_owned(),
            message: cut(text(event, "/message").trim(), MESSAGE_MAX),
            count: series.or(count).unwrap_or(1).max(1),
            first: time(&["/firstTimestamp", "/eventTime", "/metadata/creationTimestamp"]),
            last: time(&["/series/lastObservedTime", "/lastTimestamp", "/eventTime", "/metadata/creationTimestamp"]),
        }
    }

    /// In a line.
    pub fn shown(&self, now: Timestamp) -> String {
        let ago = self.last.map(|last| format!("{} ago ", age::shown(last, now))).unwrap_or_default();
        let count = match (self.count, self.first) {
            (1, _) => String::new(),
            (count, Some(first)) => format!("×{count} in {} ", age::shown(first, now)),
            (count, None) => format!("×{count} "),
        };
        let warning = if self.warning { "Warning " } else { "" };
        format!("{ago}{count}{warning}{}: {}", self.reason, self.message)
    }
}

/// Folds events that say the same, the newest last.
pub fn fold(events: Vec<Event>) -> Vec<Event> {
    let mut folded: Vec<Event> = Vec::new();
    for event in events {
        let same = |known: &&mut Event| {
            known.reason == event.reason && known.message == event.message && known.warning == event.warning
        };
        match folded.iter_mut().find(same) {
            Some(known) => {
                known.count = known.count.saturating_add(event.count);
                known.first = known.first.min(event.first).or(event.first);
                known.last = known.last.max(event.last);
            }
            None => folded.push(event),
        }
    }
    folded.sort_by(|a, b| a.last.cmp(&b.last).then_with(|| a.reason.cmp(&b.reason)));
    folded
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn events_of_both_kinds_are_told_alike() {
        let now: Timestamp = "2026-01-01T00:10:00Z".parse().unwrap();
        let old = json!({"type": "Warning", "reason": "BackOff", "message": "back-off", "count": 12,
            "firstTimestamp": "2026-01-01T00:00:00Z", "lastTimestamp": "2026-01-01T00:09:30Z"});
        let new = json!({"type": "Normal", "reason": "Pulled", "message": "pulled", "eventTime": "2026-01-01T00:01:00.000000Z"});
        let events = fold(vec![Event::read(&old), Event::read(&new), Event::read(&old)]);
        let lines: Vec<String> = events.iter().map(|event| event.shown(now)).collect();
        assert_eq!(lines, ["9m ago Pulled: pulled", "30s ago ×24 in 10m Warning BackOff: back-off"]);
        assert_eq!(Event::read(&json!({"count": -5})).shown(now), ": ");
    }
}
