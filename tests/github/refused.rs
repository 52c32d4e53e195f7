//! Writes that are refused: what GitHub says, in words that lead on; and what never reaches it.

use harness::github::{Access, Fault, Github, Rule};
use serde_json::{Value, json};

use crate::asking::{Asking, TOKEN};
use crate::reading::open;

fn posts(github: &Github) -> usize {
    github.count("POST", "/repos/")
}

/// A refusal of GitHub's with this status.
fn refusal(status: u16, headers: &[(&'static str, &str)], message: &str) -> Fault {
    let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    Fault::Status(status, headers, json!({"message": message}).to_string())
}

fn comment() -> Value {
    json!({"number": 2, "body": "x"})
}

fn opening(more: Value) -> Value {
    let mut whole = json!({"title": "Mend it", "head": "fix", "base": "main"});
    harness::github::merge(&mut whole, more);
    whole
}

/// The error of a comment on which `fault` falls, after one request.
async fn refused(fault: Fault) -> String {
    let github = open();
    github.rules([Rule::new("POST", "/repos/", fault)]);
    let mut server = Asking::of(&github).await;
    let text = server.shop_err("github_add_issue_comment", comment()).await;
    assert_eq!(posts(&github), 1, "{text}");
    assert!(!text.contains("done or not"), "{text}");
    server.done(&github).await;
    text
}

#[tokio::test]
async fn a_refusal_says_which_it_is_and_what_to_do() {
    let scopes = [("X-OAuth-Scopes", "read:org"), ("X-Accepted-OAuth-Scopes", "repo, public_repo")];
    let permission = [("X-Accepted-GitHub-Permissions", "issues=write; pull_requests=write")];
    let cases = [
        (refusal(401, &[], "Bad credentials"), "unauthenticated: ", "doctor"),
        (refusal(403, &permission, "Resource not accessible"), "forbidden: ", "issues=write, or pull_requests=write"),
        (refusal(403, &scopes, "Must have admin rights"), "forbidden: ", "give it one of: repo, public_repo"),
        (Fault::SingleSignOn, "forbidden: ", "https://github.com/orgs/acme/sso?authorization_request=abc"),
        (refusal(403, &[], "You are blocked."), "forbidden: ", "ask who administers the repository"),
        (refusal(404, &[], "Not Found"), "not_found: ", "check the spelling"),
        (refusal(410, &[], "Issues has been disabled in this repository."), "not_found: ", "turned off"),
        (refusal(422, &[], "Validation Failed"), "invalid_argument: ", "change the arguments"),
        (Fault::Primary(1800), "rate_limited: ", "nothing was changed"),
        (Fault::Secondary(403, Some(1)), "rate_limited: ", "wait 1 s"),
        (Fault::Secondary(403, None), "rate_limited: ", "wait a minute"),
        (Fault::Secondary(429, None), "rate_limited: ", "wait a minute"),
    ];
    for (fault, code, hint) in cases {
        let shown = format!("{fault:?}");
        let text = refused(fault).await;
        assert!(text.starts_with(code) && text.contains(hint), "{shown}: {text}");
    }
}

#[tokio::test]
async fn tokens_that_may_only_read_are_told_what_they_lack() {
    let github = open();
    github.repo("acme/shop", |repo| repo.branch("fix"));
    let access = Access::fine_grained("dev").reads("issues").reads("pull_requests");
    github.token(TOKEN, access);
    let mut server = Asking::of(&github).await;
    let text = server.shop_err("github_add_issue_comment", comment()).await;
    assert!(text.starts_with("forbidden: ") && text.contains("give the token issues=write"), "{text}");
    let text = server.shop_err("github_create_pr", opening(json!({}))).await;
    assert!(text.starts_with("forbidden: ") && text.contains("give the token pull_requests=write"), "{text}");
    assert_eq!(posts(&github), 2);
    server.done(&github).await;
}

#[tokio::test]
async fn what_is_locked_archived_or_turned_off_is_said_so() {
    let github = open();
    let mut server = Asking::of(&github).await;
    github.repo("acme/shop", |repo| {
        repo.issues.get_mut(&2).expect("an issue")["locked"] = json!(true);
        repo.branch("fix");
    });
    let dry = server.shop("github_add_issue_comment", json!({"number": 2, "body": "x", "dry_run": true})).await;
    assert!(dry.contains("locked"), "{dry}");
    let text = server.shop_err("github_add_issue_comment", comment()).await;
    assert!(text.starts_with("forbidden: ") && text.contains("its conversation is locked"), "{text}");
    github.repo("acme/shop", |repo| repo.json["archived"] = json!(true));
    for (tool, arguments) in
        [("github_add_pr_comment", json!({"number": 1, "body": "x"})), ("github_create_pr", opening(json!({})))]
    {
        let text = server.shop_err(tool, arguments).await;
        assert!(text.starts_with("forbidden: ") && text.contains("the repository is archived"), "{text}");
        assert!(text.contains("unarchive it, or write elsewhere"), "{text}");
    }
    assert_eq!(posts(&github), 3);
    github.rules([Rule::new(
        "GET",
        "/repos/acme/shop/issues/2",
        refusal(410, &[], "Issues are disabled for this repo"),
    )]);
    let text = server.shop_err("github_add_issue_comment", comment()).await;
    assert!(text.starts_with("not_found: ") && text.contains("turned off here"), "{text}");
    assert!(text.contains("Issues are disabled"), "GitHub's own words: {text}");
    assert_eq!(posts(&github), 3, "what cannot be looked at is not commented on");
    server.done(&github).await;
}

#[tokio::test]
async fn a_pull_request_that_cannot_be_opened_says_which_argument_is_wrong() {
    let github = open();
    let main = github.repo("acme/shop", |repo| {
        repo.branch("fix");
        repo.drafts = false;
        repo.branches["main"].clone()
    });
    github.repo("acme/shop", |repo| repo.branches.insert("same".to_owned(), main));
    let mut server = Asking::of(&github).await;
    for (more, posted, code, hint) in [
        (json!({"head": "same"}), 1, "invalid_argument: ", "push commits to head that base does not have"),
        (json!({"head": "nowhere"}), 1, "invalid_argument: ", "check that head is pushed"),
        (json!({"head": "stranger:fix"}), 1, "invalid_argument: ", "check that head is pushed"),
        (json!({"base": "nowhere"}), 1, "invalid_argument: ", "check base: github_list_branches lists branches"),
        (json!({"draft": true}), 1, "invalid_argument: ", "leave out draft"),
        (json!({"head": "feature"}), 0, "conflict: ", "github_get_pr number=1 shows it"),
        (json!({"head": "acme:feature"}), 0, "conflict: ", "github_get_pr number=1 shows it"),
        (json!({"head": "main"}), 0, "invalid_argument: ", "name the branch with the changes as head"),
        (json!({"title": " "}), 0, "invalid_argument: ", "nothing was sent"),
        (json!({"title": "a\nb"}), 0, "invalid_argument: ", "nothing was sent"),
        (json!({"reviewers": ["@ada"]}), 0, "invalid_argument: ", "logins without @"),
    ] {
        github.forget();
        let text = server.shop_err("github_create_pr", opening(more.clone())).await;
        assert_eq!(posts(&github), posted, "{more}: {text}");
        assert!(text.starts_with(code) && text.contains(hint), "{more}: {text}");
    }
    server.done(&github).await;
}

#[tokio::test]
async fn a_pull_request_opened_by_somebody_else_in_between_is_named() {
    let github = open();
    // Looked for before, it is not there yet.
    let nothing = Fault::Status(200, vec![], "[]".to_owned());
    github.rules([Rule::new("GET", "/repos/acme/shop/pulls?", nothing).once()]);
    let mut server = Asking::of(&github).await;
    let text = server.shop_err("github_create_pr", opening(json!({"head": "feature"}))).await;
    assert_eq!(posts(&github), 1, "{text}");
    assert!(text.starts_with("conflict: ") && text.contains("pull request #1 of acme/shop is open already"), "{text}");
    assert!(text.contains("github_get_pr number=1 shows it"), "{text}");
    server.done(&github).await;
}

#[tokio::test]
async fn reviewers_that_are_refused_do_not_hide_the_pull_request() {
    let github = open();
    github.repo("acme/shop", |repo| ["one", "two", "three"].map(|name| repo.branch(name)));
    let mut server = Asking::of(&github).await;
    let asking = |head: &str, who: &str| opening(json!({"head": head, "reviewers": [who]}));
    let text = server.shop("github_create_pr", asking("one", "stranger")).await;
    assert!(text.contains("opened pull request #") && text.contains("but: invalid_argument: "), "{text}");
    assert!(text.contains("Reviews may only be requested from collaborators"), "{text}");
    github.rules([Rule::new("POST", "/repos/acme/shop/pulls/", Fault::DoneAndCut)]);
    let text = server.shop("github_create_pr", asking("two", "reviewer")).await;
    assert!(text.contains("opened pull request #") && text.contains("may have been done or not"), "{text}");
    assert!(text.contains("says whose reviews it waits for"), "{text}");
    github.rules([]);
    let text = server.shop("github_create_pr", opening(json!({"head": "three", "team_reviewers": ["core"]}))).await;
    assert!(!text.contains("but: "), "{text}");
    // Two requests each, and none of them again.
    assert_eq!(posts(&github), 6);
    server.done(&github).await;
}

#[tokio::test]
async fn forks_and_drafts_are_sent_as_they_are_meant() {
    let github = open();
    github.edit(|state| {
        state.fork("acme/shop", "ada/shop").branch("their-fix");
    });
    github.repo("acme/shop", |repo| repo.branch("our-fix"));
    let mut server = Asking::of(&github).await;
    let text =
        server.shop("github_create_pr", opening(json!({"head": "ada:their-fix", "body": "Line.\n\nAnother."}))).await;
    assert!(text.starts_with("127.0.0.1") && text.contains("acme/shop: opened pull request #3"), "{text}");
    let text = server.shop("github_create_pr", opening(json!({"head": "our-fix", "draft": true}))).await;
    assert!(text.contains("opened draft pull request #4"), "{text}");
    let sent: Vec<Value> = github
        .seen()
        .iter()
        .filter(|seen| seen.method == "POST")
        .map(|seen| serde_json::from_slice(&seen.body).expect("JSON"))
        .collect();
    let fork = json!({"title": "Mend it", "head": "ada:their-fix", "base": "main", "body": "Line.\n\nAnother."});
    assert_eq!(sent, [fork, json!({"title": "Mend it", "head": "our-fix", "base": "main", "draft": true})]);
    server.done(&github).await;
}

#[tokio::test]
async fn credentials_of_this_server_are_written_nowhere() {
    let github = open();
    github.repo("acme/shop", |repo| repo.branch("fix"));
    let mut server = Asking::of(&github).await;
    for dry in [false, true] {
        for (tool, arguments) in [
            ("github_create_pr", opening(json!({"title": format!("use {TOKEN}")}))),
            ("github_create_pr", opening(json!({"body": format!("x\n{TOKEN}\n")}))),
            ("github_add_pr_comment", json!({"number": 1, "body": format!("token={TOKEN}")})),
            ("github_add_issue_comment", json!({"number": 2, "body": TOKEN})),
        ] {
            let mut arguments = arguments;
            arguments["dry_run"] = json!(dry);
            let text = server.shop_err(tool, arguments).await;
            assert!(text.starts_with("forbidden: ") && text.contains("holds a credential of this server"), "{text}");
        }
    }
    assert!(github.seen().is_empty(), "nothing was asked");
    server.done(&github).await;
}
