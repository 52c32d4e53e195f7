//! A pull request as GitHub sends it, and what can be said of it without asking for more.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared::Untrusted;

use crate::words::{Label, User, or_default, short, without_null, word};

/// A pull request. Only its number is sure to be there.
#[derive(Clone, Debug, Deserialize)]
pub struct Pull {
    /// Its number.
    pub number: u64,
    /// Its title.
    #[serde(default, deserialize_with = "or_default")]
    pub title: String,
    /// What its author says.
    #[serde(default, deserialize_with = "or_default")]
    pub body: String,
    /// `open` or `closed`.
    pub state: Option<String>,
    /// Whether it is not meant to be merged yet.
    #[serde(default, deserialize_with = "or_default")]
    pub draft: bool,
    /// Whether talking is over.
    #[serde(default, deserialize_with = "or_default")]
    pub locked: bool,
    /// Who opened it.
    pub user: Option<User>,
    /// What is to be merged.
    pub head: Option<Side>,
    /// Into what.
    pub base: Option<Side>,
    /// When it was merged.
    pub merged_at: Option<String>,
    /// By whom.
    pub merged_by: Option<User>,
    /// The commit that merged it.
    pub merge_commit_sha: Option<String>,
    /// Whether it can be; nothing while GitHub computes it, and in lists.
    pub mergeable: Option<bool>,
    /// Why not.
    pub mergeable_state: Option<String>,
    /// What it is merged by once everything is well.
    pub auto_merge: Option<Value>,
    /// Its labels.
    #[serde(default, deserialize_with = "without_null")]
    pub labels: Vec<Label>,
    /// Who is asked for a review.
    #[serde(default, deserialize_with = "without_null")]
    pub requested_reviewers: Vec<User>,
    /// Which teams are.
    #[serde(default, deserialize_with = "without_null")]
    pub requested_teams: Vec<Team>,
    /// Who works on it.
    #[serde(default, deserialize_with = "without_null")]
    pub assignees: Vec<User>,
    /// Its commits; not in lists, as the numbers below.
    pub commits: Option<u64>,
    /// Lines added.
    pub additions: Option<u64>,
    /// Lines removed.
    pub deletions: Option<u64>,
    /// Files changed.
    pub changed_files: Option<u64>,
    /// Comments in its conversation.
    pub comments: Option<u64>,
    /// When it was opened.
    pub created_at: Option<String>,
    /// When anything about it changed.
    pub updated_at: Option<String>,
    /// When it was closed.
    pub closed_at: Option<String>,
    /// Where a person looks at it.
    pub html_url: Option<String>,
}

/// A team.
#[derive(Clone, Debug, Deserialize)]
pub struct Team {
    /// Its name in addresses.
    pub slug: Option<String>,
}

/// One side of a pull request.
#[derive(Clone, Debug, Deserialize)]
pub struct Side {
    /// The branch.
    #[serde(rename = "ref", default, deserialize_with = "or_default")]
    pub branch: String,
    /// The commit.
    pub sha: Option<String>,
    /// Whose branch it is; nothing when the fork was deleted.
    pub repo: Option<SideRepo>,
    /// `owner:branch`.
    pub label: Option<String>,
}

/// The repository of a side.
#[derive(Clone, Debug, Deserialize)]
pub struct SideRepo {
    /// `owner/name`.
    pub full_name: Option<String>,
}

/// A side, as answers show it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Branch {
    /// Its name; with its owner in front when it is a fork's.
    pub name: Untrusted,
    /// The commit it stands at.
    pub commit: String,
    /// Whether its repository is gone.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub deleted_fork: bool,
}

impl Branch {
    fn of(side: Option<&Side>, fork: bool, gone: bool) -> Self {
        let name = match side {
            Some(side) if fork => side.label.as_deref().unwrap_or(&side.branch),
            Some(side) => &side.branch,
            None => "",
        };
        let commit = short(side.and_then(|side| side.sha.as_deref()));
        Self { name: Untrusted::line(name), commit, deleted_fork: gone }
    }
}

impl Pull {
    /// `open`, `draft`, `merged`, `closed`.
    pub fn state(&self) -> String {
        match self.state.as_deref() {
            Some("closed") if self.merged_at.is_some() => "merged".to_owned(),
            Some("open") if self.draft => "draft".to_owned(),
            state => word(state),
        }
    }

    /// What is to be merged.
    pub fn head(&self) -> Branch {
        let name = |side: &Option<Side>| side.as_ref()?.repo.as_ref()?.full_name.clone();
        let gone = self.head.as_ref().is_some_and(|head| head.repo.is_none());
        Branch::of(self.head.as_ref(), gone || name(&self.head) != name(&self.base), gone)
    }

    /// Into what.
    pub fn base(&self) -> Branch {
        Branch::of(self.base.as_ref(), false, false)
    }

    /// The commit at its head.
    pub fn commit(&self) -> Option<&str> {
        self.head.as_ref()?.sha.as_deref()
    }

    /// The repository it is one of, as it says itself.
    pub fn repository(&self) -> Option<&str> {
        self.base.as_ref()?.repo.as_ref()?.full_name.as_deref()
    }

    /// Whether it can be merged, in words; nothing when that is over.
    pub fn merge(&self) -> Option<Merge> {
        if self.state.as_deref() != Some("open") {
            return None;
        }
        let state = word(self.mergeable_state.as_deref());
        let (possible, why) = match (self.mergeable, state.as_str()) {
            (Some(false), _) | (_, "dirty") => (Some(false), "it conflicts with its base"),
            (None, _) => (None, "GitHub is still computing it; ask again in a minute"),
            (Some(true), "draft") => (Some(false), "it is a draft"),
            (Some(true), "blocked") => {
                (Some(false), "blocked by rules: reviews, required checks or threads are missing")
            }
            (Some(true), "behind") => (Some(false), "its branch has to be brought up to date with its base first"),
            (Some(true), "unstable") => {
                (Some(true), "no conflicts, and what is required is there, but not every check succeeded")
            }
            (Some(true), "has_hooks") => (Some(true), "no conflicts; hooks of the server have a say"),
            (Some(true), "clean") => (Some(true), "no conflicts, nothing missing"),
            (Some(true), "unknown") => {
                (None, "no conflicts; GitHub is still computing the rest, ask again in a minute")
            }
            (Some(true), _) => (None, "no conflicts; this server does not know GitHub's word for the rest"),
        };
        Some(Merge { possible, state, why: why.to_owned() })
    }
}

/// Whether a pull request can be merged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Merge {
    /// Absent while GitHub does not know.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub possible: Option<bool>,
    /// GitHub's word for it.
    pub state: String,
    /// In words.
    pub why: String,
}

impl Merge {
    /// Its line.
    pub fn line(&self) -> String {
        let possible = match self.possible {
            Some(true) => "yes",
            Some(false) => "no",
            None => "not known",
        };
        format!("mergeable: {possible} ({}): {}", self.state, self.why)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pull(value: Value) -> Pull {
        let mut whole = json!({"number": 1, "state": "open"});
        whole.as_object_mut().unwrap().extend(value.as_object().cloned().unwrap());
        serde_json::from_value(whole).unwrap()
    }

    #[test]
    fn a_number_is_enough() {
        let bare: Pull = serde_json::from_value(json!({"number": 7})).unwrap();
        assert_eq!((bare.state().as_str(), bare.merge()), ("unknown", None));
        let nulls =
            pull(json!({"title": null, "body": null, "user": null, "head": null, "labels": null, "draft": null,
            "requested_teams": [null, {"slug": null}], "mergeable": null, "auto_merge": null}));
        assert_eq!(nulls.head().commit, "unknown");
    }

    #[test]
    fn states_are_the_ones_people_use() {
        for (value, expected) in [
            (json!({}), "open"),
            (json!({"draft": true}), "draft"),
            (json!({"state": "closed", "draft": true}), "closed"),
            (json!({"state": "closed", "merged_at": "2026-01-01T00:00:00Z"}), "merged"),
            (json!({"state": "queued"}), "queued"),
        ] {
            assert_eq!(pull(value.clone()).state(), expected, "{value}");
        }
    }

    #[test]
    fn whether_it_can_be_merged_is_never_guessed() {
        for (mergeable, state, possible) in [
            (json!(true), "clean", Some(true)),
            (json!(true), "unstable", Some(true)),
            (json!(true), "blocked", Some(false)),
            (json!(true), "behind", Some(false)),
            (json!(true), "draft", Some(false)),
            (json!(false), "dirty", Some(false)),
            (json!(false), "unknown", Some(false)),
            (json!(null), "unknown", None),
            (json!(null), "clean", None),
            (json!(true), "unknown", None),
            (json!(true), "something_new", None),
        ] {
            let merge = pull(json!({"mergeable": mergeable, "mergeable_state": state})).merge().unwrap();
            assert_eq!(merge.possible, possible, "{mergeable} {state}");
        }
        assert_eq!(pull(json!({"state": "closed", "mergeable": true})).merge(), None);
    }

    #[test]
    fn a_forks_branch_carries_its_owner_and_a_deleted_fork_is_said() {
        let side =
            |full: Value, label: &str| json!({"ref": "fix", "sha": "0123456789abcdef", "label": label, "repo": full});
        let own = json!({"full_name": "acme/shop"});
        let of = |head: Value| pull(json!({"head": head, "base": side(own.clone(), "acme:fix")})).head();
        assert_eq!(of(side(own.clone(), "acme:fix")).name, Untrusted::line("fix"));
        assert_eq!(of(side(json!({"full_name": "ada/shop"}), "ada:fix")).name, Untrusted::line("ada:fix"));
        let gone = of(side(json!(null), "ada:fix"));
        assert!(gone.deleted_fork && gone.name == Untrusted::line("ada:fix"));
    }
}
