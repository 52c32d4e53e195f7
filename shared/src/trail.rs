//! Cursors through a list that somebody else pages.
//!
//! Such a list is not counted in places: its server says, with each page, what the next one is called. A cursor here carries that name, how
//! many items of that page have been seen, and how many before them, and it is bound to its query as every cursor is. What the name may hold is for
//! whoever asks the server to judge: it comes back from a caller, so it is a stranger's word.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::{
    cursor::Digest,
    error::{Result, ToolError},
};

/// The longest name of a page.
const NAME_MAX: usize = 1024;
/// Bytes before the name: query, items before, items of the page.
const HEAD: usize = 4 + 8 + 4;

/// Where a call begins in a list that somebody else pages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trail {
    query: Digest,
    /// What the other side calls the page; empty for the first one.
    pub page: String,
    /// Items of that page that were seen before.
    pub skip: u32,
    /// Items shown before, on all pages.
    pub offset: u64,
}

impl Trail {
    /// The place that `cursor` names, or the beginning.
    ///
    /// # Errors
    /// [`crate::Code::InvalidArgument`] for a cursor that this server did not make, or that belongs to another query.
    pub fn open(cursor: Option<&str>, query: Digest) -> Result<Self> {
        let Some(cursor) = cursor else { return Ok(Self { query, ..Self::default() }) };
        let unreadable = || {
            ToolError::invalid("`cursor` is not one this server made")
                .hint("pass the cursor of the last answer unchanged, or leave it out to start over")
        };
        let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| unreadable())?;
        let (head, name) = bytes.split_at_checked(HEAD).ok_or_else(unreadable)?;
        let page = String::from_utf8(name.to_vec()).map_err(|_| unreadable())?;
        let (digest, counts) = head.split_at(4);
        let (offset, skip) = counts.split_at(8);
        if digest != query.to_bytes() {
            return Err(ToolError::invalid("`cursor` belongs to a call with other arguments")
                .hint("repeat the arguments of the call that gave the cursor, or leave the cursor out"));
        }
        if page.len() > NAME_MAX {
            return Err(unreadable());
        }
        Ok(Self {
            query,
            page,
            offset: u64::from_be_bytes(offset.try_into().map_err(|_| unreadable())?),
            skip: u32::from_be_bytes(skip.try_into().map_err(|_| unreadable())?),
        })
    }

    /// The cursor of what follows `skip` items of `page`, `offset` items having been shown in all.
    pub fn cursor(&self, page: &str, skip: u32, offset: u64) -> String {
        let mut bytes = Vec::with_capacity(HEAD + page.len());
        bytes.extend_from_slice(&self.query.to_bytes());
        bytes.extend_from_slice(&offset.to_be_bytes());
        bytes.extend_from_slice(&skip.to_be_bytes());
        bytes.extend_from_slice(page.as_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_leads_on_and_only_where_it_was_made() {
        let query = Digest::of(b"github_list_prs {}");
        let first = Trail::open(None, query).unwrap();
        assert_eq!((first.page.as_str(), first.skip, first.offset), ("", 0, 0));
        let cursor = first.cursor("after=Y3Vyc29y&page=2", 7, 107);
        let next = Trail::open(Some(&cursor), query).unwrap();
        assert_eq!((next.page.as_str(), next.skip, next.offset), ("after=Y3Vyc29y&page=2", 7, 107));
        let other = Trail::open(Some(&cursor), Digest::of(b"github_list_prs {state}")).unwrap_err();
        assert!(other.message().contains("other arguments"), "{other}");
    }

    #[test]
    fn what_is_no_cursor_is_refused() {
        let query = Digest::of(b"q");
        let long = Trail::open(None, query).unwrap().cursor(&"x".repeat(NAME_MAX + 1), 0, 0);
        let mut broken = query.to_bytes().to_vec();
        broken.extend_from_slice(&[0; 12]);
        broken.push(0xff);
        for junk in ["", "x", "AAAA", "not a cursor", "é", &long, &URL_SAFE_NO_PAD.encode(broken)] {
            assert!(Trail::open(Some(junk), query).is_err(), "{junk}");
        }
    }
}
