//! Untrusted text of many lines that is cut between lines.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Serialize, Serializer};

use super::List;
use crate::{
    cursor::Page,
    untrusted::{Untrusted, framed},
};

/// The longest unit in bytes. A longer line is shown in parts, each a unit of its own, so that the smallest budget still moves on.
const UNIT_MAX: usize = 400;
/// What a part ends with when its line goes on.
const CONTINUES: &str = "⏎…";

/// Lines of untrusted text: cleaned and redacted as a whole (a key that spans lines is one secret), cut between lines.
#[derive(Clone, Debug)]
pub struct Lines {
    unit: &'static str,
    units: Vec<String>,
    total: u64,
    page: Option<Page>,
    offset: u64,
    shown: usize,
}

impl Lines {
    /// All of `bytes`. `unit` is the plural noun its lines go by ("lines").
    pub fn all(unit: &'static str, bytes: &[u8]) -> Self {
        let units = split(Untrusted::block(bytes).into_string());
        Self { unit, total: units.len() as u64, shown: units.len(), units, page: None, offset: 0 }
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

    /// The lines on show, for the writer that frames them.
    pub(super) fn shown(&self) -> &[String] {
        &self.units[..self.shown]
    }

    /// Whether there is no line at all, on this page or before it.
    pub fn is_empty(&self) -> bool {
        self.units.is_empty() && self.offset == 0
    }

    fn end(&self) -> u64 {
        self.offset + self.shown as u64
    }

    fn next(&self) -> Option<String> {
        (self.end() < self.total).then(|| self.page.map(|page| page.cursor(self.end()))).flatten()
    }

    pub(super) fn notice(&self) -> Option<String> {
        let end = self.end();
        if end >= self.total && self.offset == 0 {
            return None;
        }
        let left = self.total.saturating_sub(end);
        let how = match self.next() {
            Some(cursor) => format!("; {left} left out; next: cursor={cursor}"),
            None if left > 0 => format!("; {left} left out; raise budget"),
            None => String::from("; the last page"),
        };
        let range = if self.shown == 0 { String::from("0") } else { format!("{}-{end}", self.offset + 1) };
        Some(format!("[{range} of {} {}{how}]", self.total, self.unit))
    }
}

/// `text` in units: its lines, the long ones in parts.
fn split(text: String) -> Vec<String> {
    let mut units = Vec::new();
    for line in text.lines() {
        let mut rest = line;
        while rest.len() > UNIT_MAX {
            let at = rest.floor_char_boundary(UNIT_MAX - CONTINUES.len());
            let (part, tail) = rest.split_at(at);
            units.push(format!("{part}{CONTINUES}"));
            rest = tail;
        }
        units.push(rest.to_owned());
    }
    units
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
        let shown = self.shown().join("\n");
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
