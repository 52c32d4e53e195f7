//! Why a workload does not get ready, read from its pods and its own conditions.

use serde_json::Value;
use shared::{
    Call, Untrusted,
    exec::{Argv, Capture},
};

use crate::{
    Kubectl,
    items::{self, Items},
    resource::Resource,
    run::LOOK,
    scope::{Reach, Scope},
};

/// The most causes in an answer.
const MOST: usize = 6;

impl Kubectl {
    /// Why `workload`, or a pod, is not ready, as lines of strangers' words; nothing where it cannot be seen.
    pub async fn causes(&self, workload: &Resource, scope: &Scope, call: &Call) -> Vec<Untrusted> {
        let (mut causes, mut conditions, mut pods) = (Vec::new(), Vec::new(), None);
        self.objects(
            scope,
            call,
            |argv| workload.on(argv),
            |object| {
                if text(&object, "/kind") == "Pod" {
                    of_pod(&object, &mut causes);
                    return;
                }
                of_conditions(&object, &mut conditions);
                pods = selector(&object);
            },
        )
        .await;
        if let Some(pods) = pods {
            let pods = |argv: Argv| argv.literal("pods").flag_value("--selector", pods);
            self.objects(scope, call, pods, |pod| {
                // However many pods there are, and each with a name of its own: no more than is shown.
                if causes.len() < MOST {
                    of_pod(&pod, &mut causes);
                }
            })
            .await;
        }
        causes.extend(conditions);
        causes.truncate(MOST);
        causes.iter().map(|cause| Untrusted::line(cause)).collect()
    }

    /// Hands each object to `take`. What cannot be read adds nothing.
    async fn objects(
        &self,
        scope: &Scope,
        call: &Call,
        what: impl FnOnce(Argv) -> shared::Result<Argv>,
        take: impl FnMut(Value) + Send,
    ) {
        let mut items = Items::new(take);
        let argv = scope.on(Argv::new().literal("get").literal("--output=json"), Reach::One).and_then(what);
        if let Ok(argv) = argv {
            let lines = Capture::lines(items::LINE_MAX, |line| items.line(line));
            let _ = self.start(argv, None, lines, Capture::default(), LOOK, call).await;
        }
    }
}

/// The selector of a workload's pods.
fn selector(object: &Value) -> Option<String> {
    let labels = object.pointer("/spec/selector/matchLabels")?.as_object()?;
    let pairs: Vec<String> =
        labels.iter().filter_map(|(key, value)| Some(format!("{key}={}", value.as_str()?))).collect();
    (!pairs.is_empty()).then(|| pairs.join(","))
}

fn text<'v>(value: &'v Value, path: &str) -> &'v str {
    value.pointer(path).and_then(Value::as_str).unwrap_or_default()
}

fn add(causes: &mut Vec<String>, cause: String) {
    if !causes.contains(&cause) {
        causes.push(cause);
    }
}

fn each<'v>(value: &'v Value, path: &str) -> impl Iterator<Item = &'v Value> {
    value.pointer(path).and_then(Value::as_array).into_iter().flatten()
}

/// Why a pod is not ready; nothing if it is.
pub fn of_pod(pod: &Value, causes: &mut Vec<String>) {
    let ready = each(pod, "/status/conditions").any(|c| text(c, "/type") == "Ready" && text(c, "/status") == "True");
    if ready || text(pod, "/status/phase") == "Succeeded" {
        return;
    }
    let name = text(pod, "/metadata/name");
    let before = causes.len();
    for condition in each(pod, "/status/conditions") {
        if text(condition, "/type") == "PodScheduled" && text(condition, "/status") == "False" {
            add(causes, format!("pod {name}: {}: {}", text(condition, "/reason"), text(condition, "/message")));
        }
    }
    for container in each(pod, "/status/initContainerStatuses").chain(each(pod, "/status/containerStatuses")) {
        let of = format!("pod {name}, container {}", text(container, "/name"));
        for state in ["/state/waiting", "/state/terminated", "/lastState/terminated"] {
            let Some(state) = container.pointer(state) else { continue };
            let (reason, code) = (text(state, "/reason"), state.get("exitCode").and_then(Value::as_i64));
            // What waits for another, or has done its part, is no cause.
            if code == Some(0) || matches!(reason, "PodInitializing" | "ContainerCreating") {
                continue;
            }
            let code = code.map(|code| format!(" (exit code {code})")).unwrap_or_default();
            add(
                causes,
                format!("{of}: {reason}{code}: {}", text(state, "/message")).trim_end_matches([':', ' ']).into(),
            );
        }
        let running = container.pointer("/state/running").is_some();
        if running && container.get("ready") == Some(&Value::Bool(false)) && causes.len() == before {
            add(
                causes,
                format!("{of}: it runs and is not ready: see its readiness probe and kubectl_events for=pod/{name}"),
            );
        }
    }
    if text(pod, "/status/phase") == "Failed" && causes.len() == before {
        add(causes, format!("pod {name}: {}: {}", text(pod, "/status/reason"), text(pod, "/status/message")));
    }
}

fn of_conditions(object: &Value, causes: &mut Vec<String>) {
    for condition in each(object, "/status/conditions") {
        let (kind, status) = (text(condition, "/type"), text(condition, "/status"));
        if kind == "ReplicaFailure" && status == "True" || kind == "Progressing" && status == "False" {
            add(causes, format!("{kind}: {}: {}", text(condition, "/reason"), text(condition, "/message")));
        }
    }
    if object.pointer("/spec/paused") == Some(&Value::Bool(true)) {
        add(causes, String::from("it is paused"));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_keeps_a_pod_is_told_and_what_is_well_is_not() {
        let mut causes = Vec::new();
        of_pod(
            &json!({"metadata": {"name": "ok"}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}}),
            &mut causes,
        );
        assert!(causes.is_empty());
        of_pod(
            &json!({"metadata": {"name": "p"}, "status": {
                "initContainerStatuses": [{"name": "i", "state": {"terminated": {"exitCode": 0, "reason": "Completed"}}}],
                "containerStatuses": [{"name": "a", "state": {"waiting": {"reason": "ImagePullBackOff", "message": "back off"}}},
                    {"name": "b", "state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}}]}}),
            &mut causes,
        );
        assert_eq!(
            causes,
            [
                "pod p, container a: ImagePullBackOff: back off",
                "pod p, container b: CrashLoopBackOff",
                "pod p, container b: OOMKilled (exit code 137)"
            ]
        );
    }
}
