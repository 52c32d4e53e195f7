//! The process: how it ends, what it writes where, and what it can do without.

use std::{process::Stdio, time::Duration};

use harness::{Client, GitRepo, PATIENCE, Start, skip, start::mcp_git, text};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::demo;

async fn busy(client: &mut Client) {
    for tool in ["demo_sleep", "demo_stubborn", "demo_work"] {
        client.ask("tools/call", json!({"name": tool, "arguments": {"millis": 600_000}})).await;
    }
    client.call("demo_echo", json!({"message": "the others have begun"})).await;
}

#[tokio::test]
async fn the_end_of_input_in_mid_call_ends_the_process_well() {
    let mut client = Client::spawn(&demo()).ready().await;
    busy(&mut client).await;
    client.close().await;
    let status = tokio::time::timeout(Duration::from_secs(20), client.ended()).await.expect("within seconds");
    assert_eq!(status.code(), Some(0), "{}", client.stderr());
}

#[tokio::test]
async fn signals_end_the_process_well_idle_and_in_mid_call() {
    for signal in [Signal::TERM, Signal::INT] {
        for working in [false, true] {
            let mut client = Client::spawn(&demo()).ready().await;
            if working {
                busy(&mut client).await;
            }
            client.signal(signal);
            let status = tokio::time::timeout(Duration::from_secs(20), client.ended()).await.expect("within seconds");
            assert_eq!(status.code(), Some(0), "{signal:?} working={working}: {}", client.stderr());
        }
    }
}

#[tokio::test]
async fn input_that_ends_before_it_begins_is_a_clean_end() {
    for said in [&b""[..], b"\n", b"not a message\n"] {
        let mut client = Client::spawn(&demo());
        if !said.is_empty() {
            client.send_raw(said).await;
        }
        client.close().await;
        assert_eq!(client.ended().await.code(), Some(0), "{}", client.stderr());
    }
}

#[tokio::test]
async fn a_reader_that_goes_away_ends_the_process() {
    let mut command = demo().command();
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let mut input = child.stdin.take().unwrap();
    let hello = json!({"jsonrpc": "2.0", "id": 1, "method": "ping"});
    let _ = tokio::io::AsyncWriteExt::write_all(&mut input, format!("{hello}\n").as_bytes()).await;
    drop(input);
    let status = tokio::time::timeout(PATIENCE, child.wait()).await.expect("it ends").unwrap();
    assert!(status.code().is_some(), "it ended by itself: {status}");
}

/// The client panics on a line of stdout that is no message, so it is enough to make the process talk.
#[tokio::test]
async fn stdout_carries_protocol_and_nothing_else_however_much_is_logged() {
    let mut client = Client::spawn(&demo().env("RUST_LOG", "trace")).ready().await;
    for tool in ["demo_panic", "demo_late", "demo_echo", "demo_items", "demo_nothing"] {
        client.request("tools/call", json!({"name": tool, "arguments": {}})).await;
    }
    client.send_raw(b"nonsense\n").await;
    client.request("ping", json!({})).await;
    let stderr = client.stderr();
    assert!(stderr.lines().count() > 10, "the log is on stderr: {stderr}");
    client.close().await;
    while client.next(PATIENCE).await.is_some() {}
    assert!(client.ended().await.success());
    let repo = GitRepo::new();
    repo.commit("first");
    let mut client = Client::spawn(&Start::git(repo.workspace()).env("RUST_LOG", "trace")).ready().await;
    let result = client.call("git_log", json!({"cwd": "repo"})).await;
    assert!(text(&result).contains("first"));
}

#[tokio::test]
async fn the_trace_of_a_call_is_in_the_json_log() {
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let mut client = Client::spawn(&demo().env("RUST_LOG", "info")).ready().await;
    for given in [trace, "not-a-trace\u{1b}[31m injected"] {
        let meta = json!({"traceparent": given});
        let params = json!({"name": "demo_echo", "arguments": {"message": "x"}, "_meta": meta});
        client.request("tools/call", params).await;
    }
    harness::until("two ends of calls in the log", || client.stderr().matches("call ended").count() >= 2).await;
    let mut carried = 0;
    for line in client.stderr().lines() {
        let event: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("the log has {line:?}"));
        if event["message"] == "call ended" {
            carried += usize::from(event.to_string().contains(trace));
        }
        assert!(!line.contains("injected"), "{line}");
    }
    assert_eq!(carried, 1, "{}", client.stderr());
}

#[tokio::test]
async fn a_log_filter_that_is_none_is_complained_about_and_the_server_serves() {
    let mut client = Client::spawn(&demo().env("RUST_LOG", "a=b=c")).ready().await;
    assert!(!client.tools().await.is_empty());
    harness::until("the complaint", || client.stderr().contains("RUST_LOG")).await;
}

#[tokio::test]
async fn an_empty_environment_is_enough_to_be_listed_and_the_first_call_says_what_is_missing() {
    let mut client = Client::spawn(&Start::new(mcp_git())).ready().await;
    let tools = client.tools().await;
    assert!(tools.len() >= 3, "{tools:?}");
    if std::path::Path::new("/workspace").exists() {
        return skip("an_empty_environment_is_enough…", "/workspace exists here");
    }
    let result = client.call("git_status", json!({})).await;
    assert_eq!(result["isError"], true, "{result}");
    assert!(text(&result).contains("WORKSPACE"), "the remedy is named: {result}");
}
