//! Requests that two readers could understand differently: none of them is answered.

use harness::http::HttpServer;
use serde_json::json;

use crate::demo;

const LIST: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"t","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}}}}"#;

/// A whole request for the list, with `target` and the lines `head`.
fn request(target: &str, head: &[&str]) -> Vec<u8> {
    let head: String = head.iter().map(|line| format!("{line}\r\n")).collect();
    format!(
        "POST {target} HTTP/1.1\r\n{head}Connection: close\r\nAccept: application/json, text/event-stream\r\n\
         Content-Length: {}\r\n\r\n{LIST}",
        LIST.len()
    )
    .into_bytes()
}

/// The headers of a request for the list besides Host.
const REST: [&str; 3] =
    ["Content-Type: application/json", "MCP-Protocol-Version: 2026-07-28", "Mcp-Method: tools/list"];

#[tokio::test]
async fn a_request_for_two_hosts_is_refused() {
    let server = HttpServer::start(demo()).await;
    let own = server.address.to_string();
    let host = format!("Host: {own}");
    let (evil, loopback) = ("Host: evil.example", "Host: localhost");
    let url = |authority: &str| format!("http://{authority}/mcp");
    let with = |hosts: &[&str]| -> Vec<String> { hosts.iter().chain(&REST).map(|line| (*line).to_owned()).collect() };
    let send = async |target: &str, hosts: &[&str]| {
        let head = with(hosts);
        let head: Vec<&str> = head.iter().map(String::as_str).collect();
        server.raw(&request(target, &head)).await
    };
    for (target, hosts) in [
        ("/mcp".to_owned(), vec![host.as_str(), host.as_str()]),
        ("/mcp".to_owned(), vec![host.as_str(), evil]),
        ("/mcp".to_owned(), vec![evil, host.as_str()]),
        ("/mcp".to_owned(), vec![host.as_str(), loopback]),
        ("/mcp".to_owned(), vec![]),
        (url("evil.example"), vec![host.as_str()]),
        (url(&own), vec![evil]),
        (url("localhost"), vec![host.as_str()]),
        (url(&format!("evil@{own}")), vec![host.as_str()]),
    ] {
        let response = send(&target, &hosts).await;
        assert_eq!(response.status, 400, "{target} {hosts:?}: {response:?}");
        assert!(!response.body.contains("demo_echo"), "{target} {hosts:?}");
    }
    // The same bytes with one host, and with a target that names it, are answered.
    for target in ["/mcp".to_owned(), url(&own)] {
        let response = send(&target, &[&host]).await;
        assert_eq!(response.status, 200, "{target}: {response:?}");
        assert!(response.body.contains("demo_echo"), "{response:?}");
    }
    // And a target that names a foreign host consistently is as foreign as its header.
    let response = send(&url("evil.example"), &[evil]).await;
    assert_eq!(response.status, 403, "{response:?}");
}

#[tokio::test]
async fn a_header_that_decides_something_is_taken_once() {
    let token = "a-token-of-enough-length";
    let allowed = "https://app.example.com";
    let server = HttpServer::start(demo().env("HTTP_TOKEN", token).env("HTTP_ALLOWED_ORIGINS", allowed)).await;
    let (host, bearer, origin) =
        (format!("Host: {}", server.address), format!("Authorization: Bearer {token}"), format!("Origin: {allowed}"));
    let whole = [&host, &bearer, &origin, REST[0], REST[1], REST[2]];
    for twice in [
        host.as_str(),
        &bearer,
        "Authorization: Bearer wrong",
        &origin,
        "Origin: https://evil.example",
        "Content-Type: text/plain",
        "MCP-Protocol-Version: 2025-11-25",
        "Mcp-Method: tools/call",
    ] {
        let head: Vec<&str> = whole.iter().copied().chain([twice]).collect();
        let response = server.raw(&request("/mcp", &head)).await;
        assert_eq!(response.status, 400, "{twice}: {response:?}");
        assert!(response.body.contains("is given twice"), "{twice}: {response:?}");
    }
    for name in ["Mcp-Name", "Mcp-Session-Id"] {
        let line = format!("{name}: a");
        let head: Vec<&str> = whole.iter().copied().chain([line.as_str(), line.as_str()]).collect();
        let response = server.raw(&request("/mcp", &head)).await;
        assert!(response.body.contains("is given twice"), "{name}: {response:?}");
    }
    assert_eq!(server.raw(&request("/mcp", &whole)).await.status, 200);
}

#[tokio::test]
async fn an_allowed_origin_is_one_port() {
    for (allowed, good, bad) in [
        ("https://app.example.com", "https://app.example.com:443", "https://app.example.com:8443"),
        ("http://app.example.com", "http://app.example.com", "http://app.example.com:8080"),
        ("https://app.example.com:8443", "https://app.example.com:8443", "https://app.example.com"),
    ] {
        let server = HttpServer::start(demo().env("HTTP_ALLOWED_ORIGINS", allowed)).await;
        let ask = |origin: &str| server.stateless("tools/list", json!({})).header("Origin", origin);
        assert_eq!(ask(allowed).send().await.status, 200, "{allowed}");
        assert_eq!(ask(good).send().await.status, 200, "{allowed}: {good}");
        assert_eq!(ask(bad).send().await.status, 403, "{allowed}: {bad}");
    }
    for wrong in ["app.example.com", "https://app.example.com/page", "null", "https://app.example.com:*", "vscode://x"]
    {
        let start = demo().env("HTTP_ALLOWED_ORIGINS", wrong).args(["serve", "--http", "127.0.0.1:0"]);
        let output = start.output().await;
        assert_eq!(output.status.code(), Some(2), "{wrong}");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("HTTP_ALLOWED_ORIGINS") && said.contains("https://app.example.com"), "{wrong}: {said}");
    }
}
