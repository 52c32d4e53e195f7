//! Clients that take their time: none of them holds anything for ever.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use harness::{PATIENCE, demo::Demo, http::HttpServer, skip, until};
use serde_json::json;
use shared::{
    Face, Mode,
    registry::Registry,
    serve::{HttpOptions, serve_http},
    settings::Settings,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_util::sync::CancellationToken;

use super::{in_session, message, session};
use crate::demo;

/// A server in this process with `options`.
async fn served(options: HttpOptions) -> (SocketAddr, CancellationToken) {
    let registry = Arc::new(Registry::<Demo>::new(Settings::new(Mode::Readonly), Face::Protocol).unwrap());
    let (sender, bound) = tokio::sync::oneshot::channel();
    let stop = CancellationToken::new();
    let ending = stop.clone();
    tokio::spawn(async move {
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        serve_http(registry, address, options, ending, |bound| sender.send(bound).unwrap()).await.unwrap();
    });
    (bound.await.unwrap(), stop)
}

/// Sends `first`, then one byte after another until the server has had enough; what it said.
async fn trickle(address: SocketAddr, first: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(first.as_bytes()).await.unwrap();
    let (mut reader, mut writer) = stream.split();
    let mut said = Vec::new();
    let dripping = async {
        while writer.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        std::future::pending::<()>().await;
    };
    let ended = async {
        tokio::select! {
            _ = reader.read_to_end(&mut said) => {}
            () = dripping => {}
        }
    };
    tokio::time::timeout(PATIENCE, ended).await.expect("the server ends it");
    String::from_utf8_lossy(&said).into_owned()
}

#[tokio::test]
async fn a_client_that_drips_is_let_go() {
    let options = HttpOptions { patience: Duration::from_millis(400), ..HttpOptions::default() };
    let (address, stop) = served(options).await;
    // An idle connection, a head that never ends, a body that never ends.
    let mut silent = TcpStream::connect(address).await.unwrap();
    let read = tokio::time::timeout(PATIENCE, silent.read_to_end(&mut Vec::new())).await;
    assert_eq!(read.expect("the server ends it").unwrap(), 0);
    trickle(address, "POST /mcp HTTP/1.1\r\nHost: localhost\r\nX-Slow: ").await;
    let said = trickle(
        address,
        "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n{",
    )
    .await;
    assert!(said.starts_with("HTTP/1.1 408 "), "{said}");
    stop.cancel();
}

#[tokio::test]
async fn bodies_are_bounded_however_they_are_sent() {
    let (address, stop) = served(HttpOptions::default()).await;
    let head = "POST /mcp HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n";
    for framing in ["Content-Length: 9999999999\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n"] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(format!("{head}{framing}").as_bytes()).await.unwrap();
        let chunk = if framing.starts_with("Content") {
            vec![b' '; 1 << 16]
        } else {
            [b"10000\r\n", vec![b' '; 1 << 16].as_slice(), b"\r\n"].concat()
        };
        let mut sent = 0;
        while stream.write_all(&chunk).await.is_ok() {
            sent += chunk.len();
            assert!(sent < 64 << 20, "{framing}: the server takes it all");
        }
    }
    stop.cancel();
}

#[tokio::test]
async fn a_thousand_idle_connections_hold_nobody_up() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let wanted = Rlimit { current: Some(limit.maximum.unwrap_or(8192).min(8192)), ..limit };
    if limit.current.is_some_and(|now| now < 2048)
        && (wanted.current < Some(2048) || setrlimit(Resource::Nofile, wanted).is_err())
    {
        return skip("a_thousand_idle_connections_hold_nobody_up", "this process may not open as many descriptors");
    }
    let mut server = HttpServer::start(demo()).await;
    let mut idle = Vec::new();
    for _ in 0..1000 {
        idle.push(TcpStream::connect(server.address).await.unwrap());
    }
    for _ in 0..20 {
        assert_eq!(server.stateless("tools/list", json!({})).send().await.status, 200);
    }
    server.process.signal(rustix::process::Signal::TERM);
    assert_eq!(server.process.ended().await.code(), Some(0), "{}", server.process.stderr());
    drop(idle);
}

#[tokio::test]
async fn there_are_only_so_many_sessions() {
    let options = HttpOptions { sessions: 3, ..HttpOptions::default() };
    let (address, stop) = served(options).await;
    let server = HttpServer { address, process: harness::Client::spawn(&demo()) };
    let mut open = Vec::new();
    for _ in 0..3 {
        open.push(session(&server).await);
    }
    let info = json!({"name": "t", "version": "1"});
    let params = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": info});
    let opening = server.post(&message("initialize", 1, params));
    let refused = opening.send().await;
    assert_eq!(refused.status, 503, "{refused:?}");
    // Those that are open are served, and so is who needs none; one that is closed makes room.
    assert_eq!(in_session(&server, &open[0], &message("tools/list", 2, json!({}))).await.status, 200);
    assert_eq!(server.stateless("tools/list", json!({})).send().await.status, 200);
    let closed = server.request("DELETE", "/mcp").header("Mcp-Session-Id", &open[1]).send().await;
    assert!((200..300).contains(&closed.status), "{closed:?}");
    let mut again = opening.send().await.status;
    let started = std::time::Instant::now();
    while again == 503 && started.elapsed() < PATIENCE {
        again = opening.send().await.status;
    }
    assert_eq!(again, 200);
    stop.cancel();
}

#[tokio::test]
async fn a_stream_that_is_closed_stops_its_call() {
    let server = HttpServer::start(demo().env("RUST_LOG", "info")).await;
    let mut params = json!({"name": "demo_sleep", "arguments": {"millis": 600_000}});
    params["_meta"] = harness::meta();
    params["_meta"]["progressToken"] = json!("tok");
    let request = server
        .post(&message("tools/call", 1, params))
        .header("MCP-Protocol-Version", "2026-07-28")
        .header("Mcp-Method", "tools/call")
        .header("Mcp-Name", "demo_sleep");
    let mut stream = request.begin().await;
    let mut seen = Vec::new();
    while !String::from_utf8_lossy(&seen).contains("notifications/progress") {
        let mut chunk = [0; 1024];
        let read = tokio::time::timeout(PATIENCE, stream.read(&mut chunk)).await.expect("progress").unwrap();
        assert!(read > 0, "{}", String::from_utf8_lossy(&seen));
        seen.extend_from_slice(&chunk[..read]);
    }
    drop(stream);
    until("the end of the work", || {
        let log = server.process.stderr();
        log.lines().any(|line| line.contains("demo_sleep") && line.contains("\"code\":\"cancelled\""))
    })
    .await;
}
