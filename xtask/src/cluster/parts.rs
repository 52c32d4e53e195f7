//! The programs a cluster is made of: taken from `CLUSTER_BIN`, or built once into the user's cache.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{Extent, Plan, debian, flux, places};
use crate::{
    go::{self, Module, Program},
    run::{self, Result},
};

/// The Kubernetes module, which gives the version that its programs say they are.
const KUBERNETES: &str = "k8s.io/kubernetes";

/// The programs of one folder of `tests/cluster/`, by name and package.
pub type Set = &'static [(&'static str, &'static str)];

const CONTROL_PLANE: Set = &[
    ("kubectl", "k8s.io/kubernetes/cmd/kubectl"),
    ("etcd", "go.etcd.io/etcd/server/v3"),
    ("kube-apiserver", "k8s.io/kubernetes/cmd/kube-apiserver"),
    ("kube-controller-manager", "k8s.io/kubernetes/cmd/kube-controller-manager"),
    ("kube-scheduler", "k8s.io/kubernetes/cmd/kube-scheduler"),
];

const KUBELET: Set = &[("kubelet", "k8s.io/kubernetes/cmd/kubelet")];

const NODE: Set = &[
    ("containerd", "github.com/containerd/containerd/v2/cmd/containerd"),
    ("containerd-shim-runc-v2", "github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2"),
    ("ctr", "github.com/containerd/containerd/v2/cmd/ctr"),
    ("bridge", "github.com/containernetworking/plugins/plugins/main/bridge"),
    ("loopback", "github.com/containernetworking/plugins/plugins/main/loopback"),
    ("host-local", "github.com/containernetworking/plugins/plugins/ipam/host-local"),
    ("runc", "github.com/opencontainers/runc"),
];

const METRICS: Set = &[("metrics-server", "sigs.k8s.io/metrics-server/cmd/metrics-server")];

/// Every program of a cluster, and every file that belongs to one, by name.
pub fn all(root: &Path, plan: Plan) -> Result<Vec<(&'static str, PathBuf)>> {
    if let Some(place) = std::env::var_os("CLUSTER_BIN").filter(|place| !place.is_empty()) {
        return given(Path::new(&place), plan);
    }
    let cache = places::cache()?.join("go");
    let sources = root.join("tests/cluster");
    let mut found = Vec::new();
    let mut add = |module: Module, sets: &[Set]| -> Result<()> {
        let programs: Vec<Program> =
            sets.iter().copied().flatten().map(|(name, package)| program(name, package)).collect();
        let directory = module.built(&cache, &programs).map_err(remedy)?;
        found.extend(sets.iter().copied().flatten().map(|(name, _)| (*name, directory.join(name))));
        Ok(())
    };
    let kubernetes = kubernetes(&sources.join("kubernetes"))?;
    match plan.extent {
        Extent::ControlPlane => add(kubernetes, &[CONTROL_PLANE])?,
        Extent::Whole => {
            add(kubernetes, &[CONTROL_PLANE, KUBELET])?;
            // Static, so that runc needs no library where it runs; a snapshotter for every file system is not needed.
            let tags = "no_btrfs,no_devmapper,no_zfs,seccomp,netgo,osusergo";
            let link = "-extldflags=-static".to_owned();
            add(Module { path: sources.join("node"), link, tags, gap: None }, &[NODE])?;
            add(Module { path: sources.join("metrics"), ..Module::default() }, &[METRICS])?;
        }
    }
    if plan.flux {
        found.extend(flux_parts(root)?);
    }
    Ok(found)
}

/// The directory with the parts of Flux and nothing else.
pub fn flux_directory(root: &Path) -> Result<PathBuf> {
    let module = flux::module(&root.join("tests/cluster/flux"))?;
    let programs: Vec<Program> = flux::PROGRAMS.iter().map(|(name, package)| program(name, package)).collect();
    let directory = module.built(&places::cache()?.join("go"), &programs).map_err(remedy)?;
    flux::kinds(&module, &directory).map_err(remedy)?;
    Ok(directory)
}

fn flux_parts(root: &Path) -> Result<Vec<(&'static str, PathBuf)>> {
    let directory = flux_directory(root)?;
    let names = flux::PROGRAMS.iter().map(|(name, _)| *name).chain([flux::KINDS]);
    Ok(names.map(|name| (name, directory.join(name))).collect())
}

fn program(name: &str, package: &str) -> Program {
    let c = (name == "runc").then_some(debian::seccomp as fn() -> Result<go::Environment>);
    Program { name: name.to_owned(), package: package.to_owned(), c }
}

/// Without its version a client is of none, and says so wherever it compares.
fn kubernetes(path: &Path) -> Result<Module> {
    let manifest = run::read(&path.join("go.mod"))?;
    let version = go::version(&manifest, KUBERNETES)
        .ok_or_else(|| format!("{} requires no {KUBERNETES}", path.join("go.mod").display()))?;
    let mut numbers = version.trim_start_matches('v').split('.');
    let facts = [
        ("gitVersion", version),
        ("gitMajor", numbers.next().unwrap_or_default()),
        ("gitMinor", numbers.next().unwrap_or_default()),
    ];
    let link: Vec<String> =
        facts.iter().map(|(name, value)| format!("-X k8s.io/component-base/version.{name}={value}")).collect();
    Ok(Module { path: path.to_owned(), link: link.join(" "), ..Module::default() })
}

/// What is in `place` is used as it is.
fn given(place: &Path, plan: Plan) -> Result<Vec<(&'static str, PathBuf)>> {
    let sets: &[Set] = match plan.extent {
        Extent::ControlPlane => &[CONTROL_PLANE],
        Extent::Whole => &[CONTROL_PLANE, KUBELET, NODE, METRICS],
    };
    let place = fs::canonicalize(place).map_err(|error| format!("CLUSTER_BIN={}: {error}", place.display()))?;
    let of_flux = plan.flux.then(|| flux::PROGRAMS.iter().map(|(name, _)| *name).chain([flux::KINDS]));
    let names = sets.iter().copied().flatten().map(|(name, _)| *name).chain(of_flux.into_iter().flatten());
    let found: Vec<_> = names.map(|name| (name, place.join(name))).collect();
    let absent: Vec<_> = found.iter().filter(|(_, path)| !path.is_file()).map(|(name, _)| *name).collect();
    if absent.is_empty() {
        return Ok(found);
    }
    Err(format!("CLUSTER_BIN={} has no {}; unset it, and they are built", place.display(), absent.join(", ")))
}

fn remedy(error: String) -> String {
    let absent = ["go build", "go mod"].iter().any(|verb| error.contains(&format!("{verb} could not be started")));
    if absent { format!("{error}; install Go, or name a directory with the programs in CLUSTER_BIN") } else { error }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_there_is_no_go_that_is_said_with_the_remedy() {
        let mut command = std::process::Command::new("go");
        command.env("PATH", "/nowhere").arg("build");
        let refused = remedy(run::stdout(&mut command).unwrap_err());
        assert!(refused.ends_with("; install Go, or name a directory with the programs in CLUSTER_BIN"), "{refused}");
        assert_eq!(remedy("go build failed".to_owned()), "go build failed");
    }

    #[test]
    fn what_is_given_is_taken_and_what_is_not_is_named() {
        let place = tempfile::tempdir().unwrap();
        let plan = |extent, flux| Plan { extent, flux };
        let refused = given(place.path(), plan(Extent::ControlPlane, false)).unwrap_err();
        assert!(refused.contains("has no kubectl, etcd, kube-apiserver, "), "{refused}");
        CONTROL_PLANE.iter().for_each(|(name, _)| run::write(&place.path().join(name), "").unwrap());
        assert_eq!(given(place.path(), plan(Extent::ControlPlane, false)).unwrap().len(), 5);
        let refused = given(place.path(), plan(Extent::Whole, false)).unwrap_err();
        assert!(refused.contains("has no kubelet, containerd, "), "{refused}");
        let refused = given(place.path(), plan(Extent::ControlPlane, true)).unwrap_err();
        assert!(refused.contains("has no flux, kustomize-controller, flux-kinds.yaml; "), "{refused}");
    }

    #[test]
    fn kubernetes_says_which_version_it_is() {
        let place = tempfile::tempdir().unwrap();
        run::write(&place.path().join("go.mod"), "require k8s.io/kubernetes v1.37.2 // indirect\n").unwrap();
        let link = kubernetes(place.path()).unwrap().link;
        assert!(link.contains("version.gitVersion=v1.37.2 ") && link.ends_with("version.gitMinor=37"), "{link}");
    }
}
