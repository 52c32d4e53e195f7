//! Pods that are alike: of one maker, with one status. One of them is looked at for all, and all are counted.

use std::collections::{BTreeMap, btree_map::Entry};

use super::{columns::PodRow, finding::STARTING};

/// The most groups that are told apart.
const MOST: usize = 5_000;

/// Pods that are alike.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Group {
    /// Their namespace.
    pub namespace: String,
    /// What their names have in common; the name of one that has nothing in common with others.
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

/// Brings rows into groups: the largest first, then by name. The second is how many pods are in none, because there are too many groups.
pub fn groups(rows: Vec<PodRow>) -> (Vec<Group>, u64) {
    let mut all: BTreeMap<(String, String, String, String), Group> = BTreeMap::new();
    let mut others = 0;
    for row in rows {
        let key = (row.namespace, stem(&row.name).to_owned(), row.status, row.lost);
        let full = all.len() >= MOST;
        let group = match all.entry(key) {
            Entry::Occupied(group) => group.into_mut(),
            Entry::Vacant(_) if full => {
                others += 1;
                continue;
            }
            Entry::Vacant(free) => {
                let (namespace, stem, status, lost) = free.key().clone();
                free.insert(Group { namespace, stem, status, lost, age: -1, ..Group::default() })
            }
        };
        group.count += 1;
        group.settled += u64::from(row.age >= STARTING);
        if row.age > group.age || (row.age == group.age && row.name < group.oldest) {
            (group.age, group.oldest) = (row.age, row.name);
        }
    }
    let mut all: Vec<Group> = all.into_values().collect();
    all.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| (&a.namespace, &a.oldest).cmp(&(&b.namespace, &b.oldest))));
    (all, others)
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

    #[test]
    fn the_alike_are_counted_together() {
        let rows = vec![
            row("solo", "Error", 9),
            row("web-5f-b", "CrashLoopBackOff", 50),
            row("web-5f-a", "CrashLoopBackOff", 90),
            row("web-5f-c", "CrashLoopBackOff", 5),
            row("web-5f-d", "Running", 70),
        ];
        let (groups, others) = groups(rows);
        let told: Vec<_> = groups.iter().map(|g| (g.stem.as_str(), g.count, g.settled, g.oldest.as_str())).collect();
        assert_eq!(told, [("web-5f", 3, 2, "web-5f-a"), ("solo", 1, 0, "solo"), ("web-5f", 1, 1, "web-5f-d")]);
        assert_eq!(others, 0);
    }

    #[test]
    fn there_is_an_end_of_groups() {
        let (groups, others) = groups((0..MOST as i64 + 7).map(|n| row(&format!("p{n}"), "Error", n)).collect());
        assert_eq!((groups.len(), others), (MOST, 7));
    }
}
