//! Which things are tied to which.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{Edge, Id, Owner, Refers, Thing, Tie, ports, rights::Whom};

/// Kinds without a namespace that own things in one.
const WIDE: [&str; 3] = ["Node", "Namespace", "PersistentVolume"];

/// The ties between two things, as they are found.
type Found = BTreeMap<(Id, Id, Tie), BTreeSet<String>>;

fn add(edges: &mut Found, from: &Id, to: &Id, tie: Tie, how: &str) {
    let hows = edges.entry((from.clone(), to.clone(), tie)).or_default();
    if !how.is_empty() {
        hows.insert(how.to_owned());
    }
}

/// Every tie between things.
pub fn tie(things: &[Thing], known: &HashMap<&Id, &Thing>) -> Vec<Edge> {
    let mut edges = Found::new();
    let of_kind = |kind: &'static str| move |thing: &&Thing| thing.id.is(kind);
    for thing in things {
        for id in thing.owners.iter().filter_map(|owner| owned_by(owner, thing, known)) {
            add(&mut edges, &id, &thing.id, Tie::Owns, "");
        }
        for Refers { to, tie, how, key, port } in &thing.refers {
            let end = known.get(to);
            let keys = end.and_then(|thing| thing.keys.as_ref());
            let ports = end.map_or(&[][..], |thing| &thing.ports);
            match (key, port) {
                (_, Some(port)) if !ports::have(ports, port) => {
                    add(&mut edges, &thing.id, to, *tie, &ports::none(how));
                }
                (Some(key), _) if keys.is_some_and(|keys| !keys.contains(key)) => {
                    add(&mut edges, &thing.id, to, *tie, &format!("{how}: key {key} {NO_KEY}"));
                }
                _ => add(&mut edges, &thing.id, to, *tie, how),
            }
        }
        for whom in &thing.grants {
            // It may be of another namespace.
            if let Whom::One(account, how) = whom {
                add(&mut edges, &thing.id, account, Tie::Grants, how);
            }
        }
        for account in things.iter().filter(of_kind("ServiceAccount")).filter(|_| !thing.grants.is_empty()) {
            for how in thing.grants.iter().filter_map(|whom| whom.means(&account.id)) {
                add(&mut edges, &thing.id, &account.id, Tie::Grants, how);
            }
        }
        if let Some((_, tie)) = &thing.selects {
            for pod in things.iter().filter(of_kind("Pod")).filter(|pod| !pod.ended && selects(thing, pod)) {
                add(&mut edges, &thing.id, &pod.id, *tie, "");
                for how in ports::hows(&thing.ports, &pod.named) {
                    add(&mut edges, &thing.id, &pod.id, *tie, &how);
                }
                if *tie == Tie::Routes && pod.unready && !thing.sends_anyway {
                    add(&mut edges, &thing.id, &pod.id, *tie, UNREADY);
                }
            }
        }
    }
    let edge = |((from, to, tie), hows): ((Id, Id, Tie), BTreeSet<String>)| {
        // What is not as it should be is not left out.
        let mut hows: Vec<String> = hows.into_iter().collect();
        hows.sort_by_key(|how| !is_bad(how));
        let bad = hows.iter().any(|how| is_bad(how));
        let between = if hows.iter().any(|how| how.contains(", ")) { "; " } else { ", " };
        let mut how = hows.iter().take(3).cloned().collect::<Vec<_>>().join(between);
        if hows.len() > 3 {
            how.push_str(&format!(" and {} more", hows.len() - 3));
        }
        Edge { from, to, tie, how, bad }
    };
    edges.into_iter().map(edge).collect()
}

/// What is said of a key that is not there.
const NO_KEY: &str = "IS NOT THERE";
/// What is said of a pod that gets no traffic.
const UNREADY: &str = "not ready: gets nothing";

/// Whether it leads to nothing.
fn is_bad(how: &str) -> bool {
    how.ends_with(NO_KEY) || how == UNREADY || ports::is_bad(how)
}

/// Whether `thing` selects `pod`.
pub fn selects(thing: &Thing, pod: &Thing) -> bool {
    pod.id.namespace == thing.id.namespace
        && thing.selects.as_ref().is_some_and(|(selector, _)| selector.matches(&pod.labels))
}

/// Which object an owner reference means, unless the one of that name is another: names are given again, and kinds have the same name in other
/// groups.
fn owned_by(owner: &Owner, thing: &Thing, known: &HashMap<&Id, &Thing>) -> Option<Id> {
    // An owner is in the same namespace, or in none.
    let near = Id::new(&owner.kind, &thing.id.namespace, &owner.name).of_group(&owner.group);
    let wide = Id::new(&owner.kind, "", &owner.name).of_group(&owner.group);
    let id = if known.contains_key(&wide) || WIDE.contains(&owner.kind.as_str()) { wide } else { near };
    let other =
        known.get(&id).is_some_and(|found| !found.uid.is_empty() && !owner.uid.is_empty() && found.uid != owner.uid);
    (!other).then_some(id)
}
