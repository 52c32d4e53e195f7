//! Repositories made by the real `git`, the same every time.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::atomic::{AtomicU64, Ordering},
};

use tempfile::TempDir;

/// A workspace with a repository `repo` in it.
pub struct GitRepo {
    workspace: TempDir,
    home: TempDir,
    path: PathBuf,
    commits: AtomicU64,
}

impl Default for GitRepo {
    fn default() -> Self {
        Self::new()
    }
}

impl GitRepo {
    /// An empty repository on branch `main`.
    pub fn new() -> Self {
        let workspace = tempfile::tempdir().expect("a directory");
        let home = tempfile::tempdir().expect("a directory");
        let path = workspace.path().join("repo");
        fs::create_dir(&path).expect("a directory");
        let repo = Self { workspace, home, path, commits: AtomicU64::new(0) };
        repo.git(&["init", "--quiet", "--initial-branch=main"]);
        repo
    }

    /// The directory to give as WORKSPACE.
    pub fn workspace(&self) -> &Path {
        self.workspace.path()
    }

    /// The work tree.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Runs git in the work tree and returns its stdout; panics when git fails.
    pub fn git(&self, args: &[&str]) -> String {
        self.git_in(&self.path, args)
    }

    /// Runs git in another directory.
    pub fn git_in(&self, dir: &Path, args: &[&str]) -> String {
        // Every commit a minute after the one before: ids and orders are the same in every run.
        let date = format!("{} +0000", 1_790_000_000 + 60 * self.commits.load(Ordering::Relaxed));
        let output = Command::new("git")
            .args(args)
            .current_dir(dir)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.home.path())
            .env("LC_ALL", "C")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_AUTHOR_NAME", "Ada Author")
            .env("GIT_AUTHOR_EMAIL", "ada@example.com")
            .env("GIT_COMMITTER_NAME", "Carl Committer")
            .env("GIT_COMMITTER_EMAIL", "carl@example.com")
            .env("GIT_AUTHOR_DATE", &date)
            .env("GIT_COMMITTER_DATE", &date)
            .stdin(Stdio::null())
            .output()
            .expect("git is installed");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "git {args:?}: {said}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Writes a file of the work tree, with the directories above it.
    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.path.join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("directories");
        fs::write(path, content).expect("a file");
    }

    /// Commits everything there is and returns the commit's id.
    pub fn commit(&self, message: &str) -> String {
        self.commits.fetch_add(1, Ordering::Relaxed);
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message", message]);
        self.git(&["rev-parse", "HEAD"]).trim().to_owned()
    }
}
