//! What could not be looked at, and why: listed in every answer, because it is not the same as nothing there.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;
use shared::{Text, Untrusted};

/// The most names of one reason that are written out.
const NAMED: usize = 6;

/// A source that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct Unread {
    /// What: a kind, a namespace, a group.
    pub what: Untrusted,
    /// Why not.
    pub why: Untrusted,
}

impl Unread {
    /// A source and the reason.
    pub fn new(what: &str, why: &str) -> Self {
        Self { what: Untrusted::line(what), why: Untrusted::line(why) }
    }
}

/// Writes them: a line for each reason, with what it holds for.
pub fn write(unread: &[Unread], text: &mut Text<'_>) {
    let mut reasons: BTreeMap<&Untrusted, Vec<&Untrusted>> = BTreeMap::new();
    for one in unread {
        let names = reasons.entry(&one.why).or_default();
        if !names.contains(&&one.what) {
            names.push(&one.what);
        }
    }
    if reasons.is_empty() {
        return;
    }
    text.line("could not look at:");
    for (why, names) in reasons {
        text.framed(|inside| {
            let shown: Vec<&str> = names.iter().take(NAMED).map(|name| name.inside(inside)).collect();
            let more = names.len().saturating_sub(NAMED);
            let tail = if more > 0 { format!(" and {more} more") } else { String::new() };
            format!("{}{tail}: {}", shown.join(", "), why.inside(inside))
        });
    }
}
