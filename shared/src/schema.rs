//! The schemas of tools, in the one shape every client and model provider takes: a single inlined object.

use schemars::{
    JsonSchema,
    generate::{Contract, SchemaSettings},
    transform::{Transform, transform_subschemas},
};
use serde_json::{Map, Value, json};

use crate::output::Budget;

/// A JSON schema.
pub type Schema = Map<String, Value>;

/// The input schema of parameters `P`: `properties` and `required` always there, nothing else allowed, the spine's own parameters added.
pub fn input<P: JsonSchema>(budgeted: bool, paged: bool) -> Schema {
    let mut schema = generate::<P>(Contract::Deserialize);
    // What the type is called and how it is documented is ours; the tool's description says what the model needs.
    schema.remove("description");
    schema.insert("type".into(), "object".into());
    schema.insert("additionalProperties".into(), false.into());
    schema.entry("required").or_insert_with(|| json!([]));
    let properties = schema.entry("properties").or_insert_with(|| json!({}));
    if let Value::Object(properties) = properties {
        if budgeted {
            properties.insert(
                "budget".into(),
                json!({
                    "type": "integer", "minimum": Budget::MIN, "maximum": Budget::MAX, "default": Budget::DEFAULT,
                    "description": "Most tokens the answer may take.",
                }),
            );
        }
        if paged {
            properties.insert(
                "cursor".into(),
                json!({ "type": "string", "description": "Next page: the last answer's cursor, all else unchanged." }),
            );
        }
    }
    schema
}

/// The schema of an answer's structured value.
pub fn output<A: JsonSchema>() -> Schema {
    let mut schema = generate::<A>(Contract::Serialize);
    schema.insert("type".into(), "object".into());
    schema
}

fn generate<T: JsonSchema>(contract: Contract) -> Schema {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
        settings.contract = contract;
    });
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    let input = schema.get("description").cloned();
    Plain.transform(&mut schema);
    match schema.to_value() {
        Value::Object(mut schema) => {
            if let Some(description) = input {
                schema.insert("description".into(), description);
            }
            schema
        }
        _ => Map::new(),
    }
}

/// Leaves what models and clients need and takes out the rest: titles, formats, `null` beside a type, unions of constants.
struct Plain;

impl Transform for Plain {
    fn transform(&mut self, schema: &mut schemars::Schema) {
        if let Some(object) = schema.as_object_mut() {
            // Only the schema's own keywords: a *property* called title or format lives one level down.
            object.remove("title");
            object.remove("format");
            object.remove("$schema");
            if object.get("default") == Some(&Value::Null) {
                object.remove("default");
            }
            drop_null(object);
            constants_to_enum(object);
        }
        transform_subschemas(self, schema);
    }
}

/// An optional parameter is left out, not null.
fn drop_null(object: &mut Schema) {
    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            object.insert("type".into(), only);
        }
    }
    if let Some(Value::Array(values)) = object.get_mut("enum") {
        values.retain(|value| !value.is_null());
    }
    for union in ["anyOf", "oneOf"] {
        let Some(Value::Array(choices)) = object.get_mut(union) else { continue };
        choices.retain(|choice| choice.get("type") != Some(&json!("null")));
        if let [Value::Object(only)] = choices.as_slice() {
            let only = only.clone();
            object.remove(union);
            for (key, value) in only {
                object.entry(key).or_insert(value);
            }
        }
    }
}

/// `oneOf: [{const: a, description: …}, …]`, which is what documented variants become, is an enum to a model.
fn constants_to_enum(object: &mut Schema) {
    let Some(Value::Array(choices)) = object.get("oneOf") else { return };
    let constants: Option<Vec<Value>> = choices
        .iter()
        .map(|choice| match choice.get("enum") {
            Some(Value::Array(one)) if one.len() == 1 => one.first().cloned(),
            _ => choice.get("const").cloned(),
        })
        .collect();
    if let Some(constants) = constants {
        object.remove("oneOf");
        object.insert("type".into(), "string".into());
        object.insert("enum".into(), constants.into());
    }
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use super::*;

    #[derive(Deserialize, Serialize, JsonSchema)]
    #[serde(rename_all = "snake_case")]
    enum Kind {
        /// One.
        First,
        /// Two.
        Second,
    }

    #[derive(Deserialize, Serialize, JsonSchema)]
    struct Nested {
        /// A title.
        title: Option<String>,
    }

    /// Not for the model.
    #[derive(Deserialize, Serialize, JsonSchema)]
    struct Params {
        /// How many.
        #[schemars(range(min = 1, max = 9))]
        count: Option<u32>,
        /// Which.
        kind: Option<Kind>,
        /// Deep.
        nested: Option<Nested>,
        /// Name.
        name: String,
    }

    #[test]
    fn the_shape_is_one_inlined_object() {
        let schema = Value::Object(input::<Params>(true, true));
        let text = schema.to_string();
        for absent in ["$ref", "$defs", "$schema", "\"format\"", "null", "oneOf", "anyOf", "Not for the model"] {
            assert!(!text.contains(absent), "{absent} in {text}");
        }
        assert_eq!(schema["additionalProperties"], false);
        assert_eq!(schema["required"], json!(["name"]));
        assert_eq!(
            schema["properties"]["count"],
            json!({"type":"integer","minimum":1,"maximum":9,"description":"How many."})
        );
        assert_eq!(schema["properties"]["kind"]["enum"], json!(["first", "second"]));
        assert_eq!(schema["properties"]["nested"]["properties"]["title"]["description"], "A title.");
        assert_eq!(schema["properties"]["budget"]["default"], 4000);
    }

    #[test]
    fn no_parameters_still_make_an_object() {
        #[derive(Deserialize, JsonSchema)]
        struct Nothing {}
        let schema = Value::Object(input::<Nothing>(false, false));
        assert_eq!(schema, json!({"type":"object","properties":{},"required":[],"additionalProperties":false}));
    }
}
