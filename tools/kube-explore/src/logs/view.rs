//! A digest as an answer shows it: as plain lines where they fit, else what is wrong, what repeats and the last lines, in the room there is.

mod json;
mod only;
mod words;

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;
use shared::{List, Text, Untrusted, output::Budget};

use super::plan::Source;
use crate::distil::{Digest, Error, Folded};

pub use only::Last;

/// The sizes between the smallest and the largest answer, each an eighth larger than the one before. There are so few that the whole is tried
/// first: plain lines may be shorter than a digest of half of them.
const STEPS: usize = 48;
/// The smallest, in bytes.
const SMALLEST: usize = 256;
/// The most sources whose last lines are shown below a digest.
const TAILS: usize = 3;
/// What a heading of an error, or the count of a template, takes.
const HEADING: usize = 56;

/// A digest, and how much of it is shown.
#[derive(Debug)]
pub struct View {
    digest: Digest,
    sources: Vec<Source>,
    grep: Option<Untrusted>,
    /// What was asked for no more than the end of each log.
    last: Option<Last>,
    /// Whether every line that was asked for is here.
    whole: bool,
    step: usize,
}

/// What fits.
struct Cut {
    errors: usize,
    /// Bytes for a part of the next error.
    part: usize,
    folded: usize,
    /// Lines of each source.
    tails: Vec<(usize, usize)>,
}

impl View {
    /// A view of what came of `sources`. `grep`: what lines were searched for.
    pub fn new(digest: Digest, sources: Vec<Source>, grep: Option<&str>) -> Self {
        let size: usize = digest.tails.iter().flat_map(|tail| &tail.lines).map(Untrusted::len).sum();
        // Of what was searched for, the caller has said how many to show; else it is all of it or a digest.
        let complete = grep.is_some() || digest.tails.iter().all(|tail| tail.of <= tail.kept);
        let whole = digest.lost == 0 && size <= Budget::BYTES_MAX && complete;
        Self { whole, step: STEPS + usize::from(whole), digest, sources, grep: grep.map(Untrusted::line), last: None }
    }

    /// What came of the lines.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// How many lines there were, of what, and when.
    pub fn summary(&self) -> String {
        let counts = &self.digest.counts;
        let only = self.only_last();
        let mut summary = match (&self.grep, &only) {
            (Some(grep), _) => format!("{} of {} lines have {}", counts.lines, counts.read, grep.quoted()),
            (None, Some(only)) => only.clone(),
            (None, None) => plural(counts.lines, "line"),
        };
        if let (Some(first), Some(last)) = (self.digest.first, self.digest.last) {
            summary = format!("{summary}, {}", first.shown());
            if first.shown() != last.shown() {
                let last = if first.day() == last.day() { format!("{}Z", last.short(false)) } else { last.shown() };
                summary = format!("{summary} to {last}");
            }
        }
        if counts.lines == 0 {
            return summary;
        }
        let among = if only.is_some() { "in these, " } else { "" };
        summary = format!("{summary}: {among}{}", plural(counts.errors, "error line"));
        // Of groups that were dropped it is not known how many there would be.
        if counts.errors > 0 && self.digest.lost_errors == 0 {
            summary = format!("{summary} of {}", plural(self.digest.errors.len() as u64, "kind"));
        }
        if counts.traces > 0 {
            summary = format!("{summary} with {} of traces", plural(counts.traces, "line"));
        }
        if counts.warnings > 0 {
            summary = format!("{summary}, {}", plural(counts.warnings, "warning"));
        }
        summary
    }

    /// Writes what fits.
    pub fn write(&self, text: &mut Text<'_>) {
        if self.digest.counts.lines == 0 {
            self.limits(text);
        } else if self.plain() {
            self.write_plain(text);
        } else {
            self.write_digest(text);
        }
    }

    /// Whether the lines are shown as they are, each below the name of its log.
    pub fn plain(&self) -> bool {
        self.whole && self.step > STEPS && self.digest.counts.lines > 0
    }

    /// Bytes at the step that is shown.
    fn room(&self) -> usize {
        (0..self.step.min(STEPS)).fold(SMALLEST, |room, _| room + room * 2 / 15)
    }

    fn cut(&self) -> Cut {
        if self.step == 0 {
            return Cut { errors: 0, part: 0, folded: 0, tails: Vec::new() };
        }
        let room = self.room();
        let digest = &self.digest;
        // The marks before lines are counted as lines of some length.
        let with_marks = |bytes: usize| bytes + bytes / 16;
        let size = |error: &Error| HEADING + with_marks(error.before.len() + error.text.len() + error.after.len());
        let (errors, used) = fitting(digest.errors.iter().map(size), room * 11 / 20);
        let part = if errors < digest.errors.len() { (room * 11 / 20).saturating_sub(used) } else { 0 };
        let part = if part > 2 * HEADING { part } else { 0 };
        let left = room.saturating_sub(used + part);
        let size =
            |folded: &Folded| HEADING + folded.text.len() + folded.values.as_ref().map_or(0, |values| values.len() + 4);
        let (folded, used) = fitting(digest.folded.iter().map(size), left.saturating_sub(room / 5));
        let left = left.saturating_sub(used);
        // The runs that crashed first.
        let mut order: Vec<usize> = (0..digest.tails.len().min(self.sources.len())).collect();
        order.retain(|number| digest.tails.get(*number).is_some_and(|tail| !tail.lines.is_empty()));
        order.sort_by_key(|number| self.sources.get(*number).is_none_or(|source| !source.previous));
        order.truncate(TAILS);
        let each = left / order.len().max(1);
        let tails = order.into_iter().filter_map(|number| {
            let lines = &digest.tails.get(number)?.lines;
            let (lines, _) = fitting(lines.iter().rev().map(|line| line.len() + 1), each.saturating_sub(2 * HEADING));
            (lines > 0).then_some((number, lines))
        });
        Cut { errors, part, folded, tails: tails.collect() }
    }
}

/// How many of `sizes` fit into `room`, and what they take.
fn fitting(sizes: impl Iterator<Item = usize>, room: usize) -> (usize, usize) {
    let (mut count, mut used) = (0, 0);
    for size in sizes {
        if used + size > room {
            break;
        }
        (count, used) = (count + 1, used + size);
    }
    (count, used)
}

/// The most names that are written out.
const NAMED: usize = 4;

/// Names, of many the first.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct Names {
    first: Vec<String>,
    /// How many more there are.
    more: usize,
}

impl Names {
    /// Of `names`.
    pub fn new(names: impl IntoIterator<Item = String>) -> Self {
        let mut names = names.into_iter();
        Self { first: names.by_ref().take(NAMED).collect(), more: names.count() }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.first.len() + self.more
    }
}

impl fmt::Display for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.first.join(", "))?;
        if self.more > 0 { write!(f, " and {} more", self.more) } else { Ok(()) }
    }
}

/// `1 line`, `2 lines`.
fn plural(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

impl List for View {
    fn units(&self) -> usize {
        if self.digest.counts.lines == 0 { 0 } else { STEPS + usize::from(self.whole) }
    }

    fn keep(&mut self, units: usize) {
        self.step = units;
    }
}

#[cfg(test)]
mod tests;
