//! `mcp-kube-explore` as a client meets it, on the cluster of the test run.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that meets what it did not expect fails")]

mod changing;
mod drawn;
mod faults;
mod finding;
mod health;
mod honest;
mod narrow;
mod outside;
mod population;
mod start;
mod truth;

use std::path::Path;

use harness::{Client, Start, ask, cluster::Cluster, err, framed, ok};

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
