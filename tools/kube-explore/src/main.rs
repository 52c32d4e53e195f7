//! `mcp-kube-explore`: what is in a Kubernetes cluster and what is wrong with it, for agents.

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::main::<mcp_kube_explore::Explore>()
}
