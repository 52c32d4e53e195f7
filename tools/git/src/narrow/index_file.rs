//! The index as it stands on disk, read without making anything of it.
//!
//! libgit2 hashes the whole file, copies every entry and puts it into a map before the first question is asked; with a hundred thousand
//! files that takes longer than most questions do. Here the entries stay where they are. What is not understood to the last byte
//! (a split or a sparse index, an unknown extension, another hash) is left to libgit2.
//!
//! Format: git's `Documentation/gitformat-index`.

use std::{cmp::Ordering, collections::HashMap, ops::Range};

use git2::Oid;

/// Bytes of an entry before its path: ten numbers, the id, and the flags.
const FIXED: usize = 62;
/// Bytes of an object id, and of the checksum at the end.
const ID: usize = 20;
/// The flag of an entry that has a second word of flags.
const EXTENDED: u16 = 0x4000;
/// Not to be compared with the work tree, by wish of the user (`git update-index --assume-unchanged`).
const ASSUME_VALID: u16 = 0x8000;
/// In the second word: not checked out on purpose, and only announced.
const SKIP_WORKTREE: u16 = 0x4000;
const INTENT_TO_ADD: u16 = 0x2000;
const GITLINK: u32 = 0o160_000;

/// An index file in memory.
pub struct IndexFile {
    data: Vec<u8>,
    /// The paths of a version that writes only how they differ from the one before.
    unpacked: Option<Vec<u8>>,
    entries: Vec<Place>,
    /// The `TREE` extension.
    trees: Range<usize>,
}

/// Where an entry is.
#[derive(Clone, Copy)]
struct Place {
    at: u32,
    path: u32,
    path_len: u32,
}

/// One entry.
#[derive(Clone, Copy)]
pub struct Entry<'i> {
    fixed: &'i [u8],
    /// The second word of flags: skip-worktree and intent-to-add.
    pub extended: u16,
    /// Path from the root.
    pub path: &'i [u8],
}

impl<'i> Entry<'i> {
    fn number(&self, at: usize) -> u32 {
        be32(self.fixed, at * 4).unwrap_or_default()
    }

    /// When its metadata last changed: seconds and nanoseconds.
    pub fn ctime(&self) -> (u32, u32) {
        (self.number(0), self.number(1))
    }

    /// When its content last changed.
    pub fn mtime(&self) -> (u32, u32) {
        (self.number(2), self.number(3))
    }

    /// Device, inode.
    pub fn inode(&self) -> (u32, u32) {
        (self.number(4), self.number(5))
    }

    /// git's mode.
    pub fn mode(&self) -> u32 {
        self.number(6)
    }

    /// Owner and group.
    pub fn owner(&self) -> (u32, u32) {
        (self.number(7), self.number(8))
    }

    /// Bytes of the file, as far as 32 bits go.
    pub fn size(&self) -> u32 {
        self.number(9)
    }

    /// The first word of flags.
    pub fn flags(&self) -> u16 {
        be16(self.fixed, FIXED - 2).unwrap_or_default()
    }

    /// Whether the user wants it taken for unchanged.
    pub fn assume_valid(&self) -> bool {
        self.flags() & ASSUME_VALID != 0
    }

    /// Whether it is not checked out on purpose: a sparse checkout.
    pub fn skip_worktree(&self) -> bool {
        self.extended & SKIP_WORKTREE != 0
    }

    /// Whether it is only announced, without content.
    pub fn intent_to_add(&self) -> bool {
        self.extended & INTENT_TO_ADD != 0
    }

    /// Whether it is a submodule.
    pub fn is_submodule(&self) -> bool {
        self.mode() == GITLINK
    }

    /// 0, or the side of a conflict.
    pub fn stage(&self) -> u16 {
        self.flags() >> 12 & 3
    }

    /// Bytes of the object id.
    pub fn id_bytes(&self) -> &'i [u8] {
        self.fixed.get(40..40 + ID).unwrap_or_default()
    }

    /// The object.
    pub fn id(&self) -> Oid {
        Oid::from_bytes(self.id_bytes()).unwrap_or(Oid::ZERO_SHA1)
    }
}

impl IndexFile {
    /// Reads `data`; nothing when it is not understood.
    pub fn parse(data: Vec<u8>) -> Option<Self> {
        if data.get(..4)? != b"DIRC" || data.len() < 12 + ID || u32::try_from(data.len()).is_err() {
            return None;
        }
        let (version, count) = (be32(&data, 4)?, be32(&data, 8)? as usize);
        let end = data.len() - ID;
        if !(2..=4).contains(&version) || count > end / FIXED {
            return None;
        }
        let mut entries: Vec<Place> = Vec::with_capacity(count);
        let mut unpacked = (version == 4).then(Vec::new);
        let mut at = 12;
        for _ in 0..count {
            let flags = be16(&data, at + FIXED - 2)?;
            let extended = flags & EXTENDED != 0;
            if extended && version == 2 {
                return None;
            }
            let name = at + FIXED + if extended { 2 } else { 0 };
            let (place, next) = match &mut unpacked {
                None => {
                    let len = zero(data.get(name..end)?, flags)?;
                    // Padded with one to eight zeros to a multiple of eight.
                    let next = at + (name - at + len + 8) / 8 * 8;
                    (Place { at: at as u32, path: name as u32, path_len: len as u32 }, next)
                }
                Some(paths) => {
                    let (drop, used) = varint(data.get(name..end)?)?;
                    let rest = name + used;
                    let len = memchr::memchr(0, data.get(rest..end)?)?;
                    let before = entries.last().map_or(0..0, span);
                    let kept = before.len().checked_sub(drop)?;
                    let from = paths.len();
                    paths.extend_from_within(before.start..before.start + kept);
                    paths.extend_from_slice(data.get(rest..rest + len)?);
                    let path_len = u32::try_from(paths.len() - from).ok()?;
                    (Place { at: at as u32, path: u32::try_from(from).ok()?, path_len }, rest + len + 1)
                }
            };
            if next > end {
                return None;
            }
            entries.push(place);
            at = next;
        }
        let mut index = Self { data, unpacked, entries, trees: 0..0 };
        index.trees = index.extensions(at, end)?;
        index.in_order().then_some(index)
    }

    /// The place of the cached trees among the extensions; nothing when one of those changes what the entries mean.
    fn extensions(&self, mut at: usize, end: usize) -> Option<Range<usize>> {
        let mut trees = 0..0;
        while at < end {
            let name = self.data.get(at..at + 4)?;
            let content = at + 8..(at + 8).checked_add(be32(&self.data, at + 4)? as usize)?;
            if content.end > end || !name.first()?.is_ascii_uppercase() {
                return None;
            }
            if name == b"TREE" {
                trees = content.clone();
            }
            at = content.end;
        }
        Some(trees)
    }

    /// Whether paths are sane and sorted, which every search relies on.
    fn in_order(&self) -> bool {
        let sane = |path: &[u8]| !path.is_empty() && path.first() != Some(&b'/') && path.last() != Some(&b'/');
        let mut before: Option<Entry<'_>> = None;
        self.entries().all(|entry| {
            let follows = before.is_none_or(|before| match before.path.cmp(entry.path) {
                Ordering::Less => true,
                Ordering::Equal => before.stage() < entry.stage() && before.stage() > 0,
                Ordering::Greater => false,
            });
            before = Some(entry);
            follows && sane(entry.path)
        })
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Entry number `number`.
    pub fn entry(&self, number: usize) -> Option<Entry<'_>> {
        let place = self.entries.get(number)?;
        let at = place.at as usize;
        let fixed = self.data.get(at..at + FIXED)?;
        let path = self.unpacked.as_ref().unwrap_or(&self.data).get(span(place))?;
        let flags = be16(fixed, FIXED - 2)?;
        let extended = if flags & EXTENDED == 0 { 0 } else { be16(&self.data, at + FIXED)? };
        Some(Entry { fixed, extended, path })
    }

    /// All entries in the order of their paths.
    pub fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        (0..self.len()).filter_map(|number| self.entry(number))
    }

    /// The numbers of the entries within `range` whose paths begin with `prefix`.
    pub fn below(&self, range: Range<usize>, prefix: &[u8]) -> Range<usize> {
        let places = self.entries.get(range.clone()).unwrap_or_default();
        let path = |place: &Place| self.unpacked.as_ref().unwrap_or(&self.data).get(span(place)).unwrap_or_default();
        let start = places.partition_point(|place| path(place) < prefix);
        let rest = places.get(start..).unwrap_or_default();
        let len = rest.partition_point(|place| path(place).starts_with(prefix));
        range.start + start..range.start + start + len
    }

    /// The trees that were written of the index and are still what it holds.
    pub fn cached_trees(&self) -> Option<CachedTree<'_>> {
        let data = self.data.get(self.trees.clone())?;
        let mut at = 0;
        let root = CachedTree::read(data, &mut at, 0)?;
        (at == data.len() && root.name.is_empty()).then_some(root)
    }
}

/// A directory of the index whose tree may be known.
#[derive(Debug)]
pub struct CachedTree<'i> {
    name: &'i [u8],
    /// The tree; none when entries changed since it was written.
    pub id: Option<Oid>,
    children: HashMap<&'i [u8], CachedTree<'i>>,
}

impl<'i> CachedTree<'i> {
    /// Deeper than any tree of a person; the file is a stranger's.
    const DEPTH_MAX: usize = 512;

    fn read(data: &'i [u8], at: &mut usize, depth: usize) -> Option<Self> {
        let name = until(data, at, 0)?;
        let count = std::str::from_utf8(until(data, at, b' ')?).ok()?.parse::<i64>().ok()?;
        let below = std::str::from_utf8(until(data, at, b'\n')?).ok()?.parse::<usize>().ok()?;
        let id = if count < 0 {
            None
        } else {
            let id = Oid::from_bytes(data.get(*at..*at + ID)?).ok()?;
            *at += ID;
            Some(id)
        };
        if depth >= Self::DEPTH_MAX || below > data.len() {
            return None;
        }
        let child = |_| Self::read(data, at, depth + 1).map(|child| (child.name, child));
        let children = (0..below).map(child).collect::<Option<_>>()?;
        Some(Self { name, id, children })
    }

    /// The directory `name` in this one.
    pub fn child(&self, name: &[u8]) -> Option<&Self> {
        self.children.get(name)
    }
}

fn span(place: &Place) -> Range<usize> {
    place.path as usize..place.path as usize + place.path_len as usize
}

/// The bytes up to `end`, which is passed over.
fn until<'d>(data: &'d [u8], at: &mut usize, end: u8) -> Option<&'d [u8]> {
    let rest = data.get(*at..)?;
    let len = memchr::memchr(end, rest)?;
    *at += len + 1;
    rest.get(..len)
}

/// Where the path ends; its length stands in the flags, unless it is too long for them.
fn zero(data: &[u8], flags: u16) -> Option<usize> {
    match usize::from(flags & 0xfff) {
        0xfff => memchr::memchr(0, data),
        len => (data.get(len) == Some(&0) && memchr::memchr(0, data.get(..len)?).is_none()).then_some(len),
    }
}

/// git's variable-length number, and its bytes.
fn varint(data: &[u8]) -> Option<(usize, usize)> {
    let mut value = 0_usize;
    for (used, byte) in data.iter().take(5).enumerate() {
        value = value << 7 | usize::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some((value, used + 1));
        }
        value += 1;
    }
    None
}

fn be32(data: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(data.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

fn be16(data: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(data.get(at..at.checked_add(2)?)?.try_into().ok()?))
}
