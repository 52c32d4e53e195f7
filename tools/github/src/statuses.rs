//! What reported on a commit: check runs, which Actions and apps make, and commit statuses, which everybody else does.

use std::collections::BTreeSet;

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
    verdict::{self, Check, Outcome, Summary},
    words::{lasting, or_default, seconds_between, without_null},
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
    pub details_url: Option<String>,
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
    slug: Option<String>,
}

impl Run {
    /// The job of Actions that it is, if it is one.
    pub fn job(&self) -> Option<u64> {
        let actions = self.app.as_ref().and_then(|app| app.slug.as_deref()) == Some("github-actions");
        let of =
            |url: &Option<String>| url.as_deref()?.split_once("/job/")?.1.split(['/', '?', '#']).next()?.parse().ok();
        actions.then(|| of(&self.details_url).or_else(|| of(&self.html_url)).unwrap_or(self.id))
    }
}

#[derive(Deserialize)]
struct Runs {
    #[serde(default, deserialize_with = "or_default")]
    total_count: u64,
    #[serde(default, deserialize_with = "without_null")]
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
    #[serde(default, deserialize_with = "without_null")]
    statuses: Vec<Status>,
}

impl Page for Statuses {
    type Item = Status;

    fn open(self) -> (Vec<Status>, Option<u64>) {
        (self.statuses, None)
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
            let error = shared::ToolError::new(shared::Code::TooLarge, format!("there are more than {}", PAGES * 100));
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
    let names: Option<&BTreeSet<String>> = required.map(|required| &required.names);
    let is_required = |name: &str| names.map(|names| names.contains(name));
    let mut all: Vec<(Check, Shown, Option<Run>)> = Vec::new();
    for run in runs {
        let (outcome, word) = verdict::run(run.status.as_deref(), run.conclusion.as_deref());
        let took = seconds_between(run.started_at.as_deref(), run.completed_at.as_deref()).map(lasting);
        let says = run.output.as_ref().and_then(|output| output.title.as_deref());
        let shown = Shown {
            name: Untrusted::line(&run.name),
            outcome,
            word: word.clone(),
            required: is_required(&run.name),
            took,
            says: short(says),
            url: Untrusted::line(run.html_url.as_deref().or(run.details_url.as_deref()).unwrap_or_default()),
        };
        all.push((Check { name: run.name.clone(), outcome, word }, shown, Some(run)));
    }
    for status in statuses {
        let (outcome, word) = verdict::status(status.state.as_deref());
        let shown = Shown {
            name: Untrusted::line(&status.context),
            outcome,
            word: word.clone(),
            required: is_required(&status.context),
            took: None,
            says: short(status.description.as_deref()),
            url: Untrusted::line(status.target_url.as_deref().unwrap_or_default()),
        };
        all.push((Check { name: status.context, outcome, word }, shown, None));
    }
    all.sort_by(|(one, shown, _), (other, compared, _)| {
        let rank = |check: &Check, shown: &Shown| (check.outcome, shown.required != Some(true));
        rank(one, shown).cmp(&rank(other, compared)).then_with(|| one.name.cmp(&other.name))
    });
    let checks: Vec<Check> = all.iter().map(|(check, ..)| check.clone()).collect();
    let failing = all.iter().filter(|(check, ..)| check.outcome == Outcome::Failure);
    Reported {
        summary: verdict::judge(&checks, names, whole),
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
    use serde_json::json;

    use super::*;

    fn run(value: serde_json::Value) -> Run {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn a_job_is_found_by_its_address_and_only_of_actions() {
        let actions = json!({"slug": "github-actions"});
        let url = "https://github.com/acme/shop/actions/runs/7/job/42?pr=1";
        assert_eq!(run(json!({"id": 1, "app": actions, "details_url": url})).job(), Some(42));
        assert_eq!(run(json!({"id": 1, "app": actions, "details_url": null})).job(), Some(1));
        assert_eq!(run(json!({"id": 1, "app": {"slug": "circleci"}, "details_url": url})).job(), None);
        assert_eq!(run(json!({"id": 1, "app": null})).job(), None);
    }

    #[test]
    fn what_stands_in_the_way_comes_first() {
        let of = |name: &str, conclusion: &str| {
            run(json!({"id": 1, "name": name, "status": "completed", "conclusion": conclusion}))
        };
        let runs = vec![of("z", "success"), of("a", "failure"), of("needed", "failure")];
        let status: Status = serde_json::from_value(json!({"context": "ci/old", "state": "pending"})).unwrap();
        let required = Required { names: BTreeSet::from(["needed".to_owned()]), base: "main".into() };
        let found = reported(runs, vec![status], Some(&required), true);
        let names: Vec<Untrusted> = found.checks.iter().map(|check| check.name.clone()).collect();
        assert_eq!(names, ["needed", "a", "ci/old", "z"].map(Untrusted::line));
        assert_eq!(found.failing.len(), 2);
        assert_eq!(found.summary.line(), "failure: 2 of 4 failing (1 required); 1 of 4 pending");
    }
}
