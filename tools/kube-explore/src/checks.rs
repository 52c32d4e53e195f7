//! What `doctor` looks at: the kubeconfig or the service account, the API server, who this is, and what it may list.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use shared::{Untrusted, doctor::Check};

use crate::{cluster::Cluster, config, path::Path};

/// How long the checks may take.
const LIMIT: Duration = Duration::from_secs(10);
/// What the tools ask for. Reading comes first.
const NEEDED: &[(&str, &str, &str, &str)] = &[
    ("list", "", "namespaces", "looking into all namespaces at once"),
    ("list", "", "pods", "kube_health, kube_find"),
    ("list", "apps", "deployments", "kube_health, kube_find"),
    ("list", "", "nodes", "kube_health of nodes"),
    ("list", "", "events", "kube_inspect, kube_health"),
    ("get", "", "pods/log", "kube_logs, kube_inspect"),
    ("patch", "apps", "deployments", "kube_apply, kube_diff of a source"),
    ("create", "", "pods/exec", "kube_exec"),
];

/// Every check, as far as those before it let it be made. On a thread of its own, because the command that shows them is already on a runtime.
pub fn all() -> Vec<Check> {
    let worker = std::thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.map(|runtime| runtime.block_on(checks()))
    });
    match worker.join() {
        Ok(Ok(checks)) => checks,
        _ => vec![Check::missing("cluster", "the checks could not be run: try again when fewer processes run")],
    }
}

async fn checks() -> Vec<Check> {
    let cluster = match Cluster::alone(LIMIT).await {
        Ok(cluster) => cluster,
        Err(error) => return vec![Check::missing("kubeconfig", error.to_string())],
    };
    let place = cluster.place(Some(cluster.namespace())).shown();
    let own = if config::in_pod() { "the service account of this pod: " } else { "" };
    let mut checks = vec![Check::fine("kubeconfig", format!("{own}{place}"))];

    match cluster.object(&Path::literal("/version")).await {
        Ok(version) => {
            let version = version.get("gitVersion").and_then(Value::as_str).unwrap_or("of no version it tells");
            checks.push(Check::fine("cluster", format!("API server {version}")));
        }
        // Some clusters do not tell strangers their version.
        Err(failure) if failure.status == 403 => checks.push(Check::fine("cluster", "an API server that answers")),
        Err(failure) => {
            checks.push(Check::missing("cluster", failure.error("asking the API server").to_string()));
            return checks;
        }
    }
    checks.push(identity(&cluster).await);
    checks.push(rights(&cluster).await);
    checks
}

async fn identity(cluster: &Cluster) -> Check {
    const NAME: &str = "identity";
    let review = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"});
    let path = Path::literal("/apis/authentication.k8s.io/v1/selfsubjectreviews");
    match cluster.change(Method::POST, &path, ("application/json", review.to_string().into_bytes())).await {
        Ok(review) => {
            let user = review.pointer("/status/userInfo/username").and_then(Value::as_str).unwrap_or("nobody");
            let groups = review.pointer("/status/userInfo/groups").and_then(Value::as_array).into_iter().flatten();
            let groups: Vec<&str> = groups.filter_map(Value::as_str).collect();
            Check::fine(NAME, format!("{user} ({})", groups.join(", ")))
        }
        Err(failure) if failure.status == 401 => {
            Check::missing(NAME, "the credentials are not taken: log in again, or renew the kubeconfig")
        }
        Err(failure) => Check::limited(NAME, format!("the cluster does not tell: {}", failure.why)),
    }
}

/// What the identity may do, of what the tools need: in the whole cluster, and where not, in the context's namespace.
async fn rights(cluster: &Cluster) -> Check {
    const NAME: &str = "rights";
    let (mut narrow, mut refused) = (Vec::new(), Vec::new());
    for (verb, group, resource, need) in NEEDED {
        match may(cluster, verb, group, resource, None).await {
            Ok(true) => continue,
            Ok(false) => {}
            Err(why) => return Check::limited(NAME, format!("could not be asked for: {why}")),
        }
        match may(cluster, verb, group, resource, Some(cluster.namespace())).await {
            Ok(true) => narrow.push(format!("{verb} {resource}")),
            _ => refused.push(format!("{verb} {resource} ({need})")),
        }
    }
    match (narrow.is_empty(), refused.is_empty()) {
        (true, true) => Check::fine(NAME, "all that the tools need, in every namespace"),
        (false, true) => {
            let namespace = Untrusted::line(cluster.namespace());
            Check::limited(NAME, format!("only in namespace {}: {}", namespace.quoted(), narrow.join(", ")))
        }
        (_, false) => Check::limited(NAME, format!("may not: {}", refused.join(", "))),
    }
}

async fn may(
    cluster: &Cluster,
    verb: &str,
    group: &str,
    resource: &str,
    namespace: Option<&str>,
) -> Result<bool, String> {
    let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
    let attributes = json!({
        "verb": verb, "group": group, "resource": resource, "subresource": subresource, "namespace": namespace.unwrap_or_default(),
    });
    let review = json!({
        "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": {"resourceAttributes": attributes},
    });
    let path = Path::literal("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews");
    match cluster.change(Method::POST, &path, ("application/json", review.to_string().into_bytes())).await {
        Ok(review) => Ok(review.pointer("/status/allowed").and_then(Value::as_bool).unwrap_or(false)),
        Err(failure) => Err(failure.why),
    }
}
