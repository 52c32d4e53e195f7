//! Arguments are checked against the tool's schema before the tool sees them.
//!
//! Every error names the parameter, what it should be and what it was; an unknown name is answered with the nearest known one. Nothing is
//! guessed: a number in a string is an error, because whoever sends it may have meant something else.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::{
    error::{Result, ToolError},
    schema::Schema,
};

/// The most bytes of a value that an error shows.
const SHOWN: usize = 80;

/// Brings aliases to their names and checks everything the schema says about the top level.
pub(crate) fn check(
    schema: &Schema,
    aliases: &[(&str, &str)],
    mut arguments: Map<String, Value>,
) -> Result<Map<String, Value>> {
    let empty = Map::new();
    let properties = schema.get("properties").and_then(Value::as_object).unwrap_or(&empty);
    for (alias, name) in aliases {
        if let Some(value) = arguments.remove(*alias) {
            if arguments.contains_key(*name) {
                return Err(ToolError::invalid(format!(
                    "`{alias}` is another spelling of `{name}`, and both are given"
                ))
                .hint(format!("pass `{name}` only")));
            }
            arguments.insert((*name).to_owned(), value);
        }
    }
    // An explicit null is how many clients write "not given".
    arguments.retain(|_, value| !value.is_null());
    for (name, value) in &arguments {
        let Some(expected) = properties.get(name) else {
            return Err(unknown(name, properties));
        };
        if let Some(problem) = problem(expected, value) {
            return Err(ToolError::invalid(format!("`{name}` {problem}")));
        }
    }
    let required = schema.get("required").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    for name in required.iter().filter_map(Value::as_str) {
        if !arguments.contains_key(name) {
            let what = properties.get(name).and_then(|property| property.get("description")).and_then(Value::as_str);
            return Err(ToolError::invalid(format!("`{name}` is required"))
                .hint(what.map_or_else(|| format!("pass `{name}`"), |what| format!("`{name}`: {what}"))));
        }
    }
    Ok(arguments)
}

/// Fills a tool's parameters from checked arguments.
pub(crate) fn deserialize<P: DeserializeOwned>(arguments: Map<String, Value>) -> Result<P> {
    serde_path_to_error::deserialize(Value::Object(arguments)).map_err(|error| {
        let path = error.path().to_string();
        let inner = error.into_inner();
        ToolError::invalid(if path == "." { inner.to_string() } else { format!("`{path}`: {inner}") })
    })
}

fn unknown(name: &str, properties: &Map<String, Value>) -> ToolError {
    let known: Vec<&str> = properties.keys().map(String::as_str).collect();
    let error = ToolError::invalid(format!("there is no parameter {:?}", name.chars().take(SHOWN).collect::<String>()));
    match nearest(name, &known) {
        Some(near) => error.hint(format!("did you mean `{near}`? known: {}", known.join(", "))),
        None => error.hint(format!("known: {}", known.join(", "))),
    }
}

/// The known name closest to `name`, if any is close at all.
pub(crate) fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let folded =
        |text: &str| text.chars().take(64).filter(|c| *c != '_' && *c != '-').collect::<String>().to_lowercase();
    let wanted = folded(name);
    known
        .iter()
        .map(|candidate| (strsim::jaro_winkler(&wanted, &folded(candidate)), *candidate))
        .filter(|(likeness, _)| *likeness > 0.7)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

/// What is wrong with `value`, as the end of a sentence that begins with the parameter's name.
fn problem(schema: &Value, value: &Value) -> Option<String> {
    if let Some(choices) = schema.get("anyOf").or_else(|| schema.get("oneOf")).and_then(Value::as_array) {
        if choices.iter().any(|choice| problem(choice, value).is_none()) {
            return None;
        }
        let kinds: Vec<String> = choices.iter().filter_map(|choice| choice.get("type")).map(article).collect();
        return Some(format!("must be {}, got {}", kinds.join(" or "), shown(value)));
    }
    if let Some(kind) = schema.get("type")
        && !has_type(kind, value)
    {
        return Some(format!("must be {}, got {}", article(kind), shown(value)));
    }
    if let Some(choices) = schema.get("enum").and_then(Value::as_array)
        && !choices.contains(value)
    {
        let names: Vec<String> =
            choices.iter().map(|c| c.as_str().map_or_else(|| c.to_string(), str::to_owned)).collect();
        return Some(format!("must be one of {}, got {}", names.join(", "), shown(value)));
    }
    if let Some(number) = value.as_f64() {
        let bound = |key: &str| schema.get(key).and_then(Value::as_f64);
        if bound("minimum").is_some_and(|min| number < min) || bound("maximum").is_some_and(|max| number > max) {
            let range = match (schema.get("minimum"), schema.get("maximum")) {
                (Some(min), Some(max)) => format!("between {min} and {max}"),
                (Some(min), None) => format!("at least {min}"),
                (None, Some(max)) => format!("at most {max}"),
                (None, None) => return None,
            };
            return Some(format!("must be {range}, got {value}"));
        }
    }
    if let Some(items) = value.as_array() {
        let count = |key: &str| schema.get(key).and_then(Value::as_u64);
        if count("minItems").is_some_and(|min| (items.len() as u64) < min) {
            return Some(String::from("must not be empty"));
        }
        if count("maxItems").is_some_and(|max| items.len() as u64 > max) {
            return Some(format!("has {} items, more than are taken at once", items.len()));
        }
        if let Some(each) = schema.get("items") {
            return items
                .iter()
                .enumerate()
                .find_map(|(at, item)| problem(each, item).map(|p| format!("item {at} {p}")));
        }
    }
    None
}

fn has_type(kind: &Value, value: &Value) -> bool {
    match kind {
        Value::Array(kinds) => kinds.iter().any(|kind| has_type(kind, value)),
        Value::String(kind) => match kind.as_str() {
            "string" => value.is_string(),
            "integer" => value.is_i64() || value.is_u64(),
            "number" => value.is_number(),
            "boolean" => value.is_boolean(),
            "array" => value.is_array(),
            "object" => value.is_object(),
            _ => true,
        },
        _ => true,
    }
}

fn article(kind: &Value) -> String {
    match kind {
        Value::Array(kinds) => kinds.iter().map(article).collect::<Vec<_>>().join(" or "),
        Value::String(kind) if kind.starts_with(['a', 'i', 'o']) => format!("an {kind}"),
        Value::String(kind) => format!("a {kind}"),
        _ => String::from("something else"),
    }
}

/// A value in an error: short, and as JSON so that it cannot be taken for our words.
fn shown(value: &Value) -> String {
    let text = value.to_string();
    let cut = text.floor_char_boundary(SHOWN);
    let kind = match value {
        Value::String(_) => "the string ",
        Value::Array(_) => "the array ",
        Value::Object(_) => "the object ",
        _ => "",
    };
    if cut < text.len() { format!("{kind}{}…", &text[..cut]) } else { format!("{kind}{text}") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema() -> Schema {
        let Value::Object(schema) = json!({
            "type": "object",
            "properties": {
                "count": {"type": "integer", "minimum": 1, "maximum": 1000},
                "context_lines": {"type": "integer", "minimum": 0},
                "all_namespaces": {"type": "boolean"},
                "strategy": {"type": "string", "enum": ["ff-only", "merge"]},
                "files": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]},
                "ref": {"type": "string", "description": "What to show."},
            },
            "required": ["ref"],
        }) else {
            unreachable!()
        };
        schema
    }

    fn checked(arguments: Value) -> Result<Map<String, Value>> {
        let Value::Object(arguments) = arguments else { unreachable!() };
        check(&schema(), &[("allNamespaces", "all_namespaces")], arguments)
    }

    #[test]
    fn each_mistake_is_named() {
        for (arguments, expected) in [
            (json!({"ref": "x", "cuont": 1}), "there is no parameter \"cuont\"; did you mean `count`?"),
            (json!({"ref": "x", "contextLines": 1}), "did you mean `context_lines`?"),
            (json!({"ref": "x", "zzzzqqq": 1}), "; known: all_namespaces"),
            (json!({"ref": "x", "count": "5"}), "`count` must be an integer, got the string \"5\""),
            (json!({"ref": "x", "count": 0}), "`count` must be between 1 and 1000, got 0"),
            (json!({"ref": "x", "count": 1.5}), "`count` must be an integer, got 1.5"),
            (json!({"ref": "x", "context_lines": -1}), "`context_lines` must be at least 0, got -1"),
            (json!({"ref": "x", "strategy": "octopus"}), "`strategy` must be one of ff-only, merge, got the string"),
            (json!({"ref": "x", "files": 3}), "`files` must be a string or an array, got 3"),
            (json!({"count": 3}), "`ref` is required; `ref`: What to show."),
            (json!({"ref": "x", "allNamespaces": true, "all_namespaces": true}), "both are given"),
        ] {
            let error = checked(arguments.clone()).unwrap_err().to_string();
            assert!(error.starts_with("invalid_argument: "), "{error}");
            assert!(error.contains(expected), "{arguments}: {error}");
        }
    }

    #[test]
    fn aliases_nulls_and_unions_are_understood() {
        let arguments = checked(json!({"ref": "x", "allNamespaces": true, "count": null, "files": ["a"]})).unwrap();
        assert_eq!(Value::Object(arguments), json!({"ref": "x", "all_namespaces": true, "files": ["a"]}));
    }

    #[test]
    fn a_long_value_is_not_repeated_whole() {
        let error = checked(json!({"ref": "x", "count": "é".repeat(10_000)})).unwrap_err().to_string();
        assert!(error.len() < 300, "{}", error.len());
    }
}
