//! `cargo xtask tidy`: what review would otherwise have to say. Every check runs; each finding is one line `path:line: what, why`.

use std::{fmt, path::Path, process::ExitCode};

use crate::{
    codegen,
    run::{self, Result},
    tree::Tree,
};

mod absences;
mod cargo;
mod files;
mod manifests;
mod modules;

/// Something to change.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    path: String,
    line: usize,
    what: String,
}

impl Finding {
    /// `what` also says why, or what to do.
    pub fn new(path: impl Into<String>, line: usize, what: impl Into<String>) -> Self {
        Self { path: path.into(), line, what: what.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.what)
    }
}

/// Runs every check and fails if one found something.
pub fn run() -> Result<ExitCode> {
    let root = run::root()?;
    let tree = Tree::load(&root)?;
    let mut count = 0;
    // A check that cannot run is a finding: the others still say theirs.
    let mut check = |name: &str, found: Result<Vec<Finding>>| {
        let mut found = found.unwrap_or_else(|error| {
            vec![Finding::new("Cargo.toml", 1, format!("{name} could not be checked: {error}"))]
        });
        found.sort();
        found.dedup();
        found.iter().for_each(|finding| run::out(&finding.to_string()));
        count += found.len();
        eprintln!(
            "tidy: {name}: {}",
            if found.is_empty() { "ok".to_owned() } else { format!("{} to change", found.len()) }
        );
    };
    check("absences", Ok(absences::check(&tree)));
    check("modules", Ok(modules::check(&tree)));
    check("manifests", manifests::check(&tree));
    check("files", files::check(&tree));
    check("format", cargo::format(&tree));
    check("clippy", cargo::clippy(&root));
    check("codegen", generated(&root));
    if count == 0 {
        return Ok(ExitCode::SUCCESS);
    }
    run::out(&format!("{count} to change"));
    Ok(ExitCode::FAILURE)
}

fn generated(root: &Path) -> Result<Vec<Finding>> {
    let stale = codegen::stale(root)?;
    Ok(stale.into_keys().map(|path| Finding::new(path, 1, format!("stale, {}", codegen::REMEDY))).collect())
}
