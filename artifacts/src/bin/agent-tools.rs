//! `agent-tools`: push, pull, inspect and verify servers as OCI artifacts.

fn main() -> std::process::ExitCode {
    artifacts::cli::main()
}
