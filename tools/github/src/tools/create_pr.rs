//! `github_create_pr`: opens a pull request.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use shared::{Annotations, Call, Code, Result, Tool, ToolError, Untrusted, Write};

use crate::{
    Github,
    api::parse,
    failure::Refusal,
    pull::Pull,
    repo::Repo,
    repository::Repository,
    segment,
    tools::list_prs::from,
    writing::{self, Trouble, Written},
};

/// The tool.
pub struct CreatePr;

/// Parameters.
#[derive(Deserialize, JsonSchema)]
pub struct Params {
    /// User or organisation.
    owner: String,
    /// Repository name.
    repo: String,
    /// At most 256 characters.
    title: String,
    /// Branch with the changes, pushed already: `feature`, or `owner:feature` of a fork.
    head: String,
    /// Branch to merge into.
    base: String,
    /// Markdown.
    body: Option<String>,
    /// Not meant to be merged yet.
    #[serde(default)]
    draft: bool,
    /// Logins to ask for a review.
    reviewers: Option<Vec<String>>,
    /// Teams to ask, by slug.
    team_reviewers: Option<Vec<String>>,
    /// Show what would be sent.
    #[serde(default)]
    dry_run: bool,
}

/// Who is asked for a review.
#[derive(Serialize)]
struct Reviewers<'a> {
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    reviewers: &'a [String],
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    team_reviewers: &'a [String],
}

impl Tool for CreatePr {
    const NAME: &'static str = "github_create_pr";
    const TITLE: &'static str = "Open a pull request";
    const DESCRIPTION: &'static str =
        "Opens a pull request from a pushed branch. One that is open already for it is named instead. Sent once.";
    const EXAMPLE: &'static str = "owner=acme repo=shop title='Fix the cart' head=fix-cart base=main dry_run=true";
    const ANNOTATIONS: Annotations = Annotations { destructive: false, idempotent: false, open_world: true };

    type Access = Write;
    type Server = Github;
    type Params = Params;
    type Output = Written;

    async fn run(server: Arc<Github>, params: Params, call: Call) -> Result<Written> {
        let repo = server.repo(&call, &params.owner, &params.repo)?;
        let title = writing::text("title", &params.title, true)?.trim();
        let body = writing::text("body", params.body.as_deref().unwrap_or_default(), false)?;
        let base = segment::reference("base", &params.base)?;
        let head = from(repo.name().owner(), &params.head)?;
        let fork = head.split_once(':').map_or(repo.name().owner(), |(owner, _)| owner);
        if !fork.eq_ignore_ascii_case(repo.name().owner()) {
            // What a fork holds is shown by the pull request.
            repo.api().config.allowed.check(&Repository::parse(fork, repo.name().name())?)?;
        }
        let reviewers = names("reviewers", params.reviewers.as_deref())?;
        let teams = names("team_reviewers", params.team_reviewers.as_deref())?;
        if head == format!("{}:{base}", repo.name().owner()) {
            return Err(ToolError::invalid("head and base are the same branch")
                .hint("name the branch with the changes as head"));
        }
        let open = open(&repo, &head, base).await?;
        let doing = "open a pull request";
        // Here as well, so that a dry run says it too.
        repo.unmoved(doing)?;
        if let Some(open) = open {
            return Err(exists(&repo, &open, base));
        }
        let head = qualified(&repo, &head, &params.head);
        let mut request = Map::new();
        request.insert("title".into(), title.into());
        request.insert("head".into(), head.as_str().into());
        request.insert("base".into(), base.into());
        if !body.is_empty() {
            request.insert("body".into(), body.into());
        }
        if params.draft {
            request.insert("draft".into(), true.into());
        }
        let request = Value::Object(request);
        let asked = Reviewers { reviewers, team_reviewers: teams };
        if params.dry_run {
            return Ok(dry(&repo, &request, &asked, params.draft));
        }
        let look = format!("github_list_prs state=all head={head} says whether it was opened");
        let response = match repo.write(doing, "pulls", &request, &look).await {
            Ok(response) => response,
            Err(refusal) => return Err(explained(&repo, &head, base, refusal).await),
        };
        let pull: Pull = parse(doing, &response).map_err(|refusal| {
            // It was done; only the answer is unreadable.
            ToolError::new(Code::Unavailable, format!("{}; the pull request was opened", refusal.error.message()))
                .hint(format!("do not open it again; {look}"))
        })?;
        let mut troubles = Vec::new();
        let mut asked_for = String::new();
        if params.draft && !pull.draft {
            let error = ToolError::new(Code::Conflict, "GitHub opened it ready for review and not as a draft");
            troubles.push(Trouble::new(&error.hint("turn it into a draft on the website if that matters")));
        }
        if !(reviewers.is_empty() && teams.is_empty()) {
            let tail = format!("pulls/{}/requested_reviewers", pull.number);
            let look = format!("github_get_pr number={} says whose reviews it waits for", pull.number);
            if let Err(refusal) = repo.write("ask for reviews", &tail, &json!(asked), &look).await {
                let refused = refusal.status.is_some_and(|status| status.is_client_error());
                let told = if refused {
                    let hint = "the pull request is open, do not open it again: ask for the review on the website";
                    refusal.error.hint(hint)
                } else {
                    refusal.error
                };
                troubles.push(Trouble::new(&told));
            } else {
                asked_for = String::from(", and asked for reviews");
            }
        }
        Ok(Written {
            repository: repo.scope(),
            dry_run: false,
            done: format!("opened {}pull request #{}{asked_for}", if pull.draft { "draft " } else { "" }, pull.number),
            url: Untrusted::line(pull.html_url.as_deref().unwrap_or_default()),
            troubles,
            request: None,
        })
    }
}

/// The head as the request names it: of the repository itself without its owner.
fn qualified(repo: &Repo, head: &str, given: &str) -> String {
    match head.split_once(':') {
        Some((owner, branch)) if owner.eq_ignore_ascii_case(repo.name().owner()) && !given.contains(':') => {
            branch.to_owned()
        }
        _ => head.to_owned(),
    }
}

/// The open pull request from `head` into `base`, if there is one.
async fn open(repo: &Repo, head: &str, base: &str) -> Result<Option<Pull>> {
    let query = segment::query([("state", "open"), ("head", head), ("base", base), ("per_page", "1")]);
    let found = repo.read::<Vec<Pull>>("look for an open pull request", "pulls", &query).await?.value;
    Ok(found.into_iter().next())
}

fn exists(repo: &Repo, open: &Pull, base: &str) -> ToolError {
    let title = Untrusted::line(&open.title);
    ToolError::new(
        Code::Conflict,
        format!(
            "pull request #{} of {} is open already from {} into {}: {}",
            open.number,
            repo.name(),
            open.head().name.quoted(),
            Untrusted::line(base).quoted(),
            title.quoted()
        ),
    )
    .hint(format!("push to its branch to change it; github_get_pr number={} shows it", open.number))
}

/// A refusal, with the pull request named that stands in the way, if that is why.
async fn explained(repo: &Repo, head: &str, base: &str, refusal: Refusal) -> ToolError {
    let said = refusal.error.said().unwrap_or_default().to_owned();
    if refusal.is(http::StatusCode::UNPROCESSABLE_ENTITY) && said.contains("already exists") {
        let owned = if head.contains(':') { head.to_owned() } else { format!("{}:{head}", repo.name().owner()) };
        if let Ok(Some(open)) = open(repo, &owned, base).await {
            return exists(repo, &open, base);
        }
    }
    let hint = match () {
        () if !refusal.is(http::StatusCode::UNPROCESSABLE_ENTITY) => return refusal.error,
        () if said.contains("No commits between") => "push commits to head that base does not have",
        () if said.contains("head") => {
            "check that head is pushed: github_list_branches lists branches; one of a fork is owner:branch"
        }
        () if said.contains("base") => "check base: github_list_branches lists branches",
        () if said.contains("raft") => "drafts are not to be had in this repository: leave out draft",
        () => "change the arguments as GitHub says",
    };
    ToolError::new(refusal.error.code(), refusal.error.message()).hint(hint).with_said(said)
}

/// Logins or slugs.
fn names<'a>(parameter: &str, given: Option<&'a [String]>) -> Result<&'a [String]> {
    let given = given.unwrap_or_default();
    match given.iter().find(|name| !crate::repository::is_owner(name)) {
        Some(wrong) => Err(ToolError::invalid(format!("{parameter} holds {}", Untrusted::line(wrong).quoted()))
            .hint("pass logins without @, and teams by their slug alone")),
        None if given.len() > 15 => {
            Err(ToolError::invalid(format!("{parameter} has {} names, and GitHub takes 15", given.len()))
                .hint("ask fewer"))
        }
        None => Ok(given),
    }
}

fn dry(repo: &Repo, request: &Value, asked: &Reviewers<'_>, draft: bool) -> Written {
    let mut shown = request.clone();
    if let (Some(shown), Ok(Value::Object(asked))) = (shown.as_object_mut(), serde_json::to_value(asked)) {
        for (name, value) in asked {
            shown.insert(format!("then {name}"), value);
        }
    }
    Written {
        repository: repo.scope(),
        dry_run: true,
        done: format!("a {}pull request", if draft { "draft " } else { "" }),
        url: Untrusted::default(),
        troubles: Vec::new(),
        request: Some(writing::shown(&repo.name().path("pulls"), &shown)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_names() {
        let given = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert!(names("reviewers", Some(&given(&["ada", "bob-2"]))).is_ok());
        for wrong in [&["@ada"][..], &["acme/team"], &[""], &["a"; 16]] {
            assert!(names("reviewers", Some(&given(wrong))).is_err(), "{wrong:?}");
        }
    }
}
