//! The double answers as the description of GitHub has it, and does what it is told to do wrong.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use harness::github::specification::Specification;
use harness::github::{Access, App, Fault, Github, Gone, Host, Rule, app, sha};
use harness::skip;
use serde_json::{Value, json};

/// What came back; nothing for the status when there was no answer.
pub struct Reply {
    pub status: u16,
    head: String,
    body: Vec<u8>,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    fn header(&self, name: &str) -> Option<String> {
        let lines = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        lines.filter(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned()).last()
    }
}

/// Sends a request on a connection of its own and reads until its end.
pub fn send(base: &str, method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Reply {
    let address = base.strip_prefix("http://").expect("an address");
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a socket");
    let mut text = format!("{method} {target} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
    text.push_str("User-Agent: harness\r\n");
    if !headers.iter().any(|(name, _)| *name == "Accept") {
        text.push_str("Accept: application/vnd.github+json\r\n");
    }
    headers.iter().for_each(|(name, value)| text.push_str(&format!("{name}: {value}\r\n")));
    text.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
    stream.write_all(text.as_bytes()).expect("write");
    let mut bytes = Vec::new();
    // A connection that breaks ends here too.
    stream.read_to_end(&mut bytes).ok();
    let at = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or(bytes.len());
    let head = String::from_utf8_lossy(&bytes[..at]).into_owned();
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    Reply { status, head, body: bytes.get(at + 4..).unwrap_or_default().to_vec() }
}

fn get(github: &Github, target: &str) -> Reply {
    send(&github.url(), "GET", target, &[("Authorization", "Bearer secret")], "")
}

fn post(github: &Github, target: &str, body: &Value) -> Reply {
    send(&github.url(), "POST", target, &[("Authorization", "Bearer secret")], &body.to_string())
}

/// A shop with one of everything.
fn shop() -> Github {
    let github = Github::start();
    github.token("secret", Access::classic("dev", &["repo"]));
    github.repo("acme/shop", |repo| {
        let pull = repo.pull(json!({"title": "Add a cart", "labels": ["bug"], "requested_reviewers": ["reviewer"],
            "requested_teams": ["core"], "auto_merge": {"enabled_by": harness::github::user("http://a.example", "dev"),
            "merge_method": "squash", "commit_title": null, "commit_message": null}}));
        repo.file(pull, json!({"filename": "src/cart.rs", "status": "added"}));
        repo.file(pull, json!({"filename": "logo.png", "patch": null}));
        repo.file(pull, json!({"filename": "b.rs", "previous_filename": "a.rs", "status": "renamed"}));
        repo.review(pull, json!({"state": "CHANGES_REQUESTED"}));
        repo.review(pull, json!({"user": null, "body": ""}));
        repo.thread(pull, json!({}));
        repo.comment(pull, json!({"body": "Nice."}));
        let issue = repo
            .issue(json!({"title": "It crashes", "labels": ["bug", "p1"], "assignee": "dev", "assignees": ["dev"]}));
        repo.comment(issue, json!({"user": null}));
        repo.event(issue, json!({}));
        repo.event(issue, json!({"event": "closed", "state_reason": "completed"}));
        repo.event(issue, json!({"event": "assigned", "assignee": "dev"}));
        let head = repo.branch("feature");
        repo.status(&head, json!({"state": "failure"}));
        let failed = repo.check_run(&head, json!({"name": "test", "conclusion": "failure"}));
        repo.annotation(failed, json!({}));
        repo.check_run(&head, json!({"name": "slow", "status": "in_progress"}));
        repo.check_run(&head, json!({"name": "old", "conclusion": "stale", "app": null}));
        repo.job_log(failed, "one\ntwo\n");
        repo.run(json!({}));
        repo.run(json!({"status": "in_progress", "event": "pull_request", "head_branch": "feature", "head_sha": head}));
        repo.protect("main", &["test"]);
        repo.rule(
            "main",
            json!({"type": "required_status_checks", "parameters":
            {"required_status_checks": [{"context": "test"}, {"context": "lint", "integration_id": 15368}],
            "strict_required_status_checks_policy": false}}),
        );
        repo.rule("main", json!({"type": "deletion"}));
        repo.tags.insert("v1".to_owned(), repo.branches["main"].sha.clone());
    });
    github
}

/// Whether an answer is as the description has it.
fn judged(github: &Github, specification: &Specification, method: &str, target: &str, reply: &Reply) {
    let operation = specification.operation_of(method, target).unwrap_or_else(|| panic!("no operation for {target}"));
    let body = reply.json();
    if let Err(error) = specification.check_response(operation, reply.status, &body) {
        panic!("{method} {target} ({operation}, {}): {error}\n{body:#}", reply.status);
    }
    assert_eq!(github.violations(), [""; 0], "{method} {target}");
}

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
fn what_is_known_costs_nothing_and_what_is_spent_is_refused() {
    let github = shop();
    let first = get(&github, "/repos/acme/shop");
    assert_eq!(first.header("x-ratelimit-remaining").as_deref(), Some("4999"));
    assert_eq!(first.header("x-oauth-scopes").as_deref(), Some("repo"));
    let tag = first.header("etag").expect("a tag");
    assert!(tag.starts_with("W/\""), "{tag}");
    let known = [("Authorization", "Bearer secret"), ("If-None-Match", tag.as_str())];
    let again = send(&github.url(), "GET", "/repos/acme/shop", &known, "");
    assert_eq!((again.status, again.body.len()), (304, 0));
    assert_eq!(again.header("x-ratelimit-remaining").as_deref(), Some("4999"));
    github.repo("acme/shop", |repo| repo.json["description"] = json!("Another"));
    assert_eq!(send(&github.url(), "GET", "/repos/acme/shop", &known, "").status, 200);
    github.edit(|state| *state.remaining("secret") = 0);
    let refused = get(&github, "/repos/acme/shop");
    assert_eq!((refused.status, refused.header("x-ratelimit-remaining").as_deref()), (403, Some("0")));
    assert_eq!(get(&github, "/rate_limit").json()["rate"]["remaining"], 0);
}

#[test]
fn who_may_what() {
    let github = shop();
    github.repo("acme/private", |repo| {
        repo.private_now();
        repo.pull(json!({}));
        repo.issue(json!({}));
    });
    github.token("public", Access::classic("dev", &["public_repo"]));
    github.token("narrow", Access::fine_grained("dev").only(&["acme/private"]).without("checks").reads("issues"));
    let as_who = |token: &str, method: &str, target: &str, body: &str| {
        let bearer = format!("Bearer {token}");
        let headers = [("Authorization", bearer.as_str())];
        send(&github.url(), method, target, if token.is_empty() { &[] } else { &headers }, body)
    };
    let comment = r#"{"body": "x"}"#;
    for (token, method, target, body, status) in [
        ("", "GET", "/repos/acme/shop", "", 200),
        ("", "GET", "/repos/acme/private", "", 404),
        ("", "POST", "/repos/acme/shop/issues/2/comments", comment, 401),
        ("", "GET", "/user", "", 401),
        ("wrong", "GET", "/repos/acme/shop", "", 401),
        ("public", "GET", "/repos/acme/private", "", 404),
        ("public", "POST", "/repos/acme/shop/issues/2/comments", comment, 201),
        ("secret", "GET", "/repos/acme/private/pulls", "", 200),
        ("narrow", "GET", "/repos/acme/private/pulls", "", 200),
        ("narrow", "GET", "/repos/acme/private/commits/main/check-runs", "", 403),
        ("narrow", "GET", "/repos/acme/shop/commits/main/check-runs", "", 200),
        ("narrow", "POST", "/repos/acme/private/issues/2/comments", comment, 403),
        ("narrow", "POST", "/repos/acme/private/issues/1/comments", comment, 201),
        ("narrow", "POST", "/repos/acme/shop/issues/1/comments", comment, 403),
    ] {
        let reply = as_who(token, method, target, body);
        assert_eq!(reply.status, status, "{token} {method} {target}: {}", String::from_utf8_lossy(&reply.body));
        let says = reply.header("x-accepted-github-permissions").is_some();
        assert_eq!(says, status == 403, "{token} {method} {target}");
    }
    github.repo("acme/shop", |repo| repo.json["archived"] = json!(true));
    assert_eq!(as_who("secret", "POST", "/repos/acme/shop/issues/2/comments", comment).status, 403);
}

#[test]
fn a_renamed_repository_is_found_by_its_number() {
    let github = shop();
    github.edit(|state| state.rename("acme/shop", "acme/store"));
    let moved = get(&github, "/repos/acme/shop/pulls?state=all");
    let there = format!("{}/repositories/1001/pulls?state=all", github.url());
    assert_eq!((moved.status, moved.header("location")), (301, Some(there.clone())));
    assert_eq!(post(&github, "/repos/acme/shop/issues/2/comments", &json!({"body": "x"})).status, 307);
    assert_eq!(get(&github, there.strip_prefix(&github.url()).expect("here")).status, 200);
    assert_eq!(get(&github, "/repos/acme/store").json()["full_name"], "acme/store");
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
fn an_installation_has_tokens_for_a_while() {
    let key = match app::Key::new() {
        Ok(key) => key,
        Err(reason) => return skip("an_installation_has_tokens_for_a_while", &reason),
    };
    let github = shop();
    github.app(App::new(7, 8, key.public.clone()).life(2));
    let word = |issuer: u64, life: i64| {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a clock").as_secs() as i64;
        let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!(
            "{}.{}",
            part(json!({"alg": "RS256", "typ": "JWT"})),
            part(json!({"iss": issuer, "iat": now - 60, "exp": now + life}))
        );
        let pair = key.pair();
        let mut signature = vec![0; pair.public().modulus_len()];
        let random = ring::rand::SystemRandom::new();
        pair.sign(&ring::signature::RSA_PKCS1_SHA256, &random, signed.as_bytes(), &mut signature).expect("signed");
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    };
    let ask = |word: &str, installation: u64| {
        let bearer = format!("Bearer {word}");
        let target = format!("/app/installations/{installation}/access_tokens");
        send(&github.url(), "POST", &target, &[("Authorization", &bearer)], "")
    };
    assert_eq!(ask("a.b.c", 8).status, 401);
    assert_eq!(ask(&word(9, 300), 8).status, 401);
    assert_eq!(ask(&word(7, 3000), 8).status, 401);
    assert_eq!(ask(&word(7, -1), 8).status, 401);
    assert_eq!(ask(&word(7, 300), 9).status, 404);
    let given = ask(&word(7, 300), 8);
    assert_eq!(given.status, 201, "{}", String::from_utf8_lossy(&given.body));
    if let Ok(specification) = Specification::get() {
        judged(&github, specification, "POST", "/app/installations/8/access_tokens", &given);
    }
    let bearer = format!("Bearer {}", given.json()["token"].as_str().expect("a token"));
    let as_app = || send(&github.url(), "GET", "/repos/acme/shop", &[("Authorization", &bearer)], "").status;
    assert_eq!(as_app(), 200);
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(as_app(), 401);
}

#[test]
fn faults_are_met_by_those_they_are_meant_for() {
    let github = shop();
    let target = "/repos/acme/shop/issues/2/comments";
    let with = |method: &str, fault: Fault| {
        github.rules([Rule::new(method, "/repos/acme/shop", fault).once()]);
        if method == "GET" { get(&github, "/repos/acme/shop") } else { post(&github, target, &json!({"body": "x"})) }
    };
    let comments = || github.repo("acme/shop", |repo| repo.comments[&2].len());
    // Before it is done, and after.
    assert_eq!((with("POST", Fault::Status(502, vec![], "no".to_owned())).status, comments()), (502, 1));
    assert_eq!((with("POST", Fault::Cut).status, comments()), (0, 1));
    assert_eq!((with("POST", Fault::DoneBut(502)).status, comments()), (502, 2));
    assert_eq!((with("POST", Fault::DoneAndCut).status, comments()), (0, 3));
    assert_eq!(get(&github, "/repos/acme/shop").status, 200, "the rule was for once");
    let spent = with("GET", Fault::Primary(30));
    assert_eq!((spent.status, spent.header("x-ratelimit-remaining").as_deref()), (403, Some("0")));
    let slow = with("GET", Fault::Secondary(429, Some(7)));
    assert_eq!((slow.status, slow.header("retry-after").as_deref()), (429, Some("7")));
    let renamed = with("GET", Fault::Renamed(301));
    assert_eq!(renamed.header("location"), Some(format!("{}/repositories/1001", github.url())));
    let elsewhere = with("GET", Fault::Elsewhere(302, "http://127.0.0.1:9".to_owned()));
    assert_eq!(elsewhere.header("location").as_deref(), Some("http://127.0.0.1:9/repos/acme/shop"));
    assert!(with("GET", Fault::SingleSignOn).header("x-github-sso").expect("sso").starts_with("required; url="));
    let whole = get(&github, "/repos/acme/shop").body;
    let cut = with("GET", Fault::CutBody(100));
    assert_eq!((cut.body.as_slice(), cut.header("content-length")), (&whole[..100], Some(whole.len().to_string())));
    let short = with("GET", Fault::Shortened(100));
    assert_eq!((short.body.as_slice(), short.header("content-length").as_deref()), (&whole[..100], Some("100")));
    assert!(with("GET", Fault::Trickle(2000, Duration::from_millis(1))).body.len() > whole.len());
    let bomb = with("GET", Fault::Bomb(10));
    assert_eq!(bomb.header("content-encoding").as_deref(), Some("gzip"));
    assert!(bomb.body.len() < 20_000, "{}", bomb.body.len());
    let html = with("GET", Fault::Html);
    assert_eq!((html.status, html.header("content-type").as_deref()), (200, Some("text/html; charset=utf-8")));
    assert_eq!(with("GET", Fault::ContentType("text/plain")).header("content-type").as_deref(), Some("text/plain"));
    assert_eq!(with("GET", Fault::Replaced("/owner", Value::Null)).json()["owner"], Value::Null);
    assert_eq!(with("GET", Fault::Header("ETag", "x".to_owned())).header("etag").as_deref(), Some("x"));
    assert_eq!(with("GET", Fault::Delay(Duration::from_millis(1))).status, 200);
    // What never ends is left in the middle.
    for fault in [Fault::Endless, Fault::Hang] {
        github.rules([Rule::new("GET", "/repos/acme/shop", fault).once()]);
        let mut stream = TcpStream::connect(github.url().strip_prefix("http://").expect("http")).expect("a connection");
        stream.write_all(b"GET /repos/acme/shop HTTP/1.1\r\nHost: x\r\nUser-Agent: x\r\n\r\n").expect("write");
        stream.set_read_timeout(Some(Duration::from_millis(500))).expect("a socket");
        let mut sink = [0; 65_536];
        let came: usize = (0..40).map_while(|_| stream.read(&mut sink).ok()).sum();
        assert!(came == 0 || came > 500_000, "{came}");
    }
    assert_eq!(
        github.count("GET", "/repos/acme/shop"),
        github.seen().iter().filter(|seen| seen.method == "GET").count()
    );
}
