//! Pods of one maker, told as one cause.

use std::collections::BTreeMap;

use super::{
    About, Cause, Evidence, Level,
    columns::Sign,
    container::RECENT,
    finding::{Class, Finding},
    group::Group,
    words,
    workload::Workload,
};

/// How many pods that were replaced are no accident, if the newest of them is recent.
const AGAIN: u64 = 3;
/// How many pods are named.
pub const NAMED: usize = 3;

/// The pods of one maker.
pub struct Of {
    /// The worst of what is found of them.
    pub finding: Finding,
    /// How many.
    pub count: u64,
    /// How many are how.
    pub also: BTreeMap<String, u64>,
    /// The one the finding is of.
    pub pod: String,
    /// Its identity; empty where it is not known.
    pub uid: String,
    /// Some of them.
    pub pods: Vec<String>,
    /// The age in seconds of the newest that is known.
    pub newest: i64,
    /// How many more look like them by their rows, by what they are called: nobody looked at those.
    pub beyond: BTreeMap<String, u64>,
}

impl Of {
    /// These and others, told by the worst.
    pub fn and(mut self, other: Self) -> Self {
        self.count = self.count.saturating_add(other.count);
        self.newest = self.newest.min(other.newest);
        for (reason, count) in other.also {
            let also = self.also.entry(reason).or_default();
            *also = also.saturating_add(count);
        }
        for (called, count) in other.beyond {
            let beyond = self.beyond.entry(called).or_default();
            *beyond = beyond.saturating_add(count);
        }
        self.pods.extend(other.pods);
        self.pods.truncate(NAMED);
        if other.finding.class > self.finding.class {
            (self.finding, self.pod, self.uid) = (other.finding, other.pod, other.uid);
        }
        self
    }
}

/// How a pod is, where others may be so too: in a word, and with how it ended.
pub fn how(finding: &Finding) -> String {
    let ends = finding.facts.iter().filter(|fact| fact.starts_with("exit ") || !fact.contains(' '));
    let how: Vec<&str> = std::iter::once(&finding.reason).chain(ends).map(String::as_str).collect();
    how.join(" ")
}

/// What a status says of pods nobody looked at.
pub fn by_status(group: &Group) -> Finding {
    let class = match group.status.as_str() {
        "Running" => match group.sign {
            Sign::Once => Class::Restarted,
            Sign::Again => Class::Restarting,
            Sign::Short | Sign::None => Class::NotReady,
        },
        "Pending" | "ContainerCreating" | "PodInitializing" => Class::Waiting,
        "Terminating" => Class::Terminating,
        _ => Class::Ended,
    };
    // It may be that all of them are just starting.
    let class = if group.settled == 0 && class < Class::Ended { Class::Starting } else { class };
    let reason = match class {
        Class::Restarted | Class::Restarting => "restarts",
        _ if group.status == "Running" => "not ready",
        _ => &group.status,
    };
    let mut finding = Finding::new(class, reason);
    finding.facts.push(String::from("not looked at"));
    finding
}

/// How bad pods are whose workload has all it wants.
pub fn leftover(pods: &Of, kind: &str) -> Level {
    let replaced = matches!(kind, "deployment" | "replicaset" | "statefulset" | "daemonset");
    // One after the other, and the last just now: those that replace them end, too.
    let again = pods.count >= AGAIN && pods.newest < RECENT;
    match pods.finding.class {
        Class::Restarted => Level::Note,
        Class::Ended if replaced && !again => Level::Note,
        _ => Level::Degraded,
    }
}

fn evidence(pods: &Of) -> Option<Evidence> {
    let pod = About::pod(&pods.pod, &pods.uid);
    match (&pods.finding.log, &pods.finding.said) {
        (Some(log), _) => Some(Evidence::Log { pod, log: log.clone() }),
        // It is no pod, but what several are called.
        (None, None) if pod.name.ends_with('*') => None,
        (None, None) => Some(Evidence::Events(pod)),
        (None, Some(_)) => None,
    }
}

/// The pods of one maker as a cause.
pub fn tell(pods: Of, of: (&str, &str, &str), level: Level, facts: Vec<String>) -> Cause {
    let own_how = how(&pods.finding);
    let own = pods.also.get(&own_how).copied().unwrap_or(pods.count);
    let mut cause = Cause::new(level, of, &pods.finding.reason);
    cause.evidence = evidence(&pods);
    if own > 1 {
        cause.facts.push(format!("×{own} pods"));
    }
    cause.facts.extend(facts);
    // How often it was restarted is known of one of them only.
    let one = |fact: &String| own <= 1 || !fact.ends_with(" restarts");
    cause.facts.extend(pods.finding.facts.into_iter().filter(one));
    for (other, count) in pods.also.iter().filter(|(other, _)| **other != own_how).take(2) {
        cause.facts.push(format!("also {other} ×{count}"));
    }
    let beyond = pods.beyond.values().fold(0_u64, |sum, count| sum.saturating_add(*count));
    if let Some(called) = pods.beyond.keys().next() {
        let called = if pods.beyond.len() > 1 { String::new() } else { format!(" called {called}") };
        cause.facts.push(words::brief(&format!("{beyond} more{called} have this status and were not looked at")));
    }
    cause.said = pods.finding.said;
    cause.affected = pods.count.max(1).saturating_add(beyond);
    cause
}

/// Pods that nobody made, with one reason.
pub fn alone(pods: Of, namespace: &str) -> Cause {
    let (name, names) = (pods.pod.clone(), pods.pods.clone());
    let (count, class) = (pods.count, pods.finding.class);
    let level = if class == Class::Restarted { Level::Note } else { Level::Degraded };
    let mut cause = tell(pods, (namespace, "pod", &name), level, Vec::new());
    if count > 1 {
        let others: Vec<&str> = names.iter().filter(|other| **other != name).map(String::as_str).collect();
        let more = count.saturating_sub(1).saturating_sub(others.len() as u64);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        if !others.is_empty() {
            cause.facts.insert(1.min(cause.facts.len()), words::brief(&format!("also {}{more}", others.join(", "))));
        }
    }
    cause
}

/// Adds a workload to what refuses its pods.
pub fn refuses(cause: &mut Cause, workload: &Workload) {
    cause.level = cause.level.max(workload.level(true));
    cause.affected = cause.affected.saturating_add(1);
    if cause.affected <= 4 {
        cause.facts.push(format!("refuses pods of {} ({})", workload.object(), workload.ready()));
    }
}
