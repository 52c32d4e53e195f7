//! What GET and DELETE mean, for the versions with a session and for the one without.

use harness::{PATIENCE, http::HttpServer, text, until};
use rustix::process::Signal;
use serde_json::json;
use tokio::io::AsyncReadExt;

use super::{in_session, message, session};
use crate::demo;

#[tokio::test]
async fn get_opens_a_stream_of_a_session_that_exists() {
    let mut server = HttpServer::start(demo()).await;
    let id = session(&server).await;
    let get = |id: Option<&str>| {
        let request = server.request("GET", "/mcp").header("Accept", "text/event-stream");
        let request = request.header("MCP-Protocol-Version", "2025-11-25");
        match id {
            Some(id) => request.header("Mcp-Session-Id", id),
            None => request,
        }
    };
    assert_eq!(get(Some("no-such-session")).send().await.status, 404);
    assert_eq!(get(None).send().await.status, 400);
    let json = get(Some(&id)).header("Accept", "application/json").send().await;
    assert_eq!(json.status, 406, "{json:?}");
    let stateless = get(None).header("MCP-Protocol-Version", "2026-07-28").send().await;
    assert_eq!(stateless.status, 405, "the version without sessions has no such stream: {stateless:?}");
    let mut stream = get(Some(&id)).begin().await;
    let mut head = [0; 12];
    tokio::time::timeout(PATIENCE, stream.read_exact(&mut head)).await.expect("a head").unwrap();
    assert_eq!(&head, b"HTTP/1.1 200");
    // A stream that is open does not hold up the end.
    server.process.signal(Signal::TERM);
    assert_eq!(server.process.ended().await.code(), Some(0), "{}", server.process.stderr());
}

#[tokio::test]
async fn delete_ends_a_session_and_what_it_runs() {
    let server = HttpServer::start(demo().env("RUST_LOG", "info")).await;
    let (id, other) = (session(&server).await, session(&server).await);
    let sleep = message("tools/call", 5, json!({"name": "demo_sleep", "arguments": {"millis": 600_000}}));
    let request = server.post(&sleep).header("Mcp-Session-Id", &id).header("MCP-Protocol-Version", "2025-11-25");
    let running = request.begin().await;
    let echo = message("tools/call", 6, json!({"name": "demo_echo", "arguments": {"message": "here"}}));
    assert!(text(&in_session(&server, &id, &echo).await.message()["result"]).contains("here"));

    let delete = |id: &str| server.request("DELETE", "/mcp").header("Mcp-Session-Id", id);
    let closed = delete(&id).send().await;
    assert!((200..300).contains(&closed.status), "{closed:?}");
    assert_eq!(in_session(&server, &id, &echo).await.status, 404, "a session that was closed is gone");
    until("the end of its call", || {
        let log = server.process.stderr();
        log.lines().any(|line| line.contains("demo_sleep") && line.contains("\"code\":\"cancelled\""))
    })
    .await;
    drop(running);
    assert!(text(&in_session(&server, &other, &echo).await.message()["result"]).contains("here"), "others go on");
    assert_eq!(server.request("DELETE", "/mcp").send().await.status, 400);
    let stateless = delete(&other).header("MCP-Protocol-Version", "2026-07-28").send().await;
    assert_eq!(stateless.status, 405, "{stateless:?}");
}
