//! Exchanging the work tree for that of another commit without losing anything.
//!
//! Nothing that is not in a commit is overwritten: staged changes, changes, untracked files and ignored ones. All that stands in the way is
//! found before the first file is touched. The order is: `index.lock`, files, index; HEAD is the caller's to move, last. A process that is
//! killed before the end leaves HEAD and index as they were, some files as the other commit has them, and `index.lock`. Every file is then
//! either as it was or as the other commit has it, so nothing is lost, and once the lock is removed the same call again finishes the work.
//! The one file that was being written may be incomplete. What it was and what it was to be are in commits, but nothing tells it from
//! an edit, so the call names it, and once it is removed goes on.
//!
//! As with git, a file that was deleted without staging that, and that differs between the commits, comes back.

use std::{cell::RefCell, collections::BTreeSet};

use git2::{
    CheckoutNotificationType as Notify, Delta, ErrorCode, FileMode, Index, IndexEntry, Oid, Repository, Tree,
    build::CheckoutBuilder,
};
use shared::{Call, Code, Result, ToolError, Untrusted};

use crate::{
    failure::{OrFail, because},
    head::{conflicts, in_the_way},
    index_flags,
    index_lock::IndexLock,
    staging::{as_path, content, parents},
    unrun,
    worktree::{Seen, WorkTree},
};

/// How many written paths are asked for their filters.
const ASKED: usize = 10_000;
/// What to do about local changes.
const HINT: &str = "commit them with git_commit, or move them out of the way; nothing was changed";

/// What changed in the work tree.
#[derive(Default)]
pub struct Switched {
    /// Files written or removed.
    pub files: usize,
    /// Files that were checked out without the conversion their attributes ask for, and the first of them with it.
    pub unconverted: Option<(usize, Untrusted, Untrusted)>,
}

struct Step {
    path: Vec<u8>,
    /// Id and mode in the tree that is left, and in the one that comes.
    from: Option<(Oid, u32)>,
    to: Option<(Oid, u32)>,
}

/// Makes index and work tree those of `to`. `from` is the tree of HEAD, none before the first commit.
///
/// # Errors
/// [`Code::Conflict`], naming the paths, when something would be lost; then nothing has changed.
pub fn switch(git: &Repository, from: Option<&Tree<'_>>, to: &Tree<'_>, call: &Call) -> Result<Switched> {
    let tree = WorkTree::of(git)?;
    let steps = steps(git, from, to)?;
    let mut lock = IndexLock::take(git)?;
    let unmerged = conflicts(&lock.index)?;
    if !unmerged.is_empty() {
        return Err(in_the_way(
            "files are still in conflict",
            &unmerged,
            "edit them, stage them with git_add and commit, then switch",
        ));
    }
    if steps.is_empty() {
        return Ok(Switched::default());
    }
    if git.config().and_then(|config| config.get_bool("core.sparseCheckout")).unwrap_or(false) {
        return Err(ToolError::new(Code::Unsupported, "only a part of the tree is checked out (core.sparseCheckout)")
            .hint("switch with git itself"));
    }
    let staged = staged_in_the_way(&lock.index, &steps);
    if !staged.is_empty() {
        return Err(in_the_way("staged changes would be lost by switching", &staged, HINT));
    }
    let obstacles = obstacles(&tree, &lock.index, &steps)?;
    if !obstacles.is_empty() {
        return Err(in_the_way("files in the work tree would be lost by switching", &obstacles, HINT));
    }
    let there = already_there(git, &tree, &lock.index, &steps)?;
    let gone = steps
        .iter()
        .any(|step| step.from.is_some() && step.to.is_some() && matches!(tree.look(&step.path), Ok(Seen::Missing)));
    // With names, files that are gone are made again, as git does, and only those that differ between the commits.
    let names: Option<Vec<&[u8]>> = (gone || !there.is_empty()).then(|| {
        steps
            .iter()
            .map(|step| step.path.as_slice())
            .filter(|path| !there.iter().any(|entry| entry.path == *path))
            .collect()
    });
    call.check()?;
    if names.as_ref().is_none_or(|names| !names.is_empty()) {
        check_out(git, to, names.as_deref(), &|| call.check())?;
    }
    for entry in &there {
        lock.index.add(entry).or_fail("update the index")?;
    }
    lock.publish()?;
    // The files are there; a failure from here on is not one of switching.
    Ok(Switched { files: steps.len(), unconverted: unconverted(git, &steps).unwrap_or_default() })
}

fn check_out(git: &Repository, to: &Tree<'_>, names: Option<&[&[u8]]>, check: &dyn Fn() -> Result<()>) -> Result<()> {
    let in_the_way_of = RefCell::new(Vec::new());
    // Kept here, because a checkout that was told to stop looks like one that is done: git2 takes only a negative number for a failure, and
    // its own answer to libgit2 is a positive one.
    let stopped = RefCell::new(None);
    let mut options = CheckoutBuilder::new();
    options.safe().overwrite_ignored(false).notify_on(Notify::CONFLICT | Notify::UPDATED).notify(
        |why, path, _, _, _| {
            if let (true, Some(path)) = (why.is_conflict(), path) {
                in_the_way_of.borrow_mut().push(path.as_os_str().as_encoded_bytes().to_vec());
            }
            // Asked before the first file is touched, and never after.
            let asked = check();
            let goes_on = asked.is_ok();
            *stopped.borrow_mut() = asked.err();
            goes_on
        },
    );
    if let Some(names) = names {
        options.disable_pathspec_match(true).recreate_missing(true);
        for name in names {
            options.path(as_path(name));
        }
    }
    let result = git.checkout_tree(to.as_object(), Some(&mut options));
    drop(options);
    if let Some(stopped) = stopped.into_inner() {
        return Err(stopped);
    }
    match result {
        Ok(()) => Ok(()),
        Err(error) if error.code() == ErrorCode::Conflict => {
            let paths = in_the_way_of.into_inner();
            Err(in_the_way("files with local changes would be lost by switching", &paths, HINT))
        }
        Err(error) => Err(because("check out the files", &error)),
    }
}

fn steps(git: &Repository, from: Option<&Tree<'_>>, to: &Tree<'_>) -> Result<Vec<Step>> {
    let diff = git.diff_tree_to_tree(from, Some(to), None).or_fail("compare the commits")?;
    let mut steps = Vec::new();
    for delta in diff.deltas() {
        let (old, new) = (delta.old_file(), delta.new_file());
        let side = |file: &git2::DiffFile<'_>| (file.id(), u32::from(file.mode()));
        let Some(path) = new.path_bytes().or(old.path_bytes()) else { continue };
        steps.push(Step {
            path: path.to_vec(),
            from: (delta.status() != Delta::Added).then(|| side(&old)),
            to: (delta.status() != Delta::Deleted).then(|| side(&new)),
        });
    }
    Ok(steps)
}

/// Paths whose staged content is in neither commit and would be overwritten.
fn staged_in_the_way(index: &Index, steps: &[Step]) -> Vec<Vec<u8>> {
    let leaving: BTreeSet<&[u8]> =
        steps.iter().filter(|step| step.from.is_some()).map(|step| step.path.as_slice()).collect();
    let mut found = BTreeSet::new();
    for step in steps {
        let entry = index.get_path(as_path(&step.path), 0);
        let announced = entry.as_ref().is_some_and(index_flags::intent_to_add);
        let staged = entry.map(|entry| (entry.id, entry.mode));
        if announced || (staged != step.from && staged != step.to) {
            found.insert(step.path.clone());
        }
        if step.to.is_none() {
            continue;
        }
        // A file comes where a directory has something staged, or below what is a staged file.
        for parent in parents(&step.path) {
            if index.get_path(as_path(parent), 0).is_some() && !leaving.contains(parent) {
                found.insert(parent.to_vec());
            }
        }
        let below = [step.path.as_slice(), b"/"].concat();
        let first = index.find_prefix(as_path(&below)).unwrap_or(index.len());
        let inside =
            (first..index.len()).map_while(|at| index.get(at)).take_while(|entry| entry.path.starts_with(&below));
        found.extend(inside.map(|entry| entry.path).filter(|path| !leaving.contains(path.as_slice())));
    }
    found.into_iter().collect()
}

/// What libgit2 would remove or follow, and must not: directories of submodules, links that stand where a directory is to be, and
/// directories that are not tracked where a file is to be.
fn obstacles(tree: &WorkTree, index: &Index, steps: &[Step]) -> Result<Vec<Vec<u8>>> {
    let links: BTreeSet<&[u8]> =
        steps.iter().filter(|step| is_link(step.from)).map(|step| step.path.as_slice()).collect();
    let mut found = BTreeSet::new();
    for step in steps {
        let module = |side: Option<(Oid, u32)>| side.is_some_and(|(_, mode)| mode == u32::from(FileMode::Commit));
        match tree.look(&step.path)? {
            // A link that is tracked goes before what is below it comes.
            Seen::BeyondLink(link) if !links.contains(link.as_slice()) => {
                found.insert(link);
            }
            Seen::Directory if module(step.from) && !module(step.to) && tree.holds_anything(&step.path) => {
                found.insert(step.path.clone());
            }
            Seen::Directory if step.from.is_none() && !module(step.to) => {
                let below = [step.path.as_slice(), b"/"].concat();
                let tracked = index
                    .find_prefix(as_path(&below))
                    .is_ok_and(|at| index.get(at).is_some_and(|entry| entry.path.starts_with(&below)));
                if !tracked && tree.holds_anything(&step.path) {
                    found.insert(step.path.clone());
                }
            }
            _ => {}
        }
    }
    Ok(found.into_iter().collect())
}

/// Files that are not tracked and already what the other commit has, as a switch that was killed leaves them: they only need their entries.
fn already_there(git: &Repository, tree: &WorkTree, index: &Index, steps: &[Step]) -> Result<Vec<IndexEntry>> {
    let odb = git.odb().or_fail("open the objects")?;
    let mut found = Vec::new();
    for step in steps {
        let Step { path, from: None, to: Some((id, mode)) } = step else { continue };
        if index.get_path(as_path(path), 0).is_some() {
            continue;
        }
        let Seen::File(_) = tree.look(path)? else { continue };
        let Ok((size, _)) = odb.read_header(*id) else { continue };
        if let Some(entry) = content::unchanged(tree, path, *id, *mode, size as u64)? {
            found.push(entry);
        }
    }
    Ok(found)
}

fn is_link(side: Option<(Oid, u32)>) -> bool {
    side.is_some_and(|(_, mode)| mode == u32::from(FileMode::Link))
}

fn unconverted(git: &Repository, steps: &[Step]) -> Result<Option<(usize, Untrusted, Untrusted)>> {
    let mut found: Option<(usize, Untrusted, Untrusted)> = None;
    let file = |step: &&Step| step.to.is_some_and(|(_, mode)| mode & 0o170_000 == 0o100_000);
    for step in steps.iter().filter(file).take(ASKED) {
        if let Some(conversion) = unrun::conversion(git, &step.path)? {
            match &mut found {
                Some((count, ..)) => *count += 1,
                None => found = Some((1, Untrusted::line_bytes(&step.path), Untrusted::line(&conversion))),
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    /// Were it taken for done, HEAD would move and the files would stay: the next commit would take everything back.
    #[test]
    fn a_checkout_that_is_told_to_stop_is_not_done() {
        let dir = tempfile::tempdir().unwrap();
        let git = Repository::init(dir.path()).unwrap();
        let who = git2::Signature::now("a", "a@example.com").unwrap();
        let mut trees = Vec::new();
        for content in ["old", "new"] {
            fs::write(dir.path().join("file"), content).unwrap();
            let mut index = git.index().unwrap();
            index.add_path(Path::new("file")).unwrap();
            index.write().unwrap();
            trees.push(index.write_tree().unwrap());
        }
        let (old, new) = (git.find_tree(trees[0]).unwrap(), git.find_tree(trees[1]).unwrap());
        git.commit(Some("HEAD"), &who, &who, "new", &new, &[]).unwrap();
        let stop = || Err(ToolError::new(Code::Cancelled, "stopped"));
        assert_eq!(check_out(&git, &old, None, &stop).unwrap_err().code(), Code::Cancelled);
        assert_eq!(fs::read(dir.path().join("file")).unwrap(), b"new");
        check_out(&git, &old, None, &|| Ok(())).unwrap();
        assert_eq!(fs::read(dir.path().join("file")).unwrap(), b"old");
    }
}
