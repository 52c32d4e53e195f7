//! `git_diff`: what differs between the index, the work tree and commits.

use std::sync::Arc;

use git2::{ErrorCode, Repository, Tree};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shared::{Annotations, Answer, Call, Code, Lines, List, Read, Result, Text, Tool, ToolError, Untrusted};

use crate::{
    Git,
    changes::{self, Sides},
    failure::OrFail,
    overview::{self, Overview, Table, Totals, Wanted},
    pathspec,
    repo::{Reach, Repo, short},
    revision::{self, Revision},
};

/// The tool.
pub struct Diff;

/// Parameters.
#[derive(Deserialize, JsonSchema)]
pub struct Params {
    /// Directory of the repository, relative to the workspace.
    cwd: Option<String>,
    /// Index against HEAD (or ref).
    #[serde(default)]
    staged: bool,
    /// A (to work tree), A..B or A...B (from merge base). Default: index to work tree.
    #[serde(rename = "ref")]
    reference: Option<String>,
    /// Only these files or directories (literal, from the root), unfolded.
    paths: Option<Vec<String>>,
    /// Only the table of files.
    #[serde(default)]
    stat: bool,
    /// Unchanged lines around changes.
    #[serde(default = "three")]
    #[schemars(range(min = 0, max = 100))]
    context_lines: u32,
}

fn three() -> u32 {
    3
}

/// The answer.
#[derive(Serialize, JsonSchema)]
pub struct Found {
    /// Repository, relative to the workspace.
    repository: Untrusted,
    /// Old side: index, empty tree, or a name and its id.
    from: Side,
    /// New side: index, work tree, or a name and its id.
    to: Side,
    /// How much changed.
    totals: Totals,
    /// What is configured and not honoured here, and bounds that were met.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<String>,
    /// The files: source code first, generated ones last. Absent on later pages of the patch.
    #[serde(skip_serializing_if = "Option::is_none")]
    files: Option<Table>,
    /// Whether the text of a file was folded; naming it in paths shows it.
    folded: bool,
    /// The patch, without files that have no text or are folded.
    #[serde(skip_serializing_if = "Option::is_none")]
    patch: Option<Lines>,
}

/// One side of a comparison.
#[derive(Serialize, JsonSchema)]
struct Side {
    /// What it is, in our words.
    #[serde(skip_serializing_if = "str::is_empty")]
    what: &'static str,
    /// The name that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<Untrusted>,
    /// The object it stands for.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
}

impl Side {
    fn plain(what: &'static str) -> Self {
        Self { what, name: None, id: None }
    }

    fn named(what: &'static str, name: &str, id: git2::Oid) -> Self {
        Self { what, name: Some(Untrusted::line(name)), id: Some(id.to_string()) }
    }

    fn shown(&self) -> String {
        let name = self.name.as_ref().map(|name| name.quoted().to_string());
        let id = self.id.as_deref().map(|id| short(id).to_owned());
        let what = (!self.what.is_empty()).then(|| self.what.to_owned());
        [what, name, id].into_iter().flatten().collect::<Vec<_>>().join(" ")
    }
}

impl Answer for Found {
    fn text(&self, text: &mut Text<'_>) {
        text.line(format_args!("{}: {} -> {}", self.repository.quoted(), self.from.shown(), self.to.shown()));
        for note in &self.notes {
            text.line(note);
        }
        if self.totals.files == 0 {
            text.line(if self.notes.is_empty() { "no differences" } else { "no differences in what could be seen" });
            return;
        }
        text.line(self.totals.shown());
        if let Some(Table(files)) = &self.files {
            text.records(files, |file, inside| file.row(inside));
            if self.folded && self.patch.is_some() {
                text.line("folded: name a file in paths to see its text");
            }
        }
        if let Some(patch) = &self.patch {
            text.lines(patch);
        }
    }

    fn lists(&mut self) -> Vec<&mut dyn List> {
        let files = self.files.as_mut().map(|files| files as &mut dyn List);
        let patch = self.patch.as_mut().map(|patch| patch as &mut dyn List);
        files.into_iter().chain(patch).collect()
    }
}

impl Tool for Diff {
    const NAME: &'static str = "git_diff";
    const TITLE: &'static str = "Show changes";
    const DESCRIPTION: &'static str =
        "Changed files and the patch, source code first; lock, generated and vendored files folded.";
    const EXAMPLE: &'static str = "staged=true";
    const ANNOTATIONS: Annotations = Annotations::READ;
    const PAGED: bool = true;

    type Access = Read;
    type Server = Git;
    type Params = Params;
    type Output = Found;

    async fn run(server: Arc<Git>, params: Params, call: Call) -> Result<Found> {
        server.read(Reach::WorkTree, call, params.cwd.clone(), move |repo, call| diff(repo, &params, call)).await
    }
}

fn diff(repo: &Repo, params: &Params, call: &Call) -> Result<Found> {
    let git = &repo.git;
    let paths =
        params.paths.iter().flatten().map(|path| pathspec::literal("paths", path)).collect::<Result<Vec<_>>>()?;
    let (sides, from, to) = sides(git, params.staged, params.reference.as_deref())?;
    let changes = changes::between(git, repo.narrow.as_ref(), &sides, &paths, params.context_lines, &|| call.check())?;
    let wanted = Wanted { paths: &paths, context: params.context_lines, patch: !params.stat };
    let compared = format!("{:?} {:?}", from.id, to.id);
    let Overview { totals, table, patch, folded, notes } = overview::of(git, &changes, &wanted, &compared, call)?;
    // Of the settings that are not honoured, those that would have changed what is seen here.
    let settings = repo.notes.iter().filter(|note| ["diff", "filter"].iter().any(|word| note.contains(word))).cloned();
    Ok(Found {
        repository: repo.name.clone(),
        from,
        to,
        totals,
        notes: settings.filter(|_| table.is_some()).chain(notes).chain(changes.not_seen()).collect(),
        files: table,
        folded,
        patch,
    })
}

/// What `staged` and `ref` ask to compare.
fn sides<'r>(git: &'r Repository, staged: bool, reference: Option<&str>) -> Result<(Sides<'r>, Side, Side)> {
    let index = || Side::plain("index");
    let work = || Side::plain("work tree");
    let bare = || {
        ToolError::new(Code::Unsupported, "a bare repository has no index and no work tree to compare with")
            .hint("give two revisions as ref, such as A..B")
    };
    let tree = |id: git2::Oid| git.find_commit(id).and_then(|commit| commit.tree()).or_fail("read a tree");
    if let Some(text) = reference.filter(|text| text.contains("..") && !text.contains(':')) {
        if staged {
            return Err(ToolError::invalid("`staged` compares the index, and `ref` names two commits")
                .hint("leave out staged, or give one revision as ref"));
        }
        return match revision::revision(git, "ref", text)? {
            Revision::Range(from, to) => {
                let (a, b) = ends(text, "..");
                Ok((Sides::TreeTree(Some(tree(from)?), tree(to)?), Side::named("", a, from), Side::named("", b, to)))
            }
            Revision::Symmetric(_, to, Some(base)) => {
                let (_, b) = ends(text, "...");
                Ok((
                    Sides::TreeTree(Some(tree(base)?), tree(to)?),
                    Side::named("merge base of", text, base),
                    Side::named("", b, to),
                ))
            }
            Revision::Symmetric(_, _, None) => {
                Err(ToolError::new(Code::NotFound, format!("{text:?} have no merge base"))
                    .hint("use A..B to compare them directly"))
            }
            Revision::One(_) => Err(ToolError::invalid(format!("`ref` is not a range: {text:?}"))),
        };
    }
    if git.is_bare() {
        return Err(bare());
    }
    Ok(match (reference, staged) {
        (None, false) => (Sides::IndexWork, index(), work()),
        (None, true) => match git.head() {
            Ok(head) => {
                let commit = head.peel_to_commit().or_fail("read HEAD")?;
                (
                    Sides::TreeIndex(Some(commit.tree().or_fail("read a tree")?)),
                    Side::named("", "HEAD", commit.id()),
                    index(),
                )
            }
            Err(error) if matches!(error.code(), ErrorCode::UnbornBranch | ErrorCode::NotFound) => {
                (Sides::TreeIndex(None), Side::plain("empty tree (no commits yet)"), index())
            }
            Err(error) => return Err(crate::failure::because("read HEAD", &error)),
        },
        (Some(name), staged) => {
            let (tree, id) = one(git, name)?;
            let sides = if staged { Sides::TreeIndex(Some(tree)) } else { Sides::TreeWork(tree) };
            (sides, Side::named("", name, id), if staged { index() } else { work() })
        }
    })
}

/// The tree of the commit, tag or tree that `name` stands for, and the id of what it stands for.
fn one<'r>(git: &'r Repository, name: &str) -> Result<(Tree<'r>, git2::Oid)> {
    let object = revision::object(git, "ref", name)?;
    let id = object.peel_to_commit().map_or(object.id(), |commit| commit.id());
    let tree = object.peel_to_tree().map_err(|_| {
        ToolError::invalid(format!("`ref` does not name a commit or a tree: {name:?}"))
            .hint("name a branch, a tag or a commit id")
    })?;
    Ok((tree, id))
}

/// The names on both sides of a range; one that is left out is HEAD.
fn ends<'t>(text: &'t str, dots: &str) -> (&'t str, &'t str) {
    let or_head = |name: &'t str| if name.is_empty() { "HEAD" } else { name };
    text.split_once(dots).map_or(("HEAD", "HEAD"), |(a, b)| (or_head(a), or_head(b)))
}
