//! What the text of a change tells about a file whose name tells nothing.

use super::{FileDiff, line};
use crate::redact;

/// Lines of a patch that are looked at to tell what kind of file it is.
const LOOKED_AT: usize = 2_000;
/// A text with a longer line was not written by a person.
const LONG_LINE: usize = 5_000;
/// The lines of a file in which a generator leaves its name.
const FIRST_LINES: u64 = 10;

/// Why a file is folded that is not so by its name.
pub(super) fn folded(file: &FileDiff<'_>) -> Option<&'static str> {
    if line::all(file.body).take(LOOKED_AT).any(|line| line.len() > LONG_LINE) {
        return Some("very long lines");
    }
    let first = file.hunks.first().filter(|hunk| hunk.new_start <= FIRST_LINES)?;
    let generated = line::all(first.text).take(FIRST_LINES as usize).any(|line| {
        let holds = |mark: &str| line.windows(mark.len()).any(|part| part == mark.as_bytes());
        holds("@generated") || (holds("Code generated") && holds("DO NOT EDIT"))
    });
    generated.then_some("generated")
}

/// Whether a private key is in it. The middle of one has nothing that tells what it is, so no part of such a file is shown.
pub(super) fn holds_key(file: &FileDiff<'_>) -> bool {
    let mark = b"PRIVATE KEY";
    let marked = file.body.windows(mark.len()).any(|part| part == mark);
    // Source code that names the marker is no key: that is for the one to say who masks them.
    marked && redact::redact(&String::from_utf8_lossy(file.body)).contains("[redacted:private-key]")
}
