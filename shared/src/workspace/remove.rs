//! Taking back something that was made here: a file, or a directory with everything in it, following no link.

use std::ffi::{CString, OsStr};
use std::os::fd::{AsFd, BorrowedFd};

use rustix::fs::{AtFlags, Dir, Mode, OFlags};
use rustix::io::{Errno, Result};

use super::WorkspacePath;
use super::handle::{self, Identity};

/// Directories held open at once while going down; what lies deeper is lifted to the top first.
const DEPTH: usize = 32;
/// Bounds the work when somebody keeps adding to a directory while it is being emptied.
const PASSES: usize = 4096;

/// Removes `name` from `parent` if it is still the object `made`.
pub(super) fn remove(parent: &WorkspacePath, name: &OsStr, made: &WorkspacePath) -> Result<()> {
    if made.is_dir() {
        // Through the handle, so it is this directory that is emptied, wherever it has been moved.
        let top = readable(made.as_fd(), c".")?;
        empty(top.as_fd())?;
    }
    match Identity::entry(parent.as_fd(), name) {
        Ok(found) if found == made.identity() => {
            let flags = if made.is_dir() { AtFlags::REMOVEDIR } else { AtFlags::empty() };
            rustix::fs::unlinkat(parent.as_fd(), name, flags)
        }
        Ok(_) | Err(Errno::NOENT) => Ok(()),
        Err(errno) => Err(errno),
    }
}

fn readable(parent: BorrowedFd<'_>, name: &std::ffi::CStr) -> Result<std::os::fd::OwnedFd> {
    handle::open_entry(parent, name, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty())
}

fn empty(top: BorrowedFd<'_>) -> Result<()> {
    let mut lifted = 0;
    for _ in 0..PASSES {
        let before = lifted;
        clear(top, top, 0, &mut lifted)?;
        if lifted == before {
            return Ok(());
        }
    }
    Err(Errno::NOTEMPTY)
}

fn clear(top: BorrowedFd<'_>, here: BorrowedFd<'_>, depth: usize, lifted: &mut usize) -> Result<()> {
    let mut names: Vec<CString> = Vec::new();
    for entry in Dir::read_from(here)? {
        let entry = entry?;
        if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
            names.push(entry.file_name().to_owned());
        }
    }
    for name in names {
        match rustix::fs::unlinkat(here, &name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => continue,
            Err(Errno::ISDIR | Errno::PERM) => {}
            Err(errno) => return Err(errno),
        }
        if depth == DEPTH {
            *lifted += 1;
            rustix::fs::renameat(here, &name, top, format!(".removing-{lifted}"))?;
            continue;
        }
        let below = readable(here, &name)?;
        clear(top, below.as_fd(), depth + 1, lifted)?;
        rustix::fs::unlinkat(here, &name, AtFlags::REMOVEDIR)?;
    }
    Ok(())
}
