//! git_pull over http.

use std::path::PathBuf;

use harness::git_http::GitHttp;
use harness::repository::{git, tip};
use serde_json::{Value, json};

use super::desk::{Agent, Desk, Snapshot, tidy};

/// A desk whose agent has cloned the remote into `r`.
async fn cloned() -> (Desk, PathBuf, GitHttp, Agent, PathBuf) {
    let (desk, remote, server) = Desk::with(2, |setup| setup);
    let mut agent = desk.agent(&[]).await;
    agent.fine("git_clone", json!({"url": server.url("r.git")})).await;
    let to = desk.ws().join("r");
    (desk, remote, server, agent, to)
}

fn pull(more: Value) -> Value {
    let mut arguments = json!({"cwd": "r"});
    for (name, value) in more.as_object().expect("an object") {
        arguments[name] = value.clone();
    }
    arguments
}

#[tokio::test]
async fn a_branch_that_is_behind_is_fast_forwarded() {
    let (desk, remote, _server, mut agent, to) = cloned().await;
    let before = tip(&to, "HEAD");
    let done = agent.fine("git_pull", pull(json!({}))).await;
    assert_eq!((done["how"].as_str(), done["commits"].as_u64()), (Some("up_to_date"), Some(0)), "{done}");
    desk.theirs(&remote, "main", &[("a/b", "1\n"), ("file", "theirs\n")], "theirs 1");
    let theirs = desk.theirs(&remote, "main", &[("c", "2\n")], "theirs 2");
    // What is not in a commit and not in the way stays.
    std::fs::write(to.join("mine"), "mine\n").expect("a file");
    let done = agent.fine("git_pull", pull(json!({}))).await;
    assert_eq!((done["how"].as_str(), done["commits"].as_u64()), (Some("fast_forward"), Some(2)), "{done}");
    assert_eq!((done["before"].clone(), done["after"].clone()), (json!(before), json!(theirs)));
    assert_eq!((tip(&to, "HEAD"), tip(&to, "origin/main")), (theirs.clone(), theirs));
    assert_eq!(std::fs::read_to_string(to.join("mine")).expect("a file"), "mine\n");
    std::fs::remove_file(to.join("mine")).expect("a file");
    tidy(&to);
    assert!(git(&to, &["reflog", "-1"]).contains("pull: fast-forward"));
    agent.done().await;
}

#[tokio::test]
async fn what_is_not_committed_is_in_the_way_only_where_it_is() {
    let (desk, remote, _server, mut agent, to) = cloned().await;
    desk.theirs(&remote, "main", &[("file", "theirs\n"), ("new", "theirs\n")], "theirs");
    std::fs::write(to.join("file"), "mine\n").expect("a file");
    std::fs::write(to.join("new"), "mine\n").expect("a file");
    for strategy in ["ff-only", "merge", "rebase"] {
        let before = Snapshot::of(&to);
        agent.refused("git_pull", pull(json!({"strategy": strategy})), "conflict", &["file", "would be lost"]).await;
        assert_eq!(Snapshot::of(&to), before);
    }
    agent.done().await;
}

#[tokio::test]
async fn branches_that_have_diverged() {
    let (desk, remote, _server, mut agent, to) = cloned().await;
    let theirs = desk.theirs(&remote, "main", &[("theirs", "t\n")], "theirs");
    let ours = desk.commit(&to, &[("ours", "o\n")], "ours");
    let before = Snapshot::of(&to);
    for arguments in [json!({}), json!({"strategy": "ff-only"})] {
        let words = ["1 commits that the remote lacks", "merge or rebase"];
        agent.refused("git_pull", pull(arguments), "conflict", &words).await;
        assert_eq!(Snapshot::of(&to), before);
    }
    agent.refused("git_pull", pull(json!({"strategy": "octopus"})), "invalid_argument", &["ff-only"]).await;

    let done = agent.fine("git_pull", pull(json!({"strategy": "merge"}))).await;
    assert_eq!(done["how"], "merged", "{done}");
    assert_eq!(git(&to, &["log", "-1", "--format=%P"]), format!("{ours} {theirs}"));
    assert_eq!(git(&to, &["log", "-1", "--format=%an <%ae>"]), "Agent <agent@example.com>");
    tidy(&to);

    git(&to, &["reset", "--quiet", "--hard", &ours]);
    let done = agent.fine("git_pull", pull(json!({"strategy": "rebase"}))).await;
    assert_eq!(done["how"], "rebased", "{done}");
    assert_eq!(git(&to, &["log", "-1", "--format=%P %s"]), format!("{theirs} ours"));
    // The author stays who it was.
    assert_eq!(git(&to, &["log", "-1", "--format=%an %cn"]), "a Agent");
    tidy(&to);
    agent.done().await;
}

#[tokio::test]
async fn conflicts_name_the_paths_and_change_nothing() {
    let (desk, remote, _server, mut agent, to) = cloned().await;
    let both = |who: &str| format!("{who}\n");
    desk.theirs(&remote, "main", &[("file", &both("theirs")), ("d/x y", &both("theirs")), ("fine", "t\n")], "theirs");
    desk.commit(&to, &[("before", "b\n")], "a commit that applies");
    desk.commit(&to, &[("file", &both("ours")), ("d/x y", &both("ours"))], "ours");
    std::fs::write(to.join("untracked"), "mine\n").expect("a file");
    std::fs::write(to.join("staged"), "mine\n").expect("a file");
    git(&to, &["add", "staged"]);
    let before = Snapshot::of(&to);
    for strategy in ["merge", "rebase"] {
        let words = ["file", "d/x y", "nothing was changed"];
        let refused = agent.refused("git_pull", pull(json!({"strategy": strategy})), "conflict", &words).await;
        let said = refused["said"].as_str().expect("the paths");
        let paths: Vec<&str> = said.lines().filter(|line| !line.contains("untrusted-")).collect();
        assert_eq!(paths, ["d/x y", "file"], "{said}");
        assert_eq!(Snapshot::of(&to), before, "{strategy}");
        assert_eq!(git(&to, &["rev-parse", "--verify", "--quiet", "HEAD"]).len(), 40);
    }
    git(&to, &["fsck", "--strict"]);
    agent.done().await;
}

#[tokio::test]
async fn another_branch_another_remote_and_none() {
    let (desk, remote, server, mut agent, to) = cloned().await;
    let topic = desk.theirs(&remote, "topic", &[("t", "t\n")], "a topic");
    let done = agent.fine("git_pull", pull(json!({"branch": "topic"}))).await;
    assert_eq!((done["from"].as_str(), done["after"].as_str()), (Some("origin/topic"), Some(&*topic)), "{done}");
    agent.refused("git_pull", pull(json!({"branch": "nope"})), "not_found", &["nope", "git_branch_list"]).await;
    agent.refused("git_pull", pull(json!({"remote": "nope"})), "not_found", &["nope", "origin"]).await;
    agent.refused("git_pull", pull(json!({"remote": "--upload-pack=x"})), "not_found", &["no remote"]).await;
    agent.refused("git_pull", pull(json!({"branch": "-f"})), "invalid_argument", &["branch"]).await;
    git(&to, &["remote", "add", "second", &server.url("r.git")]);
    let done = agent.fine("git_pull", pull(json!({"remote": "second", "branch": "main"}))).await;
    assert_eq!(done["from"], "second/main", "{done}");
    // The upstream may have another name than the branch.
    git(&to, &["switch", "--quiet", "-c", "local", "main~1"]);
    git(&to, &["branch", "--quiet", "--set-upstream-to=origin/topic"]);
    let done = agent.fine("git_pull", pull(json!({}))).await;
    assert_eq!((done["from"].as_str(), tip(&to, "local")), (Some("origin/topic"), topic), "{done}");
    git(&to, &["switch", "--quiet", "--detach"]);
    agent.refused("git_pull", pull(json!({})), "conflict", &["detached"]).await;
    agent.refused("git_pull", pull(json!({"branch": "main"})), "conflict", &["detached"]).await;
    agent.done().await;
}

#[tokio::test]
async fn a_pull_into_an_operation_in_progress_and_past_a_lock() {
    let (desk, remote, _server, mut agent, to) = cloned().await;
    desk.theirs(&remote, "main", &[("file", "theirs\n")], "theirs");
    std::fs::write(to.join(".git/index.lock"), "").expect("a file");
    let before = Snapshot::of(&to);
    agent.refused("git_pull", pull(json!({})), "conflict", &["remove .git/index.lock"]).await;
    assert_eq!(Snapshot::of(&to), before);
    std::fs::remove_file(to.join(".git/index.lock")).expect("a file");
    git(&to, &["fetch", "--quiet"]);
    desk.commit(&to, &[("file", "ours\n")], "ours");
    let merge = std::process::Command::new("git").args(["merge", "--quiet", "origin/main"]).current_dir(&to).output();
    assert!(!merge.expect("git").status.success(), "it conflicts");
    let before = Snapshot::of(&to);
    agent.refused("git_pull", pull(json!({})), "conflict", &["merge is in progress"]).await;
    assert_eq!(Snapshot::of(&to), before);
    agent.done().await;
}

#[tokio::test]
async fn a_shallow_clone_can_be_pulled() {
    let (desk, remote, server) = Desk::with(4, |setup| setup);
    let mut agent = desk.agent(&[]).await;
    agent.fine("git_clone", json!({"url": server.url("r.git"), "depth": 1})).await;
    let theirs = desk.theirs(&remote, "main", &[("a", "1\n")], "theirs");
    agent.fine("git_pull", pull(json!({}))).await;
    let to = desk.ws().join("r");
    assert_eq!(tip(&to, "HEAD"), theirs);
    assert_eq!(git(&to, &["rev-parse", "--is-shallow-repository"]), "true");
    tidy(&to);
    agent.done().await;
}

#[tokio::test]
async fn a_remote_configured_to_overwrite_branches_does_not() {
    let (desk, remote, server, mut agent, to) = cloned().await;
    let theirs = desk.theirs(&remote, "main", &[("theirs", "t\n")], "theirs");
    let ours = desk.commit(&to, &[("ours", "o\n")], "ours");
    for configured in [
        "refs/heads/*:refs/heads/*",
        "+refs/*:refs/*",
        "+refs/heads/main:refs/heads/main",
        "refs/heads/main:refs/stash",
        "+refs/heads/main",
        "+refs/heads/*:refs/remotes/elsewhere/*",
    ] {
        git(&to, &["config", "remote.origin.fetch", configured]);
        let before = Snapshot::of(&to);
        agent.refused("git_pull", pull(json!({})), "conflict", &["merge or rebase"]).await;
        let arguments = json!({"url": server.url("r.git")});
        agent.refused("git_clone_or_pull", arguments, "conflict", &["merge or rebase"]).await;
        agent.refused("git_push", pull(json!({})), "conflict", &["pull first"]).await;
        assert_eq!((tip(&to, "main"), Snapshot::of(&to)), (ours.clone(), before), "{configured}");
        assert_eq!(tip(&to, "origin/main"), theirs);
        let other = format!("on-{}", configured.len());
        git(&to, &["branch", &other]);
        let before = Snapshot::of(&to);
        agent.fine("git_push", pull(json!({"branch": other}))).await;
        assert_eq!((tip(&remote, &other), Snapshot::of(&to)), (ours.clone(), before), "{configured}");
    }
    agent.fine("git_pull", pull(json!({"strategy": "merge"}))).await;
    tidy(&to);
    agent.done().await;
}

#[tokio::test]
async fn histories_without_a_common_commit_are_not_mixed() {
    let (desk, _, server, mut agent, to) = cloned().await;
    let (other, work) = (desk.remote("other.git", 0), desk.path("work"));
    git(&desk.path(""), &["clone", "--quiet", other.to_str().expect("text"), "work"]);
    desk.commit(&work, &[("elsewhere", "e\n")], "the first of another project");
    git(&work, &["push", "--quiet", "origin", "HEAD:main"]);
    git(&to, &["remote", "add", "other", &server.url("other.git")]);
    desk.commit(&to, &[("ours", "o\n")], "ours");
    let before = Snapshot::of(&to);
    for strategy in ["merge", "rebase", "ff-only"] {
        let arguments = pull(json!({"remote": "other", "branch": "main", "strategy": strategy}));
        agent.refused("git_pull", arguments, "conflict", &["no commit in common"]).await;
        assert_eq!(Snapshot::of(&to), before);
    }
    agent.done().await;
}

#[tokio::test]
async fn a_rebase_says_what_it_left_out() {
    let (desk, remote, _server, mut agent, to) = cloned().await;
    let theirs = desk.theirs(&remote, "main", &[("same", "s\n"), ("theirs", "t\n")], "theirs");
    desk.commit(&to, &[("same", "s\n")], "the same change");
    desk.commit(&to, &[], "an empty commit");
    desk.commit(&to, &[("ours", "o\n")], "ours");
    let done = agent.fine("git_pull", pull(json!({"strategy": "rebase"}))).await;
    assert!(done["text"].as_str().expect("text").contains("2 commits of this branch were left out"), "{done}");
    assert_eq!(done["commits"], 1, "{done}");
    assert_eq!(git(&to, &["log", "--format=%s", &format!("{theirs}..HEAD")]), "ours");
    tidy(&to);
    agent.done().await;
}
