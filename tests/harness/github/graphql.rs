//! `POST /graphql`: queries over repositories, answered field by field as they are asked, and never more.

mod query;

use serde_json::{Map, Value, json};

use self::query::{Field, Query, Selection};
use super::access::{Access, Kind};
use super::repository::Repository;
use super::state::State;
use super::wire::{Answer, Asked, cursor_at, place_of};

/// Lists that are connections: they have to be asked for by pages.
const CONNECTIONS: &[&str] = &["reviewThreads", "comments", "rules", "associatedPullRequests"];

/// Something that went wrong, as the answer says it.
struct Trouble {
    kind: Option<&'static str>,
    path: Vec<String>,
    message: String,
}

impl Trouble {
    fn new(kind: &'static str, path: &[String], message: impl Into<String>) -> Self {
        Self { kind: Some(kind), path: path.to_vec(), message: message.into() }
    }

    fn json(&self) -> Value {
        let mut error = json!({"message": self.message, "locations": [{"line": 1, "column": 1}]});
        if let Some(kind) = self.kind {
            (error["type"], error["path"]) = (json!(kind), json!(self.path));
        }
        error
    }
}

impl State {
    pub(super) fn graphql(&mut self, asked: &Asked, access: &Access) -> Answer {
        if access.kind == Kind::Anonymous {
            return Answer::error(401, "This endpoint requires you to be authenticated.");
        }
        let body = asked.json();
        let Some(text) = body["query"].as_str() else {
            return Answer::json(
                200,
                json!({"errors": [{"message": "A query attribute must be specified and must be a string."}]}),
            );
        };
        let query = match Query::parse(text, body["operationName"].as_str(), &body["variables"]) {
            Ok(query) => query,
            Err(message) => {
                let trouble = Trouble { kind: None, path: Vec::new(), message };
                return Answer::json(200, json!({"errors": [trouble.json()]}));
            }
        };
        let mut run = Run { state: self, access, query: &query, troubles: Vec::new() };
        let data = run.root();
        let troubles: Vec<Value> = run.troubles.iter().map(Trouble::json).collect();
        let fatal = run.troubles.iter().any(|trouble| trouble.kind == Some("undefinedField"));
        match (troubles.is_empty(), fatal) {
            (true, _) => Answer::json(200, json!({"data": data})),
            (false, false) => Answer::json(200, json!({"data": data, "errors": troubles})),
            (false, true) => Answer::json(200, json!({"errors": troubles})),
        }
    }
}

/// A query on its way.
struct Run<'a> {
    state: &'a State,
    access: &'a Access,
    query: &'a Query,
    troubles: Vec<Trouble>,
}

impl Run<'_> {
    fn root(&mut self) -> Value {
        let mut data = Map::new();
        for field in self.fields(&self.query.selections, "Query") {
            let path = vec![field.key.clone()];
            let value = match field.name.as_str() {
                "repository" => self.repository(&field, &path),
                other => {
                    let what = format!("Field '{other}' doesn't exist on type 'Query' of the double");
                    self.troubles.push(Trouble::new("undefinedField", &path, what));
                    Value::Null
                }
            };
            data.insert(field.key, value);
        }
        Value::Object(data)
    }

    /// The fields of `selections` that an object of this type is asked for, fragments unfolded.
    fn fields(&self, selections: &[Selection], kind: &str) -> Vec<Field> {
        let mut found = Vec::new();
        for selection in selections {
            match selection {
                Selection::Field(field) => found.push(field.clone()),
                Selection::On(on, inner) if on.as_ref().is_none_or(|on| on == kind) => {
                    found.extend(self.fields(inner, kind));
                }
                Selection::Fragment(name) => {
                    let fragment = self.query.fragments.get(name).filter(|(on, _)| on == kind);
                    found.extend(fragment.map(|(_, inner)| self.fields(inner, kind)).unwrap_or_default());
                }
                Selection::On(..) => {}
            }
        }
        found
    }

    fn repository(&mut self, field: &Field, path: &[String]) -> Value {
        let text = |name: &str| field.arguments.get(name).and_then(Value::as_str).unwrap_or_default();
        let full_name = format!("{}/{}", text("owner"), text("name"));
        // Old names lead to where it is now, without a word.
        let id = self.state.named(&full_name).map(|named| match named {
            super::state::Named::Here(id) | super::state::Named::Moved(id) => id,
        });
        let repository = id.map(|id| &self.state.repositories[&id]);
        let seen = repository.filter(|it| State::allowed(self.access, it, "metadata", false).is_ok());
        let Some(repository) = seen else {
            let what = format!("Could not resolve to a Repository with the name '{full_name}'.");
            self.troubles.push(Trouble::new("NOT_FOUND", path, what));
            return Value::Null;
        };
        let mut data = Map::new();
        for field in self.fields(&field.inner, "Repository") {
            let path = [path, std::slice::from_ref(&field.key)].concat();
            let value = self.in_repository(repository, &field, &path);
            data.insert(field.key, value);
        }
        Value::Object(data)
    }

    fn in_repository(&mut self, repository: &Repository, field: &Field, path: &[String]) -> Value {
        let argument = |name: &str| field.arguments.get(name).cloned().unwrap_or_default();
        let whole = match field.name.as_str() {
            "pullRequest" => {
                let number = argument("number").as_u64().unwrap_or_default();
                if !repository.pulls.contains_key(&number) {
                    let what = format!("Could not resolve to a PullRequest with the number of {number}.");
                    self.troubles.push(Trouble::new("NOT_FOUND", path, what));
                    return Value::Null;
                }
                // Permissions are asked per field here: the rest of the answer is still there.
                if State::allowed(self.access, repository, "pull_requests", false).is_err() {
                    let what = "Resource not accessible by personal access token";
                    self.troubles.push(Trouble::new("FORBIDDEN", path, what));
                    return Value::Null;
                }
                pull(repository, number)
            }
            "object" => object(repository, argument("expression").as_str().unwrap_or_default()),
            "ref" => {
                let name = argument("qualifiedName");
                let name = name.as_str().unwrap_or_default();
                repository.as_ref(name.strip_prefix("refs/heads/").unwrap_or(name))
            }
            "defaultBranchRef" => repository.as_ref(repository.json["default_branch"].as_str().unwrap_or_default()),
            "name" => repository.json["name"].clone(),
            "nameWithOwner" => repository.json["full_name"].clone(),
            "isPrivate" => repository.json["private"].clone(),
            "__typename" => json!("Repository"),
            other => {
                let what = format!("Field '{other}' doesn't exist on type 'Repository' of the double");
                self.troubles.push(Trouble::new("undefinedField", path, what));
                return Value::Null;
            }
        };
        self.shown(&whole, field, path)
    }

    /// What of `whole` is asked for.
    fn shown(&mut self, whole: &Value, field: &Field, path: &[String]) -> Value {
        match whole {
            Value::Array(all) if CONNECTIONS.contains(&field.name.as_str()) => self.connection(all, field, path),
            Value::Array(all) => {
                let each = all.iter().enumerate();
                each.map(|(at, one)| self.shown(one, field, &[path, &[at.to_string()]].concat())).collect()
            }
            Value::Object(object) => self.object(object, &field.inner, path),
            plain => plain.clone(),
        }
    }

    fn object(&mut self, object: &Map<String, Value>, selections: &[Selection], path: &[String]) -> Value {
        let kind = object.get("__typename").and_then(Value::as_str).unwrap_or_default().to_owned();
        let mut data = Map::new();
        for field in self.fields(selections, &kind) {
            let path = [path, std::slice::from_ref(&field.key)].concat();
            let value = match object.get(&field.name) {
                Some(value) => self.shown(value, &field, &path),
                None => {
                    let what = format!("Field '{}' doesn't exist on type '{kind}' of the double", field.name);
                    self.troubles.push(Trouble::new("undefinedField", &path, what));
                    Value::Null
                }
            };
            data.insert(field.key, value);
        }
        Value::Object(data)
    }

    fn connection(&mut self, all: &[Value], field: &Field, path: &[String]) -> Value {
        let Some(first) = field.arguments.get("first").and_then(Value::as_u64) else {
            let what = format!(
                "You must provide a `first` or `last` value to properly paginate the `{}` connection.",
                field.name
            );
            self.troubles.push(Trouble::new("MISSING_PAGINATION_BOUNDARIES", path, what));
            return Value::Null;
        };
        if first > 100 {
            let what = format!(
                "Requesting {first} records on the `{}` connection exceeds the `first` limit of 100 records.",
                field.name
            );
            self.troubles.push(Trouble::new("EXCESSIVE_PAGINATION", path, what));
            return Value::Null;
        }
        let after = field.arguments.get("after").and_then(Value::as_str);
        let start = after.map_or(Some(0), place_of);
        let Some(start) = start else {
            let what = format!("`{}` does not appear to be a valid cursor.", after.unwrap_or_default());
            self.troubles.push(Trouble::new("INVALID_CURSOR_ARGUMENTS", path, what));
            return Value::Null;
        };
        let start = start.min(all.len());
        let end = start.saturating_add(usize::try_from(first).unwrap_or(100)).min(all.len());
        let cursor = |at: usize| (end > start).then(|| cursor_at(at));
        let page = json!({
            "__typename": "Connection", "totalCount": all.len(), "nodes": all[start..end],
            "pageInfo": {"__typename": "PageInfo", "hasNextPage": end < all.len(), "hasPreviousPage": start > 0,
                "startCursor": cursor(start), "endCursor": cursor(end)},
        });
        let Value::Object(page) = page else { return Value::Null };
        self.object(&page, &field.inner, path)
    }
}

/// A pull request as GraphQL has it.
fn pull(repository: &Repository, number: u64) -> Value {
    let Some(pull) = repository.pulls.get(&number) else { return Value::Null };
    let state = match () {
        () if pull.json["merged"] == json!(true) => "MERGED",
        () if pull.json["state"] == json!("open") => "OPEN",
        () => "CLOSED",
    };
    let base = pull.json.pointer("/base/ref").and_then(Value::as_str).unwrap_or_default();
    json!({
        "__typename": "PullRequest", "id": pull.json["node_id"], "number": number, "state": state,
        "title": pull.json["title"], "isDraft": pull.json["draft"], "baseRefName": base,
        "headRefOid": pull.json["head"]["sha"], "baseRef": repository.as_ref(base), "reviewThreads": pull.threads,
    })
}

/// The commit that a name means.
fn object(repository: &Repository, expression: &str) -> Value {
    let Some(sha) = repository.resolve(expression) else { return Value::Null };
    let of = |number: &&u64| repository.pulls[*number].json["head"]["sha"] == json!(sha);
    let pulls: Vec<Value> = repository.pulls.keys().filter(of).map(|number| self::pull(repository, *number)).collect();
    json!({"__typename": "Commit", "oid": sha, "associatedPullRequests": pulls})
}
