//! What a commit says, in UTF-8 and in the parts git cuts it into.

use std::borrow::Cow;

use git2::Commit;

/// `bytes` of `commit` in UTF-8, where its header names ISO-8859-1. Of other encodings the bytes are given as they are: git has
/// iconv for them, and they have all but died out.
pub fn decoded<'b>(commit: &Commit<'_>, bytes: &'b [u8]) -> Cow<'b, [u8]> {
    let latin = commit.message_encoding().ok().flatten().is_some_and(|name| {
        ["ISO-8859-1", "ISO8859-1", "LATIN1", "LATIN-1"].iter().any(|known| name.eq_ignore_ascii_case(known))
    });
    match bytes.is_ascii() || !latin {
        true => Cow::Borrowed(bytes),
        false => Cow::Owned(bytes.iter().map(|byte| char::from(*byte)).collect::<String>().into_bytes()),
    }
}

/// The whole message.
pub fn whole<'c>(commit: &'c Commit<'_>) -> Cow<'c, [u8]> {
    decoded(commit, commit.message_raw_bytes())
}

/// The subject: the first paragraph in one line.
pub fn subject(message: &[u8]) -> Vec<u8> {
    parts(message).0.join(&b' ')
}

/// What comes after the subject, without the blank lines around it.
pub fn body(message: &[u8]) -> &[u8] {
    parts(message).1
}

fn parts(message: &[u8]) -> (Vec<&[u8]>, &[u8]) {
    let mut rest = after_blank_lines(message);
    let mut subject = Vec::new();
    while let Some((line, more)) = first_line(rest) {
        rest = more;
        if line.is_empty() {
            break;
        }
        subject.push(line);
    }
    let body = after_blank_lines(rest);
    let end = body.iter().rposition(|byte| !space(*byte)).map_or(0, |last| last + 1);
    (subject, body.get(..end).unwrap_or_default())
}

/// A line without the white space that ends it, and the lines after it.
fn first_line(text: &[u8]) -> Option<(&[u8], &[u8])> {
    if text.is_empty() {
        return None;
    }
    let end = memchr::memchr(b'\n', text).map_or(text.len(), |at| at + 1);
    let (line, rest) = text.split_at_checked(end)?;
    let kept = line.iter().rposition(|byte| !space(*byte)).map_or(0, |last| last + 1);
    Some((line.get(..kept)?, rest))
}

fn after_blank_lines(mut text: &[u8]) -> &[u8] {
    while let Some(([], rest)) = first_line(text) {
        text = rest;
    }
    text
}

/// White space as git has it.
fn space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_cut_where_git_cuts_it() {
        for (message, expected_subject, expected_body) in [
            ("", "", ""),
            ("\n \n", "", ""),
            ("one", "one", ""),
            ("one\n  two \n\nbody\n\n", "one   two", "body"),
            ("\n\t\n  one\n \n\n  body\n\n more \n", "  one", "  body\n\n more"),
            ("one\r\n\r\nbody\r\nmore\r\n", "one", "body\r\nmore"),
        ] {
            let (subject, body) = (subject(message.as_bytes()), body(message.as_bytes()));
            assert_eq!(
                (subject.as_slice(), body),
                (expected_subject.as_bytes(), expected_body.as_bytes()),
                "{message:?}"
            );
        }
    }
}
