//! Rows of the table of changed files, and their sum.

use schemars::JsonSchema;
use serde::Serialize;

use super::FileDiff;
use crate::untrusted::{Inside, Untrusted};

/// How much changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
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

/// Why the text of a file is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Folded {
    /// What the file is.
    pub reason: &'static str,
    /// Whether naming it in `paths` shows it.
    pub unfolds: bool,
}

/// A changed file.
#[derive(Serialize, JsonSchema)]
pub struct File {
    /// A added, D deleted, M modified, R and percent renamed, C copied.
    pub(super) status: String,
    /// Path in the repository.
    pub(super) path: Untrusted,
    /// Where it was before, for a rename or a copy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) from: Option<Untrusted>,
    /// Added lines.
    pub(super) added: u64,
    /// Deleted lines.
    pub(super) deleted: u64,
    /// Whether it is binary.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) binary: bool,
    /// Mode before and after, where it changed or is not that of a plain file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) mode: Option<String>,
    /// Why its text is left out of the patch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) folded: Option<&'static str>,
    /// Whether this row says how to see what is folded: once is enough.
    #[serde(skip)]
    pub(super) says_how: bool,
    /// What else there is to know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) remarks: Vec<String>,
}

impl File {
    pub(super) fn of(file: &FileDiff<'_>, folded: Option<Folded>) -> Self {
        let mode = match (file.modes.old, file.modes.new) {
            (Some(old), Some(new)) if old != new => Some(format!("{old:06o} -> {new:06o}")),
            (Some(mode), None) | (None, Some(mode)) if !matches!(mode, 0o100_644 | 0o120_000 | 0o160_000) => {
                Some(format!("{mode:06o}"))
            }
            _ => None,
        };
        let moved = file.new_path.is_some() && file.old_path != file.new_path;
        Self {
            status: match file.similarity.filter(|_| moved) {
                Some(percent) => format!("{}{percent}", file.status.letter()),
                None => file.status.letter().to_string(),
            },
            path: Untrusted::line_bytes(file.path()),
            from: file.old_path.as_ref().filter(|_| moved).map(|old| Untrusted::line_bytes(old)),
            added: file.additions,
            deleted: file.deletions,
            binary: file.binary,
            mode,
            folded: folded.map(|folded| folded.reason),
            says_how: false,
            remarks: file.remarks.clone(),
        }
    }

    /// The row of the table.
    pub fn row(&self, inside: Inside<'_>) -> String {
        let mut row = self.status.clone();
        if let Some(from) = &self.from {
            row.push_str(&format!(" {} ->", from.inside(inside)));
        }
        row.push_str(&format!(" {}", self.path.inside(inside)));
        if self.binary {
            row.push_str(" binary");
        } else {
            row.push_str(&format!(" +{} -{}", self.added, self.deleted));
        }
        if let Some(mode) = &self.mode {
            row.push_str(&format!(" (mode {mode})"));
        }
        if let Some(reason) = self.folded {
            let how = if self.says_how { "; name it in `paths` to see it" } else { "" };
            row.push_str(&format!(" ({reason}, folded{how})"));
        }
        for remark in &self.remarks {
            row.push_str(&format!(" ({remark})"));
        }
        row
    }
}
