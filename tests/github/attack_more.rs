//! Drafts, second round.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use base64::Engine;
use harness::{Client, Start};
use serde_json::json;

use crate::attack_kit::{Double, SHA, ask, document, reply, run, runs, shop};

fn checks() -> String {
    format!("/commits/{SHA}/check-runs")
}

#[tokio::test]
async fn issues_behind_a_thousand_pull_requests_are_not_none() {
    let double = Double::start(|asked, _| {
        asked.of("/issues").then(|| {
            let page = asked.target.split("&page=").nth(1).and_then(|text| text.parse::<u32>().ok()).unwrap_or(1);
            if page == 12 {
                return document(&json!([{"number": 9, "title": "outage"}]));
            }
            let pulls: Vec<_> = (0..100).map(|at| json!({"number": at + 100 * page, "pull_request": {}})).collect();
            document(&json!(pulls)).with("link", format!("<https://api.github.com/x?page={}>; rel=\"next\"", page + 1))
        })
    });
    let (text, _) = ask(&double, "github_list_issues", json!({})).await;
    assert!(!text.lines().any(|line| line == "none"), "{text}");
}

#[tokio::test]
async fn the_end_cuts_no_write_that_ends_in_time() {
    // SECURITY.md: SIGTERM cuts no write that ends within 900 ms.
    let double = Double::start(|asked, _| {
        (asked.method == "POST").then(|| {
            std::thread::sleep(Duration::from_millis(500));
            reply(201, r#"{"id":1,"html_url":"https://github.com/x"}"#)
        })
    });
    let mut client = double.client().await;
    let arguments = shop(json!({"number": 2, "body": "hi"}));
    let id = client.ask("tools/call", json!({"name": "github_add_issue_comment", "arguments": arguments})).await;
    let started = Instant::now();
    while !double.seen().iter().any(|asked| asked.method == "POST") {
        assert!(started.elapsed() < Duration::from_secs(10));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    client.signal(rustix::process::Signal::TERM);
    let answer = client.answer(id).await;
    assert!(answer.to_string().contains("commented on"), "{answer}");
}

#[tokio::test]
async fn a_cancelled_call_lets_its_app_token_go() {
    let double = Double::start(|asked, _| {
        asked.path().ends_with("/access_tokens").then(|| {
            std::thread::sleep(Duration::from_secs(100));
            reply(500, "")
        })
    });
    let key = std::env::temp_dir().join(format!("attack-key3-{}.pem", std::process::id()));
    std::process::Command::new("openssl")
        .args(["genrsa", "-traditional", "-out"])
        .arg(&key)
        .arg("2048")
        .output()
        .expect("openssl");
    let start = Start::new(env!("CARGO_BIN_EXE_github-server"))
        .env("GITHUB_API_URL", double.url())
        .env("GITHUB_APP_ID", "1")
        .env("GITHUB_APP_INSTALLATION_ID", "2")
        .env("GITHUB_APP_PRIVATE_KEY_FILE", &key);
    let mut client = Client::spawn(&start).ready().await;
    let sockets = |process: u32| {
        std::fs::read_dir(format!("/proc/{process}/fd"))
            .expect("fds")
            .flatten()
            .filter(|entry| {
                std::fs::read_link(entry.path()).is_ok_and(|link| link.to_string_lossy().starts_with("socket"))
            })
            .count()
    };
    let before = sockets(client.process());
    let id = client.ask("tools/call", json!({"name": "github_get_repo", "arguments": shop(json!({}))})).await;
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert!(sockets(client.process()) > before);
    client.notify("notifications/cancelled", json!({"requestId": id})).await;
    tokio::time::sleep(Duration::from_millis(1300)).await;
    let after = sockets(client.process());
    assert_eq!(before, after);
}

#[tokio::test]
async fn a_secondary_limit_without_a_time_is_heeded() {
    let double = Double::start(|asked, _| {
        if asked.of(&checks()) {
            return Some(document(&runs(&(1..=5).map(|id| run(id, &format!("t{id}"), "failure")).collect::<Vec<_>>())));
        }
        (asked.path().ends_with("/logs") || asked.path().ends_with("/annotations"))
            .then(|| reply(429, r#"{"message":"You have exceeded a secondary rate limit"}"#))
    });
    ask(&double, "github_get_check_runs", json!({"ref": "#1"})).await;
    let after = double
        .seen()
        .iter()
        .filter(|asked| asked.path().ends_with("/logs") || asked.path().ends_with("/annotations"))
        .count();
    assert!(after <= 1, "{after} requests after the first refusal");
}

#[tokio::test]
async fn no_more_than_a_hundred_requests_at_once() {
    static NOW: AtomicUsize = AtomicUsize::new(0);
    static MOST: AtomicUsize = AtomicUsize::new(0);
    let double = Double::start(|asked, _| {
        asked.of("").then(|| {
            MOST.fetch_max(NOW.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(500));
            NOW.fetch_sub(1, Ordering::SeqCst);
            document(&json!({"full_name": "acme/shop"}))
        })
    });
    let mut client = double.client().await;
    let mut ids = Vec::new();
    for _ in 0..400 {
        ids.push(client.ask("tools/call", json!({"name": "github_get_repo", "arguments": shop(json!({}))})).await);
    }
    for id in ids {
        client.answer(id).await;
    }
    let most = MOST.load(Ordering::SeqCst);
    assert!(most <= 100, "{most} at once: GitHub shuts out who has more than 100");
}

#[tokio::test]
async fn a_cursor_with_another_place_does_not_panic() {
    let double = Double::start(|asked, _| {
        asked.of("/pulls").then(|| {
            let pulls: Vec<_> = (1..=3).map(|number| json!({"number": number})).collect();
            document(&json!(pulls)).with("link", "<https://api.github.com/x?page=2>; rel=\"next\"")
        })
    });
    let (text, _) = ask(&double, "github_list_prs", json!({"limit": 3})).await;
    let cursor = crate::asking::cursor(&text).expect("a cursor");
    let engine = base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let mut bytes = engine.decode(cursor).expect("base64");
    bytes[4..12].fill(0xff);
    let (text, error) = ask(&double, "github_list_prs", json!({"limit": 3, "cursor": engine.encode(bytes)})).await;
    assert!(!text.contains("internal") && error, "{text}");
}

#[tokio::test]
async fn a_signed_address_is_not_logged() {
    let storage = Arc::new(Double::start(|_, _| Some(reply(200, "##[error]x\n"))));
    let place = storage.url();
    let double = Double::start(move |asked, _| {
        if asked.of("/actions/jobs/1/logs") {
            return Some(
                reply(302, "")
                    .with("location", format!("{place}/signed-path-SECRETPATH/log?sig=SECRETSIG&token=SECRETQUERY")),
            );
        }
        asked.of(&checks()).then(|| document(&runs(&[run(1, "test", "failure")])))
    });
    let mut client = Client::spawn(&double.program().env("RUST_LOG", "trace")).ready().await;
    harness::ask(&mut client, "github_get_check_runs", shop(json!({"ref": "#1"}))).await;
    client.close().await;
    client.ended().await;
    let log = client.stderr();
    for secret in ["SECRETPATH", "SECRETSIG", "SECRETQUERY"] {
        println!(
            "{secret}: {:?}",
            log.lines().find(|line| line.contains(secret)).map(|line| line.chars().take(400).collect::<String>())
        );
    }
    assert!(!log.contains("SECRETSIG") && !log.contains("SECRETQUERY"));
}

#[tokio::test]
async fn a_pull_request_comes_from_a_listed_repository() {
    let double = Double::start(|asked, _| {
        (asked.method == "POST" && asked.path() == "/repos/acme/shop/pulls")
            .then(|| reply(201, crate::attack_kit::pull().to_string()))
    });
    let mut client = Client::spawn(&double.program().env("GITHUB_REPOS", "acme/shop")).ready().await;
    let answer = harness::ask(
        &mut client,
        "github_create_pr",
        shop(json!({"title": "T", "head": "evil:steal", "base": "main"})),
    )
    .await;
    assert!(answer.1, "{}", answer.0);
}

#[tokio::test]
async fn pending_is_not_said_of_what_was_half_read() {
    let double = Double::start(|asked, _| {
        if asked.of(&format!("/commits/{SHA}/status")) {
            return Some(reply(403, r#"{"message":"Resource not accessible"}"#));
        }
        asked.of(&checks()).then(|| document(&runs(&[json!({"id": 1, "name": "slow", "status": "queued"})])))
    });
    let (text, _) = ask(&double, "github_get_check_runs", json!({"ref": "#1"})).await;
    assert!(text.lines().next().unwrap_or_default().contains("not everything"), "{text}");
}

#[tokio::test]
async fn a_body_that_breaks_off_is_not_whole() {
    // No length, and the connection is closed in the middle: of a log, and of a diff whose numbers GitHub did not tell.
    let double = Double::start(|asked, _| {
        if asked.path().ends_with("/logs") {
            let mut answer = reply(200, "");
            answer.drip = Some(|stream| {
                std::io::Write::write_all(stream, b"5\r\nab\ncd\r\n").ok();
            });
            return Some(answer);
        }
        asked.of(&checks()).then(|| document(&runs(&[run(1, "test", "failure")])))
    });
    let (text, _) = ask(&double, "github_get_check_runs", json!({"ref": "#1"})).await;
    assert!(text.contains("could not look at the log"), "{text}");
}

#[tokio::test]
async fn an_app_that_is_not_taken_any_longer_does_not_ask_for_tokens_without_end() {
    let double = Double::start(|asked, _| {
        if asked.path().ends_with("/access_tokens") {
            return Some(reply(
                201,
                r#"{"token":"ghs_0123456789012345678901234567890123456789","expires_at":"2099-01-01T00:00:00Z"}"#,
            ));
        }
        Some(reply(401, r#"{"message":"Bad credentials"}"#))
    });
    let key = std::env::temp_dir().join(format!("attack-key4-{}.pem", std::process::id()));
    std::process::Command::new("openssl")
        .args(["genrsa", "-traditional", "-out"])
        .arg(&key)
        .arg("2048")
        .output()
        .expect("openssl");
    let start = Start::new(env!("CARGO_BIN_EXE_github-server"))
        .env("GITHUB_API_URL", double.url())
        .env("GITHUB_APP_ID", "1")
        .env("GITHUB_APP_INSTALLATION_ID", "2")
        .env("GITHUB_APP_PRIVATE_KEY_FILE", &key);
    let mut client = Client::spawn(&start).ready().await;
    let mut ids = Vec::new();
    for _ in 0..50 {
        ids.push(client.ask("tools/call", json!({"name": "github_get_repo", "arguments": shop(json!({}))})).await);
    }
    for id in ids {
        client.answer(id).await;
    }
    let minted = double.seen().iter().filter(|asked| asked.path().ends_with("/access_tokens")).count();
    assert!(minted < 10, "{minted} tokens for 50 calls");
}

#[tokio::test]
async fn an_expired_token_by_a_fast_clock() {
    let double = Double::start(|asked, _| {
        asked.path().ends_with("/access_tokens").then(|| {
            reply(
                201,
                r#"{"token":"ghs_0123456789012345678901234567890123456789","expires_at":"2020-01-01T00:00:00Z"}"#,
            )
        })
    });
    let key = std::env::temp_dir().join(format!("attack-key5-{}.pem", std::process::id()));
    std::process::Command::new("openssl")
        .args(["genrsa", "-traditional", "-out"])
        .arg(&key)
        .arg("2048")
        .output()
        .expect("openssl");
    let start = Start::new(env!("CARGO_BIN_EXE_github-server"))
        .env("GITHUB_API_URL", double.url())
        .env("GITHUB_APP_ID", "1")
        .env("GITHUB_APP_INSTALLATION_ID", "2")
        .env("GITHUB_APP_PRIVATE_KEY_FILE", &key);
    let mut client = Client::spawn(&start).ready().await;
    let (text, _) = harness::ask(&mut client, "github_get_pr", shop(json!({"number": 1}))).await;
    let minted = double.seen().iter().filter(|asked| asked.path().ends_with("/access_tokens")).count();
    assert!(minted < 2, "{minted} tokens for {} requests; {text}", double.seen().len());
}
