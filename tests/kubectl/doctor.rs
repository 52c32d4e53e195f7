//! `mcp-kubectl doctor`: what is there, who the kubeconfig is, and what that identity may do of what the tools need.

use std::{fs, path::Path};

use harness::{Start, cluster::Cluster};

use crate::server;

/// Exit code and text of the doctor.
async fn asked(start: &Start) -> (i32, String) {
    let output = start.clone().arg("doctor").output().await;
    let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8_lossy(&output.stderr);
    (output.status.code().expect("an exit"), text)
}

/// The line of the check `name`.
fn line<'t>(text: &'t str, name: &str) -> &'t str {
    let found = text.lines().find(|line| line.get(8..).is_some_and(|rest| rest.trim_start().starts_with(name)));
    found.unwrap_or_else(|| panic!("no {name} in {text}"))
}

/// Asserts that the check `name` is in `state` and says all of `words`.
#[track_caller]
fn says(text: &str, state: &str, name: &str, words: &[&str]) {
    let line = line(text, name);
    assert!(line.starts_with(state), "{name} is not {state}: {text}");
    for word in words {
        assert!(line.contains(word), "{word:?} is not in {line}");
    }
}

#[tokio::test]
async fn cluster_admin_lacks_nothing() {
    let cluster = Cluster::get();
    let (code, text) = asked(&server(cluster.kubeconfig())).await;
    assert_eq!(code, 0, "{text}");
    let kubectl = cluster.kubectl_path().display().to_string();
    says(&text, "ok", "kubectl", &[&cluster.facts().server_version, &kubectl]);
    says(&text, "ok", "kubeconfig", &["1 contexts", cluster.ask(&["config", "current-context"]).trim()]);
    says(&text, "ok", "api server", &[&cluster.facts().server_version]);
    says(&text, "ok", "identity", &["system:masters"]);
    says(&text, "ok", "rights", &["all that the tools need"]);
}

#[tokio::test]
async fn an_identity_with_few_rights_is_told_which_tools_it_cannot_use() {
    let namespace = Cluster::get().namespace("few");
    let user = namespace.user("few", "- {apiGroups: [\"\"], resources: [pods, pods/log], verbs: [get, list]}");
    let (code, text) = asked(&server(&user)).await;
    assert_eq!(code, 0, "what is refused limits and is not missing: {text}");
    says(
        &text,
        "ok",
        "identity",
        &[&format!("system:serviceaccount:{}:few", namespace.name()), "system:authenticated"],
    );
    says(
        &text,
        "limited",
        "rights",
        &[
            "list events (kubectl_events)",
            "list pods.metrics.k8s.io (kubectl_top)",
            "list secrets (",
            "list deployments.apps (",
            "create pods/exec (kubectl_exec and kubectl_cp)",
            "create pods (kubectl_run)",
            "patch deployments.apps (",
            "patch deployments.apps/scale (kubectl_scale)",
            "delete pods (kubectl_delete)",
        ],
    );
    // What it may do is not among them.
    for granted in ["get pods (", "list pods (", "get pods/log ("] {
        assert!(!line(&text, "rights").contains(granted), "{granted}: {text}");
    }
    // And the tools say the same as the doctor.
    let mut client = crate::client(&server(&user)).await;
    crate::ok(&mut client, "kubectl_get", serde_json::json!({"resource": "pods"})).await;
    let refused = crate::err(&mut client, "kubectl_events", serde_json::json!({})).await;
    assert!(refused.starts_with("forbidden: "), "{refused}");
}

#[tokio::test]
async fn what_keeps_the_cluster_away_is_said_with_the_remedy() {
    let namespace = Cluster::get().namespace("away");
    let expired = namespace.kubeconfig("expired", "not-a-token-of-this-cluster");
    let (code, text) = asked(&server(&expired)).await;
    assert_eq!(code, 1, "{text}");
    // The version is told to everybody; who is asking is what cannot be said.
    assert!(text.contains("the credentials are not taken: log in again, or renew the kubeconfig"), "{text}");
    assert!(!text.contains("not-a-token-of-this-cluster"), "{text}");

    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("config");
    // A port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let write = |current: &str| {
        let text = format!(
            "apiVersion: v1\nkind: Config\nclusters: [{{name: k, cluster: {{server: \"https://127.0.0.1:{port}\"}}}}]\nusers: [{{name: k, user: {{token: x}}}}]\n\
             contexts: [{{name: k, context: {{cluster: k, user: k}}}}]\ncurrent-context: {current}\n"
        );
        fs::write(&config, text).unwrap();
    };
    write("k");
    let (code, text) = asked(&server(&config)).await;
    assert_eq!(code, 1, "{text}");
    says(&text, "missing", "api server", &["check its address, the network, and whether the cluster is up", "refused"]);

    // A current context that is not among them.
    write("nope");
    let (code, text) = asked(&server(&config)).await;
    assert_eq!(code, 1, "{text}");
    says(&text, "missing", "kubeconfig", &["nope"]);

    write("''");
    let (_, text) = asked(&server(&config)).await;
    says(&text, "limited", "kubeconfig", &["1 contexts, none of them current"]);

    fs::write(&config, "a: [").unwrap();
    let (code, text) = asked(&server(&config)).await;
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("missing  kubeconfig"), "{text}");

    let (code, text) = asked(&server(&directory.path().join("missing")).env("HOME", directory.path())).await;
    assert_eq!(code, 1, "{text}");
    says(&text, "missing", "kubeconfig", &["no contexts", "set KUBECONFIG"]);

    let bare = server(Cluster::get().kubeconfig()).env("PATH", directory.path());
    let (code, text) = asked(&bare).await;
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("missing  kubectl"), "{text}");
}

/// A kubectl of another age: the real one, its version changed on the way.
fn aged(directory: &Path, minor: &str) {
    use std::os::unix::fs::PermissionsExt;
    let real = Cluster::get().kubectl_path().display().to_string();
    let script = format!(
        "#!/bin/bash\nif [ \"$1\" = version ]; then {real} \"$@\" | sed '/clientVersion/,/}}/s/\"minor\": \"[0-9]*\"/\"minor\": \"{minor}\"/'; else exec {real} \"$@\"; fi\n"
    );
    fs::write(directory.join("kubectl"), script).unwrap();
    fs::set_permissions(directory.join("kubectl"), fs::Permissions::from_mode(0o755)).unwrap();
}

#[tokio::test]
async fn a_kubectl_too_old_for_the_server_is_said() {
    let directory = tempfile::tempdir().unwrap();
    aged(directory.path(), "30");
    let path = format!("{}:/usr/bin:/bin", directory.path().display());
    let (code, text) = asked(&server(Cluster::get().kubeconfig()).env("PATH", path)).await;
    assert_eq!(code, 0, "{text}");
    says(&text, "limited", "api server", &["minor versions apart", "bring kubectl within 1"]);
}
