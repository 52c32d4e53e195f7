//! What the integration tests share: the server's own command line, and git's.

use std::{
    io::Write,
    path::Path,
    process::{Command, Output, Stdio},
};

use serde_json::Value;

/// No configuration but the repository's.
fn bare(program: &str, home: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", home)
        .env("LC_ALL", "C.UTF-8")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_AUTHOR_DATE", "1700000000 +0100")
        .env("GIT_COMMITTER_DATE", "1700000000 +0100");
    for role in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{role}_NAME"), "A U Thor").env(format!("GIT_{role}_EMAIL"), "author@example.com");
    }
    command
}

fn finished(what: &str, output: Output) -> Vec<u8> {
    assert!(
        output.status.success(),
        "{what}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}

/// Runs `git` in `dir`; the test needs it, and fails without it.
pub fn git(dir: &Path, arguments: &[&str]) -> Vec<u8> {
    let output =
        bare("git", dir.parent().unwrap()).current_dir(dir).args(arguments).output().expect("the git CLI is needed");
    finished(&arguments.join(" "), output)
}

/// The same with something to read.
pub fn git_fed(dir: &Path, arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut command = bare("git", dir.parent().unwrap());
    command.current_dir(dir).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the git CLI is needed");
    child.stdin.take().unwrap().write_all(input).unwrap();
    finished(&arguments.join(" "), child.wait_with_output().unwrap())
}

/// Runs `git` in `dir`; whether it succeeded.
pub fn git_tries(dir: &Path, arguments: &[&str]) -> bool {
    bare("git", dir.parent().unwrap())
        .current_dir(dir)
        .args(arguments)
        .output()
        .expect("the git CLI is needed")
        .status
        .success()
}

fn call(dir: &Path, tool: &str, arguments: &Value, form: &str) -> Output {
    bare(env!("CARGO_BIN_EXE_mcp-git"), dir)
        .env("WORKSPACE", dir)
        .args(["call", tool, "--json", &arguments.to_string(), "--output", form])
        .output()
        .unwrap()
}

/// The structured answer of a call.
pub fn json(dir: &Path, tool: &str, arguments: Value) -> Value {
    let output = finished(&format!("{tool} {arguments}"), call(dir, tool, &arguments, "json"));
    serde_json::from_slice(&output).unwrap()
}

/// The structured answer of a call, when it succeeds.
pub fn json_tries(dir: &Path, tool: &str, arguments: Value) -> Option<Value> {
    let output = call(dir, tool, &arguments, "json");
    output.status.success().then(|| serde_json::from_slice(&output.stdout).unwrap())
}

/// The text of a call.
pub fn text(dir: &Path, tool: &str, arguments: Value) -> String {
    String::from_utf8(finished(&format!("{tool} {arguments}"), call(dir, tool, &arguments, "text"))).unwrap()
}

/// The error text of a call that has to fail.
pub fn error(dir: &Path, tool: &str, arguments: Value) -> String {
    let output = call(dir, tool, &arguments, "text");
    assert!(!output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8(output.stdout).unwrap()
}

/// The counted lines of a page of JSON lines: those after the heading.
pub fn page_lines(lines: &Value) -> Vec<String> {
    let number = |name: &str| usize::try_from(lines[name].as_u64().unwrap()).unwrap();
    let shown = number("total") - number("offset") - number("omitted");
    let framed: Vec<&str> = lines["text"].as_str().unwrap().lines().collect();
    let inner = if framed.is_empty() { &[] } else { &framed[1..framed.len() - 1] };
    inner[inner.len() - shown..].iter().map(|line| (*line).to_owned()).collect()
}

/// The whole patch, page by page.
pub fn whole_patch(dir: &Path, tool: &str, arguments: &Value, at: &str) -> Vec<String> {
    let mut all = Vec::new();
    let mut arguments = arguments.clone();
    loop {
        let answer = json(dir, tool, arguments.clone());
        let patch = answer.pointer(at).cloned().unwrap_or(Value::Null);
        if patch.is_null() {
            return all;
        }
        assert_eq!(patch["offset"].as_u64().unwrap() as usize, all.len(), "pages follow one another");
        all.extend(page_lines(&patch));
        match patch.get("cursor") {
            Some(cursor) => arguments["cursor"] = cursor.clone(),
            None => {
                assert_eq!(patch["total"].as_u64().unwrap() as usize, all.len());
                return all;
            }
        }
    }
}
