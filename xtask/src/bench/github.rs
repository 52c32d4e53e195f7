//! `mcp-github` beside the reference server of the protocol's authors, with no token and no network: what it costs to have it there.

use super::{
    Bench,
    client::Program,
    start::{self, Subject},
    table::Row,
};

pub(super) fn run(bench: &Bench) -> Result<Vec<Row>, String> {
    let directory = bench.home.join("github");
    std::fs::create_dir_all(&directory).map_err(|error| error.to_string())?;
    let binary = bench.built("mcp-github", "mcp-github")?;
    start::rows(&Subject {
        name: "mcp-github",
        program: Program::new([&binary]).with(&[("MODE", "readwrite".into())]),
        binary,
        directory,
        peers: vec![("server-github", bench.npm().map(super::npm::Npm::github))],
        tokens: 2_500,
        megabytes: 10.0,
        resident: 8,
    })
}
