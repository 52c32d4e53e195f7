//! Credentials in HTTP headers, as the header itself, on a command line, in JSON and in code.

use super::assign::{form, literal, opening};
use super::scan::{Hit, Scan, base64, blank, decode_base64, quote, token};
use super::value;

/// Schemes followed by one credential.
const SIMPLE: &[&str] = &[
    "basic",
    "bearer",
    "token",
    "negotiate",
    "ntlm",
    "apikey",
    "key",
    "splunk",
    "geniekey",
    "bot",
    "sso-key",
    "github-bearer",
];
/// Schemes followed by parameters up to the end of the header.
const PARAMETERS: &[&str] =
    &["digest", "aws4-hmac-sha256", "oauth", "hawk", "signature", "mac", "sharedkey", "sharedaccesssignature"];
/// How much of a credential is looked at to judge it.
const JUDGED: usize = 128;

/// The bytes a credential consists of.
fn credential(b: u8) -> bool {
    b > b' ' && b != 0x7f && !quote(b) && !matches!(b, b'\\' | b'<' | b'>' | b',' | b';' | b')' | b'}' | b']')
}

/// The end of a header's value: its closing quote, or the end of the line, written out or as an escape.
fn value_end(scan: &Scan<'_>, from: usize, mark: Option<u8>) -> usize {
    let text = scan.slice(from, scan.len());
    from + text
        .iter()
        .zip(text.iter().skip(1).chain(&[0]))
        .position(|(&b, &next)| {
            matches!(b, b'\n' | b'\r')
                || Some(b) == mark
                || (b == b'\\' && (matches!(next, b'n' | b'r') || Some(next) == mark))
        })
        .unwrap_or(text.len())
}

/// The quote the header's value ends at: its own, or the one that encloses the header.
fn mark(scan: &Scan<'_>, name: usize, own: Option<(usize, u8, bool)>) -> Option<u8> {
    own.map(|(_, mark, _)| mark).or_else(|| Some(scan.before(name, 1)).filter(|&b| quote(b)))
}

/// At `authorization`, so also at `Proxy-Authorization`.
pub(super) fn authorization(scan: &mut Scan<'_>, start: usize, end: usize) -> Option<Hit> {
    let name = scan.run_back(start, token, 16);
    let form = form(scan, name, end)?;
    let own = opening(scan, form.value);
    let from = own.map_or(form.value, |(from, ..)| from);
    let word = scan.run_within(from, token, 32);
    let scheme = scan.slice(from, word);
    let rest = scan.run_within(word, blank, 8);
    let is = |names: &[&str]| rest > word && names.iter().any(|n| scheme.eq_ignore_ascii_case(n.as_bytes()));
    if is(PARAMETERS) {
        let head = scan.slice(rest, scan.run_within(rest, |b| !blank(b) && b != b'\n', JUDGED));
        let end = value_end(scan, rest, mark(scan, name, own));
        return (head.contains(&b'=') && !value::placeholder(head)).then_some(Hit {
            start: rest,
            end,
            kind: "authorization",
        });
    }
    let simple = is(SIMPLE);
    let from = if simple { rest } else { from };
    let head = scan.slice(from, scan.run_within(from, credential, JUDGED));
    let basic = scheme.eq_ignore_ascii_case(b"basic") && user_and_password(head);
    let found = if simple {
        basic || (value::credential(head) && !value::code(head))
    } else {
        (form.colon || own.is_some()) && value::random(head)
    };
    found.then(|| Hit { start: from, end: scan.run(from, credential), kind: "authorization" })
}

/// At `bearer ` outside a header: only what looks random, because prose speaks of bearer tokens.
pub(super) fn bearer(scan: &mut Scan<'_>, start: usize, end: usize) -> Option<Hit> {
    let head = scan.slice(end, scan.run_within(end, credential, JUDGED));
    let found = head.len() >= 16 && value::random(head) && !value::placeholder(head) && scan.boundary(start);
    found.then(|| Hit { start: end, end: scan.run(end, credential), kind: "authorization" })
}

/// At `basic ` outside a header: only base64 of `user:password`.
pub(super) fn basic(scan: &mut Scan<'_>, start: usize, end: usize) -> Option<Hit> {
    let head = scan.slice(end, scan.run_within(end, base64, JUDGED));
    let found = head.len() >= 8 && scan.boundary(start) && user_and_password(head);
    found.then(|| Hit { start: end, end: scan.run(end, base64), kind: "authorization" })
}

/// Whether `text` is base64 of printable `user:password`.
fn user_and_password(text: &[u8]) -> bool {
    let decoded = decode_base64(text);
    let printable = std::str::from_utf8(&decoded)
        .or_else(|e| std::str::from_utf8(decoded.get(..e.valid_up_to()).filter(|v| v.len() > 60).unwrap_or(&[0xff])))
        .is_ok_and(|s| s.len() >= 3 && !s.chars().any(char::is_control));
    printable && text.iter().all(|&b| base64(b)) && decoded.contains(&b':')
}

/// At `cookie`, so also at `Set-Cookie`: only `name=value`, which a type or a variable is not.
pub(super) fn cookie(scan: &mut Scan<'_>, start: usize, end: usize) -> Option<Hit> {
    if token(scan.at(end)) {
        return None;
    }
    let name = scan.run_back(start, token, 16);
    let form = form(scan, name, end)?;
    let own = opening(scan, form.value);
    if !(form.colon || (form.comma && own.is_some())) {
        return None;
    }
    let from = own.map_or(form.value, |(from, ..)| from);
    let equals = scan.run_within(from, |b| token(b) || matches!(b, b'.' | b'$' | b'%'), 128);
    let first = scan.at(equals + 1);
    if equals == from
        || scan.at(equals) != b'='
        || first <= b' '
        || matches!(first, b'=' | b'>' | b'$' | b'{' | b'<' | b'[')
    {
        return None;
    }
    let end = value_end(scan, from, mark(scan, name, own));
    (end - from >= 8).then_some(Hit { start: from, end, kind: "cookie" })
}

/// At `"auth"` of a Docker configuration, or `_auth` of an npm one.
pub(super) fn docker_auth(scan: &mut Scan<'_>, start: usize, end: usize) -> Option<Hit> {
    let after = form(scan, start, end - usize::from(scan.before(end, 1) == b'"'))?.value;
    let found = literal(scan, after)?;
    let head = scan.slice(found.start, found.end.min(found.start + JUDGED));
    user_and_password(head).then_some(Hit { start: found.start, end: found.end, kind: "registry-auth" })
}
