//! What the reading tools say of a shop in which all is as it should be.

use harness::github::{Access, Github};
use serde_json::json;

use crate::asking::{Asking, TOKEN, asked};

/// The shop of the double's own tests, open to the token of these.
pub fn open() -> Github {
    let github = crate::kit::shop();
    github.token(TOKEN, Access::classic("dev", &["repo"]));
    github
}

#[tokio::test]
async fn every_tool_answers_with_what_is_there_for_so_many_requests() {
    let github = open();
    let mut server = Asking::of(&github).await;
    let everything = json!(["reviews", "threads", "checks", "files", "comments"]);
    for (tool, arguments, requests, says) in [
        ("github_get_repo", json!({}), 1, "public; default branch `main`"),
        ("github_list_prs", json!({}), 1, "#1 open 2026-01-01 00:11Z @octocat feature -> main: Add a cart [bug]"),
        ("github_get_pr", json!({"number": 1}), 5, "mergeable: yes (clean)"),
        ("github_get_pr", json!({"number": 1, "include": everything}), 8, "threads: 1 unresolved of 1"),
        ("github_get_pr_diff", json!({"number": 1}), 3, "+++ b/src/cart.rs"),
        (
            "github_list_issues",
            json!({}),
            1,
            "#2 open 2026-01-01 00:21Z @octocat for @dev, 1 comment: It crashes [bug] [p1]",
        ),
        (
            "github_get_issue",
            json!({"number": 2, "include": ["comments", "timeline"]}),
            3,
            "closed by octocat: completed",
        ),
        ("github_list_branches", json!({}), 1, "main (protected)"),
        ("github_get_check_runs", json!({"ref": "#1"}), 4, "failure: 3 of 4 failing (1 required)"),
        ("github_get_workflow_runs", json!({}), 1, "success in 5m00s 2026-01-01 00:10Z CI #1 by push"),
        (
            "github_create_pr",
            json!({"title": "T", "head": "other", "base": "main", "dry_run": true}),
            1,
            "nothing was sent",
        ),
        (
            "github_add_pr_comment",
            json!({"number": 1, "body": "hi", "dry_run": true}),
            1,
            "a comment on pull request #1 (open)",
        ),
        ("github_add_issue_comment", json!({"number": 2, "body": "hi"}), 2, "commented on issue #2"),
    ] {
        github.forget();
        let text = server.shop(tool, arguments.clone()).await;
        assert!(text.contains(says), "{tool}: {text}");
        let asked = asked(&github);
        assert_eq!(
            asked.iter().filter(|asked| !asked.starts_with("GET /logs")).count(),
            requests,
            "{tool} {arguments}: {asked:#?}"
        );
    }
    server.done(&github).await;
}

#[tokio::test]
async fn a_usual_pull_request_with_reviews_checks_and_files_costs_few_tokens() {
    let github = open();
    github.repo("acme/shop", |repo| {
        let head = repo.branches["feature"].sha.clone();
        for number in 0..12 {
            repo.check_run(&head, json!({"name": format!("job {number}"), "conclusion": "success"}));
            repo.file(1, json!({"filename": format!("src/module_{number}/part.rs"), "status": "modified"}));
        }
        for who in ["ada", "bob", "cleo"] {
            repo.review(1, json!({"user": {"login": who}, "state": "APPROVED", "body": "Looks right to me, with two remarks in the file."}));
        }
    });
    let mut server = Asking::of(&github).await;
    let text = server.shop("github_get_pr", json!({"number": 1, "include": ["reviews", "checks", "files"]})).await;
    assert!(text.len() <= 1200 * 4, "{} bytes: {text}", text.len());
    server.done(&github).await;
}
