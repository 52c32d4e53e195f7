//! What of the description is used: which operations, and what each takes and answers.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::schema;
use crate::github::wire::decoded;

/// The operations that are used: method and path.
pub(super) const WANTED: &[(&str, &str)] = &[
    ("get", "/rate_limit"),
    ("get", "/user"),
    ("post", "/app/installations/{installation_id}/access_tokens"),
    ("get", "/repos/{owner}/{repo}"),
    ("get", "/repos/{owner}/{repo}/pulls"),
    ("post", "/repos/{owner}/{repo}/pulls"),
    ("get", "/repos/{owner}/{repo}/pulls/{pull_number}"),
    ("get", "/repos/{owner}/{repo}/pulls/{pull_number}/files"),
    ("get", "/repos/{owner}/{repo}/pulls/{pull_number}/reviews"),
    ("post", "/repos/{owner}/{repo}/pulls/{pull_number}/requested_reviewers"),
    ("get", "/repos/{owner}/{repo}/issues"),
    ("get", "/repos/{owner}/{repo}/issues/{issue_number}"),
    ("get", "/repos/{owner}/{repo}/issues/{issue_number}/comments"),
    ("post", "/repos/{owner}/{repo}/issues/{issue_number}/comments"),
    ("get", "/repos/{owner}/{repo}/issues/{issue_number}/timeline"),
    ("get", "/repos/{owner}/{repo}/branches"),
    ("get", "/repos/{owner}/{repo}/branches/{branch}"),
    ("get", "/repos/{owner}/{repo}/commits/{ref}"),
    ("get", "/repos/{owner}/{repo}/commits/{ref}/check-runs"),
    ("get", "/repos/{owner}/{repo}/commits/{ref}/status"),
    ("get", "/repos/{owner}/{repo}/check-runs/{check_run_id}/annotations"),
    ("get", "/repos/{owner}/{repo}/actions/runs"),
    ("get", "/repos/{owner}/{repo}/actions/jobs/{job_id}/logs"),
    ("get", "/repos/{owner}/{repo}/rules/branches/{branch}"),
];

/// An operation with everything it refers to, but for schemas of components.
pub(super) struct Operation {
    pub(super) id: String,
    pub(super) method: String,
    pub(super) path: String,
    /// Parameters by where they are and what they are called.
    pub(super) parameters: BTreeMap<(String, String), Value>,
    /// The schema of the body.
    pub(super) body: Option<Value>,
    pub(super) responses: Map<String, Value>,
}

impl Operation {
    pub(super) fn new(whole: &Value, method: &str, path: &str, described: &Value) -> Self {
        let list = described["parameters"].as_array().into_iter().flatten();
        let parameters = list.map(|parameter| schema::resolved(whole, parameter)).map(|parameter| {
            let text = |field: &str| parameter[field].as_str().unwrap_or_default().to_owned();
            ((text("in"), text("name")), parameter["schema"].clone())
        });
        let mut parameters: BTreeMap<_, _> = parameters.collect();
        let id = described["operationId"].as_str().unwrap_or_default().to_owned();
        // Where the links of this list lead by now.
        if id == "issues/list-for-repo" {
            for cursor in ["after", "before"] {
                parameters.insert(("query".to_owned(), cursor.to_owned()), json!({"type": "string"}));
            }
        }
        let responses = described["responses"].as_object().into_iter().flatten().map(|(status, response)| {
            let mut response = schema::resolved(whole, response).clone();
            let contents = response["content"].as_object_mut().into_iter().flat_map(Map::values_mut);
            for example in contents.filter_map(|content| content["examples"].as_object_mut()).flat_map(Map::values_mut)
            {
                *example = schema::resolved(whole, example).clone();
            }
            (status.clone(), response)
        });
        let body = described.pointer("/requestBody/content/application~1json/schema").cloned();
        Self { id, method: method.to_owned(), path: path.to_owned(), parameters, body, responses: responses.collect() }
    }

    pub(super) fn schemas(&self) -> impl Iterator<Item = &Value> {
        self.parameters.values().chain(self.body.as_ref()).chain(self.responses.values())
    }
}

/// What the parameters of a path are, when it is one of `template`.
pub(super) fn matched(template: &str, parts: &[&str]) -> Option<BTreeMap<String, String>> {
    let wanted: Vec<&str> = template.split('/').filter(|part| !part.is_empty()).collect();
    if wanted.len() != parts.len() {
        return None;
    }
    let mut found = BTreeMap::new();
    for (wanted, part) in wanted.into_iter().zip(parts) {
        match wanted.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
            Some(name) => drop(found.insert(name.to_owned(), decoded(part, false))),
            None if wanted == *part => {}
            None => return None,
        }
    }
    Some(found)
}
