//! What is said of a pull request.

use schemars::JsonSchema;
use serde::Serialize;
use shared::{Answer, Lines, List, Records, Text, Untrusted};

use crate::{
    prose::Comment,
    pull::{Branch, Merge},
    reviews::{Opinion, Thread},
    statuses::Shown,
    unread::{self, Unread},
    verdict::Summary,
    words::{count, names},
};

/// The answer.
#[derive(Serialize, JsonSchema)]
pub struct Found {
    /// The repository.
    pub(super) repository: String,
    /// Its number.
    pub(super) number: u64,
    /// open, draft, merged or closed.
    pub(super) state: String,
    /// Its title.
    pub(super) title: Untrusted,
    /// Who opened it.
    pub(super) author: Untrusted,
    /// What is to be merged.
    pub(super) head: Branch,
    /// Into what.
    pub(super) base: Branch,
    /// Whether it can be merged; absent when that is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) merge: Option<Merge>,
    /// When it was merged or closed and by whom.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ended: Option<Ended>,
    /// Whether it is merged by itself once everything is well.
    pub(super) auto_merge: bool,
    /// Whether talking is over.
    pub(super) locked: bool,
    /// Its commits.
    pub(super) commits: u64,
    /// Files it changes.
    pub(super) changed_files: u64,
    /// Lines added.
    pub(super) additions: u64,
    /// Lines removed.
    pub(super) deletions: u64,
    /// Its labels.
    pub(super) labels: Vec<Untrusted>,
    /// Who works on it.
    pub(super) assignees: Vec<Untrusted>,
    /// Who has been asked for a review and has not answered; teams with @ in front.
    pub(super) awaited: Vec<Untrusted>,
    /// When it was opened and last changed, in UTC.
    pub(super) times: [String; 2],
    /// What its author says.
    pub(super) body: Lines,
    /// The latest opinion of each reviewer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reviews: Option<Records<Opinion>>,
    /// The verdict of its checks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) checks: Option<Checks>,
    /// Conversations about places in files that nobody has closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) threads: Option<Threads>,
    /// The files it changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) files: Option<Records<File>>,
    /// Its conversation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) comments: Option<Records<Comment>>,
    /// What could not be looked at.
    pub(super) unread: Records<Unread>,
}

/// How it ended.
#[derive(Serialize, JsonSchema)]
pub struct Ended {
    /// When, in UTC.
    pub(super) at: String,
    /// By whom; absent when GitHub does not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) by: Option<Untrusted>,
    /// The commit that merged it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) commit: Option<String>,
}

/// Its checks.
#[derive(Serialize, JsonSchema)]
pub struct Checks {
    /// The verdict and the counts.
    pub(super) summary: Summary,
    /// Whose rules say what is required.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) rules: Option<String>,
    /// Those that have not succeeded.
    pub(super) open: Records<Shown>,
}

/// Its threads.
#[derive(Serialize, JsonSchema)]
pub struct Threads {
    /// All there are.
    pub(super) total: u64,
    /// Those nobody has closed.
    pub(super) unresolved: Records<Thread>,
}

/// A file it changes.
#[derive(Serialize, JsonSchema)]
pub struct File {
    /// added, removed, modified, renamed.
    pub(super) status: String,
    /// Path in the repository.
    pub(super) path: Untrusted,
    /// Lines added.
    pub(super) additions: u64,
    /// Lines removed.
    pub(super) deletions: u64,
}

impl Answer for Found {
    fn text(&self, text: &mut Text<'_>) {
        let gone = if self.head.deleted_fork { " (its fork is deleted)" } else { "" };
        text.line(format_args!(
            "{} #{}: {}, by {}: {} {}{gone} into {}",
            self.repository,
            self.number,
            self.state,
            self.author.quoted(),
            self.head.name.quoted(),
            self.head.commit,
            self.base.name.quoted()
        ));
        text.framed(|inside| self.title.inside(inside).to_owned());
        if let Some(merge) = &self.merge {
            text.line(merge.line());
        }
        if let Some(ended) = &self.ended {
            let by = ended.by.as_ref().map(|by| format!(" by {}", by.quoted())).unwrap_or_default();
            let commit = ended.commit.as_ref().map(|commit| format!(" as {commit}")).unwrap_or_default();
            text.line(format_args!("{} {}{by}{commit}", self.state, ended.at));
        }
        text.line(format_args!(
            "{}, {}, +{} -{}; opened {}, updated {}",
            count(self.commits, "commit"),
            count(self.changed_files, "file"),
            self.additions,
            self.deletions,
            self.times[0],
            self.times[1]
        ));
        let mut marks = Vec::new();
        for (what, list) in
            [("labels", &self.labels), ("assigned to", &self.assignees), ("waiting for a review of", &self.awaited)]
        {
            if !list.is_empty() {
                marks.push(format!("{what} {}", names(list)));
            }
        }
        if self.auto_merge {
            marks.push("merges by itself when everything is well".to_owned());
        }
        if self.locked {
            marks.push("locked".to_owned());
        }
        if !marks.is_empty() {
            text.line(marks.join("; "));
        }
        if let Some(checks) = &self.checks {
            let rules = checks.rules.as_ref().map(|rules| format!("; {rules}")).unwrap_or_default();
            text.line(format_args!("checks: {}{rules}", checks.summary.line()));
            text.records(&checks.open, |check, inside| {
                let required = if check.required == Some(true) { ", required" } else { "" };
                let says =
                    if check.says.is_empty() { String::new() } else { format!(": {}", check.says.inside(inside)) };
                format!("{}{required}  {}{says}", check.word, check.name.inside(inside))
            });
            if checks.summary.failing > 0 {
                text.line(format_args!("why: github_get_check_runs ref=#{}", self.number));
            }
        }
        if let Some(reviews) = &self.reviews {
            text.line(if reviews.is_empty() { "reviews: none" } else { "reviews, the latest of each person:" });
            text.records(reviews, |review, inside| {
                let old = if review.outdated { ", on an older commit" } else { "" };
                let who = review.association.as_ref().map(|who| format!(" ({who})")).unwrap_or_default();
                let body =
                    if review.body.is_empty() { String::new() } else { format!(": {}", review.body.inside(inside)) };
                format!("{}{who} {} {}{old}{body}", review.reviewer.inside(inside), review.state, review.at)
            });
        }
        if let Some(threads) = &self.threads {
            let open = threads.unresolved.items().len();
            text.line(format_args!("threads: {open} unresolved of {}", threads.total));
            text.records(&threads.unresolved, |thread, inside| {
                let line = thread.line.map(|line| format!(":{line}")).unwrap_or_default();
                let old = if thread.outdated { " (outdated)" } else { "" };
                let more = thread.comments.saturating_sub(1);
                let more = if more > 0 { format!("\n({})", count(more, "answer")) } else { String::new() };
                format!("{}{line}{old} {}{more}", thread.path.inside(inside), thread.first.row(inside))
            });
        }
        if let Some(files) = &self.files {
            text.line("files:");
            text.records(files, |file, inside| {
                format!("{} {} +{} -{}", file.status, file.path.inside(inside), file.additions, file.deletions)
            });
        }
        if !self.body.is_empty() {
            text.line("its author says:");
            text.lines(&self.body);
        }
        if let Some(comments) = &self.comments {
            text.line(if comments.is_empty() { "comments: none" } else { "comments, newest first:" });
            text.records(comments, Comment::row);
        }
        unread::write(&self.unread, text);
    }

    fn lists(&mut self) -> Vec<&mut dyn List> {
        let mut lists: Vec<&mut dyn List> = vec![&mut self.unread];
        lists.extend(self.checks.as_mut().map(|checks| &mut checks.open as &mut dyn List));
        lists.extend(self.reviews.as_mut().map(|reviews| reviews as &mut dyn List));
        lists.extend(self.threads.as_mut().map(|threads| &mut threads.unresolved as &mut dyn List));
        lists.push(&mut self.body);
        lists.extend(self.files.as_mut().map(|files| files as &mut dyn List));
        lists.extend(self.comments.as_mut().map(|comments| comments as &mut dyn List));
        lists
    }
}
