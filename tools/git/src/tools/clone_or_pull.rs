//! `git_clone_or_pull`: a repository is there and current afterwards, whatever was before.

use std::{sync::Arc, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shared::{Annotations, Answer, Call, Code, Result, Text, Tool, ToolError, Untrusted, Write};

use super::{clone, pull};
use crate::{
    Git,
    cloning::{self, Source},
    integrate::{Strategy, integrate},
    repo::Repo,
    transfer, unrun,
};

/// The tool.
pub struct CloneOrPull;

/// Parameters.
#[derive(Deserialize, JsonSchema)]
pub struct Params {
    /// https:// or ssh:// address, or user@host:path; no password or token in it.
    url: String,
    /// Directory, relative to the workspace. Default: the last name of the url.
    dir: Option<String>,
    /// Branch. Default: the remote's, or the one checked out.
    branch: Option<String>,
    /// Only this many commits of history, when cloning.
    #[schemars(range(min = 1))]
    depth: Option<u32>,
}

/// The answer: exactly one of the two is there.
#[derive(Serialize, JsonSchema)]
pub struct Done {
    /// The clone that was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    cloned: Option<clone::Done>,
    /// The pull into the clone that was there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pulled: Option<pull::Done>,
}

impl Answer for Done {
    fn text(&self, text: &mut Text<'_>) {
        if let Some(cloned) = &self.cloned {
            cloned.text(text);
        }
        if let Some(pulled) = &self.pulled {
            pulled.text(text);
        }
    }
}

impl Tool for CloneOrPull {
    const NAME: &'static str = "git_clone_or_pull";
    const TITLE: &'static str = "Clone, or update a clone";
    const DESCRIPTION: &'static str = "Clone, or fast-forward the clone of the same url that is already there.";
    const EXAMPLE: &'static str = "url=https://example.com/team/app.git";
    const ANNOTATIONS: Annotations = Annotations { destructive: false, idempotent: true, open_world: true };
    const TIMEOUT: Duration = transfer::TIMEOUT;

    type Access = Write;
    type Server = Git;
    type Params = Params;
    type Output = Done;

    async fn run(server: Arc<Git>, params: Params, call: Call) -> Result<Done> {
        let source = Source::new(&server, &params.url, params.branch, params.depth)?;
        let directory = params.dir.map_or_else(|| source.directory(), Ok)?;
        let workspace = server.workspace()?;
        // Two calls for one place: the second finds what the first has made.
        let writing = server.exclusively(&workspace.root().join(&directory), &call).await?;
        let inner = call.clone();
        call.waiting(move || {
            let _writing = writing;
            match server.workspace()?.resolve("dir", &directory) {
                Ok(_) => update(&server, &source, &directory, &inner)
                    .map(|pulled| Done { cloned: None, pulled: Some(pulled) }),
                Err(error) if error.code() == Code::NotFound => cloning::clone(&server, &source, &directory, &inner)
                    .map(|cloned| Done { cloned: Some(cloned.into()), pulled: None }),
                Err(error) => Err(error),
            }
        })
        .await
    }
}

fn update(server: &Git, source: &Source, directory: &str, call: &Call) -> Result<pull::Done> {
    let place = server.workspace()?.resolve("dir", directory)?;
    let elsewhere = |what: &str| {
        ToolError::new(Code::Conflict, format!("{directory:?} exists and {what}")).hint("pass another `dir`")
    };
    if !place.is_dir() {
        return Err(elsewhere("is not a directory"));
    }
    let place = place.absolute()?;
    let repo: Repo = match server.repo(Some(directory)) {
        Err(error) if error.code() == Code::NotFound => return Err(elsewhere("is not a repository")),
        repo => repo?,
    };
    let git = &repo.git;
    if git.workdir().and_then(|root| root.canonicalize().ok()) != Some(place) {
        return Err(elsewhere("is not the root of a repository"));
    }
    let origin = cloning::origin(git).map_err(|_| elsewhere("is a repository without an origin"))?;
    if !server.network()?.check(&origin)?.same_as(&source.url) {
        return Err(elsewhere(&format!("is a clone of {}", Untrusted::line(&origin).quoted())));
    }
    let current = transfer::current_branch(git)?;
    let branch = source.branch.clone().unwrap_or_else(|| current.clone());
    if branch != current {
        return Err(ToolError::new(Code::Conflict, format!("{current:?} is checked out, not {branch:?}"))
            .hint("switch with git_branch first, or leave `branch` out"));
    }
    let theirs = transfer::fetch(server, git, "origin", &branch, None, call)?;
    let label = format!("origin/{branch}");
    let integrated = integrate(git, theirs, &label, Strategy::FfOnly, call)?;
    Ok(pull::Done::new(&repo, &label, &integrated, unrun::PULL))
}
