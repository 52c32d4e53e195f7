//! How many commits each of two histories has that the other does not.
//!
//! libgit2 counts too many where commits were made in one second, as every rebase makes them: it takes a parent for older than its
//! child and does not look again.

use std::collections::{BinaryHeap, HashMap};

use git2::{Error, Oid, Repository};

const OURS: u8 = 1;
const THEIRS: u8 = 2;
const BOTH: u8 = OURS | THEIRS;
/// Commits of both sides that are still looked at when all that is left is of both, for clocks that went wrong.
const SLOP: usize = 16;

#[derive(Default)]
struct Mark {
    sides: u8,
    queued: bool,
}

struct Walk<'r> {
    git: &'r Repository,
    marks: HashMap<Oid, Mark>,
    queue: BinaryHeap<(i64, Oid)>,
    /// Queued commits of one side only.
    alone: usize,
}

impl Walk<'_> {
    fn paint(&mut self, id: Oid, sides: u8) -> Result<(), Error> {
        let mark = self.marks.entry(id).or_default();
        let before = mark.sides;
        mark.sides |= sides;
        if mark.sides == before {
            return Ok(());
        }
        if mark.queued {
            // It was of one side, and now is of both.
            self.alone -= 1;
            return Ok(());
        }
        mark.queued = true;
        self.alone += usize::from(mark.sides != BOTH);
        self.queue.push((self.git.find_commit(id)?.time().seconds(), id));
        Ok(())
    }

    fn run(&mut self) -> Result<(), Error> {
        let (mut oldest_alone, mut slop) = (i64::MAX, SLOP);
        while let Some((time, id)) = self.queue.pop() {
            let mark = self.marks.entry(id).or_default();
            let sides = mark.sides;
            mark.queued = false;
            if sides == BOTH {
                slop = if self.alone == 0 && time < oldest_alone { slop - 1 } else { SLOP };
                if slop == 0 {
                    break;
                }
            } else {
                self.alone -= 1;
                oldest_alone = oldest_alone.min(time);
            }
            for parent in self.git.find_commit(id)?.parent_ids() {
                self.paint(parent, sides)?;
            }
        }
        Ok(())
    }
}

/// Commits that only `ours` reaches, and commits that only `theirs` does.
///
/// # Errors
/// When a commit cannot be read.
pub fn ahead_behind(git: &Repository, ours: Oid, theirs: Oid) -> Result<(usize, usize), Error> {
    let mut walk = Walk { git, marks: HashMap::new(), queue: BinaryHeap::new(), alone: 0 };
    walk.paint(ours, OURS)?;
    walk.paint(theirs, THEIRS)?;
    walk.run()?;
    let of = |side: u8| walk.marks.values().filter(|mark| mark.sides == side).count();
    Ok((of(OURS), of(THEIRS)))
}
