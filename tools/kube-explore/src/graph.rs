//! What hangs together: objects as nodes, and what ties them as edges.
//!
//! [`facts`] reads of each object what it owns, selects and refers to; this module ties the ends and walks from one object as far as its relations say
//! something about it: up to who owns it, down to what it owns, and around to what routes to it, what it needs, what guards it. It does not
//! go through what everything shares (a node, a service account, a config map): that would be the whole cluster.

pub mod draw;
pub mod facts;
pub mod note;
mod ports;
mod rights;
mod selector;
pub mod state;
#[cfg(test)]
mod tests;
mod tie;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

pub use facts::{Owner, Refers, Thing};
pub use rights::Whom;
use serde_json::Value;

use crate::field::text;

/// The most objects of a graph that is drawn.
pub const NODES_MAX: usize = 150;

/// Built-in kinds whose names others give to theirs.
const BUILT_IN: [&str; 18] = [
    "Pod",
    "Deployment",
    "ReplicaSet",
    "StatefulSet",
    "DaemonSet",
    "Job",
    "CronJob",
    "Service",
    "Ingress",
    "NetworkPolicy",
    "ConfigMap",
    "Secret",
    "ServiceAccount",
    "Role",
    "RoleBinding",
    "Node",
    "Namespace",
    "Event",
];

/// The group in an `apiVersion`, if it is not one of the API server's own.
pub fn foreign(api_version: &str) -> &str {
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    let own = !group.contains('.') || group.ends_with(".k8s.io") && !group.ends_with(".x-k8s.io");
    if own { "" } else { group }
}

/// Which object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id {
    /// `Deployment`.
    pub kind: String,
    /// The group of the kind, of one that is not built in: others give their kinds the same names.
    pub group: String,
    /// Empty for cluster-wide kinds.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl Id {
    /// An object.
    pub fn new(kind: &str, namespace: &str, name: &str) -> Self {
        Self { kind: kind.to_owned(), group: String::new(), namespace: namespace.to_owned(), name: name.to_owned() }
    }

    /// Which one `object` is.
    pub fn of(object: &Value) -> Self {
        let id = Self::new(text(object, "/kind"), text(object, "/metadata/namespace"), text(object, "/metadata/name"));
        id.of_group(foreign(text(object, "/apiVersion")))
    }

    /// The same, of a kind of this group.
    #[must_use]
    pub fn of_group(self, group: &str) -> Self {
        Self { group: group.to_owned(), ..self }
    }

    /// Whether it is of this built-in kind.
    pub fn is(&self, kind: &str) -> bool {
        self.group.is_empty() && self.kind == kind
    }

    /// `deployment/web`; with the group where a built-in kind has the same name.
    pub fn shown(&self) -> String {
        let kind = self.kind.to_lowercase();
        if !self.group.is_empty() && BUILT_IN.contains(&self.kind.as_str()) {
            return format!("{kind}.{}/{}", self.group, self.name);
        }
        format!("{kind}/{}", self.name)
    }

    /// The same, with its namespace where that is not the one of `near`.
    pub fn shown_from(&self, near: &Self) -> String {
        if self.namespace.is_empty() || self.namespace == near.namespace {
            return self.shown();
        }
        format!("{} in {}", self.shown(), self.namespace)
    }
}

/// What ties two objects, from the one that says so to the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tie {
    /// It made it, and takes it along when it goes.
    Owns,
    /// It sends traffic to it.
    Routes,
    /// It reads it: a config map, a secret, a claim, an account.
    Uses,
    /// It says how many of it there are: an autoscaler.
    Scales,
    /// It says how many of them may go: a disruption budget.
    Guards,
    /// It says what may be sent to it and from it: a network policy.
    Filters,
    /// It runs there.
    Runs,
    /// It gives it rights.
    Grants,
}

impl Tie {
    /// In a word, for an edge.
    pub fn shown(self) -> &'static str {
        match self {
            Self::Owns => "owns",
            Self::Routes => "routes to",
            Self::Uses => "uses",
            Self::Scales => "scales",
            Self::Guards => "guards",
            Self::Filters => "filters",
            Self::Runs => "runs on",
            Self::Grants => "grants",
        }
    }
}

/// A tie between two objects.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edge {
    /// Who says so.
    pub from: Id,
    /// Of whom.
    pub to: Id,
    /// What ties them.
    pub tie: Tie,
    /// How, where that says more: `env DB_URL`, `80 → 8080`.
    pub how: String,
    /// Whether it leads to nothing: a port or a key is not there.
    pub bad: bool,
}

/// An object in a graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Which.
    pub id: Id,
    /// How it is, in a few words of the cluster; what is not there says so.
    pub note: String,
    /// Whether something refers to it and it is not there.
    pub missing: bool,
    /// Whether it is not as it should be.
    pub bad: bool,
}

/// A part of a cluster around one object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Graph {
    /// Its objects; the one it is about comes first.
    pub nodes: Vec<Node>,
    /// Its ties.
    pub edges: Vec<Edge>,
    /// Objects that are left out because there are too many.
    pub left_out: usize,
}

/// Ties things to a graph around `target`, no further than `depth` steps. `looked` are the kinds that were read: of those, what is not among the
/// things is known to be missing.
pub fn build(target: &Id, things: &[Thing], looked: &BTreeSet<String>, depth: usize) -> Graph {
    let known: HashMap<&Id, &Thing> = things.iter().map(|thing| (&thing.id, thing)).collect();
    let edges = tie::tie(things, &known);
    let mut around: BTreeMap<&Id, Vec<&Edge>> = BTreeMap::new();
    for edge in &edges {
        around.entry(&edge.from).or_default().push(edge);
        around.entry(&edge.to).or_default().push(edge);
    }

    let mut reached: Vec<&Id> = vec![target];
    let mut seen: BTreeSet<&Id> = BTreeSet::from([target]);
    let mut taken: BTreeSet<&Edge> = BTreeSet::new();
    let mut queue: VecDeque<(&Id, usize)> = VecDeque::from([(target, 0)]);
    while let Some((id, steps)) = queue.pop_front() {
        for edge in around.get(id).into_iter().flatten() {
            let outward = edge.from == *id;
            let other = if outward { &edge.to } else { &edge.from };
            if !leads(id, target, edge.tie, outward, steps) || steps >= depth {
                // What both ends of are in the graph belongs to it all the same.
                if seen.contains(other) {
                    taken.insert(edge);
                }
                continue;
            }
            taken.insert(edge);
            if seen.insert(other) {
                reached.push(other);
                queue.push_back((other, steps + 1));
            }
        }
    }

    let left_out = reached.len().saturating_sub(NODES_MAX);
    reached.truncate(NODES_MAX);
    let shown: BTreeSet<&Id> = reached.iter().copied().collect();
    let sends = |id: &Id| edges.iter().any(|edge| edge.tie == Tie::Routes && edge.from == *id);
    let node = |id: &&Id| match known.get(id) {
        Some(thing) if thing.selects.as_ref().is_some_and(|(_, tie)| *tie == Tie::Routes) && !sends(id) => {
            let ended = things.iter().filter(|pod| pod.ended && tie::selects(thing, pod)).count();
            let selects = match (looked.contains("Pod"), ended) {
                (false, _) => String::new(),
                (true, 0) => String::from(", selects no pod"),
                (true, ended) => format!(", selects no pod that runs: {ended} ended"),
            };
            let note = format!("{}{selects}", thing.note);
            let bad = thing.bad || !selects.is_empty();
            Node { id: (*id).clone(), note: note.trim_start_matches(", ").to_owned(), missing: false, bad }
        }
        Some(thing) => Node { id: (*id).clone(), note: thing.note.clone(), missing: false, bad: thing.bad },
        None => {
            // What is in another namespace was not looked for.
            let missing = id.group.is_empty() && looked.contains(&id.kind) && id.namespace == target.namespace;
            let note = String::from(if missing { "is not there" } else { "" });
            Node { id: (*id).clone(), note, missing, bad: false }
        }
    };
    let nodes = reached.iter().map(node).collect();
    let kept = taken.into_iter().filter(|edge| shown.contains(&edge.from) && shown.contains(&edge.to));
    Graph { nodes, edges: kept.cloned().collect(), left_out }
}

/// Whether the walk goes on from `id` along a tie.
fn leads(id: &Id, target: &Id, tie: Tie, outward: bool, steps: usize) -> bool {
    let first = steps == 0;
    match (tie, outward) {
        // Up from anything; down from the object itself, and from what it owns.
        (Tie::Owns, false) => true,
        (Tie::Owns, true) => first || !is_above(id, target),
        // To a service from what sends to it, and from it to what it sends to; a pod is sent to by services only.
        (Tie::Routes, _) => true,
        // What all the pods of a node use is not about the node.
        (Tie::Uses, true) => first || !target.is("Node"),
        // A service is used by its endpoints; everything else is used by too many.
        (Tie::Uses, false) => first || id.is("Service"),
        (Tie::Scales | Tie::Guards | Tie::Filters, false) => true,
        (Tie::Scales | Tie::Guards | Tie::Filters, true) => first,
        // Of an account its rights, and of rights who has them if that was asked for.
        (Tie::Grants, true) => first || target.is("Role") || target.is("ClusterRole"),
        (Tie::Runs, true) => true,
        (Tie::Runs, false) => first,
        (Tie::Grants, false) => id.is("ServiceAccount"),
    }
}

/// Whether `id` is one that owns the target sooner than one that belongs to it: its other children are not what was asked for.
fn is_above(id: &Id, target: &Id) -> bool {
    let rank = |id: &Id| match id.kind.as_str() {
        _ if !id.group.is_empty() => 3,
        "Pod" => 0,
        "ReplicaSet" | "Job" => 1,
        "Deployment" | "StatefulSet" | "DaemonSet" | "CronJob" => 2,
        _ => 3,
    };
    rank(id) > rank(target)
}
