//! A namespace for one test, and identities that may do only what the test says.

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;

use super::Cluster;

/// A namespace that pods can run in at once. It is deleted when dropped, without waiting for its end.
#[derive(Debug)]
pub struct Namespace<'c> {
    cluster: &'c Cluster,
    name: String,
}

impl<'c> Namespace<'c> {
    pub(super) fn create(cluster: &'c Cluster, hint: &str) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("{hint}-{:x}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        cluster.ask(&["create", "namespace", &name]);
        let namespace = Self { cluster, name };
        // Pods are refused before the first is there, and do not start before the second is.
        // One at a time: kubectl gives up at once where both are missing.
        for needed in ["serviceaccount/default", "configmap/kube-root-ca.crt"] {
            namespace.wait(&["--for=create", needed]);
        }
        namespace
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The cluster it is in.
    pub fn cluster(&self) -> &'c Cluster {
        self.cluster
    }

    /// Runs the real kubectl in this namespace as cluster-admin to its end.
    pub fn kubectl(&self, arguments: &[&str]) -> Output {
        self.cluster.kubectl(&self.here(arguments))
    }

    /// What the real kubectl prints in this namespace as cluster-admin; panics with what it says when it fails.
    pub fn ask(&self, arguments: &[&str]) -> String {
        self.cluster.ask(&self.here(arguments))
    }

    /// Applies documents in this namespace; their `{{image}}` is the cluster's.
    pub fn apply(&self, yaml: &str) {
        self.cluster.apply(&self.name, yaml);
    }

    /// What the real kubectl prints in this namespace as cluster-admin with `input` on its stdin; panics with what it says when it fails.
    pub fn feed(&self, arguments: &[&str], input: &str) -> String {
        self.cluster.feed(&self.here(arguments), input)
    }

    /// Plays the scenario `name` of `tests/cluster/scenarios` here, to its end. What it makes outside of namespaces stays.
    pub fn play(&self, name: &str) {
        let mut xtask = Command::new(self.cluster.directory.join("xtask"));
        xtask.args(["cluster", "scenario", name, "--namespace", &self.name]);
        xtask
            .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
            .env("AGENT_TOOLS_CLUSTER", &self.cluster.directory);
        let played = xtask.stdin(Stdio::null()).output().expect("xtask");
        assert!(played.status.success(), "scenario {name}: {}", String::from_utf8_lossy(&played.stderr));
    }

    /// `kubectl wait` in this namespace.
    pub fn wait(&self, arguments: &[&str]) {
        self.cluster.wait(&self.here(arguments));
    }

    /// The kubeconfig of a service account that may do what `rules` say (the YAML list of a Role) in this namespace, and nothing else.
    pub fn user(&self, name: &str, rules: &str) -> PathBuf {
        self.bind("Role", name, rules)
    }

    /// The same, with rules (of a ClusterRole) that hold in the whole cluster. They go with this namespace.
    pub fn cluster_user(&self, name: &str, rules: &str) -> PathBuf {
        self.bind("ClusterRole", name, rules)
    }

    fn bind(&self, kind: &str, name: &str, rules: &str) -> PathBuf {
        let mut metadata = json!({"name": format!("{}-{name}", self.name)});
        if kind == "ClusterRole" {
            // What has no namespace goes with its owner.
            let uid = self.cluster.ask(&["get", "namespace", &self.name, "--output=jsonpath={.metadata.uid}"]);
            metadata["ownerReferences"] =
                json!([{"apiVersion": "v1", "kind": "Namespace", "name": self.name, "uid": uid}]);
        }
        let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}});
        let binding = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": format!("{kind}Binding"),
            "metadata": metadata,
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": metadata["name"]},
            "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": self.name}],
        });
        let indented: String = rules.lines().map(|line| format!("  {line}\n")).collect();
        let role =
            format!("apiVersion: rbac.authorization.k8s.io/v1\nkind: {kind}\nmetadata: {metadata}\nrules:\n{indented}");
        self.apply(&format!("{account}\n---\n{binding}\n---\n{role}"));
        let token = self.ask(&["create", "token", name, "--duration=24h"]);
        self.kubeconfig(name, token.trim())
    }

    /// Lets the account `name` of another namespace do here, too, what `rules` say.
    pub fn admit(&self, other: &Namespace<'_>, name: &str, rules: &str) {
        let called = format!("{}-{name}", other.name);
        let binding = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": {"name": called},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": called},
            "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": other.name}],
        });
        let indented: String = rules.lines().map(|line| format!("  {line}\n")).collect();
        let role = format!(
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {{name: {called}}}\nrules:\n{indented}"
        );
        self.apply(&format!("{binding}\n---\n{role}"));
    }

    /// The kubeconfig of somebody with `token`, this namespace being theirs; it lies in the cluster's directory and goes with it.
    pub fn kubeconfig(&self, name: &str, token: &str) -> PathBuf {
        let view = self.cluster.ask(&["config", "view", "--raw", "--flatten", "--output=json"]);
        let mut config: serde_json::Value = serde_json::from_str(&view).expect("a kubeconfig");
        config["users"][0]["user"] = json!({"token": token});
        config["contexts"][0]["context"]["namespace"] = json!(self.name);
        let path = self.cluster.directory.join(format!("{}-{name}.conf", self.name));
        std::fs::write(&path, config.to_string()).expect("write");
        path
    }

    fn here<'a>(&'a self, arguments: &[&'a str]) -> Vec<&'a str> {
        // After the verb, because a plug-in's name would not be found behind a flag, and before anything behind `--`.
        let mut all = arguments.to_vec();
        all.insert(all.len().min(1), "--namespace");
        all.insert(all.len().min(2), &self.name);
        all
    }
}

impl Drop for Namespace<'_> {
    fn drop(&mut self) {
        let mut kubectl = self.cluster.command(&self.cluster.kubeconfig);
        kubectl.args(["delete", "namespace", &self.name, "--wait=false", "--ignore-not-found"]);
        kubectl.stdout(Stdio::null()).stderr(Stdio::null()).status().ok();
    }
}
