//! The table of changed files, and their sum.

use schemars::JsonSchema;
use serde::Serialize;
use shared::{Inside, List, Records, Untrusted};

/// How much changed.
#[derive(Clone, Copy, Debug, Default, Serialize, JsonSchema)]
pub struct Totals {
    /// Changed files.
    pub files: u64,
    /// Added lines.
    pub added: u64,
    /// Deleted lines.
    pub deleted: u64,
}

impl Totals {
    /// In words.
    pub fn shown(&self) -> String {
        format!("{} file{}, +{} -{}", self.files, if self.files == 1 { "" } else { "s" }, self.added, self.deleted)
    }
}

/// A changed file.
#[derive(Serialize, JsonSchema)]
pub struct File {
    /// A added, D deleted, M modified, R and percent renamed, T type changed, U unmerged.
    pub(super) status: String,
    /// Path in the repository.
    pub(super) path: Untrusted,
    /// Where it was before, for a rename.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) from: Option<Untrusted>,
    /// Added lines.
    pub(super) added: u64,
    /// Deleted lines.
    pub(super) deleted: u64,
    /// Whether it is binary.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) binary: bool,
    /// Bytes before and after, for a file whose text is not shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) bytes: Option<(u64, u64)>,
    /// Mode before and after, where it changed or is not that of a plain file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) mode: Option<String>,
    /// Commits of a submodule, before..after.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) submodule: Option<String>,
    /// Why its text is left out of the patch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) folded: Option<&'static str>,
    /// What else there is to know.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) note: Option<String>,
}

impl File {
    /// The row of the table.
    pub fn row(&self, inside: Inside<'_>) -> String {
        let mut row = self.status.clone();
        match (self.binary, self.bytes) {
            (true, Some((old, new))) => row.push_str(&format!(" binary {old} -> {new} bytes")),
            _ if self.submodule.is_some() => {}
            _ => row.push_str(&format!(" +{} -{}", self.added, self.deleted)),
        }
        if let Some(from) = &self.from {
            row.push_str(&format!(" {} ->", from.inside(inside)));
        }
        row.push_str(&format!(" {}", self.path.inside(inside)));
        if let Some(commits) = &self.submodule {
            row.push_str(&format!(" (submodule {commits})"));
        }
        if let Some(mode) = &self.mode {
            row.push_str(&format!(" (mode {mode})"));
        }
        if let Some(reason) = self.folded {
            row.push_str(&format!(" (folded: {reason})"));
        }
        if let Some(note) = &self.note {
            row.push_str(&format!(" ({note})"));
        }
        row
    }
}

/// The table of files; beside a patch it takes no more of the budget than its first rows.
#[derive(Serialize, JsonSchema)]
#[serde(transparent)]
pub struct Table(pub Records<File>);

impl List for Table {
    fn units(&self) -> usize {
        self.0.units()
    }

    fn keep(&mut self, units: usize) {
        self.0.keep(units);
    }
}
