//! The git server: twelve tools on libgit2, every path inside WORKSPACE.
//!
//! No tool starts a process. A repository passes the [`gate`] before libgit2 opens it, and refs are resolved to object ids before they
//! are used.

pub mod cloning;
pub mod failure;
pub mod gate;
pub mod history;
pub mod pathspec;
pub mod remote;
pub mod repo;
pub mod revision;
mod server;
pub mod tools;
pub mod transfer;
pub mod upstream;
pub mod when;

pub use server::Git;
