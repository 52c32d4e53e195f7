//! `cargo xtask bench [--record] [start] [calls] [git] [kubectl] [explore] [github] [pack]`: our servers beside a peer in one run, as ratios.
//!
//! An absolute number says little on a shared machine, so every figure is taken beside the peer's in the same minute. Nothing here asserts;
//! `--record` notes what was measured, with the machine it was measured on, in BENCHMARKS.md and in the README; what was not stays as it is.

mod calls;
mod client;
mod explore;
mod git;
mod github;
mod kubectl;
mod logs;
mod memory;
mod npm;
mod pack;
mod peers;
mod start;
mod table;
mod turns;

use std::{cell::OnceCell, path::PathBuf};

use self::{npm::Npm, peers::Peers, table::Row};
use crate::{
    dist::{self, Binary, Target},
    run,
};

/// What every benchmark is made with. What not all of them need is fetched by the first that does.
struct Bench {
    root: PathBuf,
    /// Where cargo builds.
    target: PathBuf,
    /// Where the benchmarks' own files are kept, under the target directory.
    home: PathBuf,
    python: OnceCell<Result<Peers, String>>,
    npm: OnceCell<Result<Npm, String>>,
}

impl Bench {
    fn here() -> Result<Self, String> {
        let root = run::root()?;
        let target = run::target(&root)?;
        let home = target.join("bench");
        Ok(Self { root, target, home, python: OnceCell::new(), npm: OnceCell::new() })
    }

    /// A program of ours, as it is shipped.
    fn built(&self, package: &str, name: &str) -> Result<PathBuf, String> {
        dist::build(&self.root, &self.target, &Target::host(&self.root)?, Binary { package, name })
    }

    /// The peers from PyPI.
    fn python(&self) -> Result<&Peers, String> {
        self.python.get_or_init(|| peers::install(&self.home)).as_ref().map_err(Clone::clone)
    }

    /// The peers from npm, or why there are none.
    fn npm(&self) -> Result<&Npm, String> {
        self.npm.get_or_init(|| npm::install(&self.home)).as_ref().map_err(Clone::clone)
    }
}

/// A group of measures.
type Measure = fn(&Bench) -> Result<Vec<Row>, String>;

/// All there are, in the order of the table.
const MEASURES: [(&str, Measure); 7] = [
    ("start", start::run),
    ("calls", calls::run),
    ("git", git::run),
    ("kubectl", kubectl::run),
    ("explore", explore::run),
    ("github", github::run),
    ("pack", pack::run),
];

/// Runs the benchmarks named, or all of them.
pub fn run(arguments: &[&str]) -> Result<(), String> {
    let (options, names): (Vec<&str>, Vec<&str>) = arguments.iter().partition(|argument| argument.starts_with('-'));
    let record = options.contains(&"--record");
    if let Some(unknown) = options.iter().find(|option| **option != "--record") {
        return Err(format!("bench does not know {unknown}; it takes --record"));
    }
    if let Some(unknown) = names.iter().find(|name| !MEASURES.iter().any(|(known, _)| *known == **name)) {
        let known = MEASURES.map(|(name, _)| name).join(", ");
        return Err(format!("there is no benchmark {unknown:?}; known: {known}"));
    }
    let (bench, machine) = (Bench::here()?, machine());
    for (name, measure) in MEASURES.iter().filter(|(name, _)| names.is_empty() || names.contains(name)) {
        let measured = measure(&bench)?;
        measured.iter().for_each(|row| run::out(&row.line()));
        if record {
            table::record(&bench.root, &machine, name, &measured)?;
        }
    }
    run::out(&machine);
    Ok(())
}

fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let info = read("/proc/cpuinfo");
    let model =
        info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ")).map_or("?", |pair| pair.1);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let kernel = read("/proc/sys/kernel/osrelease");
    let kernel = kernel.split('-').next().unwrap_or_default();
    let peers = [&peers::PACKAGES[..], &npm::PACKAGES[..]].concat().join(", ");
    format!("{cores} cores of {model}, Linux {}; peers: {peers}", kernel.trim())
}
