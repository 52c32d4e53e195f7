//! One file of a change.

use super::Hunk;

/// What became of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Status {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// It is another.
    #[default]
    Modified,
    /// It has another path, and may be another.
    Renamed,
    /// It came from another file that is still there.
    Copied,
}

impl Status {
    /// The letter it goes by in a table.
    pub fn letter(self) -> char {
        match self {
            Self::Added => 'A',
            Self::Removed => 'D',
            Self::Modified => 'M',
            Self::Renamed => 'R',
            Self::Copied => 'C',
        }
    }
}

/// The modes of a file, as far as they were told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Modes {
    /// Before.
    pub old: Option<u32>,
    /// After.
    pub new: Option<u32>,
}

/// A file of a change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileDiff<'a> {
    /// Its path before; absent for a new file.
    pub old_path: Option<Vec<u8>>,
    /// Its path after; absent for one that is gone.
    pub new_path: Option<Vec<u8>>,
    /// What became of it.
    pub status: Status,
    /// Its modes.
    pub modes: Modes,
    /// How much of a renamed or copied file is the same, of 100.
    pub similarity: Option<u8>,
    /// Whether it is not text.
    pub binary: bool,
    /// Lines that were added: those said, or those counted in the hunks.
    pub additions: u64,
    /// Lines that were deleted.
    pub deletions: u64,
    /// The hunks.
    pub hunks: Vec<Hunk<'a>>,
    /// What stands before the first hunk, without the line of ids. Whole lines.
    pub header: Vec<u8>,
    /// What comes behind the header, as it came: the hunks, and lines that were not understood.
    pub body: &'a [u8],
    /// Lines of the body.
    pub lines: u64,
    /// Lines, in header or body, that were not understood.
    pub not_understood: u64,
    /// What else there is to know, in our words.
    pub remarks: Vec<String>,
}

impl FileDiff<'_> {
    /// The path it goes by: the new one, or the old one of a file that is gone.
    pub fn path(&self) -> &[u8] {
        self.new_path.as_ref().or(self.old_path.as_ref()).map_or(&[], Vec::as_slice)
    }

    /// Lines of its text in a patch, header included; none when it has no text.
    pub fn text_lines(&self) -> u64 {
        if self.lines == 0 { 0 } else { self.header_lines() + self.lines }
    }

    pub(super) fn header_lines(&self) -> u64 {
        self.header.iter().filter(|byte| **byte == b'\n').count() as u64
    }

    /// Adds what the hunks and the modes tell.
    pub(super) fn finish(&mut self) {
        if self.not_understood > 0 {
            let lines = if self.not_understood == 1 { "line" } else { "lines" };
            self.remarks.push(format!("{} {lines} of the patch not understood", self.not_understood));
        }
        if self.hunks.iter().any(|hunk| hunk.cut) {
            self.remarks.push(String::from("a hunk ends before the lines it counts"));
        }
        match self.modes.new.or(self.modes.old) {
            Some(0o160_000) => self.remarks.push(String::from("submodule")),
            Some(0o120_000) => self.remarks.push(String::from("symbolic link")),
            _ => {}
        }
    }
}
