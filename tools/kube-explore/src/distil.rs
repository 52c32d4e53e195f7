//! Logs in little: what is wrong first, what repeats once, what was left out counted.
//!
//! Lines stream through a [`Distiller`], which holds a few MiB however many there are: error lines with their traces and what stands around
//! them ([`errors`]), templates of all others ([`template`]), and the last lines of each source as they were ([`recent`]). What comes out is
//! a [`Digest`]. Lines are read as bytes, terminal sequences left out of account; they are cleaned and redacted where they become
//! [`shared::Untrusted`], each block as a whole. Private keys of several lines are left out before anything is kept ([`raw`]).

mod block;
mod digest;
mod errors;
mod grep;
mod level;
mod raw;
mod recent;
mod sources;
mod split;
mod stamp;
mod template;
#[cfg(test)]
mod tests;
mod trace;
mod words;

pub use digest::{Digest, Error, Folded, Tail};
pub use errors::{AFTER, GROUPS_MAX, TRACE_MAX};
pub use grep::Grep;
pub use level::Level;
pub use recent::CONTEXT;
pub use sources::Sources;
pub use split::{LINE_MAX, Line, Splitter};
pub use stamp::Stamp;
pub use template::{Seen, TEMPLATES_MAX};

use errors::{Event, Groups};
use raw::Keys;
use recent::Recent;
use template::Miner;
use trace::Sort;
use words::Words;

/// The most bytes of a line that a container runtime writes as one: it counts the pieces of longer ones as lines when asked for the last ones.
const PIECE: u64 = 16 << 10;

/// What a distiller does with the lines.
#[derive(Clone, Debug)]
pub struct Options {
    /// Whether each line begins with a time, as the API server puts it there with `timestamps=true`.
    pub stamped: bool,
    /// Only lines with this text.
    pub grep: Option<Grep>,
    /// The most lines of each source that are kept as they are.
    pub last: usize,
}

/// Takes logs in line by line, in the order of each source.
#[derive(Debug)]
pub struct Distiller {
    options: Options,
    words: Words,
    miner: Miner,
    groups: Groups,
    recent: Recent,
    sources: Vec<Source>,
    counts: Counts,
    scratch: Vec<u8>,
}

/// How many lines there were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Lines that were read.
    pub read: u64,
    /// Of these, those that were wanted. What follows is of them.
    pub lines: u64,
    /// Error lines. A trace counts as the line it begins with.
    pub errors: u64,
    /// Warnings.
    pub warnings: u64,
    /// The other lines of traces.
    pub traces: u64,
    /// Lines without anything in them.
    pub empty: u64,
    /// Lines that were too long to be looked at as a whole.
    pub long: u64,
    /// Long lines that were not wanted as far as they were searched.
    pub half_searched: u64,
}

/// What is known of one source.
#[derive(Debug, Default)]
struct Source {
    keys: Keys,
    lines: u64,
    /// Lines as the node has them: what a container writes as one long line is several.
    pieces: u64,
    /// The error whose trace may go on, and the template of its line.
    open: bool,
    event: Event,
    template: Option<u32>,
    /// What the line before looked like, should it turn out to be the head of a trace.
    before: Option<(u64, Option<u32>, Level)>,
    /// The error after which lines are kept, and how many.
    after: (u64, usize),
    /// Lines since the last error: what may stand before the next one.
    calm: usize,
    first: Option<Stamp>,
    last: Option<Stamp>,
}

impl Distiller {
    /// One that has seen nothing.
    pub fn new(options: Options) -> Self {
        let recent = Recent::new(options.last);
        Self {
            options,
            words: Words::default(),
            miner: Miner::default(),
            groups: Groups::default(),
            recent,
            sources: Vec::new(),
            counts: Counts::default(),
            scratch: Vec::new(),
        }
    }

    /// Takes a line of `source`.
    pub fn line(&mut self, source: u16, line: Line<'_>) {
        let mut scratch = std::mem::take(&mut self.scratch);
        let pieces = 1 + (line.bytes.len() as u64).saturating_add(line.omitted) / PIECE;
        let (time, text) = if self.options.stamped { Stamp::split(line.bytes) } else { (None, line.bytes) };
        self.text(source, time, raw::plain(text, &mut scratch), line.omitted);
        if let Some(source) = self.sources.get_mut(usize::from(source)) {
            source.pieces = source.pieces.saturating_add(pieces);
        }
        scratch.shrink_to(raw::SHOWN);
        self.scratch = scratch;
    }

    fn text(&mut self, number: u16, time: Option<Stamp>, text: &[u8], omitted: u64) {
        let at = usize::from(number);
        if at >= self.sources.len() {
            self.sources.resize_with(at + 1, Source::default);
        }
        let Some(source) = self.sources.get_mut(at) else { return };
        let counts = &mut self.counts;
        counts.read += 1;
        let text = source.keys.hide(text);
        if let Some(grep) = &self.options.grep
            && !grep.finds(text)
        {
            counts.half_searched += u64::from(omitted > 0);
            return;
        }
        counts.lines += 1;
        counts.long += u64::from(omitted > 0);
        source.lines += 1;
        if let Some(time) = time {
            source.first = Some(source.first.map_or(time, |first| first.min(time)));
            source.last = Some(source.last.map_or(time, |last| last.max(time)));
        }

        if source.open && source.event.sort.goes_on(text, source.event.text.lines() == 1) {
            counts.traces += 1;
            source.event.add(text);
            // What is indented is a frame and as it is; a message may have a number in it that makes no difference.
            source.event.key = if text.first().is_some_and(u8::is_ascii_whitespace) {
                trace::fingerprint(source.event.key, text, words::hash)
            } else {
                self.words.read(text);
                words::hash(source.event.key, &self.words.shape.to_le_bytes())
            };
            self.recent.push(number, text, omitted);
            return;
        }
        source.close(&mut self.groups, number, counts.lines);
        source.calm += 1;

        // A frame below a line that said nothing of an error: the line was the head of a trace.
        if trace::is_frame(text)
            && let Some((key, template, level)) = source.before.take()
            && self.recent.of(number).len() > 0
        {
            counts.errors += 1;
            counts.warnings -= u64::from(level == Level::Warning);
            counts.traces += 1;
            source.begin(&self.recent, number, true);
            if let Some(head) = self.recent.of(number).next_back() {
                source.event.add(&head.bytes);
            }
            source.event.add(text);
            (source.event.time, source.event.sort, source.event.level) = (time, Sort::Indented, Level::Error);
            (source.event.key, source.template) = (trace::fingerprint(key, text, words::hash), template);
            self.recent.push(number, text, omitted);
            return;
        }

        if text.iter().all(u8::is_ascii_whitespace) {
            counts.empty += 1;
            self.recent.push(number, text, omitted);
            return;
        }
        self.words.read(text);
        let template = self.miner.add(&self.words, text, number, time);
        let (level, shape) = (self.words.level, self.words.shape);
        // Alike is what is of one template.
        let key = template.map_or(shape, |id| words::hash(u64::from(id), b"template"));
        counts.warnings += u64::from(level == Level::Warning);
        source.before = (level < Level::Error).then_some((key, template, level));
        if level >= Level::Error {
            counts.errors += 1;
            source.begin(&self.recent, number, false);
            source.event.add(text);
            (source.event.time, source.event.sort, source.event.level) = (time, Sort::of(text), level);
            (source.event.key, source.template) = (key, template);
        } else if source.after.1 > 0 {
            source.after.1 -= 1;
            self.groups.after(source.after.0, text);
        }
        self.recent.push(number, text, omitted);
    }

    /// What came of it all.
    pub fn finish(mut self) -> Digest {
        let lines = self.counts.lines;
        for (number, source) in self.sources.iter_mut().enumerate() {
            source.close(&mut self.groups, number as u16, lines);
        }
        digest::digest(self)
    }
}

impl Source {
    /// An error begins, after the lines since the one before; with `head` the last of them is its own.
    fn begin(&mut self, recent: &Recent, number: u16, head: bool) {
        self.open = true;
        let event = &mut self.event;
        event.text.clear();
        event.before.clear();
        (event.more, event.blank) = (0, 0);
        let lines = recent.of(number);
        let until = lines.len() - usize::from(head && lines.len() > 0);
        // The line that has just come is counted and not yet among them.
        let calm = std::mem::take(&mut self.calm).saturating_sub(1 + usize::from(head)).min(CONTEXT);
        for line in lines.take(until).skip(until.saturating_sub(calm)) {
            event.context(&line.bytes, line.left);
        }
    }

    /// The error that was begun has ended.
    fn close(&mut self, groups: &mut Groups, number: u16, latest: u64) {
        if std::mem::take(&mut self.open) {
            groups.add(&self.event, self.template, number, latest);
            self.after = (self.event.key, AFTER);
        }
    }
}
