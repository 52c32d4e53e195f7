//! The reference client in Python, in each of its modes, over both transports.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
};

use harness::{
    GitRepo, PATIENCE, Start,
    git_http::{GitHttp, Setup},
    http::HttpServer,
    repository::{bare, tip},
    skip,
    start::mcp_git,
};
use serde_json::{Map, Value, json};
use tokio::{io::AsyncWriteExt, process};

const MODES: [&str; 3] = ["auto", "legacy", "2026-07-28"];

/// What the remotes want to hear.
const TOKEN: &str = "python-t0ken-77aa";

/// A Python that has the client, or why there is none.
fn python() -> Result<PathBuf, String> {
    static FOUND: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    FOUND.get_or_init(find).clone()
}

fn find() -> Result<PathBuf, String> {
    if let Some(venv) = std::env::var_os("AGENT_TOOLS_VENV").filter(|venv| !venv.is_empty()) {
        let python = PathBuf::from(venv);
        return usable(&python).map(|()| python);
    }
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let venv = tests.parent().expect("the workspace").join("target/test-tools/venv");
    let python = venv.join("bin/python");
    if usable(&python).is_ok() {
        return Ok(python);
    }
    step(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv))?;
    let requirements = tests.join("python/requirements.txt");
    step(Command::new(&python).args(["-m", "pip", "install", "--quiet", "--requirement"]).arg(requirements))?;
    usable(&python).map(|()| python)
}

/// Whether `python` has the client of the version that is asked for.
fn usable(python: &Path) -> Result<(), String> {
    let required = include_str!("../python/requirements.txt").lines().find(|line| line.starts_with("mcp=="));
    let (name, version) = required.and_then(|line| line.trim().split_once("==")).expect("the client is pinned");
    let check =
        format!("import importlib.metadata as m; assert m.version({name:?}) == {version:?}, m.version({name:?})");
    step(Command::new(python).args(["-c", &check]))
}

fn step(command: &mut Command) -> Result<(), String> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("{command:?}: {}", said.lines().last().unwrap_or("failed")))
}

/// A workspace with a repository to read, and a server of remotes, one for each mode to write to.
struct Scene {
    repo: GitRepo,
    remotes: tempfile::TempDir,
    server: GitHttp,
}

impl Scene {
    fn new() -> Self {
        let repo = GitRepo::new();
        repo.write("a.txt", "one\n");
        repo.commit("first change");
        repo.git(&["branch", "topic"]);
        repo.write("a.txt", "one\ntwo\n");
        repo.commit("second change");
        repo.write("a.txt", "one\ntwo\nthree\n");
        repo.write("new.txt", "new\n");
        let remotes = tempfile::tempdir().expect("a directory");
        for mode in MODES {
            bare(remotes.path(), &format!("{mode}.git"), 2);
        }
        let server = Setup::new(remotes.path()).login("git", TOKEN).start();
        Self { repo, remotes, server }
    }

    /// What a server gets to know.
    fn environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("WORKSPACE", self.repo.workspace().display().to_string()),
            ("GIT_ALLOW_PROTOCOLS", "http".to_owned()),
            ("GIT_TOKEN", TOKEN.to_owned()),
            ("GIT_TOKEN_HOSTS", format!("127.0.0.1:{}", self.server.port())),
        ]
    }

    /// What is done in `mode`: every tool, and some calls that are refused.
    fn steps(&self, mode: &str) -> Value {
        let fine = |tool: &str, arguments: Value, words: Value| json!({"tool": tool, "arguments": arguments, "contains": words});
        let refused = |tool: &str, arguments: Value, words: Value| json!({"tool": tool, "arguments": arguments, "contains": words, "isError": true});
        let url = self.server.url(&format!("{mode}.git"));
        let file = self.repo.workspace().join(mode).join("new.txt");
        let write = |content: &str| json!({"write": file, "content": content});
        json!([
            fine("git_status", json!({"cwd": "repo"}), json!(["on `main`", "1 unstaged", "?? new.txt", ".M a.txt"])),
            refused("git_status", json!({"cwd": "elsewhere"}), json!(["not_found: "])),
            refused("git_status", json!({"cwd": "../.."}), json!(["cwd"])),
            refused("git_status", json!({"cwdd": "repo"}), json!(["invalid_argument: ", "did you mean `cwd`?"])),
            fine("git_log", json!({"cwd": "repo", "oneline": true}), json!(["second change", "first change"])),
            fine("git_log", json!({"cwd": "repo", "count": 1}), json!(["second change", "next: cursor="])),
            refused("git_log", json!({"cwd": "repo", "count": 0}), json!(["`count` must be between 1 and 1000"])),
            fine("git_branch_list", json!({"cwd": "repo"}), json!(["main", "topic"])),
            fine("git_diff", json!({"cwd": "repo"}), json!(["a.txt", "+three"])),
            fine("git_show", json!({"cwd": "repo", "ref": "HEAD"}), json!(["second change", "+two"])),
            fine("git_clone", json!({"url": url, "dir": mode}), json!(["cloned into", "on `main`", "6 objects"])),
            refused("git_clone", json!({"url": url, "dir": mode}), json!(["conflict: ", "already exists"])),
            fine("git_clone_or_pull", json!({"url": url, "dir": mode}), json!(["up to date"])),
            fine("git_branch", json!({"cwd": mode, "name": "work", "create": true}), json!(["work"])),
            write("one\n"),
            fine("git_add", json!({"cwd": mode, "files": ["new.txt"]}), json!(["new.txt"])),
            refused("git_add", json!({"cwd": mode, "files": ["nothing.txt"]}), json!(["nothing.txt"])),
            fine("git_commit", json!({"cwd": mode, "message": "by python"}), json!(["by python"])),
            fine("git_push", json!({"cwd": mode, "set_upstream": true}), json!(["`work`", "new, at", "upstream"])),
            fine("git_pull", json!({"cwd": mode}), json!(["up to date with `origin/work`"])),
            refused("git_pull", json!({"cwd": mode, "strategy": "octopus"}), json!(["invalid_argument: ", "ff-only"])),
            write("two\n"),
            fine("git_diff", json!({"cwd": mode}), json!(["-one", "+two"])),
            fine("git_log", json!({"cwd": mode, "ref": "origin/work"}), json!(["by python"])),
        ])
    }

    /// Runs the client in `modes` and returns what it reports.
    async fn run(&self, python: &Path, modes: &[&str], mut request: Value) -> Value {
        let steps: Map<String, Value> = modes.iter().map(|mode| ((*mode).to_owned(), self.steps(mode))).collect();
        request["modes"] = Value::Object(steps);
        let report = run(python, &request).await;
        for mode in modes {
            let (remote, clone) = (self.remotes.path().join(format!("{mode}.git")), self.repo.workspace().join(mode));
            assert_eq!(tip(&remote, "work"), tip(&clone, "HEAD"), "{mode}");
        }
        report
    }
}

async fn run(python: &Path, request: &Value) -> Value {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/client.py");
    let mut child = process::Command::new(python)
        .arg("-B")
        .arg(script)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("python");
    let mut input = child.stdin.take().expect("stdin");
    input.write_all(request.to_string().as_bytes()).await.expect("the client reads");
    drop(input);
    let output = tokio::time::timeout(PATIENCE * 4, child.wait_with_output()).await.expect("in time").expect("wait");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stdout)))
}

fn check(report: &Value) {
    for (mode, protocol) in [("auto", "2026-07-28"), ("legacy", "2025-11-25"), ("2026-07-28", "2026-07-28")] {
        let report = &report[mode];
        assert_eq!(report["protocol"], protocol, "{mode}");
        let tools = report["tools"].as_array().unwrap_or_else(|| panic!("{mode}: {report}"));
        assert_eq!(tools.len(), 12, "{mode}: {tools:?}");
        let results = report["results"].as_array().unwrap();
        let called = |name: &str| results.iter().filter(|result| result["tool"] == name).count();
        assert!(called("git_status") == 4 && called("git_clone") == 2, "{mode}: {results:?}");
        // A mode that is pinned skips the discovery, and so never hears the name.
        if mode != "2026-07-28" {
            assert_eq!(report["server"], "mcp-git", "{mode}");
            assert!(report["instructions"].as_str().is_some_and(|words| words.contains("workspace")), "{mode}");
        }
    }
    assert_eq!(report["auto"]["tools"], report["legacy"]["tools"], "the same list in the same order");
    assert_eq!(report["auto"]["tools"], report["2026-07-28"]["tools"], "the same list in the same order");
}

fn stdio(scene: &Scene, more: &[(&str, &str)]) -> Value {
    let mut env: Map<String, Value> =
        scene.environment().into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
    env.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())));
    json!({"command": mcp_git(), "args": [], "env": env})
}

#[tokio::test]
async fn the_python_client_works_over_stdio_in_every_mode() {
    let python = match python() {
        Ok(python) => python,
        Err(reason) => return skip("the_python_client_works_over_stdio_in_every_mode", &reason),
    };
    let scene = Scene::new();
    let request = json!({"stdio": stdio(&scene, &[]), "results": "text"});
    check(&scene.run(&python, &MODES, request).await);
}

#[tokio::test]
async fn the_python_client_works_over_http_in_every_mode() {
    let python = match python() {
        Ok(python) => python,
        Err(reason) => return skip("the_python_client_works_over_http_in_every_mode", &reason),
    };
    let scene = Scene::new();
    let start =
        scene.environment().into_iter().fold(Start::new(mcp_git()), |start, (name, value)| start.env(name, value));
    let server = HttpServer::start(start).await;
    check(&scene.run(&python, &MODES, json!({"url": server.url(), "results": "text"})).await);
}

#[tokio::test]
async fn the_python_client_validates_every_structured_value() {
    let python = match python() {
        Ok(python) => python,
        Err(reason) => return skip("the_python_client_validates_every_structured_value", &reason),
    };
    let scene = Scene::new();
    let request = json!({"stdio": stdio(&scene, &[("RESULTS", "both")]), "results": "both"});
    let report = scene.run(&python, &["auto"], request).await;
    assert_eq!(report["auto"]["tools"].as_array().map(Vec::len), Some(12), "{report}");
}
