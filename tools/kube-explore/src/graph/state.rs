//! A pod's state in the word that kubectl prints, and how many of its containers are ready: as the API server's own table has it, so that an answer
//! and kubectl say the same.

use serde_json::Value;

use crate::field::{condition_is, has_ended, items, number, text, yes};

/// `Running 1/1`, `Init:0/2 0/1`, `CrashLoopBackOff 0/1`.
pub fn pod(object: &Value) -> String {
    let (word, ready) = word(object);
    let sidecars = items(object.pointer("/spec/initContainers")).filter(|container| is_sidecar(container)).count();
    format!("{word} {ready}/{}", items(object.pointer("/spec/containers")).count() + sidecars)
}

/// Whether a pod is as it should be: it runs with all its containers, has done its work, or is on its way.
pub fn is_well(object: &Value) -> bool {
    let (word, ready) = word(object);
    let all = items(object.pointer("/spec/containers")).count();
    match word.as_str() {
        "Running" => ready >= all,
        "Completed" | "Succeeded" | "Terminating" | "ContainerCreating" | "PodInitializing" => true,
        _ => false,
    }
}

fn is_sidecar(container: &Value) -> bool {
    text(container, "/restartPolicy") == "Always"
}

/// The word, and how many containers are ready.
fn word(object: &Value) -> (String, usize) {
    let mut word = text(object, "/status/phase").to_owned();
    let own = text(object, "/status/reason");
    if !own.is_empty() {
        own.clone_into(&mut word);
    }
    if condition_is(object, "PodScheduled", "False").is_some_and(|why| text(why, "/reason") == "SchedulingGated") {
        word = String::from("SchedulingGated");
    }
    let (starting, mut ready) = starting(object);
    let begins = starting.is_some();
    word = starting.unwrap_or(word);
    if !begins || condition_is(object, "Initialized", "True").is_some() {
        let (found, runs, count) = running(object);
        word = found.unwrap_or(word);
        ready += count;
        if word == "Completed" && runs {
            let all = condition_is(object, "Ready", "True").is_some();
            word = String::from(if all { "Running" } else { "NotReady" });
        }
    }
    if !text(object, "/metadata/deletionTimestamp").is_empty() {
        if own == "NodeLost" {
            word = String::from("Unknown");
        } else if !has_ended(object) {
            word = String::from("Terminating");
        }
    }
    (word, ready)
}

/// What the init containers are at, if they are not done, and how many of those that stay are ready.
fn starting(object: &Value) -> (Option<String>, usize) {
    let list = || items(object.pointer("/spec/initContainers"));
    let stays = |name: &str| list().any(|container| text(container, "/name") == name && is_sidecar(container));
    let mut ready = 0;
    for (at, status) in items(object.pointer("/status/initContainerStatuses")).enumerate() {
        let ended = status.pointer("/state/terminated");
        if ended.is_some_and(|ended| number(ended, "/exitCode") == 0) {
            continue;
        }
        if yes(status, "/started") && stays(text(status, "/name")) {
            ready += usize::from(yes(status, "/ready"));
            continue;
        }
        let waits = text(status, "/state/waiting/reason");
        let word = match ended {
            Some(ended) => format!("Init:{}", end(ended)),
            None if !matches!(waits, "" | "PodInitializing") => format!("Init:{waits}"),
            None => format!("Init:{at}/{}", list().count()),
        };
        return (Some(word), ready);
    }
    (None, ready)
}

/// What the containers are at, where one of them says so; whether one runs, and how many are ready.
fn running(object: &Value) -> (Option<String>, bool, usize) {
    let (mut word, mut ready) = (None, 0);
    // The first one has the last word.
    let statuses: Vec<&Value> = items(object.pointer("/status/containerStatuses")).collect();
    for status in statuses.into_iter().rev() {
        let waits = text(status, "/state/waiting/reason");
        if !waits.is_empty() {
            word = Some(waits.to_owned());
        } else if let Some(ended) = status.pointer("/state/terminated") {
            word = Some(end(ended));
        } else if yes(status, "/ready") && status.pointer("/state/running").is_some() {
            ready += 1;
        }
    }
    (word, ready > 0, ready)
}

/// How a container ended.
fn end(ended: &Value) -> String {
    match (text(ended, "/reason"), number(ended, "/signal")) {
        ("", 0) => format!("ExitCode:{}", number(ended, "/exitCode")),
        ("", signal) => format!("Signal:{signal}"),
        (reason, _) => reason.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_pod_is_in_the_words_of_kubectl() {
        let waiting = |reason: &str| json!({"state": {"waiting": {"reason": reason}}});
        let ended = |reason: &str, code: i64| json!({"state": {"terminated": {"reason": reason, "exitCode": code}}});
        let runs = |ready: bool| json!({"ready": ready, "started": true, "state": {"running": {}}});
        let named = |name: &str, mut status: Value| {
            status["name"] = name.into();
            status
        };
        let ready = |status: &str| json!([{"type": "Ready", "status": status}]);
        for (inits, statuses, more, expected, well) in [
            (json!([]), json!([runs(true)]), json!({}), "Running 1/1", true),
            (json!([]), json!([runs(false)]), json!({}), "Running 0/1", false),
            (json!([]), json!([waiting("CrashLoopBackOff")]), json!({}), "CrashLoopBackOff 0/1", false),
            (
                json!([]),
                json!([waiting("ContainerCreating")]),
                json!({"phase": "Pending"}),
                "ContainerCreating 0/1",
                true,
            ),
            (json!([]), json!([ended("Completed", 0)]), json!({"phase": "Succeeded"}), "Completed 0/1", true),
            (json!([]), json!([ended("", 3)]), json!({"phase": "Failed"}), "ExitCode:3 0/1", false),
            (
                json!([]),
                json!([runs(true), ended("Completed", 0)]),
                json!({"conditions": ready("False")}),
                "NotReady 1/2",
                false,
            ),
            (json!([]), json!([]), json!({"phase": "Pending"}), "Pending 0/1", false),
            (json!([]), json!([]), json!({"phase": "Failed", "reason": "Evicted"}), "Evicted 0/1", false),
            (
                json!([{}]),
                json!([waiting("PodInitializing")]),
                json!({"phase": "Pending", "initContainerStatuses": [runs(false)]}),
                "Init:0/1 0/1",
                false,
            ),
            (
                json!([{}, {}]),
                json!([]),
                json!({"initContainerStatuses": [ended("Completed", 0), waiting("ImagePullBackOff")]}),
                "Init:ImagePullBackOff 0/1",
                false,
            ),
            (json!([{}]), json!([]), json!({"initContainerStatuses": [ended("Error", 1)]}), "Init:Error 0/1", false),
            (
                json!([{"name": "side", "restartPolicy": "Always"}]),
                json!([runs(true)]),
                json!({"initContainerStatuses": [named("side", runs(true))]}),
                "Running 2/2",
                true,
            ),
        ] {
            let count = statuses.as_array().map_or(1, |all| all.len().max(1));
            let mut pod = json!({"spec": {"initContainers": inits, "containers": vec![json!({}); count]},
                "status": {"phase": "Running", "containerStatuses": statuses}});
            for (key, value) in more.as_object().unwrap() {
                pod["status"][key] = value.clone();
            }
            assert_eq!((super::pod(&pod).as_str(), is_well(&pod)), (expected, well), "{pod}");
        }
        let leaves = json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}, "spec": {"containers": [{}]}, "status": {"phase": "Running", "containerStatuses": [runs(true)]}});
        assert_eq!(super::pod(&leaves), "Terminating 1/1");
        assert_eq!(super::pod(&json!({"status": 5})), " 0/0");
    }
}
