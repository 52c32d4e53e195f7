//! A workspace, an outside, and the real git to show that each attack is one.
#![expect(dead_code, reason = "each test binary uses a part of it")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use git2::{Repository, Signature};
use mcp_git::gate::{self, Opened};

/// The words only a repository or file outside the workspace holds.
pub const SECRET: &str = "TOPSECRET";

pub struct Lab {
    dir: tempfile::TempDir,
    /// The workspace.
    pub ws: PathBuf,
    /// A directory beside it.
    pub outside: PathBuf,
    /// Created by whatever program of a repository gets to run.
    pub canary: PathBuf,
}

impl Lab {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let top = fs::canonicalize(dir.path()).unwrap();
        let (ws, outside) = (top.join("ws"), top.join("outside"));
        fs::create_dir(&ws).unwrap();
        fs::create_dir(&outside).unwrap();
        fs::create_dir(top.join("home")).unwrap();
        Self { canary: top.join("canary"), dir, ws, outside }
    }

    pub fn top(&self) -> &Path {
        self.ws.parent().unwrap()
    }

    pub fn home(&self) -> PathBuf {
        self.top().join("home")
    }

    /// git with nothing of this machine's configuration.
    pub fn command(&self, cwd: &Path) -> Command {
        let mut command = Command::new("git");
        command.current_dir(cwd).env_clear().env("PATH", std::env::var_os("PATH").unwrap()).env("HOME", self.home());
        command.envs([
            ("GIT_CONFIG_GLOBAL", "/dev/null"),
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("GIT_TERMINAL_PROMPT", "0"),
            ("LC_ALL", "C"),
            ("GIT_AUTHOR_NAME", "A"),
            ("GIT_AUTHOR_EMAIL", "a@example.invalid"),
            ("GIT_COMMITTER_NAME", "A"),
            ("GIT_COMMITTER_EMAIL", "a@example.invalid"),
            ("GIT_ALLOW_PROTOCOL", "file:ext:ssh"),
        ]);
        command.stdin(std::process::Stdio::null());
        command
    }

    pub fn try_git(&self, cwd: &Path, args: &[&str]) -> Output {
        self.command(cwd).args(args).output().unwrap()
    }

    /// Runs git, which has to succeed; its standard output.
    pub fn git(&self, cwd: &Path, args: &[&str]) -> String {
        let out = self.try_git(cwd, args);
        assert!(out.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8(out.stdout).unwrap()
    }

    /// A repository with two commits, a second branch that conflicts, and an uncommitted change.
    pub fn repo(&self, dir: &Path) -> PathBuf {
        fs::create_dir_all(dir).unwrap();
        self.git(dir, &["init", "-q", "-b", "main"]);
        fs::remove_dir_all(dir.join(".git/hooks")).unwrap();
        for text in ["one\n", "two\n"] {
            fs::write(dir.join("file.txt"), text).unwrap();
            self.git(dir, &["add", "-A"]);
            self.git(dir, &["commit", "-q", "-m", text.trim()]);
        }
        self.git(dir, &["branch", "other", "HEAD~1"]);
        self.git(dir, &["checkout", "-q", "other"]);
        fs::write(dir.join("file.txt"), "other\n").unwrap();
        self.git(dir, &["commit", "-q", "-am", "other"]);
        self.git(dir, &["checkout", "-q", "main"]);
        dir.to_owned()
    }

    /// The usual repository in the workspace.
    pub fn inner(&self) -> PathBuf {
        self.repo(&self.ws.join("repo"))
    }

    /// A repository outside whose commit message and file are secret.
    pub fn secret_repo(&self) -> PathBuf {
        let dir = self.outside.join("secret");
        fs::create_dir_all(&dir).unwrap();
        self.git(&dir, &["init", "-q", "-b", "main"]);
        fs::write(dir.join("secret.txt"), SECRET).unwrap();
        self.git(&dir, &["add", "-A"]);
        self.git(&dir, &["commit", "-q", "-m", SECRET]);
        dir
    }

    /// A program outside the repositories that leaves the canary. It reads nothing: one that did would wait for its caller.
    pub fn program(&self) -> String {
        let path = self.outside.join("program");
        fs::write(&path, format!("#!/bin/sh\necho ran >> '{}'\nexit 0\n", self.canary.display())).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path.to_str().unwrap().to_owned()
    }

    pub fn open(&self, start: &Path) -> shared::Result<Opened> {
        gate::open(&self.ws, start)
    }

    /// Opens; whoever refuses an ordinary repository is wrong.
    pub fn opened(&self, start: &Path) -> Opened {
        self.open(start).unwrap_or_else(|e| panic!("{e}, {:?}", e.said()))
    }

    /// The refusal; opening has to fail with this code and name `offender`.
    #[track_caller]
    pub fn refused(&self, start: &Path, code: shared::Code, offender: &str) {
        let e = match self.open(start) {
            Ok(opened) => panic!("opened {:?}", opened.git_dir),
            Err(e) => e,
        };
        assert_eq!(e.code(), code, "{e}");
        assert!(e.message().contains(offender), "{e}");
        let all = format!("{e} {:?}", e.said());
        assert!(!all.contains(SECRET), "{all}");
    }
}

/// Everything a server does with a repository, so that whatever could run has its chance.
pub fn everything(opened: &Opened) {
    let repo = &opened.repo;
    let mut options = git2::StatusOptions::new();
    options.include_untracked(true).recurse_untracked_dirs(true).include_ignored(true);
    let _ = repo.statuses(Some(&mut options)).unwrap().len();
    let workdir = repo.workdir().unwrap().to_owned();
    fs::write(workdir.join("file.txt"), "changed by the server\n").unwrap();
    let head = repo.head().unwrap().peel_to_commit().unwrap();
    let diff = repo.diff_tree_to_workdir_with_index(Some(&head.tree().unwrap()), None).unwrap();
    let mut lines = 0;
    diff.print(git2::DiffFormat::Patch, |_, _, _| {
        lines += 1;
        true
    })
    .unwrap();
    assert!(lines > 0, "the diff is not empty");
    let mut index = repo.index().unwrap();
    index.add_path(Path::new("file.txt")).unwrap();
    index.write().unwrap();
    let id = commit(repo, &mut index, &head);
    let commit = repo.find_commit(id).unwrap();
    repo.branch("made", &commit, false).unwrap();
    let mut force = git2::build::CheckoutBuilder::new();
    repo.checkout_tree(head.as_object(), Some(force.force())).unwrap();
    assert_eq!(fs::read_to_string(workdir.join("file.txt")).unwrap(), "two\n");
    let other = repo.find_branch("other", git2::BranchType::Local).unwrap().get().peel_to_commit().unwrap();
    let merged = repo.merge_commits(&commit, &other, None).unwrap();
    assert!(merged.has_conflicts(), "no merge driver decided");
    if let Ok(mut remote) = repo.find_remote("origin") {
        let _ = remote.fetch(&["main"], None, None);
        let _ = remote.push(&["refs/heads/made:refs/heads/made"], None);
    }
}

fn commit(repo: &Repository, index: &mut git2::Index, parent: &git2::Commit<'_>) -> git2::Oid {
    let who = Signature::now("A", "a@example.invalid").unwrap();
    let tree = repo.find_tree(index.write_tree().unwrap()).unwrap();
    repo.commit(Some("HEAD"), &who, &who, "made", &tree, &[parent]).unwrap()
}
