//! For whom a pod speaks that was looked at: for itself, and for those that look like it and were made by the same controller. Names alone say
//! nothing: anybody may call two pods `api-one` and `api-two`.

use super::{
    finding::{Class, Pod, STARTING},
    group::Group,
};

/// A pod that was looked at: its name, its age by its row, and what it says, if it could be read.
pub type Looked = (String, i64, Option<Pod>);

/// Whether all that were looked at have one maker.
pub fn of_one(looked: &[Looked]) -> bool {
    let mut owners = looked.iter().filter_map(|(.., pod)| Some(pod.as_ref()?.owner.as_ref()));
    owners.next().is_some_and(|first| first.is_some() && owners.all(|owner| owner == first))
}

/// Takes a group apart into those that are spoken for and those that are not. `gone` of it are not there any more.
pub fn apart(group: Group, looked: Vec<Looked>, gone: u64) -> Vec<(Group, Option<Pod>)> {
    let count = group.count.saturating_sub(gone);
    let one = of_one(&looked);
    let read: Vec<(String, i64, Pod)> =
        looked.into_iter().filter_map(|(name, age, pod)| Some((name, age, pod?))).collect();
    if read.is_empty() {
        // They all went while they were looked for.
        return if count == 0 { Vec::new() } else { vec![(Group { count, ..group }, None)] };
    }
    let class = |pod: &Pod| pod.finding.as_ref().map(|finding| finding.class);
    let first = read.first().map(|(.., pod)| class(pod));
    let alike = one && read.iter().all(|(.., pod)| Some(class(pod)) == first);
    // Where they differ, nobody knows which of them the others are like.
    let worst = read
        .iter()
        .enumerate()
        .max_by_key(|(at, (.., pod))| (class(pod).unwrap_or(Class::Starting), std::cmp::Reverse(*at)))
        .map_or(0, |(at, _)| at);
    let rest = count.saturating_sub(read.len() as u64);
    let of = |age: i64| u64::from(age >= STARTING);
    let known = read.iter().fold(0_u64, |sum, (_, age, _)| sum.saturating_add(of(*age)));
    let mut parts = Vec::new();
    for (at, (name, age, pod)) in read.into_iter().enumerate() {
        let stem = if pod.owner.is_some() { group.stem.clone() } else { name.clone() };
        let mut part = Group {
            namespace: group.namespace.clone(),
            stem,
            status: group.status.clone(),
            sign: group.sign,
            count: 1,
            settled: of(age),
            oldest: name,
            age,
            ..Group::default()
        };
        if at == worst && alike {
            part.count = part.count.saturating_add(rest);
            part.settled = part.settled.saturating_add(group.settled.saturating_sub(known));
        } else if at == worst {
            part.beyond = rest;
        }
        parts.push((part, Some(pod)));
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::finding::Finding;

    fn looked(name: &str, class: Option<Class>, owner: Option<&str>) -> Looked {
        let pod = Pod {
            finding: class.map(|class| Finding::new(class, "x")),
            owner: owner.map(|name| (String::from("job"), name.to_owned())),
            ..Pod::default()
        };
        (name.to_owned(), 90, Some(pod))
    }

    fn parts(count: u64, looked: Vec<Looked>, gone: u64) -> Vec<(String, String, u64, u64)> {
        let group = Group { stem: "app".into(), count, settled: count, ..Group::default() };
        let of = |(group, _): (Group, Option<Pod>)| (group.stem, group.oldest, group.count, group.beyond);
        apart(group, looked, gone).into_iter().map(of).collect()
    }

    fn part(stem: &str, oldest: &str, count: u64, beyond: u64) -> (String, String, u64, u64) {
        (stem.to_owned(), oldest.to_owned(), count, beyond)
    }

    #[test]
    fn those_of_one_maker_speak_for_all_of_it() {
        let crash = Some(Class::Crash);
        let both = vec![looked("app-a", crash, Some("app")), looked("app-b", crash, Some("app"))];
        assert_eq!(parts(9, both, 0), [part("app", "app-a", 8, 0), part("app", "app-b", 1, 0)]);
        // Not where they differ.
        let differ = vec![looked("app-a", None, Some("app")), looked("app-b", crash, Some("app"))];
        assert_eq!(parts(9, differ, 0), [part("app", "app-a", 1, 0), part("app", "app-b", 1, 7)]);
    }

    #[test]
    fn those_of_nobody_or_of_several_speak_for_themselves() {
        let crash = Some(Class::Crash);
        let bare = || vec![looked("app-a", Some(Class::Restarted), None), looked("app-b", crash, None)];
        assert_eq!(parts(2, bare(), 0), [part("app-a", "app-a", 1, 0), part("app-b", "app-b", 1, 0)]);
        assert_eq!(parts(10_000, bare(), 0), [part("app-a", "app-a", 1, 0), part("app-b", "app-b", 1, 9_998)]);
        let two = vec![looked("app-a", crash, Some("one")), looked("app-b", crash, Some("two"))];
        assert_eq!(parts(3, two, 0), [part("app", "app-a", 1, 1), part("app", "app-b", 1, 0)]);
        let mixed = vec![looked("app-a", crash, Some("one")), looked("app-b", crash, None)];
        assert!(!of_one(&mixed));
        assert_eq!(parts(2, mixed, 0), [part("app", "app-a", 1, 0), part("app-b", "app-b", 1, 0)]);
        assert_eq!(parts(3, vec![looked("app-a", crash, None)], 1), [part("app-a", "app-a", 1, 1)]);
    }

    #[test]
    fn who_could_not_be_read_says_nothing() {
        let unread = || vec![(String::from("app-a"), 90, None)];
        assert_eq!(parts(3, unread(), 0), [part("app", "", 3, 0)]);
        assert_eq!(parts(1, Vec::new(), 1), []);
        assert!(!of_one(&unread()));
    }
}
