//! Answers that are not what they were when this server was written: parts that are null, missing or of another kind, words that are new.

use std::collections::BTreeSet;

use harness::github::{Fault, Github, Rule, Seen};
use serde_json::{Value, json};

use crate::asking::{Asking, TOKEN};
use crate::failing::reads;
use crate::kit::send;
use crate::reading::open;

/// What a thing is known by, and lists that an answer is there for: without them it may be refused, whatever else is there.
const IDENTITY: &[&str] = &[
    "",
    "number",
    "id",
    "full_name",
    "name",
    "login",
    "filename",
    "nameWithOwner",
    "context",
    "totalCount",
    "hasNextPage",
    "check_runs",
    "statuses",
    "workflow_runs",
];

/// The pointers into `value`, of lists the first member alone; addresses are left out, since nobody looks at them.
fn pointers(value: &Value, at: &str, depth: usize, found: &mut BTreeSet<String>) {
    found.insert(at.to_owned());
    if depth == 0 {
        return;
    }
    match value {
        Value::Object(fields) => {
            for (name, inner) in fields.iter().filter(|(name, _)| !name.ends_with("url") && *name != "_links") {
                pointers(inner, &format!("{at}/{name}"), depth - 1, found);
            }
        }
        Value::Array(items) => {
            items.iter().take(1).for_each(|item| pointers(item, &format!("{at}/0"), depth - 1, found))
        }
        _ => {}
    }
}

/// The JSON that a request got.
fn again(github: &Github, seen: &Seen) -> Option<Value> {
    let accept = seen.header("accept").unwrap_or_default().to_owned();
    let headers = [("Authorization", "Bearer secret"), ("Accept", accept.as_str())];
    let body = String::from_utf8_lossy(&seen.body).into_owned();
    serde_json::from_slice(&send(&github.url(), &seen.method, &seen.target, &headers, &body).body).ok()
}

/// A rule that meets this request alone, and the first time alone: it may be asked again in another form.
fn rule(seen: &Seen, fault: Fault) -> Rule {
    let body = String::from_utf8_lossy(&seen.body);
    let query = ["ReviewThreads", "Required"].into_iter().find(|name| body.contains(name)).unwrap_or_default();
    Rule::new(&seen.method, &seen.target, fault).holding(query).exactly().once()
}

#[tokio::test]
async fn whatever_is_null_or_of_another_kind_there_is_an_answer_or_a_clear_error() {
    let github = open();
    let mut server = Asking::of(&github).await;
    let mut calls = 0;
    let mut wrong = Vec::new();
    for (tool, arguments) in reads() {
        github.rules([]);
        github.forget();
        server.shop(tool, arguments.clone()).await;
        for seen in github.seen() {
            // A diff is no JSON.
            let Some(whole) = again(&github, &seen) else { continue };
            github.edit(|state| [TOKEN, "secret"].map(|token| *state.remaining(token) = 5000));
            let mut places = BTreeSet::new();
            pointers(&whole, "", 4, &mut places);
            for place in places {
                let leaked: &'static str = place.clone().leak();
                // A list without one of its members would look whole.
                let known_by = place == "/0" || IDENTITY.contains(&place.rsplit('/').next().unwrap_or_default());
                for value in [Value::Null, json!({"strange": true})] {
                    github.rules([rule(&seen, Fault::Replaced(leaked, value.clone()))]);
                    let (text, error) = server.ask(tool, crate::asking::shop(arguments.clone())).await;
                    calls += 1;
                    let shown = format!("{tool}, {} {} with {value} at {place:?}: {text}", seen.method, seen.target);
                    let clear = text.starts_with("unavailable: ") || text.starts_with("not_found: ");
                    let enough = !error || clear && (!value.is_null() || known_by);
                    if text.contains("internal") || text.contains("panic") || !enough {
                        wrong.push(shown);
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {calls}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(calls > 500, "{calls} calls");
    server.done(&github).await;
}

#[tokio::test]
async fn what_was_deleted_is_null_and_said() {
    let github = open();
    let mut server = Asking::of(&github).await;
    let pull = json!({"number": 1, "include": []});
    let issue = json!({"number": 2, "include": []});
    for (tool, arguments, target, place, says) in [
        ("github_get_pr", &pull, "/repos/acme/shop/pulls/1", "/user", "ghost"),
        ("github_get_pr", &pull, "/repos/acme/shop/pulls/1", "/head/repo", "(its fork is deleted)"),
        ("github_get_pr", &pull, "/repos/acme/shop/pulls/1", "/head", "unknown"),
        ("github_get_pr", &pull, "/repos/acme/shop/pulls/1", "/mergeable", "mergeable: not known"),
        ("github_list_prs", &json!({}), "/repos/acme/shop/pulls", "/0/head/repo", "(deleted fork)"),
        ("github_get_issue", &issue, "/repos/acme/shop/issues/2", "/user", "ghost"),
        ("github_get_issue", &issue, "/repos/acme/shop/issues/2", "/labels/0", "p1"),
        ("github_get_repo", &json!({}), "/repos/acme/shop", "/permissions", "GitHub does not say what it may"),
        ("github_list_branches", &json!({}), "/repos/acme/shop/branches", "/0/commit", "unknown"),
    ] {
        github.rules([Rule::new("GET", target, Fault::Replaced(place, Value::Null)).first(4)]);
        let text = server.shop(tool, arguments.clone()).await;
        assert!(text.contains(says), "{tool} {place}: {text}");
    }
    server.done(&github).await;
}

#[tokio::test]
async fn a_word_that_is_new_never_makes_an_answer_better_than_it_is() {
    let github = open();
    let head = github.repo("acme/shop", |repo| {
        let head = repo.branch("fine");
        repo.check_run(&head, json!({"name": "test"}));
        repo.check_run(&head, json!({"name": "lint"}));
        repo.status(&head, json!({}));
        head
    });
    let mut server = Asking::of(&github).await;
    let fine = json!({"ref": "fine"});
    let text = server.shop("github_get_check_runs", fine.clone()).await;
    assert!(text.lines().next().is_some_and(|line| line.contains(": success")), "{text}");
    for (place, value) in [
        ("/check_runs/0/conclusion", json!("vaporised")),
        ("/check_runs/0/conclusion", json!("two words `and` more")),
        ("/check_runs/0/conclusion", Value::Null),
        ("/check_runs/0/status", json!("dreaming")),
        ("/check_runs/0/status", Value::Null),
        ("/statuses/0/state", json!("vaporised")),
        ("/statuses/0/state", Value::Null),
    ] {
        let source = if place.starts_with("/check_runs") { "check-runs" } else { "status?" };
        let target = format!("/repos/acme/shop/commits/{head}/{source}");
        github.rules([Rule::new("GET", &target, Fault::Replaced(place, value.clone()))]);
        let text = server.shop("github_get_check_runs", fine.clone()).await;
        assert!(!text.lines().next().unwrap_or_default().contains(": success"), "{place} {value}: {text}");
    }
    for (tool, arguments, target, place, says) in [
        (
            "github_get_pr",
            json!({"number": 1, "include": []}),
            "/repos/acme/shop/pulls/1",
            "/mergeable_state",
            "(quantum)",
        ),
        ("github_get_pr", json!({"number": 1, "include": []}), "/repos/acme/shop/pulls/1", "/state", "#1: quantum"),
        ("github_get_pr", json!({"number": 1}), "/repos/acme/shop/pulls/1/reviews", "/0/state", "quantum"),
        ("github_get_repo", json!({}), "/repos/acme/shop", "/visibility", "quantum"),
        ("github_get_issue", json!({"number": 2, "include": []}), "/repos/acme/shop/issues/2", "/state", "#2: quantum"),
        ("github_get_workflow_runs", json!({}), "/repos/acme/shop/actions/runs", "/workflow_runs/0/status", "quantum"),
    ] {
        github.rules([Rule::new("GET", target, Fault::Replaced(place, json!("quantum"))).first(4)]);
        let text = server.shop(tool, arguments).await;
        assert!(text.contains(says), "{tool} {place}: {text}");
    }
    server.done(&github).await;
}
