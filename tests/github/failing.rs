//! Reads when GitHub, or whatever is between, does not do its part: said as what it is, and asked again no oftener than helps.

use std::time::{Duration, Instant};

use harness::Start;
use harness::github::{Fault, Github, Rule};
use serde_json::{Value, json};

use crate::asking::{Asking, asked, shop};
use crate::reading::open;

/// Every tool that reads, with arguments that are well.
pub fn reads() -> [(&'static str, Value); 9] {
    [
        ("github_get_repo", json!({})),
        ("github_list_prs", json!({})),
        ("github_get_pr", json!({"number": 1, "include": ["reviews", "threads", "checks", "files", "comments"]})),
        ("github_get_pr_diff", json!({"number": 1})),
        ("github_list_issues", json!({})),
        ("github_get_issue", json!({"number": 2, "include": ["comments", "timeline"]})),
        ("github_list_branches", json!({})),
        ("github_get_check_runs", json!({"ref": "main"})),
        ("github_get_workflow_runs", json!({})),
    ]
}

/// `fault` for everything that is read.
fn everywhere(fault: &Fault) -> [Rule; 2] {
    [Rule::new("GET", "/", fault.clone()), Rule::new("POST", "/graphql", fault.clone())]
}

fn status(status: u16) -> Fault {
    Fault::Status(status, vec![], json!({"message": "words of GitHub"}).to_string())
}

/// A server without a token.
fn nobody(github: &Github) -> Start {
    Start::new(env!("CARGO_BIN_EXE_github-server")).env("GITHUB_API_URL", github.url())
}

#[tokio::test]
async fn each_status_has_its_code_and_a_next_step_in_every_tool() {
    let github = open();
    for (number, code, next) in [
        (401, "unauthenticated: ", "`mcp-github doctor` says where it came from"),
        (403, "forbidden: ", "ask who administers the repository"),
        (404, "not_found: ", "check the spelling"),
        (409, "conflict: ", "look at it with github_get_repo"),
        (410, "not_found: ", "github_get_repo says whether issues are on"),
        (418, "unavailable: ", "`mcp-github doctor` says what there is"),
        (422, "invalid_argument: ", "change the arguments as GitHub says"),
        (429, "rate_limited: ", "; wait "),
        (451, "forbidden: ", "nothing can be done from here"),
    ] {
        // A server each: what one has learned of limits is its own.
        let mut server = Asking::of(&github).await;
        github.rules(everywhere(&status(number)));
        for (tool, arguments) in reads() {
            let text = server.shop_err(tool, arguments).await;
            assert!(text.starts_with(code) && text.contains(next), "{tool} {number}: {text}");
            assert!(text.contains("acme/shop"), "{tool} {number}: {text}");
            // After a limit nothing more is asked, and so nothing more is said.
            assert!(text.contains("words of GitHub") || number == 429, "{tool} {number}: {text}");
        }
        server.done(&github).await;
    }
}

#[tokio::test]
async fn what_may_pass_is_asked_three_times_and_then_told() {
    let github = open();
    let mut server = Asking::of(&github).await;
    let faults = [status(500), status(502), status(503), status(504), Fault::Cut, Fault::CutBody(100)];
    for fault in faults {
        github.forget();
        github.rules(everywhere(&fault));
        let text = server.shop_err("github_get_repo", json!({})).await;
        assert_eq!(asked(&github).len(), 3, "{fault:?}: {text}");
        assert!(text.starts_with("unavailable: ") && text.contains("read the repository of acme/shop"), "{text}");
        assert!(text.contains("; "), "a next step: {text}");
        github.forget();
        github.rules([Rule::new("GET", "/", fault.clone()).first(2)]);
        server.shop("github_get_repo", json!({})).await;
        assert_eq!(asked(&github).len(), 3, "{fault:?}");
    }
    // A question of GraphQL is posted and changes nothing.
    github.forget();
    github.rules([Rule::new("POST", "/graphql", status(502)).first(2)]);
    let text = server.shop("github_get_check_runs", json!({"ref": "main"})).await;
    assert!(github.count("POST", "/graphql") == 3 && !text.contains("could not look"), "{text}");
    // What will not pass is asked once.
    for fault in [status(404), status(422), status(451), Fault::Html, Fault::Shortened(100)] {
        github.forget();
        github.rules(everywhere(&fault));
        server.shop_err("github_get_repo", json!({})).await;
        assert_eq!(asked(&github).len(), 1, "{fault:?}");
    }
    server.done(&github).await;
}

#[tokio::test]
async fn a_limit_that_is_used_up_is_told_with_its_time_and_not_run_into_again() {
    let github = open();
    let mut server = Asking::of(&github).await;
    github.rules(everywhere(&Fault::Primary(1800)));
    let text = server.shop_err("github_get_repo", json!({})).await;
    assert!(text.starts_with("rate_limited: ") && text.contains("takes no more requests until 20"), "{text}");
    let wait: u64 =
        text.split_once("wait ").and_then(|(_, rest)| rest.split(' ').next()?.parse().ok()).expect("a time");
    assert!((1790..=1800).contains(&wait), "{text}");
    assert_eq!(asked(&github).len(), 1);
    github.rules([]);
    github.forget();
    for (tool, arguments) in reads() {
        let text = server.shop_err(tool, arguments).await;
        assert!(
            text.starts_with("rate_limited: ") && text.contains("takes no more requests until 20"),
            "{tool}: {text}"
        );
    }
    let sent = asked(&github);
    assert!(sent.iter().all(|request| request == "POST /graphql"), "{sent:?}");
    server.done(&github).await;
}

#[tokio::test]
async fn a_limit_of_so_many_at_once_is_waited_for_when_that_is_short() {
    let github = open();
    // What is longer than a few seconds is for whoever asks to wait for, even if the tool had the time.
    for (number, long) in [(403, 20), (429, 60)] {
        let mut server = Asking::of(&github).await;
        github.forget();
        github.rules([Rule::new("GET", "/", Fault::Secondary(number, Some(1))).once()]);
        let started = Instant::now();
        server.shop("github_get_repo", json!({})).await;
        assert!(started.elapsed() >= Duration::from_secs(1) && asked(&github).len() == 2);
        github.forget();
        github.rules([Rule::new("GET", "/", Fault::Secondary(number, Some(long)))]);
        let text = server.shop_err("github_get_repo", json!({})).await;
        assert!(text.starts_with("rate_limited: ") && text.contains(&format!("(in {long} s)")), "{text}");
        let text = server.shop_err("github_list_prs", json!({})).await;
        assert!(text.starts_with("rate_limited: ") && text.contains("; wait "), "{text}");
        assert_eq!(asked(&github).len(), 1, "the second was not sent");
        server.done(&github).await;
    }
    // Without a time to wait for, only the words tell it from a missing permission.
    let mut server = Asking::of(&github).await;
    github.rules([Rule::new("GET", "/", Fault::Secondary(403, None))]);
    let text = server.shop_err("github_get_repo", json!({})).await;
    assert!(text.starts_with("rate_limited: ") && text.contains("wait a minute"), "{text}");
    server.done(&github).await;
}

#[tokio::test]
async fn whoever_asks_without_a_token_is_told_what_one_would_help() {
    let github = open();
    github.repo("acme/secret", |repo| repo.private_now().id());
    let mut server = Asking::with(&nobody(&github)).await;
    let text = server.err("github_get_repo", json!({"owner": "acme", "repo": "secret"})).await;
    assert!(text.starts_with("not_found: ") && text.contains("set GITHUB_TOKEN"), "{text}");
    for number in [401, 403] {
        github.rules(everywhere(&status(number)));
        let text = server.shop_err("github_get_repo", json!({})).await;
        assert!(text.contains("set GITHUB_TOKEN"), "{number}: {text}");
    }
    github.rules([]);
    let text = server.shop("github_get_pr", json!({"number": 1, "include": ["threads", "checks"]})).await;
    assert!(
        text.contains("could not look at threads: unauthenticated: ") && text.contains("set GITHUB_TOKEN"),
        "{text}"
    );
    assert_eq!(github.count("POST", "/graphql"), 0, "which nobody may ask");
    github.edit(|state| *state.remaining_anonymous() = 0);
    let text = server.shop_err("github_get_repo", json!({})).await;
    assert!(
        text.starts_with("rate_limited: ") && text.contains("with a token in GITHUB_TOKEN the limit is higher"),
        "{text}"
    );
    let text = server.shop_err("github_get_repo", json!({})).await;
    assert!(text.starts_with("rate_limited: "), "{text}");
    server.done(&github).await;
}

#[tokio::test]
async fn a_body_without_end_is_given_up_at_its_bound() {
    let github = open();
    let mut server = Asking::of(&github).await;
    for fault in [Fault::Endless, Fault::Bomb(200)] {
        for (tool, arguments) in reads() {
            github.forget();
            github.rules(everywhere(&fault));
            let text = server.shop_err(tool, arguments).await;
            assert!(text.starts_with("too_large: ") && text.contains("larger than 8388608 bytes"), "{tool}: {text}");
        }
    }
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.client().process())).expect("proc");
    let peak =
        status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.split_whitespace().next()?.parse::<u64>().ok());
    assert!(peak.is_some_and(|kilobytes| kilobytes < 250_000), "{peak:?} kB");
    server.done(&github).await;
}

/// The answer to a call that takes its time: a client that shows progress waits longer.
async fn patiently(server: &mut Asking, tool: &str, arguments: Value) -> Value {
    let params = json!({"name": tool, "arguments": shop(arguments), "_meta": {"progressToken": "p"}});
    let answer = server.client().request("tools/call", params).await;
    answer["result"].clone()
}

#[tokio::test]
async fn an_answer_that_trickles_has_a_time_however_steadily_it_comes() {
    let github = open();
    let mut server = Asking::of(&github).await;
    github.rules(everywhere(&Fault::Trickle(1, Duration::from_millis(200))));
    let result = patiently(&mut server, "github_get_repo", json!({})).await;
    assert_eq!(result["isError"], true, "{result}");
    let text = harness::text(&result);
    assert!(text.starts_with("timeout: ") && text.contains("is not over after 30 s; try again"), "{text}");
    assert_eq!(asked(&github).len(), 1, "it is not asked for again");
    server.done(&github).await;
}

#[tokio::test]
async fn answers_that_are_all_slow_end_with_the_time_of_the_tool() {
    let github = open();
    github.repo("acme/shop", |repo| {
        for _ in 0..900 {
            repo.pull(json!({"head": {"ref": "feature"}}));
        }
    });
    let mut server = Asking::of(&github).await;
    // Ten pages without an issue, each in good time.
    github.rules([Rule::new("GET", "/", Fault::Delay(Duration::from_secs(14)))]);
    let result = patiently(&mut server, "github_list_issues", json!({})).await;
    assert_eq!(result["isError"], true, "{result}");
    assert!(harness::text(&result).starts_with("timeout: "), "{result}");
    // Sixty seconds are over in the fifth of them.
    assert_eq!(asked(&github).len(), 5, "{:#?}", asked(&github));
    server.done(&github).await;
}

#[tokio::test]
async fn an_answer_that_stops_in_the_middle_is_given_up_sooner() {
    let github = open();
    let mut server = Asking::of(&github).await;
    github.rules(everywhere(&Fault::Trickle(100, Duration::from_secs(40))));
    let result = patiently(&mut server, "github_get_repo", json!({})).await;
    assert_eq!(result["isError"], true, "{result}");
    let text = harness::text(&result);
    assert!(text.starts_with("timeout: ") && text.contains("said nothing for 15 s; try again"), "{text}");
    server.done(&github).await;
}

#[tokio::test]
async fn a_page_for_people_is_told_from_an_answer() {
    let github = open();
    let mut server = Asking::of(&github).await;
    for (tool, arguments) in reads() {
        github.rules(everywhere(&Fault::Html));
        let text = server.shop_err(tool, arguments.clone()).await;
        assert!(
            text.starts_with("unavailable: ") && text.contains("check GITHUB_API_URL and the proxy"),
            "{tool}: {text}"
        );
        // The right answer by a wrong name is still the right one.
        github.rules(everywhere(&Fault::ContentType("application/octet-stream")));
        server.shop(tool, arguments).await;
    }
    server.done(&github).await;
}

/// An answer without what differs each time: the tag of its frames.
fn untagged(text: &str) -> String {
    let mut parts = text.split("untrusted-");
    let head = parts.next().unwrap_or_default().to_owned();
    parts.fold(head, |whole, part| whole + "untrusted-" + part.split_once('>').map_or(part, |(_, rest)| rest))
}

#[tokio::test]
async fn what_is_unchanged_is_confirmed_and_answered_the_same() {
    let github = open();
    let mut server = Asking::of(&github).await;
    for (tool, arguments) in reads() {
        let first = server.shop(tool, arguments.clone()).await;
        github.forget();
        let second = server.shop(tool, arguments.clone()).await;
        assert_eq!(untagged(&first), untagged(&second), "{tool}");
        let gets: Vec<_> = github.seen().into_iter().filter(|seen| seen.method == "GET").collect();
        assert!(!gets.is_empty() && gets.iter().all(|seen| seen.status == Some(304)), "{tool}: {gets:#?}");
    }
    // And what has changed is told.
    github.repo("acme/shop", |repo| repo.json["description"] = json!("Another shop"));
    assert!(server.shop("github_get_repo", json!({})).await.contains("Another shop"));
    server.done(&github).await;
}
