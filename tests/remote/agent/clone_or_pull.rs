//! git_clone_or_pull over http.

use harness::repository::{git, tip};
use serde_json::json;

use super::desk::{Desk, Snapshot, names, tidy};
use crate::network::CANARY;

#[tokio::test]
async fn it_clones_and_then_it_pulls() {
    let (desk, remote, server) = Desk::with(3, |setup| setup.login("git", CANARY));
    let mut agent = desk.agent(&[("GIT_TOKEN", CANARY)]).await;
    let arguments = json!({"url": server.url("r.git"), "dir": "team/app", "depth": 2});
    let done = agent.fine("git_clone_or_pull", arguments.clone()).await;
    assert!(done["cloned"]["head"] == json!(tip(&remote, "main")) && done.get("pulled").is_none(), "{done}");
    let to = desk.ws().join("team/app");
    assert_eq!(git(&to, &["rev-list", "--count", "HEAD"]), "2");
    let done = agent.fine("git_clone_or_pull", arguments.clone()).await;
    assert!(done["pulled"]["how"] == "up_to_date" && done.get("cloned").is_none(), "{done}");
    let theirs = desk.theirs(&remote, "main", &[("t", "t\n")], "theirs");
    let done = agent.fine("git_clone_or_pull", arguments.clone()).await;
    assert!(done["pulled"]["how"] == "fast_forward" && done["pulled"]["after"] == json!(theirs), "{done}");
    tidy(&to);
    // Other spellings of the same address are the same repository.
    for url in [format!("{}/", server.url("r.git")), server.url("r.git").replace("http://", "HTTP://")] {
        agent.fine("git_clone_or_pull", json!({"url": url, "dir": "team/app"})).await;
    }
    agent.done().await;
}

#[tokio::test]
async fn what_stands_in_the_way_stays() {
    let (desk, remote, server) = Desk::with(2, |setup| setup);
    desk.remote("other.git", 1);
    let mut agent = desk.agent(&[]).await;
    let url = server.url("r.git");
    let arguments = json!({"url": url});
    agent.fine("git_clone_or_pull", arguments.clone()).await;
    let to = desk.ws().join("r");
    let other = json!({"url": server.url("other.git"), "dir": "r"});
    let before = Snapshot::of(&to);
    agent.refused("git_clone_or_pull", other, "conflict", &[&format!("clone of `{url}`"), "another `dir`"]).await;
    let wrong = json!({"url": url, "branch": "topic"});
    agent.refused("git_clone_or_pull", wrong, "conflict", &["main", "git_branch"]).await;
    // Uncommitted work in the way of what comes, and not in the way.
    desk.theirs(&remote, "main", &[("file", "theirs\n")], "theirs");
    std::fs::write(to.join("mine"), "mine\n").expect("a file");
    std::fs::write(to.join("file"), "mine\n").expect("a file");
    let dirty = Snapshot::of(&to);
    agent.refused("git_clone_or_pull", arguments.clone(), "conflict", &["file", "git_commit"]).await;
    assert_eq!(Snapshot::of(&to), dirty);
    git(&to, &["restore", "file"]);
    agent.fine("git_clone_or_pull", arguments.clone()).await;
    assert_eq!(std::fs::read_to_string(to.join("mine")).expect("a file"), "mine\n");
    assert_ne!(Snapshot::of(&to), before);
    // Commits of one's own.
    desk.commit(&to, &[("ours", "o\n")], "ours");
    desk.theirs(&remote, "main", &[("theirs", "t\n")], "theirs again");
    let before = Snapshot::of(&to);
    agent.refused("git_clone_or_pull", arguments.clone(), "conflict", &["merge or rebase"]).await;
    assert_eq!(Snapshot::of(&to), before);
    // Other things of that name.
    std::fs::create_dir_all(desk.ws().join("dir/below")).expect("directories");
    std::fs::write(desk.ws().join("a-file"), "x").expect("a file");
    git(&desk.ws().join("dir"), &["init", "--quiet"]);
    agent.refused("git_clone_or_pull", json!({"url": url, "dir": "dir/below"}), "conflict", &["not the root"]).await;
    agent.refused("git_clone_or_pull", json!({"url": url, "dir": "dir"}), "conflict", &["without an origin"]).await;
    std::fs::create_dir(desk.ws().join("plain")).expect("a directory");
    let arguments = |dir: &str| json!({"url": url, "dir": dir});
    agent.refused("git_clone_or_pull", arguments("plain"), "conflict", &["not a repository"]).await;
    agent.refused("git_clone_or_pull", arguments("a-file"), "conflict", &["not a directory"]).await;
    agent.refused("git_clone_or_pull", arguments("a-file/x"), "invalid_argument", &["a-file"]).await;
    agent.done().await;
    assert_eq!(names(&desk.ws()), ["a-file", "dir", "plain", "r"]);
}

#[tokio::test]
async fn an_address_that_the_operator_sends_elsewhere() {
    let (desk, remote, server) = Desk::with(1, |setup| setup);
    let config = format!("[url \"{}\"]\n\tinsteadOf = http://forge.invalid/\n", server.url(""));
    std::fs::write(desk.path("home/.gitconfig"), config).expect("a file");
    let mut agent = desk.agent(&[]).await;
    let arguments = json!({"url": "http://forge.invalid/r.git"});
    agent.fine("git_clone_or_pull", arguments.clone()).await;
    let theirs = desk.theirs(&remote, "main", &[("t", "t\n")], "theirs");
    let done = agent.fine("git_clone_or_pull", arguments).await;
    assert_eq!(done["pulled"]["after"], json!(theirs), "{done}");
    agent.done().await;
}

#[tokio::test]
async fn an_empty_remote_and_its_first_commits() {
    let (desk, remote, server) = Desk::with(0, |setup| setup);
    let mut agent = desk.agent(&[]).await;
    let arguments = json!({"url": server.url("r.git")});
    agent.fine("git_clone_or_pull", arguments.clone()).await;
    agent.refused("git_clone_or_pull", arguments.clone(), "not_found", &["main"]).await;
    let work = desk.path("work");
    git(&desk.path(""), &["clone", "--quiet", remote.to_str().expect("text"), "work"]);
    let first = desk.commit(&work, &[("a", "1\n")], "the first");
    git(&work, &["push", "--quiet", "origin", "HEAD:main"]);
    let done = agent.fine("git_clone_or_pull", arguments.clone()).await;
    assert!(done["pulled"]["after"] == json!(first) && done["pulled"].get("before").is_none(), "{done}");
    tidy(&desk.ws().join("r"));
    agent.done().await;
}

#[tokio::test]
async fn calls_for_one_place_come_one_after_the_other() {
    let (desk, _, server) = Desk::with(3, |setup| setup);
    let mut agent = desk.agent(&[]).await;
    let mut ids = Vec::new();
    for _ in 0..4 {
        ids.push(agent.begin("git_clone_or_pull", json!({"url": server.url("r.git")})).await);
    }
    let mut cloned = 0;
    for id in ids {
        let answer = agent.client.answer(id).await;
        let value = &answer["result"]["structuredContent"];
        assert_ne!(answer["result"]["isError"], true, "{answer}");
        cloned += usize::from(value.get("cloned").is_some());
    }
    assert_eq!(cloned, 1);
    assert_eq!(names(&desk.ws()), ["r"]);
    agent.done().await;
}
