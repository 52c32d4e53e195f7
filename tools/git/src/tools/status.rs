//! `git_status`: the state of the work tree and the index.

use std::{ffi::OsStr, os::unix::ffi::OsStrExt, path::Path, sync::Arc};

use git2::{
    Index, IndexEntryExtendedFlag, Repository, RepositoryState, Status as Flags, StatusEntry, StatusOptions,
    StatusShow, Statuses,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shared::{Annotations, Answer, Call, List, Read, Records, Result, Text, Tool, Untrusted};

use crate::{
    Git,
    failure::OrFail,
    narrow,
    repo::{Repo, short},
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

impl File {
    fn untracked(path: &[u8]) -> Self {
        Self { code: String::from("??"), path: Untrusted::line_bytes(path), from: None }
    }
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
        for note in &self.notes {
            text.line(note);
        }
        if self.bare {
            text.line("bare: there is no work tree and nothing to be staged");
            return;
        }
        if self.files.is_empty() {
            text.line("clean: nothing to commit, nothing untracked");
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
        let inner = call.clone();
        call.blocking(move || status(&server.comparing(params.cwd.as_deref())?, &inner)).await
    }
}

fn status(repo: &Repo, call: &Call) -> Result<Found> {
    let git = &repo.git;
    let check = || call.check();
    let looked = look(repo, &check)?;
    let index = git.index().ok();
    let (mut staged, mut unstaged, mut untracked, mut conflicted) = (0, 0, 0, 0);
    let mut files = Vec::new();
    for entry in looked.statuses.iter().flat_map(git2::Statuses::iter) {
        let flags = entry.status();
        if flags.is_wt_deleted() && left_out(index.as_ref(), entry.path_bytes()) && index_letter(flags) == '.' {
            continue;
        }
        conflicted += usize::from(flags.is_conflicted());
        staged += usize::from(!flags.is_conflicted() && index_letter(flags) != '.');
        unstaged += usize::from(!flags.is_conflicted() && worktree_letter(flags) != '.');
        untracked += usize::from(flags.is_wt_new());
        // Removed from the index and still in the tree is two facts about one path, as git has it.
        if flags.is_wt_new() && index_letter(flags) != '.' {
            files.push(File::untracked(entry.path_bytes()));
        }
        files.push(file(git, &entry)?);
    }
    untracked += looked.untracked.len();
    files.extend(looked.untracked.iter().map(|path| File::untracked(path)));
    let rank = |file: &File| match file.code.as_str() {
        "??" => 2,
        code if code.contains('U') || code == "AA" || code == "DD" => 0,
        _ => 1,
    };
    files.sort_by(|a, b| (rank(a), &a.path).cmp(&(rank(b), &b.path)));
    let (branch, head) = head(git)?;
    let state: String = files.iter().map(|file| format!("{}{}\n", file.code, file.path.len())).collect();
    let page = call.page(format!("{head:?}{state}"))?;
    Ok(Found {
        repository: repo.name.clone(),
        upstream: upstream(git),
        branch,
        head,
        operation: operation(git.state()),
        staged,
        unstaged,
        untracked,
        conflicted,
        bare: git.is_bare(),
        sparse: git.config().and_then(|config| config.get_bool("core.sparseCheckout")).unwrap_or(false),
        notes: repo.notes.clone(),
        files: Records::paged("paths", files, page),
    })
}

/// What the status is made of.
struct Looked<'r> {
    statuses: Option<Statuses<'r>>,
    /// What is untracked and not in `statuses`.
    untracked: Vec<Vec<u8>>,
}

fn look<'r>(repo: &'r Repo, check: narrow::Check<'_>) -> Result<Looked<'r>> {
    let git = &repo.git;
    let mut looked = Looked { statuses: None, untracked: Vec::new() };
    if git.is_bare() {
        return Ok(looked);
    }
    let mut options = StatusOptions::new();
    options.show(StatusShow::IndexAndWorkdir).include_untracked(true).renames_head_to_index(true);
    if let Some(narrow) = &repo.narrow {
        let head = git.head().ok().and_then(|head| head.peel_to_tree().ok());
        let staged = narrow.staged(git, head.as_ref(), &[], check)?;
        match narrow.work(git, &[], true, check)?.zip(staged) {
            Some((work, staged)) => {
                looked.untracked = work.untracked;
                let paths = [work.paths, staged].concat();
                narrow.stand_in(git, &paths)?;
                if paths.is_empty() {
                    return Ok(looked);
                }
                options.include_untracked(false).no_refresh(true).disable_pathspec_match(true);
                for path in paths {
                    options.pathspec(path);
                }
            }
            None => narrow.give_up(git)?,
        }
    }
    looked.statuses = Some(git.statuses(Some(&mut options)).or_fail("read the status")?);
    Ok(looked)
}

/// Whether a path is tracked and not checked out on purpose (a sparse checkout), which libgit2 takes for deleted.
fn left_out(index: Option<&Index>, path: &[u8]) -> bool {
    let entry = index.and_then(|index| index.get_path(Path::new(OsStr::from_bytes(path)), 0));
    entry.is_some_and(|entry| IndexEntryExtendedFlag::from_bits_truncate(entry.flags_extended).is_skip_worktree())
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

fn index_letter(flags: Flags) -> char {
    match flags {
        _ if flags.is_index_renamed() => 'R',
        _ if flags.is_index_new() => 'A',
        _ if flags.is_index_deleted() => 'D',
        _ if flags.is_index_typechange() => 'T',
        _ if flags.is_index_modified() => 'M',
        _ => '.',
    }
}

fn worktree_letter(flags: Flags) -> char {
    match flags {
        _ if flags.is_wt_renamed() => 'R',
        _ if flags.is_wt_deleted() => 'D',
        _ if flags.is_wt_typechange() => 'T',
        _ if flags.is_wt_modified() => 'M',
        _ => '.',
    }
}

fn file(git: &Repository, entry: &StatusEntry<'_>) -> Result<File> {
    let flags = entry.status();
    let path = entry.path_bytes();
    let code = if flags.is_conflicted() {
        conflict_code(git, path)?
    } else if flags.is_wt_new() && index_letter(flags) == '.' {
        String::from("??")
    } else {
        format!("{}{}", index_letter(flags), worktree_letter(flags))
    };
    let renamed = entry.head_to_index().filter(|_| flags.is_index_renamed());
    let (path, from) = match renamed.as_ref() {
        Some(delta) => {
            (delta.new_file().path_bytes().unwrap_or(path), delta.old_file().path_bytes().map(Untrusted::line_bytes))
        }
        None => (path, None),
    };
    Ok(File { code, path: Untrusted::line_bytes(path), from })
}

/// Which sides of a conflict exist, in git's letters.
fn conflict_code(git: &Repository, path: &[u8]) -> Result<String> {
    let index = git.index().or_fail("read the index")?;
    let conflicts = index.conflicts().or_fail("read the conflicts")?;
    for conflict in conflicts.flatten() {
        let sides = [&conflict.ancestor, &conflict.our, &conflict.their];
        if sides.iter().any(|side| side.as_ref().is_some_and(|side| side.path == path)) {
            return Ok(String::from(match sides.map(Option::is_some) {
                [true, false, false] => "DD",
                [false, true, false] => "AU",
                [true, true, false] => "UD",
                [false, false, true] => "UA",
                [true, false, true] => "DU",
                [false, true, true] => "AA",
                _ => "UU",
            }));
        }
    }
    Ok(String::from("UU"))
}
