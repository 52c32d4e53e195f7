//! `github_list_branches`: the branches of a repository.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shared::{Annotations, Answer, Call, List, Read, Records, Result, Text, Tool, Untrusted};

use crate::{
    Github,
    list::{self, Ask},
    words::{or_default, short},
};

/// The tool.
pub struct ListBranches;

/// Parameters.
#[derive(Deserialize, JsonSchema)]
pub struct Params {
    /// User or organisation.
    owner: String,
    /// Repository name.
    repo: String,
    /// true: only protected ones; false: only others.
    protected: Option<bool>,
    /// Default 30, maximum 100.
    #[schemars(range(min = 1, max = 100))]
    limit: Option<u8>,
}

/// The answer.
#[derive(Serialize, JsonSchema)]
pub struct Found {
    /// The repository.
    repository: String,
    /// What was asked for.
    asked: &'static str,
    /// The branches.
    branches: Records<Row>,
}

/// One of them.
#[derive(Serialize, JsonSchema)]
pub struct Row {
    /// Its name.
    name: Untrusted,
    /// The commit it stands at.
    commit: String,
    /// Whether rules protect it.
    protected: bool,
}

#[derive(Deserialize)]
struct Sent {
    name: String,
    commit: Option<Commit>,
    #[serde(default, deserialize_with = "or_default")]
    protected: bool,
}

#[derive(Deserialize)]
struct Commit {
    sha: Option<String>,
}

impl Answer for Found {
    fn text(&self, text: &mut Text<'_>) {
        text.line(format_args!("{}: {}", self.repository, self.asked));
        if self.branches.is_empty() {
            text.line("none");
        }
        text.records(&self.branches, |row, inside| {
            let protected = if row.protected { " (protected)" } else { "" };
            format!("{} {}{protected}", row.commit, row.name.inside(inside))
        });
    }

    fn lists(&mut self) -> Vec<&mut dyn List> {
        vec![&mut self.branches]
    }
}

impl Tool for ListBranches {
    const NAME: &'static str = "github_list_branches";
    const TITLE: &'static str = "List branches";
    const DESCRIPTION: &'static str = "Branches by name, with the commit each stands at and whether it is protected.";
    const EXAMPLE: &'static str = "owner=acme repo=shop";
    const ANNOTATIONS: Annotations = Annotations::READ_REMOTE;
    const PAGED: bool = true;

    type Access = Read;
    type Server = Github;
    type Params = Params;
    type Output = Found;

    async fn run(server: Arc<Github>, params: Params, call: Call) -> Result<Found> {
        let repo = server.repo(&call, &params.owner, &params.repo)?;
        let (query, asked): (&[_], _) = match params.protected {
            None => (&[], "branches"),
            Some(true) => (&[("protected", "true")], "protected branches"),
            Some(false) => (&[("protected", "false")], "branches that are not protected"),
        };
        let ask = Ask { doing: "list branches", tail: "branches", query, limit: params.limit };
        let listed = list::read::<Vec<Sent>>(&repo, &ask, None).await?;
        let branches = listed.into_records("branches", |sent| Row {
            name: Untrusted::line(&sent.name),
            commit: short(sent.commit.and_then(|commit| commit.sha).as_deref()),
            protected: sent.protected,
        });
        Ok(Found { repository: repo.scope(), asked, branches })
    }
}
