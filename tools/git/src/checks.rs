//! What the server needs, looked at before the first call: the `doctor` command.

use git2::Config;
use shared::{Result, confine::Confinement, doctor::Check, workspace::Workspace};

use crate::{
    failure::OrFail,
    identity::{self, Said},
    remote::{self, Environment},
};

/// Every check: the workspace, what the process has given up, who commits, and the network side.
pub fn all(workspace: Result<&Workspace>, confinement: Option<&Confinement>, environment: &Environment) -> Vec<Check> {
    let mut checks = vec![place(workspace), given_up(confinement), committer(environment)];
    checks.extend(remote::checks(environment));
    checks
}

fn place(workspace: Result<&Workspace>) -> Check {
    const NAME: &str = "workspace";
    let workspace = match workspace {
        Ok(workspace) => workspace,
        Err(error) => return Check::missing(NAME, error.to_string()),
    };
    let root = workspace.root();
    // Asked of the kernel rather than read from the mode: it knows of read-only mounts too.
    match rustix::fs::access(root, rustix::fs::Access::WRITE_OK) {
        Ok(()) => Check::fine(NAME, root.display().to_string()),
        Err(errno) => Check::limited(
            NAME,
            format!(
                "{} cannot be written ({}): only the reading tools work; mount it writable, or set MODE=readonly",
                root.display(),
                std::io::Error::from(errno).kind()
            ),
        ),
    }
}

fn given_up(confinement: Option<&Confinement>) -> Check {
    const NAME: &str = "confinement";
    match confinement {
        Some(full @ Confinement::Full { .. }) => Check::fine(NAME, full.to_string()),
        Some(less) => Check::limited(NAME, less.to_string()),
        None => Check::limited(NAME, "not confined: there is no workspace yet"),
    }
}

fn committer(environment: &Environment) -> Check {
    const NAME: &str = "committer";
    let people = Config::open_default()
        .or_fail("read the git configuration")
        .and_then(|config| identity::people(Said::default(), &config, |name| environment.text(name).ok().flatten()));
    match people {
        Err(error) => Check::missing(NAME, error.to_string()),
        Ok(people) if people.default => Check::limited(
            NAME,
            format!(
                "nobody: commits are made by {}; set GIT_AUTHOR_NAME and GIT_AUTHOR_EMAIL, or user.name and user.email in the \
                 git configuration",
                people.committer
            ),
        ),
        Ok(people) => Check::fine(NAME, people.committer.to_string()),
    }
}
