//! What rustfmt and clippy say, as findings.

use std::path::Path;

use super::Finding;
use crate::run::{self, Result};

/// Files rustfmt would change.
pub fn format(root: &Path) -> Result<Vec<Finding>> {
    let output = run::output(run::cargo(root).args(["fmt", "--all", "--", "--check", "--files-with-diff"]))?;
    if output.status.success() {
        return Ok(Vec::new());
    }
    let files = String::from_utf8_lossy(&output.stdout).into_owned();
    let found: Vec<Finding> = files
        .lines()
        .map(|file| {
            let path = Path::new(file);
            Finding::new(path.strip_prefix(root).unwrap_or(path).to_string_lossy(), 1, "not formatted, run cargo fmt")
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
