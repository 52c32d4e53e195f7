//! Where a page of a list begins, when objects come and go between two pages: behind the object that the page before ended with.

use shared::{Code, Digest, Page, Result, ToolError};

/// Looks for the beginning of a page among objects that pass by.
#[derive(Debug)]
pub struct Follow {
    page: Page,
    begun: bool,
    seen: u64,
    before: u64,
}

impl Follow {
    /// Looks for the beginning of `page`.
    pub fn new(page: Page) -> Self {
        Self { begun: page.after().is_none() && page.offset == 0, page, seen: 0, before: 0 }
    }

    /// Whether the object that passes by now is on the page or behind it. `member` is what it is known by, where that is needed.
    pub fn passes(&mut self, member: impl FnOnce() -> Digest) -> bool {
        self.seen += 1;
        if self.begun {
            return true;
        }
        self.begun = match self.page.after() {
            Some(after) => after == member(),
            None => self.seen >= self.page.offset,
        };
        self.before = self.seen;
        false
    }

    /// Objects that have passed.
    pub fn seen(&self) -> u64 {
        self.seen
    }

    /// The page, with the place where it begins by now.
    pub fn page(&self) -> Result<Page> {
        if !self.begun && self.page.after().is_some() && self.seen > 0 {
            return Err(ToolError::new(Code::Conflict, "the object that the last page ended with is gone")
                .hint("leave the cursor out to start over, or raise budget"));
        }
        let mut page = self.page;
        if page.after().is_some() {
            page.offset = self.before;
        }
        Ok(page)
    }
}

/// What an object is known by: its kind, namespace and name.
pub fn member(words: &[&str]) -> Digest {
    Digest::of(words.join("\0").as_bytes())
}
