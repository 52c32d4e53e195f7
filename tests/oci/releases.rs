//! A release that moves while something breaks, while others push it too, or while somebody ends the command.

use std::io::Read as _;
use std::process::Stdio;
use std::time::Duration;

use harness::faults::{Fault, FaultProxy, Rule};
use harness::registry::{Options, Registry, lacking};
use harness::{block_on, skip, until};

use super::kit::{Agent, Released, VERSION};
use super::said;

#[test]
fn what_a_tag_of_a_release_names_is_whole_wherever_the_push_ended() {
    if let Some(reason) = lacking(&["registry"]) {
        return skip("what_a_tag_of_a_release_names_is_whole_wherever_the_push_ended", &reason);
    }
    let registry = Registry::start(Options::default());
    let (agent, released) = (Agent::new(), Released::new());
    let (layout, key) = (released.path("layout"), released.path("signing.pub"));
    let index = format!("/v2/refused-at-the-index/manifests/{VERSION}");
    let cases = [
        ("refused-at-blobs", "*/blobs/uploads/*"),
        ("refused-at-manifests", "*/manifests/sha256:*"),
        ("refused-at-referrers", "*/manifests/sha256-*"),
        ("refused-at-a-tag", "*-linux-arm64"),
        ("refused-at-the-index", index.as_str()),
    ];
    std::thread::scope(|scope| {
        for (name, path) in cases {
            let (registry, agent, layout, key) = (&registry, &agent, &layout, &key);
            scope.spawn(move || {
                let rule = Rule::new("PUT", path, Fault::Status(403, Vec::new(), String::new()));
                let proxy = FaultProxy::start(&registry.address(), [rule]);
                agent.failed(1, &["push", layout, &format!("{}/{name}", proxy.address())]);
                let place = format!("{}/{name}", registry.address());
                // Where no tag was set there may be no repository.
                let list = agent.run(&["list", &place]);
                let tags = String::from_utf8_lossy(&list.stdout).into_owned();
                assert_eq!(tags.is_empty(), !name.ends_with("tag") && !name.ends_with("index"), "{name}: {tags}");
                for tag in tags.lines() {
                    let part = tag != VERSION && tag != format!("{VERSION}-image");
                    assert!(part, "{name}: an index before its parts: {tag}");
                    agent.said(&["verify", &registry.reference(name, tag)]);
                }
                // Another push brings the rest.
                agent.said(&["push", layout, &place]);
                agent.said(&["verify", &registry.reference(name, VERSION), "--key", key]);
            });
        }
    });
}

#[test]
fn many_may_push_the_same_at_once() {
    if let Some(reason) = lacking(&["registry"]) {
        return skip("many_may_push_the_same_at_once", &reason);
    }
    let registry = Registry::start(Options::default());
    let (agent, released) = (Agent::new(), Released::new());
    let (layout, reference) = (released.path("layout"), registry.reference("by/many", VERSION));
    let place = format!("{}/by/many", registry.address());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| agent.said(&["push", &layout, &place]));
        }
    });
    agent.said(&["verify", &reference, "--key", &released.path("signing.pub")]);
}

#[test]
fn an_interrupted_copy_leaves_no_tag_and_no_rest() {
    if let Some(reason) = lacking(&["registry"]) {
        return skip("an_interrupted_copy_leaves_no_tag_and_no_rest", &reason);
    }
    let registry = Registry::start(Options::default());
    let (agent, released) = (Agent::new(), Released::new());
    let place = format!("{}/team/mcp-git", registry.address());
    said(&agent.run(&["push", &released.path("layout"), &place]));
    let slow = Fault::TrickleResponse(100, Duration::from_millis(100));
    let proxy = FaultProxy::start(&registry.address(), [Rule::new("GET", "*/blobs/*", slow)]);
    let reference = proxy.reference("team/mcp-git", VERSION);
    for signal in [rustix::process::Signal::INT, rustix::process::Signal::TERM] {
        let before = proxy.seen().len();
        let mut process = agent
            .command(&["copy", &reference, "oci:copy:1"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("agent-tools");
        let begun = || proxy.seen().iter().skip(before).any(|seen| seen.met && seen.status.is_some());
        block_on(until("a download", begun));
        rustix::process::kill_process(rustix::process::Pid::from_child(&process), signal).expect("a signal");
        assert_eq!(process.wait().expect("an end").code(), Some(1));
        let mut said = String::new();
        process.stderr.take().expect("stderr").read_to_string(&mut said).expect("text");
        assert!(said.contains("interrupted"), "{said}");
        let rest: Vec<String> = agent.list("copy/blobs/sha256").into_iter().filter(|name| name.len() != 64).collect();
        assert_eq!(rest, [""; 0]);
        let index = std::fs::read_to_string(agent.path("copy/index.json")).expect("an index");
        assert!(index.contains("\"manifests\":[]"), "{index}");
    }
}
