//! The tools, a file and a line each: `git_status` is `tools/status.rs`. Clients see them in this order.

shared::tools! {
    crate::Git:
    read status::Status,
    read diff::Diff,
    read log::Log,
    read branch_list::BranchList,
    read show::Show,
    write add::Add,
    write commit::Commit,
    write push::Push,
    write pull::Pull,
    write branch::Branch,
    write clone::Clone,
    write clone_or_pull::CloneOrPull,
}
