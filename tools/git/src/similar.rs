//! Which removed file became which added one.
//!
//! The rules are those of `git diff`: identical files first; then files whose name is unique on both sides and whose contents
//! agree by three quarters; then the best of all remaining pairs that agree by half, unless there are too many pairs to
//! compare. Contents are compared as bags of chunks, a chunk being a line or 64 bytes of one.

use std::collections::{HashMap, VecDeque};

use git2::Oid;
use shared::Result;

/// A full agreement. A score is a share of it.
pub const FULL: u64 = 60_000;
const HALF: u64 = FULL / 2;
const THREE_QUARTERS: u64 = FULL / 4 * 3;
/// No more pairs than this are compared by content.
const PAIRS_MAX: usize = 1_000 * 1_000;
/// Candidates kept per added file.
const KEPT: usize = 4;
/// A longer line is several chunks.
const CHUNK_MAX: usize = 64;

/// One side of a possible rename.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Path from the root.
    pub path: Vec<u8>,
    /// Its blob; zero when it is not known.
    pub id: Oid,
    /// git's file mode.
    pub mode: u32,
}

/// A removed file that became an added one, by their positions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rename {
    /// Position among the removed.
    pub from: usize,
    /// Position among the added.
    pub to: usize,
    /// Agreement in percent.
    pub percent: u8,
}

/// Contents as a bag of chunks.
#[derive(Debug)]
pub struct Bag {
    size: u64,
    /// Hash of a chunk and bytes in such chunks, by hash.
    chunks: Vec<(u32, u32)>,
}

impl Bag {
    /// The bag of `content`.
    pub fn of(content: &[u8]) -> Self {
        let text = !content.iter().take(8_000).any(|byte| *byte == 0);
        let mut chunks = Vec::new();
        let (mut hash, mut length) = (0_u64, 0_u32);
        let mut bytes = content.iter().peekable();
        while let Some(&byte) = bytes.next() {
            if text && byte == b'\r' && bytes.peek() == Some(&&b'\n') {
                continue;
            }
            hash = (hash.rotate_left(5) ^ u64::from(byte)).wrapping_mul(0x517c_c1b7_2722_0a95);
            length += 1;
            if byte == b'\n' || length as usize == CHUNK_MAX {
                chunks.push(((hash >> 32) as u32, length));
                (hash, length) = (0, 0);
            }
        }
        if length > 0 {
            chunks.push(((hash >> 32) as u32, length));
        }
        chunks.sort_unstable();
        chunks.dedup_by(|next, kept| {
            let same = next.0 == kept.0;
            if same {
                kept.1 = kept.1.saturating_add(next.1);
            }
            same
        });
        Self { size: content.len() as u64, chunks }
    }

    /// Bytes of this that are also in `other`, as a share of the larger of the two.
    fn agreement(&self, other: &Self) -> u64 {
        if other.size == 0 {
            return 0;
        }
        let mut common = 0;
        let mut theirs = other.chunks.iter().peekable();
        for (hash, bytes) in &self.chunks {
            while theirs.next_if(|(theirs, _)| theirs < hash).is_some() {}
            if let Some((_, also)) = theirs.next_if(|(theirs, _)| theirs == hash) {
                common += u64::from(*bytes.min(also));
            }
        }
        common * FULL / self.size.max(other.size)
    }
}

/// Where contents come from. The number is a position; what cannot be read is `None` and becomes no rename.
pub trait Contents {
    /// Bytes of a removed file.
    fn old_size(&mut self, index: usize) -> Option<u64>;
    /// Bytes of an added file.
    fn new_size(&mut self, index: usize) -> Option<u64>;
    /// A removed file.
    fn old_bag(&mut self, index: usize) -> Option<Bag>;
    /// An added file.
    fn new_bag(&mut self, index: usize) -> Option<Bag>;
    /// An error once the call should stop.
    fn check(&self) -> Result<()>;
}

/// What was found.
#[derive(Debug, Default)]
pub struct Found {
    /// The renames.
    pub renames: Vec<Rename>,
    /// Whether only identical and equally named files were compared, because all pairs would have been too many.
    pub limited: bool,
}

struct Search<'a> {
    old: &'a [Candidate],
    new: &'a [Candidate],
    contents: &'a mut dyn Contents,
    old_bags: HashMap<usize, Option<Bag>>,
    new_bags: HashMap<usize, Option<Bag>>,
    old_taken: Vec<bool>,
    new_taken: Vec<bool>,
    found: Found,
}

/// Pairs `old`, the removed files, with `new`, the added ones; both in the order of their paths.
pub fn renames(old: &[Candidate], new: &[Candidate], contents: &mut dyn Contents) -> Result<Found> {
    let mut search = Search {
        old,
        new,
        contents,
        old_bags: HashMap::new(),
        new_bags: HashMap::new(),
        old_taken: vec![false; old.len()],
        new_taken: vec![false; new.len()],
        found: Found::default(),
    };
    search.identical()?;
    search.equally_named()?;
    search.alike()?;
    Ok(search.found)
}

fn name(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| *byte == b'/').next().unwrap_or(path)
}

fn regular(mode: u32) -> bool {
    mode & 0o170_000 == 0o100_000
}

impl Search<'_> {
    fn pair(&mut self, from: usize, to: usize, score: u64) {
        self.old_taken[from] = true;
        self.new_taken[to] = true;
        self.found.renames.push(Rename { from, to, percent: (score * 100 / FULL) as u8 });
    }

    fn identical(&mut self) -> Result<()> {
        let mut by_id: HashMap<Oid, VecDeque<usize>> = HashMap::new();
        for (index, file) in self.old.iter().enumerate() {
            by_id.entry(file.id).or_default().push_back(index);
        }
        for to in 0..self.new.len() {
            if to.is_multiple_of(1_024) {
                self.contents.check()?;
            }
            let file = &self.new[to];
            let Some(same) = by_id.get_mut(&file.id).filter(|_| !file.id.is_zero()) else { continue };
            let fits = |from: usize| {
                let old = &self.old[from];
                old.mode == file.mode || (regular(old.mode) && regular(file.mode))
            };
            // Many copies of one file: one of the first hundred will do.
            let free = || same.iter().copied().enumerate().take(100).filter(|(_, from)| fits(*from));
            let best =
                free().find(|(_, from)| name(&self.old[*from].path) == name(&file.path)).or_else(|| free().next());
            if let Some((at, from)) = best {
                same.remove(at);
                self.pair(from, to, FULL);
            }
        }
        Ok(())
    }

    fn equally_named(&mut self) -> Result<()> {
        let unique = |files: &[Candidate], taken: &[bool]| {
            let mut names: HashMap<Vec<u8>, Option<usize>> = HashMap::new();
            for (index, file) in files.iter().enumerate().filter(|(index, _)| !taken[*index]) {
                names.entry(name(&file.path).to_vec()).and_modify(|found| *found = None).or_insert(Some(index));
            }
            names
        };
        let theirs = unique(self.new, &self.new_taken);
        let mut ours: Vec<(Vec<u8>, usize)> =
            unique(self.old, &self.old_taken).into_iter().filter_map(|(name, index)| Some((name, index?))).collect();
        ours.sort_by_key(|(_, index)| *index);
        for (name, from) in ours {
            let Some(Some(to)) = theirs.get(&name).copied() else { continue };
            self.contents.check()?;
            let score = self.score(from, to, THREE_QUARTERS);
            // Each is looked at once here; what is not a pair may be read again below.
            self.old_bags.remove(&from);
            self.new_bags.remove(&to);
            if score >= THREE_QUARTERS {
                self.pair(from, to, score);
            }
        }
        Ok(())
    }

    fn alike(&mut self) -> Result<()> {
        let left = |files: &[Candidate], taken: &[bool]| -> Vec<usize> {
            (0..files.len()).filter(|index| !taken[*index] && regular(files[*index].mode)).collect()
        };
        let (old, new) = (left(self.old, &self.old_taken), left(self.new, &self.new_taken));
        if old.len().saturating_mul(new.len()) > PAIRS_MAX {
            self.found.limited = true;
            return Ok(());
        }
        let mut best: Vec<(u64, bool, usize, usize)> = Vec::new();
        for to in new {
            self.contents.check()?;
            let mut here: Vec<(u64, bool, usize, usize)> = Vec::new();
            for from in &old {
                let score = self.score(*from, to, HALF);
                if score >= HALF {
                    here.push((score, name(&self.old[*from].path) == name(&self.new[to].path), *from, to));
                }
            }
            here.sort_by_key(|(score, named, ..)| std::cmp::Reverse((*score, *named)));
            best.extend(here.into_iter().take(KEPT));
            self.new_bags.remove(&to);
        }
        best.sort_by_key(|(score, named, ..)| std::cmp::Reverse((*score, *named)));
        for (score, _, from, to) in best {
            if !self.old_taken[from] && !self.new_taken[to] {
                self.pair(from, to, score);
            }
        }
        Ok(())
    }

    /// The agreement of a pair, or 0 when its sizes alone keep it below `least`.
    fn score(&mut self, from: usize, to: usize, least: u64) -> u64 {
        if !regular(self.old[from].mode) || !regular(self.new[to].mode) {
            return 0;
        }
        let (Some(ours), Some(theirs)) = (self.contents.old_size(from), self.contents.new_size(to)) else { return 0 };
        if ours.max(theirs).saturating_mul(FULL - least) < ours.abs_diff(theirs).saturating_mul(FULL) {
            return 0;
        }
        let contents = &mut *self.contents;
        let old = self.old_bags.entry(from).or_insert_with(|| contents.old_bag(from));
        let new = self.new_bags.entry(to).or_insert_with(|| contents.new_bag(to));
        match (old, new) {
            (Some(old), Some(new)) => old.agreement(new),
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Texts<'a>(&'a [&'a str], &'a [&'a str]);

    impl Contents for Texts<'_> {
        fn old_size(&mut self, index: usize) -> Option<u64> {
            Some(self.0[index].len() as u64)
        }
        fn new_size(&mut self, index: usize) -> Option<u64> {
            Some(self.1[index].len() as u64)
        }
        fn old_bag(&mut self, index: usize) -> Option<Bag> {
            Some(Bag::of(self.0[index].as_bytes()))
        }
        fn new_bag(&mut self, index: usize) -> Option<Bag> {
            Some(Bag::of(self.1[index].as_bytes()))
        }
        fn check(&self) -> Result<()> {
            Ok(())
        }
    }

    fn pairs(old: &[(&str, &str)], new: &[(&str, &str)]) -> Vec<(usize, usize, u8)> {
        let side = |files: &[(&str, &str)]| -> Vec<Candidate> {
            let file = |(path, text): &(&str, &str)| Candidate {
                path: path.as_bytes().to_vec(),
                id: Oid::hash_object(git2::ObjectType::Blob, text.as_bytes()).unwrap(),
                mode: 0o100_644,
            };
            files.iter().map(file).collect()
        };
        let old_texts: Vec<&str> = old.iter().map(|(_, text)| *text).collect();
        let new_texts: Vec<&str> = new.iter().map(|(_, text)| *text).collect();
        let found = renames(&side(old), &side(new), &mut Texts(&old_texts, &new_texts)).unwrap();
        found.renames.iter().map(|rename| (rename.from, rename.to, rename.percent)).collect()
    }

    #[test]
    fn the_rules_are_applied_in_order() {
        let base = "one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\n";
        let edited = "one\ntwo\nthree\nfour\nfive\nsix\nseven\nEIGHT\n";
        // Identical wins over alike, and the same name over another.
        assert_eq!(pairs(&[("a", base), ("b", edited)], &[("x/b", base), ("y", edited)]), [(0, 0, 100), (1, 1, 100)]);
        assert_eq!(pairs(&[("d/a", base), ("d/b", base)], &[("e/b", base)]), [(1, 0, 100)]);
        // Alike by 34 bytes of 40.
        assert_eq!(pairs(&[("a", base)], &[("b", edited)]), [(0, 0, 85)]);
        // Not alike.
        assert_eq!(pairs(&[("a", base)], &[("b", "quite\nsomething\nelse\n")]), []);
        // Too different in size to be looked at.
        assert_eq!(pairs(&[("a", base)], &[("b", &base.repeat(3))]), []);
        // One removed file becomes one added one.
        assert_eq!(pairs(&[("a", base)], &[("b", edited), ("c", base)]), [(0, 1, 100)]);
    }

    #[test]
    fn line_endings_do_not_make_a_difference() {
        let unix = Bag::of(b"a long line\nand another\n");
        let dos = Bag::of(b"a long line\r\nand another\r\n");
        assert!(unix.agreement(&dos) * 100 / FULL >= 92);
        assert_eq!(Bag::of(b"x").agreement(&Bag::of(b"")), 0);
    }
}
