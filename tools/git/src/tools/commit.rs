//! `git_commit`: makes a commit of what is staged.

mod conclude;
mod message;

use std::sync::Arc;

use git2::{Commit as GitCommit, Delta, Index, Oid, Repository, Tree};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shared::{Annotations, Answer, Call, Code, Result, Text, Tool, ToolError, Untrusted, Write};

use self::conclude::{conclude, kind, merge_heads, parents, permitted};
use self::message::message;
use super::add::Left;
use crate::{
    Git,
    failure::OrFail,
    head::{self, Head},
    identity::{self, People, Said},
    index_flags,
    repo::{Repo, short},
    staging::as_path,
    unrun,
    upstream::Upstream,
};

/// The tool.
pub struct Commit;

/// Parameters.
#[derive(Deserialize, JsonSchema)]
pub struct Params {
    /// Commit message: subject, empty line, body.
    message: String,
    /// Directory of the repository, relative to the workspace.
    cwd: Option<String>,
    /// Default GIT_AUTHOR_NAME, user.name, then "mcp-git".
    author_name: Option<String>,
    /// Default GIT_AUTHOR_EMAIL, user.email, then "mcp-git@localhost".
    author_email: Option<String>,
    /// Commit even if nothing is staged.
    #[serde(default)]
    allow_empty: bool,
    /// Replace the last commit, adding what is staged; keeps its author.
    #[serde(default)]
    amend: bool,
}

/// The answer.
#[derive(Serialize, JsonSchema)]
pub struct Found {
    /// Repository, relative to the workspace.
    repository: Untrusted,
    /// The new commit.
    id: String,
    /// Branch it is on; absent when HEAD is detached.
    #[serde(skip_serializing_if = "Option::is_none")]
    branch: Option<Untrusted>,
    /// Its parents.
    parents: Vec<String>,
    /// First line of the message.
    subject: Untrusted,
    /// Author, as name and email.
    author: Untrusted,
    /// Files that differ from the first parent: added.
    added: usize,
    /// Files with other content or another mode.
    modified: usize,
    /// Files that are gone.
    deleted: usize,
    /// The commit that was replaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    replaced: Option<String>,
    /// Operation this commit concluded.
    #[serde(skip_serializing_if = "Option::is_none")]
    concluded: Option<&'static str>,
    /// Paths with changes that were not staged and are not in the commit.
    unstaged: usize,
    /// Files and directories that are not tracked.
    untracked: usize,
    /// What is worth knowing about this commit.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<String>,
    /// Hooks that git would have run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hooks_not_run: Vec<String>,
}

impl Answer for Found {
    fn text(&self, text: &mut Text<'_>) {
        let place = match &self.branch {
            Some(branch) => format!("on {}", branch.quoted()),
            None => String::from("on a detached HEAD"),
        };
        let what = match (&self.replaced, self.concluded) {
            (Some(old), _) => format!("amended {} to", short(old)),
            (None, Some(operation)) => format!("concluded the {operation} with"),
            (None, None) => String::from("committed"),
        };
        text.line(format_args!("{}: {what} {} {place}: {}", self.repository.quoted(), self.id, self.subject.quoted()));
        text.line(format_args!(
            "{} added, {} modified, {} deleted, by {}; left: {} unstaged, {} untracked",
            self.added,
            self.modified,
            self.deleted,
            self.author.quoted(),
            self.unstaged,
            self.untracked
        ));
        for note in &self.notes {
            text.line(note);
        }
        if !self.hooks_not_run.is_empty() {
            text.line(format_args!("hooks not run: {}", self.hooks_not_run.join(", ")));
        }
    }
}

impl Tool for Commit {
    const NAME: &'static str = "git_commit";
    const TITLE: &'static str = "Commit what is staged";
    const DESCRIPTION: &'static str = "Commits what is staged. Concludes a merge whose conflicts are staged.";
    const EXAMPLE: &'static str = "message='Fix the parser'";
    // Destructive because of amend: the commit it replaces is on no branch afterwards, and clients warn about the tool, not the argument.
    const ANNOTATIONS: Annotations = Annotations { destructive: true, idempotent: false, open_world: false };

    type Access = Write;
    type Server = Git;
    type Params = Params;
    type Output = Found;

    async fn run(server: Arc<Git>, params: Params, call: Call) -> Result<Found> {
        let writing = server.exclusively_in(params.cwd.as_deref(), &call).await?;
        let inner = call.clone();
        call.blocking(move || {
            let _writing = writing;
            let mut repo = server.repo(params.cwd.as_deref())?;
            let merging = merge_heads(&mut repo.git)?;
            commit(&repo, &merging, &params, |name| std::env::var(name).ok(), &inner)
        })
        .await
    }
}

fn commit(
    repo: &Repo,
    merging: &[Oid],
    params: &Params,
    environment: impl Fn(&str) -> Option<String>,
    call: &Call,
) -> Result<Found> {
    let git = &repo.git;
    if git.is_bare() {
        return Err(ToolError::new(Code::Unsupported, "the repository is bare: it has no index to commit"));
    }
    let message = message(&params.message)?;
    let operation = permitted(git, params.amend)?;
    let head = Head::read(git)?;
    let mut config = git.config().or_fail("read the configuration")?;
    let config = config.snapshot().or_fail("read the configuration")?;
    let people = identity::people(
        Said { name: params.author_name.as_deref(), email: params.author_email.as_deref() },
        &config,
        environment,
    )?;
    let replaced = match (params.amend, &head.commit) {
        (false, _) => None,
        (true, Some(last)) => Some(last),
        (true, None) => {
            return Err(ToolError::new(Code::NotFound, "there is no commit to amend yet").hint("leave out amend"));
        }
    };
    let tree = staged_tree(git)?;
    let parents = match replaced {
        Some(last) => last.parents().collect(),
        None => parents(git, &head, merging)?,
    };
    let before = parents.first().map(GitCommit::tree).transpose().or_fail("read a tree")?;
    if !params.allow_empty {
        something(git, &tree, before.as_ref(), replaced, parents.len() > 1)?;
    }
    let author = match replaced {
        Some(last) => amended_author(last, params, &people)?,
        None => people.author.to_owned(),
    };
    call.check()?;
    let borrowed: Vec<&GitCommit<'_>> = parents.iter().collect();
    // No ref yet: until one points to it, the commit is nothing but an object.
    let id = git.commit(None, &author, &people.committer, &message, &tree, &borrowed).or_fail("write the commit")?;
    let subject = message.lines().next().unwrap_or_default();
    // All that can fail comes before the branch moves; after that the answer is that it has.
    let (added, modified, deleted) = count(git, before.as_ref(), &tree)?;
    let left = Left::of(git)?;
    call.check()?;
    let log = format!("commit{}: {subject}", kind(replaced.is_some(), operation, parents.len()));
    head::advance(git, head.branch.as_deref().unwrap_or("HEAD"), head.id(), id, &people.committer, &log)?;
    let mut notes = notes(git, &config, &head, replaced, &people, params);
    conclude(git, &mut notes);
    Ok(Found {
        repository: repo.name.clone(),
        id: id.to_string(),
        branch: head.short().map(Untrusted::line),
        parents: parents.iter().map(|parent| parent.id().to_string()).collect(),
        subject: Untrusted::line(subject),
        author: Untrusted::line(&author.to_string()),
        added,
        modified,
        deleted,
        replaced: replaced.map(|last| last.id().to_string()),
        concluded: operation,
        unstaged: left.unstaged,
        untracked: left.untracked,
        notes,
        hooks_not_run: unrun::hooks(repo, if params.amend { unrun::AMEND } else { unrun::COMMIT }),
    })
}

/// The tree of what is staged.
fn staged_tree(git: &Repository) -> Result<Tree<'_>> {
    let mut index: Index = git.index().or_fail("read the index")?;
    index.read(true).or_fail("read the index")?;
    let conflicts = head::conflicts(&index)?;
    if !conflicts.is_empty() {
        return Err(head::in_the_way(
            "files are still in conflict",
            &conflicts,
            "edit them, stage them with git_add, then commit",
        ));
    }
    // Announced with `git add -N` is not staged; this is only the copy in memory.
    let announced: Vec<_> = index.iter().filter(index_flags::intent_to_add).map(|entry| entry.path).collect();
    for path in announced {
        index.remove(as_path(&path), 0).or_fail("read the index")?;
    }
    let id = index.write_tree().or_fail("write the tree")?;
    git.find_tree(id).or_fail("read a tree")
}

fn something(
    git: &Repository,
    tree: &Tree<'_>,
    before: Option<&Tree<'_>>,
    replaced: Option<&GitCommit<'_>>,
    merge: bool,
) -> Result<()> {
    let empty = before.map_or_else(|| tree.is_empty(), |before| before.id() == tree.id());
    if merge || !empty {
        return Ok(());
    }
    if let Some(last) = replaced {
        // It was empty before, and stays as it is.
        if last.tree_id() == tree.id() {
            return Ok(());
        }
        return Err(ToolError::new(Code::Conflict, "amending would leave the commit empty")
            .hint("set allow_empty=true to keep it as an empty commit"));
    }
    let Left { unstaged, untracked, .. } = Left::of(git)?;
    Err(ToolError::new(
        Code::Conflict,
        format!("nothing is staged; {unstaged} paths have unstaged changes, {untracked} are untracked"),
    )
    .hint("stage with git_add first, or set allow_empty=true"))
}

fn amended_author(last: &GitCommit<'_>, params: &Params, people: &People) -> Result<git2::Signature<'static>> {
    let old = last.author();
    if params.author_name.is_none() && params.author_email.is_none() {
        return Ok(old.to_owned());
    }
    let keep = |said: bool, new: &[u8], old: &[u8]| String::from_utf8_lossy(if said { new } else { old }).into_owned();
    let name = keep(params.author_name.is_some(), people.author.name_bytes(), old.name_bytes());
    let email = keep(params.author_email.is_some(), people.author.email_bytes(), old.email_bytes());
    git2::Signature::new(&name, &email, &old.when()).or_fail("make the signature of the commit")
}

/// What is to be said. Nothing here may fail: the commit is made.
fn notes(
    git: &Repository,
    config: &git2::Config,
    head: &Head<'_>,
    replaced: Option<&GitCommit<'_>>,
    people: &People,
    params: &Params,
) -> Vec<String> {
    let mut notes = Vec::new();
    let used = if replaced.is_some() && !(params.author_name.is_some() && params.author_email.is_some()) {
        // The author is the old one; of the default only the committer may have come.
        people.committer.name_bytes() == identity::DEFAULT_NAME.as_bytes()
            || people.committer.email_bytes() == identity::DEFAULT_EMAIL.as_bytes()
    } else {
        people.default
    };
    if used {
        notes.push(format!(
            "no identity is configured: {} <{}> filled in; set user.name and user.email, or pass author_name and author_email",
            identity::DEFAULT_NAME,
            identity::DEFAULT_EMAIL
        ));
    }
    let signed = replaced.is_some_and(|last| last.header_field_bytes("gpgsig").is_ok());
    if signed {
        notes.push(String::from("the commit that was replaced was signed; this one is not"));
    } else if config.get_bool("commit.gpgsign").unwrap_or(false) {
        notes.push(String::from("commit.gpgsign is configured; commits made here are not signed"));
    }
    if let (Some(last), Some(branch)) = (replaced, &head.branch)
        && let Ok(upstream) = git.branch_upstream_name(branch)
        && let Some(pushed) = upstream.as_str().ok().and_then(|name| git.refname_to_id(name).ok())
        && (pushed == last.id() || git.graph_descendant_of(pushed, last.id()).unwrap_or(false))
    {
        let name =
            Upstream::of_name(git, branch).map(|upstream| upstream.name.quoted().to_string()).unwrap_or_default();
        notes.push(format!("warning: the commit that was replaced is already in {name}; pushing this one needs force"));
    }
    if let Some(last) = replaced {
        notes.push(format!("the replaced commit stays reachable by its id for a while: {}", last.id()));
    }
    if head.branch.is_none() {
        notes.push(String::from("no branch holds this commit; make one with git_branch create=true to keep it"));
    }
    notes
}

fn count(git: &Repository, before: Option<&Tree<'_>>, after: &Tree<'_>) -> Result<(usize, usize, usize)> {
    let diff = git.diff_tree_to_tree(before, Some(after), None).or_fail("compare with the parent")?;
    let count = |wanted: &dyn Fn(Delta) -> bool| diff.deltas().filter(|delta| wanted(delta.status())).count();
    Ok((
        count(&|status| status == Delta::Added),
        count(&|status| !matches!(status, Delta::Added | Delta::Deleted)),
        count(&|status| status == Delta::Deleted),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reflog_has_gits_words() {
        assert_eq!(kind(true, None, 1), " (amend)");
        assert_eq!(kind(false, None, 0), " (initial)");
        assert_eq!(kind(false, Some("merge"), 2), " (merge)");
        assert_eq!(kind(false, Some("cherry-pick"), 1), " (cherry-pick)");
        assert_eq!(kind(false, Some("revert"), 1), "");
    }
}
