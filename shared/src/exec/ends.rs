//! What a command printed: its beginning and its end, when it was much.

use schemars::JsonSchema;
use serde::Serialize;

use super::{Capture, Captured};
use crate::{Lines, List, Text};

/// Bytes kept of the beginning.
const HEAD: usize = 3 << 10;
/// Bytes kept of the end, where commands say how they ended.
const TAIL: usize = 6 << 10;

/// A stream's beginning and end.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub struct Ends {
    /// The beginning; everything, if nothing was left out.
    start: Lines,
    /// Bytes left out between the two.
    omitted_bytes: u64,
    /// Whole lines left out between the two.
    omitted_lines: u64,
    /// The end.
    end: Lines,
}

impl Ends {
    /// What to keep of a stream that becomes this: together with the other stream's (`narrow`) no more than an answer shows.
    pub fn capture(narrow: bool) -> Capture<'static> {
        if narrow {
            Capture::HeadTail { head: HEAD / 3, tail: TAIL / 3 }
        } else {
            Capture::HeadTail { head: HEAD, tail: TAIL }
        }
    }

    /// What was kept.
    pub fn new(captured: &Captured) -> Self {
        let cut = captured.at_lines();
        Self {
            start: Lines::all("lines", cut.head),
            omitted_bytes: cut.omitted_bytes,
            omitted_lines: cut.omitted_lines,
            end: Lines::all("lines", cut.tail),
        }
    }

    /// A text that is whole.
    pub fn whole(text: &str) -> Self {
        Self { start: Lines::all("lines", text.as_bytes()), ..Self::default() }
    }

    /// Whether nothing was printed.
    pub fn is_empty(&self) -> bool {
        self.start.is_empty() && self.end.is_empty() && self.omitted_bytes == 0
    }

    /// Writes it, with what was left out.
    pub fn write(&self, text: &mut Text<'_>) {
        text.lines(&self.start);
        if self.omitted_bytes > 0 {
            text.line(format_args!("[{} lines, {} bytes left out here]", self.omitted_lines, self.omitted_bytes));
        }
        text.lines(&self.end);
    }

    /// The end first: it is kept longest.
    pub fn lists(&mut self) -> [&mut dyn List; 2] {
        [&mut self.end, &mut self.start]
    }
}
