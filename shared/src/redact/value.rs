//! What a literal looks like: a secret, a placeholder, a name, a path, code.

use super::scan::{alnum, token, word};

/// Words that stand where a secret would, in any case.
const STAND_INS: &[&str] =
    &["null", "none", "nil", "undefined", "true", "false", "redacted", "hidden", "x-oauth-basic", "password", "string"];

/// Pieces of values that describe a secret rather than being one.
const DESCRIBING: &[&[u8]] = &[
    b"pass",
    b"pwd",
    b"secret",
    b"token",
    b"string",
    b"field",
    b"requir",
    b"option",
    b"input",
    b"label",
    b"text",
    b"hidden",
    b"value",
    b"param",
    b"example",
    b"your",
    b"config",
    b"key",
    b"name",
    b"type",
    b"invalid",
    b"missing",
    b"wort",
    b"change",
    b"credential",
    b"env",
    b"byte",
    b"char",
];

/// Names of types and algorithms that carry a digit.
const TYPE_NAMES: &[&[u8]] = &[
    b"utf8",
    b"utf16",
    b"uint8",
    b"uint16",
    b"uint32",
    b"uint64",
    b"int8",
    b"int16",
    b"int32",
    b"int64",
    b"u128",
    b"i128",
    b"float32",
    b"float64",
    b"base64",
    b"base32",
    b"sha1",
    b"sha256",
    b"sha384",
    b"sha512",
    b"bcrypt",
    b"argon2",
    b"argon2i",
    b"argon2id",
    b"pbkdf2",
    b"hs256",
    b"rs256",
    b"es256",
    b"md5sum",
    b"varchar2",
    b"oauth2",
    b"win32",
    b"blake2b",
    b"blake3",
];

/// Whether `v` stands for a value that is elsewhere: a variable, a template, stars, an earlier mask.
pub(super) fn placeholder(v: &[u8]) -> bool {
    let second = v.get(1).copied().unwrap_or(0);
    let opened = match v.first() {
        Some(b'$') => second.is_ascii_alphabetic() || matches!(second, b'_' | b'{' | b'(' | b'$'),
        None | Some(b'<' | b'{') => true,
        Some(b'%') => v.len() <= 3 || matches!(second, b'(' | b'{') || v.ends_with(b"%"),
        Some(b'#') => second == b'{',
        Some(b'[') => v.starts_with(b"[redacted") || v.ends_with(b"]"),
        Some(_) => false,
    };
    opened
        || v.windows(2).any(|w| matches!(w, b"${" | b"{{" | b"$(" | b"#{" | b"%s"))
        || v.iter().all(|b| matches!(b, b'*' | b'x' | b'X' | b'.' | b'-' | b'_' | b'?' | b'#'))
        || STAND_INS.iter().any(|s| v.eq_ignore_ascii_case(s.as_bytes()))
}

/// Whether `v` is made of words about secrets, with at most two digits. A long random value may hold such a word too.
pub(super) fn describes(v: &[u8]) -> bool {
    let digits = v.iter().filter(|b| b.is_ascii_digit()).count();
    let says = |what: &&[u8]| v.windows(what.len()).any(|w| w.eq_ignore_ascii_case(what));
    let wordy = v.len() < 16 || transitions(v) * 5 < v.len() * 2;
    digits <= 2 && wordy && DESCRIBING.iter().any(says)
}

/// Whether `v` is a path or a URL.
fn path(v: &[u8]) -> bool {
    let slashes = v.split(|&b| b == b'/').count() - 1;
    let windows = v.get(1) == Some(&b':') && v.get(2) == Some(&b'\\');
    (v.starts_with(b"/") && slashes >= 2)
        || v.starts_with(b"./")
        || v.starts_with(b"../")
        || v.starts_with(b"~/")
        || windows
        || v.windows(3).any(|w| w == b"://")
}

/// Whether unquoted `v` can only be code.
pub(super) fn code(v: &[u8]) -> bool {
    let dotted_name = v.contains(&b'.')
        && v.split(|&b| b == b'.').all(|p| p.first().is_some_and(|b| b.is_ascii_alphabetic() || *b == b'_'))
        && v.iter().all(|&b| word(b) || b == b'.');
    dotted_name
        || v.iter().any(|b| matches!(b, b'(' | b'[' | b'{'))
        || v.windows(2).any(|w| matches!(w, b"::" | b"->" | b"=>" | b"=="))
        || matches!(v.first(), Some(b'&' | b'*' | b'@' | b'!' | b'=' | b'+' | b'-' | b'.'))
}

/// How often the kind of character changes along `v`.
fn transitions(v: &[u8]) -> usize {
    let class = |b: &u8| match b {
        b'a'..=b'z' => 0_u8,
        b'A'..=b'Z' => 1,
        b'0'..=b'9' => 2,
        _ => 3,
    };
    v.iter().zip(v.iter().skip(1)).filter(|(a, b)| class(a) != class(b)).count()
}

/// Whether `v` looks random: no person named anything so.
pub(super) fn random(v: &[u8]) -> bool {
    if path(v) || v.starts_with(b"sha256:") || v.starts_with(b"sha512") || v.starts_with(b"sha1:") {
        return false;
    }
    let piece = |p: &[u8]| {
        let digits = p.iter().filter(|b| b.is_ascii_digit()).count();
        let mixed = transitions(p) * 5 >= p.len() * 2 && (digits >= 1 || p.len() >= 32);
        p.len() >= 16 && p.len() - digits >= 2 && ((digits >= 2 && digits * 8 >= p.len()) || mixed)
    };
    let plain = v.iter().all(|&b| token(b) || matches!(b, b'+' | b'/' | b'=' | b'.' | b'~' | b':'));
    if !plain {
        return false;
    }
    let all = v.iter().any(u8::is_ascii_digit)
        && v.iter().any(u8::is_ascii_uppercase)
        && v.iter().any(u8::is_ascii_lowercase);
    v.split(|&b| !alnum(b)).any(piece) || (v.len() >= 20 && all && transitions(v) * 20 >= v.len() * 9) || uuid(v)
}

/// Whether `v` is a UUID, which as a value of a token is one.
fn uuid(v: &[u8]) -> bool {
    v.len() == 36
        && v.iter().enumerate().all(
            |(i, b)| {
                if matches!(i, 8 | 13 | 18 | 23) { *b == b'-' } else { b.is_ascii_hexdigit() }
            },
        )
}

/// Whether `v` is an AWS secret access key: 40 characters of base64, not one word.
pub(super) fn aws_secret(v: &[u8]) -> bool {
    v.len() == 40
        && v.iter().all(|&b| alnum(b) || matches!(b, b'+' | b'/'))
        && transitions(v) >= 8
        && v.iter().any(u8::is_ascii_uppercase)
}

/// Whether `v`, sent as a credential in a header, is one rather than a word about it.
pub(super) fn credential(v: &[u8]) -> bool {
    let inner_upper = v.iter().skip(1).any(u8::is_ascii_uppercase) && v.iter().any(u8::is_ascii_lowercase);
    let strange = v.iter().any(|b| b.is_ascii_digit() || matches!(b, b'+' | b'/' | b'=' | b'~' | b':'));
    let brackets = v.iter().any(|b| matches!(b, b'(' | b'[' | b'{' | b'$'));
    v.len() >= 6
        && !brackets
        && !placeholder(v)
        && (random(v) || (!describes(v) && (inner_upper || strange || v.len() >= 20)))
}

/// Whether `v` is the value of a password. `plain_words` also takes a word without digits or symbols.
pub(super) fn password(v: &[u8], plain_words: bool) -> bool {
    let v = v.strip_suffix(b"!").or_else(|| v.strip_suffix(b"?")).unwrap_or(v);
    if v.len() < 4 || placeholder(v) || path(v) || v.iter().any(|b| b.is_ascii_whitespace() || b.is_ascii_control()) {
        return false;
    }
    let digits = v.iter().filter(|b| b.is_ascii_digit()).count();
    let letters = v.iter().any(u8::is_ascii_alphabetic);
    let symbols =
        v.iter().any(|b| matches!(b, b'!' | b'@' | b'#' | b'$' | b'^' | b'&' | b'*' | b'+' | b'~' | b'%' | b'?'));
    let type_name = TYPE_NAMES.iter().any(|t| v.eq_ignore_ascii_case(t));
    if symbols && (letters || digits > 0) {
        return true;
    }
    if describes(v) || type_name {
        return false;
    }
    (digits > 0 && letters) || (digits >= 6 && digits == v.len()) || (plain_words && letters && v.is_ascii())
}
