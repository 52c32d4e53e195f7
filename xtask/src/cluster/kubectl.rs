//! The cluster's own kubectl, as cluster-admin.

use std::{
    io::{Seek, Write},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

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
