//! `cargo xtask bench start|calls|git`: our servers beside a peer in one run, as ratios.
//!
//! An absolute number says little on a shared machine, so every figure is taken beside the peer's in the same minute. Nothing here asserts;
//! what was measured, and where, is kept in BENCHMARKS.md.

mod calls;
mod client;
mod git;
mod peers;
mod start;

use std::{
    path::PathBuf,
    process::Command,
    time::{Duration, Instant},
};

/// Runs the benchmarks named, or all of them.
pub fn run(names: &[&str]) -> Result<(), String> {
    let known = ["start", "calls", "git"];
    if let Some(unknown) = names.iter().find(|name| !known.contains(name)) {
        return Err(format!("there is no benchmark {unknown:?}; known: {}", known.join(", ")));
    }
    let wanted = |name: &str| names.is_empty() || names.contains(&name);
    machine();
    let ours = build()?;
    let peers = peers::install()?;
    if wanted("start") {
        start::run(&ours, &peers)?;
    }
    if wanted("calls") {
        calls::run(&ours, &peers)?;
    }
    if wanted("git") {
        git::run(&ours, &peers)?;
    }
    Ok(())
}

/// The binary that is shipped: what is measured has to be what people run.
///
/// `BENCH_BINARY` names another one to measure.
fn build() -> Result<PathBuf, String> {
    if let Some(binary) = std::env::var_os("BENCH_BINARY") {
        return Ok(PathBuf::from(binary));
    }
    let status = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--profile", "dist", "-p", "mcp-git"])
        .status()
        .map_err(|error| format!("cargo could not be run: {error}"))?;
    if !status.success() {
        return Err(String::from("the binary could not be built"));
    }
    Ok(target().join("dist/mcp-git"))
}

/// The target directory of this workspace.
fn target() -> PathBuf {
    let own = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    own.unwrap_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../target")))
}

fn machine() {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let info = read("/proc/cpuinfo");
    let model =
        info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ")).map_or("?", |pair| pair.1);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    crate::run::out(&format!("machine: {cores} cores of {model}, Linux {}", read("/proc/sys/kernel/osrelease").trim()));
}

/// The median of `times` runs of `once`.
fn median(times: usize, mut once: impl FnMut() -> Result<Duration, String>) -> Result<Duration, String> {
    let mut taken = (0..times).map(|_| once()).collect::<Result<Vec<_>, _>>()?;
    taken.sort();
    taken.get(taken.len() / 2).copied().ok_or_else(|| String::from("nothing was measured"))
}

/// How long `work` takes.
fn timed<T>(work: impl FnOnce() -> Result<T, String>) -> Result<Duration, String> {
    let start = Instant::now();
    work()?;
    Ok(start.elapsed())
}

fn millis(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1000.0)
}
