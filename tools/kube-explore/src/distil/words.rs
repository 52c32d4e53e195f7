//! A line as words: which of them stay the same from line to line, and which look as if they did not.
//!
//! A word with a digit in it (a number, a time, an address, an id, a duration) and a long one may vary, and so may a quoted string that is
//! not a message. Everything between words is their form. What may vary is only left out of a template once it has.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};

use super::level::{Judge, Level, Mark, Marks};

/// The most words of a line that are compared.
pub const WORDS_MAX: usize = 64;
/// The most bytes of a line that are compared.
pub const COMPARED: usize = 1 << 10;
/// The most bytes of a line that are read to see whether it tells of an error.
const JUDGED: usize = 16 << 10;
/// A word longer than this is an id of some sort.
const LONG: usize = 40;

/// What a word is in its line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A word like any other.
    Word,
    /// The name of a value: `name=`, `"name":`.
    Key,
    /// One that may vary.
    Var,
}

/// A word: where it is, and what it is compared by.
#[derive(Clone, Copy, Debug)]
pub struct Token {
    /// Where it begins in its line.
    pub start: u16,
    /// Where it ends.
    pub end: u16,
    /// Of its letters, without their case.
    pub hash: u64,
    /// What it is.
    pub kind: Kind,
    /// Whether it says how bad the line is.
    pub level: bool,
}

/// Reads lines into words. One for all lines: it keeps its room.
#[derive(Debug)]
pub struct Words {
    /// The words of the last line.
    pub tokens: Vec<Token>,
    /// What the last line has in common with others of its kind.
    pub shape: u64,
    /// How bad the last line is.
    pub level: Level,
    marks: Marks,
    seed: u64,
}

const WORD: u8 = 1;
const DIGIT: u8 = 2;
const LETTER: u8 = 4;
const COLON: u8 = 8;

/// What each byte is in a word.
const CLASS: [u8; 256] = {
    let mut class = [0_u8; 256];
    let mut byte = 0_usize;
    while byte < 256 {
        let b = byte as u8;
        class[byte] = match b {
            b'0'..=b'9' => WORD | DIGIT,
            b'a'..=b'z' | b'A'..=b'Z' => WORD | LETTER,
            b':' => COLON,
            b'.' | b'_' | b'-' | b'+' | b'%' | b'@' | b'#' | b'$' | b'*' | b'~' | b'!' | 0x80.. => WORD,
            _ => 0,
        };
        byte += 1;
    }
    class
};

fn class(line: &[u8], at: usize) -> u8 {
    line.get(at).map_or(0, |&byte| CLASS[usize::from(byte)])
}

fn byte(line: &[u8], at: usize) -> u8 {
    line.get(at).copied().unwrap_or(b' ')
}

impl Default for Words {
    fn default() -> Self {
        // So that nobody can write a line that is taken for another one.
        let seed = RandomState::new().build_hasher().finish();
        Self {
            tokens: Vec::with_capacity(WORDS_MAX),
            shape: 0,
            level: Level::Plain,
            marks: Marks::new(|word| hash(seed, word)),
            seed,
        }
    }
}

impl Words {
    /// Reads `line`.
    pub fn read(&mut self, line: &[u8]) {
        self.tokens.clear();
        self.shape = self.seed;
        let line = line.get(..line.len().min(JUDGED)).unwrap_or_default();
        let mut judge = Judge::default();
        let mut at = 0;
        // Until where the words of a quoted string are only judged, and where the one that is being read ends.
        let (mut muted, mut closing) = (0, usize::MAX);
        while let Some(&first) = line.get(at) {
            let first_class = CLASS[usize::from(first)];
            // A word does not begin with a colon: `":5`, `a::b`.
            if first_class & WORD == 0 {
                if first == b'"' && at >= muted && at != closing {
                    match quoted(line, at, &judge) {
                        Quoted::Inside(end) => closing = end,
                        Quoted::Var(end) => {
                            self.push(line, at + 1, end, Kind::Var, Mark::None);
                            (muted, closing) = (end, end);
                        }
                        Quoted::Nothing => judge.empty(),
                    }
                }
                if first != b' ' && at >= muted {
                    self.shape = mix(self.shape, u64::from(first));
                }
                at += 1;
                continue;
            }
            let start = at;
            let mut seen = first_class;
            at += 1;
            while let Some(&byte) = line.get(at) {
                let class = CLASS[usize::from(byte)];
                // `error:text` and `a::b` are words; `12:30:45` and `host:80` are one.
                if class == 0 || class == COLON && seen & DIGIT == 0 && self::class(line, at + 1) & DIGIT == 0 {
                    break;
                }
                seen |= class;
                at += 1;
            }
            let mut end = at;
            while end > start && matches!(byte(line, end - 1), b'.' | b':' | b'!') {
                end -= 1;
            }
            // Dashes, dots and stars alone are form.
            if seen & (DIGIT | LETTER) == 0 && byte(line, start) < 0x80 {
                self.shape = mix(self.shape, u64::from(first));
                continue;
            }
            let word = line.get(start..end).unwrap_or_default();
            let varies = seen & DIGIT != 0 || word.len() > LONG;
            let key = is_key(line, start, end);
            let kind = if key {
                Kind::Key
            } else if varies {
                Kind::Var
            } else {
                Kind::Word
            };
            let hash = hash(self.seed, word);
            let mark = if varies && word != b"0" { Mark::None } else { self.marks.of(hash, word) };
            if kind == Kind::Word && mark == Mark::None {
                judge.pass();
            } else {
                judge.word(word, mark, kind, byte(line, start.wrapping_sub(1)), byte(line, end));
            }
            if start >= muted {
                self.push_hashed(start, end, kind, mark.is_level(), hash);
            }
        }
        self.level = judge.level();
        self.shape = mix(self.shape, self.level as u64);
    }

    fn push(&mut self, line: &[u8], start: usize, end: usize, kind: Kind, mark: Mark) {
        let word = line.get(start..end).unwrap_or_default();
        let word = word.get(..word.len().min(COMPARED)).unwrap_or_default();
        self.push_hashed(start, end, kind, mark.is_level(), hash(self.seed, word));
    }

    fn push_hashed(&mut self, start: usize, end: usize, kind: Kind, level: bool, hash: u64) {
        if self.tokens.len() >= WORDS_MAX || start >= COMPARED {
            return;
        }
        let end = end.min(COMPARED);
        self.shape = mix(self.shape, if kind == Kind::Var { 1 } else { hash });
        // Both are below COMPARED.
        self.tokens.push(Token { start: start as u16, end: end as u16, hash, kind, level });
    }
}

/// How a quoted string is read.
enum Quoted {
    /// As the words in it, until its end.
    Inside(usize),
    /// As one word that may vary, until its end.
    Var(usize),
    /// There is nothing in it.
    Nothing,
}

fn quoted(line: &[u8], open: usize, judge: &Judge) -> Quoted {
    let from = open + 1;
    let mut end = from;
    loop {
        let Some(found) = memchr::memchr(b'"', line.get(end..).unwrap_or_default()) else {
            return Quoted::Inside(usize::MAX);
        };
        end += found;
        if byte(line, end - 1) != b'\\' || end == from {
            break;
        }
        end += 1;
    }
    let text = line.get(from..end).unwrap_or_default();
    if text.is_empty() {
        return Quoted::Nothing;
    }
    // A name, as JSON has it.
    if byte(line, end + 1) == b':' {
        return Quoted::Inside(end);
    }
    let spaces = memchr::memchr_iter(b' ', text).take(3).count();
    match (judge.key(), spaces) {
        (Some(Mark::Message), _) => Quoted::Inside(end),
        (Some(key), _) if key.is_bad() => Quoted::Inside(end),
        (Some(_), 0) if text.len() <= LONG => Quoted::Inside(end),
        (Some(_), _) => Quoted::Var(end),
        // Without a name, a sentence is a message, and less is the name of something.
        (None, 3) => Quoted::Inside(end),
        (None, _) => Quoted::Var(end),
    }
}

/// Whether the word is the name of a value that follows.
fn is_key(line: &[u8], start: usize, end: usize) -> bool {
    match byte(line, end) {
        b'=' => byte(line, end + 1) != b'=',
        quote @ (b'"' | b'\'') => start > 0 && byte(line, start - 1) == quote && byte(line, end + 1) == b':',
        _ => false,
    }
}

const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

fn mix(sum: u64, value: u64) -> u64 {
    (sum.rotate_left(5) ^ value).wrapping_mul(FACTOR)
}

/// Of the bytes of `word`, capital letters being like small ones.
pub fn hash(seed: u64, word: &[u8]) -> u64 {
    const SMALL: u64 = 0x2020_2020_2020_2020;
    let load = |from: usize| word.get(from..).and_then(<[u8]>::first_chunk).map(|eight| u64::from_le_bytes(*eight));
    let mut sum = mix(seed, word.len() as u64);
    let Some(last) = word.len().checked_sub(8).and_then(load) else {
        let part = |from: usize| word.get(from..).and_then(<[u8]>::first_chunk).map(|four| u32::from_le_bytes(*four));
        // Two halves that overlap, or each byte.
        let all = match (part(0), word.len().checked_sub(4).and_then(part)) {
            (Some(first), Some(last)) => u64::from(first) | u64::from(last) << 32,
            _ => word.iter().fold(0_u64, |all, &byte| all << 8 | u64::from(byte)),
        };
        sum = mix(sum, all | SMALL);
        return sum ^ sum >> 29;
    };
    let mut from = 0;
    while from + 8 < word.len() {
        sum = mix(sum, load(from).unwrap_or_default() | SMALL);
        from += 8;
    }
    // The last eight, also where they overlap those before.
    sum = mix(sum, last | SMALL);
    sum ^ sum >> 29
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(line: &str) -> String {
        let mut words = Words::default();
        words.read(line.as_bytes());
        let mut shown = Vec::new();
        for token in &words.tokens {
            let text = &line[usize::from(token.start)..usize::from(token.end)];
            shown.push(match token.kind {
                Kind::Word => text.to_owned(),
                Kind::Key => format!("{text}="),
                Kind::Var => format!("<{text}>"),
            });
        }
        shown.join(" ")
    }

    #[test]
    fn words_that_vary_are_told_from_those_that_stay() {
        for (line, expected) in [
            ("", ""),
            ("connected to db in 12ms", "connected to db in <12ms>"),
            ("GET /api/users/123/orders?id=9f HTTP/1.1", "GET api users <123> orders id= <9f> HTTP <1.1>"),
            ("at 12:30:45 from 10.0.0.1:8080, [::1]", "at <12:30:45> from <10.0.0.1:8080> <1>"),
            ("ERROR:root:it failed.", "ERROR root it failed"),
            ("std::io::Error in a.b.C:", "std io Error in a.b.C"),
            ("level=info msg=\"cache hit\" key=\"a b\"", "level= info msg= cache hit key= <a b>"),
            (
                r#"{"level":"info","n":5,"ua":"x y z w","msg":"it is so"}"#,
                "level= info n= <5> ua= <x y z w> msg= it is so",
            ),
            (r#"user "bob" said "this is a sentence" to "a \" b""#, "user <bob> said this is a sentence to <a \\\" b>"),
            ("--- === *** -> ok", "ok"),
            ("é ünïcode", "é ünïcode"),
            ("\"never closed", "never closed"),
        ] {
            assert_eq!(shown(line), expected, "{line}");
        }
    }

    #[test]
    fn lines_of_one_kind_have_one_shape() {
        let mut words = Words::default();
        let mut shape = |line: &str| {
            words.read(line.as_bytes());
            words.shape
        };
        assert_eq!(shape("took 12ms for 10.0.0.1"), shape("took 3s for 10.9.9.9"));
        assert_ne!(shape("took 12ms for 10.0.0.1"), shape("took 3s of 10.9.9.9"));
        assert_ne!(shape("a=b"), shape("a b"));
        assert_eq!(shape("Took 1"), shape("took 2"));
    }

    #[test]
    fn whatever_comes_is_read() {
        let mut words = Words::default();
        for line in [
            &b"\"\"\"\\\"\\"[..],
            b"=:\"':=\"':",
            b"\xff\xfe\0\0",
            b"::::",
            b"a::",
            b":a",
            &[b'"'; 5000],
            &[b'1'; 70_000],
        ] {
            words.read(line);
            for token in &words.tokens {
                assert!(token.start <= token.end && usize::from(token.end) <= line.len().min(COMPARED));
            }
        }
        words.read("w ".repeat(10_000).as_bytes());
        assert_eq!(words.tokens.len(), WORDS_MAX);
    }
}
