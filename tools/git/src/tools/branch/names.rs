//! What a branch may be called, and whether the name is free.

use std::{fs, path::Path};

use git2::{Branch as GitBranch, Repository};
use shared::{Code, Result, ToolError, Untrusted};

use crate::failure::OrFail;

/// Refuses what is no name of a branch; for a new one also what git would mistake for something else.
pub(super) fn valid(name: &str, new: bool) -> Result<()> {
    let refuse =
        |why: &str| Err(ToolError::invalid(format!("`name` {name:?} {why}")).hint("use a name like feature/parser"));
    if name.starts_with('-') || name.contains('\0') || !GitBranch::name_is_valid(name).unwrap_or(false) {
        return refuse("is not a branch name");
    }
    if name.starts_with("refs/") {
        return refuse("is a full ref name");
    }
    if name == "HEAD" || name == "@" {
        return refuse("always means the current commit");
    }
    if new && name.len() == 40 && name.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return refuse("looks like an object id");
    }
    Ok(())
}

pub(super) fn full(name: &str) -> String {
    format!("refs/heads/{name}")
}

/// Refuses a name that is taken, or that cannot be beside one that is: refs are files, so `a` and `a/b` exclude each other.
pub(super) fn available(git: &Repository, name: &str) -> Result<()> {
    if git.find_reference(&full(name)).is_ok() {
        return Err(ToolError::new(Code::Conflict, format!("the branch {name:?} exists already"))
            .hint("leave out create to switch to it, or choose another name"));
    }
    let blocked = |by: &str| {
        Err(ToolError::new(
            Code::Conflict,
            format!("{name:?} cannot be beside the branch {}", Untrusted::line(by).quoted()),
        )
        .hint("choose another name"))
    };
    for (at, _) in name.match_indices('/') {
        let parent = name.get(..at).unwrap_or_default();
        if git.find_reference(&full(parent)).is_ok() {
            return blocked(parent);
        }
    }
    let below = format!("{}/", full(name));
    for reference in git.references().or_fail("list the refs")?.flatten() {
        if let Some(rest) = reference.name().ok().and_then(|other| other.strip_prefix(&below)) {
            return blocked(&format!("{name}/{rest}"));
        }
    }
    Ok(())
}

/// Refuses a branch that another work tree of the repository has checked out.
pub(super) fn elsewhere(git: &Repository, name: &str) -> Result<()> {
    let wanted = format!("ref: {}", full(name));
    let here = git.path().join("HEAD");
    let mut heads = vec![git.commondir().join("HEAD")];
    if let Ok(linked) = fs::read_dir(git.commondir().join("worktrees")) {
        heads.extend(linked.flatten().map(|entry| entry.path().join("HEAD")));
    }
    let same = |a: &Path, b: &Path| fs::canonicalize(a).ok().is_some_and(|a| fs::canonicalize(b).ok() == Some(a));
    for head in heads {
        if !same(&head, &here) && fs::read_to_string(&head).is_ok_and(|text| text.trim_end() == wanted) {
            return Err(ToolError::new(Code::Conflict, format!("{name:?} is checked out in another work tree"))
                .hint("work there, or make another branch at it with create=true and start_point"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_mean_something_else_are_refused() {
        let id = "0123456789012345678901234567890123456789";
        for bad in [
            "",
            "-f",
            "--force",
            "HEAD",
            "@",
            "refs/heads/x",
            "a..b",
            "a b",
            "a~1",
            "a^",
            "a:b",
            "a?",
            "a*",
            "a[",
            "x.lock",
            "/a",
            "a/",
            "a//b",
            ".a",
            "a.",
            "a@{b",
            "a\\b",
            "a\0b",
            "a\nb",
            id,
        ] {
            assert_eq!(valid(bad, true).unwrap_err().code(), Code::InvalidArgument, "{bad:?}");
        }
        for good in ["main", "feature/parser", "ä", "v1.0", "a-b", "deadbeef"] {
            valid(good, true).unwrap();
        }
        // One that exists under such a name has to be reachable.
        valid(id, false).unwrap();
    }
}
