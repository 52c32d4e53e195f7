//! The spine of agent-tools: what every MCP server of the project stands on. It knows no server.
//!
//! # A server
//!
//! A server is a type that implements [`Server`]: its name, its mode, the state its tools share. Its `main` is one line, [`main`], and makes
//! a whole process of it: MCP over stdio or HTTP, and the same calls for a person in a terminal. Its tools are a file and a line each, see
//! [`tools!`]; what a tool file looks like is shown in [`tool`]. `cargo xtask new` writes all of it to start from.
//!
//! # What happens to a call
//!
//! 1. A transport ([`serve`]) takes a message, if it is one: bounded, with unique keys. The terminal begins at the next step.
//! 2. [`registry::Registry::call`] finds the tool. One that changes something is not there in readonly, and is refused again by name.
//! 3. The arguments are checked against the schema that was made from [`Tool::Params`]; aliases are resolved, an unknown name is answered
//!    with the nearest. `budget` and `cursor` are the spine's.
//! 4. [`Tool::run`] runs in a task of its own. It holds a [`Call`]: blocking work goes through [`Call::blocking`] (or [`Call::waiting`], if
//!    it waits for a network), programs through [`exec::Command::call`], the place a page begins at is [`Call::page`], how far it is goes to
//!    [`Call::progress`], and long loops ask [`Call::check`].
//! 5. A panic is one error. When the time is up ([`Tool::TIMEOUT`]), the caller cancels or goes away, or the process ends, the call's token
//!    is cancelled and the tool has 900 ms to end by itself; what runs on a thread then is not waited for any longer.
//! 6. The [`Answer`] is cut to the budget ([`output`]): the lists it names in [`Answer::lists`] lose whole units, the last list first, and
//!    say exactly what is missing. What strangers wrote is [`Untrusted`] from where it came in, and leaves inside a frame or quoted. A failure
//!    is a [`ToolError`]: a [`Code`], what went wrong, what to do next, and somebody else's words apart.
//! 7. Everything that leaves is cleaned and redacted once more ([`sanitize`], [`redact`]), as text, as JSON that says the same, or both.
//!
//! # What else is here
//!
//! | a tool wants | and uses |
//! |---|---|
//! | a path a caller named | [`workspace`]: resolved beneath a directory handle, never a string |
//! | to run a program | [`exec`]: no shell, no value that becomes a flag, an environment by allow-list, nothing left behind |
//! | a list or a text that can be long | [`Records`], [`Lines`], and [`Part`] for a text too long to hold |
//! | a secret the operator gave | [`secret()`], which also masks it; [`redact::register`] for one that was fetched |
//! | names like one that is not there | [`near`] |
//! | a setting, or a secret read when it is needed | [`environment::Environment`] |
//! | to speak HTTP to somebody | `http`, with the feature of that name: proxies, trust, addresses and redirects under one policy |
//! | to show a change that a forge sends | [`diff`]: read, ranked, folded, paged |
//! | the log of a failed job without the rest of it | [`ci_log::excerpt`] |
//! | an object of a Kubernetes cluster without the values of Secrets | [`kubernetes::mask`] |
//! | to say in `doctor` what is missing | [`Server::checks`] with [`doctor::Check`] |
//! | to give up what it will not need | [`Server::confine`] with [`confine::Rules`] |

pub mod arguments;
mod call;
pub mod ci_log;
mod cli;
pub mod confine;
mod cursor;
pub mod diff;
pub mod doctor;
pub mod environment;
mod erased;
pub mod error;
pub mod exec;
#[cfg(feature = "http")]
pub mod http;
pub mod kubernetes;
pub mod logging;
pub mod manifest;
pub mod near;
pub mod output;
mod own_secrets;
pub mod redact;
pub mod registry;
pub mod sanitize;
pub mod schema;
pub mod serve;
pub mod settings;
pub mod tool;
mod trail;
pub mod untrusted;
pub mod workspace;

pub use call::{Call, Progress};
pub use cli::main;
pub use cursor::{Digest, Page};
pub use environment::Environment;
pub use erased::Spec;
pub use error::{Code, Result, ToolError};
pub use output::{Answer, Lines, List, Part, Place, Records, Text, Total};
pub use own_secrets::secret;
pub use settings::Mode;
pub use tool::{Access, Annotations, Face, Read, Server, Tool, Toolset, Write};
pub use trail::Trail;
pub use untrusted::{Inside, Untrusted};
