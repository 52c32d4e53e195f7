//! One cause for what belongs together, and an order of causes.
//!
//! A node that is gone explains the pods on it, a claim those that wait for it, a quota and a webhook those they refuse, a workload its pods, a
//! namespace that ends all that is in it. What explains stays and says how much it explains; what is explained goes.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Cause, Level, alike,
    conditions::{Budget, Scaler},
    finding::{Class, STARTING},
    group::Group,
    node::Node,
    seen::{JobSeen, Refusers, Seen},
    tell::{Of, alone, leftover, refuses, tell},
    workload::{NEVER, Refusal, Workload, refusal},
};

mod jobs;
mod pods;

/// A namespace, a kind in lower case, and a name.
type Key = (String, String, String);

/// What pods are called that nobody looked at, because there are too many: whose they are is not known.
const UNLOOKED: &str = "pods";

/// Between what pods without a maker say of themselves and what they are called.
const BEHIND: char = '\n';
/// Up to how many of them that say the same and are called otherwise are told one by one.
const APART: usize = 3;

/// What comes out of it.
#[derive(Debug, Default)]
pub struct Folded {
    /// The causes, the worst first.
    pub causes: Vec<Cause>,
    /// The pods that are just starting.
    pub starting: Starting,
}

/// Pods that are just starting.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Starting {
    /// How many.
    pub count: u64,
    /// How many of them have been at it for longer than most pods take.
    pub slow: u64,
    /// Some of those: namespace, name and age in seconds.
    pub named: Vec<(String, String, i64)>,
}

impl Starting {
    /// How many slow ones are worth a name.
    pub const NAMED: usize = 2;

    /// Takes pods of which none is old.
    pub(super) fn young(&mut self, count: u64) {
        self.count = self.count.saturating_add(count);
    }

    /// Takes pods.
    pub(super) fn take(&mut self, group: &Group) {
        self.young(group.count);
        self.slow = self.slow.saturating_add(group.settled);
        if group.age >= STARTING && group.age < i64::MAX && self.named.len() < Self::NAMED {
            self.named.push((group.namespace.clone(), group.oldest.clone(), group.age));
        }
    }
}

/// Folds and ranks.
pub fn fold(seen: Seen) -> Folded {
    let mut fold = Fold::new(seen.nodes, seen.claims);
    let jobs: BTreeMap<(String, String), &JobSeen> =
        seen.jobs.iter().map(|job| ((job.namespace.clone(), job.name.clone()), job)).collect();
    for (group, pod) in seen.groups {
        fold.group(group, pod, &jobs);
    }
    fold.crowds();
    fold.waits();
    let mut causes = fold.jobs(&seen.jobs);
    causes.extend(fold.workloads(seen.workloads, seen.webhooks, &seen.refusers));
    causes.extend(seen.budgets.into_iter().filter(|budget| !fold.explains(budget)).map(|budget| budget.cause));
    let mut others = seen.others;
    causes.extend(fold.scalers(seen.scalers, &mut others, &causes));
    // What its jobs say of a cron job says more.
    let told = |other: &Cause| {
        let of = format!("of cronjob/{}", other.name);
        let own = |cause: &Cause| cause.kind == "cronjob" && cause.name == other.name || cause.facts.contains(&of);
        causes.iter().any(|cause| cause.namespace == other.namespace && own(cause))
    };
    others.retain(|other| other.reason != NEVER || !told(other));
    causes.extend(others);
    causes.extend(alike::fold(seen.customs, 3));
    causes.extend(fold.nodes.into_values().map(|mut node| {
        if let Some(pods) = node.affected.checked_sub(1).filter(|pods| *pods > 0) {
            node.facts.insert(0, if pods == 1 { String::from("1 pod on it") } else { format!("{pods} pods on it") });
        }
        node
    }));
    causes.extend(fold.claims.into_values());
    let mut ending: BTreeMap<String, Cause> =
        seen.namespaces.into_iter().map(|cause| (cause.name.clone(), cause)).collect();
    causes.retain(|cause| match ending.get_mut(&cause.namespace) {
        Some(end) => {
            end.affected = end.affected.saturating_add(cause.affected);
            false
        }
        None => true,
    });
    causes.extend(ending.into_values());
    Folded { causes: alike::rank(causes), starting: fold.starting }
}

struct Fold {
    nodes: BTreeMap<String, Cause>,
    claims: BTreeMap<(String, String), Cause>,
    owners: BTreeMap<Key, Of>,
    /// Stems of pods on lost nodes, with the node.
    lost: BTreeMap<(String, String), String>,
    /// Who waits for a claim, and with how many pods.
    waits: BTreeMap<(String, String), BTreeMap<String, u64>>,
    /// Workloads whose pods wait for a claim, with the claim.
    waiting: BTreeMap<Key, (String, String)>,
    /// Labels of pods that are in trouble, with their namespace.
    troubled: Vec<(String, BTreeMap<String, String>)>,
    starting: Starting,
}

impl Fold {
    fn new(nodes: Vec<Node>, claims: Vec<Cause>) -> Self {
        Self {
            nodes: nodes.into_iter().map(|node| (node.cause.name.clone(), node.cause)).collect(),
            claims: claims.into_iter().map(|claim| ((claim.namespace.clone(), claim.name.clone()), claim)).collect(),
            owners: BTreeMap::new(),
            lost: BTreeMap::new(),
            waits: BTreeMap::new(),
            waiting: BTreeMap::new(),
            troubled: Vec::new(),
            starting: Starting::default(),
        }
    }

    fn workloads(
        &mut self,
        workloads: Vec<Workload>,
        mut webhooks: Vec<(String, Cause)>,
        refusers: &Refusers,
    ) -> Vec<Cause> {
        let mut causes = Vec::new();
        let mut quotas: BTreeMap<(String, String), Cause> = BTreeMap::new();
        let mut done: BTreeSet<Key> = BTreeSet::new();
        for workload in workloads {
            let short = &workload.short;
            self.troubled.push((short.namespace.clone(), workload.labels.clone()));
            let key: Key = (short.namespace.clone(), short.kind.to_owned(), short.name.clone());
            let of = (short.namespace.as_str(), short.kind, short.name.as_str());
            if let Some(pods) = self.owners.remove(&key) {
                let definite = pods.finding.class > Class::Restarted;
                let mut cause = tell(pods, of, workload.level(definite), workload.all_facts());
                if workload.refused.is_some() {
                    cause.facts.push(String::from("and new pods are refused"));
                }
                causes.push(cause);
                done.insert(key);
                continue;
            }
            if let Some(node) = self.lost.get(&(short.namespace.clone(), short.name.clone())).cloned()
                && let Some(node) = self.nodes.get_mut(&node)
            {
                if node.facts.iter().filter(|fact| fact.ends_with(" ready")).count() < 3 {
                    node.facts.push(format!("{}/{} is {}", short.namespace, workload.object(), workload.ready()));
                }
                continue;
            }
            if let Some(claim) = self.waiting.get(&key).and_then(|claim| self.claims.get_mut(claim)) {
                claim.level = claim.level.max(workload.level(true));
                continue;
            }
            let by = workload.refused.as_deref().and_then(refusal);
            match by.filter(|by| refusers.has(&short.namespace, by)) {
                Some(Refusal::Quota(quota, numbers)) => {
                    let cause = quotas.entry((short.namespace.clone(), quota.clone())).or_insert_with(|| {
                        Cause::new(Level::Degraded, (&short.namespace, "quota", &quota), "exceeded").said(&numbers)
                    });
                    refuses(cause, &workload);
                }
                Some(Refusal::Webhook(name)) => {
                    if !webhooks.iter().any(|(known, _)| *known == name) {
                        let said = workload.refused.as_deref().unwrap_or_default();
                        let cause =
                            Cause::new(Level::Critical, ("", "webhook", &name), "fails closed, and does not answer");
                        webhooks.push((name.clone(), cause.said(said)));
                    }
                    if let Some((_, cause)) = webhooks.iter_mut().find(|(known, _)| *known == name) {
                        refuses(cause, &workload);
                    }
                }
                None => causes.extend(workload.cause()),
            }
        }
        causes.extend(quotas.into_values());
        causes.extend(webhooks.into_iter().map(|(_, cause)| cause));
        for (key, pods) in std::mem::take(&mut self.owners) {
            let (namespace, kind, name) = &key;
            let of = (namespace.as_str(), kind.as_str(), name.as_str());
            causes.push(match kind.as_str() {
                "pod" | UNLOOKED => alone(pods, namespace),
                _ => {
                    let level = leftover(&pods, kind);
                    tell(pods, of, level, Vec::new())
                }
            });
        }
        causes
    }

    /// Whether a budget is broken only because its pods are.
    fn explains(&self, budget: &Budget) -> bool {
        let here = &budget.cause.namespace;
        let of_it = |labels: &BTreeMap<String, String>| {
            !budget.labels.is_empty() && budget.labels.iter().all(|(key, value)| labels.get(key) == Some(value))
        };
        budget.cause.level > Level::Note
            && (self.lost.keys().any(|(namespace, _)| namespace == here)
                || self.troubled.iter().any(|(namespace, labels)| namespace == here && of_it(labels)))
    }

    /// Autoscalers whose target is in trouble wait for it; those without metrics wait for whoever measures.
    fn scalers(&self, scalers: Vec<Scaler>, others: &mut [Cause], causes: &[Cause]) -> Vec<Cause> {
        let mut metrics =
            others.iter_mut().find(|cause| cause.kind == "apiservice" && cause.name.ends_with("metrics.k8s.io"));
        let mut left = Vec::new();
        for scaler in scalers {
            let of_target = |cause: &Cause| {
                cause.level > Level::Note
                    && cause.namespace == scaler.cause.namespace
                    && format!("{}/{}", cause.kind, cause.name) == scaler.target
            };
            match metrics.as_deref_mut() {
                _ if causes.iter().any(of_target) => {}
                Some(metrics) if scaler.cause.facts.iter().any(|fact| fact.starts_with("FailedGet")) => {
                    metrics.affected = metrics.affected.saturating_add(1);
                }
                _ => left.push(scaler.cause),
            }
        }
        left
    }
}

#[cfg(test)]
mod tests;
