//! What hangs together: objects as nodes, and what ties them as edges.
//!
//! [`facts`] reads of each object what it owns, selects and refers to; this module ties the ends and walks from one object as far as its relations say
//! something about it: up to who owns it, down to what it owns, and around to what routes to it, what it needs, what guards it. It does not
//! go through what everything shares (a node, a service account, a config map): that would be the whole cluster.

pub mod draw;
pub mod facts;
pub mod note;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

pub use facts::{Refers, Thing};

/// The most objects of a graph that is drawn.
pub const NODES_MAX: usize = 150;

/// Which object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id {
    /// `Deployment`.
    pub kind: String,
    /// Empty for cluster-wide kinds.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl Id {
    /// An object.
    pub fn new(kind: &str, namespace: &str, name: &str) -> Self {
        Self { kind: kind.to_owned(), namespace: namespace.to_owned(), name: name.to_owned() }
    }

    /// `deployment/web`.
    pub fn shown(&self) -> String {
        format!("{}/{}", self.kind.to_lowercase(), self.name)
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
    /// It decides about it: an autoscaler, a disruption budget, a network policy.
    Guards,
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
            Self::Guards => "guards",
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
    let edges = tie(things, &known);
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
            let note =
                if looked.contains("Pod") { format!("{}, selects no pod", thing.note) } else { thing.note.clone() };
            Node { id: (*id).clone(), note: note.trim_start_matches(", ").to_owned(), missing: false }
        }
        Some(thing) => Node { id: (*id).clone(), note: thing.note.clone(), missing: false },
        None => {
            let missing = looked.contains(&id.kind);
            Node { id: (*id).clone(), note: String::from(if missing { "is not there" } else { "" }), missing }
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
        (Tie::Uses | Tie::Grants, true) => first || target.kind != "Node",
        // A service is used by its endpoints; everything else is used by too many.
        (Tie::Uses, false) => first || id.kind == "Service",
        (Tie::Guards, false) => true,
        (Tie::Guards, true) => first,
        (Tie::Runs, true) => true,
        (Tie::Runs, false) => first,
        // Of an account its rights; of rights not everybody who has them.
        (Tie::Grants, false) => id.kind == "ServiceAccount",
    }
}

/// Whether `id` is one that owns the target sooner than one that belongs to it: its other children are not what was asked for.
fn is_above(id: &Id, target: &Id) -> bool {
    let rank = |kind: &str| match kind {
        "Pod" => 0,
        "ReplicaSet" | "Job" => 1,
        "Deployment" | "StatefulSet" | "DaemonSet" | "CronJob" => 2,
        _ => 3,
    };
    rank(&id.kind) > rank(&target.kind)
}

/// Every tie between things.
fn tie(things: &[Thing], known: &HashMap<&Id, &Thing>) -> Vec<Edge> {
    let mut edges: BTreeMap<(Id, Id, Tie), BTreeSet<String>> = BTreeMap::new();
    let mut add = |from: &Id, to: &Id, tie: Tie, how: &str| {
        let hows = edges.entry((from.clone(), to.clone(), tie)).or_default();
        if !how.is_empty() {
            hows.insert(how.to_owned());
        }
    };
    for thing in things {
        for owner in &thing.owners {
            // An owner is in the same namespace, or in none.
            let near = Id::new(&owner.kind, &thing.id.namespace, &owner.name);
            let wide = Id::new(&owner.kind, "", &owner.name);
            add(if known.contains_key(&wide) { &wide } else { &near }, &thing.id, Tie::Owns, "");
        }
        for Refers { to, tie, how } in &thing.refers {
            add(&thing.id, to, *tie, how);
        }
        if let Some((selector, tie)) = &thing.selects {
            let pods = things.iter().filter(|other| other.id.kind == "Pod" && other.id.namespace == thing.id.namespace);
            for pod in pods.filter(|pod| selector.matches(&pod.labels)) {
                add(&thing.id, &pod.id, *tie, &thing.how);
            }
        }
    }
    let edge = |((from, to, tie), hows): ((Id, Id, Tie), BTreeSet<String>)| {
        let mut how = hows.iter().take(3).cloned().collect::<Vec<_>>().join(", ");
        if hows.len() > 3 {
            how.push_str(&format!(" and {} more", hows.len() - 3));
        }
        Edge { from, to, tie, how }
    };
    edges.into_iter().map(edge).collect()
}
