//! What is done with the bytes of a line before anything reads them: terminal sequences go, private keys are not kept, long ones are cut.

use std::sync::LazyLock;

use memchr::memmem::Finder;

/// The most bytes of a line that are kept to be shown.
pub const SHOWN: usize = 2 << 10;
/// Where a cut looks back for the end of a word: half a secret is not recognised as one.
const LOOK_BACK: usize = 1 << 10;
/// The most lines of one private key.
const KEY_LINES: u16 = 200;
/// What is kept of a line of a private key.
const KEY: &[u8] = b"[redacted:private-key]";

/// `line` without its carriage return, and without terminal sequences; `scratch` holds it when something had to go.
pub fn plain<'a>(line: &'a [u8], scratch: &'a mut Vec<u8>) -> &'a [u8] {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if memchr::memchr(0x1b, line).is_none() {
        return line;
    }
    scratch.clear();
    let mut rest = line;
    while let Some(at) = memchr::memchr(0x1b, rest) {
        let (before, sequence) = rest.split_at(at);
        scratch.extend_from_slice(before);
        rest = sequence.get(length(sequence)..).unwrap_or_default();
    }
    scratch.extend_from_slice(rest);
    scratch
}

/// The bytes of the sequence at the start of `text`. One that does not end is not believed: only its escape goes.
fn length(text: &[u8]) -> usize {
    let of = |from: usize, ends: fn(u8) -> bool, most: usize| {
        let found = text.iter().take(most).skip(from).position(|&byte| ends(byte));
        found.map_or(1, |at| from + at + 1)
    };
    match text.get(1) {
        Some(b'[') => of(2, |byte| (0x40..=0x7e).contains(&byte), 128),
        Some(b']' | b'P' | b'X' | b'^' | b'_') => {
            // Ends with BEL, or with an escape and a backslash.
            match of(2, |byte| matches!(byte, 0x07 | 0x1b), 4096) {
                end if text.get(end - 1) == Some(&0x1b) && text.get(end) == Some(&b'\\') => end + 1,
                end if text.get(end - 1) == Some(&0x07) => end,
                _ => 1,
            }
        }
        Some(0x30..=0x7e) => 2,
        _ => 1,
    }
}

/// Knows when a stream is inside a private key, whose lines are one secret and each of them looks like anything.
#[derive(Clone, Copy, Debug, Default)]
pub struct Keys {
    left: u16,
}

/// What every line is searched for: made once.
static BEGIN: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"-----BEGIN "));

impl Keys {
    /// What may be kept of `line`.
    pub fn hide<'a>(&mut self, line: &'a [u8]) -> &'a [u8] {
        if self.left > 0 {
            self.left = if memchr::memmem::find(line, b"-----END ").is_some() { 0 } else { self.left - 1 };
            return KEY;
        }
        // A log that is read from its middle may begin inside a key, all of whose lines have this width.
        if line.len() == 64 && is_base64(line) {
            return KEY;
        }
        if let Some(at) = BEGIN.find(line) {
            let head = line.get(at..).unwrap_or_default();
            // With its end on the same line it is masked where text is cleaned.
            if memchr::memmem::find(head, b"PRIVATE KEY").is_some()
                && memchr::memmem::find(head, b"-----END ").is_none()
            {
                self.left = KEY_LINES;
                return KEY;
            }
        }
        line
    }
}

/// Whether it is base64 and no hexadecimal digest.
fn is_base64(line: &[u8]) -> bool {
    line.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'='))
        && !line.iter().all(u8::is_ascii_hexdigit)
}

/// The part of `line` that is kept of it, at most `most` bytes, and how many bytes are not.
pub fn cut(line: &[u8], most: usize) -> (&[u8], u64) {
    let Some(head) = line.get(..most).filter(|_| line.len() > most) else { return (line, 0) };
    let ends = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b',' | b'"' | b';');
    let back = head.iter().rev().take(LOOK_BACK.min(most / 2)).position(ends);
    let kept = match back {
        Some(back) => head.get(..most - back).unwrap_or(head),
        None => head,
    };
    (kept, (line.len() - kept.len()) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminal_sequences_go() {
        for (line, expected) in [
            ("plain\r", "plain"),
            ("\u{1b}[31mERROR\u{1b}[0m x\r", "ERROR x"),
            ("a\u{1b}]8;;http://x\u{7}b", "ab"),
            ("a\u{1b}]0;t\u{1b}\\b", "ab"),
            ("a\u{1b}]never ends", "a]never ends"),
            ("a\u{1b}[12;", "a[12;"),
            ("a\u{1b}", "a"),
            ("a\u{1b}cb", "ab"),
            ("a\u{1b}é", "aé"),
            ("\r\r", "\r"),
        ] {
            assert_eq!(plain(line.as_bytes(), &mut Vec::new()), expected.as_bytes(), "{line:?}");
        }
    }

    #[test]
    fn the_lines_of_a_private_key_are_not_kept() {
        let mut keys = Keys::default();
        for (line, kept) in [
            ("before", "before"),
            ("x -----BEGIN RSA PRIVATE KEY-----", "[redacted:private-key]"),
            ("c2VjcmV0", "[redacted:private-key]"),
            ("-----END RSA PRIVATE KEY-----", "[redacted:private-key]"),
            ("after", "after"),
            ("-----BEGIN CERTIFICATE-----", "-----BEGIN CERTIFICATE-----"),
            (&"MIIEv+IB".repeat(8), "[redacted:private-key]"),
            (&"0123abcd".repeat(8), &"0123abcd".repeat(8)),
        ] {
            assert_eq!(keys.hide(line.as_bytes()), kept.as_bytes());
        }
        // One that never ends does not hide the log for ever.
        keys.hide(b"-----BEGIN PRIVATE KEY-----");
        assert!((0..300).any(|_| keys.hide(b"x") == b"x"));
    }

    #[test]
    fn a_cut_is_between_words_if_it_can() {
        assert_eq!(cut(b"abc def", 7), (&b"abc def"[..], 0));
        assert_eq!(cut(b"abcdef ghijkl", 12), (&b"abcdef "[..], 6));
        assert_eq!(cut(b"abcdefghijkl", 6), (&b"abcdef"[..], 6));
    }
}
