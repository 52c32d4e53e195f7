//! `--check`: whether a layout that is there holds what this source makes.

use std::{fs, path::Path};

use artifacts::layout::Layout;

use crate::run::Result;

/// A line for each tag that differs.
pub(super) fn compare(there: &Path, made: &Path) -> Result<Vec<String>> {
    let made = Layout::open(made).map_err(|error| error.to_string())?;
    if !there.exists() {
        return Err(format!("{} is not there: there is nothing to compare with", there.display()));
    }
    let there = Layout::open(there).map_err(|error| error.to_string())?;
    let mut lines = Vec::new();
    for tag in made.tags().map_err(|error| error.to_string())? {
        let made = made.resolve(&tag).map_err(|error| error.to_string())?.digest;
        match there.resolve(&tag) {
            Ok(found) if found.digest == made => {}
            Ok(found) => lines.push(format!("{tag}: {} is there, this source makes {made}", found.digest)),
            Err(error) => lines.push(format!("{tag}: {error}")),
        }
    }
    // What has no name counts as well, and so does every byte of what is there.
    let blobs = Path::new("blobs/sha256");
    let made_at = |error: std::io::Error| format!("{}: {error}", made.root().display());
    for blob in fs::read_dir(made.root().join(blobs)).map_err(made_at)?.flatten() {
        let name = blob.file_name();
        let wanted = fs::read(blob.path()).map_err(made_at)?;
        if !fs::read(there.root().join(blobs).join(&name)).is_ok_and(|found| found == wanted) {
            lines.push(format!("{}: is not there, or is damaged", blobs.join(&name).display()));
        }
    }
    Ok(lines)
}

/// A line for each file beside the layout that differs: bundles, the public key.
pub(super) fn files(there: &Path, made: &Path) -> Result<Vec<String>> {
    let failed = |error: std::io::Error| format!("{}: {error}", made.display());
    let mut lines = Vec::new();
    for file in fs::read_dir(made).map_err(failed)?.flatten().filter(|file| file.path().is_file()) {
        let wanted = fs::read(file.path()).map_err(failed)?;
        if !fs::read(there.join(file.file_name())).is_ok_and(|found| found == wanted) {
            lines.push(format!("{}: is not there, or is another", file.file_name().to_string_lossy()));
        }
    }
    Ok(lines)
}
