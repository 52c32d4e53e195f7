//! Resolving a path one component at a time, without ever letting the kernel follow a link.
//!
//! Every step opens one name relative to the handle before it, so a link that is swapped in meanwhile is met as a link
//! and judged, not followed. Where a link is absolute the walk restarts at `/` and counts as outside until it meets the
//! workspace's own root again.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::Arc;

use rustix::fs::FileType;
use rustix::io::Errno;

use super::fault::Fault;
use super::handle::{self, Identity};
use super::{Inner, first_component};

/// Links followed in one resolution, the kernel's own limit.
pub(super) const MAX_LINKS: usize = 40;
/// Directories opened in one resolution: a bound on the time a hostile path can take.
const MAX_STEPS: usize = 20_000;
/// How many handles of a deep path are kept for going back up.
const KEPT: usize = 32;

/// One name still to be gone through.
struct Pending {
    name: OsString,
    /// It was read from a link that lies outside, which nobody inside the workspace chose.
    vouched: bool,
}

struct Walk<'a> {
    root: &'a Inner,
    trail: Trail,
    inside: bool,
    /// In reverse: the next name is last.
    pending: Vec<Pending>,
    links: usize,
}

/// Resolves `input` to a handle beneath the root and the names that lead there without any link.
pub(super) fn walk(root: &Inner, input: &[u8]) -> Result<(OwnedFd, PathBuf), Fault> {
    let trail = Trail::new(Arc::clone(&root.root));
    let mut walk = Walk { root, trail, inside: true, pending: Vec::new(), links: 0 };
    // Whatever goes wrong outside is told in one way: what exists there is nobody's business here.
    walk.run(input).map_err(|fault| if walk.inside { fault } else { fault.seen_from_outside() })?;
    let names = walk.trail.names.iter().collect();
    Ok((walk.trail.into_handle()?, names))
}

impl Walk<'_> {
    fn run(&mut self, input: &[u8]) -> Result<(), Fault> {
        self.follow(input, false)?;
        while let Some(Pending { name, vouched }) = self.pending.pop() {
            match name.as_bytes() {
                b"." => self.trail.searchable()?,
                b".." => self.up(vouched)?,
                _ => self.down(&name)?,
            }
        }
        if self.inside { Ok(()) } else { Err(Fault::Outside) }
    }

    /// Puts the names of `path` before everything pending; an absolute one starts over.
    fn follow(&mut self, path: &[u8], vouched: bool) -> Result<(), Fault> {
        let mut rest = path;
        if path.starts_with(b"/") {
            if let Some(below) = self.root.inside(path) {
                rest = below;
                self.enter_root();
            } else {
                self.inside = false;
                self.trail.restart(Arc::new(handle::open_root("/".as_ref())?));
            }
        }
        // A trailing slash asks for a directory, as does a final `.`.
        if rest.ends_with(b"/") {
            self.pending.push(Pending { name: ".".into(), vouched });
        }
        let mut names = Vec::new();
        while let Some((name, after)) = first_component(rest) {
            names.push(Pending { name: OsStr::from_bytes(name).to_owned(), vouched });
            rest = after;
        }
        names.reverse();
        self.pending.extend(names);
        Ok(())
    }

    fn enter_root(&mut self) {
        self.inside = true;
        self.trail.restart(Arc::clone(&self.root.root));
    }

    fn up(&mut self, vouched: bool) -> Result<(), Fault> {
        // A caller who could write `/some/where/..` would learn from the answer whether /some/where exists.
        if !self.inside && !vouched {
            return Err(Fault::Outside);
        }
        self.trail.searchable()?;
        if self.trail.names.is_empty() {
            // At `/` it leads nowhere; at the root of the workspace it leads out.
            return if self.inside && self.root.path.parent().is_some() { Err(Fault::Outside) } else { Ok(()) };
        }
        self.trail.pop()
    }

    fn down(&mut self, name: &OsStr) -> Result<(), Fault> {
        let found = self.trail.open(name)?;
        let stat = rustix::fs::fstat(&found)?;
        if handle::kind(&stat) == FileType::Symlink {
            return self.link(found.as_fd());
        }
        let is_root = !self.inside && Identity::from_stat(&stat) == self.root.identity;
        if is_root {
            self.enter_root();
        } else {
            self.trail.push(name.to_owned(), found);
        }
        Ok(())
    }

    fn link(&mut self, link: BorrowedFd<'_>) -> Result<(), Fault> {
        self.links += 1;
        if self.links > MAX_LINKS {
            return Err(Fault::TooManyLinks);
        }
        // The text of such a link is not where it leads.
        if handle::on_procfs(link) {
            return Err(Fault::Outside);
        }
        let target = rustix::fs::readlinkat(link, "", Vec::new())?.into_bytes();
        if target.is_empty() {
            return Err(Fault::NotFound);
        }
        self.follow(&target, !self.inside)
    }
}

/// The names from a base directory to where the walk stands, and the handles of the last few of them.
struct Trail {
    base: Arc<OwnedFd>,
    names: Vec<OsString>,
    /// Never empty while `names` is not.
    recent: VecDeque<OwnedFd>,
    steps: usize,
}

impl Trail {
    fn new(base: Arc<OwnedFd>) -> Self {
        Self { base, names: Vec::new(), recent: VecDeque::new(), steps: 0 }
    }

    fn restart(&mut self, base: Arc<OwnedFd>) {
        self.base = base;
        self.names.clear();
        self.recent.clear();
    }

    fn here(&self) -> BorrowedFd<'_> {
        self.recent.back().map_or_else(|| self.base.as_fd(), AsFd::as_fd)
    }

    fn step(&mut self) -> Result<(), Fault> {
        self.steps += 1;
        if self.steps > MAX_STEPS { Err(Fault::TooLong) } else { Ok(()) }
    }

    fn open(&mut self, name: &OsStr) -> Result<OwnedFd, Fault> {
        self.step()?;
        Ok(handle::entry(self.here(), name)?)
    }

    /// Fails unless this is a directory that may be searched, as `.` and `..` do in the kernel.
    fn searchable(&mut self) -> Result<(), Fault> {
        self.step()?;
        handle::directory_entry(self.here(), ".")?;
        Ok(())
    }

    fn push(&mut self, name: OsString, found: OwnedFd) {
        self.names.push(name);
        self.keep(found);
    }

    fn keep(&mut self, found: OwnedFd) {
        self.recent.push_back(found);
        if self.recent.len() > KEPT {
            self.recent.pop_front();
        }
    }

    fn pop(&mut self) -> Result<(), Fault> {
        self.names.pop();
        self.recent.pop_back();
        if self.recent.is_empty() {
            // Too far up for the kept handles: go down again from the base, where no link is accepted.
            for name in std::mem::take(&mut self.names) {
                self.step()?;
                let found = handle::directory_entry(self.here(), name.as_os_str()).map_err(|errno| match errno {
                    Errno::NOENT | Errno::NOTDIR | Errno::LOOP => Fault::Moved,
                    other => other.into(),
                })?;
                self.push(name, found);
            }
        }
        Ok(())
    }

    fn into_handle(mut self) -> Result<OwnedFd, Fault> {
        match self.recent.pop_back() {
            Some(handle) => Ok(handle),
            None => Ok(rustix::io::fcntl_dupfd_cloexec(self.base.as_fd(), 0)?),
        }
    }
}

/// Goes down `names` from the root without accepting any link, and opens the last one with `flags`.
pub(super) fn open_plain(
    root: BorrowedFd<'_>,
    names: &std::path::Path,
    flags: rustix::fs::OFlags,
) -> Result<OwnedFd, Errno> {
    let mut held: Option<OwnedFd> = None;
    let mut names = names.iter().peekable();
    while let Some(name) = names.next() {
        let here = held.as_ref().map_or(root, AsFd::as_fd);
        if names.peek().is_none() {
            return handle::open_entry(here, name, flags, rustix::fs::Mode::empty());
        }
        held = Some(handle::directory_entry(here, name)?);
    }
    handle::open_entry(root, ".", flags, rustix::fs::Mode::empty())
}
