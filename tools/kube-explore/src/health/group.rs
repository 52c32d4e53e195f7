//! Pods that look alike by their rows: their names have a beginning in common, and they have one status. Some of each are looked at, and all are
//! counted. Whether those that were looked at may speak for the others is up to [`apart`](super::apart).

use std::collections::{BTreeMap, btree_map::Entry};

use super::{
    columns::{PodRow, Sign},
    finding::STARTING,
};

/// The most groups that are told apart; pods that would be in others are counted by namespace and status.
const MOST: usize = 1_000;
/// The most names of one group that are kept besides those of its oldest and its newest.
const KEPT: usize = 60;
/// The most of those of all groups.
const ALL_KEPT: usize = 4_000;
/// How many of a group are looked at at first, where there are too many to look at all.
const SAMPLE: usize = 3;

/// Pods that look alike.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Group {
    /// Their namespace.
    pub namespace: String,
    /// What their names have in common; the name of one that has nothing in common with others. Empty where nobody can tell whose they are.
    pub stem: String,
    /// Their status, as kubectl prints it.
    pub status: String,
    /// What their rows say beyond that.
    pub sign: Sign,
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
    /// Some of them with their age: the oldest, the newest, then others.
    pub some: Vec<(String, i64)>,
    /// How many more there are for whom these do not speak: nobody looked at them.
    pub beyond: u64,
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
    /// By namespace, stem, status, what else the row says, and lost node.
    places: BTreeMap<(String, String, String, Sign, String), u32>,
    known: Vec<Known>,
    kept: usize,
}

/// Who is known of a group, each with its age.
#[derive(Debug, Default)]
struct Known {
    oldest: (String, i64),
    newest: (String, i64),
    others: Vec<(String, i64)>,
}

impl Known {
    /// Takes a pod. Whether one more name is kept.
    fn see(&mut self, name: String, age: i64, room: bool) -> bool {
        let is = |one: &(String, i64)| one.0 == name;
        if is(&self.oldest) || is(&self.newest) || self.others.iter().any(is) {
            return false;
        }
        let one = (name, age);
        let alone = self.oldest.0 == self.newest.0;
        let rest = if (one.1, &self.oldest.0) > (self.oldest.1, &one.0) {
            std::mem::replace(&mut self.oldest, one)
        } else if alone || one.1 <= self.newest.1 {
            std::mem::replace(&mut self.newest, one)
        } else {
            one
        };
        // Who was alone was both.
        let keep = !alone && room && self.others.len() < KEPT;
        if keep {
            self.others.push(rest);
        }
        keep
    }

    fn names(self) -> Vec<(String, i64)> {
        let newest = Some(self.newest).filter(|newest| newest.0 != self.oldest.0);
        std::iter::once(self.oldest).chain(newest).chain(self.others).collect()
    }
}

impl Groups {
    /// Finds the group of a row. A row that is seen twice changes nothing: who is in a group is counted in the end.
    pub fn see(&mut self, row: PodRow) -> Member {
        let settled = row.age >= STARTING;
        let mut key = (row.namespace, stem(&row.name).to_owned(), row.status, row.sign, row.lost);
        if self.known.len() >= MOST && !self.places.contains_key(&key) {
            key.1 = String::new();
        }
        let next = u32::try_from(self.known.len()).ok().filter(|_| self.known.len() < 2 * MOST);
        let group = match self.places.entry(key) {
            Entry::Occupied(place) => Some(*place.get()),
            Entry::Vacant(free) => next.map(|next| {
                let one = (row.name.clone(), row.age);
                self.known.push(Known { oldest: one.clone(), newest: one, others: Vec::new() });
                *free.insert(next)
            }),
        };
        let known = group.and_then(|group| self.known.get_mut(usize::try_from(group).ok()?));
        if let Some(known) = known
            && known.see(row.name, row.age, self.kept < ALL_KEPT)
        {
            self.kept += 1;
        }
        Member { group, settled }
    }

    /// The groups of these pods: the largest first, then by name. The second is how many are in none, because there are too many groups.
    pub fn of(self, members: &[Member]) -> (Vec<Group>, u64) {
        let mut counts = vec![(0_u64, 0_u64); self.known.len()];
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
        let mut known = self.known;
        let mut groups: Vec<Group> = Vec::with_capacity(known.len());
        for ((namespace, stem, status, sign, lost), place) in self.places {
            let Ok(at) = usize::try_from(place) else { continue };
            let (Some((count, settled)), Some(known)) = (counts.get(at).copied(), known.get_mut(at)) else {
                continue;
            };
            // None, where a list was read anew.
            if count > 0 {
                let some = std::mem::take(known).names();
                let (oldest, age) = some.first().cloned().unwrap_or_default();
                let beyond = 0;
                groups.push(Group { namespace, stem, status, sign, lost, count, settled, oldest, age, some, beyond });
            }
        }
        groups.sort_by(|a, b| {
            b.count.cmp(&a.count).then_with(|| (&a.namespace, &a.oldest).cmp(&(&b.namespace, &b.oldest)))
        });
        (groups, others)
    }
}

/// How many of each group are looked at at first: all, where `most` suffice; otherwise one of each, then two, up to three.
pub fn sample(groups: &[&Group], most: usize) -> Vec<usize> {
    let all: Vec<usize> = groups.iter().map(|group| group.some.len()).collect();
    let count = groups.iter().fold(0_u64, |sum, group| sum.saturating_add(group.count));
    if usize::try_from(count).is_ok_and(|count| count <= most) {
        return all;
    }
    let (mut taken, mut left) = (vec![0; groups.len()], most);
    for round in 0..SAMPLE {
        for (taken, _) in taken.iter_mut().zip(&all).filter(|(_, all)| **all > round) {
            if left > 0 {
                *taken += 1;
                left -= 1;
            }
        }
    }
    taken
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
        PodRow { namespace: "a".into(), name: name.into(), status: status.into(), age, ..PodRow::default() }
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
    fn the_oldest_and_the_newest_are_known_and_some_others() {
        let some = |ages: &[i64]| -> Vec<String> {
            let rows = ages.iter().map(|age| row(&format!("p-{age:04}"), "Error", *age)).collect();
            grouped(rows).0.remove(0).some.into_iter().map(|(name, _)| name).collect()
        };
        assert_eq!(some(&[7]), ["p-0007"]);
        assert_eq!(some(&[7, 9]), ["p-0009", "p-0007"]);
        assert_eq!(some(&[7, 9, 8, 9, 3, 4]), ["p-0009", "p-0003", "p-0008", "p-0007", "p-0004"]);
        let many = some(&(0..5_000).collect::<Vec<_>>());
        assert_eq!((many.len(), many[0].as_str(), many[1].as_str()), (KEPT + 2, "p-4999", "p-0000"));
    }

    #[test]
    fn harmless_rows_are_no_part_of_those_that_are_not_ready() {
        let once = PodRow { sign: Sign::Once, ..row("api-one", "Running", 90) };
        let short = PodRow { sign: Sign::Short, ..row("api-two", "Running", 80) };
        assert_eq!(grouped(vec![once, short]).0.len(), 2);
    }

    #[test]
    fn all_are_looked_at_where_they_are_few() {
        let group =
            |count: u64, some: usize| Group { count, some: vec![(String::from("p"), 1); some], ..Group::default() };
        let sampled = |groups: &[Group]| sample(&groups.iter().collect::<Vec<_>>(), 10);
        assert_eq!(sampled(&[group(7, 7), group(3, 3)]), [7, 3]);
        assert_eq!(sampled(&[group(8, 8), group(3, 3), group(1, 1)]), [3, 3, 1]);
        assert_eq!(sampled(&[group(10_000, 62)]), [3]);
        let many: Vec<Group> = (0..8).map(|_| group(5, 5)).collect();
        assert_eq!(sampled(&many), [2, 2, 1, 1, 1, 1, 1, 1]);
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
