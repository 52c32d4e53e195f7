//! End-to-end tests: real processes, real clients, real repositories.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that meets what it did not expect fails"
)]

mod doctor;
mod git;
mod http;
mod permissions;
mod protocol;
mod python_client;
mod structured;
mod terminal;

use harness::Start;

/// The server of awkward tools, as a process.
fn demo() -> Start {
    Start::new(env!("CARGO_BIN_EXE_demo-server"))
}
