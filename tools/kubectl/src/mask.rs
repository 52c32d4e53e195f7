//! What never leaves: the values of Secrets, by kind, on the parsed object.
//!
//! Masking by value would tell what a value is wherever it masks a word by chance, and would miss every other encoding. Here the place
//! decides: `data` and `stringData` of whatever calls itself a Secret, at any depth (in a List, in a template), and annotations of Secrets
//! that hold a copy of the object. What is shown of a value is its length, which `kubectl describe` shows too.

use serde_json::{Map, Value};

/// The annotation `kubectl apply` keeps its last manifest in.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// Values shorter than this are found in too many annotations to tell anything.
const TELLING: usize = 6;
/// An annotation of a Secret as long as this is taken for a copy of something.
const COPY: usize = 512;

/// Masks what has to be masked in `value` and takes out what nobody reads: managed fields and the last applied manifest.
pub fn clean(value: &mut Value) {
    match value {
        Value::Object(object) => {
            if let Some(Value::Object(metadata)) = object.get_mut("metadata") {
                tidy(metadata);
            }
            match object.get("kind").and_then(Value::as_str) {
                Some("Secret") => secret(object),
                // Its items need not say what they are.
                Some("SecretList") => {
                    for item in object.get_mut("items").and_then(Value::as_array_mut).into_iter().flatten() {
                        if let Value::Object(item) = item {
                            secret(item);
                        }
                    }
                }
                _ => {}
            }
            object.values_mut().for_each(clean);
        }
        Value::Array(items) => items.iter_mut().for_each(clean),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn tidy(metadata: &mut Map<String, Value>) {
    metadata.remove("managedFields");
    if let Some(Value::Object(annotations)) = metadata.get_mut("annotations") {
        annotations.remove(LAST_APPLIED);
        if annotations.is_empty() {
            metadata.remove("annotations");
        }
    }
}

fn secret(object: &mut Map<String, Value>) {
    let mut values: Vec<String> = Vec::new();
    for field in ["data", "stringData"] {
        match object.get_mut(field) {
            Some(Value::Object(entries)) => {
                for value in entries.values_mut() {
                    if let Value::String(text) = value {
                        values.push(std::mem::take(text));
                    }
                    let length =
                        values.last().filter(|_| value.is_string()).map_or(0, |text| plain_length(field, text));
                    *value = masked(length).into();
                }
            }
            // Not an object: no Secret the API server would take, and masked all the same.
            Some(Value::Null) | None => {}
            Some(other) => *other = masked(0).into(),
        }
    }
    let Some(Value::Object(annotations)) =
        object.get_mut("metadata").and_then(|metadata| metadata.get_mut("annotations"))
    else {
        return;
    };
    for value in annotations.values_mut() {
        if value.as_str().is_some_and(|text| is_copy(text, &values)) {
            *value = "[masked: may hold a copy of the secret]".into();
        }
    }
}

fn masked(length: usize) -> String {
    format!("[masked: {length} bytes]")
}

/// How long the value is that `text` stands for: `data` is base64.
fn plain_length(field: &str, text: &str) -> usize {
    if field != "data" {
        return text.len();
    }
    let digits = text.bytes().filter(|byte| !byte.is_ascii_whitespace() && *byte != b'=').count();
    digits * 3 / 4
}

/// Whether an annotation of a Secret may repeat what is in it: other tools keep their last manifest there, too.
fn is_copy(annotation: &str, values: &[String]) -> bool {
    annotation.len() >= COPY
        || annotation.starts_with(['{', '['])
        || values.iter().any(|value| value.len() >= TELLING && annotation.contains(value.as_str()))
        || annotation.starts_with("H4sI")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn cleaned(mut value: Value) -> Value {
        clean(&mut value);
        value
    }

    #[test]
    fn values_go_and_keys_stay_wherever_the_secret_is() {
        let secret = json!({"kind": "Secret", "data": {"a": "aHVudGVyMg==", "e": ""}, "stringData": {"b": "plain"}});
        let expected = json!({
            "kind": "Secret",
            "data": {"a": "[masked: 7 bytes]", "e": "[masked: 0 bytes]"},
            "stringData": {"b": "[masked: 5 bytes]"}
        });
        assert_eq!(cleaned(secret.clone()), expected);
        assert_eq!(cleaned(json!({"kind": "List", "items": [secret.clone()]}))["items"][0], expected);
        assert_eq!(cleaned(json!({"kind": "X", "spec": {"template": secret}}))["spec"]["template"], expected);
        let list = cleaned(json!({"kind": "SecretList", "items": [{"data": {"a": "aGk="}}]}));
        assert_eq!(list["items"][0]["data"]["a"], "[masked: 2 bytes]");
    }

    #[test]
    fn what_is_no_value_is_masked_too() {
        let odd = cleaned(json!({"kind": "Secret", "data": {"a": {"b": "hunter2"}, "c": 5}, "stringData": "hunter2"}));
        assert!(!odd.to_string().contains("hunter2") && odd["data"]["c"] == "[masked: 0 bytes]", "{odd}");
    }

    #[test]
    fn copies_in_annotations_go() {
        let object = json!({
            "kind": "Secret",
            "metadata": {"name": "default", "managedFields": [1], "annotations": {
                LAST_APPLIED: "{\"data\":{}}",
                "other/applied": "{\"stringData\":{\"a\":\"x\"}}",
                "note": "is aHVudGVyMg==",
                "owner": "team default",
            }},
            "data": {"a": "aHVudGVyMg==", "w": "ZGVmYXVsdA=="}
        });
        let object = cleaned(object);
        let annotations = &object["metadata"]["annotations"];
        assert_eq!(annotations["note"], annotations["other/applied"]);
        assert_eq!(annotations["owner"], "team default");
        assert!(annotations.get(LAST_APPLIED).is_none() && object["metadata"].get("managedFields").is_none());
        // A value that is a common word changes nothing elsewhere.
        assert_eq!(object["metadata"]["name"], "default");
    }

    #[test]
    fn other_kinds_keep_their_data() {
        let map = json!({"kind": "ConfigMap", "data": {"a": "b"}});
        assert_eq!(cleaned(map.clone()), map);
    }
}
