//! Lists: walked to their end, each item is there once; and what is asked of them reaches GitHub.

use std::collections::BTreeSet;

use harness::github::Github;
use serde_json::{Value, json};

use crate::asking::{Asking, asked, cursor};
use crate::reading::open;

/// The rows of an answer: the lines of its frames.
pub fn rows(text: &str) -> Vec<String> {
    let frames = text.split("<untrusted-").skip(1);
    let inside = frames.map(|rest| rest.split("\n</untrusted-").next().unwrap_or_default());
    inside.flat_map(|inside| inside.lines().skip(1)).map(str::to_owned).collect()
}

/// Every row from here to the end, by what `key` finds in it, and the last answer; `arguments` stay the same.
async fn walk(
    server: &mut Asking,
    tool: &str,
    arguments: Value,
    key: fn(&str) -> Option<String>,
) -> (Vec<String>, String) {
    let (mut found, mut arguments) = (Vec::new(), arguments);
    for _ in 0..400 {
        let text = server.shop(tool, arguments.clone()).await;
        let keys: Vec<String> = rows(&text).iter().filter_map(|row| key(row)).collect();
        found.extend(keys);
        match cursor(&text) {
            Some(next) => arguments["cursor"] = json!(next),
            None => return (found, text),
        }
    }
    panic!("{tool} has no end: {} rows", found.len())
}

/// The first word of a row.
fn first(row: &str) -> Option<String> {
    row.split(' ').next().map(str::to_owned)
}

/// The second word, where a row begins with a commit.
fn second(row: &str) -> Option<String> {
    row.split(' ').nth(1).map(str::to_owned)
}

/// The text of a comment of [`many`].
fn numbered(row: &str) -> Option<String> {
    row.strip_prefix("comment ").map(str::to_owned)
}

fn numbers(from: u64, to: u64) -> Vec<String> {
    (from..=to).rev().map(|number| format!("#{number}")).collect()
}

/// Numbers 1 and 2 are those of the shop; 3 to 102 pull requests, 103 to 152 issues, 153 to 252 pull requests, 253 and 254 issues. And more of everything.
pub fn many() -> Github {
    let github = open();
    github.repo("acme/shop", |repo| {
        for number in 3..=254 {
            let issue = matches!(number, 103..=152 | 253..);
            if issue {
                repo.issue(json!({}))
            } else {
                repo.pull(json!({"head": {"ref": format!("topic-{number}")}}))
            };
        }
        for number in 0..75 {
            repo.comment(103, json!({"body": format!("comment {number:03}")}));
            repo.run(json!({"event": if number < 30 { "push" } else { "schedule" }}));
        }
    });
    github
}

#[tokio::test]
async fn every_list_is_walked_to_its_end_and_nothing_is_there_twice() {
    let github = many();
    let (branches, runs) = github.repo("acme/shop", |repo| {
        let runs = repo.runs.iter().rev().map(|run| run["id"].to_string()).collect::<Vec<_>>();
        (repo.branches.keys().cloned().collect::<Vec<_>>(), runs)
    });
    let issues: Vec<String> = [numbers(253, 254), numbers(103, 152), numbers(2, 2)].concat();
    let pulls: Vec<String> = [numbers(153, 252), numbers(3, 102), numbers(1, 1)].concat();
    let comments: Vec<String> = (0..75).rev().map(|number| format!("{number:03}")).collect();
    let mut server = Asking::of(&github).await;
    for (limit, budget) in
        [(json!(null), 4000), (json!(100), 25_000), (json!(100), 300), (json!(7), 1000), (json!(1), 200)]
    {
        for (tool, key, whole) in [
            ("github_list_prs", first as fn(&str) -> Option<String>, &pulls),
            ("github_list_issues", first, &issues),
            ("github_list_branches", second, &branches),
            ("github_get_workflow_runs", first, &runs),
        ] {
            // One at a time through everything is the same as a few at a time, and takes long.
            if limit == 1 && whole.len() > 60 {
                continue;
            }
            let (found, last) = walk(&mut server, tool, json!({"limit": limit, "budget": budget}), key).await;
            assert_eq!(&found, whole, "{tool} limit={limit} budget={budget}");
            let total = format!("of {}", whole.len());
            let one_page = !last.contains("the last page");
            assert!(one_page || last.contains(&total), "{tool} limit={limit} budget={budget}: {last}");
        }
    }
    for budget in [250, 1000, 25_000] {
        let arguments = json!({"number": 103, "budget": budget});
        let (found, last) = walk(&mut server, "github_get_issue", arguments, numbered).await;
        assert_eq!(found, comments, "budget={budget}: {last}");
    }
    server.done(&github).await;
}

#[tokio::test]
async fn a_page_of_nothing_but_pull_requests_is_no_end_of_the_issues() {
    let github = many();
    let mut server = Asking::of(&github).await;
    let text = server.shop("github_list_issues", json!({"limit": 3})).await;
    assert_eq!(rows(&text).iter().filter_map(|row| first(row)).collect::<Vec<_>>(), ["#254", "#253", "#152"], "{text}");
    // GitHub names pages of this list by cursors of its own; ours carries one of them.
    assert!(asked(&github).iter().any(|request| request.contains("after=")), "{:#?}", asked(&github));
    github.repo("acme/shop", |repo| repo.issues.clear());
    let text = server.shop("github_list_issues", json!({})).await;
    assert!(text.ends_with("none") || text.contains("\nnone"), "{text}");
    server.done(&github).await;
}

#[tokio::test]
async fn where_issues_are_rare_the_search_goes_on_with_a_cursor_and_does_not_say_none() {
    let github = open();
    github.repo("acme/shop", |repo| {
        for _ in 3..1250 {
            repo.pull(json!({"head": {"ref": "feature"}}));
        }
    });
    let mut server = Asking::of(&github).await;
    let first_page = server.shop("github_list_issues", json!({})).await;
    assert_eq!(github.count("GET", "/repos/acme/shop/issues"), 10, "requests for one answer have a bound");
    assert!(first_page.contains("only pull requests so far") && first_page.contains("there are more"), "{first_page}");
    let (found, last) = walk(&mut server, "github_list_issues", json!({}), first).await;
    assert_eq!(found, ["#2"], "{last}");
    server.done(&github).await;
}

#[tokio::test]
async fn totals_are_exact_where_github_tells_them_and_else_there_are_more() {
    let github = many();
    let mut server = Asking::of(&github).await;
    for (tool, arguments, says) in [
        ("github_get_workflow_runs", json!({"limit": 5}), "[1-5 of 77 runs; 72 left out; next: cursor="),
        ("github_list_prs", json!({"limit": 5}), "[1-5 pull requests; there are more; next: cursor="),
        ("github_list_branches", json!({"limit": 5}), "[1-5 branches; there are more; next: cursor="),
        ("github_list_issues", json!({"limit": 5}), "[1-5 issues; there are more; next: cursor="),
        ("github_get_issue", json!({"number": 103}), "of 75 comments; "),
    ] {
        let text = server.shop(tool, arguments).await;
        assert!(text.contains(says), "{tool}: {text}");
    }
    server.done(&github).await;
}

#[tokio::test]
async fn filters_reach_the_request() {
    let github = open();
    let mut server = Asking::of(&github).await;
    for (tool, arguments, wanted) in [
        ("github_list_prs", json!({"head": "feature"}), "head=acme%3Afeature"),
        ("github_list_prs", json!({"head": "ada:feat/x"}), "head=ada%3Afeat%2Fx"),
        ("github_list_prs", json!({"base": "a&b=c"}), "base=a%26b%3Dc"),
        ("github_list_prs", json!({"state": "closed"}), "state=closed"),
        ("github_list_prs", json!({"sort": "long-running"}), "sort=long-running"),
        ("github_list_prs", json!({"limit": 7}), "per_page=7"),
        ("github_list_issues", json!({"labels": ["bug", "good first"]}), "labels=bug%2Cgood%20first"),
        ("github_list_issues", json!({"assignee": "none"}), "assignee=none"),
        ("github_list_issues", json!({"since": "2026-01-02"}), "since=2026-01-02T00%3A00%3A00Z"),
        ("github_list_issues", json!({"state": "all"}), "state=all"),
        ("github_list_branches", json!({"protected": true}), "protected=true"),
        ("github_list_branches", json!({"protected": false}), "protected=false"),
        ("github_get_workflow_runs", json!({"branch": "feat/x"}), "branch=feat%2Fx"),
        ("github_get_workflow_runs", json!({"status": "timed_out"}), "status=timed_out"),
        ("github_get_workflow_runs", json!({"event": "pull_request"}), "event=pull_request"),
    ] {
        github.forget();
        let text = server.shop(tool, arguments.clone()).await;
        let requests = asked(&github);
        let query = requests[0].split_once('?').expect("a query").1;
        let pairs: BTreeSet<&str> = query.split('&').collect();
        assert!(requests.len() == 1 && pairs.contains(wanted), "{tool} {arguments}: {requests:?}\n{text}");
    }
    let text = server.shop("github_list_prs", json!({"head": "feature"})).await;
    assert!(text.contains("#1 ") && text.contains("acme:feature"), "{text}");
    let text = server.shop("github_list_prs", json!({"head": "nowhere"})).await;
    assert!(text.ends_with("none"), "{text}");
    server.done(&github).await;
}
