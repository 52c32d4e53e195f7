//! `github_get_pr`: a pull request, whether it can be merged, and what stands against it.

mod answer;
mod parts;

use std::{sync::Arc, time::Duration};

use schemars::JsonSchema;
use serde::Deserialize;
use shared::{Annotations, Call, Lines, Read, Records, Result, Tool, ToolError, Untrusted};

use self::{
    answer::{Ended, Found},
    parts::{taken, when_wanted},
};
use crate::{
    Github, prose,
    pull::Pull,
    repo::Repo,
    words::{labels, person, short, when},
};

/// How often GitHub is asked again whether it can be merged, while it computes that.
const AGAIN: usize = 3;
/// How long is waited in between.
const WAIT: Duration = Duration::from_millis(800);
/// Bytes of what its author says.
const BODY_MAX: usize = 3000;

/// The tool.
pub struct GetPr;

/// Parameters.
#[derive(Deserialize, JsonSchema)]
pub struct Params {
    /// User or organisation.
    owner: String,
    /// Repository name.
    repo: String,
    /// Number of the pull request.
    #[schemars(range(min = 1, max = 9_999_999_999_u64))]
    number: u64,
    /// Exactly these parts; default: reviews, checks.
    include: Option<Vec<Include>>,
}

/// What else to look at.
#[derive(Clone, Copy, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Include {
    Reviews,
    Threads,
    Checks,
    Files,
    Comments,
}

impl Tool for GetPr {
    const NAME: &'static str = "github_get_pr";
    const TITLE: &'static str = "Read a pull request";
    const DESCRIPTION: &'static str = "A pull request: whether it can be merged and why not, the latest review of each person, the verdict of its \
         checks, unresolved threads, files, comments.";
    const EXAMPLE: &'static str = "owner=acme repo=shop number=12";
    const ANNOTATIONS: Annotations = Annotations::READ_REMOTE;
    const TIMEOUT: Duration = Duration::from_secs(90);
    const PAGED: bool = true;

    type Access = Read;
    type Server = Github;
    type Params = Params;
    type Output = Found;

    async fn run(server: Arc<Github>, params: Params, call: Call) -> Result<Found> {
        let repo = server.repo(&call, &params.owner, &params.repo)?;
        let include = params.include.unwrap_or_else(|| vec![Include::Reviews, Include::Checks]);
        let wants = |what| include.contains(&what);
        let further = !call.trail()?.page.is_empty();
        if further && !wants(Include::Comments) {
            return Err(ToolError::invalid("`cursor` pages comments, and include does not name them")
                .hint("repeat the arguments of the call that gave the cursor"));
        }
        let pull = read(&repo, params.number).await?;
        let mut found = found(&repo, &pull, further);
        let commit = pull.head.as_ref().and_then(|head| head.sha.clone()).filter(|sha| short(Some(sha)) != "unknown");
        let wants = |what| wants(what) && (what == Include::Comments || !further);
        let number = pull.number;
        let (checks, reviews, threads, files, comments) = tokio::join!(
            when_wanted(wants(Include::Checks), parts::checks(&repo, &pull, commit.as_deref())),
            when_wanted(wants(Include::Reviews), parts::opinions(&repo, number, commit.as_deref())),
            when_wanted(wants(Include::Threads), parts::threads(&repo, number)),
            when_wanted(wants(Include::Files), parts::files(&repo, &pull)),
            when_wanted(wants(Include::Comments), parts::comments(&repo, &pull)),
        );
        let mut unread = Vec::new();
        found.checks = taken(checks, &mut unread);
        found.reviews = taken(reviews, &mut unread);
        found.threads = taken(threads, &mut unread);
        found.files = taken(files, &mut unread);
        found.comments = taken(comments, &mut unread);
        call.check()?;
        found.unread = Records::all("notes", unread);
        Ok(found)
    }
}

/// The pull request, asked for again while GitHub computes whether it can be merged.
async fn read(repo: &Repo, number: u64) -> Result<Pull> {
    let (doing, tail) = (format!("read pull request #{number}"), format!("pulls/{number}"));
    for again in (0..=AGAIN).rev() {
        let pull = repo.read::<Pull>(&doing, &tail, "").await?.value;
        repo.answers_for(pull.repository())?;
        if pull.mergeable.is_some() && pull.mergeable_state.as_deref() != Some("unknown")
            || pull.state.as_deref() != Some("open")
            || again == 0
        {
            return Ok(pull);
        }
        tokio::select! {
            () = tokio::time::sleep(WAIT) => {}
            () = repo.call().cancellation().cancelled() => return Err(repo.call().stopped()),
        }
    }
    Err(ToolError::internal("a pull request was asked for without end"))
}

fn found(repo: &Repo, pull: &Pull, further: bool) -> Found {
    let ended = pull.merged_at.as_ref().or(pull.closed_at.as_ref()).map(|at| Ended {
        at: when(Some(at)),
        by: pull.merged_by.as_ref().map(|user| person(Some(user))),
        commit: pull.merged_at.as_ref().map(|_| short(pull.merge_commit_sha.as_deref())),
    });
    let team = |slug: &Option<String>| Untrusted::line(&format!("@{}", slug.as_deref().unwrap_or("unknown")));
    let awaited = pull.requested_reviewers.iter().map(|user| person(Some(user)));
    let body = prose::visible(pull.body.trim());
    let kept = if further { 0 } else { body.floor_char_boundary(BODY_MAX) };
    let mut shown = body[..kept].to_owned();
    if kept < body.len() && !further {
        shown.push_str(&format!(
            "\n…({} more bytes: github_get_issue number={} shows all)",
            body.len() - kept,
            pull.number
        ));
    }
    Found {
        repository: repo.scope(),
        number: pull.number,
        state: pull.state(),
        title: Untrusted::line(&pull.title),
        author: person(pull.user.as_ref()),
        head: pull.head(),
        base: pull.base(),
        merge: pull.merge(),
        ended: ended.filter(|_| pull.state.as_deref() != Some("open")),
        auto_merge: pull.auto_merge.as_ref().is_some_and(|auto| !auto.is_null()),
        locked: pull.locked,
        commits: pull.commits.unwrap_or_default(),
        changed_files: pull.changed_files.unwrap_or_default(),
        additions: pull.additions.unwrap_or_default(),
        deletions: pull.deletions.unwrap_or_default(),
        labels: labels(&pull.labels),
        assignees: pull.assignees.iter().map(|user| person(Some(user))).collect(),
        awaited: awaited.chain(pull.requested_teams.iter().map(|asked| team(&asked.slug))).collect(),
        times: [when(pull.created_at.as_deref()), when(pull.updated_at.as_deref())],
        body: Lines::all("lines", shown.as_bytes()),
        reviews: None,
        checks: None,
        threads: None,
        files: None,
        comments: None,
        unread: Records::all("notes", Vec::new()),
    }
}
