//! Which files of the work tree may differ from the index, and which the index does not know: asked of the file system directory
//! by directory, on every core.
//!
//! What is taken for unchanged has the metadata the index noted for it, all of them; everything else is a doubt for libgit2 to settle.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use rustix::{
    fd::{AsFd, BorrowedFd, OwnedFd},
    fs::{AtFlags, FileType, Mode, OFlags, RawDir, ResolveFlags, Stat, fstat, openat2, statat},
    io::Errno,
};
use shared::Result;

use super::index_file::{Entry, IndexFile};

/// More threads gain nothing while the file system's own locks are waited for.
const THREADS_MAX: usize = 8;
/// Directories a thread takes at once.
const BATCH: usize = 16;
/// Bytes for the names of a directory that are read at once.
const NAMES: usize = 32 << 10;
/// How the id of a file without content begins.
const EMPTY_BLOB: &[u8] = &[0xe6, 0x9d, 0xe2, 0x9b, 0xb2, 0xd1, 0xd6, 0x43];

/// A directory that holds files of the index.
#[derive(Default)]
pub struct Directory<'i> {
    path: &'i [u8],
    files: Vec<u32>,
    /// Names of directories in it, sorted.
    directories: Vec<&'i [u8]>,
}

/// The directories of the entries in `ranges`, which are sorted and apart. Nothing, when a path has a name in it that no work tree can have.
pub fn directories<'i>(index: &'i IndexFile, ranges: &[std::ops::Range<usize>]) -> Option<Vec<Directory<'i>>> {
    let mut all = vec![Directory::default()];
    // The directories the last entry is in, with where their names begin.
    let mut open = vec![(0, 0)];
    let mut before: &[u8] = &[];
    for number in ranges.iter().cloned().flatten() {
        let path = index.entry(number)?.path;
        while let Some((_, len)) = open.last()
            && path.get(..*len) != before.get(..*len)
        {
            open.pop();
        }
        let (mut directory, mut at) = *open.last()?;
        while let Some(len) = memchr::memchr(b'/', path.get(at..)?) {
            let (name, end) = (path.get(at..at + len)?, at + len);
            plain(name)?;
            all.get_mut(directory)?.directories.push(name);
            all.push(Directory { path: path.get(..end)?, ..Directory::default() });
            (directory, at) = (all.len() - 1, end + 1);
            open.push((directory, at));
        }
        plain(path.get(at..)?)?;
        all.get_mut(directory)?.files.push(u32::try_from(number).ok()?);
        before = path;
    }
    // `a-b/` stands before `a/`, and `a` before `a-b`.
    all.iter_mut().for_each(|directory| directory.directories.sort_unstable());
    Some(all)
}

fn plain(name: &[u8]) -> Option<()> {
    (!matches!(name, b"" | b"." | b"..") && !name.eq_ignore_ascii_case(b".git")).then_some(())
}

/// Something in the work tree that the index does not know.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unknown {
    /// Path from the root.
    pub path: Vec<u8>,
    /// Whether it is a directory.
    pub directory: bool,
}

/// What a scan found.
#[derive(Debug, Default)]
pub struct Scanned {
    /// Numbers of the entries that may differ.
    pub doubtful: Vec<usize>,
    /// What the index does not know, when that was asked for.
    pub unknown: Vec<Unknown>,
    /// Directories that are closed to us: what is in them is not known.
    pub closed: Vec<Vec<u8>>,
}

/// What all threads of a scan share.
struct Shared<'s> {
    root: BorrowedFd<'s>,
    index: &'s IndexFile,
    directories: &'s [Directory<'s>],
    next: AtomicUsize,
    /// The second the index was written in: what was changed in it or later may differ without showing it.
    written: i64,
    unknown: bool,
    check: &'s (dyn Fn() -> Result<()> + Sync),
}

/// Looks at every file of `directories` below `root`, and with `unknown` also for what else is there. Nothing when this kernel cannot
/// look without following links.
pub fn scan(
    root: &OwnedFd,
    index: &IndexFile,
    directories: &[Directory<'_>],
    written: i64,
    unknown: bool,
    check: &(dyn Fn() -> Result<()> + Sync),
) -> Result<Option<Scanned>> {
    let next = AtomicUsize::new(0);
    let shared = Shared { root: root.as_fd(), index, directories, next, written, unknown, check };
    let cores = thread::available_parallelism().map_or(1, usize::from).min(THREADS_MAX);
    let threads = cores.min(directories.len().div_ceil(BATCH)).max(1);
    let found = Mutex::new(Some(Scanned::default()));
    let failure = Mutex::new(None);
    let work = || {
        let part = shared.work();
        let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
        match part {
            Ok(Some(part)) => {
                if let Some(found) = found.as_mut() {
                    found.doubtful.extend(part.doubtful);
                    found.unknown.extend(part.unknown);
                    found.closed.extend(part.closed);
                }
            }
            Ok(None) => *found = None,
            Err(error) => *failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error),
        }
    };
    thread::scope(|scope| {
        for _ in 1..threads {
            // One thread fewer is only slower.
            let _ = thread::Builder::new().name(String::from("scan")).spawn_scoped(scope, work);
        }
        work();
    });
    if let Some(error) = failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
        return Err(error);
    }
    let mut found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    if let Some(found) = found.as_mut() {
        found.doubtful.sort_unstable();
        found.unknown.sort_unstable();
        found.closed.sort_unstable();
    }
    Ok(found)
}

impl Shared<'_> {
    /// Looks at batches until there are none.
    fn work(&self) -> Result<Option<Scanned>> {
        let mut scanned = Scanned::default();
        let mut names = Vec::with_capacity(NAMES);
        loop {
            (self.check)()?;
            let start = self.next.fetch_add(BATCH, Ordering::Relaxed);
            let end = (start + BATCH).min(self.directories.len());
            let Some(batch) = self.directories.get(start..end).filter(|batch| !batch.is_empty()) else {
                return Ok(Some(scanned));
            };
            for directory in batch {
                match self.directory(directory, &mut names, &mut scanned) {
                    Ok(()) => {}
                    Err(Errno::NOSYS | Errno::PERM) => return Ok(None),
                    // Not there, or not a directory any more: whatever the reason is, libgit2 will say what became of the files.
                    Err(_) => scanned.doubtful.extend(directory.files.iter().map(|number| *number as usize)),
                }
            }
        }
    }

    fn directory(&self, directory: &Directory<'_>, names: &mut Vec<u8>, scanned: &mut Scanned) -> Result<(), Errno> {
        let path = if directory.path.is_empty() { b"." } else { directory.path };
        let open = |reading: OFlags| {
            let flags = reading | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let beneath = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
            openat2(self.root, path, flags, Mode::empty(), beneath)
        };
        // Reading, though names may not be asked for: libgit2 finds nothing in what it cannot list.
        let opened = match open(OFlags::RDONLY) {
            Err(Errno::ACCESS) => return self.closed(directory, open(OFlags::PATH), scanned),
            opened => opened?,
        };
        if self.unknown {
            self.names(directory, &opened, names, scanned)?;
        }
        for number in directory.files.iter().map(|number| *number as usize) {
            let Some(entry) = self.index.entry(number) else { continue };
            if entry.assume_valid() {
                continue;
            }
            if entry.stage() > 0 || entry.is_submodule() || entry.intent_to_add() {
                scanned.doubtful.push(number);
                continue;
            }
            match statat(&opened, name(&entry, directory), AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) => {
                    if !self.unchanged(&entry, &stat) {
                        scanned.doubtful.push(number);
                    }
                    if self.unknown && FileType::from_raw_mode(stat.st_mode).is_dir() {
                        scanned.unknown.push(Unknown { path: entry.path.to_vec(), directory: true });
                    }
                }
                Err(Errno::NOENT) if entry.skip_worktree() => {}
                // It can be listed and not be looked into: neither there nor gone, as far as we can see.
                Err(Errno::ACCESS) => {
                    if scanned.closed.last().is_none_or(|last| last != directory.path) {
                        scanned.closed.push(directory.path.to_vec());
                    }
                }
                Err(_) => scanned.doubtful.push(number),
            }
        }
        Ok(())
    }

    /// A directory that cannot be listed: only what is certainly gone from it is a doubt.
    fn closed(
        &self,
        directory: &Directory<'_>,
        opened: Result<OwnedFd, Errno>,
        scanned: &mut Scanned,
    ) -> Result<(), Errno> {
        scanned.closed.push(directory.path.to_vec());
        let opened = match opened {
            Err(Errno::ACCESS) => return Ok(()),
            opened => opened?,
        };
        for number in directory.files.iter().map(|number| *number as usize) {
            let Some(entry) = self.index.entry(number) else { continue };
            let wanted = !entry.assume_valid() && !entry.skip_worktree();
            let gone = statat(&opened, name(&entry, directory), AtFlags::SYMLINK_NOFOLLOW)
                .is_err_and(|error| error == Errno::NOENT);
            if wanted && gone {
                scanned.doubtful.push(number);
            }
        }
        Ok(())
    }

    /// Whether the file has everything that was noted of it.
    fn unchanged(&self, entry: &Entry<'_>, stat: &Stat) -> bool {
        let mode = match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile if stat.st_mode & 0o100 != 0 => 0o100_755,
            FileType::RegularFile => 0o100_644,
            FileType::Symlink => 0o120_000,
            _ => return false,
        };
        // What was noted in whole seconds can only be compared so.
        let same = |noted: (u32, u32), seconds: i64, nanoseconds: u64| {
            noted.0 == seconds as u32 && (noted.1 == 0 || u64::from(noted.1) == nanoseconds)
        };
        // In whole seconds, as git: the clock of a file system may tick far more slowly than it counts.
        let before_index = i64::from(entry.mtime().0) < self.written;
        // git notes no size for what it could not be certain of.
        let noted = entry.size() > 0 || entry.id_bytes().starts_with(EMPTY_BLOB);
        entry.mode() == mode
            && u64::from(entry.size()) == stat.st_size as u64
            && same(entry.mtime(), stat.st_mtime, stat.st_mtime_nsec)
            && same(entry.ctime(), stat.st_ctime, stat.st_ctime_nsec)
            && entry.inode().1 == stat.st_ino as u32
            && entry.owner() == (stat.st_uid, stat.st_gid)
            && before_index
            && noted
    }

    /// Notes what is in the directory and not in the index.
    fn names(
        &self,
        directory: &Directory<'_>,
        opened: &OwnedFd,
        buffer: &mut Vec<u8>,
        scanned: &mut Scanned,
    ) -> Result<(), Errno> {
        let mut reader = RawDir::new(opened, buffer.spare_capacity_mut());
        while let Some(entry) = reader.next() {
            let entry = entry?;
            let there = entry.file_name().to_bytes();
            if matches!(there, b"." | b".." | b".git") {
                continue;
            }
            let mut kind = entry.file_type();
            let known = directory.directories.binary_search(&there).is_ok();
            if known && kind == FileType::Directory {
                continue;
            }
            let file =
                |number: &u32| self.index.entry(*number as usize).map_or(&[][..], |entry| name(&entry, directory));
            if directory.files.binary_search_by(|number| file(number).cmp(there)).is_ok() {
                continue;
            }
            if kind == FileType::Unknown {
                kind = match statat(opened, there, AtFlags::SYMLINK_NOFOLLOW) {
                    Ok(stat) => FileType::from_raw_mode(stat.st_mode),
                    Err(_) => continue,
                };
            }
            let is_directory = kind == FileType::Directory;
            if (known && is_directory)
                || !matches!(kind, FileType::Directory | FileType::RegularFile | FileType::Symlink)
            {
                continue;
            }
            let separator: &[u8] = if directory.path.is_empty() { b"" } else { b"/" };
            let path = [directory.path, separator, there].concat();
            scanned.unknown.push(Unknown { path, directory: is_directory });
        }
        Ok(())
    }
}

/// The last name of an entry that is in `directory`.
fn name<'i>(entry: &Entry<'i>, directory: &Directory<'_>) -> &'i [u8] {
    let at = if directory.path.is_empty() { 0 } else { directory.path.len() + 1 };
    entry.path.get(at..).unwrap_or_default()
}

/// The second `file` was last written in.
pub fn written(file: &impl AsFd) -> Result<i64, Errno> {
    Ok(fstat(file)?.st_mtime)
}
