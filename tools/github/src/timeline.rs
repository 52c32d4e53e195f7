//! What happened to an issue besides being commented on.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shared::Untrusted;

use crate::words::{Label, User, or_default, person, short, when, word};

/// An event as GitHub sends it: dozens of kinds, of which each has other fields.
#[derive(Debug, Deserialize)]
pub struct Sent {
    event: Option<String>,
    actor: Option<User>,
    user: Option<User>,
    created_at: Option<String>,
    submitted_at: Option<String>,
    label: Option<Label>,
    assignee: Option<User>,
    milestone: Option<Title>,
    rename: Option<Rename>,
    commit_id: Option<String>,
    sha: Option<String>,
    state: Option<String>,
    state_reason: Option<String>,
    source: Option<Source>,
    requested_reviewer: Option<User>,
    #[serde(default, deserialize_with = "or_default")]
    message: String,
}

#[derive(Debug, Deserialize)]
struct Title {
    title: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Rename {
    from: Option<String>,
    to: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Source {
    issue: Option<Mentioning>,
}

#[derive(Debug, Deserialize)]
struct Mentioning {
    number: u64,
    title: Option<String>,
    repository: Option<Named>,
}

#[derive(Debug, Deserialize)]
struct Named {
    full_name: Option<String>,
}

/// An event.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Event {
    /// What kind.
    pub event: String,
    /// When, in UTC.
    pub at: String,
    /// Who.
    pub actor: Untrusted,
    /// What about.
    #[serde(skip_serializing_if = "Untrusted::is_empty")]
    pub what: Untrusted,
}

impl Event {
    /// The event; nothing for a comment, which is shown elsewhere.
    pub fn of(sent: &Sent) -> Option<Self> {
        let event = word(sent.event.as_deref());
        if event == "commented" {
            return None;
        }
        Some(Self {
            event,
            at: when(sent.created_at.as_deref().or(sent.submitted_at.as_deref())),
            actor: person(sent.actor.as_ref().or(sent.user.as_ref())),
            what: Untrusted::line(&what(sent)),
        })
    }

    /// Its row.
    pub fn row(&self, inside: shared::Inside<'_>) -> String {
        let what = if self.what.is_empty() { String::new() } else { format!(": {}", self.what.inside(inside)) };
        format!("{} {} by {}{what}", self.at, self.event, self.actor.inside(inside))
    }
}

fn what(sent: &Sent) -> String {
    let mut parts: Vec<String> = Vec::new();
    parts.extend(sent.label.as_ref().map(|label| label.name().to_owned()));
    parts.extend(sent.assignee.as_ref().map(|user| user.login.clone()));
    parts.extend(sent.requested_reviewer.as_ref().map(|user| user.login.clone()));
    parts.extend(sent.milestone.as_ref().and_then(|milestone| milestone.title.clone()));
    if let Some(rename) = &sent.rename {
        let side = |side: &Option<String>| side.clone().unwrap_or_default();
        parts.push(format!("{} -> {}", side(&rename.from), side(&rename.to)));
    }
    if let Some(issue) = sent.source.as_ref().and_then(|source| source.issue.as_ref()) {
        let repository =
            issue.repository.as_ref().and_then(|repository| repository.full_name.as_deref()).unwrap_or_default();
        parts.push(format!("{repository}#{} {}", issue.number, issue.title.as_deref().unwrap_or_default()));
    }
    parts.extend(sent.commit_id.as_deref().or(sent.sha.as_deref()).map(|id| short(Some(id))));
    parts.extend(sent.message.lines().next().filter(|line| !line.is_empty()).map(str::to_owned));
    parts.extend(sent.state.clone());
    parts.extend(sent.state_reason.clone());
    parts.join(" ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_is_a_line_whatever_it_holds() {
        let shown = |value: serde_json::Value| {
            let sent: Sent = serde_json::from_value(value).unwrap();
            Event::of(&sent).map(|event| (event.event, event.what))
        };
        let of = |event: &str, what: &str| Some((event.to_owned(), Untrusted::line(what)));
        assert_eq!(shown(json!({"event": "labeled", "label": {"name": "bug"}})), of("labeled", "bug"));
        assert_eq!(
            shown(
                json!({"event": "cross-referenced", "source": {"issue": {"number": 3, "title": "T", "repository": {"full_name": "a/b"}}}})
            ),
            of("cross-referenced", "a/b#3 T")
        );
        assert_eq!(
            shown(json!({"event": "closed", "commit_id": "0123456789abcdef", "state_reason": "completed"})),
            of("closed", "0123456789 completed")
        );
        assert_eq!(shown(json!({"event": "renamed", "rename": {"from": "a", "to": "b"}})), of("renamed", "a -> b"));
        assert_eq!(shown(json!({"event": "commented", "body": "x"})), None);
        assert_eq!(shown(json!({})), of("unknown", ""));
        assert_eq!(
            shown(json!({"event": "line-commented", "comments": [1], "actor": null, "label": null})),
            of("line-commented", "")
        );
    }
}
