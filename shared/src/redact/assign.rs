//! Secrets known by the name they are assigned to. The policy is described in the parent module.

use super::scan::{Hit, Memo, Scan, alnum, blank, quote, token};
use super::value;

/// How much of a value is looked at to judge it.
const JUDGED: usize = 64;
/// How far a quoted value is followed to its closing quote.
const QUOTED_MAX: usize = 4096;
/// How much may follow the anchor within the name (`secret` … `_access_key`).
const SUFFIX_MAX: usize = 24;

/// Headers that carry nothing but a credential, without hyphens.
const HEADERS: &[&str] = &[
    "privatetoken",
    "jobtoken",
    "deploytoken",
    "xapikey",
    "xvaulttoken",
    "xauthtoken",
    "xgitlabtoken",
    "xgoogapikey",
    "xamzsecuritytoken",
    "ocpapimsubscriptionkey",
    "xfunctionskey",
    "xconsultoken",
    "xnomadtoken",
    "xgithubtoken",
];
/// Names of keys that are secret. A plain `key`, `public_key` or `primary_key` is not.
const KEYS: &[&str] = &[
    "apikey",
    "accesskey",
    "secretkey",
    "privatekey",
    "signingkey",
    "encryptionkey",
    "masterkey",
    "authkey",
    "sessionkey",
    "servicekey",
    "subscriptionkey",
    "sharedkey",
    "storagekey",
    "functionskey",
];
/// Pieces of names of tokens that are cursors or vocabulary.
const CURSORS: &[&str] =
    &["next", "page", "contin", "cursor", "sync", "resume", "cancel", "pad", "eos", "bos", "stop", "max", "nonsecret"];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Name {
    Password,
    Token,
    Secret,
    AwsSecret,
    Key,
    AzureKey,
    Header,
}

impl Name {
    fn kind(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Token | Self::Header => "token",
            Self::Secret => "secret",
            Self::AwsSecret => "aws-secret-key",
            Self::Key => "api-key",
            Self::AzureKey => "azure-key",
        }
    }

    /// What a value under this name would be, if anything.
    fn of(raw: &[u8]) -> Option<Self> {
        let lower: String = raw.iter().filter(|&&b| alnum(b)).map(|b| char::from(b.to_ascii_lowercase())).collect();
        let name = lower.trim_end_matches(|c: char| c.is_ascii_digit());
        if HEADERS.contains(&name) {
            return Some(Self::Header);
        }
        if ["password", "passwd", "passphrase", "pwd", "userpass", "dbpass"].iter().any(|p| name.ends_with(p)) {
            return Some(Self::Password);
        }
        if name.ends_with("pass") {
            let before = raw.len().checked_sub(5).and_then(|i| raw.get(i)).copied().unwrap_or(b'_');
            let camel = raw.ends_with(b"Pass") && before.is_ascii_lowercase();
            return (camel || !alnum(before)).then_some(Self::Password);
        }
        if name.ends_with("token") {
            return (!CURSORS.iter().any(|c| name.contains(c))).then_some(Self::Token);
        }
        if name.ends_with("secretaccesskey") || name.ends_with("secretkey") {
            return Some(Self::AwsSecret);
        }
        if name.ends_with("secret") || name.ends_with("secretkeybase") {
            return Some(Self::Secret);
        }
        if name.ends_with("sharedaccesskey") || name.ends_with("accountkey") {
            return Some(Self::AzureKey);
        }
        KEYS.iter().any(|k| name.ends_with(k)).then_some(Self::Key)
    }
}

/// How a name and its value are joined.
#[derive(Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "independent traits of one assignment")]
pub(super) struct Form {
    /// Where the value, or its quote, begins.
    pub(super) value: usize,
    /// The name stands in quotes.
    pub(super) quoted_name: bool,
    /// `name=value` without spaces.
    pub(super) tight: bool,
    /// `name: value`
    pub(super) colon: bool,
    /// `"name", "value"`: only a quoted value counts.
    pub(super) comma: bool,
    /// The two lines `name: X`, `value: y` of a container's environment.
    pub(super) env_pair: bool,
}

/// Reads what joins the name from `start` to `end` to a value.
pub(super) fn form(scan: &Scan<'_>, start: usize, end: usize) -> Option<Form> {
    let mut form = Form::default();
    let mut i = scan.run_within(end, |b| b == b'\\', 4);
    if quote(scan.at(i)) {
        form.quoted_name = true;
        i += 1;
    } else if i > end && scan.at(i) != b'n' {
        return None;
    } else {
        i = end;
    }
    if scan.at(i) == b']' {
        i += 1;
    }
    if scan.at(i) == b'?' && scan.at(i + 1) == b':' {
        i += 1;
    }
    if let Some(value) = env_pair(scan, start, i) {
        return Some(Form { value, env_pair: true, colon: true, ..form });
    }
    let gap = i;
    i = scan.run_within(i, blank, 40);
    let next = scan.at(i + 1);
    match scan.at(i) {
        b':' if next == b':' => return None,
        b':' if next == b'=' => i += 2,
        b':' => {
            form.colon = true;
            i += 1;
        }
        b'=' if next == b'=' || next == b'~' => return None,
        b'=' if next == b'>' => i += 2,
        b'=' => {
            form.tight = i == gap && !blank(next);
            i += 1;
        }
        b',' if form.quoted_name => {
            form.comma = true;
            i += 1;
        }
        b'>' if scan.before(start, 1) == b'<' => {
            form.tight = true;
            i += 1;
        }
        _ if i > gap && (scan.starts_with(start, b"--") || netrc(scan, start, end)) => {}
        _ => return None,
    }
    form.value = scan.run_within(i, blank, 40);
    Some(form)
}

/// `login NAME password VALUE` of a netrc file.
fn netrc(scan: &Scan<'_>, start: usize, end: usize) -> bool {
    scan.slice(start, end) == b"password"
        && scan.slice(start.saturating_sub(80), start).windows(6).any(|w| w == b"login ")
}

/// The place of the value in `name: X⏎ value: y` or `"name": "X", "value": "y"`.
fn env_pair(scan: &Scan<'_>, start: usize, end: usize) -> Option<usize> {
    let edge = |b: u8| blank(b) || quote(b) || b == b'\\';
    let colon = scan.run_back(start, edge, 8);
    let label = scan.run_back(colon.checked_sub(1)?, |b| quote(b) || b == b'\\', 4);
    if scan.before(colon, 1) != b':' || !scan.slice(label.saturating_sub(4), label).eq_ignore_ascii_case(b"name") {
        return None;
    }
    let mut i = end + usize::from(scan.at(end) == b',');
    i = scan.skip_breaks(i);
    i = scan.run_within(i, edge, 4);
    if !scan.starts_with_ignore_case(i, b"value") {
        return None;
    }
    i = scan.run_within(i + 5, edge, 4);
    (scan.at(i) == b':').then(|| scan.run_within(i + 1, blank, 40))
}

/// A value: its range, and whether quotes delimit it.
#[derive(Clone, Copy)]
pub(super) struct Literal {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) quoted: bool,
}

/// The bytes an unquoted value consists of.
pub(super) fn unquoted(b: u8) -> bool {
    b > b' ' && b != 0x7f && !quote(b) && !matches!(b, b'\\' | b'<' | b'>' | b',' | b';' | b')' | b'}' | b']' | b'|')
}

/// The opening quote at `i`, possibly escaped or with a string prefix: (after the quote, the quote, escaped).
pub(super) fn opening(scan: &Scan<'_>, i: usize) -> Option<(usize, u8, bool)> {
    let prefix = matches!(scan.at(i), b'b' | b'r' | b'f' | b'u' | b'@') && quote(scan.at(i + 1));
    let from = i + usize::from(prefix);
    let slashes = scan.run_within(from, |b| b == b'\\', 8);
    quote(scan.at(slashes)).then(|| (slashes + 1, scan.at(slashes), slashes > from))
}

/// The end of the string opened by `mark` before `start`, if it closes on its line.
pub(super) fn closing(scan: &Scan<'_>, start: usize, mark: u8, escaped: bool) -> Option<usize> {
    let mut slashes = 0;
    for (n, &b) in scan.slice(start, start + QUOTED_MAX).iter().enumerate() {
        match b {
            b'\\' => slashes += 1,
            b'\n' => return None,
            _ if b == mark && escaped => return Some(start + n - slashes),
            _ if b == mark && slashes % 2 == 0 => return Some(start + n),
            _ => slashes = 0,
        }
    }
    None
}

/// The literal at `i`.
pub(super) fn literal(scan: &mut Scan<'_>, i: usize) -> Option<Literal> {
    if let Some((start, mark, escaped)) = opening(scan, i) {
        return closing(scan, start, mark, escaped).map(|end| Literal { start, end, quoted: true });
    }
    let end = scan.run_memo(Memo::Value, i, unquoted);
    (end > i).then_some(Literal { start: i, end, quoted: false })
}

/// Past a type between a name and its value: `token: &'static str = "…"`.
fn skip_type(scan: &Scan<'_>, i: usize) -> usize {
    if opening(scan, i).is_some() {
        return i;
    }
    let class =
        |b: u8| alnum(b) || matches!(b, b'_' | b'&' | b'<' | b'>' | b'\'' | b' ' | b'|' | b'?' | b'[' | b']' | b'.');
    let end = scan.run_within(i, class, 48);
    let value = scan.run_within(end + 1, blank, 4);
    if scan.at(end) == b'=' && end > i && opening(scan, value).is_some() { value } else { i }
}

/// At a word that may end a name.
pub(super) fn assign(scan: &mut Scan<'_>, start: usize, end: usize) -> Option<Hit> {
    let end = scan.run_within(end, token, SUFFIX_MAX + 1);
    if !matches!(
        scan.at(end),
        b'"' | b'\'' | b'`' | b'\\' | b':' | b'=' | b' ' | b'\t' | b'>' | b']' | b'?' | b'\n' | b'\r'
    ) {
        return None;
    }
    let name_start = scan.run_back(start, token, 40);
    let raw = scan.slice(name_start, end);
    let name = Name::of(raw)?;
    let form = form(scan, name_start, end)?;
    let at = if form.colon { skip_type(scan, form.value) } else { form.value };
    let mut found = literal(scan, at)?;
    if form.comma && !found.quoted {
        return None;
    }
    // Only a hit is cut in full below.
    let uncut = found.end;
    found.end = cut(scan, found, name_start, JUDGED);
    let upper = raw.iter().any(u8::is_ascii_uppercase) && !raw.iter().any(u8::is_ascii_lowercase);
    let judged = scan.slice(found.start, found.end.min(found.start + JUDGED));
    if judged.iter().any(u8::is_ascii_whitespace)
        || value::placeholder(judged)
        || (!found.quoted && value::code(judged))
    {
        return None;
    }
    if !found.quoted && !form.tight && is_type(scan, found.end, judged) {
        return None;
    }
    let env = form.env_pair || (upper && form.tight);
    let secret = match name {
        Name::Password => {
            // `let password = hash2;`, `connect(password = pw2)`: code, not a setting.
            let statement =
                !found.quoted && !form.tight && !form.colon && matches!(scan.at(found.end), b';' | b')' | b',');
            let plain = (form.quoted_name && form.colon && found.quoted && judged.len() >= 8) || env;
            !statement && value::password(judged, plain)
        }
        Name::Header => value::random(judged) || ((form.colon || form.comma) && value::credential(judged)),
        Name::AwsSecret if value::aws_secret(judged) => true,
        _ => value::random(judged) || (env && short_token(judged)),
    };
    if !secret {
        return None;
    }
    found.end = cut(scan, Literal { end: uncut, ..found }, name_start, usize::MAX);
    let kind = match name {
        Name::AwsSecret if !value::aws_secret(judged) => "secret",
        _ => name.kind(),
    };
    Some(Hit { start: found.start, end: found.end, kind })
}

/// Whether an unquoted value that ends at `end` is a type: `X: WIN32_ERROR = …`, `key: Name32<'_>`, `n: u_int32_t`.
fn is_type(scan: &Scan<'_>, end: usize, judged: &[u8]) -> bool {
    let next = scan.run_within(end, blank, 4);
    let initialised = next > end && scan.at(next) == b'=' && scan.at(next + 1) != b'=';
    initialised || scan.at(end) == b'<' || judged.ends_with(b"_t")
}

/// Where an unquoted value really ends within its first `max` bytes: before the next member of a query, or before `&&`.
fn cut(scan: &Scan<'_>, found: Literal, name_start: usize, max: usize) -> usize {
    if found.quoted {
        return found.end;
    }
    let query = matches!(scan.before(name_start, 1), b'?' | b'&');
    let ends = |at: usize| {
        let next = scan.run_within(at + 1, token, 32);
        query || scan.at(at + 1) == b'&' || (next > at + 1 && scan.at(next) == b'=')
    };
    let text = scan.slice(found.start, found.end.min(found.start.saturating_add(max)));
    let mut ampersands = text.iter().enumerate().filter(|&(_, &b)| b == b'&').map(|(n, _)| found.start + n);
    ampersands.find(|&at| ends(at)).unwrap_or(found.end)
}

/// Whether a short value of an environment variable named as a token is one: a piece of eight that mixes.
fn short_token(v: &[u8]) -> bool {
    let (piece, digits, letters) = super::tokens::longest_piece(v);
    piece >= 8 && digits > 0 && letters > 0 && !value::describes(v) && v.iter().all(|&b| token(b))
}
