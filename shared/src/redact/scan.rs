//! The text as matchers see it: bytes, character classes, runs, boundaries.

/// A secret found: the byte range to replace and the kind to name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hit {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) kind: &'static str,
}

/// A set of bytes.
pub(super) type Class = fn(u8) -> bool;

/// `[A-Za-z0-9]`
pub(super) fn alnum(b: u8) -> bool {
    b.is_ascii_alphanumeric()
}
/// `[A-Za-z0-9_]`
pub(super) fn word(b: u8) -> bool {
    alnum(b) || b == b'_'
}
/// `[A-Za-z0-9_-]`, the alphabet of URL-safe base64
pub(super) fn token(b: u8) -> bool {
    word(b) || b == b'-'
}
/// `[A-Za-z0-9_.-]`
pub(super) fn dotted(b: u8) -> bool {
    token(b) || b == b'.'
}
/// `[A-Za-z0-9+/=]`, the alphabet of base64
pub(super) fn base64(b: u8) -> bool {
    alnum(b) || matches!(b, b'+' | b'/' | b'=')
}
/// `[A-Z0-9]`
pub(super) fn upper_digit(b: u8) -> bool {
    b.is_ascii_uppercase() || b.is_ascii_digit()
}
/// A single or double quote or a backtick.
pub(super) fn quote(b: u8) -> bool {
    matches!(b, b'"' | b'\'' | b'`')
}
/// Space or tab.
pub(super) fn blank(b: u8) -> bool {
    matches!(b, b' ' | b'\t')
}

/// Runs that are remembered, so that many anchors inside one run do not walk it again and again.
#[derive(Clone, Copy)]
pub(super) enum Memo {
    JwtHeader,
    JwtPayload,
    Value,
}

/// A text under scan.
pub(super) struct Scan<'a> {
    bytes: &'a [u8],
    memo: [(usize, usize); 3],
    /// The dotted run seen last, and the dots in it.
    dotted: (usize, usize, usize),
}

impl<'a> Scan<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, memo: [(0, 0); 3], dotted: (0, 0, 0) }
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The byte at `i`; 0 beyond the end.
    pub(super) fn at(&self, i: usize) -> u8 {
        self.bytes.get(i).copied().unwrap_or(0)
    }

    /// The byte `n` places before `i`; 0 before the beginning.
    pub(super) fn before(&self, i: usize, n: usize) -> u8 {
        i.checked_sub(n).map_or(0, |k| self.at(k))
    }

    /// The bytes from `start` to `end`, as far as they exist.
    pub(super) fn slice(&self, start: usize, end: usize) -> &'a [u8] {
        self.bytes.get(start..end.min(self.bytes.len())).unwrap_or_default()
    }

    pub(super) fn starts_with(&self, i: usize, what: &[u8]) -> bool {
        self.slice(i, i + what.len()) == what
    }

    pub(super) fn starts_with_ignore_case(&self, i: usize, what: &[u8]) -> bool {
        self.slice(i, i + what.len()).eq_ignore_ascii_case(what)
    }

    /// The end of the run of `class` that begins at `from`, at most `max` bytes on.
    pub(super) fn run_within(&self, from: usize, class: Class, max: usize) -> usize {
        let slice = self.slice(from, from.saturating_add(max));
        from + slice.iter().position(|&b| !class(b)).unwrap_or(slice.len())
    }

    /// The end of the run of `class` that begins at `from`. Only for hits: it is not bounded.
    pub(super) fn run(&self, from: usize, class: Class) -> usize {
        self.run_within(from, class, usize::MAX)
    }

    /// As [`Scan::run`], remembered. A slot is always used with the same class.
    pub(super) fn run_memo(&mut self, slot: Memo, from: usize, class: Class) -> usize {
        if let Some(&(start, end)) = self.memo.get(slot as usize)
            && (start..end).contains(&from)
        {
            return end;
        }
        let end = self.run(from, class);
        if let Some(memo) = self.memo.get_mut(slot as usize) {
            *memo = (from, end);
        }
        end
    }

    /// The end of the run of [`dotted`] bytes that `from` lies in, remembered, and the dots
    /// in it from the first place that was asked for.
    pub(super) fn run_dotted(&mut self, from: usize) -> (usize, usize) {
        let (start, end, dots) = self.dotted;
        if (start..end).contains(&from) {
            return (end, dots);
        }
        let end = self.run(from, dotted);
        let dots = self.slice(from, end).split(|&b| b == b'.').count() - 1;
        self.dotted = (from, end, dots);
        (end, dots)
    }

    /// The start of the run of `class` that ends before `to`, at most `max` bytes back.
    pub(super) fn run_back(&self, to: usize, class: Class, max: usize) -> usize {
        let low = to.saturating_sub(max);
        let slice = self.slice(low, to);
        low + slice.iter().rposition(|&b| !class(b)).map_or(0, |p| p + 1)
    }

    /// Skips white space, and line breaks written as escapes.
    pub(super) fn skip_breaks(&self, mut i: usize) -> usize {
        for _ in 0..64 {
            if self.at(i).is_ascii_whitespace() {
                i += 1;
            } else if self.at(i) == b'\\' {
                let slashes = self.run_within(i, |b| b == b'\\', 8);
                if !matches!(self.at(slashes), b'n' | b'r' | b't') {
                    return i;
                }
                i = slashes + 1;
            } else {
                return i;
            }
        }
        i
    }

    /// Whether a word can begin at `i`: no letter or digit stands before it, or what stands there is the end of an
    /// escape (`\n`, `\u0022`, `%3D`, a colour sequence).
    pub(super) fn boundary(&self, i: usize) -> bool {
        let last = self.before(i, 1);
        if !alnum(last) {
            return true;
        }
        let hex = |n: usize| self.before(i, n).is_ascii_hexdigit();
        if matches!(last, b'n' | b'r' | b't') && self.before(i, 2) == b'\\' {
            return true;
        }
        if self.before(i, 3) == b'%' && hex(2) && hex(1) {
            return true;
        }
        if self.before(i, 4) == b'\\' && self.before(i, 3) == b'x' && hex(2) && hex(1) {
            return true;
        }
        if self.before(i, 6) == b'\\' && self.before(i, 5) == b'u' && (1..=4).all(hex) {
            return true;
        }
        if last.is_ascii_alphabetic() {
            let params = self.run_back(i - 1, |b| b.is_ascii_digit() || b == b';', 16);
            return self.before(params, 1) == b'[' && self.before(params, 2) == 0x1b;
        }
        false
    }
}

/// Decodes base64 of either alphabet, stopping at the first byte that is not part of it. Padding is not needed.
pub(super) fn decode_base64(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3 + 3);
    let (mut acc, mut bits) = (0_u32, 0_u32);
    for &b in text {
        let six = match b {
            b'A'..=b'Z' => b - b'A',
            b'a'..=b'z' => b - b'a' + 26,
            b'0'..=b'9' => b - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => break,
        };
        acc = (acc << 6) | u32::from(six);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            out.push(u8::try_from((acc >> bits) & 0xff).unwrap_or(0));
        }
    }
    out
}
