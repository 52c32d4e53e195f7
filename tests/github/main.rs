//! A double of GitHub, judged by GitHub's own description of itself; and what is tested against it.

#![expect(clippy::expect_used, clippy::panic, reason = "a test that meets what it did not expect fails")]

mod asking;
mod attack_kit;
mod attack_lies;
mod attack_more;
mod attack_reach;
mod attack_size;
mod attack_writes;
mod checking;
mod corpus;
mod cursors;
mod double;
mod failing;
mod guarding;
mod kit;
mod large;
mod listing;
mod reading;
mod refused;
mod specification;
mod strange;
mod writing;
