//! One hunk of a patch: its header says how many lines it has, and they are its own whatever they look like.

use super::line;

/// The most old sides a hunk of a merge may have.
const SIDES_MAX: usize = 64;

/// A hunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hunk<'a> {
    /// Its first line, as it stands.
    pub header: &'a [u8],
    /// The first line in the old file; that of the first old side, for a merge.
    pub old_start: u64,
    /// Lines of the old file.
    pub old_count: u64,
    /// The first line in the new file.
    pub new_start: u64,
    /// Lines of the new file.
    pub new_count: u64,
    /// Old sides: one, or as many as the merge has parents.
    pub sides: usize,
    /// Lines of the file's body that stand before the header.
    pub at: u64,
    /// Lines behind the header.
    pub lines: u64,
    /// Those lines.
    pub text: &'a [u8],
    /// Lines that were added.
    pub additions: u64,
    /// Lines that were deleted.
    pub deletions: u64,
    /// Whether it ends before the lines its header counts.
    pub cut: bool,
}

/// What the header of a hunk counts.
struct Header {
    /// Start and count of each old side.
    old: Vec<(u64, u64)>,
    new: (u64, u64),
}

/// The hunk that `text` begins with, and how many bytes it takes.
pub(super) fn read(text: &[u8]) -> Option<(Hunk<'_>, usize)> {
    let end = text.iter().position(|byte| *byte == b'\n').map_or(text.len(), |at| at + 1);
    let (first, rest) = text.split_at_checked(end)?;
    let first = first.strip_suffix(b"\n").unwrap_or(first);
    let Header { old, new } = header(first)?;
    let (old_start, old_count) = *old.first()?;
    let mut left = Left { old: old.iter().map(|(_, count)| *count).collect(), new: new.1 };
    let (mut lines, mut length, mut additions, mut deletions) = (0, 0, 0, 0);
    for whole in rest.split_inclusive(|byte| *byte == b'\n') {
        let line = whole.strip_suffix(b"\n").unwrap_or(whole);
        if !line.starts_with(b"\\") {
            match left.take(line) {
                Some(Taken::Context) => {}
                Some(Taken::Added) => additions += 1,
                Some(Taken::Deleted) => deletions += 1,
                None => break,
            }
        }
        lines += 1;
        length += whole.len();
    }
    let hunk = Hunk {
        header: first,
        old_start,
        old_count,
        new_start: new.0,
        new_count: new.1,
        sides: old.len(),
        at: 0,
        lines,
        text: rest.get(..length)?,
        additions,
        deletions,
        cut: !left.done(),
    };
    Some((hunk, end + length))
}

fn header(line: &[u8]) -> Option<Header> {
    let marks = line.iter().take_while(|byte| **byte == b'@').count();
    if !(2..=SIDES_MAX + 1).contains(&marks) {
        return None;
    }
    let mut words = line.get(marks..)?.strip_prefix(b" ")?.splitn(marks + 1, |byte| *byte == b' ');
    let mut old = Vec::new();
    for _ in 1..marks {
        old.push(range(words.next()?, b"-")?);
    }
    let new = range(words.next()?, b"+")?;
    words.next()?.starts_with(line.get(..marks)?).then_some(Header { old, new })
}

/// `-3,7`, or `-3` for one line.
fn range(word: &[u8], sign: &[u8]) -> Option<(u64, u64)> {
    let text = std::str::from_utf8(word.strip_prefix(sign)?).ok()?;
    let number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten();
    match text.split_once(',') {
        Some((start, count)) => Some((number(start)?, number(count)?)),
        None => Some((number(text)?, 1)),
    }
}

enum Taken {
    Context,
    Added,
    Deleted,
}

/// Lines that the header still promises.
struct Left {
    old: Vec<u64>,
    new: u64,
}

impl Left {
    fn done(&self) -> bool {
        self.new == 0 && self.old.iter().all(|left| *left == 0)
    }

    /// Takes a line with one sign for each old side; nothing, when it is none of this hunk.
    fn take(&mut self, line: &[u8]) -> Option<Taken> {
        if self.done() {
            return None;
        }
        let sides = self.old.len();
        // Mail and editors take the blanks from the end of a line, and an empty line of context is nothing but them.
        let signs = match line.get(..sides) {
            Some(signs) if signs.iter().all(|sign| matches!(sign, b' ' | b'+' | b'-')) => signs,
            _ if line.iter().all(|byte| matches!(byte, b' ' | b'\r')) => &[],
            _ => return None,
        };
        let sign = |side: usize| signs.get(side).copied().unwrap_or(b' ');
        let (deleted, added) = (signs.contains(&b'-'), signs.contains(&b'+'));
        // A deleted line is of the old sides that say so; any other is of the new file and of the old sides without a sign.
        let of = |side: usize| if deleted { sign(side) == b'-' } else { sign(side) != b'+' };
        let spent = |(side, left): (usize, &u64)| of(side) && *left == 0;
        if (deleted && added) || (!deleted && self.new == 0) || self.old.iter().enumerate().any(spent) {
            return None;
        }
        self.old.iter_mut().enumerate().filter(|(side, _)| of(*side)).for_each(|(_, left)| *left -= 1);
        self.new -= u64::from(!deleted);
        Some(match (deleted, added) {
            (true, _) => Taken::Deleted,
            (_, true) => Taken::Added,
            _ => Taken::Context,
        })
    }
}

impl Hunk<'_> {
    /// The header, and where in its files the line behind `skipped` lines of the hunk is.
    pub(super) fn place(&self, skipped: u64) -> Vec<u8> {
        let mut out = self.header.get(..200).unwrap_or(self.header).to_vec();
        let (mut old, mut new, mut next) = (self.old_start, self.new_start, None);
        for (number, line) in line::all(self.text).enumerate() {
            let sign = line.first().copied().unwrap_or(b' ');
            if number as u64 >= skipped && sign != b'\\' {
                next = Some(sign);
                break;
            }
            old += u64::from(!matches!(sign, b'+' | b'\\'));
            new += u64::from(!matches!(sign, b'-' | b'\\'));
        }
        let place = match next {
            // In a merge, lines of one old side are not those of another.
            _ if self.sides > 1 => String::from(" (goes on)"),
            Some(b'+') => format!(" (goes on at +{new})"),
            Some(b'-') => format!(" (goes on at -{old})"),
            Some(_) => format!(" (goes on at -{old} +{new})"),
            None => String::new(),
        };
        out.extend_from_slice(place.as_bytes());
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hunk(text: &str) -> (Hunk<'_>, &str) {
        let (hunk, length) = read(text.as_bytes()).unwrap();
        (hunk, &text[length..])
    }

    #[test]
    fn headers_are_read_and_what_is_none_is_not() {
        for (text, expected) in [
            ("@@ -1,2 +3,4 @@", Some((1, 2, 3, 4, 1))),
            ("@@ -1 +1 @@ fn main() {", Some((1, 1, 1, 1, 1))),
            ("@@ -0,0 +1,3 @@\r", Some((0, 0, 1, 3, 1))),
            ("@@@ -1,2 -5,2 +3,4 @@@ x", Some((1, 2, 3, 4, 2))),
            ("@@ -1,2 +3,4", None),
            ("@@ -1,2 +3,4 @", None),
            ("@@ +1,2 -3,4 @@", None),
            ("@@ -a +3,4 @@", None),
            ("@@ -99999999999999999999999 +3,4 @@", None),
            ("@@@ -1,2 +3,4 @@@", None),
            ("@ -1 +1 @", None),
            ("@@", None),
        ] {
            let read = read(text.as_bytes())
                .map(|(hunk, _)| (hunk.old_start, hunk.old_count, hunk.new_start, hunk.new_count, hunk.sides));
            assert_eq!(read, expected, "{text}");
        }
    }

    #[test]
    fn counts_decide_what_is_of_a_hunk() {
        let (hunk, rest) = hunk("@@ -1,3 +1,3 @@\n--- old\n-diff --git a/x b/x\n+++ new\n+@@ -1 +1 @@\n \n--- next\n");
        assert_eq!((hunk.lines, hunk.additions, hunk.deletions, hunk.cut), (5, 2, 2, false));
        assert_eq!(rest, "--- next\n");
    }

    #[test]
    fn a_remark_belongs_to_the_hunk_before_it() {
        let (hunk, rest) = hunk("@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+b\n\\ No newline at end of file\nx");
        assert_eq!((hunk.lines, hunk.additions, hunk.deletions, rest), (4, 1, 1, "x"));
    }

    #[test]
    fn what_ends_too_soon_or_has_another_line_is_cut() {
        for (text, lines, rest) in
            [("@@ -1,3 +1,3 @@\n a\n", 1, ""), ("@@ -1,3 +1,3 @@\n a\n?b\n", 1, "?b\n"), ("@@ -1,2 +1 @@", 0, "")]
        {
            let (hunk, left) = hunk(text);
            assert_eq!((hunk.lines, hunk.cut, left), (lines, true, rest), "{text}");
        }
    }

    #[test]
    fn empty_lines_of_context_may_have_lost_their_blank() {
        let (hunk, rest) = hunk("@@ -1,3 +1,4 @@\n a\n\n+b\n\r\nrest");
        assert_eq!((hunk.lines, hunk.cut, rest), (4, false, "rest"));
    }

    #[test]
    fn hunks_of_merges_count_each_side() {
        let text = "@@@ -1,3 -1,2 +1,3 @@@ f\n  same\n- of the first\n++of neither\n +of the first too\nrest";
        let (hunk, rest) = hunk(text);
        assert_eq!((hunk.lines, hunk.additions, hunk.deletions, hunk.cut, rest), (4, 2, 1, true, "rest"));
        let (hunk, rest) = super::tests::hunk("@@@ -1,2 -1,2 +1,3 @@@\n  a\n++b\n- c\n -d\n  e\n");
        // The first side has a and c, the second a and d: e is one too many.
        assert_eq!((hunk.lines, rest), (4, "  e\n"));
    }

    #[test]
    fn a_place_in_a_hunk_is_told_in_lines_of_its_files() {
        let (hunk, _) = hunk("@@ -10,3 +20,4 @@ fn f()\n a\n-b\n+c\n+d\n e\n");
        let place = |skipped| String::from_utf8(hunk.place(skipped)).unwrap();
        assert_eq!(place(0), "@@ -10,3 +20,4 @@ fn f() (goes on at -10 +20)");
        assert_eq!(place(1), "@@ -10,3 +20,4 @@ fn f() (goes on at -11)");
        assert_eq!(place(3), "@@ -10,3 +20,4 @@ fn f() (goes on at +22)");
        assert_eq!(place(4), "@@ -10,3 +20,4 @@ fn f() (goes on at -12 +23)");
        assert_eq!(place(5), "@@ -10,3 +20,4 @@ fn f()");
    }
}
