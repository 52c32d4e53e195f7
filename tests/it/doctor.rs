//! `mcp-git doctor`: what is there, what is missing, and the remedy, without a connection and without a secret.

use std::{
    io::ErrorKind,
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use harness::{
    Start,
    git_http::Setup,
    sshd::{Agent, Sshd, key, public},
};

const CANARY: &str = "canary-t0ken-91be";

/// An environment in which nothing is missing.
struct Clinic {
    directory: tempfile::TempDir,
    key: PathBuf,
    _agent: Agent,
    proxy: TcpListener,
    environment: Vec<(&'static str, String)>,
}

impl Clinic {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        for name in ["ws", "home"] {
            std::fs::create_dir(path(name)).unwrap();
        }
        let file = |name: &str, content: &str| {
            std::fs::write(path(name), content).unwrap();
            path(name).to_str().unwrap().to_owned()
        };
        let key = key(directory.path(), "id", "ed25519", "");
        let agent = Agent::with(&[&key]);
        let sshd = Sshd::start(&[public(&key)]);
        let web = Setup::new(directory.path()).tls().start();
        let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
        proxy.set_nonblocking(true).unwrap();
        let environment = vec![
            ("WORKSPACE", path("ws").to_str().unwrap().to_owned()),
            ("HOME", path("home").to_str().unwrap().to_owned()),
            ("GIT_TOKEN_FILE", file("token", &format!("{CANARY}\n"))),
            ("GIT_TOKEN_HOSTS", "git.example".to_owned()),
            ("GITHUB_TOKEN", format!("{CANARY}-hub")),
            ("GIT_SSH_KEY_FILE", key.to_str().unwrap().to_owned()),
            ("SSH_AUTH_SOCK", agent.socket().to_str().unwrap().to_owned()),
            ("GIT_SSH_KNOWN_HOSTS_FILE", file("known_hosts", &sshd.known_hosts("ed25519"))),
            ("HTTPS_PROXY", format!("http://me:{CANARY}@{}", proxy.local_addr().unwrap())),
            ("SSL_CERT_FILE", file("ca.pem", web.certificate())),
            ("GIT_AUTHOR_NAME", "Ada".to_owned()),
            ("GIT_AUTHOR_EMAIL", "ada@example.com".to_owned()),
        ];
        Self { directory, key, _agent: agent, proxy, environment }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// What the doctor says when these variables are others (an empty one counts as unset): exit code and text.
    async fn asked(&self, changed: &[(&str, &str)]) -> (i32, String) {
        let start = Start::new(harness::start::mcp_git()).arg("doctor");
        let start = self.environment.iter().fold(start, |start, (name, value)| {
            let changed = changed.iter().find(|(changed, _)| changed == name).map(|(_, value)| *value);
            start.env(name, changed.unwrap_or(value))
        });
        let new = changed.iter().filter(|(name, _)| !self.environment.iter().any(|(known, _)| known == name));
        let output = new.fold(start, |start, (name, value)| start.env(name, *value)).output().await;
        let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8_lossy(&output.stderr);
        assert!(!text.contains(CANARY), "{text}");
        let text_of_key = std::fs::read_to_string(&self.key).unwrap();
        assert!(text_of_key.lines().all(|line| !text.contains(line)), "{text}");
        (output.status.code().expect("an exit"), text)
    }

    #[track_caller]
    fn says(&self, changed: &[(&str, &str)], mark: &str, name: &str, words: &[&str]) -> impl Future<Output = ()> {
        let at = std::panic::Location::caller();
        async move {
            let (code, text) = self.asked(changed).await;
            assert_eq!(code, i32::from(mark == "missing"), "{at}: {text}");
            let line = text.lines().find(|line| line.starts_with(mark) && line[9..].starts_with(name));
            let line = line.unwrap_or_else(|| panic!("{at}: no {mark} {name} in {text}"));
            for word in words {
                assert!(line.contains(word), "{at}: {word:?} is not in {line}");
            }
        }
    }
}

fn restrict(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[tokio::test]
async fn where_nothing_is_missing_everything_is_said_and_nothing_is_contacted() {
    let clinic = Clinic::new();
    let (code, text) = clinic.asked(&[]).await;
    assert_eq!(code, 0, "{text}");
    for name in
        ["workspace", "committer", "protocols", "token", "ssh key", "ssh agent", "known hosts", "proxy", "certificates"]
    {
        assert!(text.lines().any(|line| line.starts_with("ok") && line[9..].starts_with(name)), "{name}: {text}");
    }
    // The kernel may not have what confining needs; everything else is fine.
    let rest: Vec<&str> = text.lines().skip(1).filter(|line| !line.contains("confine")).collect();
    assert!(rest.iter().all(|line| line.starts_with("ok")), "{text}");
    let said = ["Ada <ada@example.com>", "given to git.example", "github.com", "ssh-ed25519", "1 in ", "and 1 of "];
    for words in said {
        assert!(text.contains(words), "{words:?} is not in {text}");
    }
    assert_eq!(clinic.proxy.accept().map(|_| ()).map_err(|error| error.kind()), Err(ErrorKind::WouldBlock));
}

#[tokio::test]
async fn what_is_set_and_cannot_be_used_fails() {
    let clinic = Clinic::new();
    let nowhere = clinic.path("nowhere");
    let nowhere = nowhere.to_str().unwrap();
    clinic.says(&[("WORKSPACE", nowhere)], "missing", "workspace", &["set WORKSPACE"]).await;
    clinic.says(&[("GIT_TOKEN_FILE", nowhere)], "missing", "token", &["names a readable file"]).await;
    clinic.says(&[("GIT_TOKEN_HOSTS", "https://git.example")], "missing", "token", &["host:port"]).await;
    clinic.says(&[("GIT_ALLOW_PROTOCOLS", "https:")], "missing", "protocols", &["file, http and git"]).await;
    clinic.says(&[("GIT_TIMEOUT", "soon")], "missing", "protocols", &["such as 120"]).await;
    clinic.says(&[("GIT_SSH_KEY_FILE", nowhere)], "missing", "ssh key", &["names a readable file"]).await;
    let token = clinic.path("token");
    clinic.says(&[("GIT_SSH_KEY_FILE", token.to_str().unwrap())], "missing", "ssh key", &["private half"]).await;
    let public = clinic.path("id.pub");
    clinic.says(&[("GIT_SSH_KEY_FILE", public.to_str().unwrap())], "missing", "ssh key", &["private half"]).await;
    let rsa = key(&clinic.path(""), "rsa", "rsa", "");
    clinic.says(&[("GIT_SSH_KEY_FILE", rsa.to_str().unwrap())], "missing", "ssh key", &["ed25519 or ecdsa"]).await;
    let locked = key(&clinic.path(""), "locked", "ed25519", CANARY);
    let locked = ("GIT_SSH_KEY_FILE", locked.to_str().unwrap());
    clinic.says(&[locked], "missing", "ssh key", &["GIT_SSH_KEY_PASSPHRASE_FILE"]).await;
    let wrong = clinic.path("ca.pem");
    let wrong = ("GIT_SSH_KEY_PASSPHRASE_FILE", wrong.to_str().unwrap());
    clinic.says(&[locked, wrong], "missing", "ssh key", &["check GIT_SSH_KEY_PASSPHRASE_FILE"]).await;
    clinic.says(&[locked, ("GIT_SSH_KEY_PASSPHRASE_FILE", token.to_str().unwrap())], "ok", "ssh key", &[]).await;
    clinic.says(&[("SSH_AUTH_SOCK", nowhere)], "missing", "ssh agent", &["start ssh-agent", "unset"]).await;
    clinic.says(&[("GIT_SSH_KNOWN_HOSTS_FILE", nowhere)], "missing", "known hosts", &["readable"]).await;
    clinic.says(&[("HTTPS_PROXY", "socks5://h:1")], "missing", "proxy", &["http://host:port"]).await;
    clinic.says(&[("SSL_CERT_FILE", token.to_str().unwrap())], "missing", "certificates", &["PEM"]).await;
    clinic.says(&[("GIT_AUTHOR_NAME", "a <b>")], "missing", "committer", &["without <, >"]).await;
}

#[tokio::test]
async fn what_is_not_set_limits() {
    let clinic = Clinic::new();
    clinic.says(&[("GIT_TOKEN_HOSTS", "")], "limited", "token", &["any https host", "set GIT_TOKEN_HOSTS"]).await;
    clinic.says(&[("GIT_TOKEN_FILE", ""), ("GITHUB_TOKEN", "")], "limited", "token", &["set GIT_TOKEN"]).await;
    clinic.says(&[("GIT_SSH_KEY_FILE", "")], "ok", "ssh key", &["the agent's"]).await;
    let neither = [("GIT_SSH_KEY_FILE", ""), ("SSH_AUTH_SOCK", "")];
    clinic.says(&neither, "limited", "ssh key", &["set GIT_SSH_KEY_FILE"]).await;
    let nobody = clinic.path("id.pub");
    let nobody = ("GIT_SSH_KNOWN_HOSTS_FILE", nobody.to_str().unwrap());
    clinic.says(&[nobody], "limited", "known hosts", &["unknown and refused"]).await;
    let unnamed = [("GIT_AUTHOR_NAME", ""), ("GIT_AUTHOR_EMAIL", "")];
    clinic.says(&unnamed, "limited", "committer", &["mcp-git@localhost", "set GIT_AUTHOR_NAME"]).await;
    std::fs::write(clinic.path("home/.gitconfig"), "[user]\n\tname = Con Fig\n\temail = con@fig\n").unwrap();
    clinic.says(&unnamed, "ok", "committer", &["Con Fig <con@fig>"]).await;
    restrict(&clinic.key, 0o644);
    clinic.says(&[], "limited", "ssh key", &["mode 0644", "chmod 600"]).await;
}
