//! What the end-to-end tests stand on: clients that speak the protocol byte by byte, real repositories, and a server made of awkward tools.

// What GitHub says of a repository is longer than `json!` takes otherwise.
#![recursion_limit = "256"]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a harness that meets what it did not expect fails the test"
)]

pub mod client;
pub mod cluster;
pub mod debian;
pub mod demo;
pub mod faults;
pub mod git;
pub mod git_http;
pub mod github;
pub mod http;
pub mod moments;
pub mod npm;
pub mod proxy;
pub mod registry;
pub mod repository;
pub mod sshd;
pub mod start;

use std::{
    fs::OpenOptions,
    future::Future,
    io::Write,
    net::{SocketAddr, TcpListener},
    sync::OnceLock,
    time::{Duration, Instant},
};

pub use client::{Client, ask, err, framed, meta, ok, text};
pub use git::GitRepo;
pub use start::Start;

/// How long anything may take before a test gives up: generous, because the machine may be busy.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Records that `test` could not run here, and why: on stdout, and in the file that `AGENT_TOOLS_SKIPPED` names.
pub fn skip(test: &str, reason: &str) {
    let line = format!("skipped: {test}: {reason}\n");
    let _ = std::io::stdout().write_all(line.as_bytes());
    if let Some(path) = std::env::var_os("AGENT_TOOLS_SKIPPED").filter(|path| !path.is_empty()) {
        let mut file = OpenOptions::new().create(true).append(true).open(path).expect("the list of skipped tests");
        file.write_all(line.as_bytes()).expect("the list of skipped tests");
    }
}

/// Asks `met` again and again until it says yes; panics with `what` when patience ends.
pub async fn until(what: &str, mut met: impl FnMut() -> bool) {
    let started = Instant::now();
    while !met() {
        assert!(started.elapsed() < PATIENCE, "{what} did not happen");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The runtime of the servers that tests talk to, apart from the tests' own: they start and stop on any thread.
pub fn runtime() -> &'static tokio::runtime::Runtime {
    static RUNTIME: OnceLock<tokio::runtime::Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("runtime")
    })
}

/// Runs a future to its end on [`runtime`].
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    runtime().block_on(future)
}

/// A free port of this machine, for a server on [`runtime`]: whoever connects before it accepts waits.
fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.set_nonblocking(true).expect("a socket");
    let address = listener.local_addr().expect("an address");
    (listener, address)
}
