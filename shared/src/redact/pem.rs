//! Private key blocks: PEM in every spelling, PEM inside base64, `PuTTY` files.

use super::scan::{Hit, Scan, base64, blank, decode_base64};

/// The kind of every hit here.
pub(super) const KIND: &str = "private-key";
/// How far after a BEGIN line its key is looked for, past headers and log prefixes.
const WINDOW: usize = 512;

/// The end of the marker whose label begins at `label`, when the label names a private key.
fn private_label(scan: &Scan<'_>, label: usize) -> Option<usize> {
    let text = scan.slice(label, label + 64);
    let len = text.windows(4).position(|w| w == b"----")?;
    let name = text.get(..len)?;
    let plain = name.iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || matches!(b, b' ' | b'-'));
    (plain && name.windows(11).any(|w| w == b"PRIVATE KEY")).then(|| scan.run_within(label + len, |b| b == b'-', 5))
}

/// Whether key material follows a BEGIN marker. Source code that merely names the marker has none.
fn has_material(scan: &Scan<'_>, from: usize) -> bool {
    let first = scan.skip_breaks(from);
    let run = scan.run_within(first, base64, 64);
    if run - first >= 16 || (run == scan.len() && run > first) {
        return true;
    }
    scan.slice(from, from + WINDOW).split(|&b| !base64(b)).any(|piece| {
        piece.len() >= 40
            && piece.iter().any(u8::is_ascii_digit)
            && piece.iter().any(u8::is_ascii_uppercase)
            && piece.iter().any(u8::is_ascii_lowercase)
    })
}

/// At `-----BEGIN `: to the matching END, or to the end of the text when there is none.
pub(super) fn block(scan: &mut Scan<'_>, start: usize, end: usize) -> Option<Hit> {
    if scan.before(end, 2) != b'N' {
        return None;
    }
    let body = private_label(scan, end)?;
    if !has_material(scan, body) {
        return None;
    }
    let mut from = body;
    let close = loop {
        let rest = scan.slice(from, scan.len());
        let Some(label) = rest.windows(4).position(|w| w == b"END ").map(|p| from + p + 4) else {
            break scan.len();
        };
        let marker = scan.before(label, 5) == b'-' || (scan.before(label, 5) == b' ' && scan.before(label, 6) == b'-');
        match private_label(scan, label) {
            Some(end) if marker => break end,
            _ => from = label,
        }
    };
    Some(Hit { start, end: close, kind: KIND })
}

/// At the base64 of `-----BEGIN `, as in `client-key-data:` of a kubeconfig. Wrapped base64 is followed over its lines.
pub(super) fn base64_block(scan: &mut Scan<'_>, start: usize, end: usize) -> Option<Hit> {
    if scan.slice(start, end) != b"LS0tLS1CRUdJTi" {
        return None;
    }
    let head = decode_base64(scan.slice(start, start + 96));
    let label = head.strip_prefix(b"-----BEGIN ")?;
    let label = label.get(..label.windows(5).position(|w| w == b"-----")?)?;
    if !label.windows(11).any(|w| w == b"PRIVATE KEY") {
        return None;
    }
    let end = scan.run(start, base64);
    let width = end - start;
    // Base64 on one line is long; what follows it is no part of it.
    let end = if width <= 128 { wrapped_end(scan, end, width) } else { end };
    Some(Hit { start, end, kind: KIND })
}

/// The end of base64 wrapped at `width` whose first line ends at `end`.
fn wrapped_end(scan: &Scan<'_>, mut end: usize, width: usize) -> usize {
    loop {
        let line = scan.skip_breaks(end);
        let next = scan.run_within(line, base64, width);
        let after = scan.at(next);
        let closed = next == scan.len() || !after.is_ascii_graphic() || matches!(after, b'\\' | b'"' | b'\'');
        if line == end || next == line || !closed {
            return end;
        }
        end = next;
        if next - line < width {
            return end;
        }
    }
}

/// At `Private-Lines:` of a `PuTTY` key file: the lines it announces.
pub(super) fn putty(scan: &mut Scan<'_>, _start: usize, end: usize) -> Option<Hit> {
    let digits = scan.run_within(end, blank, 4);
    let after = scan.run_within(digits, |b| b.is_ascii_digit(), 4);
    let count: usize = std::str::from_utf8(scan.slice(digits, after)).ok()?.parse().ok()?;
    let start = scan.skip_breaks(after);
    let mut last = start;
    let mut next = start;
    for _ in 0..count {
        let run = scan.run_within(next, base64, 256);
        if run == next {
            break;
        }
        last = run;
        next = scan.skip_breaks(run);
    }
    (start > after && last > start).then_some(Hit { start, end: last, kind: KIND })
}
