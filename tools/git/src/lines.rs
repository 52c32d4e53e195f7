//! The lines of a patch, one after the other from any place on.

use git2::Patch;
use shared::{Result, diff::line};

use crate::{
    failure::OrFail,
    patch::{Body, Section},
};

/// A line of a patch.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    /// What it is.
    pub kind: Kind,
    /// Its text without the newline. Without the sign, which the kind tells.
    pub text: &'a [u8],
    /// Line of the old file; 0 where there is none.
    pub old: u64,
    /// Line of the new file; 0 where there is none.
    pub new: u64,
}

/// What a line of a patch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A line before the first hunk.
    Header,
    /// The first line of a hunk.
    Hunk,
    /// A line of the file: ` `, `+` or `-`.
    File(u8),
    /// A remark, such as that there is no newline at the end.
    Remark,
}

impl Line<'_> {
    /// Appends the line as it stands in a patch, with a newline.
    pub fn write(&self, out: &mut Vec<u8>) {
        if let Kind::File(sign) = self.kind {
            out.push(sign);
        }
        line::write(self.text, out);
    }
}

/// How many lines a body has, and how many of them are added and deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Lines of the patch.
    pub lines: u64,
    /// Added lines of the file.
    pub added: u64,
    /// Deleted lines of the file.
    pub deleted: u64,
}

fn headers(header: &[u8]) -> u64 {
    header.iter().filter(|byte| **byte == b'\n').count() as u64
}

/// Lines of the whole of a file: the hunk's header, the lines, and the remark where the last one has no newline.
fn whole(content: &[u8], lines: u64) -> u64 {
    match content.last() {
        None => 0,
        Some(last) => 1 + lines + u64::from(*last != b'\n'),
    }
}

fn length(section: &Section<'_>) -> Result<u64> {
    Ok(match section {
        Section::Hunks { header, patch, .. } => {
            let mut lines = headers(header);
            for hunk in 0..patch.num_hunks() {
                lines += 1 + patch.num_lines_in_hunk(hunk).or_fail("read a hunk")? as u64;
            }
            lines
        }
        Section::Whole { header, content, lines, .. } => headers(header) + whole(content, *lines),
    })
}

/// Counts without making any text.
pub fn count(body: &Body<'_>) -> Result<Counted> {
    let mut counted = Counted::default();
    if let Some((added, deleted)) = body.replaced {
        (counted.added, counted.deleted) = (added, deleted);
    }
    for section in &body.sections {
        counted.lines += length(section)?;
        match section {
            Section::Hunks { patch, .. } => {
                let (_, added, deleted) = patch.line_stats().or_fail("count lines")?;
                counted.added += added as u64;
                counted.deleted += deleted as u64;
            }
            Section::Whole { sign: b'+', lines, .. } => counted.added += lines,
            Section::Whole { lines, .. } => counted.deleted += lines,
        }
    }
    Ok(counted)
}

/// Shows `see` the lines of `body` from number `from` on, with their numbers, until it says `false`.
pub fn from(body: &Body<'_>, from: u64, see: &mut dyn FnMut(u64, Line<'_>) -> bool) -> Result<()> {
    let mut first = 0;
    for section in &body.sections {
        let length = length(section)?;
        if first + length > from && !one(section, first, from, see)? {
            return Ok(());
        }
        first += length;
    }
    Ok(())
}

/// One section, whose first line is number `first`. Whether to go on.
fn one(section: &Section<'_>, first: u64, from: u64, see: &mut dyn FnMut(u64, Line<'_>) -> bool) -> Result<bool> {
    let (Section::Hunks { header, .. } | Section::Whole { header, .. }) = section;
    let mut at = first;
    for text in header.split_inclusive(|byte| *byte == b'\n') {
        if at >= from && !see(at, Line { kind: Kind::Header, text: trimmed(text), old: 0, new: 0 }) {
            return Ok(false);
        }
        at += 1;
    }
    match section {
        Section::Hunks { patch, shift, .. } => hunks(patch, *shift, at, from, see),
        Section::Whole { sign, content, lines, .. } => Ok(all(*sign, content, *lines, at, from, see)),
    }
}

fn trimmed(text: &[u8]) -> &[u8] {
    text.strip_suffix(b"\n").unwrap_or(text)
}

fn hunks(
    patch: &Patch<'_>,
    shift: (u64, u64),
    mut at: u64,
    from: u64,
    see: &mut dyn FnMut(u64, Line<'_>) -> bool,
) -> Result<bool> {
    for index in 0..patch.num_hunks() {
        let (hunk, lines) = patch.hunk(index).or_fail("read a hunk")?;
        if at >= from {
            let header = shifted(
                trimmed(hunk.header()),
                shift,
                [hunk.old_start(), hunk.old_lines(), hunk.new_start(), hunk.new_lines()],
            );
            let (old, new) = (u64::from(hunk.old_start()) + shift.0, u64::from(hunk.new_start()) + shift.1);
            if !see(at, Line { kind: Kind::Hunk, text: &header, old, new }) {
                return Ok(false);
            }
        }
        at += 1;
        let skip = usize::try_from(from.saturating_sub(at)).unwrap_or(usize::MAX).min(lines);
        at += skip as u64;
        for number in skip..lines {
            let line = patch.line_in_hunk(index, number).or_fail("read a hunk")?;
            let (kind, text) = match line.origin() {
                origin @ (' ' | '+' | '-') => (Kind::File(origin as u8), trimmed(line.content())),
                _ => (Kind::Remark, trimmed(line.content().strip_prefix(b"\n").unwrap_or(line.content()))),
            };
            let number = |line: Option<u32>, shift: u64| line.map_or(0, |line| u64::from(line) + shift);
            if !see(
                at,
                Line { kind, text, old: number(line.old_lineno(), shift.0), new: number(line.new_lineno(), shift.1) },
            ) {
                return Ok(false);
            }
            at += 1;
        }
    }
    Ok(true)
}

/// The header of a hunk of a piece, with the numbers of the whole file.
fn shifted(header: &[u8], shift: (u64, u64), [old_start, old_lines, new_start, new_lines]: [u32; 4]) -> Vec<u8> {
    if shift == (0, 0) {
        return header.to_vec();
    }
    let range = |start: u32, lines: u32, shift: u64| match lines {
        1 => format!("{}", u64::from(start) + shift),
        _ => format!("{},{lines}", u64::from(start) + shift),
    };
    let function =
        header.get(2..).and_then(|rest| rest.windows(3).position(|three| three == b" @@").map(|at| &rest[at + 3..]));
    let numbers = format!("@@ -{} +{} @@", range(old_start, old_lines, shift.0), range(new_start, new_lines, shift.1));
    [numbers.as_bytes(), function.unwrap_or_default()].concat()
}

fn all(
    sign: u8,
    content: &[u8],
    lines: u64,
    mut at: u64,
    from: u64,
    see: &mut dyn FnMut(u64, Line<'_>) -> bool,
) -> bool {
    let Some(last) = content.last() else { return true };
    let added = sign == b'+';
    let number = |line: u64| if added { (0, line) } else { (line, 0) };
    if at >= from {
        let range = if lines == 1 { String::from("1") } else { format!("1,{lines}") };
        let header = if added { format!("@@ -0,0 +{range} @@") } else { format!("@@ -{range} +0,0 @@") };
        let (old, new) = number(1);
        if !see(at, Line { kind: Kind::Hunk, text: header.as_bytes(), old, new }) {
            return false;
        }
    }
    at += 1;
    let skip = from.saturating_sub(at).min(lines);
    let begin = match usize::try_from(skip) {
        Ok(0) => 0,
        Ok(skip) => memchr::memchr_iter(b'\n', content).nth(skip - 1).map_or(content.len(), |at| at + 1),
        Err(_) => content.len(),
    };
    at += skip;
    let rest = content.get(begin..).unwrap_or_default();
    for (line, text) in (skip + 1..).zip(rest.split_inclusive(|byte| *byte == b'\n')) {
        let (old, new) = number(line);
        if !see(at, Line { kind: Kind::File(sign), text: trimmed(text), old, new }) {
            return false;
        }
        at += 1;
    }
    *last == b'\n'
        || at < from
        || see(at, Line { kind: Kind::Remark, text: b"\\ No newline at end of file", old: 0, new: 0 })
}

/// Line `number` of `body` in words: the file's names and the hunk it stands in, and where in it.
pub fn heading(body: &Body<'_>, number: u64) -> Result<Vec<u8>> {
    let (mut out, mut hunk, mut here) = (Vec::new(), None, None);
    let mut first = 0;
    for section in &body.sections {
        let length = length(section)?;
        let (Section::Hunks { header, .. } | Section::Whole { header, .. }) = section;
        if !header.is_empty() && first <= number {
            out.clear();
            for line in header
                .split(|byte| *byte == b'\n')
                .filter(|line| line.starts_with(b"--- ") || line.starts_with(b"+++ "))
            {
                out.extend_from_slice(line.get(..150).unwrap_or(line));
                out.push(b'\n');
            }
        }
        if first <= number && number < first + length {
            hunk = containing(section, first, number)?;
            one(section, first, number, &mut |_, line| {
                here = Some((line.kind, line.old, line.new));
                matches!(line.kind, Kind::Remark)
            })?;
        }
        first += length;
    }
    if let (Some(mut hunk), Some((Kind::File(_), old, new))) = (hunk, here) {
        let place = match (old, new) {
            (0, new) => format!(" (goes on at +{new})"),
            (old, 0) => format!(" (goes on at -{old})"),
            (old, new) => format!(" (goes on at -{old} +{new})"),
        };
        hunk.extend_from_slice(place.as_bytes());
        out.extend_from_slice(&hunk);
        out.push(b'\n');
    } else if matches!(here, Some((Kind::Header, ..))) {
        out.clear();
    }
    Ok(out)
}

/// The header of the hunk in which line `number` of a section stands that begins with line `first`.
fn containing(section: &Section<'_>, first: u64, number: u64) -> Result<Option<Vec<u8>>> {
    let (Section::Hunks { header, .. } | Section::Whole { header, .. }) = section;
    let mut at = first + headers(header);
    if let Section::Hunks { patch, .. } = section {
        for index in 0..patch.num_hunks() {
            let next = at + 1 + patch.num_lines_in_hunk(index).or_fail("read a hunk")? as u64;
            if next > number {
                break;
            }
            at = next;
        }
    }
    let mut found = None;
    if at < number {
        one(section, first, at, &mut |_, line| {
            found = Some(line.text.to_vec());
            false
        })?;
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use git2::Repository;

    use super::*;
    use crate::{
        changes::{self, Sides},
        patch,
    };

    /// A repository whose index holds `before` and whose work tree holds `after`.
    fn edited(before: &str, after: &str) -> (tempfile::TempDir, Repository) {
        let dir = tempfile::tempdir().unwrap();
        let git = Repository::init(dir.path()).unwrap();
        fs::write(dir.path().join("file.rs"), before).unwrap();
        let mut index = git.index().unwrap();
        index.add_path(std::path::Path::new("file.rs")).unwrap();
        index.write().unwrap();
        fs::write(dir.path().join("file.rs"), after).unwrap();
        drop(index);
        (dir, git)
    }

    fn with_body(git: &Repository, context: u32, with: impl Fn(&Body<'_>)) {
        let changes = changes::between(git, None, &Sides::IndexWork, &[], context, &|| Ok(())).unwrap();
        assert_eq!(changes.list.len(), 1);
        let read = |body: &Body<'_>| {
            with(body);
            Ok(())
        };
        patch::read(git, &changes, &changes.list[0], context, read).unwrap();
    }

    fn seen(body: &Body<'_>, start: u64) -> Vec<(u64, String)> {
        let mut out = Vec::new();
        from(body, start, &mut |number, line| {
            let mut text = Vec::new();
            line.write(&mut text);
            out.push((number, String::from_utf8(text).unwrap()));
            true
        })
        .unwrap();
        out
    }

    #[test]
    fn the_lines_from_anywhere_are_the_end_of_all_lines() {
        let before: String = (0..200).map(|n| format!("fn line_{n}() {{\n    {n}\n}}\n")).collect();
        let after = before
            .replace("    7\n", "    seven\n")
            .replace("    150\n", "")
            .replace("fn line_199() {\n    199\n}\n", "end");
        let (_dir, git) = edited(&before, &after);
        with_body(&git, 3, |body| {
            let all = seen(body, 0);
            let counted = count(body).unwrap();
            assert_eq!(counted.lines, all.len() as u64);
            assert_eq!((counted.added, counted.deleted), (2, 5));
            assert_eq!(all.last().unwrap().1, "\\ No newline at end of file\n");
            for start in 0..all.len() {
                assert_eq!(seen(body, start as u64), all[start..], "{start}");
            }
        });
    }

    #[test]
    fn a_heading_tells_file_hunk_and_place() {
        let before: String = (1..100).map(|n| format!("{n}\n")).collect();
        let (_dir, git) = edited(&before, &before.replace("\n50\n", "\nfifty\nand more\n").replace("\n90\n", "\n"));
        with_body(&git, 2, |body| {
            let heading = |number: u64| String::from_utf8(heading(body, number).unwrap()).unwrap();
            let names = "--- a/file.rs\n+++ b/file.rs\n";
            // 0-2 header, 3 hunk, 4-5 context, 6 -50, 7 +fifty, 8 +and more, 9-10 context, 11 hunk, 12-13 context, 14 -90.
            assert_eq!(heading(0), "");
            assert_eq!(heading(3), names);
            assert_eq!(heading(4), format!("{names}@@ -48,5 +48,6 @@ (goes on at -48 +48)\n"));
            assert_eq!(heading(6), format!("{names}@@ -48,5 +48,6 @@ (goes on at -50)\n"));
            assert_eq!(heading(8), format!("{names}@@ -48,5 +48,6 @@ (goes on at +51)\n"));
            assert_eq!(heading(11), names);
            assert_eq!(heading(14), format!("{names}@@ -88,5 +89,4 @@ (goes on at -90)\n"));
        });
    }
}
