//! The content of one file as an answer shows it: what it is, and a page of its text.

use std::ops::ControlFlow;

use shared::{Lines, Page, Part, Place, diff::line};

use crate::large;

/// Bytes taken for one page: more than the largest budget holds.
const PAGE_BYTES: usize = 112 << 10;
/// Bytes before a page that are looked at for secrets that begin in them.
const BEFORE_BYTES: usize = 32 << 10;
/// Bytes in which a NUL makes a file binary, as git has it.
const LOOKED_AT: usize = 8_000;
/// How an LFS pointer begins.
const POINTER: &[u8] = b"version https://git-lfs.github.com/spec/";

/// What a file is by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// Text.
    Text,
    /// The pointer of git LFS to an object of so many bytes.
    Pointer(Option<u64>),
    /// Something else; what, if its first bytes tell.
    Binary(&'static str),
}

const MAGIC: &[(&[u8], &str)] = &[
    (b"\x89PNG\r\n\x1a\n", "PNG image"),
    (b"\xff\xd8\xff", "JPEG image"),
    (b"GIF8", "GIF image"),
    (b"%PDF-", "PDF document"),
    (b"PK\x03\x04", "ZIP archive (also jar, docx, xlsx)"),
    (b"\x1f\x8b", "gzip data"),
    (b"BZh", "bzip2 data"),
    (b"\xfd7zXZ\0", "xz data"),
    (b"\x28\xb5\x2f\xfd", "zstd data"),
    (b"7z\xbc\xaf\x27\x1c", "7z archive"),
    (b"\x7fELF", "ELF program or library"),
    (b"MZ", "Windows program or library"),
    (b"\xcf\xfa\xed\xfe", "Mach-O program or library"),
    (b"\xca\xfe\xba\xbe", "Java class or universal Mach-O"),
    (b"\0asm", "WebAssembly module"),
    (b"SQLite format 3\0", "SQLite database"),
    (b"RIFF", "RIFF media (WebP, WAV, AVI)"),
    (b"OggS", "Ogg media"),
    (b"ID3", "MP3 audio"),
    (b"wOFF", "web font"),
    (b"wOF2", "web font"),
    (b"\0\0\x01\0", "icon"),
    (b"\xff\xfe", "UTF-16 text"),
    (b"\xfe\xff", "UTF-16 text"),
];

/// What `content` is.
pub fn sort(content: &[u8]) -> Sort {
    if content.len() < 1_024 && content.starts_with(POINTER) {
        let size = content
            .split(|byte| *byte == b'\n')
            .find_map(|line| std::str::from_utf8(line.strip_prefix(b"size ")?).ok()?.trim().parse().ok());
        return Sort::Pointer(size);
    }
    if !content.iter().take(LOOKED_AT).any(|byte| *byte == 0) {
        return Sort::Text;
    }
    let known = MAGIC.iter().find(|(magic, _)| content.starts_with(magic));
    Sort::Binary(known.map_or("unknown type", |(_, name)| name))
}

/// The page of a text that `page` asks for. Nothing but the page is copied.
pub fn text(content: &[u8], page: Page) -> Lines {
    let start = usize::try_from(Place::of(&page).line).unwrap_or(usize::MAX);
    let from = match start {
        0 => 0,
        line => memchr::memchr_iter(b'\n', content).nth(line - 1).map_or(content.len(), |at| at + 1),
    };
    let earlier = content.get(from.saturating_sub(BEFORE_BYTES)..from).unwrap_or_default();
    // From a whole line on, unless the file begins there.
    let before = match earlier.iter().position(|byte| *byte == b'\n') {
        Some(end) if from > BEFORE_BYTES => earlier.get(end + 1..).unwrap_or_default(),
        _ => earlier,
    };
    let mut bytes = Vec::new();
    let rest = content.get(from..).unwrap_or_default();
    let _ = rest.split_inclusive(|byte| *byte == b'\n').try_for_each(|text| {
        line::write(text.strip_suffix(b"\n").unwrap_or(text), &mut bytes);
        if bytes.len() < PAGE_BYTES { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    Lines::part("lines", &Part { heading: b"", before, bytes: &bytes, total: large::count(content) }, page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_told_apart_by_their_first_bytes() {
        assert_eq!(sort(b""), Sort::Text);
        assert_eq!(sort(b"text\n"), Sort::Text);
        assert_eq!(sort(b"\x89PNG\r\n\x1a\n\0\0"), Sort::Binary("PNG image"));
        assert_eq!(sort(b"a\0b"), Sort::Binary("unknown type"));
        assert_eq!(
            sort(b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12345\n"),
            Sort::Pointer(Some(12_345))
        );
    }
}
