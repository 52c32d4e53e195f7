//! What the index says about an entry besides its content.

use std::{ffi::OsStr, os::unix::ffi::OsStrExt, path::Path};

use git2::{Index, IndexEntry, IndexEntryExtendedFlag, Repository};
use shared::Result;

use crate::failure::OrFail;

/// Whether the path is only announced, without content: `git add --intent-to-add`.
pub fn intent_to_add(entry: &IndexEntry) -> bool {
    IndexEntryExtendedFlag::from_bits_truncate(entry.flags_extended).is_intent_to_add()
}

/// The entries that are only announced.
pub fn announced(index: &Index) -> impl Iterator<Item = IndexEntry> + use<'_> {
    // Older forms of the index have no room for the flag, and need not be read.
    let entries = (index.version() > 2).then(|| index.iter());
    entries.into_iter().flatten().filter(intent_to_add)
}

/// Whether the file is not checked out on purpose: a sparse checkout.
pub fn skip_worktree(entry: &IndexEntry) -> bool {
    IndexEntryExtendedFlag::from_bits_truncate(entry.flags_extended).is_skip_worktree()
}

/// git looks at a file outside of the sparse checkout that is there all the same: somebody brought it back. libgit2 passes over it, so in
/// the index as this process holds it, the flag is taken from such files.
///
/// # Errors
/// When the index cannot be read.
pub fn look_at_brought_back(git: &Repository) -> Result<()> {
    let set = |name: &str| git.config().and_then(|config| config.get_bool(name)).unwrap_or(false);
    let Some(root) = git.workdir().filter(|_| set("core.sparseCheckout")) else { return Ok(()) };
    if set("sparse.expectFilesOutsideOfPatterns") {
        return Ok(());
    }
    let mut index = git.index().or_fail("read the index")?;
    let there = |entry: &IndexEntry| root.join(OsStr::from_bytes(&entry.path)).symlink_metadata().is_ok();
    let back: Vec<IndexEntry> = index.iter().filter(|entry| skip_worktree(entry) && there(entry)).collect();
    for mut entry in back {
        entry.flags_extended &= !IndexEntryExtendedFlag::SKIP_WORKTREE.bits();
        index.add(&entry).or_fail("read the index")?;
    }
    Ok(())
}

/// Whether `path` is in the index without conflict and `holds` of its entry.
pub fn any(index: Option<&Index>, path: &[u8], holds: impl Fn(&IndexEntry) -> bool) -> bool {
    index.and_then(|index| index.get_path(Path::new(OsStr::from_bytes(path)), 0)).is_some_and(|entry| holds(&entry))
}
