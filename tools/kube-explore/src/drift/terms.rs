//! What counts as a difference: that depends on what is compared, and on whether Kubernetes itself knows the kind.
//!
//! Of its own kinds it is known which fields are quantities, that nothing and null are one, and that their status is kept by whoever applies.
//! Objects of other kinds are kept by the API server as they were sent, and a difference in spelling is one.

use serde_json::Value;

use super::{LAST_APPLIED, owners::Owners, path::Step, same};
use crate::groups;

/// Of this group's own the values are those of other kinds' fields, and whatever they say is meant.
const SCHEMAS: &str = "apiextensions.k8s.io";
/// Metadata the API server sets.
const SERVER_SET: [&str; 7] =
    ["managedFields", "resourceVersion", "uid", "creationTimestamp", "generation", "selfLink", "deletionTimestamp"];

/// Which side was written by somebody, and mentions no more than what was meant.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The one before.
    Old,
    /// The one after.
    New,
}

/// What counts as a difference.
#[derive(Clone, Copy)]
pub struct Terms {
    /// Which of the two was written by somebody; nothing where the API server printed both.
    pub written: Option<Side>,
    /// Whether Kubernetes itself knows the kind.
    own: bool,
    /// Whether its known fields may be spelled in several ways.
    spelled: bool,
    /// Whether the status is one field among others, because no subresource keeps it.
    status: bool,
}

impl Terms {
    /// Between `live` and another.
    pub fn new(live: &Value, other: &Value, written: Option<Side>) -> Self {
        let version = live.get("apiVersion").and_then(Value::as_str);
        let group = version.map(|version| version.rsplit_once('/').map_or("", |(group, _)| group));
        let own = group.is_some_and(groups::is_own);
        let writes = |object: &Value, subresource: &str| {
            let owners = Owners::of(object);
            let mut entries = owners.entries().iter().filter(|entry| entry.owner.subresource == subresource);
            entries.any(|entry| entry.fields.get("f:status").is_some())
        };
        let status = match written {
            // Who has written to the subresource is told, so there is one, and it keeps the status whatever is applied.
            None => !writes(live, "status") && !writes(other, "status"),
            // The subresource would have kept nothing of what somebody wrote; without it the status has owners as everything else.
            Some(_) => writes(live, ""),
        };
        Self { written, own, spelled: own && group != Some(SCHEMAS), status: !own && status }
    }

    /// Whether `value` is as good as none. An object of another kind may hold a null, which the API server keeps.
    pub fn is_nothing(&self, value: &Value) -> bool {
        value.is_null() && (self.own || self.written.is_some())
    }

    /// Whether what somebody wrote was meant to be: nothing was not, and of what is empty the API server keeps nothing where it knows the kind.
    pub fn is_meant(&self, path: &[Step], written: Option<&Value>, kept: Option<&Value>) -> bool {
        let known = self.own || path.first().is_some_and(|step| is(step, "metadata"));
        match written {
            None => false,
            Some(Value::Object(fields)) if fields.is_empty() && known => kept.is_some(),
            Some(Value::Array(items)) if items.is_empty() && known => kept.is_some(),
            Some(_) => true,
        }
    }

    /// Whether the field `name` below `path` is not compared: the API server sets it itself, or it says which object it is.
    pub fn skips(&self, path: &[Step], name: &str) -> bool {
        match path {
            [] => matches!(name, "apiVersion" | "kind") || name == "status" && !self.status,
            [one] => is(one, "metadata") && SERVER_SET.contains(&name),
            // What somebody wrote is compared with it, or is it.
            [one, two] => {
                self.written.is_some() && is(one, "metadata") && is(two, "annotations") && name == LAST_APPLIED
            }
            _ => false,
        }
    }

    /// Whether two values that are no lists and no maps mean the same at `path`.
    pub fn same(&self, path: &[Step], one: &Value, other: &Value) -> bool {
        same::same(one, other)
            || self.spelled && same::quantities(path, one, other)
            // What the API server prints is a number or a word because somebody said so.
            || self.spelled && self.written.is_some() && same::int_or_string(path, one, other)
    }
}

fn is(step: &Step, wanted: &str) -> bool {
    matches!(step, Step::Field(name) if name == wanted)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::path::tests::path, *};

    #[test]
    fn spelling_is_free_in_fields_kubernetes_knows_only() {
        let cpu = "f:spec f:resources f:limits f:cpu";
        for (version, written, at, one, other, expected) in [
            ("apps/v1", None, cpu, json!("1000m"), json!("1"), true),
            ("v1", Some(Side::New), cpu, json!(1), json!("1000m"), true),
            ("v1", Some(Side::New), "f:spec f:targetPort", json!(80), json!("80"), true),
            ("v1", None, "f:spec f:targetPort", json!(80), json!("80"), false),
            ("v1", Some(Side::Old), "f:spec f:replicas", json!(3), json!("3"), false),
            ("example.org/v1", None, cpu, json!("1000m"), json!("1"), false),
            ("example.org/v1", Some(Side::Old), cpu, json!("1000m"), json!("1"), false),
            ("gateway.networking.k8s.io/v1", None, cpu, json!("1000m"), json!("1"), false),
            ("example.org/v1", Some(Side::Old), "f:spec f:targetPort", json!(80), json!("80"), false),
            ("apiextensions.k8s.io/v1", None, "f:spec f:default f:size", json!("1k"), json!("1000"), false),
            ("example.org/v1", None, "f:spec f:x", json!(1), json!(1.0), true),
        ] {
            let terms = Terms::new(&json!({"apiVersion": version}), &json!({}), written);
            assert_eq!(terms.same(&path(at), &one, &other), expected, "{version} {at} {one} {other}");
            assert_eq!(terms.same(&path(at), &other, &one), expected, "{version} {at} {other} {one}");
        }
    }

    #[test]
    fn a_status_that_no_subresource_keeps_is_a_field() {
        let with = |version: &str, subresource: &str| {
            json!({"apiVersion": version, "metadata": {"managedFields": [
                {"manager": "m", "operation": "Update", "subresource": subresource, "fieldsV1": {"f:status": {}}}]}})
        };
        for (live, other, tried, written) in [
            (with("apps/v1", ""), with("apps/v1", ""), false, false),
            (with("v1", ""), json!(null), false, false),
            (with("example.org/v1", ""), with("example.org/v1", ""), true, true),
            (with("example.org/v1", "status"), json!({}), false, false),
            (with("example.org/v1", ""), with("example.org/v1", "status"), false, true),
            // Nobody wrote it: whether there is a subresource is not known.
            (json!({"apiVersion": "example.org/v1"}), json!({}), true, false),
        ] {
            assert_eq!(!Terms::new(&live, &other, None).skips(&[], "status"), tried, "{live} {other}");
            let side = Some(Side::New);
            assert_eq!(!Terms::new(&live, &other, side).skips(&[], "status"), written, "{live} {other}");
        }
    }
}
