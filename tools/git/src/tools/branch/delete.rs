//! Deleting a branch: only what is merged, and nothing that is checked out anywhere.

use git2::{BranchType, ErrorCode, Repository};
use shared::{Call, Code, Result, ToolError};

use super::{
    Found, found,
    names::{elsewhere, full},
};
use crate::{
    failure::{OrFail, because},
    head::Head,
    repo::Repo,
    unrun,
};

pub(super) fn delete(repo: &Repo, name: &str, call: &Call) -> Result<Found> {
    let git = &repo.git;
    let head = Head::read(git)?;
    let mut branch = match git.find_branch(name, BranchType::Local) {
        Ok(branch) => branch,
        Err(error) if error.code() == ErrorCode::NotFound => {
            return Err(ToolError::new(Code::NotFound, format!("no local branch {name:?}")).hint("see git_branch_list"));
        }
        Err(error) => return Err(because("read the branch", &error)),
    };
    if head.branch.as_deref() == Some(&full(name)) || branch.is_head() {
        return Err(ToolError::new(Code::Conflict, format!("{name:?} is checked out here"))
            .hint("switch to another branch first"));
    }
    elsewhere(git, name)?;
    if branch.get().symbolic_target_bytes().is_some() {
        return Err(ToolError::new(Code::Unsupported, format!("{name:?} only stands for another branch"))
            .hint("remove it with git itself"));
    }
    let id = branch.get().target().ok_or_else(|| ToolError::internal("a branch without a commit"))?;
    let upstream = branch.upstream().ok().and_then(|upstream| upstream.get().target());
    let mut merged = false;
    for into in [upstream, head.id()].into_iter().flatten() {
        merged = merged || into == id || git.graph_descendant_of(into, id).or_fail("walk the history")?;
    }
    if !merged {
        return Err(ToolError::new(
            Code::Conflict,
            format!("{name:?} at {id} has commits that neither its upstream nor HEAD has; deleting it would lose them"),
        )
        .hint("merge or push it first; nothing was deleted"));
    }
    call.check()?;
    // Only as it was seen: libgit2 compares the id under the ref's lock. Its own deletion of a branch forgets the settings first, which
    // would be lost when the branch has moved.
    branch.get_mut().delete().or_fail("delete the branch")?;
    let mut answer = found(repo, "deleted", name, Some(id));
    if let Err(error) = forget(git, name) {
        answer.notes.push(format!("its settings could not be removed: {}", because("write the configuration", &error)));
    }
    answer.notes.push(format!("to restore it: name={name:?} create=true start_point={id}"));
    answer.hooks_not_run = unrun::hooks(repo, unrun::DELETE);
    Ok(answer)
}

/// Removes the settings of a branch that is gone.
fn forget(git: &Repository, name: &str) -> Result<(), git2::Error> {
    let mut local = git.config()?.open_level(git2::ConfigLevel::Local)?;
    let prefix = format!("branch.{name}.");
    let mut keys = Vec::new();
    let mut entries = local.entries(None)?;
    while let Some(entry) = entries.next() {
        if let Ok(key) = entry?.name()
            && key.strip_prefix(&prefix).is_some_and(|rest| !rest.contains('.'))
        {
            keys.push(key.to_owned());
        }
    }
    drop(entries);
    keys.sort_unstable();
    keys.dedup();
    keys.iter().try_for_each(|key| local.remove_multivar(key, ".*"))
}
