//! `github_get_workflow_runs`: what Actions ran.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shared::{Annotations, Answer, Call, List, Read, Records, Result, Text, Tool, ToolError, Untrusted};

use crate::{
    Github,
    list::{self, Ask, Page},
    segment,
    words::{self, User, lasting, or_default, person, seconds_between, short, when, word},
};

/// What GitHub knows as a status of a run.
const STATUSES: [&str; 14] = [
    "success",
    "failure",
    "cancelled",
    "in_progress",
    "queued",
    "completed",
    "timed_out",
    "skipped",
    "neutral",
    "action_required",
    "stale",
    "requested",
    "waiting",
    "pending",
];
/// Runs that GitHub lists at most of a filtered list, whatever its total says.
const REACHABLE: u64 = 1000;

/// The tool.
pub struct GetWorkflowRuns;

/// Parameters.
#[derive(Deserialize, JsonSchema)]
pub struct Params {
    /// User or organisation.
    owner: String,
    /// Repository name.
    repo: String,
    /// Only on this branch.
    branch: Option<String>,
    /// Only with this status or conclusion: failure, success, in_progress, queued, cancelled, timed_out, …
    status: Option<String>,
    /// Only by this event: push, pull_request, schedule, …
    event: Option<String>,
    /// Default 30, maximum 100.
    #[schemars(range(min = 1, max = 100))]
    limit: Option<u8>,
}

/// The answer.
#[derive(Serialize, JsonSchema)]
pub struct Found {
    /// The repository.
    repository: String,
    /// What was asked for.
    asked: String,
    /// The runs, newest first.
    runs: Records<Row>,
}

/// A run.
#[derive(Serialize, JsonSchema)]
pub struct Row {
    /// Its id.
    id: u64,
    /// How it ended, or how far it is.
    outcome: String,
    /// The workflow's name.
    workflow: Untrusted,
    /// The workflow's file.
    file: Untrusted,
    /// What it ran for: the commit's or pull request's title.
    title: Untrusted,
    /// Why it ran.
    event: String,
    /// On which branch.
    branch: Untrusted,
    /// On which commit.
    commit: String,
    /// Its number, and which attempt of it.
    number: u64,
    /// Which attempt.
    attempt: u64,
    /// Who started it.
    actor: Untrusted,
    /// When it began, in UTC.
    started: String,
    /// How long it took, once it has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    took: Option<String>,
}

#[derive(Deserialize)]
struct Sent {
    total_count: Option<u64>,
    #[serde(deserialize_with = "words::list")]
    workflow_runs: Vec<Run>,
}

#[derive(Deserialize)]
struct Run {
    id: u64,
    #[serde(default, deserialize_with = "or_default")]
    name: String,
    #[serde(default, deserialize_with = "or_default")]
    path: String,
    #[serde(default, deserialize_with = "or_default")]
    display_title: String,
    #[serde(default, deserialize_with = "or_default")]
    head_branch: String,
    head_sha: Option<String>,
    event: Option<String>,
    status: Option<String>,
    conclusion: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    run_number: u64,
    #[serde(default, deserialize_with = "or_default")]
    run_attempt: u64,
    actor: Option<User>,
    run_started_at: Option<String>,
    created_at: Option<String>,
    updated_at: Option<String>,
}

impl Page for Sent {
    type Item = Run;

    fn open(self) -> (Vec<Run>, Option<u64>) {
        (self.workflow_runs, self.total_count)
    }
}

impl Answer for Found {
    fn text(&self, text: &mut Text<'_>) {
        text.line(format_args!("{}: {}", self.repository, self.asked));
        if self.runs.is_empty() {
            text.line("none");
        }
        text.records(&self.runs, |row, inside| {
            let took = row.took.as_ref().map(|took| format!(" in {took}")).unwrap_or_default();
            let attempt = if row.attempt > 1 { format!(" (attempt {})", row.attempt) } else { String::new() };
            format!(
                "{} {}{took} {} {} #{}{attempt} by {} of @{} on {} {}: {}",
                row.id,
                row.outcome,
                row.started,
                row.workflow.inside(inside),
                row.number,
                row.event,
                row.actor.inside(inside),
                row.branch.inside(inside),
                row.commit,
                row.title.inside(inside)
            )
        });
        if let Some(failed) = self.runs.shown().iter().find(|row| row.outcome == "failure") {
            text.line(format_args!("why one failed: github_get_check_runs ref={}", failed.commit));
        }
    }

    fn lists(&mut self) -> Vec<&mut dyn List> {
        vec![&mut self.runs]
    }
}

impl Tool for GetWorkflowRuns {
    const NAME: &'static str = "github_get_workflow_runs";
    const TITLE: &'static str = "List workflow runs";
    const DESCRIPTION: &'static str =
        "Runs of GitHub Actions, newest first: outcome, workflow, event, branch, commit, duration.";
    const EXAMPLE: &'static str = "owner=acme repo=shop status=failure";
    const ANNOTATIONS: Annotations = Annotations::READ_REMOTE;
    const PAGED: bool = true;

    type Access = Read;
    type Server = Github;
    type Params = Params;
    type Output = Found;

    async fn run(server: Arc<Github>, params: Params, call: Call) -> Result<Found> {
        let repo = server.repo(&call, &params.owner, &params.repo)?;
        let mut query = Vec::new();
        let mut asked = String::from("workflow runs");
        if let Some(branch) = &params.branch {
            query.push(("branch", segment::reference("branch", branch)?));
            asked = format!("{asked}, branch {}", Untrusted::line(branch).quoted());
        }
        if let Some(given) = &params.status {
            let status = status(given)?;
            query.push(("status", status));
            asked = format!("{asked}, status {status}");
        }
        if let Some(event) = &params.event {
            query.push(("event", self::event(event)?));
            asked = format!("{asked}, event {event}");
        }
        let filtered = !query.is_empty();
        let ask = Ask { doing: "list workflow runs", tail: "actions/runs", query: &query, limit: params.limit };
        let runs = list::read::<Sent>(&repo, &ask, None).await?.into_records("runs", row);
        if filtered && runs.total().is_some_and(|total| total > REACHABLE) {
            asked = format!("{asked}; GitHub lists the newest {REACHABLE} only");
        }
        Ok(Found { repository: repo.scope(), asked, runs })
    }
}

/// GitHub answers nothing at all to a status it does not know.
fn status(given: &str) -> Result<&'static str> {
    STATUSES.into_iter().find(|known| *known == given).ok_or_else(|| {
        ToolError::invalid(format!("status {} is none of a run", Untrusted::line(given).quoted()))
            .hint(format!("pass one of {}", STATUSES.join(", ")))
    })
}

fn event(given: &str) -> Result<&str> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
    if !given.is_empty() && given.len() <= 40 && given.bytes().all(plain) {
        return Ok(given);
    }
    Err(ToolError::invalid(format!("event {} is none", Untrusted::line(given).quoted()))
        .hint("pass push, pull_request, schedule, workflow_dispatch or another event of Actions"))
}

fn row(run: Run) -> Row {
    let started = run.run_started_at.as_deref().or(run.created_at.as_deref());
    let ended = run.status.as_deref() == Some("completed");
    Row {
        id: run.id,
        outcome: word(if ended { run.conclusion.as_deref() } else { run.status.as_deref() }),
        workflow: Untrusted::line(if run.name.is_empty() { &run.path } else { &run.name }),
        file: Untrusted::line(&run.path),
        title: Untrusted::line(&run.display_title),
        event: word(run.event.as_deref()),
        branch: Untrusted::line(&run.head_branch),
        commit: short(run.head_sha.as_deref()),
        number: run.run_number,
        attempt: run.run_attempt,
        actor: person(run.actor.as_ref()),
        started: when(started),
        took: if ended { seconds_between(started, run.updated_at.as_deref()).map(lasting) } else { None },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_that_github_would_answer_with_nothing_are_refused() {
        assert_eq!(status("failure").unwrap(), "failure");
        assert!(status("failed").unwrap_err().next_step().unwrap().contains("failure"));
        assert!(event("push").is_ok() && event("Push").is_err() && event("a&b").is_err() && event("").is_err());
    }
}
