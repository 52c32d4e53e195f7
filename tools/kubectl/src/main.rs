//! `mcp-kubectl`: Kubernetes for agents, through kubectl.

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::main::<mcp_kubectl::Kubectl>()
}
