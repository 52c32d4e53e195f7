//! Cursors: where the next page of an answer starts.
//!
//! A cursor is opaque to the caller and needs no memory here: it carries the offset, a digest of the query it continues, and a digest
//! of the state the pages are cut from. Another query, or a state that has moved on, is told so instead of being answered with a page
//! that does not fit the one before.

use std::hash::{DefaultHasher, Hasher};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::error::{Result, ToolError};

/// Digest of a query or a state. Stable within one build of a server, which is as long as a cursor has to live.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Digest(u32);

impl Digest {
    /// The digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        let mut hasher = DefaultHasher::new();
        hasher.write(bytes);
        Self(hasher.finish() as u32)
    }

    /// As it stands in a cursor.
    pub(crate) fn to_bytes(self) -> [u8; 4] {
        self.0.to_be_bytes()
    }
}

/// One page of a query: where it starts, and what its successor's cursor is bound to. The default is the first page of no query, for tests of
/// what reads pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// Units before this page.
    pub offset: u64,
    query: Digest,
    state: Digest,
    /// Whether `state` is the member that the page before ended with.
    follows: bool,
}

impl Page {
    /// The page of a list whose members come and go while it is read. It begins behind the member that the page before it ended with,
    /// wherever that is by now: nothing is left out or shown twice because something was added before it.
    pub fn open_following(cursor: Option<&str>, query: Digest) -> Result<Self> {
        let Some(cursor) = cursor else { return Ok(Self { follows: true, ..Self::open(None, query, b"")? }) };
        let (offset, state) = Self::read(cursor, query)?;
        Ok(Self { offset, query, state, follows: true })
    }

    /// Whether pages follow members instead of counting places.
    pub fn follows(&self) -> bool {
        self.follows
    }

    /// The member behind which this page begins; nothing for a first page, and where places are counted.
    pub fn after(&self) -> Option<Digest> {
        (self.follows && self.offset > 0).then_some(self.state)
    }

    /// The cursor of the page that starts behind `last`, the member number `offset`.
    pub fn cursor_after(&self, offset: u64, last: Digest) -> String {
        Self { state: last, ..*self }.cursor(offset)
    }

    /// The page that `cursor` asks for, or the first one.
    ///
    /// `query` is everything that selects the result (tool and arguments without budget and cursor); `state` identifies what is read, so
    /// that a later page of something that changed is refused as stale.
    pub fn open(cursor: Option<&str>, query: Digest, state: &[u8]) -> Result<Self> {
        let state = Digest::of(state);
        let Some(cursor) = cursor else { return Ok(Self { offset: 0, query, state, follows: false }) };
        let (offset, made_from) = Self::read(cursor, query)?;
        if made_from != state {
            return Err(ToolError::invalid("`cursor` is stale: what it was made from has changed since")
                .hint("leave the cursor out to start over"));
        }
        Ok(Self { offset, query, state, follows: false })
    }

    /// Offset and state of a cursor of this query.
    fn read(cursor: &str, query: Digest) -> Result<(u64, Digest)> {
        let unreadable = || {
            ToolError::invalid("`cursor` is not one this server made")
                .hint("pass the cursor of the last answer unchanged, or leave it out to start over")
        };
        let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| unreadable())?;
        let bytes: [u8; 16] = bytes.try_into().map_err(|_| unreadable())?;
        let word = |at: usize| u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        if word(8) != query.0 {
            return Err(ToolError::invalid("`cursor` belongs to a call with other arguments")
                .hint("repeat the arguments of the call that gave the cursor, or leave the cursor out"));
        }
        Ok((u64::from(word(0)) << 32 | u64::from(word(4)), Digest(word(12))))
    }

    /// The cursor of the page that starts after `offset` units.
    pub fn cursor(&self, offset: u64) -> String {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&offset.to_be_bytes());
        bytes[8..12].copy_from_slice(&self.query.0.to_be_bytes());
        bytes[12..].copy_from_slice(&self.state.0.to_be_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;

    #[test]
    fn a_cursor_can_name_the_member_it_follows() {
        let query = Digest::of(b"kubectl_get {}");
        let first = Page::open_following(None, query).unwrap();
        assert_eq!((first.offset, first.after()), (0, None));
        let next = Page::open_following(Some(&first.cursor_after(7, Digest::of(b"web-6"))), query).unwrap();
        assert_eq!((next.offset, next.after()), (7, Some(Digest::of(b"web-6"))));
        assert!(Page::open_following(Some(&first.cursor_after(7, query)), Digest::of(b"other")).is_err());
        assert_eq!(Page::open(None, query, b"").unwrap().after(), None);
    }

    #[test]
    fn a_cursor_leads_on_and_only_where_it_was_made() {
        let query = Digest::of(b"git_log {}");
        let first = Page::open(None, query, b"head1").unwrap();
        assert_eq!(first.offset, 0);
        let cursor = first.cursor(5_000_000_000);
        assert_eq!(Page::open(Some(&cursor), query, b"head1").unwrap().offset, 5_000_000_000);

        let stale = Page::open(Some(&cursor), query, b"head2").unwrap_err();
        assert!(stale.message().contains("stale"), "{stale}");
        let other = Page::open(Some(&cursor), Digest::of(b"git_log {count}"), b"head1").unwrap_err();
        assert!(other.message().contains("other arguments"), "{other}");
        for junk in ["", "x", "AAAA", "not a cursor", "é"] {
            assert_eq!(Page::open(Some(junk), query, b"head1").unwrap_err().code(), Code::InvalidArgument);
        }
    }
}
