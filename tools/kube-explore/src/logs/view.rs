//! A digest as an answer shows it: as plain lines where they fit, else what is wrong, what repeats and the last lines, in the room there is.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};
use serde_json::{Value, json};
use shared::{Inside, List, Text, Untrusted, output::Budget};

use super::plan::Source;
use crate::distil::{Digest, Error, Folded, LINE_MAX, Seen, Sources, Stamp, TEMPLATES_MAX};

/// The sizes between the smallest and the largest answer, each a tenth larger than the one before. There are so few that the whole is tried
/// first: plain lines may be shorter than a digest of half of them.
const STEPS: usize = 62;
/// The smallest, in bytes.
const SMALLEST: usize = 256;
/// The most sources whose last lines are shown below a digest.
const TAILS: usize = 3;
/// What a heading of an error, or the count of a template, takes.
const HEADING: usize = 56;

/// A digest, and how much of it is shown.
#[derive(Debug)]
pub struct View {
    digest: Digest,
    sources: Vec<Source>,
    grep: Option<Untrusted>,
    /// Whether every line that was asked for is here.
    whole: bool,
    step: usize,
}

/// What fits.
struct Cut {
    errors: usize,
    /// Bytes for a part of the next error.
    part: usize,
    folded: usize,
    /// Lines of each source.
    tails: Vec<(usize, usize)>,
}

impl View {
    /// A view of what came of `sources`. `grep`: what lines were searched for.
    pub fn new(digest: Digest, sources: Vec<Source>, grep: Option<&str>) -> Self {
        let size: usize = digest.tails.iter().flat_map(|tail| &tail.lines).map(Untrusted::len).sum();
        // Of what was searched for, the caller has said how many to show; else it is all of it or a digest.
        let complete = grep.is_some() || digest.tails.iter().all(|tail| tail.of <= tail.kept);
        let whole = digest.lost == 0 && size <= Budget::BYTES_MAX && complete;
        Self { whole, step: STEPS + usize::from(whole), digest, sources, grep: grep.map(Untrusted::line) }
    }

    /// What came of the lines.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// How many lines there were, of what, and when.
    pub fn summary(&self) -> String {
        let counts = &self.digest.counts;
        let mut summary = match &self.grep {
            Some(grep) => format!("{} of {} lines have {}", counts.lines, counts.read, grep.quoted()),
            None => plural(counts.lines, "line"),
        };
        if let (Some(first), Some(last)) = (self.digest.first, self.digest.last) {
            summary = format!("{summary}, {} to {}", first.shown(), last.shown());
        }
        if counts.lines == 0 {
            return summary;
        }
        summary = format!("{summary}: {}", plural(counts.errors, "error line"));
        // Of groups that were dropped it is not known how many there would be.
        if counts.errors > 0 && self.digest.lost_errors == 0 {
            summary = format!("{summary} of {}", plural(self.digest.errors.len() as u64, "kind"));
        }
        if counts.traces > 0 {
            summary = format!("{summary} with {} of traces", plural(counts.traces, "line"));
        }
        if counts.warnings > 0 {
            summary = format!("{summary}, {}", plural(counts.warnings, "warning"));
        }
        summary
    }

    /// Writes what fits.
    pub fn write(&self, text: &mut Text<'_>) {
        if self.digest.counts.lines == 0 {
            self.limits(text);
        } else if self.plain() {
            self.write_plain(text);
        } else {
            self.write_digest(text);
        }
    }

    fn plain(&self) -> bool {
        self.whole && self.step > STEPS
    }

    fn write_plain(&self, text: &mut Text<'_>) {
        self.limits(text);
        for (tail, source) in self.digest.tails.iter().zip(&self.sources) {
            let left = tail.of.saturating_sub(tail.kept);
            if self.sources.len() > 1 && tail.of > 0 {
                text.line(format_args!("{}:", source.shown()));
            }
            if left > 0 {
                text.line(format_args!("[{} left out: raise lines]", plural(left, "older line")));
            }
            for line in &tail.lines {
                text.framed(|inside| format!("{}\n", line.inside(inside)));
            }
        }
    }

    fn write_digest(&self, text: &mut Text<'_>) {
        let cut = self.cut();
        let digest = &self.digest;
        self.limits(text);
        let mut shown: u64 = 0;
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
            text.line(format_args!("the last {} of {} of {}:", lines, tail.of, source.shown()));
            for line in tail.lines.get(tail.lines.len().saturating_sub(*lines)..).unwrap_or_default() {
                text.framed(|inside| format!("{}\n", line.inside(inside)));
            }
        }
    }

    /// What the bounds have kept from being looked at, or kept.
    fn limits(&self, text: &mut Text<'_>) {
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

    /// Bytes at the step that is shown.
    fn room(&self) -> usize {
        (0..self.step.min(STEPS)).fold(SMALLEST, |room, _| room + room / 10)
    }

    fn cut(&self) -> Cut {
        if self.step == 0 {
            return Cut { errors: 0, part: 0, folded: 0, tails: Vec::new() };
        }
        let room = self.room();
        let digest = &self.digest;
        // The marks before lines are counted as lines of some length.
        let with_marks = |bytes: usize| bytes + bytes / 16;
        let size = |error: &Error| HEADING + with_marks(error.before.len() + error.text.len() + error.after.len());
        let (errors, used) = fitting(digest.errors.iter().map(size), room * 11 / 20);
        let part = if errors < digest.errors.len() { (room * 11 / 20).saturating_sub(used) } else { 0 };
        let part = if part > 2 * HEADING { part } else { 0 };
        let left = room.saturating_sub(used + part);
        let size =
            |folded: &Folded| HEADING + folded.text.len() + folded.values.as_ref().map_or(0, |values| values.len() + 4);
        let (folded, used) = fitting(digest.folded.iter().map(size), left.saturating_sub(room / 5));
        let left = left.saturating_sub(used);
        // The runs that crashed first.
        let mut order: Vec<usize> = (0..digest.tails.len().min(self.sources.len())).collect();
        order.retain(|number| digest.tails.get(*number).is_some_and(|tail| !tail.lines.is_empty()));
        order.sort_by_key(|number| self.sources.get(*number).is_none_or(|source| !source.previous));
        order.truncate(TAILS);
        let each = left / order.len().max(1);
        let tails = order.into_iter().filter_map(|number| {
            let lines = &digest.tails.get(number)?.lines;
            let (lines, _) = fitting(lines.iter().rev().map(|line| line.len() + 1), each.saturating_sub(2 * HEADING));
            (lines > 0).then_some((number, lines))
        });
        Cut { errors, part, folded, tails: tails.collect() }
    }

    fn places(&self, seen: &Sources) -> Vec<String> {
        seen.iter().filter_map(|number| self.sources.get(number)).take(20).map(Source::shown).collect()
    }

    fn seen_json(&self, seen: &Seen) -> Value {
        json!({
            "count": seen.count,
            "first": seen.first.map(Stamp::shown),
            "last": seen.last.map(Stamp::shown),
            "in": self.places(&seen.sources),
            "places": seen.sources.iter().count(),
        })
    }
}

/// How many of `sizes` fit into `room`, and what they take.
fn fitting(sizes: impl Iterator<Item = usize>, room: usize) -> (usize, usize) {
    let (mut count, mut used) = (0, 0);
    for size in sizes {
        if used + size > room {
            break;
        }
        (count, used) = (count + 1, used + size);
    }
    (count, used)
}

/// `1 line`, `2 lines`.
fn plural(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

impl List for View {
    fn units(&self) -> usize {
        if self.digest.counts.lines == 0 { 0 } else { STEPS + usize::from(self.whole) }
    }

    fn keep(&mut self, units: usize) {
        self.step = units;
    }
}

impl Serialize for View {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let digest = &self.digest;
        let counts = &digest.counts;
        let cut = self.cut();
        let (errors, folded) = if self.plain() { (0, 0) } else { (cut.errors, cut.folded) };
        let tails: Vec<(usize, usize)> = match self.plain() {
            true => digest.tails.iter().map(|tail| tail.lines.len()).enumerate().collect(),
            false => cut.tails,
        };
        let tails = tails.into_iter().filter_map(|(number, lines)| {
            let (tail, source) = (digest.tails.get(number)?, self.sources.get(number)?);
            let lines = tail.lines.get(tail.lines.len().saturating_sub(lines)..)?;
            Some(json!({"pod": source.pod, "container": source.container, "previous": source.previous, "of": tail.of, "lines": lines}))
        });
        let shown = digest.errors.iter().take(errors);
        json!({
            "read": counts.read,
            "lines": counts.lines,
            "errors": counts.errors,
            "warnings": counts.warnings,
            "trace_lines": counts.traces,
            "first": digest.first.map(Stamp::shown),
            "last": digest.last.map(Stamp::shown),
            "plain": self.plain(),
            "long_lines": counts.long,
            "half_searched": counts.half_searched,
            "error_groups": shown.clone().map(|error| json!({
                "level": error.level.as_str(), "seen": self.seen_json(&error.seen),
                "before": error.before, "text": error.text, "more_lines": error.more, "after": error.after,
            })).collect::<Vec<_>>(),
            "errors_left_out": if self.plain() { 0 } else { counts.errors.saturating_sub(shown.map(|error| error.seen.count).sum()) },
            "templates": digest.folded.iter().take(folded).map(|folded| json!({
                "level": folded.level.as_str(), "seen": self.seen_json(&folded.seen), "text": folded.text, "values": folded.values,
            })).collect::<Vec<_>>(),
            "templates_left_out": if self.plain() { 0 } else { digest.folded.len() - folded },
            "lines_in_no_template": digest.unfolded,
            "tails": tails.collect::<Vec<_>>(),
        })
        .serialize(serializer)
    }
}

impl JsonSchema for View {
    fn schema_name() -> Cow<'static, str> {
        "LogView".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let count = |what: &str| json!({ "type": "integer", "minimum": 0, "description": what });
        let time = |what: &str| json!({ "type": ["string", "null"], "description": what });
        let items = |what: &str| json!({ "type": "array", "items": { "type": "object" }, "description": what });
        json_schema!({
            "type": "object",
            "properties": {
                "read": count("Lines that were read."),
                "lines": count("Lines that were wanted; the other counts are of them."),
                "errors": count("Error lines; a trace is one."),
                "warnings": count("Warnings."),
                "trace_lines": count("The other lines of traces."),
                "first": time("The time of the first line."),
                "last": time("The time of the last line."),
                "plain": { "type": "boolean", "description": "Whether tails hold all lines; else they are the end of a digest." },
                "long_lines": count("Lines of which only the beginning was read."),
                "half_searched": count("Long lines without a match in their beginning."),
                "error_groups": items("Errors, alike ones once: level, seen, before, text, more_lines, after."),
                "errors_left_out": count("Error lines that are in no group shown."),
                "templates": items("Other lines, alike ones once: level, seen, text, values."),
                "templates_left_out": count("Templates that are not shown."),
                "lines_in_no_template": count("Lines that differ from too many others."),
                "tails": items("The last lines of logs: pod, container, previous, of, lines."),
            },
            "required": ["read", "lines", "errors", "warnings", "trace_lines", "plain", "error_groups", "templates", "tails"],
        })
    }
}

#[cfg(test)]
mod tests;
