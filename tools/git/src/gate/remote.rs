//! Where a remote really is, with no repository deciding it anew.

use git2::{ConfigLevel, Repository};

use super::paths::shown_text;
use shared::{Code, Result, ToolError};

/// The addresses of a configured remote. They are as configured and may carry a password: not for output as they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteUrl {
    /// For fetching.
    pub fetch: String,
    /// For pushing.
    pub push: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Fetch,
    Push,
}

/// The addresses libgit2 will use for the remote `name`.
///
/// `url.*.insteadOf` and `pushInsteadOf` of the operator's own configuration are applied, as libgit2 applies them. Those of the
/// repository are not the operator's word, and libgit2 offers no way to leave them out, so a remote that one of them would
/// redirect is refused with [`Code::Forbidden`]; as is an address that names a program (`ext::…`).
/// [`Code::NotFound`] when there is no such remote.
pub fn effective_remote_url(repo: &Repository, name: &str) -> Result<RemoteUrl> {
    if !git2::Remote::is_valid_name(name) {
        return Err(ToolError::invalid("the name of the remote is not a valid one"));
    }
    let config = repo.config().map_err(unreadable)?;
    let read = |key: &str| match config.get_string(&format!("remote.{name}.{key}")) {
        Ok(value) if !value.is_empty() => Ok(Some(value)),
        Ok(_) => Ok(None),
        Err(e) if e.code() == git2::ErrorCode::NotFound => Ok(None),
        Err(e) => Err(unreadable(e)),
    };
    let url = read("url")?;
    let push_url = read("pushurl")?;
    let Some(base) = url.as_ref().or(push_url.as_ref()) else {
        return Err(ToolError::new(Code::NotFound, format!("the remote {} is not configured", shown_text(name))));
    };
    let fetch = rewritten(repo, base, Direction::Fetch)?.unwrap_or_else(|| base.clone());
    let push = match &push_url {
        Some(push_url) => rewritten(repo, push_url, Direction::Fetch)?.unwrap_or_else(|| push_url.clone()),
        None => rewritten(repo, base, Direction::Push)?.unwrap_or_else(|| fetch.clone()),
    };
    Ok(RemoteUrl { fetch: no_helper(fetch)?, push: no_helper(push)? })
}

/// The addresses libgit2 will use for `url` when it is given without a configured remote, by the rules of
/// [`effective_remote_url`].
pub fn effective_url(repo: &Repository, url: &str) -> Result<RemoteUrl> {
    let fetch = rewritten(repo, url, Direction::Fetch)?.unwrap_or_else(|| url.to_owned());
    let push = rewritten(repo, url, Direction::Push)?.unwrap_or_else(|| fetch.clone());
    Ok(RemoteUrl { fetch: no_helper(fetch)?, push: no_helper(push)? })
}

/// Applies the longest matching rule of the operator; refuses when the repository has any that matches.
fn rewritten(repo: &Repository, url: &str, direction: Direction) -> Result<Option<String>> {
    let suffix = if direction == Direction::Fetch { ".insteadof" } else { ".pushinsteadof" };
    let config = repo.config().map_err(unreadable)?;
    let mut entries = config.entries(None).map_err(unreadable)?;
    let mut best: Option<(usize, String)> = None;
    while let Some(entry) = entries.next() {
        let entry = entry.map_err(unreadable)?;
        let Some(replacement) = entry.name().ok().and_then(|n| n.strip_prefix("url.")?.strip_suffix(suffix)) else {
            continue;
        };
        if !entry.has_value() {
            continue;
        }
        let Ok(prefix) = entry.value() else { continue };
        let Some(rest) = url.strip_prefix(prefix).filter(|_| !prefix.is_empty()) else {
            continue;
        };
        if matches!(entry.level(), ConfigLevel::Local | ConfigLevel::Worktree) {
            let name = entry.name().map(shown_text).unwrap_or_default();
            return Err(ToolError::new(
                Code::Forbidden,
                format!("{name} in the repository's own configuration redirects this remote"),
            )
            .hint("remove it from the repository, or set it in the user's configuration"));
        }
        if best.as_ref().is_none_or(|(length, _)| prefix.len() > *length) {
            best = Some((prefix.len(), format!("{replacement}{rest}")));
        }
    }
    Ok(best.map(|(_, url)| url))
}

/// `name::address` asks git to run the program `git-remote-name`.
fn no_helper(url: String) -> Result<String> {
    let scheme = url.split("::").next().unwrap_or_default();
    if scheme.len() < url.len() && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
    {
        return Err(ToolError::new(
            Code::Forbidden,
            "the address of the remote names a program to run (`name::address`)",
        )
        .hint("use an https or ssh address"));
    }
    Ok(url)
}

fn unreadable(e: git2::Error) -> ToolError {
    ToolError::new(Code::Unavailable, "the configuration of the repository cannot be read").with_said(e.message())
}
