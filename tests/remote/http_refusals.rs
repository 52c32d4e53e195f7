//! Smart HTTP as it goes wrong.

use std::time::{Duration, Instant};

use shared::{Code, ToolError};

use crate::network::{CANARY, Client};
use harness::git_http::{GitHttp, Rule, Setup};
use harness::repository::{bare, commit, noise, tip};

const PAIRS: [(&str, &str); 2] = [("GIT_ALLOW_PROTOCOLS", "http"), ("GIT_TOKEN", CANARY)];

/// Clones, expecting an error and nothing left behind.
fn refused(client: &Client, url: &str) -> ToolError {
    let root = tempfile::tempdir().expect("directory");
    let to = root.path().join("clone");
    let error = client.clone_to(url, &to, None).err().expect("refused");
    assert!(!to.exists(), "{error}");
    error
}

fn server(rule: Rule) -> (GitHttp, tempfile::TempDir) {
    let root = tempfile::tempdir().expect("directory");
    bare(root.path(), "r.git", 2);
    (Setup::new(root.path()).rule("/x", rule).start(), root)
}

#[test]
fn no_credentials_and_wrong_ones() {
    let root = tempfile::tempdir().expect("directory");
    bare(root.path(), "r.git", 1);
    let server = Setup::new(root.path()).login("git", "another").start();
    let error = refused(&Client::new(&PAIRS[..1]), &server.url("r.git"));
    assert_eq!(error.code(), Code::Unauthenticated);
    assert!(
        error.message().contains("none are set") && error.next_step().is_some_and(|hint| hint.contains("GIT_TOKEN")),
        "{error}"
    );
    assert_eq!(server.seen().len(), 1);
    let error = refused(&Client::new(&PAIRS), &server.url("r.git"));
    assert_eq!(error.code(), Code::Unauthenticated);
    assert!(error.message().contains("refused"), "{error}");
    // Asked once: without, with, and no third time.
    assert_eq!(server.seen().len(), 3);
}

#[test]
fn a_token_for_other_hosts_is_not_sent() {
    let root = tempfile::tempdir().expect("directory");
    bare(root.path(), "r.git", 1);
    let server = Setup::new(root.path()).login("git", CANARY).start();
    for pairs in [
        vec![PAIRS[0], ("GITHUB_TOKEN", CANARY), ("GITLAB_TOKEN", CANARY)],
        vec![PAIRS[0], PAIRS[1], ("GIT_TOKEN_HOSTS", "git.example")],
    ] {
        assert_eq!(refused(&Client::new(&pairs), &server.url("r.git")).code(), Code::Unauthenticated);
    }
    assert!(!server.got_credentials(CANARY));
    let fits = format!("git.example,127.0.0.1:{}", server.port());
    let client = Client::new(&[PAIRS[0], PAIRS[1], ("GIT_TOKEN_HOSTS", &fits)]);
    client.clone_to(&server.url("r.git"), &root.path().join("a"), None).expect("clone");
}

#[test]
fn a_server_that_sends_the_token_back() {
    let (server, _root) = server(Rule::Echo);
    let error = refused(&Client::new(&PAIRS), &server.url("x/r.git"));
    assert_eq!(error.code(), Code::Unauthenticated);
    // The words did arrive; the token in them did not.
    assert_eq!(error.said(), Some("bad: Basic [redacted] = git:[redacted]"));
}

#[test]
fn each_status_has_its_code() {
    for (status, headers, body, code, expected) in [
        (403, vec![], "", Code::Forbidden, "403"),
        (404, vec![], "", Code::NotFound, "none at this address"),
        (429, vec![("retry-after", "17".to_owned())], "", Code::RateLimited, "17 s"),
        (403, vec![("retry-after", "9".to_owned())], "", Code::RateLimited, "9 s"),
        (500, vec![], "", Code::Unavailable, "500"),
        (503, vec![("retry-after", "evil <b>".to_owned())], "", Code::Unavailable, "later"),
        (204, vec![], "", Code::Unavailable, "204"),
        (418, vec![("content-type", "text/plain".to_owned())], "a \u{1b}[31mteapot", Code::Unavailable, "418"),
        (302, vec![], "", Code::Unavailable, "names no target"),
    ] {
        let (server, _root) = server(Rule::Status(status, headers, body.to_owned()));
        let error = refused(&Client::new(&PAIRS), &server.url("x/r.git"));
        assert_eq!(error.code(), code, "{status}: {error}");
        assert!(error.to_string().contains(expected), "{status}: {error}");
        assert_eq!(error.said(), (!body.is_empty()).then_some("a [31mteapot"), "{status}");
        assert_eq!(server.seen().len(), 1, "{status}: asked again");
    }
}

#[test]
fn what_is_not_git_is_not_a_repository() {
    for kind in ["text/html; charset=utf-8", "text/plain", "application/x-git-receive-pack-advertisement"] {
        let rule = Rule::Status(200, vec![("content-type", kind.to_owned())], "<html>hello</html>".to_owned());
        let (server, _root) = server(rule);
        let error = refused(&Client::new(&PAIRS), &server.url("x/r.git"));
        assert_eq!(error.code(), Code::NotFound);
        assert!(error.message().contains("not a git server"), "{error}");
    }
    let rule = Rule::Status(
        200,
        vec![("content-type", "application/x-git-upload-pack-advertisement".to_owned())],
        "nonsense".into(),
    );
    let (server, _root) = server(rule);
    assert_eq!(refused(&Client::new(&PAIRS), &server.url("x/r.git")).code(), Code::Unavailable);
}

#[test]
fn redirects_that_are_not_followed() {
    let (elsewhere, _root) = server(Rule::Hang);
    let suffix = "/info/refs?service=git-upload-pack";
    let loopback = format!("http://localhost:{}/r.git{suffix}", elsewhere.port());
    for (target, code, expected) in [
        ("ftp://127.0.0.1/r.git".to_owned(), Code::Unavailable, "something else"),
        ("file:///etc/passwd".to_owned(), Code::Unavailable, "something else"),
        (format!("http://169.254.169.254/r.git{suffix}"), Code::Forbidden, "link-local"),
        (format!("http://2852039166/r.git{suffix}"), Code::Forbidden, "link-local"),
        (format!("http://[::ffff:a9fe:a9fe]/r.git{suffix}"), Code::Forbidden, "link-local"),
        (format!("http://10.0.0.1/r.git{suffix}"), Code::Forbidden, "private"),
        (loopback, Code::Forbidden, "loopback"),
        (format!("http://a:{CANARY}@127.0.0.1/r.git{suffix}"), Code::Unavailable, "password"),
        ("/login".to_owned(), Code::Unavailable, "not a repository's reference list"),
    ] {
        let (server, _root) = server(Rule::RedirectTo(target.clone()));
        let error = refused(&Client::new(&PAIRS), &server.url("x/r.git"));
        assert_eq!(error.code(), code, "{target}: {error}");
        assert!(error.message().contains(expected), "{target}: {error}");
        assert_eq!(server.seen().len(), 1);
    }
    assert!(elsewhere.seen().is_empty());
    let (server, _root) = server(Rule::Redirect(302, "/x".to_owned()));
    let error = refused(&Client::new(&PAIRS), &server.url("x/r.git"));
    assert!(error.message().contains("more than 5 redirects"), "{error}");
    assert_eq!(server.seen().len(), 6);
}

#[test]
fn a_redirect_never_leads_down_to_plain_http() {
    let root = tempfile::tempdir().expect("directory");
    bare(root.path(), "r.git", 1);
    let plain = Setup::new(root.path()).start();
    let secure = Setup::new(root.path()).tls().rule("/x", Rule::Redirect(301, plain.url(""))).start();
    let pem = root.path().join("ca.pem");
    std::fs::write(&pem, secure.certificate()).expect("write");
    let client = Client::new(&[PAIRS[0], PAIRS[1], ("SSL_CERT_FILE", pem.to_str().expect("text"))]);
    let error = refused(&client, &secure.url("x/r.git"));
    assert_eq!(error.code(), Code::Forbidden);
    assert!(error.message().contains("from https to http"), "{error}");
    assert!(plain.seen().is_empty());
}

#[test]
fn hosts_no_repository_lives_at() {
    let client = Client::new(&PAIRS);
    for url in [
        "http://169.254.169.254/latest",
        "http://0xa9fea9fe/r",
        "https://[::ffff:169.254.169.254]/r",
        "https://0.0.0.0/r",
        "https://[fe80::1]/r",
    ] {
        assert_eq!(refused(&client, url).code(), Code::Forbidden, "{url}");
    }
}

#[test]
fn nobody_there() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").expect("port").local_addr().expect("address").port();
    let error = refused(&Client::new(&PAIRS), &format!("http://127.0.0.1:{port}/r.git"));
    assert_eq!(error.code(), Code::Unavailable);
    assert!(error.message().contains(&format!("http://127.0.0.1:{port}")), "{error}");
    let error = refused(&Client::new(&PAIRS), "https://no-such-host.invalid/r.git");
    assert_eq!(error.code(), Code::Unavailable);
    assert!(error.message().contains("no-such-host.invalid"), "{error}");
}

/// Runs a clone that must end soon although the server never does.
fn ends(client: &Client, url: &str, code: Code, after: Duration) -> ToolError {
    let start = Instant::now();
    let error = refused(client, url);
    let took = start.elapsed();
    assert_eq!(error.code(), code, "{error}");
    assert!(took >= after && took < after + Duration::from_secs(5), "took {took:?}");
    error
}

#[test]
fn a_silent_server_is_left_in_time() {
    for rule in [Rule::Hang, Rule::Stall(40)] {
        let (server, _root) = server(rule);
        let url = server.url("x/r.git");
        let wait = Duration::from_millis(300);
        let mut client = Client::new(&PAIRS);
        client.limits.idle = wait;
        let error = ends(&client, &url, Code::Timeout, wait);
        assert!(error.message().contains("nothing moved"), "{error}");
        let mut client = Client::new(&PAIRS);
        client.limits.overall = wait;
        let error = ends(&client, &url, Code::Timeout, wait);
        assert!(error.message().contains("not done"), "{error}");
        let client = Client::new(&PAIRS);
        let cancel = client.cancel.clone();
        std::thread::spawn(move || {
            std::thread::sleep(wait);
            cancel.cancel();
        });
        ends(&client, &url, Code::Cancelled, wait);
    }
}

/// A large push to a server that misbehaves at the `POST`; the repository must not change.
///
/// With `cancel_at_post`, the client is cancelled a moment after the server has seen the `POST`.
fn push_to(rule: Rule, client: &Client, cancel_at_post: bool) -> ToolError {
    let root = tempfile::tempdir().expect("directory");
    let remote = bare(root.path(), "r.git", 1);
    let before = tip(&remote, "main");
    let server = Setup::new(root.path()).login("git", CANARY).rule("/x", rule).start();
    let repository =
        Client::new(&PAIRS).clone_to(&server.url("r.git"), &root.path().join("clone"), None).expect("clone");
    repository.remote_set_url("origin", &server.url("x/r.git")).expect("set");
    commit(&repository, "large", &noise(24 << 20, 3));
    let posts = || {
        server.seen().iter().filter(|seen| seen.method == "POST" && seen.target.ends_with("git-receive-pack")).count()
    };
    let operation = client.operation();
    let error = std::thread::scope(|scope| {
        if cancel_at_post {
            scope.spawn(|| {
                while posts() == 0 {
                    std::thread::sleep(Duration::from_millis(50));
                }
                std::thread::sleep(Duration::from_millis(300));
                client.cancel.cancel();
            });
        }
        client.push_by(&operation, &repository, "refs/heads/main:refs/heads/main", vec![]).expect_err("refused")
    });
    assert!(operation.progress().bytes_sent < 23 << 20, "all of it was sent: {:?}", operation.progress());
    assert_eq!(tip(&remote, "main"), before);
    assert_eq!(posts(), 1);
    error
}

#[test]
fn a_push_in_mid_air_can_be_stopped() {
    assert_eq!(push_to(Rule::HangAtPost, &Client::new(&PAIRS), true).code(), Code::Cancelled);
    let mut client = Client::new(&PAIRS);
    client.limits.idle = Duration::from_secs(1);
    assert_eq!(push_to(Rule::HangAtPost, &client, false).code(), Code::Timeout);
}

#[test]
fn a_push_that_is_refused_before_it_is_read() {
    for (status, code) in
        [(413, Code::TooLarge), (403, Code::Forbidden), (401, Code::Unauthenticated), (307, Code::Unavailable)]
    {
        let error = push_to(Rule::StatusAtPost(status), &Client::new(&PAIRS), false);
        assert_eq!(error.code(), code, "{error}");
    }
}

#[test]
fn a_slow_server_does_not_outlast_the_deadline() {
    let (server, _root) = server(Rule::Slow(1, Duration::from_millis(50)));
    let mut client = Client::new(&PAIRS);
    client.limits.overall = Duration::from_millis(500);
    ends(&client, &server.url("x/r.git"), Code::Timeout, Duration::from_millis(500));
}

#[test]
fn an_endless_answer_is_cut_off() {
    let (server, _root) = server(Rule::Endless);
    let mut client = Client::new(&PAIRS);
    client.limits.received = 1 << 20;
    let error = refused(&client, &server.url("x/r.git"));
    assert_eq!(error.code(), Code::TooLarge, "{error}");
}

/// All references are held in memory, so what limits a whole transfer is no limit for them.
#[test]
fn references_without_end_do_not_fill_the_memory() {
    let (server, _root) = server(Rule::Endless);
    let error = refused(&Client::new(&PAIRS), &server.url("x/r.git"));
    assert_eq!(error.code(), Code::TooLarge, "{error}");
    assert!(error.to_string().contains("references"), "{error}");
}

#[test]
fn a_cancelled_operation_does_not_begin() {
    let (server, _root) = server(Rule::Hang);
    let client = Client::new(&PAIRS);
    client.cancel.cancel();
    assert_eq!(refused(&client, &server.url("x/r.git")).code(), Code::Cancelled);
    assert!(server.seen().is_empty());
}
