//! Who owns which field: `metadata.managedFields`, which the API server keeps with every object.

use serde_json::Value;

use super::path::Step;

/// A field manager, as it is known for one way of writing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// `kubectl`, `kustomize-controller`.
    pub manager: String,
    /// `Apply` or `Update`.
    pub operation: String,
    /// `status`, `scale`; empty for the object itself.
    pub subresource: String,
}

impl Owner {
    /// `kubectl (Update, scale)`.
    pub fn shown(&self) -> String {
        let Self { manager, operation, subresource } = self;
        match (operation.is_empty(), subresource.is_empty()) {
            (true, true) => manager.clone(),
            (false, true) => format!("{manager} ({operation})"),
            (true, false) => format!("{manager} ({subresource})"),
            (false, false) => format!("{manager} ({operation}, {subresource})"),
        }
    }
}

/// What one owner owns.
#[derive(Clone, Debug)]
pub struct Entry<'o> {
    /// Who.
    pub owner: Owner,
    /// When it last wrote: RFC 3339 in UTC, to the second.
    pub time: Option<&'o str>,
    /// What, as a tree.
    pub fields: &'o Value,
}

/// The owners of an object's fields.
#[derive(Clone, Debug, Default)]
pub struct Owners<'o>(Vec<Entry<'o>>);

/// How a list is put together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListType {
    /// Of items that are known by these fields.
    Map(Vec<String>),
    /// Of items that are there or not.
    Set,
    /// Of one piece: its order matters.
    Atomic,
}

impl<'o> Owners<'o> {
    /// Those of `object`; none where it does not say.
    pub fn of(object: &'o Value) -> Self {
        let entries = object.pointer("/metadata/managedFields").and_then(Value::as_array);
        let text = |entry: &'o Value, field: &str| entry.get(field).and_then(Value::as_str).unwrap_or_default();
        let entry = |entry: &'o Value| {
            Some(Entry {
                owner: Owner {
                    manager: text(entry, "manager").to_owned(),
                    operation: text(entry, "operation").to_owned(),
                    subresource: text(entry, "subresource").to_owned(),
                },
                time: entry.get("time").and_then(Value::as_str),
                fields: entry.get("fieldsV1").filter(|fields| fields.is_object())?,
            })
        };
        Self(entries.into_iter().flatten().filter_map(entry).collect())
    }

    /// Each of them.
    pub fn entries(&self) -> &[Entry<'o>] {
        &self.0
    }

    /// Who owns what is at `path`, or something below it.
    pub fn at(&self, path: &[Step]) -> Vec<&Owner> {
        let steps: Vec<String> = path.iter().map(Step::managed).collect();
        let owns = |entry: &&Entry<'_>| !matches!(reach(entry.fields, &steps), Reach::Not);
        self.0.iter().filter(owns).map(|entry| &entry.owner).collect()
    }

    /// How the list at `path` is put together, as far as its owners tell.
    pub fn list_type(&self, path: &[Step]) -> Option<ListType> {
        let steps: Vec<String> = path.iter().map(Step::managed).collect();
        let mut atomic = false;
        for entry in &self.0 {
            let Reach::Node(node) = reach(entry.fields, &steps) else { continue };
            for child in node.keys() {
                match Step::parse(child) {
                    Some(Step::Key(key)) => return Some(ListType::Map(key.keys().cloned().collect())),
                    Some(Step::Value(_)) => return Some(ListType::Set),
                    _ => {}
                }
            }
            atomic |= node.is_empty();
        }
        atomic.then_some(ListType::Atomic)
    }
}

/// How far a tree of fields goes along a path.
enum Reach<'o> {
    /// To its end.
    Node(&'o serde_json::Map<String, Value>),
    /// To something of one piece, of which the end is a part.
    Whole,
    /// Not.
    Not,
}

fn reach<'o>(fields: &'o Value, steps: &[String]) -> Reach<'o> {
    let Some(mut node) = fields.as_object() else { return Reach::Not };
    for (at, step) in steps.iter().enumerate() {
        match node.get(step).map(Value::as_object) {
            Some(Some(next)) => node = next,
            // A tree without anything in it owns nothing; a leaf owns all below.
            None if at > 0 && node.is_empty() => return Reach::Whole,
            _ => return Reach::Not,
        }
    }
    Reach::Node(node)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::path::tests::path, *};

    fn object() -> Value {
        json!({"metadata": {"managedFields": [
            {"manager": "kubectl", "operation": "Apply", "time": "2026-01-02T03:04:05Z", "fieldsV1": {
                "f:spec": {
                    "f:replicas": {},
                    "f:selector": {},
                    "f:template": {"f:spec": {"f:containers": {
                        "k:{\"name\":\"web\"}": {".": {}, "f:name": {}, "f:image": {}, "f:args": {}, "f:ports": {
                            "k:{\"containerPort\":80,\"protocol\":\"TCP\"}": {".": {}, "f:containerPort": {}}}}
                    }}}
                },
                "f:metadata": {"f:labels": {".": {}, "f:app": {}}, "f:finalizers": {".": {}, "v:\"a/b\"": {}}}
            }},
            {"manager": "hpa", "operation": "Update", "subresource": "scale", "fieldsV1": {"f:spec": {"f:replicas": {}}}},
            {"manager": "empty", "operation": "Apply", "fieldsV1": {}},
            {"manager": "odd", "fieldsV1": 5},
            7
        ]}})
    }

    #[test]
    fn a_field_has_owners() {
        let object = object();
        let owners = Owners::of(&object);
        for (managed, expected) in [
            ("f:spec f:replicas", vec!["kubectl (Apply)", "hpa (Update, scale)"]),
            // Of one piece: whoever owns it owns what is in it.
            ("f:spec f:selector f:matchLabels f:app", vec!["kubectl (Apply)"]),
            (r#"f:spec f:template f:spec f:containers k:{"name":"web"} f:args i:0"#, vec!["kubectl (Apply)"]),
            (r#"f:spec f:template f:spec f:containers k:{"name":"web"}"#, vec!["kubectl (Apply)"]),
            (r#"f:spec f:template f:spec f:containers k:{"name":"other"}"#, vec![]),
            ("f:metadata f:labels f:app", vec!["kubectl (Apply)"]),
            ("f:metadata f:labels f:other", vec![]),
            (r#"f:metadata f:finalizers v:"a/b""#, vec!["kubectl (Apply)"]),
            ("f:spec f:paused", vec![]),
        ] {
            let shown: Vec<String> = owners.at(&path(managed)).into_iter().map(Owner::shown).collect();
            assert_eq!(shown, expected, "{managed}");
        }
        assert!(owners.entries().iter().any(|entry| entry.time == Some("2026-01-02T03:04:05Z")));
    }

    #[test]
    fn owners_tell_how_a_list_is_put_together() {
        let object = object();
        let owners = Owners::of(&object);
        let of = |managed: &str| owners.list_type(&path(managed));
        let map = |names: &[&str]| Some(ListType::Map(names.iter().map(|&name| name.to_owned()).collect()));
        assert_eq!(of("f:spec f:template f:spec f:containers"), map(&["name"]));
        let ports = r#"f:spec f:template f:spec f:containers k:{"name":"web"} f:ports"#;
        assert_eq!(of(ports), map(&["containerPort", "protocol"]));
        assert_eq!(of("f:metadata f:finalizers"), Some(ListType::Set));
        assert_eq!(of(r#"f:spec f:template f:spec f:containers k:{"name":"web"} f:args"#), Some(ListType::Atomic));
        assert_eq!(of("f:spec f:nothing"), None);
    }

    #[test]
    fn what_is_no_object_of_the_api_server_has_no_owners() {
        for odd in [json!(null), json!([]), json!({"metadata": 5}), json!({"metadata": {"managedFields": {"a": 1}}})] {
            assert!(Owners::of(&odd).entries().is_empty());
        }
    }
}
