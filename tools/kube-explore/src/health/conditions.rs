//! Objects whose conditions say what is wrong: API services, autoscalers, disruption budgets, namespaces that end, custom resources.

use jiff::Timestamp;
use serde_json::Value;

use super::{Cause, Level, finding::STARTING, words};
use crate::{
    field::{condition_is, each, lasting, name, namespace, number, of_group, text, time, yes, young},
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
    let kind_of = scaler.pointer("/spec/scaleTargetRef").map(of_group).unwrap_or_default();
    let target = format!("{kind_of}/{}", text(scaler, "/spec/scaleTargetRef/name"));
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
    let (healthy, desired, expected) = (at("currentHealthy"), at("desiredHealthy"), at("expectedPods"));
    // One that selects nothing is in nobody's way.
    if at("disruptionsAllowed") > 0 || expected == 0 && healthy == 0 {
        return None;
    }
    let of = (namespace(budget), "pdb", name(budget));
    let since = condition_is(budget, "DisruptionAllowed", "False").and_then(|no| time(no, "/lastTransitionTime"));
    let cause = if healthy < desired {
        // Pods that start are not healthy yet.
        if young(since, now, ENDING) {
            return None;
        }
        Cause::new(Level::Degraded, of, "fewer healthy pods than it asks for").fact(format!("{healthy} of {desired}"))
    } else if expected == 0 {
        Cause::new(Level::Note, of, "allows no disruption")
            .fact("its pods have no controller that says how many there should be: a drain would wait")
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

/// The column in which a row of a custom resource says that it is not well, and what stands there. Columns may be of text or of truth.
pub fn unwell<'r>(columns: &Columns, row: &'r Row) -> Option<(&'static str, &'r str)> {
    let is_no = |cell: &str| cell.eq_ignore_ascii_case("false") || cell.eq_ignore_ascii_case("unknown");
    let cell = |name: &'static str| Some((name, columns.cell(row, name)?));
    let telling = TELLING.into_iter().filter_map(cell).find(|(_, cell)| is_no(cell));
    let mut health = ["health status", "health"].into_iter().filter_map(cell);
    telling.or_else(|| health.find(|(_, cell)| is_ill(cell)))
}

/// Argo's words for it.
fn is_ill(health: &str) -> bool {
    matches!(health, "Degraded" | "Missing" | "Unhealthy" | "Failed")
}

/// Whether a table has a column that tells.
pub fn tells(columns: &Columns) -> bool {
    columns.names().any(|name| {
        let name = name.to_lowercase();
        TELLING.contains(&name.as_str()) || matches!(name.as_str(), "health status" | "health")
    })
}

fn telling(object: &Value) -> impl Iterator<Item = &Value> {
    each(object, "/status/conditions")
        .filter(|condition| TELLING.contains(&text(condition, "/type").to_lowercase().as_str()))
}

/// Whether a custom resource says how it is.
pub fn has_state(object: &Value) -> bool {
    telling(object).next().is_some() || !text(object, "/status/health/status").is_empty()
}

/// What a custom resource says of itself, `column` being what its row says.
pub fn custom(object: &Value, kind: &str, column: Option<(&str, &str)>, now: Timestamp) -> Option<Cause> {
    let of = (namespace(object), kind, name(object));
    let suspended = yes(object, "/spec/suspend");
    let level = if suspended { Level::Note } else { Level::Degraded };
    let told = |cause: Cause| if suspended { cause.fact("suspended") } else { cause };
    let is = |status: &str| telling(object).find(|condition| text(condition, "/status") == status);
    let Some(unwell) = is("False").or_else(|| is("Unknown")) else {
        let health = text(object, "/status/health/status");
        if is_ill(health) {
            return Some(Cause::new(Level::Degraded, of, health).said(text(object, "/status/health/message")));
        }
        // It says it in a field of its own, of which nothing more is known. Who says it in a condition is well by now.
        let young = young(time(object, "/metadata/creationTimestamp"), now, STARTING);
        let (column, cell) = column.filter(|_| !has_state(object) && !young)?;
        return Some(told(Cause::new(level, of, &format!("{column}={cell}"))));
    };
    let since = time(unwell, "/lastTransitionTime");
    // Whoever is at work does not know yet.
    let patience = if text(unwell, "/status") == "False" { STARTING } else { ENDING };
    if young(since, now, patience) {
        return None;
    }
    let reason = format!("{}={}{}", text(unwell, "/type"), text(unwell, "/status"), lasting(since, now));
    let cause = told(Cause::new(level, of, &reason).said(text(unwell, "/message")));
    let reason = text(unwell, "/reason");
    Some(if reason.is_empty() { cause } else { cause.fact(words::brief(reason)) })
}

/// A definition of a custom kind that is not served.
pub fn definition(definition: &Value, now: Timestamp) -> Option<Cause> {
    if young(time(definition, "/metadata/creationTimestamp"), now, STARTING) {
        return None;
    }
    let (no, of) = ["NamesAccepted", "Established"]
        .into_iter()
        .find_map(|of| Some((condition_is(definition, of, "False")?, of)))?;
    Some(
        Cause::new(Level::Degraded, ("", "customresourcedefinition", name(definition)), "its kind is not served")
            .fact(format!("{of}=False"))
            .fact(words::brief(text(no, "/reason")))
            .said(text(no, "/message")),
    )
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
            json!({"metadata": {"name": "q", "namespace": "a"}, "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "q"}},
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
        let cause = custom(&with("False", old, false), "backup", None, now()).unwrap();
        assert_eq!(
            (cause.object().as_str(), cause.told().as_str()),
            ("a/backup/nightly", "Ready=False for 10m, BucketUnreachable, \"connection refused\"")
        );
        assert_eq!(custom(&with("True", old, false), "backup", None, now()), None);
        assert_eq!(custom(&with("False", "2026-01-01T00:09:50Z", false), "backup", None, now()), None);
        assert_eq!(custom(&with("False", old, true), "backup", None, now()).unwrap().level, Level::Note);
        let argo = json!({"metadata": {"name": "x"}, "status": {"health": {"status": "Degraded", "message": "m"}}});
        assert_eq!(custom(&argo, "application", None, now()).unwrap().told(), "Degraded, \"m\"");
        let unknown = |since: &str| {
            let conditions = json!([{"type": "Ready", "status": "Unknown", "lastTransitionTime": since}]);
            custom(&json!({"status": {"conditions": conditions}}), "backup", None, now()).map(|cause| cause.told())
        };
        assert_eq!(unknown(old).as_deref(), Some("Ready=Unknown for 10m"));
        assert_eq!(unknown("2026-01-01T00:09:00Z"), None);
    }

    #[test]
    fn custom_resources_say_it_in_a_column() {
        let definitions = json!([{"name": "Name"}, {"name": "Ready"}, {"name": "Health"}]);
        let columns = Columns::read(json!({ "columnDefinitions": definitions }).to_string().as_bytes()).unwrap();
        let said = |ready: Value, health: &str| {
            let row: Row = serde_json::from_value(json!({"cells": ["a", ready, health]})).unwrap();
            unwell(&columns, &row).map(|(column, cell)| format!("{column}={cell}"))
        };
        for (ready, health, expected) in [
            (json!(false), "", Some("ready=false")),
            (json!("False"), "", Some("ready=False")),
            (json!("Unknown"), "", Some("ready=Unknown")),
            (json!(true), "Degraded", Some("health=Degraded")),
            (json!(true), "Healthy", None),
            (json!("2/2"), "", None),
            (json!(null), "", None),
        ] {
            assert_eq!(said(ready.clone(), health).as_deref(), expected, "{ready} {health}");
        }
        let told = |object: Value| custom(&object, "thing", Some(("ready", "false")), now()).map(|cause| cause.told());
        assert_eq!(told(json!({"status": {"ready": false}})).as_deref(), Some("ready=false"));
        assert_eq!(told(json!({"spec": {"suspend": true}})).as_deref(), Some("ready=false, suspended"));
        assert_eq!(told(json!({"metadata": {"creationTimestamp": "2026-01-01T00:09:50Z"}})), None);
        assert_eq!(told(json!({"status": {"conditions": [{"type": "Ready", "status": "True"}]}})), None);
    }

    #[test]
    fn definitions_that_are_not_served() {
        let with =
            |conditions: Value| json!({"metadata": {"name": "things.a.io"}, "status": {"conditions": conditions}});
        let names = json!([{"type": "NamesAccepted", "status": "False", "reason": "ShortNamesConflict", "message": "\"th\" is already in use"}, {"type": "Established", "status": "False", "reason": "NotAccepted"}]);
        let cause = definition(&with(names), now()).unwrap();
        assert_eq!(
            (cause.object().as_str(), cause.told().as_str()),
            (
                "customresourcedefinition/things.a.io",
                "its kind is not served, NamesAccepted=False, ShortNamesConflict, \"\"th\" is already in use\""
            )
        );
        assert_eq!(definition(&with(json!([{"type": "Established", "status": "True"}])), now()), None);
    }
}
