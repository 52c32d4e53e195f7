//! Who gets the token, and where else it must not be.

use harness::git_http::{FAR, Rule, Setup};
use harness::proxy::Proxy;
use harness::repository::tip;
use serde_json::json;

use super::desk::{Desk, clean, names, tidy};
use crate::network::CANARY;

#[tokio::test]
async fn the_token_is_used_where_it_is_asked_for_and_written_nowhere() {
    let (desk, remote, server) = Desk::with(2, |setup| setup.login("git", CANARY));
    let file = desk.file("token", &format!("{CANARY}\n"));
    for (dir, environment) in [
        ("direct", vec![("GIT_TOKEN", CANARY)]),
        ("file", vec![("GIT_TOKEN_FILE", file.to_str().expect("text"))]),
        ("named", vec![("GIT_TOKEN", CANARY), ("GIT_USERNAME", "git")]),
    ] {
        let mut agent = desk.agent(&environment).await;
        agent.fine("git_clone", json!({"url": server.url("r.git"), "dir": dir})).await;
        let to = desk.ws().join(dir);
        desk.commit(&to, &[(dir, "x\n")], dir);
        agent.fine("git_pull", json!({"cwd": dir, "strategy": "rebase"})).await;
        agent.fine("git_push", json!({"cwd": dir, "set_upstream": true})).await;
        assert_eq!(tip(&remote, "main"), tip(&to, "HEAD"));
        let config = std::fs::read_to_string(to.join(".git/config")).expect("a file");
        assert!(config.contains(&server.url("r.git")) && !config.contains('@'), "{config}");
        agent.fine("git_log", json!({"cwd": dir})).await;
        tidy(&to);
        agent.done().await;
    }
}

#[tokio::test]
async fn wrong_and_missing_credentials() {
    let (desk, _, server) = Desk::with(1, |setup| setup.login("git", "another-password"));
    let url = server.url("r.git");
    let mut agent = desk.agent(&[("GIT_TOKEN", CANARY)]).await;
    for tool in ["git_clone", "git_clone_or_pull"] {
        agent.refused(tool, json!({"url": url}), "unauthenticated", &["refused", "GIT_TOKEN"]).await;
    }
    // Asked for once, and the refusal is not tried again.
    let asked: Vec<_> = server.seen().iter().map(|seen| seen.authorization.is_some()).collect();
    assert_eq!(asked, [false, true, false, true]);
    agent.done().await;
    let before = server.seen().len();
    let mut agent = desk.agent(&[]).await;
    agent.refused("git_clone", json!({"url": url}), "unauthenticated", &["none are set", "GIT_TOKEN"]).await;
    assert_eq!(server.seen().len(), before + 1);
    agent.done().await;
    let mut agent = desk.agent(&[("GIT_TOKEN_FILE", "/nonexistent/token")]).await;
    agent.refused("git_clone", json!({"url": url}), "unavailable", &["GIT_TOKEN_FILE"]).await;
    agent.done().await;
    assert!(names(&desk.ws()).is_empty());
}

#[tokio::test]
async fn a_server_that_sends_the_credentials_back() {
    let (desk, _, server) = Desk::with(1, |setup| setup.rule("/echo", Rule::Echo));
    let mut agent = desk.agent(&[("GIT_TOKEN", CANARY), ("GIT_USERNAME", "me")]).await;
    // What it says is shown, without what it was sent; every answer and log is looked at for that.
    agent.refused("git_clone", json!({"url": server.url("echo/r.git")}), "unauthenticated", &["bad: "]).await;
    assert!(server.got_credentials(CANARY));
    agent.done().await;
}

#[tokio::test]
async fn another_host_after_a_redirect_gets_nothing() {
    let (desk, _, home) = Desk::with(1, |setup| setup.login("git", CANARY));
    let away = Setup::new(&desk.remotes()).rule("/r.git", Rule::Redirect(302, home.url("r.git"))).start();
    let mut agent = desk.agent(&[("GIT_TOKEN", CANARY)]).await;
    let words = ["redirect", "not given to another host"];
    agent.refused("git_clone", json!({"url": away.url("r.git")}), "unauthenticated", &words).await;
    assert!(!home.got_credentials(CANARY) && !away.got_credentials(CANARY));
    // A host that asks, gets, and then sends us on does not send the credentials on.
    let open = Setup::new(&desk.remotes()).start();
    let asks =
        Setup::new(&desk.remotes()).login("git", CANARY).rule("/r.git", Rule::Redirect(302, open.url("r.git"))).start();
    agent.fine("git_clone", json!({"url": asks.url("r.git")})).await;
    assert!(asks.got_credentials(CANARY) && !open.got_credentials(CANARY));
    agent.done().await;
}

#[tokio::test]
async fn the_token_is_for_the_hosts_it_is_for() {
    let (desk, _, server) = Desk::with(1, |setup| setup.login("git", CANARY));
    let here = format!("127.0.0.1:{}", server.port());
    for (hosts, fine) in [(here.as_str(), true), ("git.example, 127.0.0.1:1", false), ("127.0.0.1", false)] {
        let mut agent = desk.agent(&[("GIT_TOKEN", CANARY), ("GIT_TOKEN_HOSTS", hosts)]).await;
        let arguments = json!({"url": server.url("r.git"), "dir": format!("r{fine}")});
        if fine {
            agent.fine("git_clone", arguments).await;
            assert!(server.got_credentials(CANARY));
        } else {
            let before = server.seen().len();
            agent.refused("git_clone", arguments, "unauthenticated", &["none are set"]).await;
            assert!(server.seen()[before..].iter().all(|seen| seen.authorization.is_none()));
        }
        agent.done().await;
    }
    // Tokens of forges are for the forges.
    let mut agent = desk.agent(&[("GITHUB_TOKEN", CANARY), ("GITLAB_TOKEN", CANARY)]).await;
    agent.refused("git_clone", json!({"url": server.url("r.git")}), "unauthenticated", &["none are set"]).await;
    agent.done().await;
}

#[tokio::test]
async fn an_address_with_credentials_in_it_is_refused_with_the_advice() {
    let (desk, _, server) = Desk::with(1, |setup| setup);
    let mut agent = desk.agent(&[]).await;
    for host in [format!("me:{CANARY}@127.0.0.1"), format!(":{CANARY}@127.0.0.1"), "me@127.0.0.1".to_owned()] {
        for tool in ["git_clone", "git_clone_or_pull"] {
            let arguments = json!({"url": server.url_as(&host, "r.git")});
            agent.refused(tool, arguments, "invalid_argument", &["GIT_TOKEN"]).await;
        }
    }
    // One that git wrote is not used either, and not repeated.
    agent.fine("git_clone", json!({"url": server.url("r.git")})).await;
    let config = desk.ws().join("r/.git/config");
    let text = std::fs::read_to_string(&config).expect("a file");
    std::fs::write(&config, text.replace("://127", &format!("://me:{CANARY}@127"))).expect("a file");
    let seen = server.seen().len();
    for tool in ["git_pull", "git_push"] {
        agent.refused(tool, json!({"cwd": "r"}), "invalid_argument", &["GIT_TOKEN"]).await;
    }
    agent.refused("git_clone_or_pull", json!({"url": server.url("r.git")}), "invalid_argument", &["GIT_TOKEN"]).await;
    assert_eq!(server.seen().len(), seen);
    std::fs::write(&config, text).expect("a file");
    agent.done().await;
}

#[tokio::test]
async fn https_with_an_authority_of_ones_own() {
    let (desk, remote, server) = Desk::with(1, |setup| setup.login("git", CANARY).tls());
    let pem = desk.file("ca.pem", server.certificate());
    let url = server.url_as("localhost", "r.git");
    let mut stranger = desk.strict_agent(&[("GIT_TOKEN", CANARY)]).await;
    let words = ["certificate", "SSL_CERT_FILE"];
    stranger.refused("git_clone", json!({"url": url}), "forbidden", &words).await;
    stranger.done().await;
    assert!(server.seen().is_empty() && names(&desk.ws()).is_empty());
    let trusting = [("GIT_TOKEN", CANARY), ("SSL_CERT_FILE", pem.to_str().expect("text"))];
    let mut agent = desk.strict_agent(&trusting).await;
    agent.fine("git_clone", json!({"url": url})).await;
    let ours = desk.commit(&desk.ws().join("r"), &[("a", "1\n")], "ours");
    agent.fine("git_push", json!({"cwd": "r"})).await;
    agent.fine("git_pull", json!({"cwd": "r"})).await;
    assert_eq!(tip(&remote, "main"), ours);
    agent.done().await;
}

#[tokio::test]
async fn a_proxy_is_the_only_way_to_some_hosts_and_not_taken_to_others() {
    let (desk, remote, server) = Desk::with(1, |setup| setup.login("git", CANARY).tls());
    let pem = desk.file("ca.pem", server.certificate());
    let proxy = Proxy::start(Some(("user", CANARY)));
    let (with, without) = (proxy.address(Some(&format!("user:{CANARY}"))), proxy.address(None));
    let base = [("GIT_TOKEN", CANARY), ("SSL_CERT_FILE", pem.to_str().expect("text"))];
    let far = json!({"url": server.url_as(FAR, "r.git")});

    let mut agent = desk.strict_agent(&base).await;
    agent.refused("git_clone", far.clone(), "unavailable", &["connect"]).await;
    agent.done().await;
    let mut agent = desk.strict_agent(&[base[0], base[1], ("HTTPS_PROXY", &without)]).await;
    agent.refused("git_clone", far.clone(), "unavailable", &["proxy"]).await;
    agent.done().await;
    assert!(server.seen().is_empty());

    let through = [base[0], base[1], ("HTTPS_PROXY", &*with), ("NO_PROXY", "localhost,git.example")];
    let mut agent = desk.strict_agent(&through).await;
    agent.fine("git_clone", far).await;
    let ours = desk.commit(&desk.ws().join("r"), &[("a", "1\n")], "ours");
    agent.fine("git_push", json!({"cwd": "r"})).await;
    agent.fine("git_pull", json!({"cwd": "r"})).await;
    assert_eq!(tip(&remote, "main"), ours);
    let heads = proxy.heads();
    assert!(heads.iter().all(|head| head.starts_with(&format!("CONNECT {FAR}:{} ", server.port()))), "{heads:?}");
    // The proxy learns where to, and nothing of what is said there.
    use base64::Engine as _;
    let token = base64::engine::general_purpose::STANDARD.encode(format!("git:{CANARY}"));
    assert!(heads.iter().all(|head| !head.contains(&token) && !head.contains("r.git")), "{heads:?}");
    // And is not asked for what is excepted.
    agent.fine("git_clone", json!({"url": server.url_as("localhost", "r.git"), "dir": "near"})).await;
    assert_eq!(proxy.heads().len(), heads.len());
    agent.done().await;
    clean(&format!("{:?}", names(&desk.ws())), "the workspace");
}
