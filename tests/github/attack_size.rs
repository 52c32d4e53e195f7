//! Drafts: what is too large, too slow, or too much at once.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::attack_kit::{Double, SHA, ask, document, reply, run, runs, shop};

fn checks() -> String {
    format!("/commits/{SHA}/check-runs")
}

fn resident(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let peak = status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default();
    peak.split_whitespace().nth(1).and_then(|text| text.parse().ok()).unwrap_or(0) / 1024
}

#[tokio::test]
async fn reviews_of_many_do_not_cost_the_answer() {
    let double = Double::start(|asked, _| {
        asked.of("/pulls/1/reviews").then(|| {
            let all: Vec<_> = (0..40)
                .map(
                    |at| json!({"user": {"login": format!("user{at}")}, "state": "COMMENTED", "body": "x".repeat(600)}),
                )
                .collect();
            document(&json!(all))
        })
    });
    let (text, error) = ask(&double, "github_get_pr", json!({"number": 1})).await;
    assert!(!error, "{text}");
}

#[tokio::test]
async fn many_labels_and_a_long_title_do_not_cost_the_answer() {
    let double = Double::start(|asked, _| {
        asked.of("/pulls/1").then(|| {
            let mut pull = crate::attack_kit::pull();
            pull["labels"] = json!((0..100).map(|at| format!("{at}{}", "l".repeat(48))).collect::<Vec<_>>());
            pull["assignees"] =
                json!((0..10).map(|at| json!({"login": format!("{at}{}", "l".repeat(38))})).collect::<Vec<_>>());
            pull["body"] = json!("b".repeat(65_000));
            document(&pull)
        })
    });
    let (text, error) = ask(&double, "github_get_pr", json!({"number": 1, "budget": 1000})).await;
    assert!(!error, "{text}");
}

#[tokio::test]
async fn many_required_checks_do_not_cost_the_verdict() {
    let double = Double::start(|asked, _| {
        (asked.path() == "/graphql").then(|| {
            let names: Vec<String> = (0..200).map(|at| format!("{at} {}", "n".repeat(90))).collect();
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            document(&crate::attack_kit::required(&names))
        })
    });
    let (text, error) = ask(&double, "github_get_check_runs", json!({"ref": "#1"})).await;
    assert!(!error, "{text}");
}

#[tokio::test]
async fn large_logs_of_many_calls_do_not_fill_the_memory() {
    let double = Double::start(|asked, _| {
        if asked.path().ends_with("/logs") {
            let mut answer = reply(200, "");
            answer.drip = Some(|stream| {
                let chunk = vec![b'x'; 1 << 20];
                for _ in 0..100 {
                    if std::io::Write::write_all(stream, b"100000\r\n").is_err()
                        || std::io::Write::write_all(stream, &chunk).is_err()
                        || std::io::Write::write_all(stream, b"\r\n").is_err()
                    {
                        return;
                    }
                }
                std::io::Write::write_all(stream, b"0\r\n\r\n").ok();
            });
            return Some(answer);
        }
        asked.of(&checks()).then(|| document(&runs(&[run(1, "test", "failure")])))
    });
    let mut client = double.client().await;
    for count in [1_usize, 30] {
        let mut ids = Vec::new();
        for _ in 0..count {
            ids.push(
                client
                    .ask(
                        "tools/call",
                        json!({"name": "github_get_check_runs", "arguments": shop(json!({"ref": "#1"}))}),
                    )
                    .await,
            );
        }
        for id in ids {
            assert_eq!(client.answer(id).await["result"]["isError"], false);
        }
    }
    assert!(resident(client.process()) < 600, "{} MiB", resident(client.process()));
}

#[tokio::test]
async fn large_pages_of_many_calls_do_not_fill_the_memory() {
    // Fifteen megabytes of JSON a page, ten pages.
    let double = Double::start(|asked, _| {
        asked.of(&checks()).then(|| {
            let mut one = run(1, "test", "success");
            one["output"] = json!({"summary": "s".repeat(15 << 20)});
            let page = asked.target.split("page=").last().and_then(|text| text.parse::<u32>().ok()).unwrap_or(1);
            let page = if asked.target.contains("&page=") { page } else { 1 };
            document(&runs(&[one])).with("link", format!("<https://api.github.com/x?page={}>; rel=\"next\"", page + 1))
        })
    });
    let mut client = double.client().await;
    let mut ids = Vec::new();
    for _ in 0..4 {
        ids.push(
            client
                .ask("tools/call", json!({"name": "github_get_check_runs", "arguments": shop(json!({"ref": "#1"}))}))
                .await,
        );
    }
    for id in ids {
        client.answer(id).await;
    }
    assert!(resident(client.process()) < 300, "{} MiB", resident(client.process()));
}

#[tokio::test]
async fn a_call_that_is_cancelled_while_an_app_asks_for_its_token_stops() {
    let double = Double::start(|asked, _| {
        asked.path().ends_with("/access_tokens").then(|| {
            std::thread::sleep(Duration::from_secs(100));
            reply(500, "")
        })
    });
    let key = std::env::temp_dir().join(format!("attack-key-{}.pem", std::process::id()));
    let made = std::process::Command::new("openssl")
        .args(["genrsa", "-traditional", "-out"])
        .arg(&key)
        .arg("2048")
        .output()
        .expect("openssl");
    assert!(made.status.success());
    let start = harness::Start::new(env!("CARGO_BIN_EXE_github-server"))
        .env("GITHUB_API_URL", double.url())
        .env("GITHUB_APP_ID", "1")
        .env("GITHUB_APP_INSTALLATION_ID", "2")
        .env("GITHUB_APP_PRIVATE_KEY_FILE", &key);
    let mut client = harness::Client::spawn(&start).ready().await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(client.ask("tools/call", json!({"name": "github_get_repo", "arguments": shop(json!({}))})).await);
    }
    for id in ids {
        assert_eq!(client.answer(id).await["result"]["isError"], true);
    }
    // Who waited for the first one's token gets the first one's answer.
    assert_eq!(double.seen().iter().filter(|asked| asked.path().ends_with("/access_tokens")).count(), 1);
}

#[tokio::test]
async fn a_token_refused_of_an_app_is_told_as_what_it_is() {
    let key = std::env::temp_dir().join(format!("attack-key2-{}.pem", std::process::id()));
    std::process::Command::new("openssl")
        .args(["genrsa", "-traditional", "-out"])
        .arg(&key)
        .arg("2048")
        .output()
        .expect("openssl");
    for (status, expected) in [(502, "unavailable"), (403, "rate_limited"), (201, "")] {
        let double = Double::start(move |asked, _| {
            asked.path().ends_with("/access_tokens").then(|| match status {
                403 => reply(403, "{}")
                    .with("x-ratelimit-limit", "1")
                    .with("x-ratelimit-remaining", "0")
                    .with("x-ratelimit-reset", "99999999999"),
                // A clock that is ahead by more than an hour sees every token ended.
                201 => reply(
                    201,
                    r#"{"token":"ghs_0123456789012345678901234567890123456789","expires_at":"2020-01-01T00:00:00Z"}"#,
                ),
                _ => reply(status, "bad gateway"),
            })
        });
        let start = harness::Start::new(env!("CARGO_BIN_EXE_github-server"))
            .env("GITHUB_API_URL", double.url())
            .env("GITHUB_APP_ID", "1")
            .env("GITHUB_APP_INSTALLATION_ID", "2")
            .env("GITHUB_APP_PRIVATE_KEY_FILE", &key);
        let mut client = harness::Client::spawn(&start).ready().await;
        let (text, _) = harness::ask(&mut client, "github_get_check_runs", shop(json!({"ref": "#1"}))).await;
        let minted = double.seen().iter().filter(|asked| asked.path().ends_with("/access_tokens")).count();
        assert!(text.starts_with(expected) && minted < 3, "{status}: {minted} tokens asked for; {text}");
    }
}

#[tokio::test]
async fn a_thousand_calls_at_once() {
    let double = Double::start(|_, _| None);
    let mut client = double.client().await;
    let started = Instant::now();
    let mut ids = Vec::new();
    for _ in 0..1000 {
        ids.push(client.ask("tools/call", json!({"name": "github_get_repo", "arguments": shop(json!({}))})).await);
    }
    let mut errors = 0;
    for id in ids {
        let answer = client.answer(id).await;
        if answer["result"]["isError"] == true {
            errors += 1;
            if errors < 3 {}
        }
    }
    println!(
        "{:?}, {errors} errors, peak {} MiB, {} requests",
        started.elapsed(),
        resident(client.process()),
        double.seen().len()
    );
    assert_eq!(errors, 0);
}
