//! The patch of a change, of which a page is made and no more: [`Body::page`] is what a tool answers with.

use super::{FileDiff, line};
use crate::{
    cursor::Page,
    output::{Lines, Part, Place},
};

/// Bytes made for one page: more than the largest budget holds.
const PAGE_BYTES: usize = 112 << 10;
/// Lines before a page that are looked at for secrets that begin in them, and their bytes.
const BEFORE_LINES: u64 = 400;
const BEFORE_BYTES: usize = 32 << 10;
/// The most bytes of a name in a heading.
const NAME_MAX: usize = 150;

/// The text of files, one after the other.
pub struct Body<'f> {
    /// The files that have text, and the line each ends before.
    files: Vec<(&'f FileDiff<'f>, u64)>,
}

/// What a page may show, and what stands before it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// Names of the file and header of the hunk in whose middle the page begins; nothing where it begins with a file.
    pub heading: Vec<u8>,
    /// The lines just before the page, which let a secret be recognised that began in them.
    pub before: Vec<u8>,
    /// The lines from the page's place on: as many as it can hold, or all that are left.
    pub bytes: Vec<u8>,
    /// Lines of the whole patch.
    pub total: u64,
}

impl Window {
    /// As [`Lines::part`] takes it.
    pub fn part(&self) -> Part<'_> {
        Part { heading: &self.heading, before: &self.before, bytes: &self.bytes, total: self.total }
    }
}

impl<'f> Body<'f> {
    /// The patch of `files`, in their order.
    pub fn of(files: impl Iterator<Item = &'f FileDiff<'f>>) -> Self {
        let mut end = 0;
        let files = files.filter(|file| file.text_lines() > 0).map(|file| {
            end += file.text_lines();
            (file, end)
        });
        Self { files: files.collect() }
    }

    /// Lines of the whole patch.
    pub fn total(&self) -> u64 {
        self.files.last().map_or(0, |(_, end)| *end)
    }

    /// The lines that `page` may show; nothing when there is no text at all.
    pub fn page(&self, page: Page) -> Option<Lines> {
        let window = (self.total() > 0).then(|| self.window(Place::of(&page).line))?;
        Some(Lines::part("lines of the patch", &window.part(), page))
    }

    /// The text from `line` on, which is a [`Place`]'s, and around it.
    pub fn window(&self, line: u64) -> Window {
        let mut window = Window { total: self.total(), ..Window::default() };
        let at = self.files.partition_point(|(_, end)| *end <= line);
        let mut first =
            line.saturating_sub(at.checked_sub(1).and_then(|at| self.files.get(at)).map_or(0, |(_, end)| *end));
        for (file, _) in self.files.iter().skip(at) {
            if first > 0 {
                window.heading = heading(file, first);
            }
            let from = first.saturating_sub(BEFORE_LINES);
            for (number, text) in (from..).zip(text(file).skip(usize::try_from(from).unwrap_or(usize::MAX))) {
                line::write(text, if number < first { &mut window.before } else { &mut window.bytes });
                if window.bytes.len() >= PAGE_BYTES {
                    break;
                }
            }
            if window.bytes.len() >= PAGE_BYTES {
                break;
            }
            first = 0;
        }
        if window.before.len() > BEFORE_BYTES {
            // From a whole line on.
            let cut = window.before.len() - BEFORE_BYTES;
            let newline = window.before.iter().skip(cut).position(|byte| *byte == b'\n');
            window.before.drain(..newline.map_or(window.before.len(), |at| cut + at + 1));
        }
        window
    }
}

/// The lines of `file` in a patch.
fn text<'f>(file: &'f FileDiff<'_>) -> impl Iterator<Item = &'f [u8]> {
    line::all(&file.header).chain(line::all(file.body))
}

/// Line `number` of `file` in words: its names, the hunk it stands in and where in that. Nothing inside a header, which tells itself.
fn heading(file: &FileDiff<'_>, number: u64) -> Vec<u8> {
    let mut out = Vec::new();
    let Some(number) = number.checked_sub(file.header_lines()) else { return out };
    let mut named = false;
    for name in line::all(&file.header).filter(|name| name.starts_with(b"--- ") || name.starts_with(b"+++ ")) {
        out.extend_from_slice(name.get(..NAME_MAX).unwrap_or(name));
        out.push(b'\n');
        named = true;
    }
    if let (false, Some(first)) = (named, line::all(&file.header).next()) {
        out.extend_from_slice(first.get(..2 * NAME_MAX).unwrap_or(first));
        out.push(b'\n');
    }
    let hunk = file.hunks.partition_point(|hunk| hunk.at <= number).checked_sub(1).and_then(|at| file.hunks.get(at));
    // The header of a hunk tells itself, and what was not understood is of no hunk.
    if let Some(hunk) = hunk.filter(|hunk| hunk.at < number && number <= hunk.at + hunk.lines) {
        out.extend_from_slice(&hunk.place(number - hunk.at - 1));
        out.push(b'\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        cursor::Digest,
        diff::{Known, Overview, unified},
    };

    /// Two files: three hunks with a line that was not understood, and one.
    const CHANGE: &str = "diff --git a/a.rs b/a.rs\nindex 1..2 100644\n--- a/a.rs\n+++ b/a.rs\n@@ -1,2 +1,2 @@ one\n a\n-b\n+c\nwhat is this\n\
        @@ -10,1 +10,2 @@ two\n d\n+e\ndiff --git a/b c.rs b/b c.rs\n--- a/b c.rs\t\n+++ b/b c.rs\t\n@@ -5 +5 @@ three\n-f\n+g\n\\ No newline at end of file\n";

    fn all(body: &Body<'_>) -> Vec<String> {
        String::from_utf8(body.window(0).bytes).unwrap().lines().map(str::to_owned).collect()
    }

    fn heading_at(body: &Body<'_>, line: u64) -> String {
        String::from_utf8(body.window(line).heading).unwrap()
    }

    #[test]
    fn a_page_from_anywhere_is_the_end_of_the_whole() {
        let overview = Overview::of(unified::read(CHANGE.as_bytes()).files, &[], Known::default());
        let body = overview.body();
        let all = all(&body);
        assert_eq!(all.len() as u64, body.total());
        assert_eq!(all.join("\n") + "\n", CHANGE.replace("index 1..2 100644\n", ""));
        for line in 0..=body.total() {
            let window = body.window(line);
            let shown = String::from_utf8(window.bytes).unwrap();
            assert_eq!(shown.lines().collect::<Vec<_>>(), all[line as usize..], "{line}");
        }
    }

    #[test]
    fn a_heading_tells_file_hunk_and_place() {
        let overview = Overview::of(unified::read(CHANGE.as_bytes()).files, &[], Known::default());
        let body = overview.body();
        let (one, two) = ("--- a/a.rs\n+++ b/a.rs\n", "--- a/b c.rs\t\n+++ b/b c.rs\t\n");
        for (line, expected) in [
            (0, String::new()),
            // Inside a header.
            (2, String::new()),
            (3, one.to_owned()),
            (4, format!("{one}@@ -1,2 +1,2 @@ one (goes on at -1 +1)\n")),
            (6, format!("{one}@@ -1,2 +1,2 @@ one (goes on at +2)\n")),
            // A line that was not understood is of no hunk.
            (7, one.to_owned()),
            (8, one.to_owned()),
            (10, format!("{one}@@ -10,1 +10,2 @@ two (goes on at +11)\n")),
            (11, String::new()),
            (16, format!("{two}@@ -5 +5 @@ three (goes on at +5)\n")),
            (17, format!("{two}@@ -5 +5 @@ three\n")),
        ] {
            assert_eq!(heading_at(&body, line), expected, "{line}");
        }
    }

    #[test]
    fn no_more_is_made_than_a_page_can_show() {
        let lines: String = (0..100_000).map(|n| format!("+line {n}\n")).collect();
        let text = format!("diff --git a/x.rs b/x.rs\n--- /dev/null\n+++ b/x.rs\n@@ -0,0 +1,100000 @@\n{lines}");
        let overview = Overview::of(unified::read(text.as_bytes()).files, &[], Known::default());
        let body = overview.body();
        assert_eq!(body.total(), 100_004);
        let window = body.window(50_004);
        assert!(window.bytes.starts_with(b"+line 50000\n") && window.bytes.len() < PAGE_BYTES + 20);
        assert!(window.before.ends_with(b"+line 49999\n") && window.before.len() <= BEFORE_BYTES);
        assert!(window.heading.ends_with(b"@@ -0,0 +1,100000 @@ (goes on at +50001)\n"));
    }

    #[test]
    fn without_text_there_is_no_page() {
        let page = Page::open(None, Digest::default(), b"").unwrap();
        assert!(Overview::of(Vec::new(), &[], Known::default()).body().page(page).is_none());
        let overview = Overview::of(unified::read(CHANGE.as_bytes()).files, &[], Known::default());
        assert!(overview.body().page(page).is_some());
    }
}
