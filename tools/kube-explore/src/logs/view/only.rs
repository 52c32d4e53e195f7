//! What was not read because no more than the end of each log was asked for. It may be what matters: without it, "0 error lines" would be untrue.

use super::{Names, View, plural};
use crate::distil::Tail;

/// That no more than the end of each log was asked for.
#[derive(Clone, Copy, Debug)]
pub struct Last {
    /// How many lines of each.
    pub lines: u32,
    /// What would read the older ones.
    pub more: &'static str,
}

impl View {
    /// The same, of logs of which only the end was asked for.
    #[must_use]
    pub fn only(mut self, last: Option<Last>) -> Self {
        self.last = last;
        self
    }

    /// Whether a log has as many lines as were asked for: there may be older ones, of which nothing is known.
    pub(super) fn is_end(&self, tail: &Tail) -> bool {
        self.last.is_some_and(|last| tail.pieces.max(tail.of) >= u64::from(last.lines))
    }

    /// How many lines there are, and that they are the last ones; nothing where they are all there were.
    pub(super) fn only_last(&self) -> Option<String> {
        let last = self.last?;
        let ends = self.digest.tails.iter().filter(|tail| self.is_end(tail)).count();
        let (count, more) = (self.digest.counts.lines, last.more);
        let of = match (ends, self.sources.len()) {
            (0, _) => return None,
            (_, 0 | 1) if count == 1 => String::from("the last line of it"),
            (_, 0 | 1) => format!("the last {count} lines of it"),
            (ends, all) => {
                let each = plural(u64::from(last.lines), "line");
                let of = if ends == all { String::from("each") } else { format!("{ends} of them") };
                format!("{}: only the last {each} of {of}", plural(count, "line"))
            }
        };
        Some(format!("{of} (older ones not read: {more})"))
    }

    /// That of one log among several only the end was read.
    pub(super) fn only_of(&self, tail: &Tail) -> String {
        if self.is_end(tail) && self.sources.len() > 1 {
            return format!(", only the last {}", plural(tail.of, "line"));
        }
        String::new()
    }

    /// Of which logs only the end was read, where that is said of none of them.
    pub(super) fn ends(&self) -> Option<String> {
        let last = self.last.filter(|_| self.sources.len() > 1)?;
        let ends = self.digest.tails.iter().zip(&self.sources).filter(|(tail, _)| self.is_end(tail));
        let names = Names::new(ends.map(|(_, source)| source.shown()));
        (names.count() > 0)
            .then(|| format!("[only the last {} read of: {names}]", plural(u64::from(last.lines), "line")))
    }
}
