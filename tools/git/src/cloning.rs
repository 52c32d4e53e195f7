//! Cloning into the workspace so that a half-made clone is never where a whole one is looked for.

mod staging;

use git2::{
    Repository,
    build::{CloneLocal, RepoBuilder},
};
use shared::{
    Call, Code, Result, ToolError, Untrusted,
    workspace::{Created, NewPath},
};

use crate::{
    Git,
    failure::OrFail,
    gate,
    remote::{GitUrl, Scheme},
    transfer,
};
use staging::Staging;

/// What to clone.
pub struct Source {
    /// The address, checked.
    pub url: GitUrl,
    /// The branch to check out; the remote's own default otherwise.
    pub branch: Option<String>,
    /// Commits of history; all otherwise.
    pub depth: Option<u32>,
}

impl Source {
    /// Checks what a caller passed.
    pub fn new(server: &Git, url: &str, branch: Option<String>, depth: Option<u32>) -> Result<Self> {
        let url = server.network()?.check(url)?;
        transfer::local_inside(server, &url)?;
        if let Some(branch) = &branch {
            transfer::branch_name("branch", branch)?;
        }
        if depth.is_some() && url.scheme() == Scheme::File {
            return Err(ToolError::new(
                Code::Unsupported,
                "a repository on this machine cannot be cloned with `depth`",
            )
            .hint("leave depth out"));
        }
        Ok(Self { url, branch, depth })
    }

    /// The directory a clone goes to when the caller names none: the last name of the address without `.git`.
    pub fn directory(&self) -> Result<String> {
        let path = self.url.path().trim_end_matches('/');
        let last = path.rsplit(['/', ':']).next().unwrap_or_default();
        let name = last.strip_suffix(".git").unwrap_or(last);
        if name.is_empty() || name.starts_with(['.', '-']) || name.contains(|c: char| c.is_control()) {
            return Err(ToolError::invalid("the address does not end in a name to clone into").hint("pass `dir`"));
        }
        Ok(name.to_owned())
    }
}

/// What a clone brought.
pub struct Cloned {
    /// Where it is, relative to the workspace.
    pub directory: String,
    /// The branch checked out, or, in an empty clone, the one that is waited for; absent when HEAD names none that there is.
    pub branch: Option<Untrusted>,
    /// The commit checked out; absent when the remote has none.
    pub head: Option<String>,
    /// Objects received.
    pub objects: u64,
    /// Bytes received.
    pub bytes: u64,
    /// What the reader should know: submodules, large files left out.
    pub notes: Vec<String>,
}

/// Clones `source` into `directory`, which must not exist. It appears there whole, by a rename, or not at all.
pub fn clone(server: &Git, source: &Source, directory: &str, call: &Call) -> Result<Cloned> {
    let workspace = server.workspace()?;
    if directory.split('/').any(|name| gate::names_dot_git(name.as_bytes())) {
        return Err(ToolError::invalid("`dir` has a name in it that git keeps for itself").hint("choose another name"));
    }
    let parents = make_parents(server, directory)?;
    let place = workspace.resolve_new("dir", directory)?;
    if place.relative().iter().any(|name| gate::names_dot_git(name.as_encoded_bytes())) {
        // What a stranger wrote would become the metadata of the repository around it.
        return Err(ToolError::new(Code::Forbidden, "`dir` leads into a .git directory").hint("clone beside it"));
    }
    let staging = Staging::beside(workspace, directory)?;
    let path = staging.path().absolute()?;

    let operation = transfer::begin(server, call)?;
    let mut builder = RepoBuilder::new();
    builder.clone_local(CloneLocal::None).fetch_options(transfer::fetch_options(&operation, source.depth));
    if let Some(branch) = &source.branch {
        builder.branch(branch);
    }
    let git = transfer::watched(call, &operation, "cloning", || builder.clone(source.url.as_str(), &path))?;
    let empty = git.references().or_fail("read the clone")?.next().is_none();
    if empty {
        first_branch(&git)?;
    }
    let (branch, head) = checked_out(&git);
    // The remote's HEAD may lead to a branch it does not have; the name libgit2 then takes instead means nothing.
    let branch = branch.filter(|_| empty || head.is_some());
    let notes = notes(&git);
    drop(git);
    // libgit2 wrote it by name; the gate sees whether what stands there now is a repository like any other.
    gate::open(workspace.root(), &path)?;
    call.check()?;
    staging.rename_to(&place)?;
    keep(parents);
    let progress = operation.progress();
    Ok(Cloned {
        directory: place.display(),
        branch,
        head,
        objects: progress.objects,
        bytes: progress.bytes_received,
        notes,
    })
}

/// A remote without commits does not say in this version of the protocol which branch it is waiting for, and libgit2 then takes git's old
/// default. Forges, and git from version 3 on, wait for `main`; a configuration that says otherwise has its way.
fn first_branch(git: &Repository) -> Result<()> {
    const NAME: &str = "main";
    let mut config = git.config().or_fail("read the configuration")?;
    let current = transfer::current_branch(git)?;
    if current == NAME || config.get_string("init.defaultBranch").is_ok() {
        return Ok(());
    }
    for (key, value) in [("remote", "origin"), ("merge", "refs/heads/main")] {
        // It may not have been set; all that counts is that it is not there.
        let _ = config.remove(&format!("branch.{current}.{key}"));
        config.set_str(&format!("branch.{NAME}.{key}"), value).or_fail("write the configuration")?;
    }
    git.set_head(&format!("refs/heads/{NAME}")).or_fail("choose the first branch")
}

/// Makes the directories above `directory` that do not exist. What is returned removes them again unless it is kept.
fn make_parents(server: &Git, directory: &str) -> Result<Vec<Created>> {
    let workspace = server.workspace()?;
    let mut made = Vec::new();
    let ends = directory.char_indices().filter(|(at, c)| *c == '/' && *at > 0).map(|(at, _)| at);
    for end in ends {
        let Some(parent) = directory.get(..end) else { continue };
        match workspace.resolve("dir", parent) {
            Ok(_) => {}
            Err(error) if error.code() == Code::NotFound => {
                let place: NewPath = workspace.resolve_new("dir", parent)?;
                made.push(place.create_dir()?);
            }
            Err(error) => return Err(error),
        }
    }
    // Dropped in reverse, the innermost first.
    made.reverse();
    Ok(made)
}

fn keep(parents: Vec<Created>) {
    for parent in parents {
        let _ = parent.keep();
    }
}

/// The branch and the commit that HEAD is on.
fn checked_out(git: &Repository) -> (Option<Untrusted>, Option<String>) {
    let head = git.find_reference("HEAD").ok();
    let branch = head.as_ref().and_then(|head| head.symbolic_target_bytes());
    let branch = branch.map(|name| Untrusted::line_bytes(name.strip_prefix(b"refs/heads/").unwrap_or(name)));
    (branch, git.head().ok().and_then(|head| head.target()).map(|id| id.to_string()))
}

/// What git would have done more than this.
fn notes(git: &Repository) -> Vec<String> {
    let mut notes = Vec::new();
    if let Ok(submodules) = git.submodules()
        && !submodules.is_empty()
    {
        notes.push(format!(
            "{} submodules are listed and not fetched; git_clone them where they belong",
            submodules.len()
        ));
    }
    let attributes = git.head().and_then(|head| head.peel_to_tree()).and_then(|tree| {
        tree.get_path(std::path::Path::new(".gitattributes")).and_then(|entry| git.find_blob(entry.id()))
    });
    if attributes.is_ok_and(|blob| blob.content().windows(10).any(|window| window == b"filter=lfs")) {
        notes.push(String::from("files kept in Git LFS are here as pointers only"));
    }
    notes
}

/// The address that a clone in `git` came from, as configured: before any `insteadOf`, as the caller of a clone names it too.
pub fn origin(git: &Repository) -> Result<String> {
    let config = git.config().or_fail("read the configuration")?;
    config.get_string("remote.origin.url").or_fail("read the address of origin")
}
