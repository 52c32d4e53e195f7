//! How an object is, in a few words of its kind.

use serde_json::Value;

use super::{foreign, state};
use crate::field::{condition, condition_is, items, number, text};

/// How an object is, in a few words.
pub fn note(object: &Value) -> String {
    let replicas = |ready: &str, wanted: &str| {
        // Without a number, the API server means one.
        let wanted = object.pointer(wanted).and_then(Value::as_i64).unwrap_or(1);
        format!("{}/{wanted} ready", number(object, ready))
    };
    let kind = own_kind(object);
    // A pod and a namespace say so themselves.
    let leaves = !text(object, "/metadata/deletionTimestamp").is_empty() && !matches!(kind, "Pod" | "Namespace");
    let deleted = if leaves { ", terminating" } else { "" };
    let note = match kind {
        "Pod" => state::pod(object),
        "Deployment" | "StatefulSet" | "ReplicaSet" => replicas("/status/readyReplicas", "/spec/replicas"),
        "DaemonSet" => replicas("/status/numberReady", "/status/desiredNumberScheduled"),
        "Job" => match (number(object, "/status/succeeded"), number(object, "/status/failed")) {
            (0, 0) => format!("{} running", number(object, "/status/active")),
            (done, failed) => format!("{done} succeeded, {failed} failed"),
        },
        "CronJob" => {
            let suspended = object.pointer("/spec/suspend").and_then(Value::as_bool).unwrap_or(false);
            format!("{}{}", text(object, "/spec/schedule"), if suspended { ", suspended" } else { "" })
        }
        "Service" => text(object, "/spec/type").to_owned(),
        "EndpointSlice" => {
            let all = items(object.get("endpoints"));
            let ready =
                |endpoint: &&Value| endpoint.pointer("/conditions/ready").and_then(Value::as_bool).unwrap_or(true);
            let (all, ready) = (all.count(), items(object.get("endpoints")).filter(ready).count());
            format!("{ready} of {all} endpoints ready")
        }
        "PersistentVolumeClaim" | "PersistentVolume" | "Namespace" => text(object, "/status/phase").to_owned(),
        "HorizontalPodAutoscaler" => {
            let least = object.pointer("/spec/minReplicas").and_then(Value::as_i64).unwrap_or(1);
            let (most, now) = (number(object, "/spec/maxReplicas"), number(object, "/status/currentReplicas"));
            let idle = idle(object).map(|(kind, why)| match text(why, "/reason") {
                "" => format!(", {kind}=False"),
                reason => format!(", {kind}=False: {reason}"),
            });
            format!("{least} to {most} replicas, now {now}{}", idle.unwrap_or_default())
        }
        "PodDisruptionBudget" => format!("{} may go", number(object, "/status/disruptionsAllowed")),
        "Node" => node(object),
        _ => {
            let ready = condition(object, "Ready");
            ready
                .map(|ready| match (text(ready, "/status"), text(ready, "/reason")) {
                    (status, "") => format!("Ready={status}"),
                    (status, reason) => format!("Ready={status}: {reason}"),
                })
                .unwrap_or_default()
        }
    };
    format!("{note}{deleted}").trim_start_matches(", ").to_owned()
}

/// Whether a node is ready, what it is short of, and whether it takes pods.
fn node(object: &Value) -> String {
    let is = |kind: &str| {
        let mut conditions = items(object.pointer("/status/conditions"));
        conditions.any(|condition| text(condition, "/type") == kind && text(condition, "/status") == "True")
    };
    let mut words = vec![if is("Ready") { "Ready" } else { "NotReady" }];
    words.extend(
        ["MemoryPressure", "DiskPressure", "PIDPressure", "NetworkUnavailable"].into_iter().filter(|kind| is(kind)),
    );
    if object.pointer("/spec/unschedulable").and_then(Value::as_bool) == Some(true) {
        words.push("cordoned");
    }
    words.join(", ")
}

/// The kind of an object, if it is a built-in one.
fn own_kind(object: &Value) -> &str {
    if foreign(text(object, "/apiVersion")).is_empty() { text(object, "/kind") } else { "" }
}

/// Why an autoscaler does nothing.
fn idle(object: &Value) -> Option<(&'static str, &Value)> {
    ["ScalingActive", "AbleToScale"].into_iter().find_map(|kind| Some((kind, condition_is(object, kind, "False")?)))
}

/// Whether an object is as it should be, as far as it says.
pub fn is_well(object: &Value) -> bool {
    let wanted = |path: &str| object.pointer(path).and_then(Value::as_i64).unwrap_or(1);
    match own_kind(object) {
        "Pod" => state::is_well(object),
        "Deployment" | "StatefulSet" | "ReplicaSet" => {
            number(object, "/status/readyReplicas") >= wanted("/spec/replicas")
        }
        "DaemonSet" => number(object, "/status/numberReady") >= number(object, "/status/desiredNumberScheduled"),
        "Job" => condition_is(object, "Failed", "True").is_none(),
        "EndpointSlice" => items(object.get("endpoints"))
            .all(|endpoint| endpoint.pointer("/conditions/ready").and_then(Value::as_bool).unwrap_or(true)),
        "PersistentVolumeClaim" => text(object, "/status/phase") == "Bound",
        "PersistentVolume" => text(object, "/status/phase") != "Failed",
        "Namespace" => text(object, "/status/phase") != "Terminating",
        "HorizontalPodAutoscaler" => idle(object).is_none(),
        "Node" => node(object) == "Ready" || node(object) == "Ready, cordoned",
        _ => condition_is(object, "Ready", "False").is_none(),
    }
}
