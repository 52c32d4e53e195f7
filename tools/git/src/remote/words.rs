//! A bounded amount of what a remote said, fit to be shown.

/// More than this is not an explanation.
const SHOWN: usize = 4096;

/// Kept before secrets are taken out. Twice what is shown, so that the cut cannot leave half a secret that no longer matches.
const KEPT: usize = 2 * SHOWN;

/// Text of a remote: bounded, without control and direction characters, valid UTF-8 whatever came in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Words {
    text: String,
    cut: bool,
}

impl Words {
    /// The words of `bytes` alone.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let mut words = Self::default();
        words.push(bytes);
        words
    }

    /// Adds `bytes`. A character split between two calls comes out as a replacement character.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        for c in String::from_utf8_lossy(bytes).chars() {
            let c = match c {
                '\r' => '\n',
                '\n' | '\t' => c,
                c if c.is_control() || is_direction(c) => continue,
                c => c,
            };
            // Progress is rewritten in place with carriage returns; empty lines carry nothing.
            if c == '\n' && (self.text.is_empty() || self.text.ends_with('\n')) {
                continue;
            }
            if self.text.len() + c.len_utf8() > KEPT {
                self.cut = true;
                return;
            }
            self.text.push(c);
        }
    }

    /// What may be shown once `scrub` has taken secrets out, saying so when some is missing; `None` when there is nothing.
    pub(crate) fn said(&self, scrub: impl Fn(&str) -> String) -> Option<String> {
        let text = scrub(self.text.trim());
        if text.is_empty() {
            return None;
        }
        let end = text.floor_char_boundary(SHOWN);
        let shown = text.get(..end).unwrap_or_default();
        Some(if self.cut || end < text.len() { format!("{shown} [cut]") } else { shown.to_owned() })
    }
}

/// Characters that reorder or hide the text around them.
fn is_direction(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_bounded_and_plain() {
        let said = |bytes: &[u8]| Words::of(bytes).said(str::to_owned);
        assert_eq!(said(b"a\x1b[31mred\x07\r\n\r\nb\0\n").as_deref(), Some("a[31mred\nb"));
        assert_eq!(said("x\u{202e}y\u{200b}".as_bytes()).as_deref(), Some("xy"));
        assert_eq!(said(b"\xff\xfe").as_deref(), Some("\u{fffd}\u{fffd}"));
        assert_eq!(said(b" \r\n "), None);
        assert!(said(&[b'x'; 100_000]).is_some_and(|said| said.len() <= SHOWN + 6 && said.ends_with("[cut]")));
    }

    #[test]
    fn a_secret_across_the_cut_is_taken_out_whole() {
        for before in SHOWN - 8..SHOWN + 2 {
            let text = format!("{}s3cr3t-token", "x".repeat(before));
            let said =
                Words::of(text.as_bytes()).said(|text| text.replace("s3cr3t-token", "[redacted]")).expect("words");
            assert!(!said.contains("s3c"), "{before}");
        }
    }
}
