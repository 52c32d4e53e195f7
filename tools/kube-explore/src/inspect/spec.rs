//! What an object is made of, in few lines: its fields in their own words, and of Secrets and config maps no more than keys and sizes.

use serde_json::Value;

use super::cut;
use crate::field::{items, text};

/// The most lines.
const LINES: usize = 40;
/// The longest value, in bytes.
const VALUE_MAX: usize = 160;
/// How deep fields are looked into.
const DEPTH: usize = 8;
/// Parts of a spec that are told elsewhere, or are the same in every object.
const LEFT_OUT: &[&str] = &[
    "terminationMessagePath",
    "terminationMessagePolicy",
    "dnsPolicy",
    "schedulerName",
    "enableServiceLinks",
    "preemptionPolicy",
    "securityContext",
    "tolerations",
    "revisionHistoryLimit",
    "internalTrafficPolicy",
    "ipFamilies",
    "ipFamilyPolicy",
    "sessionAffinity",
    "clusterIPs",
    "serviceAccount",
    "imagePullPolicy",
    "podReplacementPolicy",
    "selector",
];

/// The lines; and how many more there would be.
pub fn lines(object: &Value) -> (Vec<String>, usize) {
    let mut lines = match text(object, "/kind") {
        "Secret" => data(object, &["data", "stringData"]),
        "ConfigMap" => data(object, &["data", "binaryData"]),
        "Pod" => pod(object.get("spec")),
        _ => {
            let mut lines = Vec::new();
            let spec = object.get("spec");
            match spec {
                Some(spec) => walk("", spec, 0, &mut lines),
                // Kinds without a spec: roles, storage classes, webhook configurations.
                None => {
                    let fields = object.as_object().into_iter().flatten();
                    for (name, value) in fields
                        .filter(|(name, _)| !matches!(name.as_str(), "apiVersion" | "kind" | "metadata" | "status"))
                    {
                        walk(name, value, 0, &mut lines);
                    }
                }
            }
            lines
        }
    };
    let more = lines.len().saturating_sub(LINES);
    lines.truncate(LINES);
    (lines, more)
}

/// What is not about its containers, which are told one by one.
fn pod(spec: Option<&Value>) -> Vec<String> {
    let Some(spec) = spec else { return Vec::new() };
    let mut lines = Vec::new();
    for field in [
        "nodeName",
        "nodeSelector",
        "priorityClassName",
        "restartPolicy",
        "serviceAccountName",
        "hostNetwork",
        "runtimeClassName",
    ] {
        if let Some(value) = spec.get(field) {
            walk(field, value, 0, &mut lines);
        }
    }
    let volumes = items(spec.get("volumes")).filter(|volume| !text(volume, "/name").starts_with("kube-api-access-"));
    for volume in volumes {
        walk("volume", volume, 0, &mut lines);
    }
    lines
}

/// Keys and sizes. Values of a Secret have been masked before; those of a config map that are short are shown.
fn data(object: &Value, fields: &[&str]) -> Vec<String> {
    let secret = text(object, "/kind") == "Secret";
    let mut lines = Vec::new();
    for field in fields {
        for (key, value) in object.get(*field).and_then(Value::as_object).into_iter().flatten() {
            let value = value.as_str().unwrap_or_default();
            let short = value.len() <= VALUE_MAX && !value.contains('\n') && *field == "data";
            let size = format!("{} bytes", value.len());
            // What stands for a secret's value is its size, too.
            lines.push(format!("{key}: {}", if secret || short { value } else { &size }));
        }
    }
    let kind = text(object, "/type");
    if secret && !kind.is_empty() {
        lines.insert(0, format!("type: {kind}"));
    }
    lines
}

fn walk(path: &str, value: &Value, depth: usize, lines: &mut Vec<String>) {
    // Far more than are shown, so that they can be counted, and no more than that.
    if lines.len() > LINES * 25 {
        return;
    }
    let inner = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match value {
        Value::Object(fields) if depth < DEPTH && !fields.is_empty() => {
            for (name, value) in fields
                .iter()
                .filter(|(name, _)| !LEFT_OUT.contains(&name.as_str()) || path.is_empty() && *name == "selector")
            {
                walk(&inner(name), value, depth + 1, lines);
            }
        }
        Value::Array(items) if depth < DEPTH && items.iter().any(|item| item.is_object() || item.is_array()) => {
            for (at, item) in items.iter().enumerate() {
                let name = text(item, "/name");
                let key = if name.is_empty() { at.to_string() } else { name.to_owned() };
                match item {
                    Value::Object(fields) if !name.is_empty() => {
                        let rest: serde_json::Map<String, Value> = fields
                            .iter()
                            .filter(|(field, _)| *field != "name")
                            .map(|(field, value)| (field.clone(), value.clone()))
                            .collect();
                        if rest.is_empty() {
                            lines.push(format!("{path}[{key}]"));
                        }
                        walk(&format!("{path}[{key}]"), &Value::Object(rest), depth + 1, lines);
                    }
                    item => walk(&format!("{path}[{key}]"), item, depth + 1, lines),
                }
            }
        }
        Value::Null => {}
        Value::Object(fields) if fields.is_empty() => {}
        Value::Array(items) if items.is_empty() => {}
        Value::String(text) => lines.push(format!("{path}: {}", cut(&text.replace('\n', "\\n"), VALUE_MAX))),
        other => lines.push(format!("{path}: {}", cut(&other.to_string(), VALUE_MAX))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_spec_is_told_in_its_own_words() {
        let object = json!({"kind": "Deployment", "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "web"}}, "template": {"spec": {
            "dnsPolicy": "ClusterFirst", "containers": [{"name": "c", "image": "i:1", "args": ["a", "b"], "env": [{"name": "K", "value": "v"}],
            "resources": {"limits": {"memory": "1Gi"}}}]}}}});
        assert_eq!(
            lines(&object).0,
            [
                "replicas: 2",
                "selector.matchLabels.app: web",
                "template.spec.containers[c].args: [\"a\",\"b\"]",
                "template.spec.containers[c].env[K].value: v",
                "template.spec.containers[c].image: i:1",
                "template.spec.containers[c].resources.limits.memory: 1Gi",
            ]
        );
        // A role is nothing without them.
        let role = json!({"kind": "Role", "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]});
        let rules = ["rules[0].apiGroups: [\"\"]", "rules[0].resources: [\"pods\"]", "rules[0].verbs: [\"get\"]"];
        assert_eq!(lines(&role).0, rules);
    }

    #[test]
    fn values_of_secrets_are_not_told() {
        let mut secret = json!({"kind": "Secret", "type": "Opaque", "data": {"password": "aHVudGVyMg=="}});
        shared::kubernetes::mask::clean(&mut secret);
        assert_eq!(lines(&secret).0, ["type: Opaque", "password: [masked: 7 bytes]"]);
        let map = json!({"kind": "ConfigMap", "data": {"a": "b", "long": "x\ny"}, "binaryData": {"z": "AAAA"}});
        assert_eq!(lines(&map).0, ["a: b", "long: 3 bytes", "z: 4 bytes"]);
    }

    #[test]
    fn much_is_bounded_and_counted() {
        let many: serde_json::Map<String, Value> = (0..500).map(|n| (format!("f{n:03}"), json!(n))).collect();
        let (shown, more) = lines(&json!({"kind": "X", "spec": many}));
        assert_eq!((shown.len(), more), (LINES, 460));
        let mut deep = json!(1);
        for _ in 0..100 {
            deep = json!({ "a": deep });
        }
        assert_eq!(lines(&json!({"kind": "X", "spec": deep})).0.len(), 1);
        let huge = json!({"kind": "X", "spec": {"a": "ä".repeat(1 << 20)}});
        assert!(lines(&huge).0[0].len() < 300);
        for odd in [json!({}), json!({"kind": "Secret", "data": 5}), json!({"kind": "Pod", "spec": []}), json!([])] {
            let _ = lines(&odd);
        }
    }
}
