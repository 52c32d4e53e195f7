//! Where this server goes and where it does not: the allow-list, renamed repositories, redirects, settings.

use harness::Start;
use harness::github::{Access, Fault, Github, Rule};
use serde_json::json;

use crate::asking::{Asking, TOKEN, asked, cursor, start};
use crate::reading::open;

/// A server that may speak of these repositories only.
fn only(github: &Github, repositories: &str) -> Start {
    start(github).env("GITHUB_REPOS", repositories)
}

#[tokio::test]
async fn what_is_not_on_the_list_is_not_even_asked_about() {
    let github = open();
    let mut server = Asking::with(&only(&github, "acme/api, tools/*")).await;
    for (tool, more) in [
        ("github_get_repo", json!({})),
        ("github_get_check_runs", json!({"ref": "main"})),
        ("github_add_issue_comment", json!({"number": 2, "body": "hi"})),
        ("github_create_pr", json!({"title": "T", "head": "feature", "base": "main", "dry_run": true})),
    ] {
        let error = server.shop_err(tool, more).await;
        assert!(error.starts_with("forbidden") && error.contains("acme/api, tools/*"), "{error}");
    }
    assert_eq!(asked(&github), [""; 0]);
    server.done(&github).await;
    let mut server = Asking::with(&only(&github, "ACME/*")).await;
    server.shop("github_get_repo", json!({})).await;
    server.done(&github).await;
}

#[tokio::test]
async fn a_list_that_cannot_be_understood_allows_nothing() {
    let github = open();
    for wrong in ["acme", "*", "acme/shop,*/*", ","] {
        let mut server = Asking::with(&only(&github, wrong)).await;
        let error = server.shop_err("github_get_repo", json!({})).await;
        assert!(error.starts_with("invalid_argument") && error.contains("GITHUB_REPOS"), "{wrong}: {error}");
        server.done(&github).await;
    }
    assert_eq!(asked(&github), [""; 0]);
}

#[tokio::test]
async fn a_renamed_repository_is_followed_only_onto_the_list() {
    let github = open();
    github.edit(|state| state.rename("acme/shop", "acme/store"));
    let mut server = Asking::of(&github).await;
    let text = server.shop("github_list_branches", json!({})).await;
    assert!(text.contains("acme/store (renamed from acme/shop)") && text.contains("feature"), "{text}");
    server.done(&github).await;

    github.forget();
    let mut server = Asking::with(&only(&github, "acme/shop")).await;
    for (tool, more) in [
        ("github_get_repo", json!({})),
        ("github_get_pr", json!({"number": 1})),
        ("github_get_check_runs", json!({"ref": "feature"})),
        ("github_get_check_runs", json!({"ref": "#1"})),
    ] {
        let error = server.shop_err(tool, more).await;
        assert!(error.starts_with("forbidden") && !error.contains("store"), "{tool}: {error}");
    }
    // Of the new name nothing but the name was read.
    for asked in asked(&github) {
        assert!(!asked.contains("acme/store"), "{asked}");
    }
    server.done(&github).await;

    let mut server = Asking::with(&only(&github, "acme/*")).await;
    server.shop("github_get_pr", json!({"number": 1})).await;
    server.done(&github).await;
}

#[tokio::test]
async fn a_redirect_to_another_host_is_not_followed_and_gets_no_token() {
    let github = open();
    let elsewhere = open();
    for status in [301, 302, 307, 308] {
        github.rules([Rule::new("*", "/repos", Fault::Elsewhere(status, elsewhere.url()))]);
        let mut server = Asking::of(&github).await;
        for (tool, more) in [
            ("github_get_repo", json!({})),
            ("github_get_pr_diff", json!({"number": 1})),
            ("github_add_issue_comment", json!({"number": 2, "body": "hi"})),
        ] {
            let error = server.shop_err(tool, more).await;
            assert!(error.starts_with("unavailable"), "{tool} {status}: {error}");
        }
        server.done(&github).await;
    }
    assert_eq!(asked(&elsewhere), [""; 0]);
}

#[tokio::test]
async fn a_log_may_lie_elsewhere_and_is_fetched_without_the_token() {
    let github = open();
    let mut server = Asking::of(&github).await;
    let text = server.shop("github_get_check_runs", json!({"ref": "#1"})).await;
    assert!(text.contains("`test` failed, its log"), "{text}");
    assert!(github.seen().iter().any(|seen| seen.host == harness::github::Host::Storage));
    // `done` looks through what the storage host got.
    server.done(&github).await;
}

#[tokio::test]
async fn a_log_does_not_lead_to_where_clouds_keep_their_secrets() {
    for target in ["http://169.254.169.254", "http://[fd00:ec2::254]", "http://0.0.0.0:1", "http://user:pw@127.0.0.1:1"]
    {
        let github = open();
        github.rules([Rule::new("GET", "/repos/acme/shop/actions/jobs", Fault::Elsewhere(302, target.into()))]);
        let mut server = Asking::of(&github).await;
        let text = server.shop("github_get_check_runs", json!({"ref": "#1"})).await;
        assert!(text.contains("could not look at the log of `test`"), "{target}: {text}");
        assert!(!text.contains("user:pw"), "{text}");
        server.done(&github).await;
    }
}

#[tokio::test]
async fn a_cursor_belongs_to_its_question() {
    let github = open();
    github.repo("acme/shop", |repo| {
        for number in 0..5 {
            repo.branch(&format!("b{number}"));
        }
    });
    let mut server = Asking::of(&github).await;
    let text = server.shop("github_list_branches", json!({"limit": 2})).await;
    let next = cursor(&text).expect("a cursor").to_owned();
    let second = server.shop("github_list_branches", json!({"limit": 2, "cursor": next})).await;
    assert!(second.contains("[3-4"), "{second}");
    let asked_before = asked(&github).len();
    for (tool, more) in [
        ("github_list_branches", json!({"limit": 3, "cursor": next})),
        ("github_list_branches", json!({"limit": 2, "protected": true, "cursor": next})),
        ("github_list_prs", json!({"limit": 2, "cursor": next})),
        ("github_list_branches", json!({"limit": 2, "cursor": "AAAA"})),
    ] {
        let error = server.shop_err(tool, more).await;
        assert!(error.starts_with("invalid_argument") && error.contains("cursor"), "{error}");
    }
    assert_eq!(asked(&github).len(), asked_before);
    server.done(&github).await;
}

#[tokio::test]
async fn no_word_of_a_caller_leads_out_of_the_repository() {
    let github = open();
    let mut server = Asking::of(&github).await;
    for (tool, arguments) in [
        ("github_get_repo", json!({"owner": "acme", "repo": "../other"})),
        ("github_get_repo", json!({"owner": "acme/shop/..", "repo": "x"})),
        ("github_get_repo", json!({"owner": "acme", "repo": "shop/pulls"})),
        ("github_get_repo", json!({"owner": "acme", "repo": "shop?x=y"})),
        ("github_get_repo", json!({"owner": "acme", "repo": ".."})),
        ("github_get_check_runs", json!({"owner": "acme", "repo": "shop", "ref": "../../../user"})),
        ("github_get_check_runs", json!({"owner": "acme", "repo": "shop", "ref": "a?b"})),
        ("github_list_prs", json!({"owner": "acme", "repo": "shop", "head": "a&state=all"})),
        ("github_get_workflow_runs", json!({"owner": "acme", "repo": "shop", "event": "push&x"})),
        ("github_list_prs", json!({"owner": "acme", "repo": "shop", "base": "--x"})),
    ] {
        let (text, error) = server.ask(tool, arguments.clone()).await;
        assert!(error || !text.contains("other"), "{tool} {arguments}: {text}");
    }
    for asked in asked(&github) {
        let path = asked.split(['?', ' ']).nth(1).unwrap_or_default().to_owned();
        assert!(path.starts_with("/repos/acme/shop") || path == "/graphql", "{asked}");
    }
    server.done(&github).await;
}

#[tokio::test]
async fn a_setting_that_is_wrong_is_told_and_nothing_is_asked() {
    let github = open();
    for (name, value) in [
        ("GITHUB_API_URL", "http://example.test"),
        ("GITHUB_API_URL", "https://dev:hunter2hunter2@example.test"),
        ("GITHUB_TOKEN", "two words"),
    ] {
        let mut start = start(&github);
        start.env.retain(|(known, _)| known != name);
        let mut server = Asking::with(&start.env(name, value)).await;
        assert_eq!(server.client().tools().await.len(), 12);
        let error = server.shop_err("github_get_repo", json!({})).await;
        assert!(error.contains(name) && !error.contains("hunter2") && !error.contains("two words"), "{error}");
        server.done(&github).await;
    }
    assert_eq!(asked(&github), [""; 0]);
}

#[tokio::test]
async fn an_app_signs_in_once_and_again_when_its_token_is_taken_back() {
    use harness::github::{App, app::Key};
    let github = crate::kit::shop();
    let key = match Key::new() {
        Ok(key) => key,
        Err(reason) => return harness::skip("github::guarding::an_app_signs_in_once", &reason),
    };
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("key.pem");
    std::fs::write(&file, &key.pem).expect("the key");
    github.app(App::new(7, 42, key.public));
    let mut start = start(&github);
    start.env.retain(|(name, _)| name != "GITHUB_TOKEN");
    let start = start
        .env("GITHUB_APP_ID", "7")
        .env("GITHUB_APP_INSTALLATION_ID", "42")
        .env("GITHUB_APP_PRIVATE_KEY_FILE", file);
    let mut server = Asking::with(&start).await;
    server.shop("github_get_repo", json!({})).await;
    server.shop("github_list_branches", json!({})).await;
    assert_eq!(github.count("POST", "/app/installations/42/access_tokens"), 1);
    // Once more with a new one: a read, and not a write.
    let body = r#"{"message":"Bad credentials","status":"401"}"#;
    github.rules([Rule::new("GET", "/repos/acme/shop/pulls", Fault::Status(401, Vec::new(), body.into())).once()]);
    server.shop("github_list_prs", json!({})).await;
    assert_eq!(github.count("POST", "/app/installations/42/access_tokens"), 2);
    server.done(&github).await;
}

#[tokio::test]
async fn doctor_says_who_it_is_and_shows_no_token() {
    let github = open();
    let output = start(&github).arg("doctor").output().await;
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    for part in ["from GITHUB_TOKEN", "`dev`", "scopes repo", "requests left until"] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(!text.contains(TOKEN), "{text}");
    github.token(TOKEN, Access::fine_grained("dev"));
    let output = start(&github).arg("doctor").output().await;
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("fine-grained") && text.contains("2027-01-31"), "{text}");
}
