//! `agent-tools`, line for line.

use std::process::ExitCode;

fn main() -> ExitCode {
    artifacts::cli::main()
}
