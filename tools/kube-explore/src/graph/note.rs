//! How an object is, in a few words of its kind.

use serde_json::Value;

use crate::field::{items, number, text};

/// How an object is, in a few words.
pub fn note(object: &Value) -> String {
    let replicas = |ready: &str, wanted: &str| {
        // Without a number, the API server means one.
        let wanted = object.pointer(wanted).and_then(Value::as_i64).unwrap_or(1);
        format!("{}/{wanted} ready", number(object, ready))
    };
    let deleted = if text(object, "/metadata/deletionTimestamp").is_empty() { "" } else { ", terminating" };
    let note = match text(object, "/kind") {
        "Pod" => pod(object),
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
        "HorizontalPodAutoscaler" => format!(
            "{} to {} replicas, now {}",
            object.pointer("/spec/minReplicas").and_then(Value::as_i64).unwrap_or(1),
            number(object, "/spec/maxReplicas"),
            number(object, "/status/currentReplicas")
        ),
        "PodDisruptionBudget" => format!("{} may go", number(object, "/status/disruptionsAllowed")),
        "Node" => node(object),
        _ => {
            let ready =
                items(object.pointer("/status/conditions")).find(|condition| text(condition, "/type") == "Ready");
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

/// A pod's state as kubectl prints it, near enough for one word.
fn pod(object: &Value) -> String {
    let statuses = || items(object.pointer("/status/containerStatuses"));
    let reason = items(object.pointer("/status/initContainerStatuses")).chain(statuses()).find_map(|status| {
        let waiting = text(status, "/state/waiting/reason");
        let ended = text(status, "/state/terminated/reason");
        [waiting, ended]
            .into_iter()
            .find(|reason| !matches!(*reason, "" | "PodInitializing" | "ContainerCreating" | "Completed"))
    });
    let own = Some(text(object, "/status/reason")).filter(|reason| !reason.is_empty());
    let state = own.or(reason).unwrap_or_else(|| text(object, "/status/phase"));
    let ready = statuses().filter(|status| status.get("ready").and_then(Value::as_bool) == Some(true)).count();
    let all = items(object.pointer("/spec/containers")).count();
    format!("{state} {ready}/{all}")
}
