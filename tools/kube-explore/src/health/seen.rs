//! All that was seen and is not well, before it is folded.

use super::{
    Cause,
    conditions::{Budget, Scaler},
    finding::Pod,
    group::Group,
    node::Node,
    workload::{Job, Workload},
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
        self.budgets.extend(other.budgets);
        self.scalers.extend(other.scalers);
        self.namespaces.extend(other.namespaces);
        self.customs.extend(other.customs);
        self.others.extend(other.others);
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
