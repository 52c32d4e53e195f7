//! A caller's word as a segment of a path or a value of a query: encoded, so that it can be nothing else.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use shared::{Result, ToolError, Untrusted};

/// What stays as it is: what RFC 3986 calls unreserved.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
/// The longest ref: GitHub takes no longer one.
const REF_MAX: usize = 255;

/// `text` with everything encoded that has a meaning in a URL.
pub fn encode(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// `pairs` as a query, with its question mark; nothing when there are none.
pub fn query<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut query = String::new();
    for (name, value) in pairs {
        query.push(if query.is_empty() { '?' } else { '&' });
        query.push_str(name);
        query.push('=');
        query.push_str(&encode(value));
    }
    query
}

/// A commit, branch or tag a caller named, by the rules of `git check-ref-format`.
///
/// # Errors
/// [`shared::Code::InvalidArgument`] for what git lets no ref be called.
pub fn reference<'a>(parameter: &str, given: &'a str) -> Result<&'a str> {
    let forbidden = |character: char| character.is_control() || " ~^:?*[\\".contains(character);
    let bad = given.is_empty()
        || given.len() > REF_MAX
        || given.contains(forbidden)
        || given.contains("..")
        || given.contains("@{")
        || given.split('/').any(|part| part.is_empty() || part.starts_with('.') || part.ends_with(".lock"))
        || given.starts_with('-')
        || given.ends_with('.');
    if bad {
        return Err(ToolError::invalid(format!("{parameter} {} is no name of a ref", Untrusted::line(given).quoted()))
            .hint("pass a branch (main), a tag, a commit id, or pull/12/head"));
    }
    Ok(given)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_stays_a_value() {
        assert_eq!(encode("feature/ü&x=1#?%2f"), "feature%2F%C3%BC%26x%3D1%23%3F%252f");
        assert_eq!(query([("head", "a:b c"), ("x", "")]), "?head=a%3Ab%20c&x=");
        assert_eq!(query([]), "");
    }

    #[test]
    fn a_ref_is_what_git_lets_be_one() {
        for good in ["main", "feature/x", "v1.2.3", "pull/12/head", "refs/heads/a-b", "héllo", "0123abc"] {
            assert!(reference("ref", good).is_ok(), "{good}");
        }
        let long = "x".repeat(256);
        for bad in [
            "", "-x", "a..b", "a b", "a\nb", "../x", "a//b", "/a", "a/", "a.lock", "HEAD~1", "a:b", "x@{1}", "a\0",
            &long,
        ] {
            assert!(reference("ref", bad).is_err(), "{bad:?}");
        }
    }
}
