//! Pods, and the nodes they are on.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, PoisonError},
};

use super::{Looking, Part};
use crate::{
    health::{
        Level,
        apart::{Looked, apart, of_one},
        columns,
        finding::Pod,
        group::{self, Group, Groups},
        node, pod,
    },
    kinds,
    unread::Unread,
};

/// The most pods that are read whole.
const MOST: usize = 60;

impl Looking<'_> {
    pub(super) async fn pods(&self) -> Part {
        let mut part = Part::default();
        // First the nodes: on those that are lost, a pod's row looks as it did before.
        let now = self.now;
        let nodes = self.objects(kinds::nodes(), |object| node::judge(&object, now)).await;
        let (nodes, seen) = part.took(nodes, self.namespace.is_none());
        let lost: BTreeSet<&str> = nodes.iter().filter(|node| node.lost).map(|node| node.cause.name.as_str()).collect();
        let bad = nodes.iter().filter(|node| node.cause.level > Level::Note).count() as u64;
        if self.namespace.is_none() {
            part.fine.push(("nodes", seen.saturating_sub(bad)));
        }
        let groups = Mutex::new(Groups::default());
        let rows = self.rows(kinds::pods(), |columns, row, namespace| {
            let row = columns::pod(columns, row, namespace, &|node| lost.contains(node))?;
            Some(groups.lock().unwrap_or_else(PoisonError::into_inner).see(row))
        });
        let (members, seen) = part.took(rows.await, true);
        part.fine.push(("pods", seen.saturating_sub(members.len() as u64)));
        let (groups, others) = groups.into_inner().unwrap_or_else(PoisonError::into_inner).of(&members);
        if others > 0 {
            part.unread
                .push(Unread::new(&format!("{others} more pods that are not well"), "too many kinds of trouble"));
        }
        part.seen.groups = self.looked(groups, &mut part.unread).await;
        part.seen.nodes = nodes;
        part
    }
    /// Looks at some pods of each group: at more where those that were looked at do not speak for the others.
    async fn looked(&self, groups: Vec<Group>, unread: &mut Vec<Unread>) -> Vec<(Group, Option<Pod>)> {
        // Those on a lost node are explained, and of those nobody can tell apart there are too many.
        let (asked, explained): (Vec<Group>, Vec<Group>) =
            groups.into_iter().partition(|group| group.lost.is_empty() && !group.stem.is_empty());
        let taken = group::sample(&asked.iter().collect::<Vec<_>>(), MOST);
        let mut left = MOST.saturating_sub(taken.iter().sum());
        let first: Vec<(usize, &(String, i64))> =
            taken.iter().enumerate().flat_map(|(at, taken)| of(&asked, at, 0).take(*taken)).collect();
        let mut looked: Vec<(Vec<Looked>, u64)> = asked.iter().map(|_| Default::default()).collect();
        self.look(&asked, first, &mut looked, unread).await;
        let mut more = Vec::new();
        let unlike = |at: &usize| looked.get(*at).is_some_and(|(looked, _)| !looked.is_empty() && !of_one(looked));
        let unlike: Vec<usize> = (0..asked.len()).filter(unlike).collect();
        // A little of each, for as long as there is something left.
        for round in 0..MOST {
            for at in &unlike {
                let next = of(&asked, *at, taken.get(*at).copied().unwrap_or_default()).nth(round);
                if let Some(next) = next.filter(|_| left > 0) {
                    more.push(next);
                    left -= 1;
                }
            }
        }
        self.look(&asked, more, &mut looked, unread).await;
        let mut all: Vec<_> = explained.into_iter().map(|group| (group, None)).collect();
        for (group, (looked, gone)) in asked.into_iter().zip(looked) {
            all.extend(apart(group, looked, gone));
        }
        all
    }

    async fn look(
        &self,
        groups: &[Group],
        asked: Vec<(usize, &(String, i64))>,
        looked: &mut [(Vec<Looked>, u64)],
        unread: &mut Vec<Unread>,
    ) {
        let mut places: BTreeMap<(String, String), (usize, i64)> = BTreeMap::new();
        let mut names = Vec::new();
        for (at, (name, age)) in asked {
            let Some(group) = groups.get(at) else { continue };
            let key = (group.namespace.clone(), name.clone());
            if places.insert(key.clone(), (at, *age)).is_none() {
                names.push(key);
            }
        }
        for (namespace, name, object) in self.whole(&kinds::pods(), names, unread).await {
            if let Some((at, age)) = places.remove(&(namespace, name.clone()))
                && let Some((looked, _)) = looked.get_mut(at)
            {
                looked.push((name, age, object.map(|object| pod::look(&object, self.now))));
            }
        }
        for (at, _) in places.into_values() {
            if let Some((_, gone)) = looked.get_mut(at) {
                *gone = gone.saturating_add(1);
            }
        }
    }
}

/// Those that are known of a group, but for the first.
fn of(groups: &[Group], at: usize, but: usize) -> impl Iterator<Item = (usize, &(String, i64))> {
    groups.get(at).into_iter().flat_map(|group| &group.some).skip(but).map(move |one| (at, one))
}
