//! Causes that say the same of many objects, and the order of all.

use std::{cmp::Reverse, collections::BTreeMap};

use super::{Cause, Level, words};

/// The most other objects that are named.
const NAMED: usize = 4;

/// How many causes may be the same trouble of pods, or of jobs, that nobody made.
const ALONE: usize = 4;

/// Makes one of causes that say the same of more than `most` objects of a kind.
pub fn fold(causes: Vec<Cause>, most: usize) -> Vec<Cause> {
    let mut same: BTreeMap<(Level, String, String), Vec<Cause>> = BTreeMap::new();
    for cause in causes {
        same.entry((cause.level, cause.kind.clone(), gist(&cause))).or_default().push(cause);
    }
    let mut folded = Vec::new();
    for (_, mut alike) in same {
        if alike.len() <= most {
            folded.extend(alike);
            continue;
        }
        alike.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
        let all = alike.len();
        let affected = alike.iter().fold(0_u64, |all, one| all.saturating_add(one.affected));
        let mut alike = alike.into_iter();
        let Some(mut first) = alike.next() else { continue };
        let others: Vec<String> =
            alike
                .take(NAMED)
                .map(|one| {
                    if one.namespace == first.namespace { one.name } else { format!("{}/{}", one.namespace, one.name) }
                })
                .collect();
        let more = all.saturating_sub(1).saturating_sub(others.len());
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        // How many, and who else, is said of all of them.
        first.facts.retain(|fact| !fact.starts_with('×') && !fact.starts_with("also "));
        let also = words::brief(&format!("also {}{more}", others.join(", ")));
        let sum = if affected > all as u64 { format!(": {affected} in all") } else { String::new() };
        first.facts.push(format!("{also}{sum}"));
        first.affected = affected;
        folded.push(first);
    }
    folded
}

/// What is the same: the reason without its time, and the first word of what else is known.
fn gist(cause: &Cause) -> String {
    let reason = match cause.reason.strip_suffix(" ago").and_then(|reason| reason.split_once(' ')) {
        Some((reason, _)) => reason,
        None => cause.reason.split(" for ").next().unwrap_or_default(),
    };
    let fact = cause.facts.first().filter(|fact| !fact.contains(' ')).map_or("", String::as_str);
    format!("{reason} {fact}")
}

/// The worst first, then what the whole cluster stands on, then by how much is affected, then by name. Notes that say
/// the same are one.
pub fn rank(causes: Vec<Cause>) -> Vec<Cause> {
    let (notes, causes): (Vec<Cause>, Vec<Cause>) = causes.into_iter().partition(|cause| cause.level == Level::Note);
    let is_alone = |cause: &Cause| matches!(cause.kind.as_str(), "pod" | "job");
    let (alone, mut ranked): (Vec<Cause>, Vec<Cause>) = causes.into_iter().partition(is_alone);
    ranked.extend(fold(alone, ALONE));
    ranked.extend(fold(notes, 2));
    ranked.sort_by(|a, b| {
        let of = |cause: &Cause| (Reverse(cause.level), !is_foundation(&cause.kind), Reverse(cause.affected));
        of(a).cmp(&of(b)).then_with(|| (&a.namespace, &a.kind, &a.name).cmp(&(&b.namespace, &b.kind, &b.name)))
    });
    ranked
}

fn is_foundation(kind: &str) -> bool {
    matches!(kind, "node" | "apiservice" | "webhook") || kind.ends_with("webhookconfiguration")
}
