//! Which repository a directory belongs to, without asking libgit2.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::paths::{Leads, Workspace, forbidden, names_dot_git};
use shared::{Code, Result, ToolError};

/// A repository that was found. All paths are canonical and inside the workspace.
#[derive(Debug)]
pub(crate) struct Found {
    /// The directory that holds `.git`; `None` for a bare repository.
    pub work_root: Option<PathBuf>,
    /// Where HEAD and the index are.
    pub git_dir: PathBuf,
    /// Where objects, refs and the configuration are; differs from `git_dir` in a linked worktree.
    pub common_dir: PathBuf,
}

/// Walks up from `start`, never above the workspace.
pub(crate) fn discover(workspace: &mut Workspace, start: &Path) -> Result<Found> {
    if fs::canonicalize(start).ok().as_deref() != Some(start) || !workspace.holds(start) {
        return Err(ToolError::invalid("the directory is not inside the workspace"));
    }
    let relative = start.strip_prefix(workspace.root()).unwrap_or(start);
    if relative.components().any(|c| names_dot_git(c.as_os_str().as_bytes())) {
        return Err(forbidden(format!("{} is inside the metadata of a repository", workspace.shown(start)))
            .hint("name a directory of the working tree"));
    }
    for dir in start.ancestors() {
        if !workspace.holds(dir) {
            break;
        }
        if let Some(found) = at(workspace, dir)? {
            return Ok(found);
        }
        if looks_bare(dir) {
            return bare(workspace, start, dir);
        }
    }
    Err(ToolError::new(
        Code::NotFound,
        format!("no git repository at {} or above it in the workspace", workspace.shown(start)),
    )
    .hint("pass cwd=DIRECTORY of a repository; one that begins above the workspace is not used"))
}

/// The repository whose `.git` is in `dir`.
pub(crate) fn at(workspace: &mut Workspace, dir: &Path) -> Result<Option<Found>> {
    let dot_git = dir.join(".git");
    if fs::symlink_metadata(&dot_git).is_err() {
        return Ok(None);
    }
    let real = match workspace.leads(&dot_git) {
        Leads::Inside(real) => real,
        Leads::Outside | Leads::MissingOutside => return Err(workspace.outside(&dot_git)),
        Leads::MissingInside | Leads::Unknown => return Err(workspace.unclear(&dot_git)),
    };
    let is_dir = fs::metadata(&real).map_err(|_| workspace.unclear(&dot_git))?.is_dir();
    if is_dir && fs::symlink_metadata(real.join("HEAD")).is_err() {
        // Not a repository to git either, which goes on looking above.
        return Ok(None);
    }
    workspace.stamp(&dot_git);
    let git_dir = if is_dir { real } else { linked_dir(workspace, &dot_git)? };
    with_common_dir(workspace, Some(dir.to_owned()), git_dir).map(Some)
}

/// Where a `.git` file points.
pub(crate) fn linked_dir(workspace: &mut Workspace, dot_git: &Path) -> Result<PathBuf> {
    let malformed = |w: &Workspace| forbidden(format!("{} is not a well-formed `gitdir:` file", w.shown(dot_git)));
    let bytes = workspace.read_small(dot_git)?.ok_or_else(|| malformed(workspace))?;
    let target = bytes.strip_prefix(b"gitdir:").and_then(one_path).ok_or_else(|| malformed(workspace))?;
    let base = dot_git.parent().unwrap_or(dot_git);
    existing_dir(workspace, dot_git, "gitdir", &base.join(target))
}

fn with_common_dir(workspace: &mut Workspace, work_root: Option<PathBuf>, git_dir: PathBuf) -> Result<Found> {
    let file = git_dir.join("commondir");
    let common_dir = match read_link_file(workspace, &file)? {
        None => git_dir.clone(),
        Some(target) => existing_dir(workspace, &file, "commondir", &git_dir.join(target))?,
    };
    workspace.stamp(&git_dir);
    workspace.stamp(&common_dir);
    if common_dir != git_dir {
        check_back_pointer(workspace, &git_dir, work_root.as_deref())?;
    }
    Ok(Found { work_root, git_dir, common_dir })
}

/// libgit2 takes the working tree of a linked worktree from the back-pointer, not from where it started, so the two
/// have to agree.
fn check_back_pointer(workspace: &mut Workspace, git_dir: &Path, work_root: Option<&Path>) -> Result<()> {
    let file = git_dir.join("gitdir");
    let Some(target) = read_link_file(workspace, &file)? else {
        return Ok(());
    };
    let target = git_dir.join(target);
    let tree = target.parent().unwrap_or(&target);
    match workspace.leads(tree) {
        Leads::Inside(tree) if Some(tree.as_path()) == work_root => Ok(()),
        Leads::Outside | Leads::MissingOutside => Err(workspace.outside(&file)),
        _ => Err(forbidden(format!(
            "{} names another working tree than the one it was found from",
            workspace.shown(&file)
        ))
        .hint("run `git worktree repair`")),
    }
}

/// A file that holds one path, such as `commondir`; `None` when there is no such file.
pub(crate) fn read_link_file(workspace: &mut Workspace, file: &Path) -> Result<Option<PathBuf>> {
    let Some(bytes) = workspace.read_small(file)? else {
        return Ok(None);
    };
    match one_path(&bytes) {
        Some(path) => Ok(Some(path)),
        None => Err(forbidden(format!("{} does not hold exactly one path", workspace.shown(file)))),
    }
}

/// One line with one path. Anything whose end a reader could place elsewhere has no answer.
fn one_path(bytes: &[u8]) -> Option<PathBuf> {
    let line = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let line = line.strip_prefix(b" ").unwrap_or(line);
    let odd = |b: &u8| b.is_ascii_control();
    let edge = |b: Option<&u8>| b.is_none_or(|b| b.is_ascii_whitespace());
    (!line.iter().any(odd) && !edge(line.first()) && !edge(line.last())).then(|| PathBuf::from(OsStr::from_bytes(line)))
}

fn existing_dir(workspace: &Workspace, file: &Path, key: &str, target: &Path) -> Result<PathBuf> {
    match workspace.leads(target) {
        Leads::Inside(real) if real.is_dir() => Ok(real),
        Leads::Outside | Leads::MissingOutside => Err(workspace.outside(file)),
        _ => Err(forbidden(format!("{}: {key} names no directory", workspace.shown(file)))),
    }
}

/// Generous on purpose: what libgit2 or git could take for a bare repository has to count as one.
pub(crate) fn looks_bare(dir: &Path) -> bool {
    let has = |name: &str| fs::symlink_metadata(dir.join(name)).is_ok();
    has("HEAD") && (has("commondir") || (has("objects") && has("refs")))
}

/// A bare repository is opened only when it was asked for by name and is not content of another repository: a clone
/// can bring one along as ordinary tracked files, with a configuration its author wrote.
fn bare(workspace: &mut Workspace, start: &Path, dir: &Path) -> Result<Found> {
    let enclosing = dir.ancestors().skip(1).take_while(|up| workspace.holds(up));
    for up in enclosing {
        if fs::symlink_metadata(up.join(".git")).is_ok() || looks_bare(up) {
            return Err(forbidden(format!(
                "{} is a bare repository inside the repository at {}",
                workspace.shown(dir),
                workspace.shown(up)
            ))
            .hint("move it out of the enclosing repository to use it"));
        }
    }
    if start != dir {
        return Err(forbidden(format!(
            "{} is inside the bare repository {}",
            workspace.shown(start),
            workspace.shown(dir)
        ))
        .hint("name the bare repository itself"));
    }
    with_common_dir(workspace, None, dir.to_owned())
}
