//! Repositories that would run a program or lead outside the workspace, built with real git.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that meets what it did not expect fails")]

mod common;
mod hostile;
mod ordinary;
mod outside;
mod swap;
