//! The protocol over stdio: every version, hostile messages, concurrency, the end.

mod calls;
mod ending;
mod framing;
mod process;
mod settings;
mod versions;
