//! The servers ours are measured beside, from PyPI; and how peers are installed.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::client::Program;
use crate::run;

/// What is installed, and at which version: a ratio is worth what its peer was.
pub(super) const PACKAGES: [&str; 2] = ["mcp-server-git==2026.10.19", "fastmcp==4.1.6"];

/// A FastMCP server with one tool that does nothing.
const TRIVIAL: &str = "from fastmcp import FastMCP\nmcp = FastMCP('trivial')\n@mcp.tool\ndef ping() -> str:\n    return 'pong'\nmcp.run(show_banner=False)\n";

/// Where the peers are.
pub(super) struct Peers {
    python: PathBuf,
    trivial: PathBuf,
}

impl Peers {
    /// The command of `mcp-server-git`.
    pub(super) fn git(&self) -> Program {
        Program::new([self.python.as_path(), Path::new("-m"), Path::new("mcp_server_git")])
    }

    /// The command of the FastMCP server.
    pub(super) fn fastmcp(&self) -> Program {
        Program::new([&self.python, &self.trivial])
    }
}

/// Installs the peers under `home`, once per list of packages.
pub(super) fn install(home: &Path) -> Result<Peers, String> {
    let python = home.join("venv/bin/python");
    once(&home.join("installed"), &PACKAGES, || {
        let venv = home.join("venv").display().to_string();
        command("python3", &["-m", "venv", &venv])?;
        let mut arguments = vec!["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
        arguments.extend(PACKAGES);
        command(&python.display().to_string(), &arguments)
    })?;
    let trivial = home.join("trivial.py");
    std::fs::write(&trivial, TRIVIAL).map_err(|error| format!("{}: {error}", trivial.display()))?;
    Ok(Peers { python, trivial })
}

/// Installs `packages`, unless `marker` says that exactly these are there. It is written last.
pub(super) fn once(
    marker: &Path,
    packages: &[&str],
    install: impl FnOnce() -> Result<(), String>,
) -> Result<(), String> {
    let wanted = packages.join("\n");
    if std::fs::read_to_string(marker).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    run::out(&format!("installing the peers {}", packages.join(", ")));
    marker
        .parent()
        .map_or(Ok(()), std::fs::create_dir_all)
        .map_err(|error| format!("{}: {error}", marker.display()))?;
    install()?;
    run::write(marker, &wanted)
}

/// Runs a command that says nothing on stdout.
pub(super) fn command(program: &str, arguments: &[&str]) -> Result<(), String> {
    let status = Command::new(program)
        .args(arguments)
        .stdout(Stdio::null())
        .status()
        .map_err(|error| format!("{program} could not be run: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{program} {} failed", arguments.join(" "))) }
}
