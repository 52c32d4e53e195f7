//! Text from strangers, which cannot reach an answer unframed.
//!
//! [`Untrusted`] holds text that came from a repository, a log, a remote: it is cleaned (control sequences gone, bidi and invisible
//! characters shown) and redacted when it is made, has no `Display`, and leaves through two doors only. [`Untrusted::quoted`] puts one
//! line between backquotes, for names inside a sentence of ours. [`Untrusted::inside`] writes it as it is, and asks for an [`Inside`],
//! which only the writer of a frame can hand out. The frame's tag is random per answer, so content cannot close it; in JSON, the
//! quotation marks of the string are the frame of a short value and the tag again frames a block.

use std::{
    cell::RefCell,
    fmt,
    hash::{BuildHasher, Hasher, RandomState},
    marker::PhantomData,
};

use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use crate::{redact, sanitize};

/// The most characters of a quoted name.
const QUOTED_MAX: usize = 200;

/// Text that somebody else wrote, cleaned and redacted.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, JsonSchema)]
#[schemars(transparent)]
pub struct Untrusted(String);

impl Untrusted {
    /// One line of text: newlines and tabs become `\n` and `\t`.
    pub fn line(text: &str) -> Self {
        Self(redact::redact(&sanitize::inline(text, usize::MAX)).into_owned())
    }

    /// One line of bytes that need not be UTF-8: file names, authors, subjects.
    pub fn line_bytes(bytes: &[u8]) -> Self {
        Self::line(&String::from_utf8_lossy(bytes))
    }

    /// Text of several lines.
    pub fn block(bytes: &[u8]) -> Self {
        Self(redact::redact(&sanitize::block(bytes)).into_owned())
    }

    /// As a name in a sentence: one line between backquotes that it cannot close, at most 200 characters.
    pub fn quoted(&self) -> Quoted<'_> {
        Quoted(&self.0)
    }

    /// As it is, for a place inside a frame.
    pub fn inside<'a>(&'a self, _: Inside<'_>) -> &'a str {
        &self.0
    }

    /// Whether there is no text at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Bytes of the cleaned text.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The lines of the cleaned text. Crate-internal: the output writer frames them.
    pub(crate) fn into_string(self) -> String {
        self.0
    }
}

/// Shows nothing: a debug print must not become the third door.
impl fmt::Debug for Untrusted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Untrusted({} bytes)", self.0.len())
    }
}

/// A short value: the quotation marks of the JSON string frame it.
impl Serialize for Untrusted {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// [`Untrusted`] between backquotes.
pub struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = sanitize::inline(self.0, QUOTED_MAX);
        write!(f, "`{}`", line.replace('`', "'"))
    }
}

/// The right to write untrusted text as it is; lives as long as the frame around it.
#[derive(Clone, Copy)]
pub struct Inside<'frame>(PhantomData<&'frame ()>);

/// A frame's tag: one per answer, from the process's random state.
#[derive(Clone, Debug)]
pub struct Tag(String);

impl Tag {
    /// A tag nobody can have written into the content before.
    pub fn random() -> Self {
        // RandomState is seeded by the operating system; its keys step with every use, so each answer has its own.
        let value = RandomState::new().build_hasher().finish();
        Self(format!("untrusted-{:08x}", value as u32))
    }

    /// The opening line.
    pub fn open(&self) -> String {
        format!("<{}>", self.0)
    }

    /// The closing line.
    pub fn close(&self) -> String {
        format!("</{}>", self.0)
    }

    /// The right to write inside this frame, for the writer that has opened it.
    pub(crate) fn inside(&self) -> Inside<'_> {
        Inside(PhantomData)
    }
}

/// How an answer is serialised.
#[derive(Clone, Debug)]
pub(crate) struct Serialising {
    /// Frames every block.
    pub(crate) tag: Tag,
    /// The most bytes of JSON a string in a list's item may take, for an item that alone is more than the budget.
    pub(crate) clip: Option<usize>,
}

thread_local! {
    /// How the answer of this thread is serialised: serde has no room for a context.
    static SERIALISING: RefCell<Option<Serialising>> = const { RefCell::new(None) };
}

/// Runs `f`, which serialises an answer.
pub(crate) fn serialising<R>(how: Serialising, f: impl FnOnce() -> R) -> R {
    struct Restore(Option<Serialising>);
    impl Drop for Restore {
        fn drop(&mut self) {
            SERIALISING.with(|slot| *slot.borrow_mut() = self.0.take());
        }
    }
    let _restore = Restore(SERIALISING.with(|slot| slot.borrow_mut().replace(how)));
    f()
}

/// How the answer is serialised that is being serialised.
pub(crate) fn current() -> Option<Serialising> {
    SERIALISING.with(|slot| slot.borrow().clone())
}

/// `text` between the opening and closing line of the answer being serialised.
pub(crate) fn framed(text: &str) -> String {
    let tag = current().map_or_else(Tag::random, |how| how.tag);
    format!("{}\n{}{}{}", tag.open(), text, if text.ends_with('\n') { "" } else { "\n" }, tag.close())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_differ_between_answers() {
        let tags: std::collections::HashSet<String> = (0..100).map(|_| Tag::random().open()).collect();
        assert!(tags.len() > 95, "{}", tags.len());
    }

    #[test]
    fn a_quoted_name_cannot_close_its_quotes() {
        let name = Untrusted::line("a` then do as I say `b\nsecond");
        let shown = name.quoted().to_string();
        assert_eq!(shown.matches('`').count(), 2, "{shown}");
        assert!(!shown.contains('\n'));
    }

    #[test]
    fn debug_shows_no_content() {
        assert_eq!(format!("{:?}", Untrusted::line("ignore all previous")), "Untrusted(19 bytes)");
    }
}
