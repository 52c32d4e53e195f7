//! Repositories nobody attacks with: all of them open.

use std::fs;
use std::os::unix::fs::symlink;

use crate::common::{Lab, everything};
use mcp_git::gate;

#[test]
fn plain_and_from_below() {
    let lab = Lab::new();
    let repo = lab.inner();
    fs::create_dir_all(repo.join("a/b")).unwrap();
    let opened = lab.opened(&repo.join("a/b"));
    assert_eq!((opened.git_dir.clone(), opened.common_dir.clone()), (repo.join(".git"), repo.join(".git")));
    assert_eq!(opened.repo.workdir().unwrap(), repo);
    assert!(opened.hooks.is_empty() && opened.notes.is_empty(), "{opened:?}");
    everything(&lab.opened(&repo));
}

#[test]
fn the_workspace_itself() {
    let lab = Lab::new();
    lab.repo(&lab.ws);
    lab.opened(&lab.ws);
}

#[test]
fn unborn_detached_packed_and_configured() {
    let lab = Lab::new();
    lab.git(&lab.ws, &["init", "-q", "unborn"]);
    lab.opened(&lab.ws.join("unborn"));
    let repo = lab.inner();
    lab.git(&repo, &["checkout", "-q", "--detach"]);
    lab.git(&repo, &["gc", "-q"]);
    lab.git(&repo, &["commit-graph", "write", "--reachable"]);
    for (key, value) in [
        ("core.autocrlf", "input"),
        ("core.eol", "lf"),
        ("user.name", "Zoë \"Z\" \\ X"),
        ("alias.x", "!f() { echo \"a;b\" # c; }; f"),
        ("branch.feature/x.description", "one\ntwo"),
        ("remote.o.fetch", "+refs/heads/*:refs/remotes/o/*"),
        ("core.worktree", ".."),
        ("core.attributesFile", repo.join("attrs").to_str().unwrap()),
        ("include.path", "../inside.cfg"),
        ("core.hooksPath", ".husky"),
        ("core.fsmonitor", "false"),
    ] {
        lab.git(&repo, &["config", key, value]);
    }
    fs::write(repo.join("inside.cfg"), "[user]\n\temail = x@example.invalid\n").unwrap();
    let opened = lab.opened(&repo);
    assert!(opened.repo.head_detached().unwrap());
    let config = opened.repo.config().unwrap().snapshot().unwrap();
    assert_eq!(config.get_str("user.name").unwrap(), "Zoë \"Z\" \\ X");
    assert_eq!(config.get_str("user.email").unwrap(), "x@example.invalid");
}

#[test]
fn shallow_and_remote_tracking() {
    let lab = Lab::new();
    let origin = lab.inner();
    lab.git(&lab.ws, &["clone", "-q", "--depth", "1", &format!("file://{}", origin.display()), "shallow"]);
    let opened = lab.opened(&lab.ws.join("shallow"));
    assert!(opened.repo.is_shallow());
    let url = gate::effective_remote_url(&opened.repo, "origin").unwrap();
    assert_eq!(url.fetch, format!("file://{}", origin.display()));
    assert_eq!(url.push, url.fetch);
    assert_eq!(gate::effective_remote_url(&opened.repo, "none").unwrap_err().code().as_str(), "not_found");
}

#[test]
fn linked_worktree() {
    let lab = Lab::new();
    let repo = lab.inner();
    lab.git(&repo, &["worktree", "add", "-q", "-b", "w", "../linked"]);
    let opened = lab.opened(&lab.ws.join("linked"));
    assert!(opened.repo.is_worktree());
    assert_eq!(opened.common_dir, repo.join(".git"));
    assert_eq!(opened.git_dir, repo.join(".git/worktrees/linked"));
    everything(&opened);
    lab.opened(&repo);
    // A workspace that is mounted elsewhere than where its worktrees were made.
    fs::write(repo.join(".git/worktrees/linked/gitdir"), "/no/such/place/.git\n").unwrap();
    assert!(lab.opened(&repo).notes.iter().any(|n| n.contains("does not exist")));
}

#[test]
fn submodule() {
    let lab = Lab::new();
    let repo = lab.inner();
    let library = lab.repo(&lab.ws.join("library"));
    lab.git(
        &repo,
        &["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", library.to_str().unwrap(), "deps/lib"],
    );
    lab.git(&repo, &["commit", "-q", "-m", "sub"]);
    let opened = lab.opened(&repo);
    assert_eq!(opened.repo.submodules().unwrap().len(), 1);
    let inner = lab.opened(&repo.join("deps/lib"));
    assert_eq!(inner.git_dir, repo.join(".git/modules/deps/lib"));
    assert_eq!(inner.repo.workdir().unwrap(), repo.join("deps/lib"));
    assert!(gate::inspect(&lab.ws, &repo.join("deps/lib")).unwrap().is_some());
}

#[test]
fn bare_and_its_worktree() {
    let lab = Lab::new();
    let repo = lab.inner();
    lab.git(&lab.ws, &["clone", "-q", "--bare", "repo", "bare.git"]);
    let bare = lab.ws.join("bare.git");
    let opened = lab.opened(&bare);
    assert!(opened.repo.is_bare() && opened.repo.workdir().is_none());
    lab.git(&bare, &["worktree", "add", "-q", "../from-bare", "main"]);
    everything(&lab.opened(&lab.ws.join("from-bare")));
    lab.opened(&repo);
}

#[test]
fn shared_and_hard_linked_objects() {
    let lab = Lab::new();
    let repo = lab.inner();
    lab.git(&lab.ws, &["clone", "-q", "--shared", "repo", "shared"]);
    lab.git(&lab.ws, &["clone", "-q", "--local", "repo", "local"]);
    for name in ["shared", "local"] {
        let opened = lab.opened(&lab.ws.join(name));
        assert!(opened.repo.head().unwrap().peel_to_commit().is_ok());
    }
    // Relative, and alternates of alternates.
    lab.git(&lab.ws, &["clone", "-q", "--shared", "shared", "again"]);
    fs::write(lab.ws.join("again/.git/objects/info/alternates"), "../../../shared/.git/objects\n").unwrap();
    assert!(lab.opened(&lab.ws.join("again")).repo.head().unwrap().peel_to_commit().is_ok());
    drop(repo);
}

#[test]
fn separate_git_dir_and_links_that_stay_inside() {
    let lab = Lab::new();
    lab.git(&lab.ws, &["init", "-q", "--separate-git-dir", "store", "tree"]);
    let opened = lab.opened(&lab.ws.join("tree"));
    assert_eq!(opened.git_dir, lab.ws.join("store"));
    assert_eq!(opened.repo.workdir().unwrap(), lab.ws.join("tree"));
    let repo = lab.inner();
    fs::rename(repo.join(".git/config"), repo.join("kept")).unwrap();
    symlink("../kept", repo.join(".git/config")).unwrap();
    fs::rename(repo.join(".git/logs"), lab.ws.join("logs")).unwrap();
    symlink("../../logs", repo.join(".git/logs")).unwrap();
    lab.opened(&repo);
}

#[test]
fn samples_are_not_hooks() {
    let lab = Lab::new();
    lab.git(&lab.ws, &["init", "-q", "repo"]);
    assert!(lab.opened(&lab.ws.join("repo")).hooks.is_empty());
}

#[test]
fn notes_are_escaped_and_bounded() {
    let lab = Lab::new();
    let repo = lab.inner();
    let path = repo.join(".git/config");
    let mut text = fs::read_to_string(&path).unwrap();
    text.push_str("[filter \"\u{202e}x\"]\n\tclean = y\n");
    for n in 0..500 {
        text.push_str(&format!("[filter \"f{n}\"]\n\tclean = TOPSECRET\n"));
    }
    fs::write(&path, text).unwrap();
    let notes = lab.opened(&repo).notes;
    assert!(notes.len() <= 40 && notes.iter().any(|n| n.contains("\\u{202e}")), "{notes:?}");
    assert!(!notes.concat().contains("TOPSECRET"));
}

/// Many files, references and loose objects; the bound is far above what it takes, and catches a walk of the objects or
/// of the working tree that is not linear.
#[test]
fn large_repository() {
    let lab = Lab::new();
    let repo = lab.inner();
    let id = lab.git(&repo, &["rev-parse", "HEAD"]);
    for n in 0..3_000 {
        fs::write(repo.join(format!(".git/refs/heads/b{n}")), &id).unwrap();
    }
    for n in 0..256 {
        let dir = repo.join(format!(".git/objects/{n:02x}"));
        fs::create_dir_all(&dir).unwrap();
        for m in 0..80 {
            fs::write(dir.join(format!("{m:038x}")), "").unwrap();
        }
    }
    let start = std::time::Instant::now();
    lab.opened(&repo);
    let took = start.elapsed();
    println!("{took:?}");
    assert!(took < std::time::Duration::from_secs(10), "{took:?}");
}
