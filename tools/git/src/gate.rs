//! What a repository must pass before libgit2 opens it, and how it is opened.
//!
//! A repository is data of strangers that steers the program reading it: its metadata can name files anywhere on the machine, and
//! its configuration can name programs. libgit2 runs none of those programs, but it follows the names. So everything that
//! names a place is judged first, by code that does not follow it, and after opening it is verified that libgit2 opened what was
//! judged: same directories by device and inode, no setting that was not seen, nothing changed meanwhile.
//!
//! The user's and the system's configuration are the operator's and stay in force. The environment has no say: libgit2 reads
//! `GIT_DIR` and its like only when asked to, which this never does, and knows nothing of `GIT_CONFIG_COUNT`.

mod config;
mod discover;
mod layout;
mod nested;
mod paths;
mod remote;
mod rules;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Once;

use git2::{ConfigLevel, Repository, RepositoryOpenFlags};

use self::discover::Found;
use self::layout::Survey;
use self::paths::{Identity, Workspace, forbidden};
use self::rules::{Judged, Owner};
use shared::{Code, Result, ToolError};

pub(crate) use self::paths::names_dot_git;
pub use self::remote::{RemoteUrl, effective_remote_url, effective_url};

/// A repository that passed.
pub struct Opened {
    /// The repository, opened.
    pub repo: Repository,
    /// Hooks that git would run and that will not run, by name, in a fixed order.
    pub hooks: Vec<String>,
    /// Settings that have no effect here, for example `filter.lfs.clean is configured; not run`. Escaped, ready for output.
    pub notes: Vec<String>,
    /// Where objects, references and the configuration are; canonical.
    pub common_dir: PathBuf,
    /// Where HEAD and the index are; canonical.
    pub git_dir: PathBuf,
}

impl std::fmt::Debug for Opened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opened").field("git_dir", &self.git_dir).field("notes", &self.notes).finish_non_exhaustive()
    }
}

/// Finds the repository of `start`, judges it and opens it.
///
/// Both paths have to be canonical, and `start` inside `workspace_root`; the search never goes above it.
///
/// # Errors
///
/// [`Code::NotFound`] when there is no repository, [`Code::Forbidden`] when something in it leads outside the workspace or cannot be
/// judged (the file or setting is named), [`Code::Unsupported`] for formats libgit2 cannot read, [`Code::TooLarge`] when
/// there is more metadata than can be looked at, [`Code::Conflict`] when it changed while being opened.
pub fn open(workspace_root: &Path, start: &Path) -> Result<Opened> {
    let mut workspace = Workspace::new(workspace_root)?;
    let found = discover::discover(&mut workspace, start)?;
    open_found(&mut workspace, found, 0)
}

/// As [`open`], without judging the submodules: for calls that read objects and references only, to which libgit2 opens none, and
/// for those that ask [`nested`] about the submodules they will meet.
///
/// # Errors
///
/// As [`open`].
pub fn open_history(workspace_root: &Path, start: &Path) -> Result<Opened> {
    let mut workspace = Workspace::new(workspace_root)?;
    let found = discover::discover(&mut workspace, start)?;
    open_alone(&mut workspace, found)
}

/// Judges the submodules of `repo`: those of its `.gitmodules`, and those of `index`, the paths that a reader of the index took for
/// submodules; libgit2's own reading, when it is none.
///
/// # Errors
///
/// As [`open`].
pub fn nested<'p>(
    workspace_root: &Path,
    repo: &Repository,
    index: Option<impl Iterator<Item = &'p [u8]>>,
) -> Result<()> {
    let index = index.map(|paths| paths.map(<[u8]>::to_vec).collect());
    nested::check(&mut Workspace::new(workspace_root)?, repo, index, 0)
}

/// Judges the repository that begins exactly at `dir`, if there is one, and everything nested in it.
///
/// For a directory that libgit2 would open on the way, such as one that is staged as a submodule. Errors as [`open`];
/// `None` when `dir` is not the root of a working tree.
pub fn inspect(workspace_root: &Path, dir: &Path) -> Result<Option<Opened>> {
    let mut workspace = Workspace::new(workspace_root)?;
    match discover::at(&mut workspace, dir)? {
        Some(found) => open_found(&mut workspace, found, 0).map(Some),
        None => Ok(None),
    }
}

fn open_found(workspace: &mut Workspace, found: Found, depth: u32) -> Result<Opened> {
    let opened = open_alone(workspace, found)?;
    nested::check(workspace, &opened.repo, None, depth)?;
    Ok(opened)
}

fn open_alone(workspace: &mut Workspace, found: Found) -> Result<Opened> {
    let mut survey = Survey::new(workspace);
    survey.run(&found)?;
    let mut notes = survey.notes;

    let mut judged = Judged::default();
    let owner = Owner { git_dir: &found.git_dir, work_root: found.work_root.as_deref() };
    judged.file(workspace, owner, &found.common_dir.join("config"), 0)?;
    judged.file(workspace, owner, &found.git_dir.join("config.worktree"), 0)?;

    let repo = open_exactly(&found)?;
    verify_places(&repo, &found, &judged)?;
    verify_settings(&repo, &judged)?;
    // Opening the object store now makes libgit2 read the alternates that were judged, not later ones.
    repo.odb().map_err(|e| could_not_open(&e))?;
    workspace.unchanged()?;

    let mut hook_dirs = vec![found.common_dir.join("hooks")];
    hook_dirs.append(&mut judged.hook_dirs);
    notes.extend(judged.notes);
    Ok(Opened { repo, hooks: layout::hooks(&hook_dirs), notes, common_dir: found.common_dir, git_dir: found.git_dir })
}

fn open_exactly(found: &Found) -> Result<Repository> {
    trust_the_gate();
    let mut flags = RepositoryOpenFlags::NO_SEARCH | RepositoryOpenFlags::CROSS_FS;
    let path = match &found.work_root {
        Some(root) => root,
        None => {
            flags |= RepositoryOpenFlags::BARE | RepositoryOpenFlags::NO_DOTGIT;
            &found.git_dir
        }
    };
    Repository::open_ext(path, flags, std::iter::empty::<&OsStr>()).map_err(|e| could_not_open(&e))
}

/// Whose files a repository is made of says nothing here: the operator chose the workspace, a container often runs as another
/// user than the one who filled it, and what the ownership check is to prevent is what the gate prevents.
#[expect(unsafe_code, reason = "the option is process-wide state of libgit2, which git2 marks unsafe")]
fn trust_the_gate() {
    static ONCE: Once = Once::new();
    // SAFETY: the call writes one flag. It races only with another thread that opens a repository, and every open in this
    // module comes after this one has returned.
    ONCE.call_once(|| unsafe {
        // The setter cannot fail; were it to, the next open would report the ownership.
        let _ = git2::opts::set_verify_owner_validation(false);
    });
    // As git: what is read is checked for damage by its compression, and hashed again only by fsck. Hashing took half of a log on a path.
    git2::opts::strict_hash_verification(false);
}

fn verify_places(repo: &Repository, found: &Found, judged: &Judged) -> Result<()> {
    let id = |path: &Path| Identity::at(path).ok();
    let swapped = |what: &str| {
        ToolError::new(Code::Conflict, format!("the {what} was exchanged while the repository was being opened"))
            .hint("try again when nothing else writes to the repository")
    };
    if id(repo.path()).is_none() || id(repo.path()) != id(&found.git_dir) {
        return Err(swapped("git directory"));
    }
    if id(repo.commondir()).is_none() || id(repo.commondir()) != id(&found.common_dir) {
        return Err(swapped("common directory"));
    }
    if let Some(workdir) = repo.workdir() {
        let there = id(workdir);
        let mut judged_trees = judged.work_trees.iter().chain(found.work_root.as_ref());
        if there.is_none() || !judged_trees.any(|tree| id(tree) == there) {
            return Err(swapped("working tree"));
        }
    }
    Ok(())
}

/// Every setting libgit2 took from the repository has to be one the gate has judged: whatever two readers could understand
/// differently, or was exchanged in between, ends here.
fn verify_settings(repo: &Repository, judged: &Judged) -> Result<()> {
    let config = repo.config().map_err(|e| could_not_open(&e))?;
    let mut entries = config.entries(None).map_err(|e| could_not_open(&e))?;
    while let Some(entry) = entries.next() {
        let entry = entry.map_err(|e| could_not_open(&e))?;
        if !matches!(entry.level(), ConfigLevel::Local | ConfigLevel::Worktree) {
            continue;
        }
        let value = entry.has_value().then(|| entry.value_bytes().to_vec());
        if !judged.settings.contains(&(entry.name_bytes().to_vec(), value)) {
            let name = paths::shown_text(&String::from_utf8_lossy(entry.name_bytes()));
            return Err(forbidden(format!("{name} in the repository's configuration could not be judged"))
                .hint("rewrite the setting with `git config`"));
        }
    }
    Ok(())
}

fn could_not_open(e: &git2::Error) -> ToolError {
    ToolError::new(Code::Unsupported, "libgit2 cannot open the repository").with_said(e.message())
}

#[cfg(test)]
mod tests;
