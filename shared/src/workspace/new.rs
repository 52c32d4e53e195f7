//! A place in the workspace for something that is about to exist, and the thing while it may still be taken back.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::fs::{AtFlags, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

use super::WorkspacePath;
use super::fault::{self, Fault};
use super::handle::{self, Identity};
use super::path::show;
use super::remove::remove;
use crate::error::{Code, Result, ToolError};

/// A name in a directory of the workspace that is held open. Everything is done relative to that handle, so the
/// directory's own path may be swapped without leading anything astray.
#[derive(Clone, Debug)]
pub struct NewPath {
    parent: WorkspacePath,
    name: OsString,
    replace: bool,
}

impl NewPath {
    pub(super) fn within(parent: WorkspacePath, name: OsString) -> Self {
        Self { parent, name, replace: true }
    }

    pub(super) fn only_new(self) -> Self {
        Self { replace: false, ..self }
    }

    /// The directory it goes into.
    pub fn parent(&self) -> &WorkspacePath {
        &self.parent
    }

    /// The last component: a plain name.
    pub fn name(&self) -> &OsStr {
        &self.name
    }

    /// The path below the workspace.
    pub fn relative(&self) -> PathBuf {
        self.parent.relative().join(&self.name)
    }

    /// [`Self::relative`] as one printable line.
    pub fn display(&self) -> String {
        show(&self.relative())
    }

    /// The absolute path at this moment; see [`WorkspacePath::absolute`] for what that is worth.
    ///
    /// # Errors
    /// As [`WorkspacePath::absolute`] for the directory it goes into.
    pub fn absolute(&self) -> Result<PathBuf> {
        Ok(self.parent.absolute()?.join(&self.name))
    }

    /// Whether something has that name now; a dangling link does.
    ///
    /// # Errors
    /// `forbidden` when the directory may not be searched.
    pub fn exists(&self) -> Result<bool> {
        match Identity::entry(self.parent.as_fd(), self.name.as_os_str()) {
            Ok(_) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(errno) => Err(self.explain(errno)),
        }
    }

    /// A hidden, unused name beside this one, to build in before it is renamed into place.
    pub fn staging(&self) -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let nanos = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.subsec_nanos());
        // Uniqueness only: creating is exclusive, so a name that was guessed and taken is refused, not used.
        let name = format!(".staging-{}-{nanos:08x}-{count}", std::process::id());
        Self { parent: self.parent.clone(), name: name.into(), replace: false }
    }

    /// Makes the directory. It is removed again, with its contents, unless [`Created::keep`] or [`Created::rename_to`]
    /// is called.
    ///
    /// # Errors
    /// `conflict` when the name is taken (also by a dangling link), `forbidden` when the directory may not be written.
    pub fn create_dir(&self) -> Result<Created> {
        rustix::fs::mkdirat(self.parent.as_fd(), self.name.as_os_str(), Mode::from_raw_mode(0o777))
            .map_err(|errno| self.explain(errno))?;
        let handle =
            handle::directory_entry(self.parent.as_fd(), self.name.as_os_str()).map_err(|errno| match errno {
                Errno::NOENT | Errno::NOTDIR => self.moved(),
                other => self.explain(other),
            })?;
        self.created(handle)
    }

    /// Makes the file and opens it for reading and writing. It is removed again unless [`Created::keep`] or
    /// [`Created::rename_to`] is called.
    ///
    /// # Errors
    /// `conflict` when the name is taken (also by a dangling link), `forbidden` when the directory may not be written.
    pub fn create_file(&self) -> Result<(Created, File)> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL;
        let file = handle::open_entry(self.parent.as_fd(), self.name.as_os_str(), flags, Mode::from_raw_mode(0o666))
            .map_err(|errno| self.explain(errno))?;
        let made = Identity::of(file.as_fd()).map_err(|errno| self.explain(errno))?;
        let handle = handle::entry(self.parent.as_fd(), self.name.as_os_str()).map_err(|errno| self.explain(errno))?;
        if Identity::of(handle.as_fd()).ok() != Some(made) {
            return Err(self.moved());
        }
        Ok((self.created(handle)?, File::from(file)))
    }

    fn created(&self, handle: OwnedFd) -> Result<Created> {
        let identity = Identity::of(handle.as_fd()).map_err(|errno| self.explain(errno))?;
        let held = WorkspacePath::hold(self.parent.workspace().clone(), handle, Some(self.relative()));
        match held {
            Ok(path) => Ok(Created { place: self.clone(), path, pending: true }),
            Err(fault) => {
                // The directory was moved away meanwhile: nothing may stay where it does not belong.
                if Identity::entry(self.parent.as_fd(), self.name.as_os_str()).ok() == Some(identity) {
                    let file = rustix::fs::unlinkat(self.parent.as_fd(), self.name.as_os_str(), AtFlags::empty());
                    if file.is_err() {
                        let _ = rustix::fs::unlinkat(self.parent.as_fd(), self.name.as_os_str(), AtFlags::REMOVEDIR);
                    }
                }
                Err(self.parent.explain(fault))
            }
        }
    }

    fn moved(&self) -> ToolError {
        self.parent.explain(Fault::Moved)
    }

    fn explain(&self, errno: Errno) -> ToolError {
        match errno {
            Errno::EXIST | Errno::NOTEMPTY => {
                ToolError::new(Code::Conflict, format!("{} already exists", self.display())).hint("choose another name")
            }
            Errno::ISDIR | Errno::NOTDIR => {
                ToolError::new(Code::Conflict, format!("{} already exists and is of another kind", self.display()))
                    .hint("choose another name")
            }
            Errno::ACCESS | Errno::PERM | Errno::ROFS => {
                let place = self.parent.display();
                ToolError::new(Code::Forbidden, format!("{place} may not be written: {}", fault::words(errno)))
                    .hint("have its permissions changed, or choose another directory")
            }
            Errno::NOENT => ToolError::new(Code::NotFound, format!("{} no longer exists", self.parent.display()))
                .hint("make the directory first"),
            Errno::NAMETOOLONG => ToolError::invalid(format!("{} is too long for the file system", self.display()))
                .hint("choose a shorter name"),
            other => {
                ToolError::new(Code::Unavailable, format!("{} cannot be made: {}", self.display(), fault::words(other)))
                    .hint("check that the file system has room")
            }
        }
    }
}

/// Something made by [`NewPath`] and not yet kept: dropping it removes it, and only it.
#[derive(Debug)]
pub struct Created {
    place: NewPath,
    path: WorkspacePath,
    pending: bool,
}

impl Created {
    /// The object that was made.
    pub fn path(&self) -> &WorkspacePath {
        &self.path
    }

    /// Lets it stay where it was made.
    pub fn keep(mut self) -> WorkspacePath {
        self.pending = false;
        self.path.clone()
    }

    /// Moves it to `target` in one step and lets it stay. An existing file there is replaced only when `target` came
    /// from [`super::Workspace::resolve_new_or_existing`]; an existing directory only if it is also empty. On failure
    /// it is removed. On file systems that cannot refuse to replace, a name taken in the same instant may be replaced.
    ///
    /// # Errors
    /// `conflict` when the target is taken or what was made has been replaced, `unsupported` across file systems.
    pub fn rename_to(mut self, target: &NewPath) -> Result<WorkspacePath> {
        if !self.is_mine(&self.place) {
            return Err(self.place.moved());
        }
        self.rename(target).map_err(|errno| match errno {
            Errno::XDEV => ToolError::new(Code::Unsupported, format!("{} is on another file system", target.display()))
                .hint("choose a target in the same file system"),
            other => target.explain(other),
        })?;
        if !self.is_mine(target) {
            return Err(target.moved());
        }
        self.place = target.clone();
        let handle =
            handle::entry(target.parent.as_fd(), target.name.as_os_str()).map_err(|errno| target.explain(errno))?;
        let path = WorkspacePath::hold(target.parent.workspace().clone(), handle, Some(target.relative()))
            .map_err(|fault| target.parent.explain(fault))?;
        if path.identity() != self.path.identity() {
            return Err(target.moved());
        }
        self.pending = false;
        Ok(path)
    }

    /// Removes it now, a directory with all its contents, and says whether that worked (dropping it stays silent).
    ///
    /// # Errors
    /// `unavailable` with the system's words when something of it remains.
    pub fn remove(mut self) -> Result<()> {
        self.pending = false;
        remove(&self.place.parent, &self.place.name, &self.path).map_err(|errno| {
            let what = format!("{} cannot be removed: {}", self.place.display(), fault::words(errno));
            ToolError::new(Code::Unavailable, what).hint("remove it by hand")
        })
    }

    fn is_mine(&self, place: &NewPath) -> bool {
        Identity::entry(place.parent.as_fd(), place.name.as_os_str()).is_ok_and(|found| found == self.path.identity())
    }

    fn rename(&self, target: &NewPath) -> Result<(), Errno> {
        let (from, to) = (self.place.parent.as_fd(), target.parent.as_fd());
        let (old, new) = (self.place.name.as_os_str(), target.name.as_os_str());
        if !target.replace {
            match rustix::fs::renameat_with(from, old, to, new, RenameFlags::NOREPLACE) {
                Err(Errno::INVAL | Errno::NOSYS) => {}
                done => return done,
            }
            match Identity::entry(to, new) {
                Err(Errno::NOENT) => {}
                Ok(_) => return Err(Errno::EXIST),
                Err(errno) => return Err(errno),
            }
        }
        rustix::fs::renameat(from, old, to, new)
    }
}

impl Drop for Created {
    fn drop(&mut self) {
        if self.pending {
            // Nobody is left to tell; `remove` is there for those who want to know.
            let _ = remove(&self.place.parent, &self.place.name, &self.path);
        }
    }
}
