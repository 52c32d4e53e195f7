//! The GitHub server: repositories, pull requests, checks and issues over GitHub's API.
//!
//! octocrab makes the requests; what leaves and what comes back passes [`wire`], which stands on `shared::http`. [`repo`] is the one place that reads and
//! writes a repository, after [`allow`] has let it pass. Types of answers ([`pull`], [`issue`], [`statuses`], …) ask GitHub for nothing but what
//! identifies a thing; all else may be missing, null or new.

pub mod allow;
pub mod api;
pub mod app;
pub mod checks;
pub mod commenting;
pub mod config;
pub mod conversation;
pub mod failure;
pub mod identity;
pub mod issue;
pub mod link;
pub mod list;
pub mod logs;
pub mod prose;
pub mod pull;
pub mod repo;
pub mod repository;
pub mod required;
pub mod reviews;
pub mod segment;
mod server;
pub mod statuses;
pub mod timeline;
pub mod tools;
pub mod unread;
pub mod verdict;
pub mod wire;
pub mod words;
pub mod writing;

pub use server::Github;
