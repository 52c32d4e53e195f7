//! What the index does not know, as `git status` lists it: nothing that is ignored, and a directory by its own name when anything in it counts.

use std::{collections::HashMap, ffi::OsStr, fs::File, io::Read, os::fd::OwnedFd, os::unix::ffi::OsStrExt, path::Path};

use git2::Repository;
use rustix::{
    fs::{AtFlags, Dir, FileType, Mode, OFlags, ResolveFlags, openat2, statat},
    io::Errno,
};
use shared::Result;

use super::{Check, scan::Unknown};
use crate::failure::OrFail;

/// How many names are asked about one by one; libgit2 is quicker with more.
const NAMES_MAX: usize = 20_000;
/// Directories within directories; deeper ones are left to libgit2.
const DEPTH_MAX: usize = 200;

/// Asks about names, as long as there are not too many.
struct Asking<'a> {
    git: &'a Repository,
    root: &'a OwnedFd,
    check: Check<'a>,
    left: usize,
    closed: &'a mut Vec<Vec<u8>>,
    /// Whether the `.gitignore` of a directory takes patterns back.
    takes_back: HashMap<Vec<u8>, bool>,
}

/// What is untracked.
#[derive(Debug, Default)]
pub struct Untracked {
    /// The paths, sorted; directories end with a slash.
    pub paths: Vec<Vec<u8>>,
    /// Directories whose `.gitignore` may take back what was taken for ignored.
    pub taken_back: Vec<Vec<u8>>,
}

/// Of `unknown`, what is not ignored, sorted; directories end with a slash. Those that cannot be looked into are added to `closed`. Nothing
/// when there is too much to ask about.
pub fn untracked(
    git: &Repository,
    root: &OwnedFd,
    unknown: Vec<Unknown>,
    closed: &mut Vec<Vec<u8>>,
    check: Check<'_>,
) -> Result<Option<Untracked>> {
    let mut asking = Asking { git, root, check, left: NAMES_MAX, closed, takes_back: HashMap::new() };
    let mut found = Vec::new();
    for Unknown { mut path, directory } in unknown {
        match asking.counts(&path, directory, 0)? {
            None => return Ok(None),
            Some(false) => {}
            Some(true) => {
                if directory {
                    path.push(b'/');
                }
                found.push(path);
            }
        }
    }
    found.sort_unstable();
    let mut taken_back: Vec<Vec<u8>> =
        asking.takes_back.into_iter().filter_map(|(path, yes)| yes.then_some(path)).collect();
    taken_back.sort_unstable();
    Ok(Some(Untracked { paths: found, taken_back }))
}

impl Asking<'_> {
    /// Whether there is something untracked at `path`; nothing when that cannot be told here.
    fn counts(&mut self, path: &[u8], directory: bool, depth: usize) -> Result<Option<bool>> {
        (self.check)()?;
        if self.left == 0 || depth > DEPTH_MAX {
            return Ok(None);
        }
        self.left -= 1;
        // A directory is asked about as one, whatever stands there by now.
        let asked = if directory { [path, b"/"].concat() } else { path.to_vec() };
        if self.git.is_path_ignored(Path::new(OsStr::from_bytes(&asked))).or_fail("read what is ignored")? {
            self.note_taken_back(path);
            return Ok(Some(false));
        }
        if directory { self.directory(path, depth) } else { Ok(Some(true)) }
    }

    /// libgit2 drops a pattern that takes back what another file ignores, so what is ignored below such a file may not be.
    fn note_taken_back(&mut self, path: &[u8]) {
        for end in memchr::memchr_iter(b'/', path) {
            let Some(directory) = path.get(..end) else { continue };
            if !self.takes_back.contains_key(directory) {
                let takes_back = self.has_negation(directory).unwrap_or(false);
                self.takes_back.insert(directory.to_vec(), takes_back);
            }
        }
    }

    fn has_negation(&self, directory: &[u8]) -> Option<bool> {
        /// A longer file is not one that a person wrote.
        const MOST: u64 = 1 << 20;
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let beneath = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        let file = openat2(self.root, [directory, b"/.gitignore"].concat(), flags, Mode::empty(), beneath).ok()?;
        let mut text = Vec::new();
        let file = File::from(file);
        file.metadata().ok().filter(std::fs::Metadata::is_file)?;
        file.take(MOST).read_to_end(&mut text).ok()?;
        Some(text.split(|byte| *byte == b'\n').any(|line| line.starts_with(b"!")))
    }

    fn directory(&mut self, path: &[u8], depth: usize) -> Result<Option<bool>> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let beneath = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        let opened = match openat2(self.root, path, flags, Mode::empty(), beneath) {
            Ok(opened) => opened,
            Err(Errno::NOSYS | Errno::PERM) => return Ok(None),
            Err(Errno::ACCESS) => {
                self.closed.push(path.to_vec());
                return Ok(Some(false));
            }
            // Gone meanwhile.
            Err(_) => return Ok(Some(false)),
        };
        if repository(&opened) {
            return Ok(Some(true));
        }
        let Ok(entries) = Dir::read_from(&opened) else { return Ok(Some(false)) };
        let mut directories = Vec::new();
        for entry in entries.flatten() {
            let name = entry.file_name().to_bytes();
            if matches!(name, b"." | b".." | b".git") {
                continue;
            }
            let kind = match entry.file_type() {
                FileType::Unknown => match statat(&opened, name, AtFlags::SYMLINK_NOFOLLOW) {
                    Ok(stat) => FileType::from_raw_mode(stat.st_mode),
                    Err(_) => continue,
                },
                kind => kind,
            };
            let below = [path, b"/", name].concat();
            match kind {
                // Files first: most often one of them settles it.
                FileType::Directory => directories.push(below),
                FileType::RegularFile | FileType::Symlink => match self.counts(&below, false, depth + 1)? {
                    Some(false) => {}
                    settled => return Ok(settled),
                },
                _ => {}
            }
        }
        for below in directories {
            match self.counts(&below, true, depth + 1)? {
                Some(false) => {}
                settled => return Ok(settled),
            }
        }
        Ok(Some(false))
    }
}

/// Whether a directory is the root of a repository of its own, which is not looked into.
fn repository(directory: &OwnedFd) -> bool {
    let kind = |path: &str| {
        statat(directory, path, AtFlags::SYMLINK_NOFOLLOW).map(|stat| FileType::from_raw_mode(stat.st_mode)).ok()
    };
    match kind(".git") {
        Some(FileType::Directory) => kind(".git/HEAD").is_some() && kind(".git/objects").is_some(),
        Some(FileType::RegularFile) => true,
        _ => false,
    }
}
