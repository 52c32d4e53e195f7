//! A text that lines are searched for, whatever the case of its letters (those of ASCII).

use shared::{Result, ToolError};

/// The longest text.
const LONGEST: usize = 1_000;
/// Bytes that are frequent in logs: a search goes by another one of the text, if it has one.
const FREQUENT: &[u8] = b" etaoinsrlcdupm0123.:-/=\"";

/// A text to search for.
#[derive(Clone, Debug)]
pub struct Grep {
    text: Vec<u8>,
    /// Where in the text the byte is that is searched for.
    at: usize,
}

impl Grep {
    /// Searches for `text`.
    ///
    /// # Errors
    /// One that no line can hold.
    pub fn new(text: &str) -> Result<Self> {
        if text.is_empty() || text.len() > LONGEST || text.contains(['\n', '\r', '\0', '\u{1b}']) {
            return Err(ToolError::invalid("no line can hold the text of grep")
                .hint(format!("pass a part of a line, at most {LONGEST} bytes; it is no pattern")));
        }
        let text = text.to_ascii_lowercase().into_bytes();
        let rarity = |byte: &u8| FREQUENT.iter().position(|known| known == byte).unwrap_or(usize::MAX);
        let at = (0..text.len()).max_by_key(|at| text.get(*at).map(rarity)).unwrap_or_default();
        Ok(Self { text, at })
    }

    /// Whether `line` has the text.
    pub fn finds(&self, line: &[u8]) -> bool {
        let Some(&byte) = self.text.get(self.at) else { return true };
        let matches = |found: usize| {
            let start = found.checked_sub(self.at)?;
            let end = start.checked_add(self.text.len())?;
            line.get(start..end).map(|part| part.eq_ignore_ascii_case(&self.text))
        };
        memchr::memchr2_iter(byte, byte.to_ascii_uppercase(), line).any(|found| matches(found) == Some(true))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_found_wherever_it_is() {
        for (text, line, expected) in [
            ("error", "an ERROR", true),
            ("ERROR", "error", true),
            ("error", "erro", false),
            ("aab", "aaab", true),
            ("é", "É é", true),
            ("a.b", "axb", false),
            ("xyz", "xy xyz", true),
            ("x", "", false),
        ] {
            assert_eq!(Grep::new(text).unwrap().finds(line.as_bytes()), expected, "{text} in {line}");
        }
        for text in ["", "a\nb", "\u{1b}", &"x".repeat(1_001)] {
            assert!(Grep::new(text).is_err());
        }
    }
}
