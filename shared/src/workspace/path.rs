//! An existing object of the workspace, held by a handle.

use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{FileType, OFlags};
use rustix::io::Errno;

use super::fault::Fault;
use super::handle::{self, Identity};
use super::walk::open_plain;
use super::{Inner, Workspace};
use crate::error::{Result, ToolError};

/// An existing object inside the workspace. It holds a handle on the object itself (`O_PATH`, so it was not opened for
/// reading), and every method speaks of that object, whatever its name has come to mean since.
#[derive(Clone, Debug)]
pub struct WorkspacePath {
    workspace: Workspace,
    handle: Arc<OwnedFd>,
    relative: PathBuf,
    identity: Identity,
    kind: FileType,
}

impl WorkspacePath {
    /// `names` lead to `found` from the root without a link; without them `/proc` is asked. Where `/proc` is there it
    /// has the last word, so nothing is handed out that lies outside by now.
    pub(super) fn hold(workspace: Workspace, found: OwnedFd, names: Option<PathBuf>) -> Result<Self, Fault> {
        let stat = rustix::fs::fstat(&found)?;
        let relative = match names {
            Some(names) if !workspace.inner.proc => names,
            _ => workspace.inner.place(found.as_fd())?,
        };
        Ok(Self {
            workspace,
            handle: Arc::new(found),
            relative,
            identity: Identity::from_stat(&stat),
            kind: handle::kind(&stat),
        })
    }

    /// The workspace it belongs to.
    pub fn workspace(&self) -> &Workspace {
        &self.workspace
    }

    /// The canonical absolute path of the object at this moment, for a library that takes nothing else. The name can be
    /// given to something else before the library looks: check with [`Self::same_object_as`] what it opened.
    ///
    /// # Errors
    /// `conflict` when the object has been moved out of the workspace, `not_found` when it has been deleted.
    pub fn absolute(&self) -> Result<PathBuf> {
        let inner = &self.workspace.inner;
        if inner.proc {
            return match inner.place(self.handle.as_fd()) {
                Ok(_) => handle::where_is(self.handle.as_fd()).map_err(|errno| self.explain(errno.into())),
                Err(fault) => Err(self.explain(fault)),
            };
        }
        match self.still_there() {
            true => Ok(join(&inner.path, &self.relative)),
            false => Err(self.explain(Fault::Moved)),
        }
    }

    /// The path below the workspace when it was resolved, free of links and `..`; empty for the workspace itself.
    pub fn relative(&self) -> &Path {
        &self.relative
    }

    /// [`Self::relative`] as one printable line: `.` for the workspace itself, unprintable characters escaped.
    pub fn display(&self) -> String {
        show(&self.relative)
    }

    /// Which object it is.
    pub fn identity(&self) -> Identity {
        self.identity
    }

    /// Whether it is a directory.
    pub fn is_dir(&self) -> bool {
        self.kind == FileType::Directory
    }

    /// Whether it is a regular file (and not a pipe, socket or device).
    pub fn is_file(&self) -> bool {
        self.kind == FileType::RegularFile
    }

    /// Size, times, permissions and link count of the object, read now.
    ///
    /// # Errors
    /// `unavailable` when the system cannot tell.
    pub fn metadata(&self) -> Result<std::fs::Metadata> {
        let handle = self.handle.try_clone().map_err(|error| self.io(&error))?;
        File::from(handle).metadata().map_err(|error| self.io(&error))
    }

    /// Opens the directory for listing and as the anchor of `*at` calls.
    ///
    /// # Errors
    /// `invalid_argument` when it is not a directory, `forbidden` when it may not be read.
    pub fn open_dir(&self) -> Result<OwnedFd> {
        if !self.is_dir() {
            return Err(ToolError::invalid(format!("{} is not a directory", self.display())).hint("name a directory"));
        }
        handle::open_entry(self.handle.as_fd(), ".", OFlags::RDONLY | OFlags::DIRECTORY, rustix::fs::Mode::empty())
            .map_err(|errno| self.explain(errno.into()))
    }

    /// Opens the regular file for reading.
    ///
    /// # Errors
    /// `invalid_argument` when it is anything but a regular file (a pipe would block, a device would act); `forbidden`
    /// when it may not be read; `conflict` when, without `/proc`, its name leads to something else by now.
    pub fn open_file(&self) -> Result<File> {
        if !self.is_file() {
            return Err(ToolError::invalid(format!("{} is not a regular file", self.display())).hint("name a file"));
        }
        let opened = if self.workspace.inner.proc {
            handle::reopen(self.handle.as_fd(), OFlags::RDONLY)
        } else {
            open_plain(self.workspace.root_handle(), &self.relative, OFlags::RDONLY)
        };
        let opened = opened.map_err(|errno| match errno {
            // It was there, and not through a link, when it was resolved.
            Errno::NOENT | Errno::NOTDIR | Errno::LOOP => self.explain(Fault::Moved),
            other => self.explain(other.into()),
        })?;
        match Identity::of(opened.as_fd()) {
            Ok(identity) if identity == self.identity => Ok(File::from(opened)),
            Ok(_) => Err(self.explain(Fault::Moved)),
            Err(errno) => Err(self.explain(errno.into())),
        }
    }

    /// Whether `path` leads to this very object now, links followed. Meant for what a library says it has opened. It
    /// cannot notice a name that was swapped and swapped back in between: where the library exposes a descriptor, pass
    /// its `/proc/self/fd/N`.
    pub fn same_object_as(&self, path: impl AsRef<Path>) -> bool {
        Identity::at(path.as_ref()).is_ok_and(|identity| identity == self.identity)
    }

    /// Whether the workspace's path still leads to the workspace, and [`Self::relative`] from there, through no link,
    /// to this very object.
    pub fn still_there(&self) -> bool {
        let inner = &self.workspace.inner;
        Identity::at(&inner.path).is_ok_and(|identity| identity == inner.identity)
            && open_plain(self.workspace.root_handle(), &self.relative, OFlags::PATH)
                .and_then(|found| Identity::of(found.as_fd()))
                .is_ok_and(|identity| identity == self.identity)
    }

    pub(super) fn explain(&self, fault: Fault) -> ToolError {
        fault.explain("path", &self.display(), self.workspace.root())
    }

    fn io(&self, error: &std::io::Error) -> ToolError {
        let errno = Errno::from_io_error(error).unwrap_or(Errno::IO);
        self.explain(errno.into())
    }
}

/// The handle on the object, for `*at` calls.
impl AsFd for WorkspacePath {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.handle.as_fd()
    }
}

impl Inner {
    /// Where `handle` lies below the root, both as they are now.
    fn place(&self, handle: BorrowedFd<'_>) -> Result<PathBuf, Fault> {
        // The kernel marks a deleted object only by words after its old path, which a living one may bear too.
        if rustix::fs::fstat(handle)?.st_nlink == 0 {
            return Err(Fault::NotFound);
        }
        let (place, root) = (handle::where_is(handle)?, handle::where_is(self.root.as_fd())?);
        // Something detached from this process's tree shows a path that does not begin at `/`.
        if !place.is_absolute() || !root.is_absolute() {
            return Err(Fault::Moved);
        }
        place.strip_prefix(&root).map(Path::to_path_buf).map_err(|_| Fault::Moved)
    }
}

/// `base/relative`, and `base` itself, without a trailing slash, when there is nothing to add.
pub(super) fn join(base: &Path, relative: &Path) -> PathBuf {
    if relative.as_os_str().is_empty() { base.to_path_buf() } else { base.join(relative) }
}

pub(super) fn show(relative: &Path) -> String {
    if relative.as_os_str().is_empty() {
        return ".".to_owned();
    }
    // Debug escapes what does not print, bidi controls included; its quotes are not wanted here.
    let quoted = format!("{:?}", relative.to_string_lossy());
    quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default().replace("\\\"", "\"")
}
