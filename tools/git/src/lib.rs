//! The git server: twelve tools on libgit2, every path inside WORKSPACE.
//!
//! No tool starts a process. A repository passes the [`gate`] before libgit2 opens it, and refs are resolved to object ids before they
//! are used.

pub mod apart;
pub mod changes;
pub mod checks;
pub mod cloning;
pub mod content;
pub mod exclusive;
pub mod failure;
pub mod gate;
pub mod head;
pub mod history;
pub mod identity;
pub mod index_flags;
pub mod index_lock;
pub mod integrate;
pub mod large;
pub mod lines;
pub mod message;
pub mod narrow;
pub mod overview;
pub mod patch;
pub mod pathspec;
pub mod remote;
pub mod repo;
pub mod revision;
mod server;
pub mod similar;
pub mod staging;
pub mod switching;
pub mod tools;
pub mod transfer;
pub mod unrun;
pub mod upstream;
pub mod when;
pub mod worktree;

pub use server::Git;
