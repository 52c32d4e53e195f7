//! The transports against real servers: git's own HTTP backend behind a small web server, and OpenSSH.

#![expect(clippy::expect_used, clippy::panic, reason = "a test that meets what it did not expect fails")]

mod agent;
mod daemon;
mod http;
mod http_refusals;
mod network;
mod ssh;
