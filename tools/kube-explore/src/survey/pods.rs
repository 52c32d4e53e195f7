//! Pods, and the nodes they are on.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, PoisonError},
};

use super::{Looking, Part};
use crate::{
    health::{Level, columns, finding::Pod, group::Groups, node, pod},
    kinds,
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
            part.unread.push(crate::unread::Unread::new(
                &format!("{others} more pods that are not well"),
                "too many kinds of trouble",
            ));
        }
        // Those on a lost node are explained.
        let asked = groups.iter().filter(|group| group.lost.is_empty() && !group.stem.is_empty()).take(MOST);
        let asked: Vec<_> = asked.map(|group| (group.namespace.clone(), group.oldest.clone())).collect();
        let known: BTreeSet<_> = asked.iter().cloned().collect();
        let mut looked: BTreeMap<(String, String), Option<Pod>> = self
            .whole(&kinds::pods(), asked, &mut part.unread)
            .await
            .into_iter()
            .map(|(namespace, name, object)| ((namespace, name), object.map(|object| pod::look(&object, now))))
            .collect();
        for group in groups {
            let key = (group.namespace.clone(), group.oldest.clone());
            match looked.remove(&key) {
                Some(found) => part.seen.groups.push((group, found)),
                // It went while it was looked for, and nobody else is like it.
                None if known.contains(&key) && group.count == 1 => {}
                None => part.seen.groups.push((group, None)),
            }
        }
        part.seen.nodes = nodes;
        part
    }
}
