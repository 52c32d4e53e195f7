//! What could not be looked at, and why: said in every answer, because it is not the same as nothing there.

use schemars::JsonSchema;
use serde::Serialize;
use shared::{Records, Result, Text, ToolError, Untrusted};

use crate::failure::Refusal;

/// A part of an answer that could not be read.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Unread {
    /// Which part.
    pub what: String,
    /// The kind of failure.
    pub code: &'static str,
    /// Why, and what to do.
    pub why: String,
    /// GitHub's own words.
    #[serde(skip_serializing_if = "Untrusted::is_empty")]
    pub said: Untrusted,
}

impl Unread {
    /// A part and what refused it.
    pub fn new(what: impl Into<String>, error: &ToolError) -> Self {
        let hint = error.next_step().map(|hint| format!("; {hint}")).unwrap_or_default();
        Self {
            what: what.into(),
            code: error.code().as_str(),
            why: format!("{}{hint}", error.message()),
            said: Untrusted::line(error.said().unwrap_or_default()),
        }
    }
}

/// The value, or nothing and a note of why.
pub fn or_note<T>(found: Result<T, Refusal>, what: &str, unread: &mut Vec<Unread>) -> Option<T> {
    found.map_err(|refusal| unread.push(Unread::new(what, &refusal.error))).ok()
}

/// Writes them, a line each.
pub fn write(unread: &Records<Unread>, text: &mut Text<'_>) {
    text.plain_records(unread, |one| {
        let said = if one.said.is_empty() { String::new() } else { format!(" ({})", one.said.quoted()) };
        format!("could not look at {}: {}: {}{said}", one.what, one.code, one.why)
    });
}
