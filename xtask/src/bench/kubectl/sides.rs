//! The servers and the bare kubectl that are measured, and the one environment all of them have.

use std::{
    env,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
};

use serde_json::{Value, json};

use crate::bench::{
    Bench,
    client::{Client, Program},
    npm::Npm,
    table::unmeasured,
};

/// Where the few pods are.
pub(super) const NAMESPACE: &str = "few";
/// As much as mcp-server-kubernetes has to be allowed to read of kubectl: it asks for whole objects, and by default gives up at one MiB of them.
const ITS_BUFFER: usize = 1 << 30;

/// A server, and what it is asked.
pub(super) struct Server {
    pub(super) name: &'static str,
    /// How it is started, or why it cannot be.
    pub(super) program: Result<Program, String>,
    /// The pods of one namespace.
    pub(super) one: Question,
    /// The pods of all.
    pub(super) all: Question,
}

/// A call of a tool.
pub(super) struct Question {
    pub(super) tool: &'static str,
    pub(super) arguments: Value,
}

/// Who is measured, and where.
pub(super) struct Stage {
    pub(super) directory: PathBuf,
    pub(super) ours: Server,
    pub(super) peers: [Server; 2],
    kubectl: Program,
}

impl Stage {
    /// With our `binary`, on the cluster whose files are in `cluster`.
    pub(super) fn new(bench: &Bench, binary: &Path, cluster: &Path) -> Result<Self, String> {
        let directory = bench.home.join("kubectl");
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir_all(&directory).map_err(|error| format!("{}: {error}", directory.display()))?;
        let bin = cluster.join("bin");
        let variables = environment(&directory, cluster, &bin)?;
        let here = |program: Program| program.with(&variables);
        let question = |tool: &'static str, arguments: Value| Question { tool, arguments };
        let npm = bench.npm().cloned();
        let ours = Server {
            name: "mcp-kubectl",
            program: Ok(here(Program::new([binary]))),
            one: question("kubectl_get", json!({"resource": "pods", "namespace": NAMESPACE})),
            all: question("kubectl_get", json!({"resource": "pods", "all_namespaces": true})),
        };
        let api = Server {
            name: "kubernetes-mcp-server",
            program: npm.clone().and_then(|npm| npm.kubernetes()).map(here),
            one: question("pods_list_in_namespace", json!({"namespace": NAMESPACE})),
            all: question("pods_list", json!({})),
        };
        let buffer = [("SPAWN_MAX_BUFFER", ITS_BUFFER.to_string().into())];
        let cli = Server {
            name: "mcp-server-kubernetes",
            program: npm.map(|npm: Npm| here(npm.kubectl()).with(&buffer)),
            one: question("kubectl_get", json!({"resourceType": "pods", "namespace": NAMESPACE})),
            all: question("kubectl_get", json!({"resourceType": "pods", "allNamespaces": true})),
        };
        Ok(Self { ours, peers: [api, cli], kubectl: here(Program::new([bin.join("kubectl")])), directory })
    }

    /// Starts a server.
    pub(super) fn open(&self, server: &Server) -> Result<Client, String> {
        let program = server.program.as_ref().map_err(Clone::clone)?;
        Client::start(program, &self.directory).map_err(|error| unmeasured(server.name, &error))
    }

    /// What kubectl prints.
    pub(super) fn kubectl(&self, arguments: &[&str]) -> Result<Vec<u8>, String> {
        ended(self.start(arguments)?)
    }

    /// Runs it `count` times at once, to the end of the last one.
    pub(super) fn kubectls(&self, count: usize, arguments: &[&str]) -> Result<(), String> {
        let all = (0..count).map(|_| self.start(arguments)).collect::<Result<Vec<Child>, _>>()?;
        all.into_iter().try_for_each(|child| ended(child).map(drop))
    }

    /// Starts kubectl.
    pub(super) fn start(&self, arguments: &[&str]) -> Result<Child, String> {
        let mut command: Command = self.kubectl.command();
        command.args(arguments).current_dir(&self.directory);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().map_err(|error| format!("kubectl could not be started: {error}"))
    }
}

fn ended(child: Child) -> Result<Vec<u8>, String> {
    let output: Output = child.wait_with_output().map_err(|error| format!("kubectl could not be read: {error}"))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    Err(format!("kubectl failed ({}): {}", output.status, String::from_utf8_lossy(&output.stderr).trim()))
}

/// Where the cluster is, which kubectl is meant, and where it remembers what the API offers.
pub(in crate::bench) fn environment(
    home: &Path,
    cluster: &Path,
    bin: &Path,
) -> Result<Vec<(&'static str, OsString)>, String> {
    let path = env::var_os("PATH").unwrap_or_default();
    let path = env::join_paths([bin.to_owned()].into_iter().chain(env::split_paths(&path)));
    Ok(vec![
        ("PATH", path.map_err(|error| format!("{}: {error}", bin.display()))?),
        ("HOME", home.into()),
        ("KUBECONFIG", cluster.join("admin.conf").into()),
        ("KUBECACHEDIR", home.join("cache").into()),
    ])
}
