//! What GitHub itself gives as examples of its answers, and what it sends to webhooks: every tool reads all of it.

use harness::github::{Fault, Github, Rule, specification::Specification};
use serde_json::{Value, json};

use crate::asking::{Asking, shop};
use crate::reading::open;

/// What a tool asks, the operations it asks it with, and where the double is asked for them.
const ASKED: &[(&str, &str, &str, &str)] = &[
    ("github_get_repo", "{}", "repos/get", "/repos/acme/shop"),
    ("github_list_prs", "{}", "pulls/list", "/repos/acme/shop/pulls?"),
    ("github_get_pr", r#"{"number": 1, "include": []}"#, "pulls/get", "/repos/acme/shop/pulls/1"),
    ("github_get_pr", r#"{"number": 1}"#, "pulls/list-reviews", "/repos/acme/shop/pulls/1/reviews"),
    ("github_get_pr", r#"{"number": 1, "include": ["files"]}"#, "pulls/list-files", "/repos/acme/shop/pulls/1/files"),
    (
        "github_get_pr",
        r#"{"number": 1, "include": ["comments"]}"#,
        "issues/list-comments",
        "/repos/acme/shop/issues/1/comments",
    ),
    ("github_list_issues", "{}", "issues/list-for-repo", "/repos/acme/shop/issues?"),
    ("github_get_issue", r#"{"number": 2}"#, "issues/get", "/repos/acme/shop/issues/2"),
    (
        "github_get_issue",
        r#"{"number": 2, "include": ["timeline"]}"#,
        "issues/list-events-for-timeline",
        "/repos/acme/shop/issues/2/timeline",
    ),
    ("github_list_branches", "{}", "repos/list-branches", "/repos/acme/shop/branches"),
    ("github_get_check_runs", r#"{"ref": "feature"}"#, "checks/list-for-ref", "/repos/acme/shop/commits/"),
    ("github_get_check_runs", r#"{"ref": "feature"}"#, "checks/list-annotations", "/repos/acme/shop/check-runs/"),
    (
        "github_get_check_runs",
        r#"{"ref": "feature"}"#,
        "repos/get-combined-status-for-ref",
        "/repos/acme/shop/commits/",
    ),
    ("github_get_workflow_runs", "{}", "actions/list-workflow-runs-for-repo", "/repos/acme/shop/actions/runs"),
];

/// The tool's answer when the double answers with `body` where it is asked at `prefix`.
async fn answered(
    server: &mut Asking,
    github: &Github,
    tool: &str,
    arguments: &str,
    prefix: &str,
    body: &Value,
) -> String {
    github.rules([Rule::new(
        "GET",
        prefix,
        Fault::Status(200, vec![("content-type", "application/json".into())], body.to_string()),
    )]);
    let arguments: Value = serde_json::from_str(arguments).expect("arguments");
    let (text, _) = server.ask(tool, shop(arguments)).await;
    github.rules([]);
    text
}

#[tokio::test]
async fn every_example_of_the_description_is_read() {
    let specification = match Specification::get() {
        Ok(specification) => specification,
        Err(reason) => return harness::skip("github::corpus::every_example", &reason),
    };
    let github = open();
    let mut server = Asking::of(&github).await;
    let mut read = 0;
    for (tool, arguments, operation, prefix) in ASKED {
        let head = github.repo("acme/shop", |repo| repo.branches["feature"].sha.clone());
        let prefix = match *operation {
            "checks/list-for-ref" => format!("{prefix}{head}/check-runs"),
            "repos/get-combined-status-for-ref" => format!("{prefix}{head}/status"),
            _ => (*prefix).to_owned(),
        };
        // In places the document has a reference where an example should be.
        let examples = specification.examples(operation).into_iter().filter(|example| example.get("$ref").is_none());
        for example in examples {
            let text = answered(&mut server, &github, tool, arguments, &prefix, &example).await;
            assert!(!text.contains("is not what this server knows"), "{operation}: {text}\n{example:#}");
            assert!(!text.starts_with("internal"), "{operation}: {text}");
            read += 1;
        }
    }
    assert!(read >= ASKED.len() - 2, "{read} examples");
    server.done(&github).await;
}

#[tokio::test]
async fn what_is_sent_to_webhooks_is_read_as_what_it_is() {
    let payloads = match Specification::webhook_payloads() {
        Ok(payloads) => payloads,
        Err(reason) => return harness::skip("github::corpus::what_is_sent_to_webhooks", &reason),
    };
    let github = open();
    let mut server = Asking::of(&github).await;
    let mut read = 0;
    for (key, tool, arguments, prefix) in [
        ("repository", "github_get_repo", "{}", "/repos/acme/shop"),
        ("pull_request", "github_get_pr", r#"{"number": 1, "include": []}"#, "/repos/acme/shop/pulls/1"),
        ("issue", "github_get_issue", r#"{"number": 2, "include": []}"#, "/repos/acme/shop/issues/2"),
    ] {
        let found: Vec<&Value> =
            payloads.iter().filter_map(|payload| payload.get(key)).filter(|value| value.is_object()).collect();
        assert!(found.len() > 10, "{} of {key}", found.len());
        for value in found.into_iter().take(60) {
            let mut value = value.clone();
            // Or each of them would be asked for again until GitHub has made up its mind.
            if key == "pull_request" && !value["mergeable"].is_boolean() {
                value["mergeable"] = true.into();
            }
            let value = &value;
            let text = answered(&mut server, &github, tool, arguments, prefix, value).await;
            assert!(!text.contains("is not what this server knows"), "{key}: {text}\n{value:#}");
            read += 1;
        }
    }
    // Check runs come alone; the list of them is made here.
    let runs: Vec<Value> = payloads.iter().filter_map(|payload| payload.get("check_run").cloned()).collect();
    let head = github.repo("acme/shop", |repo| repo.branches["feature"].sha.clone());
    let prefix = format!("/repos/acme/shop/commits/{head}/check-runs");
    let body = json!({"total_count": runs.len(), "check_runs": runs});
    let text = answered(&mut server, &github, "github_get_check_runs", r#"{"ref": "feature"}"#, &prefix, &body).await;
    assert!(!text.contains("is not what this server knows"), "{text}");
    assert!(read > 60, "{read}");
    server.done(&github).await;
}

#[test]
fn what_the_server_asks_of_graphql_is_in_githubs_schema() {
    if let Some(reason) = Specification::lacks_graphql() {
        return harness::skip("github::corpus::what_the_server_asks_of_graphql", &reason);
    }
    let [commit, pull] = mcp_github::required::queries();
    for query in [commit.as_str(), pull.as_str(), mcp_github::reviews::QUERY] {
        assert_eq!(Specification::check_graphql(query), Ok(()), "{query}");
    }
}
