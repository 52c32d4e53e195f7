//! A view as a value: the same parts as its text.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::{super::plan::Source, View};
use crate::distil::{Seen, Sources, Stamp};

/// The most places that are written out of one error or template.
const PLACES: usize = 20;

impl View {
    fn places(&self, seen: &Sources) -> Vec<String> {
        seen.iter().filter_map(|number| self.sources.get(number)).take(PLACES).map(Source::shown).collect()
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
            Some(json!({"pod": source.pod, "container": source.container, "previous": source.previous, "of": tail.of, "older_not_read": self.is_end(tail), "lines": lines}))
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
            "older_not_read": self.only_last(),
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
                "older_not_read": { "type": ["string", "null"], "description": "That only the end of logs was read, and what reads more." },
                "plain": { "type": "boolean", "description": "Whether tails hold all lines; else they are the end of a digest." },
                "long_lines": count("Lines of which only the beginning was read."),
                "half_searched": count("Long lines without a match in their beginning."),
                "error_groups": items("Errors, alike ones once: level, seen, before, text, more_lines, after."),
                "errors_left_out": count("Error lines that are in no group shown."),
                "templates": items("Other lines, alike ones once: level, seen, text, values."),
                "templates_left_out": count("Templates that are not shown."),
                "lines_in_no_template": count("Lines that differ from too many others."),
                "tails": items("The last lines of logs: pod, container, previous, of, older_not_read, lines."),
            },
            "required": ["read", "lines", "errors", "warnings", "trace_lines", "plain", "error_groups", "templates", "tails"],
        })
    }
}
