//! Pods by who made them, or by what they say of themselves where nobody did.

use std::collections::BTreeMap;

use super::{
    super::{
        finding::{Class, Finding, Pod},
        group::{Group, stem},
        seen::JobSeen,
        tell::{NAMED, Of, by_status, how},
        workload::Job,
    },
    APART, BEHIND, Fold, Key, UNLOOKED,
};

/// Jobs by namespace and name.
pub(super) type Jobs<'j> = BTreeMap<(String, String), &'j JobSeen>;

impl Fold {
    /// Takes pods with what one of them says. Those that nobody looked at are told with it if it is in trouble, and by their rows if it is not.
    pub(super) fn group(&mut self, group: Group, pod: Option<Pod>, jobs: &Jobs<'_>) {
        let beyond = group.beyond;
        let rest = Group {
            count: beyond,
            settled: beyond,
            beyond: 0,
            oldest: format!("{}-*", stem(&group.oldest)),
            ..group.clone()
        };
        let told = self.take(group, pod, jobs).and_then(|key| self.owners.get_mut(&key));
        match told.filter(|of| of.finding.class > Class::Restarted) {
            _ if beyond == 0 => {}
            Some(of) => {
                let count = of.beyond.entry(rest.oldest).or_default();
                *count = count.saturating_add(beyond);
            }
            None => {
                self.take(rest, None, jobs);
            }
        }
    }

    /// Takes pods, and says among whose they are if they are in trouble of their own.
    fn take(&mut self, group: Group, pod: Option<Pod>, jobs: &Jobs<'_>) -> Option<Key> {
        let namespace = group.namespace.clone();
        if let Some(node) = self.nodes.get_mut(&group.lost) {
            node.affected = node.affected.saturating_add(group.count);
            // A deployment stands behind its replica set.
            for name in [group.stem.as_str(), stem(&group.stem)] {
                self.lost.insert((namespace.clone(), name.to_owned()), group.lost.clone());
            }
            return None;
        }
        let looked = pod.is_some();
        let pod = pod.unwrap_or_else(|| Pod { finding: Some(by_status(&group)), ..Pod::default() });
        let finding = pod.finding?;
        if finding.class == Class::Starting {
            self.starting.take(&group);
            return None;
        }
        let count = if finding.class.is_definite() { group.count } else { group.settled.clamp(1, group.count.max(1)) };
        // The others of them are too young to tell.
        self.starting.young(group.count.saturating_sub(count));
        let key = match &pod.owner {
            Some((kind, name)) => (namespace.clone(), kind.clone(), name.clone()),
            None => {
                let kind = if looked { "pod" } else { UNLOOKED };
                // Those that end alike may still be two troubles, if they are not called alike.
                (namespace.clone(), kind.to_owned(), format!("{}{BEHIND}{}", how(&finding), group.stem))
            }
        };
        if let Some((kind, name)) = &pod.owner
            && kind == "job"
            && let Some(job) = jobs.get(&(namespace.clone(), name.clone()))
            && (job.job == Job::Complete || job.recovered)
        {
            return None;
        }
        if finding.class == Class::Unscheduled
            && let Some(at) = pod
                .claims
                .iter()
                .map(|claim| (namespace.clone(), claim.clone()))
                .find(|at| self.claims.contains_key(at))
            && let Some(claim) = self.claims.get_mut(&at)
        {
            claim.affected = claim.affected.saturating_add(count);
            let who = match &pod.owner {
                Some((kind, name)) => format!("{kind}/{name}"),
                None => format!("pod/{}", group.oldest),
            };
            let waits = self.waits.entry(at).or_default().entry(who).or_default();
            *waits = waits.saturating_add(count);
            self.waiting.insert(key, (namespace, claim.name.clone()));
            return None;
        }
        if !pod.labels.is_empty() && finding.class > Class::Restarted {
            self.troubled.push((namespace, pod.labels));
        }
        let of = self.owners.entry(key.clone()).or_insert_with(|| Of {
            finding: Finding::new(Class::Starting, ""),
            count: 0,
            also: BTreeMap::new(),
            pod: String::new(),
            uid: String::new(),
            pods: Vec::new(),
            newest: i64::MAX,
            beyond: BTreeMap::new(),
        });
        of.count = of.count.saturating_add(count);
        of.newest = group.some.iter().map(|(_, age)| *age).chain([of.newest, group.age]).min().unwrap_or(i64::MAX);
        let also = of.also.entry(how(&finding)).or_default();
        *also = also.saturating_add(count);
        if of.pods.len() < NAMED {
            of.pods.push(group.oldest.clone());
        }
        if finding.class > of.finding.class {
            (of.finding, of.pod, of.uid) = (finding, group.oldest, pod.uid);
        }
        Some(key)
    }

    /// Says of claims who waits for them.
    pub(super) fn waits(&mut self) {
        for (at, who) in std::mem::take(&mut self.waits) {
            let Some(claim) = self.claims.get_mut(&at) else { continue };
            let more = who.len().saturating_sub(NAMED);
            claim.facts.extend(who.into_iter().take(NAMED).map(|(who, count)| match count {
                1 => format!("{who} waits for it"),
                _ => format!("{count} pods of {who} wait for it"),
            }));
            if more > 0 {
                claim.facts.push(format!("and {more} more do"));
            }
        }
    }

    /// Makes one of pods without a maker that say the same, where there are many.
    pub(super) fn crowds(&mut self) {
        let mut crowds: BTreeMap<Key, Vec<Key>> = BTreeMap::new();
        for key in self.owners.keys().filter(|key| matches!(key.1.as_str(), "pod" | UNLOOKED)) {
            let (how, _) = key.2.split_once(BEHIND).unwrap_or((&key.2, ""));
            crowds.entry((key.0.clone(), key.1.clone(), how.to_owned())).or_default().push(key.clone());
        }
        for (one, many) in crowds.into_iter().filter(|(_, many)| many.len() > APART) {
            let of = many.iter().filter_map(|key| self.owners.remove(key)).reduce(Of::and);
            self.owners.extend(of.map(|of| (one, of)));
        }
    }
}
