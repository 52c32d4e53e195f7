//! Reading objects that may lack any field, or have something else in it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

/// The most labels of one object that are kept.
const LABELS: usize = 64;
/// How far the clocks of a cluster and of this machine may be apart before a time is not believed.
pub const SKEW: i64 = 60;

/// The text at `path`; empty where there is none.
pub fn text<'v>(value: &'v Value, path: &str) -> &'v str {
    value.pointer(path).and_then(Value::as_str).unwrap_or_default()
}

/// The elements of the array at `path`.
pub fn each<'v>(value: &'v Value, path: &str) -> impl Iterator<Item = &'v Value> {
    value.pointer(path).and_then(Value::as_array).into_iter().flatten()
}

/// The elements of an array; none of anything else.
pub fn items(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    value.and_then(Value::as_array).into_iter().flatten()
}

/// The number at `path`; 0 where there is none.
pub fn number(value: &Value, path: &str) -> i64 {
    value.pointer(path).and_then(Value::as_i64).unwrap_or_default()
}

/// Whether there is a `true` at `path`.
pub fn yes(value: &Value, path: &str) -> bool {
    value.pointer(path).and_then(Value::as_bool).unwrap_or_default()
}

/// The time at `path`.
pub fn time(value: &Value, path: &str) -> Option<Timestamp> {
    text(value, path).parse().ok()
}

/// The condition of a type.
pub fn condition<'v>(object: &'v Value, of: &str) -> Option<&'v Value> {
    each(object, "/status/conditions").find(|condition| text(condition, "/type") == of)
}

/// The condition of a type, if its status is this.
pub fn condition_is<'v>(object: &'v Value, of: &str, status: &str) -> Option<&'v Value> {
    condition(object, of).filter(|condition| text(condition, "/status") == status)
}

/// Whether a pod has ended, well or not: nothing of it runs any more, and nothing is sent to it.
pub fn has_ended(pod: &Value) -> bool {
    matches!(text(pod, "/status/phase"), "Succeeded" | "Failed")
}

/// The name of an object.
pub fn name(object: &Value) -> &str {
    text(object, "/metadata/name")
}

/// Its namespace; empty without one.
pub fn namespace(object: &Value) -> &str {
    text(object, "/metadata/namespace")
}

/// The kinds of Kubernetes itself that make others, and their groups.
const MAKERS: [(&str, &str); 9] = [
    ("cronjob", "batch"),
    ("daemonset", "apps"),
    ("deployment", "apps"),
    ("job", "batch"),
    ("node", ""),
    ("pod", ""),
    ("replicaset", "apps"),
    ("replicationcontroller", ""),
    ("statefulset", "apps"),
];

/// The controller of an object, as its kind in lower case and its name. Anybody may call a kind of theirs `Job`: only one of Kubernetes itself is
/// called so here, others with their group, as `job.example.com`.
pub fn controller(object: &Value) -> Option<(String, String)> {
    let owner = each(object, "/metadata/ownerReferences").find(|owner| yes(owner, "/controller"))?;
    let (kind, name) = (of_group(owner), text(owner, "/name"));
    (!kind.is_empty() && !name.is_empty()).then(|| (kind, name.to_owned()))
}

/// The kind of a reference in lower case, as [`controller`] calls it.
pub fn of_group(reference: &Value) -> String {
    let kind = text(reference, "/kind").to_lowercase();
    let version = text(reference, "/apiVersion");
    let group = version.split_once('/').map_or("", |(group, _)| group);
    match MAKERS.iter().find(|(known, _)| *known == kind) {
        // Some references need not say it.
        _ if kind.is_empty() || version.is_empty() => kind,
        Some((_, own)) if *own == group => kind,
        _ if group.is_empty() => format!("{kind}.core"),
        _ => format!("{kind}.{group}"),
    }
}

/// The labels at `path`.
pub fn labels(object: &Value, path: &str) -> BTreeMap<String, String> {
    let labels = object.pointer(path).and_then(Value::as_object).into_iter().flatten();
    labels.take(LABELS).filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
}

/// How many seconds ago; nothing where it is not known, which a time in the future is not, either.
pub fn ago(then: Option<Timestamp>, now: Timestamp) -> Option<i64> {
    let seconds = now.as_second().saturating_sub(then?.as_second());
    (seconds >= -SKEW).then_some(seconds.max(0))
}

/// Whether it is known to be less than `limit` seconds ago: what is not known is not young.
pub fn young(then: Option<Timestamp>, now: Timestamp, limit: i64) -> bool {
    ago(then, now).is_some_and(|seconds| seconds < limit)
}

/// ` for 5m`; nothing where it is not known.
pub fn lasting(then: Option<Timestamp>, now: Timestamp) -> String {
    match (then, ago(then, now)) {
        (Some(then), Some(_)) => format!(" for {}", shared::kubernetes::age::shown(then, now)),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn wrong_types_are_nothing() {
        for object in [json!(null), json!([]), json!({"metadata": 5, "status": {"conditions": [1, {"type": []}]}})] {
            assert_eq!((name(&object), namespace(&object), number(&object, "/status/x")), ("", "", 0));
            assert!(condition(&object, "Ready").is_none() && controller(&object).is_none());
            assert!(time(&object, "/metadata").is_none() && each(&object, "/metadata").next().is_none());
        }
    }

    #[test]
    fn a_kind_is_one_of_a_group() {
        for (version, kind, expected) in [
            ("batch/v1", "Job", "job"),
            ("apps/v1", "ReplicaSet", "replicaset"),
            ("v1", "Node", "node"),
            ("att.example.com/v1", "Job", "job.att.example.com"),
            ("v1", "Job", "job.core"),
            ("apps/v1", "Job", "job.apps"),
            ("argoproj.io/v1alpha1", "Rollout", "rollout.argoproj.io"),
        ] {
            let owners = json!([{"controller": true, "apiVersion": version, "kind": kind, "name": "x"}]);
            let found = controller(&json!({"metadata": {"ownerReferences": owners}}));
            assert_eq!(found, Some((expected.to_owned(), String::from("x"))));
        }
    }

    #[test]
    fn what_is_not_known_is_not_young() {
        let now = Timestamp::from_second(1_000_000).unwrap();
        let at = |second| Some(Timestamp::from_second(second).unwrap());
        assert!(young(at(999_980), now, 30) && young(at(1_000_030), now, 30));
        for then in [None, at(999_970), at(1_000_100), at(0)] {
            assert!(!young(then, now, 30));
        }
        assert_eq!((lasting(at(999_700), now), lasting(None, now)), (String::from(" for 5m"), String::new()));
    }
}
