//! The beginning of what is too long to be shown whole, with what is missing counted.

use serde_json::Value;

use crate::untrusted::Tag;

/// Strings up to this many bytes of JSON are never cut: a state, a name out of a closed set, an id or a date is worth nothing in part.
const WHOLE: usize = 66;

/// The beginning of `text`, at most `max` bytes with the count of what is missing.
pub(super) fn shorten(text: &str, max: usize) -> String {
    if text.len() <= max {
        return text.to_owned();
    }
    cut(text, text.floor_char_boundary(max.saturating_sub(24)))
}

fn cut(text: &str, at: usize) -> String {
    format!("{}…(+{} bytes)", &text[..at], text.len() - at)
}

/// Cuts every string in `value` to `max` bytes of JSON. A block keeps its frame.
pub(super) fn strings(value: &mut Value, tag: &Tag, max: usize) {
    match value {
        Value::String(text) => {
            let (open, close) = (format!("{}\n", tag.open()), format!("\n{}", tag.close()));
            let block = text.strip_prefix(&open).and_then(|rest| rest.strip_suffix(&close));
            let cut = match block {
                Some(block) => string(block, max).map(|block| format!("{open}{block}{close}")),
                None => string(text, max),
            };
            if let Some(cut) = cut {
                *text = cut;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| strings(item, tag, max)),
        Value::Object(fields) => fields.values_mut().for_each(|field| strings(field, tag, max)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// `text` cut to `max` bytes of JSON, if it is longer.
fn string(text: &str, max: usize) -> Option<String> {
    let max = max.max(WHOLE);
    (json_len(text, max) > max).then(|| cut(text, fitting(text, max.saturating_sub(24))))
}

/// How many bytes of `text` take at most `max` bytes of JSON; always whole characters.
pub(super) fn fitting(text: &str, max: usize) -> usize {
    let mut size = 0;
    for (at, c) in text.char_indices() {
        size += escaped(c);
        if size > max {
            return at;
        }
    }
    text.len()
}

/// Bytes of `text` in JSON without its quotation marks; beyond `enough` they are not counted on.
fn json_len(text: &str, enough: usize) -> usize {
    let mut size = 0;
    for c in text.chars() {
        size += escaped(c);
        if size > enough {
            break;
        }
    }
    size
}

fn escaped(c: char) -> usize {
    match c {
        '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
        c if c < ' ' => 6,
        c => c.len_utf8(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_in_json_is_what_serde_makes_of_it() {
        let all: String = (0..0x300_u32).filter_map(char::from_u32).chain("日𝄞\u{2028}\u{7f}".chars()).collect();
        let json = serde_json::to_string(&all).unwrap_or_default();
        assert_eq!(json_len(&all, usize::MAX), json.len() - 2);
        for max in 0..40 {
            let text = "\"\\é日a𝄞".repeat(8);
            let kept = &text[..fitting(&text, max)];
            let size = serde_json::to_string(kept).unwrap_or_default().len() - 2;
            assert!(size <= max && size + 4 > max, "{max}: {kept}");
        }
    }

    #[test]
    fn what_is_missing_is_counted_and_frames_and_short_words_stay() {
        let tag = Tag::random();
        let block = format!("{}\n{}\n{}", tag.open(), "\"".repeat(1000), tag.close());
        let id = "0".repeat(64);
        let mut value =
            serde_json::json!({"long": "é".repeat(1000), "block": block, "id": id, "deep": [{"state": "open"}]});
        strings(&mut value, &tag, 0);
        assert_eq!(value["long"], format!("{}…(+1958 bytes)", "é".repeat(21)));
        assert_eq!(value["block"], format!("{}\n{}…(+979 bytes)\n{}", tag.open(), "\"".repeat(21), tag.close()));
        assert_eq!((&value["id"], &value["deep"][0]["state"]), (&id.into(), &"open".into()));
    }
}
