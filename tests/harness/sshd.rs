//! A real OpenSSH server for one test.
//!
//! Each connection gets an `sshd -i` of its own with the socket as its standard input, as inetd does it: no port to guess, and
//! nothing left running when the test ends. The server is the system's; where there is none, Debian's package is unpacked into the
//! build directory without being installed. Running as root, sshd wants a user and a directory for its unprivileged half; when the
//! system lacks them, they exist in a mount namespace of that process alone.

use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::debian::{self, Program};

fn binary() -> &'static Program {
    static BINARY: OnceLock<Program> = OnceLock::new();
    BINARY.get_or_init(|| {
        let system = Path::new("/usr/sbin/sshd");
        if system.exists() {
            return Program { path: system.to_owned(), libraries: None };
        }
        debian::program("usr/sbin/sshd", &["openssh-server", "libwrap0"]).unwrap_or_else(|reason| panic!("{reason}"))
    })
}

/// The name of the user that runs the tests; the one sshd lets in.
pub fn user() -> String {
    let output = Command::new("id").arg("-un").output().expect("id");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// A key pair of `kind` (`ed25519`, `ecdsa`, `rsa`) at `directory/name` and `name.pub`.
pub fn key(directory: &Path, name: &str, kind: &str, passphrase: &str) -> PathBuf {
    let path = directory.join(name);
    let output = Command::new("ssh-keygen")
        .args(["-q", "-t", kind, "-N", passphrase, "-C", "test", "-f", path.to_str().expect("text")])
        .output()
        .expect("ssh-keygen");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    path
}

/// The public half of a key.
pub fn public(key: &Path) -> String {
    std::fs::read_to_string(key.with_extension("pub")).expect("public key").trim().to_owned()
}

/// A running server; it and its connections end when dropped.
pub struct Sshd {
    directory: tempfile::TempDir,
    address: SocketAddr,
    accepting: JoinHandle<()>,
}

impl Sshd {
    /// A server with an ed25519 and an ecdsa host key that lets in the `authorized` public keys (lines of `authorized_keys`).
    pub fn start(authorized: &[String]) -> Self {
        Self::with_host_keys(authorized, &["ed25519", "ecdsa"])
    }

    /// The same with host keys of these kinds.
    pub fn with_host_keys(authorized: &[String], kinds: &[&str]) -> Self {
        let directory = tempfile::tempdir().expect("directory");
        let path = directory.path();
        std::fs::write(path.join("authorized_keys"), authorized.join("\n") + "\n").expect("write");
        let mut config = format!(
            "AuthorizedKeysFile {}/authorized_keys\nStrictModes no\nUsePAM no\nPasswordAuthentication no\n\
             KbdInteractiveAuthentication no\nPermitRootLogin prohibit-password\nPrintMotd no\nLogLevel ERROR\n",
            path.display()
        );
        for kind in kinds {
            let host_key = key(path, &format!("host_{kind}"), kind, "");
            config.push_str(&format!("HostKey {}\n", host_key.display()));
        }
        std::fs::write(path.join("sshd_config"), config).expect("write");
        let launch = Launch::new(path);
        let (listener, address) = super::listen();
        let accepting = super::runtime().spawn(async move {
            let listener = TcpListener::from_std(listener).expect("a listener");
            while let Ok((stream, _)) = listener.accept().await {
                let stream = stream.into_std().expect("socket");
                stream.set_nonblocking(false).expect("socket");
                launch.connection(stream.into());
            }
        });
        Self { directory, address, accepting }
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The address of a path, for the user that runs the tests.
    pub fn url(&self, path: &Path) -> String {
        format!("ssh://{}@127.0.0.1:{}{}", user(), self.port(), path.display())
    }

    /// The `known_hosts` line of one of the host keys.
    pub fn known_hosts(&self, kind: &str) -> String {
        let key = public(&self.directory.path().join(format!("host_{kind}")));
        format!("[127.0.0.1]:{} {key}", self.port())
    }

    /// The same with a hashed host name.
    pub fn hashed_known_hosts(&self, kind: &str) -> String {
        let path = self.directory.path().join("hashed");
        std::fs::write(&path, self.known_hosts(kind) + "\n").expect("write");
        let output =
            Command::new("ssh-keygen").args(["-H", "-f", path.to_str().expect("text")]).output().expect("ssh-keygen");
        assert!(output.status.success());
        let text = std::fs::read_to_string(&path).expect("read");
        assert!(text.starts_with("|1|"), "{text}");
        text
    }

    /// `SHA256:…` of one of the host keys, as ssh-keygen prints it.
    pub fn fingerprint(&self, kind: &str) -> String {
        let path = self.directory.path().join(format!("host_{kind}.pub"));
        let output =
            Command::new("ssh-keygen").args(["-l", "-f", path.to_str().expect("text")]).output().expect("ssh-keygen");
        String::from_utf8_lossy(&output.stdout).split(' ').nth(1).expect("a fingerprint").to_owned()
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// How a connection's process is started.
struct Launch {
    directory: PathBuf,
    namespace: bool,
}

impl Launch {
    fn new(directory: &Path) -> Self {
        let passwd = std::fs::read_to_string("/etc/passwd").expect("passwd");
        let namespace = user() == "root"
            && (!passwd.lines().any(|line| line.starts_with("sshd:")) || !Path::new("/run/sshd").exists());
        if namespace {
            let line = "sshd:x:65533:65534::/run/sshd:/usr/sbin/nologin\n";
            std::fs::write(directory.join("passwd"), passwd + line).expect("write");
        }
        Self { directory: directory.to_owned(), namespace }
    }

    fn connection(&self, socket: OwnedFd) {
        let binary = binary();
        let config = self.directory.join("sshd_config");
        let mut command = if self.namespace {
            // `/run` of the namespace is empty but for the directory sshd wants.
            let script = "mount --bind \"$1\" /etc/passwd && mount -t tmpfs none /run && mkdir -m 755 /run/sshd && shift && exec \"$@\"";
            let mut command = Command::new("unshare");
            command
                .args(["--mount", "--propagation", "private", "sh", "-c", script, "sh"])
                .arg(self.directory.join("passwd"))
                .arg(&binary.path);
            command
        } else {
            Command::new(&binary.path)
        };
        command.args(["-i", "-e", "-f"]).arg(config);
        if let Some(libraries) = &binary.libraries {
            command.env("LD_LIBRARY_PATH", libraries);
        }
        let log = std::fs::File::options().create(true).append(true).open(self.directory.join("log"));
        let log = log.map_or_else(|_| Stdio::null(), Into::into);
        let output = socket.try_clone().expect("socket");
        command.stdin(socket).stdout(output).stderr(log);
        let mut child = command.spawn().expect("sshd");
        // It ends with its connection; somebody has to collect it.
        std::thread::spawn(move || child.wait());
    }
}

/// An agent with some keys; it ends when dropped.
pub struct Agent {
    socket: PathBuf,
    process: Child,
    _directory: tempfile::TempDir,
}

impl Agent {
    /// An agent that holds `keys`.
    pub fn with(keys: &[&Path]) -> Self {
        let directory = tempfile::tempdir().expect("directory");
        let socket = directory.path().join("agent");
        let process = Command::new("ssh-agent")
            .args(["-D", "-a", socket.to_str().expect("text")])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("ssh-agent");
        let agent = Self { socket, process, _directory: directory };
        // The socket is there a moment before anybody listens on it.
        let answers = || std::os::unix::net::UnixStream::connect(&agent.socket).is_ok();
        let answered = (0..500).any(|_| {
            answers() || {
                std::thread::sleep(std::time::Duration::from_millis(10));
                false
            }
        });
        assert!(answered, "ssh-agent does not listen on {}", agent.socket.display());
        for key in keys {
            let output = Command::new("ssh-add")
                .arg("-q")
                .arg(key)
                .env("SSH_AUTH_SOCK", &agent.socket)
                .output()
                .expect("ssh-add");
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
        agent
    }

    /// What SSH_AUTH_SOCK is to be.
    pub fn socket(&self) -> &Path {
        &self.socket
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}
