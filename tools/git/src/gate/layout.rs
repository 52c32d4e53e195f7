//! The files of a repository's metadata: that none of them leads outside.
//!
//! Walked entry by entry: everything in the git directory except the stores named in [`STORES`]. Of the object store the
//! directories, packs and `info` are looked at, and of loose objects only the directories they are in: there can be
//! hundreds of thousands, and one that leads elsewhere can only yield an object whose id was known already, since libgit2
//! verifies every object it reads against its id.
//!
//! A second hard link is refused for every file except objects: local clones share those, and what they hold is verified.

use std::collections::HashSet;
use std::fs::{self, DirEntry, FileType};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::discover::{Found, linked_dir, read_link_file};
use super::paths::{Identity, Leads, Workspace, forbidden};
use shared::{Code, Result, ToolError};

/// How many entries are looked at before the gate gives up, in all.
const ENTRIES_MAX: usize = 200_000;
/// How deep directories of references may nest.
const DEPTH_MAX: u32 = 64;
/// How deep alternates of alternates may nest; libgit2's own bound.
const ALTERNATES_DEPTH_MAX: u32 = 5;
/// Directories of the git directory that are not walked with the rest: objects, hooks and linked worktrees have rules of
/// their own, a submodule's repository is judged when it is opened, and libgit2 never reads the others.
const STORES: [&str; 6] = ["objects", "hooks", "worktrees", "modules", "lfs", "annex"];
/// The hooks git knows.
const HOOKS: [&str; 28] = [
    "applypatch-msg",
    "pre-applypatch",
    "post-applypatch",
    "pre-commit",
    "pre-merge-commit",
    "prepare-commit-msg",
    "commit-msg",
    "post-commit",
    "pre-rebase",
    "post-checkout",
    "post-merge",
    "pre-push",
    "pre-receive",
    "update",
    "proc-receive",
    "post-receive",
    "post-update",
    "reference-transaction",
    "push-to-checkout",
    "pre-auto-gc",
    "post-rewrite",
    "sendemail-validate",
    "fsmonitor-watchman",
    "p4-changelist",
    "p4-prepare-changelist",
    "p4-post-changelist",
    "p4-pre-submit",
    "post-index-change",
];

/// One examination of the metadata of a repository.
pub(crate) struct Survey<'a> {
    workspace: &'a mut Workspace,
    seen: HashSet<Identity>,
    entries: usize,
    /// What was found that is harmless and worth saying.
    pub notes: Vec<String>,
}

impl<'a> Survey<'a> {
    pub(crate) fn new(workspace: &'a mut Workspace) -> Self {
        Self { workspace, seen: HashSet::new(), entries: 0, notes: Vec::new() }
    }

    /// Looks at everything of the repository except its configuration.
    pub(crate) fn run(&mut self, found: &Found) -> Result<()> {
        self.git_dir(&found.common_dir)?;
        if found.git_dir != found.common_dir {
            self.git_dir(&found.git_dir)?;
        }
        self.objects(&found.common_dir.join("objects"), 0)?;
        self.linked_worktrees(&found.common_dir)
    }

    fn git_dir(&mut self, dir: &Path) -> Result<()> {
        for entry in self.list(dir)? {
            let path = entry.path();
            if STORES.iter().any(|name| entry.file_name() == *name) {
                self.real_dir(&path)?;
            } else {
                self.entry(&entry, 0)?;
            }
        }
        Ok(())
    }

    /// The entries of a directory; none when it does not exist.
    fn list(&mut self, dir: &Path) -> Result<Vec<DirEntry>> {
        let mut entries = Vec::new();
        let Ok(listing) = fs::read_dir(dir) else {
            return if fs::symlink_metadata(dir).is_ok() { Err(self.workspace.unclear(dir)) } else { Ok(entries) };
        };
        for entry in listing {
            self.entries += 1;
            if self.entries > ENTRIES_MAX {
                return Err(ToolError::new(
                    Code::TooLarge,
                    format!(
                        "the metadata of the repository has more than {ENTRIES_MAX} files, {} among them",
                        self.workspace.shown(dir)
                    ),
                )
                .hint("run `git pack-refs --all` and `git gc`"));
            }
            entries.push(entry.map_err(|_| self.workspace.unclear(dir))?);
        }
        Ok(entries)
    }

    fn kind(&self, entry: &DirEntry) -> Result<FileType> {
        entry.file_type().map_err(|_| self.workspace.unclear(&entry.path()))
    }

    fn entry(&mut self, entry: &DirEntry, depth: u32) -> Result<()> {
        let path = entry.path();
        let kind = self.kind(entry)?;
        if kind.is_dir() {
            return self.directory(&path, depth);
        }
        if kind.is_symlink() {
            let Some(real) = self.inside(&path)? else { return Ok(()) };
            let meta = fs::metadata(&real).map_err(|_| self.workspace.unclear(&path))?;
            return if meta.is_dir() { self.directory(&real, depth) } else { self.workspace.check_file(&path, &meta) };
        }
        match entry.metadata() {
            Ok(meta) => self.workspace.check_file(&path, &meta),
            // A lock file that was there a moment ago.
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(()),
            Err(_) => Err(self.workspace.unclear(&path)),
        }
    }

    fn directory(&mut self, dir: &Path, depth: u32) -> Result<()> {
        if depth >= DEPTH_MAX {
            return Err(forbidden(format!("{} is nested too deeply", self.workspace.shown(dir))));
        }
        let id = Identity::at(dir).map_err(|_| self.workspace.unclear(dir))?;
        if !self.seen.insert(id) {
            return Ok(());
        }
        for entry in self.list(dir)? {
            self.entry(&entry, depth + 1)?;
        }
        Ok(())
    }

    /// Where a path leads; refused when that is outside, `None` when there is nothing there.
    fn inside(&self, path: &Path) -> Result<Option<PathBuf>> {
        match self.workspace.leads(path) {
            Leads::Inside(real) => Ok(Some(real)),
            Leads::MissingInside => Ok(None),
            Leads::Outside | Leads::MissingOutside => Err(self.workspace.outside(path)),
            Leads::Unknown => Err(self.workspace.unclear(path)),
        }
    }

    fn real_dir(&mut self, path: &Path) -> Result<Option<PathBuf>> {
        match self.inside(path)? {
            Some(real) if real.is_dir() => Ok(Some(real)),
            Some(_) => Err(forbidden(format!("{} is not a directory", self.workspace.shown(path)))),
            None => Ok(None),
        }
    }

    fn objects(&mut self, dir: &Path, depth: u32) -> Result<()> {
        let Some(real) = self.real_dir(dir)? else { return Ok(()) };
        let id = Identity::at(&real).map_err(|_| self.workspace.unclear(dir))?;
        if !self.seen.insert(id) {
            return Ok(());
        }
        self.workspace.stamp(&real);
        for entry in self.list(&real)? {
            let path = entry.path();
            let kind = self.kind(&entry)?;
            if kind.is_symlink() {
                self.inside(&path)?;
            }
            match entry.file_name().as_bytes() {
                b"pack" => self.packs(&path)?,
                b"info" => self.entry(&entry, 0)?,
                _ => {}
            }
        }
        self.alternates(&real, depth)
    }

    fn packs(&mut self, dir: &Path) -> Result<()> {
        let Some(real) = self.real_dir(dir)? else { return Ok(()) };
        for entry in self.list(&real)? {
            let kind = self.kind(&entry)?;
            if kind.is_symlink() {
                self.inside(&entry.path())?;
            } else if kind.is_fifo() || kind.is_block_device() || kind.is_char_device() {
                return Err(forbidden(format!("{} is not a regular file", self.workspace.shown(&entry.path()))));
            }
        }
        Ok(())
    }

    fn alternates(&mut self, objects: &Path, depth: u32) -> Result<()> {
        // A file that is not there has no state of its own to compare afterwards.
        self.workspace.stamp_entries(&objects.join("info"));
        for (name, followed) in [("alternates", true), ("http-alternates", false)] {
            let file = objects.join("info").join(name);
            let Some(bytes) = self.workspace.read_small(&file)? else {
                continue;
            };
            for line in bytes.split(|b| matches!(b, b'\n' | b'\r')).filter(|l| !l.is_empty() && !l.starts_with(b"#")) {
                // libgit2 takes any other relative name from the directory the server was started in, git a quoted one
                // for something else.
                if !(line.starts_with(b"/") || line.starts_with(b"./") || line.starts_with(b"../")) || line.contains(&0)
                {
                    return Err(forbidden(format!(
                        "{} names a place that is not certain",
                        self.workspace.shown(&file)
                    )));
                }
                if depth >= ALTERNATES_DEPTH_MAX {
                    return Err(forbidden(format!("{}: alternates nest too deeply", self.workspace.shown(&file))));
                }
                let target = objects.join(std::ffi::OsStr::from_bytes(line));
                match self.workspace.leads(&target) {
                    Leads::Inside(real) if followed => self.objects(&real, depth + 1)?,
                    Leads::Inside(_) | Leads::MissingInside => {}
                    Leads::Outside | Leads::MissingOutside => return Err(self.workspace.outside(&file)),
                    Leads::Unknown => return Err(self.workspace.unclear(&file)),
                }
            }
        }
        Ok(())
    }

    /// Listing or deleting branches opens every linked working tree that is recorded, so each has to lead back here.
    fn linked_worktrees(&mut self, common_dir: &Path) -> Result<()> {
        let Some(dir) = self.real_dir(&common_dir.join("worktrees"))? else {
            return Ok(());
        };
        for entry in self.list(&dir)? {
            let admin = entry.path();
            if !self.kind(&entry)?.is_dir() {
                self.entry(&entry, 0)?;
                if !admin.is_dir() {
                    continue;
                }
            }
            self.git_dir(&admin)?;
            let file = admin.join("gitdir");
            let Some(target) = read_link_file(self.workspace, &file)? else {
                continue;
            };
            if let Some(common) = read_link_file(self.workspace, &admin.join("commondir"))?
                && Identity::at(&admin.join(common)).ok() != Identity::at(common_dir).ok()
            {
                return Err(forbidden(format!(
                    "{} names another repository",
                    self.workspace.shown(&admin.join("commondir"))
                )));
            }
            let target = admin.join(target);
            match self.workspace.leads(&target) {
                Leads::Inside(_) => self.leads_back(&file, &target, &admin)?,
                Leads::MissingInside => {}
                // Nothing is there to be opened; a workspace that is mounted elsewhere than it was made looks like this.
                Leads::MissingOutside => {
                    self.notes.push(format!("{} names a place that does not exist", self.workspace.shown(&file)))
                }
                Leads::Outside => {
                    return Err(self.workspace.outside(&file).hint("run `git worktree remove` where it is"));
                }
                Leads::Unknown => return Err(self.workspace.unclear(&file)),
            }
        }
        Ok(())
    }

    fn leads_back(&mut self, file: &Path, dot_git: &Path, admin: &Path) -> Result<()> {
        let back = if dot_git.is_file() { linked_dir(self.workspace, dot_git)? } else { dot_git.to_owned() };
        if Identity::at(&back).ok() == Identity::at(admin).ok() {
            return Ok(());
        }
        Err(forbidden(format!("{} names a working tree of another repository", self.workspace.shown(file)))
            .hint("run `git worktree prune` or `git worktree repair`"))
    }
}

/// The names of the hooks git would run, of the given directories. Nothing is read but names and permission bits.
pub(crate) fn hooks(dirs: &[PathBuf]) -> Vec<String> {
    let runs = |dir: &PathBuf, name: &str| match fs::symlink_metadata(dir.join(name)) {
        // A link is not followed, so that nothing is learned about what is outside.
        Ok(meta) => meta.is_symlink() || (meta.is_file() && meta.permissions().mode() & 0o111 != 0),
        Err(_) => false,
    };
    HOOKS.iter().filter(|name| dirs.iter().any(|dir| runs(dir, name))).map(|name| (*name).to_owned()).collect()
}
