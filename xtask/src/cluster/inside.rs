//! The cluster itself, as one process: it starts every part and ends when one of them does. With a node it is the first process of a namespace of
//! its own, so that its end is the end of all, containers included.

use std::{
    fs::{self, File},
    io::Read,
    path::Path,
    process::{Command, ExitCode, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{WaitOptions, wait};
use serde_json::{Value, json};

use super::{
    Extent, Plan,
    components::{self, Component, Ports},
    flux, image,
    keys::NODE,
    kubectl::Kubectl,
    places::Place,
};
use crate::run::{self, Result};

/// How long a part may take to answer: generous, because the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(180);

/// Directories of the machine that containerd, the kubelet and their plug-ins write into without being asked. In the cluster's view of the file
/// system they are empty, and end with it.
pub const OURS: &[&str] = &["/run", "/var/lib", "/var/log"];

/// Starts a cluster in `place` and stays until a part ends, or whoever started it goes away.
pub fn run(place: &Place, plan: Plan, ports: Ports) -> Result<ExitCode> {
    end_with_our_starter();
    let cluster = Inside { place, ports, kubectl: Kubectl::new(place.path()) };
    let mut children = cluster.control_plane(plan.extent)?;
    if plan.flux {
        children.push(cluster.flux()?);
    }
    if plan.extent == Extent::Whole {
        children.extend(cluster.node()?);
    }
    if plan.flux {
        cluster.until("Flux is ready", &["kustomize-controller"], || flux::ready(ports))?;
    }
    cluster.write_facts(plan)?;
    let ended = first_end(&children)?;
    Err(format!("{ended} has ended; the last it said: {}", last_words(place.path(), ended)))
}

/// Our input ends when the keeper does, whatever ended it.
fn end_with_our_starter() {
    thread::spawn(|| {
        let mut nothing = [0];
        while std::io::stdin().read(&mut nothing).is_ok_and(|read| read > 0) {}
        std::process::exit(0);
    });
}

/// A part that runs: its process and its name.
type Child = (u32, &'static str);

struct Inside<'a> {
    place: &'a Place,
    ports: Ports,
    kubectl: Kubectl,
}

impl Inside<'_> {
    fn control_plane(&self, extent: Extent) -> Result<Vec<Child>> {
        let mut children = Vec::new();
        if extent == Extent::Whole {
            for directory in OURS {
                run::stdout(Command::new("mount").args(["-t", "tmpfs", "-o", "mode=0755", "agent-tools", directory]))?;
            }
            children.push(self.start(&components::containerd(self.place)?)?);
        }
        children.push(self.start(&components::etcd())?);
        children.push(self.start(&components::apiserver(self.ports))?);
        self.until("the API server is ready", &["kube-apiserver", "etcd"], || {
            self.kubectl.ask(&["get", "--raw", "/readyz"])
        })?;
        for component in components::controllers() {
            children.push(self.start(&component)?);
        }
        Ok(children)
    }

    /// Starts it; it becomes ready while the node does.
    fn flux(&self) -> Result<Child> {
        self.kubectl.feed(&["create", "--filename", "-"], &flux::objects(self.place)?)?;
        // It looks for kinds that are not served yet only every ten seconds.
        self.kubectl.ask(&["wait", "--for=condition=Established", "--all", "crd", &patience()])?;
        self.start(&flux::controller(self.place, self.ports)?)
    }

    fn node(&self) -> Result<Vec<Child>> {
        let images = self.place.path().join("images.tar");
        let import = ["--address", components::CONTAINERD, "--namespace", "k8s.io", "images", "import", "--local"];
        let import = import.iter().copied().chain(["--snapshotter", "native"]).collect::<Vec<_>>();
        self.until("containerd has the images", &["containerd"], || {
            run::stdout(Command::new(self.place.path().join("bin/ctr")).args(&import).arg(&images))
        })?;
        let kubelet = self.start(&components::kubelet(self.place, self.ports)?)?;
        let metrics = self.start(&components::metrics(self.ports))?;
        self.kubectl.feed(&["create", "--filename", "-"], &components::metrics_objects(self.ports))?;
        // The cloud that the kubelet was told of is this line.
        let addresses =
            json!([{"type": "InternalIP", "address": "127.0.0.1"}, {"type": "Hostname", "address": "localhost"}]);
        let status = json!({"status": {"addresses": addresses}}).to_string();
        self.until("the node has registered", &["kubelet"], || {
            self.kubectl.ask(&["patch", "node", NODE, "--subresource=status", "--patch", &status])
        })?;
        let spec = json!({"spec": {"taints": null}}).to_string();
        self.kubectl.ask(&["patch", "node", NODE, "--patch", &spec])?;
        self.kubectl.ask(&["wait", "--for=condition=Ready", &format!("node/{NODE}"), &patience()]).map_err(
            |error| {
                format!(
                    "the node does not become ready: {error}; the kubelet: {}",
                    last_words(self.place.path(), "kubelet")
                )
            },
        )?;
        Ok(vec![kubelet, metrics])
    }

    fn start(&self, component: &Component) -> Result<Child> {
        let directory = self.place.path();
        let log = components::log(directory, component.name);
        let made = log.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| File::create(&log));
        let log = made.and_then(|log| log.try_clone().map(|other| (log, other)));
        let (out, err) = log.map_err(|error| format!("the log of {} could not be made: {error}", component.name))?;
        // In a namespace of our own they end with us in any case; without one, by this.
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--"]).arg(directory.join("bin").join(component.name));
        command.args(&component.arguments).current_dir(directory).stdin(Stdio::null()).stdout(out).stderr(err);
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths([directory.join("bin")].into_iter().chain(std::env::split_paths(&path)));
        command.env("PATH", path.map_err(|error| format!("{}: {error}", directory.display()))?);
        command.env("HOME", directory).env_remove("KUBECONFIG");
        command.envs(component.environment.iter().map(|(name, value)| (name, value)));
        let child = command.spawn().map_err(|error| format!("{} could not be started: {error}", component.name))?;
        Ok((child.id(), component.name))
    }

    /// Asks again and again until it succeeds.
    fn until(&self, what: &str, parts: &[&str], mut met: impl FnMut() -> Result<String>) -> Result<()> {
        let started = Instant::now();
        loop {
            match met() {
                Ok(_) => return Ok(()),
                Err(_) if started.elapsed() < PATIENCE => thread::sleep(Duration::from_millis(100)),
                Err(error) => {
                    let said = parts.iter().map(|part| format!("{part}: {}", last_words(self.place.path(), part)));
                    return Err(format!(
                        "waited in vain until {what}: {error}\n{}",
                        said.collect::<Vec<_>>().join("\n")
                    ));
                }
            }
        }
    }

    fn flux_version(&self) -> Result<Value> {
        let mut flux = Command::new(self.place.path().join("bin/flux"));
        let version = run::stdout(flux.args(["version", "--client", "--output=json"]).env("HOME", self.place.path()))?;
        let version: Value = serde_json::from_str(&version).map_err(|error| format!("flux version: {error}"))?;
        Ok(version["flux"].clone())
    }

    /// The last file: it says that all the others are there.
    fn write_facts(&self, plan: Plan) -> Result<()> {
        let version = self.kubectl.ask(&["get", "--raw", "/version"])?;
        let version: Value = serde_json::from_str(&version).map_err(|error| format!("/version: {error}"))?;
        let facts = json!({
            "node": (plan.extent == Extent::Whole).then_some(NODE),
            "flux": plan.flux.then(|| self.flux_version()).transpose()?,
            "image": image::BUSYBOX,
            "server": format!("https://127.0.0.1:{}", self.ports.server),
            "server_version": version["gitVersion"],
        });
        let part = self.place.path().join("facts.part");
        run::write(&part, &format!("{facts:#}\n"))?;
        fs::rename(&part, self.place.path().join("facts.json")).map_err(|error| format!("facts.json: {error}"))
    }
}

/// As kubectl is told it.
fn patience() -> String {
    format!("--timeout={}s", PATIENCE.as_secs())
}

/// Waits for processes, those that others left to us as well, until one is of `children`.
fn first_end(children: &[Child]) -> Result<&'static str> {
    loop {
        match wait(WaitOptions::empty()) {
            Ok(Some((ended, _))) => {
                let ended = ended.as_raw_pid().unsigned_abs();
                if let Some((_, name)) = children.iter().find(|(id, _)| *id == ended) {
                    return Ok(name);
                }
            }
            Ok(None) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(format!("the parts of the cluster could not be waited for: {error}")),
        }
    }
}

/// The end of a part's log.
fn last_words(directory: &Path, name: &str) -> String {
    let log = fs::read(components::log(directory, name)).unwrap_or_default();
    let log = String::from_utf8_lossy(&log).into_owned();
    let last: Vec<&str> = log.lines().rev().take(8).collect();
    last.into_iter().rev().collect::<Vec<_>>().join("\n")
}
