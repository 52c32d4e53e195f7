//! The lines of an excerpt: those around the error, repeats folded, a long traceback without its middle.

use std::collections::VecDeque;

use super::{
    At, Found, Marked, begun,
    line::{self, Mark},
    lines, marked,
    signs::{self, Sign},
};

/// Lines shown before an error.
const BEFORE: usize = 5;
/// Lines shown behind the word of the runner that a job was stopped.
const BEHIND_STOP: usize = 2;
/// Lines of a traceback that are followed to its end.
const TRACEBACK_MAX: usize = 5_000;
/// Lines of a private key.
const KEY_MAX: usize = 200;

/// What was gathered.
#[derive(Default)]
pub(super) struct Gathered {
    pub(super) lines: Vec<String>,
    pub(super) first_line: u64,
    pub(super) error_line: Option<u64>,
    pub(super) more_errors: u64,
}

/// A line, and how often it came one after the other; or lines that are left out.
#[derive(Clone, Debug)]
struct Entry<'l> {
    at: At,
    text: &'l [u8],
    times: u64,
    left_out: Option<String>,
}

/// Takes lines in, repeats as one.
#[derive(Default)]
struct Entries<'l> {
    list: VecDeque<Entry<'l>>,
    /// Lines of a private key that may still come.
    key: usize,
}

impl<'l> Entries<'l> {
    /// Takes a line; only the last `most` entries are kept.
    fn push(&mut self, at: At, text: &'l [u8], most: usize) {
        if self.key > 0 && key_line(text) {
            self.key = if text.starts_with(b"-----END ") { 0 } else { self.key - 1 };
            return;
        }
        self.key = 0;
        let mut left_out = None;
        if text.starts_with(b"-----BEGIN ") && text.windows(11).any(|part| part == b"PRIVATE KEY") {
            self.key = KEY_MAX;
            left_out = Some(String::from("[a private key is left out]"));
        }
        match self.list.back_mut() {
            Some(last) if last.text == text && left_out.is_none() => last.times += 1,
            _ => self.list.push_back(Entry { at, text, times: 1, left_out }),
        }
        if self.list.len() > most {
            self.list.pop_front();
        }
    }

    fn finish(mut self) -> Vec<Entry<'l>> {
        while self.list.front().is_some_and(|entry| entry.text.is_empty()) {
            self.list.pop_front();
        }
        while self.list.back().is_some_and(|entry| entry.text.is_empty()) {
            self.list.pop_back();
        }
        self.list.into()
    }
}

/// Whether `text` can be in a private key: base64, its headers, or its end.
fn key_line(text: &[u8]) -> bool {
    let base64 = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
    text.iter().all(base64)
        || [&b"-----END "[..], b"Proc-Type:", b"DEK-Info:"].iter().any(|start| text.starts_with(start))
}

/// The lines of `log` that tell of what was `found`.
pub(super) fn gather(log: &[u8], found: &Found, most: usize) -> Gathered {
    match found.error {
        Some(error) => around(log, found, error, most),
        None => Gathered::default().with(end(log, found, most)),
    }
}

/// The end of the step that failed.
fn end<'l>(log: &'l [u8], found: &Found, most: usize) -> Vec<Entry<'l>> {
    let mut entries = Entries::default();
    let ends = |at: At| found.end == Some(at);
    for (at, raw) in
        output(log, found.step.from).take_while(|(at, raw)| at.line == found.step.from.line || !begins(raw))
    {
        entries.push(at, line::visible(raw), most);
        if ends(at) {
            return entries.finish();
        }
    }
    // GitLab's runner says that the job failed when it has cleaned up.
    if let Some((at, raw)) = found.end.and_then(|end| lines(log, end).next()) {
        entries.push(at, line::visible(raw), most);
    }
    entries.finish()
}

/// The lines around `error`, and how many errors there are behind them.
fn around(log: &[u8], found: &Found, error: At, most: usize) -> Gathered {
    let mut out = Gathered { error_line: Some(error.line), ..Gathered::default() };
    let mut entries = Entries::default();
    // Of a job that was stopped, what it did last is all there is to know.
    let before = if found.stopped { most.saturating_sub(1 + BEHIND_STOP) } else { BEFORE.min(most / 3) };
    if before > 0 {
        for (at, raw) in output(log, found.step.from).take_while(|(at, _)| at.line < error.line) {
            entries.push(at, line::visible(raw), before);
        }
    }
    let mut rest = error;
    if let Some(traceback) = Traceback::at(log, error) {
        let room = most.saturating_sub(entries.list.len()).max(3);
        let (head, tail) = (room / 4, room - room / 4 - 1);
        let hidden = if traceback.lines > room { traceback.lines - head - tail } else { 0 };
        for (number, (at, raw)) in (0..traceback.lines).zip(lines(log, error)) {
            if hidden > 0 && number == head {
                let left_out = Some(format!("[{hidden} lines of the traceback left out]"));
                entries.list.push_back(Entry { at, text: b"", times: 1, left_out });
            }
            if hidden == 0 || !(head..head + hidden).contains(&number) {
                entries.push(at, line::visible(raw), most);
            }
        }
        out.error_line = Some(traceback.last.line);
        rest = At { line: traceback.last.line + 1, byte: traceback.end };
    }
    // Behind the error: to the end of its step, as far as there is room; then the errors are only counted.
    let (mut ended, mut echo) = (false, false);
    for (at, raw) in lines(log, rest) {
        let text = line::visible(raw);
        let full = || entries.list.len() >= most && entries.list.back().is_none_or(|entry| entry.text != text);
        ended = ended || (at != error && begins(raw)) || full();
        if !ended {
            entries.push(at, text, usize::MAX);
            ended = found.end == Some(at) && at != error;
            continue;
        }
        echo |= raw.starts_with(b"##[group]Run ");
        let head = text.get(..line::LOOKED_AT).unwrap_or(text);
        if signs::may_tell(head) {
            let (mark, text) = line::read(head);
            echo &= mark != Mark::End;
            out.more_errors += u64::from(match mark {
                Mark::Error => marked(&text) == Marked::Real,
                Mark::Plain if echo || text.starts_with("ERROR: Job failed") => false,
                Mark::Plain => signs::of(&text) >= Sign::Named,
                _ => false,
            });
        }
    }
    out.with(entries.finish())
}

/// The lines from `from` on, without the one that begins or ends the showing of a script.
fn output(log: &[u8], from: At) -> impl Iterator<Item = (At, &[u8])> {
    lines(log, from)
        .filter(move |(at, text)| at.line != from.line || !(text.starts_with(b"##[endgroup]") || begins(text)))
}

/// Whether another step begins with `line`.
fn begins(line: &[u8]) -> bool {
    begun(line).is_some()
}

impl Gathered {
    fn with(mut self, entries: Vec<Entry<'_>>) -> Self {
        self.first_line = entries.first().map_or(0, |entry| entry.at.line);
        self.lines = entries
            .into_iter()
            .filter_map(|entry| {
                let text = match entry.left_out {
                    Some(text) => text,
                    None => line::shown(entry.text)?,
                };
                let times =
                    if entry.times > 1 && !text.is_empty() { format!(" (×{})", entry.times) } else { String::new() };
                Some(text + &times)
            })
            .collect();
        self
    }
}

/// A traceback of Python's, with those that it says came of it.
struct Traceback {
    /// The last line, which is the error.
    last: At,
    /// The byte behind it.
    end: usize,
    lines: usize,
}

impl Traceback {
    /// The traceback that begins at `first`.
    fn at(log: &[u8], first: At) -> Option<Self> {
        let mut lines = lines(log, first).take(TRACEBACK_MAX).map(|(at, raw)| (at, line::read(line::visible(raw)).1));
        let (_, text) = lines.next()?;
        let prefix = text.get(..text.find("Traceback (most recent call last)")?)?;
        let (mut last, mut chained) = (None, false);
        for (number, (at, text)) in (1..).zip(lines) {
            // Builders write the seconds before each line, and they go on.
            let line = match text.strip_prefix(prefix) {
                Some(line) => line,
                None => signs::bare(&text),
            };
            if ["During handling of", "The above exception"].iter().any(|start| line.starts_with(start)) {
                chained = true;
            } else if last.is_some() && !chained && !line.is_empty() {
                break;
            } else if !(line.is_empty() || line.starts_with([' ', '\t', '|']) || line.starts_with("Traceback (")) {
                (last, chained) = (Some((at, number)), false);
            }
        }
        let (last, number) = last?;
        let rest = log.get(last.byte..)?;
        let end = rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |at| at + 1);
        Some(Self { last, end: last.byte + end, lines: number + 1 })
    }
}
