//! `github_get_repo`: what a repository is, and what this token may do in it.

use std::{collections::BTreeMap, sync::Arc};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shared::{Annotations, Answer, Call, Read, Result, Text, Tool, Untrusted};

use crate::{
    Github,
    words::{count, names, or_default, when, without_null, word},
};

/// The tool.
pub struct GetRepo;

/// Parameters.
#[derive(Deserialize, JsonSchema)]
pub struct Params {
    /// User or organisation.
    owner: String,
    /// Repository name.
    repo: String,
}

/// The answer.
#[derive(Serialize, JsonSchema)]
pub struct Found {
    /// The repository.
    repository: String,
    /// public, private or internal.
    visibility: String,
    /// The branch that pull requests go into.
    default_branch: Untrusted,
    /// archived, disabled, fork, template, mirror: what is true of it.
    marks: Vec<&'static str>,
    /// The repository it was forked from.
    #[serde(skip_serializing_if = "Option::is_none")]
    parent: Option<Untrusted>,
    /// What its owners say it is.
    description: Untrusted,
    /// Main language.
    language: Untrusted,
    /// The licence's short name.
    licence: Untrusted,
    /// Topics.
    topics: Vec<Untrusted>,
    /// What this token may do; absent without a token.
    #[serde(skip_serializing_if = "Option::is_none")]
    permissions: Option<Vec<String>>,
    /// How pull requests are merged; absent where it is not told.
    #[serde(skip_serializing_if = "Option::is_none")]
    merge_methods: Option<Vec<&'static str>>,
    /// Features that are off: issues, wiki, projects.
    off: Vec<&'static str>,
    /// Stars.
    stars: u64,
    /// Forks.
    forks: u64,
    /// Open issues and pull requests together.
    open_issues_and_prs: u64,
    /// Last push, in UTC.
    pushed: String,
    /// Where a person looks at it.
    url: Untrusted,
}

/// What GitHub sends.
#[derive(Deserialize)]
struct Sent {
    full_name: String,
    #[serde(default, deserialize_with = "or_default")]
    private: bool,
    visibility: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    default_branch: String,
    #[serde(default, deserialize_with = "or_default")]
    archived: bool,
    #[serde(default, deserialize_with = "or_default")]
    disabled: bool,
    #[serde(default, deserialize_with = "or_default")]
    fork: bool,
    #[serde(default, deserialize_with = "or_default")]
    is_template: bool,
    mirror_url: Option<String>,
    parent: Option<Parent>,
    #[serde(default, deserialize_with = "or_default")]
    description: String,
    #[serde(default, deserialize_with = "or_default")]
    language: String,
    license: Option<Licence>,
    #[serde(default, deserialize_with = "without_null")]
    topics: Vec<String>,
    permissions: Option<BTreeMap<String, Option<bool>>>,
    allow_squash_merge: Option<bool>,
    allow_rebase_merge: Option<bool>,
    allow_merge_commit: Option<bool>,
    has_issues: Option<bool>,
    has_wiki: Option<bool>,
    has_projects: Option<bool>,
    #[serde(default, deserialize_with = "or_default")]
    stargazers_count: u64,
    #[serde(default, deserialize_with = "or_default")]
    forks_count: u64,
    #[serde(default, deserialize_with = "or_default")]
    open_issues_count: u64,
    pushed_at: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    html_url: String,
}

#[derive(Deserialize)]
struct Parent {
    full_name: String,
}

#[derive(Deserialize)]
struct Licence {
    spdx_id: Option<String>,
    name: Option<String>,
}

impl Answer for Found {
    fn text(&self, text: &mut Text<'_>) {
        let marks = if self.marks.is_empty() { String::new() } else { format!(", {}", self.marks.join(", ")) };
        text.line(format_args!(
            "{}: {}{marks}; default branch {}",
            self.repository,
            self.visibility,
            self.default_branch.quoted()
        ));
        if let Some(parent) = &self.parent {
            text.line(format_args!("forked from {}", parent.quoted()));
        }
        text.framed(|inside| self.description.inside(inside).to_owned());
        let mut about = Vec::new();
        if !self.language.is_empty() {
            about.push(format!("language {}", self.language.quoted()));
        }
        if !self.licence.is_empty() {
            about.push(format!("licence {}", self.licence.quoted()));
        }
        if !self.topics.is_empty() {
            about.push(format!("topics {}", names(&self.topics)));
        }
        if !about.is_empty() {
            text.line(about.join("; "));
        }
        match &self.permissions {
            Some(may) if may.is_empty() => text.line("this token may do nothing here but what everybody may"),
            Some(may) => text.line(format_args!("this token may: {}", may.join(", "))),
            None => text.line("asked without a token, or GitHub does not say what it may"),
        }
        if let Some(methods) = &self.merge_methods {
            text.line(format_args!("merging by {}", methods.join(", ")));
        }
        if !self.off.is_empty() {
            text.line(format_args!("turned off: {}", self.off.join(", ")));
        }
        text.line(format_args!(
            "{}, {}; {} open issues and pull requests together; last push {}",
            count(self.stars, "star"),
            count(self.forks, "fork"),
            self.open_issues_and_prs,
            self.pushed
        ));
        text.line(self.url.quoted());
    }
}

impl Tool for GetRepo {
    const NAME: &'static str = "github_get_repo";
    const TITLE: &'static str = "Describe a repository";
    const DESCRIPTION: &'static str =
        "A repository: visibility, default branch, archived or fork, ways to merge, and what this token may do in it.";
    const EXAMPLE: &'static str = "owner=acme repo=shop";
    const ANNOTATIONS: Annotations = Annotations::READ_REMOTE;

    type Access = Read;
    type Server = Github;
    type Params = Params;
    type Output = Found;

    async fn run(server: Arc<Github>, params: Params, call: Call) -> Result<Found> {
        let repo = server.repo(&call, &params.owner, &params.repo)?;
        let sent = repo.read::<Sent>("read the repository", "", "").await?.value;
        repo.answers_for(Some(&sent.full_name))?;
        // GitHub's own spelling: an answer to `ACME/Shop` is about `acme/shop`.
        let name = Untrusted::line(&sent.full_name);
        let scope = repo.scope();
        let repository = match crate::repository::Repository::from_full_name(&sent.full_name) {
            Ok(known) if known.to_string().eq_ignore_ascii_case(&repo.name().to_string()) => {
                scope.replacen(&repo.name().to_string(), &known.to_string(), 1)
            }
            _ => format!("{scope} (GitHub calls it {})", name.quoted()),
        };
        Ok(found(sent, repository))
    }
}

/// Of `(true or not, name)` the names that are as `wanted`.
fn those(wanted: bool, named: &[(Option<bool>, &'static str)]) -> Vec<&'static str> {
    named.iter().filter(|(is, _)| *is == Some(wanted)).map(|(_, name)| *name).collect()
}

fn found(sent: Sent, repository: String) -> Found {
    let visibility = sent.visibility.as_deref().map(|visibility| word(Some(visibility)));
    let methods = [
        (sent.allow_squash_merge, "squash"),
        (sent.allow_rebase_merge, "rebase"),
        (sent.allow_merge_commit, "merge commit"),
    ];
    // Strongest first: who may administer needs no list of what comes with it.
    let rank = |name: &str| ["admin", "maintain", "push", "triage", "pull"].iter().position(|known| *known == name);
    let permissions = sent.permissions.map(|permissions| {
        let mut may: Vec<String> =
            permissions.iter().filter(|(_, may)| **may == Some(true)).map(|(name, _)| word(Some(name))).collect();
        may.sort_by_key(|name| rank(name).unwrap_or(usize::MAX));
        may
    });
    let licence = sent.license.and_then(|licence| licence.spdx_id.filter(|id| id != "NOASSERTION").or(licence.name));
    Found {
        repository,
        visibility: visibility.unwrap_or_else(|| if sent.private { "private" } else { "public" }.to_owned()),
        default_branch: Untrusted::line(&sent.default_branch),
        marks: those(
            true,
            &[
                (Some(sent.archived), "archived (read-only)"),
                (Some(sent.disabled), "disabled"),
                (Some(sent.fork), "fork"),
                (Some(sent.is_template), "template"),
                (Some(sent.mirror_url.is_some()), "mirror"),
            ],
        ),
        parent: sent.parent.map(|parent| Untrusted::line(&parent.full_name)),
        description: Untrusted::line(&sent.description),
        language: Untrusted::line(&sent.language),
        licence: Untrusted::line(&licence.unwrap_or_default()),
        topics: sent.topics.iter().map(|topic| Untrusted::line(topic)).collect(),
        permissions,
        merge_methods: methods.iter().any(|(known, _)| known.is_some()).then(|| those(true, &methods)),
        off: those(false, &[(sent.has_issues, "issues"), (sent.has_wiki, "wiki"), (sent.has_projects, "projects")]),
        stars: sent.stargazers_count,
        forks: sent.forks_count,
        open_issues_and_prs: sent.open_issues_count,
        pushed: when(sent.pushed_at.as_deref()),
        url: Untrusted::line(&sent.html_url),
    }
}
