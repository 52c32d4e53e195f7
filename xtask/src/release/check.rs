//! `--check`: whether a layout that is there holds what this source makes.

use std::path::Path;

use artifacts::layout::Layout;

use crate::run::Result;

/// A line for each tag that differs.
pub(super) fn compare(there: &Path, made: &Path) -> Result<Vec<String>> {
    let made = Layout::open(made).map_err(|error| error.to_string())?;
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
    Ok(lines)
}
