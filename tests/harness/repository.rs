//! Repositories, made by the real git.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Runs git in `directory`, away from this machine's configuration, and returns what it prints.
pub fn git(directory: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .args(arguments)
        .current_dir(directory)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", directory)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_AUTHOR_NAME", "a")
        .env("GIT_AUTHOR_EMAIL", "a@example.com")
        .env("GIT_COMMITTER_NAME", "a")
        .env("GIT_COMMITTER_EMAIL", "a@example.com")
        .output()
        .expect("git runs");
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// A bare repository that takes pushes, with `commits` commits on `main`, at `root/name`.
pub fn bare(root: &Path, name: &str, commits: usize) -> PathBuf {
    let path = root.join(name);
    std::fs::create_dir_all(&path).expect("directory");
    git(&path, &["init", "--quiet", "--bare", "--initial-branch=main", "."]);
    git(&path, &["config", "http.receivepack", "true"]);
    let work = tempfile::tempdir().expect("directory");
    git(work.path(), &["init", "--quiet", "--initial-branch=main", "."]);
    for number in 1..=commits {
        std::fs::write(work.path().join("file"), format!("{number}\n")).expect("write");
        git(work.path(), &["add", "file"]);
        git(work.path(), &["commit", "--quiet", "-m", &format!("commit {number}")]);
    }
    if commits > 0 {
        git(work.path(), &["push", "--quiet", path.to_str().expect("text"), "main"]);
    }
    path
}

/// Adds a commit to `main` of a bare repository, as somebody else would.
pub fn advance(bare: &Path, content: &str) -> String {
    let work = tempfile::tempdir().expect("directory");
    let from = bare.to_str().expect("text");
    git(work.path(), &["clone", "--quiet", from, "w"]);
    let work = work.path().join("w");
    std::fs::write(work.join("other"), content).expect("write");
    git(&work, &["add", "other"]);
    git(&work, &["commit", "--quiet", "-m", "somebody else's"]);
    git(&work, &["push", "--quiet", "origin", "HEAD:main"]);
    git(&work, &["rev-parse", "HEAD"])
}

/// Installs a hook of the remote.
pub fn hook(bare: &Path, name: &str, script: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    let path = bare.join("hooks").join(name);
    std::fs::create_dir_all(bare.join("hooks")).expect("directory");
    std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("write");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("mode");
}

/// What `name` points to in a repository.
pub fn tip(repository: &Path, name: &str) -> String {
    git(repository, &["rev-parse", name])
}

/// Commits `content` as `name` on the current branch of a clone, and returns the commit.
pub fn commit(repository: &git2::Repository, name: &str, content: &[u8]) -> git2::Oid {
    let work = repository.workdir().expect("a working tree").to_owned();
    std::fs::write(work.join(name), content).expect("write");
    let mut index = repository.index().expect("index");
    index.add_path(Path::new(name)).expect("add");
    index.write().expect("write index");
    let tree = repository.find_tree(index.write_tree().expect("tree")).expect("tree");
    let who = git2::Signature::now("a", "a@example.com").expect("signature");
    let parent = repository.head().expect("head").peel_to_commit().expect("commit");
    repository.commit(Some("HEAD"), &who, &who, name, &tree, &[&parent]).expect("commit")
}

/// Bytes that do not compress, the same for the same seed.
pub fn noise(length: usize, mut seed: u64) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        bytes.extend_from_slice(&seed.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}
