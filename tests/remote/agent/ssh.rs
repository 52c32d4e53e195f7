//! The remote tools over ssh.

use std::path::{Path, PathBuf};

use harness::repository::{git, hook, tip};
use harness::sshd::{Agent as SshAgent, Sshd, key, public};
use serde_json::json;

use super::desk::{Agent, Desk, Snapshot, names, nothing_secret_below, tidy};

/// A desk, a remote, a key that the ssh server lets in, and its host in a file of known ones.
struct Scene {
    desk: Desk,
    remote: PathBuf,
    key: PathBuf,
    sshd: Sshd,
}

impl Scene {
    fn new() -> Self {
        let desk = Desk::new();
        let remote = desk.remote("r.git", 2);
        let key = key(&desk.path(""), "id", "ed25519", "");
        let sshd = Sshd::start(&[public(&key)]);
        let scene = Self { desk, remote, key, sshd };
        scene.knows(&scene.sshd.known_hosts("ed25519"));
        scene
    }

    fn knows(&self, line: &str) {
        std::fs::write(self.desk.path("known_hosts"), format!("{line}\n")).expect("a file");
    }

    fn url(&self) -> String {
        self.sshd.url(&self.remote)
    }

    async fn agent(&self, more: &[(&str, &Path)]) -> Agent {
        let known = self.desk.path("known_hosts");
        let mut environment = vec![("GIT_SSH_KNOWN_HOSTS_FILE", known.to_str().expect("text"))];
        environment.extend(more.iter().map(|(name, path)| (*name, path.to_str().expect("text"))));
        self.desk.strict_agent(&environment).await
    }

    async fn with_key(&self) -> Agent {
        self.agent(&[("GIT_SSH_KEY_FILE", &self.key)]).await
    }
}

#[tokio::test]
async fn clone_push_pull_and_both() {
    let scene = Scene::new();
    let (desk, remote) = (&scene.desk, &scene.remote);
    let mut agent = scene.with_key().await;
    agent.fine("git_clone", json!({"url": scene.url()})).await;
    let to = desk.ws().join("r");
    assert_eq!(tip(&to, "HEAD"), tip(remote, "main"));
    agent.fine("git_clone", json!({"url": scene.url(), "dir": "deep/shallow", "depth": 1})).await;
    assert_eq!(git(&desk.ws().join("deep/shallow"), &["rev-list", "--count", "HEAD"]), "1");

    let ours = desk.commit(&to, &[("ours", "o\n")], "ours");
    let done = agent.fine("git_push", json!({"cwd": "r"})).await;
    assert_eq!((done["commits"].as_u64(), tip(remote, "main")), (Some(1), ours));
    git(&to, &["switch", "--quiet", "-c", "topic"]);
    let done = agent.fine("git_push", json!({"cwd": "r", "set_upstream": true})).await;
    assert!(done["upstream_set"] == true && done.get("before").is_none(), "{done}");
    git(&to, &["switch", "--quiet", "main"]);

    let theirs = desk.theirs(remote, "main", &[("theirs", "t\n")], "theirs");
    let done = agent.fine("git_pull", json!({"cwd": "r"})).await;
    assert_eq!((done["how"].as_str(), done["after"].as_str()), (Some("fast_forward"), Some(&*theirs)), "{done}");
    let done = agent.fine("git_clone_or_pull", json!({"url": scene.url()})).await;
    assert_eq!(done["pulled"]["how"], "up_to_date", "{done}");
    tidy(&to);

    desk.theirs(remote, "main", &[("file", "theirs\n")], "theirs");
    desk.commit(&to, &[("file", "ours\n")], "ours");
    let before = Snapshot::of(&to);
    agent.refused("git_push", json!({"cwd": "r"}), "conflict", &["pull first"]).await;
    for strategy in ["merge", "rebase"] {
        let arguments = json!({"cwd": "r", "strategy": strategy});
        agent.refused("git_pull", arguments, "conflict", &["file", "nothing was changed"]).await;
    }
    assert_eq!(Snapshot::of(&to), before);
    git(&to, &["reset", "--quiet", "--hard", "origin/main"]);
    hook(remote, "update", "echo 'this branch is protected' >&2; exit 1");
    desk.commit(&to, &[("more", "m\n")], "more");
    let words = ["this branch is protected", "hook declined"];
    agent.refused("git_push", json!({"cwd": "r"}), "forbidden", &words).await;
    agent.refused("git_clone", json!({"url": scene.sshd.url(Path::new("/no/such.git"))}), "not_found", &[]).await;
    agent.done().await;
    // Nothing of the key's own text came here.
    let text = std::fs::read_to_string(&scene.key).expect("the key");
    let line = text.lines().nth(1).expect("a line of the key");
    for name in names(&to.join(".git")) {
        let content = std::fs::read(to.join(".git").join(name)).unwrap_or_default();
        assert!(!String::from_utf8_lossy(&content).contains(line));
    }
    nothing_secret_below(&desk.ws());
}

#[tokio::test]
async fn hosts_that_are_not_known_or_not_what_they_were() {
    let scene = Scene::new();
    scene.knows("");
    let mut agent = scene.with_key().await;
    let fingerprint = scene.sshd.fingerprint("ed25519");
    let words = ["unknown", &*fingerprint, "GIT_SSH_KNOWN_HOSTS_FILE"];
    agent.refused("git_clone", json!({"url": scene.url()}), "forbidden", &words).await;
    // The file is read at each connection: an operator can add a host while the server runs.
    let other = Sshd::start(&[]);
    let line = other.known_hosts("ed25519");
    scene.knows(&line.replace(&format!(":{} ", other.port()), &format!(":{} ", scene.sshd.port())));
    let words = ["has changed", &*fingerprint, "somebody may be in between"];
    agent.refused("git_clone", json!({"url": scene.url()}), "forbidden", &words).await;
    assert!(names(&scene.desk.ws()).is_empty());
    scene.knows(&scene.sshd.known_hosts("ed25519"));
    agent.fine("git_clone", json!({"url": scene.url()})).await;
    scene.knows(&line);
    for tool in ["git_pull", "git_push"] {
        agent.refused(tool, json!({"cwd": "r"}), "forbidden", &["unknown"]).await;
    }
    agent.done().await;
}

#[tokio::test]
async fn keys_and_agents() {
    let scene = Scene::new();
    let directory = scene.desk.path("");
    // An agent is asked, within what the server has given up.
    let holder = SshAgent::with(&[&scene.key]);
    let mut agent = scene.agent(&[("SSH_AUTH_SOCK", holder.socket())]).await;
    agent.fine("git_clone", json!({"url": scene.url(), "dir": "by-agent"})).await;
    agent.done().await;
    let mut agent = scene.agent(&[]).await;
    agent.refused("git_clone", json!({"url": scene.url()}), "unauthenticated", &["GIT_SSH_KEY_FILE"]).await;
    agent.done().await;
    let stranger = key(&directory, "stranger", "ed25519", "");
    let mut agent = scene.agent(&[("GIT_SSH_KEY_FILE", &stranger)]).await;
    let words = ["the key of GIT_SSH_KEY_FILE", "registered"];
    agent.refused("git_clone", json!({"url": scene.url()}), "unauthenticated", &words).await;
    agent.done().await;
    let nobody = scene.desk.path("no-socket");
    let mut agent = scene.agent(&[("SSH_AUTH_SOCK", &nobody)]).await;
    agent.refused("git_clone", json!({"url": scene.url()}), "unauthenticated", &["SSH_AUTH_SOCK"]).await;
    agent.done().await;
    // A key file that only comes into use when the agent has none.
    let empty = SshAgent::with(&[]);
    let mut agent = scene.agent(&[("SSH_AUTH_SOCK", empty.socket()), ("GIT_SSH_KEY_FILE", &scene.key)]).await;
    agent.fine("git_clone", json!({"url": scene.url(), "dir": "by-key"})).await;
    agent.done().await;
    assert_eq!(names(&scene.desk.ws()), ["by-agent", "by-key"]);
}
