//! `github_get_pr`: a pull request, whether it can be merged, and what stands against it.

use std::{sync::Arc, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shared::{Annotations, Answer, Call, Lines, List, Read, Records, Result, Text, Tool, ToolError, Untrusted};

use crate::{
    Github, conversation,
    list::{self, Ask},
    prose::{self, Comment},
    pull::{Branch, Merge, Pull},
    repo::Repo,
    required,
    reviews::{self, Opinion, Review, Thread},
    statuses::{self, Shown},
    unread::{self, Unread, or_note},
    verdict::{Outcome, Summary},
    words::{count, labels, or_default, person, short, when, word},
};

/// How often GitHub is asked again whether it can be merged, while it computes that.
const AGAIN: usize = 3;
/// How long is waited in between.
const WAIT: Duration = Duration::from_millis(800);
/// Pages of a hundred reviews.
const REVIEW_PAGES: usize = 20;
/// Files shown.
const FILES: usize = 100;
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
    /// Default: reviews and checks.
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

/// The answer.
#[derive(Serialize, JsonSchema)]
pub struct Found {
    /// The repository.
    repository: String,
    /// Its number.
    number: u64,
    /// open, draft, merged or closed.
    state: String,
    /// Its title.
    title: Untrusted,
    /// Who opened it.
    author: Untrusted,
    /// What is to be merged.
    head: Branch,
    /// Into what.
    base: Branch,
    /// Whether it can be merged; absent when that is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    merge: Option<Merge>,
    /// When it was merged or closed and by whom.
    #[serde(skip_serializing_if = "Option::is_none")]
    ended: Option<Ended>,
    /// Whether it is merged by itself once everything is well.
    auto_merge: bool,
    /// Whether talking is over.
    locked: bool,
    /// Its commits.
    commits: u64,
    /// Files it changes.
    changed_files: u64,
    /// Lines added.
    additions: u64,
    /// Lines removed.
    deletions: u64,
    /// Its labels.
    labels: Vec<Untrusted>,
    /// Who works on it.
    assignees: Vec<Untrusted>,
    /// Who has been asked for a review and has not answered; teams with @ in front.
    awaited: Vec<Untrusted>,
    /// When it was opened and last changed, in UTC.
    times: [String; 2],
    /// What its author says.
    body: Lines,
    /// The latest opinion of each reviewer.
    #[serde(skip_serializing_if = "Option::is_none")]
    reviews: Option<Records<Opinion>>,
    /// The verdict of its checks.
    #[serde(skip_serializing_if = "Option::is_none")]
    checks: Option<Checks>,
    /// Conversations about places in files that nobody has closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    threads: Option<Threads>,
    /// The files it changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    files: Option<Records<File>>,
    /// Its conversation.
    #[serde(skip_serializing_if = "Option::is_none")]
    comments: Option<Records<Comment>>,
    /// What could not be looked at.
    unread: Vec<Unread>,
}

/// How it ended.
#[derive(Serialize, JsonSchema)]
struct Ended {
    /// When, in UTC.
    at: String,
    /// By whom; absent when GitHub does not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<Untrusted>,
    /// The commit that merged it.
    #[serde(skip_serializing_if = "Option::is_none")]
    commit: Option<String>,
}

/// Its checks.
#[derive(Serialize, JsonSchema)]
struct Checks {
    /// The verdict and the counts.
    summary: Summary,
    /// Whose rules say what is required.
    #[serde(skip_serializing_if = "Option::is_none")]
    rules: Option<String>,
    /// Those that have not succeeded.
    open: Records<Shown>,
}

/// Its threads.
#[derive(Serialize, JsonSchema)]
struct Threads {
    /// All there are.
    total: u64,
    /// Those nobody has closed.
    unresolved: Records<Thread>,
}

/// A file it changes.
#[derive(Serialize, JsonSchema)]
struct File {
    /// added, removed, modified, renamed.
    status: String,
    /// Path in the repository.
    path: Untrusted,
    /// Lines added.
    additions: u64,
    /// Lines removed.
    deletions: u64,
}

#[derive(Deserialize)]
struct SentFile {
    filename: String,
    status: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    additions: u64,
    #[serde(default, deserialize_with = "or_default")]
    deletions: u64,
}

impl Answer for Found {
    fn text(&self, text: &mut Text<'_>) {
        let gone = if self.head.deleted_fork { " (its fork is deleted)" } else { "" };
        text.line(format_args!(
            "{} #{}: {}, {} wants {} {}{gone} in {}",
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
        let names =
            |names: &[Untrusted]| names.iter().map(|name| name.quoted().to_string()).collect::<Vec<_>>().join(" ");
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
                let body =
                    if review.body.is_empty() { String::new() } else { format!(": {}", review.body.inside(inside)) };
                format!("{} {} {}{old}{body}", review.reviewer.inside(inside), review.state, review.at)
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
        let mut lists: Vec<&mut dyn List> = Vec::new();
        lists.extend(self.checks.as_mut().map(|checks| &mut checks.open as &mut dyn List));
        lists.extend(self.reviews.as_mut().map(|reviews| reviews as &mut dyn List));
        lists.extend(self.threads.as_mut().map(|threads| &mut threads.unresolved as &mut dyn List));
        lists.push(&mut self.body);
        lists.extend(self.files.as_mut().map(|files| files as &mut dyn List));
        lists.extend(self.comments.as_mut().map(|comments| comments as &mut dyn List));
        lists
    }
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
            when_wanted(wants(Include::Checks), checks(&repo, &pull, commit.as_deref())),
            when_wanted(wants(Include::Reviews), opinions(&repo, number, commit.as_deref())),
            when_wanted(wants(Include::Threads), threads(&repo, number)),
            when_wanted(wants(Include::Files), files(&repo, &pull)),
            when_wanted(wants(Include::Comments), comments(&repo, &pull)),
        );
        let mut unread = Vec::new();
        found.checks = taken(checks, &mut unread);
        found.reviews = taken(reviews, &mut unread);
        found.threads = taken(threads, &mut unread);
        found.files = taken(files, &mut unread);
        found.comments = taken(comments, &mut unread);
        call.check()?;
        found.unread = unread;
        Ok(found)
    }
}

/// The pull request, asked for again while GitHub computes whether it can be merged.
async fn read(repo: &Repo, number: u64) -> Result<Pull> {
    let (doing, tail) = (format!("read pull request #{number}"), format!("pulls/{number}"));
    for again in (0..=AGAIN).rev() {
        let pull = repo.read::<Pull>(&doing, &tail, "").await?.value;
        if pull.mergeable.is_some() || pull.state.as_deref() != Some("open") || again == 0 {
            return Ok(pull);
        }
        tokio::select! {
            () = tokio::time::sleep(WAIT) => {}
            () = repo.call().cancellation().cancelled() => return Err(repo.call().stopped()),
        }
    }
    Err(ToolError::internal("a pull request was asked for without end"))
}

/// A part of the answer, as far as it could be read, and what could not.
type Part<T> = (Option<T>, Vec<Unread>);

async fn when_wanted<T>(wanted: bool, part: impl Future<Output = Part<T>>) -> Part<T> {
    if wanted { part.await } else { (None, Vec::new()) }
}

fn taken<T>((part, notes): Part<T>, unread: &mut Vec<Unread>) -> Option<T> {
    unread.extend(notes);
    part
}

async fn checks(repo: &Repo, pull: &Pull, commit: Option<&str>) -> Part<Checks> {
    let mut unread = Vec::new();
    let Some(commit) = commit else {
        unread.push(Unread::new("checks", &ToolError::new(shared::Code::Unavailable, "GitHub does not tell its head")));
        return (None, unread);
    };
    let required = required::read(repo, commit, Some(pull.number)).await.map(|asked| asked.required);
    let reported = statuses::read(repo, commit, required, &mut unread).await;
    let Some(reported) = or_note(reported, "checks", &mut unread) else { return (None, unread) };
    let open = reported.checks.into_iter().filter(|check| check.outcome != Outcome::Success).collect();
    let open = Records::all("open checks", open);
    (Some(Checks { summary: reported.summary, rules: reported.rules, open }), unread)
}

async fn opinions(repo: &Repo, number: u64, commit: Option<&str>) -> Part<Records<Opinion>> {
    let (doing, tail) = (format!("read the reviews of #{number}"), format!("pulls/{number}/reviews"));
    let ask = Ask { doing: &doing, tail: &tail, query: &[], limit: None };
    let mut unread = Vec::new();
    let read = or_note(list::all::<Vec<Review>>(repo, &ask, REVIEW_PAGES).await, "reviews", &mut unread);
    if let Some((reviews, false)) = &read {
        note_rest(&mut unread, "the newest reviews", reviews.len());
    }
    (read.map(|(reviews, _)| Records::all("reviews", reviews::latest(&reviews, commit))), unread)
}

async fn threads(repo: &Repo, number: u64) -> Part<Threads> {
    let mut unread = Vec::new();
    let read = or_note(reviews::threads(repo, number).await, "threads", &mut unread);
    if let Some(threads) = read.as_ref().filter(|threads| threads.seen < threads.total) {
        note_rest(&mut unread, "the rest of the threads", usize::try_from(threads.seen).unwrap_or(usize::MAX));
    }
    let shown = |threads: reviews::Threads| Threads {
        total: threads.total,
        unresolved: Records::all("unresolved threads", threads.unresolved),
    };
    (read.map(shown), unread)
}

async fn files(repo: &Repo, pull: &Pull) -> Part<Records<File>> {
    let (doing, tail) = (format!("list the files of #{}", pull.number), format!("pulls/{}/files", pull.number));
    let ask = Ask { doing: &doing, tail: &tail, query: &[], limit: None };
    let mut unread = Vec::new();
    let read = or_note(list::all::<Vec<SentFile>>(repo, &ask, FILES.div_ceil(100)).await, "files", &mut unread);
    let shown = |(sent, _): (Vec<SentFile>, bool)| {
        let total = pull.changed_files.unwrap_or_default().max(sent.len() as u64);
        let files = sent.into_iter().map(file).collect();
        Records::head("files", files, total).narrower("github_get_pr_diff stat=true lists all")
    };
    (read.map(shown), unread)
}

async fn comments(repo: &Repo, pull: &Pull) -> Part<Records<Comment>> {
    let mut unread = Vec::new();
    let read = conversation::read(repo, pull.number, pull.comments.unwrap_or_default()).await;
    (or_note(read, "comments", &mut unread), unread)
}

fn note_rest(unread: &mut Vec<Unread>, what: &str, seen: usize) {
    let error = ToolError::new(shared::Code::TooLarge, format!("only the first {seen} were read"));
    unread.push(Unread::new(what, &error));
}

fn file(sent: SentFile) -> File {
    File {
        status: word(sent.status.as_deref()),
        path: Untrusted::line(&sent.filename),
        additions: sent.additions,
        deletions: sent.deletions,
    }
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
        unread: Vec::new(),
    }
}
