//! One line of a patch, as long as an answer can use it.

/// The longest line of a patch in bytes; what is longer is cut, and the cut says how much.
const LINE_MAX: usize = 32 << 10;

/// Appends `text`, the one line that it is, and a newline; what is longer than a line may be is cut, and the cut says how much.
pub fn write(text: &[u8], out: &mut Vec<u8>) {
    if text.len() > LINE_MAX {
        // Not inside a character: back over what continues one.
        let inside = |at: &usize| text.get(*at).is_none_or(|byte| byte & 0xc0 == 0x80);
        let end = (LINE_MAX - 4..LINE_MAX).rev().find(|at| !inside(at)).unwrap_or(LINE_MAX);
        out.extend_from_slice(text.get(..end).unwrap_or_default());
        out.extend_from_slice(format!("…(+{} bytes)", text.len() - end).as_bytes());
    } else {
        out.extend_from_slice(text);
    }
    out.push(b'\n');
}

/// The lines of `text` without their newlines; the last one need not have one.
pub(super) fn all(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split_inclusive(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\n").unwrap_or(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_beyond_all_measure_is_cut_between_characters() {
        let mut out = Vec::new();
        write("é".repeat(LINE_MAX).as_bytes(), &mut out);
        let text = String::from_utf8(out).unwrap();
        assert!(text.ends_with("é…(+32770 bytes)\n"), "{}", text.len());
    }

    #[test]
    fn every_line_is_one_with_and_without_a_newline_at_the_end() {
        let lines = |text: &'static [u8]| all(text).collect::<Vec<_>>();
        assert_eq!(lines(b""), [b""; 0]);
        assert_eq!(lines(b"\n"), [b""]);
        assert_eq!(lines(b"a\r\n\nb"), [&b"a\r"[..], b"", b"b"]);
    }
}
