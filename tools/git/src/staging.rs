//! Staging: which paths of the work tree go into the index, all of them or none.
//!
//! A [`Plan`] is made from names without writing anything; every name and every path found below it is judged first. Then the contents are
//! written as objects, which nothing refers to yet. Only then the index is locked, and when nobody has changed it meanwhile, exchanged.

pub(crate) mod content;
mod names;

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsStr,
    os::unix::ffi::OsStrExt,
    path::Path,
};

use git2::{Index, IndexEntry, Oid, Repository, Status, StatusOptions, StatusShow};
use shared::{Call, Code, Result, ToolError, Untrusted};

pub use self::names::parents;
use self::{
    content::Staged,
    names::{embedded_error, within},
};
use crate::{
    failure::OrFail,
    gate,
    index_flags::{intent_to_add, skip_worktree},
    index_lock::{IndexLock, Version},
    unrun,
    worktree::{Seen, WorkTree},
};

/// A submodule's mode in the index.
const GITLINK: u32 = 0o160_000;
/// The bits of [`IndexEntry::flags`] that hold the stage.
const STAGE: u16 = 0x3000;
/// How many paths pass between two looks at the clock.
const STEPS: usize = 256;
/// The largest file that is compared with the index as it is, in bytes. The pointer that LFS keeps in place of a file is smaller.
const POINTER_MAX: u64 = 4_096;

/// The path of an entry for git2.
pub fn as_path(path: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(path))
}

/// What happens to a path of the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It was not there.
    Added,
    /// It was there with other content or another mode.
    Modified,
    /// It goes.
    Deleted,
    /// It had sides of a conflict, which are gone now.
    Resolved,
}

/// A path that is staged.
pub struct Change {
    /// The path in the repository.
    pub path: Vec<u8>,
    /// What happens to it.
    pub kind: Kind,
    /// What it holds now; the zero id when it is gone.
    pub id: Oid,
    /// What it held before; the zero id when it was not there.
    pub before: Oid,
    /// Whether it still has the lines that mark a conflict.
    pub markers: bool,
}

/// What staging came to.
#[derive(Default)]
pub struct Outcome {
    /// What changed in the index.
    pub changes: Vec<Change>,
    /// Named files that are in the index as they are.
    pub unchanged: Vec<Vec<u8>>,
}

/// What is to be staged, judged.
#[derive(Default)]
struct Plan {
    put: BTreeSet<Vec<u8>>,
    remove: BTreeSet<Vec<u8>>,
    links: BTreeMap<Vec<u8>, Oid>,
}

/// Stages `names`, literal paths from the root of the work tree; an empty one is the root itself.
///
/// # Errors
/// Every reason why one of them cannot be staged; then none is. [`Code::Conflict`] when others write to the index all the time.
pub fn stage(git: &Repository, workspace: &Path, names: &[Vec<u8>], call: &Call) -> Result<Outcome> {
    for _ in 0..3 {
        let version = Version::of(git);
        let mut index = git.index().or_fail("read the index")?;
        index.read(true).or_fail("read the index")?;
        let tree = WorkTree::of(git)?;
        let staging = Staging { git, tree: &tree, index: &index, workspace, call };
        let plan = staging.plan(names)?;
        let staged = staging.write_objects(&plan)?;
        let changes = staging.changes(&plan, &staged);
        let changed: BTreeSet<&[u8]> = changes.iter().map(|change| change.path.as_slice()).collect();
        let known = |name: &&Vec<u8>| {
            !name.is_empty()
                && !changed.contains(name.as_slice())
                && (index.get_path(as_path(name), 0).is_some() || staging.deletion_is_staged(name))
        };
        let outcome = Outcome { unchanged: names.iter().filter(known).cloned().collect(), changes };
        if staged.is_empty() && plan.remove.is_empty() && plan.links.is_empty() {
            return Ok(outcome);
        }
        let mut lock = IndexLock::take(git)?;
        if lock.version != version {
            continue;
        }
        apply(&mut lock.index, &plan, &staged)?;
        call.check()?;
        lock.publish()?;
        return Ok(outcome);
    }
    Err(ToolError::new(Code::Conflict, "the index kept being changed by another process; nothing was staged")
        .hint("try again when no other git process is at work here"))
}

fn apply(index: &mut Index, plan: &Plan, staged: &[Staged]) -> Result<()> {
    for path in &plan.remove {
        for stage in 0..4 {
            // Most stages of most paths do not exist.
            let _ = index.remove(as_path(path), stage);
        }
    }
    let links: Vec<IndexEntry> = plan.links.iter().map(|(path, id)| content::gitlink(path, *id)).collect();
    for entry in staged.iter().map(|staged| &staged.entry).chain(&links) {
        for stage in 1..4 {
            let _ = index.remove(as_path(&entry.path), stage);
        }
        index.add(entry).or_fail("stage a path")?;
    }
    Ok(())
}

struct Staging<'a> {
    git: &'a Repository,
    tree: &'a WorkTree,
    index: &'a Index,
    workspace: &'a Path,
    call: &'a Call,
}

impl Staging<'_> {
    fn plan(&self, names: &[Vec<u8>]) -> Result<Plan> {
        let mut plan = Plan::default();
        for name in names {
            self.call.check()?;
            self.name(name)?;
        }
        for entry in self.index.iter().filter(|entry| within(names, &entry.path)) {
            let intended = intent_to_add(&entry);
            if entry.mode == GITLINK && entry.flags & STAGE == 0 {
                self.submodule(&mut plan, &entry)?;
            } else if intended && matches!(self.tree.look(&entry.path)?, Seen::File(_) | Seen::Link(_)) {
                plan.put.insert(entry.path);
            }
        }
        self.changed(&mut plan, names)?;
        Ok(plan)
    }

    /// A submodule is staged as the commit it is at.
    fn submodule(&self, plan: &mut Plan, entry: &IndexEntry) -> Result<()> {
        match self.tree.look(&entry.path)? {
            Seen::Missing if !skip_worktree(entry) => {
                plan.remove.insert(entry.path.clone());
            }
            Seen::File(_) | Seen::Link(_) => {
                plan.put.insert(entry.path.clone());
            }
            Seen::Directory if self.embedded(&entry.path)? => {
                let directory = self.tree.path().join(as_path(&entry.path));
                let module = gate::inspect(self.workspace, &directory)?;
                let head = module.and_then(|module| module.repo.head().ok()?.target());
                if let Some(id) = head.filter(|id| *id != entry.id) {
                    plan.links.insert(entry.path.clone(), id);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// What differs between index and work tree below the names.
    fn changed(&self, plan: &mut Plan, names: &[Vec<u8>]) -> Result<()> {
        let mut options = StatusOptions::new();
        options
            .show(StatusShow::Workdir)
            .include_untracked(true)
            .recurse_untracked_dirs(true)
            .include_unreadable(true)
            // libgit2 counts a repository that is no submodule as ignored, and it must not go unmentioned.
            .include_ignored(true)
            .disable_pathspec_match(true);
        // No pathspec is the whole tree.
        if !names.iter().any(Vec::is_empty) {
            for name in names {
                options.pathspec(as_path(name));
            }
        }
        let statuses = self.git.statuses(Some(&mut options)).or_fail("compare the work tree with the index")?;
        for (at, entry) in statuses.iter().enumerate() {
            if at.is_multiple_of(STEPS) {
                self.call.check()?;
            }
            let path = entry.path_bytes();
            // Whatever the list of paths means to libgit2, this is what it means here.
            if within(names, path) {
                self.difference(plan, path, entry.status())?;
            }
        }
        Ok(())
    }

    fn difference(&self, plan: &mut Plan, path: &[u8], status: Status) -> Result<()> {
        // With recursion on, a directory is reported whole only when it is ignored or a repository begins there.
        if let Some(directory) = path.strip_suffix(b"/") {
            let ignored = || self.git.is_path_ignored(as_path(path)).or_fail("read the ignore rules");
            return if self.embedded(directory)? && !ignored()? { Err(embedded_error(directory)) } else { Ok(()) };
        }
        let interesting = Status::WT_NEW
            | Status::WT_MODIFIED
            | Status::WT_DELETED
            | Status::WT_TYPECHANGE
            | Status::WT_UNREADABLE
            | Status::CONFLICTED;
        if !status.intersects(interesting) {
            return Ok(());
        }
        if self.is_gitlink(path) || plan.put.contains(path) {
            return Ok(());
        }
        match self.tree.look(path)? {
            Seen::File(_) | Seen::Link(_) => {
                plan.put.insert(path.to_vec());
            }
            Seen::Special if self.tracked(path) => {
                return Err(ToolError::invalid(format!(
                    "{} has become a pipe, socket or device",
                    Untrusted::line_bytes(path).quoted()
                )));
            }
            Seen::Special => {}
            // Gone, or a directory or link stands where it was: what is there now has names of its own.
            Seen::Missing | Seen::Directory | Seen::BeyondLink(_) => {
                if let Some(entry) = self.index.get_path(as_path(path), 0)
                    && skip_worktree(&entry)
                {
                    return Ok(());
                }
                if self.tracked(path) {
                    plan.remove.insert(path.to_vec());
                }
            }
        }
        Ok(())
    }

    /// Writes the contents of what is put into the index.
    fn write_objects(&self, plan: &Plan) -> Result<Vec<Staged>> {
        let mut keep = Vec::with_capacity(plan.put.len());
        // All are judged before the first object is written.
        for path in &plan.put {
            keep.push(self.staged_raw(path)?);
        }
        let trust = content::Modes::of(self.git);
        let mut staged = Vec::with_capacity(plan.put.len());
        for (at, (path, keep)) in plan.put.iter().zip(keep).enumerate() {
            if at.is_multiple_of(STEPS) {
                self.call.progress().report(at as u64, plan.put.len() as u64, "staging");
            }
            let before = self.index.get_path(as_path(path), 0);
            let conflicted = (1..4).any(|stage| self.index.get_path(as_path(path), stage).is_some());
            if !keep {
                staged.push(content::write(self.git, self.tree, path, before.as_ref(), &trust, conflicted, self.call)?);
            }
        }
        Ok(staged)
    }

    /// Whether the file is the very object the index has, for one whose attributes ask for a conversion that is not done here. Otherwise
    /// such a file cannot be staged.
    fn staged_raw(&self, path: &[u8]) -> Result<bool> {
        let Seen::File(stat) = self.tree.look(path)? else { return Ok(false) };
        let Some(conversion) = unrun::conversion(self.git, path)? else { return Ok(false) };
        if let Some(entry) = self.index.get_path(as_path(path), 0)
            && u64::try_from(stat.st_size).is_ok_and(|size| size <= POINTER_MAX)
            && let Some(bytes) = content::small(self.tree, path, POINTER_MAX)?
            && Oid::hash_object(git2::ObjectType::Blob, &bytes).is_ok_and(|id| id == entry.id)
        {
            return Ok(true);
        }
        Err(ToolError::new(
            Code::Unsupported,
            format!(
                "{} is under {} by .gitattributes, and filters do not run here: staged as it is, it would corrupt the repository",
                Untrusted::line_bytes(path).quoted(),
                Untrusted::line(&conversion).quoted()
            ),
        )
        .hint("stage this file with git itself and name the others one by one; nothing was staged"))
    }

    fn changes(&self, plan: &Plan, staged: &[Staged]) -> Vec<Change> {
        let before = |path: &[u8]| self.index.get_path(as_path(path), 0);
        let conflicted = |path: &[u8]| (1..4).any(|stage| self.index.get_path(as_path(path), stage).is_some());
        let mut changes = Vec::new();
        for path in &plan.remove {
            let kind = if conflicted(path) { Kind::Resolved } else { Kind::Deleted };
            let before = before(path).map_or(Oid::ZERO_SHA1, |entry| entry.id);
            changes.push(Change { path: path.clone(), kind, id: Oid::ZERO_SHA1, before, markers: false });
        }
        for one in staged {
            let path = &one.entry.path;
            let before = before(path);
            let intended = before.as_ref().is_some_and(intent_to_add);
            let kind = match &before {
                _ if conflicted(path) => Kind::Resolved,
                None => Kind::Added,
                Some(_) if intended => Kind::Added,
                // Touched, or changed and changed back.
                Some(before) if before.id == one.entry.id && before.mode == one.entry.mode => continue,
                Some(_) => Kind::Modified,
            };
            let before = before.filter(|_| !intended).map_or(Oid::ZERO_SHA1, |entry| entry.id);
            changes.push(Change { path: path.clone(), kind, id: one.entry.id, before, markers: one.markers });
        }
        for (path, id) in &plan.links {
            let before = before(path).map_or(Oid::ZERO_SHA1, |entry| entry.id);
            changes.push(Change { path: path.clone(), kind: Kind::Modified, id: *id, before, markers: false });
        }
        changes.sort_by(|a, b| a.path.cmp(&b.path));
        changes
    }
}
