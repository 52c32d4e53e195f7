//! Where HEAD points, and moving refs only from where they were seen.

use git2::{Commit, Oid, Repository, RepositoryState, Signature};
use shared::{Code, Result, ToolError, Untrusted};

use crate::failure::{OrFail, because};

/// HEAD as it was when it was read.
pub struct Head<'r> {
    /// Full name of the branch; none when detached.
    pub branch: Option<String>,
    /// The commit; none before the first one.
    pub commit: Option<Commit<'r>>,
}

impl<'r> Head<'r> {
    /// Reads HEAD.
    ///
    /// # Errors
    /// [`Code::Unsupported`] when HEAD points to something other than a branch or a commit.
    pub fn read(git: &'r Repository) -> Result<Self> {
        let head = git.find_reference("HEAD").or_fail("read HEAD")?;
        if head.symbolic_target_bytes().is_none() {
            return Ok(Self { branch: None, commit: Some(head.peel_to_commit().or_fail("read HEAD")?) });
        }
        let odd = || {
            ToolError::new(Code::Unsupported, "HEAD points to something other than a branch")
                .hint("switch to a branch with git_branch first")
        };
        // The resolved name: a branch can stand for another one.
        let (name, commit) = match git.head() {
            Ok(end) => (end.name().ok().map(str::to_owned), Some(end.peel_to_commit().or_fail("read HEAD")?)),
            Err(error) if error.code() == git2::ErrorCode::UnbornBranch => {
                (head.symbolic_target().ok().flatten().map(str::to_owned), None)
            }
            Err(error) => return Err(because("read HEAD", &error)),
        };
        let branch = name.filter(|name| name.starts_with("refs/heads/")).ok_or_else(odd)?;
        Ok(Self { branch: Some(branch), commit })
    }

    /// The branch's short name.
    pub fn short(&self) -> Option<&str> {
        self.branch.as_deref().map(|branch| branch.strip_prefix("refs/heads/").unwrap_or(branch))
    }

    /// The commit's id.
    pub fn id(&self) -> Option<Oid> {
        self.commit.as_ref().map(Commit::id)
    }
}

/// Moves `name` (full, or `HEAD` when detached) from `from` to `to` under the ref's lock, with its reflog.
///
/// # Errors
/// [`Code::Conflict`] when the ref is not at `from` any more, or another process has it locked; it is then as that one left it.
pub fn advance(git: &Repository, name: &str, from: Option<Oid>, to: Oid, who: &Signature<'_>, log: &str) -> Result<()> {
    let mut transaction = git.transaction().or_fail("lock the branch")?;
    transaction.lock_ref(name).or_fail("lock the branch")?;
    let now = git.find_reference(name).ok();
    let same = match &now {
        None => from.is_none(),
        Some(reference) => reference.target().is_some() && reference.target() == from,
    };
    if !same {
        return Err(moved(name));
    }
    transaction.set_target(name, to, Some(who), &one_line(log)).or_fail("move the branch")?;
    transaction.commit().or_fail("move the branch")
}

/// Makes HEAD point to the branch `to`, when it still is what `head` says, with its reflog.
///
/// # Errors
/// As [`advance`].
pub fn point(git: &Repository, head: &Head<'_>, to: &str, who: &Signature<'_>) -> Result<()> {
    let mut transaction = git.transaction().or_fail("lock HEAD")?;
    transaction.lock_ref("HEAD").or_fail("lock HEAD")?;
    let now = Head::read(git)?;
    if now.branch != head.branch || (head.branch.is_none() && now.id() != head.id()) {
        return Err(moved("HEAD"));
    }
    let name = |branch: &str| branch.strip_prefix("refs/heads/").unwrap_or(branch).to_owned();
    let from = match (head.short(), head.id()) {
        (Some(branch), _) => branch.to_owned(),
        (None, id) => id.unwrap_or(Oid::ZERO_SHA1).to_string(),
    };
    let log = one_line(&format!("checkout: moving from {from} to {}", name(to)));
    transaction.set_symbolic_target("HEAD", to, Some(who), &log).or_fail("move HEAD")?;
    transaction.commit().or_fail("move HEAD")
}

fn moved(name: &str) -> ToolError {
    ToolError::new(Code::Conflict, format!("{} was moved by another process meanwhile", Untrusted::line(name).quoted()))
        .hint("look at git_log and git_status, then try again")
}

/// A reflog entry is one line; git2 takes no NUL.
fn one_line(log: &str) -> String {
    log.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Whether an operation that git would have to conclude or abort first is in progress: its name.
pub fn operation(state: RepositoryState) -> Option<&'static str> {
    match state {
        RepositoryState::Clean => None,
        RepositoryState::Merge => Some("merge"),
        RepositoryState::Revert => Some("revert"),
        RepositoryState::RevertSequence => Some("revert of several commits"),
        RepositoryState::CherryPick => Some("cherry-pick"),
        RepositoryState::CherryPickSequence => Some("cherry-pick of several commits"),
        RepositoryState::Bisect => Some("bisect"),
        RepositoryState::Rebase | RepositoryState::RebaseInteractive | RepositoryState::RebaseMerge => Some("rebase"),
        RepositoryState::ApplyMailbox | RepositoryState::ApplyMailboxOrRebase => Some("application of a mailbox"),
    }
}

/// The error about paths that stand in the way: `what` has happened to them, and they are named apart.
pub fn in_the_way(what: &str, paths: &[Vec<u8>], hint: &str) -> ToolError {
    const SHOWN: usize = 50;
    let mut said: Vec<u8> = paths.iter().take(SHOWN).flat_map(|path| [path.as_slice(), b"\n"].concat()).collect();
    if paths.len() > SHOWN {
        said.extend_from_slice(format!("and {} more\n", paths.len() - SHOWN).as_bytes());
    }
    ToolError::new(Code::Conflict, format!("{what} ({})", paths.len()))
        .hint(hint)
        .with_said(String::from_utf8_lossy(&said).into_owned())
}

/// The paths of an index that are in conflict, each once.
///
/// # Errors
/// When the index cannot be read.
pub fn conflicts(index: &git2::Index) -> Result<Vec<Vec<u8>>> {
    let mut paths: Vec<Vec<u8>> = Vec::new();
    for conflict in index.conflicts().or_fail("read the conflicts")? {
        let conflict = conflict.or_fail("read the conflicts")?;
        if let Some(entry) = conflict.our.or(conflict.their).or(conflict.ancestor) {
            paths.push(entry.path);
        }
    }
    paths.sort_unstable();
    paths.dedup();
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repository() -> (tempfile::TempDir, Repository, Oid, Oid) {
        let dir = tempfile::tempdir().unwrap();
        let git = Repository::init(dir.path()).unwrap();
        let (first, second) = {
            let who = Signature::now("a", "a@b").unwrap();
            let tree = git.find_tree(git.treebuilder(None).unwrap().write().unwrap()).unwrap();
            let commit = |message: &str| git.commit(None, &who, &who, message, &tree, &[]).unwrap();
            (commit("first"), commit("second"))
        };
        (dir, git, first, second)
    }

    #[test]
    fn a_branch_that_moved_meanwhile_stays_where_it_is() {
        let (_dir, git, first, second) = repository();
        let who = Signature::now("Ada", "ada@b").unwrap();
        let name = "refs/heads/x";
        advance(&git, name, None, first, &who, "commit (initial): a\nb\0c").unwrap();
        for stale in [None, Some(second)] {
            let error = advance(&git, name, stale, second, &who, "commit").unwrap_err();
            assert_eq!(error.code(), Code::Conflict);
            assert_eq!(git.refname_to_id(name).unwrap(), first);
        }
        advance(&git, name, Some(first), second, &who, "commit").unwrap();
        let log = git.reflog(name).unwrap();
        assert_eq!(log.len(), 2);
        assert_eq!(log.get(1).unwrap().message().unwrap(), Some("commit (initial): a b c"));
        assert_eq!(log.get(0).unwrap().committer().name().unwrap(), "Ada");
        assert!(!git.path().join("refs/heads/x.lock").exists());
    }

    #[test]
    fn a_ref_that_is_locked_is_a_conflict() {
        let (_dir, git, first, _) = repository();
        let who = Signature::now("a", "a@b").unwrap();
        std::fs::write(git.path().join("refs/heads/x.lock"), "").unwrap();
        assert_eq!(advance(&git, "refs/heads/x", None, first, &who, "x").unwrap_err().code(), Code::Conflict);
        assert!(git.find_reference("refs/heads/x").is_err());
    }

    #[test]
    fn head_moves_only_from_where_it_was_read() {
        let (_dir, git, first, second) = repository();
        let who = Signature::now("a", "a@b").unwrap();
        advance(&git, "refs/heads/x", None, first, &who, "x").unwrap();
        advance(&git, "refs/heads/y", None, second, &who, "y").unwrap();
        git.set_head("refs/heads/x").unwrap();
        let read = Head::read(&git).unwrap();
        git.set_head("refs/heads/y").unwrap();
        assert_eq!(point(&git, &read, "refs/heads/z", &who).unwrap_err().code(), Code::Conflict);
        assert_eq!(Head::read(&git).unwrap().short(), Some("y"));
    }
}
