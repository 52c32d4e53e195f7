//! `github_get_pr_diff`: what a pull request changes.

use std::sync::Arc;

use bytes::Bytes;
use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shared::{
    Annotations, Answer, Call, Code, Digest, Lines, List, Place, Read, Records, Result, Text, Tool, ToolError, Total,
    Untrusted,
    diff::{self, FileDiff, Known, Overview, Totals},
    http::bounds::Bounds,
};

use crate::{
    Github,
    api::DIFF,
    list::{self, Ask},
    pull::{Branch, Pull},
    repo::Repo,
    words::or_default,
};

/// Files beyond which GitHub sends no diff in one piece.
const DIFF_FILES: u64 = 300;
/// Pages of a hundred files: GitHub lists no more than 3,000.
const PAGES: usize = 30;
/// Files of a table that stands before a patch.
const TABLE_MAX: usize = 100;
/// Files of a page of the table.
const TABLE_PAGE: usize = 1000;

/// The tool.
pub struct GetPrDiff;

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
    /// Only these files or directories (literal, from the root), unfolded.
    paths: Option<Vec<String>>,
    /// Only the table of files.
    #[serde(default)]
    stat: bool,
}

/// The answer.
#[derive(Serialize, JsonSchema)]
pub struct Found {
    /// The repository.
    repository: String,
    /// The pull request.
    number: u64,
    /// What is to be merged.
    head: Branch,
    /// Into what.
    base: Branch,
    /// How much changes in the files below.
    totals: Totals,
    /// What is not below and belongs to the change.
    notes: Vec<String>,
    /// The paths asked for at which nothing changes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unmatched: Vec<Untrusted>,
    /// The files, source code first, generated ones last. Absent on later pages of the patch.
    #[serde(skip_serializing_if = "Option::is_none")]
    files: Option<Records<diff::File>>,
    /// The patch, without files that have no text or are folded.
    #[serde(skip_serializing_if = "Option::is_none")]
    patch: Option<Lines>,
}

/// A file of the list, which is asked for where there is no diff.
#[derive(Deserialize, Serialize)]
struct Sent {
    filename: String,
    previous_filename: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    status: String,
    additions: Option<u64>,
    deletions: Option<u64>,
    patch: Option<String>,
}

impl Answer for Found {
    fn text(&self, text: &mut Text<'_>) {
        text.line(format_args!(
            "{} #{}: {} {} -> {}: {}",
            self.repository,
            self.number,
            self.head.name.quoted(),
            self.head.commit,
            self.base.name.quoted(),
            self.totals.shown()
        ));
        for note in &self.notes {
            text.line(note);
        }
        for path in &self.unmatched {
            text.line(format_args!("nothing changes at {}", path.quoted()));
        }
        if let Some(files) = &self.files {
            text.records(files, |file, inside| file.row(inside));
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

impl Tool for GetPrDiff {
    const NAME: &'static str = "github_get_pr_diff";
    const TITLE: &'static str = "Show what a pull request changes";
    const DESCRIPTION: &'static str =
        "Changed files and the patch of a pull request, source code first; lock, generated and vendored files folded.";
    const EXAMPLE: &'static str = "owner=acme repo=shop number=12";
    const ANNOTATIONS: Annotations = Annotations::READ_REMOTE;
    const PAGED: bool = true;

    type Access = Read;
    type Server = Github;
    type Params = Params;
    type Output = Found;

    async fn run(server: Arc<Github>, params: Params, call: Call) -> Result<Found> {
        let repo = server.repo(&call, &params.owner, &params.repo)?;
        let paths: Vec<String> = params.paths.iter().flatten().map(|path| literal(path)).collect::<Result<_>>()?;
        let tail = format!("pulls/{}", params.number);
        let doing = format!("read pull request #{}", params.number);
        let mut pull = repo.read::<Pull>(&doing, &tail, "").await?.value;
        repo.answers_for(pull.repository())?;
        let mut changes = self::changes(&repo, &pull, &tail).await?;
        // The diff does not say of which commit it is: what its pull request says after it has to be what it said before.
        let mut again = repo.read::<Pull>(&doing, &tail, "").await?.value;
        if again.commit() != pull.commit() {
            changes = self::changes(&repo, &again, &tail).await?;
            pull = std::mem::replace(&mut again, repo.read::<Pull>(&doing, &tail, "").await?.value);
            if again.commit() != pull.commit() {
                return Err(ToolError::new(Code::Conflict, format!("{doing}: its branch moves while it is read"))
                    .hint("call again in a minute"));
            }
        }
        let known = Known { files: pull.changed_files, additions: pull.additions, deletions: pull.deletions };
        let scope = repo.scope();
        call.clone().blocking(move || found(scope, &pull, &changes, &paths, known, params.stat, &call)).await
    }
}

/// What GitHub sent of the changes.
enum Changes {
    Diff(Bytes),
    Files { files: Vec<Sent>, whole: bool },
}

async fn changes(repo: &Repo, pull: &Pull, tail: &str) -> Result<Changes> {
    let doing = format!("read the diff of #{}", pull.number);
    if pull.changed_files.is_none_or(|files| files <= DIFF_FILES) {
        match repo.fetch(&doing, tail, "", DIFF, Bounds::of(repo.call())).await {
            Ok(response) => {
                let body = response.body();
                if !body.is_empty() && !body.starts_with(b"diff ") {
                    return Err(ToolError::new(Code::Unavailable, format!("{doing}: the answer is no diff"))
                        .hint("check GITHUB_API_URL and the proxy: some put a login page in between"));
                }
                return Ok(Changes::Diff(response.into_body()));
            }
            // Too large for one piece.
            Err(refusal) if refusal.is(StatusCode::NOT_ACCEPTABLE) => {}
            Err(refusal) => return Err(refusal.into()),
        }
    }
    let doing = format!("list the files of #{}", pull.number);
    let tail = format!("{tail}/files");
    let (files, whole) =
        list::all::<Vec<Sent>>(repo, &Ask { doing: &doing, tail: &tail, query: &[], limit: None }, PAGES).await?;
    Ok(Changes::Files { files, whole })
}

fn found(
    repository: String,
    pull: &Pull,
    changes: &Changes,
    paths: &[String],
    known: Known,
    stat: bool,
    call: &Call,
) -> Result<Found> {
    let mut notes = Vec::new();
    let (files, state): (Vec<FileDiff<'_>>, Digest) = match changes {
        Changes::Diff(text) => (diff::unified::read(text).files, Digest::of(text)),
        Changes::Files { files, whole } => {
            notes.push("GitHub gives no diff of this size: put together from its list of files, without the text of the largest".to_owned());
            if !whole {
                notes.push(format!("only the first {} files were read", files.len()));
            }
            let state =
                serde_json::to_vec(files).map_err(|_| ToolError::internal("the list of files cannot be kept"))?;
            (files.iter().map(listed).collect(), Digest::of(&state))
        }
    };
    let overview = Overview::of(files, paths, known);
    let page = call.page(format!("{state:?}"))?;
    notes.extend(overview.missing.clone());
    if overview.outside > 0 {
        notes.push(format!("{} more files of this change are outside `paths`", overview.outside));
    }
    let (files, patch) = if stat {
        let rows = overview.rows(page.offset, TABLE_PAGE);
        (Some(Records::page("files", rows, Total::Exactly(overview.totals.files), page)), None)
    } else {
        let table = (!Place::of(&page).goes_on).then(|| {
            Records::head("files", overview.rows(0, TABLE_MAX), overview.totals.files)
                .narrower("stat=true pages through all")
        });
        (table, overview.body().page(page))
    };
    Ok(Found {
        repository,
        number: pull.number,
        head: pull.head(),
        base: pull.base(),
        totals: overview.totals,
        unmatched: overview.unmatched.iter().map(|path| Untrusted::line(path)).collect(),
        notes,
        files,
        patch,
    })
}

fn listed(sent: &Sent) -> FileDiff<'_> {
    diff::Listed {
        filename: &sent.filename,
        previous_filename: sent.previous_filename.as_deref(),
        status: &sent.status,
        said: sent.additions.zip(sent.deletions),
        patch: sent.patch.as_deref(),
    }
    .read()
}

/// A path as a change names it.
fn literal(path: &str) -> Result<String> {
    let clean = path.trim_start_matches("./");
    if clean.is_empty() || clean.starts_with('/') || clean.split('/').any(|part| part == "..") || clean.contains('\0') {
        return Err(ToolError::invalid(format!("paths holds {}", Untrusted::line(path).quoted()))
            .hint("name files and directories from the root of the repository: src/main.rs, docs"));
    }
    Ok(clean.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_from_the_root_and_inside() {
        assert_eq!(literal("./src").unwrap(), "src");
        for wrong in ["", "./", "/etc", "../x", "a/../b", "a\0"] {
            assert!(literal(wrong).is_err(), "{wrong:?}");
        }
    }
}
