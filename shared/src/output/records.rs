//! A list of typed items that is cut between items.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Serialize, Serializer, ser::Error};

use super::{List, clip, fit::clean_json};
use crate::{
    cursor::{Digest, Page},
    untrusted::{self, Serialising},
};

/// How many units there are in all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Total {
    /// Exactly this many.
    Exactly(u64),
    /// At least one more than was read: counting them all would cost more than the answer.
    More,
}

/// Items of an answer, the part of them that is shown, and how to get the rest.
#[derive(Clone, Debug)]
pub struct Records<T> {
    unit: &'static str,
    items: Vec<T>,
    total: Total,
    page: Option<Page>,
    offset: u64,
    shown: usize,
    narrow: Option<&'static str>,
    /// Of each item, what the next page is found by when it is the last of this one; empty where places are counted.
    members: Vec<Digest>,
    linked: Option<Linked>,
}

/// The cursors of a list that somebody else pages.
#[derive(Clone, Debug)]
struct Linked {
    /// Of each item, the cursor of what follows it.
    after: Vec<String>,
    /// The cursor of what follows all of them; nothing at the end of the list.
    end: Option<String>,
}

impl<T> Records<T> {
    /// All of a result. `unit` is the plural noun its items go by ("files").
    pub fn all(unit: &'static str, items: Vec<T>) -> Self {
        let total = Total::Exactly(items.len() as u64);
        let (members, linked) = (Vec::new(), None);
        Self { unit, shown: items.len(), items, total, page: None, offset: 0, narrow: None, members, linked }
    }

    /// The part of a result that begins at `page`; what is cut off it can be had with a cursor.
    pub fn page(unit: &'static str, items: Vec<T>, total: Total, page: Page) -> Self {
        Self {
            unit,
            shown: items.len(),
            items,
            total,
            offset: page.offset,
            page: Some(page),
            narrow: None,
            members: Vec::new(),
            linked: None,
        }
    }

    /// A page of a list that somebody else pages: `after` holds, for each item, the cursor of what follows it, and `end` that of what follows all of
    /// them. Without `total` there are more, or, at the end, as many as were counted on the way.
    pub fn linked(
        unit: &'static str,
        items: Vec<T>,
        after: Vec<String>,
        end: Option<String>,
        offset: u64,
        total: Option<u64>,
    ) -> Self {
        let total = match (total, &end) {
            (Some(total), _) => Total::Exactly(total),
            (None, None) => Total::Exactly(offset + items.len() as u64),
            (None, Some(_)) => Total::More,
        };
        Self { total, offset, linked: Some(Linked { after, end }), ..Self::all(unit, items) }
    }

    /// The same for a list whose members come and go: `members` are what each item is known by.
    pub fn following(unit: &'static str, items: Vec<T>, members: Vec<Digest>, total: u64, page: Page) -> Self {
        Self { members, ..Self::page(unit, items, Total::Exactly(total), page) }
    }

    /// A whole result of which `page` is to be shown from its offset on.
    pub fn paged(unit: &'static str, mut items: Vec<T>, page: Page) -> Self {
        let total = Total::Exactly(items.len() as u64);
        let skip = usize::try_from(page.offset).unwrap_or(usize::MAX).min(items.len());
        items.drain(..skip);
        Self::page(unit, items, total, page)
    }

    /// The first items of a result of `total`, whose others are not to be had with a cursor.
    pub fn head(unit: &'static str, items: Vec<T>, total: u64) -> Self {
        Self { total: Total::Exactly(total), ..Self::all(unit, items) }
    }

    /// Says how to ask for less, where there is no cursor to ask for more ("name a path").
    #[must_use]
    pub fn narrower(mut self, how: &'static str) -> Self {
        self.narrow = Some(how);
        self
    }

    /// The items on show.
    pub fn shown(&self) -> &[T] {
        &self.items[..self.shown]
    }

    /// Every item that was read.
    pub fn items(&self) -> &[T] {
        &self.items
    }

    /// How many there are in all, where that is known.
    pub fn total(&self) -> Option<u64> {
        match self.total {
            Total::Exactly(total) => Some(total),
            Total::More => None,
        }
    }

    /// Whether the whole result is empty.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty() && self.offset == 0
    }

    fn next(&self) -> Option<String> {
        if let Some(linked) = &self.linked {
            return match self.shown {
                shown if shown == self.items.len() => linked.end.clone(),
                shown => shown.checked_sub(1).and_then(|last| linked.after.get(last)).cloned(),
            };
        }
        let page = self.page?;
        // A page without an item would lead to itself for ever.
        if self.shown == 0 && !self.items.is_empty() {
            return None;
        }
        let end = self.offset + self.shown as u64;
        match self.total {
            Total::Exactly(total) if end >= total => None,
            _ => Some(match self.shown.checked_sub(1).and_then(|last| self.members.get(last)) {
                Some(last) => page.cursor_after(end, *last),
                None => page.cursor(end),
            }),
        }
    }

    /// What this list leaves out and how to get it; nothing when it is whole. `raise`: whether a larger budget is a way.
    pub(super) fn notice(&self, raise: bool) -> Option<String> {
        let end = self.offset + self.shown as u64;
        let (of, left) = match self.total {
            Total::Exactly(total) if end < total => (format!(" of {total}"), format!("{} left out", total - end)),
            Total::Exactly(total) if self.offset > 0 => (format!(" of {total}"), String::from("the last page")),
            Total::Exactly(_) => return None,
            Total::More if self.shown < self.items.len() => {
                (String::new(), format!("{} more were read, and there are others", self.items.len() - self.shown))
            }
            Total::More => (String::new(), String::from("there are more")),
        };
        let how = match (self.next(), self.narrow) {
            (Some(cursor), _) => format!("; next: cursor={cursor}"),
            (None, Some(how)) if raise => format!("; {how}, or raise budget"),
            (None, Some(how)) => format!("; {how}"),
            (None, None) if raise && end_is_open(self.total, end) => String::from("; raise budget"),
            (None, None) => String::new(),
        };
        let range = if self.shown == 0 { format!("0{of}") } else { format!("{}-{end}{of}", self.offset + 1) };
        Some(format!("[{range} {}; {left}{how}]", self.unit))
    }
}

fn end_is_open(total: Total, end: u64) -> bool {
    match total {
        Total::Exactly(total) => end < total,
        Total::More => true,
    }
}

impl<T> List for Records<T> {
    fn units(&self) -> usize {
        self.items.len()
    }

    fn keep(&mut self, units: usize) {
        self.shown = units.min(self.items.len());
    }
}

/// A list in JSON.
#[derive(Serialize, JsonSchema)]
struct View<I> {
    /// The items of this page.
    items: I,
    /// Items before this page.
    offset: u64,
    /// Items in all; absent when there are more than were counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<u64>,
    /// Items after this page; absent when they were not counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    omitted: Option<u64>,
    /// Whether there are items after this page.
    more: bool,
    /// Pass as `cursor` for the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<String>,
}

/// The items on show, their strings cut where one item alone is more than the budget.
struct Items<'a, T>(&'a [T]);

impl<T: Serialize> Serialize for Items<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Some(Serialising { tag, clip: Some(clip) }) = untrusted::current() else {
            return self.0.serialize(serializer);
        };
        let mut items = serde_json::to_value(self.0).map_err(S::Error::custom)?;
        // Cleaned before it is cut: half a secret is not recognised as one.
        clean_json(&mut items);
        clip::strings(&mut items, &tag, clip);
        items.serialize(serializer)
    }
}

impl<T: Serialize> Serialize for Records<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let end = self.offset + self.shown as u64;
        let total = self.total();
        View {
            items: Items(self.shown()),
            offset: self.offset,
            total,
            omitted: total.map(|total| total.saturating_sub(end)),
            more: end_is_open(self.total, end),
            cursor: self.next(),
        }
        .serialize(serializer)
    }
}

impl<T: JsonSchema> JsonSchema for Records<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("RecordsOf{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        View::<Vec<T>>::json_schema(generator)
    }
}
