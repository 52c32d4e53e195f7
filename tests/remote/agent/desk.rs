//! Where an agent sits: a workspace, remotes beside it, the server's own binary in between, and somebody who looks for secrets everywhere.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use harness::git_http::{GitHttp, Setup};
use harness::repository::{bare, git, tip};
use harness::{Client, Start, text};
use serde_json::{Value, json};

use crate::network::CANARY;

/// A workspace, a directory of remotes, and a home, each test with its own.
pub struct Desk {
    root: tempfile::TempDir,
}

impl Desk {
    pub fn new() -> Self {
        let root = tempfile::tempdir().expect("a directory");
        for name in ["ws", "remotes", "home"] {
            std::fs::create_dir(root.path().join(name)).expect("a directory");
        }
        Self { root }
    }

    /// A desk with the remote `r.git` of some commits, and its server.
    pub fn with(commits: usize, setup: impl FnOnce(Setup) -> Setup) -> (Self, PathBuf, GitHttp) {
        let desk = Self::new();
        let remote = desk.remote("r.git", commits);
        let server = setup(Setup::new(&desk.remotes())).start();
        (desk, remote, server)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    pub fn ws(&self) -> PathBuf {
        self.path("ws")
    }

    pub fn remotes(&self) -> PathBuf {
        self.path("remotes")
    }

    pub fn remote(&self, name: &str, commits: usize) -> PathBuf {
        bare(&self.remotes(), name, commits)
    }

    /// A file beside the workspace.
    pub fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, content).expect("a file");
        path
    }

    /// The server's binary with an environment of its own, which logs everything it can.
    pub fn start(&self) -> Start {
        Start::git(&self.ws())
            .env("HOME", self.path("home"))
            .env("RESULTS", "both")
            .env("RUST_LOG", "trace")
            .env("GIT_AUTHOR_NAME", "Agent")
            .env("GIT_AUTHOR_EMAIL", "agent@example.com")
    }

    /// An agent whose server may use plain http.
    pub async fn agent(&self, environment: &[(&str, &str)]) -> Agent {
        self.agent_by(self.start().env("GIT_ALLOW_PROTOCOLS", "http"), environment).await
    }

    /// An agent with nothing allowed but what is by itself.
    pub async fn strict_agent(&self, environment: &[(&str, &str)]) -> Agent {
        self.agent_by(self.start(), environment).await
    }

    async fn agent_by(&self, start: Start, environment: &[(&str, &str)]) -> Agent {
        let start = environment.iter().fold(start, |start, (name, value)| start.env(name, value));
        Agent { client: Client::spawn(&start).ready().await, ws: self.ws() }
    }

    /// Commits `files` on the current branch of `repository`, with git.
    pub fn commit(&self, repository: &Path, files: &[(&str, &str)], message: &str) -> String {
        for (name, content) in files {
            let path = repository.join(name);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("directories");
            std::fs::write(path, content).expect("a file");
        }
        git(repository, &["add", "--all"]);
        git(repository, &["commit", "--quiet", "--allow-empty", "--message", message]);
        tip(repository, "HEAD")
    }

    /// Commits `files` on `branch` of a bare repository, as somebody else would.
    pub fn theirs(&self, remote: &Path, branch: &str, files: &[(&str, &str)], message: &str) -> String {
        let work = tempfile::tempdir().expect("a directory");
        git(work.path(), &["clone", "--quiet", remote.to_str().expect("text"), "w"]);
        let work = work.path().join("w");
        let there = git(&work, &["branch", "--remotes"]).lines().any(|line| line.trim() == format!("origin/{branch}"));
        git(&work, &["switch", "--quiet", if there { "-C" } else { "-c" }, branch]);
        if there {
            git(&work, &["reset", "--quiet", "--hard", &format!("origin/{branch}")]);
        }
        let made = self.commit(&work, files, message);
        git(&work, &["push", "--quiet", "origin", branch]);
        made
    }
}

/// Everything there is below a directory, by name.
fn files(below: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(below).into_iter().flatten().flatten() {
        found.push(entry.path());
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            files(&entry.path(), found);
        }
    }
}

/// The names directly in a directory, sorted.
pub fn names(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).expect("a directory").flatten();
    let mut names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// A secret as it is and as the header for some user spells it.
fn spellings(secret: &str) -> Vec<String> {
    use base64::Engine as _;
    let users = ["git", "me", "user", "x-access-token", "oauth2"];
    let basic = users.map(|user| base64::engine::general_purpose::STANDARD.encode(format!("{user}:{secret}")));
    std::iter::once(secret.to_owned()).chain(basic).collect()
}

/// An agent and its server.
pub struct Agent {
    pub client: Client,
    ws: PathBuf,
}

impl Agent {
    /// A call that succeeds; its structured value, with the text as `text`.
    #[track_caller]
    pub fn fine(&mut self, tool: &str, arguments: Value) -> impl Future<Output = Value> {
        let at = std::panic::Location::caller();
        async move {
            let result = self.call(tool, arguments.clone()).await;
            assert_ne!(result["isError"], true, "{at}: {tool} {arguments}: {}", text(&result));
            value(&result)
        }
    }

    /// A call that fails with `code`, and whose text has these words.
    #[track_caller]
    pub fn refused(&mut self, tool: &str, arguments: Value, code: &str, words: &[&str]) -> impl Future<Output = Value> {
        let at = std::panic::Location::caller();
        async move {
            let result = self.call(tool, arguments.clone()).await;
            assert_eq!(result["isError"], true, "{at}: {tool} {arguments}: {}", text(&result));
            assert_eq!(result["structuredContent"]["code"], code, "{at}: {}", text(&result));
            for word in words {
                assert!(text(&result).contains(word), "{at}: {word:?} is not in {}", text(&result));
            }
            value(&result)
        }
    }

    async fn call(&mut self, tool: &str, arguments: Value) -> Value {
        let result = self.client.call(tool, arguments).await;
        clean(&result.to_string(), "the answer");
        result
    }

    /// Begins a call and returns its id; progress is asked for.
    pub async fn begin(&mut self, tool: &str, arguments: Value) -> u64 {
        let params = json!({"name": tool, "arguments": arguments, "_meta": {"progressToken": "how far"}});
        self.client.ask("tools/call", params).await
    }

    /// Ends the server, and looks for the token in everything it wrote: the workspace, and all it logged.
    pub async fn done(mut self) {
        self.client.close().await;
        self.client.ended().await;
        let logged = self.client.stderr();
        assert!(logged.contains("call"), "at this level the log has something in it: {logged}");
        clean(&logged, "the log");
        nothing_secret_below(&self.ws);
    }
}

/// Neither token nor header stands in any file or name below `directory`.
pub fn nothing_secret_below(directory: &Path) {
    let mut found = Vec::new();
    files(directory, &mut found);
    for path in found {
        clean(&path.to_string_lossy(), "a name");
        if let Ok(bytes) = std::fs::read(&path) {
            clean(&String::from_utf8_lossy(&bytes), &path.display().to_string());
        }
    }
}

#[track_caller]
pub fn clean(text: &str, place: &str) {
    for spelling in spellings(CANARY) {
        let line = text.lines().find(|line| line.contains(&spelling));
        assert!(line.is_none(), "the token is in {place}: {}", line.unwrap_or_default());
    }
}

fn value(result: &Value) -> Value {
    let mut value = result["structuredContent"].clone();
    value["text"] = json!(text(result));
    value
}

/// A clone as it was: HEAD, branches and tags, index, work tree, and what git keeps of an operation in progress. Where the remote was last
/// seen is not part of it: a fetch may move that.
#[derive(Debug, PartialEq, Eq)]
pub struct Snapshot {
    refs: String,
    kept: BTreeMap<String, Vec<u8>>,
    tree: BTreeMap<PathBuf, (u32, Vec<u8>)>,
}

impl Snapshot {
    pub fn of(repository: &Path) -> Self {
        let format = "--format=%(refname) %(objectname)";
        let refs = git(repository, &["for-each-ref", format, "refs/heads", "refs/tags", "refs/stash"]);
        let mut kept = BTreeMap::new();
        for name in names(&repository.join(".git")) {
            let path = repository.join(".git").join(&name);
            // FETCH_HEAD is a note of the last fetch, shallow one of what it brought.
            if path.is_file() && name != "FETCH_HEAD" {
                kept.insert(name, std::fs::read(path).expect("a file"));
            } else if name.starts_with("rebase") {
                kept.insert(name, Vec::new());
            }
        }
        let mut found = Vec::new();
        files(repository, &mut found);
        let tree = found
            .into_iter()
            .filter(|path| !path.starts_with(repository.join(".git")))
            .map(|path| {
                let mode = std::fs::symlink_metadata(&path).expect("a file").permissions().mode();
                let content = std::fs::read(&path).unwrap_or_default();
                (path, (mode, content))
            })
            .collect();
        Self { refs, kept, tree }
    }
}

/// git finds nothing wrong, and no lock or temporary file is left.
#[track_caller]
pub fn sound(repository: &Path) {
    git(repository, &["fsck", "--strict", "--full"]);
    let mut found = Vec::new();
    files(&repository.join(".git"), &mut found);
    let left: Vec<_> = found
        .iter()
        .filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.ends_with(".lock") || name.starts_with("pack_git2_") || name.starts_with("tmp_")
        })
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

/// What git says about a clean repository.
#[track_caller]
pub fn tidy(repository: &Path) {
    sound(repository);
    let said = git(repository, &["--no-optional-locks", "status", "--porcelain=v2", "--untracked-files=all"]);
    assert_eq!(said, "", "the work tree differs from HEAD");
}
