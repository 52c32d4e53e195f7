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

use harness::{Client, Start, ask, cluster::Cluster, err, framed, ok};

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
