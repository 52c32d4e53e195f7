//! Comparing files of many megabytes in bounded memory and time.
//!
//! What two versions of a large file have in common at their ends is left out first. What lies between is compared by a hash per
//! line, as long as few lines differ; the pieces that differ, with some lines around them, are then small enough for libgit2.

use std::{
    hash::{DefaultHasher, Hasher},
    io::Read,
    ops::Range,
    os::unix::ffi::OsStrExt,
};

use git2::Repository;
use rustix::fs::{CWD, Mode, OFlags, openat};
use shared::{Code, Result, ToolError};

use crate::changes::Side;

/// Lines libgit2 is given at once, on both sides together.
const LINES_MAX: usize = 400_000;
/// Lines between the first and the last difference, on both sides together: 8 bytes are held for each.
const HASHED_MAX: u64 = 8_000_000;
/// Added and deleted lines between them. The work grows with the square of this.
const EDITS_MAX: usize = 2_000;
/// Bytes compared at once while looking for what is common.
const BLOCK: usize = 4_096;
/// Lines around a piece that are compared with it, besides the context: room for a hunk to slide.
const MARGIN: usize = 50;

/// A piece of a file that differs, in bytes, with the lines before it on both sides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region {
    /// Bytes of the old file.
    pub old: Range<usize>,
    /// Bytes of the new file.
    pub new: Range<usize>,
    /// Lines of the old and the new file before the piece.
    pub shift: (u64, u64),
}

/// How two large files differ.
#[derive(Debug, PartialEq, Eq)]
pub enum Compared {
    /// In these pieces, in order.
    Regions(Vec<Region>),
    /// In too many: so many lines lie between the first and the last difference.
    TooLarge {
        /// In the old file.
        deleted: u64,
        /// In the new file.
        added: u64,
    },
}

/// Lines of `content`; a last one without a newline counts.
pub fn count(content: &[u8]) -> u64 {
    let ends = memchr::memchr_iter(b'\n', content).count() as u64;
    ends + u64::from(content.last().is_some_and(|last| *last != b'\n'))
}

/// A digest that tells two contents apart within one run of the server.
pub fn digest(content: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(content);
    hasher.finish()
}

/// Reads a file of the work tree; no symbolic link is followed on the way, and no more than `most` bytes are taken.
pub fn from_work_tree(git: &Repository, side: &Side, most: u64) -> Result<Vec<u8>> {
    let gone =
        || ToolError::new(Code::Conflict, "a file of the work tree changed while it was being read").hint("try again");
    let root = git.workdir().ok_or_else(gone)?;
    let directory = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let mut at = openat(CWD, root, directory, Mode::empty()).map_err(|_| gone())?;
    let path = std::path::Path::new(std::ffi::OsStr::from_bytes(&side.path));
    let (Some(name), parents) = (path.file_name(), path.parent().into_iter().flat_map(|parents| parents.components()))
    else {
        return Err(gone());
    };
    for parent in parents {
        at = openat(&at, parent.as_os_str(), directory | OFlags::NOFOLLOW, Mode::empty()).map_err(|_| gone())?;
    }
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file = std::fs::File::from(openat(&at, name, flags, Mode::empty()).map_err(|_| gone())?);
    if !file.metadata().is_ok_and(|metadata| metadata.is_file()) {
        return Err(gone());
    }
    let mut content = Vec::with_capacity(usize::try_from(side.size.min(most)).unwrap_or(0));
    file.take(most).read_to_end(&mut content).map_err(|_| gone())?;
    Ok(content)
}

/// Compares two contents that differ.
pub fn compare(old: &[u8], new: &[u8], context: usize) -> Compared {
    let (start, ends) = common(old, new);
    let (Some(middle_old), Some(middle_new)) = (old.get(start..ends.0), new.get(start..ends.1)) else {
        return Compared::Regions(Vec::new());
    };
    let (deleted, added) = (count(middle_old), count(middle_new));
    let margin = context + MARGIN;
    let before = count(&old[..start]);
    let edits = if deleted + added <= LINES_MAX as u64 / 2 {
        vec![(0..deleted as usize, 0..added as usize)]
    } else if deleted + added > HASHED_MAX {
        return Compared::TooLarge { deleted, added };
    } else {
        match edits(&hashes(middle_old), &hashes(middle_new)) {
            Some(edits) => edits,
            None => return Compared::TooLarge { deleted, added },
        }
    };
    let mut pieces: Vec<(Range<usize>, Range<usize>)> = Vec::new();
    for (o, n) in edits {
        match pieces.last_mut() {
            // Pieces whose surroundings would touch are one.
            Some(last) if o.start - last.0.end <= 2 * margin => {
                last.0.end = o.end;
                last.1.end = n.end;
            }
            _ => pieces.push((o, n)),
        }
    }
    if pieces.iter().map(|(o, n)| o.len() + n.len()).sum::<usize>() > LINES_MAX {
        return Compared::TooLarge { deleted, added };
    }
    let (mut at_old, mut at_new) = (Walk::new(middle_old), Walk::new(middle_new));
    let regions = pieces.into_iter().map(|(o, n)| {
        let (os, ns) = (start + at_old.to(o.start), start + at_new.to(n.start));
        let (oe, ne) = (start + at_old.to(o.end), start + at_new.to(n.end));
        let (back_old, lines) = back(old, os, margin);
        let (back_new, _) = back(new, ns, lines);
        let shift = (before + o.start as u64 - lines as u64, before + n.start as u64 - lines as u64);
        Region { old: back_old..forward(old, oe, margin), new: back_new..forward(new, ne, margin), shift }
    });
    Compared::Regions(regions.collect())
}

/// How far the two agree at the beginning, in whole lines, and where the rest that agrees at the end begins in each.
fn common(old: &[u8], new: &[u8]) -> (usize, (usize, usize)) {
    // In blocks first, which the machine compares many times faster than bytes.
    let blocks = old.chunks_exact(BLOCK).zip(new.chunks_exact(BLOCK)).take_while(|(a, b)| a == b).count() * BLOCK;
    let same = blocks + equal(old[blocks..].iter().zip(&new[blocks..]));
    let start = memchr::memrchr(b'\n', &old[..same]).map_or(0, |at| at + 1);
    let (rest_old, rest_new) = (&old[start..], &new[start..]);
    let blocks =
        rest_old.rchunks_exact(BLOCK).zip(rest_new.rchunks_exact(BLOCK)).take_while(|(a, b)| a == b).count() * BLOCK;
    let (before_old, before_new) = (&rest_old[..rest_old.len() - blocks], &rest_new[..rest_new.len() - blocks]);
    let mut tail = blocks + equal(before_old.iter().rev().zip(before_new.iter().rev()));
    // A line that ends alike need not begin alike; unless both rests begin there, it begins after a newline of both.
    let begins = |rest: &[u8], tail: usize| tail == rest.len() || rest[rest.len() - tail - 1] == b'\n';
    if !(begins(rest_old, tail) && begins(rest_new, tail)) {
        let shared = &rest_old[rest_old.len() - tail..];
        tail -= memchr::memchr(b'\n', shared).map_or(tail, |at| at + 1);
    }
    (start, (old.len() - tail, new.len() - tail))
}

fn equal<'a>(pairs: impl Iterator<Item = (&'a u8, &'a u8)>) -> usize {
    pairs.take_while(|(a, b)| a == b).count()
}

fn hashes(content: &[u8]) -> Vec<u64> {
    let mut from = 0;
    let ends = memchr::memchr_iter(b'\n', content).map(|at| at + 1).chain([content.len()]);
    let lines = ends.filter_map(|end| content.get(std::mem::replace(&mut from, end)..end));
    lines.filter(|line| !line.is_empty()).map(digest).collect()
}

/// A walk over the lines of a content.
struct Walk<'a> {
    content: &'a [u8],
    at: usize,
    line: usize,
}

impl<'a> Walk<'a> {
    fn new(content: &'a [u8]) -> Self {
        Self { content, at: 0, line: 0 }
    }

    /// Where line number `line` begins, which is not before the last one asked for.
    fn to(&mut self, line: usize) -> usize {
        while self.line < line && self.at < self.content.len() {
            self.at = forward(self.content, self.at, 1);
            self.line += 1;
        }
        self.at
    }
}

/// Where `lines` lines after `at` begin.
fn forward(content: &[u8], mut at: usize, lines: usize) -> usize {
    for _ in 0..lines {
        at = match memchr::memchr(b'\n', &content[at..]) {
            Some(end) => at + end + 1,
            None => content.len(),
        };
    }
    at
}

/// Where the `lines` lines before `at` begin, and how many there are.
fn back(content: &[u8], mut at: usize, lines: usize) -> (usize, usize) {
    for taken in 0..lines {
        if at == 0 {
            return (0, taken);
        }
        at = memchr::memrchr(b'\n', &content[..at - 1]).map_or(0, |end| end + 1);
    }
    (at, lines)
}

/// The shortest way from `old` to `new`: the ranges of lines that differ. `None` when it is longer than [`EDITS_MAX`].
fn edits(old: &[u64], new: &[u64]) -> Option<Vec<(Range<usize>, Range<usize>)>> {
    let (n, m) = (old.len() as isize, new.len() as isize);
    // For each number of edits, how far each diagonal reaches in the old lines.
    let mut trace: Vec<Vec<isize>> = Vec::new();
    let reach = |trace: &[Vec<isize>], d: isize, k: isize| -> isize {
        let Some(last) = usize::try_from(d - 1).ok().and_then(|d| trace.get(d)) else { return 0 };
        let at = |k: isize| {
            usize::try_from((k + d - 1) / 2).ok().filter(|_| k.abs() < d).and_then(|at| last.get(at)).copied()
        };
        match (at(k - 1), at(k + 1)) {
            (Some(left), Some(right)) if left < right => right,
            (Some(left), _) => left + 1,
            (None, Some(right)) => right,
            (None, None) => 0,
        }
    };
    let slide = |mut x: isize, k: isize| {
        while x < n && x - k < m && old.get(x as usize) == new.get((x - k) as usize) {
            x += 1;
        }
        x
    };
    let last = 'found: {
        for d in 0..=EDITS_MAX as isize {
            let mut row = Vec::with_capacity(d as usize + 1);
            for k in (-d..=d).step_by(2) {
                let x = reach(&trace, d, k);
                // Outside of the table nothing is gained.
                let x = if x > n || x - k > m { x } else { slide(x, k) };
                row.push(x);
                if x == n && k == n - m {
                    trace.push(row);
                    break 'found d;
                }
            }
            trace.push(row);
        }
        return None;
    };
    // Back from the end: each step is one edit, and what was slid over is common.
    let mut out: Vec<(Range<usize>, Range<usize>)> = Vec::new();
    let mut k = n - m;
    for d in (1..=last).rev() {
        let row = trace.get(d as usize - 1)?;
        let at = |k: isize| {
            usize::try_from((k + d - 1) / 2).ok().filter(|_| k.abs() < d).and_then(|at| row.get(at)).copied()
        };
        let (before, from) = match (at(k - 1), at(k + 1)) {
            (Some(left), Some(right)) if left < right => (right, k + 1),
            (Some(left), _) => (left, k - 1),
            (None, Some(right)) => (right, k + 1),
            (None, None) => return None,
        };
        let step = if from < k { (1, 0) } else { (0, 1) };
        let (o, w) = (before as usize, (before - from) as usize);
        let (oe, we) = (o + step.0, w + step.1);
        match out.last_mut() {
            Some(next) if next.0.start == oe && next.1.start == we => {
                next.0.start = o;
                next.1.start = w;
            }
            _ => out.push((o..oe, w..we)),
        }
        k = from;
    }
    out.reverse();
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(lines: &[u32]) -> Vec<u8> {
        lines.iter().flat_map(|line| format!("line {line}\n").into_bytes()).collect()
    }

    #[test]
    fn what_is_common_is_left_out_in_whole_lines() {
        for (old, new, expected) in [
            ("a\nb\nc\n", "a\nx\nc\n", (2, (4, 4))),
            ("a\n", "a\nb\n", (2, (2, 4))),
            ("b\n", "a\nb\n", (0, (0, 2))),
            ("xb\n", "yb\n", (0, (3, 3))),
            ("a\nb", "a\nb\n", (2, (3, 4))),
            ("a\na\n", "a\na\na\n", (4, (4, 6))),
            ("", "a", (0, (0, 1))),
        ] {
            assert_eq!(common(old.as_bytes(), new.as_bytes()), expected, "{old:?} {new:?}");
        }
    }

    /// Applies the edits and looks whether the new lines come out.
    fn lead_there(old: &[u32], new: &[u32]) -> usize {
        let hash = |lines: &[u32]| lines.iter().map(|line| u64::from(*line)).collect::<Vec<_>>();
        let edits = edits(&hash(old), &hash(new)).unwrap();
        let (mut built, mut at, mut cost) = (Vec::new(), 0, 0);
        for (o, n) in &edits {
            built.extend_from_slice(&old[at..o.start]);
            assert_eq!(built.len(), n.start);
            built.extend_from_slice(&new[n.clone()]);
            at = o.end;
            cost += o.len() + n.len();
        }
        built.extend_from_slice(&old[at..]);
        assert_eq!(built, new, "{edits:?}");
        cost
    }

    #[test]
    fn the_shortest_way_is_found() {
        assert_eq!(lead_there(&[1, 2, 3], &[1, 2, 3]), 0);
        assert_eq!(lead_there(&[], &[1, 2]), 2);
        assert_eq!(lead_there(&[1, 2], &[]), 2);
        assert_eq!(lead_there(&[1, 2, 3, 4], &[2, 3, 5, 4]), 2);
        assert_eq!(lead_there(&[1, 2, 3, 1, 2, 2, 1], &[3, 2, 1, 2, 1, 3]), 5);
        // Pseudo-random sequences over few values, against the classic table.
        let mut seed = 7_u64;
        let mut next = move || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) as u32
        };
        for _ in 0..300 {
            let mut line = |most: u32| (0..next() % most).map(|_| next() % 4).collect::<Vec<_>>();
            let (old, new) = (line(30), line(30));
            let mut table = vec![vec![0; new.len() + 1]; old.len() + 1];
            for i in (0..old.len()).rev() {
                for j in (0..new.len()).rev() {
                    table[i][j] =
                        if old[i] == new[j] { table[i + 1][j + 1] + 1 } else { table[i + 1][j].max(table[i][j + 1]) };
                }
            }
            assert_eq!(lead_there(&old, &new), old.len() + new.len() - 2 * table[0][0]);
        }
    }

    #[test]
    fn far_apart_edits_are_pieces_and_too_many_are_said() {
        let old: Vec<u32> = (0..300_000).collect();
        let mut new = old.clone();
        new[0] = 999_999;
        new[299_999] = 999_998;
        let (old, new) = (text(&old), text(&new));
        let Compared::Regions(regions) = compare(&old, &new, 3) else { panic!("too large") };
        assert_eq!(regions.len(), 2);
        assert_eq!(regions[0].shift, (0, 0));
        assert_eq!(regions[1].shift, (299_999 - 53, 299_999 - 53));
        assert!(regions.iter().all(|region| region.old.len() < 1_000));

        let middle = String::from_utf8(old.clone()).unwrap().replace("line 150000\n", "line x\nline y\n");
        let Compared::Regions(regions) = compare(&old, middle.as_bytes(), 3) else { panic!("too large") };
        assert_eq!(regions.len(), 1);
        assert_eq!(regions[0].shift, (150_000 - 53, 150_000 - 53));
        let piece = |text: &[u8], range: &Range<usize>| String::from_utf8(text[range.clone()].to_vec()).unwrap();
        let (before, after) = (piece(&old, &regions[0].old), piece(middle.as_bytes(), &regions[0].new));
        assert!(before.starts_with("line 149947\n") && before.ends_with("\nline 150053\n"), "{before}");
        assert_eq!(before.replace("line 150000\n", "line x\nline y\n"), after);

        let other: Vec<u32> = (0..300_000).map(|line| line + 500_000).collect();
        assert_eq!(compare(&old, &text(&other), 3), Compared::TooLarge { deleted: 300_000, added: 300_000 });
    }
}
