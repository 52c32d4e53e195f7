//! The tools, one a file: `git_status` is `tools/status.rs`.

mod add;
mod branch;
mod branch_list;
mod clone;
mod clone_or_pull;
mod commit;
mod diff;
mod log;
mod pull;
mod push;
mod show;
mod status;

use shared::Toolset;

use crate::Git;

/// Lists every tool in the order clients see them.
pub(crate) fn list(set: &mut Toolset<Git>) {
    set.read(status::Status)
        .read(diff::Diff)
        .read(log::Log)
        .read(branch_list::BranchList)
        .read(show::Show)
        .write(add::Add)
        .write(commit::Commit)
        .write(push::Push)
        .write(pull::Pull)
        .write(branch::Branch)
        .write(clone::Clone)
        .write(clone_or_pull::CloneOrPull);
}
