//! Opening the repository a call is about.

use git2::Repository;
use shared::{Result, Untrusted};

use crate::{Git, gate};

/// An opened repository and how to speak of it.
pub struct Repo {
    /// libgit2's handle.
    pub git: Repository,
    /// Where it is, relative to the workspace; `.` is the workspace itself.
    pub name: Untrusted,
    /// Hooks that exist and do not run.
    pub hooks: Vec<String>,
    /// What is configured and not honoured, for the reader to know.
    pub notes: Vec<String>,
}

impl Git {
    /// Opens the repository that `cwd` is in. The gate looks at it first.
    pub fn repo(&self, cwd: Option<&str>) -> Result<Repo> {
        let workspace = self.workspace()?;
        let directory = workspace.resolve("cwd", cwd.unwrap_or("."))?;
        let root = workspace.root();
        let opened = gate::open(root, &directory.absolute()?)?;
        let place = opened.repo.workdir().unwrap_or_else(|| opened.repo.path());
        let name = match place.strip_prefix(root) {
            Ok(inside) if inside.as_os_str().is_empty() => Untrusted::line("."),
            Ok(inside) => Untrusted::line(&inside.to_string_lossy()),
            Err(_) => Untrusted::line(&place.to_string_lossy()),
        };
        Ok(Repo { git: opened.repo, name, hooks: opened.hooks, notes: opened.notes })
    }
}

/// The first ten digits of an object id: enough to be unique, few enough to read.
pub fn short(id: &str) -> &str {
    id.get(..10).unwrap_or(id)
}
