//! JSON Web Tokens: `header.payload.signature`, and the five parts of an encrypted one.

use super::scan::{Hit, Memo, Scan, decode_base64, token};

/// The members a token's header may begin with. Other JSON in base64 is not a credential by its form.
const HEADER_MEMBERS: &[&[u8]] = &[
    b"alg",
    b"typ",
    b"kid",
    b"enc",
    b"cty",
    b"zip",
    b"jku",
    b"jwk",
    b"x5t",
    b"x5t#S256",
    b"x5c",
    b"x5u",
    b"crit",
    b"b64",
    b"nonce",
    b"epk",
    b"apu",
    b"apv",
    b"p2s",
    b"p2c",
    b"iv",
    b"tag",
    b"ver",
    b"url",
    b"ppt",
    b"svt",
    b"client_id",
    b"iss",
];

/// At `eyJ` and its spellings with white space.
pub(super) fn jwt(scan: &mut Scan<'_>, start: usize, _end: usize) -> Option<Hit> {
    let head = decode_base64(scan.slice(start, start + 28));
    let member = head.strip_prefix(b"{")?.trim_ascii_start().strip_prefix(b"\"")?;
    let member = member.get(..member.iter().position(|&b| b == b'"')?)?;
    if !HEADER_MEMBERS.contains(&member) {
        return None;
    }
    let header_end = scan.run_memo(Memo::JwtHeader, start, token);
    if scan.at(header_end) != b'.' {
        return None;
    }
    let payload = header_end + 1;
    let signed = (scan.starts_with(payload, b"ey") || scan.starts_with(payload, b"ew")) && {
        let payload_end = scan.run_memo(Memo::JwtPayload, payload, token);
        scan.at(payload_end) == b'.'
    };
    let (whole, dots) = scan.run_dotted(start);
    let encrypted = dots >= 4 && whole - payload > 80;
    if !signed && !encrypted {
        return None;
    }
    let trailing = scan.slice(start, whole).iter().rev().take_while(|&&b| b == b'.').count();
    Some(Hit { start, end: whole - trailing, kind: "jwt" })
}
