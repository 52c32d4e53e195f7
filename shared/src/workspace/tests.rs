//! Every test that resolves runs once per way of resolving.

mod lookup;
mod new;
mod oracle;
mod race;

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use super::*;

/// A workspace `ws` with something in it, between a sibling of nearly the same name and another directory.
struct Fixture {
    ws: Workspace,
    base: PathBuf,
    mode: &'static str,
    _dir: tempfile::TempDir,
}

const MODES: [(&str, Resolver, bool); 3] =
    [("kernel", Resolver::Kernel, true), ("walk", Resolver::Walk, true), ("walk without /proc", Resolver::Walk, false)];

/// Runs `test` on a fresh tree in every mode this kernel can do.
fn each(test: impl Fn(&Fixture)) {
    for (mode, resolver, proc) in MODES {
        if let Some(fixture) = Fixture::new(mode, resolver, proc) {
            test(&fixture);
        }
    }
}

/// A directory in memory where there is such a place: a busy disk takes seconds to remove thousands of directories.
fn scratch() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

impl Fixture {
    fn new(mode: &'static str, resolver: Resolver, proc: bool) -> Option<Self> {
        let dir = scratch();
        let base = dir.path().canonicalize().unwrap();
        std::fs::set_permissions(&base, std::fs::Permissions::from_mode(0o755)).unwrap();
        for path in ["ws/a/b/c", "ws/d", "ws-evil", "outside"] {
            std::fs::create_dir_all(base.join(path)).unwrap();
        }
        for path in ["ws/top", "ws/a/f", "ws/a/b/f", "ws/a/b/c/f"] {
            std::fs::write(base.join(path), "inside").unwrap();
        }
        for path in ["ws-evil/f", "outside/f"] {
            std::fs::write(base.join(path), "outside").unwrap();
        }
        let ws = Workspace::open_with(&base.join("ws"), Some(resolver), proc).unwrap();
        assert_eq!(ws.inner.proc, proc, "no usable /proc here");
        if resolver == Resolver::Kernel && handle::beneath(ws.root_handle(), b"a").is_err() {
            eprintln!("skipped: this kernel has no openat2");
            return None;
        }
        Some(Self { ws, base, mode, _dir: dir })
    }

    fn path(&self, relative: &str) -> PathBuf {
        self.base.join(relative)
    }

    /// An absolute path as a caller would write it.
    fn absolute(&self, relative: &str) -> String {
        self.path(relative).to_str().unwrap().to_owned()
    }

    fn link(&self, target: impl AsRef<Path>, link: &str) {
        symlink(target, self.path(link)).unwrap();
    }

    /// `input` must resolve to the object at `expected`, relative to the workspace, and be reported so.
    #[track_caller]
    fn finds(&self, input: &str, expected: &str) -> WorkspacePath {
        let found = self.ws.resolve("cwd", input).unwrap_or_else(|error| panic!("{}: {input:?}: {error}", self.mode));
        let path = path::join(&self.path("ws"), Path::new(expected));
        assert_eq!(found.relative(), Path::new(expected), "{}: {input:?}", self.mode);
        assert_eq!(found.absolute().unwrap(), path, "{}: {input:?}", self.mode);
        assert!(found.same_object_as(&path) && found.still_there(), "{}: {input:?}", self.mode);
        found
    }

    #[track_caller]
    fn refuses(&self, input: &str, code: Code) -> ToolError {
        match self.ws.resolve("cwd", input) {
            Ok(found) => panic!("{}: {input:?} was resolved to {}", self.mode, found.display()),
            Err(error) => {
                assert_eq!(error.code(), code, "{}: {input:?}: {error}", self.mode);
                assert!(error.next_step().is_some(), "{}: {input:?} has no hint", self.mode);
                error
            }
        }
    }
}
