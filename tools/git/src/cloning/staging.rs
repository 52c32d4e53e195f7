//! Where a clone is made, and what becomes of it when its process is killed.
//!
//! It is made beside its place, under a hidden name that begins with [`PREFIX`], and renamed when it is whole. The process holds a lock
//! (`flock`) on that directory; the kernel takes it back however the process ends. So a directory of such a name whose lock is free belongs
//! to nobody any more, on whichever machine or in whichever container its process was, and the next clone beside it removes it. A file
//! system without such locks keeps what a killed process left.

use std::fs;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::fs::{AtFlags, Dir, FileType, FlockOperation, Mode, OFlags, flock, fstat, openat, statat};
use rustix::io::Errno;
use shared::workspace::{Created, NewPath, Workspace, WorkspacePath};
use shared::{Code, Result, ToolError};

/// How the names begin.
pub const PREFIX: &str = ".mcp-git-clone-";
/// How often another process may be faster.
const ATTEMPTS: usize = 5;

/// A directory that a clone is made in. Dropped, it is removed with everything in it.
pub struct Staging {
    // Removed first, given up afterwards: in between nobody takes it for left behind.
    made: Created,
    lock: Option<OwnedFd>,
}

impl Staging {
    /// Makes one in the directory that `directory`, the parameter of the call, goes to, once what others left there is removed.
    ///
    /// # Errors
    /// As [`NewPath::create_dir`].
    pub fn beside(workspace: &Workspace, directory: &str) -> Result<Self> {
        let (parent, _) = directory.trim_end_matches('/').rsplit_once('/').unwrap_or(("", ""));
        for _ in 0..ATTEMPTS {
            let name = name();
            let place = match (parent, directory.starts_with('/')) {
                ("", false) => name,
                (parent, _) => format!("{parent}/{name}"),
            };
            let place: NewPath = workspace.resolve_new("dir", &place)?;
            sweep(place.parent());
            let made = place.create_dir()?;
            if let Some(lock) = hold(made.path()) {
                return Ok(Self { made, lock });
            }
        }
        Err(ToolError::new(Code::Conflict, "another process keeps removing what this clone begins with")
            .hint("try again"))
    }

    /// The directory.
    pub fn path(&self) -> &WorkspacePath {
        self.made.path()
    }

    /// Puts it in its place.
    ///
    /// # Errors
    /// As [`Created::rename_to`].
    pub fn rename_to(self, place: &NewPath) -> Result<()> {
        let Self { made, lock } = self;
        made.rename_to(place)?;
        drop(lock);
        Ok(())
    }
}

fn name() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let nanos = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.subsec_nanos());
    // Uniqueness only: creating is exclusive.
    format!("{PREFIX}{}-{nanos:08x}-{count}", std::process::id())
}

/// Whether `name` is one that [`name`] makes.
fn is_ours(name: &[u8]) -> bool {
    let Some(rest) = name.strip_prefix(PREFIX.as_bytes()) else { return false };
    let parts: Vec<&[u8]> = rest.split(|byte| *byte == b'-').collect();
    parts.len() == 3 && parts.iter().all(|part| !part.is_empty() && part.iter().all(u8::is_ascii_hexdigit))
}

/// Whether a directory is what a clone leaves: nothing yet, or with a `.git` that no commit can hold. A name alone proves nothing.
fn is_clone(directory: &OwnedFd) -> bool {
    let git = statat(directory, ".git", AtFlags::SYMLINK_NOFOLLOW);
    if git.is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode).is_dir()) {
        return true;
    }
    Dir::read_from(directory).is_ok_and(|mut entries| {
        entries.all(|entry| entry.is_ok_and(|entry| matches!(entry.file_name().to_bytes(), b"." | b"..")))
    })
}

/// Locks a directory just made; `None` when somebody took it for left behind in that instant. Where nothing can be locked, nobody can.
fn hold(made: &WorkspacePath) -> Option<Option<OwnedFd>> {
    let Ok(handle) = made.open_dir() else { return Some(None) };
    match flock(&handle, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) if made.still_there() => Some(Some(handle)),
        Ok(()) | Err(Errno::WOULDBLOCK) => None,
        Err(_) => Some(None),
    }
}

/// Removes from `parent` what processes that are gone left of their clones. What cannot be removed stays; nobody waits for it.
fn sweep(parent: &WorkspacePath) {
    let Ok(handle) = parent.open_dir() else { return };
    let Ok(path) = parent.absolute() else { return };
    for entry in fs::read_dir(&path).into_iter().flatten().flatten() {
        let name = entry.file_name();
        if !is_ours(name.as_encoded_bytes()) {
            continue;
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let Ok(left) = openat(handle.as_fd(), &name, flags, Mode::empty()) else { continue };
        if flock(&left, FlockOperation::NonBlockingLockExclusive).is_err() {
            continue;
        }
        let same = |name: &std::ffi::OsStr| {
            let there = statat(handle.as_fd(), name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
            let held = fstat(&left).ok()?;
            Some((there.st_dev, there.st_ino) == (held.st_dev, held.st_ino))
        };
        if same(&name) == Some(true) && is_clone(&left) {
            let _ = fs::remove_dir_all(path.join(&name));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(directory: &std::path::Path) -> Vec<String> {
        let entries = fs::read_dir(directory).unwrap().flatten();
        let mut names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn what_nobody_holds_is_removed_and_what_somebody_makes_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let workspace = Workspace::open(dir.path()).unwrap();
        fs::create_dir_all(dir.path().join("a/.mcp-git-clone-1-00000000-0/.git/objects")).unwrap();
        fs::write(dir.path().join("a/.mcp-git-clone-1-00000000-0/file"), "x").unwrap();
        // Content of a repository can have such a name, and no `.git` in it.
        fs::create_dir(dir.path().join("a/.mcp-git-clone-4-00000000-0")).unwrap();
        fs::write(dir.path().join("a/.mcp-git-clone-4-00000000-0/precious"), "x").unwrap();
        let kept = [".mcp-git-clone-", ".mcp-git-clone-notes", ".mcp-git-clone-1-x-2", ".staging-1-00000000-0", "r"];
        for name in kept {
            fs::create_dir(dir.path().join("a").join(name)).unwrap();
        }
        fs::write(dir.path().join("a/.mcp-git-clone-2-00000000-0"), "a file is no clone").unwrap();
        std::os::unix::fs::symlink("r", dir.path().join("a/.mcp-git-clone-3-00000000-0")).unwrap();
        let first = Staging::beside(&workspace, "a/new").unwrap();
        let second = Staging::beside(&workspace, "a/other/").unwrap();
        let there = names(&dir.path().join("a"));
        assert_eq!(there.len(), kept.len() + 5, "{there:?}");
        assert!(!there.contains(&".mcp-git-clone-1-00000000-0".to_owned()), "{there:?}");
        assert!(first.path().still_there() && second.path().still_there());
        let absolute = dir.path().canonicalize().unwrap().join("a/third");
        let third = Staging::beside(&workspace, absolute.to_str().unwrap()).unwrap();
        assert!(third.path().relative().starts_with("a"));
        third.rename_to(&workspace.resolve_new("dir", "a/third").unwrap()).unwrap();
        drop((first, second));
        assert_eq!(names(&dir.path().join("a")).len(), kept.len() + 4);
    }

    #[test]
    fn at_the_top_of_the_workspace() {
        let dir = tempfile::tempdir().unwrap();
        let workspace = Workspace::open(dir.path()).unwrap();
        let made = Staging::beside(&workspace, "new").unwrap();
        assert!(is_ours(made.path().relative().as_os_str().as_encoded_bytes()));
        drop(made);
        assert!(names(dir.path()).is_empty());
    }
}
