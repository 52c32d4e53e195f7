//! A tool around a program, as servers around a CLI have them.

use std::fs;

use harness::{Client, text, until};
use serde_json::{Value, json};

use crate::demo;

async fn run(client: &mut Client, arguments: Value) -> Value {
    client.call("demo_run", arguments).await
}

#[tokio::test]
async fn its_input_and_output_pass_and_a_filter_comes_before_the_limit() {
    let mut client = Client::spawn(&demo()).ready().await;
    let read = run(&mut client, json!({"mode": "read-stdin", "input": "kind: Pod\n"})).await;
    assert!(text(&read).contains("printed 1 lines") && text(&read).contains("\n10\n"), "{read}");
    // A mebibyte to each stream in lines of 64 bytes, of which none is asked for; then all of it, cut.
    let none = run(&mut client, json!({"mode": "flood", "arguments": ["1"], "grep": "nothing like it"})).await;
    assert_eq!(text(&none), "fake-program printed 16384 lines");
    let all = run(&mut client, json!({"mode": "flood", "arguments": ["1"]})).await;
    assert!(text(&all).contains("printed 16384 lines") && text(&all).len() <= 16_000, "{}", text(&all).len());
    assert!(text(&all).ends_with("left out; raise budget]"), "{all}");
    // At the largest budget there is nothing to raise.
    let all = run(&mut client, json!({"mode": "flood", "arguments": ["1"], "budget": 25_000})).await;
    assert!(text(&all).len() > 90_000 && text(&all).ends_with("left out]"), "{}", text(&all).len());
}

#[tokio::test]
async fn how_it_failed_is_told_in_its_own_words_inside_a_frame() {
    let mut client = Client::spawn(&demo()).ready().await;
    for (arguments, start, said) in [
        (
            json!({"mode": "exit"}),
            "invalid_argument: fake-program ended with exit code 99\n<untrusted-",
            Some("a number is missing"),
        ),
        (json!({"mode": "exit", "arguments": ["3"]}), "unavailable: fake-program ended with exit code 3", None),
        (json!({"mode": "signal"}), "unavailable: fake-program was ended by signal 6", None),
        (json!({"mode": "--version"}), "invalid_argument: mode begins with", None),
    ] {
        let result = run(&mut client, arguments.clone()).await;
        assert_eq!(result["isError"], true, "{arguments}: {result}");
        assert!(text(&result).starts_with(start), "{arguments}: {result}");
        assert!(said.is_none_or(|said| text(&result).contains(said)), "{arguments}: {result}");
    }
}

#[tokio::test]
async fn a_program_that_takes_too_long_is_a_timeout_and_one_that_is_cancelled_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let pids = folder.path().join("pids");
    let mut client = Client::spawn(&demo().env("RUST_LOG", "info")).ready().await;
    let result = run(&mut client, json!({"mode": "say-and-hang", "pids": pids})).await;
    assert!(text(&result).starts_with("timeout: "), "{result}");
    let id = client.ask("tools/call", json!({"name": "demo_run", "arguments": {"mode": "hang", "pids": pids}})).await;
    let begun = || fs::read_to_string(&pids).is_ok_and(|text| text.lines().count() >= 2);
    until("the second program has begun", begun).await;
    client.notify("notifications/cancelled", json!({"requestId": id})).await;
    until("the end of the call", || client.stderr().contains("\"code\":\"cancelled\"")).await;
    for line in fs::read_to_string(&pids).unwrap().lines() {
        let pid = line.rsplit(' ').next().unwrap();
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        assert!(!stat.contains("(fake-program)"), "{line} is still there");
    }
}

#[tokio::test]
async fn it_is_looked_for_beside_the_server_and_then_in_path() {
    let own = demo().program;
    let fake = env!("CARGO_BIN_EXE_fake-program");
    let (shelf, path) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let server = shelf.path().join("mcp-demo");
    fs::copy(&own, &server).unwrap();
    let start = harness::Start::new(&server);
    // Missing, it is the first call that says so, with the remedy; listing needs none of it. The doctor says it too.
    let mut client = Client::spawn(&start).ready().await;
    assert!(!client.tools().await.is_empty());
    let missing = run(&mut client, json!({"mode": "say"})).await;
    let said = text(&missing);
    assert!(said.starts_with("unavailable: fake-program was found neither") && said.contains("install"), "{said}");
    let doctor = start.clone().arg("doctor").output().await;
    assert_eq!(doctor.status.code(), Some(1), "{doctor:?}");
    assert!(String::from_utf8_lossy(&doctor.stdout).contains("missing  fake-program"), "{doctor:?}");

    let script = path.path().join("fake-program");
    fs::write(&script, "#!/bin/sh\necho from the path\n").unwrap();
    fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let in_path = start.clone().env("PATH", path.path());
    let found = run(&mut Client::spawn(&in_path).ready().await, json!({"mode": "say"})).await;
    assert!(text(&found).contains("from the path"), "{found}");
    fs::copy(fake, shelf.path().join("fake-program")).unwrap();
    let beside = run(&mut Client::spawn(&in_path).ready().await, json!({"mode": "say"})).await;
    assert!(text(&beside).contains("\nout\n"), "the one beside it comes first: {beside}");
    let doctor = in_path.arg("doctor").output().await;
    assert_eq!(doctor.status.code(), Some(0), "{doctor:?}");
}
