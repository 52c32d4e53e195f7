//! Packing and pushing beside oras, to one registry in the same minute.

use std::{
    cell::Cell,
    fs,
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use super::{
    Bench,
    table::Row,
    turns::{medians, millis, timed},
};
use crate::{run, test::needs};

/// How often each is done; the median counts.
const TIMES: usize = 15;

/// How long the registry may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// A directory packed and pushed, and a layout pushed, by us and by oras.
pub(super) fn run(bench: &Bench) -> Result<Vec<Row>, String> {
    let tools = needs::oci(&bench.root, &bench.target.join("test-tools"))?;
    let ours = bench.built("agent-tools-artifacts", "agent-tools")?;
    let server = bench.built("mcp-git", "mcp-git")?;
    let place = bench.home.join("pack");
    let failed = |error: std::io::Error| format!("{}: {error}", place.display());
    let _ = fs::remove_dir_all(&place);
    let files = place.join("mcp-git");
    fs::create_dir_all(&files).map_err(failed)?;
    fs::copy(&server, files.join("mcp-git")).map_err(failed)?;
    fs::copy(bench.root.join("artifacts/git/manifest.json"), files.join("manifest.json")).map_err(failed)?;
    let registry = Registry::start(&tools.join("registry"), &place)?;
    let oras = tools.join("oras");

    // A repository of its own each time: what is there already is not sent.
    let count = Cell::new(0);
    let reference = |who: &str| {
        count.set(count.get() + 1);
        format!("127.0.0.1:{}/{who}{}:1", registry.port, count.get())
    };
    let us = |arguments: &[&str]| timed(|| quiet(&ours, &place, arguments));
    let them = |arguments: &[&str]| timed(|| quiet(&oras, &place, arguments));
    let directory = files.to_string_lossy().into_owned();
    let (ours_packs, oras_packs) = medians(
        TIMES,
        || us(&["push", &directory, "-t", &reference("ours")]),
        || them(&["push", "--plain-http", &reference("oras"), "mcp-git"]),
    )?;
    let layout = reference("ours");
    us(&["push", &directory, "-t", &layout])?;
    us(&["copy", &layout, "oci:layout:1"])?;
    let (ours_pushes, oras_pushes) = medians(
        TIMES,
        || us(&["copy", "oci:layout:1", &reference("ours")]),
        || them(&["cp", "--from-oci-layout", "layout:1", "--to-plain-http", &reference("oras")]),
    )?;
    let row = |what: &str, ours: Duration, peer: Duration| {
        let ratio = ours.as_secs_f64() / peer.as_secs_f64();
        Row {
            what: what.to_owned(),
            ours: millis(ours),
            peer: format!("oras {}", millis(peer)),
            ratio: format!("{ratio:.2} of its time"),
            goal: "1.0".to_owned(),
            met: ratio <= 1.0,
        }
    };
    Ok(vec![
        row("mcp-git packed and pushed to a registry on this machine", ours_packs, oras_packs),
        row("the packed layout pushed there", ours_pushes, oras_pushes),
    ])
}

fn quiet(program: &Path, place: &Path, arguments: &[&str]) -> Result<(), String> {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(place).env("HOME", place).env("DOCKER_CONFIG", place);
    run::stdout(&mut command).map(drop)
}

/// A registry that ends with its use.
struct Registry {
    child: Child,
    port: u16,
}

impl Registry {
    fn start(program: &Path, place: &Path) -> Result<Self, String> {
        let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let port = free.map_err(|error| format!("there is no free port: {error}"))?.port();
        let data = place.join("registry").display().to_string();
        let config = place.join("registry.yml");
        let text = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {data}}}}}\nhttp: {{addr: 127.0.0.1:{port}}}\n"
        );
        run::write(&config, &text)?;
        let child = Command::new(program)
            .arg("serve")
            .arg(&config)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("the registry could not be started: {error}"))?;
        let registry = Self { child, port };
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if started.elapsed() > PATIENCE {
                return Err("the registry does not answer".to_owned());
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(registry)
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
