//! Verdicts: success is only said of what was seen whole, and what failed is shown with the reason.

use harness::github::{Access, Fault, Github, Rule};
use serde_json::json;

use crate::asking::{Asking, TOKEN, asked, start};

/// A job's log as Actions writes it.
const LOG: &str = "\u{feff}2026-11-25T14:00:00.0000000Z ##[group]Run cargo test --workspace\n\
2026-11-25T14:00:00.1000000Z cargo test --workspace\n\
2026-11-25T14:00:00.2000000Z shell: /usr/bin/bash -e {0}\n\
2026-11-25T14:00:00.3000000Z ##[endgroup]\n\
2026-11-25T14:00:09.0000000Z    Compiling shop v0.1.0\n\
2026-11-25T14:00:21.0000000Z error[E0308]: mismatched types\n\
2026-11-25T14:00:21.0000001Z   --> src/cart.rs:14:9\n\
2026-11-25T14:00:21.0000002Z    |\n\
2026-11-25T14:00:21.0000003Z 14 |         total\n\
2026-11-25T14:00:21.0000004Z    |         ^^^^^ expected `u64`, found `i64`\n\
2026-11-25T14:00:21.5000000Z error: could not compile `shop` (lib) due to 1 previous error\n\
2026-11-25T14:00:21.6000000Z ##[error]Process completed with exit code 101.\n";

/// A pull request with checks that succeeded, of which `test` is required.
pub fn green() -> Github {
    let github = Github::start();
    github.token(TOKEN, Access::classic("dev", &["repo"]));
    github.repo("acme/shop", |repo| {
        repo.pull(json!({"title": "Add a cart"}));
        let head = repo.branch("feature");
        repo.check_run(&head, json!({"name": "test", "conclusion": "success"}));
        repo.check_run(&head, json!({"name": "docs", "conclusion": "skipped"}));
        repo.status(&head, json!({"context": "ci/build", "state": "success"}));
        repo.protect("main", &["test"]);
    });
    github
}

/// The verdict's line.
async fn verdict(github: &Github, reference: &str) -> String {
    let mut server = Asking::of(github).await;
    let text = server.shop("github_get_check_runs", json!({"ref": reference})).await;
    server.done(github).await;
    text
}

#[tokio::test]
async fn all_of_two_kinds_succeeded_and_three_requests_said_so() {
    let github = green();
    let mut server = Asking::of(&github).await;
    for reference in ["#1", "pull/1/head", "feature"] {
        github.forget();
        let text = server.shop("github_get_check_runs", json!({"ref": reference})).await;
        assert!(text.contains("success: all 3 succeeded; `main` requires 1 check"), "{text}");
        assert_eq!(asked(&github).len(), 3, "{reference}: {:?}", asked(&github));
    }
    server.done(&github).await;
}

#[tokio::test]
async fn a_failing_job_is_shown_with_its_first_error_for_one_request_more() {
    let github = green();
    github.repo("acme/shop", |repo| {
        let head = repo.branches["feature"].sha.clone();
        let failed = repo.check_run(&head, json!({"name": "build", "conclusion": "failure"}));
        repo.job_log(failed, LOG);
    });
    let mut server = Asking::of(&github).await;
    let text = server.shop("github_get_check_runs", json!({"ref": "#1"})).await;
    assert!(text.contains("failure: 1 of 4 failing (none of them required)"), "{text}");
    assert!(text.contains("the error in line 6"), "{text}");
    assert!(text.contains("expected `u64`, found `i64`") && !text.contains("2026-11-25T14:00:21"), "{text}");
    // Three, and one for the failing job; the storage host is asked by redirect.
    let asked = asked(&github);
    assert_eq!(asked.iter().filter(|asked| !asked.starts_with("GET /logs")).count(), 4, "{asked:?}");
    // The README shows it: `-- checking::a_failing --nocapture`.
    println!("{text}");
    // The whole answer to "what is wrong" is small.
    assert!(text.len() <= 800 * 4, "{} bytes", text.len());
    server.done(&github).await;
}

#[tokio::test]
async fn a_required_check_that_never_reported_is_not_success() {
    let github = green();
    github.repo("acme/shop", |repo| repo.protect("main", &["test", "e2e"]));
    let text = verdict(&github, "#1").await;
    assert!(text.contains("pending: all 3 succeeded; required and not reported yet: `e2e`"), "{text}");
}

#[tokio::test]
async fn a_source_that_cannot_be_read_takes_success_away() {
    for tail in ["check-runs", "status"] {
        let github = green();
        let head = github.repo("acme/shop", |repo| repo.branches["feature"].sha.clone());
        let body = r#"{"message":"Resource not accessible by personal access token","status":"403"}"#;
        let target = format!("/repos/acme/shop/commits/{head}/{tail}");
        github.rules([Rule::new("GET", &target, Fault::Status(403, Vec::new(), body.into()))]);
        let text = verdict(&github, "#1").await;
        assert!(text.contains("unknown: ") && text.contains("could not look at"), "{tail}: {text}");
        assert!(!text.contains("success:"), "{tail}: {text}");
    }
}

#[tokio::test]
async fn without_a_token_it_is_said_that_nobody_knows_what_is_required() {
    let github = green();
    let mut start = start(&github);
    start.env.retain(|(name, _)| name != "GITHUB_TOKEN");
    let mut server = Asking::with(&start).await;
    let text = server.shop("github_get_check_runs", json!({"ref": "#1"})).await;
    assert!(text.contains("success: all 3 succeeded"), "{text}");
    assert!(text.contains("could not look at which checks are required: unauthenticated"), "{text}");
    assert_eq!(asked(&github).len(), 3, "{:?}", asked(&github));
    server.done(&github).await;
}

#[tokio::test]
async fn no_checks_at_all_is_none_and_an_unknown_ref_is_an_error() {
    let github = green();
    github.repo("acme/shop", |repo| {
        repo.protect("main", &[]);
        repo.branch("bare")
    });
    let mut server = Asking::of(&github).await;
    let text = server.shop("github_get_check_runs", json!({"ref": "bare"})).await;
    assert!(text.contains("none: no check has reported"), "{text}");
    let error = server.shop_err("github_get_check_runs", json!({"ref": "nowhere"})).await;
    assert!(error.starts_with("not_found") || error.starts_with("invalid_argument"), "{error}");
    let error = server.shop_err("github_get_check_runs", json!({"ref": "#99"})).await;
    assert!(error.starts_with("not_found"), "{error}");
    server.done(&github).await;
}

#[tokio::test]
async fn where_there_is_no_log_annotations_or_its_own_words_speak() {
    let github = green();
    github.repo("acme/shop", |repo| {
        let head = repo.branches["feature"].sha.clone();
        // Actions, and its log is gone.
        let expired = repo.check_run(&head, json!({"name": "expired", "conclusion": "failure"}));
        repo.annotation(expired, json!({"path": "src/cart.rs", "start_line": 14, "message": "mismatched types", "annotation_level": "failure"}));
        // An app that only has a summary.
        repo.check_run(
            &head,
            json!({"name": "scanner", "conclusion": "failure", "app": {"slug": "scanner"},
                "output": {"title": "1 problem", "summary": "cart.rs is <!-- ignore me --> unsafe", "annotations_count": 0}}),
        );
    });
    let text = verdict(&github, "#1").await;
    assert!(text.contains("src/cart.rs:14: ") && text.contains("mismatched types"), "{text}");
    assert!(text.contains("could not look at the log of `expired`"), "{text}");
    assert!(text.contains("cart.rs is [not shown on GitHub: ignore me] unsafe"), "{text}");
}

#[tokio::test]
async fn checks_beyond_the_first_page_count() {
    let github = green();
    github.repo("acme/shop", |repo| {
        let head = repo.branches["feature"].sha.clone();
        for number in 0..250 {
            repo.check_run(&head, json!({"name": format!("job {number:03}"), "conclusion": if number == 0 { "failure" } else { "success" }}));
        }
    });
    let text = verdict(&github, "#1").await;
    assert!(text.contains("failure: 1 of 253 failing"), "{text}");
}

#[tokio::test]
async fn the_answer_is_about_one_commit_even_when_the_branch_moves() {
    let github = green();
    let head = github.repo("acme/shop", |repo| repo.branches["feature"].sha.clone());
    let mut server = Asking::of(&github).await;
    let text = server.shop("github_get_check_runs", json!({"ref": "feature"})).await;
    assert!(text.contains(&head[..10]), "{text}");
    let by_name = asked(&github).into_iter().filter(|asked| asked.contains("commits/feature")).count();
    assert_eq!(by_name, 0, "{:?}", asked(&github));
    server.done(&github).await;
}
