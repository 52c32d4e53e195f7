//! A real OCI registry for one test: distribution's, the one most others are measured by.

mod token;
mod tools;

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::time::Instant;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use serde_json::{Value, json};
use tokio_rustls::TlsAcceptor;

pub use token::{Asked, TokenServer};
pub use tools::{Tools, lacking};

/// The user that a registry with a login knows.
pub const USER: &str = "robot";
/// Their password.
pub const PASSWORD: &str = "not-a-secret";
/// Both as htpasswd writes them: bcrypt, the only kind distribution takes, at its lowest cost.
const HTPASSWD: &str = "robot:$2a$04$tpGoRg6jfuuIz0NSV4XDV.JrIbLX.PH5PcLRdrD8H.C9DHEQEKdiy\n";

/// How clients prove who they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Login {
    /// Not at all.
    #[default]
    None,
    /// With [`USER`] and [`PASSWORD`] in every request.
    Basic,
    /// With a token, which a [`TokenServer`] gives: to pull to everybody, to push to [`USER`].
    Token,
}

/// How to start a registry: by default plain http, open to everybody, nothing can be deleted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Whether it speaks https, with an authority of its own.
    pub tls: bool,
    /// Who may do what.
    pub login: Login,
    /// Whether manifests and blobs can be deleted.
    pub delete: bool,
}

/// A running registry with clients that know it; it ends when dropped, and with the process that started it.
pub struct Registry {
    address: SocketAddr,
    options: Options,
    tokens: Option<TokenServer>,
    tools: Tools,
    process: Child,
    directory: tempfile::TempDir,
}

impl Registry {
    /// Starts one; it answers when this returns. Ask [`lacking`] for `registry` first.
    pub fn start(options: Options) -> Self {
        let directory = tempfile::tempdir().expect("directory");
        let path = directory.path();
        let tls = options.tls.then(|| certificates(path));
        let tokens = (options.login == Login::Token).then(|| TokenServer::start(tls));
        std::fs::create_dir(path.join("storage")).expect("directory");
        let config = path.join("config.yml");
        // JSON is YAML.
        std::fs::write(&config, config_of(options, path, tokens.as_ref()).to_string()).expect("write");
        let process = spawn(&path.join("log"), &config);
        let address = address(&path.join("log"));
        let ca = options.tls.then(|| path.join("ca.pem"));
        Self { address, options, tokens, tools: Tools::new(ca.as_deref()), process, directory }
    }

    /// `127.0.0.1:PORT`; with tokens `localhost:PORT`: crane wants a token server on loopback to have a name, and oras the registry's.
    pub fn address(&self) -> String {
        match self.tokens {
            Some(_) => format!("localhost:{}", self.address.port()),
            None => self.address.to_string(),
        }
    }

    /// `127.0.0.1:PORT/REPOSITORY:TAG`, as every client takes it.
    pub fn reference(&self, repository: &str, tag: &str) -> String {
        format!("{}/{repository}:{tag}", self.address())
    }

    /// `http://127.0.0.1:PORT` or the same with https.
    pub fn url(&self) -> String {
        format!("{}://{}", if self.options.tls { "https" } else { "http" }, self.address())
    }

    /// Where it keeps what it was given: the root of distribution's filesystem driver.
    pub fn storage(&self) -> PathBuf {
        self.directory.path().join("storage")
    }

    /// The file of a blob, for looking at it or for breaking it; `digest` is `sha256:…`.
    pub fn blob(&self, digest: &str) -> PathBuf {
        blob(&self.storage(), digest).expect("sha256:…")
    }

    /// The certificate of its authority, as a PEM file.
    pub fn ca(&self) -> PathBuf {
        assert!(self.options.tls, "a registry without tls has no authority");
        self.directory.path().join("ca.pem")
    }

    /// The server of its tokens.
    pub fn tokens(&self) -> &TokenServer {
        self.tokens.as_ref().expect("a registry with Login::Token")
    }

    /// What it has written about itself so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("log")).unwrap_or_default()
    }

    /// The clients, in a home of their own that trusts this registry's authority.
    pub fn tools(&self) -> &Tools {
        &self.tools
    }

    /// Tells the clients a password for this registry.
    pub fn log_in(&self, user: &str, password: &str) {
        self.tools.log_in(&self.address(), user, password);
    }

    /// Runs crane to its end.
    pub fn crane(&self, arguments: &[&str]) -> Output {
        self.tools.crane(arguments)
    }

    /// Runs oras to its end.
    pub fn oras(&self, arguments: &[&str]) -> Output {
        self.tools.oras(arguments)
    }

    /// Runs skopeo to its end.
    pub fn skopeo(&self, arguments: &[&str]) -> Output {
        self.tools.skopeo(arguments)
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        // The end of its input is what the process waits for; the storage goes after it has ended.
        drop(self.process.stdin.take());
        self.process.wait().ok();
    }
}

/// Where distribution's storage has a blob.
pub(crate) fn blob(storage: &Path, digest: &str) -> Option<PathBuf> {
    let hex =
        digest.strip_prefix("sha256:").filter(|hex| hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_hexdigit()))?;
    Some(storage.join("docker/registry/v2/blobs/sha256").join(&hex[..2]).join(hex).join("data"))
}

fn config_of(options: Options, path: &Path, tokens: Option<&TokenServer>) -> Value {
    let mut config = json!({
        "version": "0.1",
        "log": {"level": "info", "accesslog": {"disabled": true}},
        "storage": {
            "filesystem": {"rootdirectory": path.join("storage")},
            "delete": {"enabled": options.delete},
            "maintenance": {"uploadpurging": {"enabled": false}},
        },
        "http": {"addr": "127.0.0.1:0", "secret": "not-a-secret"},
    });
    if options.tls {
        config["http"]["tls"] = json!({"certificate": path.join("leaf.pem"), "key": path.join("leaf.key")});
    }
    match options.login {
        Login::None => {}
        Login::Basic => {
            let file = path.join("htpasswd");
            std::fs::write(&file, HTPASSWD).expect("write");
            config["auth"] = json!({"htpasswd": {"realm": "harness", "path": file}});
        }
        Login::Token => {
            let (file, tokens) = (path.join("jwks.json"), tokens.expect("a token server"));
            std::fs::write(&file, tokens.keys().to_string()).expect("write");
            config["auth"] = json!({"token": {
                "realm": tokens.realm(), "service": token::SERVICE, "issuer": token::ISSUER, "jwks": file,
            }});
        }
    }
    config
}

/// Starts the registry under a shell that kills it at the end of its input: that comes when the test drops it, and also when the test's
/// process ends in any other way.
fn spawn(log: &Path, config: &Path) -> Child {
    let program = tools::program("registry").unwrap_or_else(|reason| panic!("{reason}"));
    let script = "\"$@\" & read -r _; kill -KILL $!; wait";
    let log = File::create(log).expect("a log");
    Command::new("sh")
        .args(["-c", script, "sh"])
        .arg(program)
        .arg("serve")
        .arg(config)
        // Settings come from the file alone, and traces go nowhere.
        .env_clear()
        .env("OTEL_TRACES_EXPORTER", "none")
        .stdin(Stdio::piped())
        .stdout(log.try_clone().expect("a log"))
        .stderr(log)
        .spawn()
        .expect("sh")
}

/// Where it says it listens.
fn address(log: &Path) -> SocketAddr {
    let started = Instant::now();
    loop {
        let said = std::fs::read_to_string(log).unwrap_or_default();
        let rest = said.split_once("listening on ").map(|(_, rest)| rest);
        // The line may not be whole yet.
        let end = |rest: &&str| rest.contains('\n');
        if let Some(rest) = rest.filter(end) {
            let address: String = rest.chars().take_while(|c| c.is_ascii_digit() || ".:".contains(*c)).collect();
            return address.parse().unwrap_or_else(|_| panic!("the registry listens where? {said}"));
        }
        assert!(started.elapsed() < crate::PATIENCE && !said.contains("level=fatal"), "no registry: {said}");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

/// An authority, `ca.pem`, and what it vouches for: `leaf.pem` and `leaf.key`, this machine under its usual names. What comes back serves
/// with the latter.
pub(crate) fn certificates(path: &Path) -> TlsAcceptor {
    let mut authority = CertificateParams::new(Vec::new()).expect("parameters");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer_key = KeyPair::generate().expect("key");
    let ca = authority.self_signed(&issuer_key).expect("certificate");
    let issuer = Issuer::new(authority, issuer_key);
    let key = KeyPair::generate().expect("key");
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let leaf = CertificateParams::new(names).and_then(|leaf| leaf.signed_by(&key, &issuer)).expect("certificate");
    for (name, text) in [("ca.pem", ca.pem()), ("leaf.pem", leaf.pem()), ("leaf.key", key.serialize_pem())] {
        std::fs::write(path.join(name), text).expect("write");
    }
    let key = rustls::pki_types::PrivateKeyDer::Pkcs8(key.serialize_der().into());
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], key)
        .expect("identity");
    TlsAcceptor::from(Arc::new(config))
}
