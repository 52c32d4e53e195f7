//! What the reading tools say of a shop in which all is as it should be.

use harness::github::{Access, Github};
use serde_json::json;

use crate::asking::{Asking, TOKEN, asked, shop};

/// The shop of the double's own tests, open to the token of these.
pub fn open() -> Github {
    let github = crate::kit::shop();
    github.token(TOKEN, Access::classic("dev", &["repo"]));
    github
}

#[tokio::test]
async fn every_tool_prints() {
    let github = open();
    let mut server = Asking::of(&github).await;
    for (tool, arguments) in [
        ("github_get_repo", json!({})),
        ("github_list_prs", json!({})),
        ("github_get_pr", json!({"number": 1, "include": ["reviews", "threads", "checks", "files", "comments"]})),
        ("github_get_pr_diff", json!({"number": 1})),
        ("github_list_issues", json!({})),
        ("github_get_issue", json!({"number": 2, "include": ["comments", "timeline"]})),
        ("github_list_branches", json!({})),
        ("github_get_check_runs", json!({"ref": "#1"})),
        ("github_get_workflow_runs", json!({})),
        ("github_create_pr", json!({"title": "T", "head": "feature", "base": "main", "dry_run": true})),
        ("github_add_pr_comment", json!({"number": 1, "body": "hi", "dry_run": true})),
        ("github_add_issue_comment", json!({"number": 2, "body": "hi"})),
    ] {
        github.forget();
        let (text, error) = server.ask(tool, shop(arguments)).await;
        println!("== {tool} {error}\n{text}\n-- {:#?}", asked(&github));
    }
    server.done(&github).await;
}
