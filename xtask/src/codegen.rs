//! `cargo xtask codegen`: what is written twice is generated once and checked.
//!
//! The servers say what they are (`mcp-<server> manifest`, `mcp-<server> catalogue`); manifests, catalogues, schema snapshots and the
//! tables of the README follow.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
};

use serde_json::Value;

use crate::run::{self, Result};

mod tables;

/// The command that makes stale files current.
pub const REMEDY: &str = "run cargo xtask codegen";

/// What a server says about itself.
struct Said {
    server: String,
    manifest: String,
    catalogue: String,
    value: Value,
}

/// Writes what is stale; with `check`, says what is and fails.
pub fn run(check: bool) -> Result<ExitCode> {
    let root = run::root()?;
    let stale = stale(&root)?;
    for (path, wanted) in &stale {
        let place = root.join(path);
        match wanted {
            _ if check => run::out(&format!("{path}: stale, {REMEDY}")),
            Some(text) => {
                run::write(&place, text)?;
                run::out(&format!("wrote {path}"));
            }
            None => {
                fs::remove_file(&place).map_err(|error| format!("{path} could not be removed: {error}"))?;
                run::out(&format!("removed {path}"));
            }
        }
    }
    Ok(if check && !stale.is_empty() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Every generated file that is not what it should be, with what it should be; nothing for a file that should not be.
pub fn stale(root: &Path) -> Result<BTreeMap<String, Option<String>>> {
    let servers = run::servers(root)?;
    let binaries = build(root)?;
    let mut said = Vec::new();
    for server in &servers {
        let name = format!("mcp-{server}");
        let binary = binaries.get(&name).ok_or_else(|| format!("tools/{server} has no binary {name}"))?;
        said.push(ask(server, binary)?);
    }
    let mut wanted = BTreeMap::new();
    for said in &said {
        wanted.insert(format!("artifacts/{}/manifest.json", said.server), said.manifest.clone());
        wanted.insert(format!("artifacts/{}/catalogue.json", said.server), said.catalogue.clone());
        for (tool, text) in snapshots(&said.value)? {
            wanted.insert(format!("tools/{}/snapshots/{tool}.json", said.server), text);
        }
    }
    let catalogues: Vec<(&str, &Value)> = said.iter().map(|said| (said.server.as_str(), &said.value)).collect();
    wanted.insert("README.md".to_owned(), tables::fill(&run::read(&root.join("README.md"))?, &catalogues)?);

    let mut stale: BTreeMap<String, Option<String>> =
        leftovers(root, &wanted).into_iter().map(|path| (path, None)).collect();
    for (path, text) in wanted {
        // What git would store: a checkout may have other line ends.
        let there = fs::read_to_string(root.join(&path)).ok().map(|text| text.replace("\r\n", "\n"));
        if there.as_ref() != Some(&text) {
            stale.insert(path, Some(text));
        }
    }
    Ok(stale)
}

/// Builds every server at once and gives the binaries by name. The whole workspace is selected, so that cargo settles on the features
/// that `cargo test --workspace` uses and compiles no dependency twice.
fn build(root: &Path) -> Result<BTreeMap<String, PathBuf>> {
    let mut cargo = run::cargo(root);
    cargo.args(["build", "--workspace", "--exclude", "xtask", "--bins", "--quiet"]);
    cargo.args(["--message-format", "json-render-diagnostics"]).stderr(Stdio::inherit());
    let built = run::stdout(&mut cargo)?;
    let binary = |line: &str| {
        let message: Value = serde_json::from_str(line).ok()?;
        let executable = PathBuf::from(message["executable"].as_str()?);
        Some((message["target"]["name"].as_str()?.to_owned(), executable))
    };
    Ok(built.lines().filter_map(binary).collect())
}

/// Asks a server, in an empty environment, what it is.
fn ask(server: &str, binary: &Path) -> Result<Said> {
    let say = |what: &str| run::stdout(Command::new(binary).arg(what).env_clear());
    let (manifest, catalogue) = (say("manifest")?, say("catalogue")?);
    let value =
        serde_json::from_str(&catalogue).map_err(|error| format!("the catalogue of {server} is not JSON: {error}"))?;
    Ok(Said { server: server.to_owned(), manifest, catalogue, value })
}

/// The public API of each tool: its name, what the model reads, its hints, its parameters.
fn snapshots(catalogue: &Value) -> Result<Vec<(String, String)>> {
    let tools = catalogue["tools"].as_array().ok_or("a catalogue has no tools")?;
    tools
        .iter()
        .map(|tool| {
            let name = tool["name"].as_str().ok_or("a tool of a catalogue has no name")?;
            let snapshot = serde_json::json!({
                "name": name,
                "description": tool["description"],
                "annotations": tool["annotations"],
                "inputSchema": tool["inputSchema"],
            });
            let text = serde_json::to_string_pretty(&snapshot).map_err(|error| error.to_string())?;
            Ok((name.to_owned(), format!("{text}\n")))
        })
        .collect()
}

/// Generated files of tools and servers that are gone.
fn leftovers(root: &Path, wanted: &BTreeMap<String, String>) -> BTreeSet<String> {
    let names = |directory: &Path| -> Vec<String> {
        let entries = fs::read_dir(directory).into_iter().flatten().flatten();
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    };
    let mut found = BTreeSet::new();
    for server in names(&root.join("tools")) {
        let folder = format!("tools/{server}/snapshots");
        found.extend(names(&root.join(&folder)).iter().map(|name| format!("{folder}/{name}")));
    }
    for server in names(&root.join("artifacts")) {
        for name in ["manifest.json", "catalogue.json"] {
            let path = format!("artifacts/{server}/{name}");
            if root.join(&path).is_file() {
                found.insert(path);
            }
        }
    }
    found.retain(|path| !wanted.contains_key(path));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_tool_has_any_more_is_left_over() {
        let directory = tempfile::tempdir().unwrap();
        let wanted: BTreeMap<String, String> = ["tools/git/snapshots/git_log.json", "artifacts/git/manifest.json"]
            .map(|path| (path.to_owned(), String::new()))
            .into();
        let gone = ["tools/git/snapshots/git_old.json", "tools/gone/snapshots/x.json", "artifacts/gone/manifest.json"];
        for path in
            wanted.keys().map(String::as_str).chain(gone).chain(["artifacts/src/lib.rs", "tools/git/src/lib.rs"])
        {
            run::write(&directory.path().join(path), "").unwrap();
        }
        let mut found: Vec<String> = leftovers(directory.path(), &wanted).into_iter().collect();
        found.sort_by_key(|path| gone.iter().position(|one| one == path));
        assert_eq!(found, gone);
    }

    #[test]
    fn a_snapshot_is_what_a_client_sees_of_a_tool() {
        let catalogue = serde_json::json!({"tools": [{
            "name": "demo_hello", "description": "Greets.", "title": "Hello", "tokens": 3, "outputSchema": {},
            "annotations": {"readOnlyHint": true}, "inputSchema": {"type": "object"},
        }]});
        let snapshots = snapshots(&catalogue).unwrap();
        assert_eq!(snapshots.len(), 1);
        assert_eq!(snapshots[0].0, "demo_hello");
        assert!(snapshots[0].1.ends_with("}\n"));
        let value: Value = serde_json::from_str(&snapshots[0].1).unwrap();
        assert_eq!(value["annotations"]["readOnlyHint"], true);
        assert_eq!(value["inputSchema"]["type"], "object");
        assert!(value.get("outputSchema").is_none() && value.get("tokens").is_none());
    }
}
