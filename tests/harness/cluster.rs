//! The Kubernetes of the test run: `cargo xtask test` starts one and names its directory in `AGENT_TOOLS_CLUSTER`. For a single run by hand,
//! `cargo xtask cluster up` and `cargo xtask cluster shell` do the same.
//!
//! A test binary that asks for it has `required-features = ["cluster"]` in its `[[test]]`: where there can be no cluster, `cargo xtask test`
//! does not build it and counts its tests as skipped, with the reason.

mod namespace;
mod wire;

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use serde::Deserialize;

pub use namespace::Namespace;
pub use wire::Wire;

/// How long `kubectl wait` gives what a test waits for.
const WAIT: &str = "--timeout=180s";

/// What a cluster says about itself: its `facts.json`.
#[derive(Clone, Debug, Deserialize)]
pub struct Facts {
    /// The name of its node; nothing where only a control plane runs.
    pub node: Option<String>,
    /// The image that pods of tests use, with `imagePullPolicy: Never`: busybox, with a shell and its usual programs.
    pub image: String,
    /// What `flux version` calls itself: `v2.9.5`; nothing where it was not asked for.
    pub flux: Option<String>,
    /// What `kubectl version` calls the server: `v1.37.2`.
    pub server_version: String,
}

/// A running cluster, and the real kubectl on it as cluster-admin.
#[derive(Debug)]
pub struct Cluster {
    directory: PathBuf,
    bin: PathBuf,
    kubectl: PathBuf,
    kubeconfig: PathBuf,
    facts: Facts,
}

impl Cluster {
    /// The one that all tests of this run share. Each works in a [`namespace`](Self::namespace) of its own.
    pub fn get() -> &'static Self {
        static CLUSTER: OnceLock<Cluster> = OnceLock::new();
        CLUSTER.get_or_init(|| {
            let place = std::env::var_os("AGENT_TOOLS_CLUSTER").filter(|place| !place.is_empty());
            let place = place.expect(
                "AGENT_TOOLS_CLUSTER is not set: run `cargo xtask test`, or `cargo xtask cluster up` and what `cargo xtask cluster shell` prints",
            );
            Self::at(Path::new(&place))
        })
    }

    /// The one whose directory this is.
    pub fn at(directory: &Path) -> Self {
        let facts = directory.join("facts.json");
        let facts = std::fs::read(&facts).unwrap_or_else(|error| {
            panic!("no cluster is running in {} ({error}): cargo xtask cluster up", directory.display())
        });
        let facts = serde_json::from_slice(&facts).expect("facts.json");
        let bin = directory.join("bin");
        let (kubectl, kubeconfig) = (bin.join("kubectl"), directory.join("admin.conf"));
        Self { directory: directory.to_owned(), bin, kubectl, kubeconfig, facts }
    }

    /// Its directory: kubeconfigs, logs of its parts, `facts.json`.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The kubeconfig of cluster-admin.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// The real kubectl.
    pub fn kubectl_path(&self) -> &Path {
        &self.kubectl
    }

    /// The directory of the real kubectl and of every part of the cluster.
    pub fn bin(&self) -> &Path {
        &self.bin
    }

    /// The image of pods of tests, with `imagePullPolicy: Never`.
    pub fn image(&self) -> &str {
        &self.facts.image
    }

    /// What it says about itself.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Runs the real kubectl as cluster-admin to its end.
    pub fn kubectl(&self, arguments: &[&str]) -> Output {
        self.command(&self.kubeconfig).args(arguments).output().expect("kubectl")
    }

    /// Runs the real kubectl with another kubeconfig to its end.
    pub fn kubectl_as(&self, kubeconfig: &Path, arguments: &[&str]) -> Output {
        self.command(kubeconfig).args(arguments).output().expect("kubectl")
    }

    /// What the real kubectl prints as cluster-admin; panics with what it says when it fails.
    pub fn ask(&self, arguments: &[&str]) -> String {
        text(self.kubectl(arguments), arguments)
    }

    /// Applies documents in `namespace`; their `{{image}}` is [`image`](Self::image).
    pub fn apply(&self, namespace: &str, yaml: &str) {
        self.feed(&["apply", "--namespace", namespace, "--filename", "-"], &yaml.replace("{{image}}", self.image()));
    }

    /// Runs `kubectl wait` with `arguments` (`--for=condition=Ready`, `pod/x`, …); panics with what it waited for when that does not come.
    pub fn wait(&self, arguments: &[&str]) {
        let arguments: Vec<&str> = ["wait", WAIT].iter().chain(arguments).copied().collect();
        self.ask(&arguments);
    }

    /// A namespace for one test, named after `hint` (lowercase letters, digits, dashes). It is deleted with everything in it when dropped.
    pub fn namespace(&self, hint: &str) -> Namespace<'_> {
        Namespace::create(self, hint)
    }

    /// A namespace in which the scenario `name` of `tests/cluster/scenarios` has played out. What it made outside of namespaces stays, under names of its own.
    pub fn scenario(&self, name: &str) -> Namespace<'_> {
        let namespace = self.namespace(name);
        namespace.play(name);
        namespace
    }

    /// kubectl with `kubeconfig`, and nothing of the environment the tests run in.
    pub fn command(&self, kubeconfig: &Path) -> Command {
        let mut command = Command::new(&self.kubectl);
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", &self.directory)
            .env("KUBECONFIG", kubeconfig)
            .current_dir(&self.directory)
            .stdin(Stdio::null());
        command
    }

    /// Runs kubectl with `input` on its stdin.
    fn feed(&self, arguments: &[&str], input: &str) -> String {
        let mut file = tempfile::tempfile().expect("a file");
        std::io::Write::write_all(&mut file, input.as_bytes()).expect("write");
        std::io::Seek::rewind(&mut file).expect("seek");
        text(self.command(&self.kubeconfig).args(arguments).stdin(file).output().expect("kubectl"), arguments)
    }
}

fn text(output: Output, arguments: &[&str]) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "kubectl {}: {said}", arguments.join(" "));
    String::from_utf8(output.stdout).expect("text")
}
