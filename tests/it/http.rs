//! Streamable HTTP: who is let in, what is let through, and that nobody gets somebody else's answer.

mod doubt;
mod limits;
mod sessions;

use std::{ffi::OsString, os::unix::ffi::OsStringExt};

use harness::{
    Start,
    http::{HttpServer, Response},
    text,
};
use serde_json::{Value, json};

use crate::demo;

const TOKEN: &str = "a-token-of-enough-length";

fn message(method: &str, id: impl Into<Value>, params: Value) -> Value {
    json!({"jsonrpc": "2.0", "id": id.into(), "method": method, "params": params})
}

async fn listed(server: &HttpServer) -> Response {
    server.stateless("tools/list", json!({})).send().await
}

#[tokio::test]
async fn health_answers_and_needs_nothing() {
    let server = HttpServer::start(demo().env("HTTP_TOKEN", TOKEN)).await;
    let response = server.request("GET", "/health").send().await;
    assert_eq!((response.status, response.body.as_str()), (200, "ok\n"));
    for path in ["/elsewhere", "/health/../mcp", "/"] {
        assert!([401, 404].contains(&server.request("GET", path).send().await.status), "{path}");
    }
}

#[tokio::test]
async fn a_host_that_is_not_ours_is_refused() {
    let server = HttpServer::start(demo()).await;
    let ask = |host: &str| server.stateless("tools/list", json!({})).header("Host", host);
    for host in
        ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "169.254.169.254", "localhost.evil.example"]
    {
        let response = ask(host).send().await;
        assert_eq!(response.status, 403, "{host}: {response:?}");
        assert!(!response.body.contains("demo_echo"), "{host}");
    }
    let port = server.address.port();
    for host in [format!("localhost:{port}"), format!("127.0.0.1:{port}"), "localhost".to_owned()] {
        assert_eq!(ask(&host).send().await.status, 200, "{host}");
    }
    let server = HttpServer::start(demo().env("HTTP_ALLOWED_HOSTS", "tools.example")).await;
    let ask = |host: &str| server.stateless("tools/list", json!({})).header("Host", host);
    assert_eq!(ask("tools.example").send().await.status, 200);
    assert_eq!(ask("evil.example").send().await.status, 403);
}

#[tokio::test]
async fn any_origin_is_refused_unless_it_was_allowed() {
    let server = HttpServer::start(demo()).await;
    let own = format!("http://{}", server.address);
    for origin in ["https://evil.example", "http://localhost", "null", own.as_str(), "file://"] {
        let response = server.stateless("tools/list", json!({})).header("Origin", origin).send().await;
        assert_eq!(response.status, 403, "{origin}: {response:?}");
    }
    assert_eq!(listed(&server).await.status, 200, "a client that is no page has no origin");

    let server = HttpServer::start(demo().env("HTTP_ALLOWED_ORIGINS", "https://app.example.com:443")).await;
    let ask = |origin: &str| server.stateless("tools/list", json!({})).header("Origin", origin);
    assert_eq!(ask("https://app.example.com:443").send().await.status, 200);
    for origin in [
        "https://evil.example",
        "http://app.example.com",
        "https://app.example.com:8443",
        "https://app.example.com.evil.example",
    ] {
        assert_eq!(ask(origin).send().await.status, 403, "{origin}");
    }
}

#[tokio::test]
async fn an_address_that_others_can_reach_needs_a_token() {
    for address in ["0.0.0.0:0", "[::]:0"] {
        let output = demo().args(["serve", "--http", address]).output().await;
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{address}: {said}");
        assert!(said.contains("HTTP_TOKEN_FILE") && said.contains("127.0.0.1"), "{address}: {said}");
    }
    for (variable, value, expected) in
        [("HTTP_TOKEN", "short", "at least 16"), ("HTTP_TOKEN_FILE", "/does/not/exist", "HTTP_TOKEN_FILE")]
    {
        let output = demo().env(variable, value).args(["serve", "--http", "127.0.0.1:0"]).output().await;
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(expected), "{said}");
        assert!(!said.contains("short"), "{said}");
    }
    // What cannot be read is not "not given".
    for variable in ["HTTP_TOKEN", "HTTP_TOKEN_FILE", "HTTP_ALLOWED_HOSTS", "HTTP_ALLOWED_ORIGINS"] {
        let value: OsString = OsStringExt::from_vec(b"a-token-of-enough-\xff-length".to_vec());
        let output = demo().env(variable, value).args(["serve", "--http", "127.0.0.1:0"]).output().await;
        assert_eq!(output.status.code(), Some(2), "{variable}");
        assert!(String::from_utf8_lossy(&output.stderr).contains(variable), "{output:?}");
    }
    let output = demo().args(["serve", "--http", "nowhere"]).output().await;
    assert_eq!(output.status.code(), Some(2));
}

#[tokio::test]
async fn the_token_is_asked_of_every_request() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, format!("{TOKEN}\n")).unwrap();
    for start in [demo().env("HTTP_TOKEN", TOKEN), demo().env("HTTP_TOKEN_FILE", &file)] {
        let server = HttpServer::start(start.env("RUST_LOG", "trace")).await;
        let ask = |token: &str| server.stateless("tools/list", json!({})).header("Authorization", token);
        let refused = listed(&server).await;
        assert_eq!((refused.status, refused.header("www-authenticate")), (401, Some("Bearer")), "{refused:?}");
        for wrong in [
            "Bearer wrong",
            "Bearer ",
            "Basic YTpi",
            TOKEN,
            &format!("Bearer {TOKEN}x"),
            &format!("Bearer {}", &TOKEN[1..]),
        ] {
            assert_eq!(ask(wrong).send().await.status, 401, "{wrong}");
        }
        for method in ["GET", "DELETE", "OPTIONS"] {
            assert_eq!(server.request(method, "/mcp").send().await.status, 401, "{method}");
        }
        for right in [format!("Bearer {TOKEN}"), format!("bearer {TOKEN}")] {
            assert_eq!(ask(&right).send().await.status, 200);
        }
        assert!(!server.process.stderr().contains(TOKEN), "the token is in the log");
    }
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused() {
    let server = HttpServer::start(demo()).await;
    let params = json!({"name": "demo_echo", "arguments": {"message": "x".repeat(5 << 20)}});
    let response = server.stateless("tools/call", params).send().await;
    assert_eq!(response.status, 413, "{}", response.status);
    assert_eq!(listed(&server).await.status, 200);
}

#[tokio::test]
async fn what_is_refused_on_stdio_is_refused_here() {
    let server = HttpServer::start(demo()).await;
    for (body, code) in [
        (&br#"{"jsonrpc":"2.0","id":5,"method":"tools/list","method":"ping"}"#[..], -32600),
        (br#"{"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"name":"demo_echo","arguments":{"message":"a","message":"b"}}}"#, -32600),
        (br#"[{"jsonrpc":"2.0","id":5,"method":"ping"}]"#, -32600),
        (b"hello", -32700),
        (b"", -32700),
        (b"{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"\xff\"}", -32700),
    ] {
        let response = server.post_raw(body).send().await;
        assert_eq!(response.status, 400, "{response:?}");
        assert_eq!(response.message()["error"]["code"], code, "{response:?}");
    }
    assert_eq!(listed(&server).await.status, 200);
}

#[tokio::test]
async fn a_read_only_server_is_read_only_here_too() {
    let server = HttpServer::start(demo().env("MODE", "readonly")).await;
    let list = listed(&server).await;
    assert!(list.body.contains("demo_echo") && !list.body.contains("demo_put"), "{list:?}");
    let response = server.stateless("tools/call", json!({"name": "demo_put", "arguments": {}})).send().await;
    let result = &response.message()["result"];
    assert_eq!(result["isError"], true, "{response:?}");
    assert!(text(result).starts_with("readonly: "), "{response:?}");
}

#[tokio::test]
async fn the_stateless_protocol_is_served_and_cacheable() {
    let server = HttpServer::start(demo()).await;
    let found = server.stateless("server/discover", json!({})).send().await.message();
    assert!(found["result"]["supportedVersions"].as_array().unwrap().contains(&json!("2026-07-28")), "{found}");
    let list = listed(&server).await.message();
    assert!(list["result"]["ttlMs"].as_u64().is_some_and(|ttl| ttl > 0), "{list}");
    assert!(list["result"]["cacheScope"].is_string(), "{list}");
    let params = json!({"name": "demo_echo", "arguments": {"message": "over http"}});
    let answer = server.stateless("tools/call", params).send().await.message();
    assert!(text(&answer["result"]).contains("over http"), "{answer}");
    let unknown = server.stateless("tools/call", json!({"name": "nothing", "arguments": {}})).send().await;
    assert_eq!(unknown.message()["error"]["code"], -32602, "{unknown:?}");
}

/// A session of a version that has them: its id.
async fn session(server: &HttpServer) -> String {
    let info = json!({"name": "harness", "version": "1"});
    let params = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": info});
    let response = server.post(&message("initialize", 1, params)).send().await;
    assert_eq!(response.status, 200, "{response:?}");
    assert_eq!(response.message()["result"]["protocolVersion"], "2025-11-25", "{response:?}");
    let id = response.header("mcp-session-id").expect("a session").to_owned();
    let initialized = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    let response = in_session(server, &id, &initialized).await;
    assert_eq!(response.status, 202, "{response:?}");
    id
}

async fn in_session(server: &HttpServer, id: &str, message: &Value) -> Response {
    let request = server.post(message).header("Mcp-Session-Id", id);
    request.header("MCP-Protocol-Version", "2025-11-25").send().await
}

#[tokio::test]
async fn two_clients_with_the_same_ids_get_their_own_answers() {
    let server = HttpServer::start(demo()).await;
    let (ann, bob) = (session(&server).await, session(&server).await);
    assert_ne!(ann, bob);
    for id in 0..20 {
        let ask = async |session: &str, name: &str| {
            let params = json!({"name": "demo_echo", "arguments": {"message": format!("{name} {id}")}});
            in_session(&server, session, &message("tools/call", id, params)).await.message()
        };
        let (one, other) = tokio::join!(ask(&ann, "ann"), ask(&bob, "bob"));
        assert!(text(&one["result"]).contains(&format!("ann {id}")), "{one}");
        assert!(text(&other["result"]).contains(&format!("bob {id}")), "{other}");
    }
    // Without a session as well: the same id, many connections at once.
    let asked: Vec<_> = (0..50)
        .map(|number| {
            let mut params = json!({"name": "demo_echo", "arguments": {"message": format!("number {number}.")}});
            params["_meta"] = harness::meta();
            server
                .post(&message("tools/call", 1, params))
                .header("MCP-Protocol-Version", "2026-07-28")
                .header("Mcp-Method", "tools/call")
                .header("Mcp-Name", "demo_echo")
        })
        .map(|request| tokio::spawn(async move { request.send().await }))
        .collect();
    for (number, asked) in asked.into_iter().enumerate() {
        let answer = asked.await.unwrap().message();
        assert!(text(&answer["result"]).contains(&format!("number {number}.")), "{answer}");
    }
}

#[tokio::test]
async fn a_session_nobody_opened_is_not_served() {
    let server = HttpServer::start(demo()).await;
    let response = in_session(&server, "no-such-session", &message("tools/list", 1, json!({}))).await;
    assert!((400..500).contains(&response.status), "{response:?}");
    assert!(!response.body.contains("demo_echo"), "{response:?}");
}

#[tokio::test]
async fn a_caller_that_goes_away_stops_its_work() {
    let server = HttpServer::start(demo().env("RUST_LOG", "info")).await;
    let params = json!({"name": "demo_sleep", "arguments": {"millis": 600_000}});
    let request = server.stateless("tools/call", params);
    let gone = tokio::time::timeout(std::time::Duration::from_secs(1), request.send()).await;
    assert!(gone.is_err(), "the call was still running");
    harness::until("the end of the work", || {
        let log = server.process.stderr();
        log.lines().any(|line| line.contains("demo_sleep") && line.contains("call failed"))
    })
    .await;
}

#[tokio::test]
async fn a_signal_ends_it_well_with_calls_in_progress() {
    let mut server = HttpServer::start(demo()).await;
    let params = json!({"name": "demo_sleep", "arguments": {"millis": 600_000}});
    let request = server.stateless("tools/call", params);
    let asked =
        tokio::spawn(async move { tokio::time::timeout(std::time::Duration::from_secs(30), request.send()).await });
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    server.process.signal(rustix::process::Signal::TERM);
    let ended = tokio::time::timeout(std::time::Duration::from_secs(20), server.process.ended()).await;
    asked.abort();
    assert_eq!(ended.expect("within seconds").code(), Some(0), "{}", server.process.stderr());
}

#[tokio::test]
async fn an_address_in_use_is_an_error_that_says_so() {
    let server = HttpServer::start(demo()).await;
    let output = Start::clone(&demo()).args(["serve", "--http"]).arg(server.address.to_string()).output().await;
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains(&server.address.to_string()), "{said}");
}
