//! The branch a branch follows, and how far the two are apart.

use std::fmt;

use git2::{Reference, Repository};
use schemars::JsonSchema;
use serde::Serialize;
use shared::Untrusted;

use crate::apart;

/// What a local branch follows.
#[derive(Serialize, JsonSchema)]
pub struct Upstream {
    /// Its name, such as origin/main.
    pub name: Untrusted,
    /// Whether it is gone: configured, and not here (deleted, or never fetched).
    pub gone: bool,
    /// Commits it does not have.
    pub ahead: usize,
    /// Commits we do not have.
    pub behind: usize,
}

/// The name of a ref as a caller can give it back: `origin/main`, and `remotes/origin/main` where the first could be something else.
fn short<'f>(git: &Repository, full: &'f [u8]) -> &'f [u8] {
    let spaces = [(&b"refs/remotes/"[..], "refs/heads/"), (b"refs/heads/", "refs/remotes/")];
    let Some((name, other)) = spaces.iter().find_map(|(space, other)| Some((full.strip_prefix(*space)?, other))) else {
        return full;
    };
    let taken =
        |space: &str| str::from_utf8(name).is_ok_and(|name| git.find_reference(&format!("{space}{name}")).is_ok());
    let ambiguous = [other, "refs/tags/", "refs/"].iter().any(|space| taken(space));
    if ambiguous { full.strip_prefix(b"refs/").unwrap_or(full) } else { name }
}

impl Upstream {
    /// What `branch`, a reference below `refs/heads/`, is configured to follow.
    pub fn of(git: &Repository, branch: &Reference<'_>) -> Option<Self> {
        Self::of_name(git, branch.name().ok()?)
    }

    /// The same for the branch of this full name, which need not have a commit yet.
    pub fn of_name(git: &Repository, branch: &str) -> Option<Self> {
        let full = git.branch_upstream_name(branch).ok()?;
        let name = Untrusted::line_bytes(short(git, &full));
        let theirs = full.as_str().ok().and_then(|full| git.refname_to_id(full).ok());
        let ours = git.refname_to_id(branch).ok();
        let apart = match (ours, theirs) {
            (Some(ours), Some(theirs)) => apart::ahead_behind(git, ours, theirs).ok(),
            _ => None,
        };
        let (ahead, behind) = apart.unwrap_or_default();
        Some(Self { name, gone: theirs.is_none(), ahead, behind })
    }

    /// How far apart the two are, in words.
    pub fn distance(&self) -> impl fmt::Display + use<> {
        match (self.gone, self.ahead, self.behind) {
            (true, ..) => String::from("gone"),
            (false, 0, 0) => String::from("even"),
            (false, ahead, 0) => format!("{ahead} ahead"),
            (false, 0, behind) => format!("{behind} behind"),
            (false, ahead, behind) => format!("{ahead} ahead, {behind} behind"),
        }
    }
}
