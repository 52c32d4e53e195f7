//! All that was seen and is not well, before it is folded.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Cause,
    conditions::{Budget, Scaler},
    finding::Pod,
    group::Group,
    node::Node,
    workload::{Job, Refusal, Workload},
};

/// All that was seen and is not well.
#[derive(Default)]
pub struct Seen {
    /// Pods, with what one of them says.
    pub groups: Vec<(Group, Option<Pod>)>,
    /// Workloads that are short.
    pub workloads: Vec<Workload>,
    /// Jobs.
    pub jobs: Vec<JobSeen>,
    /// Nodes.
    pub nodes: Vec<Node>,
    /// Claims.
    pub claims: Vec<Cause>,
    /// Webhooks that are down, with their names.
    pub webhooks: Vec<(String, Cause)>,
    /// Who there is that may refuse pods.
    pub refusers: Refusers,
    /// Disruption budgets.
    pub budgets: Vec<Budget>,
    /// Autoscalers.
    pub scalers: Vec<Scaler>,
    /// Namespaces that do not end.
    pub namespaces: Vec<Cause>,
    /// Custom resources.
    pub customs: Vec<Cause>,
    /// What stands for itself.
    pub others: Vec<Cause>,
}

impl Seen {
    /// Takes what was seen elsewhere.
    pub fn add(&mut self, other: Self) {
        self.groups.extend(other.groups);
        self.workloads.extend(other.workloads);
        self.jobs.extend(other.jobs);
        self.nodes.extend(other.nodes);
        self.claims.extend(other.claims);
        self.webhooks.extend(other.webhooks);
        self.refusers.quotas.extend(other.refusers.quotas);
        self.refusers.webhooks = self.refusers.webhooks.take().or(other.refusers.webhooks);
        self.budgets.extend(other.budgets);
        self.scalers.extend(other.scalers);
        self.namespaces.extend(other.namespaces);
        self.customs.extend(other.customs);
        self.others.extend(other.others);
    }
}

/// Who there is that may refuse pods. A refusal is told in words, and anybody may write such words: who is not there is not blamed.
#[derive(Default)]
pub struct Refusers {
    /// The quotas of each namespace that could be read.
    pub quotas: BTreeMap<String, BTreeSet<String>>,
    /// The webhooks that fail closed, if they could be read.
    pub webhooks: Option<BTreeSet<String>>,
}

impl Refusers {
    /// Whether one is there, or might be.
    pub fn has(&self, namespace: &str, refusal: &Refusal) -> bool {
        match refusal {
            Refusal::Quota(name, _) => self.quotas.get(namespace).is_none_or(|known| known.contains(name)),
            Refusal::Webhook(name) => self.webhooks.as_ref().is_none_or(|known| known.contains(name)),
        }
    }
}

/// A job that was looked at.
pub struct JobSeen {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// How it is.
    pub job: Job,
    /// The cron job that made it.
    pub cron_job: Option<String>,
    /// Whether a later one has succeeded.
    pub recovered: bool,
}
