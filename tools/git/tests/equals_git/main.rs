//! The reading tools against the git CLI, field by field, over populations of pseudo-random repositories.
//!
//! What a tool says is compared as a caller gets it: cleaned of control characters, for which [`line`] and [`block`] do to git's words what
//! the spine does to ours. Where a tool differs on purpose, its module says so at the top, and asks git for the same.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod branches;
mod diff;
mod history;
mod log;
mod population;
mod show;
mod situations;
mod status;
#[expect(dead_code, reason = "each test file uses a part of it")]
#[path = "../support/mod.rs"]
mod support;

use serde_json::Value;
use shared::Untrusted;

/// git's bytes as an answer has them in one line.
fn line(bytes: &[u8]) -> Value {
    serde_json::to_value(Untrusted::line_bytes(bytes)).unwrap()
}

/// git's bytes as an answer has them in several lines.
fn block(bytes: &[u8]) -> Value {
    serde_json::to_value(Untrusted::block(bytes)).unwrap()
}

/// RFC 3339 with the offset of UTC in digits: newer gits write `Z`.
fn rfc3339(date: &[u8]) -> Value {
    let date = str::from_utf8(date).unwrap();
    Value::from(date.strip_suffix('Z').map_or(date.to_owned(), |start| format!("{start}+00:00")))
}

/// What git prints for a format whose fields end in 0x02 and whose records end in 0x03.
fn records(output: &[u8]) -> Vec<Vec<&[u8]>> {
    let records = output.split(|byte| *byte == 3).map(|record| record.strip_prefix(b"\n").unwrap_or(record));
    records
        .filter(|record| !record.is_empty())
        .map(|record| record.split(|byte| *byte == 2).collect::<Vec<_>>())
        .map(|mut fields| {
            assert_eq!(fields.pop(), Some(&b""[..]), "every field ends");
            fields
        })
        .collect()
}
