//! What git would have run for an operation and this server does not: hooks and filters.

use git2::{AttrCheckFlags, AttrValue, Repository};

use crate::{failure::OrFail, repo::Repo};
use shared::Result;

/// Hooks of `git add`.
pub const ADD: &[&str] = &["post-index-change"];
/// Hooks of `git commit`.
pub const COMMIT: &[&str] = &[
    "pre-commit",
    "prepare-commit-msg",
    "commit-msg",
    "post-commit",
    "reference-transaction",
    "post-index-change",
    "pre-auto-gc",
];
/// Hooks of `git commit --amend`.
pub const AMEND: &[&str] = &[
    "pre-commit",
    "prepare-commit-msg",
    "commit-msg",
    "post-commit",
    "post-rewrite",
    "reference-transaction",
    "post-index-change",
    "pre-auto-gc",
];
/// Hooks of `git switch`.
pub const SWITCH: &[&str] = &["post-checkout", "reference-transaction", "post-index-change"];
/// Hooks of `git branch -d`.
pub const DELETE: &[&str] = &["reference-transaction"];

/// Hooks of `git push`.
pub const PUSH: &[&str] = &["pre-push", "reference-transaction"];
/// Hooks of `git pull`.
pub const PULL: &[&str] = &[
    "pre-merge-commit",
    "pre-rebase",
    "post-merge",
    "post-rewrite",
    "post-checkout",
    "reference-transaction",
    "post-index-change",
];

/// The hooks among `relevant` that exist here.
pub fn hooks(repo: &Repo, relevant: &[&str]) -> Vec<String> {
    repo.hooks.iter().filter(|hook| relevant.contains(&hook.as_str())).cloned().collect()
}

/// What the attributes put a path under that libgit2 has no part for: `filter=lfs`, `working-tree-encoding=UTF-16`. What it stages or
/// checks out is then not what git would.
///
/// # Errors
/// When the attributes cannot be read.
pub fn conversion(git: &Repository, path: &[u8]) -> Result<Option<String>> {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt, path::Path};
    let place = Path::new(OsStr::from_bytes(path));
    for name in ["filter", "working-tree-encoding"] {
        let value = git.get_attr_bytes(place, name, AttrCheckFlags::FILE_THEN_INDEX).or_fail("read the attributes")?;
        if let AttrValue::Bytes(value) = AttrValue::always_bytes(value) {
            return Ok(Some(format!("{name}={}", String::from_utf8_lossy(value))));
        }
    }
    Ok(None)
}
