//! The operation in progress that a commit concludes: whether it may, what it makes parents of, and what is left to clear away.

use std::fs;

use git2::{Commit as GitCommit, Oid, Repository, RepositoryState};
use shared::{Code, Result, ToolError};

use crate::{
    failure::OrFail,
    head::{self, Head},
};

/// What git leaves in the git directory for a commit to conclude. MERGE_HEAD and its like are last: whoever is killed in between still
/// has the operation in progress.
const CONCLUDED: [&str; 7] =
    ["MERGE_MSG", "SQUASH_MSG", "MERGE_MODE", "AUTO_MERGE", "MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD"];

/// Whether git would let a commit conclude what is in progress; its name.
pub(super) fn permitted(git: &Repository, amend: bool) -> Result<Option<&'static str>> {
    let state = git.state();
    let operation = head::operation(state);
    let refuse =
        |why: String| Err(ToolError::new(Code::Conflict, why).hint("conclude or abort it with git itself first"));
    match (state, operation) {
        (RepositoryState::Clean, _) | (_, None) => Ok(None),
        (RepositoryState::Merge | RepositoryState::CherryPick | RepositoryState::Revert, Some(name)) if amend => {
            refuse(format!("a {name} is in progress, and the commit to amend is not part of it"))
        }
        (RepositoryState::Merge | RepositoryState::CherryPick | RepositoryState::Revert, Some(name)) => Ok(Some(name)),
        (_, Some(name)) => refuse(format!("a {name} is in progress, and a commit of its own would get in its way")),
    }
}

pub(super) fn merge_heads(git: &mut Repository) -> Result<Vec<Oid>> {
    let mut heads = Vec::new();
    if git.path().join("MERGE_HEAD").exists() {
        git.mergehead_foreach(|id| {
            heads.push(*id);
            true
        })
        .or_fail("read MERGE_HEAD")?;
    }
    Ok(heads)
}

/// HEAD, and what is being merged. What HEAD contains already is no parent: a merge whose leftovers were not cleaned up.
pub(super) fn parents<'r>(git: &'r Repository, head: &Head<'r>, merging: &[Oid]) -> Result<Vec<GitCommit<'r>>> {
    let Some(ours) = &head.commit else { return Ok(Vec::new()) };
    let mut parents = vec![ours.clone()];
    for id in merging {
        let contained = *id == ours.id() || git.graph_descendant_of(ours.id(), *id).or_fail("walk the history")?;
        if !contained && parents.iter().all(|parent| parent.id() != *id) {
            parents.push(git.find_commit(*id).or_fail("read MERGE_HEAD")?);
        }
    }
    Ok(parents)
}

/// What the reflog says about the kind of commit.
pub(super) fn kind(amend: bool, operation: Option<&str>, parents: usize) -> &'static str {
    match operation {
        _ if amend => " (amend)",
        _ if parents == 0 => " (initial)",
        _ if parents > 1 => " (merge)",
        Some("cherry-pick") => " (cherry-pick)",
        _ => "",
    }
}

/// Removes what git leaves for the commit to conclude.
pub(super) fn conclude(git: &Repository, notes: &mut Vec<String>) {
    for name in CONCLUDED {
        match fs::remove_file(git.path().join(name)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                notes.push(format!(
                    "failed to remove {name} from the git directory: {}; remove it by hand",
                    error.kind()
                ));
            }
            _ => {}
        }
    }
}
