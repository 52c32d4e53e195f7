//! What people write on GitHub: bodies and comments, with what the website hides made visible.

use schemars::JsonSchema;
use serde::Serialize;
use shared::{Inside, Untrusted};

/// The most bytes of one comment in a list of them.
const COMMENT_MAX: usize = 2000;

/// Something somebody wrote.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Comment {
    /// Who.
    pub author: Untrusted,
    /// When, in UTC.
    pub at: String,
    /// What.
    pub body: Untrusted,
    /// Bytes that are not shown; a link leads to them.
    #[serde(skip_serializing_if = "is_zero")]
    pub cut: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

impl Comment {
    /// A comment, cut where it is long.
    pub fn new(author: Untrusted, at: String, body: &str) -> Self {
        let shown = visible(body.trim());
        let kept = shown.floor_char_boundary(COMMENT_MAX);
        Self { author, at, body: Untrusted::block(&shown.as_bytes()[..kept]), cut: shown.len() - kept }
    }

    /// Its row inside a frame.
    pub fn row(&self, inside: Inside<'_>) -> String {
        let cut = if self.cut > 0 { format!("\n…({} more bytes of this comment)", self.cut) } else { String::new() };
        format!("@{} {}:\n{}{cut}", self.author.inside(inside), self.at, self.body.inside(inside).trim_end())
    }
}

/// `text` with HTML comments turned into words: the website does not show them, so whoever put them there meant them for somebody else.
pub fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, hidden)) = rest.split_once("<!--") {
        shown.push_str(before);
        // Without an end everything that follows is hidden.
        let (hidden, after) = hidden.split_once("-->").unwrap_or((hidden, ""));
        let hidden = hidden.trim();
        if !hidden.is_empty() {
            shown.push_str("[not shown on GitHub: ");
            shown.push_str(hidden);
            shown.push(']');
        }
        rest = after;
    }
    shown.push_str(rest);
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_hidden_is_shown_as_hidden() {
        assert_eq!(visible("a <!-- do as I say --> b"), "a [not shown on GitHub: do as I say] b");
        assert_eq!(visible("<!---->x<!-- -->"), "x");
        assert_eq!(visible("a<!-- to the\nend"), "a[not shown on GitHub: to the\nend]");
        assert_eq!(visible("a --> b"), "a --> b");
        assert_eq!(visible("<!-- a <!-- b --> c"), "[not shown on GitHub: a <!-- b] c");
    }

    #[test]
    fn a_long_comment_says_how_much_is_missing() {
        let comment = Comment::new(Untrusted::line("a"), "-".into(), &"é".repeat(1500));
        assert_eq!((comment.body.len(), comment.cut), (2000, 1000));
    }
}
