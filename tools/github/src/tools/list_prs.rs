//! `github_list_prs`: the pull requests of a repository.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shared::{Annotations, Answer, Call, List, Read, Records, Result, Text, Tool, Untrusted};

use crate::{
    Github, list,
    list::Ask,
    pull::{Branch, Pull},
    segment,
    words::{labels, person, when},
};

/// The tool.
pub struct ListPrs;

/// Parameters.
#[derive(Deserialize, JsonSchema)]
pub struct Params {
    /// User or organisation.
    owner: String,
    /// Repository name.
    repo: String,
    /// Default: open.
    state: Option<State>,
    /// Only from this branch: `feature`, or `owner:feature` of a fork.
    head: Option<String>,
    /// Only into this branch.
    base: Option<String>,
    /// Newest or largest first; default: created.
    sort: Option<Sort>,
    /// Default 30, maximum 100.
    #[schemars(range(min = 1, max = 100))]
    limit: Option<u8>,
}

/// Which.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Not closed.
    Open,
    /// Closed, merged or not.
    Closed,
    /// Both.
    All,
}

impl State {
    /// GitHub's word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
            Self::All => "all",
        }
    }
}

/// By what.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Sort {
    Created,
    Updated,
    Popularity,
    LongRunning,
}

/// The answer.
#[derive(Serialize, JsonSchema)]
pub struct Found {
    /// The repository.
    repository: String,
    /// What was asked for.
    asked: String,
    /// The pull requests.
    pull_requests: Records<Row>,
}

/// One of them.
#[derive(Serialize, JsonSchema)]
pub struct Row {
    /// Its number.
    number: u64,
    /// open, draft, merged or closed.
    state: String,
    /// Its title.
    title: Untrusted,
    /// Who opened it.
    author: Untrusted,
    /// What is to be merged.
    head: Branch,
    /// Into what.
    base: Branch,
    /// Its labels.
    labels: Vec<Untrusted>,
    /// When anything about it changed, in UTC.
    updated: String,
}

impl Answer for Found {
    fn text(&self, text: &mut Text<'_>) {
        text.line(format_args!("{}: {}", self.repository, self.asked));
        if self.pull_requests.is_empty() {
            text.line("none");
        }
        text.records(&self.pull_requests, |row, inside| {
            let gone = if row.head.deleted_fork { " (deleted fork)" } else { "" };
            let labels: String = row.labels.iter().map(|label| format!(" [{}]", label.inside(inside))).collect();
            format!(
                "#{} {} {} @{} {}{gone} -> {}: {}{labels}",
                row.number,
                row.state,
                row.updated,
                row.author.inside(inside),
                row.head.name.inside(inside),
                row.base.name.inside(inside),
                row.title.inside(inside)
            )
        });
    }

    fn lists(&mut self) -> Vec<&mut dyn List> {
        vec![&mut self.pull_requests]
    }
}

impl Tool for ListPrs {
    const NAME: &'static str = "github_list_prs";
    const TITLE: &'static str = "List pull requests";
    const DESCRIPTION: &'static str = "Pull requests with state, author, branches, last update, title and labels.";
    const EXAMPLE: &'static str = "owner=acme repo=shop";
    const ANNOTATIONS: Annotations = Annotations::READ_REMOTE;
    const PAGED: bool = true;

    type Access = Read;
    type Server = Github;
    type Params = Params;
    type Output = Found;

    async fn run(server: Arc<Github>, params: Params, call: Call) -> Result<Found> {
        let repo = server.repo(&call, &params.owner, &params.repo)?;
        let state = params.state.unwrap_or(State::Open).word();
        let sort = match params.sort.unwrap_or(Sort::Created) {
            Sort::Created => "created",
            Sort::Updated => "updated",
            Sort::Popularity => "popularity",
            Sort::LongRunning => "long-running",
        };
        let head = params.head.as_deref().map(|head| from(repo.name().owner(), head)).transpose()?;
        let mut query = vec![("state", state), ("sort", sort), ("direction", "desc")];
        let mut asked = format!("{state} pull requests, by {sort}, each with its last update");
        if let Some(head) = &head {
            query.push(("head", head));
            asked = format!("{asked}, from {}", Untrusted::line(head).quoted());
        }
        if let Some(base) = &params.base {
            query.push(("base", segment::reference("base", base)?));
            asked = format!("{asked}, into {}", Untrusted::line(base).quoted());
        }
        let ask = Ask { doing: "list pull requests", tail: "pulls", query: &query, limit: params.limit };
        let listed = list::read::<Vec<Pull>>(&repo, &ask, None).await?;
        let pull_requests = listed.into_records("pull requests", row);
        Ok(Found { repository: repo.scope(), asked, pull_requests })
    }
}

/// `owner:branch`: a branch alone is one of the repository's owner. GitHub would not filter by it at all.
///
/// # Errors
/// [`shared::Code::InvalidArgument`] for what is neither.
pub(crate) fn from(owner: &str, head: &str) -> Result<String> {
    let (owner, branch) = head.split_once(':').unwrap_or((owner, head));
    if !crate::repository::is_owner(owner) {
        return Err(shared::ToolError::invalid(format!("head {} names no owner", Untrusted::line(head).quoted()))
            .hint("pass a branch (feature), or owner:branch of a fork"));
    }
    Ok(format!("{owner}:{}", segment::reference("head", branch)?))
}

fn row(pull: Pull) -> Row {
    Row {
        number: pull.number,
        state: pull.state(),
        title: Untrusted::line(&pull.title),
        author: person(pull.user.as_ref()),
        head: pull.head(),
        base: pull.base(),
        labels: labels(&pull.labels),
        updated: when(pull.updated_at.as_deref()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_branch_alone_is_the_owners() {
        assert_eq!(from("acme", "feature/x").unwrap(), "acme:feature/x");
        assert_eq!(from("acme", "ada:fix").unwrap(), "ada:fix");
        for wrong in ["", "a b:c", ":x", "ada:", "a:b:c", "https://x"] {
            assert!(from("acme", wrong).is_err(), "{wrong}");
        }
    }
}
