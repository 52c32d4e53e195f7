//! What is different between an object as it is and as it is wanted, field by field, with those who own each field.
//!
//! Not different are fields the API server sets itself, and of Kubernetes' own kinds values of one meaning in two spellings, null and nothing
//! ([`terms`]). Two objects that the API server printed ([`compare`]) are compared in everything else; against what somebody wrote ([`against`],
//! [`since`]) only what was written is compared, because the rest are defaults.
//!
//! Values are compared as they are and shown as [`shared::kubernetes::mask`] leaves them: of a Secret is seen that a key changed, and sizes.

mod list;
mod owners;
mod path;
mod same;
mod show;
mod since;
mod terms;

use std::collections::BTreeSet;

use k8s_openapi::ByteString;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};
use shared::{Inside, Untrusted, kubernetes::mask};

pub use since::{Since, applied_version, since};

use self::{
    list::Paired,
    owners::Owners,
    path::Step,
    terms::{Side, Terms},
};

/// The most changes of one object that are kept; others are counted.
const KEPT: usize = 1_000;
/// Below this depth values are compared as a whole.
const DEPTH_MAX: usize = 64;
/// The annotation `kubectl apply` keeps its last manifest in.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// What happened to a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum What {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// It has another value.
    Changed,
    /// Its items have another order.
    Reordered,
    /// It was set, and what was there before is not known.
    Set,
}

/// A field that is different.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Change {
    /// Which: `spec.template.spec.containers[name=web].image`.
    pub path: Untrusted,
    /// What happened to it.
    pub change: What,
    /// Its value before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Untrusted>,
    /// Its value after.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Untrusted>,
    /// Who owns it now: field manager (operation, subresource).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub owners: Vec<Untrusted>,
}

impl Change {
    /// `~ spec.replicas: 3 → 5 [hpa (Update, scale)]`.
    pub fn line(&self, inside: Inside<'_>) -> String {
        let text = |value: &Option<Untrusted>| value.as_ref().map(|value| value.inside(inside).to_owned());
        let (from, to) = (text(&self.from).unwrap_or_default(), text(&self.to).unwrap_or_default());
        let (sign, value) = match self.change {
            What::Added => ('+', to),
            What::Removed => ('-', from),
            What::Changed => ('~', format!("{from} → {to}")),
            What::Reordered => ('~', format!("order {from} → {to}")),
            What::Set => ('=', to),
        };
        let owners: Vec<&str> = self.owners.iter().map(|owner| owner.inside(inside)).collect();
        let owners = if owners.is_empty() { String::new() } else { format!(" [{}]", owners.join(", ")) };
        format!("{sign} {}: {value}{owners}", self.path.inside(inside))
    }
}

/// What is different.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// Field by field, those of them that are kept.
    pub list: Vec<Change>,
    /// How many there are.
    pub total: usize,
}

/// From an object as it is to what the API server would make of it.
pub fn compare(live: &Value, wanted: &Value) -> Changes {
    Walk::new(live, wanted, None).run(live, wanted, live)
}

/// From an object as it is to what somebody wrote, which does not mention defaults.
pub fn against(live: &Value, written: &Value) -> Changes {
    Walk::new(live, written, Some(Side::New)).run(live, &as_kept(written), live)
}

/// The generation of an object before and after, where the API server counts a change of it: whether or not one was found, there is one.
pub fn counted(before: &Value, after: &Value) -> Option<(u64, u64)> {
    let generation = |object: &Value| object.pointer("/metadata/generation").and_then(Value::as_u64);
    Some((generation(before)?, generation(after)?)).filter(|(before, after)| before < after)
}

/// Two values with what is shown of them.
type Both<'v> = (Option<&'v Value>, Option<&'v Value>);

struct Walk<'o> {
    /// Of the object that is live, and of the other.
    owners: [Owners<'o>; 2],
    terms: Terms,
    path: Vec<Step>,
    changes: Changes,
}

impl<'o> Walk<'o> {
    fn new(live: &'o Value, other: &'o Value, written: Option<Side>) -> Self {
        let owners = [Owners::of(live), Owners::of(other)];
        Self { owners, terms: Terms::new(live, other, written), path: Vec::new(), changes: Changes::default() }
    }

    fn run(mut self, old: &Value, new: &Value, live: &Value) -> Changes {
        let kind = live.get("kind");
        let masked = |value: &Value| {
            let mut masked = value.clone();
            // What is one here is one there, whatever it calls itself.
            if let (Value::Object(object), Some(kind)) = (&mut masked, kind) {
                object.insert("kind".to_owned(), kind.clone());
            }
            mask::clean(&mut masked);
            if kind.is_some_and(|kind| kind == "ConfigMap") {
                let data = masked.get_mut("data").and_then(Value::as_object_mut);
                for (name, value) in data.into_iter().flatten() {
                    // By itself, a value does not show what its key says it is.
                    if let Some(hidden) = value.as_str().and_then(|text| mask::variable(name, text)) {
                        *value = hidden.into();
                    }
                }
            }
            masked
        };
        self.pair((Some(old), Some(new)), (Some(&masked(old)), Some(&masked(new))));
        self.changes
    }

    fn pair(&mut self, (old, new): Both<'_>, shown: Both<'_>) {
        let terms = self.terms;
        let (old, new) = (old.filter(|value| !terms.is_nothing(value)), new.filter(|value| !terms.is_nothing(value)));
        // Of a list whose order matters every item is meant: who wrote the list wrote how long it is.
        let counted = matches!(self.path.last(), Some(Step::Index(_)));
        let meant = match terms.written {
            None => true,
            Some(Side::Old) => counted || terms.is_meant(&self.path, old, new),
            Some(Side::New) => counted || terms.is_meant(&self.path, new, old),
        };
        if !meant {
            return;
        }
        let deep = self.path.len() >= DEPTH_MAX;
        match (old, new) {
            (None, None) => {}
            // Of labels and the like each is one of its own, the first ones, too.
            (None, Some(Value::Object(new))) if self.is_of_words() => self.objects(&Map::new(), new, shown),
            (Some(Value::Object(old)), None) if self.is_of_words() => self.objects(old, &Map::new(), shown),
            (None, Some(_)) => self.note(What::Added, shown),
            (Some(_), None) => self.note(What::Removed, shown),
            (Some(Value::Object(old)), Some(Value::Object(new))) if !deep => self.objects(old, new, shown),
            (Some(Value::Array(old)), Some(Value::Array(new))) if !deep => self.lists(old, new, shown),
            (Some(old), Some(new)) if terms.same(&self.path, old, new) => {}
            (Some(_), Some(_)) => self.note(What::Changed, shown),
        }
    }

    /// Whether the place is a map of the metadata, or of a ConfigMap or Secret.
    fn is_of_words(&self) -> bool {
        let field = |at: usize| match self.path.get(at) {
            Some(Step::Field(name)) => name.as_str(),
            _ => "",
        };
        match self.path.len() {
            1 => matches!(field(0), "metadata" | "data" | "stringData" | "binaryData"),
            2 => field(0) == "metadata" && matches!(field(1), "annotations" | "labels"),
            _ => false,
        }
    }

    fn objects(&mut self, old: &Map<String, Value>, new: &Map<String, Value>, shown: Both<'_>) {
        let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        for name in names {
            if self.terms.skips(&self.path, name) {
                continue;
            }
            let shown = (shown.0.and_then(|value| value.get(name)), shown.1.and_then(|value| value.get(name)));
            self.path.push(Step::Field(name.clone()));
            self.pair((old.get(name), new.get(name)), shown);
            self.path.pop();
        }
    }

    fn lists(&mut self, old: &[Value], new: &[Value], shown: Both<'_>) {
        if old == new {
            return;
        }
        let told = self.owners.iter().find_map(|owners| owners.list_type(&self.path));
        let name = match self.path.last() {
            Some(Step::Field(name)) => name.as_str(),
            _ => "",
        };
        match list::pair(name, told, old, new) {
            Paired::Whole => self.note(What::Changed, shown),
            Paired::Items(items) => {
                if let Some((before, after)) = list::order(&items) {
                    self.reordered(&before, &after);
                }
                for (step, in_old, in_new) in items {
                    // Masking leaves the items of lists where they are.
                    let shown = (in_old.and_then(|at| shown.0?.get(at)), in_new.and_then(|at| shown.1?.get(at)));
                    self.path.push(step);
                    self.pair((in_old.and_then(|at| old.get(at)), in_new.and_then(|at| new.get(at))), shown);
                    self.path.pop();
                }
            }
        }
    }

    /// Notes another order of items. Who owns them has not changed, and is not who moved them.
    fn reordered(&mut self, before: &str, after: &str) {
        self.changes.total += 1;
        if self.changes.list.len() < KEPT {
            self.changes.list.push(Change {
                path: Untrusted::line(&path::shown(&self.path)),
                change: What::Reordered,
                from: Some(Untrusted::line(before)),
                to: Some(Untrusted::line(after)),
                owners: Vec::new(),
            });
        }
    }

    fn note(&mut self, change: What, shown: Both<'_>) {
        self.changes.total += 1;
        if self.changes.list.len() >= KEPT {
            return;
        }
        let masked = || String::from("[masked]");
        let (from, to) = match (change, shown) {
            (What::Changed, (Some(old), Some(new))) => {
                let (old, new) = show::two(old, new);
                (Some(old), Some(new))
            }
            (What::Changed, (None, None)) => (Some(masked()), Some(String::from("another value, masked alike"))),
            (What::Changed, (old, new)) => {
                (Some(old.map_or_else(masked, show::one)), Some(new.map_or_else(masked, show::one)))
            }
            (What::Removed, (old, _)) => (Some(old.map_or_else(masked, show::one)), None),
            (_, (_, new)) => (None, Some(new.map_or_else(masked, show::one))),
        };
        let [live, _] = &self.owners;
        // What is new is nobody's yet, but as a part of a list of one piece.
        let owned = change != What::Added || matches!(self.path.last(), Some(Step::Index(_)));
        let owners = if owned { live.at(&self.path) } else { Vec::new() };
        let owners = owners.iter().map(|owner| Untrusted::line(&owner.shown())).collect();
        let line = |text: String| Untrusted::line(&text);
        let path = Untrusted::line(&path::shown(&self.path));
        self.changes.list.push(Change { path, change, from: from.map(line), to: to.map(line), owners });
    }
}

/// What somebody wrote as the API server keeps it: a Secret's `stringData` becomes `data`.
fn as_kept(written: &Value) -> Value {
    let mut kept = written.clone();
    let Some(object) = kept.as_object_mut().filter(|object| object.get("kind").is_some_and(|kind| kind == "Secret"))
    else {
        return kept;
    };
    let Some(Value::Object(texts)) = object.remove("stringData") else { return kept };
    let data = object.entry("data").or_insert_with(|| Map::new().into());
    if let Value::Object(data) = data {
        for (key, text) in texts {
            let bytes = ByteString(text.as_str().unwrap_or_default().as_bytes().to_vec());
            data.insert(key, serde_json::to_value(bytes).unwrap_or_default());
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use serde_json::json;

    use super::*;

    /// The lines of changes, as a frame shows them.
    pub fn lines(changes: &Changes) -> Vec<String> {
        changes.list.iter().map(line).collect()
    }

    fn line(change: &Change) -> String {
        // Only the writer of a frame may show it; JSON says the same.
        let json = serde_json::to_value(change).unwrap();
        let text = |field: &str| json[field].as_str().unwrap_or_default().to_owned();
        let (from, to) = (text("from"), text("to"));
        let value = match change.change {
            What::Added => format!("+ {}: {to}", text("path")),
            What::Removed => format!("- {}: {from}", text("path")),
            What::Changed => format!("~ {}: {from} → {to}", text("path")),
            What::Reordered => format!("~ {}: order {from} → {to}", text("path")),
            What::Set => format!("= {}: {to}", text("path")),
        };
        let owners: Vec<&str> = json["owners"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        if owners.is_empty() { value } else { format!("{value} [{}]", owners.join(", ")) }
    }

    fn deployment() -> Value {
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {
                "name": "web", "uid": "u", "resourceVersion": "1", "generation": 1, "creationTimestamp": "x", "selfLink": "s",
                "annotations": {LAST_APPLIED: "{}"},
                "managedFields": [{"manager": "kubectl", "operation": "Apply", "fieldsV1": {
                    "f:spec": {"f:replicas": {}, "f:template": {"f:spec": {"f:containers": {"k:{\"name\":\"web\"}": {".": {}, "f:image": {}, "f:args": {}, "f:env": {"k:{\"name\":\"A\"}": {".": {}, "f:value": {}}}}}}}}}}]
            },
            "spec": {
                "replicas": 3,
                "template": {"metadata": {"creationTimestamp": null}, "spec": {"containers": [
                    {"name": "web", "image": "web:1", "args": ["a", "b"], "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
                     "ports": [{"containerPort": 80, "protocol": "TCP"}], "resources": {"limits": {"cpu": "1", "memory": "1Gi"}}}
                ]}}
            },
            "status": {"replicas": 3}
        })
    }

    #[test]
    fn what_changed_is_told_field_by_field() {
        let live = deployment();
        let mut wanted = live.clone();
        wanted["spec"]["replicas"] = 5.into();
        wanted["spec"]["paused"] = true.into();
        wanted["metadata"]["labels"] = json!({"app": "web", "example.com/x": "1"});
        let containers = &mut wanted["spec"]["template"]["spec"]["containers"];
        containers[0]["image"] = "web:2".into();
        containers[0]["args"] = json!(["a", "c"]);
        containers[0]["env"] = json!([{"name": "C", "value": "3"}, {"name": "A", "value": "9"}]);
        let sidecar = json!({"name": "sidecar", "image": "s"});
        containers.as_array_mut().unwrap().insert(0, sidecar);
        let changes = compare(&live, &wanted);
        assert_eq!(
            lines(&changes),
            [
                "+ metadata.labels.app: \"web\"",
                "+ metadata.labels[\"example.com/x\"]: \"1\"",
                "+ spec.paused: true",
                "~ spec.replicas: 3 → 5 [kubectl (Apply)]",
                "+ spec.template.spec.containers[name=sidecar]: {\"image\":\"s\",\"name\":\"sidecar\"}",
                "~ spec.template.spec.containers[name=web].args: [\"a\",\"b\"] → [\"a\",\"c\"] [kubectl (Apply)]",
                "~ spec.template.spec.containers[name=web].env[name=A].value: \"1\" → \"9\" [kubectl (Apply)]",
                "- spec.template.spec.containers[name=web].env[name=B]: {\"name\":\"B\",\"value\":\"2\"}",
                "+ spec.template.spec.containers[name=web].env[name=C]: {\"name\":\"C\",\"value\":\"3\"}",
                "~ spec.template.spec.containers[name=web].image: \"web:1\" → \"web:2\" [kubectl (Apply)]",
            ]
        );
        assert_eq!(changes.total, 10);
    }

    #[test]
    fn spelling_and_what_the_server_sets_are_no_drift() {
        let live = deployment();
        let mut other = live.clone();
        other["metadata"]["resourceVersion"] = "2".into();
        other["metadata"]["generation"] = 2.into();
        other["metadata"]["uid"] = json!(null);
        other["metadata"]["managedFields"] = json!([]);
        other["status"] = json!({"replicas": 1});
        other["spec"]["replicas"] = json!(3.0);
        other["spec"]["template"]["metadata"] = json!({"creationTimestamp": null, "labels": null});
        let web = &mut other["spec"]["template"]["spec"]["containers"][0];
        web["resources"] = json!({"limits": {"cpu": "1000m", "memory": "1024Mi"}});
        assert_eq!(lines(&compare(&live, &other)), Vec::<String>::new());
        assert_eq!(lines(&compare(&other, &live)), Vec::<String>::new());
    }

    #[test]
    fn an_order_is_a_change_although_items_have_names() {
        let live = deployment();
        let mut other = live.clone();
        let spec = &mut other["spec"]["template"]["spec"];
        spec["containers"][0]["env"].as_array_mut().unwrap().reverse();
        let order = "~ spec.template.spec.containers[name=web].env: order";
        assert_eq!(lines(&compare(&live, &other)), [format!("{order} A, B → B, A")]);
        assert_eq!(lines(&against(&live, &other)), [format!("{order} A, B → B, A")]);
        assert_eq!(lines(&compare(&other, &live)), [format!("{order} B, A → A, B")]);
        let init = |names: &[&str]| json!({"apiVersion": "v1", "spec": {"initContainers": names.iter().map(|name| json!({"name": name})).collect::<Vec<_>>()}});
        assert_eq!(
            lines(&compare(&init(&["a", "b", "c"]), &init(&["d", "c", "b", "a"]))),
            ["~ spec.initContainers: order a, b, c → c, b, a", "+ spec.initContainers[name=d]: {\"name\":\"d\"}"]
        );
    }

    #[test]
    fn what_kubernetes_does_not_know_is_compared_as_it_stands() {
        let foo = |fields: Value| {
            let mut object = json!({"apiVersion": "example.org/v1", "kind": "Foo", "metadata": {"name": "f"}});
            object.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
            object
        };
        for (live, wanted, expected) in [
            (json!({"version": 1}), json!({"version": "1"}), "~ version: 1 → \"1\""),
            (
                json!({"limits": {"name": "1000"}}),
                json!({"limits": {"name": "1k"}}),
                "~ limits.name: \"1000\" → \"1k\"",
            ),
            (
                json!({"words": {"storage": "1k"}}),
                json!({"words": {"storage": "1000"}}),
                "~ words.storage: \"1k\" → \"1000\"",
            ),
            (json!({"status": {"phase": "a"}}), json!({"status": {"phase": "b"}}), "~ status.phase: \"a\" → \"b\""),
            (json!({"spec": {"x": null}}), json!({"spec": {}}), "- spec.x: null"),
            (json!({"spec": {}}), json!({"spec": {"x": null}}), "+ spec.x: null"),
            (json!({"spec": {"x": null}}), json!({"spec": {"x": []}}), "~ spec.x: null → []"),
        ] {
            assert_eq!(lines(&compare(&foo(live), &foo(wanted))), [expected]);
        }
        let written = |live: Value, written: Value| lines(&against(&foo(live), &foo(written)));
        assert_eq!(written(json!({"spec": {"a": {}}}), json!({"spec": {"b": {}, "c": null}})), ["+ spec.b: {}"]);
        assert_eq!(
            written(json!({"metadata": {"name": "f"}}), json!({"metadata": {"labels": {}}, "status": {}})),
            Vec::<String>::new()
        );
    }

    #[test]
    fn the_copy_of_what_was_applied_is_a_field_where_an_apply_changes_it() {
        let noted = |note: Value| json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "annotations": {LAST_APPLIED: note}}});
        let path = "metadata.annotations[\"kubectl.kubernetes.io/last-applied-configuration\"]";
        assert_eq!(
            lines(&compare(&noted(json!("hunter2hunter2")), &noted(json!("correct-horse")))),
            [format!("~ {path}: [masked] → another value, masked alike")]
        );
        assert_eq!(
            lines(&compare(&noted(json!("hunter2hunter2")), &noted(json!(null)))),
            [format!("- {path}: [masked]")]
        );
        assert!(lines(&against(&noted(json!("hunter2hunter2")), &noted(json!("correct-horse")))).is_empty());
    }

    #[test]
    fn a_generation_that_rises_is_a_change() {
        let of = |generation: Value| json!({"metadata": {"generation": generation}});
        for (before, after, expected) in [
            (of(json!(1)), of(json!(2)), Some((1, 2))),
            (of(json!(2)), of(json!(2)), None),
            (of(json!(2)), of(json!("3")), None),
            (json!(null), of(json!(3)), None),
        ] {
            assert_eq!(counted(&before, &after), expected, "{before} {after}");
        }
    }

    #[test]
    fn what_was_not_written_is_no_drift() {
        let live = deployment();
        let written = |spec: Value| json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "labels": {}}, "spec": spec});
        let spec = json!({"replicas": 3.0, "strategy": {}, "paused": null, "template": {"spec": {"tolerations": [], "containers": [
            {"name": "web", "image": "web:1", "ports": [{"containerPort": 80}], "resources": {"limits": {"cpu": 1}}}]}}});
        assert_eq!(lines(&against(&live, &written(spec))), Vec::<String>::new());
        let spec = json!({"replicas": 4, "template": {"spec": {"containers": [{"name": "web", "args": ["a"]}, {"name": "x"}]}}});
        assert_eq!(
            lines(&against(&live, &written(spec))),
            [
                "~ spec.replicas: 3 → 4 [kubectl (Apply)]",
                "~ spec.template.spec.containers[name=web].args: [\"a\",\"b\"] → [\"a\"] [kubectl (Apply)]",
                "+ spec.template.spec.containers[name=x]: {\"name\":\"x\"}",
            ]
        );
        // A list whose order matters is written as a whole.
        let policy = |rules: Value| json!({"kind": "NetworkPolicy", "spec": {"ingress": rules}});
        let (one, two) = (json!([{"from": [1]}]), json!([{"from": [1]}, {"from": [2]}]));
        assert_eq!(lines(&against(&policy(two), &policy(one))), ["- spec.ingress[1]: {\"from\":[2]}"]);
    }

    #[test]
    fn what_is_empty_is_something_where_the_server_keeps_it() {
        let issuer = |spec: Value| json!({"kind": "Issuer", "spec": spec});
        let changes = compare(&issuer(json!({})), &issuer(json!({"selfSigned": {}})));
        assert_eq!(lines(&changes), ["+ spec.selfSigned: {}"]);
    }

    #[test]
    fn of_secrets_keys_and_sizes_are_shown() {
        let secret = |data: Value| json!({"kind": "Secret", "metadata": {"name": "s"}, "data": data});
        let (old, new) = (
            json!({"a": "aHVudGVyMg==", "b": "eHh4eHh4eHg=", "c": "c2FtZQ=="}),
            json!({"a": "aHVudGVyMw==", "d": "bmV3bmV3", "c": "c2FtZQ=="}),
        );
        assert_eq!(
            lines(&compare(&secret(old), &secret(new))),
            [
                "~ data.a: \"[masked: 7 bytes]\" → another value, masked alike",
                "- data.b: \"[masked: 8 bytes]\"",
                "+ data.d: \"[masked: 6 bytes]\"",
            ]
        );
        let written = json!({"stringData": {"a": "hunter3", "c": "same"}, "kind": "Secret"});
        let shown = lines(&against(&secret(json!({"a": "aHVudGVyMg==", "c": "c2FtZQ=="})), &written));
        assert_eq!(shown, ["~ data.a: \"[masked: 7 bytes]\" → another value, masked alike"]);
        // No place of one shows anything, whatever stands there.
        for odd in [
            json!("hunter2hunter2"),
            json!(["hunter2hunter2"]),
            json!({"a": {"b": "hunter2hunter2"}}),
            json!({"a": ["hunter2hunter2"]}),
        ] {
            for changes in [
                compare(&secret(json!({"a": "eA=="})), &secret(odd.clone())),
                compare(&secret(odd.clone()), &json!({"kind": "Other"})),
                compare(&json!({"kind": "Secret"}), &json!({"data": odd.clone()})),
            ] {
                let shown = lines(&changes).join("\n");
                assert!(!shown.contains("hunter2") && !shown.is_empty(), "{shown}");
            }
        }
    }

    #[test]
    fn variables_named_as_secrets_are_masked() {
        let pod = |value: &str| json!({"kind": "Pod", "spec": {"containers": [{"name": "a", "env": [{"name": "DB_PASSWORD", "value": value}]}]}});
        let shown = lines(&compare(&pod("hunter2hunter2"), &pod("correct-horse"))).join("\n");
        assert!(
            shown.contains("env[name=DB_PASSWORD].value") && !shown.contains("hunter2") && !shown.contains("horse"),
            "{shown}"
        );
    }

    #[test]
    fn whatever_is_thrown_at_it_is_bounded() {
        let wide = |value: u32| json!({"kind": "ConfigMap", "data": (0..100_000).map(|n| (format!("k{n}"), Value::from(value))).collect::<Map<_, _>>()});
        let began = Instant::now();
        let changes = compare(&wide(1), &wide(2));
        assert_eq!((changes.total, changes.list.len()), (100_000, KEPT));
        let items = |value: u32| json!({"kind": "Pod", "env": (0..50_000).map(|n| json!({"name": format!("n{n}"), "value": value})).collect::<Vec<_>>()});
        let changes = compare(&items(1), &items(2));
        assert_eq!((changes.total, changes.list.len()), (50_000, KEPT));
        let deep = |leaf: u32| (0..120).fold(json!(leaf), |value, _| json!({"a": [value]}));
        let changes = compare(&deep(1), &deep(2));
        assert!(changes.total == 1 && line(&changes.list[0]).len() < 2_000, "{:?}", lines(&changes));
        let note = |end: &str| json!({"metadata": {"annotations": {"x": "y".repeat(1 << 20) + end}}});
        let changes = compare(&note("1"), &note("2"));
        assert!(changes.total == 1 && line(&changes.list[0]).len() < 500, "{:?}", lines(&changes));
        let changes = compare(&json!({}), &note("1"));
        assert!(changes.total == 1 && line(&changes.list[0]).contains("…(+1048417 bytes)"), "{:?}", lines(&changes));
        assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    }

    #[test]
    fn what_is_no_object_has_no_panic() {
        let odd = [
            json!(null),
            json!(5),
            json!("x"),
            json!([1]),
            json!({"metadata": [1]}),
            json!({"metadata": {"managedFields": [{"fieldsV1": {"f:a": 5, "k:{": {}, "v:": {}}}]}, "a": [{"b": 1}]}),
            json!({"a": [[1], {"b": 2}]}),
        ];
        for one in &odd {
            for other in &odd {
                let changes = [compare(one, other), against(one, other)];
                assert!(one != other || changes.iter().all(|changes| changes.total == 0), "{one} {other}");
                since(one);
            }
        }
    }
}
