//! The description of GitHub judges, and can be told from one that lets everything pass; queries are judged and answered.

use harness::github::specification::Specification;
use harness::github::{Access, Fault, Github, Rule};
use harness::skip;
use serde_json::{Value, json};

#[test]
fn a_wrong_answer_is_told() {
    let specification = match Specification::get() {
        Ok(specification) => specification,
        Err(reason) => return skip("a_wrong_answer_is_told", &reason),
    };
    let id = "pulls/get";
    let mut example = specification.examples(id).pop().expect("an example");
    // Older than what is said of teams today.
    example["requested_teams"] = json!([]);
    assert_eq!(specification.check_response(id, 200, &example), Ok(()));
    // Null where the description has it, and where only GitHub has.
    (example["merged_by"], example["user"], example["head"]["repo"]) = (Value::Null, Value::Null, Value::Null);
    assert_eq!(specification.check_response(id, 200, &example), Ok(()));
    for (pointer, wrong) in [
        ("/number", json!("1")),
        ("/state", json!("merged")),
        ("/title", Value::Null),
        ("/created_at", json!("yesterday")),
        ("/base/repo/owner/login", json!(7)),
    ] {
        let mut other = example.clone();
        *other.pointer_mut(pointer).expect("a field") = wrong;
        let said = specification.check_response(id, 200, &other).expect_err(pointer);
        assert!(said.contains(pointer), "{pointer}: {said}");
    }
    assert!(specification.check_response(id, 200, &json!([])).is_err());
    assert!(specification.check_response(id, 404, &json!({"error": "no"})).is_err());
    assert_eq!(specification.check_response(id, 451, &json!({"message": "blocked"})), Ok(()));
}

#[test]
fn there_are_examples_of_everything() {
    let specification = match Specification::get() {
        Ok(specification) => specification,
        Err(reason) => return skip("there_are_examples_of_everything", &reason),
    };
    for operation in specification.operations() {
        let examples = specification.examples(operation);
        // Of a redirect there is nothing to show.
        assert_eq!(examples.is_empty(), operation == "actions/download-job-logs-for-workflow-run", "{operation}");
        assert!(examples.iter().all(|example| !example.is_null()), "{operation}");
    }
    match Specification::webhook_payloads() {
        Ok(payloads) => assert!(payloads.len() > 100 && payloads.iter().all(Value::is_object), "{}", payloads.len()),
        Err(reason) => skip("there_are_examples_of_everything", &reason),
    }
}

/// The review threads of a pull request.
const THREADS: &str = "query ReviewThreads($owner: String!, $repo: String!, $number: Int!, $after: String) {
  repository(owner: $owner, name: $repo) { pullRequest(number: $number) {
    reviewThreads(first: 2, after: $after) { totalCount pageInfo { hasNextPage endCursor }
      nodes { isResolved isOutdated path line originalLine
        comments(first: 1) { totalCount nodes { author { login } body createdAt } } } } } } }";

/// What is required of a branch and of the pull requests of a commit.
const REQUIRED: &str = "query Required($owner: String!, $repo: String!, $ref: String!) {
  repository(owner: $owner, name: $repo) {
    defaultBranchRef { ...branch }
    object(expression: $ref) { ... on Commit { associatedPullRequests(first: 5) {
      nodes { number state baseRef { ...branch } } } } } } }
fragment branch on Ref { name refUpdateRule { requiredStatusCheckContexts }
  rules(first: 100) { nodes { type parameters { __typename
    ... on RequiredStatusChecksParameters { requiredStatusChecks { context } } } } } }";

#[test]
fn queries_are_judged_by_the_schema() {
    if let Some(reason) = Specification::lacks_graphql() {
        return skip("queries_are_judged_by_the_schema", &reason);
    }
    assert_eq!(Specification::check_graphql(THREADS), Ok(()));
    assert_eq!(Specification::check_graphql(REQUIRED), Ok(()));
    let said = Specification::check_graphql(&THREADS.replace("isResolved", "resolved")).expect_err("no such field");
    assert!(said.contains("Cannot query field \"resolved\" on type \"PullRequestReviewThread\""), "{said}");
    assert!(Specification::check_graphql(&REQUIRED.replace("$ref: String!", "$ref: Int!")).is_err());
    assert!(Specification::check_graphql("query {").is_err());
}

fn ask(github: &Github, token: &str, query: &str, operation: &str, variables: Value) -> Value {
    let body = json!({"query": query, "operationName": operation, "variables": variables});
    let reply = crate::kit::send(
        &github.url(),
        "POST",
        "/graphql",
        &[("Authorization", &format!("Bearer {token}"))],
        &body.to_string(),
    );
    json!({"status": reply.status, "body": reply.json()})
}

#[test]
fn queries_are_answered_field_by_field() {
    let github = Github::start();
    github.token("secret", Access::classic("dev", &["repo"]));
    let number = github.repo("acme/shop", |repo| {
        let number = repo.pull(json!({}));
        (0..3).for_each(|line| repo.thread(number, json!({"line": line, "isResolved": line == 1})));
        repo.protect("main", &["test"]);
        repo.rule(
            "main",
            json!({"type": "required_status_checks", "parameters":
            {"required_status_checks": [{"context": "lint"}], "strict_required_status_checks_policy": true}}),
        );
        number
    });
    let threads = |after: Value| {
        let variables = json!({"owner": "acme", "repo": "shop", "number": number, "after": after});
        let said = ask(&github, "secret", THREADS, "ReviewThreads", variables);
        said["body"]["data"]["repository"]["pullRequest"]["reviewThreads"].clone()
    };
    let first = threads(Value::Null);
    assert_eq!((&first["totalCount"], &first["pageInfo"]["hasNextPage"]), (&json!(3), &json!(true)));
    let thread = &first["nodes"][1];
    assert_eq!(thread.as_object().map(serde_json::Map::len), Some(6), "only what was asked for: {thread}");
    assert_eq!(thread["isResolved"], json!(true));
    assert_eq!(thread["comments"]["nodes"][0]["author"], json!({"login": "reviewer"}));
    let second = threads(first["pageInfo"]["endCursor"].clone());
    assert_eq!(
        (second["nodes"].as_array().map(Vec::len), &second["pageInfo"]["hasNextPage"]),
        (Some(1), &json!(false))
    );

    let variables = json!({"owner": "acme", "repo": "shop", "ref": "feature"});
    let said = ask(&github, "secret", REQUIRED, "Required", variables.clone());
    let branch = json!({"name": "main", "refUpdateRule": {"requiredStatusCheckContexts": ["test"]}, "rules": {"nodes": [
        {"type": "REQUIRED_STATUS_CHECKS", "parameters": {"__typename": "RequiredStatusChecksParameters",
            "requiredStatusChecks": [{"context": "lint"}]}}]}});
    let pulls = json!({"nodes": [{"number": number, "state": "OPEN", "baseRef": branch}]});
    let expected = json!({"defaultBranchRef": branch, "object": {"associatedPullRequests": pulls}});
    assert_eq!(said["body"]["data"]["repository"], expected);

    // What goes wrong is said beside what did not, with status 200.
    let none = ask(&github, "secret", THREADS, "ReviewThreads", json!({"owner": "acme", "repo": "shop", "number": 99}));
    assert_eq!((&none["status"], &none["body"]["errors"][0]["type"]), (&json!(200), &json!("NOT_FOUND")));
    let unknown =
        ask(&github, "secret", THREADS, "ReviewThreads", json!({"owner": "acme", "repo": "none", "number": 1}));
    assert_eq!(unknown["body"]["errors"][0]["path"], json!(["repository"]));
    let unset = ask(&github, "secret", THREADS, "ReviewThreads", json!({"owner": "acme"}));
    assert!(unset["body"]["data"].is_null() && unset["body"]["errors"][0]["message"].is_string(), "{unset}");
    let many = ask(&github, "secret", &REQUIRED.replace("100", "101"), "Required", variables);
    assert_eq!(many["body"]["errors"][0]["type"], json!("EXCESSIVE_PAGINATION"));
    github.rules([Rule::new("POST", "/graphql", Fault::DoneBut(502)).holding("ReviewThreads")]);
    assert_eq!(ask(&github, "secret", THREADS, "ReviewThreads", json!({}))["status"], json!(502));
    assert_eq!(ask(&github, "secret", REQUIRED, "Required", json!({}))["status"], json!(200));
    github.rules([]);
    assert_eq!(ask(&github, "wrong", THREADS, "ReviewThreads", json!({}))["status"], json!(401));
}
