//! What is found of one pod.

use std::collections::BTreeMap;

/// How many seconds something may take to start before it counts as trouble.
pub const STARTING: i64 = 30;

/// What kind of trouble. What comes later explains what comes before it: of several findings the greatest is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// None: it is too early to say.
    Starting,
    /// None any more: it was restarted a short time ago, and runs.
    Restarted,
    /// It was deleted, and does not go.
    Terminating,
    /// It runs, and is not ready.
    NotReady,
    /// It does not come to run, and nothing says why.
    Waiting,
    /// It has ended, and not well.
    Ended,
    /// It runs, and is restarted again and again.
    Restarting,
    /// No node takes it.
    Unscheduled,
    /// There is no image.
    Image,
    /// It cannot be begun.
    Config,
    /// It ends again and again.
    Crash,
    /// Its node is gone.
    Lost,
}

impl Class {
    /// Whether a moment more or less changes nothing.
    pub fn is_definite(self) -> bool {
        matches!(self, Self::Image | Self::Config | Self::Crash | Self::Unscheduled | Self::Lost)
    }
}

/// Whose log says more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// The container.
    pub container: String,
    /// Whether it is that of the run before.
    pub previous: bool,
}

/// Why a pod is not well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What kind of trouble.
    pub class: Class,
    /// In a word.
    pub reason: String,
    /// What else is known.
    pub facts: Vec<String>,
    /// What the cluster says.
    pub said: Option<String>,
    /// Whose log says more.
    pub log: Option<Log>,
}

impl Finding {
    /// A finding.
    pub fn new(class: Class, reason: &str) -> Self {
        Self { class, reason: super::words::brief(reason), facts: Vec::new(), said: None, log: None }
    }

    /// With what the cluster says, if it says anything.
    pub fn said(&mut self, said: String) {
        if !said.is_empty() {
            self.said = Some(said);
        }
    }
}

/// What is known of a pod that was looked at.
#[derive(Clone, Debug, Default)]
pub struct Pod {
    /// Why it is not well; nothing if it is.
    pub finding: Option<Finding>,
    /// What made it: kind in lower case, and name.
    pub owner: Option<(String, String)>,
    /// Where it runs.
    pub node: String,
    /// The volume claims it uses.
    pub claims: Vec<String>,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its identity.
    pub uid: String,
}
