//! `call TOOL key=value …`: one call, exactly as MCP would run it.

use std::{process::ExitCode, sync::Arc};

use clap::ArgMatches;
use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;

use super::{FAILED, USAGE, complain, end, print, runtime, stop_on_signals};
use crate::{
    Server,
    call::Progress,
    registry::{Missing, Registry},
    settings::{Results, Settings},
    tool::Face,
};

pub(super) fn run<S: Server>(registry: Arc<Registry<S>>, matches: &ArgMatches) -> ExitCode {
    let name = matches.get_one::<String>("TOOL").map(String::as_str).unwrap_or_default();
    let structured = matches.get_one::<String>("output").is_some_and(|form| form == "json");
    let given: Vec<&str> = matches.get_many::<String>("ARGUMENT").into_iter().flatten().map(String::as_str).collect();
    let schema = match registry.spec(name) {
        Ok(spec) => Some(spec.input.clone()),
        Err(Missing::Unknown(message)) => return complain(&message, USAGE),
        // The refusal itself is the call's answer.
        Err(Missing::Refused(_)) => None,
    };
    let arguments = match matches.get_one::<String>("json") {
        Some(_) if !given.is_empty() => return complain("pass either key=value arguments or --json, not both", USAGE),
        Some(json) => match serde_json::from_str::<Map<String, Value>>(json) {
            Ok(arguments) => arguments,
            Err(error) => return complain(&format!("--json is not a JSON object: {error}"), USAGE),
        },
        None => match given.iter().map(|pair| argument(pair, schema.as_deref())).collect() {
            Ok(arguments) => arguments,
            Err(message) => return complain(&message, USAGE),
        },
    };
    let results = if structured { Results::Structured } else { Results::Text };
    let settings = Settings { results, ..registry.settings().clone() };
    let registry = match Registry::<S>::new(settings, Face::Terminal) {
        Ok(registry) => registry,
        Err(message) => return complain(&message, USAGE),
    };
    crate::logging::start();
    registry.server().confine();
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(code) => return code,
    };
    let outcome = runtime.block_on(async {
        let cancel = CancellationToken::new();
        stop_on_signals(&cancel);
        let outcome = registry.call(name, arguments, cancel, Progress::default(), None).await;
        registry.end().await;
        outcome
    });
    end(runtime);
    match outcome {
        Ok(outcome) => {
            let text = match (&outcome.rendered.text, &outcome.rendered.json) {
                (Some(text), _) => text.clone(),
                (None, Some(json)) => serde_json::to_string_pretty(json).unwrap_or_default(),
                (None, None) => String::new(),
            };
            print::out(&format!("{}\n", text.trim_end_matches('\n')));
            if outcome.error.is_some() { ExitCode::from(FAILED) } else { ExitCode::SUCCESS }
        }
        Err(message) => complain(&message, USAGE),
    }
}

/// `key=value` with the value read as the schema has it: a shell knows only strings.
fn argument(pair: &str, schema: Option<&Map<String, Value>>) -> Result<(String, Value), String> {
    let Some((key, value)) = pair.split_once('=') else {
        return Err(format!("{pair:?} is not key=value; see --help"));
    };
    let property = schema.and_then(|schema| schema.get("properties")?.get(key));
    let kind = property.and_then(|property| property.get("type")).and_then(Value::as_str);
    let takes = |wanted: &str| {
        kind == Some(wanted)
            || property.and_then(|property| property.get("anyOf")?.as_array()).is_some_and(|choices| {
                choices.iter().any(|choice| choice.get("type").and_then(Value::as_str) == Some(wanted))
            })
    };
    let value = match kind {
        // What does not parse stays a string, so that the error is the one MCP would give.
        Some("integer" | "number" | "boolean" | "object") => {
            serde_json::from_str(value).unwrap_or_else(|_| Value::from(value))
        }
        _ if takes("array") && value.starts_with('[') => {
            serde_json::from_str(value).unwrap_or_else(|_| Value::from(value))
        }
        Some("array") => value.split(',').map(|item| Value::from(item.trim())).collect(),
        _ => Value::from(value),
    };
    Ok((key.to_owned(), value))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_read_as_the_schema_has_them() {
        let schema = json!({"properties": {
            "count": {"type": "integer"}, "all": {"type": "boolean"}, "ref": {"type": "string"}, "paths": {"type": "array"},
            "files": {"anyOf": [{"type": "string"}, {"type": "array"}]},
        }});
        let schema = schema.as_object();
        for (pair, expected) in [
            ("count=5", json!(5)),
            ("count=many", json!("many")),
            ("all=true", json!(true)),
            ("ref=5", json!("5")),
            ("ref=a=b", json!("a=b")),
            ("paths=a, b", json!(["a", "b"])),
            ("paths=[\"a,b\"]", json!(["a,b"])),
            ("files=a b", json!("a b")),
            ("files=[\"a b\"]", json!(["a b"])),
            ("unknown=1", json!("1")),
        ] {
            assert_eq!(argument(pair, schema).unwrap().1, expected, "{pair}");
        }
        assert!(argument("novalue", schema).unwrap_err().contains("key=value"));
    }
}
