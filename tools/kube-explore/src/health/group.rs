//! Pods that are alike: of one maker, with one status. One of them is looked at for all, and all are counted.

use std::collections::{BTreeMap, btree_map::Entry};

use super::{columns::PodRow, finding::STARTING};

/// The most groups that are told apart; pods that would be in others are counted by namespace and status.
const MOST: usize = 1_000;

/// Pods that are alike.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Group {
    /// Their namespace.
    pub namespace: String,
    /// What their names have in common; the name of one that has nothing in common with others. Empty where nobody can tell whose they are.
    pub stem: String,
    /// Their status, as kubectl prints it.
    pub status: String,
    /// The lost node they are on; empty for others.
    pub lost: String,
    /// How many.
    pub count: u64,
    /// How many of them had time to start.
    pub settled: u64,
    /// The oldest of them.
    pub oldest: String,
    /// Its age in seconds.
    pub age: i64,
}

/// A pod of a group: all that is kept of each, however many there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    group: Option<u32>,
    settled: bool,
}

/// Groups while rows come in.
#[derive(Debug, Default)]
pub struct Groups {
    /// By namespace, stem, status and lost node.
    places: BTreeMap<(String, String, String, String), u32>,
    /// The oldest of each, with its age.
    oldest: Vec<(String, i64)>,
}

impl Groups {
    /// Finds the group of a row. A row that is seen twice changes nothing: who is in a group is counted in the end.
    pub fn see(&mut self, row: PodRow) -> Member {
        let settled = row.age >= STARTING;
        let mut key = (row.namespace, stem(&row.name).to_owned(), row.status, row.lost);
        if self.oldest.len() >= MOST && !self.places.contains_key(&key) {
            key.1 = String::new();
        }
        let next = u32::try_from(self.oldest.len()).ok().filter(|_| self.oldest.len() < 2 * MOST);
        let group = match self.places.entry(key) {
            Entry::Occupied(place) => Some(*place.get()),
            Entry::Vacant(free) => next.map(|next| {
                self.oldest.push((row.name.clone(), row.age));
                *free.insert(next)
            }),
        };
        let oldest = group.and_then(|group| self.oldest.get_mut(usize::try_from(group).ok()?));
        if let Some((name, age)) = oldest
            && (row.age > *age || (row.age == *age && row.name < *name))
        {
            (*name, *age) = (row.name, row.age);
        }
        Member { group, settled }
    }

    /// The groups of these pods: the largest first, then by name. The second is how many are in none, because there are too many groups.
    pub fn of(self, members: &[Member]) -> (Vec<Group>, u64) {
        let mut counts = vec![(0_u64, 0_u64); self.oldest.len()];
        let mut others = 0;
        for member in members {
            let group = member.group.and_then(|group| counts.get_mut(usize::try_from(group).ok()?));
            match group {
                Some((count, settled)) => {
                    *count += 1;
                    *settled += u64::from(member.settled);
                }
                None => others += 1,
            }
        }
        let mut oldest = self.oldest;
        let mut groups: Vec<Group> = Vec::with_capacity(oldest.len());
        for ((namespace, stem, status, lost), place) in self.places {
            let Ok(at) = usize::try_from(place) else { continue };
            let (Some((count, settled)), Some(oldest)) = (counts.get(at).copied(), oldest.get_mut(at)) else {
                continue;
            };
            // None, where a list was read anew.
            if count > 0 {
                let (oldest, age) = std::mem::take(oldest);
                groups.push(Group { namespace, stem, status, lost, count, settled, oldest, age });
            }
        }
        groups.sort_by(|a, b| {
            b.count.cmp(&a.count).then_with(|| (&a.namespace, &a.oldest).cmp(&(&b.namespace, &b.oldest)))
        });
        (groups, others)
    }
}

/// The name of what made a pod, where its name was made of it: controllers append `-` and a word.
pub fn stem(name: &str) -> &str {
    match name.rsplit_once('-') {
        Some((stem, _)) if !stem.is_empty() => stem,
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, status: &str, age: i64) -> PodRow {
        PodRow { namespace: "a".into(), name: name.into(), status: status.into(), age, lost: String::new() }
    }

    fn grouped(rows: Vec<PodRow>) -> (Vec<Group>, u64) {
        let mut groups = Groups::default();
        // As when a list is begun anew.
        groups.see(row("gone-a", "Error", 5));
        let members: Vec<Member> = rows.into_iter().map(|row| groups.see(row)).collect();
        groups.of(&members)
    }

    #[test]
    fn the_alike_are_counted_together() {
        let rows = vec![
            row("solo", "Error", 9),
            row("web-5f-b", "CrashLoopBackOff", 50),
            row("web-5f-a", "CrashLoopBackOff", 90),
            row("web-5f-c", "CrashLoopBackOff", 5),
            row("web-5f-d", "Running", 70),
        ];
        let (groups, others) = grouped(rows);
        let told: Vec<_> = groups.iter().map(|g| (g.stem.as_str(), g.count, g.settled, g.oldest.as_str())).collect();
        assert_eq!(told, [("web-5f", 3, 2, "web-5f-a"), ("solo", 1, 0, "solo"), ("web-5f", 1, 1, "web-5f-d")]);
        assert_eq!(others, 0);
    }

    #[test]
    fn there_is_an_end_of_groups() {
        let (groups, others) = grouped((0..MOST as i64 + 7).map(|n| row(&format!("p{n}"), "Error", n)).collect());
        assert_eq!((groups.len(), others), (MOST, 0));
        assert_eq!((groups[0].stem.as_str(), groups[0].count), ("", 8));
        let (groups, others) = grouped((0..MOST as i64 * 3).map(|n| row("p", &format!("s{n}"), n)).collect());
        assert_eq!((groups.len() as u64, others), (MOST as u64 * 2 - 1, MOST as u64 + 1));
    }
}
