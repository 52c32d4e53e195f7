//! Which checks a merge needs: the rules of the branch that the commit is to be merged into.
//!
//! REST tells administrators only; GraphQL tells whoever may read.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::json;
use shared::{Code, ToolError, Untrusted};

use crate::{failure::Refusal, repo::Repo, repository::Repository, words::without_null};

/// The names of checks that are required, and by which branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Required {
    /// The names.
    pub names: BTreeSet<String>,
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
        match self.names.len() {
            0 => format!("{} requires no checks", base.quoted()),
            1 => format!("{} requires 1 check", base.quoted()),
            many => format!("{} requires {many} checks", base.quoted()),
        }
    }
}

/// The question. `ref` is anything `git rev-parse` takes, made of a ref that was checked.
pub const QUERY: &str = "query Required($owner: String!, $repo: String!, $ref: String!) {
  repository(owner: $owner, name: $repo) {
    nameWithOwner
    defaultBranchRef { ...rules }
    object(expression: $ref) {
      ... on Commit {
        oid
        associatedPullRequests(first: 10) { nodes { number state baseRef { ...rules } } }
      }
    }
  }
}
fragment rules on Ref {
  name
  refUpdateRule { requiredStatusCheckContexts }
  rules(first: 100) { nodes { parameters { ... on RequiredStatusChecksParameters { requiredStatusChecks { context } } } } }
}";

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
    number: u64,
    state: Option<String>,
    base_ref: Option<Ref>,
}

#[derive(Deserialize)]
#[serde(bound = "T: Deserialize<'de>")]
struct Nodes<T> {
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
struct Context {
    context: String,
}

/// Asks what is required of `commit`: by the base of pull request `number` if that is given, of an open pull request it belongs to, or else of the default
/// branch.
///
/// # Errors
/// When GraphQL does not tell, which without a token it never does.
pub async fn read(repo: &Repo, commit: &str, number: Option<u64>) -> Result<Asked, Refusal> {
    let doing = "read which checks are required";
    let data: Data = repo.graphql(doing, QUERY, json!({"ref": commit})).await?;
    let nothing = || {
        ToolError::new(Code::NotFound, format!("{doing}: there is no such repository, or this token may not see it"))
    };
    let found = data.repository.ok_or_else(nothing)?;
    // GraphQL follows renames by itself.
    let name = Repository::from_full_name(&found.name_with_owner).map_err(|_| nothing())?;
    repo.api().config.allowed.check(&name)?;
    asked(found, number).ok_or_else(|| nothing().into())
}

fn asked(found: InRepository, number: Option<u64>) -> Option<Asked> {
    let (commit, pulls) = match found.object {
        Some(object) => (object.oid, object.associated_pull_requests.map(|pulls| pulls.nodes).unwrap_or_default()),
        None => (None, Vec::new()),
    };
    let own = |pull: &Associated| Some(pull.number) == number;
    let open = |pull: &Associated| pull.state.as_deref() == Some("OPEN");
    let at = pulls.iter().position(own).or_else(|| pulls.iter().position(open));
    let base =
        at.and_then(|at| pulls.into_iter().nth(at)).and_then(|pull| pull.base_ref).or(found.default_branch_ref)?;
    let mut names = BTreeSet::new();
    names.extend(base.ref_update_rule.into_iter().flat_map(|rule| rule.required_status_check_contexts));
    let rules = base.rules.into_iter().flat_map(|rules| rules.nodes).filter_map(|rule| rule.parameters);
    names.extend(rules.flat_map(|parameters| parameters.required_status_checks).map(|check| check.context));
    Some(Asked { required: Required { names, base: base.name }, commit })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(value: serde_json::Value, number: Option<u64>) -> Option<(String, Vec<String>)> {
        let asked = asked(serde_json::from_value(value).unwrap(), number)?;
        Some((asked.required.base, asked.required.names.into_iter().collect()))
    }

    #[test]
    fn the_rules_are_those_of_where_it_is_to_go() {
        let branch = |name: &str, check: &str| {
            json!({"name": name, "refUpdateRule": {"requiredStatusCheckContexts": [check, null]},
                "rules": {"nodes": [null, {"parameters": null}, {"parameters": {}},
                    {"parameters": {"requiredStatusChecks": [{"context": format!("{check}-ruled")}]}}]}})
        };
        let pull = |number: u64, state: &str, base: &str| json!({"number": number, "state": state, "baseRef": branch(base, base)});
        let whole = |pulls: serde_json::Value| {
            json!({"nameWithOwner": "a/b", "defaultBranchRef": branch("main", "main"),
                "object": {"oid": "0", "associatedPullRequests": {"nodes": pulls}}})
        };
        let pulls = json!([pull(1, "MERGED", "old"), pull(2, "OPEN", "next"), pull(3, "OPEN", "other")]);
        let names = |base: &str| Some((base.to_owned(), vec![base.to_owned(), format!("{base}-ruled")]));
        assert_eq!(of(whole(pulls.clone()), Some(3)), names("other"));
        assert_eq!(of(whole(pulls), None), names("next"));
        assert_eq!(of(whole(json!([pull(1, "MERGED", "old")])), None), names("main"));
        assert_eq!(of(whole(json!([{"number": 2, "state": "OPEN", "baseRef": null}])), None), names("main"));
        let bare = json!({"nameWithOwner": "a/b", "defaultBranchRef": {"name": "main", "refUpdateRule": null, "rules": null}, "object": null});
        assert_eq!(of(bare, None), Some(("main".into(), vec![])));
        assert_eq!(of(json!({"nameWithOwner": "a/b", "defaultBranchRef": null, "object": {}}), None), None);
    }
}
