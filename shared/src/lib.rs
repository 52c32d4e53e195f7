//! The spine of agent-tools: what every MCP server of the project stands on.
//!
//! A server is a [`Server`] with a list of [`Tool`]s; [`main`] makes a whole process of it, serving MCP over stdio or HTTP and a
//! person in a terminal. The spine knows no server.

pub mod arguments;
mod call;
mod cli;
pub mod confine;
mod cursor;
pub mod doctor;
mod erased;
pub mod error;
pub mod exec;
pub mod logging;
pub mod manifest;
pub mod output;
mod own_secrets;
pub mod redact;
pub mod registry;
pub mod sanitize;
pub mod schema;
pub mod serve;
pub mod settings;
pub mod tool;

pub mod untrusted;
pub mod workspace;

pub use call::{Call, Progress};
pub use cli::main;
pub use cursor::Page;
pub use erased::Spec;
pub use error::{Code, Result, ToolError};
pub use output::{Answer, Lines, List, Part, Place, Records, Text, Total};
pub use settings::Mode;
pub use tool::{Access, Annotations, Face, Read, Server, Tool, Toolset, Write};
pub use untrusted::{Inside, Untrusted};
