//! `git_pull`: a remote's commits into the branch that is checked out.

use std::{sync::Arc, time::Duration};

use git2::Repository;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shared::{Annotations, Answer, Call, Result, Text, Tool, Untrusted, Write};

use super::push::origin;
use crate::{
    Git, apart,
    integrate::{How, Integrated, Strategy, integrate},
    repo::{Repo, short},
    transfer, unrun,
};

/// The tool.
pub struct Pull;

/// Parameters.
#[derive(Deserialize, JsonSchema)]
pub struct Params {
    /// Directory of the repository, relative to the workspace.
    cwd: Option<String>,
    /// Name of the remote.
    #[serde(default = "origin")]
    remote: String,
    /// Branch of the remote. Default: the upstream's, else the name of the one checked out.
    branch: Option<String>,
    /// When both sides have commits: refuse, merge, or rebase ours.
    #[serde(default)]
    strategy: Strategy,
}

/// The answer.
#[derive(Serialize, JsonSchema)]
pub struct Done {
    /// Repository, relative to the workspace.
    repository: Untrusted,
    /// What was pulled, such as origin/main.
    from: Untrusted,
    /// What was done.
    how: How,
    /// Where the branch was; absent before its first commit.
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<String>,
    /// Where it is.
    after: String,
    /// Commits the branch gained.
    commits: usize,
    /// Files written or removed.
    files: usize,
    /// Hooks that exist and did not run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hooks_not_run: Vec<String>,
    /// What the reader should know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<String>,
}

impl Done {
    /// What `integrated` came to.
    pub(super) fn new(repo: &Repo, from: &str, integrated: &Integrated, hooks: &[&str]) -> Self {
        let gained = |git: &Repository| {
            let before = integrated.before?;
            apart::ahead_behind(git, integrated.after, before).ok().map(|(gained, _)| gained)
        };
        let unconverted = integrated.switched.unconverted.as_ref().map(|(count, path, with)| {
            format!("{count} files were written without {}, first {}", with.quoted(), path.quoted())
        });
        let dropped = (integrated.dropped > 0).then(|| {
            let count = integrated.dropped;
            format!(
                "{count} commits of this branch were left out: the remote's has the same changes, or they were empty"
            )
        });
        // What a rebase wrote anew is no gain.
        let rewritten = |git: &Repository| {
            let before = integrated.before.filter(|_| integrated.how == How::Rebased)?;
            apart::ahead_behind(git, before, integrated.after)
                .ok()
                .map(|(ours, _)| ours.saturating_sub(integrated.dropped))
        };
        Self {
            repository: repo.name.clone(),
            from: Untrusted::line(from),
            how: integrated.how,
            before: integrated.before.map(|id| id.to_string()),
            after: integrated.after.to_string(),
            commits: gained(&repo.git).unwrap_or_default().saturating_sub(rewritten(&repo.git).unwrap_or_default()),
            files: integrated.switched.files,
            hooks_not_run: if integrated.how == How::UpToDate { Vec::new() } else { unrun::hooks(repo, hooks) },
            notes: unconverted.into_iter().chain(dropped).collect(),
        }
    }
}

impl Answer for Done {
    fn text(&self, text: &mut Text<'_>) {
        let (repository, from, after) = (self.repository.quoted(), self.from.quoted(), short(&self.after));
        let before = self.before.as_deref().map_or("nothing", short);
        match self.how {
            How::UpToDate => text.line(format_args!("{repository}: up to date with {from} at {after}")),
            how => {
                let how = match how {
                    How::Merged => "merged",
                    How::Rebased => "rebased onto",
                    _ => "fast-forwarded to",
                };
                text.line(format_args!(
                    "{repository}: {how} {from}: {before}..{after}, {} commits, {} files changed",
                    self.commits, self.files
                ));
            }
        }
        if !self.hooks_not_run.is_empty() {
            text.line(format_args!("hooks not run: {}", self.hooks_not_run.join(", ")));
        }
        for note in &self.notes {
            text.line(note);
        }
    }
}

impl Tool for Pull {
    const NAME: &'static str = "git_pull";
    const TITLE: &'static str = "Pull from a remote";
    const DESCRIPTION: &'static str = "Fetch a branch and bring it into the one checked out; on conflict nothing changes and the paths \
         are named.";
    const EXAMPLE: &'static str = "strategy=rebase";
    const ANNOTATIONS: Annotations = Annotations { destructive: false, idempotent: true, open_world: true };
    const TIMEOUT: Duration = transfer::TIMEOUT;

    type Access = Write;
    type Server = Git;
    type Params = Params;
    type Output = Done;

    async fn run(server: Arc<Git>, params: Params, call: Call) -> Result<Done> {
        let writing = server.exclusively_in(params.cwd.as_deref(), &call).await?;
        let inner = call.clone();
        call.waiting(move || {
            let _writing = writing;
            let repo = server.repo(params.cwd.as_deref())?;
            let branch = match params.branch {
                Some(branch) => branch,
                None => followed(&repo.git, &params.remote)?,
            };
            transfer::branch_name("branch", &branch)?;
            let theirs = transfer::fetch(&server, &repo.git, &params.remote, &branch, None, &inner)?;
            let label = format!("{}/{branch}", params.remote);
            let integrated = integrate(&repo.git, theirs, &label, params.strategy, &inner)?;
            Ok(Done::new(&repo, &label, &integrated, unrun::PULL))
        })
        .await
    }
}

/// The remote's branch that the one checked out follows, else the one of the same name.
fn followed(git: &Repository, remote: &str) -> Result<String> {
    let current = transfer::current_branch(git)?;
    let upstream = git.branch_upstream_name(&format!("refs/heads/{current}")).ok();
    let upstream = upstream.as_ref().and_then(|name| name.as_str().ok());
    let prefix = format!("refs/remotes/{remote}/");
    Ok(upstream.and_then(|name| name.strip_prefix(&prefix)).map_or(current, str::to_owned))
}
