//! Why a container does not run: its states, and how it ended before.

use jiff::Timestamp;
use serde_json::Value;

use super::{
    finding::{Class, Finding, Log, STARTING},
    words,
};
use crate::field::{ago, each, lasting, number, text, time, yes};

/// For how long a restart is worth a mention.
pub const RECENT: i64 = 600;
/// How long an init container may run before it is said to hang.
const INIT: i64 = 60;

/// What a pod says of one of its containers.
pub struct Container<'p> {
    /// Its status.
    pub status: &'p Value,
    /// Its part of the spec.
    pub spec: Option<&'p Value>,
    /// Whether others wait for its end.
    pub init: bool,
    /// Whether it is begun anew when it ends well.
    pub restarts: bool,
    /// Since when the pod could have been ready.
    pub since: Option<Timestamp>,
}

impl Container<'_> {
    /// Why it is not well.
    pub fn judge(&self, now: Timestamp) -> Option<Finding> {
        if let Some(waiting) = self.status.pointer("/state/waiting") {
            return self.waiting(waiting, now);
        }
        if let Some(ended) = self.status.pointer("/state/terminated") {
            return self.ended(ended);
        }
        let running = self.status.pointer("/state/running")?;
        let started = time(running, "/startedAt");
        let age = ago(started, now);
        if self.init {
            let mut finding = Finding::new(Class::Waiting, "init container does not end");
            finding.facts.push(format!("{} runs{}", text(self.status, "/name"), lasting(started, now)));
            finding.log = Some(self.log(false));
            if age.is_some_and(|age| age < INIT) {
                finding.class = Class::Starting;
            }
            return Some(finding);
        }
        let restarted = self.restarted(now);
        if yes(self.status, "/ready") {
            return restarted;
        }
        // It was ready before, if the pod's condition changed after this container began.
        let before = matches!((self.since, started), (Some(since), Some(started)) if since.as_second() > started.as_second() + 1);
        let since = if before { self.since } else { started };
        let mut finding = Finding::new(Class::NotReady, "not ready");
        finding.facts.push(if before {
            format!("it was ready until{} ago", lasting(since, now).replacen(" for", "", 1))
        } else {
            format!("it runs{}", lasting(since, now))
        });
        if !before && age.is_some_and(|age| age < self.patience()) {
            finding.class = Class::Starting;
        }
        restarted.into_iter().chain([self.named(finding)]).max_by_key(|finding| finding.class)
    }

    /// How long its probes let it take.
    fn patience(&self) -> i64 {
        let Some(spec) = self.spec else { return STARTING };
        let probe = |at: &str| spec.pointer(at);
        let startup = probe("/startupProbe").map_or(0, |probe| {
            let period = number(probe, "/periodSeconds").clamp(1, 3_600);
            let times = number(probe, "/failureThreshold").clamp(1, 1_000);
            number(probe, "/initialDelaySeconds").clamp(0, 3_600) + period * times
        });
        let ready = probe("/readinessProbe").map_or(0, |probe| number(probe, "/initialDelaySeconds").clamp(0, 3_600));
        STARTING + startup + ready
    }

    fn waiting(&self, waiting: &Value, now: Timestamp) -> Option<Finding> {
        let (reason, message) = (text(waiting, "/reason"), text(waiting, "/message"));
        let image = self.spec.map_or_else(|| text(self.status, "/image"), |spec| text(spec, "/image"));
        let finding = match reason {
            "CrashLoopBackOff" => self.crash(reason, self.status.pointer("/lastState/terminated")),
            "ErrImagePull"
            | "ImagePullBackOff"
            | "ErrImageNeverPull"
            | "InvalidImageName"
            | "ImageInspectError"
            | "RegistryUnavailable"
            | "SignatureValidationFailed" => {
                // The first is what it is called while it is tried, the second in between.
                let reason = if reason == "ErrImagePull" { "ImagePullBackOff" } else { reason };
                let mut finding = Finding::new(Class::Image, reason);
                finding.facts.push(format!("image {}", words::brief(image)));
                finding.said(words::pulling(message, image));
                finding
            }
            "ContainerCreating" | "PodInitializing" | "" => {
                let reason = if reason.is_empty() { "waiting" } else { reason };
                let mut finding = Finding::new(Class::Waiting, reason);
                finding.facts.push(format!("it waits{}", lasting(self.since, now)));
                // Whoever waits for init containers is not who is waited for.
                if reason == "PodInitializing" || ago(self.since, now).is_some_and(|age| age < STARTING) {
                    finding.class = Class::Starting;
                }
                finding.said(words::brief(message));
                finding
            }
            _ => {
                let mut finding = Finding::new(Class::Config, reason);
                finding.said(words::brief(message));
                if let Some(last) = self.status.pointer("/lastState/terminated") {
                    finding.facts.extend(exit(last, reason));
                }
                finding
            }
        };
        Some(self.named(finding))
    }

    fn ended(&self, ended: &Value) -> Option<Finding> {
        let code = ended.get("exitCode").and_then(Value::as_i64);
        if code == Some(0) && (self.init || !self.restarts) {
            return None;
        }
        let restarts = number(self.status, "/restartCount");
        // Once, and well: it has not been begun again yet.
        if code == Some(0) && restarts == 0 {
            return None;
        }
        let reason = Some(text(ended, "/reason")).filter(|reason| !reason.is_empty()).unwrap_or("Error");
        let mut finding = self.crash(reason, Some(ended));
        finding.log = Some(self.log(false));
        finding.class = if self.restarts { Class::Crash } else { Class::Ended };
        Some(self.named(finding))
    }

    fn restarted(&self, now: Timestamp) -> Option<Finding> {
        let last = self.status.pointer("/lastState/terminated")?;
        let restarts = number(self.status, "/restartCount");
        let age = ago(time(last, "/finishedAt"), now)?;
        if age > RECENT || restarts == 0 {
            return None;
        }
        // One that ends well may be told to, again and again: who does that stands in the events, and not in its log.
        let well = number(last, "/exitCode") == 0;
        let often = restarts > if well { 2 } else { 1 };
        let mut finding = self.crash("restarts", Some(last));
        if well {
            finding.log = None;
        }
        finding.facts.retain(|fact| !fact.ends_with("restarts"));
        let ended = time(last, "/finishedAt").map(|then| shared::kubernetes::age::shown(then, now));
        finding.facts.insert(0, format!("×{restarts}, the last {} ago", ended.unwrap_or_default()));
        finding.class = if often { Class::Restarting } else { Class::Restarted };
        Some(self.named(finding))
    }

    fn crash(&self, reason: &str, last: Option<&Value>) -> Finding {
        let mut finding = Finding::new(Class::Crash, reason);
        if let Some(last) = last {
            finding.facts.extend(exit(last, reason));
            let killed = text(last, "/reason") == "OOMKilled";
            let limit = self.spec.map_or("", |spec| text(spec, "/resources/limits/memory"));
            if killed && !limit.is_empty() {
                finding.facts.push(format!("memory limit {limit}"));
            }
            finding.said(words::brief(text(last, "/message")));
        }
        let restarts = number(self.status, "/restartCount");
        if restarts > 1 {
            finding.facts.push(format!("{restarts} restarts"));
        }
        finding.log = Some(self.log(true));
        finding
    }

    fn log(&self, previous: bool) -> Log {
        Log { container: text(self.status, "/name").to_owned(), previous }
    }

    fn named(&self, mut finding: Finding) -> Finding {
        let name = text(self.status, "/name");
        if self.init && !name.is_empty() {
            finding.facts.insert(0, format!("init container {name}"));
        }
        finding
    }
}

/// How it ended: `OOMKilled`, `exit 3`. What the reason says is not said again.
fn exit(ended: &Value, reason: &str) -> Vec<String> {
    let mut facts = Vec::new();
    let how = text(ended, "/reason");
    if !matches!(how, "" | "Error" | "Completed") && how != reason {
        facts.push(how.to_owned());
    }
    if let Some(code) = ended.get("exitCode").and_then(Value::as_i64) {
        facts.push(format!("exit {code}"));
    }
    if let Some(signal) = ended.get("signal").and_then(Value::as_i64).filter(|signal| *signal != 0) {
        facts.push(format!("signal {signal}"));
    }
    facts
}

/// The part of a spec that describes the container `name`.
pub fn spec<'p>(pod: &'p Value, list: &str, name: &str) -> Option<&'p Value> {
    each(pod, list).find(|container| text(container, "/name") == name)
}
