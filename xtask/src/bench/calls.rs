//! Calls a second: ours, of a real tool on an empty repository, beside a FastMCP tool that returns a constant.

use std::path::Path;

use serde_json::json;

use super::{client::Client, median, peers::Peers, timed};

const CALLS: usize = 512;

pub(super) fn run(ours: &Path, peers: &Peers) -> Result<(), String> {
    let here = std::env::temp_dir().join(format!("agent-tools-calls-{}", std::process::id()));
    std::fs::create_dir_all(&here).map_err(|error| error.to_string())?;
    let made = std::process::Command::new("git").args(["init", "--quiet"]).current_dir(&here).status();
    made.map_err(|error| format!("git: {error}"))?;
    let mine = (vec![ours.display().to_string()], "git_branch_list");
    let theirs = (peers.fastmcp(), "ping");
    for at_once in [1, 64] {
        let mut rates = Vec::new();
        for (program, tool) in [&mine, &theirs] {
            let mut client = Client::start(program, &here)?;
            client.call(tool, &json!({}))?;
            let time = median(3, || {
                timed(|| {
                    for _ in 0..CALLS / at_once {
                        client.call_many(tool, &json!({}), at_once)?;
                    }
                    Ok(())
                })
            })?;
            rates.push(CALLS as f64 / time.as_secs_f64());
        }
        crate::run::out(&format!(
            "calls, {at_once} at once: mcp-git {} {:.0}/s, FastMCP constant {:.0}/s: {:.1}x",
            mine.1,
            rates[0],
            rates[1],
            rates[0] / rates[1]
        ));
    }
    std::fs::remove_dir_all(&here).map_err(|error| error.to_string())
}
