//! The cluster's own kubectl, as cluster-admin.

use std::{
    io::{Seek, Write},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use serde_json::Value;

use crate::run::{self, Result};

/// kubectl on one cluster.
#[derive(Clone, Debug)]
pub struct Kubectl {
    directory: PathBuf,
}

impl Kubectl {
    /// Of the cluster in `directory`.
    pub fn new(directory: &Path) -> Self {
        Self { directory: directory.to_owned() }
    }

    /// What it does with `arguments`.
    pub fn output(&self, arguments: &[&str]) -> Result<Output> {
        run::output(self.command().args(arguments))
    }

    /// What it prints.
    pub fn ask(&self, arguments: &[&str]) -> Result<String> {
        run::stdout(self.command().args(arguments))
    }

    /// What it prints when it is given `input`.
    pub fn feed(&self, arguments: &[&str], input: &str) -> Result<String> {
        let file = tempfile::tempfile().and_then(|mut file| {
            file.write_all(input.as_bytes())?;
            file.rewind().map(|()| file)
        });
        let file = file.map_err(|error| format!("a temporary file could not be written: {error}"))?;
        run::stdout(self.command().args(arguments).stdin(file))
    }

    /// Applies `objects`, those without a namespace in `namespace`. (`--namespace` would refuse those that are in another.)
    pub fn apply(&self, namespace: &str, objects: &str) -> Result<String> {
        let config = run::read(&self.directory.join("admin.conf"))?;
        let mut config: Value = serde_json::from_str(&config).map_err(|error| format!("admin.conf: {error}"))?;
        config["contexts"][0]["context"]["namespace"] = namespace.into();
        let file = tempfile::NamedTempFile::new_in(&self.directory);
        let file = file.map_err(|error| format!("a temporary file could not be made: {error}"))?;
        run::write(file.path(), &config.to_string())?;
        let config = format!("--kubeconfig={}", file.path().display());
        self.feed(&["apply", &config, "--filename", "-"], objects)
    }

    /// Its command line, for a caller who reads from it.
    pub fn command(&self) -> Command {
        let mut command = Command::new(self.directory.join("bin/kubectl"));
        command
            .env("KUBECONFIG", self.directory.join("admin.conf"))
            // It remembers there what the server offers.
            .env("HOME", &self.directory)
            .current_dir(&self.directory)
            .stdin(Stdio::null());
        command
    }
}
