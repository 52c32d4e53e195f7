//! What hangs on an object, in lines.

use std::collections::BTreeSet;

use crate::graph::{Graph, Id, Tie};

/// How many of its pods are named.
const PODS_SHOWN: usize = 6;

/// What it is tied to, and what its own pods are tied to; where it runs and what owns it is said elsewhere.
pub fn related(graph: &Graph, id: &Id) -> Vec<String> {
    let mut own = BTreeSet::from([id]);
    // Twice is deep enough for the pods of a deployment.
    for _ in 0..2 {
        let below = graph.edges.iter().filter(|edge| edge.tie == Tie::Owns && own.contains(&edge.from));
        let below: Vec<&Id> = below.map(|edge| &edge.to).collect();
        own.extend(below);
    }
    let note = |id: &Id| match graph.nodes.iter().find(|node| node.id == *id) {
        Some(node) if node.missing => String::from(" IS NOT THERE"),
        Some(node) if !node.note.is_empty() => format!(" ({})", node.note),
        _ => String::new(),
    };
    let mut lines: Vec<String> = Vec::new();
    let (mut pods, mut add) = (0, |line: String| {
        if !lines.contains(&line) {
            lines.push(line);
        }
    });
    for edge in &graph.edges {
        let (from, to) = (own.contains(&edge.from), own.contains(&edge.to));
        let how = if edge.how.is_empty() { String::new() } else { format!(" [{}]", edge.how) };
        let other = |other: &Id| format!("{}{}", other.shown_from(id), note(other));
        match (edge.tie, from, to) {
            (Tie::Owns, true, _) => {
                pods += usize::from(edge.to.kind == "Pod");
                if pods <= PODS_SHOWN {
                    add(format!("owns {}", other(&edge.to)));
                }
            }
            (Tie::Owns, false, _) => {}
            (Tie::Runs, true, _) if edge.from != *id => {}
            (tie, true, false) => add(format!("{} {}{how}", tie.shown(), other(&edge.to))),
            (tie, false, true) => add(format!("{} {} it{how}", other(&edge.from), tie.shown())),
            _ => {}
        }
    }
    if pods > PODS_SHOWN {
        lines.push(format!("owns {} more pods", pods - PODS_SHOWN));
    }
    lines
}
