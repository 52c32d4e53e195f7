//! The servers ours are measured beside, from PyPI.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

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
    pub(super) fn git(&self) -> Vec<String> {
        vec![self.python.display().to_string(), "-m".into(), "mcp_server_git".into()]
    }

    /// The command of the FastMCP server.
    pub(super) fn fastmcp(&self) -> Vec<String> {
        vec![self.python.display().to_string(), self.trivial.display().to_string()]
    }
}

/// Installs the peers under `home`, once per list of packages.
pub(super) fn install(home: &Path) -> Result<Peers, String> {
    let python = home.join("venv/bin/python");
    let marker = home.join("installed");
    let wanted = PACKAGES.join("\n");
    std::fs::create_dir_all(home).map_err(|error| format!("{}: {error}", home.display()))?;
    if !std::fs::read_to_string(&marker).is_ok_and(|installed| installed == wanted) {
        crate::run::out(&format!("installing the peers {}", PACKAGES.join(", ")));
        let venv = home.join("venv").display().to_string();
        command("python3", &["-m", "venv", &venv])?;
        let mut arguments = vec!["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
        arguments.extend(PACKAGES);
        command(&python.display().to_string(), &arguments)?;
        std::fs::write(&marker, wanted).map_err(|error| format!("{}: {error}", marker.display()))?;
    }
    let trivial = home.join("trivial.py");
    std::fs::write(&trivial, TRIVIAL).map_err(|error| format!("{}: {error}", trivial.display()))?;
    Ok(Peers { python, trivial })
}

fn command(program: &str, arguments: &[&str]) -> Result<(), String> {
    let status = Command::new(program)
        .args(arguments)
        .stdout(Stdio::null())
        .status()
        .map_err(|error| format!("{program} could not be run: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{program} {} failed", arguments.join(" "))) }
}
