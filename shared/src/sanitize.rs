//! Cleaning of text that strangers wrote: logs, messages, diffs, file contents, output of commands.
//!
//! * Invalid UTF-8 becomes U+FFFD.
//! * Terminal control sequences (CSI, OSC with its links, DCS, SOS, PM, APC, character set and other escapes) are removed
//!   whole, in their 7-bit form and as C1 characters. A sequence that does not end within its bound is not believed: only
//!   its introducer goes, the text after it stays.
//! * Other control characters (C0, DEL, C1) are removed, except tab and newline. CRLF becomes LF. A carriage return
//!   elsewhere, which a terminal would use to overwrite the line, is shown as `\r`.
//! * Characters that reorder text or cannot be seen (bidi controls, zero width, tags, variation selectors, line and
//!   paragraph separators, fillers) are shown as `\u{202e}`. One U+FE0E or U+FE0F directly after a visible character that
//!   has such variants is kept: emoji use it. A zero-width joiner is always shown, also inside emoji.
//!
//! The functions are pure and linear in their input.

use std::borrow::Cow;
use std::fmt::Write as _;

/// The longest CSI or character set sequence that is believed, in bytes.
const CONTROL_MAX: usize = 128;
/// The longest string sequence (OSC, DCS, …) that is believed, in bytes.
const STRING_MAX: usize = 4096;

/// Cleans `bytes` as a text of several lines.
#[must_use]
pub fn block(bytes: &[u8]) -> String {
    block_cow(bytes).into_owned()
}

/// As [`block`]; borrowed when there is nothing to do.
#[must_use]
pub fn block_cow(bytes: &[u8]) -> Cow<'_, str> {
    match String::from_utf8_lossy(bytes) {
        Cow::Borrowed(text) => clean(text),
        Cow::Owned(text) => match clean(&text) {
            Cow::Borrowed(_) => Cow::Owned(text),
            Cow::Owned(cleaned) => Cow::Owned(cleaned),
        },
    }
}

/// As [`block`] for text that is UTF-8 already; borrowed when there is nothing to do.
#[must_use]
pub fn clean(text: &str) -> Cow<'_, str> {
    let mut units = Units::new(text);
    let mut out: Option<String> = None;
    let mut copied = 0;
    while let Some((at, unit)) = units.next_change() {
        let out = out.get_or_insert_with(|| String::with_capacity(text.len()));
        out.push_str(text.get(copied..at).unwrap_or_default());
        match unit {
            Unit::Nothing => {}
            Unit::Returns(count) => out.push_str(&"\\r".repeat(count)),
            Unit::Code(c) => push_code(out, c),
        }
        copied = units.at;
    }
    match out {
        None => Cow::Borrowed(text),
        Some(mut out) => {
            out.push_str(text.get(copied..).unwrap_or_default());
            Cow::Owned(out)
        }
    }
}

/// Cleans `text` as one line: as [`block`], with newline and tab shown as `\n` and `\t`.
///
/// At most `max_chars` characters of the result are kept, never a part of an escape; what was left out is counted in
/// characters of the result: `…(+N chars)`. That note comes on top of `max_chars`.
#[must_use]
pub fn inline(text: &str, max_chars: usize) -> String {
    let cleaned = clean(text);
    let mut out = String::with_capacity(cleaned.len().min(max_chars.saturating_mul(4)).saturating_add(24));
    let (mut kept, mut left, mut rest) = (0_usize, 0_usize, cleaned.as_ref());
    while let Some(c) = rest.chars().next() {
        let piece = match c {
            '\\' => escape_len(rest),
            _ => c.len_utf8(),
        };
        let (head, tail) = rest.split_at_checked(piece).unwrap_or((rest, ""));
        let shown = match c {
            '\n' => "\\n",
            '\t' => "\\t",
            _ => head,
        };
        let width = if shown.is_ascii() { shown.len() } else { 1 };
        if left > 0 || kept + width > max_chars {
            left += width;
        } else {
            kept += width;
            out.push_str(shown);
        }
        rest = tail;
    }
    if left > 0 {
        let _ = write!(out, "…(+{left} chars)");
    }
    out
}

/// The length of the escape at the start of `text`, which begins with a backslash; 1 when it is just a backslash.
fn escape_len(text: &str) -> usize {
    if let Some(code) = text.strip_prefix("\\u{") {
        let hex = code.bytes().take(7).take_while(u8::is_ascii_hexdigit).count();
        if (1..=6).contains(&hex) && code.as_bytes().get(hex) == Some(&b'}') {
            return hex + 4;
        }
    }
    if text.as_bytes().get(1).is_some_and(|b| matches!(b, b'r' | b'n' | b't')) { 2 } else { 1 }
}

fn push_code(out: &mut String, c: char) {
    let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
}

/// What takes the place of a piece of the input.
enum Unit {
    Nothing,
    /// That many carriage returns, shown.
    Returns(usize),
    Code(char),
}

/// Walks a text from one piece that has to change to the next.
struct Units<'a> {
    text: &'a str,
    /// Just after the last piece.
    at: usize,
}

impl<'a> Units<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// The next piece that changes: where it begins, and what takes its place. `self.at` is its end.
    fn next_change(&mut self) -> Option<(usize, Unit)> {
        let bytes = self.text.as_bytes();
        let mut i = self.at;
        loop {
            // Printable ASCII, tab and newline are by far the most of any text.
            i += bytes.get(i..)?.iter().position(|&b| !matches!(b, b' '..=b'~' | b'\n' | b'\t'))?;
            let c = self.text.get(i..)?.chars().next()?;
            let after = i + c.len_utf8();
            let (end, unit) = match c {
                '\r' => {
                    let count = bytes.get(i..)?.iter().take_while(|&&b| b == b'\r').count();
                    let unit = if bytes.get(i + count) == Some(&b'\n') { Unit::Nothing } else { Unit::Returns(count) };
                    (i + count, unit)
                }
                '\u{1b}' => (escape_end(bytes, after), Unit::Nothing),
                '\u{80}'..='\u{9f}' => (c1_end(bytes, c, after), Unit::Nothing),
                _ if c.is_ascii() => (after, Unit::Nothing),
                '\u{fe0e}' | '\u{fe0f}' if self.has_variants_before(i) => {
                    i = after;
                    continue;
                }
                _ if invisible(c) => (after, Unit::Code(c)),
                _ => {
                    i = after;
                    continue;
                }
            };
            self.at = end;
            return Some((i, unit));
        }
    }

    /// Whether the character before `i` is one that emoji and text variants exist for.
    fn has_variants_before(&self, i: usize) -> bool {
        // A piece that was removed or escaped just before stands between.
        if i == self.at {
            return false;
        }
        self.text.get(..i).and_then(|t| t.chars().next_back()).is_some_and(|c| match c {
            '0'..='9' | '#' | '*' | '\u{a9}' | '\u{ae}' => true,
            _ => ('\u{203c}'..='\u{3299}').contains(&c) || ('\u{1f000}'..='\u{1faff}').contains(&c),
        })
    }
}

/// The end of the sequence whose ESC ends at `at`.
fn escape_end(bytes: &[u8], at: usize) -> usize {
    match bytes.get(at) {
        Some(b'[') => csi_end(bytes, at + 1).unwrap_or(at),
        Some(b']' | b'P' | b'X' | b'^' | b'_') => string_end(bytes, at + 1).unwrap_or(at),
        _ => {
            let intermediates = run(bytes, at, |b| matches!(b, 0x20..=0x2f));
            match bytes.get(intermediates) {
                Some(0x30..=0x7e) if intermediates - at < CONTROL_MAX => intermediates + 1,
                _ => at,
            }
        }
    }
}

/// The end of the sequence whose C1 introducer `c` ends at `at`; any other C1 character is removed by itself.
fn c1_end(bytes: &[u8], c: char, at: usize) -> usize {
    match c {
        '\u{9b}' => csi_end(bytes, at).unwrap_or(at),
        '\u{90}' | '\u{98}' | '\u{9d}'..='\u{9f}' => string_end(bytes, at).unwrap_or(at),
        _ => at,
    }
}

/// The end of the run of `class` that begins at `from`, at most [`CONTROL_MAX`] on.
fn run(bytes: &[u8], from: usize, class: fn(u8) -> bool) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    from + rest.iter().take(CONTROL_MAX).take_while(|&&b| class(b)).count()
}

/// The end of a CSI sequence after its introducer: parameters, intermediates, a final byte.
fn csi_end(bytes: &[u8], from: usize) -> Option<usize> {
    let params = run(bytes, from, |b| matches!(b, 0x30..=0x3f));
    let intermediates = run(bytes, params, |b| matches!(b, 0x20..=0x2f));
    matches!(bytes.get(intermediates), Some(0x40..=0x7e)).then_some(intermediates + 1)
}

/// The end of a string sequence after its introducer, at BEL, `ESC \` or U+009C. Other controls break it off.
fn string_end(bytes: &[u8], from: usize) -> Option<usize> {
    let rest = bytes.get(from..)?;
    let rest = rest.get(..rest.len().min(STRING_MAX))?;
    let pairs = rest.iter().zip(rest.iter().skip(1).chain(&[0]));
    for (n, (&b, &next)) in pairs.enumerate() {
        match (b, next) {
            (0x07, _) => return Some(from + n + 1),
            (0x1b, b'\\') | (0xc2, 0x9c) => return Some(from + n + 2),
            (b'\t', _) => {}
            (0..=0x1f | 0x7f, _) | (0xc2, 0x80..=0x9f) => return None,
            _ => {}
        }
    }
    None
}

/// Whether `c` reorders text, or cannot be seen though it is there.
fn invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

#[cfg(test)]
mod tests;
