//! Lines that differ only in some words, folded into templates as they come: an online miner in the manner of Drain.
//!
//! A line whose shape is known is counted at once. Another one is compared with the templates of its leaf: those of its level and number of
//! words that begin with the same two words. It is taken in by the one that is most like it, whose other words then vary, or becomes one of
//! its own. All of it is bounded; lines that find no room are counted.

use std::collections::HashMap;

use super::{
    level::Level,
    raw,
    sources::Sources,
    stamp::Stamp,
    words::{COMPARED, Kind, WORDS_MAX, Words},
};

/// The most templates.
pub const TEMPLATES_MAX: usize = 1_000;
/// The most templates that are compared with one line.
const LEAF_MAX: usize = 24;
/// The most shapes that are known at once.
const SHAPES_MAX: usize = 8_192;
/// The most bytes of a template's example.
const EXAMPLE: usize = 512;

/// How often something was seen, when, and where.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// How often.
    pub count: u64,
    /// When for the first time.
    pub first: Option<Stamp>,
    /// When for the last time.
    pub last: Option<Stamp>,
    /// Where.
    pub sources: Sources,
}

impl Seen {
    /// Once more.
    pub fn add(&mut self, source: u16, time: Option<Stamp>) {
        self.count += 1;
        self.sources.add(source);
        if let Some(time) = time {
            self.first = Some(self.first.map_or(time, |first| first.min(time)));
            self.last = Some(self.last.map_or(time, |last| last.max(time)));
        }
    }
}

/// Lines that are alike.
#[derive(Clone, Debug)]
pub struct Template {
    /// How bad they are.
    pub level: Level,
    /// How often they came.
    pub seen: Seen,
    /// The first of them, or its beginning.
    pub example: Vec<u8>,
    /// Whether that is only its beginning.
    pub cut: bool,
    slots: Vec<Slot>,
}

/// A word of a template.
#[derive(Clone, Copy, Debug)]
struct Slot {
    start: u16,
    end: u16,
    hash: u64,
    kind: Kind,
    /// Whether it says the level, which all lines of a template have in common.
    level: bool,
    /// Whether lines were seen that have another one here.
    varies: bool,
}

impl Template {
    fn new(words: &Words, line: &[u8]) -> Self {
        let (example, left) = raw::cut(line, EXAMPLE);
        let slots = words.tokens.iter().map(|token| Slot {
            start: token.start,
            end: token.end,
            hash: token.hash,
            kind: token.kind,
            level: token.level,
            varies: false,
        });
        Self {
            level: words.level,
            seen: Seen::default(),
            example: example.to_vec(),
            // What lies behind the words that are compared may differ unseen.
            cut: left > 0 || words.tokens.len() >= WORDS_MAX || line.len() > COMPARED,
            slots: slots.collect(),
        }
    }

    /// Notes which words of a line are others than here.
    fn vary(&mut self, words: &Words) {
        for (slot, token) in self.slots.iter_mut().zip(&words.tokens) {
            slot.varies |= slot.hash != token.hash;
        }
    }

    /// How much of 1000 a line is like these; nothing if it is of another kind.
    fn likeness(&self, words: &Words) -> Option<usize> {
        if self.slots.len() != words.tokens.len() {
            return None;
        }
        let (mut same, mut compared) = (0, 0);
        for (slot, token) in self.slots.iter().zip(&words.tokens) {
            if slot.hash == token.hash {
                let counts = slot.kind == Kind::Word && !slot.level;
                same += usize::from(counts);
                compared += usize::from(counts);
            } else if slot.kind == Kind::Key || token.kind == Kind::Key {
                return None;
            } else if slot.kind == Kind::Word && !slot.varies {
                compared += 1;
            }
        }
        // At least two thirds.
        (same * 3 >= compared * 2 && compared > 0).then(|| same * 1_000 / compared)
    }

    /// Whether all lines were the same, as far as they were compared.
    pub fn is_exact(&self) -> bool {
        self.slots.iter().all(|slot| !slot.varies)
    }

    /// The example in pieces: those that all lines have, and those that vary.
    pub fn pieces(&self) -> Vec<(&[u8], bool)> {
        let mut pieces = Vec::new();
        let mut at = 0;
        for slot in self.slots.iter().filter(|slot| slot.varies) {
            let (start, end) = (usize::from(slot.start), usize::from(slot.end));
            if end > self.example.len() || start < at {
                continue;
            }
            pieces.push((self.example.get(at..start).unwrap_or_default(), false));
            pieces.push((self.example.get(start..end).unwrap_or_default(), true));
            at = end;
        }
        pieces.push((self.example.get(at..).unwrap_or_default(), false));
        pieces.retain(|(piece, _)| !piece.is_empty());
        pieces
    }
}

/// Folds lines into templates.
#[derive(Debug, Default)]
pub struct Miner {
    templates: Vec<Template>,
    /// The template of each shape.
    shapes: HashMap<u64, u32>,
    /// The templates of each leaf of the tree.
    leaves: HashMap<(Level, usize, [u64; 2]), Vec<u32>>,
    unfolded: u64,
}

impl Miner {
    /// Takes in the line that `words` has read, and says which template it is of; nothing when there is no room.
    pub fn add(&mut self, words: &Words, line: &[u8], source: u16, time: Option<Stamp>) -> Option<u32> {
        let Some(id) = self.find(words, line) else {
            self.unfolded += 1;
            return None;
        };
        if let Some(template) = self.templates.get_mut(id as usize) {
            template.vary(words);
            template.seen.add(source, time);
        }
        Some(id)
    }

    fn find(&mut self, words: &Words, line: &[u8]) -> Option<u32> {
        if let Some(id) = self.shapes.get(&words.shape) {
            return Some(*id);
        }
        let mut heads = words.tokens.iter().filter(|token| token.kind == Kind::Word && !token.level);
        let mut head = || heads.next().map_or(0, |token| token.hash);
        let key = (words.level, words.tokens.len(), [head(), head()]);
        let (templates, full) = (&self.templates, self.templates.len() >= TEMPLATES_MAX);
        let leaf = self.leaves.get(&key).map(Vec::as_slice).unwrap_or_default();
        let like = |id: &u32| Some((templates.get(*id as usize)?.likeness(words)?, *id));
        // Of two that are equally like it, the one that was first.
        let best = leaf.iter().filter_map(like).max_by_key(|&(likeness, id)| (likeness, u32::MAX - id));
        let id = match best {
            Some((_, id)) => id,
            None if full || leaf.len() >= LEAF_MAX => return None,
            None => {
                let id = u32::try_from(self.templates.len()).ok()?;
                self.templates.push(Template::new(words, line));
                self.leaves.entry(key).or_default().push(id);
                id
            }
        };
        if self.shapes.len() < SHAPES_MAX {
            self.shapes.insert(words.shape, id);
        }
        Some(id)
    }

    /// Lines that are in no template, for want of room.
    pub fn unfolded(&self) -> u64 {
        self.unfolded
    }

    /// The templates, with the number each was known by.
    pub fn finish(self) -> Vec<Template> {
        self.templates
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mine(lines: &[&str]) -> (Vec<String>, u64) {
        let (mut words, mut miner) = (Words::default(), Miner::default());
        for line in lines {
            words.read(line.as_bytes());
            miner.add(&words, line.as_bytes(), 0, None);
        }
        let unfolded = miner.unfolded();
        let shown = |template: &Template| {
            let piece = |(piece, varies): (&[u8], bool)| match varies {
                true => String::from("<*>"),
                false => String::from_utf8_lossy(piece).into_owned(),
            };
            let text: String = template.pieces().into_iter().map(piece).collect();
            format!("{} {text}", template.seen.count)
        };
        (miner.finish().iter().map(shown).collect(), unfolded)
    }

    #[test]
    fn lines_that_differ_in_some_words_are_one() {
        for (lines, expected) in [
            (&["took 12ms", "took 3s", "took 12ms"][..], &["3 took <*>"][..]),
            // What looks as if it varied and does not stays.
            (&["shard3 took 12ms", "shard3 took 13ms"], &["2 shard3 took <*>"]),
            (
                &["user alice has logged in now", "user bob has logged in now"],
                &["1 user alice has logged in now", "1 user bob has logged in now"],
            ),
            (&["the user alice has logged in", "the user bob has logged in"], &["2 the user <*> has logged in"]),
            (&["cache hit", "cache miss"], &["1 cache hit", "1 cache miss"]),
            (
                &["level=info msg=up n=1", "level=error msg=up n=1"],
                &["1 level=info msg=up n=1", "1 level=error msg=up n=1"],
            ),
            (&["a=1 b=2", "a=1 c=2"], &["1 a=1 b=2", "1 a=1 c=2"]),
            (&["", ""], &["2 "]),
            (&["1", "2", "x"], &["2 <*>", "1 x"]),
            (&["GET /a/1 200", "GET /a/2 404"], &["2 GET /a/<*> <*>"]),
        ] {
            assert_eq!(mine(lines).0, expected);
        }
    }

    #[test]
    fn what_finds_no_room_is_counted() {
        let word = |mut n: usize| {
            let mut word = String::new();
            while n > 0 {
                word.push(char::from(b'a' + (n % 26) as u8));
                n /= 26;
            }
            word
        };
        let lines: Vec<String> = (1..=5_000).map(|n| format!("{} {} {}", word(n), word(n * 7), word(n * 31))).collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let (templates, unfolded) = mine(&lines);
        assert_eq!((templates.len(), unfolded), (TEMPLATES_MAX, 4_000));
        // One leaf, too, is bounded.
        let lines: Vec<String> =
            (1..=100).map(|n| format!("same head {} {} {}", word(n), word(n + 200), word(n + 900))).collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let (templates, unfolded) = mine(&lines);
        assert_eq!((templates.len(), unfolded), (LEAF_MAX, 76));
    }

    #[test]
    fn first_and_last_are_of_time_and_not_of_order() {
        let mut seen = Seen::default();
        for (source, time) in [(1, "2026-01-01T00:00:05Z"), (0, "2026-01-01T00:00:01Z"), (1, "x")] {
            seen.add(source, Stamp::read(time.as_bytes()));
        }
        let shown = |stamp: Option<Stamp>| stamp.unwrap().short(false);
        assert_eq!((seen.count, shown(seen.first), shown(seen.last)), (3, "00:00:01".into(), "00:00:05".into()));
        assert_eq!(seen.sources.iter().collect::<Vec<_>>(), [0, 1]);
    }
}
