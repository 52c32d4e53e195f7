//! The truth table: every scenario of `tests/cluster/scenarios`, and what each tool has to say of it.
//!
//! A row says what an answer must name, in the words of the field, and what would be made up. All that is wrong is told at once, with the
//! table, so that one run shows how good the answers are.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Mutex,
    time::{Duration, Instant},
};

use harness::{
    Client,
    cluster::{Cluster, Namespace},
};
use serde_json::{Value, json};

use crate::{admin, ask};

/// How many scenarios are played at once.
const PLAYERS: usize = 6;
/// How long an answer may take to become right: a container that crashes is between two states, and events come a moment later.
const MOMENT: Duration = Duration::from_secs(60);
/// The same of kube_health, to which what has just begun is not yet trouble.
const MOMENT_OF_HEALTH: Duration = Duration::from_secs(120);
/// The most tokens of an answer, where nothing else is said.
const TOKENS: usize = 1_500;
/// The same of kube_health.
const TOKENS_OF_HEALTH: usize = 800;
/// The columns of the table.
const TOOLS: [&str; 5] = ["kube_health", "kube_find", "kube_inspect", "kube_logs", "kube_topology"];
/// What a secret in every namespace holds, and no answer may.
const CANARY: &str = "hunter2-canary-value";
/// Words of trouble. Where all is well, none may be said.
const TROUBLE: [&str; 14] = [
    "fail",
    "error",
    "warning",
    "not ready",
    "notready",
    "unhealthy",
    "degraded",
    "critical",
    "crash",
    "is not there",
    "pending",
    "restart",
    "0/",
    "unavailable",
];

/// One question and its truth. `{ns}` stands for the namespace in all of it.
struct Asked {
    tool: &'static str,
    arguments: Value,
    has: &'static [&'static str],
    has_not: &'static [&'static str],
}

/// The truth of a scenario.
struct Row {
    scenario: &'static str,
    asked: Vec<Asked>,
}

/// In this namespace.
fn here(mut arguments: Value) -> Value {
    arguments["namespace"] = json!("{ns}");
    arguments
}

fn health(has: &'static [&'static str]) -> Asked {
    Asked { tool: "kube_health", arguments: here(json!({})), has, has_not: &[] }
}

fn find(arguments: Value, has: &'static [&'static str]) -> Asked {
    Asked { tool: "kube_find", arguments, has, has_not: &[] }
}

fn inspect(name: &str, has: &'static [&'static str]) -> Asked {
    Asked { tool: "kube_inspect", arguments: here(json!({"name": name})), has, has_not: &[] }
}

fn logs(name: &str, has: &'static [&'static str]) -> Asked {
    Asked { tool: "kube_logs", arguments: here(json!({"name": name})), has, has_not: &[] }
}

fn topology(name: &str, has: &'static [&'static str]) -> Asked {
    Asked { tool: "kube_topology", arguments: here(json!({"name": name})), has, has_not: &[] }
}

/// What has no namespace.
fn wide(tool: &'static str, arguments: Value, has: &'static [&'static str]) -> Asked {
    Asked { tool, arguments, has, has_not: &[] }
}

impl Asked {
    fn but_not(mut self, has_not: &'static [&'static str]) -> Self {
        self.has_not = has_not;
        self
    }
}

#[expect(clippy::too_many_lines, reason = "it is a table")]
fn table() -> Vec<Row> {
    let row = |scenario, asked| Row { scenario, asked };
    vec![
        // The slowest to play come first.
        row(
            "stalled-rollout",
            vec![
                health(&[
                    "DEGRADED {ns}/deployment/site: ",
                    "ImagePullBackOff",
                    "ProgressDeadlineExceeded",
                    "127.0.0.1:9/team/site:v2",
                ]),
                find(here(json!({"status": "failing"})), &["site-", "ImagePull", "0/1"]).but_not(&["site-before"]),
                inspect(
                    "deployment/site",
                    &[
                        "Progressing=False ProgressDeadlineExceeded",
                        "updatedReplicas 1",
                        "(ImagePullBackOff 0/1)",
                        "replicaset/site-before (2/2 ready)",
                    ],
                )
                .but_not(&["IS NOT THERE"]),
                logs("deploy/site", &["3 pods", "ImagePullBackOff", "127.0.0.1:9/team/site:v2", "connection refused"]),
                topology(
                    "deploy/site",
                    &["deployment/site", "replicaset/site-before (2/2 ready)", "ImagePullBackOff 0/1"],
                ),
            ],
        ),
        row(
            "crash-loop",
            vec![
                health(&[
                    "DEGRADED {ns}/pod/orders: CrashLoopBackOff",
                    "exit 3",
                    "\"FATAL: relation \"orders\" does not exist\"",
                ]),
                find(here(json!({"query": "crashing pods"})), &["orders", "CrashLoopBackOff", "0/1"]),
                inspect(
                    "pod/orders",
                    &[
                        "CrashLoopBackOff",
                        "exit code 3",
                        "restarts",
                        "FATAL: relation \"orders\" does not exist",
                        "BackOff",
                    ],
                ),
                logs(
                    "orders",
                    &["CrashLoopBackOff", "exit code 3", "previous run", "FATAL: relation \"orders\" does not exist"],
                ),
                topology("orders", &["pod/orders (CrashLoopBackOff 0/1)", "node/"]),
            ],
        ),
        row(
            "image-pull",
            vec![
                health(&["DEGRADED {ns}/pod/shop: ImagePullBackOff", "127.0.0.1:9/team/shop:v2", "connection refused"]),
                find(here(json!({"status": "ImagePullBackOff"})), &["shop", "ImagePullBackOff", "0/1"]),
                inspect("shop", &["ImagePullBackOff", "127.0.0.1:9/team/shop:v2", "connection refused"]),
                logs("shop", &["no log read", "ImagePullBackOff", "127.0.0.1:9/team/shop:v2", "connection refused"]),
                topology("shop", &["pod/shop (ImagePullBackOff 0/1)"]),
            ],
        ),
        row(
            "namespace-terminating",
            vec![
                wide(
                    "kube_health",
                    json!({"budget": 25_000}),
                    &["DEGRADED namespace/{ns}-ending: Terminating", "example.com/backup in 1 resource instances"],
                ),
                wide(
                    "kube_find",
                    json!({"query": "terminating namespaces {ns}"}),
                    &["namespace", "{ns}-ending", "Terminating"],
                ),
                wide(
                    "kube_inspect",
                    json!({"name": "namespace/{ns}-ending"}),
                    &[
                        "being deleted for",
                        "NamespaceFinalizersRemaining=True",
                        "example.com/backup in 1 resource instances",
                        "configmaps. has 1",
                    ],
                ),
                wide("kube_topology", json!({"name": "ns/{ns}-ending"}), &["namespace/{ns}-ending (Terminating)"]),
            ],
        ),
        row(
            "hpa-without-metrics",
            vec![
                health(&["DEGRADED {ns}/hpa/queue: ", "ScalingActive=False", "FailedGetResourceMetric"]),
                find(here(json!({"query": "hpa"})), &["horizontalpodautoscaler", "queue"]),
                inspect(
                    "hpa/queue",
                    &[
                        "ScalingActive=False FailedGetResourceMetric",
                        "failed to get cpu utilization",
                        "deployment/queue",
                    ],
                ),
                logs("deploy/queue", &["1 pod", "0 lines"]),
                topology(
                    "hpa/queue",
                    &[
                        "1 to 5 replicas",
                        "ScalingActive=False: FailedGetResourceMetric",
                        "scales:",
                        "deployment/queue (1/1 ready)",
                    ],
                )
                .but_not(&["guards"]),
            ],
        ),
        row(
            "job-failed",
            vec![
                health(&[
                    "DEGRADED {ns}/job/migrate: failed",
                    "BackoffLimitExceeded",
                    "exit 1",
                    "migration 42 failed: column exists",
                ]),
                find(here(json!({"status": "failing"})), &["job", "migrate", "Failed", "Error", "0/1"]),
                inspect("job/migrate", &["Failed=True BackoffLimitExceeded", "failed 1", "pod/migrate-", "Error 0/1"]),
                logs("job/migrate", &["exit code 1", "migration 42 failed: column exists", "1 error line"]),
                topology("job/migrate", &["0 succeeded, 1 failed", "(Error 0/1)"]),
            ],
        ),
        row(
            "oom-kill",
            vec![
                health(&["DEGRADED {ns}/pod/hungry: OOMKilled", "memory limit 24Mi"]),
                find(here(json!({"query": "OOMKilled"})), &["hungry", "OOMKilled", "0/1"]),
                inspect("hungry", &["exit code 137 OOMKilled", "limits memory 24Mi"]),
                logs("hungry", &["exit code 137", "OOMKilled", "0 lines"]),
                topology("hungry", &["pod/hungry (OOMKilled 0/1)"]),
            ],
        ),
        row(
            "failing-readiness",
            vec![
                health(&["DEGRADED {ns}/pod/slow: not ready", "cache is cold"]),
                find(here(json!({"status": "not ready"})), &["slow", "Running", "0/1"]),
                inspect("slow", &["Ready=False ContainersNotReady", "Unhealthy", "cache is cold", "not ready"]),
                logs("slow", &["log of slow/main", "0 lines"]),
                topology("slow", &["pod/slow (Running 0/1)"]),
            ],
        ),
        row(
            "init-stuck",
            vec![
                health(&["DEGRADED {ns}/pod/worker: ", "wait-for-queue", "waiting for queue.internal:5672"]),
                find(here(json!({"query": "worker"})), &["worker", "Init:0/1"]),
                inspect("worker", &["Initialized=False", "init wait-for-queue", "waiting for queue.internal:5672"]),
                logs("worker", &["worker/wait-for-queue", "PodInitializing", "waiting for queue.internal:5672"]),
                topology("worker", &["pod/worker (Init:0/1 0/1)"]),
            ],
        ),
        row(
            "missing-config-key",
            vec![
                health(&[
                    "DEGRADED {ns}/pod/api: CreateContainerConfigError",
                    "couldn't find key DATABASE_URL in ConfigMap",
                ]),
                find(here(json!({"status": "failing"})), &["api", "CreateContainerConfigError", "0/1"]),
                inspect(
                    "api",
                    &[
                        "CreateContainerConfigError",
                        "couldn't find key DATABASE_URL in ConfigMap",
                        "uses configmap/settings",
                    ],
                )
                .but_not(&["configmap/settings IS NOT THERE"]),
                logs(
                    "api",
                    &["no log read", "CreateContainerConfigError", "couldn't find key DATABASE_URL in ConfigMap"],
                ),
                topology(
                    "api",
                    &["CreateContainerConfigError 0/1", "configmap/settings", "key DATABASE_URL IS NOT THERE"],
                )
                .but_not(&["configmap/settings IS NOT THERE"]),
            ],
        ),
        row(
            "pending-cpu",
            vec![
                health(&["DEGRADED {ns}/pod/greedy: ", "Unschedulable", "Insufficient cpu"]),
                find(here(json!({"query": "pending pods"})), &["greedy", "Pending", "0/1"]),
                inspect(
                    "greedy",
                    &["PodScheduled=False Unschedulable", "Insufficient cpu", "requests cpu 900", "FailedScheduling"],
                ),
                logs("greedy", &["no log read", "Unschedulable", "Insufficient cpu"]),
                topology("greedy", &["pod/greedy (Pending 0/1)"]).but_not(&["runs on"]),
            ],
        ),
        row(
            "pending-taint",
            vec![
                health(&["DEGRADED {ns}/pod/trainer: ", "Unschedulable", "untolerated taint"]),
                find(here(json!({"status": "pending"})), &["trainer", "Pending", "0/1"]),
                inspect("trainer", &["Unschedulable", "untolerated taint", "nodeSelector.pool: {ns}"]),
                logs("trainer", &["no log read", "untolerated taint"]),
                topology("trainer", &["pod/trainer (Pending 0/1)"]).but_not(&["runs on"]),
            ],
        ),
        row(
            "pending-volume",
            vec![
                health(&["DEGRADED {ns}/pvc/data: ", "Pending", "no storage class", "pod/store waits for it"]),
                find(here(json!({"status": "pending"})), &["pod", "store", "persistentvolumeclaim", "data", "Pending"]),
                inspect(
                    "pvc/data",
                    &[
                        "phase Pending",
                        "no persistent volumes available for this claim",
                        "pod/store (Pending 0/1) uses it",
                    ],
                ),
                logs("store", &["no log read", "unbound immediate PersistentVolumeClaims"]),
                topology("store", &["pod/store (Pending 0/1)", "persistentvolumeclaim/data (Pending)"])
                    .but_not(&["IS NOT THERE"]),
            ],
        ),
        row(
            "quota-exceeded",
            vec![
                health(&["DEGRADED {ns}/quota/team: exceeded", "deployment/batch (1/3 ready)"]),
                find(here(json!({"status": "failing"})), &["deployment", "batch", "1/3"]),
                inspect(
                    "deploy/batch",
                    &["ReplicaFailure=True FailedCreate", "exceeded quota: team", "used: pods=1, limited: pods=1"],
                ),
                inspect("quota/team", &["pods: 1 of 1 used"]),
                logs("deploy/batch", &["1 pod", "0 lines"]),
                topology("deploy/batch", &["deployment/batch (1/3 ready)", "(Running 1/1)"]),
            ],
        ),
        row(
            "custom-resource",
            vec![
                health(&[
                    "DEGRADED {ns}/backup/nightly: ",
                    "Ready=False",
                    "BucketUnreachable",
                    "put s3.internal/backups: connection refused",
                ]),
                find(here(json!({"status": "failing"})), &["backup.example.com", "nightly", "Ready=False"]),
                inspect(
                    "backup/nightly",
                    &["Ready=False BucketUnreachable", "put s3.internal/backups: connection refused"],
                ),
                topology("nightly", &["backup/nightly", "BucketUnreachable"]),
            ],
        ),
        row(
            "cron-suspended",
            vec![
                health(&[": HEALTHY", "note {ns}/cronjob/report: ", "suspended"]),
                find(here(json!({"query": "suspended"})), &["cronjob", "report", "Suspended"]),
                inspect("cronjob/report", &["suspend: true", "schedule: * * * * *"]),
                topology("report", &["cronjob/report", "suspended"]),
            ],
        ),
        row(
            "node-not-ready",
            vec![
                wide(
                    "kube_health",
                    json!({"budget": 25_000}),
                    &["CRITICAL node/{ns}-lost: ", "NotReady", "cni plugin not initialized"],
                ),
                wide("kube_find", json!({"query": "failing nodes {ns}"}), &["{ns}-lost", "NotReady"]),
                wide(
                    "kube_inspect",
                    json!({"name": "node/{ns}-lost"}),
                    &["Ready=False KubeletNotReady", "cni plugin not initialized", "node.kubernetes.io/not-ready"],
                ),
                wide("kube_topology", json!({"name": "node/{ns}-lost"}), &["node/{ns}-lost (NotReady)"]),
            ],
        ),
        row(
            "node-pressure",
            vec![
                wide("kube_health", json!({"budget": 25_000}), &["DEGRADED node/{ns}-full: ", "DiskPressure"]),
                wide("kube_find", json!({"query": "{ns}-full", "kind": "nodes"}), &["{ns}-full", "Ready"]),
                wide(
                    "kube_inspect",
                    json!({"name": "node/{ns}-full"}),
                    &[
                        "DiskPressure=True KubeletHasDiskPressure",
                        "kubelet has disk pressure",
                        "node.kubernetes.io/disk-pressure",
                    ],
                ),
                wide("kube_topology", json!({"name": "node/{ns}-full"}), &["node/{ns}-full", "DiskPressure"]),
            ],
        ),
        row(
            "pdb-blocks",
            vec![
                health(&[": HEALTHY", "note {ns}/pdb/ledger: ", "allows no disruption"]),
                find(here(json!({"query": "pdb/ledger"})), &["poddisruptionbudget", "ledger"]),
                inspect(
                    "pdb/ledger",
                    &["DisruptionAllowed=False InsufficientPods", "disruptionsAllowed 0", "guards pod/ledger-"],
                ),
                logs("deploy/ledger", &["1 pod", "0 lines"]),
                topology("pdb/ledger", &["poddisruptionbudget/ledger (0 may go)", "pod/ledger-"]),
            ],
        ),
        row(
            "rbac-forbidden",
            vec![
                health(&[": HEALTHY"]),
                find(here(json!({"query": "dashboard"})), &["serviceaccount", "role", "rolebinding", "dashboard"]),
                inspect("serviceaccount/dashboard", &["rolebinding/dashboard grants it"]),
                inspect("role/dashboard", &["services", "list"]),
                topology("serviceaccount/dashboard", &["rolebinding/dashboard", "role/dashboard"]),
            ],
        ),
        row(
            "service-selects-nothing",
            vec![
                health(&["DEGRADED {ns}/service/web: ", "app=website"]),
                find(here(json!({"query": "svc/web"})), &["service", "web"]),
                inspect("svc/web", &["selects no pod", "selector.app: website", "0 of 0 endpoints ready"]),
                logs("svc/web", &["which has no pods"]),
                topology("svc/web", &["selects no pod"]),
            ],
        ),
        row(
            "service-wrong-port",
            vec![
                health(&["note {ns}/service/web: ", "port 80 goes to 8081"]),
                find(here(json!({"query": "svc/web"})), &["service", "web"]),
                inspect("svc/web", &["80 → 8081", "targetPort: 8081", "1 of 1 endpoints ready"]),
                logs("svc/web", &["1 pod"]),
                topology("svc/web", &["80 → 8081, and its pods name 8080", "pod/web-"]),
            ],
        ),
        row(
            "webhook-down",
            vec![
                health(&[
                    "CRITICAL validatingwebhookconfiguration/{ns}-policy: ",
                    "https://127.0.0.1:9/validate",
                    "policy.example.com",
                ]),
                wide("kube_find", json!({"query": "{ns}-policy"}), &["validatingwebhookconfiguration", "{ns}-policy"]),
                wide(
                    "kube_inspect",
                    json!({"name": "{ns}-policy"}),
                    &["https://127.0.0.1:9/validate", "failurePolicy: Fail", "policy.example.com"],
                ),
                wide("kube_topology", json!({"name": "{ns}-policy"}), &["validatingwebhookconfiguration/{ns}-policy"]),
            ],
        ),
        row(
            "healthy",
            vec![
                health(&[": HEALTHY", "fine: 2 pods, 1 deployment, 1 service"]).but_not(&[
                    "note",
                    "could not",
                    "=False",
                    "fail",
                ]),
                find(here(json!({"query": "web"})), &["deployment", "2/2", "1/1", "Running"]).but_not(&TROUBLE),
                find(here(json!({"status": "failing"})), &["nothing found"]).but_not(&["web", "could not"]),
                inspect("deploy/web", &["Available=True", "readyReplicas 2", "service/web"]).but_not(&[
                    "=False",
                    "Warning",
                    "IS NOT THERE",
                    "not ready",
                    "0/",
                    "Unhealthy",
                    "Failed",
                ]),
                logs("deploy/web", &["2 pods", "2 logs"]).but_not(&TROUBLE),
                topology("deploy/web", &["deployment/web (2/2 ready)", "service/web", "80 → 8080"]).but_not(&TROUBLE),
            ],
        ),
    ]
}

/// Plays each group of scenarios in a namespace, some groups at a time.
fn play<'g>(groups: &'g [Vec<&'static str>]) -> BTreeMap<&'g [&'static str], Namespace<'static>> {
    let (next, played) = (Mutex::new(groups.iter()), Mutex::new(BTreeMap::new()));
    std::thread::scope(|scope| {
        for _ in 0..PLAYERS {
            scope.spawn(|| {
                loop {
                    let Some(group) = next.lock().unwrap().next() else { return };
                    let namespace = Cluster::get().namespace(group[0]);
                    group.iter().for_each(|scenario| namespace.play(scenario));
                    namespace.apply(&format!(
                        "apiVersion: v1\nkind: Secret\nmetadata: {{name: canary}}\nstringData: {{password: {CANARY}}}"
                    ));
                    played.lock().unwrap().insert(group.as_slice(), namespace);
                }
            });
        }
    });
    played.into_inner().unwrap()
}

/// Takes away what scenarios made outside of their namespaces.
fn clear(played: &BTreeMap<&[&'static str], Namespace<'static>>) {
    let cluster = Cluster::get();
    for (scenarios, namespace) in played {
        let name = namespace.name();
        for scenario in *scenarios {
            match *scenario {
                "node-not-ready" => drop(cluster.kubectl(&["delete", "node", &format!("{name}-lost")])),
                "node-pressure" => drop(cluster.kubectl(&["delete", "node", &format!("{name}-full")])),
                "pending-taint" => drop(cluster.kubectl(&["delete", "node", &format!("{name}-gpu")])),
                "webhook-down" => {
                    drop(cluster.kubectl(&["delete", "validatingwebhookconfiguration", &format!("{name}-policy")]));
                }
                "namespace-terminating" => {
                    let freed = ["--type=merge", "--patch={\"metadata\":{\"finalizers\":null}}"];
                    let ending = format!("{name}-ending");
                    cluster.kubectl(&["patch", "configmap", "kept", "--namespace", &ending, freed[0], freed[1]]);
                }
                _ => {}
            }
        }
    }
}

/// What is wrong with an answer.
fn wrong(asked: &Asked, text: &str, error: bool, own: &str, all: &BTreeSet<String>) -> Vec<String> {
    let mut wrong = Vec::new();
    if error {
        wrong.push("is an error".to_owned());
    }
    let of = |word: &str| word.replace("{ns}", own);
    // In lowercase, so that trouble is trouble in any spelling; namespaces have words of trouble in their names.
    let low = text.replace(own, "NAMESPACE").to_lowercase();
    wrong.extend(
        asked.has.iter().map(|word| of(word)).filter(|word| !text.contains(word)).map(|word| format!("lacks {word:?}")),
    );
    let made_up = asked.has_not.iter().filter(|word| low.contains(&word.to_lowercase()));
    wrong.extend(made_up.map(|word| format!("has {word:?}")));
    // As cluster-admin nothing is out of sight.
    for word in ["could not look", "internal: ", "panicked", CANARY, "aHVudGVyMi1jYW5hcnktdmFsdWU"] {
        if text.contains(word) {
            wrong.push(format!("has {word:?}"));
        }
    }
    // The health of the whole cluster is that of all scenarios.
    if asked.tool == "kube_health" && asked.arguments.get("namespace").is_none() {
        return wrong;
    }
    wrong.extend(all.iter().filter(|other| *other != own && text.contains(*other)).map(|other| format!("has {other}")));
    let most = if asked.tool == "kube_health" { TOKENS_OF_HEALTH } else { TOKENS };
    if tokens(text) > most {
        wrong.push(format!("is longer than {most} tokens"));
    }
    wrong
}

fn tokens(text: &str) -> usize {
    text.len().div_ceil(4)
}

/// Asks until it is right, for a moment.
async fn answer(client: &mut Client, asked: &Asked, own: &str, all: &BTreeSet<String>) -> (String, Vec<String>) {
    let arguments: Value = serde_json::from_str(&asked.arguments.to_string().replace("{ns}", own)).unwrap();
    let moment = if asked.tool == "kube_health" { MOMENT_OF_HEALTH } else { MOMENT };
    let end = Instant::now() + moment;
    loop {
        let (text, error) = ask(client, asked.tool, arguments.clone()).await;
        let wrong = wrong(asked, &text, error, own, all);
        if wrong.is_empty() || Instant::now() > end {
            return (text, wrong);
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_every_scenario_every_tool_tells_the_truth() {
    let rows = table();
    let folders = Path::new(env!("CARGO_MANIFEST_DIR")).join("cluster/scenarios");
    let folders: BTreeSet<String> =
        folders.read_dir().unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    let known: BTreeSet<String> = rows.iter().map(|row| row.scenario.to_owned()).collect();
    assert_eq!(folders, known, "every scenario has a row, and every row a scenario");

    let groups: Vec<Vec<&str>> = rows.iter().map(|row| vec![row.scenario]).collect();
    let played = tokio::task::block_in_place(|| play(&groups));
    let all: BTreeSet<String> = played.values().map(|namespace| namespace.name().to_owned()).collect();
    let (mut lines, mut faults) =
        (vec![format!("{:<24}{}", "scenario", TOOLS.map(|tool| format!("{tool:<18}")).concat())], Vec::new());
    let mut client = admin().await;
    for row in &rows {
        let own = played[&[row.scenario][..]].name();
        let mut cells: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
        for asked in &row.asked {
            let (text, wrong) = answer(&mut client, asked, own, &all).await;
            let (most, count) = cells.entry(asked.tool).or_default();
            *most = (*most).max(tokens(&text));
            *count += wrong.len();
            if !wrong.is_empty() {
                faults.push(format!(
                    "{} {} {}: {}\n{text}\n",
                    row.scenario,
                    asked.tool,
                    asked.arguments,
                    wrong.join(", ")
                ));
            }
        }
        let cell = |tool: &str| match cells.get(tool) {
            None => "–".to_owned(),
            Some((tokens, 0)) => format!("ok ({tokens} tokens)"),
            Some((_, wrong)) => format!("WRONG in {wrong}"),
        };
        lines.push(format!("{:<24}{}", row.scenario, TOOLS.map(|tool| format!("{:<18}", cell(tool))).concat()));
    }
    tokio::task::block_in_place(|| clear(&played));
    println!("{}", lines.join("\n"));
    assert!(faults.is_empty(), "\n{}\n\n{}", lines.join("\n"), faults.join("\n"));
}

/// Scenarios that are played in one namespace: what each tool says of one of them holds beside two others, too. A webhook that is down comes last.
const TOGETHER: [[&str; 3]; 6] = [
    ["stalled-rollout", "crash-loop", "pending-volume"],
    ["init-stuck", "job-failed", "webhook-down"],
    ["oom-kill", "image-pull", "service-selects-nothing"],
    ["missing-config-key", "hpa-without-metrics", "pdb-blocks"],
    ["pending-cpu", "pending-taint", "cron-suspended"],
    ["failing-readiness", "custom-resource", "node-pressure"],
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_at_once_are_told_as_each_alone() {
    let rows = table();
    let groups = TOGETHER.map(|three| three.to_vec());
    let played = tokio::task::block_in_place(|| play(&groups));
    let all: BTreeSet<String> = played.values().map(|namespace| namespace.name().to_owned()).collect();
    let mut client = admin().await;
    let mut faults = Vec::new();
    for (three, namespace) in &played {
        for row in rows.iter().filter(|row| three.contains(&row.scenario)) {
            for asked in &row.asked {
                // What is wrong beside it is found and told with it.
                let has = asked.has.iter().copied().filter(|word| *word != ": HEALTHY").collect::<Vec<_>>().leak();
                let asked = Asked { has, arguments: asked.arguments.clone(), has_not: &[], ..*asked };
                let (text, wrong) = answer(&mut client, &asked, namespace.name(), &all).await;
                if !wrong.is_empty() {
                    faults.push(format!(
                        "{three:?} {} {}: {}\n{text}\n",
                        asked.tool,
                        asked.arguments,
                        wrong.join(", ")
                    ));
                }
            }
        }
    }
    tokio::task::block_in_place(|| clear(&played));
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
