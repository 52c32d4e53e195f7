//! Asking libgit2 only about what may have changed.
//!
//! libgit2 answers a question about the work tree by looking at all of it, one file after the other, and a question about two trees
//! by reading both. Here the places where an answer can lie are found first; then libgit2 is given those paths and an index that holds
//! little else, and it is still libgit2 that says what changed, renames, filters and attributes included. Whatever is not understood,
//! or is too much, is left to it as a whole.

mod index_file;
mod scan;
mod trees;
mod untracked;

use std::{
    collections::BTreeSet,
    fs::File,
    io::Read,
    ops::Range,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
};

use git2::{Index, IndexEntry, IndexTime, Repository, Tree};
use rustix::fs::{CWD, Mode, OFlags, openat};
use shared::Result;

use self::{
    index_file::{Entry, IndexFile},
    scan::Scanned,
    trees::{Differences, PATHS_MAX},
};
use crate::{failure::OrFail, gate};

pub use self::untracked::Untracked;

/// A longer index is not held in memory.
const INDEX_MAX: u64 = 512 << 20;

/// What may be asked between two steps, from any thread.
pub type Check<'c> = &'c (dyn Fn() -> Result<()> + Sync);

/// The index of a repository, for finding out where it differs from something.
pub struct Narrow {
    index: IndexFile,
    /// The second it was written in.
    written: i64,
    /// Where the gate's rules begin, should libgit2 have to read the index after all.
    workspace: PathBuf,
}

/// Where the work tree may differ.
pub struct Work {
    /// Paths the index has.
    pub paths: Vec<Vec<u8>>,
    /// What it does not have and the user does not ignore.
    pub untracked: Untracked,
    /// Directories that are closed to us: what is in them is not known.
    pub closed: Vec<Vec<u8>>,
}

impl Narrow {
    /// Reads the index of `git`; nothing when there is none, or none that is understood. `workspace` is the root the repository was opened
    /// under.
    pub fn read(git: &Repository, workspace: &Path) -> Option<Self> {
        if git.is_bare() || git.config().and_then(|config| config.get_bool("core.ignorecase")).unwrap_or(false) {
            return None;
        }
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let mut file = File::from(openat(CWD, git.path().join("index"), flags, Mode::empty()).ok()?);
        let metadata = file.metadata().ok().filter(|data| data.is_file() && data.len() <= INDEX_MAX)?;
        let written = scan::written(&file).ok()?;
        let mut data = Vec::with_capacity(usize::try_from(metadata.len()).ok()? + 1);
        file.read_to_end(&mut data).ok()?;
        let index = IndexFile::parse(data)?;
        Some(Self { index, written, workspace: workspace.to_owned() })
    }

    /// The paths of the submodules the index has.
    pub fn submodules(&self) -> impl Iterator<Item = &[u8]> {
        self.index.entries().filter(Entry::is_submodule).map(|entry| entry.path)
    }

    /// Where the work tree may differ from the index, as far as `paths` name it (everything, when there are none); with `others` also what
    /// the index does not know. Nothing when that is too much to be singled out.
    pub fn work(&self, git: &Repository, paths: &[String], others: bool, check: Check<'_>) -> Result<Option<Work>> {
        let Some(root) = git.workdir().and_then(open_root) else { return Ok(None) };
        let Some(directories) = scan::directories(&self.index, &self.ranges(paths)) else { return Ok(None) };
        let scanned = scan::scan(&root, &self.index, &directories, self.written, others, check)?;
        let Some(Scanned { doubtful, unknown, mut closed }) =
            scanned.filter(|scanned| scanned.doubtful.len() <= PATHS_MAX)
        else {
            return Ok(None);
        };
        let paths: BTreeSet<&[u8]> =
            doubtful.into_iter().filter_map(|at| self.index.entry(at)).map(|entry| entry.path).collect();
        let untracked = untracked::untracked(git, &root, unknown, &mut closed, check)?;
        Ok(untracked.map(|untracked| Work {
            paths: paths.into_iter().map(<[u8]>::to_vec).collect(),
            untracked,
            closed,
        }))
    }

    /// Where the index differs from `tree`.
    pub fn staged(
        &self,
        git: &Repository,
        tree: Option<&Tree<'_>>,
        paths: &[String],
        check: Check<'_>,
    ) -> Result<Option<Vec<Vec<u8>>>> {
        Differences::new(git, paths, check).of_index(tree, &self.index)
    }

    /// Gives `git` an index with the entries of `paths`, and what it reads of the index on its own: attributes and submodules.
    pub fn stand_in(&self, git: &Repository, paths: &[Vec<u8>]) -> Result<()> {
        let wanted: BTreeSet<&[u8]> = paths.iter().map(Vec::as_slice).collect();
        let mut index = Index::new().or_fail("make an index")?;
        // The form with room for every flag.
        index.set_version(3).or_fail("make an index")?;
        for entry in self.index.entries() {
            let name = entry.path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
            let read = matches!(name, b".gitattributes" | b".gitmodules") || entry.is_submodule();
            if read || wanted.contains(entry.path) {
                index.add(&copy(&entry)).or_fail("copy an entry of the index")?;
            }
        }
        git.set_index(&mut index).or_fail("take the entries of the index")
    }

    /// Gives `git` the whole index, and has the gate judge the submodules that libgit2 sees in it.
    pub fn give_up(&self, git: &Repository) -> Result<()> {
        let mut index = Index::open(&git.path().join("index")).or_fail("read the index")?;
        git.set_index(&mut index).or_fail("read the index")?;
        gate::nested(&self.workspace, git, None::<std::iter::Empty<&[u8]>>)
    }

    /// The entries that `paths` name, sorted and apart.
    fn ranges(&self, paths: &[String]) -> Vec<Range<usize>> {
        let all = 0..self.index.len();
        if paths.is_empty() || paths.iter().any(String::is_empty) {
            return vec![all];
        }
        let mut ranges: Vec<Range<usize>> = Vec::new();
        for path in paths {
            ranges.push(self.index.below(all.clone(), format!("{path}/").as_bytes()));
            // The path itself begins with itself, as others may that only look like it.
            let alike = self.index.below(all.clone(), path.as_bytes());
            ranges.extend(
                alike
                    .take_while(|at| self.index.entry(*at).is_some_and(|entry| entry.path == path.as_bytes()))
                    .map(|at| at..at + 1),
            );
        }
        ranges.retain(|range| !range.is_empty());
        ranges.sort_by_key(|range| (range.start, range.end));
        let mut apart: Vec<Range<usize>> = Vec::with_capacity(ranges.len());
        for range in ranges {
            match apart.last_mut() {
                Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
                _ => apart.push(range),
            }
        }
        apart
    }
}

/// Where two trees differ; nothing when that is too much to be singled out.
pub fn trees(
    git: &Repository,
    old: Option<&Tree<'_>>,
    new: &Tree<'_>,
    paths: &[String],
    check: Check<'_>,
) -> Result<Option<Vec<Vec<u8>>>> {
    Differences::new(git, paths, check).of_trees(old, Some(new))
}

fn open_root(root: &Path) -> Option<OwnedFd> {
    openat(CWD, root, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).ok()
}

/// An entry as libgit2 has it. Its time is left out: libgit2 then compares the content, which is what a doubt asks for.
fn copy(entry: &Entry<'_>) -> IndexEntry {
    IndexEntry {
        ctime: IndexTime::new(0, 0),
        mtime: IndexTime::new(0, 0),
        dev: entry.inode().0,
        ino: entry.inode().1,
        mode: entry.mode(),
        uid: entry.owner().0,
        gid: entry.owner().1,
        file_size: entry.size(),
        id: entry.id(),
        flags: entry.flags(),
        flags_extended: entry.extended,
        path: entry.path.to_vec(),
    }
}

#[cfg(test)]
mod tests;
