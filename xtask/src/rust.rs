//! As much of Rust's syntax as the checks need: what is code and what is text, what belongs to tests, which names a file uses.
//!
//! Not a parser: it knows comments, literals, brackets, attributes and `use` trees, and leaves the grammar to the compiler, which has
//! accepted the file before.

use std::ops::Range;

/// A source with the contents of comments, strings and characters replaced by spaces: same length, same lines.
pub fn blank(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut code = bytes.to_vec();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let rest = bytes.get(at..).unwrap_or_default();
        let (end, quotes) = match byte {
            b'/' if rest.starts_with(b"//") => (at + until(rest, b'\n'), 0),
            b'/' if rest.starts_with(b"/*") => (at + block_comment(rest), 0),
            b'"' => (at + string(rest), 1),
            b'r' | b'b' | b'c' if !at.checked_sub(1).and_then(|i| bytes.get(i)).is_some_and(|b| is_word(*b)) => {
                match prefixed(rest) {
                    Some((end, quotes)) => (at + end, quotes),
                    None => (at + 1, usize::MAX),
                }
            }
            b'\'' => match character(rest) {
                Some(end) => (at + end, 1),
                None => (at + 1, usize::MAX),
            },
            _ => (at + 1, usize::MAX),
        };
        let end = end.min(bytes.len());
        if quotes != usize::MAX {
            let inside = at + quotes..end.saturating_sub(quotes.min(1)).max(at + quotes).min(end);
            for byte in code.get_mut(inside).unwrap_or_default() {
                if *byte != b'\n' {
                    *byte = b' ';
                }
            }
        }
        at = end;
    }
    // Only whole comments and literals were replaced, so no character was cut in half.
    String::from_utf8_lossy(&code).into_owned()
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

fn until(bytes: &[u8], stop: u8) -> usize {
    bytes.iter().position(|byte| *byte == stop).unwrap_or(bytes.len())
}

fn block_comment(bytes: &[u8]) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < bytes.len() {
        let rest = bytes.get(at..).unwrap_or_default();
        if rest.starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    bytes.len()
}

/// The length of a string that starts with its quotation mark.
fn string(bytes: &[u8]) -> usize {
    let mut at = 1;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// The length of a literal that starts with a prefix such as `br##`, and how much of its beginning is prefix and quotation mark.
fn prefixed(bytes: &[u8]) -> Option<(usize, usize)> {
    let letters = bytes.iter().take_while(|byte| matches!(**byte, b'r' | b'b' | b'c')).count().min(2);
    let raw = bytes.get(..letters)?.contains(&b'r');
    let hashes = if raw { bytes.get(letters..)?.iter().take_while(|byte| **byte == b'#').count() } else { 0 };
    let start = letters + hashes;
    match bytes.get(start)? {
        b'"' if raw => {
            let close: Vec<u8> = std::iter::once(b'"').chain(std::iter::repeat_n(b'#', hashes)).collect();
            let body = bytes.get(start + 1..)?;
            let length = body.windows(close.len()).position(|window| window == close).unwrap_or(body.len());
            Some((start + 1 + length + close.len(), start + 1))
        }
        b'"' => Some((start + string(bytes.get(start..)?), start + 1)),
        b'\'' if !raw => Some((start + character(bytes.get(start..)?)?, start + 1)),
        _ => None,
    }
}

/// The length of a character literal; nothing for a lifetime.
fn character(bytes: &[u8]) -> Option<usize> {
    if bytes.get(1) == Some(&b'\\') {
        return bytes.get(3..)?.iter().position(|byte| *byte == b'\'').map(|length| length + 4);
    }
    let text = std::str::from_utf8(bytes.get(1..bytes.len().min(6))?)
        .or_else(|error| std::str::from_utf8(bytes.get(1..1 + error.valid_up_to()).unwrap_or_default()))
        .ok()?;
    let first = text.chars().next()?;
    (bytes.get(1 + first.len_utf8()) == Some(&b'\'')).then_some(2 + first.len_utf8())
}

/// Where `needle` stands in `code` as whole words.
pub fn find_words(code: &str, needle: &str) -> Vec<usize> {
    let bytes = code.as_bytes();
    let edge = |inside: Option<u8>, outside: Option<&u8>| {
        !inside.is_some_and(is_word) || !outside.is_some_and(|b| is_word(*b))
    };
    code.match_indices(needle)
        .map(|(at, _)| at)
        .filter(|at| {
            let before = at.checked_sub(1).and_then(|i| bytes.get(i));
            edge(needle.bytes().next(), before) && edge(needle.bytes().last(), bytes.get(at + needle.len()))
        })
        .collect()
}

/// An attribute of blanked code.
pub struct Attribute {
    /// Where it stands.
    pub range: Range<usize>,
    /// What is between its brackets, without white space.
    pub text: String,
}

/// All attributes, inner ones too.
pub fn attributes(code: &str) -> Vec<Attribute> {
    let mut found = Vec::new();
    for (start, _) in code.match_indices('#') {
        let rest = code.get(start + 1..).unwrap_or_default();
        let open = start + 1 + usize::from(rest.starts_with('!'));
        if code.get(open..).is_some_and(|rest| rest.starts_with('[')) {
            let end = close(code, open);
            let inside = code.get(open + 1..end.saturating_sub(1)).unwrap_or_default();
            found.push(Attribute { range: start..end, text: inside.split_whitespace().collect() });
        }
    }
    found
}

/// One past the bracket that closes the one at `open`.
fn close(code: &str, open: usize) -> usize {
    let mut depth = 0_usize;
    for (at, byte) in code.bytes().enumerate().skip(open) {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
    }
    code.len()
}

/// What an attribute that ends at `from` stands on: the rest of the item, field or statement.
pub fn item_after(code: &str, from: usize) -> Range<usize> {
    const ITEMS: &[&str] = &[
        "async",
        "const",
        "enum",
        "extern",
        "fn",
        "impl",
        "let",
        "macro_rules",
        "mod",
        "static",
        "struct",
        "trait",
        "type",
        "union",
        "unsafe",
        "use",
    ];
    let mut start = from;
    loop {
        let rest = code.get(start..).unwrap_or_default();
        let trimmed = rest.trim_start();
        start += rest.len() - trimmed.len();
        if !trimmed.starts_with("#[") {
            break;
        }
        start = close(code, start + 1);
    }
    let mut head = code.get(start..).unwrap_or_default();
    if let Some(rest) = head.strip_prefix("pub") {
        head = rest.trim_start();
        if head.starts_with('(') {
            head = head.get(close(head, 0)..).unwrap_or_default().trim_start();
        }
    }
    let word: String = head.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    // The commas of an item are inside it; a field or an arm ends at one.
    let item = ITEMS.contains(&word.as_str());
    let bytes = code.as_bytes();
    let mut at = start;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'(' | b'[' => at = close(code, at),
            b'{' => return start..close(code, at),
            b';' => return start..at + 1,
            b',' if !item => return start..at + 1,
            b'}' => return start..at,
            _ => at += 1,
        }
    }
    start..code.len()
}

/// What stands under an attribute that `wanted` accepts.
pub fn under(code: &str, wanted: impl Fn(&str) -> bool) -> Vec<Range<usize>> {
    attributes(code)
        .into_iter()
        .filter(|found| wanted(&found.text))
        .map(|found| item_after(code, found.range.end))
        .collect()
}

/// The files a source declares as modules, with where it does.
pub fn modules(code: &str) -> Vec<(usize, String)> {
    let plain = find_words(code, "mod").into_iter().filter_map(|at| {
        let rest = code.get(at + 3..)?.trim_start();
        let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        let after = rest.get(name.len()..)?.trim_start();
        (!name.is_empty() && after.starts_with(';')).then_some((at, name))
    });
    plain.chain(listed(code)).collect()
}

/// The modules a list of tools declares: `tools! { Server: read name::Tool, … }`.
fn listed(code: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for start in find_words(code, "tools") {
        let Some(list) = code.get(start..).filter(|rest| rest.starts_with("tools! {")) else { continue };
        let list = list.get(..list.find('}').unwrap_or(list.len())).unwrap_or_default();
        for access in ["read", "write"] {
            for at in find_words(list, access) {
                let entry = list.get(at + access.len()..).unwrap_or_default().trim_start();
                if let Some((name, _)) = entry.split_once("::") {
                    found.push((start + at, name.to_owned()));
                }
            }
        }
    }
    found.sort();
    found
}

/// Every path a `use` names, trees taken apart: `use std::{io, process::Command}` names `std::io` and `std::process::Command`.
pub fn uses(code: &str) -> Vec<(usize, String)> {
    let mut paths = Vec::new();
    for at in find_words(code, "use") {
        let start = at + 3;
        let end = code.get(start..).and_then(|rest| rest.find(';')).map_or(code.len(), |length| start + length);
        branch(code, start, end, "", &mut paths);
    }
    paths
}

/// One branch of a `use` tree: `code[start..end]` under `prefix`.
fn branch(code: &str, start: usize, end: usize, prefix: &str, paths: &mut Vec<(usize, String)>) {
    let text = code.get(start..end).unwrap_or_default();
    let at = start + (text.len() - text.trim_start().len());
    let Some(open) = text.find('{') else {
        let leaf = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if !leaf.is_empty() {
            paths.push((at, format!("{prefix}{leaf}")));
        }
        return;
    };
    let stem: String = text.get(..open).unwrap_or_default().split_whitespace().collect();
    let prefix = format!("{prefix}{stem}");
    let inside = start + open + 1..close(code, start + open).saturating_sub(1);
    let (mut depth, mut from) = (0_usize, inside.start);
    for (offset, byte) in code.bytes().enumerate().take(inside.end).skip(inside.start) {
        match byte {
            b'{' => depth += 1,
            b'}' => depth = depth.saturating_sub(1),
            b',' if depth == 0 => {
                branch(code, from, offset, &prefix, paths);
                from = offset + 1;
            }
            _ => {}
        }
    }
    branch(code, from, inside.end, &prefix, paths);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_blanked_and_code_is_kept() {
        for (source, code) in [
            ("a // b\nc", "a     \nc"),
            ("/* a /* b */ c */ d", "                  d"),
            (r#"f("a\"b", c)"#, r#"f("    ", c)"#),
            (r##"r#"a"b"# c"##, r##"r#"    # c"##),
            ("b\"ab\" br\"c\" d", "b\"  \" br\" \" d"),
            ("'a' 'b: &'static str", "' ' 'b: &'static str"),
            (r"'\'' x '\\' y '\u{1f}' z", r"'  ' x '  ' y '      ' z"),
            ("'é' b'x' y", "'  ' b' ' y"),
            ("for x in r#type {}", "for x in r#type {}"),
        ] {
            assert_eq!(blank(source).trim_end(), code.trim_end(), "{source}");
            assert_eq!(blank(source).len(), source.len(), "{source}");
        }
    }

    #[test]
    fn words_are_whole() {
        assert_eq!(find_words("eprint!(a); print!(b)", "print!"), [12]);
        assert_eq!(find_words("todo!() mytodo!()", "todo!"), [0]);
        assert_eq!(find_words("TcpStreams TcpStream", "TcpStream"), [11]);
    }

    #[test]
    fn an_attribute_covers_its_item() {
        let covered = |code: &str| {
            under(code, |text| text.starts_with("cfg(test)"))
                .into_iter()
                .map(|range| code[range].to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(covered("a #[cfg(test)]\n#[other] mod t { x { y } } b"), ["mod t { x { y } }"]);
        assert_eq!(covered("#[cfg(test)] mod t; b"), ["mod t;"]);
        assert_eq!(
            covered("#[cfg( test )] pub(crate) fn f<A, B>(a: A, b: B) { c } d"),
            ["pub(crate) fn f<A, B>(a: A, b: B) { c }"]
        );
        assert_eq!(covered("struct S { #[cfg(test)] pub a: u8, b: u8 } fn f() {}"), ["pub a: u8,"]);
        assert_eq!(covered("struct S { #[cfg(test)] a: u8 } fn f() {}"), ["a: u8 "]);
        assert_eq!(covered("#[cfg(not(test))] fn f() {}"), [""; 0]);
    }

    #[test]
    fn use_trees_are_taken_apart() {
        let paths: Vec<String> = uses("use a::b;\nuse std::{\n io::{self, Write},\n process::{Command as C, *},\n};")
            .into_iter()
            .map(|(_, path)| path)
            .collect();
        assert_eq!(paths, ["a::b", "std::io::self", "std::io::Write", "std::process::Command as C", "std::process::*"]);
    }

    #[test]
    fn modules_are_declarations_without_a_body() {
        let names: Vec<String> =
            modules("mod a; pub(crate) mod b ; mod c { } model;").into_iter().map(|(_, name)| name).collect();
        assert_eq!(names, ["a", "b"]);
        let list = "shared::tools! {\n    crate::Git:\n    read a::A,\n    write b::B,\n} read c::C";
        let found: Vec<(&str, String)> =
            modules(list).into_iter().map(|(at, name)| (list.get(at..).unwrap_or_default(), name)).collect();
        assert_eq!(found.iter().map(|(_, name)| name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
        assert!(found.iter().all(|(at, _)| at.starts_with("read a") || at.starts_with("write b")), "{found:?}");
    }
}
