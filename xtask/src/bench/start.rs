//! Start, memory, size and the cost of the tool list.

use std::{path::Path, process::Command};

use serde_json::{Value, json};

use super::{Bench, client::Client, median, millis, table::Row, timed};

const RUNS: usize = 30;
/// A Python server takes a second to start; a median of these is steady enough.
const PEER_RUNS: usize = 5;
// What ours is to reach.
const START_MS: f64 = 2.5;
const RESIDENT_MIB: f64 = 6.0;
const TOKENS: usize = 2_500;
const SIZE_MB: f64 = 12.0;

pub(super) fn run(bench: &Bench) -> Result<Vec<Row>, String> {
    let here = bench.home.join("empty");
    std::fs::create_dir_all(&here).map_err(|error| error.to_string())?;
    crate::run::stdout(Command::new("git").args(["init", "--quiet"]).current_dir(&here))?;
    let mine = vec![bench.git.display().to_string()];
    let theirs = bench.peers.git();
    let start = |program: &[String], runs| median(runs, || timed(|| Client::start(program, &here)));
    let (us, them) = (start(&mine, RUNS)?, start(&theirs, PEER_RUNS)?);
    let (our_list, our_peak) = list(&mine, &here)?;
    let (their_list, their_peak) = list(&theirs, &here)?;
    let (our_cost, their_cost) = (cost(&our_list), cost(&their_list));
    let size = std::fs::metadata(&bench.git).map_err(|error| error.to_string())?.len();
    let packed = Command::new("gzip").args(["-9", "-c"]).arg(&bench.git).output();
    let packed = packed.map_err(|error| format!("gzip: {error}"))?.stdout.len();
    let (size, packed) = (size as f64 / 1e6, packed as f64 / 1e6);
    Ok(vec![
        Row {
            what: String::from("start: spawn to the answer to initialize"),
            ours: millis(us),
            peer: format!("mcp-server-git {}", millis(them)),
            ratio: format!("{:.0}x faster", them.as_secs_f64() / us.as_secs_f64()),
            goal: format!("{START_MS} ms"),
            met: us.as_secs_f64() * 1000.0 <= START_MS,
        },
        Row {
            what: String::from("peak resident after tools/list"),
            ours: format!("{:.1} MiB", mib(our_peak)),
            peer: format!("mcp-server-git {:.1} MiB", mib(their_peak)),
            ratio: format!("{:.0}x less", mib(their_peak) / mib(our_peak)),
            goal: format!("{RESIDENT_MIB} MiB"),
            met: mib(our_peak) <= RESIDENT_MIB,
        },
        Row {
            what: String::from("tools/list: name, description, input schema"),
            ours: format!("{} tokens, {} tools", our_cost.0, our_cost.1),
            peer: format!("mcp-server-git {} tokens, {} tools", their_cost.0, their_cost.1),
            ratio: format!("{:.1}x", our_cost.0 as f64 / their_cost.0 as f64),
            goal: format!("{TOKENS} tokens"),
            met: our_cost.0 <= TOKENS,
        },
        Row {
            what: String::from("size of the static binary; gzipped"),
            ours: format!("{size:.1} MB; {packed:.1} MB"),
            peer: String::new(),
            ratio: String::new(),
            goal: format!("{SIZE_MB} MB"),
            met: size <= SIZE_MB,
        },
    ])
}

fn list(program: &[String], directory: &Path) -> Result<(Value, u64), String> {
    let mut client = Client::start(program, directory)?;
    let list = client.request("tools/list", json!({}))?;
    Ok((list, client.peak_kib()))
}

/// Tokens a model pays for name, description and input schema of all tools, and how many there are.
fn cost(list: &Value) -> (usize, usize) {
    let tools = list["result"]["tools"].as_array().map(Vec::as_slice).unwrap_or_default();
    let bytes = |tool: &Value| {
        let text = |key: &str| tool[key].as_str().map_or(0, str::len);
        text("name") + text("description") + tool["inputSchema"].to_string().len()
    };
    (tools.iter().map(bytes).sum::<usize>().div_ceil(4), tools.len())
}

fn mib(kib: u64) -> f64 {
    kib as f64 / 1024.0
}
