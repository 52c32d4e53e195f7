//! Masking of secrets in text that leaves the process: answers, errors, logs.
//!
//! [`redact`] replaces every secret it recognises by `[redacted:<kind>]`. The token has a fixed length per kind, so it
//! says nothing about the secret. Three sorts of knowledge are used, in this order:
//!
//! 1. secrets this process was given ([`register`]): masked verbatim, escaped for JSON, percent-encoded, and in base64
//!    at any offset (so also inside `Basic base64(user:secret)`);
//! 2. secrets that are known by their form: vendor prefixes, JWTs, private key blocks, passwords in URLs;
//! 3. secrets that are known by the name they are assigned to (`password=…`, `Authorization: …`).
//!
//! The third sort is where masking can destroy what a reader needs, so it is tuned for precision. A value after such a
//! name is masked only when the *value* is a literal that looks like a secret, never when it looks like code, a type, a
//! placeholder, a path, a resource name or prose:
//!
//! * `…password`, `…passwd`, `…passphrase`, `…pwd`, `…_pass`: a literal with a digit or a symbol in it; in JSON and in
//!   `UPPER_CASE=value` also a plain word, unless it describes itself (`"password": "string"`).
//! * `…token`, `…secret`, `…api_key`, `…access_key`, `…private_key` and the like: a literal that looks random (long
//!   runs that mix letters and digits). A short word there is a reference or a resource name, and survives.
//! * `nextPageToken`, `continuation_token` and their kin survive: they are cursors the reader has to send back.
//!
//! Redact before cutting text to a budget: half a secret is no longer recognisable.
//!
//! The work is linear in the text. One automaton finds anchors; what is looked at around an anchor to decide is bounded
//! (or remembered for the whole run it lies in), and only a hit, which is then skipped, is followed to its end.

use std::borrow::Cow;
use std::sync::OnceLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

mod assign;
mod header;
mod jwt;
mod pem;
mod registry;
mod scan;
#[cfg(test)]
mod tests;
mod tokens;
mod url;
mod value;

pub use registry::register;
use scan::{Hit, Scan};

/// How every mask begins. Nothing inside a mask is looked at again.
const MASK_OPEN: &str = "[redacted:";
/// No kind is longer than this.
const KIND_MAX: usize = 24;
/// One pass leaves nothing that a second pass would mask, save where masking one secret uncovers the boundary of its
/// neighbour. Passes after the first are made only for text that held a secret, and never more than this many.
const PASSES_MAX: usize = 4;

/// Replaces every recognised secret in `text` by `[redacted:<kind>]`.
///
/// Returns the text itself, borrowed, when there is nothing to mask. Applying it twice changes nothing more.
#[must_use]
pub fn redact(text: &str) -> Cow<'_, str> {
    let Some(mut masked) = pass(text) else {
        return Cow::Borrowed(text);
    };
    for _ in 1..PASSES_MAX {
        match pass(&masked) {
            Some(again) => masked = again,
            None => break,
        }
    }
    Cow::Owned(masked)
}

/// Whether `text` holds a secret that this process was given, in any of the forms that are masked: such text must not be sent to where others read it.
#[must_use]
pub fn holds_own(text: &str) -> bool {
    registry::mask(text).is_some()
}

/// One pass over the text; `None` when nothing was masked.
fn pass(text: &str) -> Option<String> {
    let own = registry::mask(text);
    let patterns = mask_patterns(own.as_deref().unwrap_or(text));
    patterns.or(own)
}

/// What to do at an anchor.
#[derive(Clone, Copy)]
enum Rule {
    /// A vendor prefix.
    Token(&'static tokens::Token),
    /// A matcher, called with the start and the end of the anchor.
    Match(fn(&mut Scan<'_>, usize, usize) -> Option<Hit>),
    /// A mask from an earlier pass: skipped whole.
    Mask,
}

/// Anchors other than vendor prefixes. All are matched without regard to ASCII case.
const ANCHORS: &[(&str, Rule)] = &[
    (MASK_OPEN, Rule::Mask),
    ("-----BEGIN ", Rule::Match(pem::block)),
    ("---- BEGIN ", Rule::Match(pem::block)),
    ("LS0tLS1CRUdJTi", Rule::Match(pem::base64_block)),
    ("Private-Lines:", Rule::Match(pem::putty)),
    ("eyJ", Rule::Match(jwt::jwt)),
    ("eyAi", Rule::Match(jwt::jwt)),
    ("ewog", Rule::Match(jwt::jwt)),
    ("://", Rule::Match(url::userinfo)),
    (":\\/\\/", Rule::Match(url::userinfo)),
    ("@tcp(", Rule::Match(url::dsn)),
    ("@unix(", Rule::Match(url::dsn)),
    ("sig=", Rule::Match(url::signature)),
    ("X-Amz-Signature=", Rule::Match(url::signature)),
    ("X-Goog-Signature=", Rule::Match(url::signature)),
    ("X-Amz-Security-Token=", Rule::Match(url::signature)),
    ("sk-", Rule::Match(tokens::sk)),
    ("SG.", Rule::Match(tokens::sendgrid)),
    ("xox", Rule::Match(tokens::slack)),
    ("hooks.slack.com/services/", Rule::Match(tokens::slack_webhook)),
    ("AKIA", Rule::Match(tokens::aws_id)),
    ("ASIA", Rule::Match(tokens::aws_id)),
    ("ABIA", Rule::Match(tokens::aws_id)),
    ("ACCA", Rule::Match(tokens::aws_id)),
    ("Q~", Rule::Match(tokens::azure_client_secret)),
    ("::server:", Rule::Match(tokens::k3s)),
    ("::node:", Rule::Match(tokens::k3s)),
    ("authorization", Rule::Match(header::authorization)),
    ("bearer ", Rule::Match(header::bearer)),
    ("basic ", Rule::Match(header::basic)),
    ("cookie", Rule::Match(header::cookie)),
    ("\"auth\"", Rule::Match(header::docker_auth)),
    ("_auth", Rule::Match(header::docker_auth)),
    ("pass", Rule::Match(assign::assign)),
    ("pwd", Rule::Match(assign::assign)),
    ("secret", Rule::Match(assign::assign)),
    ("token", Rule::Match(assign::assign)),
    ("key", Rule::Match(assign::assign)),
];

/// The compiled anchors and what each of them means.
struct Engine {
    automaton: AhoCorasick,
    rules: Vec<Rule>,
}

/// Compiled on first use. `None` could only come from a table too large for the automaton; a test rules that out.
fn engine() -> Option<&'static Engine> {
    static ENGINE: OnceLock<Option<Engine>> = OnceLock::new();
    ENGINE
        .get_or_init(|| {
            let tokens = tokens::TOKENS.iter().map(|token| (token.prefix, Rule::Token(token)));
            let (names, rules): (Vec<&str>, Vec<Rule>) = ANCHORS.iter().copied().chain(tokens).unzip();
            let automaton = AhoCorasick::builder()
                .match_kind(MatchKind::Standard)
                .kind(Some(AhoCorasickKind::DFA))
                .ascii_case_insensitive(true)
                .build(names)
                .ok()?;
            Some(Engine { automaton, rules })
        })
        .as_ref()
}

/// Masks what is known by form or by name.
fn mask_patterns(text: &str) -> Option<String> {
    let Some(engine) = engine() else {
        // Without patterns nothing may leave.
        return (!text.is_empty() && text != "[redacted:all]").then(|| "[redacted:all]".to_owned());
    };
    let mut scan = Scan::new(text.as_bytes());
    let mut hits: Vec<Hit> = Vec::new();
    let mut floor = 0;
    for anchor in engine.automaton.find_overlapping_iter(text) {
        let (start, end) = (anchor.start(), anchor.end());
        let Some(rule) = engine.rules.get(anchor.pattern().as_usize()) else {
            continue;
        };
        if start < floor {
            // A key block that begins inside another secret reaches beyond it.
            if let (Rule::Match(_), Some(last), true) = (rule, hits.last_mut(), text.len() > floor)
                && scan.at(start) == b'-'
                && start >= last.start
                && last.end == floor
                && last.kind != pem::KIND
                && let Some(hit) = pem::block(&mut scan, start, end)
                && hit.end > floor
            {
                last.end = hit.end;
                last.kind = pem::KIND;
                floor = hit.end;
            }
            continue;
        }
        let hit = match rule {
            Rule::Mask => {
                floor = mask_end(text.as_bytes(), start).unwrap_or(floor);
                None
            }
            Rule::Token(token) => token.find(&scan, start),
            Rule::Match(find) => find(&mut scan, start, end),
        };
        if let Some(hit) = hit
            && hit.start >= floor
            && hit.end > hit.start
        {
            floor = hit.end;
            hits.push(hit);
        }
    }
    build(text, &hits)
}

/// The end of the mask that begins at `start`, if one does.
fn mask_end(bytes: &[u8], start: usize) -> Option<usize> {
    let kind = bytes.get(start..)?.strip_prefix(MASK_OPEN.as_bytes())?;
    let len =
        kind.iter().take(KIND_MAX + 1).position(|&b| !(b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'))?;
    (len > 0 && kind.get(len) == Some(&b']')).then(|| start + MASK_OPEN.len() + len + 1)
}

/// Copies `text` with every hit replaced. Hits are in order and do not overlap.
fn build(text: &str, hits: &[Hit]) -> Option<String> {
    if hits.is_empty() {
        return None;
    }
    let mut out = String::with_capacity(text.len());
    let mut copied = 0;
    for hit in hits {
        // Matchers work on ASCII delimiters; should one ever stop inside a character, the character goes too.
        let start = (copied..=hit.start).rev().find(|&i| text.is_char_boundary(i)).unwrap_or(copied);
        let end = (hit.end..=text.len()).find(|&i| text.is_char_boundary(i)).unwrap_or(text.len());
        out.push_str(text.get(copied..start).unwrap_or_default());
        out.push_str(MASK_OPEN);
        out.push_str(hit.kind);
        out.push(']');
        copied = end;
    }
    out.push_str(text.get(copied..).unwrap_or_default());
    Some(out)
}
