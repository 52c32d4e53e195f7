//! Credentials in URLs: userinfo, data source names, signatures in queries.

use super::scan::{Hit, Scan, quote};
use super::tokens::longest_piece;
use super::value::placeholder;

/// How far an authority is followed.
const AUTHORITY_MAX: usize = 2048;
/// How far a password with a slash in it is followed to its `@`.
const STRAY_MAX: usize = 128;
/// Schemes whose user is a login name and never a token.
const LOGIN_SCHEMES: &[&str] =
    &["ssh", "sftp", "scp", "git", "rsync", "svn", "git+ssh", "ssh+git", "svn+ssh", "hg+ssh"];

fn ends_url(b: u8) -> bool {
    b <= b' ' || b == 0x7f || quote(b) || matches!(b, b'<' | b'>')
}

fn in_authority(b: u8) -> bool {
    !ends_url(b) && !matches!(b, b'/' | b'?' | b'#' | b'\\' | b',')
}

/// At `://`: the password, or the lone user when it looks like a token.
pub(super) fn userinfo(scan: &mut Scan<'_>, start: usize, end: usize) -> Option<Hit> {
    let scheme_from = scan.run_back(start, |b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'), 24);
    let scheme = scan.slice(scheme_from, start);
    if scheme.is_empty() || scan.at(end) == b'[' {
        return None;
    }
    let stop = scan.run_within(end, in_authority, AUTHORITY_MAX);
    let authority = scan.slice(end, stop);
    let at = match authority.iter().rposition(|&b| b == b'@') {
        Some(at) => end + at,
        None => stray_at(scan, end, authority)?,
    };
    // An image reference: the digest follows the `@`.
    if scan.starts_with(at + 1, b"sha256:") || scan.starts_with(at + 1, b"sha512:") {
        return None;
    }
    let info = scan.slice(end, at);
    let colon = info.iter().position(|&b| b == b':');
    let user = info.get(..colon.unwrap_or(info.len())).unwrap_or_default();
    let login = LOGIN_SCHEMES.iter().any(|s| scheme.eq_ignore_ascii_case(s.as_bytes()));
    if !login && tokenish(user) {
        return Some(Hit { start: end, end: at, kind: "url-credential" });
    }
    let password = info.get(colon? + 1..)?;
    if password.is_empty() || placeholder(password) {
        return None;
    }
    Some(Hit { start: at - password.len(), end: at, kind: "password" })
}

/// The `@` after a password that should have been percent-encoded: what stands where the port belongs is no number.
fn stray_at(scan: &Scan<'_>, from: usize, authority: &[u8]) -> Option<usize> {
    let colon = authority.iter().position(|&b| b == b':')?;
    let port = authority.get(colon + 1..)?;
    if port.iter().all(u8::is_ascii_digit) || port.eq_ignore_ascii_case(b"port") || placeholder(port) {
        return None;
    }
    let stop = from + authority.len();
    if !matches!(scan.at(stop), b'/' | b'?' | b'#' | b',') {
        return None;
    }
    let end = scan.run_within(stop, |b| !ends_url(b), STRAY_MAX);
    scan.slice(stop, end).iter().position(|&b| b == b'@').map(|p| stop + p)
}

/// Whether a user without a password is a token rather than a name.
fn tokenish(user: &[u8]) -> bool {
    let (piece, digits, letters) = longest_piece(user);
    let email = user.windows(3).any(|w| w == b"%40") || user.contains(&b'@');
    let odd = user
        .iter()
        .any(|&b| !(b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'~' | b'%' | b'=' | b'+')));
    !email && !odd && user.len() >= 16 && ((piece >= 12 && digits >= 2 && letters >= 2) || piece >= 32)
}

/// At `@tcp(` or `@unix(`: the Go form of a `MySQL` data source, `user:password@tcp(host:3306)/db`.
pub(super) fn dsn(scan: &mut Scan<'_>, start: usize, _end: usize) -> Option<Hit> {
    let from = scan.run_back(start, |b| !ends_url(b), 128);
    let info = scan.slice(from, start);
    let info = info.iter().rposition(|&b| b == b'/').and_then(|p| info.get(p + 1..)).unwrap_or(info);
    let colon = info.iter().position(|&b| b == b':')?;
    let password = info.get(colon + 1..)?;
    if colon == 0 || password.is_empty() || placeholder(password) {
        return None;
    }
    Some(Hit { start: start - password.len(), end: start, kind: "password" })
}

/// At `sig=` and the signatures of presigned URLs, only as a member of a query.
pub(super) fn signature(scan: &mut Scan<'_>, start: usize, end: usize) -> Option<Hit> {
    fn class(b: u8) -> bool {
        b.is_ascii_alphanumeric() || matches!(b, b'%' | b'+' | b'/' | b'=' | b'_' | b'-' | b'.' | b'~')
    }
    if !matches!(scan.before(start, 1), b'?' | b'&' | b';' | b' ' | b'"' | b'\'') && !scan.boundary(start) {
        return None;
    }
    let value = scan.slice(end, scan.run_within(end, class, 64));
    let (piece, digits, letters) = longest_piece(value);
    let random = piece >= 16 && digits >= 2 && letters >= 2;
    let encoded = value.len() >= 40 && value.iter().any(u8::is_ascii_digit) && value.iter().any(u8::is_ascii_uppercase);
    (random || encoded).then(|| Hit { start: end, end: scan.run(end, class), kind: "signature" })
}
