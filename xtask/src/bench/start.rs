//! Start, memory, size and the cost of the tool list.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::{Value, json};

use super::{
    Bench,
    client::{Client, Program},
    memory::{self, mib},
    table::{Row, unmeasured},
    turns::{median, millis, timed},
};

const RUNS: usize = 30;
/// A Python or Node server takes a second to start; a median of these is steady enough.
const PEER_RUNS: usize = 5;
// What every server of ours is to reach.
const START_MS: f64 = 2.5;

/// A server of ours and those it is measured beside.
pub(super) struct Subject<'a> {
    pub(super) name: &'a str,
    pub(super) binary: PathBuf,
    /// How it is started, with all its tools.
    pub(super) program: Program,
    /// Where it is started.
    pub(super) directory: PathBuf,
    /// How they are started, or why they are not.
    pub(super) peers: Vec<(&'a str, Result<Program, String>)>,
    /// What its tool list may cost.
    pub(super) tokens: usize,
    /// How much it may have resident, in MiB.
    pub(super) resident: u64,
    /// What its binary may weigh, in MB.
    pub(super) megabytes: f64,
}

/// The servers whose peers need nothing but themselves. (Those of mcp-kubectl ask the cluster as they start; they are measured where there is one.)
pub(super) fn run(bench: &Bench) -> Result<Vec<Row>, String> {
    let directory = bench.home.join("empty");
    std::fs::create_dir_all(&directory).map_err(|error| error.to_string())?;
    crate::run::stdout(Command::new("git").args(["init", "--quiet"]).current_dir(&directory))?;
    let binary = bench.built("mcp-git", "mcp-git")?;
    rows(&Subject {
        name: "mcp-git",
        program: Program::new([&binary]),
        binary,
        directory,
        peers: vec![("mcp-server-git", Ok(bench.python()?.git()))],
        tokens: 2_500,
        resident: 6,
        megabytes: 12.0,
    })
}

/// The measures of one server.
pub(super) fn rows(subject: &Subject<'_>) -> Result<Vec<Row>, String> {
    let (name, here) = (subject.name, &subject.directory);
    let us = Figures::of(&subject.program, here, RUNS)?;
    let them = subject.peers.iter().map(|(name, program)| {
        let measured = |program| Figures::of(program, here, PEER_RUNS).map_err(|error| unmeasured(name, &error));
        (*name, program.as_ref().map_err(Clone::clone).and_then(measured))
    });
    let them: Vec<(&str, Result<Figures, String>)> = them.collect();
    let size = std::fs::metadata(&subject.binary).map_err(|error| error.to_string())?.len();
    let packed = Command::new("gzip").args(["-9", "-c"]).arg(&subject.binary).output();
    let packed = packed.map_err(|error| format!("gzip: {error}"))?.stdout.len();
    let (size, packed) = (size as f64 / 1e6, packed as f64 / 1e6);
    let start = |figures: &Figures| figures.start.as_secs_f64();
    let list = |figures: &Figures| format!("{} tokens, {} tools", figures.tokens, figures.tools);
    Ok(vec![
        Row {
            what: format!("{name}, start: spawn to the answer to initialize"),
            ours: millis(us.start),
            goal: format!("{START_MS} ms"),
            met: start(&us) * 1000.0 <= START_MS,
            ..Row::default()
        }
        .beside(&them, |peer| millis(peer.start), |peer| format!("{:.0}x faster", start(peer) / start(&us))),
        Row {
            what: format!("{name}, peak resident after tools/list"),
            ours: mib(us.peak),
            goal: format!("{} MiB", subject.resident),
            met: us.peak <= subject.resident << 10,
            ..Row::default()
        }
        .beside(&them, |peer| mib(peer.peak), |peer| format!("{:.0}x less", peer.peak as f64 / us.peak as f64)),
        Row {
            what: format!("{name}, tools/list: name, description, input schema"),
            ours: list(&us),
            goal: format!("{} tokens", subject.tokens),
            met: us.tokens <= subject.tokens,
            ..Row::default()
        }
        .beside(&them, list, |peer| format!("{:.1}x", us.tokens as f64 / peer.tokens as f64)),
        Row {
            what: format!("{name}, size of the static binary; gzipped"),
            ours: format!("{size:.1} MB; {packed:.1} MB"),
            goal: format!("{} MB", subject.megabytes),
            met: size <= subject.megabytes,
            ..Row::default()
        },
    ])
}

/// What is measured of a server, ours or not.
struct Figures {
    start: std::time::Duration,
    /// In KiB.
    peak: u64,
    tokens: usize,
    tools: usize,
}

impl Figures {
    fn of(program: &Program, directory: &Path, runs: usize) -> Result<Self, String> {
        let start = median(runs, || timed(|| Client::start(program, directory)))?;
        let mut client = Client::start(program, directory)?;
        let list = client.request("tools/list", json!({}))?;
        let (tokens, tools) = cost(&list);
        Ok(Self { start, peak: memory::peak(client.pid()), tokens, tools })
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tool_costs_what_a_model_reads_of_it() {
        let tool = json!({"name": "ping", "description": "Ping.", "inputSchema": {"type": "object"}, "annotations": {"title": "not read"}});
        assert_eq!(cost(&json!({"result": {"tools": [tool, tool]}})), ((2 * (4 + 5 + 17_usize)).div_ceil(4), 2));
        assert_eq!(cost(&json!({"error": {}})), (0, 0));
    }
}
