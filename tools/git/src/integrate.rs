//! Bringing fetched commits into the branch that is checked out.
//!
//! Merges and rebases are made in memory. Only a result without conflicts reaches the work tree, so a conflict has nothing to restore.

use git2::{AnnotatedCommit, Commit, Oid, RebaseOptions, Repository};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shared::{Call, Code, Result, ToolError};

use crate::{
    apart,
    failure::{OrFail, because},
    head::{Head, advance, conflicts, in_the_way, operation},
    identity::{self, People, Said},
    switching::{Switched, switch},
};

/// What to do when both sides have commits of their own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// Refuse.
    #[default]
    FfOnly,
    /// Make a merge commit.
    Merge,
    /// Put our commits on top of theirs.
    Rebase,
}

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// There was nothing to bring.
    UpToDate,
    /// The branch moved forward.
    FastForward,
    /// A merge commit was made.
    Merged,
    /// Our commits were put on top.
    Rebased,
}

/// The branch before and after.
pub struct Integrated {
    /// What was done.
    pub how: How,
    /// Where the branch was; none before its first commit.
    pub before: Option<Oid>,
    /// Where it is.
    pub after: Oid,
    /// Commits of the branch that a rebase left out: the other side has the same changes, or they had none.
    pub dropped: usize,
    /// What changed in the work tree.
    pub switched: Switched,
}

/// Brings `theirs` into the branch that is checked out. `label` is how it is called in messages.
///
/// # Errors
/// [`Code::Conflict`] when it cannot be done without losing something or without a person; then nothing has changed.
pub fn integrate(git: &Repository, theirs: Oid, label: &str, strategy: Strategy, call: &Call) -> Result<Integrated> {
    if let Some(operation) = operation(git.state()) {
        return Err(ToolError::new(Code::Conflict, format!("a {operation} is in progress"))
            .hint("conclude it with git_commit, or abort it with git itself"));
    }
    let head = Head::read(git)?;
    let Some(branch) = head.branch.as_deref() else {
        return Err(ToolError::new(Code::Conflict, "HEAD is detached: there is no branch to bring commits to")
            .hint("switch to a branch with git_branch first"));
    };
    let config = git.config().or_fail("read the configuration")?;
    let people = identity::people(Said::default(), &config, |name| std::env::var(name).ok())?;
    let their_commit = git.find_commit(theirs).or_fail("read the fetched commit")?;
    let (how, after, dropped) = match &head.commit {
        None => (How::FastForward, theirs, 0),
        Some(ours) => decide(git, ours, &their_commit, label, strategy, &people, call)?,
    };
    if how == How::UpToDate {
        return Ok(Integrated { how, before: head.id(), after, dropped, switched: Switched::default() });
    }
    let tree = git.find_commit(after).and_then(|commit| commit.tree()).or_fail("read the new tree")?;
    let from = head.commit.as_ref().map(|commit| commit.tree()).transpose().or_fail("read the tree of HEAD")?;
    let switched = switch(git, from.as_ref(), &tree, call)?;
    let log = match how {
        How::Merged => format!("pull: merge of {label}"),
        How::Rebased => format!("pull: rebase onto {label}"),
        _ => String::from("pull: fast-forward"),
    };
    advance(git, branch, head.id(), after, &people.committer, &log)?;
    Ok(Integrated { how, before: head.id(), after, dropped, switched })
}

fn decide(
    git: &Repository,
    ours: &Commit<'_>,
    theirs: &Commit<'_>,
    label: &str,
    strategy: Strategy,
    people: &People,
    call: &Call,
) -> Result<(How, Oid, usize)> {
    let (ahead, behind) = apart::ahead_behind(git, ours.id(), theirs.id()).or_fail("compare the histories")?;
    if ahead > 0 && behind > 0 && !related(git, ours, theirs)? {
        return Err(ToolError::new(Code::Conflict, "the branch and the remote's have no commit in common")
            .hint("check the remote and the branch; a shallow clone may lack the commits that they share"));
    }
    match (ahead, behind, strategy) {
        (_, 0, _) => Ok((How::UpToDate, ours.id(), 0)),
        (0, _, _) => Ok((How::FastForward, theirs.id(), 0)),
        (_, _, Strategy::FfOnly) => Err(ToolError::new(
            Code::Conflict,
            format!("the branch has {ahead} commits that the remote lacks and lacks {behind} that it has"),
        )
        .hint("pull with strategy merge or rebase")),
        (_, _, Strategy::Merge) => merge(git, ours, theirs, label, people).map(|id| (How::Merged, id, 0)),
        (_, _, Strategy::Rebase) => {
            rebase(git, ours, theirs, people, call).map(|(id, dropped)| (How::Rebased, id, dropped))
        }
    }
}

fn related(git: &Repository, ours: &Commit<'_>, theirs: &Commit<'_>) -> Result<bool> {
    match git.merge_base(ours.id(), theirs.id()) {
        Ok(_) => Ok(true),
        Err(error) if error.code() == git2::ErrorCode::NotFound => Ok(false),
        Err(error) => Err(because("compare the histories", &error)),
    }
}

/// What a person has to do when commits do not fit together.
const BY_HAND: &str =
    "nothing was changed; these paths need a person: merge them with git itself, or take another strategy";

fn merge(git: &Repository, ours: &Commit<'_>, theirs: &Commit<'_>, label: &str, people: &People) -> Result<Oid> {
    let mut index = git.merge_commits(ours, theirs, None).or_fail("merge the commits")?;
    if index.has_conflicts() {
        return Err(in_the_way("the two sides change the same lines", &conflicts(&index)?, BY_HAND));
    }
    let tree = index.write_tree_to(git).and_then(|id| git.find_tree(id)).or_fail("write the merged tree")?;
    let message = format!("Merge {label}\n");
    git.commit(None, &people.author, &people.committer, &message, &tree, &[ours, theirs])
        .or_fail("write the merge commit")
}

fn rebase(
    git: &Repository,
    ours: &Commit<'_>,
    theirs: &Commit<'_>,
    people: &People,
    call: &Call,
) -> Result<(Oid, usize)> {
    let annotated = |commit: &Commit<'_>| -> Result<AnnotatedCommit<'_>> {
        git.find_annotated_commit(commit.id()).or_fail("read a commit")
    };
    let (ours, upstream) = (annotated(ours)?, annotated(theirs)?);
    let mut options = RebaseOptions::new();
    options.inmemory(true);
    let mut rebase = git.rebase(Some(&ours), Some(&upstream), None, Some(&mut options)).or_fail("begin the rebase")?;
    let (mut last, mut dropped) = (theirs.id(), 0);
    while let Some(step) = rebase.next() {
        call.check()?;
        step.or_fail("apply a commit")?;
        let index = rebase.inmemory_index().or_fail("apply a commit")?;
        if index.has_conflicts() {
            return Err(in_the_way("a commit does not apply on top of the remote's", &conflicts(&index)?, BY_HAND));
        }
        match rebase.commit(None, &people.committer, None) {
            Ok(id) => last = id,
            // The remote has the same change already, or there was none.
            Err(error) if error.code() == git2::ErrorCode::Applied => dropped += 1,
            Err(error) => return Err(because("write a rebased commit", &error)),
        }
    }
    Ok((last, dropped))
}
