//! Server-side apply of one object, and the same only tried.
//!
//! What is tried is another function than what is done, and its path says `dryRun=All` in a literal: no argument of a caller makes the one the
//! other.

use http::Method;
use k8s_openapi::ByteString;
use serde_json::Value;
use shared::{Code, Result, ToolError};

use crate::{
    cluster::{Cluster, quoted},
    failure::Failure,
    kinds::{Kind, Kinds},
    manifest::Document,
    path::Path,
    scope,
};

/// Whose the fields are.
const MANAGER: &str = "kube-explore";
/// A server-side apply; JSON is YAML.
const APPLY: &str = "application/apply-patch+yaml";
/// Values of a Secret shorter than this are in too many words to be masked in them.
const TELLING: usize = 4;
/// How often an object is read and an apply of it tried until nobody wrote between the two.
pub const ROUNDS: usize = 3;
/// How the API server begins to say that a field is wrong.
const UNTYPED: [&str; 2] = ["failed to create typed patch object", "failed to convert new object"];
/// From here on it repeats the value.
const REPEATED: &str = ", got &";

/// Where a document goes.
#[derive(Clone, Debug)]
pub struct Aim<'d> {
    /// What is wanted.
    pub document: &'d Document,
    /// Its kind, in the version the document is written in.
    pub kind: Kind,
    /// Its namespace; nothing for cluster-wide kinds.
    pub namespace: Option<String>,
}

/// A field that belongs to somebody else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// `.spec.replicas`.
    pub field: String,
    /// Who owns it.
    pub owner: String,
}

impl<'d> Aim<'d> {
    /// Where `document` goes; nothing if the cluster does not have its kind. `namespace` is for those that name none.
    pub fn of(document: &'d Document, kinds: &Kinds, namespace: &str) -> Option<Self> {
        let mut kind = kinds.of(&document.api_version, &document.kind)?.clone();
        // The kind is known in the version the cluster prefers.
        kind.version = document.api_version.rsplit('/').next().unwrap_or_default().to_owned();
        let namespace = document.namespace.as_deref().unwrap_or(namespace);
        let namespace = kind.namespaced.then(|| namespace.to_owned());
        Some(Self { document, kind, namespace })
    }

    /// The object's path.
    pub fn path(&self) -> Path {
        Path::object(&self.kind, self.namespace.as_deref(), &self.document.name)
    }

    /// The path of an apply that is only tried.
    fn trial(&self, force: bool) -> Path {
        self.real(force).query("dryRun", "All")
    }

    /// The path of an apply.
    fn real(&self, force: bool) -> Path {
        let path = self.path().query("fieldManager", MANAGER);
        if force { path.query("force", "true") } else { path }
    }
}

impl Cluster {
    /// What the API server would make of a document. Nothing is changed.
    pub async fn tried(&self, aim: &Aim<'_>, force: bool) -> Result<Value, Failure> {
        self.change(Method::PATCH, &aim.trial(force), body(aim)).await
    }

    /// Applies a document.
    pub async fn applied(&self, aim: &Aim<'_>, force: bool) -> Result<Value, Failure> {
        self.change(Method::PATCH, &aim.real(force), body(aim)).await
    }
}

/// Whether somebody else wrote between the reading of an object and the trial of an apply: what differs is then not what the apply would do.
pub fn moved(before: &Value, tried: &Value) -> bool {
    let version = |object: &Value| object.pointer("/metadata/resourceVersion").cloned();
    version(before) != version(tried)
}

fn body(aim: &Aim<'_>) -> (&'static str, Vec<u8>) {
    (APPLY, aim.document.value.to_string().into_bytes())
}

/// The namespace for documents that name none; every other one a document names has to be the same.
///
/// # Errors
/// A name that is none, or a document that contradicts.
pub fn namespace<'a>(given: Option<&'a str>, documents: &[Document]) -> Result<Option<&'a str>> {
    let namespace = scope::namespace(given)?;
    if namespace.is_none() && given.is_some_and(|given| !given.trim().is_empty()) {
        return Err(ToolError::invalid("an object goes into one namespace, not into all")
            .hint("name one, or leave namespace out for the context's own"));
    }
    let Some(wanted) = namespace else { return Ok(None) };
    let contradicts = |document: &&Document| document.namespace.as_deref().is_some_and(|own| own != wanted);
    match documents.iter().find(contradicts) {
        None => Ok(Some(wanted)),
        Some(document) => Err(ToolError::invalid(format!(
            "{}: its namespace is {}, the call's is {}",
            document.position,
            quoted(document.namespace.as_deref().unwrap_or_default()),
            quoted(wanted)
        ))
        .hint("leave one of them out: namespace is for documents that name none")),
    }
}

/// Which fields stand against an apply, and whose they are; none if it failed for another reason.
pub fn conflicts(failure: &Failure) -> Vec<Conflict> {
    let causes = failure.details.get("causes").and_then(Value::as_array);
    let conflict = |cause: &Value| {
        let text = |field: &str| cause.get(field).and_then(Value::as_str);
        // conflict with "kubectl" with subresource "scale" using apps/v1
        let owner = text("message")?.split_once("conflict with ")?.1;
        let owner = owner.split_once(" using ").map_or(owner, |(owner, _)| owner).replace('"', "");
        (text("reason") == Some("FieldManagerConflict"))
            .then(|| Conflict { field: text("field").unwrap_or_default().to_owned(), owner })
    };
    causes.into_iter().flatten().filter_map(conflict).collect()
}

/// Whether it failed because its namespace is not there.
pub fn lacks_namespace(failure: &Failure) -> bool {
    failure.code == Code::NotFound && failure.details.get("kind").and_then(Value::as_str) == Some("namespaces")
}

/// Whether it failed because the API server does not serve the kind.
pub fn lacks_kind(failure: &Failure) -> bool {
    failure.status == 404 && failure.details.get("kind").is_none()
}

/// What kind of failure it is: the API server calls a wrong field a failure of its own.
pub fn code(failure: &Failure) -> Code {
    if UNTYPED.iter().any(|words| failure.said.starts_with(words)) { Code::InvalidArgument } else { failure.code }
}

/// Why it failed, without a value of a Secret.
pub fn reason(failure: &Failure, document: &Document) -> String {
    let mut said = failure.said.as_str();
    let mut why = failure.why.as_str();
    if lacks_kind(failure) {
        why = "the API server does not serve this kind in this version";
        said = "";
    }
    if UNTYPED.iter().any(|words| said.starts_with(words)) {
        why = "it is no object of its kind";
        said = said.split_once("): ").map_or(said, |(_, field)| field);
        said = said.split_once(REPEATED).map_or(said, |(before, _)| before);
    }
    if said.is_empty() { why.to_owned() } else { masked(&format!("{why}: {said}"), document) }
}

/// `words` without values of the Secret that `document` is.
fn masked(words: &str, document: &Document) -> String {
    if document.kind != "Secret" {
        return words.to_owned();
    }
    let mut values = Vec::new();
    for field in ["data", "stringData"] {
        for value in document.value.get(field).and_then(Value::as_object).into_iter().flat_map(|data| data.values()) {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            // As it stands, and as it stands in the other of the two.
            let other = match field {
                "data" => serde_json::from_value(Value::from(text.as_str()))
                    .ok()
                    .and_then(|ByteString(bytes)| String::from_utf8(bytes).ok()),
                _ => serde_json::to_value(ByteString(text.clone().into_bytes()))
                    .ok()
                    .and_then(|text| text.as_str().map(str::to_owned)),
            };
            values.extend(other);
            values.push(text);
        }
    }
    // One within another must not leave a part of it.
    values.sort_by_key(|value| std::cmp::Reverse(value.len()));
    values.iter().filter(|value| value.len() >= TELLING).fold(words.to_owned(), |words, value| {
        let quoted = Value::from(value.as_str()).to_string();
        words.replace(value.as_str(), "[masked]").replace(quoted.trim_matches('"'), "[masked]")
    })
}

/// What documents bring that others of them need.
#[derive(Clone, Debug, Default)]
pub struct Brought {
    kinds: Vec<(String, String)>,
    namespaces: Vec<String>,
}

impl Brought {
    /// What `documents` bring.
    pub fn of<'d>(documents: impl IntoIterator<Item = &'d Document>) -> Self {
        let mut brought = Self::default();
        documents.into_iter().for_each(|document| brought.add(document));
        brought
    }

    /// What `document` brings, too.
    pub fn add(&mut self, document: &Document) {
        let text = |path: &str| document.value.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
        match (document.api_version.as_str(), document.kind.as_str()) {
            (version, "CustomResourceDefinition") if version.starts_with("apiextensions.k8s.io/") => {
                self.kinds.push((text("/spec/group"), text("/spec/names/kind")));
            }
            ("v1", "Namespace") => self.namespaces.push(document.name.clone()),
            _ => {}
        }
    }

    /// Whether the kind of `document` is among it.
    pub fn has_kind(&self, document: &Document) -> bool {
        let group = document.api_version.rsplit_once('/').map_or("", |(group, _)| group);
        self.kinds.iter().any(|(of, kind)| of == group && *kind == document.kind)
    }

    /// Whether `namespace` is among it.
    pub fn has_namespace(&self, namespace: &str) -> bool {
        self.namespaces.iter().any(|brought| brought == namespace)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{kinds, manifest};

    fn document(value: &Value) -> Document {
        manifest::read(&value.to_string()).unwrap().remove(0)
    }

    fn named(name: &str, namespace: Option<&str>) -> Document {
        document(&json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace}}))
    }

    fn all() -> Kinds {
        Kinds { all: vec![kinds::config_maps(), kinds::nodes(), kinds::autoscalers()], unread: Vec::new() }
    }

    #[test]
    fn no_argument_makes_a_trial_real() {
        for name in
            ["a", "a?dryRun=None", "a&dryRun=None", "a#", "..", "a/../b", "a%3FdryRun", "a\ndryRun", "dryRun=All"]
        {
            let document = named(name, Some("n?x=#"));
            let aim = Aim::of(&document, &all(), "other").unwrap();
            for force in [false, true] {
                let trial = aim.trial(force).to_string();
                assert!(trial.ends_with("&dryRun=All"), "{trial}");
                assert_eq!((trial.matches('?').count(), trial.matches('#').count()), (1, 0), "{trial}");
                assert_eq!(trial.matches("&dryRun=").count() + trial.matches("?dryRun=").count(), 1, "{trial}");
                assert_eq!(aim.real(force).to_string() + "&dryRun=All", trial);
            }
        }
    }

    #[test]
    fn a_document_goes_where_it_says_and_else_where_it_is_told() {
        let path = |value: Value| {
            let document = document(&value);
            Aim::of(&document, &all(), "own").map(|aim| aim.real(true).to_string())
        };
        let metadata = json!({"name": "x"});
        assert_eq!(
            path(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})).as_deref(),
            Some("/api/v1/namespaces/own/configmaps/x?fieldManager=kube-explore&force=true")
        );
        assert_eq!(
            path(json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "x", "namespace": "y"}})).as_deref(),
            Some("/api/v1/nodes/x?fieldManager=kube-explore&force=true")
        );
        // In the version it is written in, not in the one the cluster prefers.
        assert_eq!(
            path(json!({"apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler", "metadata": metadata}))
                .as_deref(),
            Some("/apis/autoscaling/v1/namespaces/own/horizontalpodautoscalers/x?fieldManager=kube-explore&force=true")
        );
        assert_eq!(path(json!({"apiVersion": "example.org/v1", "kind": "Foo", "metadata": metadata})), None);
    }

    #[test]
    fn the_namespace_is_for_documents_without_one() {
        let documents = [named("a", None), named("b", Some("shop"))];
        assert_eq!(namespace(Some("shop"), &documents).unwrap(), Some("shop"));
        assert_eq!(namespace(None, &documents).unwrap(), None);
        let error = namespace(Some("other"), &documents).unwrap_err();
        assert_eq!(error.message(), "document 1: its namespace is `shop`, the call's is `other`");
        for none in ["*", "all", "-A", "a/b"] {
            assert!(namespace(Some(none), &[]).is_err(), "{none}");
        }
    }

    #[test]
    fn a_trial_of_another_moment_is_known_by_its_version() {
        let of = |version: Value| json!({"metadata": {"resourceVersion": version}});
        for (before, tried, expected) in [
            (of(json!("1")), of(json!("1")), false),
            (of(json!("1")), of(json!("2")), true),
            (json!({}), json!({}), false),
        ] {
            assert_eq!(moved(&before, &tried), expected, "{before} {tried}");
        }
    }

    #[test]
    fn conflicts_name_field_and_owner() {
        let body = json!({"message": "Apply failed with 2 conflicts", "reason": "Conflict", "details": {"causes": [
            {"reason": "FieldManagerConflict", "message": "conflict with \"kubectl\" with subresource \"scale\" using apps/v1", "field": ".spec.replicas"},
            {"reason": "FieldManagerConflict", "message": "conflict with \"helm\" using v1", "field": ".data.x"},
            {"reason": "Other", "message": "conflict with \"no\"", "field": ".x"}, 5]}});
        let failure = Failure::answered(409, None, body.to_string().as_bytes());
        let conflict = |field: &str, owner: &str| Conflict { field: field.into(), owner: owner.into() };
        assert_eq!(
            conflicts(&failure),
            [conflict(".spec.replicas", "kubectl with subresource scale"), conflict(".data.x", "helm")]
        );
        assert!(conflicts(&Failure::answered(409, None, b"{\"message\":\"the object has been modified\"}")).is_empty());
    }

    #[test]
    fn a_reason_is_short_and_without_values_of_secrets() {
        let secret = document(&json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"},
            "data": {"a": "aHVudGVyMmh1bnRlcjI="}, "stringData": {"b": "battery\"staple", "c": {"d": "correct-horse"}}}));
        let other = named("a", None);
        let answered = |status: u16, body: Value| Failure::answered(status, None, body.to_string().as_bytes());
        let typed = "failed to create typed patch object (/s; /v1, Kind=Secret): .stringData.c: expected string, got &value.valueUnstructured{Value:map[string]interface {}{\"d\":\"correct-horse\"}}";
        for (failure, of, expected) in [
            (
                answered(500, json!({"message": typed})),
                &secret,
                "it is no object of its kind: .stringData.c: expected string",
            ),
            (
                answered(404, json!({"message": "the server could not find the requested resource", "details": {}})),
                &other,
                "the API server does not serve this kind in this version",
            ),
            (
                answered(404, json!({"message": "namespaces \"x\" not found", "details": {"kind": "namespaces"}})),
                &other,
                "not found: namespaces \"x\" not found",
            ),
            (
                answered(
                    422,
                    json!({"message": "hunter2hunter2 aHVudGVyMmh1bnRlcjI= battery\\\"staple YmF0dGVyeSJzdGFwbGU="}),
                ),
                &secret,
                "the API server finds it invalid: [masked] [masked] [masked] [masked]",
            ),
            (answered(403, json!({})), &other, "forbidden: {}"),
        ] {
            assert_eq!(reason(&failure, of), expected);
        }
        assert_eq!(code(&answered(500, json!({"message": typed}))), Code::InvalidArgument);
        assert_eq!(code(&answered(500, json!({"message": "etcd"}))), Code::Unavailable);
    }

    #[test]
    fn what_a_document_needs_may_come_with_another() {
        let documents = [
            document(
                &json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "foos.example.org"}, "spec": {"group": "example.org", "names": {"kind": "Foo"}}}),
            ),
            document(&json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})),
        ];
        let brought = Brought::of(&documents);
        let foo = |version: &str| document(&json!({"apiVersion": version, "kind": "Foo", "metadata": {"name": "f"}}));
        assert!(brought.has_kind(&foo("example.org/v1")) && !brought.has_kind(&foo("example.com/v1")));
        assert!(brought.has_namespace("shop") && !brought.has_namespace("other"));
    }
}
