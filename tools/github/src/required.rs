//! Which checks a merge needs: the rules of the branch that the commit is to be merged into.
//!
//! REST tells administrators only; GraphQL tells whoever may read.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::json;
use shared::{Code, ToolError, Untrusted};

use crate::{
    failure::Refusal,
    repo::Repo,
    repository::Repository,
    verdict::Need,
    words::{or_default, without_null},
};

/// The checks that are required, and by which branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Required {
    /// The checks.
    pub checks: BTreeSet<Need>,
    /// The branch whose rules they are.
    pub base: String,
}

/// The required checks of a commit, and the commit's own id.
#[derive(Debug)]
pub struct Asked {
    /// What is required.
    pub required: Required,
    /// The commit's id; nothing when there is no such commit.
    pub commit: Option<String>,
}

impl Required {
    /// Its line.
    pub fn line(&self) -> String {
        let base = Untrusted::line(&self.base);
        match self.checks.len() {
            0 => format!("{} requires no checks", base.quoted()),
            1 => format!("{} requires 1 check", base.quoted()),
            many => format!("{} requires {many} checks", base.quoted()),
        }
    }
}

/// What is attempted.
const DOING: &str = "read which checks are required";

/// What is asked of a branch.
const RULES: &str = "
fragment rules on Ref {
  name
  refUpdateRule { requiredStatusCheckContexts }
  rules(first: 100) {
    totalCount
    nodes { parameters { ... on RequiredStatusChecksParameters { requiredStatusChecks { context integrationId } } } }
  }
}";

/// The question about a commit. `ref` is anything `git rev-parse` takes, made of a ref that was checked.
const OF_COMMIT: &str = "query Required($owner: String!, $repo: String!, $ref: String!) {
  repository(owner: $owner, name: $repo) {
    nameWithOwner
    defaultBranchRef { ...rules }
    object(expression: $ref) {
      ... on Commit {
        oid
        associatedPullRequests(first: 10) { nodes { state baseRef { ...rules } } }
      }
    }
  }
}";

/// The question about a pull request.
const OF_PULL: &str = "query RequiredOfPull($owner: String!, $repo: String!, $number: Int!) {
  repository(owner: $owner, name: $repo) {
    nameWithOwner
    pullRequest(number: $number) { headRefOid baseRefName baseRef { ...rules } }
  }
}";

/// Both questions, for whoever holds them against GitHub's schema.
pub fn queries() -> [String; 2] {
    [OF_COMMIT, OF_PULL].map(|query| format!("{query}{RULES}"))
}

#[derive(Deserialize)]
struct Data {
    repository: Option<InRepository>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct InRepository {
    name_with_owner: String,
    default_branch_ref: Option<Ref>,
    object: Option<Object>,
    pull_request: Option<Asking>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Asking {
    head_ref_oid: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    base_ref_name: String,
    base_ref: Option<Ref>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Object {
    oid: Option<String>,
    associated_pull_requests: Option<Nodes<Associated>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Associated {
    state: Option<String>,
    base_ref: Option<Ref>,
}

#[derive(Deserialize)]
#[serde(bound = "T: Deserialize<'de>", rename_all = "camelCase")]
struct Nodes<T> {
    total_count: Option<u64>,
    #[serde(default = "Vec::new", deserialize_with = "without_null")]
    nodes: Vec<T>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Ref {
    name: String,
    ref_update_rule: Option<Protection>,
    rules: Option<Nodes<Rule>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Protection {
    #[serde(default, deserialize_with = "without_null")]
    required_status_check_contexts: Vec<String>,
}

#[derive(Deserialize)]
struct Rule {
    parameters: Option<Parameters>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Parameters {
    #[serde(default = "Vec::new", deserialize_with = "without_null")]
    required_status_checks: Vec<Context>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Context {
    context: String,
    integration_id: Option<u64>,
}

/// Asks what is required of `commit`: by the base of an open pull request it belongs to, or else by the default branch.
///
/// # Errors
/// When GraphQL does not tell, which without a token it never does.
pub async fn of_commit(repo: &Repo, commit: &str) -> Result<Asked, Refusal> {
    let found = ask(repo, OF_COMMIT, json!({"ref": commit})).await?;
    let (commit, pulls) = match found.object {
        Some(object) => (object.oid, object.associated_pull_requests.map(|pulls| pulls.nodes).unwrap_or_default()),
        None => (None, Vec::new()),
    };
    let open = pulls.into_iter().find(|pull| pull.state.as_deref() == Some("OPEN"));
    let base = open.and_then(|pull| pull.base_ref).or(found.default_branch_ref);
    let base = base.ok_or_else(|| untold("the repository has no default branch"))?;
    Ok(Asked { required: required(base)?, commit })
}

/// Asks what is required of pull request `number`, by the base it names and no other.
///
/// # Errors
/// As [`of_commit`]; [`Code::NotFound`] when there is no such pull request.
pub async fn of_pull(repo: &Repo, number: u64) -> Result<Asked, Refusal> {
    let found = ask(repo, OF_PULL, json!({"number": number})).await?;
    let pull = found.pull_request.ok_or_else(|| {
        ToolError::new(Code::NotFound, format!("{DOING}: there is no pull request #{number}")).hint("check the number")
    })?;
    let gone = format!("the base {} does not exist", Untrusted::line(&pull.base_ref_name).quoted());
    let base = pull.base_ref.ok_or_else(|| untold(&gone))?;
    Ok(Asked { required: required(base)?, commit: pull.head_ref_oid })
}

async fn ask(repo: &Repo, query: &str, variables: serde_json::Value) -> Result<InRepository, Refusal> {
    let data: Data = repo.graphql(DOING, &format!("{query}{RULES}"), variables).await?;
    let nothing = || {
        ToolError::new(Code::NotFound, format!("{DOING}: there is no such repository, or this token may not see it"))
    };
    let found = data.repository.ok_or_else(nothing)?;
    // GraphQL follows renames by itself.
    let name = Repository::from_full_name(&found.name_with_owner).map_err(|_| nothing())?;
    repo.api().config.allowed.check(&name)?;
    Ok(found)
}

fn untold(why: &str) -> ToolError {
    ToolError::new(Code::Unavailable, format!("{DOING}: {why}")).hint("look at the rules of the branch on the website")
}

fn required(base: Ref) -> Result<Required, ToolError> {
    let mut checks = BTreeSet::new();
    let classic = base.ref_update_rule.into_iter().flat_map(|rule| rule.required_status_check_contexts);
    checks.extend(classic.map(|name| Need { name, app: None }));
    if let Some(rules) = base.rules {
        let count = rules.nodes.len() as u64;
        if rules.total_count.is_some_and(|total| total > count) {
            return Err(untold("the branch has more than a hundred rules"));
        }
        let parameters = rules.nodes.into_iter().filter_map(|rule| rule.parameters);
        let needed = parameters.flat_map(|parameters| parameters.required_status_checks);
        checks.extend(needed.map(|check| Need { name: check.context, app: check.integration_id }));
    }
    Ok(Required { checks, base: base.name })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(rules: serde_json::Value) -> Option<Vec<(String, Option<u64>)>> {
        let base: Ref = serde_json::from_value(rules).unwrap();
        required(base).ok().map(|required| required.checks.into_iter().map(|need| (need.name, need.app)).collect())
    }

    #[test]
    fn rules_of_both_kinds_count_and_a_part_of_them_is_none() {
        let rule = |context: &str, app: serde_json::Value| json!({"parameters": {"requiredStatusChecks": [{"context": context, "integrationId": app}]}});
        let whole = json!({"name": "main", "refUpdateRule": {"requiredStatusCheckContexts": ["test", null]},
            "rules": {"totalCount": 4, "nodes": [{"parameters": null}, {"parameters": {}}, rule("scan", json!(4242)), rule("test", json!(null))]}});
        assert_eq!(of(whole), Some(vec![("scan".into(), Some(4242)), ("test".into(), None)]));
        assert_eq!(of(json!({"name": "main", "refUpdateRule": null, "rules": null})), Some(vec![]));
        assert_eq!(of(json!({"name": "main", "rules": {"totalCount": 101, "nodes": []}})), None);
    }
}
