//! Start, memory, size and the cost of the tool list.

use std::{path::Path, process::Command};

use serde_json::{Value, json};

use super::{client::Client, median, millis, peers::Peers, timed};

const RUNS: usize = 30;
/// A Python server takes a second to start; a median of these is steady enough.
const PEER_RUNS: usize = 5;

pub(super) fn run(ours: &Path, peers: &Peers) -> Result<(), String> {
    let here = tempfile()?;
    let mine = vec![ours.display().to_string()];
    let start = |program: &[String], runs| median(runs, || timed(|| Client::start(program, &here)));
    let (us, them) = (start(&mine, RUNS)?, start(&peers.git(), PEER_RUNS)?);
    crate::run::out(&format!(
        "start (spawn to initialize answered, median): mcp-git {}, mcp-server-git {}: {:.0}x faster",
        millis(us),
        millis(them),
        ratio(them.as_secs_f64(), us.as_secs_f64())
    ));

    let (our_list, our_peak) = list(&mine, &here)?;
    let (their_list, their_peak) = list(&peers.git(), &here)?;
    crate::run::out(&format!(
        "peak resident after tools/list: mcp-git {:.1} MiB, mcp-server-git {:.1} MiB: {:.0}x less",
        mib(our_peak),
        mib(their_peak),
        ratio(their_peak as f64, our_peak as f64)
    ));
    for (name, list) in [("mcp-git", &our_list), ("mcp-server-git", &their_list)] {
        let tools = list["result"]["tools"].as_array().map(Vec::as_slice).unwrap_or_default();
        let cost: usize = tools.iter().map(cost).sum();
        crate::run::out(&format!("tools/list: {name} {} tools, {} tokens", tools.len(), cost.div_ceil(4)));
    }
    let size = std::fs::metadata(ours).map_err(|error| error.to_string())?.len();
    let packed = Command::new("gzip")
        .args(["-9", "-c"])
        .arg(ours)
        .output()
        .map_err(|error| format!("gzip: {error}"))?
        .stdout
        .len();
    crate::run::out(&format!("size: mcp-git {:.1} MB, gzipped {:.1} MB", size as f64 / 1e6, packed as f64 / 1e6));
    std::fs::remove_dir_all(&here).map_err(|error| error.to_string())
}

fn list(program: &[String], directory: &Path) -> Result<(Value, u64), String> {
    let mut client = Client::start(program, directory)?;
    let list = client.request("tools/list", json!({}))?;
    Ok((list, client.peak_kib()))
}

/// Bytes a model pays for: name, description and input schema.
fn cost(tool: &Value) -> usize {
    let text = |key: &str| tool[key].as_str().map_or(0, str::len);
    text("name") + text("description") + tool["inputSchema"].to_string().len()
}

fn ratio(a: f64, b: f64) -> f64 {
    a / b.max(1e-9)
}

fn mib(kib: u64) -> f64 {
    kib as f64 / 1024.0
}

fn tempfile() -> Result<std::path::PathBuf, String> {
    let here = std::env::temp_dir().join(format!("agent-tools-bench-{}", std::process::id()));
    std::fs::create_dir_all(&here).map_err(|error| error.to_string())?;
    let made = Command::new("git").args(["init", "--quiet"]).current_dir(&here).status();
    made.map_err(|error| format!("git: {error}"))?;
    Ok(here)
}
