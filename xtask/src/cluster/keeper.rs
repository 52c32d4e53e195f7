//! The keeper of a cluster: a process between the cluster and the command that wanted it. It ends the cluster when that command ends, however it
//! does, and removes what is left. If the keeper itself is killed, the cluster ends too, and the next `up` or `down` removes the rest.

use std::{
    fs,
    io::Read,
    net::TcpListener,
    os::unix::fs::symlink,
    path::Path,
    process::{Child, Command, ExitCode, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use super::{
    Extent, Plan, cgroups,
    components::Ports,
    debian, image, keys, parts,
    places::{self, Place},
    remnants,
};
use crate::run::{self, Result};

/// The file by which `down` asks for the end.
pub const STOP: &str = "stop";

/// How long a cluster may take to end by itself.
const PATIENCE: Duration = Duration::from_secs(20);

/// Keeps a new cluster until our input ends, `down` says so, or a part of it fails. Its directory is the first line on stdout, the second comes when it is ready.
pub fn run(root: &Path, plan: Plan, port: Option<u16>) -> Result<ExitCode> {
    static ABANDONED: AtomicBool = AtomicBool::new(false);
    thread::spawn(|| {
        let mut nothing = [0];
        while std::io::stdin().read(&mut nothing).is_ok_and(|read| read > 0) {}
        ABANDONED.store(true, Ordering::Relaxed);
    });
    let claim = places::claim()?;
    let place = &claim.place;
    run::out(&place.path().display().to_string());
    let kept = prepare(root, place, plan, port).and_then(|ports| {
        let mut cluster = start(place, plan, ports)?;
        let kept = keep(place, &mut cluster, &ABANDONED);
        end(&mut cluster);
        kept
    });
    let removed = remnants::remove(place);
    kept.and(removed).map(|()| ExitCode::SUCCESS)
}

/// Everything that has to be there before the first part starts.
fn prepare(root: &Path, place: &Place, plan: Plan, port: Option<u16>) -> Result<Ports> {
    let ports = ports(port)?;
    let bin = place.path().join("bin");
    let failed = |error: std::io::Error| format!("{} could not be filled: {error}", bin.display());
    fs::create_dir(&bin).map_err(failed)?;
    for (name, path) in parts::all(root, plan)? {
        symlink(path, bin.join(name)).map_err(failed)?;
    }
    // The build may replace the file we were started from.
    fs::copy(places::ourselves()?, place.path().join("xtask")).map_err(failed)?;
    keys::write(place, ports.server)?;
    if plan.extent == Extent::Whole {
        let busybox = debian::busybox()?;
        // The directory can be a CLUSTER_BIN itself.
        symlink(&busybox, bin.join("busybox")).map_err(failed)?;
        image::write(&busybox, &place.path().join("images.tar"))?;
        cgroups::create(&place.cgroup())?;
    }
    Ok(ports)
}

/// `server` and others that are free.
fn ports(server: Option<u16>) -> Result<Ports> {
    let free = |port: u16| {
        let listener = TcpListener::bind(("127.0.0.1", port));
        let listener = listener.map_err(|error| format!("port {port} of 127.0.0.1 is not to be had: {error}"))?;
        let port = listener.local_addr().map_err(|error| format!("a port of 127.0.0.1: {error}"))?.port();
        Ok::<_, String>((listener, port))
    };
    // Held until all are chosen, so that they differ.
    let (server, kubelet, metrics, flux) = (free(server.unwrap_or(0))?, free(0)?, free(0)?, free(0)?);
    Ok(Ports { server: server.1, kubelet: kubelet.1, metrics: metrics.1, flux: flux.1 })
}

fn start(place: &Place, plan: Plan, ports: Ports) -> Result<Child> {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]);
    if plan.extent == Extent::Whole {
        command.args(["unshare", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child=KILL", "--"]);
    }
    command.arg(place.path().join("xtask")).args(["cluster", "inside"]).arg(place.path()).args(plan.words());
    command.args([ports.server, ports.kubelet, ports.metrics, ports.flux].map(|port| port.to_string()));
    let child = command.current_dir("/").stdin(Stdio::piped()).stdout(Stdio::null()).spawn();
    child.map_err(|error| format!("setpriv could not be started: {error}; it is in Debian's util-linux"))
}

fn keep(place: &Place, cluster: &mut Child, abandoned: &AtomicBool) -> Result<()> {
    let mut ready = false;
    loop {
        if abandoned.load(Ordering::Relaxed) || place.path().join(STOP).exists() {
            return Ok(());
        }
        let ended = cluster.try_wait().map_err(|error| format!("the cluster could not be waited for: {error}"))?;
        if let Some(status) = ended {
            return Err(format!("the cluster has ended ({status})"));
        }
        if !ready && place.path().join("facts.json").exists() {
            ready = true;
            run::out("ready");
        }
        thread::sleep(Duration::from_millis(50));
    }
}

/// The end of its input is what it waits for; then the first process of a namespace is gone only after all others are.
fn end(cluster: &mut Child) {
    drop(cluster.stdin.take());
    let started = Instant::now();
    while started.elapsed() < PATIENCE {
        if !matches!(cluster.try_wait(), Ok(None)) {
            return;
        }
        thread::sleep(Duration::from_millis(20));
    }
    // What becomes of the rest is the kernel's to do.
    let _ = cluster.kill().and_then(|()| cluster.wait());
}
