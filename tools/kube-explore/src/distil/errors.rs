//! Error lines with what stands around them and what follows from them, alike ones once.

use std::collections::HashMap;

use super::{block::Block, level::Level, raw, recent::CONTEXT, stamp::Stamp, template::Seen, trace::Sort};

/// The most groups.
pub const GROUPS_MAX: usize = 128;
/// The most bytes of all groups.
const BYTES_MAX: usize = 1 << 20;
/// The most lines of a trace that are kept.
pub const TRACE_MAX: usize = 60;
/// The most bytes of a trace that are kept.
const TRACE_BYTES: usize = 12 << 10;
/// The most bytes of a line of context.
const CONTEXT_BYTES: usize = 512;
/// Lines after an error.
pub const AFTER: usize = 2;

/// An error whose lines are still coming.
#[derive(Clone, Debug, Default)]
pub struct Event {
    /// What it is known by: changes while its trace comes.
    pub key: u64,
    /// How bad.
    pub level: Level,
    /// When.
    pub time: Option<Stamp>,
    /// What its trace is of.
    pub sort: Sort,
    /// Its line, and the trace.
    pub text: Block,
    /// Lines of the trace that are not in it.
    pub more: u64,
    /// Lines before.
    pub before: Block,
    /// Empty lines that belong to the trace only if something follows them.
    pub blank: u64,
}

impl Event {
    /// Adds a line of the trace.
    pub fn add(&mut self, line: &[u8]) {
        if line.is_empty() {
            self.blank += 1;
            return;
        }
        for _ in 0..std::mem::take(&mut self.blank) {
            self.push(b"");
        }
        self.push(line);
    }

    fn push(&mut self, line: &[u8]) {
        // The first line is what it is about, and not of the trace.
        if self.text.lines() > TRACE_MAX || self.text.bytes().len() + line.len().min(raw::SHOWN) > TRACE_BYTES {
            self.more += 1;
        } else {
            let (kept, left) = raw::cut(line, raw::SHOWN);
            self.text.push(kept, left);
        }
    }

    /// Adds a line of what came before.
    pub fn context(&mut self, line: &[u8], left: u64) {
        let (kept, more) = raw::cut(line, CONTEXT_BYTES);
        self.before.push(kept, left + more);
    }
}

/// Errors that are alike.
#[derive(Clone, Debug)]
pub struct Group {
    /// The first of them.
    pub event: Event,
    /// Lines after it.
    pub after: Block,
    /// How often, when, where.
    pub seen: Seen,
    /// The place of the last one among all lines.
    pub latest: u64,
    /// The template of its line.
    pub template: Option<u32>,
}

impl Group {
    fn size(&self) -> usize {
        self.event.text.bytes().len() + self.event.before.bytes().len() + size_of::<Self>()
    }

    /// What is kept longest: the worst, then traces, then the newest.
    pub fn rank(&self) -> (Level, bool, u64) {
        (self.event.level, self.event.text.lines() > 1, self.latest)
    }
}

/// All errors.
#[derive(Debug, Default)]
pub struct Groups {
    groups: HashMap<u64, Group>,
    bytes: usize,
    lost: u64,
}

impl Groups {
    /// Adds an error whose trace has ended.
    pub fn add(&mut self, event: &Event, template: Option<u32>, source: u16, latest: u64) {
        if let Some(group) = self.groups.get_mut(&event.key) {
            group.seen.add(source, event.time);
            group.latest = latest;
            return;
        }
        let mut seen = Seen::default();
        seen.add(source, event.time);
        let group = Group { event: event.clone(), after: Block::default(), seen, latest, template };
        self.bytes += group.size();
        self.groups.insert(event.key, group);
        while self.groups.len() > GROUPS_MAX || self.bytes > BYTES_MAX {
            let least = self.groups.iter().min_by_key(|(_, group)| group.rank()).map(|(key, _)| *key);
            let Some(dropped) = least.and_then(|key| self.groups.remove(&key)) else { break };
            self.bytes = self.bytes.saturating_sub(dropped.size());
            self.lost += dropped.seen.count;
        }
    }

    /// Adds a line that came after the first error known by `key`.
    pub fn after(&mut self, key: u64, line: &[u8]) {
        if let Some(group) =
            self.groups.get_mut(&key).filter(|group| group.seen.count == 1 && group.after.lines() < AFTER)
        {
            let (kept, left) = raw::cut(line, CONTEXT_BYTES);
            group.after.push(kept, left);
        }
    }

    /// Errors that are in no group any more, for want of room.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// All groups, the worst first, then the newest.
    pub fn finish(self) -> Vec<Group> {
        let mut groups: Vec<Group> = self.groups.into_values().collect();
        groups.sort_by_key(|group| std::cmp::Reverse(group.rank()));
        groups
    }
}

const _: () = assert!(CONTEXT * CONTEXT_BYTES < TRACE_BYTES, "the context of an error is less than the error");

#[cfg(test)]
mod tests {
    use super::*;

    fn event(key: u64, level: Level, lines: usize) -> Event {
        let mut event = Event { key, level, ..Event::default() };
        for n in 0..lines {
            event.add(format!("line {n}").as_bytes());
        }
        event
    }

    #[test]
    fn a_long_trace_is_cut_and_counted() {
        let mut event = event(1, Level::Error, 1 + TRACE_MAX + 9);
        assert_eq!((event.text.lines(), event.more), (1 + TRACE_MAX, 9));
        event.add(b"");
        assert_eq!(event.more, 9);
        event.add(b"x");
        assert_eq!(event.more, 11);
    }

    #[test]
    fn the_worst_and_the_newest_are_kept() {
        let mut groups = Groups::default();
        groups.add(&event(0, Level::Fatal, 1), None, 0, 0);
        for n in 1..=1_000 {
            groups.add(&event(n, Level::Error, 1), None, 0, n);
            groups.add(&event(n, Level::Error, 1), None, 1, n);
        }
        assert_eq!(groups.lost(), 2 * (1_001 - GROUPS_MAX as u64));
        let groups = groups.finish();
        let kept: Vec<u64> = groups.iter().map(|group| group.event.key).collect();
        assert_eq!((kept.len(), kept[0], kept[1], groups[1].seen.count), (GROUPS_MAX, 0, 1_000, 2));
    }

    #[test]
    fn bytes_are_bounded_too() {
        let mut groups = Groups::default();
        let mut large = Event::default();
        for _ in 0..70 {
            large.add(&vec![b'x'; 5_000]);
        }
        for key in 0..500 {
            groups.add(&Event { key, ..large.clone() }, None, 0, key);
            for _ in 0..9 {
                groups.after(key, &[b'y'; 9_000]);
            }
        }
        assert!(groups.bytes <= BYTES_MAX && groups.groups.len() > 10);
        assert!(groups.finish().iter().all(|group| group.after.lines() == AFTER));
    }
}
