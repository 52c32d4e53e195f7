//! Objects whose conditions say what is wrong: API services, autoscalers, disruption budgets, namespaces that end, custom resources.

use jiff::Timestamp;
use serde_json::Value;

use super::{Cause, Level, finding::STARTING, words};
use crate::{
    field::{ago, condition_is, each, lasting, name, namespace, number, text, time, yes, young},
    table::{Columns, Row},
};

/// How long a namespace may take to end while only its content is in the way.
const ENDING: i64 = 120;
/// The columns of custom resources that say whether they are well.
const TELLING: [&str; 4] = ["ready", "available", "synced", "healthy"];

/// An API service that is not available.
pub fn api_service(service: &Value, now: Timestamp) -> Option<Cause> {
    let down = condition_is(service, "Available", "False").or_else(|| condition_is(service, "Available", "Unknown"))?;
    let since = time(down, "/lastTransitionTime");
    let reason = format!("not available{}", lasting(since, now));
    Some(
        Cause::new(Level::Degraded, ("", "apiservice", name(service)), &reason)
            .fact(words::brief(text(down, "/reason")))
            .said(text(down, "/message")),
    )
}

/// An autoscaler that cannot do its work, and what it scales.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scaler {
    /// The cause.
    pub cause: Cause,
    /// `deployment/queue`.
    pub target: String,
}

/// An autoscaler that cannot do its work.
pub fn autoscaler(scaler: &Value, now: Timestamp) -> Option<Scaler> {
    if young(time(scaler, "/metadata/creationTimestamp"), now, STARTING) {
        return None;
    }
    let (stopped, kind) =
        match (condition_is(scaler, "AbleToScale", "False"), condition_is(scaler, "ScalingActive", "False")) {
            (Some(stopped), _) => (stopped, "AbleToScale"),
            (None, Some(stopped)) => (stopped, "ScalingActive"),
            (None, None) => return None,
        };
    // What it scales is scaled to zero, which is somebody's wish.
    if text(stopped, "/reason") == "ScalingDisabled" {
        return None;
    }
    let target = "/spec/scaleTargetRef";
    let kind_of = text(scaler, &format!("{target}/kind")).to_lowercase();
    let target = format!("{kind_of}/{}", text(scaler, &format!("{target}/name")));
    let cause = Cause::new(Level::Degraded, (namespace(scaler), "hpa", name(scaler)), &format!("{kind}=False"))
        .fact(words::brief(text(stopped, "/reason")))
        .fact(words::brief(&format!("{target} is not scaled")))
        .said(text(stopped, "/message"));
    Some(Scaler { cause, target })
}

/// A budget that allows no disruption, and the labels of its pods.
#[derive(Clone, Debug)]
pub struct Budget {
    /// The cause.
    pub cause: Cause,
    /// The labels its pods have; empty where it does not select by labels alone.
    pub labels: Vec<(String, String)>,
}

/// A budget that allows no disruption.
pub fn budget(budget: &Value, now: Timestamp) -> Option<Budget> {
    let at = |field: &str| number(budget, &format!("/status/{field}"));
    if at("disruptionsAllowed") > 0 || at("expectedPods") == 0 {
        return None;
    }
    let (healthy, desired, expected) = (at("currentHealthy"), at("desiredHealthy"), at("expectedPods"));
    let of = (namespace(budget), "pdb", name(budget));
    let since = condition_is(budget, "DisruptionAllowed", "False").and_then(|no| time(no, "/lastTransitionTime"));
    let cause = if healthy < desired {
        // Pods that start are not healthy yet.
        if young(since, now, ENDING) {
            return None;
        }
        Cause::new(Level::Degraded, of, "fewer healthy pods than it asks for").fact(format!("{healthy} of {desired}"))
    } else {
        Cause::new(Level::Note, of, "allows no disruption")
            .fact(format!("{healthy} of {expected} pods healthy and {desired} required: a drain would wait"))
    };
    let labels = budget.pointer("/spec/selector/matchLabels").and_then(Value::as_object).into_iter().flatten();
    let labels = labels.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect();
    Some(Budget { cause, labels })
}

/// A namespace that was deleted and does not go.
pub fn ending(object: &Value, now: Timestamp) -> Option<Cause> {
    let deleted = time(object, "/metadata/deletionTimestamp");
    if text(object, "/status/phase") != "Terminating" {
        return None;
    }
    let kept = condition_is(object, "NamespaceFinalizersRemaining", "True");
    let failing = [
        "NamespaceDeletionDiscoveryFailure",
        "NamespaceDeletionGroupVersionParsingFailure",
        "NamespaceDeletionContentFailure",
    ];
    let failing = failing.iter().find_map(|of| condition_is(object, of, "True"));
    let content = condition_is(object, "NamespaceContentRemaining", "True");
    let limit = if kept.or(failing).is_some() { STARTING } else { ENDING };
    if young(deleted, now, limit) {
        return None;
    }
    let reason = format!("Terminating{}", lasting(deleted, now));
    let mut cause = Cause::new(Level::Degraded, ("", "namespace", name(object)), &reason);
    // The finalizers say who has to act; what remains, what is in the way.
    for condition in [failing, content, kept].into_iter().flatten() {
        let message = text(condition, "/message");
        let message = message.strip_prefix("Some content in the namespace has ").unwrap_or(message);
        cause = cause.fact(words::brief(message.strip_prefix("Some resources are remaining: ").unwrap_or(message)));
    }
    Some(cause)
}

/// Whether a row of a custom resource says that it is not well.
pub fn is_unwell(columns: &Columns, row: &Row) -> bool {
    TELLING.iter().any(|name| columns.cell(row, name) == Some("False"))
        || ["health status", "health"]
            .iter()
            .any(|name| matches!(columns.cell(row, name), Some("Degraded" | "Unhealthy" | "Missing" | "Failed")))
}

/// Whether a table has a column that tells.
pub fn tells(columns: &Columns) -> bool {
    columns.names().any(|name| {
        let name = name.to_lowercase();
        TELLING.contains(&name.as_str()) || matches!(name.as_str(), "health status" | "health")
    })
}

/// What a custom resource says of itself.
pub fn custom(object: &Value, kind: &str, now: Timestamp) -> Option<Cause> {
    let of = (namespace(object), kind, name(object));
    let unwell = each(object, "/status/conditions").find(|condition| {
        TELLING.contains(&text(condition, "/type").to_lowercase().as_str()) && text(condition, "/status") == "False"
    });
    let Some(unwell) = unwell else {
        // Argo's way to say it.
        let health = text(object, "/status/health/status");
        return matches!(health, "Degraded" | "Missing" | "Unhealthy" | "Failed")
            .then(|| Cause::new(Level::Degraded, of, health).said(text(object, "/status/health/message")));
    };
    let since = time(unwell, "/lastTransitionTime");
    if young(since, now, STARTING) && ago(since, now).is_some() {
        return None;
    }
    let reason = format!("{}=False{}", text(unwell, "/type"), lasting(since, now));
    let suspended = yes(object, "/spec/suspend");
    let level = if suspended { Level::Note } else { Level::Degraded };
    let mut cause = Cause::new(level, of, &reason).said(text(unwell, "/message"));
    if suspended {
        cause = cause.fact("suspended");
    }
    let reason = text(unwell, "/reason");
    Some(if reason.is_empty() { cause } else { cause.fact(words::brief(reason)) })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn now() -> Timestamp {
        "2026-01-01T00:10:00Z".parse().unwrap()
    }

    #[test]
    fn api_services() {
        let with = |status: &str| json!({"metadata": {"name": "v1.x"}, "status": {"conditions": [{"type": "Available", "status": status, "reason": "MissingEndpoints", "message": "endpoints for service/x are empty"}]}});
        assert_eq!(api_service(&with("True"), now()), None);
        assert_eq!(
            api_service(&with("False"), now()).unwrap().told(),
            "not available, MissingEndpoints, \"endpoints for service/x are empty\""
        );
    }

    #[test]
    fn autoscalers() {
        let with = |kind: &str, reason: &str| {
            json!({"metadata": {"name": "q", "namespace": "a"}, "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "q"}},
            "status": {"conditions": [{"type": kind, "status": "False", "reason": reason, "message": "missing request for cpu"}]}})
        };
        assert_eq!(
            autoscaler(&with("ScalingActive", "FailedGetResourceMetric"), now()).unwrap().cause.told(),
            "ScalingActive=False, FailedGetResourceMetric, deployment/q is not scaled, \"missing request for cpu\""
        );
        assert_eq!(autoscaler(&with("ScalingActive", "ScalingDisabled"), now()), None);
        assert_eq!(autoscaler(&with("ScalingLimited", "TooFewReplicas"), now()), None);
    }

    #[test]
    fn a_budget_without_room_is_a_note_and_a_broken_one_is_trouble() {
        let with = |allowed: i64, healthy: i64, desired: i64, expected: i64| {
            let object = json!({"metadata": {"name": "b"}, "spec": {"selector": {"matchLabels": {"app": "a"}}}, "status": {"disruptionsAllowed": allowed, "currentHealthy": healthy, "desiredHealthy": desired, "expectedPods": expected}});
            budget(&object, now()).map(|budget| budget.cause.level)
        };
        assert_eq!(with(1, 2, 1, 2), None);
        assert_eq!(with(0, 0, 0, 0), None);
        assert_eq!(with(0, 1, 1, 1), Some(Level::Note));
        assert_eq!(with(0, 1, 2, 2), Some(Level::Degraded));
        assert!(budget(&json!({}), now()).is_none());
    }

    #[test]
    fn namespaces_that_do_not_end() {
        let with = |deleted: &str, kind: &str, message: &str| json!({"metadata": {"name": "x", "deletionTimestamp": deleted}, "status": {"phase": "Terminating", "conditions": [{"type": kind, "status": "True", "message": message}]}});
        let kept = "Some content in the namespace has finalizers remaining: example.com/backup in 1 resource instances";
        assert_eq!(
            ending(&with("2026-01-01T00:09:00Z", "NamespaceFinalizersRemaining", kept), now()).unwrap().told(),
            "Terminating for 60s, finalizers remaining: example.com/backup in 1 resource instances"
        );
        assert_eq!(ending(&with("2026-01-01T00:09:50Z", "NamespaceFinalizersRemaining", kept), now()), None);
        assert_eq!(ending(&with("2026-01-01T00:09:00Z", "NamespaceContentRemaining", "pods. has 2"), now()), None);
        assert!(ending(&with("2026-01-01T00:00:00Z", "NamespaceContentRemaining", "pods. has 2"), now()).is_some());
        assert_eq!(ending(&json!({"status": {"phase": "Active"}}), now()), None);
    }

    #[test]
    fn custom_resources_say_it_themselves() {
        let with = |status: &str, since: &str, suspend: bool| {
            json!({"metadata": {"name": "nightly", "namespace": "a"}, "spec": {"suspend": suspend}, "status": {"conditions": [
            {"type": "Ready", "status": status, "reason": "BucketUnreachable", "message": "connection refused", "lastTransitionTime": since}]}})
        };
        let old = "2026-01-01T00:00:00Z";
        let cause = custom(&with("False", old, false), "backup", now()).unwrap();
        assert_eq!(
            (cause.object().as_str(), cause.told().as_str()),
            ("a/backup/nightly", "Ready=False for 10m, BucketUnreachable, \"connection refused\"")
        );
        assert_eq!(custom(&with("True", old, false), "backup", now()), None);
        assert_eq!(custom(&with("False", "2026-01-01T00:09:50Z", false), "backup", now()), None);
        assert_eq!(custom(&with("False", old, true), "backup", now()).unwrap().level, Level::Note);
        let argo = json!({"metadata": {"name": "x"}, "status": {"health": {"status": "Degraded", "message": "m"}}});
        assert_eq!(custom(&argo, "application", now()).unwrap().told(), "Degraded, \"m\"");
    }
}
