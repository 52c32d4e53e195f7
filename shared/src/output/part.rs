//! A page of a text that is too long to be held, or even produced, as a whole.
//!
//! Pages of such a text are counted in its own lines, as they were before cleaning: those can be counted without making the
//! text. Cleaning can turn several lines into one (a private key is one secret), so each unit knows where in the text it ends.

use super::lines::pieces;
use crate::{cursor::Page, untrusted::Untrusted};

/// Bits of a cursor's offset that hold the line.
const LINE_BITS: u32 = 40;
/// Bits that hold the piece of the line.
const PIECE_BITS: u32 = 23;
/// Set in every cursor into a text, so that a page at its very beginning differs from a call without a cursor.
const GOES_ON: u64 = 1 << (LINE_BITS + PIECE_BITS);

/// A place in a text: so many lines before it, and so many pieces of a line that is shown in several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Whole lines before the place.
    pub line: u64,
    /// Pieces of that line before the place.
    pub(super) piece: u64,
    /// Whether a cursor led here.
    pub goes_on: bool,
}

impl Place {
    /// Where `page` begins.
    pub fn of(page: &Page) -> Self {
        let mask = |bits: u32| (1 << bits) - 1;
        Self {
            line: page.offset & mask(LINE_BITS),
            piece: page.offset >> LINE_BITS & mask(PIECE_BITS),
            goes_on: page.offset & GOES_ON != 0,
        }
    }

    pub(super) fn offset(self) -> u64 {
        self.line | self.piece << LINE_BITS | GOES_ON
    }
}

/// What is at hand of a text.
#[derive(Clone, Copy, Debug, Default)]
pub struct Part<'a> {
    /// Lines that tell the reader where the page begins; they are not counted.
    pub heading: &'a [u8],
    /// The lines just before the page. They are not shown: they let a secret be recognised that began in them.
    pub before: &'a [u8],
    /// The lines from the page's place on: as many as a page can hold, or all that are left.
    pub bytes: &'a [u8],
    /// Lines of the whole text.
    pub total: u64,
}

/// The units of `part` from `start` on, and where each ends.
pub(super) fn units(part: &Part<'_>, start: Place) -> (Vec<String>, Vec<Place>) {
    let mut raw: Vec<&[u8]> = lines(part.before).collect();
    let hidden = raw.len() as u64;
    raw.extend(lines(part.bytes));
    let mut whole = raw.join(&b'\n');
    if !raw.is_empty() {
        whole.push(b'\n');
    }
    let cleaned = Untrusted::block(&whole).into_string();
    let cleaned: Vec<&str> = cleaned.lines().collect();

    let (mut units, mut ends) = (Vec::new(), Vec::new());
    for (text, end) in aligned(&raw, &cleaned) {
        // What ends before the page is not on it; what begins before and ends on it is one secret.
        if end as u64 <= hidden {
            continue;
        }
        let line = start.line + end as u64 - hidden;
        let first = units.len();
        let mut piece = 0;
        let skip = if line == start.line + 1 { start.piece } else { 0 };
        pieces(text, |unit| {
            piece += 1;
            if piece > skip {
                units.push(unit);
                ends.push(Place { line: line - 1, piece, goes_on: true });
            }
        });
        // The last piece ends its line; a line that was shown to its end before has none left.
        match ends.last_mut() {
            Some(last) if units.len() > first => *last = Place { line, piece: 0, goes_on: true },
            _ => {
                units.push(String::new());
                ends.push(Place { line, piece: 0, goes_on: true });
            }
        }
    }
    (units, ends)
}

fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let text = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    text.split(|byte| *byte == b'\n').take(if bytes.is_empty() { 0 } else { usize::MAX })
}

/// Each cleaned line with how many raw lines end where it ends.
fn aligned<'c>(raw: &[&[u8]], cleaned: &[&'c str]) -> Vec<(&'c str, usize)> {
    if raw.len() == cleaned.len() {
        return cleaned.iter().copied().zip(1..).collect();
    }
    // Something that spans lines was masked. The lines around it are the same by themselves; what lies between is one unit.
    let alone: Vec<String> =
        raw.iter().map(|line| Untrusted::block(&[line, &b"\n"[..]].concat()).into_string()).collect();
    let same = |at: usize, text: &str| alone.get(at).is_some_and(|line| line.trim_end_matches('\n') == text);
    let mut out: Vec<(&str, usize)> = Vec::new();
    let mut at = 0;
    for (index, &text) in cleaned.iter().enumerate() {
        let spare = (raw.len() - at.min(raw.len())).saturating_sub(cleaned.len() - index);
        if same(at, text) || spare == 0 {
            at += 1;
        } else {
            // It ends where the lines after it fit again: the most lines swallowed that leave one for each of the others.
            let after = &cleaned[index + 1..];
            let fits = |end: &usize| after.iter().take(3).enumerate().all(|(n, text)| same(end + n, text));
            at = (at + 2..=at + 1 + spare).find(fits).unwrap_or(at + 1 + spare);
        }
        out.push((text, at.min(raw.len())));
    }
    if let Some(last) = out.last_mut() {
        last.1 = raw.len();
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masked_lines_are_one_unit_that_ends_where_they_do() {
        let raw: Vec<&[u8]> = vec![b"a", b"BEGIN", b"x", b"END", b"b", b"c"];
        assert_eq!(aligned(&raw, &["a", "[mask]", "b", "c"]), [("a", 1), ("[mask]", 4), ("b", 5), ("c", 6)]);
        assert_eq!(aligned(&raw, &["a", "[mask]"]), [("a", 1), ("[mask]", 6)]);
        assert_eq!(aligned(&raw, &["[mask]", "c"]), [("[mask]", 5), ("c", 6)]);
    }

    #[test]
    fn every_line_is_shown_once_whatever_the_size_of_pages() {
        let text: Vec<u8> = (0..50).flat_map(|n| format!("{n} {}\n", "word ".repeat(n * 7)).into_bytes()).collect();
        let all: Vec<&[u8]> = lines(&text).collect();
        for step in [1, 2, 7] {
            let mut place = Place::default();
            let mut shown = String::new();
            while place.line < 50 {
                let here = place.line as usize;
                let before = all[here.saturating_sub(3)..here].join(&b'\n');
                let bytes = all[here..].join(&b'\n');
                let part = Part { heading: b"", before: &before, bytes: &bytes, total: 50 };
                let (units, ends) = units(&part, place);
                let taken = step.min(units.len());
                for (unit, end) in units.iter().zip(&ends).take(taken) {
                    shown.push_str(unit.trim_end_matches("⏎…"));
                    if end.piece == 0 {
                        shown.push('\n');
                    }
                }
                place = ends[taken - 1];
            }
            assert_eq!(shown.as_bytes(), text, "{step}");
        }
    }
}
