//! A long text that passes by, of which one page is held.

use std::collections::VecDeque;

use shared::{Lines, Page, Part, Place, exec::Line, output::Budget};

/// The longest line.
pub const LINE_MAX: usize = 64 << 10;
/// The most bytes that are kept: as much as the largest answer shows.
const KEPT: usize = Budget::BYTES_MAX;
/// Lines before the page that are looked at, so that a secret of several lines is known by its beginning.
const BEFORE: usize = 60;

/// Takes a text in line by line.
pub struct Passage {
    page: Page,
    from: u64,
    before: VecDeque<Vec<u8>>,
    bytes: Vec<u8>,
    total: u64,
}

impl Passage {
    /// Keeps lines from `page` on.
    pub fn new(page: Page) -> Self {
        Self { page, from: Place::of(&page).line, before: VecDeque::new(), bytes: Vec::new(), total: 0 }
    }

    /// Takes a line.
    pub fn line(&mut self, line: Line<'_>) {
        self.take(line.bytes, line.omitted);
    }

    /// Takes a line that is here.
    pub fn take(&mut self, bytes: &[u8], omitted: u64) {
        self.total += 1;
        if self.total <= self.from {
            if self.before.len() >= BEFORE {
                self.before.pop_front();
            }
            self.before.push_back(bytes.to_vec());
        } else if self.bytes.len() <= KEPT {
            self.bytes.extend_from_slice(bytes);
            if omitted > 0 {
                self.bytes.extend_from_slice(format!("…(+{omitted} bytes)").as_bytes());
            }
            self.bytes.push(b'\n');
        }
    }

    /// Lines that were seen.
    pub fn seen(&self) -> u64 {
        self.total
    }

    /// The page.
    pub fn finish(mut self) -> Lines {
        let before = self.before.make_contiguous().join(&b'\n');
        let part = Part { heading: b"", before: &before, bytes: &self.bytes, total: self.total };
        Lines::part("lines", &part, self.page)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(line: u64) -> Passage {
        let mut page = Page::default();
        page.offset = line;
        Passage::new(page)
    }

    #[test]
    fn no_more_is_kept_than_an_answer_shows_and_what_is_cut_says_so() {
        let mut passage = from(500);
        for _ in 0..2000 {
            passage.line(Line { bytes: &[b'x'; 1000], omitted: 7 });
        }
        assert!(passage.bytes.len() <= KEPT + 2000 && passage.before.len() == BEFORE);
        assert!(passage.bytes.starts_with(format!("{}…(+7 bytes)\n", "x".repeat(1000)).as_bytes()));
        assert_eq!(passage.seen(), 2000);
    }

    #[test]
    fn a_key_that_began_before_the_page_is_masked_on_it() {
        let mut passage = from(2);
        for line in [
            "-----BEGIN PRIVATE KEY-----",
            "MIIEvQIBADANBgkq",
            "c2VjcmV0c2VjcmV0",
            "-----END PRIVATE KEY-----",
            "after",
        ] {
            passage.take(line.as_bytes(), 0);
        }
        let shown = serde_json::to_string(&passage.finish()).unwrap();
        assert!(!shown.contains("c2VjcmV0") && shown.contains("after"), "{shown}");
    }
}
