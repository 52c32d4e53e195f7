//! ssh against OpenSSH.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use mcp_git::remote::Lease;
use shared::{Code, ToolError};

use crate::network::{Client, was_learnt};
use harness::repository::{advance, bare, commit, git, hook, noise, tip};
use harness::sshd::{Agent, Sshd, key, public};

/// A server, a repository, a key that it lets in, and a place for known hosts.
struct Scene {
    root: tempfile::TempDir,
    remote: PathBuf,
    key: PathBuf,
    server: Sshd,
}

impl Scene {
    fn new(commits: usize) -> Self {
        Self::named("r.git", commits)
    }

    fn named(name: &str, commits: usize) -> Self {
        let root = tempfile::tempdir().expect("directory");
        let remote = bare(root.path(), name, commits);
        let key = key(root.path(), "id", "ed25519", "");
        let server = Sshd::start(&[public(&key)]);
        let scene = Self { root, remote, key, server };
        scene.knows(&scene.server.known_hosts("ed25519"));
        scene
    }

    fn known_hosts(&self) -> PathBuf {
        self.root.path().join("known_hosts")
    }

    fn knows(&self, text: &str) {
        std::fs::write(self.known_hosts(), text).expect("write");
    }

    fn client_with(&self, more: &[(&str, &Path)]) -> Client {
        let known = self.known_hosts();
        let mut pairs = vec![("GIT_SSH_KNOWN_HOSTS_FILE", known.to_str().expect("text"))];
        pairs.extend(more.iter().map(|(name, path)| (*name, path.to_str().expect("text"))));
        Client::new(&pairs)
    }

    fn client(&self) -> Client {
        self.client_with(&[("GIT_SSH_KEY_FILE", &self.key)])
    }

    fn url(&self) -> String {
        self.server.url(&self.remote)
    }

    fn clone(&self, client: &Client) -> Result<git2::Repository, ToolError> {
        client.clone_to(&self.url(), &self.root.path().join("clone"), None)
    }

    fn refused(&self, client: &Client) -> ToolError {
        let error = self.clone(client).err().expect("refused");
        assert!(!self.root.path().join("clone").exists());
        error
    }
}

#[test]
fn clone_fetch_and_push() {
    let scene = Scene::new(3);
    let client = scene.client();
    let repository = scene.clone(&client).expect("clone");
    let to = scene.root.path().join("clone");
    assert_eq!(tip(&to, "HEAD"), tip(&scene.remote, "main"));
    git(&to, &["fsck", "--strict"]);
    let theirs = advance(&scene.remote, "x");
    client.fetch(&repository, None).expect("fetch");
    assert_eq!(tip(&to, "origin/main"), theirs);
    git(&to, &["reset", "--quiet", "--hard", "origin/main"]);
    for (name, content) in [("small", noise(10, 1)), ("large", noise(5 << 20, 2))] {
        let made = commit(&repository, name, &content);
        client.push(&repository, "refs/heads/main:refs/heads/main", vec![]).expect(name);
        assert_eq!(tip(&scene.remote, "main"), made.to_string());
    }
    git(&scene.remote, &["fsck", "--strict"]);
    // And back, so that much data also comes this way.
    let again = client.clone_to(&scene.url(), &scene.root.path().join("again"), None).expect("clone");
    assert_eq!(again.head().expect("head").target(), repository.head().expect("head").target());
}

#[test]
fn shallow_clone_and_deepening_fetch() {
    let scene = Scene::new(5);
    let to = scene.root.path().join("clone");
    let repository = scene.client().clone_to(&scene.url(), &to, Some(1)).expect("clone");
    assert_eq!(git(&to, &["rev-list", "--count", "HEAD"]), "1");
    scene.client().fetch(&repository, Some(3)).expect("deepen");
    assert_eq!(git(&to, &["rev-list", "--count", "HEAD"]), "3");
}

#[test]
fn names_that_a_shell_would_take_apart() {
    for name in ["it's.git", "a!b.git", "$(touch${IFS}x).git", "a;b&c.git", "\\q\"q.git"] {
        let scene = Scene::named(name, 1);
        scene.clone(&scene.client()).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

#[test]
fn a_hashed_known_host() {
    let scene = Scene::new(1);
    scene.knows(&scene.server.hashed_known_hosts("ed25519"));
    scene.clone(&scene.client()).expect("clone");
}

#[test]
fn the_known_algorithm_is_the_one_asked_for() {
    let scene = Scene::new(1);
    // The server prefers ed25519; only its ecdsa key is known.
    scene.knows(&scene.server.known_hosts("ecdsa"));
    scene.clone(&scene.client()).expect("clone");
}

#[test]
fn an_unknown_host_is_refused() {
    let scene = Scene::new(1);
    scene.knows("# nothing here\n");
    let error = scene.refused(&scene.client());
    assert_eq!(error.code(), Code::Forbidden);
    assert!(error.message().contains("unknown"), "{error}");
    assert!(error.message().contains(&scene.server.fingerprint("ed25519")), "{error}");
    assert!(error.next_step().is_some_and(|hint| hint.contains("GIT_SSH_KNOWN_HOSTS_FILE")), "{error}");
    let nowhere = scene.client_with(&[
        ("GIT_SSH_KEY_FILE", &scene.key),
        ("GIT_SSH_KNOWN_HOSTS_FILE", Path::new("/nonexistent/known")),
    ]);
    assert_eq!(scene.refused(&nowhere).code(), Code::Unavailable);
}

#[test]
fn a_changed_host_key_is_refused_with_other_words() {
    let scene = Scene::new(1);
    let other = Sshd::start(&[]);
    let line =
        other.known_hosts("ed25519").replace(&format!(":{} ", other.port()), &format!(":{} ", scene.server.port()));
    scene.knows(&line);
    let error = scene.refused(&scene.client());
    assert_eq!(error.code(), Code::Forbidden);
    assert!(error.message().contains("has changed"), "{error}");
    assert!(
        error.message().contains(&scene.server.fingerprint("ed25519"))
            && error.message().contains(&other.fingerprint("ed25519"))
    );
    scene.knows(&format!("{}\n@revoked * {}", scene.server.known_hosts("ed25519"), {
        let line = scene.server.known_hosts("ed25519");
        line.split_once(' ').expect("a host and a key").1.to_owned()
    }));
    assert!(scene.refused(&scene.client()).message().contains("revoked"));
}

#[test]
fn an_agent_signs() {
    let scene = Scene::new(1);
    let stranger = key(scene.root.path(), "stranger", "ecdsa", "");
    let agent = Agent::with(&[&stranger, &scene.key]);
    scene.clone(&scene.client_with(&[("SSH_AUTH_SOCK", agent.socket())])).expect("clone");
}

#[test]
fn an_agent_signs_with_rsa_too() {
    let scene = Scene::new(1);
    let rsa = key(scene.root.path(), "rsa", "rsa", "");
    let server = Sshd::start(&[public(&rsa)]);
    scene.knows(&server.known_hosts("ed25519"));
    let agent = Agent::with(&[&rsa]);
    let client = scene.client_with(&[("SSH_AUTH_SOCK", agent.socket())]);
    client.clone_to(&server.url(&scene.remote), &scene.root.path().join("clone"), None).expect("clone");
    // As a file it is refused in words, not tried.
    let error = scene.client_with(&[("GIT_SSH_KEY_FILE", &rsa)]).clone_to(
        &server.url(&scene.remote),
        &scene.root.path().join("b"),
        None,
    );
    let error = error.err().expect("refused");
    assert_eq!(error.code(), Code::Unauthenticated);
    assert!(error.message().contains("RSA"), "{error}");
}

#[test]
fn an_encrypted_key_needs_its_passphrase() {
    let scene = Scene::new(1);
    let locked = key(scene.root.path(), "locked", "ed25519", "canary-passphrase");
    let server = Sshd::start(&[public(&locked)]);
    scene.knows(&server.known_hosts("ed25519"));
    let passphrase = scene.root.path().join("passphrase");
    let try_with = |content: Option<&str>| {
        let mut more = vec![("GIT_SSH_KEY_FILE", locked.as_path())];
        if let Some(content) = content {
            std::fs::write(&passphrase, content).expect("write");
            more.push(("GIT_SSH_KEY_PASSPHRASE_FILE", passphrase.as_path()));
        }
        scene
            .client_with(&more)
            .clone_to(&server.url(&scene.remote), &scene.root.path().join("clone"), None)
            .map(|_| ())
    };
    let error = try_with(None).expect_err("locked");
    assert!(error.message().contains("encrypted"), "{error}");
    let error = try_with(Some("canary-wrong\n")).expect_err("wrong");
    assert_eq!(error.code(), Code::Unauthenticated);
    assert!(!format!("{error:?}").contains("canary-"), "{error:?}");
    try_with(Some("canary-passphrase\n")).expect("clone");
    assert!(was_learnt("canary-passphrase"));
    let text = std::fs::read_to_string(&locked).expect("key");
    assert!(was_learnt(text.trim()));
}

#[test]
fn keys_that_are_refused_and_no_keys_at_all() {
    let scene = Scene::new(1);
    let stranger = key(scene.root.path(), "stranger", "ed25519", "");
    let agent = Agent::with(&[&stranger]);
    let error =
        scene.refused(&scene.client_with(&[("GIT_SSH_KEY_FILE", &stranger), ("SSH_AUTH_SOCK", agent.socket())]));
    assert_eq!(error.code(), Code::Unauthenticated);
    assert!(error.message().contains("GIT_SSH_KEY_FILE") && error.message().contains("ssh-agent"), "{error}");
    let error = scene.refused(&scene.client_with(&[]));
    assert_eq!(error.code(), Code::Unauthenticated);
    assert!(error.message().contains("none are set"), "{error}");
    let error = scene.refused(&scene.client_with(&[("SSH_AUTH_SOCK", Path::new("/nonexistent/agent"))]));
    assert!(error.message().contains("cannot be reached"), "{error}");
    let error = scene.refused(&scene.client_with(&[("GIT_SSH_KEY_FILE", &scene.known_hosts())]));
    assert!(error.message().contains("not a private key"), "{error}");
}

#[test]
fn a_repository_that_is_not_there() {
    let scene = Scene::new(1);
    let url = scene.server.url(&scene.root.path().join("missing.git"));
    let error = scene.client().clone_to(&url, &scene.root.path().join("clone"), None).err().expect("missing");
    assert_eq!(error.code(), Code::NotFound, "{error}");
    assert!(error.said().is_some_and(|said| said.contains("does not appear to be a git repository")), "{error:?}");
}

#[test]
fn a_hook_of_the_remote_has_the_last_word() {
    let scene = Scene::new(1);
    hook(&scene.remote, "pre-receive", "echo 'no pushes on a Friday' >&2; exit 1");
    let repository = scene.clone(&scene.client()).expect("clone");
    let before = tip(&scene.remote, "main");
    commit(&repository, "new", b"x");
    let error = scene.client().push(&repository, "refs/heads/main:refs/heads/main", vec![]).expect_err("refused");
    assert_eq!(error.code(), Code::Forbidden);
    let said = error.said().expect("words");
    assert!(said.contains("no pushes on a Friday") && said.contains("pre-receive hook declined"), "{said}");
    assert_eq!(tip(&scene.remote, "main"), before);
}

#[test]
fn conflicts_and_leases() {
    let scene = Scene::new(2);
    let repository = scene.clone(&scene.client()).expect("clone");
    let seen = repository.refname_to_id("refs/remotes/origin/main").expect("tracked");
    let theirs = advance(&scene.remote, "theirs");
    let ours = commit(&repository, "ours", b"x");
    let error = scene.client().push(&repository, "refs/heads/main:refs/heads/main", vec![]).expect_err("behind");
    assert_eq!(error.code(), Code::Conflict);
    let forced = |expected| {
        let lease = Lease { reference: "refs/heads/main".to_owned(), expected: Some(expected) };
        scene.client().push(&repository, "+refs/heads/main:refs/heads/main", vec![lease])
    };
    assert_eq!(forced(seen).expect_err("moved").code(), Code::Conflict);
    assert_eq!(tip(&scene.remote, "main"), theirs);
    forced(git2::Oid::from_str(&theirs).expect("oid")).expect("as expected");
    assert_eq!(tip(&scene.remote, "main"), ours.to_string());
}

#[test]
fn silence_and_cancellation() {
    let scene = Scene::new(1);
    // One server accepts and greets and then says nothing, the other runs a command that never answers.
    let mute = std::net::TcpListener::bind("127.0.0.1:0").expect("port");
    let mute_port = mute.local_addr().expect("address").port();
    let (ended, endings) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        use std::io::{Read as _, Write as _};
        while let Ok((mut stream, _)) = mute.accept() {
            stream.write_all(b"SSH-2.0-mute\r\n").ok();
            let mut all = Vec::new();
            stream.read_to_end(&mut all).ok();
            ended.send(all.len()).ok();
        }
    });
    let hanging = Sshd::start(&[format!("command=\"exec sleep 20\" {}", public(&scene.key))]);
    scene.knows(&hanging.known_hosts("ed25519"));
    let urls = [format!("ssh://git@127.0.0.1:{mute_port}/r.git"), hanging.url(&scene.remote)];
    for url in urls {
        let wait = Duration::from_millis(800);
        let timed = |client: Client, code| {
            let start = Instant::now();
            let error = client.clone_to(&url, &scene.root.path().join("clone"), None).err().expect("stopped");
            assert_eq!(error.code(), code, "{url}: {error}");
            assert!(start.elapsed() < wait + Duration::from_secs(6), "{url}: {:?}", start.elapsed());
        };
        let mut client = scene.client();
        client.limits.idle = wait;
        timed(client, Code::Timeout);
        let mut client = scene.client();
        client.limits.overall = wait;
        timed(client, Code::Timeout);
        let client = scene.client();
        let cancel = client.cancel.clone();
        std::thread::spawn(move || {
            std::thread::sleep(wait);
            cancel.cancel();
        });
        timed(client, Code::Cancelled);
    }
    // Each abandoned connection is closed, not left to the peer.
    for _ in 0..3 {
        endings.recv_timeout(Duration::from_secs(10)).expect("a connection was left open");
    }
}

#[test]
fn what_is_not_ssh() {
    let scene = Scene::new(1);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("port");
    let port = listener.local_addr().expect("address").port();
    std::thread::spawn(move || {
        use std::io::Write as _;
        while let Ok((mut stream, _)) = listener.accept() {
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").ok();
        }
    });
    let error =
        scene.client().clone_to(&format!("ssh://git@127.0.0.1:{port}/r.git"), &scene.root.path().join("clone"), None);
    assert_eq!(error.err().expect("refused").code(), Code::Unavailable);
}
