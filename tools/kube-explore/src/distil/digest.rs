//! What came of a log, its words cleaned and redacted.

use std::{cmp::Reverse, collections::HashMap};

use shared::{Untrusted, redact};

use super::{
    Counts, Distiller, Level,
    block::Block,
    errors::Group,
    recent::Kept,
    stamp::Stamp,
    template::{Seen, Template},
};

/// What stands for a word that varies.
const VARIES: &str = "<*>";
/// The most characters of the words that stood there the first time.
const VALUES: usize = 120;

/// What came of a log.
#[derive(Clone, Debug, Default)]
pub struct Digest {
    /// How many lines there were.
    pub counts: Counts,
    /// The time of the first line.
    pub first: Option<Stamp>,
    /// The time of the last one.
    pub last: Option<Stamp>,
    /// Error lines, alike ones once: the worst first, then the newest.
    pub errors: Vec<Error>,
    /// Error lines that are not among them, for want of room.
    pub lost_errors: u64,
    /// All other lines: warnings first, then the most frequent.
    pub folded: Vec<Folded>,
    /// Lines in no template, because there were too many of them.
    pub unfolded: u64,
    /// The last lines of each source.
    pub tails: Vec<Tail>,
    /// Lines that should be in the tails and are not, for want of room.
    pub lost: u64,
}

/// Errors that are alike.
#[derive(Clone, Debug)]
pub struct Error {
    /// How bad.
    pub level: Level,
    /// How often, when, where.
    pub seen: Seen,
    /// The lines before the first of them.
    pub before: Untrusted,
    /// Its line, with its trace.
    pub text: Untrusted,
    /// Lines of the trace that are not here.
    pub more: u64,
    /// The lines after it.
    pub after: Untrusted,
}

/// Lines that are alike.
#[derive(Clone, Debug)]
pub struct Folded {
    /// How bad.
    pub level: Level,
    /// How often, when, where.
    pub seen: Seen,
    /// What they have in common, `<*>` for what varies.
    pub text: Untrusted,
    /// What stood in place of each `<*>` the first time.
    pub values: Option<Untrusted>,
}

/// The last lines of a source.
#[derive(Clone, Debug, Default)]
pub struct Tail {
    /// Lines of the source in all.
    pub of: u64,
    /// The same as the node counts them, which has long lines in pieces.
    pub pieces: u64,
    /// How many of them were kept: a secret of several is one line.
    pub kept: u64,
    /// The last of them, the oldest first.
    pub lines: Vec<Untrusted>,
}

/// What came of the lines a distiller has taken in.
pub(super) fn digest(distiller: Distiller) -> Digest {
    let Distiller { options, miner, groups, recent, sources, counts, .. } = distiller;
    let (lost_errors, unfolded) = (groups.lost(), miner.unfolded());
    let groups = groups.finish();
    // What is shown as an error is not counted as a line of its template once more.
    let mut shown: HashMap<u32, u64> = HashMap::new();
    for group in &groups {
        if let Some(template) = group.template {
            *shown.entry(template).or_default() += group.seen.count;
        }
    }
    let templates = miner.finish().into_iter().zip(0_u32..).filter_map(|(mut template, id)| {
        template.seen.count = template.seen.count.saturating_sub(shown.get(&id).copied().unwrap_or_default());
        (template.seen.count > 0).then_some(template)
    });
    let mut templates: Vec<Template> = templates.collect();
    templates.sort_by_key(|template| (Reverse(template.level), Reverse(template.seen.count)));
    let tails = sources.iter().zip(0..=u16::MAX).map(|(source, number)| {
        let lines = recent.of(number);
        let kept = lines.len().min(options.last);
        let older = lines.len() - kept;
        Tail { of: source.lines, pieces: source.pieces, kept: kept as u64, lines: tail(lines.skip(older)) }
    });
    Digest {
        counts,
        first: sources.iter().filter_map(|source| source.first).min(),
        last: sources.iter().filter_map(|source| source.last).max(),
        errors: groups.into_iter().map(error).collect(),
        lost_errors,
        folded: templates.iter().map(folded).collect(),
        unfolded,
        tails: tails.collect(),
        lost: recent.lost(),
    }
}

fn error(group: Group) -> Error {
    let text = |block: &Block| Untrusted::block(block.bytes());
    Error {
        level: group.event.level,
        before: text(&group.event.before),
        text: text(&group.event.text),
        more: group.event.more,
        after: text(&group.after),
        seen: group.seen,
    }
}

fn folded(template: &Template) -> Folded {
    let cut = if template.cut { "…" } else { "" };
    let example = String::from_utf8_lossy(&template.example);
    let (level, seen) = (template.level, template.seen.clone());
    // A secret is recognised by what stands around it: a line that has one is shown as it is, and masked.
    if template.is_exact() || redact::redact(&example) != example {
        return Folded { level, seen, text: Untrusted::block(format!("{example}{cut}").as_bytes()), values: None };
    }
    let (mut text, mut values) = (Vec::new(), Vec::new());
    for (piece, varies) in template.pieces() {
        if varies {
            text.extend_from_slice(VARIES.as_bytes());
            if values.len() < VALUES {
                values.extend_from_slice(if values.is_empty() { b"" } else { b", " });
                values.extend_from_slice(piece.get(..piece.len().min(VALUES)).unwrap_or_default());
            }
        } else {
            text.extend_from_slice(piece);
        }
    }
    text.extend_from_slice(cut.as_bytes());
    let values = (!values.is_empty()).then(|| Untrusted::line_bytes(&values));
    Folded { level, seen, text: Untrusted::block(&text), values }
}

fn tail<'a>(lines: impl Iterator<Item = &'a Kept>) -> Vec<Untrusted> {
    let mut block = Block::default();
    for line in lines {
        block.push(&line.bytes, line.left);
    }
    // As a whole first: there are secrets of several lines.
    let joined = String::from_utf8_lossy(block.bytes());
    redact::redact(&joined).lines().map(|line| Untrusted::block(line.as_bytes())).collect()
}
