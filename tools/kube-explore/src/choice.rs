//! Where a command may run: in the one pod that is meant, and never in one that is only like it.

use serde_json::Value;
use shared::{Code, Result, ToolError};

use crate::{
    cluster::quoted,
    field::{items, text as field},
    pods::Pods,
    rank::Fit,
    unread,
};

/// The most candidates an error names.
const NAMED: usize = 8;

/// The pod to run in, and what it was chosen from. A guess would run the command in somebody else's pod.
pub fn one(pods: &Pods) -> Result<(&Value, Option<String>)> {
    if !pods.others.is_empty() {
        let mut names: Vec<String> = pods.others.iter().take(NAMED).map(|other| quoted(other)).collect();
        if pods.others.len() > NAMED {
            names.push(format!("{} more", pods.others.len() - NAMED));
        }
        let own = quoted(&format!("{} in {}", pods.of, pods.namespace));
        return Err(ToolError::new(
            Code::Ambiguous,
            format!("the name fits {own} and {}; nothing was run", names.join(", ")),
        )
        .hint("pass the whole name with its kind, as pod=deploy/web, and namespace"));
    }
    let own = quoted(&format!("{} in {}", pods.of, pods.namespace));
    if pods.more {
        return Err(ToolError::new(
            Code::Ambiguous,
            format!("the name fits {own} and more than can be told apart; nothing was run"),
        )
        .hint("pass the whole name with its kind, as pod=deploy/web, and namespace"));
    }
    if pods.fit == Fit::Fuzzy {
        return Err(ToolError::new(
            Code::NotFound,
            format!("no pod or workload has this in its name; {own} is like it, and nothing was run"),
        )
        .hint("pass a name, or a part of one as it stands"));
    }
    // Only one fits, and only in part: that is what was meant, if all was seen.
    if pods.fit != Fit::Exact && !pods.unread.is_empty() {
        return Err(ToolError::new(
            Code::Ambiguous,
            format!("the name fits {own} in part, and not everything could be looked at; nothing was run"),
        )
        .hint("pass the whole name and namespace"));
    }
    chosen(pods)
}

fn chosen(pods: &Pods) -> Result<(&Value, Option<String>)> {
    let running =
        |pod: &&Value| field(pod, "/status/phase") == "Running" && field(pod, "/metadata/deletionTimestamp").is_empty();
    let ready = |pod: &&Value| {
        let mut conditions = items(pod.pointer("/status/conditions"));
        running(pod) && conditions.any(|one| field(one, "/type") == "Ready" && field(one, "/status") == "True")
    };
    let all = pods.total;
    let pod = pods.pods.iter().find(ready).or_else(|| pods.pods.iter().find(running));
    let Some(pod) = pod else {
        let attempted = format!("the pods of {} cannot be looked at", quoted(&pods.of));
        let forbidden = "name a pod by its whole name and namespace";
        if pods.pods.is_empty()
            && let Some(error) = unread::nothing(&pods.unread, &attempted, forbidden)
        {
            return Err(error);
        }
        let of = quoted(&format!("{} in {}", pods.of, pods.namespace));
        return Err(ToolError::new(Code::Unavailable, format!("no pod of {of} runs ({all} in all); nothing was run"))
            .hint("kube_inspect says why"));
    };
    let by_itself = pods.of.starts_with("pod/");
    Ok((pod, (!by_itself).then(|| format!("of {}, {all} in all", quoted(&pods.of)))))
}

/// The container that is meant: the one named, the annotated default, or the first.
pub fn container(pod: &Value, named: Option<&str>) -> Result<String> {
    let fields = ["containers", "initContainers", "ephemeralContainers"];
    let all: Vec<&str> = fields
        .iter()
        .flat_map(|list| items(pod.pointer("/spec").and_then(|spec| spec.get(*list))))
        .map(|container| field(container, "/name"))
        .collect();
    match named.filter(|name| !name.is_empty()) {
        Some(name) if all.contains(&name) => Ok(name.to_owned()),
        Some(name) => {
            let known: Vec<String> = all.iter().map(|name| quoted(name)).collect();
            Err(ToolError::new(Code::NotFound, format!("the pod has no container {}", quoted(name)))
                .hint(format!("its containers: {}", known.join(", "))))
        }
        None => {
            let default = pod
                .pointer("/metadata/annotations")
                .and_then(|notes| notes.get("kubectl.kubernetes.io/default-container"));
            let default = default.and_then(Value::as_str).filter(|name| all.contains(name));
            default
                .or_else(|| all.first().copied())
                .map(str::to_owned)
                .ok_or_else(|| ToolError::internal("the pod has no container"))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(name: &str, phase: &str, ready: &str) -> Value {
        json!({"metadata": {"name": name}, "status": {"phase": phase, "conditions": [{"type": "Ready", "status": ready}]}})
    }

    fn pods(of: &str, pods: Vec<Value>) -> Pods {
        Pods {
            namespace: "x".into(),
            of: of.into(),
            total: pods.len() as u64,
            pods,
            others: Vec::new(),
            unread: Vec::new(),
            fit: Fit::Exact,
            more: false,
        }
    }

    #[test]
    fn it_runs_only_where_it_is_meant_to() {
        let some = pods(
            "deployment/web",
            vec![pod("a", "Pending", "False"), pod("b", "Running", "False"), pod("c", "Running", "True")],
        );
        let (chosen, from) = one(&some).unwrap();
        assert_eq!((field(chosen, "/metadata/name"), from.as_deref()), ("c", Some("of `deployment/web`, 3 in all")));
        let two = Pods { others: vec!["pod/web-2 in y".into()], ..some.clone() };
        let error = one(&two).unwrap_err();
        assert!(error.code() == Code::Ambiguous && error.message().contains("`pod/web-2 in y`"), "{error}");
        // What could not be seen may fit as well.
        let blind = Pods { fit: Fit::Prefix, unread: vec![crate::unread::Unread::new("pods", "forbidden")], ..some };
        assert_eq!(one(&blind).unwrap_err().code(), Code::Ambiguous);
        // A likeness is no name, and more than were looked at is more than one.
        assert_eq!(
            one(&Pods { fit: Fit::Fuzzy, unread: Vec::new(), ..blind.clone() }).unwrap_err().code(),
            Code::NotFound
        );
        assert_eq!(one(&Pods { more: true, unread: Vec::new(), ..blind.clone() }).unwrap_err().code(), Code::Ambiguous);
        let none = Pods { pods: Vec::new(), fit: Fit::Exact, ..blind.clone() };
        assert_eq!(one(&none).unwrap_err().code(), Code::Forbidden);
        assert_eq!(one(&pods("pod/a", vec![pod("a", "Succeeded", "False")])).unwrap_err().code(), Code::Unavailable);
    }

    #[test]
    fn a_container_is_named_or_the_pod_s_main_one() {
        let pod = json!({"metadata": {"annotations": {"kubectl.kubernetes.io/default-container": "b"}},
            "spec": {"containers": [{"name": "a"}, {"name": "b"}], "initContainers": [{"name": "i"}]}});
        assert_eq!(container(&pod, None).unwrap(), "b");
        assert_eq!(container(&pod, Some("i")).unwrap(), "i");
        let error = container(&pod, Some("x")).unwrap_err();
        assert_eq!(error.next_step(), Some("its containers: `a`, `b`, `i`"));
    }
}
