//! The directory tree the tools may touch, and how a path named by a caller becomes a handle inside it.
//!
//! A caller's string is resolved exactly once, beneath an opened directory handle; what comes out is a
//! [`WorkspacePath`] or a [`NewPath`], which hold handles to the objects themselves. Swapping a symbolic link after
//! that changes nothing, because no string is looked up again. Where the kernel has `openat2` it does the resolving
//! (`RESOLVE_BENEATH`); otherwise, and for everything it declines, the tree is walked component by component without
//! following links.

mod fault;
mod handle;
mod new;
mod path;
mod remove;
#[cfg(test)]
mod tests;
mod walk;

use std::ffi::OsString;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{Code, Result, ToolError};

use fault::Fault;
pub use handle::Identity;
pub use new::{Created, NewPath};
pub use path::WorkspacePath;

/// The longest path accepted from a caller, in bytes: what the kernel takes, less its terminator.
pub const MAX_PATH_BYTES: usize = 4095;
/// The longest name between two slashes, in bytes.
pub const MAX_NAME_BYTES: usize = 255;

/// What turns a relative path into a handle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolver {
    /// `openat2` with `RESOLVE_BENEATH`; what it declines (absolute links, errors) is decided by the walk.
    Kernel,
    /// One component at a time, following no link blindly.
    Walk,
}

/// The tree that tools may read and write. Cloning it shares the same open handle.
#[derive(Clone, Debug)]
pub struct Workspace {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    root: Arc<OwnedFd>,
    path: PathBuf,
    identity: Identity,
    resolver: Resolver,
    /// Whether `/proc/self/fd` tells where an open handle lies.
    proc: bool,
}

impl Workspace {
    /// Opens `path` as the workspace. Links in `path` are followed now and never again.
    ///
    /// # Errors
    /// [`Code::Unavailable`] when it does not exist, is not a directory or may not be entered.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::open_with(path.as_ref(), None, true)
    }

    /// The workspace the environment names: `WORKSPACE`; else `/workspace` if it exists; else, when `terminal` says
    /// that a person started this in a terminal, the current directory. An empty `WORKSPACE` counts as unset.
    ///
    /// # Errors
    /// [`Code::Unavailable`], naming the variable, when there is none or it cannot be opened.
    pub fn from_env(terminal: bool) -> Result<Self> {
        Self::choose(std::env::var_os("WORKSPACE"), Path::new("/workspace"), terminal)
    }

    fn choose(variable: Option<OsString>, usual: &Path, terminal: bool) -> Result<Self> {
        if let Some(named) = variable.filter(|value| !value.is_empty()) {
            return Self::open(&named).map_err(|error| {
                ToolError::new(error.code(), format!("WORKSPACE: {}", error.message()))
                    .hint("set WORKSPACE to an existing directory")
            });
        }
        if usual.is_dir() {
            return Self::open(usual);
        }
        if terminal {
            return Self::open(".");
        }
        Err(ToolError::new(
            Code::Unavailable,
            format!("no workspace: WORKSPACE is not set and {usual:?} does not exist"),
        )
        .hint("set WORKSPACE to an existing directory"))
    }

    /// `resolver: None` chooses what this kernel has; `proc: false` behaves as if `/proc` were not mounted.
    fn open_with(path: &Path, resolver: Option<Resolver>, proc: bool) -> Result<Self> {
        let failed = |what: &str| ToolError::new(Code::Unavailable, format!("workspace {path:?} {what}"));
        let root = handle::open_root(path).map_err(|errno| failed(&format!("cannot be opened: {errno}")))?;
        let canonical = std::fs::canonicalize(path)
            .map_err(|error| failed(&format!("cannot be opened: {}", fault::plain(&error))))?;
        let identity = Identity::of(root.as_fd()).map_err(|errno| failed(&format!("cannot be examined: {errno}")))?;
        if Identity::at(&canonical).ok() != Some(identity) {
            return Err(failed("was replaced while it was being opened").hint("try again"));
        }
        let proc = proc && handle::where_is(root.as_fd()).is_ok_and(|seen| seen == canonical) && handle::proc_is_real();
        // Without /proc only the walk knows which names it went through, and a path without a name cannot be shown.
        let resolver = resolver.unwrap_or_else(|| match proc && handle::beneath(root.as_fd(), b".").is_ok() {
            true => Resolver::Kernel,
            false => Resolver::Walk,
        });
        Ok(Self { inner: Arc::new(Inner { root: Arc::new(root), path: canonical, identity, resolver, proc }) })
    }

    /// The canonical path of the workspace, as it was when it was opened.
    pub fn root(&self) -> &Path {
        &self.inner.path
    }

    /// What resolves paths here, for a doctor command.
    pub fn resolver(&self) -> Resolver {
        self.inner.resolver
    }

    /// Turns `input` (the value of the parameter `param`) into a handle on an existing object.
    ///
    /// `input` is relative to the workspace, or absolute and inside it after every link has been followed; empty and
    /// `.` are the workspace itself. `..` may not climb out of the workspace, not even to come back in.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`] for control characters, over-long paths, and more than 40 links; [`Code::NotFound`]
    /// when nothing of that name is inside; [`Code::Forbidden`] when it leads outside, in the same words whether or not
    /// anything is there; [`Code::Forbidden`] too when a directory inside may not be searched.
    pub fn resolve(&self, param: &str, input: &str) -> Result<WorkspacePath> {
        check(param, input)?;
        self.locate(input.as_bytes()).map_err(|fault| fault.explain(param, input, self.root()))
    }

    /// Turns `input` into a place for something new: the directory it goes into is resolved as by [`Self::resolve`] and
    /// held open; the last component must be a plain name. A trailing slash is ignored.
    ///
    /// # Errors
    /// As [`Self::resolve`], and [`Code::Conflict`] when something of that name exists (a dangling link counts).
    pub fn resolve_new(&self, param: &str, input: &str) -> Result<NewPath> {
        let place = self.resolve_new_or_existing(param, input)?.only_new();
        match place.exists() {
            Ok(false) => Ok(place),
            Ok(true) => Err(ToolError::new(Code::Conflict, format!("{param} {} already exists", fault::quote(input)))
                .hint("choose another name")),
            Err(error) => Err(error),
        }
    }

    /// As [`Self::resolve_new`], for a name that may exist already and would then be replaced.
    ///
    /// # Errors
    /// As [`Self::resolve`], and [`Code::InvalidArgument`] when the last component is not a plain name.
    pub fn resolve_new_or_existing(&self, param: &str, input: &str) -> Result<NewPath> {
        check(param, input)?;
        let trimmed = input.trim_end_matches('/');
        let (parent, name) = match trimmed.rsplit_once('/') {
            Some(("", name)) => ("/", name),
            Some((parent, name)) => (parent, name),
            None => ("", trimmed),
        };
        let is_root = input.starts_with('/') && self.inner.inside(input.as_bytes()).is_some_and(<[u8]>::is_empty);
        if is_root || matches!(name, "" | "." | "..") {
            let message = format!("{param} {} does not end in the name of something new", fault::quote(input));
            return Err(ToolError::invalid(message).hint("give a path whose last component is a plain name"));
        }
        let parent = self
            .locate(parent.as_bytes())
            .and_then(|parent| if parent.is_dir() { Ok(parent) } else { Err(Fault::NotDirectory) })
            .map_err(|fault| fault.explain(param, input, self.root()))?;
        Ok(NewPath::within(parent, name.into()))
    }

    fn locate(&self, input: &[u8]) -> Result<WorkspacePath, Fault> {
        if self.inner.resolver == Resolver::Kernel
            && self.inner.proc
            && let Some(rest) = self.inner.relative_input(input)
            && let Ok(found) = handle::beneath(self.inner.root.as_fd(), rest)
        {
            // `None` as names: where the kernel arrived is asked of /proc.
            return WorkspacePath::hold(self.clone(), found, None);
        }
        let (found, names) = walk::walk(&self.inner, input)?;
        WorkspacePath::hold(self.clone(), found, Some(names))
    }

    fn root_handle(&self) -> BorrowedFd<'_> {
        self.inner.root.as_fd()
    }
}

impl Inner {
    /// What remains of an absolute path below the workspace's own canonical path, compared name by name.
    fn inside<'a>(&self, absolute: &'a [u8]) -> Option<&'a [u8]> {
        let mut rest = absolute;
        for expected in self.path.as_os_str().as_bytes().split(|byte| *byte == b'/').filter(|name| !name.is_empty()) {
            loop {
                let (name, after) = first_component(rest)?;
                rest = after;
                match name {
                    b"." => {}
                    name if name == expected => break,
                    _ => return None,
                }
            }
        }
        let start = rest.iter().position(|byte| *byte != b'/').unwrap_or(rest.len());
        rest.get(start..)
    }

    /// The part of a caller's path that can be handed to the kernel beneath the root handle.
    fn relative_input<'a>(&self, input: &'a [u8]) -> Option<&'a [u8]> {
        let rest = if input.starts_with(b"/") { self.inside(input)? } else { input };
        Some(if rest.is_empty() { b"." } else { rest })
    }
}

/// The first name of `path` and what follows it; `None` when only slashes are left.
fn first_component(path: &[u8]) -> Option<(&[u8], &[u8])> {
    let start = path.iter().position(|byte| *byte != b'/')?;
    let path = path.get(start..)?;
    let end = path.iter().position(|byte| *byte == b'/').unwrap_or(path.len());
    path.split_at_checked(end)
}

fn check(param: &str, input: &str) -> Result<()> {
    // The value is not repeated here: it holds what must not be printed, or too much of it.
    if input.chars().any(char::is_control) {
        return Err(ToolError::invalid(format!("{param} contains a control character")).hint("remove it"));
    }
    if input.len() > MAX_PATH_BYTES {
        return Err(ToolError::invalid(format!("{param} is longer than {MAX_PATH_BYTES} bytes"))
            .hint("start from a directory further down"));
    }
    if input.split('/').any(|name| name.len() > MAX_NAME_BYTES) {
        return Err(ToolError::invalid(format!("{param} has a component longer than {MAX_NAME_BYTES} bytes"))
            .hint("check the path"));
    }
    Ok(())
}
