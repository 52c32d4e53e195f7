//! The few system calls everything here is made of.

use std::ffi::OsString;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, PROC_SUPER_MAGIC, ResolveFlags, Stat};
use rustix::io::{Errno, Result};
use rustix::path::Arg;

/// Which object it is, whatever it is called: device and inode number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Identity {
    /// The device the file system lies on.
    pub device: u64,
    /// The number of the inode on that device.
    pub inode: u64,
}

impl Identity {
    pub(super) fn of(handle: BorrowedFd<'_>) -> Result<Self> {
        Ok(Self::from_stat(&rustix::fs::fstat(handle)?))
    }

    /// Of what `path` names in the end, following links.
    pub(super) fn at(path: &Path) -> Result<Self> {
        Ok(Self::from_stat(&rustix::fs::stat(path)?))
    }

    /// Of what `name` is in `parent`, following nothing.
    pub(super) fn entry(parent: BorrowedFd<'_>, name: impl Arg) -> Result<Self> {
        Ok(Self::from_stat(&rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW)?))
    }

    #[expect(clippy::useless_conversion, reason = "the fields are narrower on other architectures")]
    pub(super) fn from_stat(stat: &Stat) -> Self {
        Self { device: stat.st_dev.into(), inode: stat.st_ino.into() }
    }
}

pub(super) fn kind(stat: &Stat) -> FileType {
    FileType::from_raw_mode(stat.st_mode)
}

pub(super) fn open_root(path: &Path) -> Result<OwnedFd> {
    rustix::fs::open(path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
}

/// A handle on what `name` is in `parent`; a link gives a handle on the link.
pub(super) fn entry(parent: BorrowedFd<'_>, name: impl Arg) -> Result<OwnedFd> {
    retry(|flags| rustix::fs::openat(parent, name.as_cow_c_str()?, flags, Mode::empty()), OFlags::PATH)
}

/// As [`entry`], and it must be a directory.
pub(super) fn directory_entry(parent: BorrowedFd<'_>, name: impl Arg) -> Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY;
    retry(|flags| rustix::fs::openat(parent, name.as_cow_c_str()?, flags, Mode::empty()), flags)
}

/// Opens the plain name `name` in `parent`, never through a link and never waiting for the other end of a pipe.
pub(super) fn open_entry(parent: BorrowedFd<'_>, name: impl Arg, flags: OFlags, mode: Mode) -> Result<OwnedFd> {
    retry(|flags| rustix::fs::openat(parent, name.as_cow_c_str()?, flags, mode), flags | OFlags::NONBLOCK)
}

fn retry(open: impl Fn(OFlags) -> Result<OwnedFd>, flags: OFlags) -> Result<OwnedFd> {
    let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    loop {
        match open(flags) {
            Err(Errno::INTR) => {}
            done => return done,
        }
    }
}

/// Resolves `relative` beneath `root` in the kernel. Links are followed as long as they stay beneath.
pub(super) fn beneath(root: BorrowedFd<'_>, relative: &[u8]) -> Result<OwnedFd> {
    const ATTEMPTS: usize = 8;
    // Today the first implies the second; the manual asks not to rely on that.
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    let mut last = Errno::AGAIN;
    for _ in 0..ATTEMPTS {
        match rustix::fs::openat2(root, relative, OFlags::PATH | OFlags::CLOEXEC, Mode::empty(), resolve) {
            // A rename somewhere in the system made the kernel unsure about a `..`.
            Err(errno @ (Errno::AGAIN | Errno::INTR)) => last = errno,
            done => return done,
        }
    }
    Err(last)
}

/// The name of `handle` in `/proc`, which opens that very object.
pub(super) fn proc_name(handle: BorrowedFd<'_>) -> String {
    format!("/proc/self/fd/{}", handle.as_raw_fd())
}

/// Where the object behind `handle` lies now, as the kernel tells it.
pub(super) fn where_is(handle: BorrowedFd<'_>) -> Result<PathBuf> {
    let target = rustix::fs::readlinkat(CWD, proc_name(handle), Vec::new())?;
    Ok(PathBuf::from(OsString::from_vec(target.into_bytes())))
}

/// Opens the object behind `handle` anew through `/proc`.
pub(super) fn reopen(handle: BorrowedFd<'_>, flags: OFlags) -> Result<OwnedFd> {
    // NOFOLLOW must be absent here: the last component is the link that leads to the object.
    loop {
        match rustix::fs::openat(CWD, proc_name(handle), flags | OFlags::CLOEXEC, Mode::empty()) {
            Err(Errno::INTR) => {}
            done => return done,
        }
    }
}

/// Whether `/proc` is the kernel's own and not a directory somebody made.
pub(super) fn proc_is_real() -> bool {
    rustix::fs::open("/proc/self/fd", OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
        .is_ok_and(|fd| on_procfs(fd.as_fd()))
}

pub(super) fn on_procfs(handle: BorrowedFd<'_>) -> bool {
    rustix::fs::fstatfs(handle).is_ok_and(|fs| fs.f_type == PROC_SUPER_MAGIC)
}
