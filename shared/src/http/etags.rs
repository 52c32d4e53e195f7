//! Answers kept to be confirmed instead of sent again: what a server calls unchanged costs it little, and does not count against its limit.

use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};

/// Bytes of bodies kept in all.
const BYTES_MAX: usize = 4 << 20;
/// Bytes of one body that is kept.
const BODY_MAX: usize = 512 << 10;
/// Answers kept.
const ENTRIES_MAX: usize = 128;

/// An answer that was kept.
#[derive(Clone, Debug)]
pub struct Kept {
    /// The server's name for this state of the answer.
    pub tag: HeaderValue,
    /// The headers it came with.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

#[derive(Debug)]
struct Entry {
    key: String,
    kept: Kept,
}

/// The answers of one server and one identity. Bounded; what was used longest ago goes first.
#[derive(Debug, Default)]
pub struct Etags {
    /// The one used last stands last.
    entries: Mutex<Vec<Entry>>,
}

impl Etags {
    /// What was kept for `key`.
    pub fn get(&self, key: &str) -> Option<Kept> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let at = entries.iter().position(|entry| entry.key == key)?;
        let entry = entries.remove(at);
        let kept = entry.kept.clone();
        entries.push(entry);
        Some(kept)
    }

    /// Keeps an answer that has a tag and is not too large.
    pub fn keep(&self, key: String, headers: &HeaderMap, body: &Bytes) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|entry| entry.key != key);
        let Some(tag) = headers.get(http::header::ETAG) else { return };
        if body.len() > BODY_MAX {
            return;
        }
        entries.push(Entry { key, kept: Kept { tag: tag.clone(), headers: headers.clone(), body: body.clone() } });
        let mut bytes: usize = entries.iter().map(|entry| entry.kept.body.len()).sum();
        while bytes > BYTES_MAX || entries.len() > ENTRIES_MAX {
            bytes -= entries.remove(0).kept.body.len();
        }
    }

    /// Forgets all of it: what one identity was shown is not another's.
    pub fn clear(&self) {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tagged() -> HeaderMap {
        HeaderMap::from_iter([(http::header::ETAG, HeaderValue::from_static("W/\"1\""))])
    }

    #[test]
    fn what_has_a_tag_is_kept_until_there_is_too_much() {
        let etags = Etags::default();
        etags.keep("untagged".into(), &HeaderMap::new(), &Bytes::from_static(b"x"));
        assert!(etags.get("untagged").is_none());
        etags.keep("large".into(), &tagged(), &Bytes::from(vec![0; BODY_MAX + 1]));
        assert!(etags.get("large").is_none());
        for number in 0..=BYTES_MAX / BODY_MAX {
            etags.keep(format!("{number}"), &tagged(), &Bytes::from(vec![0; BODY_MAX]));
            // Used again and again, so it stays.
            assert!(etags.get("0").is_some());
        }
        assert!(etags.get("1").is_none());
        assert!(etags.get("2").is_some());
        etags.clear();
        assert!(etags.get("0").is_none());
    }

    #[test]
    fn an_answer_without_a_tag_takes_the_place_of_one_that_had_it() {
        let etags = Etags::default();
        etags.keep("a".into(), &tagged(), &Bytes::from_static(b"old"));
        etags.keep("a".into(), &HeaderMap::new(), &Bytes::from_static(b"new"));
        assert!(etags.get("a").is_none());
    }
}
