//! What one client pushes, the others read.

use std::io::{BufRead as _, BufReader};
use std::net::TcpStream;
use std::process::{Command, Stdio};

use harness::registry::{Options, Registry, lacking};
use harness::{block_on, skip, until};

use super::{push, said};

#[test]
fn what_crane_pushes_the_others_read() {
    if let Some(reason) = lacking(&["registry", "crane", "oras", "skopeo"]) {
        return skip("what_crane_pushes_the_others_read", &reason);
    }
    let registry = Registry::start(Options::default());
    let reference = registry.reference("made/by-crane", "1");
    let layer = push(&registry, &reference, b"from crane\n");
    assert!(registry.blob(&layer).exists());
    let digest = said(&registry.crane(&["digest", &reference]));
    let fetched = said(&registry.oras(&["manifest", "fetch", "--plain-http", "--descriptor", &reference]));
    assert!(fetched.contains(&digest), "{fetched}");
    let image = format!("docker://{reference}");
    let inspected = said(&registry.skopeo(&["inspect", "--tls-verify=false", "--format={{.Digest}}", &image]));
    assert_eq!(inspected, digest);
}

#[test]
fn what_oras_pushes_the_others_read_and_its_referrers_are_discovered() {
    if let Some(reason) = lacking(&["registry", "crane", "oras", "skopeo"]) {
        return skip("what_oras_pushes_the_others_read_and_its_referrers_are_discovered", &reason);
    }
    let registry = Registry::start(Options::default());
    let reference = registry.reference("made/by-oras", "1");
    let home = registry.tools().home();
    std::fs::write(home.join("thing.txt"), "from oras\n").expect("write");
    let kind = "application/vnd.example.thing.v1";
    said(&registry.oras(&["push", "--plain-http", "--artifact-type", kind, &reference, "thing.txt"]));
    said(&registry.oras(&[
        "attach",
        "--plain-http",
        "--artifact-type",
        "application/vnd.example.note.v1",
        &reference,
        "thing.txt",
    ]));
    let tree = said(&registry.oras(&["discover", "--plain-http", &reference]));
    assert!(tree.contains("application/vnd.example.note.v1"), "{tree}");
    let manifest = said(&registry.crane(&["manifest", &reference]));
    assert!(manifest.contains(kind), "{manifest}");
    let image = format!("docker://{reference}");
    assert!(said(&registry.skopeo(&["inspect", "--tls-verify=false", "--raw", &image])).contains(kind));
}

#[test]
fn what_skopeo_copies_the_others_read() {
    if let Some(reason) = lacking(&["registry", "crane", "oras", "skopeo"]) {
        return skip("what_skopeo_copies_the_others_read", &reason);
    }
    let registry = Registry::start(Options::default());
    let (from, to) = (registry.reference("made/by-crane", "1"), registry.reference("made/by-skopeo", "1"));
    push(&registry, &from, b"from crane, by skopeo\n");
    let pull = ["copy", "--src-tls-verify=false", "--format=oci", &format!("docker://{from}"), "oci:layout:1"];
    said(&registry.skopeo(&pull));
    let index = std::fs::read_to_string(registry.tools().home().join("layout/index.json")).expect("a layout");
    assert!(index.contains("application/vnd.oci.image.manifest.v1+json"), "{index}");
    said(&registry.skopeo(&["copy", "--dest-tls-verify=false", "oci:layout:1", &format!("docker://{to}")]));
    let digest = said(&registry.crane(&["digest", &to]));
    assert!(index.contains(&digest), "{digest} {index}");
    assert_eq!(said(&registry.oras(&["repo", "tags", "--plain-http", to.rsplit_once(':').expect("a tag").0])), "1");
}

#[test]
fn with_tls_only_its_own_clients_trust_it() {
    if let Some(reason) = lacking(&["registry", "crane", "oras", "skopeo"]) {
        return skip("with_tls_only_its_own_clients_trust_it", &reason);
    }
    let registry = Registry::start(Options { tls: true, ..Options::default() });
    let reference = registry.reference("made/over-tls", "1");
    push(&registry, &reference, b"over tls\n");
    let digest = said(&registry.crane(&["digest", &reference]));
    assert!(said(&registry.oras(&["manifest", "fetch", "--descriptor", &reference])).contains(&digest));
    let image = format!("docker://{reference}");
    assert_eq!(said(&registry.skopeo(&["inspect", "--format={{.Digest}}", &image])), digest);
    assert!(std::fs::read_to_string(registry.ca()).expect("PEM").starts_with("-----BEGIN CERTIFICATE-----"));
    let strangers = harness::registry::Tools::new(None);
    let refusal = super::refused(&strangers.oras(&["manifest", "fetch", "--descriptor", &reference]));
    assert!(refusal.contains("certificate"), "{refusal}");
}

#[test]
fn only_a_registry_that_is_told_so_deletes() {
    if let Some(reason) = lacking(&["registry", "crane"]) {
        return skip("only_a_registry_that_is_told_so_deletes", &reason);
    }
    for delete in [false, true] {
        let registry = Registry::start(Options { delete, ..Options::default() });
        let reference = registry.reference("to/delete", "1");
        push(&registry, &reference, b"soon gone\n");
        let digest = said(&registry.crane(&["digest", &reference]));
        let output = registry.crane(&["delete", &format!("{}/to/delete@{digest}", registry.address())]);
        assert_eq!(output.status.success(), delete, "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(registry.crane(&["digest", &reference]).status.success(), !delete);
    }
}

#[test]
fn nothing_is_left_of_a_registry() {
    if let Some(reason) = lacking(&["registry"]) {
        return skip("nothing_is_left_of_a_registry", &reason);
    }
    let registry = Registry::start(Options::default());
    let (address, storage) = (registry.address(), registry.storage());
    assert!(TcpStream::connect(&address).is_ok());
    drop(registry);
    assert!(TcpStream::connect(&address).is_err());
    assert!(!storage.exists());
}

/// Set in the process that [`a_registry_ends_with_its_process`] kills.
const HELD: &str = "AGENT_TOOLS_TEST_HELD";

#[test]
fn a_registry_ends_with_its_process() {
    if let Some(reason) = lacking(&["registry"]) {
        return skip("a_registry_ends_with_its_process", &reason);
    }
    if std::env::var_os(HELD).is_some() {
        let registry = Registry::start(Options::default());
        println!("\nheld {}", registry.address());
        return block_on(std::future::pending());
    }
    // This test again, in a process of its own that has no chance to clean up.
    let left = tempfile::tempdir().expect("directory");
    let mut process = Command::new(std::env::current_exe().expect("the running test"))
        .args(["--exact", "clients::a_registry_ends_with_its_process", "--nocapture"])
        .env(HELD, "1")
        .env("TMPDIR", left.path())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the running test");
    let lines = BufReader::new(process.stdout.take().expect("stdout")).lines();
    let address =
        lines.map_while(Result::ok).find_map(|line| line.strip_prefix("held ").map(str::to_owned)).expect("a registry");
    assert!(TcpStream::connect(&address).is_ok());
    process.kill().expect("an end");
    process.wait().expect("an end");
    block_on(until("the end of the registry", || TcpStream::connect(&address).is_err()));
}
