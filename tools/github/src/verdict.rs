//! Check runs and commit statuses as one verdict. Pure.
//!
//! A verdict of success is only given when everything that reports was seen and all of it succeeded: a source that could not be read to its end, a required
//! check that has not reported and a word this server does not know each stand against it. Where it is not known what is required, the line says that.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Serialize;
use shared::Untrusted;

/// Required checks that are named when they are missing.
const NAMED: usize = 10;

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
    /// Who reported it.
    pub reporter: Reporter,
}

/// Who reported a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reporter {
    /// The app of this number.
    App(u64),
    /// Whoever set a commit status: GitHub does not tell by which app.
    Unknown,
}

/// A check that a merge needs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Need {
    /// Its name.
    pub name: String,
    /// The app it has to come from, where a rule says so: anybody's workflow may have a job of any name.
    pub app: Option<u64>,
}

impl Need {
    /// A check of this name, whoever reports it.
    pub fn named(name: &str) -> Self {
        Self { name: name.to_owned(), app: None }
    }

    fn is(&self, check: &Check) -> bool {
        let by = match (self.app, check.reporter) {
            (Some(app), Reporter::App(reporter)) => app == reporter,
            _ => true,
        };
        by && self.name == check.name
    }
}

impl Check {
    /// Whether a merge needs it; nothing where it is not known what a merge needs.
    pub fn required(&self, needs: Option<&BTreeSet<Need>>) -> Option<bool> {
        needs.map(|needs| needs.iter().any(|need| need.is(self)))
    }
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
    /// Whether every source of checks could be read to its end.
    pub whole: bool,
}

/// Judges `checks`. `needs` is what a merge needs, where that could be read; `whole` says whether every source of checks could be.
pub fn judge(checks: &[Check], needs: Option<&BTreeSet<Need>>, whole: bool) -> Summary {
    let count = |wanted: Outcome| checks.iter().filter(|check| check.outcome == wanted).count() as u64;
    let missing: BTreeSet<&str> = needs
        .into_iter()
        .flatten()
        .filter(|need| !checks.iter().any(|check| need.is(check)))
        .map(|need| need.name.as_str())
        .collect();
    let missing: Vec<Untrusted> = missing.into_iter().map(Untrusted::line).collect();
    let failing_required = needs.map(|_| {
        let failing = checks.iter().filter(|check| check.outcome == Outcome::Failure);
        failing.filter(|check| check.required(needs) == Some(true)).count() as u64
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
    Summary { verdict, failing, pending, succeeded, failing_required, missing, whole }
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
        if !self.whole {
            // First: who reads no further must not take what was seen for all there is.
            parts.insert(0, "not everything could be looked at".to_owned());
        }
        if self.failing_required.is_none() {
            parts.push("which are required is not known".to_owned());
        }
        let missing: Vec<String> = self.missing.iter().take(NAMED).map(|name| name.quoted().to_string()).collect();
        if !missing.is_empty() {
            let more = match self.missing.len() - missing.len() {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            parts.push(format!("required and not reported yet: {}{more}", missing.join(", ")));
        }
        format!("{}: {}", self.verdict.word(), parts.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, outcome: Outcome) -> Check {
        Check { name: name.to_owned(), outcome, reporter: Reporter::App(15368) }
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
        let required = |names: &[&str]| names.iter().map(|name| Need::named(name)).collect::<BTreeSet<_>>();
        let (good, bad, open) =
            (check("a", Outcome::Success), check("b", Outcome::Failure), check("c", Outcome::Pending));
        for (checks, needed, whole, line) in [
            (vec![good.clone()], Some(required(&["a"])), true, "success: all 1 succeeded"),
            (vec![good.clone()], None, true, "success: all 1 succeeded; which are required is not known"),
            (vec![], None, true, "none: no check has reported; which are required is not known"),
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
            (
                vec![good.clone()],
                None,
                false,
                "unknown: not everything could be looked at; all 1 succeeded; which are required is not known",
            ),
            (
                vec![],
                None,
                false,
                "unknown: not everything could be looked at; no check has reported; which are required is not known",
            ),
            (vec![good.clone(), bad.clone()], Some(required(&["b"])), true, "failure: 1 of 2 failing (required)"),
            (
                vec![good.clone(), bad.clone()],
                Some(required(&["a"])),
                true,
                "failure: 1 of 2 failing (none of them required)",
            ),
            (
                vec![good.clone(), bad.clone()],
                None,
                false,
                "failure: not everything could be looked at; 1 of 2 failing; which are required is not known",
            ),
            (
                vec![open.clone(), bad.clone()],
                None,
                true,
                "failure: 1 of 2 failing; 1 of 2 pending; which are required is not known",
            ),
            (vec![open, good], None, true, "pending: 1 of 2 pending; which are required is not known"),
        ] {
            assert_eq!(judge(&checks, needed.as_ref(), whole).line(), line);
        }
    }

    #[test]
    fn a_job_of_the_same_name_is_not_what_another_app_has_to_say() {
        let needs = BTreeSet::from([Need { name: "scan".into(), app: Some(4242) }]);
        let own = check("scan", Outcome::Success);
        assert_eq!(own.required(Some(&needs)), Some(false));
        let summary = judge(std::slice::from_ref(&own), Some(&needs), true);
        assert_eq!(summary.line(), "pending: all 1 succeeded; required and not reported yet: `scan`");
        let right = Check { reporter: Reporter::App(4242), ..own.clone() };
        assert_eq!(judge(&[right], Some(&needs), true).verdict, Verdict::Success);
        // Of a commit status GitHub does not tell the app.
        let status = Check { reporter: Reporter::Unknown, ..own };
        assert_eq!(judge(&[status], Some(&needs), true).verdict, Verdict::Success);
    }
}
