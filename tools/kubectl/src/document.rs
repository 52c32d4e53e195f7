//! Objects as JSON or YAML, cut so that what is left can still be parsed.
//!
//! Whole objects are left out at the end, counted, with a cursor. Where not even the first fits, it is shown without its last values, and
//! says where something is missing.

use std::fmt::Write as _;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};
use shared::{Digest, List, Page, Result, Text, Untrusted, output::Budget, redact, sanitize};

use crate::{
    follow::{Follow, member},
    yaml,
};

/// The most bytes of objects that are kept: as much as the largest answer shows.
const KEPT: usize = Budget::BYTES_MAX;
/// A string counts as one value for each so many bytes, so that a long one is cut, too.
const STRING: usize = 200;
/// The key of what says that something is missing in a map.
const MISSING: &str = "…";

/// How objects are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notation {
    /// One object a line.
    Json,
    /// As kubectl prints it.
    Yaml,
}

/// Objects on the way into a [`Document`].
pub struct Gathering {
    follow: Follow,
    items: Vec<Value>,
    members: Vec<Digest>,
    kept: usize,
}

impl Gathering {
    /// Keeps objects from `page` on.
    pub fn new(page: Page) -> Self {
        Self { follow: Follow::new(page), items: Vec::new(), members: Vec::new(), kept: 0 }
    }

    /// Takes an object.
    pub fn take(&mut self, value: Value) {
        let member = member_of(&value);
        if !self.follow.passes(|| member) || self.kept > KEPT {
            return;
        }
        // String by string, before it is written: what cleaning puts in place of a character must not end up inside of the notation.
        let value = cleaned(value);
        self.kept += value.to_string().len();
        self.items.push(value);
        self.members.push(member);
    }

    /// Objects that were seen.
    pub fn seen(&self) -> u64 {
        self.follow.seen()
    }

    /// The document. `single`: the object was asked for by name and stands alone.
    pub fn finish(self, notation: Notation, single: bool) -> Result<Document> {
        let (page, total) = (self.follow.page()?, self.follow.seen());
        let sizes: Vec<usize> = self.items.iter().map(values).collect();
        let units = sizes.iter().sum();
        let (items, members) = (self.items, self.members);
        Ok(Document { notation, single, items, members, sizes, total, page, keep: units })
    }
}

/// Objects, as many as the budget holds.
#[derive(Clone, Debug)]
pub struct Document {
    notation: Notation,
    single: bool,
    items: Vec<Value>,
    /// What each is known by.
    members: Vec<Digest>,
    /// Values in each.
    sizes: Vec<usize>,
    total: u64,
    page: Page,
    /// Values to show.
    keep: usize,
}

/// What an object is known by.
pub fn member_of(value: &Value) -> Digest {
    let text = |path: &str| value.pointer(path).and_then(Value::as_str).unwrap_or_default();
    member(&[text("/apiVersion"), text("/kind"), text("/metadata/namespace"), text("/metadata/name")])
}

/// `value`, its strings and keys cleaned and redacted.
fn cleaned(value: Value) -> Value {
    let clean = |text: &str| redact::redact(&sanitize::block(text.as_bytes())).into_owned();
    match value {
        Value::String(text) => clean(&text).into(),
        Value::Array(items) => items.into_iter().map(cleaned).collect(),
        Value::Object(fields) => fields.into_iter().map(|(key, value)| (clean(&key), cleaned(value))).collect(),
        other => other,
    }
}

/// How many values there are in `value`.
fn values(value: &Value) -> usize {
    match value {
        Value::Object(fields) if !fields.is_empty() => fields.values().map(values).sum(),
        Value::Array(items) if !items.is_empty() => items.iter().map(values).sum(),
        Value::String(text) => text.len() / STRING + 1,
        _ => 1,
    }
}

/// `value` with its first `left` values; `left` is what remains.
fn pruned(value: &Value, left: &mut usize) -> Value {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            let mut out = Map::new();
            // What it is comes before what is in it.
            let first = |key: &str| !matches!(key, "apiVersion" | "kind" | "metadata" | "name" | "namespace");
            let mut ordered: Vec<_> = fields.iter().collect();
            ordered.sort_by_key(|(key, _)| first(key));
            for (at, (key, value)) in ordered.into_iter().enumerate() {
                if *left == 0 {
                    out.insert(MISSING.to_owned(), format!("{} more keys left out", fields.len() - at).into());
                    break;
                }
                out.insert(key.clone(), pruned(value, left));
            }
            Value::Object(out)
        }
        Value::Array(items) if !items.is_empty() => {
            let mut out = Vec::new();
            for (at, value) in items.iter().enumerate() {
                if *left == 0 {
                    out.push(format!("{MISSING} {} more items left out", items.len() - at).into());
                    break;
                }
                out.push(pruned(value, left));
            }
            Value::Array(out)
        }
        Value::String(text) => {
            let cost = text.len() / STRING + 1;
            if cost <= *left {
                *left -= cost;
                return value.clone();
            }
            let cut = text.floor_char_boundary(*left * STRING);
            *left = 0;
            format!("{}{MISSING}(+{} bytes)", &text[..cut], text.len() - cut).into()
        }
        other => {
            *left = left.saturating_sub(1);
            other.clone()
        }
    }
}

impl Document {
    /// Whether there is no object, on this page or before it.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty() && self.page.offset == 0
    }

    /// The objects on show: whole ones, or a part of the first.
    fn shown(&self) -> (Vec<Value>, Option<String>) {
        let mut left = self.keep;
        let whole = self
            .sizes
            .iter()
            .take_while(|size| {
                let fits = **size <= left;
                left = left.saturating_sub(**size);
                fits
            })
            .count();
        if whole == 0
            && self.keep > 0
            && let (Some(first), Some(size)) = (self.items.first(), self.sizes.first())
        {
            let part = pruned(first, &mut self.keep.clone());
            return (vec![part], Some(format!("{} of its {size} values", self.keep)));
        }
        (self.items.iter().take(whole).cloned().collect(), None)
    }

    fn write(&self, items: &[Value]) -> String {
        let mut out = String::new();
        match (self.notation, self.single, items) {
            (Notation::Json, true, [object]) => out = object.to_string(),
            (Notation::Yaml, true, [object]) => yaml::print(&mut out, object, 0),
            (Notation::Json, _, items) => {
                let lines: Vec<String> = items.iter().map(Value::to_string).collect();
                let _ =
                    write!(out, "{{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[\n{}\n]}}", lines.join(",\n"));
            }
            (Notation::Yaml, _, []) => out.push_str("apiVersion: v1\nkind: List\nitems: []\n"),
            (Notation::Yaml, _, items) => {
                out.push_str("apiVersion: v1\nkind: List\nitems:\n");
                items.iter().for_each(|item| yaml::entry(&mut out, item, 0));
            }
        }
        out
    }

    fn next(&self, shown: usize) -> Option<String> {
        let end = self.page.offset + shown as u64;
        let last = self.members.get(shown.checked_sub(1)?)?;
        (end < self.total).then(|| self.page.cursor_after(end, *last))
    }

    /// Writes it, framed, and what was left out.
    pub fn text(&self, text: &mut Text<'_>) {
        let (items, part) = self.shown();
        // Cleaned as a whole: the notation's own characters are none that cleaning touches.
        let body = Untrusted::block(self.write(&items).as_bytes());
        text.framed(|inside| body.inside(inside).to_owned());
        if let Some(part) = part {
            text.line(format_args!(
                "[the object is cut: {part}; raise budget, or ask for a path with output=jsonpath=…]"
            ));
        }
        let (end, from) = (self.page.offset + items.len() as u64, self.page.offset);
        if end < self.total || from > 0 {
            let range = if items.is_empty() { String::from("0") } else { format!("{}-{end}", from + 1) };
            let how = match (self.next(items.len()), self.total - end.min(self.total)) {
                (Some(cursor), left) => format!("{left} left out; next: cursor={cursor}"),
                (None, 0) => String::from("the last page"),
                (None, left) => format!("{left} left out; raise budget"),
            };
            text.line(format_args!("[{range} of {} objects; {how}]", self.total));
        }
    }
}

impl List for Document {
    fn units(&self) -> usize {
        self.sizes.iter().sum()
    }

    fn keep(&mut self, units: usize) {
        self.keep = units;
    }
}

impl Serialize for Document {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let (items, part) = self.shown();
        let mut view = serde_json::json!({ "offset": self.page.offset, "total": self.total });
        if let Some(fields) = view.as_object_mut() {
            if let Some(cursor) = self.next(items.len()) {
                fields.insert("cursor".into(), cursor.into());
            }
            if let Some(part) = part {
                fields.insert("cut".into(), part.into());
            }
            fields.insert("omitted".into(), self.total.saturating_sub(self.page.offset + items.len() as u64).into());
            fields.insert("items".into(), items.into());
        }
        view.serialize(serializer)
    }
}

impl JsonSchema for Document {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Document".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "properties": {
                "items": { "type": "array", "items": { "type": "object" }, "description": "The objects of this page." },
                "offset": { "type": "integer", "description": "Objects before this page." },
                "total": { "type": "integer", "description": "Objects in all." },
                "omitted": { "type": "integer", "description": "Objects after this page." },
                "cursor": { "type": "string", "description": "Pass as `cursor` for the next page." },
                "cut": { "type": "string", "description": "How much of an object is shown that is longer than the budget." },
            },
            "required": ["items", "offset", "total", "omitted"],
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn no_more_is_kept_than_an_answer_shows_and_all_are_counted() {
        let mut page = Page::default();
        page.offset = 2;
        let mut gathering = Gathering::new(page);
        for n in 0..1000 {
            gathering.take(json!({"n": n, "a": "x".repeat(1000)}));
        }
        assert!(gathering.kept <= KEPT + 2000, "{}", gathering.kept);
        assert_eq!((gathering.seen(), &gathering.items[0]["n"]), (1000, &json!(2)));
    }

    #[test]
    fn strings_are_cleaned_before_they_stand_in_the_notation() {
        let mut gathering = Gathering::new(Page::default());
        gathering.take(
            json!({"a": "\u{1b}[31mred\u{202e}", "https://me:hunter2hunter2@x/": "https://me:hunter2hunter2@x/"}),
        );
        let document = gathering.finish(Notation::Json, true).unwrap();
        let text = serde_json::to_string(&document).unwrap();
        assert!(!text.contains("\\u001b") && !text.contains('\u{202e}') && !text.contains("hunter2"), "{text}");
    }

    #[test]
    fn a_part_of_an_object_is_an_object() {
        let object = json!({"a": {"b": 1, "c": [1, 2, 3]}, "d": "x".repeat(1000), "e": {}});
        assert_eq!(values(&object), 4 + 6 + 1);
        let mut left = 3;
        assert_eq!(
            pruned(&object, &mut left),
            json!({"a": {"b": 1, "c": [1, 2, "… 1 more items left out"]}, "…": "2 more keys left out"})
        );
        let mut left = 5;
        let cut = pruned(&object, &mut left);
        assert_eq!(cut["d"], format!("{}…(+800 bytes)", "x".repeat(200)));
        for keep in 0..=values(&object) {
            let mut left = keep;
            pruned(&object, &mut left);
            assert_eq!(left, 0, "{keep}");
        }
        let mut left = values(&object);
        assert_eq!(pruned(&object, &mut left), object);
    }
}
