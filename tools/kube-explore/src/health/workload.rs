//! Workloads that have less than they want: what they say themselves. What their pods say comes first, and is added in `fold`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use super::{About, Cause, Evidence, Level, columns::Short, words};
use crate::field::{condition_is, controller, each, labels, lasting, name, namespace, number, text, time, yes, young};

/// How long a workload may be short of replicas before that alone is trouble.
pub const SETTLING: i64 = 60;
/// How many seconds a cron job may go without a job that succeeds, from its beginning.
const UNSUCCESSFUL: i64 = 600;
/// What is said of one that goes for longer.
pub const NEVER: &str = "no run has ever succeeded";
/// How long a failed job is trouble; later it is a note.
const FAILED: i64 = 86_400;

/// A workload that is short of something.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Workload {
    /// What its row says.
    pub short: Short,
    /// Whether it had time.
    pub settled: bool,
    /// Why its pods cannot be made, in the cluster's words.
    pub refused: Option<String>,
    /// Why its rollout does not go on.
    pub stalled: Option<String>,
    /// Whether somebody paused its rollout: what it has not is not there on purpose.
    pub paused: bool,
    /// What else it says.
    pub facts: Vec<String>,
    /// The labels of its pods.
    pub labels: BTreeMap<String, String>,
    /// Its identity; empty where it is not known.
    pub uid: String,
}

/// Judges a workload that is short. Nothing where it is as it should be after all.
pub fn judge(short: Short, object: Option<&Value>, now: Timestamp) -> Option<Workload> {
    let mut found = Workload { settled: short.age >= SETTLING, short, ..Workload::default() };
    let Some(object) = object else { return Some(found) };
    // The replicas of a deployment are its own affair. Those of others are looked at: nobody else here speaks for them.
    if found.short.kind == "replicaset" && controller(object).is_some_and(|(kind, _)| kind == "deployment") {
        return None;
    }
    // Pods of the release before stay until somebody deletes them.
    let on_delete = text(object, "/spec/updateStrategy/type") == "OnDelete";
    found.labels = labels(object, "/spec/template/metadata/labels");
    found.uid = text(object, "/metadata/uid").to_owned();
    if on_delete && found.short.ready >= found.short.wanted {
        return None;
    }
    if yes(object, "/spec/paused") {
        if found.short.ready >= found.short.wanted {
            return None;
        }
        found.paused = true;
        found.facts.push(String::from("paused"));
    }
    if let Some(refused) = condition_is(object, "ReplicaFailure", "True") {
        found.refused = Some(text(refused, "/message").to_owned());
    }
    if let Some(stalled) = condition_is(object, "Progressing", "False") {
        found.stalled = Some(text(stalled, "/reason").to_owned())
            .filter(|reason| !matches!(reason.as_str(), "" | "DeploymentPaused"));
    }
    if let Some(short) = condition_is(object, "Available", "False") {
        found.settled = !young(time(short, "/lastTransitionTime"), now, SETTLING);
    } else if condition_is(object, "Available", "True").is_some() && found.stalled.is_none() {
        // Enough are there, and the rest has until its deadline.
        found.settled = false;
    }
    if number(object, "/status/observedGeneration") < number(object, "/metadata/generation") {
        found.facts.push(String::from("its controller has not looked at it yet"));
    }
    Some(found)
}

impl Workload {
    /// How bad it is: nothing of it works, or not all.
    pub fn level(&self, definite: bool) -> Level {
        // A job is no service that is down.
        let serves = self.short.kind != "job";
        if serves && self.short.ready == 0 && self.short.wanted > 0 && (definite || self.settled && !self.paused) {
            Level::Critical
        } else {
            Level::Degraded
        }
    }

    /// `1/3 ready`.
    pub fn ready(&self) -> String {
        format!("{}/{} ready", self.short.ready, self.short.wanted)
    }

    /// The same, with what it says of its rollout.
    pub fn all_facts(&self) -> Vec<String> {
        let mut facts = if self.short.kind == "job" { Vec::new() } else { vec![self.ready()] };
        if let Some(stalled) = &self.stalled {
            let Short { updated, wanted, .. } = self.short;
            facts.push(words::brief(&format!("rollout stalled at {updated}/{wanted} updated ({stalled})")));
        }
        facts.extend(self.facts.iter().cloned());
        facts
    }

    /// Which events are about it.
    pub fn about(&self) -> About {
        let kind = match self.short.kind {
            "deployment" => "Deployment",
            "statefulset" => "StatefulSet",
            "daemonset" => "DaemonSet",
            "replicaset" => "ReplicaSet",
            "replicationcontroller" => "ReplicationController",
            _ => "Job",
        };
        About { kind, name: self.short.name.clone(), uid: self.uid.clone() }
    }

    /// `deployment/api`.
    pub fn object(&self) -> String {
        format!("{}/{}", self.short.kind, self.short.name)
    }

    /// As a cause of its own, where no pod of it says more; nothing while it is too early.
    pub fn cause(&self) -> Option<Cause> {
        if !self.settled && self.refused.is_none() && self.stalled.is_none() {
            return None;
        }
        let Short { namespace, kind, name, wanted, ready, .. } = &self.short;
        let reason = match (&self.refused, &self.stalled) {
            (Some(_), _) => "its pods are refused",
            (None, Some(_)) => "its rollout does not go on",
            (None, None) if *kind == "job" => "has no pod",
            (None, None) => "short of replicas",
        };
        let mut cause = Cause::new(self.level(self.refused.is_some()), (namespace, kind, name), reason);
        cause.facts = self.all_facts();
        cause.affected = wanted.saturating_sub(*ready).max(1);
        Some(match &self.refused {
            Some(refused) => cause.said(&refusal_words(refused)),
            None => cause.see(Evidence::Events(self.about())),
        })
    }
}

/// Who refused a pod.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Refusal {
    /// A quota, and what it says of itself.
    Quota(String, String),
    /// A webhook that did not answer, by its name.
    Webhook(String),
}

/// Who refused a pod, by the words of the refusal.
pub fn refusal(message: &str) -> Option<Refusal> {
    if let Some(quota) = words::between(message, "exceeded quota: ", &[',', ' ']) {
        let rest = message.split_once("exceeded quota: ").and_then(|(_, rest)| rest.split_once(", "));
        let numbers = rest.map_or_else(String::new, |(_, numbers)| words::brief(numbers));
        return Some(Refusal::Quota(quota.to_owned(), numbers));
    }
    words::between(message, "failed calling webhook \"", &['"']).map(|name| Refusal::Webhook(name.to_owned()))
}

/// What a refusal says, short enough to be told whole: of PodSecurity each violation, without which fields would have to be how.
fn refusal_words(message: &str) -> String {
    let Some((_, violations)) = message.split_once("violates PodSecurity") else { return message.to_owned() };
    let (mut words, mut depth) = (String::from("violates PodSecurity"), 0_u32);
    for c in violations.chars() {
        match c {
            '(' => depth = depth.saturating_add(1),
            ')' => depth = depth.saturating_sub(1),
            c if depth == 0 => words.push(c),
            _ => {}
        }
    }
    words.replace(" ,", ",").trim_end().to_owned()
}

/// How a job is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Job {
    /// It has done its work.
    Complete,
    /// It is being tried.
    Active {
        /// How often it has failed so far.
        failed: i64,
    },
    /// It has failed.
    Failed(Box<Cause>),
}

/// Judges a job.
pub fn job(object: &Value, now: Timestamp) -> Job {
    if condition_is(object, "Complete", "True").is_some() {
        return Job::Complete;
    }
    let failed = condition_is(object, "Failed", "True").or_else(|| condition_is(object, "FailureTarget", "True"));
    let Some(failed) = failed else {
        return Job::Active { failed: number(object, "/status/failed") };
    };
    let since = time(failed, "/lastTransitionTime");
    let level = if since.is_none() || young(since, now, FAILED) { Level::Degraded } else { Level::Note };
    let age = since.map(|since| format!(" {} ago", shared::kubernetes::age::shown(since, now))).unwrap_or_default();
    let mut cause = Cause::new(level, (namespace(object), "job", name(object)), &format!("failed{age}"));
    let reason = text(failed, "/reason");
    if !reason.is_empty() {
        cause = cause.fact(words::brief(reason));
    }
    // It says in a sentence what its reason says.
    let message = text(failed, "/message");
    if reason != "BackoffLimitExceeded" && reason != "DeadlineExceeded" {
        cause = cause.said(message);
    }
    Job::Failed(Box::new(cause))
}

/// A job that runs and for which no pod was ever made.
pub fn podless(object: &Value, now: Timestamp) -> Option<Workload> {
    let ended = ["Complete", "Failed", "FailureTarget", "SuccessCriteriaMet", "Suspended"];
    let over = ended.iter().any(|of| condition_is(object, of, "True").is_some());
    let on_purpose = yes(object, "/spec/suspend")
        || object.pointer("/spec/parallelism").and_then(Value::as_i64) == Some(0)
        || time(object, "/metadata/deletionTimestamp").is_some();
    // Others may make the pods of a job, in their own way.
    let elsewhere = !matches!(text(object, "/spec/managedBy"), "" | "kubernetes.io/job-controller");
    let any = ["active", "failed", "succeeded", "terminating"];
    let any = any.iter().any(|of| number(object, &format!("/status/{of}")) > 0);
    let since = began(object);
    if over || on_purpose || elsewhere || any || young(since, now, SETTLING) {
        return None;
    }
    let wanted = u64::try_from(number(object, "/spec/parallelism")).unwrap_or(0).max(1);
    let mut facts = vec![format!("none was made{}", lasting(since, now))];
    if let Some((kind, name)) = controller(object) {
        facts.push(words::brief(&format!("of {kind}/{name}")));
    }
    Some(Workload {
        short: Short {
            namespace: namespace(object).to_owned(),
            kind: "job",
            name: name(object).to_owned(),
            wanted,
            updated: wanted,
            ..Short::default()
        },
        settled: true,
        facts,
        labels: labels(object, "/spec/template/metadata/labels"),
        uid: text(object, "/metadata/uid").to_owned(),
        ..Workload::default()
    })
}

/// What a cron job is to those of its jobs that failed: whether one that began after `failed` has succeeded.
pub fn has_recovered(cron_job: &Value, failed: Option<Timestamp>) -> bool {
    match (time(cron_job, "/status/lastSuccessfulTime"), failed) {
        (Some(succeeded), Some(failed)) => succeeded > failed,
        _ => false,
    }
}

/// When a job began.
pub fn began(job: &Value) -> Option<Timestamp> {
    time(job, "/status/startTime").or_else(|| time(job, "/metadata/creationTimestamp"))
}

/// What a cron job says of itself: that it is suspended, or that in all its time no job of it came to a good end.
pub fn cron_job(object: &Value, now: Timestamp) -> Option<Cause> {
    let of = (namespace(object), "cronjob", name(object));
    if yes(object, "/spec/suspend") {
        return Some(suspended(of.0, of.2));
    }
    let scheduled = time(object, "/status/lastScheduleTime")?;
    let succeeded = time(object, "/status/lastSuccessfulTime").is_some();
    // One that runs may be the first that succeeds.
    let runs = each(object, "/status/active").next().is_some();
    if succeeded || runs || young(time(object, "/metadata/creationTimestamp"), now, UNSUCCESSFUL) {
        return None;
    }
    let ago = shared::kubernetes::age::shown(scheduled, now);
    Some(Cause::new(Level::Degraded, of, NEVER).fact(format!("last scheduled {ago} ago")))
}

/// A cron job that begins no more jobs.
fn suspended(namespace: &str, name: &str) -> Cause {
    Cause::new(Level::Note, (namespace, "cronjob", name), "suspended")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn now() -> Timestamp {
        "2026-01-01T00:10:00Z".parse().unwrap()
    }

    fn short(ready: u64, wanted: u64, age: i64) -> Short {
        Short { namespace: "a".into(), kind: "deployment", name: "web".into(), wanted, ready, updated: 1, age }
    }

    #[test]
    fn what_a_deployment_says_of_itself() {
        let with = |conditions: Value| json!({"status": {"conditions": conditions}});
        let stalled = json!([{"type": "Available", "status": "True"}, {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}]);
        let cause = judge(short(2, 2, 500), Some(&with(stalled)), now()).unwrap().cause().unwrap();
        assert_eq!(
            (cause.level, cause.told().as_str()),
            (
                Level::Degraded,
                "its rollout does not go on, 2/2 ready, rollout stalled at 1/2 updated (ProgressDeadlineExceeded)"
            )
        );
        let rolling = json!([{"type": "Available", "status": "True"}, {"type": "Progressing", "status": "True"}]);
        assert_eq!(judge(short(2, 3, 500), Some(&with(rolling)), now()).unwrap().cause(), None);
        let down = json!([{"type": "Available", "status": "False", "lastTransitionTime": "2026-01-01T00:00:00Z"}]);
        let cause = judge(short(0, 3, 500), Some(&with(down)), now()).unwrap().cause().unwrap();
        assert_eq!(
            (cause.level, cause.told().as_str(), cause.affected),
            (Level::Critical, "short of replicas, 0/3 ready", 3)
        );
        let starting = json!([{"type": "Available", "status": "False", "lastTransitionTime": "2026-01-01T00:09:50Z"}]);
        assert_eq!(judge(short(0, 3, 10), Some(&with(starting)), now()).unwrap().cause(), None);
        let refused = json!([{"type": "ReplicaFailure", "status": "True", "message": "pods \"x\" is forbidden: exceeded quota: team, requested: pods=1"}]);
        assert_eq!(
            judge(short(1, 3, 10), Some(&with(refused)), now()).unwrap().cause().unwrap().level,
            Level::Degraded
        );
    }

    #[test]
    fn what_is_as_somebody_wants_it_is_no_trouble() {
        let paused = |ready, wanted| judge(short(ready, wanted, 500), Some(&json!({"spec": {"paused": true}})), now());
        assert!(paused(2, 2).is_none());
        let cause = paused(0, 2).unwrap().cause().unwrap();
        assert_eq!((cause.level, cause.told().as_str()), (Level::Degraded, "short of replicas, 0/2 ready, paused"));
        assert_eq!(paused(0, 2).unwrap().level(true), Level::Critical);
        let daemons = Short { kind: "daemonset", ..short(2, 2, 500) };
        assert!(judge(daemons, Some(&json!({"spec": {"updateStrategy": {"type": "OnDelete"}}})), now()).is_none());
        let owned = |version: &str| json!({"metadata": {"ownerReferences": [{"controller": true, "apiVersion": version, "kind": "Deployment", "name": "web"}]}});
        assert!(judge(Short { kind: "replicaset", ..short(0, 2, 500) }, Some(&owned("apps/v1")), now()).is_none());
        assert!(judge(Short { kind: "replicaset", ..short(0, 2, 500) }, Some(&owned("a.io/v1")), now()).is_some());
        assert!(judge(Short { kind: "replicaset", ..short(0, 2, 500) }, Some(&json!({})), now()).is_some());
    }

    #[test]
    fn jobs_without_a_pod() {
        let with = |spec: Value, status: Value| {
            let owners = json!([{"controller": true, "apiVersion": "batch/v1", "kind": "CronJob", "name": "nightly"}]);
            json!({"metadata": {"name": "j", "namespace": "a", "ownerReferences": owners}, "spec": spec, "status": status})
        };
        let begun = "2026-01-01T00:05:00Z";
        let mut found = podless(&with(json!({"parallelism": 2}), json!({"startTime": begun})), now()).unwrap();
        let cause = found.cause().unwrap();
        assert_eq!(
            (cause.level, cause.object(), cause.told()),
            (Level::Degraded, "a/job/j".into(), "has no pod, none was made for 5m, of cronjob/nightly".into())
        );
        found.refused = Some("pods \"j-x\" is forbidden".into());
        assert_eq!(
            found.cause().unwrap().told(),
            "its pods are refused, none was made for 5m, of cronjob/nightly, \"pods \"j-x\" is forbidden\""
        );
        for (spec, status) in [
            (json!({}), json!({"startTime": "2026-01-01T00:09:50Z"})),
            (json!({}), json!({"startTime": begun, "active": 1})),
            (json!({}), json!({"startTime": begun, "failed": 1})),
            (json!({"suspend": true}), json!({"startTime": begun})),
            (json!({"parallelism": 0}), json!({"startTime": begun})),
            (json!({"managedBy": "a.io/x"}), json!({"startTime": begun})),
            (json!({}), json!({"startTime": begun, "conditions": [{"type": "Failed", "status": "True"}]})),
        ] {
            assert_eq!(podless(&with(spec.clone(), status.clone()), now()), None, "{spec} {status}");
        }
    }

    #[test]
    fn a_cron_job_that_never_succeeds_is_told() {
        let of = |status: Value| {
            let object = json!({"metadata": {"name": "r", "namespace": "a", "creationTimestamp": "2025-12-31T23:00:00Z"}, "status": status});
            cron_job(&object, now()).map(|cause| cause.told())
        };
        let scheduled = "2026-01-01T00:09:00Z";
        assert_eq!(
            of(json!({"lastScheduleTime": scheduled})).as_deref(),
            Some("no run has ever succeeded, last scheduled 60s ago")
        );
        assert_eq!(of(json!({"lastScheduleTime": scheduled, "lastSuccessfulTime": scheduled})), None);
        assert_eq!(of(json!({"lastScheduleTime": scheduled, "active": [{"name": "r-1"}]})), None);
        assert_eq!(of(json!({})), None);
        let suspended = json!({"metadata": {"name": "r", "namespace": "a"}, "spec": {"suspend": true}});
        assert_eq!(cron_job(&suspended, now()).unwrap().level, Level::Note);
    }

    #[test]
    fn every_violation_of_pod_security_is_told() {
        let refused = "create Pod st-0 in StatefulSet st failed error: pods \"st-0\" is forbidden: violates PodSecurity \"restricted:latest\": allowPrivilegeEscalation != false (container \"main\" must set securityContext.allowPrivilegeEscalation=false), unrestricted capabilities (container \"main\" must set securityContext.capabilities.drop=[\"ALL\"]), seccompProfile (pod or container \"main\" must set it)";
        assert_eq!(
            refusal_words(refused),
            "violates PodSecurity \"restricted:latest\": allowPrivilegeEscalation != false, unrestricted capabilities, seccompProfile"
        );
        assert_eq!(refusal_words("no"), "no");
    }

    #[test]
    fn who_refuses() {
        for (message, expected) in [
            (
                "pods \"b-1\" is forbidden: exceeded quota: team, requested: pods=1, used: pods=1, limited: pods=1",
                Some(Refusal::Quota("team".into(), "requested: pods=1, used: pods=1, limited: pods=1".into())),
            ),
            (
                "Internal error occurred: failed calling webhook \"policy.example.com\": failed to call webhook: Post",
                Some(Refusal::Webhook("policy.example.com".into())),
            ),
            ("pods \"b\" is forbidden: violates PodSecurity", None),
        ] {
            assert_eq!(refusal(message), expected);
        }
    }

    #[test]
    fn jobs() {
        let with = |kind: &str, reason: &str, at: &str| json!({"metadata": {"name": "m", "namespace": "a"}, "status": {"failed": 2, "conditions": [{"type": kind, "status": "True", "reason": reason, "message": "long", "lastTransitionTime": at}]}});
        let Job::Failed(cause) = job(&with("Failed", "BackoffLimitExceeded", "2026-01-01T00:08:00Z"), now()) else {
            panic!()
        };
        assert_eq!((cause.level, cause.told().as_str()), (Level::Degraded, "failed 2m ago, BackoffLimitExceeded"));
        let Job::Failed(cause) = job(&with("Failed", "PodFailurePolicy", "2025-12-01T00:08:00Z"), now()) else {
            panic!()
        };
        assert_eq!((cause.level, cause.told().as_str()), (Level::Note, "failed 31d ago, PodFailurePolicy, \"long\""));
        assert_eq!(job(&with("Complete", "", ""), now()), Job::Complete);
        assert_eq!(job(&json!({"status": {"failed": 2}}), now()), Job::Active { failed: 2 });
        let cron = json!({"status": {"lastSuccessfulTime": "2026-01-01T00:00:00Z"}});
        let at = |at: &str| Some(at.parse().unwrap());
        assert!(has_recovered(&cron, at("2025-12-31T00:00:00Z")) && !has_recovered(&cron, at("2026-01-01T00:05:00Z")));
    }
}
