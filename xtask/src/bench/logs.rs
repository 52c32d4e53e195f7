//! `kube_logs` over a million lines of fifty pods that ran, beside `kubectl logs` that only hands them on.

use std::{path::Path, process::Stdio};

use serde_json::json;

use super::{
    Bench,
    client::{Client, Program},
    memory::{self, mib},
    table::{Row, unmeasured},
    turns::{medians, millis, timed},
};
use crate::{
    cluster::{self, Extent, Kubectl, Running},
    run,
};

/// How often it is measured: each time takes both sides some seconds.
const RUNS: usize = 3;
/// How much the server may have resident.
const RESIDENT_MIB: u64 = 20;
/// What is measured.
const WHAT: &str = "kube_logs of 1000000 lines of 50 pods";

/// Starts a cluster whose node runs the pods. Where none can run, the row says so.
pub(super) fn rows(bench: &Bench, binary: &Path) -> Result<Vec<Row>, String> {
    let running = match Running::start(&bench.root, Extent::Whole.into(), None) {
        Ok(running) => running,
        Err(error) => return Ok(vec![Row { what: WHAT.to_owned(), ours: unmeasured(WHAT, &error), ..Row::default() }]),
    };
    let (place, bin) = (running.place().path(), running.place().path().join("bin"));
    let kubectl = Kubectl::new(place);
    run::out("having 50 pods write 20000 lines each");
    kubectl.apply("default", &include_str!("talk.yaml").replace("{{image}}", cluster::BUSYBOX))?;
    kubectl.ask(&["rollout", "status", "deployment/talk", "--timeout=300s"])?;

    let directory = bench.home.join("logs");
    std::fs::create_dir_all(&directory).map_err(|error| format!("{}: {error}", directory.display()))?;
    let variables = super::kubectl::sides::environment(&directory, place, &bin)?;
    let ours = Program::new([binary.to_owned()]).with(&variables);
    let theirs = Program::new([bin.join("kubectl")]).with(&variables);
    let mut us = Client::start(&ours, &directory)?;
    let ask = |us: &mut Client| us.call("kube_logs", &json!({"name": "deploy/talk", "since": "24h"}));
    let answer = ask(&mut us)?.to_string();
    // Each error has two more lines.
    if !answer.contains("1004000 lines") {
        return Err(format!("kube_logs did not read all lines: {answer}"));
    }
    let resident = memory::peak(us.pid());
    let (ours, them) = medians(
        RUNS,
        || timed(|| ask(&mut us).map(drop)),
        || {
            timed(|| {
                let mut kubectl = theirs.command();
                kubectl.args(["logs", "--selector=app=talk", "--tail=-1", "--max-log-requests=50", "--prefix"]);
                kubectl.stdin(Stdio::null()).stdout(Stdio::null()).current_dir(&directory);
                let status = kubectl.status().map_err(|error| format!("kubectl could not be started: {error}"))?;
                if status.success() { Ok(()) } else { Err(format!("kubectl logs: {status}")) }
            })
        },
    )?;
    Ok(vec![
        Row {
            what: WHAT.to_owned(),
            ours: millis(ours),
            peer: format!("kubectl logs {}", millis(them)),
            ratio: format!("{:.2} of its time", ours.as_secs_f64() / them.as_secs_f64()),
            ..Row::default()
        },
        Row {
            what: format!("{WHAT}, peak resident"),
            ours: mib(resident),
            goal: format!("{RESIDENT_MIB} MiB"),
            met: resident <= RESIDENT_MIB << 10,
            ..Row::default()
        },
    ])
}
