//! A unified diff as git writes it and forges send it.

use super::{FileDiff, Status, hunk, path};

/// A diff, read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parsed<'a> {
    /// The files, in the order they came.
    pub files: Vec<FileDiff<'a>>,
    /// What stands before the first file: nothing, in a diff.
    pub stray: &'a [u8],
}

/// Reads `text`. Whatever it is, each of its lines is in a file, in a header or before the first file.
pub fn read(text: &[u8]) -> Parsed<'_> {
    let mut reader = Reader { text, at: 0, files: Vec::new(), stray: 0, file: None };
    while reader.at < text.len() {
        reader.step();
    }
    reader.finish();
    Parsed { files: reader.files, stray: text.get(..reader.stray).unwrap_or_default() }
}

struct Reader<'a> {
    text: &'a [u8],
    /// Bytes that have been read.
    at: usize,
    files: Vec<FileDiff<'a>>,
    /// Bytes before the first file.
    stray: usize,
    file: Option<Open<'a>>,
}

/// A path of `---` or `+++`, once it was read; the inner nothing is /dev/null.
type Side = Option<Option<Vec<u8>>>;

/// A file that is being read.
#[derive(Default)]
struct Open<'a> {
    file: FileDiff<'a>,
    /// What stands behind `diff --git `.
    names: &'a [u8],
    /// Whether that is one path, as for a merge.
    single: bool,
    /// Paths of `---` and `+++`.
    sides: (Side, Side),
    /// Paths of `rename from` or `copy from`, and `to`.
    moved: (Option<Vec<u8>>, Option<Vec<u8>>),
    /// What the header says became of it.
    status: Option<Status>,
    /// Where the body begins.
    body: Option<usize>,
    /// Lines since then.
    seen: u64,
    /// Where it ends.
    end: usize,
    /// Whether it is inside the data of a binary patch.
    data: bool,
}

impl<'a> Reader<'a> {
    fn line(&self, at: usize) -> (&'a [u8], usize) {
        let rest = self.text.get(at..).unwrap_or_default();
        let end = rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |at| at + 1);
        let whole = rest.get(..end).unwrap_or_default();
        let line = whole.strip_suffix(b"\n").unwrap_or(whole);
        // git quotes a name that ends with CR, so one here is the line's own end.
        (line.strip_suffix(b"\r").unwrap_or(line), at + end)
    }

    /// Reads a line, or a hunk.
    fn step(&mut self) {
        let (line, next) = self.line(self.at);
        let start = self.at;
        if let Some(names) = line.strip_prefix(b"diff --git ") {
            self.open(names, false, line);
        } else if let Some(name) = line.strip_prefix(b"diff --cc ").or_else(|| line.strip_prefix(b"diff --combined ")) {
            self.open(name, true, line);
        } else if self.begins_bare(line, next) {
            self.finish();
            self.file = Some(Open::default());
            self.header(line);
        } else if let Some(open) = &mut self.file {
            if open.data {
                // Data of a binary patch: nobody reads it.
            } else if line.starts_with(b"@@")
                && let Some((mut hunk, length)) = hunk::read(self.text.get(start..).unwrap_or_default())
            {
                open.body.get_or_insert(start);
                hunk.at = open.seen;
                open.seen += 1 + hunk.lines;
                open.file.lines = open.seen;
                open.end = start + length;
                open.file.hunks.push(hunk);
                self.at = start + length;
                return;
            } else if open.body.is_some() || !self.header(line) {
                self.raw(line, start, next);
            }
        } else {
            self.stray = next;
        }
        self.at = next;
    }

    fn open(&mut self, names: &'a [u8], single: bool, line: &[u8]) {
        self.finish();
        let mut open = Open { names, single, ..Open::default() };
        keep(&mut open.file.header, line);
        self.file = Some(open);
    }

    /// Whether `line` is the `---` of a file that has no line of git's before it.
    fn begins_bare(&self, line: &[u8], next: usize) -> bool {
        let fresh = self.file.as_ref().is_none_or(|open| open.body.is_some());
        fresh && line.starts_with(b"--- ") && {
            let (plus, after) = self.line(next);
            plus.starts_with(b"+++ ") && self.line(after).0.starts_with(b"@@ -")
        }
    }

    /// Takes a line of the header; not, when it is not understood.
    fn header(&mut self, line: &[u8]) -> bool {
        let Some(open) = &mut self.file else { return false };
        let file = &mut open.file;
        let after = |words: &str| line.strip_prefix(words.as_bytes());
        if let Some(ids) = after("index ") {
            // `index 1..2 100644` is the only place that tells the mode of a file that keeps it.
            let mode = ids.rsplit(|byte| *byte == b' ').next().and_then(octal);
            file.modes.new = file.modes.new.or(mode);
            return true;
        }
        if let Some(name) = after("--- ") {
            open.sides.0 = Some(path::named(name));
        } else if let Some(name) = after("+++ ") {
            open.sides.1 = Some(path::named(name));
        } else if let Some(mode) = after("old mode ") {
            file.modes.old = octal(mode);
        } else if let Some(mode) = after("new mode ") {
            file.modes.new = octal(mode);
        } else if let Some(mode) = after("new file mode ") {
            file.modes.new = octal(mode);
            open.status = Some(Status::Added);
        } else if let Some(mode) = after("deleted file mode ") {
            file.modes.old = octal(mode);
            open.status = Some(Status::Removed);
        } else if let Some(percent) = after("similarity index ") {
            let percent = percent.strip_suffix(b"%").unwrap_or(percent);
            file.similarity = std::str::from_utf8(percent).ok().and_then(|percent| percent.parse().ok());
        } else if let Some(name) = after("rename from ").or_else(|| after("copy from ")) {
            open.moved.0 = Some(path::bare(name));
            open.status = Some(if line.starts_with(b"copy") { Status::Copied } else { Status::Renamed });
        } else if let Some(name) = after("rename to ").or_else(|| after("copy to ")) {
            open.moved.1 = Some(path::bare(name));
        } else if line.starts_with(b"Binary files ") && line.ends_with(b" differ") {
            file.binary = true;
        } else if line == b"GIT binary patch" {
            (file.binary, open.data) = (true, true);
        } else if !["dissimilarity index ", "mode "].iter().any(|words| line.starts_with(words.as_bytes())) {
            return line.is_empty();
        }
        keep(&mut open.file.header, line);
        true
    }

    /// Keeps a line as it came.
    fn raw(&mut self, line: &[u8], start: usize, next: usize) {
        let Some(open) = &mut self.file else { return };
        open.body.get_or_insert(start);
        open.seen += 1;
        // An empty line between files is nobody's; it counts only when something follows.
        if !line.is_empty() {
            open.file.not_understood += 1;
            open.file.lines = open.seen;
            open.end = next;
        }
    }

    fn finish(&mut self) {
        let Some(open) = self.file.take() else { return };
        let mut file = open.file;
        if let Some(start) = open.body {
            file.body = self.text.get(start..open.end).unwrap_or_default();
        }
        file.additions = file.hunks.iter().map(|hunk| hunk.additions).sum();
        file.deletions = file.hunks.iter().map(|hunk| hunk.deletions).sum();
        let same = if open.single { Some(path::bare(open.names)) } else { path::same_twice(open.names) };
        let gone = matches!(open.sides.1, Some(None)) || open.status == Some(Status::Removed);
        let new = matches!(open.sides.0, Some(None)) || open.status == Some(Status::Added);
        let old_path = open.moved.0.or(open.sides.0.flatten()).or_else(|| same.clone()).filter(|_| !new);
        let new_path = open.moved.1.or(open.sides.1.flatten()).or(same).filter(|_| !gone);
        if old_path.is_none() && new_path.is_none() {
            // Two names that differ, and nothing that says where the first one ends.
            file.new_path = Some(open.names.to_vec());
            file.remarks.push(String::from("old and new path cannot be told apart"));
        } else {
            (file.old_path, file.new_path) = (old_path, new_path);
        }
        file.status = match open.status {
            Some(status) => status,
            None if new => Status::Added,
            None if gone => Status::Removed,
            None if file.old_path.is_some() && file.old_path != file.new_path => Status::Renamed,
            None => Status::Modified,
        };
        file.finish();
        self.files.push(file);
    }
}

fn keep(header: &mut Vec<u8>, line: &[u8]) {
    header.extend_from_slice(line);
    header.push(b'\n');
}

fn octal(mode: &[u8]) -> Option<u32> {
    std::str::from_utf8(mode).ok().filter(|mode| mode.len() == 6).and_then(|mode| u32::from_str_radix(mode, 8).ok())
}

#[cfg(test)]
mod tests;
