//! What rustfmt and clippy say, as findings.

use std::{
    io,
    path::Path,
    process::{Command, Output},
};

use super::Finding;
use crate::{
    run::{self, Result},
    tree::Tree,
};

/// Files rustfmt would change. `cargo fmt` does not see the modules that a list of tools declares, so rustfmt is shown those by name.
pub fn format(tree: &Tree) -> Result<Vec<Finding>> {
    let all = run::cargo(&tree.root).args(["fmt", "--all", "--", "--check", "--files-with-diff"]).output();
    let mut found = unformatted(&tree.root, all, |_| String::from("not formatted, run cargo fmt"))?;
    let listed: Vec<&str> = tree.sources.keys().map(String::as_str).filter(|path| is_tool(path)).collect();
    if !listed.is_empty() {
        let program = std::env::var_os("RUSTFMT").unwrap_or_else(|| "rustfmt".into());
        let mut rustfmt = Command::new(program);
        rustfmt.current_dir(&tree.root).args(["--check", "--files-with-diff"]).args(&listed);
        found.extend(unformatted(&tree.root, rustfmt.output(), |path| format!("not formatted, run rustfmt {path}"))?);
    }
    Ok(found)
}

/// `tools/<server>/src/tools/<verb>.rs`.
fn is_tool(path: &str) -> bool {
    matches!(path.split('/').collect::<Vec<_>>().as_slice(), ["tools", _, "src", "tools", _])
}

fn unformatted(root: &Path, ran: io::Result<Output>, what: impl Fn(&str) -> String) -> Result<Vec<Finding>> {
    let output = ran.map_err(|error| format!("rustfmt could not be started: {error}"))?;
    if output.status.success() {
        return Ok(Vec::new());
    }
    let files = String::from_utf8_lossy(&output.stdout).into_owned();
    let found: Vec<Finding> = files
        .lines()
        .map(|file| {
            let path = Path::new(file);
            let path = path.strip_prefix(root).unwrap_or(path).to_string_lossy().into_owned();
            let what = what(&path);
            Finding::new(path, 1, what)
        })
        .collect();
    if found.is_empty() { Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()) } else { Ok(found) }
}

/// What clippy warns of, in tests too. What it says goes to stderr in full as well: the findings only say where.
pub fn clippy(root: &Path) -> Result<Vec<Finding>> {
    let mut cargo = run::cargo(root);
    cargo.args([
        "clippy",
        "--workspace",
        "--all-targets",
        "--features",
        "agent-tools-tests/cluster",
        "--quiet",
        "--message-format",
        "json",
        "--",
        "-D",
        "warnings",
    ]);
    let output = run::output(&mut cargo)?;
    let messages = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut found = Vec::new();
    for line in messages.lines() {
        let Ok(message) = serde_json::from_str::<serde_json::Value>(line) else { continue };
        let message = &message["message"];
        let span = message["spans"].as_array().into_iter().flatten().find(|span| span["is_primary"] == true);
        if let (Some(text), Some(span)) = (message["message"].as_str(), span) {
            eprint!("{}", message["rendered"].as_str().unwrap_or_default());
            let file = span["file_name"].as_str().unwrap_or_default();
            let line = span["line_start"].as_u64().and_then(|line| usize::try_from(line).ok()).unwrap_or(1);
            found.push(Finding::new(file, line, format!("clippy: {}", text.lines().next().unwrap_or_default())));
        }
    }
    if found.is_empty() && !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
    }
    Ok(found)
}
