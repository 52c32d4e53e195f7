//! What never leaves: the values of Secrets, by kind, on the parsed object.
//!
//! Masking by value would tell what a value is wherever it masks a word by chance, and would miss every other encoding. Here the place
//! decides: `data` and `stringData` of whatever calls itself a Secret, at any depth (in a List, in a template), and annotations of Secrets
//! that hold a copy of the object. What is shown of a value is its length, which `kubectl describe` shows too.

use crate::redact;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value};

/// The annotation `kubectl apply` keeps its last manifest in.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// Values shorter than this are found in too many annotations to tell anything.
const TELLING: usize = 6;
/// The same for values in plain: they are words sooner than what stands for them in base64.
const TELLING_PLAIN: usize = 8;
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
            environment(object);
            object.values_mut().for_each(clean);
        }
        Value::Array(items) => items.iter_mut().for_each(clean),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Masks the value of an environment variable that is named as a secret, so that it is in no form of output, be it shown without its name.
fn environment(object: &mut Map<String, Value>) {
    let (Some(name), Some(value)) =
        (object.get("name").and_then(Value::as_str), object.get("value").and_then(Value::as_str))
    else {
        return;
    };
    if let Some(masked) = variable(name, value) {
        object.insert("value".to_owned(), masked.into());
    }
}

/// What is shown of a variable's value, where it is one that should not be seen.
pub fn variable(name: &str, value: &str) -> Option<String> {
    let line = format!("{name}={value}");
    let shown = redact::redact(&line);
    (shown != line)
        .then(|| shown.strip_prefix(name).and_then(|rest| rest.strip_prefix('=')).unwrap_or(&shown).to_owned())
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
    let mut copies = Copies::default();
    for field in ["data", "stringData"] {
        match object.get_mut(field) {
            Some(Value::Object(entries)) => {
                for value in entries.values_mut() {
                    let text = value.as_str().unwrap_or_default();
                    let length = copies.of(field, text);
                    *value = masked(length).into();
                }
            }
            // Not an object: no Secret the API server would take, and masked all the same.
            Some(Value::Null) | None => {}
            Some(other) => *other = masked(0).into(),
        }
    }
    for path in ["/metadata/annotations", "/metadata/labels"] {
        let notes = object.get_mut("metadata").and_then(|metadata| metadata.pointer_mut(&path["/metadata".len()..]));
        for value in notes.and_then(Value::as_object_mut).into_iter().flat_map(Map::values_mut) {
            if value.as_str().is_some_and(|text| copies.are_in(text)) {
                *value = "[masked: may hold a copy of the secret]".into();
            }
        }
    }
}

fn masked(length: usize) -> String {
    format!("[masked: {length} bytes]")
}

/// The values of a Secret as they may stand elsewhere in it.
#[derive(Default)]
struct Copies {
    /// In base64, without padding and in the standard alphabet.
    encoded: Vec<String>,
    plain: Vec<String>,
}

impl Copies {
    /// Takes a value of `field`; how many bytes it has.
    fn of(&mut self, field: &str, text: &str) -> usize {
        let plain = if field == "data" {
            // The API server takes line breaks in it.
            let digits: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
            let length = digits.trim_end_matches('=').len() * 3 / 4;
            let Ok(bytes) = STANDARD.decode(&digits) else {
                self.encoded.push(digits);
                return length;
            };
            bytes
        } else {
            text.as_bytes().to_vec()
        };
        self.encoded.push(STANDARD.encode(&plain).trim_end_matches('=').to_owned());
        let length = plain.len();
        self.plain.extend(String::from_utf8(plain).ok().map(|text| text.trim().to_owned()));
        length
    }

    /// Whether a label or an annotation may repeat a value: other tools keep their last manifest in one, too.
    fn are_in(&self, note: &str) -> bool {
        let standard = note.replace('-', "+").replace('_', "/");
        let holds = |note: &str, values: &[String], telling: usize| {
            values.iter().any(|value| value.len() >= telling && note.contains(value.as_str()))
        };
        note.len() >= COPY
            || note.starts_with(['{', '['])
            || note.starts_with("H4sI")
            || holds(&standard, &self.encoded, TELLING)
            || holds(note, &self.plain, TELLING_PLAIN)
    }
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
                "unpadded": "is aHVudGVyMg",
                "plain": "the password is hunter2hunter2, mind",
                "url": "Pz8_Pz8_Pz8_Pw",
                "owner": "team default",
            }, "labels": {"pw": "hunter2hunter2", "app": "web"}},
            "data": {"a": "aHVudGVyMg==", "w": "ZGVmYXVsdA==", "u": "Pz8/Pz8/Pz8/Pw=="},
            "stringData": {"p": "hunter2hunter2\n"}
        });
        let object = cleaned(object);
        let annotations = &object["metadata"]["annotations"];
        for copy in ["note", "unpadded", "plain", "url"] {
            assert_eq!(annotations[copy], annotations["other/applied"], "{copy}");
        }
        let labels = &object["metadata"]["labels"];
        assert_eq!((&labels["pw"], &labels["app"]), (&annotations["note"], &json!("web")));
        assert_eq!(annotations["owner"], "team default");
        assert!(annotations.get(LAST_APPLIED).is_none() && object["metadata"].get("managedFields").is_none());
        // A value that is a common word changes nothing elsewhere.
        assert_eq!(object["metadata"]["name"], "default");
    }

    #[test]
    fn variables_that_are_named_as_secrets_are_masked_for_every_form() {
        let env = json!([{"name": "DB_PASSWORD", "value": "hunter2hunter2"}, {"name": "API_TOKEN", "value": "tok3ntok3n99"}, {"name": "MODE", "value": "fast"}]);
        let env = cleaned(json!({"kind": "Pod", "env": env}));
        assert!(!env.to_string().contains("hunter2") && !env.to_string().contains("tok3n"), "{env}");
        assert_eq!(env["env"][2]["value"], "fast");
    }

    #[test]
    fn what_may_be_a_copy_is_known_by_its_look() {
        for (annotation, goes) in [
            ("x".repeat(COPY), true),
            ("H4sIAAAAAAAA/0pMTAQEAAD//w".into(), true),
            ("[1]".into(), true),
            ("x".repeat(COPY - 1), false),
            // Too short to tell anything, and in too many words.
            ("says YQ== and no more".into(), false),
        ] {
            let object =
                json!({"kind": "Secret", "metadata": {"annotations": {"x": annotation}}, "data": {"a": "YQ=="}});
            let masked = cleaned(object)["metadata"]["annotations"]["x"] != annotation.as_str();
            assert_eq!(masked, goes, "{annotation}");
        }
    }

    #[test]
    fn other_kinds_keep_their_data() {
        let map = json!({"kind": "ConfigMap", "data": {"a": "b"}});
        assert_eq!(cleaned(map.clone()), map);
    }
}
