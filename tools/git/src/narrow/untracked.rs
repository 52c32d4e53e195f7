//! What the index does not know, as `git status` lists it: nothing that is ignored, and a directory by its own name when anything in it counts.

use std::{ffi::OsStr, os::fd::OwnedFd, os::unix::ffi::OsStrExt, path::Path};

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
}

/// Of `unknown`, what is not ignored, sorted; directories end with a slash. Nothing when there is too much to ask about.
pub fn untracked(
    git: &Repository,
    root: &OwnedFd,
    unknown: Vec<Unknown>,
    check: Check<'_>,
) -> Result<Option<Vec<Vec<u8>>>> {
    let mut asking = Asking { git, root, check, left: NAMES_MAX };
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
    Ok(Some(found))
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
            return Ok(Some(false));
        }
        if directory { self.directory(path, depth) } else { Ok(Some(true)) }
    }

    fn directory(&mut self, path: &[u8], depth: usize) -> Result<Option<bool>> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let beneath = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        let opened = match openat2(self.root, path, flags, Mode::empty(), beneath) {
            Ok(opened) => opened,
            Err(Errno::NOSYS | Errno::PERM) => return Ok(None),
            // Gone, or closed to us: git passes over it too.
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
