//! Check runs and commit statuses as one verdict. Pure.
//!
//! A verdict of success is only given when everything was seen and everything succeeded: a source that could not be read, a required check that has not
//! reported and a word this server does not know each stand against it.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Serialize;
use shared::Untrusted;

/// How one check ended, or has not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It failed, timed out, was cancelled, wants something done, or says what this server does not know.
    Failure,
    /// It has not ended.
    Pending,
    /// It succeeded, had nothing to do, or has no opinion.
    Success,
}

/// How all of them ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// All succeeded.
    Success,
    /// One failed.
    Failure,
    /// None failed and some have not ended, or a required one has not begun.
    Pending,
    /// There are none.
    None,
    /// None failed of those that could be seen, and not all could be.
    Unknown,
}

impl Verdict {
    /// As it is written.
    pub fn word(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Pending => "pending",
            Self::None => "none",
            Self::Unknown => "unknown",
        }
    }
}

/// One check, whichever way it was reported.
#[derive(Clone, Debug)]
pub struct Check {
    /// The name it is required by.
    pub name: String,
    /// How it ended.
    pub outcome: Outcome,
    /// GitHub's word for it.
    pub word: String,
}

/// What `status` and `conclusion` of a check run mean.
pub fn run(status: Option<&str>, conclusion: Option<&str>) -> (Outcome, String) {
    let word = |text: Option<&str>| crate::words::word(text);
    match (status, conclusion) {
        (Some("completed"), Some("success" | "neutral" | "skipped")) => (Outcome::Success, word(conclusion)),
        (Some("completed"), conclusion) => (Outcome::Failure, word(conclusion)),
        // Whatever its name, it has not ended.
        (status, None) => (Outcome::Pending, word(status)),
        (_, conclusion) => (Outcome::Failure, word(conclusion)),
    }
}

/// What the state of a commit status means.
pub fn status(state: Option<&str>) -> (Outcome, String) {
    let outcome = match state {
        Some("success") => Outcome::Success,
        Some("pending" | "expected") => Outcome::Pending,
        _ => Outcome::Failure,
    };
    (outcome, crate::words::word(state))
}

/// Checks counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Summary {
    /// The verdict.
    pub verdict: Verdict,
    /// Checks that failed.
    pub failing: u64,
    /// Checks that have not ended.
    pub pending: u64,
    /// Checks that succeeded.
    pub succeeded: u64,
    /// How many of the failing are required; absent where that could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failing_required: Option<u64>,
    /// Required checks that have not reported at all.
    pub missing: Vec<Untrusted>,
}

/// Judges `checks`. `required` are the names a merge needs, where that could be read; `whole` says whether every source of checks could be.
pub fn judge(checks: &[Check], required: Option<&BTreeSet<String>>, whole: bool) -> Summary {
    let count = |wanted: Outcome| checks.iter().filter(|check| check.outcome == wanted).count() as u64;
    let reported: BTreeSet<&str> = checks.iter().map(|check| check.name.as_str()).collect();
    let missing: Vec<Untrusted> = required
        .into_iter()
        .flatten()
        .filter(|name| !reported.contains(name.as_str()))
        .map(|name| Untrusted::line(name))
        .collect();
    let failing_required = required.map(|required| {
        let failing = checks.iter().filter(|check| check.outcome == Outcome::Failure);
        failing.filter(|check| required.contains(&check.name)).count() as u64
    });
    let (failing, pending, succeeded) = (count(Outcome::Failure), count(Outcome::Pending), count(Outcome::Success));
    let verdict = match () {
        () if failing > 0 => Verdict::Failure,
        () if pending > 0 => Verdict::Pending,
        () if !whole => Verdict::Unknown,
        () if !missing.is_empty() => Verdict::Pending,
        () if succeeded == 0 => Verdict::None,
        () => Verdict::Success,
    };
    Summary { verdict, failing, pending, succeeded, failing_required, missing }
}

impl Summary {
    /// Its line: `failure: 2 of 14 failing (1 required), 1 pending`.
    pub fn line(&self) -> String {
        let all = self.failing + self.pending + self.succeeded;
        let mut parts = Vec::new();
        if self.failing > 0 {
            let required = match self.failing_required {
                Some(0) => " (none of them required)".to_owned(),
                Some(required) if required == self.failing => " (required)".to_owned(),
                Some(required) => format!(" ({required} required)"),
                None => String::new(),
            };
            parts.push(format!("{} of {all} failing{required}", self.failing));
        }
        if self.pending > 0 {
            parts.push(format!("{} of {all} pending", self.pending));
        }
        if self.failing == 0 && self.pending == 0 {
            parts.push(if all == 0 { "no check has reported".to_owned() } else { format!("all {all} succeeded") });
        }
        if self.verdict == Verdict::Unknown {
            parts.push("not everything could be looked at".to_owned());
        }
        let missing: Vec<String> = self.missing.iter().map(|name| name.quoted().to_string()).collect();
        if !missing.is_empty() {
            parts.push(format!("required and not reported yet: {}", missing.join(", ")));
        }
        format!("{}: {}", self.verdict.word(), parts.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, outcome: Outcome) -> Check {
        Check { name: name.to_owned(), outcome, word: String::new() }
    }

    #[test]
    fn words_of_check_runs() {
        for (status, conclusion, outcome, word) in [
            (Some("completed"), Some("success"), Outcome::Success, "success"),
            (Some("completed"), Some("neutral"), Outcome::Success, "neutral"),
            (Some("completed"), Some("skipped"), Outcome::Success, "skipped"),
            (Some("completed"), Some("timed_out"), Outcome::Failure, "timed_out"),
            (Some("completed"), Some("cancelled"), Outcome::Failure, "cancelled"),
            (Some("completed"), Some("action_required"), Outcome::Failure, "action_required"),
            (Some("completed"), Some("stale"), Outcome::Failure, "stale"),
            (Some("completed"), Some("exploded"), Outcome::Failure, "exploded"),
            (Some("completed"), None, Outcome::Failure, "unknown"),
            (Some("in_progress"), None, Outcome::Pending, "in_progress"),
            (Some("queued"), None, Outcome::Pending, "queued"),
            (Some("waiting_for_godot"), None, Outcome::Pending, "waiting_for_godot"),
            (None, None, Outcome::Pending, "unknown"),
        ] {
            assert_eq!(run(status, conclusion), (outcome, word.to_owned()), "{status:?} {conclusion:?}");
        }
        assert_eq!(super::status(Some("error")).0, Outcome::Failure);
        assert_eq!(super::status(Some("pending")).0, Outcome::Pending);
        assert_eq!(super::status(Some("new")).0, Outcome::Failure);
    }

    #[test]
    fn success_is_everything_seen_and_everything_well() {
        let required = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
        let (good, bad, open) =
            (check("a", Outcome::Success), check("b", Outcome::Failure), check("c", Outcome::Pending));
        for (checks, needed, whole, line) in [
            (vec![good.clone()], Some(required(&["a"])), true, "success: all 1 succeeded"),
            (vec![good.clone()], None, true, "success: all 1 succeeded"),
            (vec![], None, true, "none: no check has reported"),
            (
                vec![],
                Some(required(&["a"])),
                true,
                "pending: no check has reported; required and not reported yet: `a`",
            ),
            (
                vec![good.clone()],
                Some(required(&["x"])),
                true,
                "pending: all 1 succeeded; required and not reported yet: `x`",
            ),
            (vec![good.clone()], None, false, "unknown: all 1 succeeded; not everything could be looked at"),
            (vec![], None, false, "unknown: no check has reported; not everything could be looked at"),
            (vec![good.clone(), bad.clone()], Some(required(&["b"])), true, "failure: 1 of 2 failing (required)"),
            (
                vec![good.clone(), bad.clone()],
                Some(required(&["a"])),
                true,
                "failure: 1 of 2 failing (none of them required)",
            ),
            (vec![good.clone(), bad.clone()], None, false, "failure: 1 of 2 failing"),
            (vec![open.clone(), bad.clone()], None, true, "failure: 1 of 2 failing; 1 of 2 pending"),
            (vec![open, good], None, true, "pending: 1 of 2 pending"),
        ] {
            assert_eq!(judge(&checks, needed.as_ref(), whole).line(), line);
        }
    }
}
