//! `mcp-git`: git for agents, inside one workspace.

use std::process::ExitCode;

fn main() -> ExitCode {
    let code = shared::main::<mcp_git::Git>();
    mcp_git::exclusive::settle();
    code
}
