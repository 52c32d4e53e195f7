//! A server that is killed, or told to end, in the middle of a transfer: the repository is as before or as after, and the same call again
//! succeeds.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

use harness::git_http::{GitHttp, Setup};
use harness::moments::{Victim, ended};
use harness::repository::{git, noise, tip};
use harness::{PATIENCE, block_on};
use rustix::process::Signal;
use serde_json::{Value, json};

use super::desk::{Desk, names, tidy};

/// A server on stdio that has been asked for one thing.
struct Asked {
    process: Child,
    _input: ChildStdin,
    answers: Receiver<Value>,
    answer: Option<Value>,
}

impl Asked {
    fn new(desk: &Desk, tool: &str, arguments: &Value) -> Self {
        let start = desk.start().env("GIT_ALLOW_PROTOCOLS", "http");
        let mut command = Command::new(&start.program);
        command.env_clear().envs(start.env.iter().map(|(name, value)| (name, value))).current_dir("/");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.spawn().expect("the server");
        let mut input = process.stdin.take().expect("stdin");
        let output = process.stdout.take().expect("stdout");
        let info = json!({"name": "harness", "version": "1"});
        let begin = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": info});
        let messages = [
            json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": begin}),
            json!({"jsonrpc": "2.0", "method": "notifications/initialized", "params": {}}),
            json!({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": tool, "arguments": arguments}}),
        ];
        for message in messages {
            input.write_all(format!("{message}\n").as_bytes()).expect("the server reads");
        }
        let (sender, answers) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let message: Value = serde_json::from_str(&line).unwrap_or_default();
                if message["id"] == 2 && sender.send(message["result"].clone()).is_err() {
                    return;
                }
            }
        });
        Self { process, _input: input, answers, answer: None }
    }

    /// Asks and waits for the answer.
    fn whole(desk: &Desk, tool: &str, arguments: &Value) -> Value {
        let mut asked = Self::new(desk, tool, arguments);
        let answer = asked.answers.recv_timeout(PATIENCE).expect("an answer");
        asked.process.kill().expect("a signal");
        asked.process.wait().expect("wait");
        answer
    }
}

impl Victim for Asked {
    fn finish(&mut self) {
        let answer = self.answers.recv_timeout(PATIENCE).expect("an answer");
        assert_ne!(answer["isError"], true, "{answer}");
        self.answer = Some(answer);
    }

    fn is_done(&mut self) -> bool {
        self.answer = self.answer.take().or_else(|| self.answers.try_recv().ok());
        self.answer.is_some()
    }

    fn process(&mut self) -> &mut Child {
        &mut self.process
    }
}

fn succeeds(desk: &Desk, tool: &str, arguments: &Value) {
    let answer = Asked::whole(desk, tool, arguments);
    assert_ne!(answer["isError"], true, "{answer}");
}

/// Each with its own number of moments: killing is what leaves something.
const SIGNALS: [(Signal, u32); 2] = [(Signal::KILL, 6), (Signal::TERM, 3)];

/// Files enough that getting and writing them takes a while.
fn many(work: &Path, seed: u64) {
    for number in 0..200 {
        let directory = work.join(format!("d{}", number % 20));
        std::fs::create_dir_all(&directory).expect("a directory");
        std::fs::write(directory.join(format!("f{number}")), noise(4000, seed + number)).expect("a file");
    }
}

fn copy(from: &Path, to: &Path) {
    let status = Command::new("cp").arg("-a").arg(from).arg(to).status().expect("cp");
    assert!(status.success());
}

/// What git tells everybody to do after a process was killed.
fn unlock(repository: &Path) {
    let mut left = vec![repository.join(".git")];
    while let Some(next) = left.pop() {
        for entry in std::fs::read_dir(next).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                left.push(path);
            } else if path.extension().is_some_and(|extension| extension == "lock") {
                std::fs::remove_file(path).expect("a lock");
            }
        }
    }
}

#[test]
fn a_clone_is_whole_or_absent() {
    let source = Desk::new();
    let remote = source.remote("r.git", 1);
    let work = source.path("work");
    git(&source.path(""), &["clone", "--quiet", remote.to_str().expect("text"), "work"]);
    many(&work, 1);
    let head = source.commit(&work, &[], "many");
    git(&work, &["push", "--quiet", "origin", "main"]);
    let server = Setup::new(&source.remotes()).start();
    let arguments = json!({"url": server.url("r.git"), "dir": "deep/r"});
    for (signal, rounds) in SIGNALS {
        let start = |desk: &Desk| Asked::new(desk, "git_clone", &arguments);
        ended(rounds, signal, Desk::new, start, |desk| {
            let (place, to) = (desk.ws().join("deep"), desk.ws().join("deep/r"));
            let there = if place.exists() { names(&place) } else { Vec::new() };
            let strange: Vec<_> =
                there.iter().filter(|name| *name != "r" && !name.starts_with(".mcp-git-clone-")).collect();
            assert!(strange.is_empty(), "{strange:?}");
            assert!(there.len() <= 1, "{there:?}");
            if to.exists() {
                assert_eq!(tip(&to, "HEAD"), head);
                tidy(&to);
                std::fs::remove_dir_all(&to).expect("the clone");
            }
            succeeds(desk, "git_clone", &arguments);
            assert_eq!(names(&place), ["r"], "what the other left is gone");
            assert_eq!(tip(&to, "HEAD"), head);
            tidy(&to);
        });
    }
}

/// A clone that lacks a large commit of its remote, with `ours` files committed on top.
struct Behind {
    desk: Desk,
    server: GitHttp,
    theirs: String,
    ours: String,
}

impl Behind {
    fn new(ours: &[(&str, &str)]) -> Self {
        let desk = Desk::new();
        let remote = desk.remote("r.git", 1);
        let work = desk.path("work");
        let from = remote.to_str().expect("text").to_owned();
        git(&desk.path(""), &["clone", "--quiet", &from, "work"]);
        many(&work, 1);
        desk.commit(&work, &[("both", "1\n2\n3\n4\n5\n6\n7\n8\n")], "many");
        git(&work, &["push", "--quiet", "origin", "main"]);
        let server = Setup::new(&desk.remotes()).start();
        git(&desk.ws(), &["clone", "--quiet", &server.url("r.git"), "r"]);
        many(&work, 1000);
        let theirs = desk.commit(&work, &[("both", "theirs\n2\n3\n4\n5\n6\n7\n8\n"), ("new", "n\n")], "others");
        git(&work, &["push", "--quiet", "origin", "main"]);
        let to = desk.ws().join("r");
        let mut head = tip(&to, "HEAD");
        for (name, content) in ours {
            head = desk.commit(&to, &[(name, content)], name);
        }
        std::fs::write(to.join("mine"), "mine\n").expect("a file");
        Self { desk, server, theirs, ours: head }
    }

    /// The same in a place of its own, on the same server.
    fn twin(&self) -> Desk {
        let desk = Desk::new();
        copy(&self.desk.ws().join("r"), &desk.ws());
        desk
    }

    fn check(&self, strategy: &str, is_after: impl Fn(&Path) -> bool) {
        let arguments = json!({"cwd": "r", "strategy": strategy});
        for (signal, rounds) in SIGNALS {
            let start = |desk: &Desk| Asked::new(desk, "git_pull", &arguments);
            ended(
                rounds,
                signal,
                || self.twin(),
                start,
                |desk| {
                    let to = desk.ws().join("r");
                    self.is_between(&to, &is_after);
                    self.again(desk, &arguments);
                    assert!(is_after(&to), "{}", git(&to, &["log", "--graph", "--oneline"]));
                    let status = git(&to, &["--no-optional-locks", "status", "--porcelain", "--untracked-files=all"]);
                    assert_eq!(status, "?? mine");
                    assert_eq!(std::fs::read_to_string(to.join("mine")).expect("a file"), "mine\n");
                    git(&to, &["fsck", "--strict"]);
                },
            );
        }
        assert!(!self.server.seen().is_empty());
    }

    /// The branch is where it was or where it was to be; before, nothing is staged.
    fn is_between(&self, to: &Path, is_after: impl Fn(&Path) -> bool) {
        // The name of the lock is what the next call would say.
        let locked = to.join(".git/index.lock").exists();
        git(to, &["fsck", "--strict"]);
        assert_eq!(git(to, &["symbolic-ref", "HEAD"]), "refs/heads/main");
        if tip(to, "HEAD") == self.ours {
            if !locked {
                let staged = git(to, &["--no-optional-locks", "diff", "--cached", "--name-only"]);
                let all = git(to, &["--no-optional-locks", "diff", "--name-only", &self.ours]);
                // The index is exchanged in one step, after the files: it is of the one commit or of the other.
                assert!(staged.is_empty() || all.is_empty() || is_of(to, &staged), "{staged}");
            }
        } else {
            assert!(is_after(to));
            assert_eq!(git(to, &["--no-optional-locks", "status", "--porcelain", "--untracked-files=no"]), "");
        }
        assert_eq!(std::fs::read_to_string(to.join("mine")).expect("a file"), "mine\n");
    }

    /// The same call, past the lock and past the one file that was being written.
    fn again(&self, desk: &Desk, arguments: &Value) {
        let to = desk.ws().join("r");
        if to.join(".git/index.lock").exists() {
            let answer = Asked::whole(desk, "git_pull", arguments);
            let said = answer["structuredContent"]["hint"].as_str().unwrap_or_default().to_owned();
            let over = tip(&to, "HEAD") != self.ours;
            assert!(over || (answer["isError"] == true && said.contains("remove .git/index.lock")), "{answer}");
        }
        unlock(&to);
        let answer = Asked::whole(desk, "git_pull", arguments);
        if answer["isError"] == true {
            let said = answer["structuredContent"]["said"].as_str().unwrap_or_else(|| panic!("{answer}"));
            let paths: Vec<&str> = said.lines().filter(|line| !line.contains("untrusted-")).collect();
            assert_eq!(paths.len(), 1, "{answer}");
            std::fs::remove_file(to.join(paths[0])).expect("the file that was being written");
            succeeds(desk, "git_pull", arguments);
        }
    }
}

/// Whether `staged` is everything in which the fetched commit differs.
fn is_of(to: &Path, staged: &str) -> bool {
    git(to, &["--no-optional-locks", "diff", "--name-only", "HEAD...origin/main"]) == *staged
}

#[test]
fn a_pull_that_fast_forwards() {
    let behind = Behind::new(&[]);
    behind.check("ff-only", |to| tip(to, "HEAD") == behind.theirs);
}

#[test]
fn a_pull_that_merges() {
    let behind = Behind::new(&[("both", "1\n2\n3\n4\n5\n6\n7\nours\n"), ("ours", "o\n")]);
    let parents = format!("{} {}", behind.ours, behind.theirs);
    behind.check("merge", |to| git(to, &["log", "-1", "--format=%P"]) == parents);
}

#[test]
fn a_pull_that_rebases() {
    let behind = Behind::new(&[("both", "1\n2\n3\n4\n5\n6\n7\nours\n"), ("ours", "o\n")]);
    behind.check("rebase", |to| {
        tip(to, "HEAD~2") == behind.theirs && git(to, &["log", "-2", "--format=%s"]) == "ours\nboth"
    });
}

#[test]
fn a_push_has_happened_or_not() {
    let source = Desk::new();
    let remote = source.remote("r.git", 1);
    git(&source.ws(), &["clone", "--quiet", remote.to_str().expect("text"), "r"]);
    let before = tip(&remote, "main");
    let from = source.ws().join("r");
    std::fs::write(from.join("noise"), noise(3 << 20, 9)).expect("a file");
    many(&from, 1);
    let ours = source.commit(&from, &[], "many");
    let arguments = json!({"cwd": "r", "set_upstream": true});
    let prepare = || {
        let desk = Desk::new();
        let to: PathBuf = desk.ws().join("r");
        copy(&remote, &desk.remotes());
        copy(&from, &desk.ws());
        let server = Setup::new(&desk.remotes()).start();
        git(&to, &["remote", "set-url", "origin", &server.url("r.git")]);
        git(&to, &["branch", "--unset-upstream"]);
        (desk, server)
    };
    for (signal, rounds) in SIGNALS {
        let start = |world: &(Desk, GitHttp)| Asked::new(&world.0, "git_push", &arguments);
        ended(rounds, signal, prepare, start, |(desk, server)| {
            block_on(server.idle());
            let (there, to) = (desk.remotes().join("r.git"), desk.ws().join("r"));
            git(&there, &["fsck", "--strict"]);
            let now = tip(&there, "main");
            assert!(now == before || now == ours, "{now}");
            let seen = tip(&to, "origin/main");
            assert!(seen == before || (seen == ours && now == ours), "{seen} is not what the remote has");
            unlock(&to);
            tidy(&to);
            succeeds(desk, "git_push", &arguments);
            assert_eq!((tip(&there, "main"), tip(&to, "origin/main")), (ours.clone(), ours.clone()));
            assert_eq!(git(&to, &["rev-parse", "--abbrev-ref", "main@{upstream}"]), "origin/main");
            tidy(&to);
        });
    }
}
