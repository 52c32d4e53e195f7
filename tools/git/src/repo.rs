//! Opening the repository a call is about.

use std::{path::Path, sync::Arc};

use git2::Repository;
use shared::{Call, Result, Untrusted};

use crate::{
    Git,
    gate::{self, Opened},
    narrow::Narrow,
};

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
    /// Its index, read without libgit2, where the call compares with it.
    pub narrow: Option<Narrow>,
}

/// How far into a repository a call goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Objects and references: index and submodules are not looked at.
    History,
    /// The work tree and the index as well, by way of [`Repo::narrow`].
    WorkTree,
    /// Everything libgit2 can do.
    All,
}

impl Git {
    /// Opens the repository that `cwd` is in. The gate looks at it first.
    pub fn repo(&self, cwd: Option<&str>) -> Result<Repo> {
        self.reaching(cwd, Reach::All)
    }

    /// What a reading tool does: `work` on the repository that `cwd` is in, where blocking is allowed.
    pub async fn read<T: Send + 'static>(
        self: Arc<Self>,
        reach: Reach,
        call: Call,
        cwd: Option<String>,
        work: impl FnOnce(&Repo, &Call) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let inner = call.clone();
        call.blocking(move || work(&self.reaching(cwd.as_deref(), reach)?, &inner)).await
    }

    fn reaching(&self, cwd: Option<&str>, reach: Reach) -> Result<Repo> {
        let workspace = self.workspace()?;
        let directory = workspace.resolve("cwd", cwd.unwrap_or("."))?;
        let root = workspace.root();
        let place = directory.absolute()?;
        let opened = if reach == Reach::All { gate::open(root, &place) } else { gate::open_history(root, &place) }?;
        let mut narrow = None;
        if reach == Reach::WorkTree {
            narrow = Narrow::read(&opened.repo, root);
            gate::nested(root, &opened.repo, narrow.as_ref().map(Narrow::submodules))?;
        }
        Ok(Repo::new(root, opened, narrow))
    }
}

impl Repo {
    fn new(root: &Path, opened: Opened, narrow: Option<Narrow>) -> Self {
        let place = opened.repo.workdir().unwrap_or_else(|| opened.repo.path());
        let name = match place.strip_prefix(root) {
            Ok(inside) if inside.as_os_str().is_empty() => Untrusted::line("."),
            Ok(inside) => Untrusted::line(&inside.to_string_lossy()),
            Err(_) => Untrusted::line(&place.to_string_lossy()),
        };
        Self { git: opened.repo, name, hooks: opened.hooks, notes: opened.notes, narrow }
    }
}

/// The first ten digits of an object id: enough to be unique, few enough to read.
pub fn short(id: &str) -> &str {
    id.get(..10).unwrap_or(id)
}
