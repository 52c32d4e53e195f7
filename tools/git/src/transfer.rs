//! What push, pull and clone have in common: an operation on the network that a call can watch and stop.

use std::time::{Duration, Instant};

use git2::{AutotagOption, FetchOptions, Oid, Repository};
use shared::{Call, Code, Result, ToolError, Untrusted};

use crate::{
    Git,
    failure::OrFail,
    gate,
    remote::{self, GitUrl, Limits, Operation, Scheme},
};

/// How long a transfer may take: a first clone of a large repository over a slow line.
pub const TIMEOUT: Duration = Duration::from_secs(600);
/// How long nothing may arrive.
const SILENCE: Duration = Duration::from_secs(60);
/// The most that is received, in bytes.
const LARGEST: u64 = 8 << 30;

/// Begins an operation that ends with the call.
pub fn begin(server: &Git, call: &Call) -> Result<Operation> {
    // A little before the call's own deadline, so that the operation's error, which knows more, comes first.
    let left = call.deadline().saturating_duration_since(Instant::now()).saturating_sub(Duration::from_millis(500));
    let network = server.network()?;
    let overall = network.timeout().map_or(left, |timeout| timeout.min(left));
    let limits = Limits { overall, idle: SILENCE, received: LARGEST };
    Ok(network.operation(call.cancellation().clone(), limits))
}

/// Runs `work` with `operation`'s transports and reports its progress through `call` while it lasts.
pub fn watched<T, E: Into<remote::Failure>>(
    call: &Call,
    operation: &Operation,
    what: &'static str,
    work: impl FnOnce() -> Result<T, E>,
) -> Result<T> {
    let progress = call.progress().clone();
    let seen = operation.clone();
    let reporter = tokio::runtime::Handle::current().spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_millis(250)).await;
            let now = seen.progress();
            progress.report(now.objects, now.objects_total, what);
        }
    });
    let result = remote::run(operation, work);
    reporter.abort();
    result
}

/// The address that the remote `name` of `git` is fetched from and the one it is pushed to, both allowed here.
pub fn addresses(server: &Git, git: &Repository, name: &str) -> Result<(GitUrl, GitUrl)> {
    let url = gate::effective_remote_url(git, name).map_err(|error| match error.code() {
        Code::NotFound => {
            ToolError::new(Code::NotFound, format!("there is no remote {name:?}")).hint(known_remotes(git))
        }
        _ => error,
    })?;
    let network = server.network()?;
    let (fetch, push) = (network.check(&url.fetch)?, network.check(&url.push)?);
    for url in [&fetch, &push] {
        local_inside(server, url)?;
    }
    Ok((fetch, push))
}

/// A repository on this machine must be inside the workspace and pass the gate like any other.
pub fn local_inside(server: &Git, url: &GitUrl) -> Result<()> {
    if url.scheme() == Scheme::File {
        let workspace = server.workspace()?;
        let place = workspace.resolve("url", url.path())?;
        gate::open(workspace.root(), &place.absolute()?)?;
    }
    Ok(())
}

fn known_remotes(git: &Repository) -> String {
    let names: Vec<String> = git
        .remotes()
        .map(|names| names.iter().flatten().flatten().map(|name| Untrusted::line(name).quoted().to_string()).collect())
        .unwrap_or_default();
    if names.is_empty() {
        String::from("the repository has no remotes")
    } else {
        format!("remotes: {}", names.join(", "))
    }
}

/// The options of a fetch that follows tags of what it brings.
pub fn fetch_options<'a>(operation: &Operation, depth: Option<u32>) -> FetchOptions<'a> {
    let mut options = FetchOptions::new();
    options.remote_callbacks(operation.callbacks()).download_tags(AutotagOption::Auto);
    if let Some(depth) = depth {
        options.depth(i32::try_from(depth).unwrap_or(i32::MAX));
    }
    options
}

/// Fetches `branch` from the remote `name` into its remote-tracking branch and returns what it points to now.
pub fn fetch(server: &Git, git: &Repository, name: &str, branch: &str, depth: Option<u32>, call: &Call) -> Result<Oid> {
    addresses(server, git, name)?;
    let operation = begin(server, call)?;
    // By its address and not by its name: of a named remote libgit2 also moves whatever its configured refspecs match, and a mirror's match
    // the branches of this repository.
    let config = git.config().or_fail("read the configuration")?;
    let url = config.get_string(&format!("remote.{name}.url")).or_fail("read the address of the remote")?;
    let mut remote = git.remote_anonymous(&url).or_fail("read the remote")?;
    let tracking = format!("refs/remotes/{name}/{branch}");
    let refspec = format!("+refs/heads/{branch}:{tracking}");
    watched(call, &operation, "fetching", || {
        remote.fetch(&[refspec.as_str()], Some(&mut fetch_options(&operation, depth)), Some("fetch"))
    })?;
    git.refname_to_id(&tracking).map_err(|_| {
        ToolError::new(Code::NotFound, format!("the remote has no branch {branch:?}"))
            .hint("git_branch_list all=true shows the branches seen at the last fetch")
    })
}

/// `name` as a branch that can be asked of a remote.
pub fn branch_name(parameter: &str, name: &str) -> Result<()> {
    if name.starts_with('-') || !git2::Branch::name_is_valid(name).unwrap_or(false) {
        return Err(ToolError::invalid(format!("`{parameter}` is not a branch name: {name:?}"))
            .hint("name it without refs/heads/, such as main"));
    }
    Ok(())
}

/// The branch checked out, by its short name.
pub fn current_branch(git: &Repository) -> Result<String> {
    let head = git.find_reference("HEAD").or_fail("read HEAD")?;
    let full = head.symbolic_target().or_fail("read HEAD")?.unwrap_or_default().to_owned();
    full.strip_prefix("refs/heads/").map(str::to_owned).ok_or_else(|| {
        ToolError::new(Code::Conflict, "HEAD is detached: no branch is checked out")
            .hint("switch to a branch with git_branch, or pass `branch`")
    })
}
