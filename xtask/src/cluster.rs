//! `cargo xtask cluster`: a real Kubernetes on this machine, from Go modules alone, that ends with the command that started it.

use std::{
    fs,
    path::Path,
    process::ExitCode,
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::run::{self, Result};

mod able;
mod cgroups;
mod components;
mod debian;
mod flux;
mod image;
mod inside;
mod keeper;
mod keys;
mod kubectl;
mod load;
mod parts;
mod places;
mod remnants;
mod running;
mod scenario;
mod truth;

use components::Ports;
use places::Place;

pub use able::lacking;
pub use image::BUSYBOX;
pub use kubectl::Kubectl;
pub use load::fill;
pub use parts::flux_directory;
pub use running::Running;

const HELP: &str = "\
cargo xtask cluster <verb>

  up [--only control-plane] [--port N]   start a cluster; it ends with this command (Ctrl-C), or with `down`
     [--with flux]                       with Flux's kustomize-controller, its kinds, and the flux command
  down [NAME]                            end every cluster of this user, or this one, and remove what killed ones have left
  status                                 which clusters run, and where
  shell                                  print what makes kubectl and the tests use it: eval \"$(cargo xtask cluster shell)\"
  scenario NAME|all [--namespace N]      apply a scenario of tests/cluster/scenarios, each in a namespace of its name, and wait until its truth holds
  load [--pods N] [--namespaces N]       fill it with pods that no node runs (10000 in 50)

  CLUSTER_BIN=DIR takes the programs from there instead of building them; AGENT_TOOLS_CLUSTER=DIR chooses one of several clusters.
";

/// How long `down` waits for the keepers.
const PATIENCE: Duration = Duration::from_secs(120);

/// How much of a cluster there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// The API, and what makes objects follow from objects. Needs neither root nor namespaces.
    ControlPlane,
    /// With a node that runs containers, and the metrics API.
    Whole,
}

impl Extent {
    /// As it is written in arguments.
    pub fn name(self) -> &'static str {
        match self {
            Self::ControlPlane => "control-plane",
            Self::Whole => "whole",
        }
    }

    fn named(name: &str) -> Result<Self> {
        let named = [Self::ControlPlane, Self::Whole].into_iter().find(|extent| extent.name() == name);
        named.ok_or_else(|| format!("{name:?} is no part of a cluster that can run alone; control-plane is"))
    }
}

/// What a cluster is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// How much of Kubernetes there is.
    pub extent: Extent,
    /// Whether there is Flux.
    pub flux: bool,
}

impl From<Extent> for Plan {
    fn from(extent: Extent) -> Self {
        Self { extent, flux: false }
    }
}

impl Plan {
    /// As it is written in arguments of the processes that `up` starts.
    fn words(self) -> [&'static str; 2] {
        [self.extent.name(), if self.flux { FLUX } else { "nothing" }]
    }

    fn of(extent: &str, with: &str) -> Result<Self> {
        Ok(Self { extent: Extent::named(extent)?, flux: flux_in(Some(with).filter(|with| *with != "nothing"))? })
    }
}

/// What there can be besides.
const FLUX: &str = "flux";

fn flux_in(with: Option<&str>) -> Result<bool> {
    match with {
        None => Ok(false),
        Some(FLUX) => Ok(true),
        Some(other) => Err(format!("{other:?} is nothing a cluster can have besides; {FLUX} is")),
    }
}

/// Runs a verb.
pub fn run(arguments: &[&str]) -> Result<ExitCode> {
    let done = |()| ExitCode::SUCCESS;
    match arguments {
        ["up", options @ ..] => up(options),
        ["down"] => down(None).map(done),
        ["down", name] if !name.starts_with('-') => down(Some(name)).map(done),
        ["status"] => status().map(done),
        ["shell"] => shell().map(done),
        ["scenario", name, options @ ..] if !name.starts_with('-') => {
            let [namespace] = values(options, ["--namespace"])?;
            scenario::run(&run::root()?, &cluster()?, name, namespace).map(done)
        }
        ["load", options @ ..] => {
            let [pods, namespaces] = values(options, ["--pods", "--namespaces"])?;
            load::run(&cluster()?, number(pods)?.unwrap_or(10_000), number(namespaces)?.unwrap_or(50)).map(done)
        }
        // The two processes that `up` starts.
        ["keeper", extent, with, port] => keeper::run(&run::root()?, Plan::of(extent, with)?, number(Some(port))?),
        ["inside", place, extent, with, server, kubelet, metrics, flux] => {
            let port = |text| number(Some(text))?.ok_or_else(|| format!("{text} is no port"));
            let [server, kubelet, metrics, flux] = [port(server)?, port(kubelet)?, port(metrics)?, port(flux)?];
            let ports = Ports { server, kubelet, metrics, flux };
            let place = Place::at(Path::new(place)).ok_or_else(|| format!("{place:?} is no place of a cluster"))?;
            inside::run(&place, Plan::of(extent, with)?, ports)
        }
        _ => {
            eprint!("{HELP}");
            Ok(ExitCode::from(if matches!(arguments, ["help" | "-h" | "--help"]) { 0 } else { crate::USAGE }))
        }
    }
}

fn up(options: &[&str]) -> Result<ExitCode> {
    let [only, port, with] = values(options, ["--only", "--port", "--with"])?;
    let flux = flux_in(with)?;
    let extent = match only {
        Some(name) => Extent::named(name)?,
        None => match lacking() {
            None => Extent::Whole,
            Some(reason) => {
                eprintln!("there will be no node, only a control plane: {reason}");
                Extent::ControlPlane
            }
        },
    };
    let started = Instant::now();
    let running = Running::start(&run::root()?, Plan { extent, flux }, number(port)?)?;
    let facts = facts(running.place())?;
    let node = facts["node"].as_str().map_or_else(|| "no node".to_owned(), |node| format!("{node} is ready"));
    let (name, took) = (running.place().name(), started.elapsed().as_secs_f32());
    run::out(&format!("cluster {name}: {}, {node}, after {took:.1} s", described(&facts)));
    exports(running.place()).iter().for_each(|line| run::out(line));
    run::out(&format!("it ends with this command: Ctrl-C, or cargo xtask cluster down {name}"));
    running.wait()?;
    Ok(ExitCode::SUCCESS)
}

fn down(name: Option<&str>) -> Result<()> {
    let (running, _) = places::list()?;
    let there: Vec<String> = running.iter().map(Place::name).collect();
    let running: Vec<Place> =
        running.into_iter().filter(|place| name.is_none_or(|name| place.name() == name)).collect();
    if let Some(name) = name
        && running.is_empty()
    {
        return Err(format!("no cluster {name:?} runs; these do: {}", there.join(", ")));
    }
    for place in &running {
        run::write(&place.path().join(keeper::STOP), "")?;
    }
    let started = Instant::now();
    for place in &running {
        while place.runs() {
            if started.elapsed() > PATIENCE {
                return Err(format!(
                    "cluster {} does not end; its keeper runs in {}",
                    place.name(),
                    place.path().display()
                ));
            }
            thread::sleep(Duration::from_millis(50));
        }
        run::out(&format!("cluster {} has ended", place.name()));
    }
    for place in places::remove_dead()? {
        run::out(&format!("removed what cluster {} had left", place.name()));
    }
    if running.is_empty() {
        run::out("no cluster runs");
    }
    Ok(())
}

fn status() -> Result<()> {
    let (running, dead) = places::list()?;
    for place in &running {
        let line = match facts(place) {
            Ok(facts) => described(&facts),
            Err(_) => "not ready yet".to_owned(),
        };
        run::out(&format!("cluster {}: {line}, in {}", place.name(), place.path().display()));
    }
    for place in &dead {
        run::out(&format!(
            "cluster {}: its keeper was killed; cargo xtask cluster down removes what is left",
            place.name()
        ));
    }
    if running.is_empty() && dead.is_empty() {
        run::out("no cluster runs");
    }
    Ok(())
}

fn shell() -> Result<()> {
    let place = places::chosen()?;
    facts(&place)?;
    exports(&place).iter().for_each(|line| run::out(line));
    Ok(())
}

fn exports(place: &Place) -> [String; 3] {
    let quoted = |path: &Path| format!("'{}'", path.display().to_string().replace('\'', r"'\''"));
    [
        format!("export KUBECONFIG={}", quoted(&place.path().join("admin.conf"))),
        format!("export PATH={}:\"$PATH\"", quoted(&place.path().join("bin"))),
        format!("export AGENT_TOOLS_CLUSTER={}", quoted(place.path())),
    ]
}

fn facts(place: &Place) -> Result<Value> {
    let text = fs::read_to_string(place.path().join("facts.json"));
    let text = text.map_err(|_| format!("cluster {} is not ready yet", place.name()))?;
    serde_json::from_str(&text).map_err(|error| format!("facts.json: {error}"))
}

/// What it is and where.
fn described(facts: &Value) -> String {
    let flux = facts["flux"].as_str().map(|version| format!(" with Flux {version}")).unwrap_or_default();
    format!("Kubernetes {}{flux} at {}", said(facts, "server_version"), said(facts, "server"))
}

fn said<'a>(facts: &'a Value, name: &str) -> &'a str {
    facts[name].as_str().unwrap_or("?")
}

/// kubectl on the cluster that is meant.
fn cluster() -> Result<Kubectl> {
    Ok(Kubectl::new(places::chosen()?.path()))
}

/// The values of `names` in `--name value` pairs.
fn values<'a, const N: usize>(arguments: &[&'a str], names: [&str; N]) -> Result<[Option<&'a str>; N]> {
    let mut found = [None; N];
    for pair in arguments.chunks(2) {
        let at = names.iter().position(|name| *name == pair[0]);
        let at = at.ok_or_else(|| format!("{:?} is not taken here; {} is\n\n{HELP}", pair[0], names.join(" or ")))?;
        found[at] = Some(*pair.get(1).ok_or_else(|| format!("{} is followed by a value", pair[0]))?);
    }
    Ok(found)
}

fn number<T: std::str::FromStr>(text: Option<&str>) -> Result<Option<T>> {
    // A port that is not given is written so.
    let text = text.filter(|text| *text != "any");
    text.map(|text| text.parse().map_err(|_| format!("{text:?} is no number that fits here"))).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_pairs_and_nothing_else_is_taken() {
        let values = |arguments: &[&'static str]| values(arguments, ["--only", "--port"]);
        assert_eq!(values(&["--port", "1", "--only", "x"]), Ok([Some("x"), Some("1")]));
        assert_eq!(values(&[]), Ok([None, None]));
        assert!(values(&["--prot", "1"]).unwrap_err().contains("\"--prot\" is not taken here; --only or --port is"));
        assert!(values(&["--port"]).unwrap_err().contains("followed by a value"));
        assert_eq!(number::<u16>(Some("70000")), Err("\"70000\" is no number that fits here".to_owned()));
        assert_eq!(number::<u16>(Some("any")), Ok(None));
        assert!(Extent::named("node").unwrap_err().contains("control-plane"));
        assert_eq!(flux_in(Some("helm")), Err("\"helm\" is nothing a cluster can have besides; flux is".to_owned()));
    }

    #[test]
    fn a_plan_is_what_its_words_say_and_status_names_flux() {
        for extent in [Extent::ControlPlane, Extent::Whole] {
            for flux in [true, false] {
                let plan = Plan { extent, flux };
                let [extent, with] = plan.words();
                assert_eq!(Plan::of(extent, with), Ok(plan));
            }
        }
        let mut facts = serde_json::json!({"server_version": "v1.37.2", "server": "https://127.0.0.1:1", "flux": null});
        assert_eq!(described(&facts), "Kubernetes v1.37.2 at https://127.0.0.1:1");
        facts["flux"] = "v2.9.5".into();
        assert_eq!(described(&facts), "Kubernetes v1.37.2 with Flux v2.9.5 at https://127.0.0.1:1");
    }
}
