//! Schemas of OpenAPI 3.0 as JSON Schema, and what they say that is not so.

use std::collections::BTreeSet;

use jsonschema::{Draft, ValidationError, Validator};
use serde_json::{Map, Value, json};

/// What can be null and is not described so: a schema, and what in it.
const NULLS: &[(&str, &str)] = &[
    // The author has left GitHub.
    ("pull-request", "/properties/user"),
    ("pull-request", "/properties/head/properties/user"),
    ("timeline-comment-event", "/properties/actor"),
    ("timeline-comment-event", "/properties/user"),
    ("timeline-reviewed-event", "/properties/user"),
    // The fork was deleted.
    ("pull-request", "/properties/head/properties/repo"),
    ("pull-request-simple", "/properties/head/properties/repo"),
    // Neither was given when merging was made automatic.
    ("auto-merge", "/properties/commit_title"),
    ("auto-merge", "/properties/commit_message"),
    // In the full form it is described so.
    ("pull-request-simple", "/properties/labels/items/properties/description"),
];

/// Puts right what the description says and GitHub does not do.
pub(super) fn correct(schemas: &mut Map<String, Value>) {
    for (name, pointer) in NULLS {
        if let Some(place) = schemas.get_mut(*name).and_then(|schema| schema.pointer_mut(pointer)) {
            *place = json!({"nullable": true, "allOf": [place.take()]});
        }
    }
    let conclusions = schemas.get_mut("check-run").and_then(|schema| schema.pointer_mut("/properties/conclusion/enum"));
    if let Some(Value::Array(conclusions)) = conclusions {
        conclusions.extend([json!("stale"), json!("startup_failure")]);
    }
}

/// What a `$ref` at the top of `value` leads to.
pub(super) fn resolved<'a>(whole: &'a Value, value: &'a Value) -> &'a Value {
    let lead = value["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
    lead.and_then(|pointer| whole.pointer(pointer)).map_or(value, |there| resolved(whole, there))
}

/// The schemas that `from` leads to, and those they lead to.
pub(super) fn reachable<'a>(all: &Map<String, Value>, from: impl IntoIterator<Item = &'a Value>) -> Map<String, Value> {
    let (mut names, mut waiting) = (BTreeSet::new(), Vec::new());
    from.into_iter().for_each(|value| references(value, &mut waiting));
    while let Some(name) = waiting.pop() {
        if names.insert(name.clone()) {
            all.get(&name).into_iter().for_each(|schema| references(schema, &mut waiting));
        }
    }
    names.into_iter().filter_map(|name| all.get(&name).map(|schema| (name.clone(), schema.clone()))).collect()
}

fn references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            let name = fields.get("$ref").and_then(Value::as_str);
            found.extend(name.and_then(|name| name.strip_prefix("#/components/schemas/")).map(str::to_owned));
            fields.values().for_each(|value| references(value, found));
        }
        Value::Array(list) => list.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

/// A validator of `schema`, which may lead to any of `all`.
pub(super) fn compiled(schema: &Value, all: &Map<String, Value>) -> Validator {
    let needed = reachable(all, [schema, &json!({"$ref": "#/components/schemas/basic-error"})]);
    let needed: Map<String, Value> = needed.iter().map(|(name, schema)| (name.clone(), translated(schema))).collect();
    let whole = json!({"allOf": [translated(schema)], "components": {"schemas": needed}});
    let options = jsonschema::options().with_draft(Draft::Draft7).should_validate_formats(true);
    options.build(&whole).unwrap_or_else(|error| panic!("a schema of the description: {error}"))
}

/// What judges; everything else in a schema is for people.
const JUDGES: &[&str] = &[
    "$ref",
    "type",
    "enum",
    "format",
    "pattern",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "uniqueItems",
    "minProperties",
    "maxProperties",
    "required",
    "multipleOf",
];

/// A schema of OpenAPI 3.0 as JSON Schema: `nullable` becomes a choice.
fn translated(schema: &Value) -> Value {
    let Value::Object(fields) = schema else { return schema.clone() };
    let mut out = Map::new();
    for (name, value) in fields {
        let value = match name.as_str() {
            "properties" => {
                let each = value.as_object().into_iter().flatten();
                each.map(|(name, schema)| (name.clone(), translated(schema))).collect::<Map<_, _>>().into()
            }
            "items" | "not" | "additionalProperties" => translated(value),
            "allOf" | "anyOf" | "oneOf" => value.as_array().into_iter().flatten().map(translated).collect(),
            known if JUDGES.contains(&known) => value.clone(),
            _ => continue,
        };
        out.insert(name.clone(), value);
    }
    // Beside a `$ref`, JSON Schema of this age reads nothing.
    if let Some(reference) = out.remove("$ref") {
        if !out.is_empty() {
            return json!({"allOf": [{"$ref": reference}, out]});
        }
        out.insert("$ref".to_owned(), reference);
    }
    if fields.get("nullable") != Some(&Value::Bool(true)) {
        return Value::Object(out);
    }
    let Some(kind) = out.get("type").cloned() else { return json!({"anyOf": [{"type": "null"}, out]}) };
    // An error inside is said better without a choice around it.
    out.insert("type".to_owned(), json!([kind, "null"]));
    if let Some(Value::Array(values)) = out.get_mut("enum") {
        values.push(Value::Null);
    }
    Value::Object(out)
}

/// An error in a line.
pub(super) fn short(error: &ValidationError<'_>) -> String {
    let place = error.instance_path().to_string();
    let place = if place.is_empty() { "the whole".to_owned() } else { place };
    let said = error.to_string();
    // What is wrong comes after the value, however long that is.
    let (start, rest) = said.split_at(said.char_indices().nth(150).map_or(said.len(), |(at, _)| at));
    let end = rest.char_indices().rev().nth(149).map_or(0, |(at, _)| at);
    format!("{place}: {start}{}{}", if end > 0 { " … " } else { "" }, &rest[end..])
}
