//! git_add, git_commit and git_branch against the real git.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot set up its world has failed"
)]

mod add;
mod branch;
mod checkout;
mod commit;
mod interrupted;
#[path = "../../../../tests/harness/moments.rs"]
mod moments;
mod world;
