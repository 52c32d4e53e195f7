//! The cluster that tests stand on, looked at before any tool is judged on it.

#![expect(clippy::expect_used, reason = "a test that meets what it did not expect fails")]

mod flux;
mod lifecycle;
mod node;
mod second;
