//! `kube_health`: every scenario by its cause, one line of it, and nothing else.

use std::time::{Duration, Instant};

use harness::{Client, cluster::Cluster};
use serde_json::json;

use crate::{admin, client, framed, ok, server};

/// How long a scenario may take until it counts as trouble: what is just starting does not.
const PATIENCE: Duration = Duration::from_secs(120);
/// The most bytes of an answer: 800 tokens.
const MOST: usize = 800 * 4;

/// Asks about a namespace until the verdict is this one, and returns the answer.
async fn until(client: &mut Client, namespace: &str, verdict: &str) -> String {
    let end = Instant::now() + PATIENCE;
    loop {
        let text = ok(client, "kube_health", json!({ "namespace": namespace })).await;
        if text.lines().next().unwrap().contains(verdict) {
            return text;
        }
        assert!(Instant::now() < end, "no {verdict}: {text}");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// Plays `scenario` and compares the one line of the answer: how it begins behind the namespace, and what stands in it.
async fn told(scenario: &str, verdict: &str, begins: &str, has: &[&str]) {
    let namespace = Cluster::get().scenario(scenario);
    let mut client = admin().await;
    let text = until(&mut client, namespace.name(), verdict).await;
    let (level, object) = begins.split_once(' ').unwrap();
    let begins = format!("{level} {}/{object}: ", namespace.name());
    let mut lines = framed(&text).lines();
    let line = lines.next().unwrap();
    assert!(line.starts_with(&begins), "{begins}: {text}");
    for has in has {
        assert!(line.contains(has), "{has}: {text}");
    }
    assert_eq!(lines.next(), None, "{text}");
    assert!(text.len() <= MOST && !text.contains("could not look"), "{text}");
}

/// The line of the whole cluster's answer that is about `object`.
async fn of_cluster(client: &mut Client, object: &str) -> Option<String> {
    let text = ok(client, "kube_health", json!({"budget": 25_000})).await;
    let begins = format!("{object}: ");
    let line = text.lines().find(|line| line.split_once(' ').is_some_and(|(_, rest)| rest.starts_with(&begins)));
    line.map(str::to_owned)
}

macro_rules! scenarios {
    ($($test:ident: $scenario:literal, $verdict:literal, $begins:literal, $has:expr;)+) => {
        $(
            #[tokio::test]
            async fn $test() {
                told($scenario, $verdict, $begins, &$has).await;
            }
        )+
    };
}

scenarios! {
    crash_loop: "crash-loop", "DEGRADED", "DEGRADED pod/orders", ["exit 3", "\"FATAL: relation \"orders\" does not exist\""];
    custom_resource: "custom-resource", "DEGRADED", "DEGRADED backup/nightly", ["Ready=False", "BucketUnreachable", "s3.internal/backups: connection refused"];
    failing_readiness: "failing-readiness", "DEGRADED", "DEGRADED pod/slow", ["not ready, it runs for ", "Unhealthy ×", "cache is cold"];
    hpa_without_metrics: "hpa-without-metrics", "DEGRADED", "DEGRADED hpa/queue", ["ScalingActive=False", "FailedGetResourceMetric", "deployment/queue", "missing request for cpu"];
    image_pull: "image-pull", "DEGRADED", "DEGRADED pod/shop", ["ImagePullBackOff", "image 127.0.0.1:9/team/shop:v2", "connection refused"];
    init_stuck: "init-stuck", "DEGRADED", "DEGRADED pod/worker", ["init container does not end", "wait-for-queue runs for ", "waiting for queue.internal:5672"];
    job_failed: "job-failed", "DEGRADED", "DEGRADED job/migrate", ["BackoffLimitExceeded", "exit 1", "migration 42 failed: column exists"];
    missing_config_key: "missing-config-key", "DEGRADED", "DEGRADED pod/api", ["CreateContainerConfigError", "couldn't find key DATABASE_URL in ConfigMap"];
    oom_kill: "oom-kill", "DEGRADED", "DEGRADED pod/hungry", ["OOMKilled", "exit 137", "memory limit 24Mi"];
    pending_cpu: "pending-cpu", "DEGRADED", "DEGRADED pod/greedy", ["Unschedulable", "Insufficient cpu"];
    pending_taint: "pending-taint", "DEGRADED", "DEGRADED pod/trainer", ["Unschedulable", "untolerated taint"];
    pending_volume: "pending-volume", "DEGRADED", "DEGRADED pvc/data", ["Pending", "no storage class", "pod/store waits for it"];
    quota_exceeded: "quota-exceeded", "DEGRADED", "DEGRADED quota/team", ["exceeded", "deployment/batch (1/3 ready)", "limited: pods=1"];
    service_selects_nothing: "service-selects-nothing", "DEGRADED", "DEGRADED service/web", ["no pod has the labels it selects, app=website", "deployment/web have app=web"];
    stalled_rollout: "stalled-rollout", "DEGRADED", "DEGRADED deployment/site", ["ImagePullBackOff", "2/2 ready", "ProgressDeadlineExceeded", "127.0.0.1:9/team/site:v2"];
    cron_suspended: "cron-suspended", "HEALTHY", "note cronjob/report", ["suspended"];
    pdb_blocks: "pdb-blocks", "HEALTHY", "note pdb/ledger", ["allows no disruption", "1 of 1 pods healthy"];
    service_wrong_port: "service-wrong-port", "HEALTHY", "note service/web", ["port 80 goes to 8081, and its pods name 8080"];
}

#[tokio::test]
async fn what_is_healthy_is_healthy_and_nothing_else() {
    let namespace = Cluster::get().scenario("healthy");
    let mut client = admin().await;
    let text = ok(&mut client, "kube_health", json!({"namespace": namespace.name()})).await;
    let (first, rest) = text.split_once('\n').unwrap();
    assert!(first.ends_with(&format!("namespace `{}`: HEALTHY", namespace.name())), "{text}");
    assert_eq!(rest, "fine: 2 pods, 1 deployment, 1 service");
}

#[tokio::test]
async fn a_lost_node_is_critical() {
    let namespace = Cluster::get().scenario("node-not-ready");
    let mut client = admin().await;
    let line = of_cluster(&mut client, &format!("node/{}-lost", namespace.name())).await.unwrap();
    assert!(line.starts_with("CRITICAL node/") && line.contains("NotReady"), "{line}");
    assert!(
        line.contains("KubeletNotReady, \"container runtime network not ready: cni plugin not initialized\""),
        "{line}"
    );
    // Nothing in the namespace comes of it.
    let text = ok(&mut client, "kube_health", json!({"namespace": namespace.name()})).await;
    assert!(text.contains(": HEALTHY") && !text.contains("-lost"), "{text}");
}

#[tokio::test]
async fn a_node_under_pressure_is_told() {
    let namespace = Cluster::get().scenario("node-pressure");
    let mut client = admin().await;
    let line = of_cluster(&mut client, &format!("node/{}-full", namespace.name())).await.unwrap();
    assert!(line.starts_with("DEGRADED node/") && line.contains("DiskPressure"), "{line}");
}

#[tokio::test]
async fn a_namespace_that_does_not_end_says_what_keeps_it() {
    let namespace = Cluster::get().scenario("namespace-terminating");
    let ending = format!("{}-ending", namespace.name());
    let mut client = admin().await;
    let text = until(&mut client, &ending, "DEGRADED").await;
    let line = framed(&text);
    assert!(line.starts_with(&format!("DEGRADED namespace/{ending}: Terminating for ")), "{text}");
    assert!(line.contains("example.com/backup in 1 resource instances") && line.lines().count() == 1, "{text}");
    assert!(of_cluster(&mut client, &format!("namespace/{ending}")).await.is_some());
    // So that it can end.
    let patch = r#"{"metadata":{"finalizers":null}}"#;
    Cluster::get().ask(&["patch", "configmap", "kept", "--namespace", &ending, "--type=merge", "--patch", patch]);
}

#[tokio::test]
async fn a_webhook_that_does_not_answer_is_critical() {
    let namespace = Cluster::get().scenario("webhook-down");
    let mut client = admin().await;
    let text = until(&mut client, namespace.name(), "CRITICAL").await;
    let line = framed(&text);
    let begins = format!(
        "CRITICAL validatingwebhookconfiguration/{}-policy: fails closed and does not answer",
        namespace.name()
    );
    assert!(line.starts_with(&begins) && line.contains("https://127.0.0.1:9/validate"), "{text}");
    assert!(line.contains("policy.example.com") && line.contains("no create, update of deployments"), "{text}");
    Cluster::get().ask(&["delete", "validatingwebhookconfiguration", &format!("{}-policy", namespace.name())]);
}

#[tokio::test]
async fn an_identity_that_may_not_look_is_never_told_that_all_is_well() {
    let namespace = Cluster::get().scenario("rbac-forbidden");
    let services = "- {apiGroups: [''], resources: [services], verbs: [get, list]}";
    for (name, rules) in [("nobody", "[]"), ("services", services)] {
        let mut client = client(&server(&namespace.user(name, rules))).await;
        for arguments in [json!({"namespace": namespace.name()}), json!({})] {
            let text = ok(&mut client, "kube_health", arguments).await;
            assert!(text.lines().next().unwrap().contains(": UNKNOWN"), "{text}");
            assert!(!text.contains("HEALTHY") && text.contains("could not look at:"), "{text}");
            assert!(text.contains("pods") && text.contains("forbidden") && text.len() <= MOST, "{text}");
        }
    }
}

#[tokio::test]
async fn pods_alone_are_enough_for_bad_news_and_not_for_good() {
    let namespace = Cluster::get().scenario("image-pull");
    let pods = "- {apiGroups: [''], resources: [pods], verbs: [get, list]}";
    let mut client = client(&server(&namespace.user("pods", pods))).await;
    let text = until(&mut client, namespace.name(), "DEGRADED of what could be read").await;
    assert!(text.contains("pod/shop: ImagePullBackOff") && text.contains("could not look at:"), "{text}");
}

#[tokio::test]
async fn a_deployment_is_one_line_whatever_its_pods_do() {
    let namespace = Cluster::get().namespace("one-line");
    namespace.apply(
        r#"
apiVersion: apps/v1
kind: Deployment
metadata: {name: api}
spec:
  replicas: 3
  selector: {matchLabels: {app: api}}
  template:
    metadata: {labels: {app: api}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
      - {name: main, image: "{{image}}", imagePullPolicy: Never, command: [sh, -c, "echo 'FATAL: cannot open db'; exit 3"]}
---
apiVersion: v1
kind: Service
metadata: {name: api}
spec: {selector: {app: api}, ports: [{port: 80}]}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: api}
spec: {minAvailable: 1, selector: {matchLabels: {app: api}}}
"#,
    );
    let mut client = admin().await;
    let end = Instant::now() + PATIENCE;
    let text = loop {
        let text = until(&mut client, namespace.name(), "CRITICAL").await;
        if text.contains("CrashLoopBackOff ×3 pods") || Instant::now() > end {
            break text;
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    };
    let line = format!(
        "CRITICAL {}/deployment/api: CrashLoopBackOff ×3 pods, 0/3 ready, exit 3, \"FATAL: cannot open db\"",
        namespace.name()
    );
    assert_eq!(framed(&text), line, "{text}");
}

#[tokio::test]
async fn several_troubles_are_several_lines_and_the_worst_is_first() {
    let cluster = Cluster::get();
    let namespace = cluster.namespace("several");
    for scenario in ["pending-volume", "image-pull", "cron-suspended", "healthy"] {
        let objects = format!("{}/cluster/scenarios/{scenario}/objects.yaml", env!("CARGO_MANIFEST_DIR"));
        namespace.apply(&std::fs::read_to_string(objects).unwrap().replace("{{namespace}}", namespace.name()));
    }
    namespace.wait(&["--for=condition=Available", "deployment/web"]);
    let mut client = admin().await;
    let end = Instant::now() + PATIENCE;
    loop {
        let text = until(&mut client, namespace.name(), "DEGRADED").await;
        let found: Vec<&str> = framed(&text)
            .lines()
            .map(|line| line.split(' ').nth(1).unwrap().trim_end_matches(':').split_once('/').unwrap().1)
            .collect();
        let mut sorted = found.clone();
        sorted.sort_unstable();
        if sorted == ["cronjob/report", "pod/shop", "pvc/data"] {
            // The claim and the pod that waits for it are two.
            assert_eq!(found, ["pvc/data", "pod/shop", "cronjob/report"], "{text}");
            assert!(text.len() <= MOST && text.contains("; 2 degraded, 1 note"), "{text}");
            break;
        }
        assert!(Instant::now() < end, "{text}");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

#[tokio::test]
async fn a_namespace_that_is_not_there_is_not_healthy() {
    let mut client = admin().await;
    let text = crate::err(&mut client, "kube_health", json!({"namespace": "no-such-namespace"})).await;
    assert!(text.starts_with("not_found: "), "{text}");
}
