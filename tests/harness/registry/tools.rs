//! The clients everybody has, in a home of their own.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use base64::Engine as _;
use serde_json::{Value, json};

use crate::debian::{self, Program};

/// Why a test that needs `programs` (`registry`, `crane`, `oras`, `skopeo`) cannot run here; nothing if it can.
pub fn lacking(programs: &[&str]) -> Option<String> {
    programs.iter().find_map(|name| match *name {
        "skopeo" => skopeo().as_ref().err().cloned(),
        name => program(name).err(),
    })
}

/// One of the programs that `cargo xtask test` builds.
pub(super) fn program(name: &str) -> Result<PathBuf, String> {
    let place = std::env::var_os("AGENT_TOOLS_OCI").filter(|place| !place.is_empty());
    let place = place.ok_or_else(|| format!("no {name}: AGENT_TOOLS_OCI is not set"))?;
    let program = Path::new(&place).join(name);
    program.exists().then_some(program).ok_or_else(|| format!("no {name} in AGENT_TOOLS_OCI"))
}

/// The system's, or else Debian's.
fn skopeo() -> &'static Result<Program, String> {
    static SKOPEO: OnceLock<Result<Program, String>> = OnceLock::new();
    SKOPEO.get_or_init(|| {
        let places = std::env::var_os("PATH").unwrap_or_default();
        let mut places = std::env::split_paths(&places).map(|place| place.join("skopeo"));
        if let Some(path) = places.find(|path| path.exists()) {
            return Ok(Program { path, libraries: None });
        }
        debian::program_with_dependencies("usr/bin/skopeo", "skopeo")
    })
}

/// Clients with a home of their own: what they are told about passwords stays in it, and nothing of the user's gets in.
pub struct Tools {
    home: tempfile::TempDir,
    ca: Option<PathBuf>,
}

impl Tools {
    /// Clients that trust the authority `ca` (a PEM file) and nobody else; without one, nobody.
    pub fn new(ca: Option<&Path>) -> Self {
        let home = tempfile::tempdir().expect("directory");
        let write = |path: &str, text: &Value| {
            let path = home.path().join(path);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("directory");
            std::fs::write(path, text.to_string()).expect("write");
        };
        write("docker/config.json", &json!({}));
        // skopeo wants to be told that signatures are nobody's concern here.
        write(".config/containers/policy.json", &json!({"default": [{"type": "insecureAcceptAnything"}]}));
        Self { home, ca: ca.map(Path::to_owned) }
    }

    /// The home.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// What DOCKER_CONFIG is to be: the directory with the `config.json` that all of them read.
    pub fn docker_config(&self) -> PathBuf {
        self.home.path().join("docker")
    }

    /// Tells the clients a password for the registry at `address` (`127.0.0.1:PORT`).
    pub fn log_in(&self, address: &str, user: &str, password: &str) {
        let path = self.docker_config().join("config.json");
        let mut config: Value = serde_json::from_slice(&std::fs::read(&path).expect("read")).expect("JSON");
        let login = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
        config["auths"][address] = json!({"auth": login});
        std::fs::write(path, config.to_string()).expect("write");
    }

    /// Runs crane to its end. It speaks plain http with loopback by itself.
    pub fn crane(&self, arguments: &[&str]) -> Output {
        self.run(Command::new(program("crane").unwrap_or_else(|reason| panic!("{reason}"))), arguments)
    }

    /// Runs oras to its end. `--plain-http` is yours to give; it is what oras assumes for `localhost` and for nothing else.
    pub fn oras(&self, arguments: &[&str]) -> Output {
        self.run(Command::new(program("oras").unwrap_or_else(|reason| panic!("{reason}"))), arguments)
    }

    /// Runs skopeo to its end. `--tls-verify=false` (of `copy`: `--src-…`, `--dest-…`) is yours to give.
    pub fn skopeo(&self, arguments: &[&str]) -> Output {
        self.run(skopeo().as_ref().unwrap_or_else(|reason| panic!("{reason}")).command(), arguments)
    }

    fn run(&self, mut command: Command, arguments: &[&str]) -> Output {
        let libraries = command.get_envs().find(|(name, _)| *name == "LD_LIBRARY_PATH");
        let libraries = libraries.and_then(|(_, value)| value).map(OsStr::to_owned);
        command.env_clear().envs(libraries.map(|value| ("LD_LIBRARY_PATH", value)));
        let nobody = self.home.path().join("nobody");
        command
            .args(arguments)
            .current_dir(self.home.path())
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", self.home.path())
            .env("XDG_RUNTIME_DIR", self.home.path())
            .env("DOCKER_CONFIG", self.docker_config())
            .env("REGISTRY_AUTH_FILE", self.docker_config().join("config.json"))
            .env("SSL_CERT_FILE", self.ca.as_ref().unwrap_or(&nobody))
            .env("SSL_CERT_DIR", &nobody)
            .stdin(Stdio::null());
        command.output().expect("a client")
    }
}
