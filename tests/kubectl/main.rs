//! `mcp-kubectl` as a client meets it, on the real kubectl and the cluster of the test run.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that meets what it did not expect fails"
)]

mod copying;
mod doctor;
mod failures;
mod gave_way;
mod hostile;
mod logs;
mod masking;
mod memory;
mod pages;
mod paths;
mod reading;
mod silence;
mod start;
mod usage;
mod writing;

use std::path::Path;

use harness::{Client, Start, cluster::Cluster};
use serde_json::Value;

/// The server with `kubeconfig`, its kubectl the cluster's.
fn server(kubeconfig: &Path) -> Start {
    let cluster = Cluster::get();
    Start::new(env!("CARGO_BIN_EXE_kubectl-server"))
        .env("PATH", format!("{}:/usr/bin:/bin", cluster.bin().display()))
        .env("HOME", cluster.directory())
        .env("KUBECONFIG", kubeconfig)
        .env("MODE", "readwrite")
}

/// The name of the cluster's context, as answers say it.
fn context() -> String {
    format!("`{}`", Cluster::get().ask(&["config", "current-context"]).trim())
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
