//! What became of an object after it was applied the last time, and through whom.
//!
//! `kubectl apply` keeps what it applied in an annotation; a server-side apply keeps only whose each field is. From the first the old values are
//! known, from the second that somebody else has written since: what others removed is owned by nobody, and cannot be seen.

use std::collections::HashSet;

use serde_json::{Map, Value};
use shared::{Untrusted, kubernetes::mask};

use crate::cluster::quoted;

use super::{
    Change, Changes, KEPT, LAST_APPLIED, Walk, What, as_kept,
    owners::{Entry, Owner, Owners},
    path::{self, Step},
    show,
    terms::{Side, Terms},
};

/// Who writes the annotation.
const CLIENT_SIDE: &str = "kubectl-client-side-apply";
/// The most writers of an object that are named.
const WRITERS: usize = 5;

/// What became of an object.
#[derive(Clone, Debug, Default)]
pub struct Since {
    /// Who applied it last; nothing if nobody did.
    pub by: Option<String>,
    /// When, as far as it is told.
    pub time: Option<String>,
    /// Who has written it at all, its status apart.
    pub writers: Vec<String>,
    /// Whether the values that were applied are known.
    pub values: bool,
    /// What is no longer as it was applied, and what others have set since.
    pub changes: Changes,
}

impl Since {
    /// What became of an object, in a sentence.
    pub fn said(&self) -> String {
        let Some(by) = &self.by else {
            let writers: Vec<String> = self.writers.iter().take(WRITERS).map(|writer| quoted(writer)).collect();
            let by =
                if writers.is_empty() { String::new() } else { format!(", it was written by {}", writers.join(", ")) };
            // Who applied it and lost every field to others is not kept.
            return format!("has no field of an apply{by}: there is nothing to compare it with");
        };
        let when = self.time.as_deref().map(|time| format!(" at {}", quoted(time))).unwrap_or_default();
        let by = quoted(by);
        let total = self.changes.total;
        if self.values {
            let what = match total {
                0 => String::from("no change since"),
                1 => String::from("1 field was changed or set by others since"),
                total => format!("{total} fields were changed or set by others since"),
            };
            return format!("was applied last by {by}{when}: {what}");
        }
        let what = match total {
            0 => String::from("no field is known to be set by others since"),
            1 => String::from("1 field was set by others since"),
            total => format!("{total} fields were set by others since"),
        };
        format!(
            "was applied last by {by}{when}: {what}; fields that were removed since cannot be seen, nor another order, and what the values were is not kept"
        )
    }
}

/// What became of `live` since it was applied.
pub fn since(live: &Value) -> Since {
    let owners = Owners::of(live);
    let applied = last_applied(live);
    let last = owners.entries().iter().filter(|entry| is_apply(&entry.owner)).max_by_key(|entry| entry.time);
    let mut since = Since {
        by: last.map(|entry| entry.owner.shown()),
        time: last.and_then(|entry| entry.time).map(str::to_owned),
        writers: Vec::new(),
        values: false,
        changes: Changes::default(),
    };
    for entry in owners.entries().iter().filter(|entry| entry.owner.subresource != "status") {
        let writer = entry.owner.shown();
        if !since.writers.contains(&writer) {
            since.writers.push(writer);
        }
    }
    // A copy from another object tells nothing of this one, and one from before a later apply nothing of that.
    let latest = last.is_none_or(|last| last.owner.manager == CLIENT_SIDE);
    let same = |path: &str| applied.as_ref().is_some_and(|applied| applied.pointer(path) == live.pointer(path));
    if let Some(applied) =
        applied.as_ref().filter(|_| latest && ["/apiVersion", "/kind", "/metadata/name"].into_iter().all(same))
    {
        since.values = true;
        since.changes = Walk::new(live, applied, Some(Side::Old)).run(&as_kept(applied), live, live);
        since.by.get_or_insert_with(|| CLIENT_SIDE.to_owned());
    }
    if since.by.is_some() {
        let mut masked = live.clone();
        mask::clean(&mut masked);
        let after = |entry: &&Entry<'_>| {
            let later = match (entry.time, last.and_then(|last| last.time)) {
                (Some(time), Some(applied)) => time >= applied,
                _ => true,
            };
            !is_apply(&entry.owner) && entry.owner.subresource != "status" && later
        };
        let terms = Terms::new(live, &Value::Null, Some(Side::Old));
        let mut others = Others { live, terms, masked: &masked, seen: HashSet::new(), changes: &mut since.changes };
        others.seen.extend(others.changes.list.iter().map(|change| change.path.clone()));
        for entry in owners.entries().iter().filter(after) {
            if let Some(fields) = entry.fields.as_object() {
                others.fields(&entry.owner, fields, &mut Vec::new());
            }
        }
    }
    since
}

/// What `kubectl apply` keeps of what it applied.
fn last_applied(live: &Value) -> Option<Value> {
    let text = live.pointer("/metadata/annotations")?.get(LAST_APPLIED)?.as_str()?;
    serde_json::from_str(text).ok().filter(Value::is_object)
}

/// The `apiVersion` that `live` was applied in by kubectl: only objects of one version can be compared.
pub fn applied_version(live: &Value) -> Option<String> {
    last_applied(live)?.get("apiVersion")?.as_str().map(str::to_owned)
}

/// Whether an owner is one that applies.
fn is_apply(owner: &Owner) -> bool {
    owner.subresource.is_empty() && (owner.operation == "Apply" || owner.manager == CLIENT_SIDE)
}

/// Fields that others have set.
struct Others<'c> {
    live: &'c Value,
    terms: Terms,
    masked: &'c Value,
    seen: HashSet<Untrusted>,
    changes: &'c mut Changes,
}

impl Others<'_> {
    fn fields(&mut self, owner: &Owner, fields: &Map<String, Value>, path: &mut Vec<Step>) {
        for (name, below) in fields {
            let Some(step) = Step::parse(name) else { continue };
            if matches!(&step, Step::Field(name) if self.terms.skips(path, name)) {
                continue;
            }
            // An item of a list that is somebody's is told as a whole, a map with something in it by what is in it.
            let item = !matches!(step, Step::Field(_));
            path.push(step);
            match below.as_object().filter(|below| !below.is_empty()) {
                Some(below) if !(item && below.contains_key(".")) => self.fields(owner, below, path),
                _ => self.note(owner, path),
            }
            path.pop();
        }
    }

    fn note(&mut self, owner: &Owner, path: &[Step]) {
        // What is kept no more was taken away by whoever owned it.
        if self.changes.list.len() >= KEPT || at(self.live, path).is_none() {
            self.changes.total += usize::from(self.changes.list.len() >= KEPT);
            return;
        }
        let shown = Untrusted::line(&path::shown(path));
        if self.seen.insert(shown.clone()) {
            let value = at(self.masked, path).map_or_else(|| String::from("[masked]"), show::one);
            self.changes.total += 1;
            self.changes.list.push(Change {
                path: shown,
                change: What::Set,
                from: None,
                to: Some(Untrusted::line(&value)),
                owners: vec![Untrusted::line(&owner.shown())],
            });
        }
    }
}

fn at<'v>(object: &'v Value, path: &[Step]) -> Option<&'v Value> {
    path.iter().try_fold(object, |value, step| step.below(value))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::tests::lines, *};

    fn entry(manager: &str, operation: &str, subresource: &str, time: &str, fields: Value) -> Value {
        json!({"manager": manager, "operation": operation, "subresource": subresource, "time": time, "fieldsType": "FieldsV1", "fieldsV1": fields})
    }

    fn live(annotated: Option<Value>, managed: Value) -> Value {
        let annotations = annotated.map(|applied| json!({LAST_APPLIED: applied.to_string()}));
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "web", "namespace": "n", "uid": "u", "annotations": annotations, "managedFields": managed, "labels": {"app": "web", "by": "hand"}},
            "spec": {"replicas": 5, "template": {"spec": {"terminationGracePeriodSeconds": 30, "containers": [
                {"name": "web", "image": "web:2", "imagePullPolicy": "Always"}, {"name": "proxy", "image": "p", "args": ["a"]}]}}},
            "status": {"replicas": 5}
        })
    }

    fn applied() -> Value {
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "n", "annotations": {}, "labels": {"app": "web"}},
            "spec": {"replicas": 3, "template": {"spec": {"containers": [{"name": "web", "image": "web:1", "resources": {}}]}}}})
    }

    #[test]
    fn what_others_did_after_the_last_apply_is_told() {
        let managed = json!([
            entry(
                CLIENT_SIDE,
                "Update",
                "",
                "2026-01-01T10:00:00Z",
                json!({"f:spec": {"f:template": {"f:spec": {"f:containers": {"k:{\"name\":\"web\"}": {".": {}, "f:name": {}}}}}}})
            ),
            entry(
                "kubectl-edit",
                "Update",
                "",
                "2026-01-01T12:00:00Z",
                json!({"f:spec": {"f:template": {"f:spec": {"f:containers": {"k:{\"name\":\"web\"}": {"f:image": {}}}}}}, "f:metadata": {"f:labels": {"f:by": {}, "f:gone": {}}}})
            ),
            entry("hpa", "Update", "scale", "2026-01-01T13:00:00Z", json!({"f:spec": {"f:replicas": {}}})),
            entry(
                "injector",
                "Update",
                "",
                "2026-01-01T13:00:00Z",
                json!({"f:spec": {"f:template": {"f:spec": {"f:containers": {"k:{\"name\":\"proxy\"}": {".": {}, "f:name": {}, "f:image": {}}}}}}})
            ),
            entry(
                "kubectl-create",
                "Update",
                "",
                "2026-01-01T09:00:00Z",
                json!({"f:metadata": {"f:labels": {"f:app": {}}}})
            ),
            entry("controller", "Update", "status", "2026-01-01T14:00:00Z", json!({"f:status": {"f:replicas": {}}})),
        ]);
        let since = since(&live(Some(applied()), managed));
        assert_eq!(since.by.as_deref(), Some("kubectl-client-side-apply (Update)"));
        assert_eq!((since.time.as_deref(), since.values), (Some("2026-01-01T10:00:00Z"), true));
        assert_eq!(
            lines(&since.changes),
            [
                "~ spec.replicas: 3 → 5 [hpa (Update, scale)]",
                "~ spec.template.spec.containers[name=web].image: \"web:1\" → \"web:2\" [kubectl-edit (Update)]",
                "= metadata.labels.by: \"hand\" [kubectl-edit (Update)]",
                "= spec.template.spec.containers[name=proxy]: {\"args\":[\"a\"],\"image\":\"p\",\"name\":\"proxy\"} [injector (Update)]",
            ]
        );
    }

    #[test]
    fn without_the_annotation_the_owners_tell() {
        let managed = json!([
            entry("flux", "Apply", "", "2026-01-01T10:00:00Z", json!({"f:spec": {"f:template": {}}})),
            entry("kubectl", "Update", "scale", "2026-01-01T10:00:00Z", json!({"f:spec": {"f:replicas": {}}})),
        ]);
        let told = since(&live(None, managed));
        assert_eq!((told.by.as_deref(), told.values), (Some("flux (Apply)"), false));
        assert_eq!(lines(&told.changes), ["= spec.replicas: 5 [kubectl (Update, scale)]"]);
        // Never applied at all.
        let told = since(&live(
            None,
            json!([entry(
                "kubectl-create",
                "Update",
                "",
                "2026-01-01T10:00:00Z",
                json!({"f:spec": {"f:replicas": {}}})
            )]),
        ));
        assert!(told.by.is_none() && told.changes.total == 0 && told.writers == ["kubectl-create (Update)"]);
        let told = since(&live(None, json!(null)));
        assert!(told.by.is_none() && told.changes.total == 0);
    }

    #[test]
    fn another_order_and_a_status_without_subresource_are_changes_since() {
        let foo = |metadata: Value, names: [&str; 2], phase: &str| {
            let items: Vec<Value> = names.iter().map(|name| json!({"name": name})).collect();
            json!({"apiVersion": "example.org/v1", "kind": "Foo", "metadata": metadata, "spec": {"containers": items}, "status": {"phase": phase}})
        };
        let applied = foo(json!({"name": "f", "annotations": {}}), ["a", "b"], "x");
        let live = |subresource: &str| {
            let metadata = json!({"name": "f", "annotations": {LAST_APPLIED: applied.to_string()}, "managedFields": [
                entry("someone", "Update", subresource, "2026-01-01T10:00:00Z", json!({"f:status": {"f:phase": {}}}))]});
            foo(metadata, ["b", "a"], "y")
        };
        let order = "~ spec.containers: order a, b → b, a";
        assert_eq!(lines(&since(&live("")).changes), [order, "~ status.phase: \"x\" → \"y\" [someone (Update)]"]);
        assert_eq!(lines(&since(&live("status")).changes), [order]);
    }

    #[test]
    fn an_annotation_from_before_a_later_apply_is_not_believed() {
        let managed = json!([
            entry(CLIENT_SIDE, "Update", "", "2026-01-01T10:00:00Z", json!({"f:metadata": {}})),
            entry(
                "kube-explore",
                "Apply",
                "",
                "2026-01-01T11:00:00Z",
                json!({"f:spec": {"f:replicas": {}, "f:template": {}}})
            ),
        ]);
        let told = since(&live(Some(applied()), managed));
        assert_eq!((told.by.as_deref(), told.values, told.changes.total), (Some("kube-explore (Apply)"), false, 0));
    }

    #[test]
    fn an_annotation_of_another_object_or_of_none_is_not_believed() {
        let other = json!({"kind": "Deployment", "metadata": {"name": "other"}, "spec": {"replicas": 9}});
        for annotation in [other, json!("{"), json!(5)] {
            let told = since(&live(Some(annotation), json!([])));
            assert!(!told.values && told.changes.total == 0);
        }
    }

    #[test]
    fn values_of_secrets_are_not_shown() {
        let applied = json!({"kind": "Secret", "metadata": {"name": "s"}, "stringData": {"a": "hunter2hunter2", "b": "kept"}, "data": {"c": "b2xkb2xkb2xk"}});
        let live = json!({"kind": "Secret", "metadata": {"name": "s", "annotations": {LAST_APPLIED: applied.to_string()}, "managedFields": [
            entry("someone", "Update", "", "2026-01-01T10:00:00Z", json!({"f:data": {"f:d": {}}}))]},
            "data": {"a": "aHVudGVyMw==", "b": "a2VwdA==", "d": "bmV3bmV3bmV3"}});
        let shown = lines(&since(&live).changes).join("\n");
        assert_eq!(
            shown,
            "~ data.a: \"[masked: 14 bytes]\" → \"[masked: 7 bytes]\"\n- data.c: \"[masked: 9 bytes]\"\n= data.d: \"[masked: 9 bytes]\" [someone (Update)]"
        );
    }

    #[test]
    fn what_cannot_be_seen_is_not_said_to_be_the_same() {
        let since = |values: bool, total: usize| Since {
            by: Some("flux (Apply)".into()),
            values,
            changes: Changes { total, ..Changes::default() },
            ..Since::default()
        };
        let blind =
            "; fields that were removed since cannot be seen, nor another order, and what the values were is not kept";
        for (values, total, expected, end) in [
            (true, 0, "no change since", ""),
            (true, 1, "1 field was changed or set by others since", ""),
            (true, 2, "2 fields were changed or set by others since", ""),
            (false, 0, "no field is known to be set by others since", blind),
            (false, 1, "1 field was set by others since", blind),
            (false, 2, "2 fields were set by others since", blind),
        ] {
            assert_eq!(
                since(values, total).said(),
                format!("was applied last by `flux (Apply)`: {expected}{end}"),
                "{values} {total}"
            );
        }
    }
}
