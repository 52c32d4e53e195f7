//! `mcp-github`: GitHub for agents.

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::main::<mcp_github::Github>()
}
