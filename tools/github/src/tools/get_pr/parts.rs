//! What is asked of GitHub about a pull request besides itself, all at once.

use serde::Deserialize;
use shared::{Code, Records, ToolError, Untrusted};

use super::answer::{Checks, File, Threads};
use crate::{
    conversation,
    list::{self, Ask},
    prose::Comment,
    pull::Pull,
    repo::Repo,
    required,
    reviews::{self, Opinion, Review},
    statuses,
    unread::{Unread, or_note},
    verdict::Outcome,
    words::{or_default, word},
};

/// Pages of a hundred reviews.
const REVIEW_PAGES: usize = 20;
/// Files shown.
const FILES: usize = 100;

#[derive(Deserialize)]
struct SentFile {
    filename: String,
    status: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    additions: u64,
    #[serde(default, deserialize_with = "or_default")]
    deletions: u64,
}

/// A part of the answer, as far as it could be read, and what could not.
pub(super) type Part<T> = (Option<T>, Vec<Unread>);

pub(super) async fn when_wanted<T>(wanted: bool, part: impl Future<Output = Part<T>>) -> Part<T> {
    if wanted { part.await } else { (None, Vec::new()) }
}

pub(super) fn taken<T>((part, notes): Part<T>, unread: &mut Vec<Unread>) -> Option<T> {
    unread.extend(notes);
    part
}

pub(super) async fn checks(repo: &Repo, pull: &Pull, commit: Option<&str>) -> Part<Checks> {
    let mut unread = Vec::new();
    let Some(commit) = commit else {
        unread.push(Unread::new("checks", &ToolError::new(Code::Unavailable, "GitHub does not tell its head")));
        return (None, unread);
    };
    let required = required::read(repo, commit, Some(pull.number)).await.map(|asked| asked.required);
    let reported = statuses::read(repo, commit, required, &mut unread).await;
    let Some(reported) = or_note(reported, "checks", &mut unread) else { return (None, unread) };
    let open = reported.checks.into_iter().filter(|check| check.outcome != Outcome::Success).collect();
    let open = Records::all("open checks", open);
    (Some(Checks { summary: reported.summary, rules: reported.rules, open }), unread)
}

pub(super) async fn opinions(repo: &Repo, number: u64, commit: Option<&str>) -> Part<Records<Opinion>> {
    let (doing, tail) = (format!("read the reviews of #{number}"), format!("pulls/{number}/reviews"));
    let ask = Ask { doing: &doing, tail: &tail, query: &[], limit: None };
    let mut unread = Vec::new();
    let read = or_note(list::all::<Vec<Review>>(repo, &ask, REVIEW_PAGES).await, "reviews", &mut unread);
    if let Some((reviews, false)) = &read {
        note_rest(&mut unread, "the newest reviews", reviews.len());
    }
    (read.map(|(reviews, _)| Records::all("reviews", reviews::latest(&reviews, commit))), unread)
}

pub(super) async fn threads(repo: &Repo, number: u64) -> Part<Threads> {
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

pub(super) async fn files(repo: &Repo, pull: &Pull) -> Part<Records<File>> {
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

pub(super) async fn comments(repo: &Repo, pull: &Pull) -> Part<Records<Comment>> {
    let mut unread = Vec::new();
    let read = conversation::read(repo, pull.number, pull.comments.unwrap_or_default()).await;
    (or_note(read, "comments", &mut unread), unread)
}

fn note_rest(unread: &mut Vec<Unread>, what: &str, seen: usize) {
    let error = ToolError::new(Code::TooLarge, format!("only the first {seen} were read"));
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
