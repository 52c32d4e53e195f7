//! The paths at which two trees differ, or a tree and the index: what is the same on both sides is not even read.

use std::{cmp::Ordering, ops::Range};

use git2::{ObjectType, Oid, Repository, Tree};
use shared::Result;

use super::index_file::{CachedTree, IndexFile};
use crate::failure::OrFail;

/// More differences than this are not worth singling out.
pub const PATHS_MAX: usize = 10_000;
/// Directories within directories; deeper ones are left to libgit2.
const DEPTH_MAX: usize = 256;

/// Walks two sides that are sorted alike.
pub struct Differences<'r> {
    git: &'r Repository,
    /// What the caller asked about; everything, when there are none.
    paths: &'r [String],
    check: &'r (dyn Fn() -> Result<()> + Sync),
    found: Vec<Vec<u8>>,
    prefix: Vec<u8>,
    depth: usize,
}

/// There is more than this walk is for.
struct TooMuch;

/// A walk goes on, or has to be left to libgit2; an error ends the call.
type Step = Result<std::result::Result<(), TooMuch>>;

/// An entry of a tree: its name as trees and the index sort it, with a slash at the end of a directory's.
struct Item {
    key: Vec<u8>,
    id: Oid,
    mode: u32,
}

impl Item {
    fn is_directory(&self) -> bool {
        self.key.last() == Some(&b'/')
    }
}

fn items(tree: Option<&Tree<'_>>) -> Vec<Item> {
    tree.into_iter()
        .flat_map(Tree::iter)
        .map(|entry| {
            let mut key = entry.name_bytes().to_vec();
            if entry.kind() == Some(ObjectType::Tree) {
                key.push(b'/');
            }
            Item { key, id: entry.id(), mode: entry.filemode_raw().cast_unsigned() }
        })
        .collect()
}

impl<'r> Differences<'r> {
    /// A walk of what `paths` name.
    pub fn new(git: &'r Repository, paths: &'r [String], check: &'r (dyn Fn() -> Result<()> + Sync)) -> Self {
        Self { git, paths, check, found: Vec::new(), prefix: Vec::new(), depth: 0 }
    }

    /// Where `old` and `new` differ; nothing when there is too much of it.
    pub fn of_trees(mut self, old: Option<&Tree<'_>>, new: Option<&Tree<'_>>) -> Result<Option<Vec<Vec<u8>>>> {
        let walked = self.trees(old, new)?;
        Ok(walked.is_ok().then_some(self.found))
    }

    /// Where `tree` and `index` differ; nothing when there is too much of it.
    pub fn of_index(mut self, tree: Option<&Tree<'_>>, index: &IndexFile) -> Result<Option<Vec<Vec<u8>>>> {
        let cached = index.cached_trees();
        if let (Some(tree), Some(cached)) = (tree, &cached)
            && cached.id == Some(tree.id())
        {
            return Ok(Some(Vec::new()));
        }
        let walked = self.index(tree, index, cached.as_ref(), 0..index.len())?;
        Ok(walked.is_ok().then_some(self.found))
    }

    fn trees(&mut self, old: Option<&Tree<'_>>, new: Option<&Tree<'_>>) -> Step {
        let (old, new) = (items(old), items(new));
        let (mut olds, mut news) = (old.iter().peekable(), new.iter().peekable());
        loop {
            let order = match (olds.peek(), news.peek()) {
                (None, None) => return Ok(Ok(())),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(old), Some(new)) => old.key.cmp(&new.key),
            };
            let old = if order.is_le() { olds.next() } else { None };
            let new = if order.is_ge() { news.next() } else { None };
            let Some(item) = old.or(new) else { return Ok(Ok(())) };
            if let (Some(old), Some(new)) = (old, new)
                && (old.id, old.mode) == (new.id, new.mode)
            {
                continue;
            }
            let step = if item.is_directory() {
                self.within(&item.key, |walk| {
                    let (old, new) = (walk.tree(old)?, walk.tree(new)?);
                    walk.trees(old.as_ref(), new.as_ref())
                })?
            } else {
                self.differs(&item.key)
            };
            if step.is_err() {
                return Ok(step);
            }
        }
    }

    fn index(
        &mut self,
        tree: Option<&Tree<'_>>,
        index: &IndexFile,
        cached: Option<&CachedTree<'_>>,
        range: Range<usize>,
    ) -> Step {
        let items = items(tree);
        let mut items = items.iter().peekable();
        let mut at = range.start;
        loop {
            // The next name of the index in this directory, and the entries it stands for.
            let entry = if at < range.end { index.entry(at) } else { None };
            let next = entry.and_then(|entry| {
                let rest = entry.path.get(self.prefix.len()..)?;
                let key = memchr::memchr(b'/', rest).map_or(rest, |end| rest.get(..=end).unwrap_or(rest));
                Some((key, entry))
            });
            let order = match (items.peek(), &next) {
                (None, None) => return Ok(Ok(())),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(item), Some((key, _))) => item.key.as_slice().cmp(key),
            };
            let item = if order.is_le() { items.next() } else { None };
            let staged = next.filter(|_| order.is_ge());
            let key = item.map(|item| item.key.as_slice()).or(staged.map(|(key, _)| key)).unwrap_or_default().to_vec();
            let mut entries = at..at;
            if let Some((key, entry)) = staged {
                entries = if key.last() == Some(&b'/') {
                    index.below(at..range.end, entry.path.get(..self.prefix.len() + key.len()).unwrap_or_default())
                } else {
                    let sides = (at..range.end).take_while(|at| index.entry(*at).is_some_and(|e| e.path == entry.path));
                    at..at + sides.count()
                };
                at = entries.end;
            }
            let step = if key.last() == Some(&b'/') {
                let name = key.strip_suffix(b"/").unwrap_or(&key);
                let cached = cached.and_then(|cached| cached.child(name));
                if item.is_some_and(|item| cached.and_then(|cached| cached.id) == Some(item.id)) {
                    continue;
                }
                self.within(&key, |walk| {
                    let tree = walk.tree(item)?;
                    walk.index(tree.as_ref(), index, cached, entries)
                })?
            } else {
                let same = item.zip(staged).is_some_and(|(item, (_, entry))| {
                    entry.stage() == 0
                        && !entry.intent_to_add()
                        && (entry.id_bytes(), entry.mode()) == (item.id.as_bytes(), item.mode)
                });
                if same { Ok(()) } else { self.differs(&key) }
            };
            if step.is_err() {
                return Ok(step);
            }
        }
    }

    /// Walks the directory `key`, when it is one of those that were asked about.
    fn within(&mut self, key: &[u8], walk: impl FnOnce(&mut Self) -> Step) -> Step {
        (self.check)()?;
        let len = self.prefix.len();
        self.prefix.extend_from_slice(key);
        self.depth += 1;
        let step = if self.depth > DEPTH_MAX {
            Ok(Err(TooMuch))
        } else if wanted(self.paths, self.prefix.strip_suffix(b"/").unwrap_or(&self.prefix)) {
            walk(self)
        } else {
            Ok(Ok(()))
        };
        self.depth -= 1;
        self.prefix.truncate(len);
        step
    }

    fn differs(&mut self, key: &[u8]) -> std::result::Result<(), TooMuch> {
        let path = [self.prefix.as_slice(), key].concat();
        if wanted_file(self.paths, &path) {
            self.found.push(path);
        }
        if self.found.len() > PATHS_MAX { Err(TooMuch) } else { Ok(()) }
    }

    fn tree(&self, item: Option<&Item>) -> Result<Option<Tree<'r>>> {
        item.map(|item| self.git.find_tree(item.id)).transpose().or_fail("read a tree")
    }
}

/// Whether `path`, a directory, is among `paths`, below one of them or above.
fn wanted(paths: &[String], path: &[u8]) -> bool {
    wanted_file(paths, path) || paths.iter().any(|one| is_below(one.as_bytes(), path))
}

/// Whether `path` is among `paths` or below one of them.
fn wanted_file(paths: &[String], path: &[u8]) -> bool {
    paths.is_empty() || paths.iter().any(|one| one.is_empty() || is_below(path, one.as_bytes()))
}

fn is_below(path: &[u8], directory: &[u8]) -> bool {
    path.strip_prefix(directory).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
}
