//! The way to the API server, where it can be watched and disturbed.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use serde_json::{Value, json};

use super::Cluster;
use crate::faults::{FaultProxy, Rule};

/// A proxy in front of the API server that speaks plain http, and a kubeconfig that leads through it. Who somebody is passes through.
pub struct Wire {
    /// The proxy.
    pub proxy: FaultProxy,
    kubeconfig: PathBuf,
    _directory: tempfile::TempDir,
}

impl Wire {
    /// The kubeconfig that leads through it.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }
}

impl Cluster {
    /// A way to the API server for whoever `kubeconfig` is of, with what is to go wrong on it. The first of `rules` that meets a request decides.
    pub fn wire(&self, kubeconfig: &Path, rules: impl IntoIterator<Item = Rule>) -> Wire {
        let view = ["config", "view", "--raw", "--flatten", "--output=json"];
        let view = super::text(self.kubectl_as(kubeconfig, &view), &view);
        let mut config: Value = serde_json::from_str(&view).expect("a kubeconfig");
        let cluster = &config["clusters"][0]["cluster"];
        let server = cluster["server"].as_str().and_then(|server| server.strip_prefix("https://")).expect("a server");
        let authority = cluster["certificate-authority-data"].as_str().expect("an authority");
        let authority = base64::engine::general_purpose::STANDARD.decode(authority).expect("base64");
        let proxy = FaultProxy::start_before(server, &authority, rules);
        config["clusters"][0]["cluster"] = json!({"server": proxy.url()});
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("config");
        std::fs::write(&path, config.to_string()).expect("write");
        Wire { proxy, kubeconfig: path, _directory: directory }
    }
}
