//! What is looked at to compare two sides, and what could not be.

use git2::{Index, Repository};
use shared::{Result, Untrusted};

use super::{Changes, Sides};
use crate::{
    failure::OrFail,
    narrow::{self, Narrow, Untracked, Work},
};

/// Where `sides` may differ; `git` then has an index with what is there. Nothing, when libgit2 has to look for itself.
pub(super) fn differing(
    git: &Repository,
    narrow: Option<&Narrow>,
    sides: &Sides<'_>,
    paths: &[String],
    check: narrow::Check<'_>,
) -> Result<Option<Work>> {
    let only = |paths| Work { paths, untracked: Untracked::default(), closed: Vec::new() };
    if let Sides::TreeTree(old, new) = sides {
        // For attributes libgit2 would read the whole index; git asks the work tree only.
        git.set_index(&mut Index::new().or_fail("make an index")?).or_fail("leave the index unread")?;
        return Ok(narrow::trees(git, old.as_ref(), new, paths, check)?.map(only));
    }
    let Some(narrow) = narrow else { return Ok(None) };
    let work = |untracked| narrow.work(git, paths, untracked, check);
    let staged = |tree| narrow.staged(git, tree, paths, check);
    let found = match sides {
        Sides::IndexWork => work(false)?,
        Sides::IndexWorkUntracked => work(true)?,
        Sides::TreeIndex(tree) => staged(tree.as_ref())?.map(only),
        Sides::TreeWork(tree) => {
            let found = work(false)?.zip(staged(Some(tree))?);
            found.map(|(work, staged)| Work { paths: [work.paths, staged].concat(), ..work })
        }
        Sides::TreeTree(..) => None,
    };
    match found {
        // An entry that libgit2 does not take is for it to complain about.
        Some(found) if narrow.stand_in(git, &found.paths).is_ok() => Ok(Some(found)),
        _ => narrow.give_up(git).map(|()| None),
    }
}

impl Changes<'_> {
    /// What could not be looked at, in words.
    pub fn not_seen(&self) -> Vec<String> {
        let closed = names(&self.closed)
            .map(|names| format!("could not look into {names} (permission denied): what is there is not known"));
        let taken_back = names(&self.untracked.taken_back).map(|names| {
            format!(
                "untracked files may be missing below {names}: a pattern of .gitignore there begins with !, and those that take back \
                 what a .gitignore above ignores are not followed"
            )
        });
        closed.into_iter().chain(taken_back).collect()
    }
}

/// The first few of `paths`, and how many more there are; nothing when there are none.
fn names(paths: &[Vec<u8>]) -> Option<String> {
    const NAMED: usize = 5;
    let (first, rest) = paths.split_at(paths.len().min(NAMED));
    let quoted = |path: &Vec<u8>| Untrusted::line_bytes(if path.is_empty() { b"." } else { path }).quoted().to_string();
    let names: Vec<String> = first.iter().map(quoted).collect();
    let more = if rest.is_empty() { String::new() } else { format!(" and {} more", rest.len()) };
    (!names.is_empty()).then(|| names.join(", ") + &more)
}
