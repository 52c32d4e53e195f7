//! `git_branch`: switches to a branch, makes one, or deletes one.

mod delete;
mod names;

use std::sync::Arc;

use git2::{BranchType, Commit, ErrorCode, Oid, Repository, Signature};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shared::{Annotations, Answer, Call, Code, Result, Text, Tool, ToolError, Untrusted, Write};

use self::names::{available, elsewhere, full, valid};
use crate::{
    Git,
    failure::{OrFail, because},
    head::{self, Head},
    identity::{self, Said},
    repo::{Repo, short},
    revision,
    switching::{self, Switched},
    unrun,
};

/// The tool.
pub struct Branch;

/// Parameters.
#[derive(Deserialize, JsonSchema)]
pub struct Params {
    /// Branch, such as main; without refs/heads/.
    name: String,
    /// Directory of the repository, relative to the workspace.
    cwd: Option<String>,
    /// Make it, and switch to it.
    #[serde(default)]
    create: bool,
    /// Where create begins: branch, tag or id. Default HEAD.
    start_point: Option<String>,
    /// Delete it, if it is merged into its upstream or HEAD.
    #[serde(default)]
    delete: bool,
}

/// The answer.
#[derive(Serialize, JsonSchema)]
pub struct Found {
    /// Repository, relative to the workspace.
    repository: Untrusted,
    /// switched, created, deleted or none.
    action: &'static str,
    /// The branch.
    branch: Untrusted,
    /// The commit it is at, or was at; absent before the first one.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    /// What HEAD was on before: a branch, or a commit when it was detached.
    #[serde(skip_serializing_if = "Option::is_none")]
    previous: Option<Untrusted>,
    /// The remote branch it follows, when this call set it.
    #[serde(skip_serializing_if = "Option::is_none")]
    upstream: Option<Untrusted>,
    /// Files of the work tree that were written or removed.
    files: usize,
    /// Files with an external filter or encoding, written as they are stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    unconverted: Option<Unconverted>,
    /// What is worth knowing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<String>,
    /// Hooks that git would have run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hooks_not_run: Vec<String>,
}

/// Files whose filters did not run.
#[derive(Serialize, JsonSchema)]
struct Unconverted {
    /// How many.
    files: usize,
    /// The first of them.
    first: Untrusted,
    /// What it asks for.
    attribute: Untrusted,
}

impl Answer for Found {
    fn text(&self, text: &mut Text<'_>) {
        let id = self.id.as_deref().map(short);
        let at = id.map_or_else(|| String::from(", no commits yet"), |id| format!(" at {id}"));
        let branch = self.branch.quoted();
        let what = match self.action {
            "created" => format!("created {branch}{at} and switched to it"),
            "deleted" => format!("deleted {branch}, which was{at}"),
            "none" => format!("already on {branch}{at}"),
            _ => format!("switched to {branch}{at}"),
        };
        let previous = self.previous.as_ref().map(|from| format!(", from {}", from.quoted())).unwrap_or_default();
        let upstream = self.upstream.as_ref().map(|name| format!(", following {}", name.quoted())).unwrap_or_default();
        let files = if self.files > 0 { format!("; {} files changed", self.files) } else { String::new() };
        text.line(format_args!("{}: {what}{upstream}{previous}{files}", self.repository.quoted()));
        if let Some(Unconverted { files, first, attribute }) = &self.unconverted {
            text.line(format_args!(
                "{files} files are as stored, because filters do not run here (LFS files are their pointers): {} under {}",
                first.quoted(),
                attribute.quoted()
            ));
        }
        for note in &self.notes {
            text.line(note);
        }
        if !self.hooks_not_run.is_empty() {
            text.line(format_args!("hooks not run: {}", self.hooks_not_run.join(", ")));
        }
    }
}

impl Tool for Branch {
    const NAME: &'static str = "git_branch";
    const TITLE: &'static str = "Switch, create or delete a branch";
    const DESCRIPTION: &'static str = "Switches to a branch (one that only a remote has is made here), keeping uncommitted work; or creates or deletes one.";
    const EXAMPLE: &'static str = "name=feature create=true";
    // Destructive because of delete, although only a merged branch goes and its id is told.
    const ANNOTATIONS: Annotations = Annotations { destructive: true, idempotent: false, open_world: false };

    type Access = Write;
    type Server = Git;
    type Params = Params;
    type Output = Found;

    async fn run(server: Arc<Git>, params: Params, call: Call) -> Result<Found> {
        let writing = server.exclusively_in(params.cwd.as_deref(), &call).await?;
        let inner = call.clone();
        call.blocking(move || {
            let _writing = writing;
            branch(&server.repo(params.cwd.as_deref())?, &params, &inner)
        })
        .await
    }
}

fn branch(repo: &Repo, params: &Params, call: &Call) -> Result<Found> {
    let git = &repo.git;
    let name = params.name.as_str();
    valid(name, params.create)?;
    if params.create && params.delete {
        return Err(ToolError::invalid("`create` and `delete` exclude each other"));
    }
    if params.start_point.is_some() && !params.create {
        return Err(ToolError::invalid("`start_point` belongs to create=true"));
    }
    if params.delete {
        return delete::delete(repo, name, call);
    }
    if git.is_bare() {
        return Err(ToolError::new(Code::Unsupported, "the repository is bare: it has no work tree to switch"));
    }
    if let Some(operation) = head::operation(git.state()) {
        return Err(ToolError::new(Code::Conflict, format!("a {operation} is in progress"))
            .hint("conclude it (git_commit for a merge) or abort it with git itself, then switch"));
    }
    let head = Head::read(git)?;
    if params.create { create(repo, &head, params, call) } else { to_existing(repo, &head, name, call) }
}

fn found(repo: &Repo, action: &'static str, name: &str, id: Option<Oid>) -> Found {
    Found {
        repository: repo.name.clone(),
        action,
        branch: Untrusted::line(name),
        id: id.map(|id| id.to_string()),
        previous: None,
        upstream: None,
        files: 0,
        unconverted: None,
        notes: Vec::new(),
        hooks_not_run: Vec::new(),
    }
}

fn switched(
    repo: &Repo,
    head: &Head<'_>,
    action: &'static str,
    name: &str,
    id: Option<Oid>,
    change: Switched,
) -> Found {
    let mut answer = found(repo, action, name, id);
    answer.previous =
        head.short().map(Untrusted::line).or_else(|| head.id().map(|id| Untrusted::line(&id.to_string())));
    answer.files = change.files;
    answer.unconverted = change.unconverted.map(|(files, first, attribute)| Unconverted { files, first, attribute });
    answer.hooks_not_run = unrun::hooks(repo, unrun::SWITCH);
    answer
}

/// Who the reflog names: the committer of this place, or the default.
fn who(git: &Repository) -> Result<Signature<'static>> {
    let config = git.config().or_fail("read the configuration")?;
    let found = identity::people(Said::default(), &config, |name| std::env::var(name).ok());
    match found {
        Ok(people) => Ok(people.committer),
        Err(_) => Signature::now(identity::DEFAULT_NAME, identity::DEFAULT_EMAIL).or_fail("make a signature"),
    }
}

fn to_existing(repo: &Repo, head: &Head<'_>, name: &str, call: &Call) -> Result<Found> {
    let git = &repo.git;
    let local = match git.find_branch(name, BranchType::Local) {
        Ok(branch) => branch,
        Err(error) if error.code() == ErrorCode::NotFound => return to_remote(repo, head, name, call),
        Err(error) => return Err(because("read the branch", &error)),
    };
    let commit = local.get().peel_to_commit().or_fail("read the branch")?;
    if head.branch.as_deref() == Some(&full(name)) {
        return Ok(found(repo, "none", name, Some(commit.id())));
    }
    elsewhere(git, name)?;
    let change = exchange(git, head, &commit, call)?;
    head::point(git, head, &full(name), &who(git)?)?;
    Ok(switched(repo, head, "switched", name, Some(commit.id()), change))
}

/// Index and work tree to those of `commit`, when they are not already.
fn exchange(git: &Repository, head: &Head<'_>, commit: &Commit<'_>, call: &Call) -> Result<Switched> {
    let from = head.commit.as_ref().map(Commit::tree).transpose().or_fail("read a tree")?;
    switching::switch(git, from.as_ref(), &commit.tree().or_fail("read a tree")?, call)
}

/// As `git switch` has it: a branch that exactly one remote has is made here and follows it.
fn to_remote(repo: &Repo, head: &Head<'_>, name: &str, call: &Call) -> Result<Found> {
    let git = &repo.git;
    let mut candidates = Vec::new();
    for remote in git.remotes().or_fail("list the remotes")?.iter_bytes() {
        let Ok(remote) = std::str::from_utf8(remote) else { continue };
        let tracking = format!("{remote}/{name}");
        if let Ok(branch) = git.find_branch(&tracking, BranchType::Remote) {
            candidates.push((tracking, branch.get().peel_to_commit().or_fail("read the branch")?));
        }
    }
    match candidates.as_slice() {
        [] => Err(ToolError::new(Code::NotFound, format!("no branch {name:?} here or on a remote as last fetched"))
            .hint("git_branch_list all=true lists them; create=true makes a new one")),
        [(tracking, commit)] => make(repo, head, name, commit, Some(tracking), call),
        many => {
            let names: Vec<&str> = many.iter().map(|(tracking, _)| tracking.as_str()).collect();
            Err(ToolError::new(Code::Ambiguous, format!("several remotes have a branch {name:?}"))
                .hint("set create=true and start_point to the one that is meant")
                .with_said(names.join("\n")))
        }
    }
}

fn create(repo: &Repo, head: &Head<'_>, params: &Params, call: &Call) -> Result<Found> {
    let (git, name) = (&repo.git, params.name.as_str());
    available(git, name)?;
    let Some(start) = &params.start_point else {
        return match &head.commit {
            Some(commit) => make(repo, head, name, commit, None, call),
            None => {
                // Before the first commit a branch is only what HEAD says.
                head::point(git, head, &full(name), &who(git)?)?;
                Ok(switched(repo, head, "created", name, None, Switched::default()))
            }
        };
    };
    let commit = revision::commit(git, "start_point", start)?;
    // Begun at a remote's branch, it follows that, as with git.
    let tracking =
        git.find_branch(start, BranchType::Remote).ok().filter(|branch| branch.get().symbolic_target_bytes().is_none());
    make(repo, head, name, &commit, tracking.map(|_| start.as_str()), call)
}

/// Makes the branch and switches to it. The branch comes first: when the files cannot follow, it goes again and nothing has happened.
fn make(
    repo: &Repo,
    head: &Head<'_>,
    name: &str,
    commit: &Commit<'_>,
    tracking: Option<&str>,
    call: &Call,
) -> Result<Found> {
    let git = &repo.git;
    available(git, name)?;
    let who = who(git)?;
    call.check()?;
    let log = format!("branch: Created from {}", tracking.unwrap_or("HEAD"));
    head::advance(git, &full(name), None, commit.id(), &who, &log)?;
    let moved = exchange(git, head, commit, call).and_then(|change| {
        head::point(git, head, &full(name), &who)?;
        Ok(change)
    });
    let change = match moved {
        Ok(change) => change,
        Err(error) => {
            // It points where it pointed a moment ago, or somebody has used it meanwhile and it stays.
            if let Ok(mut reference) = git.find_reference(&full(name))
                && reference.target() == Some(commit.id())
            {
                let _ = reference.delete();
            }
            return Err(error);
        }
    };
    let mut answer = switched(repo, head, "created", name, Some(commit.id()), change);
    if let Some(tracking) = tracking {
        let followed =
            git.find_branch(name, BranchType::Local).and_then(|mut branch| branch.set_upstream(Some(tracking)));
        match followed {
            Ok(()) => answer.upstream = Some(Untrusted::line(tracking)),
            Err(error) => answer
                .notes
                .push(format!("its upstream could not be set: {}", because("write the configuration", &error))),
        }
    }
    Ok(answer)
}
