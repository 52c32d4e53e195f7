//! Answers: typed values that render themselves to compact text, and are cut to a budget in one place.
//!
//! A tool returns an [`Answer`]. Its long parts are lists ([`Records`] of typed items, [`Lines`] of untrusted text) whose units
//! are never broken; [`fit`] finds how many units the budget holds and each list then says how much it left out of how much and how
//! to get the rest. The same value serialises to JSON under the same budget.

mod clip;
mod fit;
mod lines;
mod part;
mod records;
#[cfg(test)]
mod tests;
mod text;

pub use fit::{Rendered, fit, render_error};
pub use lines::Lines;
pub use part::{Part, Place};
pub use records::{Records, Total};
use schemars::JsonSchema;
use serde::Serialize;
pub use text::Text;

use crate::untrusted::{Serialising, Tag};

/// How long an answer may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    tokens: u32,
    fixed: bool,
}

impl Budget {
    /// Tokens when the caller does not say.
    pub const DEFAULT: u32 = 4_000;
    /// The fewest tokens a caller may ask for.
    pub const MIN: u32 = 200;
    /// The most tokens a caller may ask for.
    pub const MAX: u32 = 25_000;
    /// The most bytes of the largest answer: what passes by beyond them need not be kept to be shown.
    pub const BYTES_MAX: usize = Self { tokens: Self::MAX, fixed: false }.bytes();

    /// A budget of `tokens`, brought between [`Self::MIN`] and [`Self::MAX`].
    pub fn tokens(tokens: u32) -> Self {
        Self { tokens: tokens.clamp(Self::MIN, Self::MAX), fixed: false }
    }

    /// The budget of a tool that has no parameter for it.
    pub fn fixed() -> Self {
        Self { fixed: true, ..Self::default() }
    }

    /// Whether the caller can raise it: what is cut then says so.
    pub(crate) fn can_be_raised(self) -> bool {
        !self.fixed && self.tokens < Self::MAX
    }

    /// The same in bytes: a token counts as four.
    pub const fn bytes(self) -> usize {
        self.tokens as usize * 4
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self { tokens: Self::DEFAULT, fixed: false }
    }
}

/// What a tool answers with.
pub trait Answer: Serialize + JsonSchema + Send + 'static {
    /// Writes the compact text: the scope that was really used first, then what was found.
    fn text(&self, text: &mut Text<'_>);

    /// The lists that may be cut, the ones to keep longest first.
    fn lists(&mut self) -> Vec<&mut dyn List> {
        Vec::new()
    }
}

/// A part of an answer that is cut by whole units.
pub trait List {
    /// Units there are to show.
    fn units(&self) -> usize;
    /// Shows the first `units` only.
    fn keep(&mut self, units: usize);
}

/// An [`Answer`] whose type has been forgotten.
pub trait AnyAnswer: Send {
    /// See [`Answer::text`].
    fn text(&self, text: &mut Text<'_>);
    /// See [`Answer::lists`].
    fn lists(&mut self) -> Vec<&mut dyn List>;
    /// The JSON of the value, its blocks framed with `tag`, the strings of list items cut to `clip` bytes.
    fn json(&self, tag: &Tag, clip: Option<usize>) -> serde_json::Result<serde_json::Value>;
}

impl<A: Answer> AnyAnswer for A {
    fn text(&self, text: &mut Text<'_>) {
        Answer::text(self, text);
    }

    fn lists(&mut self) -> Vec<&mut dyn List> {
        Answer::lists(self)
    }

    fn json(&self, tag: &Tag, clip: Option<usize>) -> serde_json::Result<serde_json::Value> {
        crate::untrusted::serialising(Serialising { tag: tag.clone(), clip }, || serde_json::to_value(self))
    }
}
