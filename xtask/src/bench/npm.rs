//! The servers ours are measured beside, from npm.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{client::Program, peers};

/// What is installed, and at which version: a ratio is worth what its peer was.
pub(super) const PACKAGES: [&str; 3] =
    ["kubernetes-mcp-server@0.0.67", "mcp-server-kubernetes@4.1.7", "@modelcontextprotocol/server-github@2025.4.8"];

/// Where the peers are.
#[derive(Clone, Debug)]
pub(super) struct Npm {
    modules: PathBuf,
}

impl Npm {
    /// `kubernetes-mcp-server`, which speaks to the API itself. The command of its package is a Node program that starts a binary of another
    /// package and waits for it; this is the binary alone, which is the peer at its leanest.
    pub(super) fn kubernetes(&self) -> Result<Program, String> {
        let missing = || String::from("npm has no kubernetes-mcp-server for this platform");
        let entries = fs::read_dir(&self.modules).map_err(|_| missing())?;
        let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
        let name = platform_package(names).ok_or_else(missing)?;
        Ok(Program::new([self.modules.join(&name).join("bin").join(&name)]))
    }

    /// `mcp-server-kubernetes`, which starts kubectl.
    pub(super) fn kubectl(&self) -> Program {
        Program::new([PathBuf::from("node"), self.modules.join("mcp-server-kubernetes/dist/index.js")])
    }

    /// `server-github`, the reference server of the protocol's authors.
    pub(super) fn github(&self) -> Program {
        let script = self.modules.join("@modelcontextprotocol/server-github/dist/index.js");
        Program::new([PathBuf::from("node"), script])
    }
}

/// npm installs only the one whose platform this is.
fn platform_package(mut names: impl Iterator<Item = String>) -> Option<String> {
    names.find(|name| name.starts_with("kubernetes-mcp-server-"))
}

/// Installs the peers under `home`, once per list of packages. Why not, in words that name no registry: they go into the table.
pub(super) fn install(home: &Path) -> Result<Npm, String> {
    let place = home.join("npm");
    peers::command("node", &["--version"]).map_err(|_| String::from("not measured, there is no node here"))?;
    peers::once(&place.join("installed"), &PACKAGES, || {
        // Programs of theirs that want to run at installation are not needed by any of them.
        let mut arguments = vec!["install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"];
        let prefix = format!("--prefix={}", place.display());
        arguments.push(&prefix);
        arguments.extend(PACKAGES);
        peers::command("npm", &arguments)
    })
    .inspect_err(|error| eprintln!("{error}"))
    .map_err(|_| String::from("not measured, npm could not install it"))?;
    Ok(Npm { modules: place.join("node_modules") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_binary_is_that_of_the_platform_s_package() {
        let find = |names: &[&str]| platform_package(names.iter().map(|name| (*name).to_owned()));
        let there = ["kubernetes-mcp-server", "mcp-server-kubernetes", "kubernetes-mcp-server-linux-arm64"];
        assert_eq!(find(&there).as_deref(), Some("kubernetes-mcp-server-linux-arm64"));
        assert_eq!(find(&there[..2]), None);
    }
}
