//! Values as an answer shows them: short, and of two long ones the place where they part.

use std::io::{self, Write};

use serde_json::Value;
use shared::redact;

/// The most bytes of a value that are shown.
const VALUE_MAX: usize = 160;
/// The most bytes of a value that are looked at when it is more than a text.
const LOOK_MAX: usize = 4 << 10;
/// How much of what two texts have in common is shown before they part.
const COMMON: usize = 24;

/// A value by itself.
pub fn one(value: &Value) -> String {
    if let Value::String(text) = value {
        return quoted(&redact::redact(text), 0);
    }
    let mut head = Head { bytes: Vec::new(), length: 0 };
    // Writing to it does not fail, and a value has no keys that are none.
    let _ = serde_json::to_writer(&mut head, value);
    let text = redact::redact(&String::from_utf8_lossy(&head.bytes)).into_owned();
    cut(&text, head.length.saturating_sub(head.bytes.len()))
}

/// Two values, one of which became the other.
pub fn two(before: &Value, after: &Value) -> (String, String) {
    let (Value::String(old), Value::String(new)) = (before, after) else { return (one(before), one(after)) };
    // As a whole: half a secret is not known for one.
    let (old, new) = (redact::redact(old), redact::redact(new));
    if old == new {
        return (quoted(&old, 0), String::from("another value, masked alike"));
    }
    if old.contains('\n') || new.contains('\n') {
        return lines(&old, &new);
    }
    if old.len() <= VALUE_MAX && new.len() <= VALUE_MAX {
        return (quoted(&old, 0), quoted(&new, 0));
    }
    let common = old.bytes().zip(new.bytes()).take_while(|(old, new)| old == new).count();
    let from = common.saturating_sub(COMMON);
    (quoted(&old, from), quoted(&new, from))
}

/// Where two texts of several lines part: the first line of each that differs, and how many follow it.
fn lines(old: &str, new: &str) -> (String, String) {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.split('\n').collect(), new.split('\n').collect());
    let first = old.iter().zip(&new).take_while(|(old, new)| old == new).count();
    let (old_rest, new_rest) = (old.get(first..).unwrap_or_default(), new.get(first..).unwrap_or_default());
    let last = old_rest.iter().rev().zip(new_rest.iter().rev()).take_while(|(old, new)| old == new).count();
    let show = |rest: &[&str]| {
        let differ = rest.get(..rest.len() - last).unwrap_or_default();
        match differ {
            [] => format!("no line {}", first + 1),
            [one] => format!("line {}: {}", first + 1, quoted(one, 0)),
            [one, more @ ..] => format!("line {}: {} (+{} lines)", first + 1, quoted(one, 0), more.len()),
        }
    };
    (show(old_rest), show(new_rest))
}

/// A text between quotation marks, from `from` on.
fn quoted(text: &str, from: usize) -> String {
    let from = text.floor_char_boundary(from.min(text.len()));
    let (_, shown) = text.split_at(from);
    let kept = shown.get(..shown.floor_char_boundary(VALUE_MAX)).unwrap_or_default();
    let before = if from > 0 { "…" } else { "" };
    let more = match shown.len() - kept.len() {
        0 => String::new(),
        more => format!("…(+{more} bytes)"),
    };
    format!("{before}{}{more}", Value::from(kept))
}

/// A text without them; `more` bytes of it were left out before.
fn cut(text: &str, more: usize) -> String {
    let kept = text.get(..text.floor_char_boundary(VALUE_MAX)).unwrap_or_default();
    match text.len() - kept.len() + more {
        0 => text.to_owned(),
        more => format!("{kept}…(+{more} bytes)"),
    }
}

/// Keeps the beginning of what is written to it, and counts the rest.
struct Head {
    bytes: Vec<u8>,
    length: usize,
}

impl Write for Head {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = LOOK_MAX.saturating_sub(self.bytes.len()).min(bytes.len());
        self.bytes.extend(bytes.iter().take(room));
        self.length += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_is_short() {
        for (value, expected) in [
            (json!("a"), "\"a\""),
            (json!("a\nb"), "\"a\\nb\""),
            (json!(5), "5"),
            (json!(null), "null"),
            (json!({"a": [1, true]}), r#"{"a":[1,true]}"#),
        ] {
            assert_eq!(one(&value), expected);
        }
        let long = one(&json!("ä".repeat(500_000)));
        assert!(long.len() < 300 && long.ends_with("…(+999840 bytes)"), "{long}");
        let long = one(&json!(vec!["ä".repeat(100); 10_000]));
        assert!(long.len() < 300 && long.contains("…(+"), "{long}");
    }

    #[test]
    fn of_two_texts_the_place_where_they_part_is_shown() {
        let text =
            |n: usize| -> String { (0..40).map(|at| format!("l{at}={}\n", if at == 13 { n } else { 0 })).collect() };
        let of = |old: &str, new: &str| two(&json!(old), &json!(new));
        assert_eq!(of(&text(1), &text(2)), ("line 14: \"l13=1\"".into(), "line 14: \"l13=2\"".into()));
        assert_eq!(of("a\nc\n", "a\nb\nc\n"), ("no line 2".into(), "line 2: \"b\"".into()));
        assert_eq!(of("a\n", "a\nb\nc\n"), ("no line 2".into(), "line 2: \"b\" (+1 lines)".into()));
        assert_eq!(of("a", "a\n"), ("no line 2".into(), "line 2: \"\"".into()));
        let (old, new) = of(&("x".repeat(1_000_000) + "old"), &("x".repeat(1_000_000) + "new"));
        assert_eq!(
            (old.as_str(), new.as_str()),
            ("…\"xxxxxxxxxxxxxxxxxxxxxxxxold\"", "…\"xxxxxxxxxxxxxxxxxxxxxxxxnew\"")
        );
        let (old, _) = of(&"ä".repeat(500), "ö");
        assert!(old.len() < 300, "{old}");
    }

    #[test]
    fn secrets_are_masked_before_they_are_cut() {
        let token = format!("ghp_{}", "a1B2".repeat(9));
        let (old, new) = two(&json!(format!("{}{token}", "x ".repeat(100))), &json!(format!("{}y", "x ".repeat(100))));
        assert!(!old.contains("a1B2"), "{old} {new}");
        let other = format!("ghp_{}", "b1C2".repeat(9));
        let (old, new) = two(&json!(token), &json!(other));
        assert!(!old.contains("a1B2") && !new.contains("b1C2"), "{old} {new}");
        assert!(!one(&json!({"x": token})).contains("a1B2"));
    }
}
