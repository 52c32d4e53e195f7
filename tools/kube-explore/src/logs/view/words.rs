//! A view as a text.

use shared::{Inside, Text, Untrusted};

use super::{super::plan::Source, HEADING, Names, View, plural};
use crate::distil::{Error, Folded, LINE_MAX, Seen, Sources, Stamp, TEMPLATES_MAX};

impl View {
    pub(super) fn write_plain(&self, text: &mut Text<'_>) {
        self.limits(text);
        let silent = |(number, _): &(usize, &Source)| self.digest.tails.get(*number).is_none_or(|tail| tail.of == 0);
        let silent = self.sources.iter().enumerate().filter(silent).map(|(_, source)| source.shown());
        let silent = Names::new(silent);
        if silent.count() > 0 {
            text.line(format_args!("no lines: {silent}"));
        }
        for (tail, source) in self.digest.tails.iter().zip(&self.sources) {
            let left = tail.of.saturating_sub(tail.kept);
            if tail.of > 0 {
                text.line(format_args!("{}{}:", source.shown(), self.only_of(tail)));
            }
            if left > 0 {
                text.line(format_args!("[{} left out: raise lines]", plural(left, "older line")));
            }
            for line in &tail.lines {
                text.framed(|inside| format!("{}\n", line.inside(inside)));
            }
        }
    }

    pub(super) fn write_digest(&self, text: &mut Text<'_>) {
        let cut = self.cut();
        let digest = &self.digest;
        self.limits(text);
        if let Some(ends) = self.ends() {
            text.line(ends);
        }
        let mut shown: u64 = 0;
        if cut.errors > 0 || cut.part > 0 {
            text.line("errors, alike ones once:");
        }
        text.framed(|inside| {
            let mut out = String::new();
            for (number, error) in digest.errors.iter().enumerate().take(cut.errors + usize::from(cut.part > 0)) {
                let room = if number < cut.errors { usize::MAX } else { cut.part };
                self.error(error, room, inside, &mut out);
                shown += error.seen.count;
            }
            out
        });
        let left = digest.counts.errors.saturating_sub(shown);
        if left > 0 {
            text.line(format_args!(
                "[{} left out; raise budget, or narrow with grep or since]",
                plural(left, "error line")
            ));
        }
        if cut.folded > 0 {
            text.line("other lines, <*> for what varies, and what stood there first:");
        }
        text.framed(|inside| digest.folded.iter().take(cut.folded).map(|folded| self.folded(folded, inside)).collect());
        let rest = digest.folded.get(cut.folded..).unwrap_or_default();
        if !rest.is_empty() {
            let lines: u64 = rest.iter().map(|folded| folded.seen.count).sum();
            text.line(format_args!(
                "[{} in {} left out; raise budget, or narrow with grep or since]",
                plural(lines, "line"),
                plural(rest.len() as u64, "more template")
            ));
        }
        for (number, lines) in &cut.tails {
            let (Some(tail), Some(source)) = (digest.tails.get(*number), self.sources.get(*number)) else { continue };
            let of = if self.is_end(tail) { format!("the {} read", tail.of) } else { tail.of.to_string() };
            text.line(format_args!("the last {lines} of {of} of {}:", source.shown()));
            for line in tail.lines.get(tail.lines.len().saturating_sub(*lines)..).unwrap_or_default() {
                text.framed(|inside| format!("{}\n", line.inside(inside)));
            }
        }
    }

    /// What the bounds have kept from being looked at, or kept.
    pub(super) fn limits(&self, text: &mut Text<'_>) {
        let digest = &self.digest;
        if digest.counts.half_searched > 0 {
            text.line(format_args!(
                "[{} without a match, longer than {} KiB, searched only so far]",
                plural(digest.counts.half_searched, "line"),
                LINE_MAX >> 10
            ));
        }
        if digest.counts.long > 0 {
            text.line(format_args!(
                "[{} longer than {} KiB, read only so far]",
                plural(digest.counts.long, "line"),
                LINE_MAX >> 10
            ));
        }
        if !self.plain() && digest.unfolded > 0 {
            text.line(format_args!(
                "[{} in no template: too many differ ({TEMPLATES_MAX} are kept); narrow with grep]",
                plural(digest.unfolded, "line")
            ));
        }
    }

    /// An error, as much of it as `room` holds.
    fn error(&self, error: &Error, room: usize, inside: Inside<'_>, out: &mut String) {
        let whole = room == usize::MAX;
        let facts = self.facts(&error.seen, error.level.as_str());
        let mut lines = vec![format!("[{facts}]")];
        let mark = |block: &Untrusted, mark: &str, lines: &mut Vec<String>| {
            lines.extend(block.inside(inside).lines().map(|line| format!("{mark}{line}")));
        };
        if whole {
            mark(&error.before, "  ", &mut lines);
        }
        mark(&error.text, "> ", &mut lines);
        if error.more > 0 {
            lines.push(format!("> …(+{} of the trace)", plural(error.more, "line")));
        }
        if whole {
            mark(&error.after, "  ", &mut lines);
        }
        let (mut used, count) = (0, lines.len());
        for (number, line) in lines.into_iter().enumerate() {
            used += line.len() + 1;
            if used > room && number > 1 {
                out.push_str(&format!("> …(+{})\n", plural((count - number) as u64, "line")));
                return;
            }
            let end = line.floor_char_boundary(room.max(HEADING));
            out.push_str(line.get(..end).unwrap_or_default());
            out.push_str(if end < line.len() { "…\n" } else { "\n" });
        }
    }

    fn folded(&self, folded: &Folded, inside: Inside<'_>) -> String {
        let facts = self.facts(&folded.seen, "");
        let values = folded.values.as_ref().map(|values| format!("  ({})", values.inside(inside))).unwrap_or_default();
        format!("{facts}: {}{values}\n", folded.text.inside(inside).trim_end_matches('\n'))
    }

    /// `error ×12 08:00:01 to 08:10:00 in 3 of 5 pods`.
    fn facts(&self, seen: &Seen, what: &str) -> String {
        let mut facts = what.to_owned();
        let mut add = |part: String| {
            if !part.is_empty() {
                facts.push_str(if facts.is_empty() { "" } else { " " });
                facts.push_str(&part);
            }
        };
        if seen.count > 1 || what.is_empty() {
            add(format!("×{}", seen.count));
        }
        let days = |first: Stamp, last: Stamp| first.day() != last.day();
        let dated = self.digest.first.zip(self.digest.last).is_some_and(|(first, last)| days(first, last));
        let (first, last) = (seen.first.map(|time| time.short(dated)), seen.last.map(|time| time.short(dated)));
        match (first, last) {
            (Some(first), Some(last)) if first != last => add(format!("{first} to {last}")),
            (Some(first), _) => add(first),
            _ => {}
        }
        add(self.whence(&seen.sources));
        facts
    }

    /// Where something was seen; nothing where there is only one place.
    fn whence(&self, seen: &Sources) -> String {
        let of: Vec<&Source> = seen.iter().filter_map(|number| self.sources.get(number)).collect();
        match of[..] {
            _ if self.sources.len() < 2 => String::new(),
            [source] => format!("in {}", source.shown()),
            _ => {
                let count = |sources: &mut dyn Iterator<Item = &Source>| {
                    let mut pods: Vec<&str> = sources.map(|source| source.pod.as_str()).collect();
                    pods.sort_unstable();
                    pods.dedup();
                    pods.len()
                };
                match (count(&mut of.iter().copied()), count(&mut self.sources.iter())) {
                    (_, 1) => format!("in {} of {} logs", of.len(), self.sources.len()),
                    (some, all) => format!("in {some} of {all} pods"),
                }
            }
        }
    }
}
