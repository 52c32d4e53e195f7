//! The protocol over stdio: every version, hostile messages, concurrency, the end.

mod calls;
mod container;
mod ending;
mod framing;
mod process;
mod program;
mod settings;
mod versions;
