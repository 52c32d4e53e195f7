//! An entry of a list of changed files: hunks without headers, or no hunks at all.

use super::{FileDiff, Status, hunk, line, path::quoted};

/// A file as a list of changed files has it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Listed<'a> {
    /// Its path; the old one, when it is gone.
    pub filename: &'a str,
    /// Its path before, where that was another.
    pub previous_filename: Option<&'a str>,
    /// `added`, `removed`, `modified`, `renamed`, `copied`, `changed` or `unchanged`; anything else is taken as modified.
    pub status: &'a str,
    /// Added and deleted lines, as they are said.
    pub said: Option<(u64, u64)>,
    /// The hunks. Absent for binary files, for those too large, and where only the path or the mode changed.
    pub patch: Option<&'a str>,
}

impl<'a> Listed<'a> {
    /// The file, with a header as a diff would have it.
    pub fn read(self) -> FileDiff<'a> {
        let status = match self.status {
            "added" => Status::Added,
            "removed" => Status::Removed,
            "renamed" => Status::Renamed,
            "copied" => Status::Copied,
            _ => Status::Modified,
        };
        let (name, before) = (self.filename.as_bytes(), self.previous_filename.unwrap_or(self.filename).as_bytes());
        let mut file = FileDiff {
            old_path: (status != Status::Added).then(|| before.to_vec()),
            new_path: (status != Status::Removed).then(|| name.to_vec()),
            status,
            ..FileDiff::default()
        };
        if let Some(patch) = self.patch.filter(|patch| !patch.is_empty()) {
            hunks(&mut file, patch.as_bytes());
            file.header = header(&file);
        }
        let counted: (u64, u64) =
            file.hunks.iter().fold((0, 0), |sum, hunk| (sum.0 + hunk.additions, sum.1 + hunk.deletions));
        (file.additions, file.deletions) = self.said.unwrap_or(counted);
        file.finish();
        if self.patch.is_none_or(str::is_empty) {
            file.remarks.extend(absent(self.said, self.status).map(String::from));
        } else if (file.additions, file.deletions) != counted {
            file.remarks.push(format!("its patch is not whole, it shows +{} -{}", counted.0, counted.1));
        }
        file
    }
}

/// Why there is no patch, as far as that can be told.
fn absent(said: Option<(u64, u64)>, status: &str) -> Option<&'static str> {
    match said {
        Some((added, deleted)) if added + deleted > 0 => Some("too large, the service sends no patch"),
        // Without a changed line a new path is the whole change.
        Some(_) if matches!(status, "renamed" | "copied" | "unchanged") => None,
        Some(_) if status == "changed" => Some("mode or type changed, or binary"),
        Some(_) => Some("binary or empty, the service sends no patch"),
        None if status == "renamed" => Some("renamed only, or the service sends no patch"),
        None => Some("binary, empty or too large, the service sends no patch"),
    }
}

/// Reads the hunks of `patch`; the two lines of names that some services leave before them are passed over.
fn hunks<'a>(file: &mut FileDiff<'a>, patch: &'a [u8]) {
    let names: usize = patch
        .split_inclusive(|byte| *byte == b'\n')
        .take(2)
        .take_while(|line| line.starts_with(b"--- ") || line.starts_with(b"+++ "))
        .map(<[u8]>::len)
        .sum();
    file.body = patch.get(names..).unwrap_or_default();
    let mut rest = file.body;
    while !rest.is_empty() {
        if let Some((mut hunk, length)) = hunk::read(rest) {
            hunk.at = file.lines;
            file.lines += 1 + hunk.lines;
            file.hunks.push(hunk);
            rest = rest.get(length..).unwrap_or_default();
            continue;
        }
        if rest.starts_with(b"Binary files ") {
            file.binary = true;
        } else {
            file.not_understood += 1;
        }
        file.lines += 1;
        let first = line::all(rest).next().map_or(0, <[u8]>::len);
        rest = rest.get(first + 1..).unwrap_or_default();
    }
}

fn header(file: &FileDiff<'_>) -> Vec<u8> {
    let (old, new) = (file.old_path.as_deref(), file.new_path.as_deref());
    let side = |prefix: &[u8], path: Option<&[u8]>, other: Option<&[u8]>| quoted(prefix, path.or(other).unwrap_or(b""));
    let mut out = [&b"diff --git "[..], &side(b"a/", old, new), b" ", &side(b"b/", new, old), b"\n"].concat();
    let words = match file.status {
        Status::Renamed => Some("rename"),
        Status::Copied => Some("copy"),
        _ => None,
    };
    if let Some(words) = words {
        for (which, path) in [("from", old), ("to", new)] {
            out.extend_from_slice(format!("{words} {which} ").as_bytes());
            out.extend_from_slice(&quoted(b"", path.unwrap_or(b"")));
            out.push(b'\n');
        }
    }
    for (mark, prefix, path) in [("--- ", b"a/", old), ("+++ ", b"b/", new)] {
        out.extend_from_slice(mark.as_bytes());
        out.extend_from_slice(&path.map_or_else(|| b"/dev/null".to_vec(), |path| quoted(prefix, path)));
        // As git does it, so that a name with a space in it ends where it ends.
        out.extend_from_slice(if path.is_some_and(|path| path.contains(&b' ')) { b"\t\n" } else { b"\n" });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hunks_without_headers_get_one() {
        let file = Listed {
            filename: "new name.rs",
            previous_filename: Some("old.rs"),
            status: "renamed",
            said: Some((1, 1)),
            patch: Some("@@ -1,2 +1,2 @@ fn f()\n-a\n+b\n c\n\\ No newline at end of file"),
        }
        .read();
        let header = "diff --git a/old.rs b/new name.rs\nrename from old.rs\nrename to new name.rs\n--- a/old.rs\n+++ b/new name.rs\t\n";
        assert_eq!(String::from_utf8_lossy(&file.header), header);
        assert_eq!(
            (file.status, file.path(), file.additions, file.deletions),
            (Status::Renamed, &b"new name.rs"[..], 1, 1)
        );
        assert_eq!((file.lines, file.hunks.len(), file.text_lines(), file.remarks.len()), (5, 1, 10, 0));
    }

    #[test]
    fn names_before_the_hunks_are_passed_over() {
        let patch = "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n";
        let file = Listed { filename: "x", status: "modified", patch: Some(patch), ..Listed::default() }.read();
        assert_eq!((file.lines, file.additions, file.deletions, file.not_understood), (3, 1, 1, 0));
        assert_eq!(file.header, b"diff --git a/x b/x\n--- a/x\n+++ b/x\n");
    }

    #[test]
    fn why_a_patch_is_absent_or_not_whole_is_said() {
        let patch = Some("@@ -0,0 +1 @@\n+a\n");
        let junk = Some("what is this\n@@ -0,0 +1 @@\n+a\n");
        for (status, said, patch, remarks) in [
            ("modified", Some((3000, 2)), None, vec!["too large, the service sends no patch"]),
            ("added", Some((0, 0)), None, vec!["binary or empty, the service sends no patch"]),
            ("modified", None, None, vec!["binary, empty or too large, the service sends no patch"]),
            ("renamed", Some((0, 0)), None, vec![]),
            ("renamed", None, Some(""), vec!["renamed only, or the service sends no patch"]),
            ("changed", Some((0, 0)), None, vec!["mode or type changed, or binary"]),
            ("added", Some((1, 0)), patch, vec![]),
            ("added", Some((9, 0)), patch, vec!["its patch is not whole, it shows +1 -0"]),
            ("added", None, junk, vec!["1 line of the patch not understood"]),
        ] {
            let file = Listed { filename: "x", status, said, patch, ..Listed::default() }.read();
            assert_eq!(file.remarks, remarks, "{status} {said:?} {patch:?}");
        }
    }
}
