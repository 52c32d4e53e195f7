//! The text of a change: counted without being made, and made from any line on.

use std::{ffi::OsStr, io::Read, os::unix::ffi::OsStrExt, path::Path};

use git2::{AttrCheckFlags, AttrValue, DiffOptions, Oid, Patch, Repository};
use shared::{Result, diff::path::quoted};

use crate::{
    changes::{self, Change, Changes, Side, Source},
    failure::OrFail,
    large::{self, Region},
    worktree::WorkTree,
};

/// A file longer than this is compared in pieces of our own choosing, for libgit2 holds some 150 bytes for each line of a file.
const LARGE: u64 = 1 << 20;
/// The same for files whose line endings libgit2 has to convert, which it does with the whole file only.
const CONVERTED_MAX: u64 = 32 << 20;
/// A file longer than this is not read, as git does it (core.bigFileThreshold).
const READ_MAX: u64 = 512 << 20;

/// A piece of a patch. Its lines are those of its header, then hunk by hunk the header and the lines.
pub enum Section<'a> {
    /// What libgit2 found.
    Hunks {
        /// Lines before the first hunk.
        header: Vec<u8>,
        /// The hunks.
        patch: Patch<'a>,
        /// Lines of the old and the new file before the compared piece.
        shift: (u64, u64),
    },
    /// A large file that is there on one side only: all of it.
    Whole {
        /// Lines before the hunk.
        header: Vec<u8>,
        /// `+` or `-`.
        sign: u8,
        /// The content.
        content: &'a [u8],
        /// Lines of it.
        lines: u64,
    },
}

/// A change, read.
pub struct Body<'a> {
    /// The text, for a change that has any.
    pub sections: Vec<Section<'a>>,
    /// Whether it is not text.
    pub binary: bool,
    /// Whether there is no difference after all, once line endings are converted.
    pub unchanged: bool,
    /// Added and deleted lines of a file that was too large to compare: all lines between the first and the last difference.
    pub replaced: Option<(u64, u64)>,
    /// Whether the file was not even read.
    pub unread: bool,
    /// Bytes before and after.
    pub sizes: (u64, u64),
    /// Identifies the new content.
    pub content: Content,
}

/// What identifies the new content of a change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Content {
    /// There is none, or it was not read.
    #[default]
    None,
    /// An object id.
    Id(Oid),
    /// A digest of ours.
    Digest(u64),
}

impl Body<'_> {
    fn of(sizes: (u64, u64)) -> Self {
        Self {
            sections: Vec::new(),
            binary: false,
            unchanged: false,
            replaced: None,
            unread: false,
            sizes,
            content: Content::None,
        }
    }
}

/// Reads `change` and hands its body to `with`.
pub fn read<T>(
    git: &Repository,
    all: &Changes<'_>,
    change: &Change,
    context: u32,
    with: impl FnOnce(&Body<'_>) -> Result<T>,
) -> Result<T> {
    let sizes = sizes(git, change);
    let largest = sizes.0.max(sizes.1);
    if change.letter == 'U' || largest > READ_MAX {
        return with(&Body { unread: change.letter != 'U', ..Body::of(sizes) });
    }
    if let (Source::Rename(..), Some(old), Some(new)) = (change.source, &change.old, &change.new)
        && old.id == new.id
    {
        return with(&Body { content: Content::Id(new.id), ..Body::of(sizes) });
    }
    if matches!(change.source, Source::Retype(..)) && largest > CONVERTED_MAX {
        return with(&Body { unread: true, ..Body::of(sizes) });
    }
    if largest > LARGE && !change.submodule() && !matches!(change.source, Source::Retype(..)) {
        return read_large(git, all, change, context, sizes, with);
    }
    read_whole(git, all, change, context, sizes, with)
}

/// Larger files are not private keys.
const KEY_FILE_MAX: u64 = 256 * 1024;

/// Whether either side of `change` has a private key in it.
pub fn holds_key(git: &Repository, change: &Change) -> bool {
    let marked = |content: &[u8]| memchr::memmem::find(content, b"PRIVATE KEY-----").is_some();
    [&change.old, &change.new].into_iter().flatten().filter(|side| side.size <= KEY_FILE_MAX).any(|side| {
        if let Ok(blob) = git.find_blob(side.id) {
            return blob.size() as u64 <= KEY_FILE_MAX && marked(blob.content());
        }
        let file = WorkTree::of(git).and_then(|tree| tree.open(&side.path));
        let Ok(Some(file)) = file else { return false };
        let mut content = Vec::new();
        file.take(KEY_FILE_MAX).read_to_end(&mut content).is_ok() && marked(&content)
    })
}

/// The way of libgit2: both files as wholes.
fn read_whole<T>(
    git: &Repository,
    all: &Changes<'_>,
    change: &Change,
    context: u32,
    sizes: (u64, u64),
    with: impl FnOnce(&Body<'_>) -> Result<T>,
) -> Result<T> {
    let mut body = Body::of(sizes);
    let mut entry = |at: usize, header: Vec<u8>| -> Result<()> {
        let patch = Patch::from_diff(&all.diff, at).or_fail("compare a file")?;
        take(&mut body, patch, header, all, at);
        Ok(())
    };
    match change.source {
        Source::One(at) => entry(at, header(change))?,
        Source::Retype(gone, added) => {
            let half = |letter: char, old: Option<&Side>, new: Option<&Side>| {
                header(&Change { letter, percent: 0, old: old.cloned(), new: new.cloned(), source: change.source })
            };
            entry(gone, half('D', change.old.as_ref(), None))?;
            entry(added, half('A', None, change.new.as_ref()))?;
        }
        Source::Empty => {
            body.content = change.new.as_ref().map_or(Content::None, |side| Content::Id(side.id));
        }
        Source::Rename(_, to) => return read_rename(git, all, change, to, context, sizes, with),
    }
    with(&body)
}

fn read_rename<T>(
    git: &Repository,
    all: &Changes<'_>,
    change: &Change,
    to: usize,
    context: u32,
    sizes: (u64, u64),
    with: impl FnOnce(&Body<'_>) -> Result<T>,
) -> Result<T> {
    let (Some(old), Some(new)) = (&change.old, &change.new) else { return with(&Body::of(sizes)) };
    let path = |side: &Side| Path::new(OsStr::from_bytes(&side.path)).to_path_buf();
    let mut options = options(context);
    let before = git.find_blob(old.id).or_fail("read a file")?;
    let (blob, content);
    let patch = match git.find_blob(new.id) {
        Ok(found) => {
            blob = found;
            Patch::from_blobs(&before, Some(&path(old)), &blob, Some(&path(new)), Some(&mut options))
        }
        Err(_) => {
            content = changes::added(&all.diff, to).unwrap_or_default();
            Patch::from_blob_and_buffer(&before, Some(&path(old)), &content, Some(&path(new)), Some(&mut options))
        }
    }
    .or_fail("compare a file")?;
    let mut body = Body { content: Content::Id(new.id), ..Body::of(sizes) };
    if patch.delta().flags().is_binary() {
        body.binary = true;
    } else if patch.num_hunks() > 0 {
        body.sections.push(Section::Hunks { header: header(change), patch, shift: (0, 0) });
    }
    with(&body)
}

fn options(context: u32) -> DiffOptions {
    let mut options = DiffOptions::new();
    options.context_lines(context).indent_heuristic(true);
    options
}

fn take<'a>(body: &mut Body<'a>, patch: Option<Patch<'a>>, header: Vec<u8>, all: &Changes<'_>, at: usize) {
    let Some(delta) = all.diff.get_delta(at) else { return };
    let file = delta.new_file();
    if !file.id().is_zero() {
        body.content = Content::Id(file.id());
    }
    body.sizes = (body.sizes.0.max(delta.old_file().size()), body.sizes.1.max(file.size()));
    // What was staged and then taken back in the work tree is no change, though libgit2 lists it.
    let same = delta.old_file().id() == file.id() && delta.old_file().mode() == file.mode();
    let listed = delta.status() == git2::Delta::Modified && file.mode() != git2::FileMode::Commit;
    let hunks = patch.as_ref().map_or(0, Patch::num_hunks);
    body.unchanged = delta.status() == git2::Delta::Unmodified || (listed && same && hunks == 0);
    body.binary |= delta.flags().is_binary();
    if let Some(patch) = patch.filter(|_| hunks > 0) {
        body.sections.push(Section::Hunks { header, patch, shift: (0, 0) });
    }
}

/// Our own way for large files: what is common at both ends is left out before libgit2 sees them.
fn read_large<T>(
    git: &Repository,
    all: &Changes<'_>,
    change: &Change,
    context: u32,
    sizes: (u64, u64),
    with: impl FnOnce(&Body<'_>) -> Result<T>,
) -> Result<T> {
    let blob = |side: &Side| git.find_blob(side.id).or_fail("read a file");
    let before = change.old.as_ref().map(blob).transpose()?;
    let (mut after, mut file) = (None, Vec::new());
    match &change.new {
        Some(side) if all.work => file = large::from_work_tree(git, side, READ_MAX)?,
        Some(side) => after = Some(blob(side)?),
        None => {}
    }
    let old = before.as_ref().map_or(&[][..], |blob| blob.content());
    let new = after.as_ref().map_or(file.as_slice(), |blob| blob.content());
    if all.work && memchr::memchr2(b'\r', b'$', new).is_some() && converts(git, change.path()) {
        if new.len().max(old.len()) as u64 > CONVERTED_MAX {
            return with(&Body { unread: true, ..Body::of(sizes) });
        }
        return read_whole(git, all, change, context, sizes, with);
    }
    let mut body = Body::of((old.len() as u64, new.len() as u64));
    body.content = match &change.new {
        Some(side) if !all.work => Content::Id(side.id),
        Some(_) => Content::Digest(large::digest(new)),
        None => Content::None,
    };
    let both = change.old.is_some() && change.new.is_some();
    if both && old == new {
        let mode = |side: &Option<Side>| side.as_ref().map(|side| side.mode);
        body.unchanged = mode(&change.old) == mode(&change.new) && change.letter == 'M';
        return with(&body);
    }
    let attribute = git.get_attr_bytes(Path::new(OsStr::from_bytes(change.path())), "diff", AttrCheckFlags::empty());
    let attribute = AttrValue::from_bytes(attribute.ok().flatten());
    let looks_binary = |content: &[u8]| content.iter().take(8_000).any(|byte| *byte == 0);
    body.binary = match attribute {
        AttrValue::True => false,
        AttrValue::False => true,
        _ => looks_binary(old) || looks_binary(new),
    };
    if body.binary {
        return with(&body);
    }
    if !both {
        let (sign, content) = if change.old.is_some() { (b'-', old) } else { (b'+', new) };
        body.sections.push(Section::Whole { header: header(change), sign, content, lines: large::count(content) });
        return with(&body);
    }
    match large::compare(old, new, context as usize) {
        large::Compared::Regions(regions) => {
            let mut header = header(change);
            for Region { old: o, new: n, shift } in regions {
                let (Some(o), Some(n)) = (old.get(o), new.get(n)) else { continue };
                let patch = Patch::from_buffers(o, None, n, None, Some(options(context).force_text(true)))
                    .or_fail("compare a file")?;
                if patch.num_hunks() > 0 {
                    body.sections.push(Section::Hunks { header: std::mem::take(&mut header), patch, shift });
                }
            }
        }
        large::Compared::TooLarge { deleted, added } => body.replaced = Some((added, deleted)),
    }
    with(&body)
}

/// Whether reading the file at `path` from the work tree may change its line endings or keywords.
fn converts(git: &Repository, path: &[u8]) -> bool {
    let path = Path::new(OsStr::from_bytes(path));
    let set = |name: &str| {
        let value = git.get_attr_bytes(path, name, AttrCheckFlags::empty());
        !matches!(AttrValue::from_bytes(value.ok().flatten()), AttrValue::Unspecified | AttrValue::False)
    };
    let automatic =
        git.config().and_then(|config| config.get_string("core.autocrlf")).is_ok_and(|value| value != "false");
    automatic || ["text", "eol", "crlf", "ident"].iter().any(|name| set(name))
}

fn sizes(git: &Repository, change: &Change) -> (u64, u64) {
    let odb = git.odb().ok();
    let size = |side: &Option<Side>| match side {
        Some(side) if side.size > 0 => side.size,
        Some(side) if !side.id.is_zero() && side.mode != 0o160_000 => {
            odb.as_ref().and_then(|odb| odb.read_header(side.id).ok()).map_or(0, |(size, _)| size as u64)
        }
        _ => 0,
    };
    (size(&change.old), size(&change.new))
}

/// What stands before the first hunk, as git has it, without the line of ids.
fn header(change: &Change) -> Vec<u8> {
    let (old, new) = (change.old.as_ref(), change.new.as_ref());
    let path = |side: Option<&Side>, other: Option<&Side>| side.or(other).map_or(&[][..], |side| &side.path).to_vec();
    let (from, to) = (path(old, new), path(new, old));
    let mut out = [&b"diff --git "[..], &quoted(b"a/", &from), b" ", &quoted(b"b/", &to), b"\n"].concat();
    match (old, new) {
        (Some(old), Some(new)) if old.mode != new.mode => {
            out.extend_from_slice(format!("old mode {:06o}\nnew mode {:06o}\n", old.mode, new.mode).as_bytes());
        }
        (None, Some(new)) => out.extend_from_slice(format!("new file mode {:06o}\n", new.mode).as_bytes()),
        (Some(old), None) => out.extend_from_slice(format!("deleted file mode {:06o}\n", old.mode).as_bytes()),
        _ => {}
    }
    if change.letter == 'R' {
        out.extend_from_slice(format!("similarity index {}%\n", change.percent).as_bytes());
        out.extend_from_slice(
            &[&b"rename from "[..], &quoted(b"", &from), b"\nrename to ", &quoted(b"", &to), b"\n"].concat(),
        );
    }
    let named = |side: Option<&Side>, prefix: &[u8]| match side {
        None => b"/dev/null".to_vec(),
        // As git does it, so that a name with a space in it ends where it ends.
        Some(side) => [&quoted(prefix, &side.path)[..], if side.path.contains(&b' ') { b"\t" } else { b"" }].concat(),
    };
    out.extend_from_slice(&[&b"--- "[..], &named(old, b"a/"), b"\n+++ ", &named(new, b"b/"), b"\n"].concat());
    out
}
