//! Calls a second: of a tool that gives back its argument, through all of the spine, beside a FastMCP tool that returns a constant.

use serde_json::{Value, json};

use super::{
    Bench,
    client::{Client, Program},
    table::Row,
    turns::{median, timed},
};

const CALLS: usize = 4_096;
const RUNS: usize = 5;
/// What ours is to reach, in calls of the peer's.
const GOAL: f64 = 20.0;

pub(super) fn run(bench: &Bench) -> Result<Vec<Row>, String> {
    std::fs::create_dir_all(&bench.home).map_err(|error| error.to_string())?;
    // The server of the tests, whose tools do nothing worth measuring but being called.
    let demo = bench.built("agent-tools-tests", "demo-server")?;
    let ours = (Program::new([demo]), "demo_echo", json!({"message": "pong"}));
    let theirs = (bench.python()?.fastmcp(), "ping", json!({}));
    let rate = |(program, tool, arguments): &(Program, &str, Value), at_once: usize| {
        let mut client = Client::start(program, &bench.home)?;
        client.call(tool, arguments)?;
        let time = median(RUNS, || {
            timed(|| (0..CALLS / at_once).try_for_each(|_| client.call_many(tool, arguments, at_once)))
        })?;
        Ok::<f64, String>(CALLS as f64 / time.as_secs_f64())
    };
    [1, 64]
        .into_iter()
        .map(|at_once| {
            let (mine, peer) = (rate(&ours, at_once)?, rate(&theirs, at_once)?);
            let how = if at_once == 1 { String::from("one after the other") } else { format!("{at_once} at once") };
            Ok(Row {
                what: format!("calls of a trivial tool, {how}"),
                ours: format!("{mine:.0}/s"),
                peer: format!("FastMCP {peer:.0}/s"),
                ratio: format!("{:.1}x", mine / peer),
                goal: format!("{GOAL:.0}x"),
                met: mine >= GOAL * peer,
            })
        })
        .collect()
}
