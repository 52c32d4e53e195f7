//! Walking commits the way `git log` does: newest committed first, and with paths along the parents that explain them.
//!
//! refs/replace is not followed, here and in every other tool: libgit2 does not know it, forges do not show it, and it lets a repository show
//! something else under an id than the object that has the id. A mailmap is not read either.

use std::{
    cmp::Ordering,
    collections::{BinaryHeap, HashSet},
};

use git2::{Commit, Oid, Repository, Tree};
use shared::{Call, Result};

use crate::{failure::OrFail, message};

/// How many commits pass between two looks at the clock.
const STEPS: usize = 256;

/// Which commits are wanted.
#[derive(Default)]
pub struct Filter {
    /// Files or directories, as [`crate::pathspec::literal`] makes them; none means every commit.
    pub paths: Vec<String>,
    /// Lower case text in the author's `name <email>`.
    pub author: Option<String>,
    /// Lower case text in the message.
    pub grep: Option<String>,
    /// Seconds since 1970: committed at or after.
    pub since: Option<i64>,
    /// Seconds since 1970: committed at or before.
    pub until: Option<i64>,
}

/// A walk in progress.
pub struct History<'r> {
    git: &'r Repository,
    call: &'r Call,
    filter: Filter,
    queue: BinaryHeap<Pending<'r>>,
    seen: HashSet<Oid>,
    /// What a range leaves out: everything reachable from its left side.
    hidden: HashSet<Oid>,
    /// Where the range begins: the ends of what is left out.
    bottoms: Vec<Oid>,
    pushed: usize,
    steps: usize,
}

struct Pending<'r> {
    time: i64,
    /// Among commits of one second, the one found first comes first.
    order: usize,
    commit: Commit<'r>,
}

impl Ord for Pending<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.time, std::cmp::Reverse(self.order)).cmp(&(other.time, std::cmp::Reverse(other.order)))
    }
}

impl PartialOrd for Pending<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Pending<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Pending<'_> {}

impl<'r> History<'r> {
    /// A walk from `starts` that leaves out what `hidden` reaches.
    pub fn new(git: &'r Repository, starts: &[Oid], hidden: &[Oid], filter: Filter, call: &'r Call) -> Result<Self> {
        let mut history = Self {
            git,
            call,
            filter,
            queue: BinaryHeap::new(),
            seen: HashSet::new(),
            hidden: HashSet::new(),
            bottoms: hidden.to_vec(),
            pushed: 0,
            steps: 0,
        };
        if !hidden.is_empty() {
            history.hidden = reachable(git, hidden, call)?;
        }
        for start in starts {
            history.push(*start)?;
        }
        Ok(history)
    }

    fn push(&mut self, id: Oid) -> Result<()> {
        if self.hidden.contains(&id) || !self.seen.insert(id) {
            return Ok(());
        }
        // The parents of a shallow clone's last commits are not here; libgit2 grafts them away, anything else missing is damage.
        let commit = self.git.find_commit(id).or_fail("read a commit")?;
        self.pushed += 1;
        self.queue.push(Pending { time: commit.time().seconds(), order: self.pushed, commit });
        Ok(())
    }

    /// The next commit that is wanted.
    #[expect(clippy::should_implement_trait, reason = "it can fail, and the caller must notice")]
    pub fn next(&mut self) -> Result<Option<Commit<'r>>> {
        while let Some(Pending { commit, .. }) = self.queue.pop() {
            self.steps += 1;
            if self.steps.is_multiple_of(STEPS) {
                self.call.check()?;
            }
            // As git does it: older than wanted ends this line of history.
            if self.filter.since.is_some_and(|since| commit.time().seconds() < since) {
                continue;
            }
            let changes = self.advance(&commit)?;
            if changes && self.wanted(&commit) {
                return Ok(Some(commit));
            }
        }
        Ok(None)
    }

    /// Queues the parents worth following; whether the commit changes one of the paths.
    fn advance(&mut self, commit: &Commit<'r>) -> Result<bool> {
        let parents: Vec<Oid> = commit.parent_ids().collect();
        if self.filter.paths.is_empty() {
            for parent in parents {
                self.push(parent)?;
            }
            return Ok(true);
        }
        let tree = commit.tree().or_fail("read a tree")?;
        if parents.is_empty() {
            return Ok(self.differ(Some(&tree), None));
        }
        let (mut any_counts, mut changes, mut changes_beyond) = (false, false, false);
        for parent in &parents {
            let before = self.git.find_commit(*parent).and_then(|parent| parent.tree()).or_fail("read a tree")?;
            let differs = self.differ(Some(&tree), Some(&before));
            // What lies beyond the start of a range explains nothing in it, so that the other side of a merge is not lost.
            let counts = !self.hidden.contains(parent) || self.bottoms.contains(parent);
            if counts && !differs {
                // This parent explains the paths as they are; what happened on the others is beside the point.
                self.push(*parent)?;
                return Ok(false);
            }
            any_counts |= counts;
            changes |= counts && differs;
            changes_beyond |= !counts && differs;
        }
        for parent in parents {
            self.push(parent)?;
        }
        Ok(if any_counts { changes } else { changes_beyond })
    }

    fn differ(&self, after: Option<&Tree<'_>>, before: Option<&Tree<'_>>) -> bool {
        self.filter.paths.iter().any(|path| at(after, path) != at(before, path))
    }

    fn wanted(&self, commit: &Commit<'_>) -> bool {
        let holds = |text: &[u8], part: &str| String::from_utf8_lossy(text).to_lowercase().contains(part);
        if self.filter.until.is_some_and(|until| commit.time().seconds() > until) {
            return false;
        }
        if let Some(part) = &self.filter.author {
            let author = commit.author();
            let shown = [author.name_bytes(), b" <", author.email_bytes(), b">"].concat();
            if !holds(&message::decoded(commit, &shown), part) {
                return false;
            }
        }
        self.filter.grep.as_ref().is_none_or(|part| holds(&message::whole(commit), part))
    }
}

/// What stands at `path` in a tree: its object and mode.
fn at(tree: Option<&Tree<'_>>, path: &str) -> Option<(Oid, i32)> {
    let tree = tree?;
    if path.is_empty() {
        return Some((tree.id(), 0));
    }
    tree.get_path(std::path::Path::new(path)).ok().map(|entry| (entry.id(), entry.filemode()))
}

fn reachable(git: &Repository, from: &[Oid], call: &Call) -> Result<HashSet<Oid>> {
    let mut walk = git.revwalk().or_fail("walk the history")?;
    for id in from {
        walk.push(*id).or_fail("walk the history")?;
    }
    let mut found = HashSet::new();
    for id in walk {
        found.insert(id.or_fail("walk the history")?);
        if found.len().is_multiple_of(STEPS) {
            call.check()?;
        }
    }
    Ok(found)
}
