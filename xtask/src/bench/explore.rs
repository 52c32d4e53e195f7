//! `kube_find` and `kube_health` beside one raw JSON LIST of the same 10,000 pods, beside `kubectl get pods -A` and beside a server from npm, on
//! clusters of their own: of 50 namespaces, and of 1,000. And the logs of one that runs pods.
//!
//! **What is compared.** The LIST is what any client pays that asks for the objects: `kubectl get --raw /api/v1/pods`, which copies the API server's
//! bytes and reads none of them. Ours is a whole call through MCP: the kubeconfig is read, a connection is made, the kinds are asked for and all that
//! is to be looked at is looked at. Beside the pods there are 2,000 other objects. No pod ever runs (nothing schedules them), which is the worst for
//! `kube_health`: every one of them is in trouble.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::{Child, Stdio},
};

use serde_json::{Value, json};

use super::{
    Bench,
    client::{Client, Program},
    kubectl::sides::environment,
    logs,
    memory::{self, mib},
    start::{self, Subject},
    table::{Row, unmeasured},
    turns::{medians, millis, timed},
};
use crate::{
    cluster::{self, Extent, Kubectl, Running},
    run,
};

/// How many pods there are.
const PODS: usize = 10_000;
/// How many objects there are besides.
const OTHERS: usize = 2_000;
/// In how many namespaces they are, one cluster after the other.
const NAMESPACES: [usize; 2] = [50, 1_000];
/// How often a call is measured.
const RUNS: usize = 9;
/// How much the server may have resident after any of these calls.
const RESIDENT_MIB: u64 = 24;
/// What each question is, and how much of the LIST's time it may take.
const QUESTIONS: [(&str, &str, f64); 3] =
    [("kube_find", "failing pods", 0.3), ("kube_find", "nowhere-to-be-found", 0.3), ("kube_health", "", 0.5)];

/// Who is measured, and where.
struct Stage {
    directory: PathBuf,
    ours: Program,
    peer: Result<Program, String>,
    kubectl: Program,
}

pub(super) fn run(bench: &Bench) -> Result<Vec<Row>, String> {
    let binary = bench.built("mcp-kube-explore", "mcp-kube-explore")?;
    let mut rows = Vec::new();
    for namespaces in NAMESPACES {
        // It ends with this round, or this process.
        let cluster = Running::start(&bench.root, Extent::ControlPlane.into(), None)?;
        let stage = Stage::new(bench, &binary, cluster.place().path())?;
        if rows.is_empty() {
            rows.extend(start::rows(&Subject {
                name: "mcp-kube-explore",
                program: stage.ours.clone().with(&[("MODE", "readwrite".into())]),
                binary: binary.clone(),
                directory: stage.directory.clone(),
                peers: vec![("kubernetes-mcp-server", stage.peer.clone())],
                tokens: 2_500,
                megabytes: 12.0,
                resident: 8,
            })?);
        }
        run::out(&format!("filling a cluster with {PODS} pods and {OTHERS} other objects in {namespaces} namespaces"));
        let kubectl = Kubectl::new(cluster.place().path());
        let names: Vec<String> = (0..namespaces).map(|number| format!("many-{number:03}")).collect();
        cluster::fill(&kubectl, PODS, &names)?;
        furnish(&kubectl, &names)?;
        rows.extend(stage.rows(namespaces)?);
    }
    rows.extend(logs::rows(bench, &binary)?);
    Ok(rows)
}

/// Makes the other objects.
fn furnish(kubectl: &Kubectl, names: &[String]) -> Result<(), String> {
    let object = |number: usize| {
        let namespace = &names[number % names.len()];
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": format!("other-{number}"), "namespace": namespace}, "data": {"a": "b"}})
    };
    let items: Vec<Value> = (0..OTHERS).map(object).collect();
    let list = json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string();
    kubectl.feed(&["create", "--filename", "-"], &list).map(drop)
}

impl Stage {
    fn new(bench: &Bench, binary: &Path, cluster: &Path) -> Result<Self, String> {
        let directory = bench.home.join("explore");
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir_all(&directory).map_err(|error| format!("{}: {error}", directory.display()))?;
        let bin = cluster.join("bin");
        let variables = environment(&directory, cluster, &bin)?;
        let here = |program: Program| program.with(&variables);
        Ok(Self {
            ours: here(Program::new([binary])),
            peer: bench.npm().cloned().and_then(|npm| npm.kubernetes()).map(here),
            kubectl: here(Program::new([bin.join("kubectl")])),
            directory,
        })
    }

    fn rows(&self, namespaces: usize) -> Result<Vec<Row>, String> {
        let mut rows = Vec::new();
        let of = format!("of {PODS} pods in {namespaces} namespaces");
        for (tool, query, goal) in QUESTIONS {
            let arguments = if query.is_empty() { json!({}) } else { json!({ "query": query }) };
            let what = if query.is_empty() { format!("{tool} {of}") } else { format!("{tool} `{query}` {of}") };
            let mut us = Client::start(&self.ours, &self.directory)?;
            us.call(tool, &arguments)?;
            let (ours, list) = medians(
                RUNS,
                || timed(|| us.call(tool, &arguments).map(drop)),
                || timed(|| self.list(&["--raw", "/api/v1/pods"])),
            )?;
            let ratio = ours.as_secs_f64() / list.as_secs_f64();
            rows.push(Row {
                what: what.clone(),
                ours: millis(ours),
                peer: format!("one LIST {}", millis(list)),
                ratio: format!("{ratio:.2} of its time"),
                goal: format!("{goal}"),
                met: ratio <= goal,
            });
            let resident = memory::peak(us.pid());
            rows.push(Row {
                what: format!("{what}, peak resident"),
                ours: mib(resident),
                goal: format!("{RESIDENT_MIB} MiB"),
                met: resident <= RESIDENT_MIB << 10,
                ..Row::default()
            });
        }
        rows.push(self.beside(&of)?);
        Ok(rows)
    }

    /// `kube_find` beside those who list the pods.
    fn beside(&self, of: &str) -> Result<Row, String> {
        let arguments = json!({"query": "failing pods"});
        let mut us = Client::start(&self.ours, &self.directory)?;
        let ours = || timed(|| us.call("kube_find", &arguments).map(drop));
        let (ours, kubectl) = medians(RUNS / 2, ours, || timed(|| self.list(&["pods", "--all-namespaces"])))?;
        let peer = self.peer.as_ref().map_err(Clone::clone).and_then(|program| {
            let mut peer = Client::start(program, &self.directory)?;
            let list = json!({});
            let (time, _) =
                medians(RUNS / 2, || timed(|| peer.call("pods_list", &list).map(drop)), || timed(|| Ok(())))?;
            Ok(time)
        });
        let them = [
            ("kubectl get pods -A", Ok(kubectl)),
            ("kubernetes-mcp-server pods_list", peer.map_err(|error| unmeasured("kubernetes-mcp-server", &error))),
        ];
        let row = Row { what: format!("kube_find {of}, the same"), ours: millis(ours), ..Row::default() };
        Ok(row.beside(
            &them,
            |time| millis(*time),
            |time| format!("{:.1}x faster", time.as_secs_f64() / ours.as_secs_f64()),
        ))
    }

    /// Has kubectl list something, and reads it as fast as it comes.
    fn list(&self, arguments: &[&str]) -> Result<(), String> {
        let mut command = self.kubectl.command();
        command.arg("get").args(arguments).current_dir(&self.directory);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child: Child = command.spawn().map_err(|error| format!("kubectl could not be started: {error}"))?;
        let mut output = child.stdout.take().ok_or("no stdout")?;
        io::copy(&mut output, &mut io::sink()).map_err(|error| error.to_string())?;
        let status = child.wait().map_err(|error| error.to_string())?;
        if status.success() { Ok(()) } else { Err(format!("kubectl failed: {status}")) }
    }
}
