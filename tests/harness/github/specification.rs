//! GitHub's published description of itself: which requests there are, and what answers look like.
//!
//! Fetched once into the build directory, read once in a process; what is judged by it is compiled when it is first needed.

mod graphql;
mod operation;
mod schema;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, OnceLock};

use jsonschema::Validator;
use serde_json::{Map, Value, json};

use self::operation::{Operation, WANTED, matched};
use super::wire::decoded;
use crate::npm::Package;

/// The description of the REST API.
const OPENAPI: Package = Package {
    name: "@octokit/openapi",
    version: "23.0.2",
    sha512: "pV8M7L9GY23AybNvTmo2nyjmpmnt6+2sRE/tqr0ZLQcPS4lnw7u5eZGNmwRNkBC3D7gZXbFx5AHzLUVRBXGDhg==",
    members: &["package/generated/api.github.com.json"],
};

/// What GitHub sends to webhooks: other objects than answers, and every kind of them.
const WEBHOOKS: Package = Package {
    name: "@octokit/webhooks-examples",
    version: "7.6.1",
    sha512: "De6U3XB6O3DtCa7bKgCMzTHdeopqqZ6SNivMYJnK65ierKL1AnNIA0tkRYCRS7lwGT792d+Ps1WbfHlso6MynQ==",
    members: &["package/api.github.com/index.json"],
};

/// The description, reduced to what is used.
pub struct Specification {
    operations: Vec<Operation>,
    /// `components.schemas`.
    schemas: Map<String, Value>,
    compiled: Mutex<HashMap<String, Arc<Validator>>>,
}

static FOUND: OnceLock<Result<Specification, String>> = OnceLock::new();

impl Specification {
    /// The description, fetched and read when that has not been done yet; or why it is not to be had.
    pub fn get() -> Result<&'static Self, String> {
        FOUND.get_or_init(Self::read).as_ref().map_err(Clone::clone)
    }

    /// Has it ready for a double, or says once that requests are not judged.
    pub(super) fn prepare() {
        static SAID: OnceLock<()> = OnceLock::new();
        if let Err(reason) = Self::get() {
            SAID.get_or_init(|| crate::skip("github_requests_are_judged_by_the_description", &reason));
        }
    }

    /// The description, where there is one by now.
    pub(super) fn ready() -> Option<&'static Self> {
        FOUND.get().and_then(|found| found.as_ref().ok())
    }

    fn read() -> Result<Self, String> {
        let path = OPENAPI.directory()?.join("generated/api.github.com.json");
        let bytes = std::fs::read(&path).map_err(|error| format!("{} of npm: {error}", path.display()))?;
        let mut whole: Value =
            serde_json::from_slice(&bytes).map_err(|error| format!("{}: {error}", path.display()))?;
        let mut operations = Vec::new();
        for (method, path) in WANTED {
            let item = &whole["paths"][*path];
            if item[*method].is_null() {
                return Err(format!("the description of npm has no {method} {path}"));
            }
            operations.push(Operation::new(&whole, method, path, &item[*method]));
        }
        let Value::Object(schemas) = whole["components"]["schemas"].take() else {
            return Err("the description of npm has no schemas".to_owned());
        };
        let mut found = Self { operations, schemas, compiled: Mutex::default() };
        schema::correct(&mut found.schemas);
        found.schemas = schema::reachable(&found.schemas, found.operations.iter().flat_map(Operation::schemas));
        Ok(found)
    }

    fn operation(&self, id: &str) -> &Operation {
        self.operations.iter().find(|known| known.id == id).unwrap_or_else(|| panic!("no operation {id}"))
    }

    /// The ids of the operations there are.
    pub fn operations(&self) -> Vec<&str> {
        self.operations.iter().map(|operation| operation.id.as_str()).collect()
    }

    /// The operation that a request is for.
    pub fn operation_of(&self, method: &str, target: &str) -> Option<&str> {
        self.find(method, target).map(|(operation, _)| operation.id.as_str())
    }

    fn find(&self, method: &str, target: &str) -> Option<(&Operation, BTreeMap<String, String>)> {
        let path = target.split('?').next().unwrap_or_default();
        let mut parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        // By number, as redirects and links have it, is not in the description.
        if parts.first() == Some(&"repositories") && parts.len() > 1 {
            parts.splice(..2, ["repos", "owner", "name"]);
        }
        let same = |operation: &&Operation| operation.method.eq_ignore_ascii_case(method);
        let found = self.operations.iter().filter(same).filter_map(|it| Some((it, matched(&it.path, &parts)?)));
        // What leaves least to parameters is meant.
        found.min_by_key(|(_, parameters)| parameters.len())
    }

    /// What is wrong with a request: no such operation, a parameter it does not have, a value or a body it does not take.
    pub fn check_request(
        &self,
        method: &str,
        target: &str,
        headers: &[(String, String)],
        body: &[u8],
    ) -> Result<(), String> {
        let header = |name: &str| headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        if header("user-agent").is_none_or(|(_, value)| value.trim().is_empty()) {
            return Err("GitHub refuses requests without a User-Agent".to_owned());
        }
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        if (method, path) == ("POST", "/graphql") {
            let body: Value = serde_json::from_slice(body).map_err(|error| format!("the body is no JSON: {error}"))?;
            return body["query"].as_str().map(|_| ()).ok_or("the body has no query".to_owned());
        }
        let (operation, parts) = self.find(method, target).ok_or("the description has no such operation")?;
        for (name, value) in &parts {
            self.check_parameter(operation, "path", name, value)?;
        }
        let mut seen = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (decoded(name, true), decoded(value, true));
            self.check_parameter(operation, "query", &name, &value)?;
            if seen.contains(&name) {
                return Err(format!("the parameter `{name}` is there twice"));
            }
            seen.push(name);
        }
        self.check_body(operation, body)
    }

    fn check_parameter(&self, operation: &Operation, place: &str, name: &str, value: &str) -> Result<(), String> {
        let Some(schema) = operation.parameters.get(&(place.to_owned(), name.to_owned())) else {
            return Err(format!("{} has no {place} parameter `{name}`", operation.id));
        };
        // Said in words only, and taken for a hundred in silence.
        if name == "per_page" && !value.parse().is_ok_and(|count| (1..=100).contains(&count)) {
            return Err(format!("`per_page` is {value}, which is not between 1 and 100"));
        }
        let coerced = match schema["type"].as_str() {
            Some("integer") => value.parse::<i64>().map_or_else(|_| json!(value), Value::from),
            Some("boolean") => value.parse::<bool>().map_or_else(|_| json!(value), Value::from),
            _ => json!(value),
        };
        let judged = self.judge(&format!("{} {place} {name}", operation.id), schema, &coerced);
        judged.map_err(|error| format!("the {place} parameter `{name}`: {error}"))
    }

    fn check_body(&self, operation: &Operation, body: &[u8]) -> Result<(), String> {
        let Some(schema) = &operation.body else {
            return if body.is_empty() { Ok(()) } else { Err(format!("{} takes no body", operation.id)) };
        };
        let body = if body.is_empty() { b"{}" } else { body };
        let value: Value = serde_json::from_slice(body).map_err(|error| format!("the body is no JSON: {error}"))?;
        let known = schema["properties"].as_object();
        let fields = value.as_object().into_iter().flat_map(Map::keys);
        if let Some(strange) = fields.into_iter().find(|field| known.is_some_and(|known| !known.contains_key(*field))) {
            return Err(format!("{} has no `{strange}` in its body", operation.id));
        }
        self.judge(&format!("{} body", operation.id), schema, &value).map_err(|error| format!("the body: {error}"))
    }

    /// What is wrong with an answer. Refusals that the description does not have still have GitHub's form.
    pub fn check_response(&self, operation: &str, status: u16, body: &Value) -> Result<(), String> {
        let operation = self.operation(operation);
        // The description does not even require this.
        if status >= 400 && !body["message"].is_string() {
            return Err("a refusal without a message".to_owned());
        }
        let described = operation.responses.get(&status.to_string());
        let schema = described.map(|response| &response["content"]["application/json"]["schema"]);
        let key = format!("{} {status}", operation.id);
        match schema.filter(|schema| !schema.is_null()) {
            Some(schema) => self.judge(&key, schema, body),
            None if status >= 400 => self.judge("refusal", &json!({"$ref": "#/components/schemas/basic-error"}), body),
            None if described.is_none() && status < 300 => Err(format!("{key} is not described")),
            None if body.is_null() || body["message"].is_string() => Ok(()),
            None => Err(format!("{key} has no body, and this is one")),
        }
    }

    /// The examples of what an operation answers when all is well.
    pub fn examples(&self, operation: &str) -> Vec<Value> {
        let responses = self.operation(operation).responses.iter().filter(|(status, _)| status.starts_with('2'));
        let examples =
            responses.filter_map(|(_, response)| response["content"]["application/json"]["examples"].as_object());
        examples.flat_map(Map::values).map(|example| example["value"].clone()).collect()
    }

    /// What GitHub sends to webhooks, or why it is not to be had.
    pub fn webhook_payloads() -> Result<Vec<Value>, String> {
        let path = WEBHOOKS.directory()?.join("api.github.com/index.json");
        let bytes = std::fs::read(&path).map_err(|error| format!("{} of npm: {error}", path.display()))?;
        let kinds: Vec<Value> = serde_json::from_slice(&bytes).map_err(|error| error.to_string())?;
        Ok(kinds.iter().flat_map(|kind| kind["examples"].as_array().cloned().unwrap_or_default()).collect())
    }

    fn judge(&self, key: &str, schema: &Value, value: &Value) -> Result<(), String> {
        let known = self.compiled.lock().expect("lock").get(key).cloned();
        let validator = known.unwrap_or_else(|| {
            let validator = Arc::new(schema::compiled(schema, &self.schemas));
            self.compiled.lock().expect("lock").insert(key.to_owned(), Arc::clone(&validator));
            validator
        });
        let said: Vec<String> = validator.iter_errors(value).take(3).map(|error| schema::short(&error)).collect();
        if said.is_empty() { Ok(()) } else { Err(said.join("; ")) }
    }
}
