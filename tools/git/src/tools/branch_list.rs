//! `git_branch_list`: branches, what they follow, and their last commits.

use std::sync::Arc;

use git2::BranchType;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shared::{Annotations, Answer, Call, List, Read, Records, Result, Text, Tool, Untrusted};

use crate::{
    Git,
    failure::OrFail,
    message,
    repo::{Reach, Repo, short},
    revision,
    upstream::Upstream,
    when,
};

/// The tool.
pub struct BranchList;

/// Parameters.
#[derive(Deserialize, JsonSchema)]
pub struct Params {
    /// Directory of the repository, relative to the workspace.
    cwd: Option<String>,
    /// Remote branches too.
    #[serde(default)]
    all: bool,
    /// Only branches that contain this commit.
    contains: Option<String>,
}

/// The answer.
#[derive(Serialize, JsonSchema)]
pub struct Found {
    /// Repository, relative to the workspace.
    repository: Untrusted,
    /// The branches by name, local ones first.
    branches: Records<Branch>,
}

/// A branch.
#[derive(Serialize, JsonSchema)]
struct Branch {
    /// Its name; remote ones with their remote.
    name: Untrusted,
    /// Whether it is a remote's, as last fetched.
    remote: bool,
    /// Whether it is checked out here.
    current: bool,
    /// Its last commit.
    id: String,
    /// When that was committed.
    date: String,
    /// That commit's subject.
    subject: Untrusted,
    /// The branch it follows.
    #[serde(skip_serializing_if = "Option::is_none")]
    upstream: Option<Upstream>,
}

impl Answer for Found {
    fn text(&self, text: &mut Text<'_>) {
        text.line(format_args!("{}: branches (* is checked out)", self.repository.quoted()));
        if self.branches.is_empty() {
            text.line("no branches");
        }
        text.records(&self.branches, |branch, inside| {
            let upstream = match &branch.upstream {
                None => String::new(),
                Some(upstream) => format!(" [{}: {}]", upstream.name.inside(inside), upstream.distance()),
            };
            format!(
                "{} {} {} {}{upstream} {}",
                if branch.current { '*' } else { ' ' },
                branch.name.inside(inside),
                short(&branch.id),
                branch.date,
                branch.subject.inside(inside)
            )
        });
    }

    fn lists(&mut self) -> Vec<&mut dyn List> {
        vec![&mut self.branches]
    }
}

impl Tool for BranchList {
    const NAME: &'static str = "git_branch_list";
    const TITLE: &'static str = "List branches";
    const DESCRIPTION: &'static str = "Branches with upstream, ahead/behind and last commit.";
    const EXAMPLE: &'static str = "all=true";
    const ANNOTATIONS: Annotations = Annotations::READ;
    const PAGED: bool = true;

    type Access = Read;
    type Server = Git;
    type Params = Params;
    type Output = Found;

    async fn run(server: Arc<Git>, params: Params, call: Call) -> Result<Found> {
        server.read(Reach::History, call, params.cwd.clone(), move |repo, call| branches(repo, &params, call)).await
    }
}

fn branches(repo: &Repo, params: &Params, call: &Call) -> Result<Found> {
    let git = &repo.git;
    let contains = params.contains.as_deref().map(|name| revision::commit(git, "contains", name)).transpose()?;
    let kind = if params.all { None } else { Some(BranchType::Local) };
    let mut branches = Vec::new();
    let mut state = String::new();
    for found in git.branches(kind).or_fail("list the branches")? {
        call.check()?;
        let (branch, kind) = found.or_fail("list the branches")?;
        // origin/HEAD only repeats another branch; an alias among the local ones can be switched to.
        if kind == BranchType::Remote && branch.get().symbolic_target_bytes().is_some() {
            continue;
        }
        let Ok(commit) = branch.get().peel_to_commit() else { continue };
        if let Some(wanted) = &contains
            && commit.id() != wanted.id()
            && !git.graph_descendant_of(commit.id(), wanted.id()).or_fail("walk the history")?
        {
            continue;
        }
        let name = branch.name_bytes().or_fail("read a branch name")?.to_vec();
        state.push_str(&format!("{}{}", commit.id(), name.len()));
        branches.push(Branch {
            name: Untrusted::line_bytes(&name),
            remote: kind == BranchType::Remote,
            current: branch.is_head(),
            id: commit.id().to_string(),
            date: when::shown(commit.committer().when()),
            subject: Untrusted::line_bytes(&message::subject(&message::whole(&commit))),
            upstream: if kind == BranchType::Local { Upstream::of(git, branch.get()) } else { None },
        });
    }
    branches.sort_by(|a, b| (a.remote, &a.name).cmp(&(b.remote, &b.name)));
    let page = call.page(state)?;
    Ok(Found { repository: repo.name.clone(), branches: Records::paged("branches", branches, page) })
}
