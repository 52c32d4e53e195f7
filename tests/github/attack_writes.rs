//! Drafts: writes that are reported wrongly, or made twice.

use serde_json::json;

use crate::attack_kit::{Double, ask, document, pull, reply, shop, silence};

fn comments(asked: &crate::attack_kit::Asked) -> bool {
    asked.method == "POST" && asked.path() == "/repos/acme/shop/issues/2/comments"
}

#[tokio::test]
async fn what_a_proxy_answered_was_not_written_by_github() {
    for (body, kind) in [
        ("<html>Sign in</html>", "text/html"),
        ("{}", "application/json"),
        (r#"{"message":"queued"}"#, "application/json"),
    ] {
        for status in [200, 202] {
            let double =
                Double::start(move |asked, _| comments(asked).then(|| reply(status, body).with("content-type", kind)));
            let (text, error) = ask(&double, "github_add_issue_comment", json!({"number": 2, "body": "hi"})).await;
            assert!(error && !text.contains("was written"), "HTTP {status} {body}: {text}");
        }
    }
}

#[tokio::test]
async fn a_204_is_no_comment() {
    let double = Double::start(|asked, _| comments(asked).then(|| reply(204, "")));
    let (text, error) = ask(&double, "github_add_issue_comment", json!({"number": 2, "body": "hi"})).await;
    assert!(error && !text.contains("was written"), "{text}");
}

#[tokio::test]
async fn a_pull_request_that_was_opened_is_told_though_reviews_hang() {
    let double = Double::start(|asked, _| {
        if asked.method == "POST" && asked.path() == "/repos/acme/shop/pulls" {
            std::thread::sleep(std::time::Duration::from_secs(2));
            return Some(reply(201, pull().to_string()));
        }
        (asked.method == "POST" && asked.path().ends_with("requested_reviewers")).then(|| {
            let mut answer = reply(201, "");
            answer.drip = Some(|stream| {
                while std::io::Write::write_all(stream, b"1\r\n \r\n").is_ok() {
                    std::thread::sleep(std::time::Duration::from_secs(8));
                }
            });
            answer
        })
    });
    let mut client = double.client().await;
    let arguments = shop(json!({"title": "T", "head": "feature", "base": "main", "reviewers": ["ada"]}));
    let id = client.ask("tools/call", json!({"name": "github_create_pr", "arguments": arguments})).await;
    let answer = loop {
        match client.next(std::time::Duration::from_secs(90)).await {
            Some(message) if message["id"] == id => break message,
            Some(_) => {}
            None => panic!("no answer"),
        }
    };
    assert!(answer.to_string().contains("opened pull request #1"), "{answer}");
}

#[tokio::test]
async fn what_is_asked_for_is_what_is_said_to_be_opened() {
    let double = Double::start(|asked, _| {
        (asked.method == "POST" && asked.path() == "/repos/acme/shop/pulls").then(|| {
            let mut pull = pull();
            pull["draft"] = json!(false);
            reply(201, pull.to_string())
        })
    });
    let (text, _) =
        ask(&double, "github_create_pr", json!({"title": "T", "head": "feature", "base": "main", "draft": true})).await;
    assert!(!text.contains("opened draft"), "GitHub opened one that is no draft: {text}");
}

#[tokio::test]
async fn a_dry_run_that_is_misspelt_is_no_write() {
    for more in [
        json!({"dryrun": true}),
        json!({"dry_run": "yes"}),
        json!({"dry_run": 1}),
        json!({"Dry_Run": true}),
        json!({"dry_run": "TRUE"}),
        json!({"dry-run": true}),
        json!({"dryRun": true}),
        json!({"dry_run": null}),
    ] {
        let double = Double::start(|asked, _| comments(asked).then(|| reply(201, r#"{"html_url":"x"}"#)));
        let mut arguments = json!({"number": 2, "body": "hi"});
        arguments.as_object_mut().expect("object").extend(more.as_object().expect("object").clone());
        let (_, _) = ask(&double, "github_add_issue_comment", arguments).await;
        let sent = double.seen().iter().filter(|asked| comments(asked)).count();
        assert!(sent == 0 || more["dry_run"].is_null() && more.get("dry_run").is_some(), "{more}");
    }
}

#[tokio::test]
async fn a_write_answered_by_a_redirect_is_not_sent_again() {
    for status in [301, 302, 303, 307, 308] {
        let double = Double::start(move |asked, _| {
            comments(asked)
                .then(|| reply(status, "").with("location", "/repositories/7/issues/2/comments"))
                .or_else(|| (asked.path() == "/repositories/7").then(|| document(&json!({"full_name": "acme/store"}))))
        });
        let (text, error) = ask(&double, "github_add_issue_comment", json!({"number": 2, "body": "hi"})).await;
        assert!(error, "{text}");
        assert_eq!(double.seen().iter().filter(|asked| asked.method == "POST").count(), 1);
    }
    let _ = silence;
}
