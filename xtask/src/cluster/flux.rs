//! Flux, as far as it is to be had: the controller that applies, and the command line. What fetches sources is not; whoever needs one plays it.

use std::{
    fs,
    io::{Read, Write},
    net::{Ipv4Addr, TcpStream},
    path::{Path, PathBuf},
    time::Duration,
};

use serde_json::json;

use super::{
    components::{Component, Ports, component},
    parts::Set,
    places::Place,
};
use crate::{
    go::{self, Gap, Module},
    run::{self, Result},
};

/// Its programs.
pub const PROGRAMS: Set = &[("flux", FLUX_PACKAGE), ("kustomize-controller", "github.com/fluxcd/kustomize-controller")];

/// The definitions of its kinds, a file beside the programs.
pub const KINDS: &str = "flux-kinds.yaml";

/// Where its controllers belong.
const NAMESPACE: &str = "flux-system";

const FLUX: &str = "github.com/fluxcd/flux2/v2";
const FLUX_PACKAGE: &str = "github.com/fluxcd/flux2/v2/cmd/flux";

/// The modules that define its kinds, and those whose versions they have.
const DEFINING: [(&str, &str); 2] = [
    ("github.com/fluxcd/kustomize-controller", "github.com/fluxcd/kustomize-controller"),
    // What it is made of is not all to be had, so that it cannot be required. What its API is made of is.
    ("github.com/fluxcd/source-controller", "github.com/fluxcd/source-controller/api"),
];

/// The module in `path`, and the version it says it is.
pub fn module(path: &Path) -> Result<Module> {
    let version = version(path, FLUX)?;
    let link = format!("-X main.VERSION={}", version.trim_start_matches('v'));
    let gap = Some(Gap { module: FLUX, file: "cmd/flux/manifests/none.yaml" });
    Ok(Module { path: path.to_owned(), link, tags: "", gap })
}

/// The definitions of its kinds, in `directory`; they are taken from the modules if they are not there yet.
pub fn kinds(module: &Module, directory: &Path) -> Result<PathBuf> {
    let file = directory.join(KINDS);
    if file.exists() {
        return Ok(file);
    }
    let mut text = String::new();
    for (defining, required) in DEFINING {
        let bases = module.downloaded(defining, &version(&module.path, required)?)?.join("config/crd/bases");
        let failed = |error: std::io::Error| format!("{} could not be read: {error}", bases.display());
        let entries = fs::read_dir(&bases).and_then(Iterator::collect::<std::io::Result<Vec<_>>>);
        let mut paths: Vec<PathBuf> = entries.map_err(failed)?.iter().map(fs::DirEntry::path).collect();
        paths.sort();
        for path in paths {
            text.push_str("---\n");
            text.push_str(run::read(&path)?.trim_start_matches("---\n"));
        }
    }
    // It appears when it is complete, whoever else writes it.
    let part = tempfile::NamedTempFile::new_in(directory).map_err(|error| format!("{KINDS}: {error}"))?;
    run::write(part.path(), &text)?;
    part.persist(&file).map_err(|error| format!("{KINDS}: {error}"))?;
    Ok(file)
}

fn version(path: &Path, module: &str) -> Result<String> {
    let manifest = run::read(&path.join("go.mod"))?;
    let version = go::version(&manifest, module).map(str::to_owned);
    version.ok_or_else(|| format!("{} requires no {module}", path.join("go.mod").display()))
}

/// What has to be in the cluster before the controller starts.
pub fn objects(place: &Place) -> Result<String> {
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}});
    Ok(format!("{namespace}\n{}", run::read(&place.path().join("bin").join(KINDS))?))
}

/// What applies.
pub fn controller(place: &Place, ports: Ports) -> Result<Component> {
    let mut controller = component(
        "kustomize-controller",
        &[
            // The only source that somebody else than Flux may provide.
            "--feature-gates=ExternalArtifact=true",
            // Nothing is fetched from anywhere but where a source says it is.
            "--no-remote-bases",
            "--metrics-addr=0",
        ],
    );
    controller.arguments.push(format!("--health-addr=127.0.0.1:{}", ports.flux));
    // It removes what looks like its own from there when it starts.
    let temporary = place.path().join("flux");
    fs::create_dir(&temporary).map_err(|error| format!("{} could not be made: {error}", temporary.display()))?;
    controller.environment = vec![
        ("KUBECONFIG", place.path().join("admin.conf").display().to_string()),
        ("RUNTIME_NAMESPACE", NAMESPACE.to_owned()),
        ("TMPDIR", temporary.display().to_string()),
    ];
    Ok(controller)
}

/// Whether the controller says that it is ready.
pub fn ready(ports: Ports) -> Result<String> {
    let failed = |error: std::io::Error| format!("its port {}: {error}", ports.flux);
    let mut connection = TcpStream::connect((Ipv4Addr::LOCALHOST, ports.flux)).map_err(failed)?;
    connection.set_read_timeout(Some(Duration::from_secs(5))).map_err(failed)?;
    connection.write_all(b"GET /readyz HTTP/1.0\r\n\r\n").map_err(failed)?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer).map_err(failed)?;
    let first = answer.lines().next().unwrap_or_default();
    if first.contains(" 200 ") { Ok(answer) } else { Err(format!("it answers {first:?}")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flux_says_which_version_it_is() {
        let place = tempfile::tempdir().unwrap();
        run::write(&place.path().join("go.mod"), "require (\n\tgithub.com/fluxcd/flux2/v2 v2.9.5 // indirect\n)\n")
            .unwrap();
        assert_eq!(module(place.path()).unwrap().link, "-X main.VERSION=2.9.5");
        let refused = kinds(&module(place.path()).unwrap(), place.path()).unwrap_err();
        assert!(refused.ends_with("requires no github.com/fluxcd/kustomize-controller"), "{refused}");
    }

    #[test]
    fn ready_is_what_answers_200() {
        let answered = |answer: &'static str| {
            let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            let flux = server.local_addr().unwrap().port();
            std::thread::spawn(move || {
                let (mut connection, _) = server.accept().unwrap();
                let _ = connection.read(&mut [0; 64]).unwrap();
                connection.write_all(answer.as_bytes()).unwrap();
            });
            ready(Ports { server: 0, kubelet: 0, metrics: 0, flux })
        };
        assert!(answered("HTTP/1.0 200 OK\r\n\r\nok").is_ok());
        assert!(answered("HTTP/1.0 500 Internal Server Error\r\n\r\n").unwrap_err().contains("500"));
    }
}
