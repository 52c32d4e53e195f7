//! `git_show`: one object: a commit with its patch, a tag, a tree, or a file as it was.

mod view;

use std::{borrow::Cow, path::Path, sync::Arc};

use git2::{Blob, Commit, Object, ObjectType, Repository, Signature, Tag, Tree};
use schemars::JsonSchema;
use serde::Deserialize;
use shared::{Annotations, Call, Code, Lines, Read, Records, Result, Tool, ToolError, Total, Untrusted};

use self::view::{BlobView, CommitView, Entry, Found, Person, TagView, View};
use crate::{
    Git,
    changes::{self, Sides},
    content::{self, Sort},
    failure::OrFail,
    message,
    overview::{self, Overview, Wanted},
    pathspec,
    repo::{Reach, Repo, short},
    revision, when,
};

/// Lines of context in a commit's patch, as git has it.
const CONTEXT: u32 = 3;
/// Tags of tags that are followed.
const TAGS_MAX: usize = 16;
/// Entries of a tree read for one page: more than the largest budget holds.
const ENTRIES_PAGE: usize = 4_000;
/// Bytes of a message that are read.
const MESSAGE_MAX: usize = 256 << 10;

/// The tool.
pub struct Show;

/// Parameters.
#[derive(Deserialize, JsonSchema)]
pub struct Params {
    /// Directory of the repository, relative to the workspace.
    cwd: Option<String>,
    /// Commit, tag, tree, or ref:path for a file as it was. Default HEAD.
    #[serde(rename = "ref")]
    reference: Option<String>,
    /// Of a commit only this file or directory; of a tree this entry.
    path: Option<String>,
    /// false: only the table of files.
    #[serde(default = "yes")]
    patch: bool,
}

fn yes() -> bool {
    true
}

impl Tool for Show {
    const NAME: &'static str = "git_show";
    const TITLE: &'static str = "Show a commit, tag, tree or file";
    const DESCRIPTION: &'static str = "A commit with message and patch, a tag, a tree, or a file as it was.";
    const EXAMPLE: &'static str = "ref=HEAD~1";
    const ANNOTATIONS: Annotations = Annotations::READ;
    const PAGED: bool = true;

    type Access = Read;
    type Server = Git;
    type Params = Params;
    type Output = Found;

    async fn run(server: Arc<Git>, params: Params, call: Call) -> Result<Found> {
        server.read(Reach::History, call, params.cwd.clone(), move |repo, call| show(repo, &params, call)).await
    }
}

fn show(repo: &Repo, params: &Params, call: &Call) -> Result<Found> {
    let git = &repo.git;
    let name = params.reference.as_deref().unwrap_or("HEAD");
    let path = params.path.as_deref().map(|path| pathspec::literal("path", path)).transpose()?;
    let mut object = revision::object(git, "ref", name)?;
    let mut tags = Vec::new();
    while let Some(tag) = object.as_tag() {
        if tags.len() == TAGS_MAX {
            return Err(ToolError::new(
                Code::TooLarge,
                format!("{name:?} is a tag of a tag of a tag, more than {TAGS_MAX} deep"),
            ));
        }
        tags.push(tag_view(tag));
        object = tag.target().or_fail("read what a tag names")?;
    }
    if let (Some(path), Some(tree)) = (path.as_deref().filter(|path| !path.is_empty()), object.as_tree()) {
        object = entry_at(git, tree, name, path)?;
    }
    let view = if let Some(commit) = object.as_commit() {
        View::Commit(Box::new(commit_view(git, commit, path, params.patch, call)?))
    } else if let Some(tree) = object.as_tree() {
        View::Tree { entries: entries(git, tree, call)? }
    } else if let Some(blob) = object.as_blob() {
        if path.is_some() && params.reference.as_deref().is_some_and(|name| name.contains(':')) {
            let message = format!("`ref` {name:?} names a file, which has nothing in it that `path` could name");
            return Err(ToolError::invalid(message).hint("leave out path"));
        }
        View::Blob(blob_view(blob, call)?)
    } else {
        return Err(ToolError::new(Code::Unsupported, format!("`ref` names no object that can be shown: {name:?}")));
    };
    Ok(Found {
        repository: repo.name.clone(),
        name: Untrusted::line(name),
        id: object.id().to_string(),
        tags,
        object: view,
    })
}

fn entry_at<'r>(git: &'r Repository, tree: &Tree<'_>, name: &str, path: &str) -> Result<Object<'r>> {
    let missing = || {
        ToolError::new(Code::NotFound, format!("there is no {path:?} in {name:?}"))
            .hint("leave out path to see what there is")
    };
    let entry = tree.get_path(Path::new(path)).map_err(|_| missing())?;
    if entry.kind() == Some(ObjectType::Commit) {
        let message = format!("{path:?} is a submodule at commit {}, which is in another repository", entry.id());
        return Err(ToolError::new(Code::Unsupported, message).hint("give the submodule's directory as cwd"));
    }
    entry.to_object(git).or_fail("read an object")
}

fn tag_view(tag: &Tag<'_>) -> TagView {
    let message = tag.message_bytes().unwrap_or_default();
    let marks =
        [&b"-----BEGIN PGP SIGNATURE-----"[..], b"-----BEGIN SSH SIGNATURE-----", b"-----BEGIN SIGNED MESSAGE-----"];
    let signature = marks.iter().filter_map(|mark| message.windows(mark.len()).position(|part| part == *mark)).min();
    let text = message.get(..signature.unwrap_or(message.len()).min(MESSAGE_MAX)).unwrap_or_default();
    TagView {
        name: Untrusted::line_bytes(tag.name_bytes()),
        id: tag.id().to_string(),
        tagger: tag.tagger().map(|tagger| signature_of(&tagger, &|bytes| Cow::Borrowed(bytes))),
        signed: signature.is_some(),
        message: Lines::all("lines of the tag's message", text),
    }
}

fn signature_of(signature: &Signature<'_>, decoded: &dyn Fn(&[u8]) -> Cow<'_, [u8]>) -> Person {
    Person {
        name: Untrusted::line_bytes(&decoded(signature.name_bytes())),
        email: Untrusted::line_bytes(&decoded(signature.email_bytes())),
        date: when::shown(signature.when()),
        time: when::rfc3339(signature.when()),
    }
}

fn commit_view(
    git: &Repository,
    commit: &Commit<'_>,
    path: Option<String>,
    patch: bool,
    call: &Call,
) -> Result<CommitView> {
    let tree = commit.tree().or_fail("read a tree")?;
    let parent = match commit.parent_count() {
        0 => None,
        _ => Some(commit.parent(0).and_then(|parent| parent.tree()).or_fail("read the first parent")?),
    };
    let mut remarks = Vec::new();
    // Where history was cut off, libgit2 hides the parents that the commit names.
    let cut = parent.is_none()
        && commit.raw_header_bytes().split(|byte| *byte == b'\n').any(|line| line.starts_with(b"parent "));
    if cut {
        remarks.push(String::from("shallow clone: the parent is not here, so everything counts as added"));
    }
    let parents: Vec<String> = commit.parent_ids().map(|id| id.to_string()).collect();
    let against = match parents.as_slice() {
        [] => String::from("against nothing (first commit)"),
        [_] => String::from("against its parent"),
        [first, ..] => format!("against the first of {} parents, {}", parents.len(), short(first)),
    };
    let paths: Vec<String> = path.into_iter().collect();
    let changes = changes::between(git, None, &Sides::TreeTree(parent, tree), &paths, CONTEXT, &|| call.check())?;
    let wanted = Wanted { paths: &paths, context: CONTEXT, patch };
    let Overview { totals, table, patch, folded, notes } =
        overview::of(git, &changes, &wanted, &commit.id().to_string(), call)?;
    remarks.extend(notes);
    let (author, committer) = (commit.author(), commit.committer());
    let identity = |person: &Signature<'_>| {
        let when = person.when();
        (person.name_bytes().to_vec(), person.email_bytes().to_vec(), when.seconds(), when.offset_minutes())
    };
    let message = message::whole(commit);
    // Later pages of a patch come without the table, and without the message.
    let continued = table.is_none();
    let all = |unit, bytes: &[u8]| Lines::all(unit, bytes.get(..MESSAGE_MAX).unwrap_or(bytes));
    Ok(CommitView {
        parents,
        committer: (identity(&author) != identity(&committer))
            .then(|| signature_of(&committer, &|bytes| message::decoded(commit, bytes))),
        author: signature_of(&author, &|bytes| message::decoded(commit, bytes)),
        signed: commit.header_field_bytes("gpgsig").is_ok(),
        continued,
        message: if continued { Lines::default() } else { all("lines of the message", &message) },
        note: git
            .find_note(Some("refs/notes/commits"), commit.id())
            .ok()
            .filter(|_| !continued)
            .map(|note| all("lines of the note", note.message_bytes())),
        against,
        totals,
        remarks,
        files: table,
        folded,
        patch,
    })
}

fn entries(git: &Repository, tree: &Tree<'_>, call: &Call) -> Result<Records<Entry>> {
    let page = call.page(tree.id().as_bytes())?;
    let odb = git.odb().or_fail("open the object store")?;
    let from = usize::try_from(page.offset).unwrap_or(usize::MAX);
    let mut entries = Vec::new();
    for entry in tree.iter().skip(from).take(ENTRIES_PAGE) {
        call.check()?;
        let mode = entry.filemode();
        let kind = match (entry.kind(), mode) {
            (Some(ObjectType::Tree), _) => "directory",
            (Some(ObjectType::Commit), _) => "submodule",
            (_, 0o120_000) => "symlink",
            _ => "file",
        };
        let blob = entry.kind() == Some(ObjectType::Blob);
        entries.push(Entry {
            mode: format!("{mode:06o}"),
            kind,
            size: if blob { odb.read_header(entry.id()).ok().map(|(size, _)| size as u64) } else { None },
            commit: (kind == "submodule").then(|| entry.id().to_string()),
            name: Untrusted::line_bytes(entry.name_bytes()),
        });
    }
    Ok(Records::page("entries", entries, Total::Exactly(tree.len() as u64), page))
}

fn blob_view(blob: &Blob<'_>, call: &Call) -> Result<BlobView> {
    let page = call.page(blob.id().as_bytes())?;
    let bytes = blob.content();
    let what = match content::sort(bytes) {
        Sort::Text => None,
        Sort::Pointer(Some(size)) => Some(format!("git LFS pointer to an object of {size} bytes")),
        Sort::Pointer(None) => Some(String::from("git LFS pointer")),
        Sort::Binary(name) => Some(format!("binary, {name}")),
    };
    let shown = !matches!(content::sort(bytes), Sort::Binary(_));
    Ok(BlobView { size: bytes.len() as u64, what, text: shown.then(|| content::text(bytes, page)) })
}
