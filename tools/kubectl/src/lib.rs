//! The kubectl server: sixteen tools on the kubectl program, which is called and never imitated.
//!
//! A caller's words pass [`resource`], [`scope`] and [`argv`], where none of them can become a flag; [`run`] is the one place that starts
//! kubectl, and [`failure`] the one place that turns what it says into our errors.

pub mod applied;
pub mod argv;
pub mod cause;
pub mod changed;
pub mod checks;
pub mod contexts;
pub mod difference;
pub mod document;
pub mod failure;
pub mod follow;
pub mod form;
pub mod items;
pub mod jsonpath;
pub mod kinds;
pub mod names;
pub mod order;
pub mod pairs;
pub mod passage;
pub mod remote;
pub mod resource;
pub mod run;
pub mod scope;
mod server;
pub mod table;
pub mod tail;
pub mod tools;
pub mod yaml;

pub use server::Kubectl;
