//! What differs between two states of a repository: the list of changed files, renames found, without any text yet.

mod renames;
mod seen;

use std::{ffi::OsStr, os::unix::ffi::OsStrExt};

use git2::{Delta, Diff, DiffDelta, DiffFile, DiffOptions, FileMode, Index, Oid, Patch, Repository, Tree};
use shared::Result;

use crate::{
    failure::OrFail,
    index_flags,
    narrow::{self, Narrow, Untracked, Work},
};

/// What is compared with what.
pub enum Sides<'r> {
    /// The index with the work tree.
    IndexWork,
    /// The same, and what git does not track.
    IndexWorkUntracked,
    /// A tree (or nothing) with the index.
    TreeIndex(Option<Tree<'r>>),
    /// A tree with the work tree, for the files that the tree or the index have.
    TreeWork(Tree<'r>),
    /// A tree (or nothing) with a tree.
    TreeTree(Option<Tree<'r>>, Tree<'r>),
}

/// A file on one side of a change.
#[derive(Clone, Debug)]
pub struct Side {
    /// Path from the root.
    pub path: Vec<u8>,
    /// git's mode.
    pub mode: u32,
    /// Its blob or commit; zero when it was not computed yet.
    pub id: Oid,
    /// Bytes, where known without reading it; 0 otherwise.
    pub size: u64,
}

/// Where the text of a change comes from: positions in the list of libgit2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// One entry.
    One(usize),
    /// A removed file and an added one that are a rename.
    Rename(usize, usize),
    /// The removal and the addition of one path whose type changed.
    Retype(usize, usize),
    /// A file without text that is not in the list.
    Empty,
}

/// One changed file.
#[derive(Clone, Debug)]
pub struct Change {
    /// git's letter: A, D, M, R, T, U.
    pub letter: char,
    /// For a rename: the agreement in percent.
    pub percent: u8,
    /// What was there.
    pub old: Option<Side>,
    /// What is there.
    pub new: Option<Side>,
    /// Where its text comes from.
    pub source: Source,
}

impl Change {
    /// The path by which it goes: the new one, where there is one.
    pub fn path(&self) -> &[u8] {
        self.new.as_ref().or(self.old.as_ref()).map_or(&[], |side| &side.path)
    }

    /// Whether either side is a submodule.
    pub fn submodule(&self) -> bool {
        [&self.old, &self.new].into_iter().flatten().any(|side| side.mode == 0o160_000)
    }
}

/// All differences between two sides.
pub struct Changes<'r> {
    /// libgit2's list, of which the texts are made.
    pub diff: Diff<'r>,
    /// The changed files.
    pub list: Vec<Change>,
    /// Files and directories that git does not track; only where the sides ask for them.
    pub untracked: Untracked,
    /// Directories of the work tree that are closed to us: what is in them is not known.
    pub closed: Vec<Vec<u8>>,
    /// Whether there were too many files to look for all renames.
    pub limited: bool,
    /// Whether the new side is the work tree.
    pub work: bool,
}

/// Compares `sides` at `paths` (all, when there are none), by way of `narrow` where there is one. `check` is asked between steps whether
/// to go on.
pub fn between<'r>(
    git: &'r Repository,
    narrow: Option<&Narrow>,
    sides: &Sides<'r>,
    paths: &[String],
    context: u32,
    check: narrow::Check<'_>,
) -> Result<Changes<'r>> {
    let mut options = DiffOptions::new();
    options.context_lines(context).indent_heuristic(true).disable_pathspec_match(true);
    let found = seen::differing(git, narrow, sides, paths, check)?;
    let untracked = matches!(sides, Sides::IndexWorkUntracked) && found.is_none();
    options.include_untracked(untracked).enable_fast_untracked_dirs(!untracked);
    let (mut known_untracked, mut closed) = (Untracked::default(), Vec::new());
    match found {
        Some(Work { paths, untracked, closed }) if paths.is_empty() => {
            let diff = git.diff_tree_to_tree(None, None, None).or_fail("compare")?;
            return Ok(Changes { diff, list: Vec::new(), untracked, closed, limited: false, work: false });
        }
        Some(Work { paths, untracked, closed: found }) => {
            known_untracked = untracked;
            closed = found;
            for path in paths {
                options.pathspec(path);
            }
        }
        // The empty path is the root: everything.
        None if paths.iter().any(String::is_empty) => {}
        None => {
            for path in paths {
                options.pathspec(path.as_str());
            }
        }
    }
    let work = matches!(sides, Sides::IndexWork | Sides::IndexWorkUntracked | Sides::TreeWork(_));
    if work {
        index_flags::look_at_brought_back(git)?;
    }
    let diff = match sides {
        Sides::IndexWork | Sides::IndexWorkUntracked => git.diff_index_to_workdir(None, Some(&mut options)),
        Sides::TreeIndex(tree) => git.diff_tree_to_index(tree.as_ref(), None, Some(&mut options)),
        Sides::TreeWork(tree) => git.diff_tree_to_workdir_with_index(Some(tree), Some(&mut options)),
        Sides::TreeTree(old, new) => git.diff_tree_to_tree(old.as_ref(), Some(new), Some(&mut options)),
    }
    .or_fail("compare")?;
    check()?;
    let index = match sides {
        Sides::IndexWork | Sides::IndexWorkUntracked | Sides::TreeIndex(_) => {
            Some(git.index().or_fail("read the index")?)
        }
        _ => None,
    };
    let mut list = read(&diff, index.as_ref(), work)?;
    if matches!(sides, Sides::TreeWork(_)) {
        let index = git.index().or_fail("read the index")?;
        list.retain_mut(|change| !left_out(&index, change) && blended(git, &diff, change));
    }
    if let (true, Some(index)) = (work, &index) {
        announce_empty(git, index, paths, &mut list);
    }
    let limited = renames::find(git, &diff, &mut list, work, check)?;
    let new_path = |delta: DiffDelta<'_>| delta.new_file().path_bytes().map(<[u8]>::to_vec);
    let mut untracked = known_untracked;
    untracked.paths.extend(diff.deltas().filter(|delta| delta.status() == Delta::Untracked).filter_map(new_path));
    Ok(Changes { diff, list, untracked, closed, limited, work })
}

fn mode(mode: FileMode) -> u32 {
    match mode {
        FileMode::Unreadable => 0,
        FileMode::Tree => 0o040_000,
        FileMode::Blob => 0o100_644,
        FileMode::BlobGroupWritable => 0o100_664,
        FileMode::BlobExecutable => 0o100_755,
        FileMode::Link => 0o120_000,
        FileMode::Commit => 0o160_000,
    }
}

fn side(file: &DiffFile<'_>) -> Side {
    Side {
        path: file.path_bytes().unwrap_or_default().to_vec(),
        mode: mode(file.mode()),
        id: file.id(),
        size: file.size(),
    }
}

fn read(diff: &Diff<'_>, index: Option<&Index>, work: bool) -> Result<Vec<Change>> {
    let mut list: Vec<Change> = Vec::with_capacity(diff.deltas().len());
    for (at, delta) in diff.deltas().enumerate() {
        let Some(change) = change(&delta, at, index, work) else { continue };
        // A path that is removed and added is one whose type changed.
        if let Some(last) = list.last_mut()
            && let (Source::One(before), Source::One(now)) = (last.source, change.source)
            && last.path() == change.path()
            && matches!((last.letter, change.letter), ('D', 'A') | ('A', 'D'))
        {
            let (gone, added) = if change.letter == 'A' { (before, now) } else { (now, before) };
            last.letter = 'T';
            last.old = last.old.take().or(change.old);
            last.new = last.new.take().or(change.new);
            last.source = Source::Retype(gone, added);
            continue;
        }
        list.push(change);
    }
    Ok(list)
}

/// Whether a removal is of a file as HEAD and index have it, that is not checked out on purpose: a sparse checkout.
fn left_out(index: &Index, change: &Change) -> bool {
    change.letter == 'D'
        && change.old.as_ref().is_some_and(|old| {
            index_flags::any(Some(index), &old.path, |entry| entry.id == old.id && index_flags::skip_worktree(entry))
        })
}

/// An empty file that is announced is no difference to libgit2, and an added file to git.
fn announce_empty(git: &Repository, index: &Index, paths: &[String], list: &mut Vec<Change>) {
    let wanted = |path: &[u8]| {
        paths.is_empty()
            || paths.iter().any(|wanted| {
                let below = path.strip_prefix(wanted.as_bytes());
                wanted.is_empty() || below.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
            })
    };
    let empty = |path: &[u8]| {
        let place = git.workdir().map(|root| root.join(OsStr::from_bytes(path)));
        place.and_then(|place| place.symlink_metadata().ok()).is_some_and(|there| there.is_file() && there.len() == 0)
    };
    let before = list.len();
    for entry in index_flags::announced(index).filter(|entry| wanted(&entry.path) && empty(&entry.path)) {
        if !list.iter().any(|change| change.path() == entry.path) {
            let new = Side { path: entry.path, mode: entry.mode, id: entry.id, size: 0 };
            list.push(Change { letter: 'A', percent: 0, old: None, new: Some(new), source: Source::Empty });
        }
    }
    if list.len() > before {
        list.sort_by(|a, b| a.path().cmp(b.path()));
    }
}

/// libgit2 blends what is staged with what is not, path by path; where a type changed in the one and something else in the
/// other, the blend is not what is in the work tree. Corrects `change`, and says whether it is one.
fn blended(git: &Repository, diff: &Diff<'_>, change: &mut Change) -> bool {
    let Source::Retype(gone, added_at) = change.source else { return true };
    let Some(path) = git.workdir().map(|root| root.join(OsStr::from_bytes(change.path()))) else { return true };
    let Ok(there) = path.symlink_metadata() else {
        (change.letter, change.new, change.source) = ('D', None, Source::One(gone));
        return true;
    };
    let Some(old) = &change.old else { return true };
    let link = there.file_type().is_symlink();
    if link != (old.mode == 0o120_000) {
        return true;
    }
    let before = git.find_blob(old.id).ok();
    added(diff, added_at).is_none_or(|content| before.is_none_or(|before| before.content() != content))
}

fn change(delta: &DiffDelta<'_>, at: usize, index: Option<&Index>, work: bool) -> Option<Change> {
    let (old, new) = (side(&delta.old_file()), side(&delta.new_file()));
    let to_be_added = |side: &Side| index_flags::any(index, &side.path, index_flags::intent_to_add);
    let left_out = |side: &Side| index_flags::any(index, &side.path, index_flags::skip_worktree);
    // A tree's entry of no content that is only announced: `git add --intent-to-add`.
    let nothing = |side: &Side| side.id.as_bytes().starts_with(&[0xe6, 0x9d, 0xe2, 0x9b]);
    let (letter, old, new) = match delta.status() {
        Delta::Added if !work && nothing(&new) && to_be_added(&new) => return None,
        Delta::Added => ('A', None, Some(new)),
        // Not checked out on purpose: a sparse checkout.
        Delta::Deleted if work && left_out(&old) => return None,
        Delta::Deleted => ('D', Some(old), None),
        // HEAD has it, and for the next commit it is only announced.
        Delta::Modified if !work && nothing(&new) && to_be_added(&new) => ('D', Some(old), None),
        Delta::Modified if work && nothing(&old) && to_be_added(&old) => ('A', None, Some(new)),
        Delta::Modified => ('M', Some(old), Some(new)),
        Delta::Conflicted => {
            let there = |side: Side| (side.mode != 0).then_some(side);
            match (there(old), there(new)) {
                (None, None) => return None,
                (old, new) => ('U', old, new),
            }
        }
        _ => return None,
    };
    Some(Change { letter, percent: 0, old, new, source: Source::One(at) })
}

/// The content of an added file of the work tree as the repository would hold it, line endings converted: the lines it adds.
pub fn added(diff: &Diff<'_>, at: usize) -> Option<Vec<u8>> {
    let patch = Patch::from_diff(diff, at).ok().flatten()?;
    let mut content = Vec::new();
    for hunk in 0..patch.num_hunks() {
        for line in 0..patch.num_lines_in_hunk(hunk).ok()? {
            let line = patch.line_in_hunk(hunk, line).ok()?;
            if line.origin() == '+' {
                content.extend_from_slice(line.content());
            }
        }
    }
    Some(content)
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink, path::Path};

    use git2::{IndexEntry, IndexEntryExtendedFlag, IndexEntryFlag, IndexTime};

    use super::*;

    fn init() -> (tempfile::TempDir, Repository) {
        let dir = tempfile::tempdir().unwrap();
        let git = Repository::init(dir.path()).unwrap();
        (dir, git)
    }

    fn stage(git: &Repository, path: &str, content: &str) {
        fs::write(git.workdir().unwrap().join(path), content).unwrap();
        let mut index = git.index().unwrap();
        index.add_path(Path::new(path)).unwrap();
        index.write().unwrap();
    }

    fn entry(
        git: &Repository,
        path: &[u8],
        content: &[u8],
        stage: u16,
        extended: IndexEntryExtendedFlag,
    ) -> IndexEntry {
        let time = IndexTime::new(0, 0);
        IndexEntry {
            ctime: time,
            mtime: time,
            dev: 0,
            ino: 0,
            mode: 0o100_644,
            uid: 0,
            gid: 0,
            file_size: 0,
            id: git.blob(content).unwrap(),
            flags: stage << 12 | if extended.is_empty() { 0 } else { IndexEntryFlag::EXTENDED.bits() },
            flags_extended: extended.bits(),
            path: path.to_vec(),
        }
    }

    fn letters(git: &Repository, sides: &Sides<'_>, paths: &[&str]) -> Vec<(char, String)> {
        let paths: Vec<String> = paths.iter().map(|path| (*path).to_owned()).collect();
        let changes = between(git, None, sides, &paths, 3, &|| Ok(())).unwrap();
        changes.list.iter().map(|change| (change.letter, String::from_utf8_lossy(change.path()).into_owned())).collect()
    }

    #[test]
    fn what_is_only_announced_is_added_in_the_work_tree_and_nowhere_else() {
        let (_dir, git) = init();
        fs::write(git.workdir().unwrap().join("new.rs"), "text\n").unwrap();
        let mut index = git.index().unwrap();
        index.add(&entry(&git, b"new.rs", b"", 0, IndexEntryExtendedFlag::INTENT_TO_ADD)).unwrap();
        index.write().unwrap();
        assert_eq!(letters(&git, &Sides::IndexWork, &[]), [('A', String::from("new.rs"))]);
        assert_eq!(letters(&git, &Sides::TreeIndex(None), &[]), []);
    }

    #[test]
    fn conflicts_are_one_unmerged_file() {
        let (_dir, git) = init();
        let mut index = git.index().unwrap();
        for (stage, content) in [(1, "base\n"), (2, "ours\n"), (3, "theirs\n")] {
            index.add(&entry(&git, b"both.rs", content.as_bytes(), stage, IndexEntryExtendedFlag::empty())).unwrap();
        }
        index.write().unwrap();
        fs::write(git.workdir().unwrap().join("both.rs"), "<<<<<<<\n").unwrap();
        assert_eq!(letters(&git, &Sides::IndexWork, &[]), [('U', String::from("both.rs"))]);
        assert_eq!(letters(&git, &Sides::TreeIndex(None), &[]), [('U', String::from("both.rs"))]);
    }

    #[test]
    fn a_changed_type_is_one_change_and_no_rename() {
        let (_dir, git) = init();
        let root = git.workdir().unwrap().to_owned();
        stage(&git, "a", "some text\nof two lines\n");
        let before = git.find_tree(git.index().unwrap().write_tree().unwrap()).unwrap();
        fs::rename(root.join("a"), root.join("b")).unwrap();
        symlink("b", root.join("a")).unwrap();
        let mut index = git.index().unwrap();
        for path in ["a", "b"] {
            index.add_path(Path::new(path)).unwrap();
        }
        index.write().unwrap();
        assert_eq!(
            letters(&git, &Sides::TreeIndex(Some(before)), &[]),
            [('T', String::from("a")), ('A', String::from("b"))]
        );
    }

    #[test]
    fn names_need_not_be_text_and_paths_are_literal() {
        let (_dir, git) = init();
        let name = OsStr::from_bytes(b"n\xe4me");
        fs::write(git.workdir().unwrap().join(name), "x").unwrap();
        let mut index = git.index().unwrap();
        index.add_path(Path::new(name)).unwrap();
        for path in ["*.rs", "a.rs"] {
            stage(&git, path, "x\n");
            index.add_path(Path::new(path)).unwrap();
        }
        index.write().unwrap();
        assert_eq!(letters(&git, &Sides::TreeIndex(None), &[]).len(), 3);
        assert_eq!(letters(&git, &Sides::TreeIndex(None), &["*.rs"]), [('A', String::from("*.rs"))]);
        assert_eq!(letters(&git, &Sides::TreeIndex(None), &["a"]), []);
    }
}
