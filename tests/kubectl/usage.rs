//! `kubectl_top`, on the cluster's own metrics API: what it shows is what `kubectl top` prints.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use harness::cluster::{Cluster, Namespace};
use serde_json::{Value, json};

use crate::{admin, client, err, framed, ok, server};

const PODS: &str = r#"
apiVersion: v1
kind: Pod
metadata: {name: busy, labels: {kind: worker}}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - {name: spins, image: "{{image}}", imagePullPolicy: Never, command: [sh, -c, "while :; do i=0; while [ $i -lt 2000 ]; do i=$((i+1)); done; sleep 0.2; done"]}
  - {name: sleeps, image: "{{image}}", imagePullPolicy: Never, command: [sleep, "100000"]}
---
apiVersion: v1
kind: Pod
metadata: {name: idle}
spec:
  terminationGracePeriodSeconds: 0
  containers: [{name: a, image: "{{image}}", imagePullPolicy: Never, command: [sleep, "100000"]}]
"#;

/// Two pods of which there are metrics.
async fn measured() -> Namespace<'static> {
    let namespace = Cluster::get().namespace("top");
    namespace.apply(PODS);
    namespace.wait(&["--for=condition=Ready", "pod/busy", "pod/idle"]);
    let rows = || {
        let printed = namespace.kubectl(&["top", "pods", "--containers", "--no-headers"]);
        String::from_utf8(printed.stdout).unwrap().lines().count()
    };
    let began = Instant::now();
    while rows() < 3 {
        assert!(began.elapsed() < Duration::from_secs(120), "there are no metrics of new pods");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    namespace
}

/// The words of each line.
fn rows(table: &str) -> Vec<Vec<String>> {
    table.lines().map(|line| line.split_whitespace().map(str::to_owned).collect()).collect()
}

/// The rows kubectl prints; those of nodes without figures, which it prints last and in any order, by name.
fn printed(namespace: &Namespace<'_>, words: &[&str]) -> Vec<Vec<String>> {
    let mut rows = rows(&namespace.ask(words));
    let measured = rows.iter().position(|row| row.iter().any(|word| word == "<unknown>")).unwrap_or(rows.len());
    rows[measured..].sort();
    rows
}

/// What the tool shows and what kubectl prints at one time: the metrics may move between the two, so that it is asked until kubectl prints
/// the same before and after.
async fn both(
    namespace: &Namespace<'_>,
    arguments: Value,
    words: &[&str],
) -> (String, Vec<Vec<String>>, Vec<Vec<String>>) {
    let mut client = admin().await;
    let began = Instant::now();
    loop {
        let before = printed(namespace, words);
        let text = ok(&mut client, "kubectl_top", arguments.clone()).await;
        if printed(namespace, words) == before {
            let ours = rows(framed(&text));
            return (text, ours, before);
        }
        assert!(began.elapsed() < Duration::from_secs(120), "the metrics do not stand still: {before:?}");
    }
}

#[tokio::test]
async fn numbers_rows_and_order_are_those_kubectl_prints() {
    let namespace = measured().await;
    let here = |more: Value| {
        let mut arguments = json!({"resource": "pods", "namespace": namespace.name()});
        arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        arguments
    };
    for (more, words) in [
        (json!({}), &["top", "pods"][..]),
        (json!({"sort": "cpu"}), &["top", "pods", "--sort-by=cpu"]),
        (json!({"sort": "memory"}), &["top", "pods", "--sort-by=memory"]),
        (json!({"containers": true}), &["top", "pods", "--containers"]),
        (json!({"selector": "kind=worker"}), &["top", "pods", "--selector=kind=worker"]),
        (json!({"name": "idle"}), &["top", "pods", "idle"]),
    ] {
        let (text, ours, kubectls) = both(&namespace, here(more), words).await;
        assert_eq!(ours, kubectls, "{words:?}: {text}");
        assert!(
            text.starts_with(&format!("context {}, namespace `{}`: usage\n", crate::context(), namespace.name())),
            "{text}"
        );
        // With units, and at least a row below the header.
        assert!(
            kubectls.len() > 1 && kubectls[1..].iter().all(|row| row.last().unwrap().ends_with("Mi")),
            "{kubectls:?}"
        );
    }
    let (text, ours, kubectls) = both(&namespace, json!({"resource": "nodes"}), &["top", "nodes"]).await;
    assert_eq!(ours, kubectls, "{text}");
    assert!(!text.lines().next().unwrap().contains("namespace"), "{text}");
    // The busier comes first.
    let (_, ours, _) = both(&namespace, here(json!({"sort": "cpu"})), &["top", "pods", "--sort-by=cpu"]).await;
    assert_eq!((ours[1][0].as_str(), ours[2][0].as_str()), ("busy", "idle"), "{ours:?}");
}

#[tokio::test]
async fn what_has_no_metrics_is_told_from_what_uses_nothing() {
    let namespace = Cluster::get().namespace("untop");
    let mut reader = admin().await;
    let here = |more: Value| {
        let mut arguments = json!({"resource": "pods", "namespace": namespace.name()});
        arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        arguments
    };
    let text = ok(&mut reader, "kubectl_top", here(json!({}))).await;
    assert!(text.ends_with("no pods; the namespace exists"), "{text}");
    let text = err(&mut reader, "kubectl_top", here(json!({"namespace": format!("{}x", namespace.name())}))).await;
    assert!(text.starts_with("not_found: there is no namespace"), "{text}");
    let text = err(&mut reader, "kubectl_top", here(json!({"name": "nobody"}))).await;
    assert!(text.starts_with("not_found: "), "{text}");
    // One that runs nowhere.
    namespace.apply("apiVersion: v1\nkind: Pod\nmetadata: {name: waits}\nspec: {schedulerName: nobody, containers: [{name: a, image: x}]}");
    let text = err(&mut reader, "kubectl_top", here(json!({"name": "waits"}))).await;
    assert!(text.starts_with("not_found: ") || text.starts_with("unavailable: "), "{text}");

    // Who may read no metrics is told that, not that there are none.
    let user = namespace.user("pods", "- {apiGroups: [\"\"], resources: [pods], verbs: [get, list]}");
    let mut refused = client(&server(&user)).await;
    let text = err(&mut refused, "kubectl_top", json!({"resource": "pods"})).await;
    assert!(text.starts_with("forbidden: ") && text.contains("pods.metrics.k8s.io"), "{text}");
}

/// A cluster without nodes and without the metrics API; it ends when dropped.
struct ControlPlane {
    up: Child,
    cluster: Cluster,
}

impl ControlPlane {
    fn start(cache: &Path) -> Self {
        let running = Cluster::get();
        let mut up = Command::new(running.directory().join("xtask"))
            .args(["cluster", "up", "--only", "control-plane"])
            .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
            .env("XDG_CACHE_HOME", cache)
            .env("CLUSTER_BIN", running.bin())
            .env_remove("AGENT_TOOLS_CLUSTER")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("xtask");
        let mut lines = BufReader::new(up.stdout.take().expect("its output")).lines();
        let place = lines.find_map(|line| {
            Some(line.ok()?.strip_prefix("export AGENT_TOOLS_CLUSTER='")?.strip_suffix('\'')?.to_owned())
        });
        // It writes a line more, and nobody has to read it.
        std::thread::spawn(move || lines.count());
        let place = place.expect("cargo xtask cluster up says where it is");
        Self { up, cluster: Cluster::at(Path::new(&place)) }
    }
}

impl Drop for ControlPlane {
    fn drop(&mut self) {
        self.up.kill().ok();
        self.up.wait().ok();
    }
}

#[tokio::test]
async fn where_there_is_no_metrics_api_that_is_said() {
    let cache = tempfile::tempdir().unwrap();
    let bare = ControlPlane::start(cache.path());
    let mut client = client(&server(bare.cluster.kubeconfig())).await;
    for arguments in
        [json!({"resource": "pods"}), json!({"resource": "nodes"}), json!({"resource": "pods", "containers": true})]
    {
        let text = err(&mut client, "kubectl_top", arguments).await;
        assert!(text.starts_with("unavailable: ") && text.contains("has no metrics"), "{text}");
        assert!(text.contains("metrics-server may be missing"), "{text}");
    }
}
