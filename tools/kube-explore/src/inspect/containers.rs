//! The containers of a pod: how each is, how often it began anew, and how it ended last.

use jiff::Timestamp;
use serde_json::Value;

use super::{ago, cut};
use crate::field::{items, text};

/// The longest message of a state.
const MESSAGE_MAX: usize = 300;

/// A line for each container, in the order they start.
pub fn lines(pod: &Value, now: Timestamp) -> Vec<String> {
    let mut lines = Vec::new();
    for (list, statuses, prefix) in [
        ("initContainers", "initContainerStatuses", "init "),
        ("containers", "containerStatuses", ""),
        ("ephemeralContainers", "ephemeralContainerStatuses", "debug "),
    ] {
        for container in items(pod.pointer("/spec").and_then(|spec| spec.get(list))) {
            let name = text(container, "/name");
            let all = items(pod.pointer("/status").and_then(|status| status.get(statuses)));
            let status = all.into_iter().find(|status| text(status, "/name") == name);
            lines.push(format!("{prefix}{name} ({}): {}", text(container, "/image"), state(status, now)));
            let size = resources(container);
            if !size.is_empty() {
                lines.push(format!("  {size}"));
            }
        }
    }
    lines
}

fn state(status: Option<&Value>, now: Timestamp) -> String {
    let Some(status) = status else { return String::from("no status yet") };
    let mut parts = Vec::new();
    let state = status.get("state").unwrap_or(&Value::Null);
    if let Some(waiting) = state.get("waiting") {
        parts.push(said("waiting", waiting));
    } else if let Some(ended) = state.get("terminated") {
        parts.push(ending(ended, now));
    } else if let Some(running) = state.get("running") {
        let since = ago(running, "/startedAt", now).map(|since| format!(" for {since}")).unwrap_or_default();
        parts.push(format!("running{since}"));
    }
    if status.get("ready").and_then(Value::as_bool) == Some(false) && state.get("running").is_some() {
        parts.push(String::from("not ready"));
    }
    let restarts = status.get("restartCount").and_then(Value::as_i64).unwrap_or_default();
    if restarts > 0 {
        parts.push(format!("{restarts} restarts"));
    }
    if let Some(last) = status.pointer("/lastState/terminated") {
        parts.push(format!("before: {}", ending(last, now)));
    }
    if parts.is_empty() { String::from("no state yet") } else { parts.join("; ") }
}

fn said(what: &str, state: &Value) -> String {
    let (reason, message) = (text(state, "/reason"), text(state, "/message"));
    let mut said = format!("{what} {reason}").trim_end().to_owned();
    if !message.is_empty() {
        said.push_str(&format!(": {}", cut(message, MESSAGE_MAX)));
    }
    said
}

/// How a container ended: exit code, signal, reason.
fn ending(ended: &Value, now: Timestamp) -> String {
    let mut said = match ended.get("exitCode").and_then(Value::as_i64) {
        Some(code) => format!("exit code {code}"),
        None => String::from("ended"),
    };
    if let Some(signal) = ended.get("signal").and_then(Value::as_i64).filter(|signal| *signal != 0) {
        said.push_str(&format!(", signal {signal}"));
    }
    let (reason, message) = (text(ended, "/reason"), text(ended, "/message"));
    if !reason.is_empty() {
        said.push_str(&format!(" {reason}"));
    }
    if let Some(then) = ago(ended, "/finishedAt", now) {
        said.push_str(&format!(" {then} ago"));
    }
    if !message.trim().is_empty() {
        said.push_str(&format!(": {}", cut(message.trim(), MESSAGE_MAX)));
    }
    said
}

/// What it asks for and may have.
fn resources(container: &Value) -> String {
    let list = |field: &str| {
        let all = container.pointer("/resources").and_then(|resources| resources.get(field)).and_then(Value::as_object);
        let all: Vec<String> =
            all.into_iter().flatten().filter_map(|(name, value)| Some(format!("{name} {}", value.as_str()?))).collect();
        (!all.is_empty()).then(|| format!("{field} {}", all.join(", ")))
    };
    [list("requests"), list("limits")].into_iter().flatten().collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_says_how_it_is_and_how_it_ended() {
        let now: Timestamp = "2026-01-01T00:10:00Z".parse().unwrap();
        let pod = json!({
            "spec": {"initContainers": [{"name": "i", "image": "a"}], "containers": [
                {"name": "c", "image": "b:1", "resources": {"requests": {"cpu": "1"}, "limits": {"memory": "1Gi"}}}, {"name": "d"}, {"name": "e"}]},
            "status": {"initContainerStatuses": [{"name": "i", "state": {"terminated": {"exitCode": 0, "reason": "Completed"}}}],
                "containerStatuses": [
                    {"name": "c", "ready": false, "restartCount": 4, "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}},
                        "lastState": {"terminated": {"exitCode": 137, "signal": 9, "reason": "OOMKilled", "finishedAt": "2026-01-01T00:09:00Z"}}},
                    {"name": "d", "ready": false, "restartCount": 0, "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}}]}});
        assert_eq!(
            lines(&pod, now),
            [
                "init i (a): exit code 0 Completed",
                "c (b:1): waiting CrashLoopBackOff: back-off; 4 restarts; before: exit code 137, signal 9 OOMKilled 60s ago",
                "  requests cpu 1; limits memory 1Gi",
                "d (): running for 10m; not ready",
                "e (): no status yet",
            ]
        );
        for odd in [
            json!({}),
            json!({"spec": {"containers": 5}}),
            json!({"spec": {"containers": [5]}, "status": {"containerStatuses": [[]]}}),
        ] {
            let _ = lines(&odd, now);
        }
    }
}
