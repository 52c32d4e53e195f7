//! Changes as an answer shows them: totals, a table of files by rank, and a page of the patch.

mod table;

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    ops::Range,
};

use git2::Repository;
use shared::{
    Call, Code, Lines, Part, Place, Records, Result, Untrusted,
    diff::ranking::{self, Rank},
};

pub use self::table::{File, Table, Totals};
use crate::{
    changes::{Change, Changes},
    lines::{self, Kind},
    patch::{self, Body, Content},
    repo::short,
};

/// Files in the table beside a patch; `stat` has them all.
const TABLE_MAX: usize = 100;
/// Files read for one page of the table: more than the largest budget holds.
const TABLE_PAGE: usize = 4_000;
/// Bytes made for one page of the patch: more than the largest budget holds.
const PAGE_BYTES: usize = 112 << 10;
/// Bytes of texts that are kept from the first reading, so that a page needs no second.
const KEPT_BYTES: usize = 2 << 20;
/// Lines before a page that are looked at for secrets that begin in them, and their bytes.
const BEFORE_LINES: u64 = 400;
const BEFORE_BYTES: usize = 32 << 10;
/// Lines of a patch that are looked at to tell what kind of file it is.
const LOOKED_AT: u64 = 2_000;
/// A text with a longer line was not written by a person.
const LONG_LINE: usize = 5_000;
/// How many files pass between two reports of progress.
const STEPS: usize = 64;

/// What is wanted of the changes.
pub struct Wanted<'a> {
    /// Paths of the caller: what they name is not folded.
    pub paths: &'a [String],
    /// Lines of context.
    pub context: u32,
    /// Whether the patch is wanted; otherwise the table comes in pages.
    pub patch: bool,
}

/// The changes as an answer shows them.
pub struct Overview {
    /// How much changed.
    pub totals: Totals,
    /// The files; absent on the second and later pages of a patch.
    pub table: Option<Table>,
    /// A page of the patch.
    pub patch: Option<Lines>,
    /// Whether a file's text was folded.
    pub folded: bool,
    /// Remarks about the whole.
    pub notes: Vec<String>,
}

/// What was found out about a change by reading it.
#[derive(Default)]
struct Facts {
    counted: lines::Counted,
    binary: bool,
    sizes: (u64, u64),
    content: Content,
    folded: Option<&'static str>,
    note: Option<String>,
    doubtful: bool,
    /// The beginning of the text, as much as a page holds.
    text: Option<Vec<u8>>,
}

/// A change with what was found out about it, in the order of the answer.
struct Entry<'c> {
    change: &'c Change,
    facts: Facts,
    rank: (bool, Rank),
}

/// Reads all of `changes`, for the totals are exact, and makes the part of the patch that the call's page may show. `compared`
/// identifies the two sides, as far as ids do.
pub fn of(
    git: &Repository,
    changes: &Changes<'_>,
    wanted: &Wanted<'_>,
    compared: &str,
    call: &Call,
) -> Result<Overview> {
    let mut entries = Vec::with_capacity(changes.list.len());
    let mut kept = 0;
    for (at, change) in changes.list.iter().enumerate() {
        call.check()?;
        if at.is_multiple_of(STEPS) {
            call.progress().report(at as u64, changes.list.len() as u64, "comparing files");
        }
        if let Some(facts) = facts(git, changes, change, wanted, wanted.patch && kept < KEPT_BYTES)? {
            kept += facts.text.as_ref().map_or(0, Vec::len);
            let rank = match ranking::rank(change.path()) {
                Rank::Noise(_) if facts.folded.is_none() => Rank::Support,
                // Noise is noise, whichever kind.
                _ if facts.folded.is_some() => Rank::Noise(""),
                rank => rank,
            };
            entries.push(Entry { change, facts, rank: (change.letter != 'U', rank) });
        }
    }
    entries.sort_by(|a, b| (a.rank, a.change.path()).cmp(&(b.rank, b.change.path())));

    let mut totals = Totals { files: entries.len() as u64, ..Totals::default() };
    let mut state = DefaultHasher::new();
    compared.hash(&mut state);
    for Entry { change, facts, .. } in &entries {
        totals.added += facts.counted.added;
        totals.deleted += facts.counted.deleted;
        (change.letter, change.path(), facts.content, facts.sizes, facts.counted.lines).hash(&mut state);
        for side in [&change.old, &change.new].into_iter().flatten() {
            (side.id, side.mode).hash(&mut state);
        }
    }
    let page = call.page(state.finish().to_be_bytes())?;
    let mut notes = Vec::new();
    if entries.iter().any(|entry| entry.facts.doubtful) {
        notes.push(String::from(
            "files too large to compare are counted as replaced between their first and last difference, or not at all",
        ));
    }
    if changes.limited {
        notes
            .push(String::from("too many files to look for all renames: identical and equally named ones were paired"));
    }
    let folded = entries.iter().any(|entry| entry.facts.folded.is_some());
    if !wanted.patch {
        let from = usize::try_from(page.offset).unwrap_or(usize::MAX).min(entries.len());
        let rows = entries.iter().skip(from).take(TABLE_PAGE).map(row).collect();
        let table = Records::page("files", rows, shared::Total::Exactly(totals.files), page);
        return Ok(Overview { totals, table: Some(Table(table)), patch: None, folded, notes });
    }
    let goes_on = Place::of(&page).goes_on;
    let table = (!goes_on).then(|| {
        let rows: Vec<File> = entries.iter().take(TABLE_MAX).map(row).collect();
        Table(Records::head("files", rows, totals.files).narrower("stat=true pages through all"))
    });
    let shown: Vec<&Entry<'_>> =
        entries.iter().filter(|entry| entry.facts.folded.is_none() && entry.facts.counted.lines > 0).collect();
    let total = shown.iter().map(|entry| entry.facts.counted.lines).sum();
    let window = window(git, changes, &shown, Place::of(&page).line, wanted.context, call)?;
    let part = Part { heading: &window.heading, before: &window.before, bytes: &window.bytes, total };
    let patch = (total > 0).then(|| Lines::part("lines of the patch", &part, page));
    Ok(Overview { totals, table, patch, folded, notes })
}

/// Reads a change, and keeps its text when asked to; nothing, when there is no change after all.
fn facts(
    git: &Repository,
    changes: &Changes<'_>,
    change: &Change,
    wanted: &Wanted<'_>,
    keep: bool,
) -> Result<Option<Facts>> {
    let named = ranking::named(wanted.paths, change.path());
    let read = patch::read(git, changes, change, wanted.context, |body| {
        if body.unchanged {
            return Ok(None);
        }
        let mut facts = Facts {
            counted: lines::count(body)?,
            binary: body.binary,
            sizes: body.sizes,
            content: body.content,
            doubtful: body.replaced.is_some() || body.unread,
            ..Facts::default()
        };
        if body.unread {
            facts.note = Some(String::from("too large to be read"));
        } else if body.replaced.is_some() {
            facts.note = Some(String::from("too large and too different to be compared line by line"));
        }
        let looks = look(body)?;
        if let Some(note) = looks.note {
            facts.note = Some(note);
        }
        if let Rank::Noise(reason) = ranking::rank(change.path()) {
            facts.folded = Some(reason);
        } else if looks.folded.is_some() {
            facts.folded = looks.folded;
        }
        if named || facts.counted.lines == 0 {
            facts.folded = None;
        }
        // The middle of a key has nothing that tells what it is, so no part of such a file is shown.
        if patch::holds_key(git, change) {
            facts.folded = Some("holds a private key");
        }
        if keep && facts.folded.is_none() {
            let mut text = Vec::new();
            lines::from(body, 0, &mut |_, line| {
                line.write(&mut text);
                text.len() < PAGE_BYTES
            })?;
            facts.text = Some(text);
        }
        Ok(Some(facts))
    });
    match read {
        Err(error) if !matches!(error.code(), Code::Cancelled | Code::Timeout) => Ok(Some(Facts {
            doubtful: true,
            note: Some(format!("could not be read: {}", error.code())),
            ..Facts::default()
        })),
        read => read,
    }
}

#[derive(Default)]
struct Looks {
    note: Option<String>,
    folded: Option<&'static str>,
}

/// What the first lines of a patch tell about the file.
fn look(body: &Body<'_>) -> Result<Looks> {
    let mut looks = Looks::default();
    let mut pointer = false;
    let mut sizes = [None, None];
    // Lines that end with CR LF, and lines in all: deleted and added.
    let mut ends = [(0_u64, 0_u64); 2];
    lines::from(body, 0, &mut |number, line| {
        let Kind::File(sign) = line.kind else { return number < LOOKED_AT };
        if line.text.len() > LONG_LINE {
            looks.folded = Some("very long lines");
        }
        if line.new.max(line.old) <= 10 {
            let holds = |mark: &str| line.text.windows(mark.len()).any(|part| part == mark.as_bytes());
            if holds("@generated") || (holds("Code generated") && holds("DO NOT EDIT")) {
                looks.folded = Some("generated");
            }
            pointer |= line.text.starts_with(b"version https://git-lfs.github.com/spec/");
        }
        let size = line
            .text
            .strip_prefix(b"size ")
            .and_then(|size| std::str::from_utf8(size).ok()?.trim().parse::<u64>().ok());
        for (side, end) in ends.iter_mut().enumerate() {
            if sign == b' ' || sign == [b'-', b'+'][side] {
                sizes[side] = sizes[side].or(size);
                end.1 += u64::from(sign != b' ');
                end.0 += u64::from(sign != b' ' && line.text.ends_with(b"\r"));
            }
        }
        number < LOOKED_AT
    })?;
    if pointer {
        let size = |size: Option<u64>| size.map_or(String::from("none"), |size| size.to_string());
        looks.note = Some(format!("LFS pointer, object {} -> {} bytes", size(sizes[0]), size(sizes[1])));
        return Ok(looks);
    }
    let [deleted, added] = ends;
    looks.note = match (deleted, added) {
        ((0, d), (c, a)) if d > 0 && c > 0 && c == a => Some(String::from("line endings LF -> CRLF")),
        ((c, d), (0, a)) if a > 0 && c > 0 && c == d => Some(String::from("line endings CRLF -> LF")),
        _ => None,
    };
    Ok(looks)
}

fn row(entry: &Entry<'_>) -> File {
    let (change, facts) = (entry.change, &entry.facts);
    let id = |side: &Option<crate::changes::Side>| {
        side.as_ref().map_or(String::from("none"), |side| short(&side.id.to_string()).to_owned())
    };
    let after = match facts.content {
        Content::Id(id) if change.new.is_some() => short(&id.to_string()).to_owned(),
        _ => id(&change.new),
    };
    let mode = match (&change.old, &change.new) {
        (Some(old), Some(new)) if old.mode != new.mode => Some(format!("{:06o} -> {:06o}", old.mode, new.mode)),
        (None, Some(side)) | (Some(side), None)
            if side.mode != 0o100_644 && side.mode != 0o160_000 && change.letter != 'U' =>
        {
            Some(format!("{:06o}", side.mode))
        }
        _ => None,
    };
    let textless = facts.binary || facts.doubtful;
    File {
        status: if change.letter == 'R' { format!("R{}", change.percent) } else { change.letter.to_string() },
        path: Untrusted::line_bytes(change.path()),
        from: change.old.as_ref().filter(|_| change.letter == 'R').map(|old| Untrusted::line_bytes(&old.path)),
        added: facts.counted.added,
        deleted: facts.counted.deleted,
        binary: facts.binary,
        bytes: textless.then_some(facts.sizes),
        mode,
        submodule: change.submodule().then(|| format!("{}..{after}", id(&change.old))),
        folded: facts.folded,
        note: if change.letter == 'U' { Some(String::from("unmerged")) } else { facts.note.clone() },
    }
}

/// The text around a page.
#[derive(Default)]
struct Window {
    heading: Vec<u8>,
    before: Vec<u8>,
    bytes: Vec<u8>,
}

/// The lines of the patch of `shown` from number `start` on, as many as a page can hold.
fn window(
    git: &Repository,
    changes: &Changes<'_>,
    shown: &[&Entry<'_>],
    start: u64,
    context: u32,
    call: &Call,
) -> Result<Window> {
    let mut window = Window::default();
    let mut lines_of: Range<u64> = 0..0;
    for entry in shown {
        lines_of = lines_of.end..lines_of.end + entry.facts.counted.lines;
        if lines_of.end <= start {
            continue;
        }
        call.check()?;
        let first = start.saturating_sub(lines_of.start);
        if let (0, Some(text)) = (first, &entry.facts.text) {
            window.bytes.extend_from_slice(text);
            if window.bytes.len() >= PAGE_BYTES {
                break;
            }
            continue;
        }
        patch::read(git, changes, entry.change, context, |body| {
            if first > 0 {
                window.heading = lines::heading(body, first)?;
            }
            lines::from(body, first.saturating_sub(BEFORE_LINES), &mut |number, line| {
                line.write(if number < first { &mut window.before } else { &mut window.bytes });
                window.bytes.len() < PAGE_BYTES
            })
        })?;
        if window.bytes.len() >= PAGE_BYTES {
            break;
        }
    }
    if window.before.len() > BEFORE_BYTES {
        let cut = window.before.len() - BEFORE_BYTES;
        let line = window
            .before
            .iter()
            .skip(cut)
            .position(|byte| *byte == b'\n')
            .map_or(window.before.len(), |at| cut + at + 1);
        window.before.drain(..line);
    }
    Ok(window)
}
