//! Whose log says something about a pod.

use serde_json::Value;

use crate::field::{items, text as field};

/// The most containers whose log is shown.
const LOGS_MAX: usize = 3;

/// Which containers' logs tell something, and whether the one before the last start does.
pub fn wanted(pod: &Value) -> Vec<(String, bool)> {
    let statuses = ["initContainerStatuses", "containerStatuses"];
    let all = statuses.iter().flat_map(|list| items(pod.pointer("/status").and_then(|status| status.get(*list))));
    let mut wanted = Vec::new();
    let mut well = Vec::new();
    for status in all {
        let name = field(status, "/name").to_owned();
        let ended_badly = |path: &str| {
            status.pointer(path).is_some_and(|ended| ended.get("exitCode").and_then(Value::as_i64) != Some(0))
        };
        let runs = status.pointer("/state/running").is_some();
        let unready = status.get("ready").and_then(Value::as_bool) == Some(false);
        if status.pointer("/state/waiting").is_some() {
            // It has only written something if it ran before.
            wanted.extend(status.pointer("/lastState/terminated").map(|_| (name, true)));
        } else if ended_badly("/state/terminated") || runs && unready {
            wanted.push((name, false));
        } else if ended_badly("/lastState/terminated") {
            wanted.push((name, true));
        } else if runs {
            well.push((name, false));
        }
    }
    if wanted.is_empty() {
        wanted.extend(well.into_iter().take(1));
    }
    wanted.truncate(LOGS_MAX);
    wanted
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn logs_are_those_that_tell_something() {
        let status = |name: &str, ready: bool, state: Value, last: Value| json!({"name": name, "ready": ready, "state": state, "lastState": last});
        let crashed = json!({"terminated": {"exitCode": 3}});
        let of = |statuses: Vec<Value>| wanted(&json!({"status": {"containerStatuses": statuses}}));
        let running = || json!({"running": {}});
        assert_eq!(of(vec![status("a", false, json!({"waiting": {}}), crashed.clone())]), [("a".into(), true)]);
        assert_eq!(of(vec![status("a", false, json!({"waiting": {}}), json!({}))]), []);
        assert_eq!(
            of(vec![status("a", true, running(), json!({})), status("b", false, running(), json!({}))]),
            [("b".into(), false)]
        );
        assert_eq!(
            of(vec![status("a", true, running(), json!({})), status("b", true, running(), json!({}))]),
            [("a".into(), false)]
        );
        assert_eq!(of(vec![status("a", true, running(), crashed)]), [("a".into(), true)]);
        assert_eq!(of(vec![status("a", false, json!({"terminated": {"exitCode": 0}}), json!({}))]), []);
    }
}
