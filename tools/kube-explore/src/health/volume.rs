//! Volume claims that are not bound.

use jiff::Timestamp;
use serde_json::Value;

use super::{About, Cause, Evidence, Level};
use crate::field::{lasting, name, namespace, text, time, young};

/// How many seconds a claim that was deleted may take to go.
const ENDING: i64 = 60;

/// Judges a claim. `waits` says whether a storage class (none is the default one) binds only when a pod comes: then waiting is no trouble,
/// unless a node was chosen for it already.
pub fn claim(claim: &Value, waits: &dyn Fn(Option<&str>) -> bool, now: Timestamp) -> Option<Cause> {
    let of = (namespace(claim), "pvc", name(claim));
    let since = time(claim, "/metadata/creationTimestamp");
    let deleted = time(claim, "/metadata/deletionTimestamp");
    if deleted.is_some() && !young(deleted, now, ENDING) {
        return Some(
            Cause::new(Level::Degraded, of, &format!("Terminating{}", lasting(deleted, now)))
                .fact("a pod uses it still, and it is gone with that one"),
        );
    }
    match text(claim, "/status/phase") {
        "Lost" => Some(Cause::new(Level::Degraded, of, "Lost").fact("the volume it was bound to is gone")),
        "Pending" => {
            let class = claim.pointer("/spec/storageClassName").and_then(Value::as_str);
            let chosen = claim.pointer("/metadata/annotations/volume.kubernetes.io~1selected-node").is_some();
            if waits(class) && !chosen {
                return None;
            }
            let mut cause = Cause::new(Level::Degraded, of, &format!("Pending{}", lasting(since, now)));
            cause = match class {
                Some(class) if !class.is_empty() => cause.fact(super::words::brief(&format!("storage class {class}"))),
                _ => cause.fact("no storage class"),
            };
            Some(cause.see(Evidence::Events(About {
                kind: "PersistentVolumeClaim",
                name: name(claim).to_owned(),
                uid: text(claim, "/metadata/uid").to_owned(),
            })))
        }
        _ => None,
    }
}

/// Whether a storage class binds only when a pod comes.
pub fn waits(class: &Value) -> bool {
    text(class, "/volumeBindingMode") == "WaitForFirstConsumer"
}

/// Whether it is the one that claims without one get.
pub fn is_default(class: &Value) -> bool {
    text(class, "/metadata/annotations/storageclass.kubernetes.io~1is-default-class") == "true"
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn claims() {
        let now = "2026-01-01T00:10:00Z".parse().unwrap();
        let judged = |object: Value| {
            claim(&object, &|class| class.is_none_or(|class| class == "late"), now).map(|cause| cause.told())
        };
        let pending = |class: Value| json!({"metadata": {"name": "data", "creationTimestamp": "2026-01-01T00:05:00Z"}, "spec": {"storageClassName": class}, "status": {"phase": "Pending"}});
        assert_eq!(judged(pending(json!("late"))), None);
        assert_eq!(judged(pending(json!(null))), None);
        assert_eq!(judged(pending(json!("fast"))).unwrap(), "Pending for 5m, storage class fast");
        assert_eq!(judged(pending(json!(""))).unwrap(), "Pending for 5m, no storage class");
        let mut chosen = pending(json!("late"));
        chosen["metadata"]["annotations"] = json!({"volume.kubernetes.io/selected-node": "n"});
        assert!(judged(chosen).is_some());
        assert_eq!(judged(json!({"status": {"phase": "Bound"}})), None);
        let going = |at: &str| judged(json!({"metadata": {"deletionTimestamp": at}, "status": {"phase": "Bound"}}));
        assert_eq!(
            going("2026-01-01T00:05:00Z").unwrap(),
            "Terminating for 5m, a pod uses it still, and it is gone with that one"
        );
        assert_eq!(going("2026-01-01T00:09:30Z"), None);
        assert!(judged(json!({"status": {"phase": "Lost"}})).unwrap().starts_with("Lost"));
    }
}
