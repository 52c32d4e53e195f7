//! The reference client in Python, in each of its modes, over both transports.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
};

use harness::{GitRepo, PATIENCE, Start, http::HttpServer, skip, start::mcp_git};
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt, process};

const MODES: [&str; 3] = ["auto", "legacy", "2026-07-28"];

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

/// What is called, and what each text must contain.
fn calls() -> Value {
    json!({
        "git_status": [
            {"arguments": {"cwd": "repo"}, "contains": ["on `main`", "1 unstaged", "?? new.txt", ".M a.txt"]},
            {"arguments": {"cwd": "elsewhere"}, "isError": true, "contains": ["not_found: "]},
            {"arguments": {"cwd": "../.."}, "isError": true, "contains": ["cwd"]},
            {"arguments": {"cwdd": "repo"}, "isError": true, "contains": ["invalid_argument: ", "did you mean `cwd`?"]},
        ],
        "git_log": [
            {"arguments": {"cwd": "repo", "oneline": true}, "contains": ["second change", "first change"]},
            {"arguments": {"cwd": "repo", "count": 1}, "contains": ["second change", "next: cursor="]},
            {"arguments": {"cwd": "repo", "count": 0}, "isError": true, "contains": ["`count` must be between 1 and 1000"]},
        ],
        "git_branch_list": [{"arguments": {"cwd": "repo"}, "contains": ["main", "topic"]}],
        "git_diff": [{"arguments": {"cwd": "repo"}, "contains": ["a.txt", "+three"]}],
        "git_show": [{"arguments": {"cwd": "repo", "ref": "HEAD"}, "contains": ["second change", "+two"]}],
    })
}

fn repository() -> GitRepo {
    let repo = GitRepo::new();
    repo.write("a.txt", "one\n");
    repo.commit("first change");
    repo.git(&["branch", "topic"]);
    repo.write("a.txt", "one\ntwo\n");
    repo.commit("second change");
    repo.write("a.txt", "one\ntwo\nthree\n");
    repo.write("new.txt", "new\n");
    repo
}

/// Runs the client and returns what it reports.
async fn run(python: &Path, mut request: Value) -> Value {
    request["modes"] = json!(MODES);
    request["calls"] = calls();
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
        for name in ["git_status", "git_log", "git_branch_list"] {
            assert!(tools.contains(&json!(name)), "{mode}: {tools:?}");
        }
        let results = report["results"].as_array().unwrap();
        let called = |name: &str| results.iter().filter(|result| result["tool"] == name).count();
        assert!(called("git_status") == 4 && called("git_log") == 3, "{mode}: {results:?}");
        // A mode that is pinned skips the discovery, and so never hears the name.
        if mode != "2026-07-28" {
            assert_eq!(report["server"], "mcp-git", "{mode}");
            assert!(report["instructions"].as_str().is_some_and(|words| words.contains("workspace")), "{mode}");
        }
    }
    assert_eq!(report["auto"]["tools"], report["legacy"]["tools"], "the same list in the same order");
    assert_eq!(report["auto"]["tools"], report["2026-07-28"]["tools"], "the same list in the same order");
}

#[tokio::test]
async fn the_python_client_works_over_stdio_in_every_mode() {
    let python = match python() {
        Ok(python) => python,
        Err(reason) => return skip("the_python_client_works_over_stdio_in_every_mode", &reason),
    };
    let repo = repository();
    let env = json!({"WORKSPACE": repo.workspace()});
    check(&run(&python, json!({"stdio": {"command": mcp_git(), "args": [], "env": env}})).await);
}

#[tokio::test]
async fn the_python_client_works_over_http_in_every_mode() {
    let python = match python() {
        Ok(python) => python,
        Err(reason) => return skip("the_python_client_works_over_http_in_every_mode", &reason),
    };
    let repo = repository();
    let server = HttpServer::start(Start::git(repo.workspace())).await;
    check(&run(&python, json!({"url": server.url()})).await);
}
