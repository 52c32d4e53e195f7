//! Secrets this process was given. They are masked whatever they look like.

use std::sync::{Arc, PoisonError, RwLock};

use aho_corasick::{AhoCorasick, MatchKind};

use super::scan::{base64, token};
use super::{KIND_MAX, MASK_OPEN, build, mask_end, scan::Hit};

/// Shorter values are not registered: they would mask ordinary text.
pub const MIN_LEN: usize = 6;
/// A line of a longer secret is registered by itself from this length on.
const LINE_MIN: usize = 20;
/// How far the base64 around a registered secret is masked with it, on either side.
const AROUND_MAX: usize = 1024;
const KIND: &str = "own-credential";

/// The forms of all secrets, compiled.
struct Registry {
    forms: Vec<Form>,
    automaton: AhoCorasick,
}

#[derive(Clone, PartialEq, Eq)]
struct Form {
    text: String,
    encoded: bool,
}

static REGISTRY: RwLock<Option<Arc<Registry>>> = RwLock::new(None);

/// Registers a secret of this process, to be masked by every later [`redact`](super::redact): verbatim, with JSON escapes,
/// percent-encoded, and in base64 (either alphabet, at any offset, so also in base64 of `user:secret`).
///
/// White space around it is dropped. Lines of at least 20 bytes of a secret of several lines are masked one by one too.
/// Returns false, and registers nothing, when fewer than 6 bytes are left: they would mask ordinary text.
pub fn register(secret: &str) -> bool {
    let secret = secret.trim();
    if secret.len() < MIN_LEN {
        return false;
    }
    let mut slot = REGISTRY.write().unwrap_or_else(PoisonError::into_inner);
    let mut forms = slot.as_ref().map(|r| r.forms.clone()).unwrap_or_default();
    let known = forms.len();
    add_forms(&mut forms, secret);
    if secret.contains('\n') {
        let lines = secret.lines().map(str::trim).filter(|l| l.len() >= LINE_MIN && !l.starts_with("-----"));
        lines.for_each(|line| add_forms(&mut forms, line));
    }
    if forms.len() == known {
        return true;
    }
    let built = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(forms.iter().map(|f| &f.text));
    match built {
        Ok(automaton) => {
            *slot = Some(Arc::new(Registry { forms, automaton }));
            true
        }
        Err(_) => false,
    }
}

/// Masks registered secrets; `None` when there are none in the text.
pub(super) fn mask(text: &str) -> Option<String> {
    let registry = REGISTRY.read().unwrap_or_else(PoisonError::into_inner).clone()?;
    let bytes = text.as_bytes();
    let mut hits: Vec<Hit> = Vec::new();
    for found in registry.automaton.find_iter(text) {
        let floor = hits.last().map_or(0, |h| h.end);
        let (mut start, mut end) = (found.start(), found.end());
        if start < floor || in_mask(bytes, start) {
            continue;
        }
        if registry.forms.get(found.pattern().as_usize()).is_some_and(|f| f.encoded) {
            let low = floor.max(start.saturating_sub(AROUND_MAX));
            let high = bytes.len().min(end.saturating_add(AROUND_MAX));
            let around = |b: &&u8| base64(**b) || token(**b);
            start -= bytes.get(low..start).map_or(0, |s| s.iter().rev().take_while(around).count());
            end += bytes.get(end..high).map_or(0, |s| s.iter().take_while(around).count());
        }
        hits.push(Hit { start, end, kind: KIND });
    }
    build(text, &hits)
}

/// Whether `at` lies inside a mask, whose own letters a short secret may equal.
fn in_mask(bytes: &[u8], at: usize) -> bool {
    let low = at.saturating_sub(MASK_OPEN.len() + KIND_MAX);
    let open = bytes.get(low..=at).and_then(|s| s.iter().rposition(|&b| b == b'['));
    open.and_then(|n| mask_end(bytes, low + n)).is_some_and(|end| end > at)
}

/// Adds every form of one secret that is not there yet.
fn add_forms(forms: &mut Vec<Form>, secret: &str) {
    let mut add = |text: String, encoded: bool| {
        let form = Form { text, encoded };
        if form.text.len() >= MIN_LEN && !forms.iter().any(|f| f.text == form.text) {
            forms.push(form);
        }
    };
    add(secret.to_owned(), false);
    add(json_escaped(secret, false), false);
    add(json_escaped(secret, true), false);
    for upper in [true, false] {
        // RFC 3986, then what JavaScript leaves alone, then what userinfo may hold, then a form's plus for a space.
        for safe in ["", "!'()*", "!$&'()*+,;="] {
            add(percent_encoded(secret, upper, safe), false);
        }
        add(percent_encoded(secret, upper, "").replace("%20", "+"), false);
    }
    for offset in 0..3 {
        for url_safe in [false, true] {
            add(base64_core(secret.as_bytes(), offset, url_safe), true);
        }
    }
}

fn json_escaped(secret: &str, slashes: bool) -> String {
    let mut out = String::with_capacity(secret.len() + 8);
    for c in secret.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '/' if slashes => out.push_str("\\/"),
            _ => out.push(c),
        }
    }
    out
}

fn percent_encoded(secret: &str, upper: bool, safe: &str) -> String {
    let mut out = String::with_capacity(secret.len() * 3);
    for b in secret.bytes() {
        if b.is_ascii_alphanumeric()
            || matches!(b, b'-' | b'.' | b'_' | b'~')
            || (b.is_ascii() && safe.contains(char::from(b)))
        {
            out.push(char::from(b));
        } else {
            out.push('%');
            for nibble in [b >> 4, b & 15] {
                let digit = char::from_digit(u32::from(nibble), 16).unwrap_or('0');
                out.push(if upper { digit.to_ascii_uppercase() } else { digit });
            }
        }
    }
    out
}

/// The base64 characters that depend on `secret` alone when `offset` (mod 3) bytes stand before it.
fn base64_core(secret: &[u8], offset: usize, url_safe: bool) -> String {
    let (plus, slash) = if url_safe { ('-', '_') } else { ('+', '/') };
    let (mut acc, mut bits, mut out) = (0_u32, 0_u32, String::new());
    // Bits of bytes before the secret are skipped up to the first character that has none of them.
    let skipped = [0, 2, 3].get(offset).copied().unwrap_or(0);
    let mut index = 0;
    for b in std::iter::repeat_n(0, offset).chain(secret.iter().copied()) {
        acc = ((acc << 8) | u32::from(b)) & 0xffff;
        bits += 8;
        while bits >= 6 {
            bits -= 6;
            let six = u8::try_from((acc >> bits) & 63).unwrap_or(0);
            let c = match six {
                0..=25 => char::from(b'A' + six),
                26..=51 => char::from(b'a' + six - 26),
                52..=61 => char::from(b'0' + six - 52),
                62 => plus,
                _ => slash,
            };
            if index >= skipped {
                out.push(c);
            }
            index += 1;
        }
    }
    out
}
