//! Untrusted text of many lines that is cut between lines.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Serialize, Serializer};

use super::{
    List, clip,
    part::{self, Part, Place},
};
use crate::{
    cursor::Page,
    untrusted::{Untrusted, framed},
};

/// The longest unit in bytes of JSON. A longer line is shown in parts, each a unit of its own, so that the smallest budget still moves on.
const UNIT_MAX: usize = 400;
/// What a part ends with when its line goes on.
const CONTINUES: &str = "⏎…";

/// Lines of untrusted text: cleaned and redacted as a whole (a key that spans lines is one secret), cut between lines.
#[derive(Clone, Debug)]
pub struct Lines {
    unit: &'static str,
    /// Lines of orientation that stand before the page and are not counted.
    heading: Vec<String>,
    units: Vec<String>,
    /// For a part of a text: where each unit ends.
    ends: Vec<Place>,
    total: u64,
    page: Option<Page>,
    offset: u64,
    shown: usize,
}

impl Default for Lines {
    fn default() -> Self {
        Self::all("lines", b"")
    }
}

impl Lines {
    /// All of `bytes`. `unit` is the plural noun its lines go by ("lines").
    pub fn all(unit: &'static str, bytes: &[u8]) -> Self {
        let units = split(Untrusted::block(bytes).into_string());
        let (heading, ends) = (Vec::new(), Vec::new());
        Self { unit, heading, total: units.len() as u64, shown: units.len(), units, ends, page: None, offset: 0 }
    }

    /// `bytes` from the unit on at which `page` begins.
    pub fn paged(unit: &'static str, bytes: &[u8], page: Page) -> Self {
        let mut lines = Self::all(unit, bytes);
        let skip = usize::try_from(page.offset).unwrap_or(usize::MAX).min(lines.units.len());
        lines.units.drain(..skip);
        lines.shown = lines.units.len();
        lines.offset = page.offset;
        lines.page = Some(page);
        lines
    }

    /// The part of a text at `page`, of which no more is held than can be shown. [`Place::of`] tells which line has to be its first.
    pub fn part(unit: &'static str, part: &Part<'_>, page: Page) -> Self {
        let place = Place::of(&page);
        let (units, ends) = part::units(part, place);
        let mut lines =
            Self { units, ends, total: part.total, page: Some(page), offset: place.line, ..Self::all(unit, b"") };
        lines.shown = lines.units.len();
        if lines.shown > 0 {
            lines.heading = split(Untrusted::block(part.heading).into_string());
        }
        lines
    }

    /// The lines on show, for the writer that frames them.
    pub(super) fn shown(&self) -> impl Iterator<Item = &String> {
        let heading = if self.shown > 0 { self.heading.as_slice() } else { &[] };
        heading.iter().chain(self.units.iter().take(self.shown))
    }

    /// Where the page ends, for a part of a text.
    fn place(&self) -> Option<Place> {
        let page = self.page.filter(|_| !self.ends.is_empty())?;
        let last = self.shown.checked_sub(1).and_then(|last| self.ends.get(last));
        Some(last.copied().unwrap_or_else(|| Place::of(&page)))
    }

    /// Whether there is no line at all, on this page or before it.
    pub fn is_empty(&self) -> bool {
        self.units.is_empty() && self.offset == 0
    }

    /// Lines that have been shown to their end, on this page or before it.
    fn end(&self) -> u64 {
        self.place().map_or(self.offset + self.shown as u64, |place| place.line)
    }

    fn next(&self) -> Option<String> {
        // A page without a line would lead to itself for ever, unless what took the room stands on the first page only.
        let leads_on = !self.ends.is_empty() && self.page.is_some_and(|page| !Place::of(&page).goes_on);
        if self.shown == 0 && !leads_on {
            return None;
        }
        let offset = self.place().map_or(self.end(), Place::offset);
        (self.end() < self.total).then(|| self.page.map(|page| page.cursor(offset))).flatten()
    }

    /// What this text leaves out and how to get it; nothing when it is whole. `raise`: whether a larger budget is a way.
    pub(super) fn notice(&self, raise: bool) -> Option<String> {
        let end = self.end();
        if end >= self.total && self.offset == 0 {
            return None;
        }
        let left = self.total.saturating_sub(end);
        let how = match self.next() {
            Some(cursor) => format!("; {left} left out; next: cursor={cursor}"),
            None if left > 0 && raise => format!("; {left} left out; raise budget"),
            None if left > 0 => format!("; {left} left out"),
            None => String::from("; the last page"),
        };
        let range = match self.shown {
            0 => String::from("0"),
            // A page that ends inside a line shows a piece of the next one.
            _ => format!("{}-{}", self.offset + 1, end.max(self.offset + 1)),
        };
        Some(format!("[{range} of {} {}{how}]", self.total, self.unit))
    }
}

/// `text` in units: its lines, the long ones in parts.
fn split(text: String) -> Vec<String> {
    let mut units = Vec::new();
    for line in text.lines() {
        pieces(line, |piece| units.push(piece));
    }
    units
}

/// The units of one line.
pub(super) fn pieces(line: &str, mut take: impl FnMut(String)) {
    let mut rest = line;
    while clip::fitting(rest, UNIT_MAX) < rest.len() {
        let at = clip::fitting(rest, UNIT_MAX - CONTINUES.len());
        let (part, tail) = rest.split_at(at);
        take(format!("{part}{CONTINUES}"));
        rest = tail;
    }
    take(rest.to_owned());
}

impl List for Lines {
    fn units(&self) -> usize {
        self.units.len()
    }

    fn keep(&mut self, units: usize) {
        self.shown = units.min(self.units.len());
    }
}

/// A text in JSON.
#[derive(Serialize, JsonSchema)]
struct View {
    /// The lines of this page, framed as untrusted.
    text: String,
    /// Lines before this page.
    offset: u64,
    /// Lines in all.
    total: u64,
    /// Lines after this page.
    omitted: u64,
    /// Pass as `cursor` for the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<String>,
}

impl Serialize for Lines {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Each line with its end, so that an empty last one is there.
        let shown: String = self.shown().flat_map(|line| [line.as_str(), "\n"]).collect();
        View {
            text: if shown.is_empty() { shown } else { framed(&shown) },
            offset: self.offset,
            total: self.total,
            omitted: self.total.saturating_sub(self.end()),
            cursor: self.next(),
        }
        .serialize(serializer)
    }
}

impl JsonSchema for Lines {
    fn schema_name() -> Cow<'static, str> {
        "Lines".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        View::json_schema(generator)
    }
}
