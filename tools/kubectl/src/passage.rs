//! A long text that passes by, of which one page is held.

use std::collections::VecDeque;

use shared::{Lines, Page, Part, Place, exec::Line, output::Budget};

/// The longest line.
pub const LINE_MAX: usize = 64 << 10;
/// The most bytes that are kept: as much as the largest answer shows.
const KEPT: usize = Budget::MAX as usize * 4;
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
