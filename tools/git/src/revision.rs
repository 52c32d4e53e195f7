//! What a caller calls a ref, resolved to object ids before anything is done with it.

use git2::{Commit, Object, Oid, Repository};
use shared::{Code, Result, ToolError};

use crate::failure::because;

/// The longest revision taken, in bytes.
const LONGEST: usize = 1_000;

/// A single revision or a range of them.
pub enum Revision {
    /// `A`.
    One(Oid),
    /// `A..B`: what is in B and not in A.
    Range(Oid, Oid),
    /// `A...B`: what is on either side of the merge base, which comes third.
    Symmetric(Oid, Oid, Option<Oid>),
}

/// Refuses what could be anything but a revision.
fn plain(parameter: &str, text: &str) -> Result<()> {
    if text.is_empty() || text.len() > LONGEST {
        return Err(ToolError::invalid(format!("`{parameter}` must have between 1 and {LONGEST} bytes")));
    }
    if text.starts_with(':') {
        return Err(ToolError::new(Code::Unsupported, format!("`{parameter}` {text:?} names something in the index"))
            .hint("git_diff staged=true shows what is staged; HEAD:path names a file of a commit"));
    }
    if text.starts_with('-') || text.chars().any(char::is_control) {
        return Err(ToolError::invalid(format!("`{parameter}` is not a revision: {text:?}"))
            .hint("use a branch, a tag, an object id, or one of them with ~N or ^"));
    }
    Ok(())
}

/// The object `text` names.
pub fn object<'r>(repo: &'r Repository, parameter: &str, text: &str) -> Result<Object<'r>> {
    plain(parameter, text)?;
    repo.revparse_single(text).map_err(|error| missing(repo, parameter, text, &error))
}

/// The commit `text` names, tags followed.
pub fn commit<'r>(repo: &'r Repository, parameter: &str, text: &str) -> Result<Commit<'r>> {
    object(repo, parameter, text)?.peel_to_commit().map_err(|_| {
        ToolError::invalid(format!("`{parameter}` does not name a commit: {text:?}"))
            .hint("name a branch, a tag or a commit id")
    })
}

/// The revision or range `text` names.
pub fn revision(repo: &Repository, parameter: &str, text: &str) -> Result<Revision> {
    plain(parameter, text)?;
    let side =
        |name: &str| commit(repo, parameter, if name.is_empty() { "HEAD" } else { name }).map(|commit| commit.id());
    // A path may hold dots (`HEAD:a..b`), and a name may not.
    if !text.contains(':') {
        if let Some((from, to)) = text.split_once("...") {
            let (from, to) = (side(from)?, side(to)?);
            return Ok(Revision::Symmetric(from, to, repo.merge_base(from, to).ok()));
        }
        if let Some((from, to)) = text.split_once("..") {
            return Ok(Revision::Range(side(from)?, side(to)?));
        }
    }
    side(text).map(Revision::One)
}

fn missing(repo: &Repository, parameter: &str, text: &str, error: &git2::Error) -> ToolError {
    match error.code() {
        git2::ErrorCode::NotFound | git2::ErrorCode::UnbornBranch
            if text == "HEAD" && repo.head().is_err_and(|error| error.code() == git2::ErrorCode::UnbornBranch) =>
        {
            ToolError::new(Code::NotFound, "the branch that is checked out has no commits yet")
        }
        git2::ErrorCode::NotFound => {
            ToolError::new(Code::NotFound, format!("`{parameter}` names nothing here: {text:?}"))
                .hint("git_branch_list shows the branches; an object id has to be here already")
        }
        git2::ErrorCode::Ambiguous => {
            ToolError::new(Code::Ambiguous, format!("`{parameter}` fits several objects: {text:?}"))
                .hint("use more digits of the id, or the full ref name")
        }
        _ => because(&format!("understand `{parameter}` {text:?}"), error),
    }
}
