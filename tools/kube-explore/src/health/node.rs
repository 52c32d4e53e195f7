//! Whether a node is well.

use jiff::Timestamp;
use serde_json::Value;

use super::{Cause, Level, finding::STARTING};
use crate::field::{condition, each, lasting, name, text, time, yes, young};

/// What is wrong with a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// The cause.
    pub cause: Cause,
    /// Whether nothing on it can be well.
    pub lost: bool,
}

/// Judges a node.
pub fn judge(node: &Value, now: Timestamp) -> Option<Node> {
    let of = ("", "node", name(node));
    let ready = condition(node, "Ready");
    let status = ready.map_or("", |ready| text(ready, "/status"));
    if status != "True" {
        let since = ready.and_then(|ready| time(ready, "/lastTransitionTime"));
        if young(time(node, "/metadata/creationTimestamp"), now, STARTING) && ready.is_none() {
            return None;
        }
        let mut cause = Cause::new(Level::Critical, of, "NotReady");
        if let Some(ready) = ready {
            let reason = text(ready, "/reason");
            cause = cause.fact(if reason.is_empty() { "Unknown" } else { reason }).said(text(ready, "/message"));
        } else {
            cause = cause.fact("its kubelet has never reported");
        }
        let lasting = lasting(since, now);
        if !lasting.is_empty() {
            cause.reason.push_str(&lasting);
        }
        return Some(Node { cause, lost: true });
    }
    let pressed: Vec<&Value> = each(node, "/status/conditions")
        .filter(|condition| is_trouble(text(condition, "/type")) && text(condition, "/status") == "True")
        .collect();
    if let Some(first) = pressed.first() {
        let kinds: Vec<&str> = pressed.iter().map(|condition| text(condition, "/type")).take(4).collect();
        let reason = format!("{}{}", kinds.join(", "), lasting(time(first, "/lastTransitionTime"), now));
        let cause = Cause::new(Level::Degraded, of, &reason).said(text(first, "/message"));
        return Some(Node { cause, lost: false });
    }
    yes(node, "/spec/unschedulable")
        .then(|| Node { cause: Cause::new(Level::Note, of, "cordoned: takes no new pods"), lost: false })
}

/// The conditions that are bad when they hold. Others, of node problem detectors, say in many ways whether they are good or bad.
fn is_trouble(condition: &str) -> bool {
    condition.ends_with("Pressure")
        || matches!(condition, "NetworkUnavailable" | "KernelDeadlock" | "ReadonlyFilesystem" | "CorruptDockerOverlay2")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(node: Value) -> Option<(Level, String, bool)> {
        let node = judge(&node, "2026-01-01T00:10:00Z".parse().unwrap())?;
        Some((node.cause.level, node.cause.told(), node.lost))
    }

    #[test]
    fn nodes() {
        let with = |conditions: Value, spec: Value| json!({"metadata": {"name": "n"}, "spec": spec, "status": {"conditions": conditions}});
        let ready = json!({"type": "Ready", "status": "True"});
        assert_eq!(told(with(json!([ready, {"type": "DiskPressure", "status": "False"}]), json!({}))), None);
        assert_eq!(
            told(with(
                json!([{"type": "Ready", "status": "Unknown", "reason": "NodeStatusUnknown", "message": "Kubelet stopped posting node status.", "lastTransitionTime": "2026-01-01T00:00:00Z"}]),
                json!({})
            )),
            Some((
                Level::Critical,
                "NotReady for 10m, NodeStatusUnknown, \"Kubelet stopped posting node status.\"".into(),
                true
            ))
        );
        assert_eq!(
            told(with(
                json!([ready, {"type": "DiskPressure", "status": "True", "message": "kubelet has disk pressure"}]),
                json!({})
            )),
            Some((Level::Degraded, "DiskPressure, \"kubelet has disk pressure\"".into(), false))
        );
        assert_eq!(
            told(with(json!([ready]), json!({"unschedulable": true}))),
            Some((Level::Note, "cordoned: takes no new pods".into(), false))
        );
        assert_eq!(told(json!({})).unwrap().1, "NotReady, its kubelet has never reported");
    }
}
