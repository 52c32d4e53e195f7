//! What is written: once, to whom it was meant for, and never without saying what became of it.

use std::time::Duration;

use harness::Start;
use harness::github::{Fault, Github, Rule};
use serde_json::{Value, json};

use crate::asking::{Asking, TOKEN, start};
use crate::reading::open;

/// Requests that write: everything that is posted but questions of GraphQL.
fn posts(github: &Github) -> usize {
    github.count("POST", "/repos/") + github.count("POST", "/repositories/")
}

/// Each tool that writes, with arguments that are well; `head` is a branch without a pull request.
fn writes(github: &Github, head: &str) -> [(&'static str, Value); 3] {
    github.repo("acme/shop", |repo| repo.branch(head));
    [
        ("github_create_pr", json!({"title": "Mend it", "head": head, "base": "main"})),
        ("github_add_pr_comment", json!({"number": 1, "body": "Looks good."})),
        ("github_add_issue_comment", json!({"number": 2, "body": "I see it too."})),
    ]
}

/// How many pull requests and comments there are.
fn there(github: &Github) -> usize {
    github.repo("acme/shop", |repo| repo.pulls.len() + repo.comments.values().map(Vec::len).sum::<usize>())
}

/// `fault` for whatever is written.
fn on_writes(fault: Fault) -> [Rule; 1] {
    [Rule::new("POST", "/repos/", fault)]
}

#[tokio::test]
async fn a_write_nobody_knows_the_fate_of_is_sent_once_and_said_to_be_so() {
    let github = open();
    let mut server = Asking::of(&github).await;
    let faults = [
        (Fault::Status(500, vec![], String::new()), 0),
        (Fault::Status(502, vec![], "<html>".to_owned()), 0),
        (Fault::Status(503, vec![("Retry-After", "1".to_owned())], String::new()), 0),
        (Fault::DoneBut(502), 1),
        (Fault::DoneBut(408), 1),
        (Fault::Cut, 0),
        (Fault::DoneAndCut, 1),
        (Fault::CutBody(20), 1),
        // A page somebody put in between is no word of GitHub.
        (Fault::Html, 0),
    ];
    for (at, (fault, done)) in faults.into_iter().enumerate() {
        for (tool, arguments) in writes(&github, &format!("fix-{at}")) {
            github.rules(on_writes(fault.clone()));
            github.forget();
            let before = there(&github);
            let text = server.shop_err(tool, arguments).await;
            assert_eq!((posts(&github), there(&github) - before), (1, done), "{tool} {fault:?}: {text}");
            assert!(text.starts_with("unavailable: "), "{tool} {fault:?}: {text}");
            assert!(text.contains("may have been done or not") && text.contains("was not sent again"), "{text}");
            assert!(
                text.contains("look: github_get_issue number=") || text.contains("look: github_list_prs"),
                "{text}"
            );
        }
    }
    server.done(&github).await;
}

#[tokio::test]
async fn the_hint_of_an_unknown_fate_finds_what_was_done() {
    let github = open();
    let mut server = Asking::of(&github).await;
    let [create, _, comment] = writes(&github, "fix");
    github.rules(on_writes(Fault::DoneAndCut));
    let text = server.shop_err(create.0, create.1).await;
    assert!(text.contains("github_list_prs state=all head=fix"), "{text}");
    assert!(server.shop("github_list_prs", json!({"state": "all", "head": "fix"})).await.contains("Mend it"));
    let text = server.shop_err(comment.0, comment.1).await;
    assert!(text.contains("github_get_issue number=2"), "{text}");
    assert!(server.shop("github_get_issue", json!({"number": 2})).await.contains("I see it too."));
    server.done(&github).await;
}

#[tokio::test]
async fn a_write_that_is_never_answered_is_sent_once_and_given_up() {
    let github = open();
    let mut server = Asking::of(&github).await;
    github.rules(on_writes(Fault::Hang));
    let text = server.shop_err("github_add_issue_comment", json!({"number": 2, "body": "x"})).await;
    assert_eq!(posts(&github), 1);
    assert!(text.contains("said nothing for") && text.contains("may have been done or not"), "{text}");
    server.done(&github).await;
}

#[tokio::test]
async fn a_write_that_is_cancelled_is_sent_once() {
    let github = open();
    let mut server = Asking::of(&github).await;
    github.rules(on_writes(Fault::Hang));
    let arguments = crate::asking::shop(json!({"number": 2, "body": "x"}));
    let params = json!({"name": "github_add_issue_comment", "arguments": arguments});
    let id = server.client().ask("tools/call", params).await;
    harness::until("the comment is sent", || posts(&github) == 1).await;
    server.client().notify("notifications/cancelled", json!({"requestId": id})).await;
    // Long enough for one that is sent again.
    tokio::time::sleep(Duration::from_millis(1500)).await;
    github.rules([]);
    assert!(server.shop("github_get_issue", json!({"number": 2})).await.contains("#2"));
    assert_eq!(posts(&github), 1);
    server.done(&github).await;
}

/// An address that leads to `github` for one connection, and then to nobody.
async fn vanishing(github: &Github) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let upstream = github.url().trim_start_matches("http://").to_owned();
    tokio::spawn(async move {
        let (mut near, _) = listener.accept().await.expect("a connection");
        drop(listener);
        let mut far = tokio::net::TcpStream::connect(upstream).await.expect("the double");
        let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
    });
    format!("http://{address}")
}

#[tokio::test]
async fn a_write_that_was_not_sent_is_said_to_be_not_sent() {
    let github = open();
    // What is looked at before is answered, and then nobody is there any more.
    github.rules([Rule::new("GET", "/", Fault::Close)]);
    for (tool, arguments) in writes(&github, "fix") {
        let start = start(&github).env("GITHUB_API_URL", vanishing(&github).await);
        let mut server = Asking::with(&start).await;
        let text = server.shop_err(tool, arguments).await;
        assert!(text.starts_with("unavailable: "), "{text}");
        assert!(text.contains("nothing was sent") && !text.contains("done or not"), "{text}");
        server.done(&github).await;
    }
    assert_eq!(posts(&github), 0);
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_is_told_as_done() {
    let github = open();
    let mut server = Asking::of(&github).await;
    for (at, fault) in [Fault::Shortened(30), Fault::Replaced("", json!([7]))].into_iter().enumerate() {
        for (tool, arguments) in writes(&github, &format!("fix-{at}")) {
            github.rules(on_writes(fault.clone()));
            github.forget();
            let before = there(&github);
            let text = server.shop_err(tool, arguments).await;
            assert_eq!((posts(&github), there(&github) - before), (1, 1), "{tool}: {text}");
            let done = text.contains("the comment was written; do not write it again")
                || text.contains("the pull request was opened; do not open it again");
            assert!(done && text.starts_with("unavailable: "), "{tool} {fault:?}: {text}");
        }
    }
    server.done(&github).await;
}

#[tokio::test]
async fn a_dry_run_shows_the_request_and_sends_none() {
    let github = open();
    let mut server = Asking::of(&github).await;
    let before = there(&github);
    for (tool, mut arguments) in writes(&github, "fix") {
        arguments["dry_run"] = json!(true);
        let text = server.shop(tool, arguments.clone()).await;
        assert!(text.contains("dry run, nothing was sent") && text.contains("POST /repos/acme/shop/"), "{text}");
        let shown = arguments["body"].as_str().or(arguments["title"].as_str()).expect("a text");
        assert!(text.contains(shown), "{text}");
        // One that is misspelt is not taken for a wish to write.
        for wrong in [json!({"dry_run": "yes"}), json!({"dryrun": true}), json!({"dry_run": null, "dry-run": true})] {
            let mut arguments = arguments.clone();
            arguments.as_object_mut().expect("arguments").remove("dry_run");
            harness::github::merge(&mut arguments, wrong);
            assert!(server.shop_err(tool, arguments).await.starts_with("invalid_argument: "), "{tool}");
        }
    }
    assert_eq!((posts(&github), there(&github)), (0, before));
    server.done(&github).await;
}

#[tokio::test]
async fn readonly_has_nine_tools_and_refuses_the_others_by_name() {
    let github = open();
    let unset = Start::new(env!("CARGO_BIN_EXE_github-server"))
        .env("GITHUB_API_URL", github.url())
        .env("GITHUB_TOKEN", TOKEN)
        .env("RUST_LOG", "trace");
    for start in [unset.clone(), unset.env("MODE", "readonly")] {
        let mut server = Asking::with(&start).await;
        assert_eq!(server.client().tools().await.len(), 9);
        for (tool, arguments) in writes(&github, "fix") {
            assert!(server.shop_err(tool, arguments).await.starts_with("readonly: "), "{tool}");
        }
        server.done(&github).await;
    }
    assert_eq!(github.seen().len(), 0, "nothing was asked");
    let mut server = Asking::of(&github).await;
    let tools = server.client().tools().await;
    let writing = tools.iter().filter(|tool| tool["annotations"]["readOnlyHint"] == false);
    assert_eq!((tools.len(), writing.count()), (12, 3));
    server.done(&github).await;
}

#[tokio::test]
async fn a_comment_goes_to_the_kind_it_is_meant_for() {
    let github = open();
    let mut server = Asking::of(&github).await;
    for (tool, number, other) in [
        ("github_add_pr_comment", 2, "github_add_issue_comment"),
        ("github_add_issue_comment", 1, "github_add_pr_comment"),
    ] {
        for dry in [false, true] {
            let text = server.shop_err(tool, json!({"number": number, "body": "x", "dry_run": dry})).await;
            assert!(text.starts_with("invalid_argument: ") && text.contains("nothing was written"), "{text}");
            assert!(text.contains(other), "{text}");
        }
        let text = server.shop_err(tool, json!({"number": 4711, "body": "x"})).await;
        assert!(text.starts_with("not_found: "), "{text}");
    }
    assert_eq!(posts(&github), 0);
    server.done(&github).await;
}

#[tokio::test]
async fn a_renamed_repository_is_not_written_to_under_its_old_name() {
    for already in [true, false] {
        let github = open();
        let writes = writes(&github, "fix");
        github.edit(|state| state.rename("acme/shop", "acme/store"));
        if !already {
            // Renamed between looking and writing: what is looked at is still answered under the old name.
            let found = |number: u64, pull: Value| json!({"number": number, "pull_request": pull}).to_string();
            github.rules([
                Rule::new("GET", "/repos/acme/shop/pulls", Fault::Status(200, vec![], "[]".to_owned())),
                Rule::new("GET", "/repos/acme/shop/issues/1", Fault::Status(200, vec![], found(1, json!({})))),
                Rule::new("GET", "/repos/acme/shop/issues/2", Fault::Status(200, vec![], found(2, Value::Null))),
            ]);
        }
        let mut server = Asking::of(&github).await;
        for (tool, arguments) in writes {
            github.forget();
            let text = server.shop_err(tool, arguments.clone()).await;
            assert!(text.starts_with("conflict: ") && text.contains("nothing was written"), "{text}");
            assert!(text.contains("call again with owner=acme repo=store"), "{text}");
            assert_eq!(posts(&github), usize::from(!already), "{tool}");
            if already {
                // A dry run says what the real one would meet.
                let mut arguments = arguments;
                arguments["dry_run"] = json!(true);
                let text = server.shop_err(tool, arguments).await;
                assert!(text.starts_with("conflict: ") && text.contains("repo=store"), "{text}");
            }
        }
        let comments = github.repo("acme/store", |repo| (repo.pulls.len(), repo.comments.len()));
        assert_eq!(comments, (1, 2));
        server.done(&github).await;
    }
}

#[tokio::test]
async fn a_redirect_that_keeps_the_method_is_not_followed_with_a_write() {
    let github = open();
    let other = open();
    let mut server = Asking::of(&github).await;
    for status in [301, 302, 307, 308] {
        for fault in [Fault::Renamed(status), Fault::Elsewhere(status, other.url())] {
            for (tool, arguments) in writes(&github, "fix") {
                github.rules(on_writes(fault.clone()));
                github.forget();
                let text = server.shop_err(tool, arguments).await;
                assert_eq!(posts(&github), 1, "{tool} {fault:?}: {text}");
                assert!(text.starts_with("conflict: ") || text.starts_with("unavailable: "), "{text}");
                assert!(!text.contains("done or not"), "a redirect does nothing: {text}");
            }
        }
    }
    assert_eq!((other.seen().len(), there(&github)), (0, 3));
    server.done(&github).await;
}
