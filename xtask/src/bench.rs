//! `cargo xtask bench [--record] [start] [calls] [git] [pack]`: our servers beside a peer in one run, as ratios.
//!
//! An absolute number says little on a shared machine, so every figure is taken beside the peer's in the same minute. Nothing here asserts;
//! `--record` notes a whole run, with the machine it was made on, in BENCHMARKS.md and in the README.

mod calls;
mod client;
mod git;
mod pack;
mod peers;
mod start;
mod table;

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use self::{peers::Peers, table::Row};
use crate::{
    dist::{self, Binary},
    run,
};

/// What every benchmark is made with.
struct Bench {
    /// Where its own files are kept, under the target directory.
    home: PathBuf,
    /// mcp-git, as it is shipped.
    git: PathBuf,
    /// The server of the tests, whose tools do nothing worth measuring but being called.
    demo: PathBuf,
    peers: Peers,
}

/// One group of measures of the servers.
type Measure = fn(&Bench) -> Result<Vec<Row>, String>;

/// Runs the benchmarks named, or all of them.
pub fn run(arguments: &[&str]) -> Result<(), String> {
    let known = ["start", "calls", "git", "pack"];
    let (options, names): (Vec<&str>, Vec<&str>) = arguments.iter().partition(|argument| argument.starts_with('-'));
    let record = options.contains(&"--record");
    if let Some(unknown) = options.iter().find(|option| **option != "--record") {
        return Err(format!("bench does not know {unknown}; it takes --record"));
    }
    if let Some(unknown) = names.iter().find(|name| !known.contains(name)) {
        return Err(format!("there is no benchmark {unknown:?}; known: {}", known.join(", ")));
    }
    if record && !names.is_empty() {
        return Err(String::from("--record notes a run of all benchmarks; leave the names out"));
    }
    let root = run::root()?;
    let target = run::target(&root)?;
    let home = target.join("bench");
    let wanted = |name: &str| names.is_empty() || names.contains(&name);
    let mut rows = Vec::new();
    let mut note = |measured: Vec<Row>| {
        measured.iter().for_each(|row| run::out(&row.line()));
        rows.extend(measured);
    };
    let servers: [(&str, Measure); 3] = [("start", start::run), ("calls", calls::run), ("git", git::run)];
    if servers.iter().any(|(name, _)| wanted(name)) {
        let host = dist::Target::host(&root)?;
        let git = dist::build(&root, &target, &host, Binary { package: "mcp-git", name: "mcp-git" })?;
        let demo = dist::build(&root, &target, &host, Binary { package: "agent-tools-tests", name: "demo-server" })?;
        let peers = peers::install(&home)?;
        let bench = Bench { home: home.clone(), git, demo, peers };
        for (_, measure) in servers.iter().filter(|(name, _)| wanted(name)) {
            note(measure(&bench)?);
        }
    }
    if wanted("pack") {
        note(pack::run(&root, &target, &home)?);
    }
    let machine = machine();
    run::out(&machine);
    if record { table::record(&root, &machine, &rows) } else { Ok(()) }
}

fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let info = read("/proc/cpuinfo");
    let model =
        info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ")).map_or("?", |pair| pair.1);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let kernel = read("/proc/sys/kernel/osrelease");
    let kernel = kernel.split('-').next().unwrap_or_default();
    format!("{cores} cores of {model}, Linux {}; peers: {}", kernel.trim(), peers::PACKAGES.join(", "))
}

/// The median of `times` runs of `once`.
fn median(times: usize, mut once: impl FnMut() -> Result<Duration, String>) -> Result<Duration, String> {
    middle((0..times).map(|_| once()).collect::<Result<Vec<_>, _>>()?)
}

/// The medians of `times` runs of each, taken in turns: what changes with time, as a registry that fills, changes both.
fn medians(
    times: usize,
    mut ours: impl FnMut() -> Result<Duration, String>,
    mut theirs: impl FnMut() -> Result<Duration, String>,
) -> Result<(Duration, Duration), String> {
    let (mut one, mut other) = (Vec::new(), Vec::new());
    for _ in 0..times {
        one.push(ours()?);
        other.push(theirs()?);
    }
    Ok((middle(one)?, middle(other)?))
}

fn middle(mut taken: Vec<Duration>) -> Result<Duration, String> {
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
