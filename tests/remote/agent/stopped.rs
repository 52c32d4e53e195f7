//! Transfers that end before they are done: cancelled by the agent, timed out, or only slow.

use std::path::Path;
use std::time::{Duration, Instant};

use harness::git_http::{GitHttp, Rule, Setup};
use harness::repository::{commit, git, noise, tip};
use harness::{PATIENCE, until};
use serde_json::{Value, json};

use super::desk::{Agent, Desk, Snapshot, names, sound, tidy};
use crate::network::CANARY;

/// Cancels the call `id` of `tool` and waits for its end in the log, and for `over`: long before the transfer would end by itself, after a
/// minute of silence.
async fn cancel(agent: &mut Agent, id: u64, tool: &str, over: impl Fn() -> bool) {
    let asked = Instant::now();
    agent.client.notify("notifications/cancelled", json!({"requestId": id, "reason": "enough"})).await;
    until("the end of the call", || {
        let logged = agent.client.stderr();
        logged.lines().any(|line| line.contains(tool) && line.contains("call failed") && line.contains("\"cancelled\""))
    })
    .await;
    until("the end of what was begun", over).await;
    let taken = asked.elapsed();
    assert!(taken < Duration::from_secs(15), "{tool} went on for {taken:?}");
}

/// The repository is free again: the next writer gets in, and does not wait for the silence to end.
async fn free(agent: &mut Agent) {
    let asked = Instant::now();
    agent.refused("git_push", json!({"cwd": "r", "branch": "-"}), "invalid_argument", &[]).await;
    let taken = asked.elapsed();
    assert!(taken < Duration::from_secs(15), "the next call waited for {taken:?}");
}

async fn asked(server: &GitHttp, service: &str, method: &str) {
    until("the request", || server.seen().iter().any(|seen| seen.method == method && seen.target.contains(service)))
        .await;
}

/// A remote whose pack is too large to come in one piece.
fn large(desk: &Desk) -> std::path::PathBuf {
    let remote = desk.remote("r.git", 1);
    let work = desk.path("large");
    git(&desk.path(""), &["clone", "--quiet", remote.to_str().expect("text"), "large"]);
    std::fs::write(work.join("noise"), noise(2 << 20, 3)).expect("a file");
    desk.commit(&work, &[], "large");
    git(&work, &["push", "--quiet", "origin", "main"]);
    remote
}

/// The prefixes of paths that the servers here misbehave at, each in its own way.
fn stuck(desk: &Desk) -> GitHttp {
    Setup::new(&desk.remotes())
        .rule("/mute", Rule::Hang)
        .rule("/deaf", Rule::HangAtPost)
        .rule("/half", Rule::StallAtPost(700_000))
        .start()
}

#[tokio::test]
async fn a_cancelled_clone_leaves_nothing() {
    let desk = Desk::new();
    large(&desk);
    let server = stuck(&desk);
    for (place, method) in [("mute", "GET"), ("deaf", "POST"), ("half", "POST")] {
        let mut agent = desk.agent(&[]).await;
        for tool in ["git_clone", "git_clone_or_pull"] {
            let before = server.seen().len();
            let arguments = json!({"url": server.url(&format!("{place}/r.git")), "dir": "a/b"});
            let id = agent.begin(tool, arguments).await;
            until("the request", || server.seen()[before..].iter().any(|seen| seen.method == method)).await;
            if place == "half" {
                until("the first part of the pack", || holds_more_than(&desk.ws(), 100_000)).await;
            }
            cancel(&mut agent, id, tool, || names(&desk.ws()).is_empty()).await;
        }
        agent.done().await;
    }
}

fn holds_more_than(directory: &Path, bytes: u64) -> bool {
    let mut sum = 0;
    let mut left = vec![directory.to_owned()];
    while let Some(next) = left.pop() {
        for entry in std::fs::read_dir(next).into_iter().flatten().flatten() {
            match entry.metadata() {
                Ok(meta) if meta.is_dir() => left.push(entry.path()),
                Ok(meta) => sum += meta.len(),
                Err(_) => {}
            }
        }
    }
    sum > bytes
}

/// Points the clone `r` at another path of another server.
fn point(to: &Path, url: &str) {
    git(to, &["remote", "set-url", "origin", url]);
}

#[tokio::test]
async fn a_cancelled_pull_changes_nothing() {
    let desk = Desk::new();
    let remote = desk.remote("r.git", 1);
    let open = Setup::new(&desk.remotes()).start();
    let server = stuck(&desk);
    let mut agent = desk.agent(&[]).await;
    agent.fine("git_clone", json!({"url": open.url("r.git")})).await;
    let to = desk.ws().join("r");
    let work = desk.path("work");
    git(&desk.path(""), &["clone", "--quiet", remote.to_str().expect("text"), "work"]);
    std::fs::write(work.join("noise"), noise(2 << 20, 3)).expect("a file");
    let theirs = desk.commit(&work, &[], "large");
    git(&work, &["push", "--quiet", "origin", "main"]);
    for (place, method) in [("mute", "GET"), ("deaf", "POST"), ("half", "POST")] {
        point(&to, &server.url(&format!("{place}/r.git")));
        let (before, seen) = (Snapshot::of(&to), server.seen().len());
        let id = agent.begin("git_pull", json!({"cwd": "r"})).await;
        until("the request", || server.seen()[seen..].iter().any(|seen| seen.method == method)).await;
        cancel(&mut agent, id, "git_pull", || true).await;
        free(&mut agent).await;
        assert_eq!(Snapshot::of(&to), before);
        sound(&to);
        agent.done().await;
        agent = desk.agent(&[]).await;
    }
    point(&to, &open.url("r.git"));
    agent.fine("git_pull", json!({"cwd": "r"})).await;
    assert_eq!(tip(&to, "HEAD"), theirs);
    tidy(&to);
    agent.done().await;
}

#[tokio::test]
async fn a_cancelled_push_has_not_happened() {
    let desk = Desk::new();
    let remote = desk.remote("r.git", 1);
    let open = Setup::new(&desk.remotes()).login("git", CANARY).start();
    let server = stuck(&desk);
    let environment = [("GIT_TOKEN", CANARY)];
    let mut agent = desk.agent(&environment).await;
    agent.fine("git_clone", json!({"url": open.url("r.git")})).await;
    let to = desk.ws().join("r");
    // Long enough to be streamed.
    let ours = commit(&git2::Repository::open(&to).expect("a repository"), "noise", &noise(3 << 20, 5));
    let before = tip(&remote, "main");
    for (place, method) in [("mute", "GET"), ("deaf", "POST")] {
        point(&to, &server.url(&format!("{place}/r.git")));
        let snapshot = Snapshot::of(&to);
        let id = agent.begin("git_push", json!({"cwd": "r", "set_upstream": true})).await;
        asked(&server, "git-receive-pack", method).await;
        cancel(&mut agent, id, "git_push", || true).await;
        free(&mut agent).await;
        assert_eq!((Snapshot::of(&to), tip(&remote, "main")), (snapshot, before.clone()));
        assert_eq!(tip(&to, "origin/main"), before);
        agent.done().await;
        agent = desk.agent(&environment).await;
    }
    point(&to, &open.url("r.git"));
    agent.fine("git_push", json!({"cwd": "r"})).await;
    assert_eq!(tip(&remote, "main"), ours.to_string());
    agent.done().await;
}

#[tokio::test]
async fn time_that_is_up_is_no_cancellation() {
    let desk = Desk::new();
    large(&desk);
    let server = stuck(&desk);
    let open = Setup::new(&desk.remotes()).start();
    let mut agent = desk.agent(&[("GIT_TIMEOUT", "1")]).await;
    for place in ["mute", "deaf", "half"] {
        let url = server.url(&format!("{place}/r.git"));
        agent
            .refused("git_clone", json!({"url": url, "dir": "a/b"}), "timeout", &["not done after 1 s", "depth"])
            .await;
        assert!(names(&desk.ws()).is_empty(), "{:?}", names(&desk.ws()));
    }
    agent.done().await;
    let mut agent = desk.agent(&[]).await;
    agent.fine("git_clone", json!({"url": open.url("r.git")})).await;
    agent.done().await;
    let to = desk.ws().join("r");
    desk.commit(&to, &[("a", "1\n")], "ours");
    point(&to, &server.url("deaf/r.git"));
    let before = Snapshot::of(&to);
    let mut agent = desk.agent(&[("GIT_TIMEOUT", "1")]).await;
    agent.refused("git_push", json!({"cwd": "r"}), "timeout", &["not done after 1 s"]).await;
    point(&to, &server.url("mute/r.git"));
    agent.refused("git_pull", json!({"cwd": "r"}), "timeout", &["not done after 1 s"]).await;
    point(&to, &server.url("deaf/r.git"));
    assert_eq!(Snapshot::of(&to), before);
    agent.done().await;
    let mut agent = desk.agent(&[("GIT_TIMEOUT", "soon")]).await;
    agent.refused("git_pull", json!({"cwd": "r"}), "invalid_argument", &["GIT_TIMEOUT"]).await;
    agent.done().await;
}

#[tokio::test]
async fn a_slow_transfer_tells_how_far_it_is() {
    let desk = Desk::new();
    let remote = desk.remote("r.git", 1);
    let work = desk.path("work");
    git(&desk.path(""), &["clone", "--quiet", remote.to_str().expect("text"), "work"]);
    for number in 0..60 {
        std::fs::write(work.join(format!("f{number}")), noise(2000, number + 1)).expect("a file");
    }
    desk.commit(&work, &[], "many");
    git(&work, &["push", "--quiet", "origin", "main"]);
    // About 120 kB, 4 kB at a time: some three seconds.
    let server = Setup::new(&desk.remotes()).rule("/slow", Rule::Slow(4096, Duration::from_millis(100))).start();
    let mut agent = desk.agent(&[]).await;
    let id = agent.begin("git_clone", json!({"url": server.url("slow/r.git")})).await;
    let mut told: Vec<Value> = Vec::new();
    let answer = loop {
        let message = agent.client.next(PATIENCE).await.expect("a message");
        if message["id"] == id {
            break message;
        }
        assert_eq!(message["method"], "notifications/progress", "{message}");
        told.push(message["params"].clone());
    };
    assert_ne!(answer["result"]["isError"], true, "{answer}");
    assert!(told.len() >= 2, "{told:?}");
    assert!(told.iter().all(|told| told["progressToken"] == "how far" && told["message"] == "cloning"), "{told:?}");
    let done: Vec<f64> = told.iter().map(|told| told["progress"].as_f64().expect("a number")).collect();
    assert!(done.windows(2).all(|two| two[0] < two[1]), "{done:?}");
    // 3 objects of the first commit, and of the second a commit, a tree and 60 files.
    assert!(told.iter().any(|told| told["total"] == 65.0), "{told:?}");
    agent.done().await;
}

#[tokio::test]
async fn a_server_that_is_told_to_end_takes_its_transfer_along() {
    let desk = Desk::new();
    large(&desk);
    let server = stuck(&desk);
    for by_signal in [true, false] {
        let mut agent = desk.agent(&[]).await;
        let seen = server.seen().len();
        agent.begin("git_clone", json!({"url": server.url("half/r.git"), "dir": "a/b"})).await;
        until("the request", || server.seen()[seen..].iter().any(|seen| seen.method == "POST")).await;
        until("the first part of the pack", || holds_more_than(&desk.ws(), 100_000)).await;
        if by_signal {
            agent.client.signal(rustix::process::Signal::TERM);
        } else {
            agent.client.close().await;
        }
        agent.client.ended().await;
        assert!(names(&desk.ws()).is_empty(), "signal {by_signal}: {:?}", names(&desk.ws()));
    }
}
