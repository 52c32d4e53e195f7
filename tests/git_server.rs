//! `mcp-git`, line for line.

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::main::<mcp_git::Git>()
}
