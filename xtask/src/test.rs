//! `cargo xtask test`: fetches what the tests need, runs them all, and says what passed, failed and was skipped.

use std::{
    fs,
    io::{BufRead, BufReader},
    process::{ExitCode, Stdio},
};

use crate::run::{self, Result};

mod cluster;
pub mod needs;
mod tally;

use cluster::Cluster;
use tally::Tally;

/// What every CI machine can have: there, a skip whose reason names one of these words is a failure. Everything else a test may lack is
/// a matter of the kernel or of the user it runs as.
const CI_HAS: &[&str] = &[
    "AGENT_TOOLS_FLUX",
    "AGENT_TOOLS_OCI",
    "AGENT_TOOLS_VENV",
    "crane",
    "git",
    "mcp",
    "node",
    "npm",
    "oras",
    "python",
    "python3",
    "registry",
    "skopeo",
    "ssh",
    "sshd",
    "venv",
];

/// Runs the tests whose names contain `filter`.
pub fn run(filter: Option<&str>) -> Result<ExitCode> {
    let root = run::root()?;
    let target = run::target(&root)?;
    let skipped = target.join("skipped.txt");
    run::write(&skipped, "")?;

    let mut cargo = run::cargo(&root);
    cargo.args(["test", "--workspace", "--no-fail-fast"]).args(filter).env("AGENT_TOOLS_SKIPPED", &skipped);
    needs::all(&root, &target.join("test-tools")).into_iter().for_each(|need| need.tell(&mut cargo));

    let wanted = cluster::tests(&root, filter)?;
    let flux = wanted.iter().any(|test| test.starts_with("flux::"));
    let cluster = Cluster::for_tests(&root, wanted)?;
    cargo.env_remove(cluster::VARIABLE);
    if let Some(directory) = cluster.directory() {
        eprintln!("{}={}", cluster::VARIABLE, directory.display());
        cargo.args(["--features", &Cluster::features(&root)?]).env(cluster::VARIABLE, directory);
        if flux {
            needs::flux(&root).tell(&mut cargo);
        }
    }

    let mut child =
        cargo.stdout(Stdio::piped()).spawn().map_err(|error| format!("cargo could not be started: {error}"))?;
    let mut tally = Tally::default();
    let stream = child.stdout.take().ok_or("the output of cargo test is not readable")?;
    for line in BufReader::new(stream).split(b'\n') {
        let line = line.map_err(|error| format!("the output of cargo test could not be read: {error}"))?;
        let line = String::from_utf8_lossy(&line);
        run::out(&line);
        tally.line(&line);
    }
    let status = child.wait().map_err(|error| format!("cargo test could not be waited for: {error}"))?;

    let notes = fs::read_to_string(&skipped).unwrap_or_default();
    let skips = tally::skips(&notes);
    for (test, reason) in &skips {
        run::out(&format!("skipped: {test}: {reason}"));
    }
    let mut failed = false;
    let ci = std::env::var("CI").is_ok_and(|value| value == "true");
    if let Cluster::Lacking(tests, reason) = &cluster {
        tests.iter().for_each(|test| run::out(&format!("skipped: {test}: no cluster: {reason}")));
        tally.never_ran(tests.len());
        if ci {
            failed = true;
            run::out(&format!("failed: {} tests were skipped for a cluster, which CI can have: {reason}", tests.len()));
        }
    }
    drop(cluster);
    if ci {
        for (test, reason) in skips.iter().filter(|(_, reason)| tally::names_one(reason, CI_HAS)) {
            failed = true;
            run::out(&format!("failed: {test} was skipped for something CI can have: {reason}"));
        }
    }
    let none = filter.is_some() && tally.is_empty();
    run::out(&tally.finish(&skips));
    if let (true, Some(filter)) = (none, filter) {
        return Err(format!("no test has {filter:?} in its name; names are shown as module::test"));
    }
    let code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
    Ok(ExitCode::from(if failed && code == 0 { 1 } else { code }))
}
