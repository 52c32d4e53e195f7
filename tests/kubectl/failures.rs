//! What an agent is told when it does not work.

use std::{fs, os::unix::fs::PermissionsExt};

use harness::{Start, cluster::Cluster};
use serde_json::json;

use crate::{admin, client, err, ok, server};

#[tokio::test]
async fn forbidden_names_what_would_have_to_be_granted() {
    let namespace = Cluster::get().namespace("forbidden");
    let user = namespace.user("reader", "- {apiGroups: [\"\"], resources: [pods], verbs: [get, list]}");
    let mut client = client(&server(&user)).await;
    let name = namespace.name();
    let text = err(&mut client, "kubectl_get", json!({"resource": "deploy"})).await;
    let user = format!("system:serviceaccount:{name}:reader");
    assert!(
        text.starts_with(&format!("forbidden: `{user}` may not `list` `deployments.apps` in namespace `{name}`")),
        "{text}"
    );
    let review = format!(
        "{{user: {user}, resourceAttributes: {{verb: list, group: \"apps\", resource: deployments, namespace: {name}}}}}"
    );
    assert!(text.contains(&review), "{text}");
    let text = err(&mut client, "kubectl_get", json!({"resource": "pods", "all_namespaces": true})).await;
    assert!(text.starts_with("forbidden: ") && text.contains("in the cluster as a whole"), "{text}");
    // One kind that may be read does not hide the one that may not.
    namespace.apply("apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {schedulerName: nobody, containers: [{name: a, image: x}]}");
    let text = ok(&mut client, "kubectl_get", json!({"resource": "pods,deployments"})).await;
    assert!(
        text.contains("\na     0/1") && text.contains("could not look everywhere") && text.contains("Forbidden"),
        "{text}"
    );
    let text = ok(&mut client, "kubectl_describe", json!({"resource": "pods,deployments"})).await;
    assert!(
        text.contains("Name:") && text.contains("could not look everywhere") && text.contains("Forbidden"),
        "{text}"
    );
    for (tool, arguments) in [
        ("kubectl_describe", json!({"resource": "deployments"})),
        ("kubectl_logs", json!({"pod": "a"})),
        ("kubectl_events", json!({})),
    ] {
        let text = err(&mut client, tool, arguments).await;
        assert!(text.starts_with("forbidden: "), "{tool}: {text}");
    }
    // Nor does an empty list pass for one that was not allowed to be looked for.
    let text = ok(&mut client, "kubectl_get", json!({"resource": "pods", "selector": "no=such"})).await;
    assert!(
        text.contains("no pods that match the selectors; whether the namespace exists could not be seen"),
        "{text}"
    );
}

#[tokio::test]
async fn what_is_not_there_is_answered_with_what_is_like_it() {
    let namespace = Cluster::get().namespace("near");
    namespace.apply("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}");
    let mut client = admin().await;
    let text = err(&mut client, "kubectl_get", json!({"resource": "cm/setings", "namespace": namespace.name()})).await;
    assert!(text.starts_with("not_found: ") && text.contains("alike: `settings`"), "{text}");
    let elsewhere = json!({"resource": "cm/settings", "namespace": "default"});
    let text = err(&mut client, "kubectl_get", elsewhere).await;
    assert!(text.contains("one of that name is in namespace") && text.contains(namespace.name()), "{text}");
    let text = err(&mut client, "kubectl_get", json!({"resource": "configmapz"})).await;
    assert!(text.contains("has no kind `configmapz`") && text.contains("configmaps"), "{text}");
    let text = err(&mut client, "kubectl_get", json!({"resource": "pods", "context": "nope"})).await;
    let contexts = format!("not_found: the kubeconfig has no context `nope`; contexts: {}", crate::context());
    assert!(text.starts_with(&contexts), "{text}");
    let text = err(&mut client, "kubectl_get", json!({"resource": "pods", "selector": "a==="})).await;
    assert!(text.starts_with("invalid_argument: "), "{text}");
}

#[tokio::test]
async fn a_cluster_that_cannot_be_reached_or_entered_is_told_from_an_empty_one() {
    let namespace = Cluster::get().namespace("reach");
    let expired = namespace.kubeconfig("expired", "not-a-token");
    let mut denied = client(&server(&expired)).await;
    let text = err(&mut denied, "kubectl_get", json!({"resource": "pods"})).await;
    assert!(text.starts_with("unauthenticated: "), "{text}");

    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("config");
    // A port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    fs::write(&config, kubeconfig(port, "{token: x}")).unwrap();
    let mut nobody = client(&server(&config)).await;
    let text = err(&mut nobody, "kubectl_get", json!({"resource": "pods"})).await;
    assert!(
        text.starts_with("unavailable: nobody answers at the API server of context `k`, namespace `default`"),
        "{text}"
    );

    for (tool, arguments) in [
        ("kubectl_api_resources", json!({})),
        ("kubectl_explain", json!({"resource": "pods"})),
        ("kubectl_describe", json!({"resource": "pods"})),
        ("kubectl_delete", json!({"resource": "pod/a"})),
    ] {
        let text = err(&mut nobody, tool, arguments).await;
        assert!(text.starts_with("unavailable: nobody answers at the API server of context `k`"), "{tool}: {text}");
    }

    let missing = directory.path().join("missing");
    let mut none = client(&server(&missing)).await;
    let text = err(&mut none, "kubectl_get", json!({"resource": "pods"})).await;
    assert!(text.starts_with("unavailable: there is no kubeconfig") && text.contains("KUBECONFIG"), "{text}");

    fs::write(&config, "a: [").unwrap();
    let text = err(&mut nobody, "kubectl_get", json!({"resource": "pods"})).await;
    assert!(text.starts_with("unavailable: the kubeconfig cannot be read"), "{text}");

    let mut bare = client(&Start::new(env!("CARGO_BIN_EXE_kubectl-server")).env("PATH", "/nowhere")).await;
    let text = err(&mut bare, "kubectl_get", json!({"resource": "pods"})).await;
    assert!(text.starts_with("unavailable: kubectl was found neither"), "{text}");
}

fn kubeconfig(port: u16, user: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\nclusters: [{{name: k, cluster: {{server: \"https://127.0.0.1:{port}\"}}}}]\n\
         users: [{{name: k, user: {user}}}]\ncontexts: [{{name: k, context: {{cluster: k, user: k}}}}]\ncurrent-context: k\n"
    )
}

#[tokio::test]
async fn a_credential_plug_in_is_run_and_its_failure_said() {
    let namespace = Cluster::get().namespace("plugin");
    let user = namespace.user("exec", "- {apiGroups: [\"\"], resources: [configmaps], verbs: [list]}");
    let mut config: serde_json::Value = serde_json::from_slice(&fs::read(&user).unwrap()).unwrap();
    let token = config["users"][0]["user"]["token"].as_str().unwrap().to_owned();
    let directory = tempfile::tempdir().unwrap();
    let plugin = directory.path().join("credentials");
    let answer =
        json!({"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": token}});
    fs::write(&plugin, format!("#!/bin/sh\ncat <<'X'\n{answer}\nX\n")).unwrap();
    fs::set_permissions(&plugin, fs::Permissions::from_mode(0o755)).unwrap();
    config["users"][0]["user"] = json!({"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "credentials", "interactiveMode": "Never"}});
    let path = directory.path().join("config");
    fs::write(&path, config.to_string()).unwrap();
    let with = |path_variable: String| server(&path).env("PATH", path_variable);
    let bin = Cluster::get().bin().display().to_string();
    let mut working = client(&with(format!("{bin}:{}:/usr/bin:/bin", directory.path().display()))).await;
    let text = ok(&mut working, "kubectl_get", json!({"resource": "configmaps"})).await;
    assert!(text.contains("kube-root-ca.crt"), "{text}");
    let mut broken = client(&with(format!("{bin}:/usr/bin:/bin"))).await;
    let text = err(&mut broken, "kubectl_get", json!({"resource": "configmaps"})).await;
    assert!(text.starts_with("unauthenticated: the credential plug-in"), "{text}");
}
