//! Smart HTTP as it should go.

use std::time::Duration;

use mcp_git::remote::{self, Lease};
use shared::Code;

use crate::network::{CANARY, Client, was_learnt};
use harness::git_http::{Rule, Setup};
use harness::repository::{advance, bare, commit, git, hook, noise, tip};

fn plain() -> Client {
    Client::new(&[("GIT_ALLOW_PROTOCOLS", "http")])
}

fn with_token() -> Client {
    Client::new(&[("GIT_ALLOW_PROTOCOLS", "http"), ("GIT_TOKEN", CANARY)])
}

#[test]
fn clone_and_fetch() {
    let root = tempfile::tempdir().expect("directory");
    let remote = bare(root.path(), "r.git", 3);
    let server = Setup::new(root.path()).start();
    let to = root.path().join("clone");
    let client = plain();
    let operation = client.operation();
    let repository = client.clone_by(&operation, &server.url("r.git"), &to, None).expect("clone");
    assert_eq!(tip(&to, "HEAD"), tip(&remote, "main"));
    git(&to, &["fsck", "--strict"]);
    let progress = operation.progress();
    assert_eq!((progress.objects, progress.objects_total), (9, 9));
    assert!(progress.bytes_received > 500 && progress.bytes_sent > 50, "{progress:?}");
    let new = advance(&remote, "x");
    client.fetch(&repository, None).expect("fetch");
    assert_eq!(tip(&to, "origin/main"), new);
    let seen = server.seen();
    assert!(
        seen.iter()
            .all(|seen| seen.user_agent.as_deref().is_some_and(|agent| agent.starts_with("git/2.0 (agent-tools ")))
    );
    assert!(seen.iter().all(|seen| !format!("{:?}", seen.headers).to_ascii_lowercase().contains("git-protocol")));
}

#[test]
fn an_empty_repository_clones() {
    let root = tempfile::tempdir().expect("directory");
    bare(root.path(), "empty.git", 0);
    let server = Setup::new(root.path()).start();
    let repository = plain().clone_to(&server.url("empty.git"), &root.path().join("clone"), None).expect("clone");
    assert!(repository.is_empty().expect("readable"));
}

#[test]
fn shallow_clone_and_deepening_fetch() {
    let root = tempfile::tempdir().expect("directory");
    bare(root.path(), "r.git", 5);
    let server = Setup::new(root.path()).start();
    let to = root.path().join("clone");
    let repository = plain().clone_to(&server.url("r.git"), &to, Some(1)).expect("clone");
    assert!(repository.is_shallow());
    assert_eq!(git(&to, &["rev-list", "--count", "HEAD"]), "1");
    plain().fetch(&repository, Some(3)).expect("deepen");
    assert_eq!(git(&to, &["rev-list", "--count", "HEAD"]), "3");
}

#[test]
fn the_token_is_sent_only_after_being_asked_for() {
    let root = tempfile::tempdir().expect("directory");
    bare(root.path(), "r.git", 1);
    let open = Setup::new(root.path()).start();
    with_token().clone_to(&open.url("r.git"), &root.path().join("a"), None).expect("clone");
    assert!(!open.got_credentials(CANARY));
    let guarded = Setup::new(root.path()).login("git", CANARY).start();
    with_token().clone_to(&guarded.url("r.git"), &root.path().join("b"), None).expect("clone");
    let asked: Vec<_> = guarded.seen().iter().map(|seen| seen.authorization.is_some()).collect();
    assert_eq!(asked, [false, true, true]);
    assert!(was_learnt(CANARY));
    let config = std::fs::read_to_string(root.path().join("b/.git/config")).expect("config");
    assert!(!config.contains(CANARY), "{config}");
}

#[test]
fn the_user_name_can_be_set() {
    let root = tempfile::tempdir().expect("directory");
    bare(root.path(), "r.git", 1);
    let server = Setup::new(root.path()).login("me", CANARY).start();
    let client = Client::new(&[("GIT_ALLOW_PROTOCOLS", "http"), ("GIT_TOKEN", CANARY), ("GIT_USERNAME", "me")]);
    client.clone_to(&server.url("r.git"), &root.path().join("a"), None).expect("clone");
}

#[test]
fn https_with_an_authority_of_ones_own() {
    let root = tempfile::tempdir().expect("directory");
    bare(root.path(), "r.git", 1);
    let server = Setup::new(root.path()).login("git", CANARY).tls().start();
    let pem = root.path().join("ca.pem");
    std::fs::write(&pem, server.certificate()).expect("write");
    let client = Client::new(&[("SSL_CERT_FILE", pem.to_str().expect("text")), ("GIT_TOKEN", CANARY)]);
    client.clone_to(&server.url_as("localhost", "r.git"), &root.path().join("a"), None).expect("clone");
    let stranger = Client::new(&[("GIT_TOKEN", CANARY)]);
    let error =
        stranger.clone_to(&server.url_as("localhost", "r.git"), &root.path().join("b"), None).err().expect("refused");
    assert_eq!(error.code(), Code::Forbidden, "{error}");
    assert!(error.message().contains("certificate"), "{error}");
    assert!(error.next_step().is_some_and(|hint| hint.contains("SSL_CERT_FILE")), "{error}");
    assert!(!root.path().join("b").exists());
}

#[test]
fn a_small_and_a_large_push() {
    let root = tempfile::tempdir().expect("directory");
    let remote = bare(root.path(), "r.git", 1);
    let server = Setup::new(root.path()).login("git", CANARY).start();
    let to = root.path().join("clone");
    let repository = with_token().clone_to(&server.url("r.git"), &to, None).expect("clone");
    let small = commit(&repository, "small", b"x");
    with_token().push(&repository, "refs/heads/main:refs/heads/main", vec![]).expect("push");
    assert_eq!(tip(&remote, "main"), small.to_string());
    let large = commit(&repository, "large", &noise(3 << 20, 7));
    let client = with_token();
    client.push(&repository, "refs/heads/main:refs/heads/main", vec![]).expect("push");
    assert_eq!(tip(&remote, "main"), large.to_string());
    git(&remote, &["fsck", "--strict"]);
    let posts: Vec<_> = server.seen().into_iter().filter(|seen| seen.target.ends_with("/git-receive-pack")).collect();
    assert_eq!(posts.len(), 2, "{posts:?}");
    assert!(posts[0].content_length.is_some() && posts[1].content_length.is_none(), "{posts:?}");
    assert!(posts[1].headers.iter().any(|header| header.contains("chunked")));
}

#[test]
fn a_server_that_asks_at_the_post_gets_each_push_once() {
    let root = tempfile::tempdir().expect("directory");
    let remote = bare(root.path(), "r.git", 1);
    let server = Setup::new(root.path()).rule("/late", Rule::LoginAtPost).start();
    let to = root.path().join("clone");
    let repository = with_token().clone_to(&server.url("late/r.git"), &to, None).expect("clone");
    for (content, name) in [(noise(10, 1), "small"), (noise(3 << 20, 2), "large")] {
        let made = commit(&repository, name, &content);
        with_token().push(&repository, "refs/heads/main:refs/heads/main", vec![]).expect(name);
        assert_eq!(tip(&remote, "main"), made.to_string());
    }
    let unguarded: Vec<_> =
        server.seen().into_iter().filter(|seen| seen.method == "POST" && seen.authorization.is_none()).collect();
    assert!(
        unguarded.iter().all(|seen| seen.content_length.is_some()),
        "a pack was streamed before the login: {unguarded:?}"
    );
}

#[test]
fn a_hook_of_the_remote_has_the_last_word() {
    let root = tempfile::tempdir().expect("directory");
    let remote = bare(root.path(), "r.git", 1);
    hook(&remote, "pre-receive", "echo 'no pushes on a Friday' >&2; exit 1");
    let server = Setup::new(root.path()).login("git", CANARY).start();
    let repository = with_token().clone_to(&server.url("r.git"), &root.path().join("clone"), None).expect("clone");
    let before = tip(&remote, "main");
    commit(&repository, "new", b"x");
    let error = with_token().push(&repository, "refs/heads/main:refs/heads/main", vec![]).expect_err("refused");
    assert_eq!(error.code(), Code::Forbidden);
    assert!(error.message().contains("refs/heads/main"), "{error}");
    let said = error.said().expect("words");
    assert!(said.contains("no pushes on a Friday") && said.contains("pre-receive hook declined"), "{said}");
    assert_eq!(tip(&remote, "main"), before);
}

#[test]
fn a_push_that_is_behind_is_a_conflict() {
    let root = tempfile::tempdir().expect("directory");
    let remote = bare(root.path(), "r.git", 1);
    let server = Setup::new(root.path()).login("git", CANARY).start();
    let repository = with_token().clone_to(&server.url("r.git"), &root.path().join("clone"), None).expect("clone");
    let theirs = advance(&remote, "theirs");
    commit(&repository, "ours", b"x");
    let push = |leases| with_token().push(&repository, "refs/heads/main:refs/heads/main", leases).expect_err("refused");
    assert_eq!(push(vec![]).code(), Code::Conflict);
    // With their commit at hand libgit2 decides by ancestry.
    with_token().fetch(&repository, None).expect("fetch");
    assert_eq!(push(vec![]).code(), Code::Conflict);
    assert_eq!(tip(&remote, "main"), theirs);
}

#[test]
fn a_forced_push_holds_to_its_lease() {
    let root = tempfile::tempdir().expect("directory");
    let remote = bare(root.path(), "r.git", 2);
    let server = Setup::new(root.path()).login("git", CANARY).start();
    let repository = with_token().clone_to(&server.url("r.git"), &root.path().join("clone"), None).expect("clone");
    let seen = repository.refname_to_id("refs/remotes/origin/main").expect("tracked");
    let lease = |expected| vec![Lease { reference: "refs/heads/main".to_owned(), expected }];
    let theirs = advance(&remote, "theirs");
    let first = repository.revparse_single("HEAD~1").expect("first").peel_to_commit().expect("commit");
    repository.reset(first.as_object(), git2::ResetType::Hard, None).expect("reset");
    let ours = commit(&repository, "ours", b"x");
    let forced = "+refs/heads/main:refs/heads/main";
    let error = with_token().push(&repository, forced, lease(Some(seen))).expect_err("moved");
    assert_eq!(error.code(), Code::Conflict);
    assert!(error.message().contains(&theirs) && error.message().contains(&seen.to_string()), "{error}");
    assert_eq!(tip(&remote, "main"), theirs);
    let theirs = git2::Oid::from_str(&theirs).expect("oid");
    with_token().push(&repository, forced, lease(Some(theirs))).expect("as expected");
    assert_eq!(tip(&remote, "main"), ours.to_string());
}

#[test]
fn a_redirect_is_followed_and_remembered() {
    let root = tempfile::tempdir().expect("directory");
    let remote = bare(root.path(), "r.git", 1);
    let home = Setup::new(root.path()).login("git", CANARY).start();
    let port = home.port();
    let moved =
        Setup::new(root.path()).rule("/old.git", Rule::Redirect(301, format!("http://127.0.0.1:{port}/r.git"))).start();
    // Within one server, credentials go along.
    let same =
        Setup::new(root.path()).login("git", CANARY).rule("/old.git", Rule::Redirect(307, "/r.git".to_owned())).start();
    let to = root.path().join("a");
    let repository = with_token().clone_to(&same.url("old.git"), &to, None).expect("clone");
    commit(&repository, "new", b"x");
    with_token().push(&repository, "refs/heads/main:refs/heads/main", vec![]).expect("push");
    assert_eq!(tip(&remote, "main"), tip(&to, "HEAD"));
    assert!(same.seen().iter().all(|seen| seen.method == "GET" || seen.target.starts_with("/r.git/")));
    // Another origin gets none, and asking for them is refused.
    let error = with_token().clone_to(&moved.url("old.git"), &root.path().join("b"), None).err().expect("refused");
    assert_eq!(error.code(), Code::Unauthenticated);
    assert!(error.message().contains("redirect"), "{error}");
    assert_eq!(home.seen().len(), 1);
    assert!(!home.got_credentials(CANARY) && !moved.got_credentials(CANARY));
}

#[test]
fn a_redirect_may_lead_up_to_https() {
    let root = tempfile::tempdir().expect("directory");
    bare(root.path(), "r.git", 1);
    let secure = Setup::new(root.path()).tls().start();
    let plain = Setup::new(root.path()).rule("/", Rule::Redirect(301, secure.url(""))).start();
    let pem = root.path().join("ca.pem");
    std::fs::write(&pem, secure.certificate()).expect("write");
    let client = Client::new(&[("GIT_ALLOW_PROTOCOLS", "http"), ("SSL_CERT_FILE", pem.to_str().expect("text"))]);
    client.clone_to(&plain.url("r.git"), &root.path().join("a"), None).expect("clone");
    assert_eq!((plain.seen().len(), secure.seen().len()), (1, 2));
}

#[test]
fn an_open_server_behind_a_redirect_gets_no_credentials() {
    let root = tempfile::tempdir().expect("directory");
    bare(root.path(), "r.git", 1);
    let open = Setup::new(root.path()).start();
    let base = format!("http://127.0.0.1:{}/r.git", open.port());
    // The first server asks for the token, gets it, and then sends us elsewhere.
    let first = Setup::new(root.path()).login("git", CANARY).rule("/r.git", Rule::Redirect(302, base)).start();
    with_token().clone_to(&first.url("r.git"), &root.path().join("a"), None).expect("clone");
    assert!(first.got_credentials(CANARY));
    assert_eq!(open.seen().len(), 2);
    assert!(!open.got_credentials(CANARY), "{:?}", open.seen());
}

#[test]
fn a_slow_answer_is_no_silence() {
    let root = tempfile::tempdir().expect("directory");
    bare(root.path(), "r.git", 1);
    let server = Setup::new(root.path()).rule("/slow", Rule::Slow(60, Duration::from_millis(60))).start();
    let mut client = plain();
    client.limits.idle = Duration::from_secs(2);
    client.clone_to(&server.url("slow/r.git"), &root.path().join("a"), None).expect("clone");
}

#[test]
fn a_proxy_is_used_for_what_is_not_excepted() {
    let root = tempfile::tempdir().expect("directory");
    bare(root.path(), "r.git", 1);
    let server = Setup::new(root.path()).start();
    // A proxy for plain http gets the whole address as the target; this one refuses, which shows that it was asked.
    let proxy = Setup::new(root.path()).rule("http://", Rule::Status(403, vec![], String::new())).start();
    let address = format!("http://user:{CANARY}@127.0.0.1:{}", proxy.port());
    let pairs = [("GIT_ALLOW_PROTOCOLS", "http"), ("HTTP_PROXY", &address)];
    let error =
        Client::new(&pairs).clone_to(&server.url("r.git"), &root.path().join("a"), None).err().expect("refused");
    assert_eq!(error.code(), Code::Forbidden);
    assert_eq!((proxy.seen().len(), server.seen().len()), (1, 0));
    assert!(was_learnt(CANARY));
    let excepted = [pairs[0], pairs[1], ("NO_PROXY", "127.0.0.1")];
    Client::new(&excepted).clone_to(&server.url("r.git"), &root.path().join("a"), None).expect("clone");
    assert_eq!(proxy.seen().len(), 1);
}

#[test]
fn a_proxy_tunnels_https() {
    let root = tempfile::tempdir().expect("directory");
    let server = Setup::new(root.path()).tls().start();
    let proxy = Setup::new(root.path()).rule("127.0.0.1:", Rule::Status(407, vec![], String::new())).start();
    let address = format!("user:{CANARY}@127.0.0.1:{}", proxy.port());
    let client = Client::new(&[("HTTPS_PROXY", &address)]);
    let error = client.clone_to(&server.url("r.git"), &root.path().join("a"), None).err().expect("refused");
    assert_eq!(error.code(), Code::Unavailable, "{error}");
    assert!(error.message().contains("proxy"), "{error}");
    assert_eq!((proxy.seen()[0].method.as_str(), server.seen().len()), ("CONNECT", 0));
}

#[test]
fn one_operation_may_talk_to_a_remote_twice() {
    let root = tempfile::tempdir().expect("directory");
    let remote = bare(root.path(), "r.git", 1);
    let server = Setup::new(root.path()).login("git", CANARY).start();
    let repository = with_token().clone_to(&server.url("r.git"), &root.path().join("a"), None).expect("clone");
    let made = commit(&repository, "new", b"x");
    let client = with_token();
    let operation = client.operation();
    remote::run(&operation, || {
        let mut origin = repository.find_remote("origin")?;
        let mut options = git2::FetchOptions::new();
        options.remote_callbacks(operation.callbacks());
        origin.fetch(&[] as &[&str], Some(&mut options), None)?;
        let mut options = git2::PushOptions::new();
        options.remote_callbacks(operation.callbacks());
        origin.push(&["refs/heads/main:refs/heads/main"], Some(&mut options))
    })
    .expect("fetch and push");
    assert_eq!(tip(&remote, "main"), made.to_string());
}

#[test]
fn a_remote_outside_of_an_operation_is_refused() {
    let root = tempfile::tempdir().expect("directory");
    bare(root.path(), "r.git", 1);
    let server = Setup::new(root.path()).start();
    // Registers the transports.
    plain().clone_to(&server.url("r.git"), &root.path().join("a"), None).expect("clone");
    let before = server.seen().len();
    assert!(git2::Repository::clone(&server.url("r.git"), root.path().join("b")).is_err());
    assert_eq!(server.seen().len(), before);
}

#[test]
fn instead_of_cannot_widen_what_is_allowed() {
    let root = tempfile::tempdir().expect("directory");
    bare(root.path(), "r.git", 1);
    let server = Setup::new(root.path()).start();
    let repository = git2::Repository::init(root.path().join("a")).expect("init");
    let mut config = repository.config().expect("config");
    config.set_str(&format!("url.{}.insteadOf", server.url("")), "https://safe.example/").expect("set");
    repository.remote("origin", "https://safe.example/r.git").expect("remote");
    let client = Client::new(&[]);
    let error = client.fetch(&repository, None).expect_err("http is not allowed");
    assert_eq!(error.code(), Code::Forbidden);
    let remote = repository.find_remote("origin").expect("remote");
    let error = client.network.check_remote(&remote, git2::Direction::Fetch).expect_err("refused before");
    assert_eq!(error.code(), Code::Forbidden);
    assert!(server.seen().is_empty());
    plain().fetch(&repository, None).expect("allowed");
}

#[test]
fn an_error_of_the_callers_own_stays_what_it_is() {
    let client = plain();
    let operation = client.operation();
    let error = remote::run(&operation, || Err::<(), _>(shared::ToolError::new(Code::Conflict, "the tree is dirty")));
    assert_eq!(error.expect_err("passed on").message(), "the tree is dirty");
}
