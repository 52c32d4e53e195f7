//! The command through the terminal: what it prints, where, and with which exit code.

use std::os::unix::fs::PermissionsExt as _;

use artifacts::catalogue::Catalogue;
use artifacts::oci::Platform;
use harness::registry::{Login, Options, PASSWORD, Registry, USER, lacking};
use harness::skip;
use serde_json::Value;

use super::kit::{Agent, CATALOGUE, MANIFEST, Released, VERSION, program};
use super::said;

fn json(text: &str) -> Value {
    serde_json::from_str(text).expect(text)
}

/// A directory with a manifest and its program, for this machine.
fn server(agent: &Agent, name: &str) {
    let place = agent.path(name);
    std::fs::create_dir(&place).expect("directory");
    std::fs::write(place.join("manifest.json"), MANIFEST).expect("write");
    std::fs::write(place.join("mcp-git"), program(&Platform::host().architecture, 5000)).expect("write");
    std::fs::set_permissions(place.join("mcp-git"), std::fs::Permissions::from_mode(0o755)).expect("mode");
}

#[test]
fn a_directory_is_pushed_and_pulled_and_is_the_same() {
    if let Some(reason) = lacking(&["registry", "crane"]) {
        return skip("a_directory_is_pushed_and_pulled_and_is_the_same", &reason);
    }
    let registry = Registry::start(Options::default());
    let (agent, reference) = (Agent::new(), registry.reference("made/here", "1"));
    server(&agent, "server");
    let pushed = agent.said(&["push", "server", "-t", &reference]);
    let digest = said(&registry.crane(&["digest", &reference]));
    assert_eq!(pushed, format!("{reference}@{digest}"));
    // The same bytes are the same artifact, from another directory too.
    server(&agent, "again");
    let again = json(&agent.said(&["push", "again", &reference, "--output", "json"]));
    assert_eq!((again["digest"].as_str(), &again["blobs"]["sent"]), (Some(digest.as_str()), &Value::from(0)));

    // By tag, by digest, by both; and into the directory that the repository names.
    let place = reference.trim_end_matches(":1");
    for (name, directory) in
        [(reference.clone(), "one"), (format!("{place}@{digest}"), "two"), (format!("{reference}@{digest}"), "three")]
    {
        let pulled = agent.said(&["pull", &name, "-o", directory]);
        assert!(pulled.starts_with(&format!("{directory}/mcp-git\n")) && pulled.ends_with(&digest), "{pulled}");
    }
    agent.said(&["pull", &reference]);
    for directory in ["one", "two", "three", "here"] {
        for file in ["manifest.json", "mcp-git"] {
            let read = |name: &str| std::fs::read(agent.path(name)).expect("a file");
            assert_eq!(read(&format!("{directory}/{file}")), read(&format!("server/{file}")));
        }
        let mode = std::fs::metadata(agent.path(directory).join("mcp-git")).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o755);
    }
    // What is there and no empty directory is left alone, and so is the one we stand in. Nothing was asked for them: there is no such registry.
    let nowhere = "127.0.0.1:1/made/here:1";
    for (place, why) in [("server", "server is not an empty directory"), ("one/mcp-git", "is no directory")] {
        let error = agent.failed(2, &["pull", nowhere, "-o", place]);
        assert!(error.contains(why), "{error}");
    }
    std::fs::create_dir(agent.path("standing")).expect("directory");
    let standing = agent.command(&["pull", nowhere, "-o", "."]).current_dir(agent.path("standing")).output();
    let standing = standing.expect("agent-tools");
    assert_eq!(standing.status.code(), Some(2));
    assert!(super::refused(&standing).contains(". is where you are"));
    std::fs::remove_dir(agent.path("standing")).expect("is empty");
    let error = agent.failed(1, &["pull", &format!("{reference}@sha256:{:064}", 0), "-o", "four"]);
    assert!(error.contains(&digest), "{error}");
    assert_eq!(agent.list("."), ["again", "here", "one", "server", "three", "two"]);
}

#[test]
fn a_release_is_pushed_listed_inspected_copied_and_verified() {
    if let Some(reason) = lacking(&["registry", "crane"]) {
        return skip("a_release_is_pushed_listed_inspected_copied_and_verified", &reason);
    }
    let registry = Registry::start(Options::default());
    let (agent, released) = (Agent::new(), Released::new());
    let (layout, reference) = (released.path("layout"), registry.reference("team/mcp-git", VERSION));
    let place = reference.trim_end_matches(&format!(":{VERSION}")).to_owned();
    let index = released.release.index.digest.to_string();
    let pushed = agent.said(&["push", &layout, &place]);
    let last = format!("{reference}@{index}\n{reference}-image@{}", released.release.image_index.digest);
    assert!(pushed.ends_with(&last), "indexes come last: {pushed}");

    let names = ["", "-image", "-image-linux-amd64", "-image-linux-arm64", "-linux-amd64", "-linux-arm64"];
    let tags = names.map(|name| format!("{VERSION}{name}"));
    assert_eq!(agent.said(&["list", &place]), tags.join("\n"));
    assert_eq!(agent.said(&["list", &layout]), tags.join("\n"));
    let entries = json(&agent.said(&["list", &place, "--long", "--output", "json"]));
    assert_eq!(entries[0]["digest"], Value::from(index.as_str()));
    assert_eq!(entries[0]["platforms"], serde_json::json!(["linux/amd64", "linux/arm64"]));
    let all = agent.said(&["list", &place, "--all"]);
    assert!(all.lines().filter(|tag| tag.starts_with("sha256-") && tag.ends_with(".sig")).count() == 6, "{all}");

    let tools = Catalogue::parse(CATALOGUE).expect("a catalogue").tools;
    for what in [reference.clone(), format!("oci:{layout}:{VERSION}"), format!("{reference}-image")] {
        let text = agent.said(&["inspect", &what]);
        let found = json(&agent.said(&["inspect", &what, "--output", "json"]));
        assert_eq!(found["annotations"]["org.opencontainers.image.version"], VERSION);
        let platforms: Vec<&str> = found["platforms"]
            .as_array()
            .expect("a list")
            .iter()
            .filter_map(|part| part["platform"].as_str())
            .collect();
        assert_eq!(platforms, ["linux/amd64", "linux/arm64"]);
        assert_eq!(found["tools"]["tools"].as_array().map(Vec::len), Some(tools.len()));
        assert_eq!(found["signatures"], 1);
        assert!(tools.iter().all(|tool| text.contains(&tool.name)), "{text}");
        assert!(text.contains(&index) != what.ends_with("-image"), "{text}");
    }

    let (key, other) = (released.path("signing.pub"), released.path("other.pub"));
    for what in [
        reference.clone(),
        format!("{reference}-image"),
        format!("{reference}-linux-arm64"),
        format!("oci:{layout}:{VERSION}"),
    ] {
        let report = json(&agent.said(&["verify", &what, "--key", &key, "--output", "json"]));
        let expected = if what.ends_with("arm64") { 1 } else { 3 };
        assert_eq!(
            (&report["verified"], &report["signatures"]),
            (&Value::from(true), &Value::from(expected)),
            "{what}"
        );
        let unchecked = agent.said(&["verify", &what]);
        assert!(unchecked.contains(&format!("{expected} signatures, not checked")), "{unchecked}");
        let error = agent.failed(1, &["verify", &what, "--key", &other]);
        assert!(error.contains("no good signature"), "{error}");
    }
    assert!(agent.failed(2, &["verify", &reference, "--key", &format!("{layout}/oci-layout")]).contains("oci-layout"));
    // Only what is signed is pulled where a key is named, from the index and from one platform's part of it.
    for (count, what) in
        [&reference, &format!("{reference}-linux-arm64"), &format!("oci:{layout}:{VERSION}")].iter().enumerate()
    {
        let pull =
            |key: &str, to: &str| agent.run(&["pull", what, "--platform", "linux/arm64", "--key", key, "-o", to]);
        let error = super::refused(&pull(&other, "unsigned"));
        assert!(error.contains("no good signature") && !agent.path("unsigned").exists(), "{error}");
        said(&pull(&key, &format!("signed{count}")));
    }

    // To another repository, to a layout, and of one platform: the digests are the same everywhere.
    let mirror = registry.reference("mirror/mcp-git", VERSION);
    let copied = json(&agent.said(&["copy", &reference, &mirror, "--output", "json"]));
    assert_eq!((&copied["blobs"]["sent"], &copied["referrers"]), (&Value::from(0), &Value::from(8)), "{copied}");
    assert_eq!(said(&registry.crane(&["digest", &mirror])), index);
    agent.said(&["verify", &mirror, "--key", &key]);
    agent.said(&["copy", &mirror, &format!("oci:mirror:{VERSION}")]);
    agent.said(&["verify", &format!("oci:mirror:{VERSION}"), "--key", &key]);
    let one = agent.said(&["copy", &mirror, "oci:one:arm", "--platform", "linux/arm64", "--no-referrers"]);
    assert_eq!(one, format!("oci:one:arm@{}", released.release.parts[1].artifact.digest));
    let error = agent.failed(1, &["pull", "oci:one:arm", "--platform", "linux/arm64", "--key", &key, "-o", "unsigned"]);
    assert!(error.contains("no good signature: there is none"), "{error}");
    // Without what refers to it its tools cannot be known, and nobody can say it is whole.
    assert!(agent.said(&["inspect", "oci:one:arm"]).contains("unknown: its catalogue"));
    assert!(agent.failed(1, &["verify", "oci:one:arm"]).contains("catalogue"));

    // What anybody may leave beside a signature takes nothing away from it.
    let mut forged = artifacts::oci::Manifest::artifact(artifacts::sign::ARTIFACT, vec![]);
    forged.subject = Some(released.release.index.bare());
    let forged = String::from_utf8(forged.bytes()).expect("JSON").replace("\"data\":\"e30=\"", "\"data\":\"e319\"");
    std::fs::write(agent.path("forged.json"), &forged).expect("write");
    let oras = registry.oras(&[
        "manifest",
        "push",
        "--plain-http",
        &format!("{place}@{}", super::kit::digest(forged.as_bytes())),
        &agent.path("forged.json").display().to_string(),
    ]);
    assert!(oras.status.success(), "{}", String::from_utf8_lossy(&oras.stderr));
    said(&agent.run(&["pull", &reference, "--platform", "linux/arm64", "--key", &key, "-o", "beside"]));
    assert!(agent.failed(1, &["verify", &reference, "--key", &key]).contains("the embedded data"));
}

#[test]
fn exit_codes_tell_a_wrong_command_from_one_that_failed() {
    let agent = Agent::new();
    std::fs::create_dir(agent.path("empty")).expect("directory");
    for arguments in [["--help"], ["--version"]] {
        assert!(!agent.said(&arguments).is_empty());
    }
    for arguments in [
        &[][..],
        &["unpack"],
        &["pull"],
        &["pull", "mcp-git"],
        &["pull", "127.0.0.1:1/a/b:1", "--platform", "linux"],
        &["pull", "127.0.0.1:1/a/b:no tag"],
        &["push", "nowhere", "127.0.0.1:1/a/b"],
        &["push", "empty", "127.0.0.1:1/a/b"],
        &["list", "127.0.0.1:1/a/b:1"],
        &["list", "127.0.0.1:1/a/b", "--output", "xml"],
        &["list", "127.0.0.1:1/a/b", "--username", "somebody"],
    ] {
        agent.failed(2, arguments);
    }
    for arguments in [&["inspect", "oci:empty:1"][..], &["verify", "oci:nowhere:1"], &["fetch", "kubectl"]] {
        agent.failed(1, arguments);
    }
}

#[test]
fn a_pipe_in_place_of_a_file_keeps_nobody_waiting() {
    let agent = Agent::new();
    for file in ["manifest.json", "mcp-git"] {
        server(&agent, file);
        let pipe = agent.path(file).join(file);
        std::fs::remove_file(&pipe).expect("was there");
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RWXU).expect("a pipe");
        // Opening it would never end.
        let error = agent.failed(1, &["push", file, "-t", "127.0.0.1:1/a/b:1"]);
        assert!(error.contains("is no file") || error.contains("is not there"), "{error}");
    }
}

#[test]
fn a_directory_that_is_no_layout_is_called_one() {
    let agent = Agent::new();
    std::fs::create_dir(agent.path("dist")).expect("directory");
    for verb in ["list", "inspect", "verify"] {
        let error = agent.failed(2, &[verb, "dist"]);
        assert!(error.contains("\"dist\" is there and is no OCI image layout"), "{error}");
    }
}

#[test]
fn a_password_is_never_said() {
    if let Some(reason) = lacking(&["registry"]) {
        return skip("a_password_is_never_said", &reason);
    }
    let wrong = "hunter2-hunter2";
    for login in [Login::Basic, Login::Token] {
        let registry = Registry::start(Options { login, ..Options::default() });
        let reference = registry.reference("behind/a-password", "1");
        let with = |user: &str, password: &str| {
            let agent = Agent::new().with("AGENT_TOOLS_USERNAME", user).with("AGENT_TOOLS_PASSWORD", password);
            server(&agent, "server");
            agent
        };
        let good = with(USER, PASSWORD);
        let output = good.run(&["push", "server", &reference]);
        assert!(!String::from_utf8_lossy(&output.stderr).contains(PASSWORD));
        said(&output);
        // From a file and through stdin too.
        let place = reference.trim_end_matches(":1");
        let agent = Agent::new();
        std::fs::write(agent.path("token"), format!("{PASSWORD}\n")).expect("write");
        assert_eq!(agent.said(&["list", place, "--username", USER, "--token-file", "token"]), "1");
        let mut command = agent.command(&["list", place, "--username", USER, "--password-stdin"]);
        let stdin = std::fs::File::open(agent.path("token")).expect("a file");
        assert_eq!(said(&command.stdin(stdin).output().expect("agent-tools")), "1");

        let agent = with(USER, wrong);
        for arguments in [&["push", "server", &reference][..], &["pull", &reference], &["list", place]] {
            let error = agent.failed(1, arguments);
            assert!(!error.contains(wrong) && error.contains("AGENT_TOOLS_PASSWORD"), "{error}");
        }
        assert_eq!(agent.list("."), ["server"]);
        // Who has no password may not push, and is told what to do.
        let nobody = Agent::new();
        server(&nobody, "server");
        assert!(nobody.failed(1, &["push", "server", &reference]).contains("docker login"));
        // What nobody can say to a registry is not said to it.
        let error = with("some:body", wrong).failed(1, &["pull", &reference]);
        assert!(!error.contains(wrong), "{error}");
    }
}
