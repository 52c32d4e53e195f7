//! The tools, one a file: `git_status` is `tools/status.rs`.

mod branch_list;
mod clone;
mod log;
mod status;

use shared::Toolset;

use crate::Git;

/// Lists every tool in the order clients see them.
pub(crate) fn list(set: &mut Toolset<Git>) {
    set.read(status::Status).read(log::Log).read(branch_list::BranchList).write(clone::Clone);
}
