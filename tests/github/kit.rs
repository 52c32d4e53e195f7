//! A client that does nothing by itself, and a shop to look at.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use harness::github::specification::Specification;
use harness::github::{Access, Github};
use serde_json::{Value, json};

/// What came back.
pub struct Reply {
    /// 200, 404, …; 0 when there was no answer.
    pub status: u16,
    /// Status line and headers.
    pub head: String,
    /// What follows the headers, as it came.
    pub body: Vec<u8>,
}

impl Reply {
    /// The body as JSON; null when it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<String> {
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

/// As somebody who may everything.
pub fn get(github: &Github, target: &str) -> Reply {
    send(&github.url(), "GET", target, &[("Authorization", "Bearer secret")], "")
}

/// The same with a body.
pub fn post(github: &Github, target: &str, body: &Value) -> Reply {
    send(&github.url(), "POST", target, &[("Authorization", "Bearer secret")], &body.to_string())
}

/// A shop with one of everything.
pub fn shop() -> Github {
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
pub fn judged(github: &Github, specification: &Specification, method: &str, target: &str, reply: &Reply) {
    let operation = specification.operation_of(method, target).unwrap_or_else(|| panic!("no operation for {target}"));
    let body = reply.json();
    if let Err(error) = specification.check_response(operation, reply.status, &body) {
        panic!("{method} {target} ({operation}, {}): {error}\n{body:#}", reply.status);
    }
    assert_eq!(github.violations(), [""; 0], "{method} {target}");
}
