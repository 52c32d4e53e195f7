//! Cursors: they lead on in the list they are of, and nowhere else, whoever made them.

use harness::github::{Fault, Rule};
use serde_json::json;

use crate::asking::{Asking, asked, cursor};
use crate::listing::{many, rows};

#[tokio::test]
async fn a_cursor_leads_on_only_in_the_list_it_is_of() {
    let github = many();
    github.repo("acme/other", |_| ());
    let mut server = Asking::of(&github).await;
    let text = server.shop("github_list_prs", json!({"limit": 5})).await;
    let made = cursor(&text).expect("a cursor").to_owned();
    github.forget();
    for (tool, arguments) in [
        ("github_list_prs", json!({"limit": 6})),
        ("github_list_prs", json!({"limit": 5, "state": "all"})),
        ("github_list_prs", json!({"limit": 5, "repo": "other"})),
        ("github_list_prs", json!({"limit": 5, "owner": "ada"})),
        ("github_list_issues", json!({"limit": 5})),
        ("github_list_branches", json!({"limit": 5})),
        ("github_get_workflow_runs", json!({"limit": 5})),
        ("github_get_issue", json!({"number": 103})),
        ("github_get_pr", json!({"number": 1, "include": ["comments"]})),
    ] {
        let mut arguments = arguments;
        arguments["cursor"] = json!(made);
        let text = server.shop_err(tool, arguments.clone()).await;
        assert!(
            text.starts_with("invalid_argument: ") && text.contains("other arguments"),
            "{tool} {arguments}: {text}"
        );
    }
    // With a budget of its own it is still the same list.
    server.shop("github_list_prs", json!({"limit": 5, "cursor": made, "budget": 200})).await;
    server.done(&github).await;
}

#[tokio::test]
async fn a_forged_cursor_is_refused_and_reaches_nobody() {
    use base64::Engine as _;
    let encoder = base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let github = many();
    let mut server = Asking::of(&github).await;
    let text = server.shop("github_list_prs", json!({"limit": 5})).await;
    let made = encoder.decode(cursor(&text).expect("a cursor")).expect("base64");
    github.forget();
    let with = |name: &str| encoder.encode([&made[..16], name.as_bytes()].concat());
    let forged = [
        String::new(),
        "x".to_owned(),
        "AAAA".to_owned(),
        encoder.encode([0; 16]),
        encoder.encode(&made[..15]),
        with("page=2&per_page=1000"),
        with("page=x"),
        with("page=-1"),
        with("page"),
        with("page=2&access_token=1"),
        with("https://evil.example/?page=2"),
        with("after=a b"),
        with("after=a\r\nHost: evil.example"),
        with(&format!("after={}", "x".repeat(1000))),
        with(&"page=2&".repeat(1000)),
        encoder.encode([&made[..16], &[0xff, 0xfe][..]].concat()),
    ];
    for cursor in forged {
        let text = server.shop_err("github_list_prs", json!({"limit": 5, "cursor": cursor})).await;
        assert!(
            text.starts_with("invalid_argument: ")
                && text.contains("start over") | text.contains("leave the cursor out"),
            "{cursor}: {text}"
        );
    }
    assert_eq!(asked(&github), [""; 0], "nothing was asked");
    // What could be a name of GitHub's is sent as one value of one parameter, and nothing else.
    let text = server.shop("github_list_issues", json!({"limit": 3})).await;
    let made = encoder.decode(cursor(&text).expect("a cursor")).expect("base64");
    let strange = encoder.encode([&made[..16], b"after=a%26state%3Dall#?/../x&page=3"].concat());
    server.ask("github_list_issues", crate::asking::shop(json!({"limit": 3, "cursor": strange}))).await;
    let request = asked(&github).pop().expect("a request");
    assert!(request.ends_with("&after=a%2526state%253Dall%23%3F%2F..%2Fx&page=3"), "{request}");
    server.done(&github).await;
}

#[tokio::test]
async fn a_list_that_leads_astray_is_an_error_and_no_end() {
    let (github, other) = (many(), many());
    let mut server = Asking::of(&github).await;
    let base = github.url();
    // Of an address only the name of the page is taken: where it is asked for is not for an answer to say.
    let astray = format!("<{}/repositories/1001/issues?page=2&state=all>; rel=\"next\"", other.url());
    github.rules([Rule::new("GET", "/repos/acme/shop/pulls", Fault::Header("Link", astray)).once()]);
    let text = server.shop("github_list_prs", json!({"limit": 5})).await;
    let text = server.shop("github_list_prs", json!({"limit": 5, "cursor": cursor(&text)})).await;
    assert!(rows(&text)[0].starts_with("#247 ") && other.seen().is_empty(), "{text}");
    let request = asked(&github).pop().expect("a request");
    assert!(request.contains("/acme/shop/pulls?state=open&") && request.ends_with("&page=2"), "{request}");
    // A page that follows itself would be read for ever.
    let again = format!("<{base}/repositories/1001/pulls?page=2>; rel=\"next\"");
    github.rules([Rule::new("GET", "/repos/acme/shop/pulls", Fault::Header("Link", again))]);
    let text = server.shop("github_list_prs", json!({"limit": 5})).await;
    let text = server.shop_err("github_list_prs", json!({"limit": 5, "cursor": cursor(&text)})).await;
    assert!(text.starts_with("unavailable: ") && text.contains("its own successor"), "{text}");
    for link in [
        format!("<{base}/repositories/1001/pulls>; rel=\"next\""),
        format!("<{base}/repositories/1001/pulls?page=two>; rel=\"next\""),
        "<page 2>; rel=\"next\"".to_owned(),
    ] {
        github.rules([Rule::new("GET", "/repos/acme/shop/pulls", Fault::Header("Link", link.clone()))]);
        let text = server.shop_err("github_list_prs", json!({"limit": 5})).await;
        assert!(text.starts_with("unavailable: "), "{link}: {text}");
    }
    server.done(&github).await;
}
