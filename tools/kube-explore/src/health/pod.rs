//! Why a pod is not well.

use jiff::Timestamp;
use serde_json::Value;

use super::{
    container::{Container, spec},
    finding::{Class, Finding, Pod, STARTING},
    words,
};
use crate::field::{SKEW, condition, condition_is, controller, each, labels, lasting, name, number, text, time, young};

/// The most claims of one pod that are kept.
const KEPT: usize = 64;

/// Looks at a pod.
pub fn look(pod: &Value, now: Timestamp) -> Pod {
    Pod {
        finding: judge(pod, now),
        owner: owner(pod),
        node: text(pod, "/spec/nodeName").to_owned(),
        claims: claims(pod),
        labels: labels(pod, "/metadata/labels"),
        uid: text(pod, "/metadata/uid").to_owned(),
    }
}

/// Why a pod is not well; nothing if it is, or has done its work.
pub fn judge(pod: &Value, now: Timestamp) -> Option<Finding> {
    let deleted = time(pod, "/metadata/deletionTimestamp");
    if deleted.is_some() {
        return is_late(pod, deleted, now).then(|| terminating(pod, now));
    }
    let (phase, reason, message) =
        (text(pod, "/status/phase"), text(pod, "/status/reason"), text(pod, "/status/message"));
    match phase {
        "Succeeded" => return None,
        "Failed" if !reason.is_empty() => {
            let mut finding = Finding::new(Class::Ended, reason);
            finding.said(words::brief(message));
            return Some(finding);
        }
        _ => {}
    }
    if phase == "Unknown" || matches!(reason, "NodeLost" | "NodeNotReady") {
        let mut finding = Finding::new(Class::Lost, if reason.is_empty() { "Unknown" } else { reason });
        finding.said(words::brief(message));
        return Some(finding);
    }
    let found = containers(pod).filter_map(|container| container.judge(now)).reduce(|worst, next| {
        // Of equals the first: init containers come in their order.
        if next.class > worst.class { next } else { worst }
    });
    match found {
        Some(found) => Some(found),
        None if phase == "Failed" => Some(Finding::new(Class::Ended, "Failed")),
        None => unscheduled(pod, now).or_else(|| gated(pod, now)),
    }
}

/// Whether a deleted pod should be gone by now. It is told until when it may take: what lies in the future is believed if it is not further away
/// than the pod was given.
fn is_late(pod: &Value, until: Option<Timestamp>, now: Timestamp) -> bool {
    let Some(until) = until else { return false };
    let late = now.as_second().saturating_sub(until.as_second());
    let given = number(pod, "/metadata/deletionGracePeriodSeconds").max(0);
    late >= STARTING || late < given.saturating_add(SKEW).saturating_neg()
}

fn containers(pod: &Value) -> impl Iterator<Item = Container<'_>> {
    let policy = text(pod, "/spec/restartPolicy");
    let always = policy.is_empty() || policy == "Always";
    let ready = condition(pod, "Ready").and_then(|ready| time(ready, "/lastTransitionTime"));
    let since = ready.or_else(|| time(pod, "/metadata/creationTimestamp"));
    [
        ("/status/initContainerStatuses", "/spec/initContainers", true),
        ("/status/containerStatuses", "/spec/containers", false),
    ]
    .into_iter()
    .flat_map(move |(statuses, specs, init)| {
        each(pod, statuses).map(move |status| {
            let spec = spec(pod, specs, text(status, "/name"));
            // One that is begun again when it ends is a companion of the others, and they do not wait for it.
            let companion = init && spec.is_some_and(|spec| text(spec, "/restartPolicy") == "Always");
            Container { status, spec, init: init && !companion, restarts: companion || (always && !init), since }
        })
    })
}

fn terminating(pod: &Value, now: Timestamp) -> Finding {
    let mut finding = Finding::new(Class::Terminating, "Terminating");
    finding.facts.push(format!("it should be gone{}", lasting(time(pod, "/metadata/deletionTimestamp"), now)));
    let finalizers: Vec<&str> = each(pod, "/metadata/finalizers").filter_map(Value::as_str).take(3).collect();
    if !finalizers.is_empty() {
        finding.facts.push(words::brief(&format!("finalizers {}", finalizers.join(", "))));
    }
    finding
}

fn unscheduled(pod: &Value, now: Timestamp) -> Option<Finding> {
    let created = time(pod, "/metadata/creationTimestamp");
    if let Some(scheduled) = condition_is(pod, "PodScheduled", "False") {
        let reason = text(scheduled, "/reason");
        let class = if reason == "SchedulingGated" { Class::Waiting } else { Class::Unscheduled };
        let mut finding = Finding::new(class, if reason.is_empty() { "Unschedulable" } else { reason });
        if reason == "SchedulingGated" {
            let gates: Vec<&str> = each(pod, "/spec/schedulingGates").map(name_of).take(3).collect();
            finding.facts.push(words::brief(&format!("gates {}", gates.join(", "))));
            if young(created, now, STARTING) {
                finding.class = Class::Starting;
            }
        }
        finding.said(words::scheduler(text(scheduled, "/message")));
        return Some(finding);
    }
    if text(pod, "/status/phase") != "Pending" && !text(pod, "/status/phase").is_empty() {
        return None;
    }
    let bound = !text(pod, "/spec/nodeName").is_empty();
    let mut finding = Finding::new(Class::Waiting, "Pending");
    let chosen = text(pod, "/status/nominatedNodeName");
    let who = match (bound, chosen) {
        (true, _) => String::from("its node has not begun it"),
        (false, "") => String::from("no scheduler has looked at it"),
        (false, node) => format!("{node} was chosen for it, where it waits for room or for its volumes"),
    };
    finding.facts.push(words::brief(&format!("{who}{}", lasting(created, now))));
    if young(created, now, STARTING) {
        finding.class = Class::Starting;
    }
    Some(finding)
}

fn name_of(object: &Value) -> &str {
    text(object, "/name")
}

/// All containers are ready, and the pod is not.
fn gated(pod: &Value, now: Timestamp) -> Option<Finding> {
    let ready = condition_is(pod, "Ready", "False")?;
    if text(ready, "/reason") == "PodCompleted" {
        return None;
    }
    let since = time(ready, "/lastTransitionTime");
    let mut finding = Finding::new(Class::NotReady, "not ready");
    for gate in each(pod, "/spec/readinessGates").map(|gate| text(gate, "/conditionType")).take(3) {
        if condition_is(pod, gate, "True").is_none() {
            finding.facts.push(words::brief(&format!("readiness gate {gate} is not met{}", lasting(since, now))));
        }
    }
    finding.said(words::brief(text(ready, "/message")));
    if young(since, now, STARTING) {
        finding.class = Class::Starting;
    }
    Some(finding)
}

/// What made a pod. A deployment stands behind its replica sets: the hash that it gives them is told in a label.
fn owner(pod: &Value) -> Option<(String, String)> {
    let (kind, owner) = controller(pod)?;
    match kind.as_str() {
        // The pods of the kubelet itself.
        "node" => None,
        "replicaset" => {
            let hash = text(pod, "/metadata/labels/pod-template-hash");
            let above = owner.strip_suffix(hash).and_then(|rest| rest.strip_suffix('-')).filter(|_| !hash.is_empty());
            match above {
                Some(above) if !above.is_empty() => Some((String::from("deployment"), above.to_owned())),
                _ => Some((kind, owner)),
            }
        }
        _ => Some((kind, owner)),
    }
}

fn claims(pod: &Value) -> Vec<String> {
    let claim = |volume: &Value| {
        let named = text(volume, "/persistentVolumeClaim/claimName");
        if !named.is_empty() {
            return Some(named.to_owned());
        }
        volume.get("ephemeral").map(|_| format!("{}-{}", name(pod), name_of(volume)))
    };
    each(pod, "/spec/volumes").filter_map(claim).take(KEPT).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn now() -> Timestamp {
        "2026-01-01T00:10:00Z".parse().unwrap()
    }

    /// A pod that is ten minutes old, with one container.
    fn with(status: Value) -> Value {
        json!({
            "metadata": {"name": "p", "creationTimestamp": "2026-01-01T00:00:00Z"},
            "spec": {"nodeName": "n", "containers": [{"name": "main", "image": "a/b:1", "resources": {"limits": {"memory": "24Mi"}}}]},
            "status": status,
        })
    }

    fn container(status: Value) -> Value {
        let mut all = json!({"name": "main", "ready": false, "restartCount": 0});
        for (key, value) in status.as_object().unwrap() {
            all[key] = value.clone();
        }
        with(json!({"phase": "Running", "containerStatuses": [all],
            "conditions": [{"type": "Ready", "status": "False", "lastTransitionTime": "2026-01-01T00:00:00Z"}]}))
    }

    fn told(pod: &Value) -> Option<(Class, String)> {
        let found = judge(pod, now())?;
        let mut told = [vec![found.reason], found.facts].concat().join(", ");
        if let Some(said) = found.said {
            told.push_str(&format!(", \"{said}\""));
        }
        Some((found.class, told))
    }

    #[test]
    fn why_containers_do_not_run() {
        let failed = json!({"terminated": {"exitCode": 3, "reason": "Error", "finishedAt": "2026-01-01T00:09:00Z"}});
        let killed =
            json!({"terminated": {"exitCode": 137, "reason": "OOMKilled", "finishedAt": "2026-01-01T00:09:00Z"}});
        let started = |at: &str| json!({"running": {"startedAt": at}});
        for (status, expected) in [
            (
                json!({"state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": failed, "restartCount": 5}),
                (Class::Crash, "CrashLoopBackOff, exit 3, 5 restarts"),
            ),
            (
                json!({"state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": killed}),
                (Class::Crash, "CrashLoopBackOff, OOMKilled, exit 137, memory limit 24Mi"),
            ),
            (json!({"state": failed}), (Class::Crash, "Error, exit 3")),
            (json!({"state": killed}), (Class::Crash, "OOMKilled, exit 137, memory limit 24Mi")),
            (
                json!({"state": {"waiting": {"reason": "ErrImagePull", "message": "rpc error: code = NotFound"}}}),
                (Class::Image, "ImagePullBackOff, image a/b:1, \"NotFound\""),
            ),
            (
                json!({"state": {"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image \"a/b:1\""}}}),
                (Class::Image, "ImagePullBackOff, image a/b:1"),
            ),
            (
                json!({"state": {"waiting": {"reason": "CreateContainerConfigError", "message": "couldn't find key X in ConfigMap a/b"}}}),
                (Class::Config, "CreateContainerConfigError, \"couldn't find key X in ConfigMap a/b\""),
            ),
            (
                json!({"state": {"waiting": {"reason": "RunContainerError", "message": "no such file"}}, "lastState": {"terminated": {"exitCode": 128, "reason": "StartError"}}}),
                (Class::Config, "RunContainerError, StartError, exit 128, \"no such file\""),
            ),
            (
                json!({"state": {"waiting": {"reason": "ContainerCreating"}}}),
                (Class::Waiting, "ContainerCreating, it waits for 10m"),
            ),
            (json!({"state": started("2026-01-01T00:05:00Z")}), (Class::NotReady, "not ready, it runs for 5m")),
            (json!({"state": started("2026-01-01T00:09:50Z")}), (Class::Starting, "not ready, it runs for 10s")),
            (
                json!({"state": started("2026-01-01T00:09:50Z"), "ready": true, "restartCount": 4, "lastState": failed}),
                (Class::Restarting, "restarts, ×4, the last 60s ago, exit 3"),
            ),
            (
                json!({"state": started("2026-01-01T00:09:50Z"), "ready": true, "restartCount": 1, "lastState": failed}),
                (Class::Restarted, "restarts, ×1, the last 60s ago, exit 3"),
            ),
        ] {
            let (class, text) = told(&container(status.clone())).unwrap_or_else(|| panic!("{status}"));
            assert_eq!((class, text.as_str()), expected);
        }
    }

    #[test]
    fn what_is_well_is_no_finding() {
        let old = json!({"terminated": {"exitCode": 1, "finishedAt": "2025-12-01T00:00:00Z"}});
        for pod in [
            with(json!({"phase": "Succeeded"})),
            container(
                json!({"state": {"running": {"startedAt": "2025-12-01T00:00:01Z"}}, "ready": true, "restartCount": 9, "lastState": old}),
            ),
        ] {
            let mut pod = pod;
            pod["status"]["conditions"] = json!([{"type": "Ready", "status": "True"}]);
            assert_eq!(told(&pod), None, "{pod}");
        }
        let mut job = container(json!({"state": {"terminated": {"exitCode": 0, "reason": "Completed"}}}));
        job["spec"]["restartPolicy"] = json!("Never");
        job["status"]["conditions"] = json!([{"type": "Ready", "status": "False", "reason": "PodCompleted"}]);
        assert_eq!(told(&job), None);
        let mut going = with(json!({"phase": "Running"}));
        going["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:09:50Z");
        assert_eq!(told(&going), None);
        going["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:12:00Z");
        going["metadata"]["deletionGracePeriodSeconds"] = json!(120);
        assert_eq!(told(&going), None);
        // No pod is given an hour that was given two minutes.
        going["metadata"]["deletionTimestamp"] = json!("2026-01-01T01:10:00Z");
        assert_eq!(told(&going).unwrap(), (Class::Terminating, String::from("Terminating, it should be gone")));
    }

    #[test]
    fn why_pods_are_not_there() {
        let unschedulable = json!({"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable",
            "message": "0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1 nodes are available."}]});
        let mut going = with(json!({"phase": "Running"}));
        going["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:05:00Z");
        going["metadata"]["finalizers"] = json!(["a.io/x"]);
        let mut init = with(
            json!({"phase": "Pending", "initContainerStatuses": [{"name": "wait", "state": {"running": {"startedAt": "2026-01-01T00:05:00Z"}}}],
            "containerStatuses": [{"name": "main", "state": {"waiting": {"reason": "PodInitializing"}}}]}),
        );
        init["spec"]["initContainers"] = json!([{"name": "wait"}]);
        let mut companion = init.clone();
        companion["spec"]["initContainers"][0]["restartPolicy"] = json!("Always");
        companion["status"]["initContainerStatuses"][0]["ready"] = json!(true);
        for (pod, expected) in [
            (with(unschedulable), (Class::Unscheduled, "Unschedulable, \"0/1 nodes: 1 Insufficient cpu\"")),
            (
                with(
                    json!({"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: memory."}),
                ),
                (Class::Ended, "Evicted, \"The node was low on resource: memory.\""),
            ),
            (with(json!({"phase": "Unknown", "reason": "NodeLost"})), (Class::Lost, "NodeLost")),
            (with(json!({"phase": "Pending"})), (Class::Waiting, "Pending, its node has not begun it for 10m")),
            (going, (Class::Terminating, "Terminating, it should be gone for 5m, finalizers a.io/x")),
            (init, (Class::Waiting, "init container does not end, wait runs for 5m")),
            (companion, (Class::Starting, "PodInitializing, it waits for 10m")),
            (json!({}), (Class::Waiting, "Pending, no scheduler has looked at it")),
            (
                json!({"status": {"phase": "Pending", "nominatedNodeName": "n1"}}),
                (Class::Waiting, "Pending, n1 was chosen for it, where it waits for room or for its volumes"),
            ),
        ] {
            let (class, text) = told(&pod).unwrap_or_else(|| panic!("{pod}"));
            assert_eq!((class, text.as_str()), expected);
        }
    }

    #[test]
    fn a_deployment_stands_behind_its_replica_set() {
        let pod = |version: &str, kind: &str, name: &str, hash: &str| {
            let owners = json!([{"controller": true, "apiVersion": version, "kind": kind, "name": name}]);
            let pod = json!({"metadata": {"labels": {"pod-template-hash": hash}, "ownerReferences": owners}});
            look(&pod, now()).owner.map(|(kind, name)| format!("{kind}/{name}"))
        };
        assert_eq!(pod("apps/v1", "ReplicaSet", "api-7d9", "7d9").unwrap(), "deployment/api");
        assert_eq!(pod("apps/v1", "ReplicaSet", "api", "").unwrap(), "replicaset/api");
        assert_eq!(pod("apps/v1", "ReplicaSet", "-7d9", "7d9").unwrap(), "replicaset/-7d9");
        assert_eq!(pod("apps/v1", "StatefulSet", "db", "7d9").unwrap(), "statefulset/db");
        assert_eq!(pod("a.io/v1", "ReplicaSet", "api-7d9", "7d9").unwrap(), "replicaset.a.io/api-7d9");
        assert_eq!(pod("v1", "Node", "n", ""), None);
    }
}
