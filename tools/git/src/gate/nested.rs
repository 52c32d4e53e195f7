//! Repositories inside the working tree that libgit2 opens on its own: submodules.
//!
//! Status and diff open every submodule they come across, so those have to pass too. Looked at are the submodules of the
//! index and of `.gitmodules`, and theirs in turn.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path};

use git2::Repository;

use super::paths::{Workspace, forbidden, shown_text};
use super::{could_not_open, discover, open_found, rules};
use shared::{Code, Result, ToolError};

/// How deep submodules may nest.
const DEPTH_MAX: u32 = 8;
/// How many submodules one repository may have.
const SUBMODULES_MAX: usize = 1_000;
/// The file mode of a submodule in the index.
const GITLINK: u32 = 0o160_000;

/// `index` has the submodules of the index, where something else than libgit2 reads it.
pub(crate) fn check(
    workspace: &mut Workspace,
    repo: &Repository,
    index: Option<Vec<Vec<u8>>>,
    depth: u32,
) -> Result<()> {
    let Some(root) = repo.workdir() else { return Ok(()) };
    let mut paths = rules::gitmodules(workspace, root)?;
    match index {
        Some(index) => paths.extend(index),
        None => {
            let index = repo.index().map_err(|e| could_not_open(&e))?;
            paths.extend(index.iter().filter(|entry| entry.mode == GITLINK).map(|entry| entry.path));
        }
    }
    paths.sort_unstable();
    paths.dedup();
    if paths.len() > SUBMODULES_MAX {
        return Err(ToolError::new(
            Code::TooLarge,
            format!("the repository has more than {SUBMODULES_MAX} submodules"),
        ));
    }
    for path in paths {
        submodule(workspace, root, &path, depth)?;
    }
    Ok(())
}

fn submodule(workspace: &mut Workspace, root: &Path, path: &[u8], depth: u32) -> Result<()> {
    let shown = || shown_text(&String::from_utf8_lossy(path));
    let mut dir = root.to_owned();
    for component in Path::new(OsStr::from_bytes(path)).components() {
        let Component::Normal(name) = component else {
            return Err(forbidden(format!("the path of the submodule {} is not a plain relative one", shown())));
        };
        dir.push(name);
        match fs::symlink_metadata(&dir) {
            Ok(meta) if meta.is_symlink() => {
                return Err(forbidden(format!("the path of the submodule {} goes through a symlink", shown()))
                    .hint("replace the symlink by a directory"));
            }
            Ok(meta) if meta.is_dir() => {}
            // Not checked out.
            _ => return Ok(()),
        }
    }
    let Some(found) = discover::at(workspace, &dir)? else {
        return Ok(());
    };
    if depth >= DEPTH_MAX {
        return Err(forbidden(format!("the submodule {} is nested too deeply", shown())));
    }
    open_found(workspace, found, depth + 1).map(|_| ())
}
