//! `mcp-kube-explore`, line for line.

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::main::<mcp_kube_explore::Explore>()
}
