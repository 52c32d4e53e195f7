//! From a file of the work tree to an object and an index entry.

use std::{
    io::{Read, Write},
    os::unix::fs::MetadataExt,
};

use git2::{AttrCheckFlags, AttrValue, IndexEntry, IndexTime, Oid, Repository};
use shared::{Call, Code, Result, ToolError, Untrusted};

use super::{GITLINK, as_path};
use crate::{
    failure::OrFail,
    worktree::{Seen, WorkTree},
};

/// Bytes read at once.
const CHUNK: usize = 64 * 1024;
/// The largest file libgit2 may convert line endings of, which it does in memory.
const CONVERTED_MAX: u64 = 64 << 20;
/// How much of a file git looks at to tell text from binary.
const SNIFFED: usize = 8_000;
/// A file and a link in the index.
const FILE: u32 = 0o100_644;
const EXECUTABLE: u32 = 0o100_755;
const LINK: u32 = 0o120_000;

/// What the configuration says about modes.
pub(super) struct Modes {
    executable: bool,
    links: bool,
}

impl Modes {
    pub(super) fn of(git: &Repository) -> Self {
        let config = git.config();
        let get = |name: &str| config.as_ref().ok().and_then(|config| config.get_bool(name).ok()).unwrap_or(true);
        Self { executable: get("core.filemode"), links: get("core.symlinks") }
    }

    fn of_file(&self, mode: u32, before: Option<&IndexEntry>) -> u32 {
        match before {
            Some(before) if !self.links && before.mode == LINK => LINK,
            Some(before) if !self.executable && matches!(before.mode, FILE | EXECUTABLE) => before.mode,
            _ if self.executable && mode & 0o100 != 0 => EXECUTABLE,
            _ => FILE,
        }
    }
}

/// A path whose object is written.
pub(super) struct Staged {
    /// The entry for the index.
    pub entry: IndexEntry,
    /// Whether the file has the lines that mark a conflict; looked for only in files that had one.
    pub markers: bool,
}

/// The entry of a submodule.
pub(super) fn gitlink(path: &[u8], id: Oid) -> IndexEntry {
    IndexEntry { id, mode: GITLINK, ..blank(path) }
}

fn blank(path: &[u8]) -> IndexEntry {
    IndexEntry {
        ctime: IndexTime::new(0, 0),
        mtime: IndexTime::new(0, 0),
        dev: 0,
        ino: 0,
        mode: FILE,
        uid: 0,
        gid: 0,
        file_size: 0,
        id: Oid::ZERO_SHA1,
        flags: 0,
        flags_extended: 0,
        path: path.to_vec(),
    }
}

/// The whole of a file of at most `max` bytes; `None` when it is larger or gone.
pub(super) fn small(tree: &WorkTree, path: &[u8], max: u64) -> Result<Option<Vec<u8>>> {
    let Some(file) = tree.open(path)? else { return Ok(None) };
    let mut bytes = Vec::new();
    file.take(max + 1).read_to_end(&mut bytes).map_err(|error| unreadable(path, &error))?;
    Ok(Some(bytes).filter(|bytes| bytes.len() as u64 <= max))
}

/// Writes what is at `path` as an object.
pub(super) fn write(
    git: &Repository,
    tree: &WorkTree,
    path: &[u8],
    before: Option<&IndexEntry>,
    modes: &Modes,
    conflicted: bool,
    call: &Call,
) -> Result<Staged> {
    match tree.look(path)? {
        Seen::Link(stat) => {
            let target = tree.link(path)?.ok_or_else(|| moving(path))?;
            let id = git.blob(&target).or_fail("write an object")?;
            // git cuts times and numbers to 32 bits as well.
            let entry = IndexEntry {
                ctime: IndexTime::new(stat.st_ctime as i32, stat.st_ctime_nsec as u32),
                mtime: IndexTime::new(stat.st_mtime as i32, stat.st_mtime_nsec as u32),
                dev: stat.st_dev as u32,
                ino: stat.st_ino as u32,
                mode: LINK,
                uid: stat.st_uid,
                gid: stat.st_gid,
                file_size: stat.st_size as u32,
                id,
                ..blank(path)
            };
            Ok(Staged { entry, markers: false })
        }
        Seen::File(_) => file(git, tree, path, before, modes, conflicted, call),
        _ => Err(moving(path)),
    }
}

fn file(
    git: &Repository,
    tree: &WorkTree,
    path: &[u8],
    before: Option<&IndexEntry>,
    modes: &Modes,
    conflicted: bool,
    call: &Call,
) -> Result<Staged> {
    let mut file = tree.open(path)?.ok_or_else(|| moving(path))?;
    let meta = file.metadata().map_err(|error| unreadable(path, &error))?;
    let mut chunk = vec![0; CHUNK];
    let mut filled = fill(&mut file, &mut chunk).map_err(|error| unreadable(path, &error))?;
    let mode = modes.of_file(meta.mode(), before);
    let convert = mode != LINK && converts(git, path, meta.len(), chunk.get(..filled).unwrap_or_default())?;
    let mut markers = Markers::default();
    let mut written = 0;
    let mut writer = git.blob_writer(convert.then(|| as_path(path))).or_fail("write an object")?;
    while filled > 0 {
        call.check()?;
        let bytes = chunk.get(..filled).unwrap_or_default();
        if conflicted {
            markers.look(bytes);
        }
        written += filled as u64;
        writer.write_all(bytes).map_err(|error| {
            ToolError::new(Code::Unavailable, format!("failed to write an object: {}", error.kind()))
                .hint("is the disk full?")
        })?;
        filled = fill(&mut file, &mut chunk).map_err(|error| unreadable(path, &error))?;
    }
    let id = writer.commit().or_fail("write an object")?;
    // What was read has to be one state of the file, and the one the entry describes.
    let after = file.metadata().map_err(|error| unreadable(path, &error))?;
    let state =
        |meta: &std::fs::Metadata| (meta.len(), meta.mtime(), meta.mtime_nsec(), meta.ctime(), meta.ctime_nsec());
    if state(&meta) != state(&after) || written != meta.len() {
        return Err(moving(path));
    }
    let entry = entry(path, &meta, mode, id);
    Ok(Staged { entry, markers: markers.found })
}

/// The entry of the file at `path` when it is, byte for byte, the blob `id` of `size` bytes, with this mode.
pub(crate) fn unchanged(tree: &WorkTree, path: &[u8], id: Oid, mode: u32, size: u64) -> Result<Option<IndexEntry>> {
    let Some(file) = tree.open(path)? else { return Ok(None) };
    let meta = file.metadata().map_err(|error| unreadable(path, &error))?;
    let executable = meta.mode() & 0o100 != 0;
    // What is compared is in memory; larger ones are left to git's own judgement, that they are in the way.
    if meta.len() != size
        || size > CONVERTED_MAX
        || executable != (mode == EXECUTABLE)
        || !matches!(mode, FILE | EXECUTABLE)
    {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    file.take(size + 1).read_to_end(&mut bytes).map_err(|error| unreadable(path, &error))?;
    let same = Oid::hash_object(git2::ObjectType::Blob, &bytes).is_ok_and(|found| found == id);
    Ok(same.then(|| entry(path, &meta, mode, id)))
}

fn entry(path: &[u8], meta: &std::fs::Metadata, mode: u32, id: Oid) -> IndexEntry {
    // git cuts times and numbers to 32 bits as well.
    IndexEntry {
        ctime: IndexTime::new(meta.ctime() as i32, meta.ctime_nsec() as u32),
        mtime: IndexTime::new(meta.mtime() as i32, meta.mtime_nsec() as u32),
        dev: meta.dev() as u32,
        ino: meta.ino() as u32,
        mode,
        uid: meta.uid(),
        gid: meta.gid(),
        file_size: meta.len() as u32,
        id,
        ..blank(path)
    }
}

/// Reads until the buffer is full or the file ends.
fn fill(file: &mut std::fs::File, buffer: &mut [u8]) -> std::io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read(rest) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Whether libgit2 is to convert line endings and `$Id$`. It holds the whole file in memory for that, so a large one must not need it.
fn converts(git: &Repository, path: &[u8], size: u64, beginning: &[u8]) -> Result<bool> {
    if size <= CONVERTED_MAX {
        return Ok(true);
    }
    let value = |name: &str| {
        let value =
            git.get_attr_bytes(as_path(path), name, AttrCheckFlags::FILE_THEN_INDEX).or_fail("read the attributes")?;
        Ok(match AttrValue::always_bytes(value) {
            AttrValue::True => Some("set"),
            AttrValue::Bytes(b"auto") => Some("auto"),
            AttrValue::Bytes(_) | AttrValue::String(_) => Some("set"),
            AttrValue::False => Some("unset"),
            AttrValue::Unspecified => None,
        })
    };
    let automatic =
        git.config().and_then(|config| config.get_string("core.autocrlf")).is_ok_and(|value| value != "false");
    let binary = beginning.get(..SNIFFED.min(beginning.len())).unwrap_or_default().contains(&0);
    let text = match value("text")? {
        None => value("crlf")?,
        some => some,
    };
    let endings = match text {
        Some("unset") => false,
        Some("auto") => !binary,
        Some(_) => true,
        None => value("eol")?.is_some() || (automatic && !binary),
    };
    if endings || value("ident")? == Some("set") {
        return Err(ToolError::new(
            Code::TooLarge,
            format!(
                "{} has {size} bytes, and .gitattributes or core.autocrlf ask for a conversion that is done up to {CONVERTED_MAX}",
                Untrusted::line_bytes(path).quoted()
            ),
        )
        .hint("mark it `-text` in .gitattributes; nothing was staged"));
    }
    Ok(false)
}

/// Looks for a line that begins with `<<<<<<< `, across chunks.
#[derive(Default)]
struct Markers {
    found: bool,
    tail: Vec<u8>,
}

impl Markers {
    fn look(&mut self, chunk: &[u8]) {
        const MARKER: &[u8] = b"\n<<<<<<< ";
        if self.tail.is_empty() {
            self.tail.push(b'\n');
        }
        self.tail.extend_from_slice(chunk);
        self.found |= self.tail.windows(MARKER.len()).any(|window| window == MARKER);
        let cut = self.tail.len().saturating_sub(MARKER.len());
        self.tail.drain(..cut);
    }
}

fn moving(path: &[u8]) -> ToolError {
    ToolError::new(
        Code::Conflict,
        format!("{} changed while it was being read; nothing was staged", Untrusted::line_bytes(path).quoted()),
    )
    .hint("try again when nothing writes to it")
}

fn unreadable(path: &[u8], error: &std::io::Error) -> ToolError {
    ToolError::new(
        Code::Forbidden,
        format!("failed to read {}: {}", Untrusted::line_bytes(path).quoted(), error.kind()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers_are_found_across_chunks_and_only_at_the_start_of_a_line() {
        let looked = |chunks: &[&[u8]]| {
            let mut markers = Markers::default();
            chunks.iter().for_each(|chunk| markers.look(chunk));
            markers.found
        };
        assert!(looked(&[b"<<<<<<< HEAD\n"]));
        assert!(looked(&[b"a\n<<<", b"<<<< ", b"HEAD"]));
        assert!(!looked(&[b"a <<<<<<< HEAD\n", b"<<<<<<", b"- "]));
    }

    #[test]
    fn modes_follow_the_configuration() {
        let entry = |mode| IndexEntry { mode, ..blank(b"x") };
        let (both, neither) = (Modes { executable: true, links: true }, Modes { executable: false, links: false });
        assert_eq!(both.of_file(0o100_755, None), EXECUTABLE);
        assert_eq!(both.of_file(0o100_644, Some(&entry(EXECUTABLE))), FILE);
        assert_eq!(neither.of_file(0o100_755, None), FILE);
        assert_eq!(neither.of_file(0o100_644, Some(&entry(EXECUTABLE))), EXECUTABLE);
        assert_eq!(neither.of_file(0o100_644, Some(&entry(LINK))), LINK);
    }
}
