//! The end of the process: what runs is given its grace, what was begun is not cut, and nothing is left behind.

use std::path::Path;

use harness::{Client, PATIENCE, demo::Demo, http::HttpServer, skip, text, until};
use rustix::process::Signal;
use serde_json::json;
use shared::{Face, Mode, Progress, registry::Registry, settings::Settings};
use tokio_util::sync::CancellationToken;

use crate::demo;

fn read(file: &Path) -> String {
    std::fs::read_to_string(file).unwrap_or_default()
}

/// How a client lets a server know.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Signal(Signal),
    Input,
}

#[tokio::test]
async fn a_write_is_not_cut_by_the_end() {
    for end in [End::Signal(Signal::TERM), End::Signal(Signal::INT), End::Input] {
        for early in [false, true] {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("file");
            let mut client = Client::spawn(&demo()).ready().await;
            let arguments = json!({"file": file, "early": early});
            let id = client.ask("tools/call", json!({"name": "demo_store", "arguments": arguments})).await;
            until("the write has begun", || read(&file) == "begun").await;
            match end {
                End::Signal(signal) => client.signal(signal),
                End::Input => client.close().await,
            }
            if end != End::Input {
                let answer = client.answer(id).await;
                let said = text(&answer["result"]);
                assert!(said.contains(if early { "cancelled" } else { "stored" }), "{end:?}: {said}");
            }
            assert_eq!(client.ended().await.code(), Some(0), "{end:?} early={early}: {}", client.stderr());
            assert_eq!(read(&file), "finished", "{end:?} early={early}: {}", client.stderr());
        }
    }
}

#[tokio::test]
async fn a_client_that_reads_nothing_does_not_hold_up_the_end() {
    use tokio::io::AsyncWriteExt;
    for end in [End::Signal(Signal::TERM), End::Input] {
        let mut child = demo().command().spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        let begin = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "deaf", "version": "1"}});
        let mut messages = vec![
            json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": begin}),
            json!({"jsonrpc": "2.0", "method": "notifications/initialized"}),
        ];
        // More than a pipe holds.
        messages.extend((1..40).map(|id| {
            let arguments = json!({"message": "x".repeat(20_000)});
            json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": {"name": "demo_echo", "arguments": arguments}})
        }));
        for message in messages {
            input.write_all(format!("{message}\n").as_bytes()).await.unwrap();
        }
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        match end {
            End::Signal(signal) => {
                let id = rustix::process::Pid::from_raw(child.id().unwrap().cast_signed()).unwrap();
                rustix::process::kill_process(id, signal).unwrap();
            }
            End::Input => drop(input),
        }
        let ended = tokio::time::timeout(PATIENCE, child.wait()).await;
        assert!(ended.is_ok(), "{end:?}: it is still there");
    }
}

#[tokio::test]
async fn nothing_is_begun_once_the_end_has_come() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    let registry = Registry::<Demo>::new(Settings::new(Mode::Readwrite), Face::Protocol).unwrap();
    registry.end().await;
    let arguments = json!({"file": file}).as_object().cloned().unwrap();
    let call = registry.call("demo_store", arguments, CancellationToken::new(), Progress::default(), None);
    let outcome = call.await.unwrap();
    let said = outcome.rendered.text.unwrap();
    assert!(said.starts_with("unavailable: the server is ending"), "{said}");
    assert!(!file.exists());
}

#[tokio::test]
async fn what_does_not_end_by_itself_is_not_waited_for() {
    let mut client = Client::spawn(&demo()).ready().await;
    let id = client.ask("tools/call", json!({"name": "demo_stubborn", "arguments": {"millis": 600_000}})).await;
    client.call("demo_echo", json!({"message": "the other has begun"})).await;
    client.signal(Signal::TERM);
    let answer = client.answer(id).await;
    assert!(
        text(&answer["result"]).starts_with("cancelled: "),
        "what it says at the end of its grace is still said: {answer}"
    );
    assert!(client.ended().await.success());
    until("the log says so", || client.stderr().contains("calls have not ended")).await;
}

#[tokio::test]
async fn children_are_killed_with_it() {
    if !Path::new("/proc/self/stat").exists() {
        return skip("children_are_killed_with_it", "there is no /proc to see them in");
    }
    for end in [End::Signal(Signal::TERM), End::Input] {
        // One with children of its own and one that ignores signals.
        for (mode, count) in [("fork", 3), ("ignore-signals", 1)] {
            let folder = tempfile::tempdir().unwrap();
            let pids = folder.path().join("pids");
            let mut client = Client::spawn(&demo()).ready().await;
            let arguments = json!({"mode": mode, "pids": pids});
            client.ask("tools/call", json!({"name": "demo_run", "arguments": arguments})).await;
            let noted = || -> Vec<String> {
                read(&pids).lines().filter_map(|line| Some(line.rsplit_once(' ')?.1.to_owned())).collect()
            };
            until("the children have begun", || noted().len() >= count).await;
            match end {
                End::Signal(signal) => client.signal(signal),
                End::Input => client.close().await,
            }
            assert!(client.ended().await.success(), "{}", client.stderr());
            let alive = |pid: &String| read(&Path::new("/proc").join(pid).join("stat")).contains("(fake-program)");
            let left: Vec<String> = noted().into_iter().filter(alive).collect();
            assert_eq!(left, [""; 0], "{end:?} {mode}");
        }
    }
}

#[tokio::test]
async fn a_write_over_http_is_not_cut_and_its_answer_is_sent() {
    for early in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        let mut server = HttpServer::start(demo()).await;
        let request =
            server.stateless("tools/call", json!({"name": "demo_store", "arguments": {"file": file, "early": early}}));
        let asked = tokio::spawn(async move { request.send().await });
        until("the write has begun", || read(&file) == "begun").await;
        server.process.signal(Signal::TERM);
        let answer = asked.await.unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
        let said = answer.message();
        assert!(text(&said["result"]).contains(if early { "cancelled" } else { "stored" }), "{said}");
        assert_eq!(server.process.ended().await.code(), Some(0), "{}", server.process.stderr());
        assert_eq!(read(&file), "finished", "early={early}");
    }
}

#[tokio::test]
async fn a_caller_that_goes_away_does_not_cut_a_write() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    let server = HttpServer::start(demo()).await;
    let request = server.stateless("tools/call", json!({"name": "demo_store", "arguments": {"file": file}}));
    let asked = tokio::spawn(async move { request.send().await });
    until("the write has begun", || read(&file) == "begun").await;
    asked.abort();
    until("the write has finished", || read(&file) == "finished").await;
}

#[tokio::test]
async fn a_call_in_the_terminal_is_not_cut() {
    for (signal, early) in [(Signal::INT, "false"), (Signal::TERM, "false"), (Signal::INT, "true")] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        let start = demo().args(["call", "demo_store"]).arg(format!("file={}", file.display()));
        let child = start.arg(format!("early={early}")).command().spawn().unwrap();
        until("the write has begun", || read(&file) == "begun").await;
        let pid = rustix::process::Pid::from_raw(child.id().unwrap().cast_signed()).unwrap();
        rustix::process::kill_process(pid, signal).unwrap();
        let output = tokio::time::timeout(PATIENCE, child.wait_with_output()).await.expect("it ends").unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        let (code, words) = if early == "true" { (1, "cancelled: ") } else { (0, "stored") };
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(said.contains(words), "{said}");
        assert_eq!(read(&file), "finished", "{signal:?} early={early}");
    }
}
