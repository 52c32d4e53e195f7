//! What reported on a commit: check runs, which Actions and apps make, and commit statuses, which everybody else does.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shared::Untrusted;

use crate::{
    failure::Refusal,
    list::{self, Ask, Page},
    repo::Repo,
    required::{self, Required},
    segment,
    unread::{Unread, or_note},
    verdict::{self, Check, Outcome, Reporter, Summary},
    words::{self, lasting, or_default, seconds_between},
};

/// Pages of a hundred that are read of each kind.
const PAGES: usize = 10;
/// Bytes of a description.
const DESCRIPTION_MAX: usize = 200;

/// A check run as GitHub sends it.
#[derive(Clone, Debug, Deserialize)]
pub struct Run {
    /// Its number; that of the job, when Actions made it.
    pub id: u64,
    /// Its name.
    #[serde(default, deserialize_with = "or_default")]
    pub name: String,
    status: Option<String>,
    conclusion: Option<String>,
    started_at: Option<String>,
    completed_at: Option<String>,
    /// Where its details are.
    details_url: Option<String>,
    html_url: Option<String>,
    /// What it says.
    pub output: Option<Output>,
    app: Option<App>,
}

/// What a check run says.
#[derive(Clone, Debug, Deserialize)]
pub struct Output {
    /// A line.
    pub title: Option<String>,
    /// Some more.
    pub summary: Option<String>,
    /// How many places in files it points at.
    #[serde(default, deserialize_with = "or_default")]
    pub annotations_count: u64,
}

#[derive(Clone, Debug, Deserialize)]
struct App {
    id: Option<u64>,
    slug: Option<String>,
}

impl Run {
    /// The job of Actions that it is, if it is one. A job and its check run have one number; what the run's addresses say is whoever made it's word.
    pub fn job(&self) -> Option<u64> {
        let actions = self.app.as_ref().and_then(|app| app.slug.as_deref()) == Some("github-actions");
        actions.then_some(self.id)
    }
}

#[derive(Deserialize)]
struct Runs {
    total_count: u64,
    #[serde(deserialize_with = "words::list")]
    check_runs: Vec<Run>,
}

impl Page for Runs {
    type Item = Run;

    fn open(self) -> (Vec<Run>, Option<u64>) {
        (self.check_runs, Some(self.total_count))
    }
}

/// A commit status as GitHub sends it.
#[derive(Clone, Debug, Deserialize)]
pub struct Status {
    #[serde(default, deserialize_with = "or_default")]
    context: String,
    state: Option<String>,
    description: Option<String>,
    target_url: Option<String>,
}

#[derive(Deserialize)]
struct Statuses {
    #[serde(default, deserialize_with = "or_default")]
    total_count: u64,
    #[serde(deserialize_with = "words::list")]
    statuses: Vec<Status>,
}

impl Page for Statuses {
    type Item = Status;

    fn open(self) -> (Vec<Status>, Option<u64>) {
        (self.statuses, Some(self.total_count))
    }
}

/// A check as an answer shows it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Shown {
    /// The name it is required by.
    pub name: Untrusted,
    /// How it ended.
    pub outcome: Outcome,
    /// GitHub's word for that.
    pub word: String,
    /// Whether a merge needs it; absent where that could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub required: Option<bool>,
    /// How long it took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub took: Option<String>,
    /// What it says itself, shortened.
    #[serde(skip_serializing_if = "Untrusted::is_empty")]
    pub says: Untrusted,
    /// Where a person looks at it.
    #[serde(skip_serializing_if = "Untrusted::is_empty")]
    pub url: Untrusted,
}

/// Everything that reported on a commit.
pub struct Reported {
    /// The verdict.
    pub summary: Summary,
    /// Every check: failing ones first, required ones before others.
    pub checks: Vec<Shown>,
    /// The failing check runs in the same order.
    pub failing: Vec<Run>,
    /// Whose rules say what is required.
    pub rules: Option<String>,
}

/// Reads what reported on `commit`, which is a ref that `segment::reference` let pass, or a commit's id. What could not be read goes to `unread`.
///
/// # Errors
/// When nothing at all could be read.
pub async fn read(
    repo: &Repo,
    commit: &str,
    required: Result<Required, Refusal>,
    unread: &mut Vec<Unread>,
) -> Result<Reported, Refusal> {
    let encoded = segment::encode(commit);
    let (runs_tail, status_tail) = (format!("commits/{encoded}/check-runs"), format!("commits/{encoded}/status"));
    let runs = Ask { doing: "read check runs", tail: &runs_tail, query: &[("filter", "latest")], limit: None };
    let statuses = Ask { doing: "read commit statuses", tail: &status_tail, query: &[], limit: None };
    let (runs, statuses) =
        tokio::join!(list::all::<Runs>(repo, &runs, PAGES), list::all::<Statuses>(repo, &statuses, PAGES));
    let (runs, statuses) = match (runs, statuses) {
        (Err(refusal), Err(_)) => return Err(refusal),
        both => both,
    };
    let mut whole = true;
    let mut taken = |whole_list: bool, what: &str| {
        if !whole_list {
            whole = false;
            let error = shared::ToolError::new(shared::Code::TooLarge, "GitHub counts more than it lists here");
            unread.push(Unread::new(what, &error));
        }
    };
    let mut unread_sources = Vec::new();
    let runs = or_note(runs, "check runs", &mut unread_sources);
    let statuses = or_note(statuses, "commit statuses", &mut unread_sources);
    let (runs, runs_whole) = runs.unwrap_or_default();
    let (statuses, statuses_whole) = statuses.unwrap_or_default();
    if unread_sources.is_empty() {
        taken(runs_whole, "the rest of the check runs");
        taken(statuses_whole, "the rest of the commit statuses");
    } else {
        whole = false;
    }
    unread.extend(unread_sources);
    let required = or_note(required, "which checks are required", unread);
    Ok(reported(runs, statuses, required.as_ref(), whole))
}

fn reported(runs: Vec<Run>, statuses: Vec<Status>, required: Option<&Required>, whole: bool) -> Reported {
    let needs = required.map(|required| &required.checks);
    let mut all: Vec<(Check, Shown, Option<Run>)> = Vec::new();
    for run in runs {
        let (outcome, word) = verdict::run(run.status.as_deref(), run.conclusion.as_deref());
        let app = Reporter::App(run.app.as_ref().and_then(|app| app.id).unwrap_or_default());
        let check = Check { name: run.name.clone(), outcome, reporter: app };
        let took = seconds_between(run.started_at.as_deref(), run.completed_at.as_deref()).map(lasting);
        let says = run.output.as_ref().and_then(|output| output.title.as_deref());
        let shown = Shown {
            name: Untrusted::line(&run.name),
            outcome,
            word,
            required: check.required(needs),
            took,
            says: short(says),
            url: Untrusted::line(run.html_url.as_deref().or(run.details_url.as_deref()).unwrap_or_default()),
        };
        all.push((check, shown, Some(run)));
    }
    for status in statuses {
        let (outcome, word) = verdict::status(status.state.as_deref());
        let check = Check { name: status.context.clone(), outcome, reporter: Reporter::Unknown };
        let shown = Shown {
            name: Untrusted::line(&status.context),
            outcome,
            word,
            required: check.required(needs),
            took: None,
            says: short(status.description.as_deref()),
            url: Untrusted::line(status.target_url.as_deref().unwrap_or_default()),
        };
        all.push((check, shown, None));
    }
    all.sort_by(|(one, shown, _), (other, compared, _)| {
        let rank = |check: &Check, shown: &Shown| (check.outcome, shown.required != Some(true));
        rank(one, shown).cmp(&rank(other, compared)).then_with(|| one.name.cmp(&other.name))
    });
    let checks: Vec<Check> = all.iter().map(|(check, ..)| check.clone()).collect();
    let failing = all.iter().filter(|(check, ..)| check.outcome == Outcome::Failure);
    Reported {
        summary: verdict::judge(&checks, needs, whole),
        failing: failing.filter_map(|(.., run)| run.clone()).collect(),
        rules: required.map(required::Required::line),
        checks: all.into_iter().map(|(_, shown, _)| shown).collect(),
    }
}

fn short(text: Option<&str>) -> Untrusted {
    let text = text.unwrap_or_default();
    Untrusted::line(&text[..text.floor_char_boundary(DESCRIPTION_MAX)])
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;
    use crate::verdict::Need;

    fn run(value: serde_json::Value) -> Run {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn what_stands_in_the_way_comes_first() {
        let of = |name: &str, conclusion: &str| {
            run(json!({"id": 1, "name": name, "status": "completed", "conclusion": conclusion}))
        };
        let runs = vec![of("z", "success"), of("a", "failure"), of("needed", "failure")];
        let status: Status = serde_json::from_value(json!({"context": "ci/old", "state": "pending"})).unwrap();
        let required = Required { checks: BTreeSet::from([Need::named("needed")]), base: "main".into() };
        let found = reported(runs, vec![status], Some(&required), true);
        let names: Vec<Untrusted> = found.checks.iter().map(|check| check.name.clone()).collect();
        assert_eq!(names, ["needed", "a", "ci/old", "z"].map(Untrusted::line));
        assert_eq!(found.failing.len(), 2);
        assert_eq!(found.summary.line(), "failure: 2 of 4 failing (1 required); 1 of 4 pending");
    }
}
