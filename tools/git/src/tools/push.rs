//! `git_push`: one branch to a remote, forced only with a lease.

use std::{sync::Arc, time::Duration};

use git2::{Branch, BranchType, Direction, Oid, PushOptions};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shared::{Annotations, Answer, Call, Code, Result, Text, Tool, ToolError, Untrusted, Write};

use crate::{
    Git, apart,
    failure::OrFail,
    remote::{Lease, Scheme},
    repo::{Repo, short},
    transfer, unrun,
};

/// The tool.
pub struct Push;

/// Parameters.
#[derive(Deserialize, JsonSchema)]
pub struct Params {
    /// Directory of the repository, relative to the workspace.
    cwd: Option<String>,
    /// Name of the remote.
    #[serde(default = "origin")]
    remote: String,
    /// Branch to push, to the branch of the same name. Default: the one checked out.
    branch: Option<String>,
    /// Overwrite the remote's branch, if it still is where it was last fetched.
    #[serde(default)]
    force: bool,
    /// Make the remote's branch the upstream.
    #[serde(default)]
    set_upstream: bool,
}

pub(super) fn origin() -> String {
    String::from("origin")
}

/// The answer.
#[derive(Serialize, JsonSchema)]
pub struct Done {
    /// Repository, relative to the workspace.
    repository: Untrusted,
    /// Remote pushed to.
    remote: Untrusted,
    /// Branch pushed.
    branch: Untrusted,
    /// Where the remote's branch was; absent when it is new.
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<String>,
    /// Where it is now.
    after: String,
    /// Commits it gained; absent when it was rewritten or is new.
    #[serde(skip_serializing_if = "Option::is_none")]
    commits: Option<usize>,
    /// Whether commits the remote had were dropped.
    rewritten: bool,
    /// Whether the remote's branch is now the upstream.
    upstream_set: bool,
    /// What the remote said.
    #[serde(skip_serializing_if = "Untrusted::is_empty")]
    said: Untrusted,
    /// Hooks that exist and did not run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hooks_not_run: Vec<String>,
}

impl Answer for Done {
    fn text(&self, text: &mut Text<'_>) {
        let moved = match (&self.before, self.commits) {
            (Some(before), _) if *before == self.after => format!("was already at {}", short(&self.after)),
            (None, _) => format!("new, at {}", short(&self.after)),
            (Some(before), Some(commits)) => {
                format!("{}..{}, {commits} commits", short(before), short(&self.after))
            }
            (Some(before), None) => format!("{}...{}, rewritten", short(before), short(&self.after)),
        };
        text.line(format_args!(
            "{}: {} on {}: {moved}",
            self.repository.quoted(),
            self.branch.quoted(),
            self.remote.quoted()
        ));
        if self.upstream_set {
            text.line("it is now the upstream");
        }
        if !self.hooks_not_run.is_empty() {
            text.line(format_args!("hooks not run: {}", self.hooks_not_run.join(", ")));
        }
        text.framed(|inside| self.said.inside(inside).to_owned());
    }
}

impl Tool for Push {
    const NAME: &'static str = "git_push";
    const TITLE: &'static str = "Push a branch";
    const DESCRIPTION: &'static str = "Push one branch to a remote; never a plain force.";
    const EXAMPLE: &'static str = "branch=main set_upstream=true";
    const ANNOTATIONS: Annotations = Annotations { destructive: true, idempotent: true, open_world: true };
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
            push(&server, &server.repo(params.cwd.as_deref())?, &params, &inner)
        })
        .await
    }
}

fn push(server: &Git, repo: &Repo, params: &Params, call: &Call) -> Result<Done> {
    let git = &repo.git;
    let branch = match &params.branch {
        Some(branch) => {
            transfer::branch_name("branch", branch)?;
            branch.clone()
        }
        None => transfer::current_branch(git)?,
    };
    let full = format!("refs/heads/{branch}");
    let after = git.refname_to_id(&full).map_err(|_| {
        ToolError::new(Code::NotFound, format!("there is no branch {branch:?} with a commit here"))
            .hint("git_branch_list shows the branches; commit first if there are none")
    })?;
    let (_, target) = transfer::addresses(server, git, &params.remote)?;
    if target.scheme() == Scheme::File {
        return Err(ToolError::new(
            Code::Unsupported,
            "pushing to a repository on this machine would pass by its hooks and its receive.* rules",
        )
        .hint("push to it over ssh or https, or with git itself"));
    }
    let mut remote = git.find_remote(&params.remote).or_fail("read the remote")?;
    let tracking = format!("refs/remotes/{}/{branch}", params.remote);
    let seen = git.refname_to_id(&tracking).ok();

    let operation = transfer::begin(server, call)?;
    let leases = if params.force { vec![Lease { reference: full.clone(), expected: seen }] } else { Vec::new() };
    let refspec = format!("{}{full}:{full}", if params.force { "+" } else { "" });
    let mut before = None;
    transfer::watched(call, &operation, "pushing", || -> std::result::Result<(), git2::Error> {
        // What the remote has now: the answer says what the push changed, and one that changes nothing is not sent.
        let connection = remote.connect_auth(Direction::Push, Some(operation.callbacks()), None)?;
        before = connection.list()?.iter().find(|head| head.name() == full).map(git2::RemoteHead::oid);
        drop(connection);
        if before == Some(after) {
            return Ok(());
        }
        let mut options = PushOptions::new();
        options.remote_callbacks(operation.callbacks_with_leases(leases));
        remote.push(&[refspec.as_str()], Some(&mut options))
    })?;
    // git notes what the remote has now; libgit2 does it only for remotes with the usual refspec.
    git.reference(&tracking, after, true, "update by push").or_fail("note where the remote's branch is")?;
    if params.set_upstream {
        let mut local = git.find_branch(&branch, BranchType::Local).or_fail("read the branch")?;
        Branch::set_upstream(&mut local, Some(&format!("{}/{branch}", params.remote))).or_fail("set the upstream")?;
    }
    let gained = |from: Oid| {
        let (gained, dropped) = apart::ahead_behind(git, after, from).ok()?;
        (dropped == 0).then_some(gained)
    };
    let commits = before.and_then(gained);
    Ok(Done {
        repository: repo.name.clone(),
        remote: Untrusted::line(&params.remote),
        branch: Untrusted::line(&branch),
        before: before.map(|id| id.to_string()),
        after: after.to_string(),
        commits,
        rewritten: before.is_some() && commits.is_none(),
        upstream_set: params.set_upstream,
        said: Untrusted::block(operation.remote_words().as_bytes()),
        hooks_not_run: unrun::hooks(repo, unrun::PUSH),
    })
}
