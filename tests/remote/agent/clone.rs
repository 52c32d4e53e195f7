//! git_clone over http and https.

use harness::repository::{git, tip};
use serde_json::json;

use super::desk::{Desk, names, tidy};
use crate::network::CANARY;

#[tokio::test]
async fn a_clone_is_what_git_would_have_made() {
    let (desk, remote, server) = Desk::with(5, |setup| setup);
    let other = desk.theirs(&remote, "other", &[("b", "b\n")], "on another branch");
    git(&remote, &["tag", "v1", "main~2"]);
    let mut agent = desk.agent(&[]).await;
    let url = server.url("r.git");
    let done = agent.fine("git_clone", json!({"url": url})).await;
    let (main, to) = (tip(&remote, "main"), desk.ws().join("r"));
    assert_eq!((done["repository"].as_str(), done["branch"].as_str()), (Some("r"), Some("main")), "{done}");
    assert_eq!(done["head"], json!(main));
    assert!(done["objects"].as_u64() >= Some(15) && done["bytes"].as_u64() > Some(500), "{done}");
    tidy(&to);
    assert_eq!(tip(&to, "HEAD"), main);
    assert_eq!(git(&to, &["remote", "get-url", "origin"]), url);
    assert_eq!(git(&to, &["rev-parse", "--abbrev-ref", "main@{upstream}"]), "origin/main");
    assert_eq!(tip(&to, "origin/other"), other);
    assert_eq!(tip(&to, "v1"), tip(&remote, "v1"));

    let done = agent.fine("git_clone", json!({"url": url, "dir": "deep/er/place", "branch": "other"})).await;
    assert_eq!((done["repository"].as_str(), done["head"].as_str()), (Some("deep/er/place"), Some(&*other)), "{done}");
    let to = desk.ws().join("deep/er/place");
    tidy(&to);
    assert_eq!(git(&to, &["symbolic-ref", "--short", "HEAD"]), "other");

    agent.fine("git_clone", json!({"url": url, "dir": "shallow", "depth": 2})).await;
    let to = desk.ws().join("shallow");
    tidy(&to);
    assert_eq!(git(&to, &["rev-list", "--count", "HEAD"]), "2");
    assert_eq!(git(&to, &["rev-parse", "--is-shallow-repository"]), "true");
    // The other tools work in it like in any.
    let status = agent.fine("git_status", json!({"cwd": "shallow"})).await;
    assert!(status["text"].as_str().expect("text").contains("clean"), "{status}");
    agent.done().await;
}

#[tokio::test]
async fn what_cannot_be_cloned_leaves_nothing() {
    let (desk, _, server) = Desk::with(1, |setup| setup);
    let mut agent = desk.agent(&[]).await;
    let url = server.url("r.git");
    agent
        .refused("git_clone", json!({"url": server.url("no.git"), "dir": "a/b/c"}), "not_found", &["check the address"])
        .await;
    agent.refused("git_clone", json!({"url": url, "dir": "x/y", "branch": "nope"}), "not_found", &["nope"]).await;
    agent.refused("git_clone", json!({"url": url, "dir": "../out"}), "forbidden", &["dir"]).await;
    agent.refused("git_clone", json!({"url": "http://127.0.0.1:1/r.git"}), "unavailable", &["connect"]).await;
    agent.refused("git_clone", json!({"url": url, "depth": 0}), "invalid_argument", &["depth"]).await;
    agent.refused("git_clone", json!({"url": url, "branch": "--upload-pack=x"}), "invalid_argument", &["branch"]).await;
    agent.refused("git_clone", json!({"url": "--upload-pack=x"}), "invalid_argument", &["address"]).await;
    assert!(names(&desk.ws()).is_empty(), "{:?}", names(&desk.ws()));
    // What is there stays what it is, an empty directory too.
    std::fs::create_dir(desk.ws().join("r")).expect("a directory");
    agent.refused("git_clone", json!({"url": url}), "conflict", &["exists"]).await;
    assert!(names(&desk.ws().join("r")).is_empty());
    assert_eq!(names(&desk.ws()), ["r"]);
    agent.done().await;
}

#[tokio::test]
async fn protocols_that_are_not_allowed() {
    let (desk, remote, server) = Desk::with(1, |setup| setup);
    let mut agent = desk.strict_agent(&[]).await;
    for url in [
        server.url("r.git"),
        format!("git://127.0.0.1:{}/r.git", server.port()),
        format!("file://{}", remote.display()),
    ] {
        agent.refused("git_clone", json!({"url": url}), "forbidden", &["GIT_ALLOW_PROTOCOLS"]).await;
    }
    agent.refused("git_clone", json!({"url": "ext::sh -c id"}), "invalid_argument", &[]).await;
    assert!(server.seen().is_empty() && names(&desk.ws()).is_empty());
    agent.done().await;
}

#[tokio::test]
async fn an_empty_remote_is_cloned_and_gets_its_first_commit() {
    let (desk, remote, server) = Desk::with(0, |setup| setup.login("git", CANARY));
    let mut agent = desk.agent(&[("GIT_TOKEN", CANARY)]).await;
    let done = agent.fine("git_clone", json!({"url": server.url("r.git")})).await;
    assert!(done["text"].as_str().expect("text").contains("no commits yet; the first one goes to `main`"), "{done}");
    assert!(done.get("head").is_none(), "{done}");
    let to = desk.ws().join("r");
    agent.refused("git_pull", json!({"cwd": "r"}), "not_found", &["main"]).await;
    agent.refused("git_push", json!({"cwd": "r"}), "not_found", &["commit first"]).await;
    std::fs::write(to.join("a"), "a\n").expect("a file");
    agent.fine("git_add", json!({"cwd": "r", "files": "a"})).await;
    agent.fine("git_commit", json!({"cwd": "r", "message": "the first"})).await;
    let done = agent.fine("git_push", json!({"cwd": "r", "set_upstream": true})).await;
    assert!(done.get("before").is_none() && done["upstream_set"] == true, "{done}");
    assert_eq!(tip(&remote, "main"), tip(&to, "HEAD"));
    tidy(&to);
    let done = agent.fine("git_pull", json!({"cwd": "r"})).await;
    assert_eq!(done["how"], "up_to_date", "{done}");
    agent.done().await;
    // Whoever has set another name for first branches gets that one.
    std::fs::write(desk.path("home/.gitconfig"), "[init]\n\tdefaultBranch = trunk\n").expect("a file");
    desk.remote("e.git", 0);
    let mut agent = desk.agent(&[("GIT_TOKEN", CANARY)]).await;
    let done = agent.fine("git_clone", json!({"url": server.url("e.git")})).await;
    assert_eq!(done["branch"], "trunk", "{done}");
    agent.done().await;
}

#[tokio::test]
async fn submodules_and_large_files_are_told_of() {
    let (desk, remote, server) = Desk::with(1, |setup| setup);
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n";
    let work = desk.path("work");
    git(&desk.path(""), &["clone", "--quiet", remote.to_str().expect("text"), "work"]);
    let inner = desk.remote("inner.git", 1);
    git(
        &work,
        &["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", inner.to_str().expect("text"), "inner"],
    );
    desk.commit(
        &work,
        &[(".gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n"), ("big.bin", pointer)],
        "both",
    );
    git(&work, &["push", "--quiet", "origin", "main"]);
    let mut agent = desk.agent(&[]).await;
    let done = agent.fine("git_clone", json!({"url": server.url("r.git")})).await;
    let text = done["text"].as_str().expect("text");
    assert!(text.contains("1 submodule") && text.contains("not fetched"), "{text}");
    assert!(text.contains("LFS") && text.contains("pointers"), "{text}");
    let to = desk.ws().join("r");
    assert_eq!(std::fs::read_to_string(to.join("big.bin")).expect("a file"), pointer);
    assert!(names(&to.join("inner")).is_empty(), "a submodule is not fetched");
    assert!(!server.seen().iter().any(|seen| seen.target.contains("inner")));
    tidy(&to);
    agent.done().await;
}

#[tokio::test]
async fn a_remote_whose_head_leads_nowhere_or_to_no_branch() {
    let (desk, remote, server) = Desk::with(2, |setup| setup);
    git(&remote, &["symbolic-ref", "HEAD", "refs/heads/gone"]);
    let mut agent = desk.agent(&[]).await;
    let url = server.url("r.git");
    let done = agent.fine("git_clone", json!({"url": url})).await;
    let text = done["text"].as_str().expect("text");
    assert!(text.contains("nothing is checked out") && text.contains("git_branch"), "{text}");
    assert!(!text.contains("no commits yet") && done.get("head").is_none(), "{text}");
    // What the answer says to do works.
    agent.fine("git_branch", json!({"cwd": "r", "name": "main"})).await;
    assert_eq!(tip(&desk.ws().join("r"), "HEAD"), tip(&remote, "main"));
    tidy(&desk.ws().join("r"));
    agent.fine("git_clone", json!({"url": url, "dir": "named", "branch": "main"})).await;
    tidy(&desk.ws().join("named"));
    let first = tip(&remote, "main~1");
    git(&remote, &["update-ref", "--no-deref", "HEAD", &first]);
    let done = agent.fine("git_clone", json!({"url": url, "dir": "detached"})).await;
    assert!(done["head"] == json!(first) && done.get("branch").is_none(), "{done}");
    assert!(done["text"].as_str().expect("text").contains("detached"), "{done}");
    tidy(&desk.ws().join("detached"));
    agent.done().await;
}
