//! Which source is released: its commit, its time, its versions, and what it is built with.

use std::{path::Path, process::Command};

use super::Target;
use crate::run::{self, Result};

/// The source.
pub(super) struct Source {
    /// The commit; with `-dirty` when files differ from it; `None` outside of a repository.
    pub(super) revision: Option<String>,
    /// SOURCE_DATE_EPOCH, else the commit's time: seconds since 1970.
    pub(super) created: u64,
}

impl Source {
    /// The source at `root`.
    pub(super) fn of(root: &Path) -> Result<Self> {
        let git = |arguments: &[&str]| run::stdout(Command::new("git").current_dir(root).args(arguments)).ok();
        let commit = git(&["rev-parse", "--verify", "HEAD"]).map(|commit| commit.trim().to_owned());
        let changed =
            git(&["status", "--porcelain", "--untracked-files=no"]).is_some_and(|changes| !changes.is_empty());
        if changed {
            eprintln!("files differ from the commit: the revision is marked -dirty");
        }
        let revision = commit.map(|commit| if changed { format!("{commit}-dirty") } else { commit });
        let asked = std::env::var("SOURCE_DATE_EPOCH").ok().filter(|value| !value.is_empty());
        let created = match (asked, git(&["log", "-1", "--format=%ct"])) {
            (Some(asked), _) => artifacts::time::source_date(&asked).map_err(|error| error.message)?,
            (None, Some(time)) => time.trim().parse().map_err(|_| format!("git says the commit's time is {time:?}"))?,
            (None, None) => {
                return Err("this is no git repository: set SOURCE_DATE_EPOCH to the time of the source".into());
            }
        };
        Ok(Self { revision, created })
    }
}

/// The compilers that the bytes of a binary for `target` depend on.
pub(super) fn toolchain(root: &Path, target: &Target) -> Result<String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let rustc = run::stdout(Command::new(rustc).arg("--version").current_dir(root))?;
    let own = || std::env::var("CC").ok().filter(|compiler| !compiler.is_empty()).unwrap_or_else(|| "cc".to_owned());
    let compiler = target.compiler.clone().unwrap_or_else(own);
    let compiler = run::stdout(Command::new(compiler).arg("--version").env("LC_ALL", "C"))?;
    Ok(format!("{}; {}", rustc.trim(), compiler.lines().next().unwrap_or_default()))
}

/// The version of a package, and the address of its source if its manifest names one.
pub(super) fn package(root: &Path, name: &str) -> Result<(String, Option<String>)> {
    let metadata = run::stdout(run::cargo(root).args(["metadata", "--no-deps", "--format-version", "1", "--locked"]))?;
    let metadata: serde_json::Value =
        serde_json::from_str(&metadata).map_err(|error| format!("cargo metadata: {error}"))?;
    let packages = metadata["packages"].as_array().map(Vec::as_slice).unwrap_or_default();
    let package =
        packages.iter().find(|there| there["name"] == name).ok_or_else(|| format!("cargo knows no package {name}"))?;
    let word = |key: &str| package[key].as_str().map(str::to_owned);
    Ok((word("version").unwrap_or_default(), word("repository")))
}
