//! A cluster that this process wanted.

use std::{
    io::{BufRead, BufReader},
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
};

use super::{
    Plan, parts,
    places::{self, Place},
};
use crate::run::Result;

/// A cluster that ends, with all it left, when this is dropped or this process ends.
pub struct Running {
    place: Place,
    keeper: Child,
    output: BufReader<ChildStdout>,
}

impl Running {
    /// Builds what is absent, starts a cluster and waits until it is ready.
    pub fn start(root: &Path, plan: Plan, port: Option<u16>) -> Result<Self> {
        parts::all(root, plan)?;
        let mut command = Command::new(places::ourselves()?);
        command.args(["cluster", "keeper"]).args(plan.words());
        command.arg(port.map_or("any".to_owned(), |port| port.to_string()));
        command.current_dir(root).stdin(Stdio::piped()).stdout(Stdio::piped());
        // What a terminal sends is meant for us: the keeper has work left when we end.
        let child = command.process_group(0).spawn();
        let mut keeper = child.map_err(|error| format!("xtask could not be started: {error}"))?;
        let output = keeper.stdout.take().ok_or("the output of the keeper is not readable")?;
        let mut output = BufReader::new(output);
        let place = line(&mut output).and_then(|line| Place::at(Path::new(&line)));
        let ready = place.filter(|_| line(&mut output).is_some());
        match ready {
            Some(place) => Ok(Self { place, keeper, output }),
            None => {
                // It has said why.
                let status = keeper.wait();
                let status = status.map(|status| status.to_string()).unwrap_or_default();
                Err(format!("there is no cluster; its keeper ended ({status})"))
            }
        }
    }

    /// Where it is.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Waits until it ends by itself.
    pub fn wait(mut self) -> Result<()> {
        while line(&mut self.output).is_some() {}
        let status = self.keeper.wait().map_err(|error| format!("the keeper could not be waited for: {error}"))?;
        if status.success() { Ok(()) } else { Err("the cluster has ended by itself".to_owned()) }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}

fn line(output: &mut impl BufRead) -> Option<String> {
    output.lines().next()?.ok()
}
