//! `mcp-github`, line for line.

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::main::<mcp_github::Github>()
}
