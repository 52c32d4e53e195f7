//! `mcp-kube-explore` as a client meets it, on the cluster of the test run.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that meets what it did not expect fails"
)]

mod changing;
mod faults;
mod finding;
mod health;
mod narrow;
mod outside;
mod population;
mod start;
mod truth;

use std::path::Path;

use harness::{Client, Start, cluster::Cluster};
use serde_json::Value;

/// The server with `kubeconfig`. There is no kubectl in its PATH: it needs none.
fn server(kubeconfig: &Path) -> Start {
    Start::new(env!("CARGO_BIN_EXE_explore-server"))
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", Cluster::get().directory())
        .env("KUBECONFIG", kubeconfig)
        .env("MODE", "readwrite")
}

/// A client of the server as cluster-admin.
async fn admin() -> Client {
    client(&server(Cluster::get().kubeconfig())).await
}

/// A client of `start`.
async fn client(start: &Start) -> Client {
    Client::spawn(start).ready().await
}

/// The text of an answer, and whether it is an error.
async fn ask(client: &mut Client, tool: &str, arguments: Value) -> (String, bool) {
    let result = client.call(tool, arguments).await;
    (harness::text(&result).to_owned(), result["isError"] == true)
}

/// The text of an answer that is none.
async fn ok(client: &mut Client, tool: &str, arguments: Value) -> String {
    let (text, error) = ask(client, tool, arguments).await;
    assert!(!error, "{text}");
    text
}

/// The text of an error.
async fn err(client: &mut Client, tool: &str, arguments: Value) -> String {
    let (text, error) = ask(client, tool, arguments).await;
    assert!(error, "{text}");
    text
}

/// What stands in the frame of an answer.
fn framed(text: &str) -> &str {
    let (_, rest) = text.split_once("<untrusted-").expect("a frame");
    let (_, rest) = rest.split_once('\n').expect("its first line");
    rest.split_once("\n</untrusted-").expect("its end").0
}
