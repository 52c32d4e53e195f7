//! `git_add`: stages files.

use std::{borrow::Cow, collections::HashMap, path::Path, sync::Arc};

use git2::{Oid, Repository, Status, StatusOptions};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shared::{Annotations, Answer, Call, List, Records, Result, Text, Tool, ToolError, Untrusted, Write};

use crate::{
    Git,
    failure::OrFail,
    pathspec,
    repo::Repo,
    staging::{self, Change, Kind},
    unrun,
};

/// The tool.
pub struct Add;

/// Parameters.
#[derive(Deserialize, JsonSchema)]
pub struct Params {
    /// Literal paths from the repository root; directories recursive; deleted files count. A string is split at spaces, unless it names a file.
    files: Files,
    /// Directory of the repository, relative to the workspace.
    cwd: Option<String>,
    /// Everything: with `files` "." or empty.
    #[serde(default)]
    all: bool,
}

/// One string or several.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum Files {
    /// Split at white space.
    #[schemars(description = "")]
    One(String),
    /// Taken as they are.
    #[schemars(description = "")]
    Many(Vec<String>),
}

/// The answer.
#[derive(Serialize, JsonSchema)]
pub struct Found {
    /// Repository, relative to the workspace.
    repository: Untrusted,
    /// Paths staged by this call, by what happened to them.
    added: usize,
    /// Paths with other content or another mode.
    modified: usize,
    /// Paths that are gone.
    deleted: usize,
    /// Paths whose content moved here from another one.
    renamed: usize,
    /// Paths that were in conflict.
    resolved: usize,
    /// Named files that were staged or committed already, as they are.
    unchanged: usize,
    /// What is still not staged; absent when it could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    left: Option<Left>,
    /// What was staged, and the named files that needed nothing.
    files: Records<File>,
    /// Hooks that git would have run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hooks_not_run: Vec<String>,
}

/// What is not staged.
#[derive(Serialize, JsonSchema)]
pub(super) struct Left {
    /// Paths with changes.
    pub unstaged: usize,
    /// Files and directories that are not tracked.
    pub untracked: usize,
    /// Paths in conflict.
    pub conflicted: usize,
}

/// One path.
#[derive(Serialize, JsonSchema)]
struct File {
    /// added, modified, deleted, renamed, resolved or unchanged.
    change: &'static str,
    /// Path in the repository.
    path: Untrusted,
    /// Where it was before, for a rename.
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<Untrusted>,
    /// Whether it still has lines that mark a conflict.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    conflict_markers: bool,
}

impl Answer for Found {
    fn text(&self, text: &mut Text<'_>) {
        let staged = self.added + self.modified + self.deleted + self.renamed + self.resolved;
        let mut counts = Vec::new();
        for (count, name) in [
            (self.added, "added"),
            (self.modified, "modified"),
            (self.deleted, "deleted"),
            (self.renamed, "renamed"),
            (self.resolved, "resolved"),
        ] {
            if count > 0 {
                counts.push(format!("{count} {name}"));
            }
        }
        if self.unchanged > 0 {
            counts.push(format!("{} unchanged", self.unchanged));
        }
        let counts = if counts.is_empty() { String::new() } else { format!(": {}", counts.join(", ")) };
        let verb = if staged == 0 { "nothing to stage" } else { "staged" };
        text.line(format_args!("{}: {verb}{counts}", self.repository.quoted()));
        text.records(&self.files, |file, inside| {
            let markers = if file.conflict_markers { " (still has conflict markers)" } else { "" };
            match &file.from {
                Some(from) => format!("{} {} -> {}", file.change, from.inside(inside), file.path.inside(inside)),
                None => format!("{} {}{markers}", file.change, file.path.inside(inside)),
            }
        });
        match &self.left {
            Some(Left { unstaged, untracked, conflicted }) => {
                text.line(format_args!("left: {unstaged} unstaged, {untracked} untracked, {conflicted} conflicted"));
            }
            None => text.line("what is left could not be read: see git_status"),
        }
        if !self.hooks_not_run.is_empty() {
            text.line(format_args!("hooks not run: {}", self.hooks_not_run.join(", ")));
        }
    }

    fn lists(&mut self) -> Vec<&mut dyn List> {
        vec![&mut self.files]
    }
}

impl Tool for Add {
    const NAME: &'static str = "git_add";
    const TITLE: &'static str = "Stage files";
    const DESCRIPTION: &'static str = "Stages files for the next commit, all of them or none.";
    const EXAMPLE: &'static str = "files=src/main.rs";
    // Idempotent: the same files staged again are the same index. What an earlier staging held stays in the object store, but nothing
    // names it any more; that is what staging is for, not destruction.
    const ANNOTATIONS: Annotations = Annotations { destructive: false, idempotent: true, open_world: false };
    const TIMEOUT: std::time::Duration = std::time::Duration::from_secs(120);
    const ALIASES: &'static [(&'static str, &'static str)] = &[("paths", "files"), ("path", "files")];

    type Access = Write;
    type Server = Git;
    type Params = Params;
    type Output = Found;

    async fn run(server: Arc<Git>, params: Params, call: Call) -> Result<Found> {
        let writing = server.exclusively_in(params.cwd.as_deref(), &call).await?;
        let inner = call.clone();
        call.blocking(move || {
            let _writing = writing;
            let repo = server.repo(params.cwd.as_deref())?;
            add(&repo, server.workspace()?.root(), &params, &inner)
        })
        .await
    }
}

fn add(repo: &Repo, workspace: &Path, params: &Params, call: &Call) -> Result<Found> {
    let git = &repo.git;
    let names = names(git, params)?;
    let outcome = staging::stage(git, workspace, &names, call)?;
    let files = files(&outcome.changes, outcome.unchanged);
    let count = |change: &str| files.iter().filter(|file| file.change == change).count();
    Ok(Found {
        repository: repo.name.clone(),
        added: count("added"),
        modified: count("modified"),
        deleted: count("deleted"),
        renamed: count("renamed"),
        resolved: count("resolved"),
        unchanged: count("unchanged"),
        // The files are staged; failing now would say they are not.
        left: Left::of(git).ok(),
        files: Records::all("paths", files).narrower("see git_status"),
        hooks_not_run: unrun::hooks(repo, unrun::ADD),
    })
}

/// The paths meant, from the root of the work tree.
fn names(git: &Repository, params: &Params) -> Result<Vec<Vec<u8>>> {
    let workdir = git.workdir().map(Path::to_string_lossy).unwrap_or_default();
    let exists = |text: &str| {
        let path = literal(&workdir, text).ok().filter(|path| !path.is_empty());
        path.is_some_and(|path| {
            git.workdir().is_some_and(|root| root.join(&path).symlink_metadata().is_ok())
                || git.index().is_ok_and(|index| index.get_path(Path::new(&path), 0).is_some())
        })
    };
    let given: Vec<&str> = match &params.files {
        Files::One(text) if exists(text) => vec![text],
        Files::One(text) => text.split_whitespace().collect(),
        Files::Many(many) => many.iter().map(String::as_str).collect(),
    };
    let mut names =
        given.iter().map(|name| literal(&workdir, name).map(String::into_bytes)).collect::<Result<Vec<_>>>()?;
    match (params.all, names.is_empty()) {
        (true, true) => names.push(Vec::new()),
        (false, true) => {
            return Err(ToolError::invalid("`files` is empty").hint("name files, or set all=true with files=\".\""));
        }
        (true, false) if names.iter().any(|name| !name.is_empty()) => {
            return Err(ToolError::invalid("`all` stages everything, and `files` names something else")
                .hint("set files=\".\", or leave out all"));
        }
        _ => {}
    }
    names.sort_unstable();
    names.dedup();
    Ok(names)
}

/// A path as git has it; an absolute one is taken when it is written with the work tree's own path.
fn literal(workdir: &str, name: &str) -> Result<String> {
    let name = match name.strip_prefix(workdir.trim_end_matches('/')) {
        Some("") if name.starts_with('/') => Cow::Borrowed("."),
        Some(rest) if name.starts_with('/') && rest.starts_with('/') => Cow::Owned(format!("./{rest}")),
        _ => Cow::Borrowed(name),
    };
    pathspec::literal("files", &name)
}

/// The changes for the answer. A path that went and one that came with the same content are one that moved.
fn files(changes: &[Change], unchanged: Vec<Vec<u8>>) -> Vec<File> {
    let mut gone: HashMap<Oid, Vec<&Change>> = HashMap::new();
    for change in changes.iter().rev().filter(|change| change.kind == Kind::Deleted) {
        gone.entry(change.before).or_default().push(change);
    }
    let mut moved: HashMap<&[u8], &Change> = HashMap::new();
    for change in changes.iter().filter(|change| change.kind == Kind::Added) {
        if let Some(from) = gone.get_mut(&change.id).and_then(Vec::pop) {
            moved.insert(&change.path, from);
        }
    }
    let sources: Vec<&[u8]> = moved.values().map(|change| change.path.as_slice()).collect();
    let mut files: Vec<File> = changes
        .iter()
        .filter(|change| !(change.kind == Kind::Deleted && sources.contains(&change.path.as_slice())))
        .map(|change| {
            let from = moved.get(change.path.as_slice());
            File {
                change: match change.kind {
                    _ if from.is_some() => "renamed",
                    Kind::Added => "added",
                    Kind::Modified => "modified",
                    Kind::Deleted => "deleted",
                    Kind::Resolved => "resolved",
                },
                path: Untrusted::line_bytes(&change.path),
                from: from.map(|from| Untrusted::line_bytes(&from.path)),
                conflict_markers: change.markers,
            }
        })
        .collect();
    let same = unchanged.iter().map(|path| Untrusted::line_bytes(path));
    files.extend(same.map(|path| File { change: "unchanged", path, from: None, conflict_markers: false }));
    files
}

impl Left {
    /// What `git status` would call it now.
    pub(super) fn of(git: &Repository) -> Result<Self> {
        let mut options = StatusOptions::new();
        options.include_untracked(true);
        let statuses = git.statuses(Some(&mut options)).or_fail("read the status")?;
        let changed = Status::WT_MODIFIED | Status::WT_DELETED | Status::WT_TYPECHANGE;
        let count = |wanted: &dyn Fn(Status) -> bool| statuses.iter().filter(|entry| wanted(entry.status())).count();
        Ok(Self {
            unstaged: count(&|status| status.intersects(changed) && !status.is_conflicted()),
            untracked: count(&|status| status.is_wt_new()),
            conflicted: count(&|status| status.is_conflicted()),
        })
    }
}
