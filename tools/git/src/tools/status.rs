//! `git_status`: the state of the work tree and the index.

use std::{collections::BTreeMap, sync::Arc};

use git2::{ErrorCode, Index, Repository, RepositoryState};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shared::{Annotations, Answer, Call, List, Read, Records, Result, Text, Tool, Untrusted};

use crate::{
    Git,
    changes::{self, Sides},
    failure::{OrFail, because},
    repo::{Reach, Repo, short},
    upstream::Upstream,
};

/// The tool.
pub struct Status;

/// Parameters.
#[derive(Deserialize, JsonSchema)]
pub struct Params {
    /// Directory of the repository, relative to the workspace.
    cwd: Option<String>,
}

/// The answer.
#[derive(Serialize, JsonSchema)]
pub struct Found {
    /// Repository, relative to the workspace.
    repository: Untrusted,
    /// Branch checked out; absent when HEAD is detached.
    #[serde(skip_serializing_if = "Option::is_none")]
    branch: Option<Untrusted>,
    /// Commit HEAD points to; absent before the first commit.
    #[serde(skip_serializing_if = "Option::is_none")]
    head: Option<String>,
    /// Branch it follows; absent when none is configured.
    #[serde(skip_serializing_if = "Option::is_none")]
    upstream: Option<Upstream>,
    /// Operation in progress: merge, rebase, cherry-pick, revert, bisect or mailbox.
    #[serde(skip_serializing_if = "Option::is_none")]
    operation: Option<&'static str>,
    /// Files with staged changes.
    staged: usize,
    /// Files with changes that are not staged.
    unstaged: usize,
    /// Files and directories git does not track.
    untracked: usize,
    /// Files with conflicts.
    conflicted: usize,
    /// Whether it has no work tree at all.
    bare: bool,
    /// Whether only a part of the tree is checked out.
    sparse: bool,
    /// What is configured and not honoured here.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<String>,
    /// What could not be looked at.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    not_seen: Vec<String>,
    /// Every path that is not clean.
    files: Records<File>,
}

/// One path.
#[derive(Serialize, JsonSchema)]
struct File {
    /// Two letters as `git status --porcelain=v2` has them: staged, then unstaged, `.` for unchanged; `??` untracked.
    code: String,
    /// Path in the repository.
    path: Untrusted,
    /// Where it was before, for a rename.
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<Untrusted>,
}

impl Answer for Found {
    fn text(&self, text: &mut Text<'_>) {
        let branch = match (&self.branch, &self.head) {
            (Some(branch), Some(head)) => format!("on {} at {}", branch.quoted(), short(head)),
            (Some(branch), None) => format!("on {}, no commits yet", branch.quoted()),
            (None, Some(head)) => format!("HEAD detached at {}", short(head)),
            (None, None) => String::from("HEAD points nowhere"),
        };
        let upstream = match &self.upstream {
            None => String::new(),
            Some(upstream) => format!(", upstream {}: {}", upstream.name.quoted(), upstream.distance()),
        };
        text.line(format_args!("{}: {branch}{upstream}", self.repository.quoted()));
        if let Some(operation) = self.operation {
            text.line(format_args!("{operation} in progress"));
        }
        if self.sparse {
            text.line("sparse checkout: only a part of the tree is here");
        }
        for note in self.notes.iter().chain(&self.not_seen) {
            text.line(note);
        }
        if self.bare {
            text.line("bare: there is no work tree and nothing to be staged");
            return;
        }
        if self.files.is_empty() {
            text.line(if self.not_seen.is_empty() {
                "clean: nothing to commit, nothing untracked"
            } else {
                "nothing to commit and nothing untracked in what could be seen"
            });
            return;
        }
        text.line(format_args!(
            "{} staged, {} unstaged, {} untracked, {} conflicted",
            self.staged, self.unstaged, self.untracked, self.conflicted
        ));
        text.records(&self.files, |file, inside| match &file.from {
            Some(from) => format!("{} {} -> {}", file.code, from.inside(inside), file.path.inside(inside)),
            None => format!("{} {}", file.code, file.path.inside(inside)),
        });
    }

    fn lists(&mut self) -> Vec<&mut dyn List> {
        vec![&mut self.files]
    }
}

impl Tool for Status {
    const NAME: &'static str = "git_status";
    const TITLE: &'static str = "Show the working tree status";
    const DESCRIPTION: &'static str = "Branch, upstream with ahead/behind, operation in progress, and staged, unstaged, untracked and \
         conflicted files.";
    const EXAMPLE: &'static str = "cwd=.";
    const ANNOTATIONS: Annotations = Annotations::READ;
    const PAGED: bool = true;

    type Access = Read;
    type Server = Git;
    type Params = Params;
    type Output = Found;

    async fn run(server: Arc<Git>, params: Params, call: Call) -> Result<Found> {
        server.read(Reach::WorkTree, call, params.cwd, status).await
    }
}

fn status(repo: &Repo, call: &Call) -> Result<Found> {
    let git = &repo.git;
    let (files, not_seen) = if git.is_bare() { Default::default() } else { files(repo, call)? };
    let count = |wanted: fn(&File) -> bool| files.iter().filter(|file| wanted(file)).count();
    let (branch, head) = head(git)?;
    let state: String = files.iter().map(|file| format!("{}{}\n", file.code, file.path.len())).collect();
    let page = call.page(format!("{head:?}{state}"))?;
    Ok(Found {
        repository: repo.name.clone(),
        upstream: upstream(git),
        branch,
        head,
        operation: operation(git.state()),
        staged: count(|file| file.rank() == Rank::Changed && !file.code.starts_with('.')),
        unstaged: count(|file| file.rank() == Rank::Changed && !file.code.ends_with('.')),
        untracked: count(|file| file.rank() == Rank::Untracked),
        conflicted: count(|file| file.rank() == Rank::Conflict),
        bare: git.is_bare(),
        sparse: git.config().and_then(|config| config.get_bool("core.sparseCheckout")).unwrap_or(false),
        notes: repo.notes.clone(),
        not_seen,
        files: Records::paged("paths", files, page),
    })
}

/// What stands first among the paths.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Conflict,
    Changed,
    Untracked,
}

impl File {
    fn rank(&self) -> Rank {
        match self.code.as_str() {
            "??" => Rank::Untracked,
            code if code.contains('U') || code == "AA" || code == "DD" => Rank::Conflict,
            _ => Rank::Changed,
        }
    }
}

/// Every path that is not clean, what is staged and what is not found as git_diff finds it; and what could not be looked at.
fn files(repo: &Repo, call: &Call) -> Result<(Vec<File>, Vec<String>)> {
    let (git, narrow) = (&repo.git, repo.narrow.as_ref());
    let tree = match git.head() {
        Ok(head) => Some(head.peel_to_tree().or_fail("read the tree of HEAD")?),
        Err(error) if matches!(error.code(), ErrorCode::UnbornBranch | ErrorCode::NotFound) => None,
        Err(error) => return Err(because("read HEAD", &error)),
    };
    let check = || call.check();
    let staged = changes::between(git, narrow, &Sides::TreeIndex(tree), &[], 0, &check)?;
    let work = changes::between(git, narrow, &Sides::IndexWorkUntracked, &[], 0, &check)?;
    let index = git.index().or_fail("read the index")?;
    let unmerged = conflicts(&index)?;
    let mut codes = unmerged.clone();
    let mut renamed: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
    for (changes, side) in [(&staged, 0), (&work, 1)] {
        for change in &changes.list {
            if unmerged.contains_key(change.path()) {
                continue;
            }
            if let Some(letter) = codes.entry(change.path().to_vec()).or_insert(['.', '.']).get_mut(side) {
                *letter = change.letter;
            }
            if let Some(old) = change.old.as_ref().filter(|_| change.letter == 'R') {
                renamed.insert(change.path().to_vec(), old.path.clone());
            }
        }
    }
    let mut files: Vec<File> = codes
        .iter()
        .map(|(path, code)| File {
            code: code.iter().collect(),
            path: Untrusted::line_bytes(path),
            from: renamed.get(path).map(|from| Untrusted::line_bytes(from)),
        })
        .collect();
    let untracked = |path: &Vec<u8>| File { code: String::from("??"), path: Untrusted::line_bytes(path), from: None };
    files.extend(work.untracked.paths.iter().map(untracked));
    files.sort_by(|a, b| (a.rank(), &a.path).cmp(&(b.rank(), &b.path)));
    Ok((files, work.not_seen()))
}

fn head(git: &Repository) -> Result<(Option<Untrusted>, Option<String>)> {
    let head = git.find_reference("HEAD").or_fail("read HEAD")?;
    let branch = head
        .symbolic_target_bytes()
        .map(|name| Untrusted::line_bytes(name.strip_prefix(b"refs/heads/").unwrap_or(name)));
    Ok((branch, git.head().ok().and_then(|head| head.target()).map(|id| id.to_string())))
}

fn upstream(git: &Repository) -> Option<Upstream> {
    let head = git.find_reference("HEAD").ok()?;
    Upstream::of_name(git, head.symbolic_target().ok()??)
}

fn operation(state: RepositoryState) -> Option<&'static str> {
    match state {
        RepositoryState::Clean => None,
        RepositoryState::Merge => Some("merge"),
        RepositoryState::Revert | RepositoryState::RevertSequence => Some("revert"),
        RepositoryState::CherryPick | RepositoryState::CherryPickSequence => Some("cherry-pick"),
        RepositoryState::Bisect => Some("bisect"),
        RepositoryState::Rebase | RepositoryState::RebaseInteractive | RepositoryState::RebaseMerge => Some("rebase"),
        RepositoryState::ApplyMailbox | RepositoryState::ApplyMailboxOrRebase => Some("mailbox"),
    }
}

/// The paths in conflict, and which sides of it exist, in git's letters.
fn conflicts(index: &Index) -> Result<BTreeMap<Vec<u8>, [char; 2]>> {
    let mut found = BTreeMap::new();
    if !index.has_conflicts() {
        return Ok(found);
    }
    for conflict in index.conflicts().or_fail("read the conflicts")?.flatten() {
        let sides = [&conflict.ancestor, &conflict.our, &conflict.their];
        let code = match sides.map(Option::is_some) {
            [true, false, false] => ['D', 'D'],
            [false, true, false] => ['A', 'U'],
            [true, true, false] => ['U', 'D'],
            [false, false, true] => ['U', 'A'],
            [true, false, true] => ['D', 'U'],
            [false, true, true] => ['A', 'A'],
            _ => ['U', 'U'],
        };
        if let Some(entry) = sides.into_iter().flatten().next() {
            found.insert(entry.path.clone(), code);
        }
    }
    Ok(found)
}
