//! `mcp-git`: git for agents, inside one workspace.

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::main::<mcp_git::Git>()
}
