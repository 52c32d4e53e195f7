//! One object as a reader wants it: what it is made of, how it is and why, in the words of its own fields.

pub mod containers;
pub mod events;
pub mod manager;
pub mod related;
pub mod spec;
pub mod tail;

use jiff::Timestamp;
use serde_json::Value;
use shared::kubernetes::age;

use crate::field::{items, text};

/// The longest message of a condition, in bytes.
const MESSAGE_MAX: usize = 300;

/// A time of an object as its age; nothing where there is none.
pub fn ago(object: &Value, path: &str, now: Timestamp) -> Option<String> {
    text(object, path).parse::<Timestamp>().ok().map(|then| age::shown(then, now))
}

/// `text`, cut to `most` bytes, and said so.
pub fn cut(text: &str, most: usize) -> String {
    let kept = text.get(..text.floor_char_boundary(most)).unwrap_or_default();
    if kept.len() == text.len() { text.to_owned() } else { format!("{kept}…(+{} bytes)", text.len() - kept.len()) }
}

/// The conditions of an object, those that are not as they should be first.
pub fn conditions(object: &Value, now: Timestamp) -> Vec<String> {
    let mut rows: Vec<(bool, String)> = items(object.pointer("/status/conditions"))
        .map(|condition| {
            let (kind, status) = (text(condition, "/type"), text(condition, "/status"));
            let mut line = format!("{kind}={status}");
            let (reason, message) = (text(condition, "/reason"), text(condition, "/message"));
            if !reason.is_empty() {
                line.push_str(&format!(" {reason}"));
            }
            if !message.is_empty() {
                line.push_str(&format!(": {}", cut(message, MESSAGE_MAX)));
            }
            if let Some(since) = ago(condition, "/lastTransitionTime", now) {
                line.push_str(&format!(" (for {since})"));
            }
            (is_well(kind, status), line)
        })
        .collect();
    rows.sort_by_key(|(well, _)| *well);
    rows.into_iter().map(|(_, line)| line).collect()
}

/// Whether a condition is as it should be. Most are true where all is well; those that are named after a trouble are not.
fn is_well(kind: &str, status: &str) -> bool {
    let trouble = [
        "Pressure",
        "Fail",
        "Unavailable",
        "Stalled",
        "Degraded",
        "Error",
        "Unhealthy",
        "Limited",
        "Disruption",
        "Terminating",
        "Remaining",
        "Suspended",
    ];
    let named_after_trouble = trouble.iter().any(|word| kind.contains(word)) && kind != "DisruptionAllowed";
    if named_after_trouble { status == "False" } else { status == "True" }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_wrong_comes_first() {
        let now: Timestamp = "2026-01-01T00:10:00Z".parse().unwrap();
        let object = json!({"status": {"conditions": [
            {"type": "Available", "status": "True"},
            {"type": "MemoryPressure", "status": "False"},
            {"type": "Ready", "status": "False", "reason": "NotSo", "message": "x".repeat(400), "lastTransitionTime": "2026-01-01T00:05:00Z"},
            {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate"}, {}, 5]}});
        let lines = conditions(&object, now);
        assert!(
            lines[0].starts_with("Ready=False NotSo: xxx") && lines[0].ends_with("x…(+100 bytes) (for 5m)"),
            "{lines:?}"
        );
        assert_eq!(lines[1], "ReplicaFailure=True FailedCreate");
        assert_eq!(lines[4..], ["Available=True", "MemoryPressure=False"]);
        assert!(conditions(&json!({}), now).is_empty());
    }

    #[test]
    fn text_is_cut_between_characters() {
        assert_eq!(cut("äää", 3), "ä…(+4 bytes)");
        assert_eq!(cut("äää", 6), "äää");
    }
}
