//! `github_get_check_runs`: whether a commit's checks succeeded, and why not.

use std::{sync::Arc, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shared::{Annotations, Answer, Call, List, Read, Records, Result, Text, Tool, Untrusted};

use crate::{
    Github,
    failure::Refusal,
    logs::{self, Cause},
    pull::Pull,
    repo::Repo,
    required, segment,
    statuses::{self, Shown},
    unread::{self, Unread},
    verdict::{Outcome, Summary},
    words::short,
};

/// Failing checks whose logs are looked at.
const LOGS: usize = 5;

/// The tool.
pub struct GetCheckRuns;

/// Parameters.
#[derive(Deserialize, JsonSchema)]
pub struct Params {
    /// User or organisation.
    owner: String,
    /// Repository name.
    repo: String,
    /// Branch, tag or commit id; `#12` is the head of pull request 12.
    #[serde(rename = "ref")]
    reference: String,
}

/// The answer.
#[derive(Serialize, JsonSchema)]
pub struct Found {
    /// The repository.
    repository: String,
    /// What was asked about.
    #[serde(rename = "ref")]
    reference: Untrusted,
    /// The commit it stands at, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    commit: Option<String>,
    /// The verdict and the counts.
    summary: Summary,
    /// Whose rules say what is required; absent where that could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    rules: Option<String>,
    /// Why checks failed.
    causes: Records<Cause>,
    /// Every check, failing ones first.
    checks: Records<Shown>,
    /// What could not be looked at.
    unread: Records<Unread>,
}

impl Answer for Found {
    fn text(&self, text: &mut Text<'_>) {
        let commit = self.commit.as_ref().map(|commit| format!(" ({commit})")).unwrap_or_default();
        let rules = self.rules.as_ref().map(|rules| format!("; {rules}")).unwrap_or_default();
        text.line(format_args!(
            "{} {}{commit}: {}{rules}",
            self.repository,
            self.reference.quoted(),
            self.summary.line()
        ));
        for cause in self.causes.shown() {
            text.line(format_args!("{} failed, {}:", cause.check.quoted(), cause.from));
            text.framed(|inside| cause.text.inside(inside).to_owned());
        }
        if !self.causes.is_empty() {
            text.line("all checks:");
        }
        text.records(&self.checks, |check, inside| {
            let required = if check.required == Some(true) { ", required" } else { "" };
            let took = check.took.as_ref().map(|took| format!(" in {took}")).unwrap_or_default();
            let says = if check.says.is_empty() { String::new() } else { format!(": {}", check.says.inside(inside)) };
            let url = match check.outcome {
                Outcome::Failure if !check.url.is_empty() => format!(" {}", check.url.inside(inside)),
                _ => String::new(),
            };
            format!("{}{required}{took}  {}{says}{url}", check.word, check.name.inside(inside))
        });
        unread::write(&self.unread, text);
    }

    fn lists(&mut self) -> Vec<&mut dyn List> {
        vec![&mut self.unread, &mut self.causes, &mut self.checks]
    }
}

impl Tool for GetCheckRuns {
    const NAME: &'static str = "github_get_check_runs";
    const TITLE: &'static str = "Judge the checks of a commit";
    const DESCRIPTION: &'static str = "Check runs and commit statuses of a ref as one verdict (success, failure, pending, none), which of them \
         are required, and of failing ones the log around the first error.";
    const EXAMPLE: &'static str = "owner=acme repo=shop ref=#12";
    const ANNOTATIONS: Annotations = Annotations::READ_REMOTE;
    const TIMEOUT: Duration = Duration::from_secs(120);

    type Access = Read;
    type Server = Github;
    type Params = Params;
    type Output = Found;

    async fn run(server: Arc<Github>, params: Params, call: Call) -> Result<Found> {
        let asked = asked(&params.reference)?;
        let repo = server.repo(&call, &params.owner, &params.repo)?;
        let (commit, required) = resolve(&repo, &asked).await?;
        let mut unread = Vec::new();
        let reported = statuses::read(&repo, &commit, required, &mut unread).await?;
        let mut causes = Vec::new();
        for run in reported.failing.iter().take(LOGS) {
            causes.extend(logs::cause(&repo, run, &mut unread).await);
            call.check()?;
        }
        if reported.failing.len() > LOGS {
            let error = shared::ToolError::new(
                shared::Code::TooLarge,
                format!("only those of the first {LOGS} failing checks were read"),
            )
            .hint("mend these first, or open the others by their links");
            unread.push(Unread::new("the other logs", &error));
        }
        let known = commit.bytes().all(|byte| byte.is_ascii_hexdigit()) && commit.len() >= 40;
        Ok(Found {
            repository: repo.scope(),
            reference: Untrusted::line(&params.reference),
            commit: known.then(|| short(Some(&commit))),
            summary: reported.summary,
            rules: reported.rules,
            causes: Records::all("logs", causes),
            checks: Records::all("checks", reported.checks),
            unread: Records::all("notes", unread),
        })
    }
}

/// What a caller means by `ref`.
enum Asked {
    Pull(u64),
    Ref(String),
}

/// # Errors
/// [`shared::Code::InvalidArgument`] for what is neither a pull request nor a ref.
fn asked(given: &str) -> Result<Asked> {
    let number = given
        .strip_prefix('#')
        .or_else(|| {
            given
                .strip_prefix("refs/pull/")
                .or_else(|| given.strip_prefix("pull/"))
                .map(|rest| rest.strip_suffix("/head").unwrap_or(rest))
        })
        .map(str::parse);
    match number {
        Some(Ok(number)) if number > 0 => Ok(Asked::Pull(number)),
        _ => segment::reference("ref", given).map(|given| Asked::Ref(given.to_owned())),
    }
}

/// The commit to ask about, and what is required of it. Of a pull request, one question answers both; without a token it is asked the longer way.
async fn resolve(repo: &Repo, asked: &Asked) -> Result<(String, Result<required::Required, Refusal>)> {
    match asked {
        Asked::Ref(name) => {
            let required = required::of_commit(repo, name).await;
            // Asked by its id, so that all sources speak of one commit, even if the branch moves on.
            let commit = required.as_ref().ok().and_then(|asked| asked.commit.clone());
            Ok((commit.unwrap_or_else(|| name.clone()), required.map(|asked| asked.required)))
        }
        Asked::Pull(number) => {
            let required = required::of_pull(repo, *number).await;
            if let Ok(required::Asked { commit: Some(commit), required }) = required {
                return Ok((commit, Ok(required)));
            }
            let pull =
                repo.read::<Pull>(&format!("read pull request #{number}"), &format!("pulls/{number}"), "").await?.value;
            let commit = pull.head.and_then(|head| head.sha);
            let commit = commit.ok_or_else(|| {
                shared::ToolError::new(shared::Code::Unavailable, format!("GitHub does not tell the head of #{number}"))
                    .hint("pass its branch or commit id as ref")
            })?;
            Ok((segment::reference("ref", &commit)?.to_owned(), required.map(|asked| asked.required)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pull_request_can_be_meant_in_several_ways() {
        for (given, expected) in [("#12", 12), ("pull/12", 12), ("pull/12/head", 12), ("refs/pull/12/head", 12)] {
            assert!(matches!(asked(given), Ok(Asked::Pull(number)) if number == expected), "{given}");
        }
        // A branch may be called so.
        for given in ["12", "pull/12/merge", "main", "pull/x"] {
            assert!(matches!(asked(given), Ok(Asked::Ref(name)) if name == given), "{given}");
        }
        for given in ["", "#x y", "a..b", "-x"] {
            assert!(asked(given).is_err(), "{given}");
        }
    }
}
