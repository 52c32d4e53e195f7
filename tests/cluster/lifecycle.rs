//! What a cluster leaves when it ends: nothing. And that two have nothing in common.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};

use harness::cluster::Cluster;

use crate::second::{Second, traces, xtask};

const POD: &str = r#"{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "sleeper"}, "spec": {"containers": [
    {"name": "main", "image": "{{image}}", "imagePullPolicy": "Never", "command": ["sleep", "infinity"]}]}}"#;

/// A pod in a namespace of its own, so that the node has containers, links and control groups when it ends.
fn run_a_pod(cluster: &Cluster) {
    let namespace = cluster.namespace("second");
    namespace.apply(POD);
    namespace.wait(&["--for=condition=Ready", "pod/sleeper"]);
}

#[test]
fn a_cluster_that_is_ended_leaves_nothing_and_the_other_runs_on() {
    let cache = tempfile::tempdir().expect("directory");
    let mut second = Second::start(cache.path(), &[]);
    let cluster = Cluster::at(&second.directory);
    assert_ne!(cluster.directory(), Cluster::get().directory());
    run_a_pod(&cluster);
    run_a_pod(Cluster::get());
    let before = traces(&second.name(), &second.directory);
    for what in ["process ", "/sys/class/net/", "/sys/fs/cgroup/"] {
        assert!(before.iter().any(|trace| trace.starts_with(what)), "the test sees no {what}: {before:?}");
    }

    let down = |name: &str| xtask(cache.path()).args(["cluster", "down", name]).output().expect("xtask");
    // A name that is none of its own ends nothing.
    let refused = down("none");
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && said.contains(&second.name()), "{said}");
    run_a_pod(&cluster);
    let down = down(&second.name());
    assert!(down.status.success(), "{down:?}");
    assert_eq!(traces(&second.name(), &second.directory), Vec::<String>::new());
    assert!(second.up.wait().expect("wait").success());
    run_a_pod(Cluster::get());
}

#[test]
fn the_kill_of_the_command_ends_the_cluster_and_what_it_left() {
    let cache = tempfile::tempdir().expect("directory");
    let mut second = Second::start(cache.path(), &[]);
    run_a_pod(&Cluster::at(&second.directory));
    second.up.kill().expect("kill");
    second.up.wait().expect("wait");
    // The keeper is nobody's child now, and does the rest.
    let (name, directory) = (second.name(), second.directory.clone());
    harness::block_on(harness::until("nothing is left of a cluster whose command was killed", || {
        traces(&name, &directory).is_empty()
    }));
}

#[test]
fn what_a_killed_keeper_left_is_removed_by_down() {
    let cache = tempfile::tempdir().expect("directory");
    let second = Second::start(cache.path(), &[]);
    run_a_pod(&Cluster::at(&second.directory));
    let (name, directory) = (second.name(), second.directory.clone());
    let keeper = std::fs::read_to_string(format!("/proc/{0}/task/{0}/children", second.up.id())).expect("children");
    let killed = Command::new("kill").args(["-KILL", keeper.trim()]).status().expect("kill");
    assert!(killed.success());
    harness::block_on(harness::until("every process of a cluster whose keeper was killed has ended", || {
        !traces(&name, &directory).iter().any(|trace| trace.starts_with("process "))
    }));
    assert!(!traces(&name, &directory).is_empty(), "there is something for down to remove");
    let down = xtask(cache.path()).args(["cluster", "down"]).output().expect("xtask");
    assert!(down.status.success(), "{down:?}");
    assert_eq!(traces(&name, &directory), Vec::<String>::new());
}

#[test]
fn a_control_plane_alone_answers_and_takes_the_port_it_is_given() {
    let cache = tempfile::tempdir().expect("directory");
    let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port();
    let second = Second::start(cache.path(), &["--only", "control-plane", "--port", &port.to_string()]);
    let cluster = Cluster::at(&second.directory);
    assert_eq!(cluster.facts().node, None);
    let config = std::fs::read_to_string(cluster.kubeconfig()).expect("read");
    assert!(config.contains(&format!("https://127.0.0.1:{port}")), "{config}");
    assert_eq!(cluster.ask(&["get", "nodes", "--output=name"]), "");
    cluster.namespace("alone");
}

#[test]
fn every_scenario_reaches_its_truth_in_two_clusters_side_by_side() {
    let cache = tempfile::tempdir().expect("directory");
    let second = Second::start(cache.path(), &[]);
    let clusters = [Cluster::get(), &Cluster::at(&second.directory)];
    let played = clusters.map(|cluster| {
        let mut command = xtask(cache.path());
        command.args(["cluster", "scenario", "all"]).env("AGENT_TOOLS_CLUSTER", cluster.directory());
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("xtask")
    });
    // Both to their ends, before anything is said of either.
    let outputs = played.map(|played| played.wait_with_output().expect("wait"));

    let scenarios = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/cluster/scenarios")).expect("list");
    let scenarios: BTreeSet<String> =
        scenarios.map(|entry| entry.expect("entry").file_name().into_string().expect("a name")).collect();
    for (cluster, output) in clusters.iter().zip(&outputs) {
        let [said, failed] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text).into_owned());
        assert!(output.status.success(), "{}: {said}{failed}", cluster.directory().display());
        let reached: BTreeSet<String> = said
            .lines()
            .filter_map(|line| Some(line.split_once(": all that should hold does")?.0.to_owned()))
            .collect();
        assert_eq!(reached, scenarios, "{}: {said}", cluster.directory().display());
    }
    // Each has what it was judged by, none the other's.
    let [ours, theirs] = clusters.map(|cluster| -> BTreeSet<String> {
        let path = "--output=jsonpath={range .items[*]}{.metadata.name}/{.metadata.uid} {end}";
        let all = cluster.ask(&["get", "namespaces", path]);
        let of_scenarios = all.split_whitespace().filter(|one| scenarios.contains(one.split('/').next().unwrap_or("")));
        of_scenarios.map(str::to_owned).collect()
    });
    assert_eq!((ours.len(), theirs.len()), (scenarios.len(), scenarios.len()), "{ours:?} {theirs:?}");
    assert!(ours.is_disjoint(&theirs), "{ours:?} {theirs:?}");
}
