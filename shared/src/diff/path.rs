//! Paths as they stand in a patch: between quotation marks when they hold what would break the line.

/// `path` behind `prefix`, as a patch has it.
pub fn quoted(prefix: &[u8], path: &[u8]) -> Vec<u8> {
    let plain = |byte: &u8| !matches!(byte, 0..=0x1f | 0x7f | b'"' | b'\\');
    if path.iter().all(plain) {
        return [prefix, path].concat();
    }
    let mut out = [b"\"", prefix].concat();
    for byte in path {
        let escaped = match byte {
            0x07 => b'a',
            0x08 => b'b',
            b'\t' => b't',
            b'\n' => b'n',
            0x0b => b'v',
            0x0c => b'f',
            b'\r' => b'r',
            b'"' | b'\\' => *byte,
            byte if plain(byte) => {
                out.push(*byte);
                continue;
            }
            byte => {
                out.extend_from_slice(format!("\\{byte:03o}").as_bytes());
                continue;
            }
        };
        out.extend_from_slice(&[b'\\', escaped]);
    }
    out.push(b'"');
    out
}

/// The text of the quoted path that `text` begins with, and what stands behind its closing mark.
pub fn unquoted(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut rest = text.strip_prefix(b"\"")?;
    let mut out = Vec::new();
    loop {
        let (&byte, after) = rest.split_first()?;
        rest = after;
        match byte {
            b'"' => return Some((out, rest)),
            b'\\' => {
                let (&escaped, after) = rest.split_first()?;
                rest = after;
                out.push(match escaped {
                    b'a' => 0x07,
                    b'b' => 0x08,
                    b't' => b'\t',
                    b'n' => b'\n',
                    b'v' => 0x0b,
                    b'f' => 0x0c,
                    b'r' => b'\r',
                    b'"' | b'\\' => escaped,
                    b'0'..=b'3' => {
                        let (digits, after) = rest.split_at_checked(2)?;
                        rest = after;
                        digits.iter().try_fold(escaped - b'0', |value, digit| match digit {
                            b'0'..=b'7' => Some(value << 3 | (digit - b'0')),
                            _ => None,
                        })?
                    }
                    _ => return None,
                });
            }
            byte => out.push(byte),
        }
    }
}

/// The path of a line such as `rename from x` behind its words.
pub(super) fn bare(text: &[u8]) -> Vec<u8> {
    match unquoted(text) {
        Some((path, b"")) => path,
        _ => text.to_vec(),
    }
}

/// The path behind `--- ` or `+++ ` without its prefix; nothing for /dev/null.
pub(super) fn named(text: &[u8]) -> Option<Vec<u8>> {
    let path = match unquoted(text) {
        Some((path, _)) => path,
        // A tab ends a name with a space in it, or comes before a time.
        None => text.split(|byte| *byte == b'\t').next().unwrap_or(text).to_vec(),
    };
    if path == b"/dev/null" {
        return None;
    }
    let stripped = path.strip_prefix(b"a/").or_else(|| path.strip_prefix(b"b/")).map(<[u8]>::to_vec);
    Some(stripped.unwrap_or(path))
}

/// The one path that `a/x b/x` names on both sides, which is the whole truth only where nothing was renamed.
///
/// A path may hold ` b/` itself, so the place where both halves are the same is the place between them.
pub(super) fn same_twice(text: &[u8]) -> Option<Vec<u8>> {
    if let Some((first, rest)) = unquoted(text) {
        let second = rest.strip_prefix(b" ")?;
        return pair(&first, &unquoted(second).map_or_else(|| second.to_vec(), |(path, _)| path));
    }
    if let Some(at) = text.windows(2).position(|two| two == b" \"")
        && let Some((second, b"")) = unquoted(text.get(at + 1..)?)
    {
        return pair(text.get(..at)?, &second);
    }
    // Both halves are of one length: the prefixes are, and so is the name.
    let half = text.len() / 2;
    let (first, rest) = text.split_at_checked(half)?;
    pair(first, rest.strip_prefix(b" ")?)
}

fn pair(first: &[u8], second: &[u8]) -> Option<Vec<u8>> {
    match (first.strip_prefix(b"a/"), second.strip_prefix(b"b/")) {
        (Some(a), Some(b)) => (a == b).then(|| a.to_vec()),
        _ => (first == second).then(|| first.to_vec()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_would_break_a_line_are_quoted() {
        assert_eq!(quoted(b"a/", "naïve name".as_bytes()), "a/naïve name".as_bytes());
        assert_eq!(quoted(b"a/", b"x\ny\"z\\\x01"), br#""a/x\ny\"z\\\001""#);
    }

    #[test]
    fn what_is_quoted_comes_back_byte_for_byte() {
        let every: Vec<u8> = (1..=255).collect();
        let marked = quoted(b"b/", &every);
        assert_eq!(unquoted(&marked), Some(([b"b/", &every[..]].concat(), &b""[..])));
        assert_eq!(unquoted(br#""na\303\257ve" more"#), Some(("naïve".as_bytes().to_vec(), &b" more"[..])));
        for broken in [&br#"plain"#[..], br#""open"#, br#""\q""#, br#""\40""#, br#""\4"#, br#""\"#] {
            assert_eq!(unquoted(broken), None, "{broken:?}");
        }
    }

    #[test]
    fn the_name_of_both_sides_is_found_whatever_is_in_it() {
        let same = |text: &str| same_twice(text.as_bytes()).map(|path| String::from_utf8(path).unwrap());
        for (text, expected) in [
            ("a/x b/x", Some("x")),
            ("a/a b c b/a b c", Some("a b c")),
            ("a/x b/x b/x b/x", Some("x b/x")),
            ("x x", Some("x")),
            (r#""a/\303\274" "b/\303\274""#, Some("ü")),
            (r#"a/x "b/x""#, Some("x")),
            ("a/old b/new", None),
            ("a/old b/other", None),
            ("", None),
            ("é", None),
        ] {
            assert_eq!(same(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn sides_lose_prefix_and_time() {
        for (text, expected) in [
            ("a/x", Some("x")),
            ("b/with space\t", Some("with space")),
            ("x.c\t2024-05-01 10:00:00", Some("x.c")),
            ("\"b/\\t\"", Some("\t")),
            ("/dev/null", None),
        ] {
            assert_eq!(named(text.as_bytes()).as_deref(), expected.map(str::as_bytes), "{text}");
        }
    }
}
