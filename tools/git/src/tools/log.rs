//! `git_log`: commits, newest first.

use std::{collections::HashMap, sync::Arc};

use git2::{Commit, Oid, Repository};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shared::{Annotations, Answer, Call, List, Read, Records, Result, Text, Tool, Total, Untrusted};

use crate::{
    Git,
    failure::OrFail,
    history::{Filter, History},
    message, pathspec,
    repo::{Reach, Repo, short},
    revision::{self, Revision},
    when,
};

/// Lines of a message's body that are shown; git_show has all of it.
const BODY_LINES: usize = 12;

/// The tool.
pub struct Log;

/// Parameters.
#[derive(Deserialize, JsonSchema)]
pub struct Params {
    /// Directory of the repository, relative to the workspace.
    cwd: Option<String>,
    /// Most commits.
    #[serde(default = "twenty")]
    #[schemars(range(min = 1, max = 1000))]
    count: u32,
    /// Id and subject only.
    #[serde(default)]
    oneline: bool,
    /// Where to start: branch, tag, id, A..B or A...B. Default HEAD.
    #[serde(rename = "ref")]
    reference: Option<String>,
    /// Only commits that change these files or directories (literal, from the repository root).
    paths: Option<Vec<String>>,
    /// Text in the author's name or email, any case.
    author: Option<String>,
    /// Committed at or after: 2026-11-23, RFC 3339, "2 weeks ago".
    since: Option<String>,
    /// Committed at or before.
    until: Option<String>,
    /// Text in the message, any case.
    grep: Option<String>,
}

fn twenty() -> u32 {
    20
}

/// The answer.
#[derive(Serialize, JsonSchema)]
pub struct Found {
    /// Repository, relative to the workspace.
    repository: Untrusted,
    /// Where the walk began.
    from: Untrusted,
    /// Whether only ids and subjects are shown.
    oneline: bool,
    /// Whether history was cut when it was fetched: what looks like a first commit may not be one.
    shallow: bool,
    /// The commits, newest first.
    commits: Records<Entry>,
}

/// A commit.
#[derive(Serialize, JsonSchema)]
struct Entry {
    /// Object id.
    id: String,
    /// Ids of the parents.
    parents: Vec<String>,
    /// Author's name.
    author: Untrusted,
    /// Author's email.
    email: Untrusted,
    /// When it was written, in the author's zone.
    date: String,
    /// The same, RFC 3339.
    authored: String,
    /// First line of the message.
    subject: Untrusted,
    /// The rest of the message, its first lines.
    #[serde(skip_serializing_if = "Untrusted::is_empty")]
    body: Untrusted,
    /// Lines of the body left out.
    #[serde(skip_serializing_if = "is_zero")]
    body_omitted: usize,
    /// Branches and tags that point here.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    refs: Vec<Untrusted>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

impl Answer for Found {
    fn text(&self, text: &mut Text<'_>) {
        let shallow = if self.shallow { ", shallow clone: older history is not here" } else { "" };
        text.line(format_args!("{}: log of {}{shallow}", self.repository.quoted(), self.from.quoted()));
        if self.commits.is_empty() {
            text.line("no commits match");
        }
        text.records(&self.commits, |commit, inside| {
            let names: Vec<&str> = commit.refs.iter().map(|name| name.inside(inside)).collect();
            let refs = if names.is_empty() { String::new() } else { format!(" ({})", names.join(", ")) };
            let subject = commit.subject.inside(inside);
            if self.oneline {
                return format!("{}{refs} {subject}", short(&commit.id));
            }
            let merge = match commit.parents.as_slice() {
                [] | [_] => String::new(),
                parents => format!(" merge of {}", parents.iter().map(|id| short(id)).collect::<Vec<_>>().join(" ")),
            };
            let mut row = format!(
                "{}{refs}{merge} {} {} <{}>\n    {subject}\n",
                short(&commit.id),
                commit.date,
                commit.author.inside(inside),
                commit.email.inside(inside),
            );
            for line in commit.body.inside(inside).lines() {
                row.push_str(&format!("    {line}\n"));
            }
            if commit.body_omitted > 0 {
                row.push_str(&format!("    (+{} lines, see git_show)\n", commit.body_omitted));
            }
            row
        });
    }

    fn lists(&mut self) -> Vec<&mut dyn List> {
        vec![&mut self.commits]
    }
}

impl Tool for Log {
    const NAME: &'static str = "git_log";
    const TITLE: &'static str = "Show the commit history";
    const DESCRIPTION: &'static str =
        "Commits, newest first, filtered by ref or range, paths, author, dates and message text.";
    const EXAMPLE: &'static str = "count=5 oneline=true";
    const ANNOTATIONS: Annotations = Annotations::READ;
    const PAGED: bool = true;

    type Access = Read;
    type Server = Git;
    type Params = Params;
    type Output = Found;

    async fn run(server: Arc<Git>, params: Params, call: Call) -> Result<Found> {
        server.read(Reach::History, call, params.cwd.clone(), move |repo, call| log(repo, &params, call)).await
    }
}

fn log(repo: &Repo, params: &Params, call: &Call) -> Result<Found> {
    let git = &repo.git;
    let name = params.reference.as_deref().unwrap_or("HEAD");
    let (starts, hidden) = match revision::revision(git, "ref", name)? {
        Revision::One(id) => (vec![id], Vec::new()),
        Revision::Range(from, to) => (vec![to], vec![from]),
        Revision::Symmetric(left, right, _) => {
            let bases = git.merge_bases(left, right).map(|bases| bases.to_vec()).unwrap_or_default();
            (vec![left, right], bases)
        }
    };
    let now = Timestamp::now();
    let time = |parameter: &str, text: &Option<String>| {
        text.as_deref().map(|text| when::parse(parameter, text, now)).transpose()
    };
    let filter = Filter {
        paths: params.paths.iter().flatten().map(|path| pathspec::literal("paths", path)).collect::<Result<_>>()?,
        author: params.author.as_deref().map(str::to_lowercase),
        grep: params.grep.as_deref().map(str::to_lowercase),
        since: time("since", &params.since)?,
        until: time("until", &params.until)?,
    };
    let page = call.page(format!("{starts:?} {hidden:?}"))?;
    let mut history = History::new(git, &starts, &hidden, filter, call)?;
    for _ in 0..page.offset {
        if history.next()?.is_none() {
            break;
        }
    }
    let refs = decorations(git)?;
    let mut commits = Vec::new();
    while commits.len() < params.count as usize {
        match history.next()? {
            Some(commit) => commits.push(entry(&commit, &refs, params.oneline)),
            None => break,
        }
    }
    let total = match history.next()? {
        Some(_) => Total::More,
        None => Total::Exactly(page.offset + commits.len() as u64),
    };
    Ok(Found {
        repository: repo.name.clone(),
        from: Untrusted::line(name),
        oneline: params.oneline,
        shallow: git.is_shallow(),
        commits: Records::page("commits", commits, total, page),
    })
}

fn entry(commit: &Commit<'_>, refs: &HashMap<Oid, Vec<Untrusted>>, oneline: bool) -> Entry {
    let author = commit.author();
    let words = message::whole(commit);
    let body = if oneline { b"" } else { message::body(&words) };
    let lines: Vec<&[u8]> = body.split(|byte| *byte == b'\n').filter(|_| !body.is_empty()).collect();
    Entry {
        id: commit.id().to_string(),
        parents: commit.parent_ids().map(|id| id.to_string()).collect(),
        author: Untrusted::line_bytes(&message::decoded(commit, author.name_bytes())),
        email: Untrusted::line_bytes(&message::decoded(commit, author.email_bytes())),
        date: when::shown(author.when()),
        authored: when::rfc3339(author.when()),
        subject: Untrusted::line_bytes(&message::subject(&words)),
        body: Untrusted::block(&lines.get(..BODY_LINES).unwrap_or(&lines).join(&b'\n')),
        body_omitted: lines.len().saturating_sub(BODY_LINES),
        refs: refs.get(&commit.id()).cloned().unwrap_or_default(),
    }
}

/// The names that point at commits, tags followed to theirs.
fn decorations(git: &Repository) -> Result<HashMap<Oid, Vec<Untrusted>>> {
    let mut names: HashMap<Oid, Vec<Untrusted>> = HashMap::new();
    let head = git.head().ok().filter(|_| git.head_detached().unwrap_or(false)).and_then(|head| head.target());
    if let Some(id) = head {
        names.entry(id).or_default().push(Untrusted::line("HEAD"));
    }
    for reference in git.references().or_fail("list the refs")?.flatten() {
        let full = reference.name_bytes();
        let shown = [&b"refs/heads/"[..], b"refs/remotes/"]
            .iter()
            .find_map(|prefix| full.strip_prefix(*prefix).map(<[u8]>::to_vec))
            .or_else(|| full.strip_prefix(b"refs/tags/").map(|tag| [b"tag: ", tag].concat()));
        let Some(shown) = shown else { continue };
        if let Ok(commit) = reference.peel_to_commit() {
            names.entry(commit.id()).or_default().push(Untrusted::line_bytes(&shown));
        }
    }
    Ok(names)
}
