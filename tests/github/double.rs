//! The double answers as the description of GitHub has it.

mod access;
mod faults;

use harness::github::specification::Specification;
use harness::github::{Github, Gone, Host, sha};
use harness::skip;
use serde_json::{Value, json};

use crate::kit::{get, judged, post, send, shop};

#[test]
fn every_answer_is_as_github_describes_it() {
    let specification = match Specification::get() {
        Ok(specification) => specification,
        Err(reason) => return skip("every_answer_is_as_github_describes_it", &reason),
    };
    let github = shop();
    let failed = github.repo("acme/shop", |repo| repo.check_runs[0]["id"].as_u64().expect("an id"));
    let annotations = format!("/check-runs/{failed}/annotations");
    let mut met: Vec<String> = Vec::new();
    let mut ask = |method: &str, target: &str, body: &Value, status: u16| {
        let reply = if method == "GET" { get(&github, target) } else { post(&github, target, body) };
        assert_eq!(reply.status, status, "{method} {target}: {}", String::from_utf8_lossy(&reply.body));
        judged(&github, specification, method, target, &reply);
        met.push(specification.operation_of(method, target).expect("an operation").to_owned());
    };
    let gets = [
        "",
        "/pulls?state=all&head=acme%3Afeature&base=main&sort=updated&direction=asc&per_page=100&page=1",
        "/pulls/1",
        "/pulls/1/files",
        "/pulls/1/reviews",
        "/issues?state=all&labels=bug&assignee=dev&since=2020-01-01T00:00:00Z",
        "/issues",
        "/issues/1",
        "/issues/2",
        "/issues/2/comments?per_page=100",
        "/issues/2/timeline",
        "/issues/1/timeline",
        "/branches?protected=true",
        "/branches",
        "/branches/main",
        "/commits/feature",
        "/commits/feature/check-runs?filter=latest&per_page=100",
        "/commits/refs%2Fheads%2Ffeature/status",
        "/commits/v1/status",
        &annotations,
        "/actions/runs?branch=feature&status=in_progress&event=pull_request",
        "/actions/runs",
        "/rules/branches/main",
    ];
    for path in gets {
        ask("GET", &format!("/repos/acme/shop{path}"), &Value::Null, 200);
        if !path.is_empty() {
            ask("GET", &format!("/repositories/1001{path}"), &Value::Null, 200);
        }
    }
    ask("GET", "/user", &Value::Null, 200);
    ask("GET", "/rate_limit", &Value::Null, 200);
    ask("GET", &format!("/repos/acme/shop/actions/jobs/{failed}/logs"), &Value::Null, 302);
    for path in ["/pulls/99", "/issues/99", "/branches/none", "/check-runs/1/annotations"] {
        ask("GET", &format!("/repos/acme/shop{path}"), &Value::Null, 404);
    }
    ask("GET", "/repos/acme/none", &Value::Null, 404);
    ask("GET", "/repos/acme/shop/commits/none/check-runs", &Value::Null, 422);
    ask("POST", "/repos/acme/shop/issues/2/comments", &json!({"body": "Thanks."}), 201);
    ask("POST", "/repos/acme/shop/issues/2/comments", &json!({"body": ""}), 422);
    github.repo("acme/shop", |repo| repo.branch("topic"));
    let opened = json!({"title": "Topic", "head": "topic", "base": "main", "body": "Why.", "draft": true});
    ask("POST", "/repos/acme/shop/pulls", &opened, 201);
    ask("POST", "/repos/acme/shop/pulls", &opened, 422);
    ask("POST", "/repos/acme/shop/pulls", &json!({"title": "Topic", "head": "none", "base": "main"}), 422);
    let reviewers = json!({"reviewers": ["octocat"], "team_reviewers": ["core"]});
    ask("POST", "/repos/acme/shop/pulls/3/requested_reviewers", &reviewers, 201);
    ask("POST", "/repos/acme/shop/pulls/3/requested_reviewers", &json!({"reviewers": ["nobody"]}), 422);
    // What is described nowhere and true all the same: ghosts, and forks that were deleted.
    github.repo("acme/shop", |repo| {
        repo.pull(json!({"user": null, "head": {"ref": "gone", "sha": sha("fork"), "user": null, "repo": null}}));
        repo.gone.insert(50, Gone::Deleted);
        repo.gone.insert(51, Gone::Transferred(1001, 2));
    });
    ask("GET", "/repos/acme/shop/pulls/4", &Value::Null, 200);
    ask("GET", "/repos/acme/shop/pulls", &Value::Null, 200);
    ask("GET", "/repos/acme/shop/issues/50", &Value::Null, 410);
    ask("GET", "/repos/acme/shop/issues/51", &Value::Null, 301);
    github.repo("acme/private", |repo| _ = repo.private_now());
    ask("GET", "/repos/acme/private", &Value::Null, 200);
    let mut missing = specification.operations();
    missing.retain(|operation| !met.iter().any(|met| met == operation));
    assert_eq!(missing, ["apps/create-installation-access-token"], "described and never asked for");
}

#[test]
fn a_request_that_github_would_not_take_is_a_violation() {
    if let Err(reason) = Specification::get() {
        return skip("a_request_that_github_would_not_take_is_a_violation", &reason);
    }
    let wrong = [
        ("GET", "/repos/acme/shop/pulls?per_page=101", "", "between 1 and 100"),
        ("GET", "/repos/acme/shop/pulls?state=merged", "", "merged"),
        ("GET", "/repos/acme/shop/pulls?limit=5", "", "no query parameter `limit`"),
        ("GET", "/repos/acme/shop/pulls/one", "", "pull_number"),
        ("GET", "/repos/acme/shop/pulls?page=1&page=2", "", "twice"),
        ("GET", "/repos/acme/shop/stargazers", "", "no such operation"),
        ("GET", "/repos/acme/shop/issues?since=yesterday", "", "since"),
        ("GET", "/repos/acme/shop/issues?milestone=1", "", "does not filter"),
        ("POST", "/repos/acme/shop/issues/2/comments", "{}", "body"),
        (
            "POST",
            "/repos/acme/shop/pulls",
            r#"{"title": "x", "head": "feature", "base": "main", "reviewers": []}"#,
            "reviewers",
        ),
        ("POST", "/repos/acme/shop/pulls", r#"{"title": "x", "head": "feature"}"#, "base"),
        ("POST", "/graphql", "{}", "no query"),
    ];
    for (method, target, body, expected) in wrong {
        let github = shop();
        send(&github.url(), method, target, &[("Authorization", "Bearer secret")], body);
        let violations = github.violations();
        let [violation] = &violations[..] else { panic!("{method} {target}: {violations:?}") };
        assert!(violation.contains(expected), "{method} {target}: {violation}");
    }
}

#[test]
fn pages_are_linked_by_number_and_issues_by_cursor() {
    let github = shop();
    github.repo("acme/shop", |repo| {
        (0..10_000).for_each(|at| _ = repo.comment(2, json!({"body": format!("comment {at}")})));
        (0..3_500).for_each(|at| repo.file(1, json!({"filename": format!("f{at}.rs")})));
    });
    let first = get(&github, "/repos/Acme/SHOP/issues/2/comments?per_page=100");
    let base = format!("{}/repositories/1001/issues/2/comments?per_page=100", github.url());
    assert_eq!(
        first.header("link").expect("links"),
        format!("<{base}&page=2>; rel=\"next\", <{base}&page=101>; rel=\"last\"")
    );
    assert_eq!(first.json().as_array().expect("a list").len(), 100);
    let last = get(&github, "/repositories/1001/issues/2/comments?per_page=100&page=101");
    assert_eq!(last.json().as_array().expect("a list").len(), 1);
    assert!(!last.header("link").expect("links").contains("next"), "{:?}", last.header("link"));
    // Of more files than 3,000 the rest is never listed.
    assert_eq!(
        get(&github, "/repos/acme/shop/pulls/1/files?per_page=100&page=30").json().as_array().expect("list").len(),
        100
    );
    assert_eq!(get(&github, "/repos/acme/shop/pulls/1/files?per_page=100&page=31").json(), json!([]));
    github.repo("acme/shop", |repo| (0..6).for_each(|_| _ = repo.issue(json!({}))));
    let (mut target, mut seen) = ("/repos/acme/shop/issues?per_page=3".to_owned(), Vec::new());
    loop {
        let page = get(&github, &target);
        seen.extend(
            page.json().as_array().expect("a list").iter().map(|issue| issue["number"].as_u64().expect("number")),
        );
        let links = page.header("link").unwrap_or_default();
        assert!(!links.contains("rel=\"last\""), "{links}");
        let Some(next) = links.split(", ").find(|link| link.contains("rel=\"next\"")) else { break };
        assert!(next.contains("&after=") && next.contains("&page="), "{next}");
        let url = next.split(['<', '>']).nth(1).expect("an address");
        target = url.strip_prefix(&github.url()).expect("the same host").to_owned();
    }
    assert_eq!(seen, [8, 7, 6, 5, 4, 3, 2, 1]);
}

#[test]
fn a_commit_has_many_names() {
    let github = shop();
    let (feature, main) = github.repo("acme/shop", |repo| {
        repo.branches.insert("a/b".to_owned(), repo.branches["main"].clone());
        (repo.branch("feature"), repo.branch("main"))
    });
    for (name, sha) in [
        (feature.as_str(), &feature),
        (&feature[..9], &feature),
        ("feature", &feature),
        ("heads/feature", &feature),
        ("refs%2Fheads%2Ffeature", &feature),
        ("pull%2F1%2Fhead", &feature),
        ("refs/pull/1/head", &feature),
        ("v1", &main),
        ("tags/v1", &main),
        ("a%2Fb", &main),
        ("a/b", &main),
    ] {
        let reply = get(&github, &format!("/repos/acme/shop/commits/{name}"));
        assert_eq!((reply.status, reply.json()["sha"].as_str()), (200, Some(sha.as_str())), "{name}");
        let status = get(&github, &format!("/repos/acme/shop/commits/{name}/status"));
        assert_eq!(status.json()["sha"].as_str(), Some(sha.as_str()), "{name}");
    }
    assert_eq!(get(&github, "/repos/acme/shop/commits/none").json()["message"], "No commit found for SHA: none");
    // Nobody has said anything of it, which is called pending.
    let nothing = get(&github, "/repos/acme/shop/commits/v1/status").json();
    assert_eq!((&nothing["state"], &nothing["total_count"]), (&json!("pending"), &json!(0)));
}

#[test]
fn a_log_is_elsewhere_and_remembers_who_came_with_a_token() {
    let github = shop();
    let job = github.repo("acme/shop", |repo| repo.check_runs[0]["id"].as_u64().expect("an id"));
    let found = get(&github, &format!("/repos/acme/shop/actions/jobs/{job}/logs"));
    let location = found.header("location").expect("a place");
    assert_eq!(found.status, 302);
    let target = location.strip_prefix(&github.storage_url()).expect("the storage");
    let log = send(&github.storage_url(), "GET", target, &[("Authorization", "Bearer secret")], "");
    assert_eq!((log.status, log.body.as_slice()), (200, &b"one\ntwo\n"[..]));
    let bare = target.split('?').next().expect("a path");
    assert_eq!(send(&github.storage_url(), "GET", bare, &[], "").status, 403);
    let seen = github.seen();
    let came: Vec<bool> = seen.iter().filter(|it| it.host == Host::Storage).map(|it| it.holds("secret")).collect();
    assert_eq!(came, [true, false]);
}

#[test]
fn mergeable_is_decided_after_a_while_and_a_diff_may_be_too_large() {
    let github = shop();
    github.repo("acme/shop", |repo| repo.pull_mut(1).undecided = 2);
    let said: Vec<Value> =
        (0..3).map(|_| get(&github, "/repos/acme/shop/pulls/1").json()["mergeable"].clone()).collect();
    assert_eq!(said, [Value::Null, Value::Null, json!(true)]);
    let diff = |github: &Github| {
        let headers = [("Authorization", "Bearer secret"), ("Accept", "application/vnd.github.diff")];
        send(&github.url(), "GET", "/repos/acme/shop/pulls/1", &headers, "")
    };
    let text = String::from_utf8(diff(&github).body).expect("text");
    assert!(text.starts_with("diff --git a/src/cart.rs b/src/cart.rs\nnew file mode 100644\n"), "{text}");
    github.repo("acme/shop", |repo| repo.pull_mut(1).too_large = true);
    let refused = diff(&github);
    assert_eq!((refused.status, &refused.json()["errors"][0]["code"]), (406, &json!("too_large")));
}

#[test]
fn a_pull_request_comes_from_a_fork_or_is_refused_with_the_reason() {
    let github = shop();
    github.edit(|state| _ = state.fork("acme/shop", "dev/shop").branch("patch"));
    let open = |head: &str, base: &str| {
        let reply = post(&github, "/repos/acme/shop/pulls", &json!({"title": "x", "head": head, "base": base}));
        (reply.status, reply.json())
    };
    let (status, opened) = open("dev:patch", "main");
    assert_eq!((status, &opened["head"]["repo"]["full_name"]), (201, &json!("dev/shop")), "{opened}");
    assert_eq!((&opened["mergeable"], &opened["user"]["login"]), (&Value::Null, &json!("dev")));
    let said = |head: &str, base: &str| open(head, base).1["errors"][0].clone();
    assert_eq!(said("dev:patch", "main")["message"], "A pull request already exists for dev:patch.");
    assert_eq!(said("feature", "main")["message"], "A pull request already exists for acme:feature.");
    assert_eq!(said("dev:main", "main")["message"], "No commits between main and dev:main");
    assert_eq!((&said("none", "main")["field"], &said("feature", "none")["field"]), (&json!("head"), &json!("base")));
    github.repo("acme/shop", |repo| repo.drafts = false);
    let draft = json!({"title": "x", "head": "dev:main", "base": "feature", "draft": true});
    assert_eq!(post(&github, "/repos/acme/shop/pulls", &draft).status, 422);
    assert_eq!(github.repo("acme/shop", |repo| repo.pulls.len()), 2);
}
