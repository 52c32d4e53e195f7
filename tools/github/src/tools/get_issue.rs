//! `github_get_issue`: an issue in full.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shared::{Annotations, Answer, Call, Lines, List, Read, Records, Result, Text, Tool, ToolError, Untrusted};

use crate::{
    Github, conversation,
    issue::Issue,
    list::{self, Ask},
    prose::{self, Comment},
    timeline::{self, Event},
    unread::{self, Unread, or_note},
    words::{count, labels, names, person, when},
};

/// Pages of a hundred events.
const EVENT_PAGES: usize = 5;

/// The tool.
pub struct GetIssue;

/// Parameters.
#[derive(Deserialize, JsonSchema)]
pub struct Params {
    /// User or organisation.
    owner: String,
    /// Repository name.
    repo: String,
    /// Number of the issue.
    #[schemars(range(min = 1, max = 9_999_999_999_u64))]
    number: u64,
    /// Exactly these parts; default: comments.
    include: Option<Vec<Include>>,
}

/// What else to look at.
#[derive(Clone, Copy, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Include {
    Comments,
    Timeline,
}

/// The answer.
#[derive(Serialize, JsonSchema)]
pub struct Found {
    /// The repository.
    repository: String,
    /// Its number.
    number: u64,
    /// open, or closed and why.
    state: String,
    /// Whether it is a pull request.
    is_pull_request: bool,
    /// Its title.
    title: Untrusted,
    /// Who opened it.
    author: Untrusted,
    /// When it was opened, last changed, and closed, in UTC.
    times: [String; 3],
    /// Whether talking is over.
    locked: bool,
    /// Its labels.
    labels: Vec<Untrusted>,
    /// Who works on it.
    assignees: Vec<Untrusted>,
    /// What it is planned for.
    milestone: Untrusted,
    /// What its author says. Absent on later pages of comments.
    body: Lines,
    /// Comments on it.
    comment_count: u64,
    /// What happened to it, oldest first.
    #[serde(skip_serializing_if = "Option::is_none")]
    timeline: Option<Records<Event>>,
    /// Comments.
    #[serde(skip_serializing_if = "Option::is_none")]
    comments: Option<Records<Comment>>,
    /// What could not be looked at.
    unread: Records<Unread>,
}

impl Answer for Found {
    fn text(&self, text: &mut Text<'_>) {
        let kind = if self.is_pull_request { " (a pull request: github_get_pr says more)" } else { "" };
        let locked = if self.locked { ", locked" } else { "" };
        text.line(format_args!(
            "{} #{}{kind}: {}{locked}, by {}",
            self.repository,
            self.number,
            self.state,
            self.author.quoted()
        ));
        text.framed(|inside| self.title.inside(inside).to_owned());
        let closed = if self.times[2] == "-" { String::new() } else { format!(", closed {}", self.times[2]) };
        text.line(format_args!(
            "opened {}, updated {}{closed}; {}",
            self.times[0],
            self.times[1],
            count(self.comment_count, "comment")
        ));
        let mut marks = Vec::new();
        if !self.labels.is_empty() {
            marks.push(format!("labels {}", names(&self.labels)));
        }
        if !self.assignees.is_empty() {
            marks.push(format!("assigned to {}", names(&self.assignees)));
        }
        if !self.milestone.is_empty() {
            marks.push(format!("milestone {}", self.milestone.quoted()));
        }
        if !marks.is_empty() {
            text.line(marks.join("; "));
        }
        text.lines(&self.body);
        if let Some(timeline) = &self.timeline {
            text.line(if timeline.is_empty() { "timeline: nothing but comments" } else { "timeline:" });
            text.records(timeline, Event::row);
        }
        if let Some(comments) = &self.comments {
            if !comments.is_empty() {
                text.line("comments, newest first:");
            }
            text.records(comments, Comment::row);
        }
        unread::write(&self.unread, text);
    }

    fn lists(&mut self) -> Vec<&mut dyn List> {
        let mut lists: Vec<&mut dyn List> = vec![&mut self.unread, &mut self.body];
        lists.extend(self.comments.as_mut().map(|comments| comments as &mut dyn List));
        lists.extend(self.timeline.as_mut().map(|timeline| timeline as &mut dyn List));
        lists
    }
}

impl Tool for GetIssue {
    const NAME: &'static str = "github_get_issue";
    const TITLE: &'static str = "Read an issue";
    const DESCRIPTION: &'static str =
        "An issue with its text, its comments (newest first) and, if asked for, what happened to it.";
    const EXAMPLE: &'static str = "owner=acme repo=shop number=7";
    const ANNOTATIONS: Annotations = Annotations::READ_REMOTE;
    const PAGED: bool = true;

    type Access = Read;
    type Server = Github;
    type Params = Params;
    type Output = Found;

    async fn run(server: Arc<Github>, params: Params, call: Call) -> Result<Found> {
        let repo = server.repo(&call, &params.owner, &params.repo)?;
        let include = params.include.unwrap_or_else(|| vec![Include::Comments]);
        let further = !call.trail()?.page.is_empty();
        if further && !include.contains(&Include::Comments) {
            return Err(ToolError::invalid("`cursor` pages comments, and include does not name them")
                .hint("repeat the arguments of the call that gave the cursor"));
        }
        let (doing, tail) = (format!("read issue #{}", params.number), format!("issues/{}", params.number));
        let issue = repo.read::<Issue>(&doing, &tail, "").await?.value;
        repo.answers_for(issue.repository())?;
        let mut unread = Vec::new();
        let mut timeline = None;
        if include.contains(&Include::Timeline) && !further {
            let (doing, tail) = (format!("read the timeline of #{}", issue.number), format!("{tail}/timeline"));
            let ask = Ask { doing: &doing, tail: &tail, query: &[], limit: None };
            let read = list::all::<Vec<timeline::Sent>>(&repo, &ask, EVENT_PAGES).await;
            if let Some((sent, whole)) = or_note(read, "timeline", &mut unread) {
                timeline = Some(Records::all("events", sent.iter().filter_map(Event::of).collect()));
                if !whole {
                    let error = ToolError::new(
                        shared::Code::TooLarge,
                        format!("only the first {} entries were read", sent.len()),
                    );
                    unread.push(Unread::new("the rest of the timeline", &error));
                }
            }
        }
        let mut comments = None;
        if include.contains(&Include::Comments) {
            comments = or_note(conversation::read(&repo, issue.number, issue.comments).await, "comments", &mut unread);
        }
        let body = if further { String::new() } else { prose::visible(issue.body.trim()) };
        Ok(Found {
            repository: repo.scope(),
            number: issue.number,
            state: issue.state(),
            is_pull_request: issue.pull_request.is_some(),
            title: Untrusted::line(&issue.title),
            author: person(issue.user.as_ref()),
            times: [&issue.created_at, &issue.updated_at, &issue.closed_at].map(|time| when(time.as_deref())),
            locked: issue.locked,
            labels: labels(&issue.labels),
            assignees: issue.assignees.iter().map(|user| person(Some(user))).collect(),
            milestone: Untrusted::line(issue.milestone.as_ref().map_or("", |milestone| &milestone.title)),
            body: Lines::all("lines of the text", body.as_bytes()),
            comment_count: issue.comments,
            timeline,
            comments,
            unread: Records::all("notes", unread),
        })
    }
}
