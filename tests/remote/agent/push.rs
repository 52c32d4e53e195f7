//! git_push over http.

use std::path::PathBuf;

use harness::git_http::GitHttp;
use harness::repository::{git, hook, tip};
use serde_json::{Value, json};

use super::desk::{Agent, Desk, Snapshot, tidy};
use crate::network::CANARY;

/// A desk whose agent has cloned the remote into `r`, from a server that wants to know who it is.
async fn cloned() -> (Desk, PathBuf, GitHttp, Agent, PathBuf) {
    let (desk, remote, server) = Desk::with(2, |setup| setup.login("git", CANARY));
    let mut agent = desk.agent(&[("GIT_TOKEN", CANARY)]).await;
    agent.fine("git_clone", json!({"url": server.url("r.git")})).await;
    let to = desk.ws().join("r");
    (desk, remote, server, agent, to)
}

fn push(more: Value) -> Value {
    let mut arguments = json!({"cwd": "r"});
    for (name, value) in more.as_object().expect("an object") {
        arguments[name] = value.clone();
    }
    arguments
}

#[tokio::test]
async fn new_commits_a_new_branch_and_nothing() {
    let (desk, remote, server, mut agent, to) = cloned().await;
    let before = tip(&remote, "main");
    let done = agent.fine("git_push", push(json!({}))).await;
    assert!(done["text"].as_str().expect("text").contains("already at"), "{done}");
    assert_eq!((done["before"].clone(), done["after"].clone()), (json!(before), json!(before)));
    assert!(server.seen().iter().all(|seen| !seen.target.ends_with("git-receive-pack") || seen.method == "GET"));

    let ours = desk.commit(&to, &[("a", "1\n")], "one");
    let done = agent.fine("git_push", push(json!({}))).await;
    assert_eq!((done["before"].as_str(), done["commits"].as_u64()), (Some(&*before), Some(1)), "{done}");
    assert_eq!((tip(&remote, "main"), tip(&to, "origin/main")), (ours.clone(), ours));

    git(&to, &["switch", "--quiet", "-c", "feature/x"]);
    let ours = desk.commit(&to, &[("b", "2\n")], "two");
    let done = agent.fine("git_push", push(json!({"set_upstream": true}))).await;
    assert!(done.get("before").is_none() && done["upstream_set"] == true && done["rewritten"] == false, "{done}");
    assert_eq!(tip(&remote, "feature/x"), ours);
    assert_eq!(git(&to, &["rev-parse", "--abbrev-ref", "@{upstream}"]), "origin/feature/x");
    // Another branch than the one checked out.
    let main = tip(&to, "main");
    git(&to, &["branch", "other", "main"]);
    agent.fine("git_push", push(json!({"branch": "other"}))).await;
    assert_eq!(tip(&remote, "other"), main);
    agent.refused("git_push", push(json!({"branch": "nope"})), "not_found", &["nope"]).await;
    agent.refused("git_push", push(json!({"branch": "+main"})), "not_found", &["+main"]).await;
    agent.refused("git_push", push(json!({"branch": "main:x"})), "invalid_argument", &["branch"]).await;
    agent.refused("git_push", push(json!({"branch": "--force"})), "invalid_argument", &["branch"]).await;
    agent.refused("git_push", push(json!({"remote": "nope"})), "not_found", &["nope"]).await;
    git(&remote, &["fsck", "--strict"]);
    tidy(&to);
    agent.done().await;
}

#[tokio::test]
async fn a_push_that_is_behind_is_refused_with_the_servers_words() {
    let (desk, remote, _server, mut agent, to) = cloned().await;
    let theirs = desk.theirs(&remote, "main", &[("theirs", "t\n")], "theirs");
    desk.commit(&to, &[("ours", "o\n")], "ours");
    let before = Snapshot::of(&to);
    agent.refused("git_push", push(json!({"set_upstream": true})), "conflict", &["pull first"]).await;
    assert_eq!((Snapshot::of(&to), tip(&remote, "main")), (before, theirs.clone()));
    // Also when what the remote has is known here.
    git(&remote, &["config", "receive.denyNonFastForwards", "true"]);
    agent.refused("git_pull", push(json!({})), "conflict", &["merge or rebase"]).await;
    agent.refused("git_push", push(json!({})), "conflict", &["pull first"]).await;
    // The lease holds, and now it is the server that says no.
    let words = ["refs/heads/main", "denying non-fast-forward", "non-fast-forward"];
    let refused = agent.refused("git_push", push(json!({"force": true})), "conflict", &words).await;
    assert!(refused["said"].as_str().is_some_and(|said| said.contains("denying non-fast-forward")), "{refused}");
    assert_eq!(tip(&remote, "main"), theirs);
    agent.done().await;
}

#[tokio::test]
async fn protected_branches_are_refused_with_the_hooks_words() {
    let (desk, remote, _server, mut agent, to) = cloned().await;
    let before = tip(&remote, "main");
    let seen = tip(&to, "origin/main");
    desk.commit(&to, &[("a", "1\n")], "ours");
    for (name, script, reason) in [
        ("pre-receive", "echo 'GL-HOOK-ERR: no pushes on a Friday' >&2; exit 1", "pre-receive hook declined"),
        ("update", "echo \"no pushes on a Friday to $1\" >&2; exit 1", "hook declined"),
    ] {
        hook(&remote, name, script);
        let words = ["refs/heads/main", "no pushes on a Friday", reason, "protection rule"];
        let refused = agent.refused("git_push", push(json!({"set_upstream": true})), "forbidden", &words).await;
        assert!(refused["said"].as_str().is_some_and(|said| said.starts_with("<untrusted-")), "{refused}");
        assert_eq!((tip(&remote, "main"), tip(&to, "origin/main")), (before.clone(), seen.clone()));
        std::fs::remove_file(remote.join("hooks").join(name)).expect("a hook");
    }
    // A hook that is content may have something to say too.
    hook(&remote, "post-receive", "echo 'open a merge request at https://git.example/mr'");
    let done = agent.fine("git_push", push(json!({}))).await;
    assert!(done["said"].as_str().is_some_and(|said| said.contains("https://git.example/mr")), "{done}");
    // And ours are named, and do not run.
    hook(&to.join(".git"), "pre-push", "touch ran; exit 1");
    desk.commit(&to, &[("a", "2\n")], "ours");
    let done = agent.fine("git_push", push(json!({}))).await;
    assert_eq!(done["hooks_not_run"], json!(["pre-push"]), "{done}");
    assert!(!to.join("ran").exists());
    agent.done().await;
}

#[tokio::test]
async fn force_overwrites_only_what_was_seen() {
    let (desk, remote, _server, mut agent, to) = cloned().await;
    git(&to, &["reset", "--quiet", "--hard", "HEAD~1"]);
    let ours = desk.commit(&to, &[("ours", "o\n")], "ours");
    let seen = tip(&to, "origin/main");
    let theirs = desk.theirs(&remote, "main", &[("theirs", "t\n")], "theirs");
    let words = [theirs.as_str(), seen.as_str(), "fetch"];
    agent.refused("git_push", push(json!({"force": true})), "conflict", &words).await;
    assert_eq!((tip(&remote, "main"), tip(&to, "origin/main")), (theirs.clone(), seen));
    git(&to, &["fetch", "--quiet", remote.to_str().expect("text"), "+refs/heads/*:refs/remotes/origin/*"]);
    let done = agent.fine("git_push", push(json!({"force": true}))).await;
    assert!(done["rewritten"] == true && done["before"] == json!(theirs), "{done}");
    assert_eq!((tip(&remote, "main"), tip(&to, "origin/main")), (ours.clone(), ours));
    // A branch that is not known here may be made, and not overwritten.
    desk.theirs(&remote, "surprise", &[("s", "s\n")], "theirs");
    git(&to, &["branch", "surprise"]);
    agent.refused("git_push", push(json!({"branch": "surprise", "force": true})), "conflict", &["absent"]).await;
    git(&to, &["branch", "fresh"]);
    let done = agent.fine("git_push", push(json!({"branch": "fresh", "force": true}))).await;
    assert!(done.get("before").is_none(), "{done}");
    agent.done().await;
}

#[tokio::test]
async fn what_may_read_may_not_push() {
    let (desk, remote, server) = Desk::with(1, |setup| setup);
    git(&remote, &["config", "http.receivepack", "false"]);
    let mut agent = desk.agent(&[]).await;
    agent.fine("git_clone", json!({"url": server.url("r.git")})).await;
    desk.commit(&desk.ws().join("r"), &[("a", "1\n")], "ours");
    agent.refused("git_push", push(json!({})), "forbidden", &["403", "token"]).await;
    agent.done().await;
}
