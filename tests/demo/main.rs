//! The demo server as a process of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::main::<harness::demo::Demo>()
}
