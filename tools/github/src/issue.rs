//! An issue as GitHub sends it.

use serde::Deserialize;
use serde_json::Value;

use crate::words::{Label, User, or_default, without_null, word};

/// An issue. Only its number is sure to be there.
#[derive(Clone, Debug, Deserialize)]
pub struct Issue {
    /// Its number.
    pub number: u64,
    /// Its title.
    #[serde(default, deserialize_with = "or_default")]
    pub title: String,
    /// What its author says.
    #[serde(default, deserialize_with = "or_default")]
    pub body: String,
    state: Option<String>,
    state_reason: Option<String>,
    /// Whether talking is over.
    #[serde(default, deserialize_with = "or_default")]
    pub locked: bool,
    /// Who opened it.
    pub user: Option<User>,
    /// Who works on it.
    #[serde(default, deserialize_with = "without_null")]
    pub assignees: Vec<User>,
    /// Its labels.
    #[serde(default, deserialize_with = "without_null")]
    pub labels: Vec<Label>,
    /// What it is planned for.
    pub milestone: Option<Milestone>,
    /// Comments on it.
    #[serde(default, deserialize_with = "or_default")]
    pub comments: u64,
    /// There when it is a pull request.
    pub pull_request: Option<Value>,
    /// When it was opened.
    pub created_at: Option<String>,
    /// When anything about it changed.
    pub updated_at: Option<String>,
    /// When it was closed.
    pub closed_at: Option<String>,
    repository_url: Option<String>,
}

/// What issues are planned for.
#[derive(Clone, Debug, Deserialize)]
pub struct Milestone {
    /// Its title.
    #[serde(default, deserialize_with = "or_default")]
    pub title: String,
}

impl Issue {
    /// The repository it is one of, as it says itself.
    pub fn repository(&self) -> Option<&str> {
        self.repository_url.as_deref()?.split_once("/repos/").map(|(_, name)| name)
    }

    /// `open`, `closed`, `closed (not_planned)`.
    pub fn state(&self) -> String {
        let state = word(self.state.as_deref());
        match self.state_reason.as_deref() {
            Some(reason) if state == "closed" => format!("closed ({})", word(Some(reason))),
            _ => state,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_number_is_enough() {
        let bare: Issue =
            serde_json::from_value(json!({"number": 7, "labels": [null, "old"], "assignees": null, "user": null,
            "milestone": null, "body": null, "pull_request": null}))
            .unwrap();
        assert_eq!((bare.state().as_str(), bare.labels.len(), bare.pull_request), ("unknown", 1, None));
        let closed: Issue =
            serde_json::from_value(json!({"number": 7, "state": "closed", "state_reason": "not_planned"})).unwrap();
        assert_eq!(closed.state(), "closed (not_planned)");
    }
}
