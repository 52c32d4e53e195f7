//! More of everything than an answer holds: what is left out is said, and no answer is longer than its budget.

use std::collections::HashMap;

use harness::github::Github;
use serde_json::{Value, json};

use crate::asking::{Asking, asked, cursor, shop, start};
use crate::reading::open;

/// Number 3 is a pull request of `files` files that says it has `changed`.
fn wide(files: u64, changed: u64) -> Github {
    let github = open();
    github.repo("acme/shop", |repo| {
        let sums = json!({"changed_files": changed, "additions": changed, "deletions": changed});
        let pull = repo.pull(json!({"head": {"ref": "wide"}, "title": "Everything"}));
        harness::github::merge(&mut repo.pull_mut(pull).json, sums);
        (0..files).for_each(|file| {
            repo.file(pull, json!({"filename": format!("src/part-{:02}/file-{file:04}.rs", file % 30)}))
        });
        repo.pull_mut(pull).too_large = files > 300;
    });
    github
}

/// The shop with a great many things that are said of pull request 1, issue 2 and the branch `feature`.
fn busy() -> Github {
    let github = open();
    github.repo("acme/shop", |repo| {
        for number in 0..10_000 {
            repo.comment(2, json!({"body": format!("comment {number:05} über alles")}));
        }
        for number in 0..1000 {
            let who = format!("reviewer-{:02}", number % 40);
            let state = if number < 960 { "CHANGES_REQUESTED" } else { "APPROVED" };
            repo.review(1, json!({"user": who, "state": state, "body": format!("review {number:04}")}));
            repo.comment(1, json!({"body": format!("remark {number}\n").repeat(20)}));
            repo.event(2, json!({"event": "labeled"}));
        }
        let head = repo.branch("feature");
        for number in 0..300 {
            let conclusion = if number % 3 == 0 { "failure" } else { "success" };
            let run = repo.check_run(
                &head,
                json!({"name": format!("job {number:03} ({})", "x".repeat(40)), "conclusion": conclusion}),
            );
            repo.job_log(run, "##[error]it broke\n".repeat(100));
            repo.branch(&format!("topic/{number:03}-ü"));
            repo.run(json!({"display_title": "A long title of a run. ".repeat(8)}));
            repo.issue(json!({"title": "Größe ".repeat(20), "labels": ["bug", "p1", "ü"]}));
            repo.thread(1, json!({"path": format!("src/file-{number}.rs")}));
        }
        for number in 0..150 {
            repo.pull(json!({"head": {"ref": format!("topic/{number:03}-ü")}, "title": "Titel ".repeat(30)}));
            repo.file(
                1,
                json!({"filename": format!("src/more-{number}.rs"), "patch": "@@ -1 +1 @@\n-old\n+new\n".repeat(20)}),
            );
        }
    });
    github
}

/// Every tool, asked for as much as it has.
fn everything() -> [(&'static str, Value); 13] {
    let body = "Zeile für Zeile\n".repeat(3000);
    [
        ("github_get_repo", json!({})),
        ("github_list_prs", json!({"limit": 100, "state": "all"})),
        ("github_get_pr", json!({"number": 1, "include": ["reviews", "threads", "checks", "files", "comments"]})),
        ("github_get_pr", json!({"number": 1})),
        ("github_get_pr_diff", json!({"number": 1})),
        ("github_list_issues", json!({"limit": 100})),
        ("github_get_issue", json!({"number": 2, "include": ["comments", "timeline"]})),
        ("github_list_branches", json!({"limit": 100})),
        ("github_get_check_runs", json!({"ref": "feature"})),
        ("github_get_workflow_runs", json!({"limit": 100})),
        (
            "github_create_pr",
            json!({"title": "T", "head": "topic/299-ü", "base": "main", "body": body, "dry_run": true}),
        ),
        ("github_add_pr_comment", json!({"number": 1, "body": body, "dry_run": true})),
        ("github_add_issue_comment", json!({"number": 2, "body": body, "dry_run": true})),
    ]
}

#[tokio::test]
async fn a_change_too_large_for_a_diff_is_put_together_from_its_files() {
    let github = wide(3000, 3000);
    let mut server = Asking::of(&github).await;
    let mut arguments = json!({"number": 3, "stat": true, "budget": 25_000});
    let (mut files, mut pages) = (0, 0);
    loop {
        github.forget();
        let text = server.shop("github_get_pr_diff", arguments.clone()).await;
        // The pull request before and after thirty pages: a diff of this size is not asked for.
        assert_eq!((asked(&github).len(), github.count("GET", "/repos/acme/shop/pulls/3/files")), (32, 30));
        assert!(text.contains("put together from its list of files") && !text.contains("only the first"), "{text}");
        files += text.lines().filter(|line| line.contains("src/part-")).count();
        pages += 1;
        match cursor(&text) {
            Some(next) => arguments["cursor"] = json!(next),
            None => break,
        }
    }
    assert!(files == 3000 && pages > 1, "{files} files on {pages} pages");
    server.done(&github).await;
}

#[tokio::test]
async fn a_diff_that_is_refused_is_put_together_too() {
    let github = wide(250, 250);
    github.repo("acme/shop", |repo| repo.pull_mut(3).too_large = true);
    let mut server = Asking::of(&github).await;
    let text = server.shop("github_get_pr_diff", json!({"number": 3, "stat": true, "budget": 25_000})).await;
    assert_eq!(text.lines().filter(|line| line.contains("src/part-")).count(), 250, "{text}");
    let requests = asked(&github);
    // The pull request, the diff, three pages, and whether it is still the same pull request.
    assert_eq!(requests.len(), 6, "{requests:#?}");
    server.done(&github).await;
}

#[tokio::test]
async fn files_that_github_does_not_list_are_told_as_missing() {
    let github = wide(3200, 3200);
    let mut server = Asking::of(&github).await;
    for stat in [true, false] {
        let text = server.shop("github_get_pr_diff", json!({"number": 3, "stat": stat})).await;
        assert!(text.contains("200 of 3200 changed files, with +200 -200 are missing"), "stat={stat}: {text}");
    }
    server.done(&github).await;
}

#[tokio::test]
async fn the_newest_of_ten_thousand_comments_cost_two_or_three_requests() {
    let github = busy();
    let mut server = Asking::of(&github).await;
    github.forget();
    let text = server.shop("github_get_issue", json!({"number": 2, "budget": 25_000})).await;
    let shown: Vec<&str> = text.lines().filter(|line| line.starts_with("comment ")).collect();
    assert!(shown.first().is_some_and(|line| line.starts_with("comment 09999")), "{text}");
    assert!(shown.windows(2).all(|pair| pair[0] > pair[1]) && shown.len() >= 30, "{shown:?}");
    assert!(text.contains("of 10001 comments; "), "{text}");
    assert!(asked(&github).len() <= 3, "{:#?}", asked(&github));
    let further = json!({"number": 2, "budget": 25_000, "cursor": cursor(&text)});
    let text = server.shop("github_get_issue", further).await;
    let next = text.lines().find(|line| line.starts_with("comment ")).expect("a comment");
    assert_eq!(next, format!("comment {:05} über alles", 9999 - shown.len()), "{text}");
    server.done(&github).await;
}

#[tokio::test]
async fn a_thousand_reviews_are_one_line_a_person() {
    let github = busy();
    let mut server = Asking::of(&github).await;
    github.forget();
    let text = server.shop("github_get_pr", json!({"number": 1, "include": ["reviews"], "budget": 25_000})).await;
    for who in 0..40 {
        assert_eq!(text.matches(&format!("reviewer-{who:02} approved")).count(), 1, "{who}: {text}");
    }
    assert!(!text.contains("reviewer-00 changes_requested"), "{text}");
    assert_eq!(github.count("GET", "/repos/acme/shop/pulls/1/reviews"), 11, "{:#?}", asked(&github));
    server.done(&github).await;
}

#[tokio::test]
async fn three_hundred_checks_are_counted_and_five_logs_are_read() {
    let github = busy();
    let mut server = Asking::of(&github).await;
    github.forget();
    let text = server.shop("github_get_check_runs", json!({"ref": "feature", "budget": 25_000})).await;
    // A hundred of these, and of the shop's own a check run that failed, one that is stale, and a status.
    assert!(text.contains("failure: 103 of 304 failing"), "{text}");
    assert!(text.contains("only those of the first 5 failing checks were read"), "{text}");
    assert_eq!(github.count("GET", "/repos/acme/shop/actions/jobs/"), 5);
    server.done(&github).await;
}

/// Whether `tool` takes a budget: what writes, and what is short anyway, does not.
fn budgeted(tools: &[Value], tool: &str) -> bool {
    tools.iter().any(|known| known["name"] == tool && known["inputSchema"]["properties"]["budget"].is_object())
}

/// Five lists at once leave no room for their notices in the smallest budget. That is an error, which says what to do.
fn too_much(budget: usize, arguments: &Value) -> bool {
    budget == 200 && arguments["include"].as_array().is_some_and(|include| include.len() == 5)
}

#[tokio::test]
async fn no_answer_is_longer_than_its_budget() {
    let github = busy();
    let mut server = Asking::of(&github).await;
    let tools = server.client().tools().await;
    for (tool, arguments) in everything() {
        let mut lengths = Vec::new();
        let budgets: &[usize] = if budgeted(&tools, tool) { &[200, 1000, 4000, 25_000] } else { &[4000] };
        for budget in budgets {
            github.edit(|state| *state.remaining(crate::asking::TOKEN) = 5000);
            let mut arguments = shop(arguments.clone());
            if budgets.len() > 1 {
                arguments["budget"] = json!(budget);
            }
            let (text, error) = server.ask(tool, arguments.clone()).await;
            let enough = !error || too_much(*budget, &arguments) && text.starts_with("too_large: ");
            assert!(enough && text.len() <= budget * 4, "{tool} budget={budget}, {} bytes: {text}", text.len());
            lengths.push(text.len());
        }
        assert!(lengths.is_sorted(), "{tool}: more budget shows more: {lengths:?}");
    }
    server.done(&github).await;
}

#[tokio::test]
async fn structured_answers_are_as_their_schemas_say_and_keep_the_budget() {
    let github = busy();
    for results in ["structured", "both"] {
        let mut server = Asking::with(&start(&github).env("RESULTS", results)).await;
        let tools = server.client().tools().await;
        let validator =
            |tool: &Value| jsonschema::validator_for(&tool["outputSchema"]).expect("a schema of the output");
        let validators: HashMap<_, _> =
            tools.iter().map(|tool| (tool["name"].as_str().expect("a name"), validator(tool))).collect();
        assert_eq!(validators.len(), 12);
        for (tool, arguments) in everything() {
            let budgets: &[usize] = if budgeted(&tools, tool) { &[200, 1000, 4000, 25_000] } else { &[4000] };
            for budget in budgets {
                github.edit(|state| *state.remaining(crate::asking::TOKEN) = 5000);
                let mut arguments = shop(arguments.clone());
                if budgets.len() > 1 {
                    arguments["budget"] = json!(budget);
                }
                let result = server.client().call(tool, arguments.clone()).await;
                let value = &result["structuredContent"];
                let length = value.to_string().len();
                assert!(length <= budget * 4, "{tool} budget={budget}: {length} bytes: {value}");
                if result["isError"] == true {
                    // In JSON every field has its name, and the smallest budget is eight hundred bytes.
                    assert!(*budget == 200 && value["code"] == "too_large", "{tool} budget={budget}: {value}");
                    continue;
                }
                let wrong: Vec<String> = validators[tool].iter_errors(value).map(|error| error.to_string()).collect();
                assert!(wrong.is_empty(), "{tool} budget={budget}: {wrong:?} in {value}");
                assert!(
                    !validators[tool].is_valid(&json!({"nothing": "like it"})),
                    "{tool}: the schema takes anything"
                );
            }
        }
        server.done(&github).await;
    }
}
