//! What a caller's name stands for: whether there is something to stage at it, and why not.

use shared::{Code, Result, ToolError, Untrusted};

use super::{GITLINK, Staging, as_path};
use crate::{failure::OrFail, index_flags::skip_worktree, worktree::Seen};

impl Staging<'_> {
    /// Judges one name: that there is something to stage under it, and that it is where it says.
    pub(super) fn name(&self, name: &[u8]) -> Result<()> {
        let shown = || Untrusted::line_bytes(name);
        if let Some(module) = parents(name).find(|parent| self.is_gitlink(parent)) {
            return Err(ToolError::invalid(format!(
                "{} is inside the submodule {}",
                shown().quoted(),
                Untrusted::line_bytes(module).quoted()
            ))
            .hint("call git_add with cwd set to the submodule"));
        }
        if name.is_empty() {
            return Ok(());
        }
        match self.tree.look(name)? {
            Seen::BeyondLink(link) => Err(ToolError::invalid(format!(
                "{} is beyond the symbolic link {}",
                shown().quoted(),
                Untrusted::line_bytes(&link).quoted()
            ))
            .hint("name the link itself, or the file by its own path")),
            Seen::Special => Err(ToolError::invalid(format!("{} is a pipe, socket or device", shown().quoted()))
                .hint("git stages files, links and directories")),
            Seen::Missing if self.tracked(name) => match self.index.get_path(as_path(name), 0) {
                Some(entry) if skip_worktree(&entry) => Err(outside_sparse(name)),
                _ => Ok(()),
            },
            Seen::Missing if self.deletion_is_staged(name) => Ok(()),
            Seen::Missing => Err(ToolError::new(
                Code::NotFound,
                format!("{} is neither a file nor tracked", shown().quoted()),
            )
            .hint(
                "paths are literal (no patterns) and from the repository's root; git_status lists what can be staged",
            )),
            Seen::Directory if !self.is_gitlink(name) && self.embedded(name)? => Err(embedded_error(name)),
            Seen::File(_) | Seen::Link(_) | Seen::Directory if self.tracked(name) => Ok(()),
            Seen::File(_) | Seen::Link(_) | Seen::Directory => {
                if self.git.is_path_ignored(as_path(name)).or_fail("read the ignore rules")? {
                    return Err(ToolError::invalid(format!("{} is ignored by .gitignore", shown().quoted()))
                        .hint("leave it out, or change .gitignore; nothing was staged"));
                }
                Ok(())
            }
        }
    }

    /// Whether HEAD has the path, and neither index nor work tree have it any more.
    pub(super) fn deletion_is_staged(&self, path: &[u8]) -> bool {
        let head = self.git.head().and_then(|head| head.peel_to_tree());
        !path.is_empty()
            && !self.tracked(path)
            && matches!(self.tree.look(path), Ok(Seen::Missing))
            && head.is_ok_and(|tree| tree.get_path(as_path(path)).is_ok())
    }

    /// Whether the index has the path, or anything below it.
    pub(super) fn tracked(&self, path: &[u8]) -> bool {
        (0..4).any(|stage| self.index.get_path(as_path(path), stage).is_some()) || {
            let below = [path, b"/"].concat();
            // The position is that of the first entry not before the prefix; what stands there need not have it.
            self.index
                .find_prefix(as_path(&below))
                .is_ok_and(|at| self.index.get(at).is_some_and(|entry| entry.path.starts_with(&below)))
        }
    }

    pub(super) fn is_gitlink(&self, path: &[u8]) -> bool {
        self.index.get_path(as_path(path), 0).is_some_and(|entry| entry.mode == GITLINK)
    }

    /// Whether a repository of its own begins at the directory.
    pub(super) fn embedded(&self, path: &[u8]) -> Result<bool> {
        Ok(!matches!(self.tree.look(&[path, b"/.git"].concat())?, Seen::Missing))
    }
}

fn outside_sparse(path: &[u8]) -> ToolError {
    ToolError::invalid(format!("{} is outside the sparse checkout", Untrusted::line_bytes(path).quoted()))
        .hint("widen the sparse checkout with git itself first")
}

pub(super) fn embedded_error(path: &[u8]) -> ToolError {
    ToolError::invalid(format!("{} is a repository of its own", Untrusted::line_bytes(path).quoted()))
        .hint("add it as a submodule with git itself, or list it in .gitignore; nothing was staged")
}

/// Whether `path` is one of `names` or below one.
pub(super) fn within(names: &[Vec<u8>], path: &[u8]) -> bool {
    names.iter().any(|name| {
        name.is_empty()
            || path.strip_prefix(name.as_slice()).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
    })
}

/// The directories a path is in, outermost first, without the root.
pub fn parents(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.iter().enumerate().filter(|(_, byte)| **byte == b'/').filter_map(|(at, _)| path.get(..at))
}
