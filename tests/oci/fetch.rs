//! `agent-tools fetch`: a pinned CLI, and nothing else, whatever a publisher's server sends.

use std::path::Path;

use artifacts::oci::{Digest, Platform};
use harness::faults::{Elsewhere, Fault, FaultProxy, Rule};

use super::kit::{Agent, digest, program};

/// A publisher's server: what it gives for an address that ends with a digest is what was put there, which may be something else.
struct Publisher {
    _elsewhere: Elsewhere,
    proxy: FaultProxy,
    storage: tempfile::TempDir,
}

impl Publisher {
    fn start() -> Self {
        let storage = tempfile::tempdir().expect("directory");
        let elsewhere = Elsewhere::start(storage.path());
        let proxy = FaultProxy::start(&elsewhere.address(), []);
        Self { _elsewhere: elsewhere, proxy, storage }
    }

    /// Publishes `bytes` where a file of `pinned` is expected; gives its entry in `bundles.toml`.
    fn publish(&self, platform: &str, pinned: &[u8], bytes: &[u8], member: Option<&str>) -> String {
        let hex = Digest::of(pinned).hex();
        let place = self.storage.path().join("docker/registry/v2/blobs/sha256").join(&hex[..2]).join(&hex);
        std::fs::create_dir_all(&place).expect("directory");
        std::fs::write(place.join("data"), bytes).expect("write");
        let (url, digest) = (self.proxy.url(), digest(pinned));
        let member = member.map(|member| format!("member = \"{member}\"\n")).unwrap_or_default();
        format!("[cli.platform.\"{platform}\"]\nurl = \"{url}/files/{digest}\"\nsha256 = \"{hex}\"\n{member}")
    }
}

/// A command that finds one CLI, `tool`, pinned like this.
fn agent(entries: &[String]) -> Agent {
    let agent = Agent::new();
    let head = "[[cli]]\nname = \"tool\"\nserver = \"git\"\nversion = \"1.0.0\"\nlicense = \"MIT\"\nlicense_file = \"LICENSE\"\n";
    std::fs::write(agent.path("pins.toml"), format!("{head}{}", entries.join(""))).expect("write");
    agent
}

fn fetch(platform: &str) -> [&str; 8] {
    ["fetch", "tool", "--pins", "pins.toml", "--cache", "cache", "--platform", platform]
}

/// What is pinned, what is there, which member is wanted, what else happens, and what is said.
type Case<'a> = (&'a [u8], &'a [u8], Option<&'a str>, Option<Fault>, &'a str);

/// A gzipped tar with `bytes` as `bin/tool`, made in `place`.
fn archive(place: &Path, bytes: &[u8]) -> Vec<u8> {
    std::fs::create_dir_all(place.join("bin")).expect("directory");
    std::fs::write(place.join("bin/tool"), bytes).expect("write");
    let tar = |arguments: &[&str]| std::process::Command::new("tar").current_dir(place).args(arguments).output();
    super::said(&tar(&["-czf", "tool.tar.gz", "./bin/tool"]).expect("tar"));
    std::fs::read(place.join("tool.tar.gz")).expect("an archive")
}

#[test]
fn a_file_and_a_member_of_an_archive_come_once_and_stay() {
    let (publisher, place) = (Publisher::start(), tempfile::tempdir().expect("directory"));
    let (amd64, arm64) = (program("amd64", 30_000), program("arm64", 30_000));
    let packed = archive(place.path(), &arm64);
    let agent = agent(&[
        publisher.publish("linux/amd64", &amd64, &amd64, None),
        publisher.publish("linux/arm64", &packed, &packed, Some("bin/tool")),
    ]);
    for (platform, bytes) in [("linux/amd64", &amd64), ("linux/arm64", &arm64)] {
        let before = publisher.proxy.seen().len();
        let path = agent.said(&fetch(platform));
        assert_eq!(path, format!("cache/tool-1.0.0-{}", platform.replace('/', "-")));
        assert!(std::fs::read(agent.path(&path)).expect("a program") == *bytes, "{path}");
        assert_eq!(publisher.proxy.seen().len(), before + 1);
        // It is there: nobody is asked again, not even where the program itself has gone.
        std::fs::remove_file(agent.path(&path)).expect("a program");
        assert_eq!(agent.said(&fetch(platform)), path);
        assert!(std::fs::read(agent.path(&path)).expect("a program") == *bytes, "{path}");
        assert_eq!(publisher.proxy.seen().len(), before + 1);
        // What is kept and damaged is fetched again.
        let kept = if bytes == &amd64 { Digest::of(&amd64) } else { Digest::of(&packed) };
        std::fs::write(agent.path("cache").join(kept.hex()), "damaged").expect("write");
        agent.said(&fetch(platform));
        assert_eq!(publisher.proxy.seen().len(), before + 2);
    }
    assert_eq!(agent.list("cache").len(), 4);
    assert!(publisher.proxy.seen().iter().all(|seen| !seen.authorized()));
    let value: serde_json::Value =
        serde_json::from_str(&agent.said(&[&fetch("linux/amd64")[..], &["--output", "json"]].concat())).expect("JSON");
    assert_eq!((&value["name"], &value["platform"]), (&"tool".into(), &"linux/amd64".into()));
    // Without a word about it, this machine's.
    let host = agent.said(&["fetch", "tool", "--pins", "pins.toml", "--cache", "cache"]);
    assert_eq!(host, format!("cache/tool-1.0.0-{}", Platform::host().dashed()));
}

#[test]
fn what_is_cut_or_refused_for_a_moment_is_tried_again() {
    let publisher = Publisher::start();
    let bytes = program("amd64", 30_000);
    let entry = publisher.publish("linux/amd64", &bytes, &bytes, None);
    for fault in
        [Fault::CutResponse(10_000), Fault::CutBeforeResponse, Fault::Status(503, Vec::new(), "later".to_owned())]
    {
        let (agent, before) = (agent(std::slice::from_ref(&entry)), publisher.proxy.seen().len());
        publisher.proxy.rules([Rule::new("GET", "*", fault.clone()).once()]);
        let path = agent.said(&fetch("linux/amd64"));
        assert!(std::fs::read(agent.path(&path)).expect("a program") == bytes, "{fault:?}");
        assert_eq!(publisher.proxy.seen().len(), before + 2, "{fault:?}");
    }
}

#[test]
fn what_is_not_the_pinned_cli_leaves_nothing_behind() {
    let (publisher, place) = (Publisher::start(), tempfile::tempdir().expect("directory"));
    let bytes = program("amd64", 30_000);
    let mut flipped = bytes.clone();
    flipped[29_999] ^= 1;
    let page = b"<!DOCTYPE html><html>Not found</html>";
    let packed = archive(place.path(), &bytes);
    let html = Fault::Status(200, vec![("content-type", "text/html".to_owned())], "<html></html>".to_owned());
    let missing = Fault::Status(404, Vec::new(), String::new());
    let truncated = Fault::TruncateResponse(20_000);
    let cases: [Case; 8] = [
        (&bytes, &flipped, None, None, "pinned is"),
        (&bytes, &bytes, None, Some(truncated), "pinned is"),
        (&bytes, page, None, None, "pinned is"),
        (&bytes, &bytes, None, Some(html), "page"),
        (&bytes, &bytes, None, Some(missing), "404"),
        (page, page, None, None, "HTML"),
        (&packed, &packed, Some("tool"), None, "no file \"tool\""),
        (&bytes, &bytes, Some("tool"), None, "no gzipped tar"),
    ];
    for (pinned, there, member, fault, expected) in cases {
        let agent = agent(&[publisher.publish("linux/amd64", pinned, there, member)]);
        publisher.proxy.rules(fault.clone().map(|fault| Rule::new("GET", "*", fault)));
        let error = agent.failed(1, &fetch("linux/amd64"));
        assert!(error.contains(expected) && error.contains("tool 1.0.0 for linux/amd64"), "{expected}: {error}");
        // A download that is the pinned one is kept under its digest; a program that is none is not.
        let kept = if pinned == there && fault.is_none() { vec![Digest::of(pinned).hex()] } else { Vec::new() };
        assert_eq!(agent.list("cache"), kept, "{expected}: {error}");
    }
}

#[test]
fn a_program_for_another_machine_is_refused() {
    let publisher = Publisher::start();
    let bytes = program("arm64", 30_000);
    let agent = agent(&[publisher.publish("linux/amd64", &bytes, &bytes, None)]);
    let error = agent.failed(1, &fetch("linux/amd64"));
    assert!(error.contains("built for linux/arm64, not for linux/amd64"), "{error}");
    assert_eq!(agent.list("cache"), [Digest::of(&bytes).hex()]);
    assert!(agent.failed(1, &fetch("linux/riscv64")).contains("pins no tool for linux/riscv64"));
    let other = agent.failed(2, &["fetch", "other", "--pins", "pins.toml"]);
    assert!(other.contains("it pins: tool"), "{other}");
}
