//! Which removed and added files are one file that moved.

use git2::{Diff, ObjectType, Odb, Oid, Patch, Repository};
use shared::Result;

use super::{Change, Side, Source, added};
use crate::{
    failure::OrFail,
    similar::{self, Bag, Candidate, Contents},
};

/// Contents that are longer are compared for renames by their ids only.
const BAG_MAX: u64 = 4 << 20;
/// Bytes of removed files whose contents are held while renames are looked for.
const BAGS_MAX: u64 = 256 << 20;

/// The contents of candidates, read when they are asked for.
struct Files<'a> {
    git: &'a Repository,
    odb: Odb<'a>,
    diff: &'a Diff<'a>,
    old: Vec<Side>,
    new: Vec<(usize, Side)>,
    held: u64,
    check: &'a dyn Fn() -> Result<()>,
}

impl Files<'_> {
    fn size(&self, id: Oid) -> Option<u64> {
        let (size, kind) = self.odb.read_header(id).ok()?;
        (kind == ObjectType::Blob).then_some(size as u64)
    }

    fn blob(&self, id: Oid) -> Option<Bag> {
        self.git.find_blob(id).ok().map(|blob| Bag::of(blob.content()))
    }
}

impl Contents for Files<'_> {
    fn old_size(&mut self, index: usize) -> Option<u64> {
        let id = self.old.get(index)?.id;
        let known = self.old.get(index)?.size;
        let size = if known > 0 { known } else { self.size(id)? };
        self.old.get_mut(index)?.size = size;
        (size <= BAG_MAX).then_some(size)
    }

    fn new_size(&mut self, index: usize) -> Option<u64> {
        let side = &self.new.get(index)?.1;
        let size = if side.size > 0 { side.size } else { self.size(side.id)? };
        self.new.get_mut(index)?.1.size = size;
        (size <= BAG_MAX).then_some(size)
    }

    fn old_bag(&mut self, index: usize) -> Option<Bag> {
        let side = self.old.get(index)?;
        self.held += side.size;
        if self.held > BAGS_MAX {
            return None;
        }
        self.blob(side.id)
    }

    fn new_bag(&mut self, index: usize) -> Option<Bag> {
        let (at, side) = self.new.get(index)?;
        if self.odb.exists(side.id) {
            return self.blob(side.id);
        }
        added(self.diff, *at).map(|content| Bag::of(&content))
    }

    fn check(&self) -> Result<()> {
        (self.check)()
    }
}

/// Turns removals and additions in `list` that are renames into one change each; whether there were too many files to look for all.
pub(super) fn find(
    git: &Repository,
    diff: &Diff<'_>,
    list: &mut Vec<Change>,
    work: bool,
    check: &dyn Fn() -> Result<()>,
) -> Result<bool> {
    let of = |letter: char| {
        move |(at, change): (usize, &Change)| (change.letter == letter && !change.submodule()).then_some(at)
    };
    let removed: Vec<usize> = list.iter().enumerate().filter_map(of('D')).collect();
    let new: Vec<usize> = list.iter().enumerate().filter_map(of('A')).collect();
    if removed.is_empty() || new.is_empty() {
        return Ok(false);
    }
    let index = |change: &Change| match change.source {
        Source::One(at) | Source::Rename(_, at) | Source::Retype(_, at) => at,
        Source::Empty => usize::MAX,
    };
    if work {
        // libgit2 learns the ids of files of the work tree when it reads them.
        for at in &new {
            check()?;
            let Some(change) = list.get_mut(*at) else { continue };
            let delta = index(change);
            if let Some(side) = change.new.as_mut().filter(|side| side.id.is_zero() && side.size <= BAG_MAX)
                && Patch::from_diff(diff, delta).is_ok()
                && let Some(read) = diff.get_delta(delta)
            {
                side.id = read.new_file().id();
            }
        }
    }
    let old_sides: Vec<Side> = removed.iter().filter_map(|at| list.get(*at)?.old.clone()).collect();
    let new_sides: Vec<(usize, Side)> = new
        .iter()
        .filter_map(|at| list.get(*at))
        .filter_map(|change| Some((index(change), change.new.clone()?)))
        .collect();
    let candidate = |side: &Side| Candidate { path: side.path.clone(), id: side.id, mode: side.mode };
    let old_candidates: Vec<Candidate> = old_sides.iter().map(candidate).collect();
    let new_candidates: Vec<Candidate> = new_sides.iter().map(|(_, side)| candidate(side)).collect();
    let odb = git.odb().or_fail("open the object store")?;
    let mut files = Files { git, odb, diff, old: old_sides, new: new_sides, held: 0, check };
    let found = similar::renames(&old_candidates, &new_candidates, &mut files)?;
    let mut gone = vec![false; list.len()];
    for rename in found.renames {
        let (Some(&from), Some(&to)) = (removed.get(rename.from), new.get(rename.to)) else { continue };
        let Some((old, old_at)) = list.get(from).map(|change| (change.old.clone(), index(change))) else { continue };
        if let (Some(change), Some(gone)) = (list.get_mut(to), gone.get_mut(from)) {
            *gone = true;
            change.source = Source::Rename(old_at, index(change));
            change.letter = 'R';
            change.percent = rename.percent;
            change.old = old;
        }
    }
    let mut gone = gone.into_iter();
    list.retain(|_| !gone.next().unwrap_or(false));
    Ok(found.limited)
}
