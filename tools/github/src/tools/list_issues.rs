//! `github_list_issues`: the issues of a repository, without its pull requests.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shared::{Annotations, Answer, Call, List, Read, Records, Result, Text, Tool, ToolError, Untrusted};

use crate::{
    Github,
    issue::Issue,
    list::{self, Ask},
    tools::list_prs::State,
    words::{count, labels, person, when},
};

/// The tool.
pub struct ListIssues;

/// Parameters.
#[derive(Deserialize, JsonSchema)]
pub struct Params {
    /// User or organisation.
    owner: String,
    /// Repository name.
    repo: String,
    /// Default: open.
    state: Option<State>,
    /// Only with all of these labels.
    labels: Option<Vec<String>>,
    /// Only of this login; `none` for nobody's, `*` for anybody's.
    assignee: Option<String>,
    /// Only updated since: 2026-11-25 or 2026-11-25T14:00:00Z.
    since: Option<String>,
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
    /// The issues.
    issues: Records<Row>,
}

/// One of them.
#[derive(Serialize, JsonSchema)]
pub struct Row {
    /// Its number.
    number: u64,
    /// open, or closed and why.
    state: String,
    /// Its title.
    title: Untrusted,
    /// Who opened it.
    author: Untrusted,
    /// Who works on it.
    assignees: Vec<Untrusted>,
    /// Its labels.
    labels: Vec<Untrusted>,
    /// Comments on it.
    comments: u64,
    /// When anything about it changed, in UTC.
    updated: String,
}

impl Answer for Found {
    fn text(&self, text: &mut Text<'_>) {
        text.line(format_args!("{}: {}", self.repository, self.asked));
        if self.issues.is_empty() {
            // Where pages held nothing but pull requests, what follows may hold issues.
            let end = self.issues.total().is_some();
            text.line(if end { "none" } else { "only pull requests so far" });
        }
        text.records(&self.issues, |row, inside| {
            let labels: String = row.labels.iter().map(|label| format!(" [{}]", label.inside(inside))).collect();
            let people: Vec<&str> = row.assignees.iter().map(|person| person.inside(inside)).collect();
            let people = if people.is_empty() { String::new() } else { format!(" for @{}", people.join(" @")) };
            format!(
                "#{} {} {} @{}{people}, {}: {}{labels}",
                row.number,
                row.state,
                row.updated,
                row.author.inside(inside),
                count(row.comments, "comment"),
                row.title.inside(inside)
            )
        });
    }

    fn lists(&mut self) -> Vec<&mut dyn List> {
        vec![&mut self.issues]
    }
}

impl Tool for ListIssues {
    const NAME: &'static str = "github_list_issues";
    const TITLE: &'static str = "List issues";
    const DESCRIPTION: &'static str =
        "Issues, newest first, with state, author, assignees, comments, title and labels. Pull requests are left out.";
    const EXAMPLE: &'static str = "owner=acme repo=shop";
    const ANNOTATIONS: Annotations = Annotations::READ_REMOTE;
    const PAGED: bool = true;

    type Access = Read;
    type Server = Github;
    type Params = Params;
    type Output = Found;

    async fn run(server: Arc<Github>, params: Params, call: Call) -> Result<Found> {
        let repo = server.repo(&call, &params.owner, &params.repo)?;
        let state = params.state.unwrap_or(State::Open).word();
        let wanted = params.labels.as_deref().map(wanted).transpose()?;
        let since = params.since.as_deref().map(since).transpose()?;
        let mut query = vec![("state", state)];
        let mut asked = format!("{state} issues, newest first, each with its last update");
        if let Some(wanted) = &wanted {
            query.push(("labels", wanted));
            asked = format!("{asked}, labels {}", Untrusted::line(wanted).quoted());
        }
        if let Some(assignee) = &params.assignee {
            query.push(("assignee", login(assignee)?));
            asked = format!("{asked}, assignee {}", Untrusted::line(assignee).quoted());
        }
        if let Some(since) = &since {
            query.push(("since", since));
            asked = format!("{asked}, updated since {since}");
        }
        let ask = Ask { doing: "list issues", tail: "issues", query: &query, limit: params.limit };
        let listed = list::read::<Vec<Issue>>(&repo, &ask, Some(|issue| issue.pull_request.is_none())).await?;
        Ok(Found { repository: repo.scope(), asked, issues: listed.into_records("issues", row) })
    }
}

/// Labels between commas, as GitHub takes them.
fn wanted(labels: &[String]) -> Result<String> {
    match labels.iter().find(|label| label.trim().is_empty() || label.contains(',')) {
        Some(wrong) => Err(ToolError::invalid(format!("labels holds {}", Untrusted::line(wrong).quoted()))
            .hint("pass one label a place; GitHub cannot be asked for a label with a comma in it")),
        None => Ok(labels.join(",")),
    }
}

fn login(given: &str) -> Result<&str> {
    let bot = given.strip_suffix("[bot]").unwrap_or(given);
    if given == "*" || crate::repository::is_owner(bot) {
        return Ok(given);
    }
    Err(ToolError::invalid(format!("assignee {} is no login", Untrusted::line(given).quoted()))
        .hint("pass a login without @, none, or *"))
}

/// A time as GitHub takes it: a date is its first moment in UTC.
fn since(given: &str) -> Result<String> {
    let time = given.parse::<jiff::Timestamp>().ok();
    let date = || Some(given.parse::<jiff::civil::Date>().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp());
    match time.or_else(date) {
        Some(time) => Ok(time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()),
        None => Err(ToolError::invalid(format!("since {} is no time", Untrusted::line(given).quoted()))
            .hint("pass 2026-11-25, or 2026-11-25T14:00:00Z")),
    }
}

fn row(issue: Issue) -> Row {
    Row {
        number: issue.number,
        state: issue.state(),
        title: Untrusted::line(&issue.title),
        author: person(issue.user.as_ref()),
        assignees: issue.assignees.iter().map(|user| person(Some(user))).collect(),
        labels: labels(&issue.labels),
        comments: issue.comments,
        updated: when(issue.updated_at.as_deref()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_checked_because_github_ignores_what_it_does_not_know() {
        assert_eq!(since("2026-11-25").unwrap(), "2026-11-25T00:00:00Z");
        assert_eq!(since("2026-11-25T14:00:00+02:00").unwrap(), "2026-11-25T12:00:00Z");
        assert!(since("yesterday").is_err() && since("").is_err());
        assert_eq!(wanted(&["bug".into(), "good first issue".into()]).unwrap(), "bug,good first issue");
        assert!(wanted(&["a,b".into()]).is_err() && wanted(&[" ".into()]).is_err());
        assert!(login("ada").is_ok() && login("*").is_ok() && login("none").is_ok() && login("renovate[bot]").is_ok());
        assert!(login("@ada").is_err() && login("").is_err() && login("a b").is_err());
    }
}
