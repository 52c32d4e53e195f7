//! The remote tools as an agent calls them: a spawned binary, MCP, and real servers.

mod clone;
mod clone_or_pull;
mod credentials;
mod desk;
mod killed;
mod pull;
mod push;
mod ssh;
mod stopped;
