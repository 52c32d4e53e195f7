//! The kube-explore server: questions about a cluster that one call answers.
//!
//! The API server prints the tables ([`table`]) and is asked for whole objects only where something is suspected or answered with.
//! [`cluster`] is the one place that sends requests, [`path`] the one that makes a caller's word a part of one; what could not be looked at
//! ([`unread`]) is in every answer. Nothing is kept between calls.

pub mod applying;
pub mod checks;
pub mod choice;
pub mod cluster;
pub mod config;
pub mod distil;
pub mod drift;
pub mod failure;
pub mod field;
pub mod graph;
pub mod groups;
pub mod health;
pub mod inspect;
pub mod kinds;
pub mod listing;
pub mod logs;
pub mod manifest;
pub mod names;
pub mod outcome;
pub mod path;
mod plugin;
pub mod pods;
pub mod query;
pub mod rank;
pub mod scope;
pub mod search;
mod server;
pub mod sight;
pub mod state;
pub mod stream;
pub mod survey;
pub mod table;
pub mod target;
pub mod tools;
pub mod tries;
pub mod unread;
pub mod whose;

pub use server::Explore;
