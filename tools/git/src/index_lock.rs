//! The index under git's own lock, from reading it to replacing it.
//!
//! libgit2 locks the index only while it writes it, so what another process staged since it was read would be lost. Here
//! `index.lock` is made first and holds a copy of the index; libgit2 reads and rewrites the copy, and one rename puts it in place.
//! A process that is killed in between leaves the index as it was, and `index.lock` behind, as git does.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::MetadataExt,
    path::PathBuf,
    time::SystemTime,
};

use git2::{Index, Repository};
use shared::{Code, Result, ToolError};

use crate::failure::OrFail;

/// An index without entries: header, and its SHA-1.
const EMPTY: [u8; 32] = [
    b'D', b'I', b'R', b'C', 0, 0, 0, 2, 0, 0, 0, 0, 0x39, 0xd8, 0x90, 0x13, 0x9e, 0xe5, 0x35, 0x6c, 0x7e, 0xf5, 0x72,
    0x21, 0x6c, 0xeb, 0xcd, 0x27, 0xaa, 0x41, 0xf9, 0xdf,
];

/// Which index file it is: every write of the index makes a new one. All zero when there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Version {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Version {
    /// The index of `git` as it is now.
    pub fn of(git: &Repository) -> Self {
        fs::metadata(git.path().join("index")).map(|meta| Self::from(&meta)).unwrap_or_default()
    }
}

impl From<&fs::Metadata> for Version {
    fn from(meta: &fs::Metadata) -> Self {
        Self {
            device: meta.dev(),
            inode: meta.ino(),
            size: meta.size(),
            modified: (meta.mtime(), meta.mtime_nsec()),
            changed: (meta.ctime(), meta.ctime_nsec()),
        }
    }
}

/// The locked index. Dropped without [`Self::publish`], it leaves everything as it was.
pub struct IndexLock<'r> {
    git: &'r Repository,
    /// What `index.lock` holds; also the index `git` works with from now on.
    pub index: Index,
    /// The version that was copied.
    pub version: Version,
    files: Files,
}

struct Files {
    index: PathBuf,
    lock: PathBuf,
    published: bool,
}

impl Drop for Files {
    fn drop(&mut self) {
        if !self.published {
            // Nothing can be done about a failure here; the next writer is told about the file.
            let _ = fs::remove_file(&self.lock);
        }
    }
}

impl<'r> IndexLock<'r> {
    /// Takes the lock and reads the index.
    ///
    /// # Errors
    /// [`Code::Conflict`] when another process has it.
    pub fn take(git: &'r Repository) -> Result<Self> {
        let index = git.path().join("index");
        let lock = git.path().join("index.lock");
        let mut copy = match OpenOptions::new().write(true).create_new(true).open(&lock) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(taken(&lock)),
            Err(error) => return Err(failed("lock the index", &error)),
        };
        // From here on the lock goes when this does.
        let files = Files { index, lock, published: false };
        let version = fill(&files, &mut copy).map_err(|error| failed("copy the index", &error))?;
        let mut index = Index::open(&files.lock).or_fail("read the index")?;
        git.set_index(&mut index).or_fail("read the index")?;
        Ok(Self { git, index, version, files })
    }

    /// Writes the index and puts it in place, in one step for everybody else.
    ///
    /// # Errors
    /// Those of the file system; the index is then as it was.
    pub fn publish(mut self) -> Result<()> {
        self.index.write().or_fail("write the index")?;
        fs::rename(&self.files.lock, &self.files.index).map_err(|error| failed("replace the index", &error))?;
        self.files.published = true;
        // For whoever goes on with the same handle; the index itself is in place whatever becomes of this.
        if let Ok(mut index) = Index::open(&self.files.index) {
            let _ = self.git.set_index(&mut index);
        }
        Ok(())
    }
}

/// Copies the index into its lock; the version that was copied.
fn fill(files: &Files, copy: &mut File) -> io::Result<Version> {
    let mut source = match File::open(&files.index) {
        Ok(source) => source,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            copy.write_all(&EMPTY)?;
            return Ok(Version::default());
        }
        Err(error) => return Err(error),
    };
    let meta = source.metadata()?;
    io::copy(&mut source, copy)?;
    // Files touched in the very moment the index was written are recognised by its time, so the copy has to have the same.
    copy.set_modified(meta.modified()?)?;
    Ok(Version::from(&meta))
}

fn taken(lock: &std::path::Path) -> ToolError {
    let age = fs::metadata(lock)
        .and_then(|meta| meta.modified())
        .ok()
        .and_then(|made| SystemTime::now().duration_since(made).ok())
        .map(|age| format!(" (for {} s)", age.as_secs()));
    ToolError::new(Code::Conflict, format!("another git process has the index locked{}", age.unwrap_or_default()))
        .hint("try again; if no git process is at work here, one was killed: remove .git/index.lock")
}

fn failed(what: &str, error: &io::Error) -> ToolError {
    let code = match error.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Code::Forbidden,
        _ => Code::Unavailable,
    };
    ToolError::new(code, format!("failed to {what}: {}", error.kind()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repository() -> (tempfile::TempDir, Repository) {
        let dir = tempfile::tempdir().unwrap();
        let git = Repository::init(dir.path()).unwrap();
        (dir, git)
    }

    #[test]
    fn the_first_index_is_made() {
        let (_dir, git) = repository();
        let lock = IndexLock::take(&git).unwrap();
        assert_eq!(lock.index.len(), 0);
        assert_eq!(lock.version, Version::of(&git));
        lock.publish().unwrap();
        assert!(git.path().join("index").exists());
        assert!(!git.path().join("index.lock").exists());
    }

    #[test]
    fn a_lock_that_is_dropped_leaves_nothing_and_one_that_is_held_is_a_conflict() {
        let (_dir, git) = repository();
        let held = IndexLock::take(&git).unwrap();
        let error = IndexLock::take(&git).err().unwrap();
        assert_eq!(error.code(), Code::Conflict);
        assert!(git.path().join("index.lock").exists(), "somebody else's lock is not ours to remove");
        drop(held);
        assert!(!git.path().join("index.lock").exists());
        assert!(!git.path().join("index").exists());
    }

    #[test]
    fn the_copy_has_the_time_of_the_index() {
        let (_dir, git) = repository();
        IndexLock::take(&git).unwrap().publish().unwrap();
        let old = SystemTime::UNIX_EPOCH + std::time::Duration::new(1_000_000_000, 5_000);
        File::options().write(true).open(git.path().join("index")).unwrap().set_modified(old).unwrap();
        let lock = IndexLock::take(&git).unwrap();
        assert_eq!(fs::metadata(git.path().join("index.lock")).unwrap().modified().unwrap(), old);
        drop(lock);
    }
}
