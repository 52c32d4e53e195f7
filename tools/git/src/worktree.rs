//! Files of the work tree, reached without following a link.
//!
//! Every directory on the way is opened by itself and refused when it is a link, so that a name cannot lead elsewhere, not even when it is
//! exchanged after it was looked at.

use std::{
    ffi::OsStr,
    fs::File,
    os::{fd::OwnedFd, unix::ffi::OsStrExt},
    path::{Path, PathBuf},
};

use git2::Repository;
use rustix::{
    fs::{AtFlags, CWD, FileType, Mode, OFlags, Stat, openat, readlinkat, statat},
    io::Errno,
};
use shared::{Code, Result, ToolError, Untrusted};

/// The work tree of a repository.
pub struct WorkTree {
    root: OwnedFd,
    path: PathBuf,
}

/// What is at a path.
pub enum Seen {
    /// Nothing.
    Missing,
    /// A regular file.
    File(Stat),
    /// A symbolic link, not followed.
    Link(Stat),
    /// A directory.
    Directory,
    /// A pipe, socket or device.
    Special,
    /// A link stands where a directory of the path should be: this one.
    BeyondLink(Vec<u8>),
}

impl WorkTree {
    /// The work tree of `git`.
    ///
    /// # Errors
    /// [`Code::Unsupported`] for a bare repository.
    pub fn of(git: &Repository) -> Result<Self> {
        let path = git.workdir().ok_or_else(|| {
            ToolError::new(Code::Unsupported, "the repository is bare: it has no work tree and no index")
        })?;
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root =
            openat(CWD, path, flags, Mode::empty()).map_err(|error| failed("open the work tree", b".", error))?;
        Ok(Self { root, path: path.to_owned() })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What is at `path`, which is relative and has no `.` or `..`; empty is the work tree itself.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn look(&self, path: &[u8]) -> Result<Seen> {
        if path.is_empty() {
            return Ok(Seen::Directory);
        }
        match self.directory(path)? {
            Ok((directory, name)) => seen(&directory, name, path),
            Err(stopped) => Ok(stopped),
        }
    }

    /// The directory `path` is in, opened, and its last name; or why there is none.
    fn directory<'p>(&self, path: &'p [u8]) -> Result<std::result::Result<(OwnedFd, &'p [u8]), Seen>> {
        let mut directory = self.root.try_clone().map_err(|error| {
            ToolError::new(Code::Unavailable, format!("failed to open the work tree: {}", error.kind()))
        })?;
        let mut start = 0;
        while let Some(length) = path.get(start..).and_then(|rest| rest.iter().position(|byte| *byte == b'/')) {
            let end = start + length;
            let (before, name) = (path.get(..end).unwrap_or_default(), path.get(start..end).unwrap_or_default());
            let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            directory = match openat(&directory, OsStr::from_bytes(name), flags, Mode::empty()) {
                Ok(next) => next,
                Err(Errno::NOENT) => return Ok(Err(Seen::Missing)),
                Err(Errno::NOTDIR | Errno::LOOP) => {
                    return Ok(Err(match seen(&directory, name, before)? {
                        Seen::Link(_) => Seen::BeyondLink(before.to_vec()),
                        _ => Seen::Missing,
                    }));
                }
                Err(error) => return Err(failed("look at", before, error)),
            };
            start = end + 1;
        }
        Ok(Ok((directory, path.get(start..).unwrap_or_default())))
    }

    /// Opens the regular file at `path` for reading; `None` when there is no such file any more.
    ///
    /// # Errors
    /// [`Code::Forbidden`] when it may not be read.
    pub fn open(&self, path: &[u8]) -> Result<Option<File>> {
        let Ok((directory, name)) = self.directory(path)? else { return Ok(None) };
        // Not blocking: it could have become a pipe.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        match openat(&directory, OsStr::from_bytes(name), flags, Mode::empty()) {
            Ok(file) => Ok(Some(File::from(file)).filter(|file| file.metadata().is_ok_and(|meta| meta.is_file()))),
            Err(Errno::NOENT | Errno::LOOP) => Ok(None),
            Err(error) => Err(failed("read", path, error)),
        }
    }

    /// What the link at `path` says; `None` when there is no link any more.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn link(&self, path: &[u8]) -> Result<Option<Vec<u8>>> {
        let Ok((directory, name)) = self.directory(path)? else { return Ok(None) };
        match readlinkat(&directory, OsStr::from_bytes(name), Vec::new()) {
            Ok(target) => Ok(Some(target.into_bytes())),
            Err(Errno::NOENT | Errno::INVAL) => Ok(None),
            Err(error) => Err(failed("read", path, error)),
        }
    }

    /// Whether the directory at `path` has anything in it; one that cannot be read counts as full.
    pub fn holds_anything(&self, path: &[u8]) -> bool {
        let Ok(Ok((directory, name))) = self.directory(path) else { return false };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match openat(&directory, OsStr::from_bytes(name), flags, Mode::empty()).and_then(rustix::fs::Dir::new) {
            Ok(mut entries) => {
                entries.any(|entry| entry.map_or(true, |entry| !matches!(entry.file_name().to_bytes(), b"." | b"..")))
            }
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => false,
            Err(_) => true,
        }
    }
}

fn seen(directory: &OwnedFd, name: &[u8], path: &[u8]) -> Result<Seen> {
    match statat(directory, OsStr::from_bytes(name), AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => Seen::File(stat),
            FileType::Symlink => Seen::Link(stat),
            FileType::Directory => Seen::Directory,
            _ => Seen::Special,
        }),
        Err(Errno::NOENT) => Ok(Seen::Missing),
        Err(error) => Err(failed("look at", path, error)),
    }
}

fn failed(what: &str, path: &[u8], error: Errno) -> ToolError {
    let code = match error {
        Errno::ACCESS | Errno::PERM => Code::Forbidden,
        Errno::NAMETOOLONG => Code::InvalidArgument,
        _ => Code::Unavailable,
    };
    ToolError::new(code, format!("failed to {what} {}: {}", Untrusted::line_bytes(path).quoted(), error.kind()))
}
