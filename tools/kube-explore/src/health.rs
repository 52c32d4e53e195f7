//! What is wrong with a cluster, and how wrong: rules over objects and rows, without a request of their own.
//!
//! What a row of a table shows to be well is not looked at again ([`columns`]); of pods that look alike some are looked at ([`group`]), who
//! speak for the others if they have one maker ([`apart`]).
//! Each rule says what is wrong with one object; [`fold`] makes one cause of what belongs together, and ranks the causes.

use schemars::JsonSchema;
use serde::Serialize;

pub mod alike;
pub mod apart;
pub mod calls;
pub mod columns;
pub mod conditions;
pub mod container;
pub mod event;
pub mod finding;
pub mod fold;
pub mod group;
pub mod node;
pub mod pod;
pub mod seen;
pub mod service;
pub mod tell;
pub mod volume;
pub mod webhook;
pub mod words;
pub mod workload;

/// How bad a cause is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Level {
    /// Worth knowing, and no trouble.
    Note,
    /// Something does not work as it should.
    Degraded,
    /// Something does not work at all.
    Critical,
}

impl Level {
    /// As a line begins.
    pub fn word(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Degraded => "DEGRADED",
            Self::Critical => "CRITICAL",
        }
    }
}

/// How a cluster is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Verdict {
    /// Nothing is wrong.
    Healthy,
    /// Something is.
    Degraded,
    /// Something does not work at all.
    Critical,
    /// What would tell could not be read.
    Unknown,
}

impl Verdict {
    /// Of causes that are ranked, where `blind` says that what would decide could not be read.
    pub fn of(causes: &[Cause], blind: bool) -> Self {
        match causes.iter().map(|cause| cause.level).max() {
            Some(Level::Critical) => Self::Critical,
            Some(Level::Degraded) => Self::Degraded,
            _ if blind => Self::Unknown,
            _ => Self::Healthy,
        }
    }

    /// As an answer begins.
    pub fn word(self) -> &'static str {
        match self {
            Self::Healthy => "HEALTHY",
            Self::Degraded => "DEGRADED",
            Self::Critical => "CRITICAL",
            Self::Unknown => "UNKNOWN",
        }
    }
}

/// Where more is said of a cause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// In the log of a container.
    Log {
        /// The pod.
        pod: About,
        /// The container, and whether it is the run before.
        log: finding::Log,
    },
    /// In the warnings about an object.
    Events(About),
}

/// Which object events are about. A name alone says nothing: a job may be called as a stateful set is, and as one that was there before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// Its kind, as events call it.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// Its identity; empty where it is not known.
    pub uid: String,
}

impl About {
    /// A pod.
    pub fn pod(name: &str, uid: &str) -> Self {
        Self { kind: "Pod", name: name.to_owned(), uid: uid.to_owned() }
    }

    /// As a field selector of events.
    pub fn selector(&self) -> String {
        let Self { kind, name, uid } = self;
        let uid = if uid.is_empty() { String::new() } else { format!(",involvedObject.uid={uid}") };
        format!("involvedObject.kind={kind},involvedObject.name={name}{uid}")
    }
}

/// Something that is wrong, with all that comes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// How bad it is.
    pub level: Level,
    /// Its namespace; empty for what has none.
    pub namespace: String,
    /// Its kind in lower case.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// In a word.
    pub reason: String,
    /// What else is known, in a few words each.
    pub facts: Vec<String>,
    /// What the cluster, or a log, says.
    pub said: Option<String>,
    /// How many objects are affected.
    pub affected: u64,
    /// Where more is said.
    pub evidence: Option<Evidence>,
}

impl Cause {
    /// A cause that affects itself.
    pub fn new(level: Level, (namespace, kind, name): (&str, &str, &str), reason: &str) -> Self {
        Self {
            level,
            namespace: namespace.to_owned(),
            kind: kind.to_owned(),
            name: name.to_owned(),
            reason: words::brief(reason),
            facts: Vec::new(),
            said: None,
            affected: 1,
            evidence: None,
        }
    }

    /// With another fact.
    #[must_use]
    pub fn fact(mut self, fact: impl Into<String>) -> Self {
        self.facts.push(fact.into());
        self
    }

    /// With what the cluster says, if it says anything.
    #[must_use]
    pub fn said(mut self, message: &str) -> Self {
        let message = words::brief(message);
        if !message.is_empty() {
            self.said = Some(message);
        }
        self
    }

    /// With where more is said.
    #[must_use]
    pub fn see(mut self, evidence: Evidence) -> Self {
        self.evidence = Some(evidence);
        self
    }

    /// `payments/deployment/api`, `node/n1`.
    pub fn object(&self) -> String {
        let Self { namespace, kind, name, .. } = self;
        if namespace.is_empty() { format!("{kind}/{name}") } else { format!("{namespace}/{kind}/{name}") }
    }

    /// Everything behind the object: `CrashLoopBackOff ×3 pods, exit 3, "FATAL: cannot open db"`.
    pub fn told(&self) -> String {
        let mut told = self.reason.clone();
        for fact in &self.facts {
            // A number belongs to the word before it.
            told.push_str(if fact.starts_with('×') { " " } else { ", " });
            told.push_str(fact);
        }
        if let Some(said) = &self.said {
            told.push_str(&format!(", \"{said}\""));
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_asked_for_by_all_that_is_known() {
        assert_eq!(About::pod("p", "").selector(), "involvedObject.kind=Pod,involvedObject.name=p");
        assert_eq!(
            About { kind: "Job", ..About::pod("db", "u-1") }.selector(),
            "involvedObject.kind=Job,involvedObject.name=db,involvedObject.uid=u-1"
        );
    }
}
