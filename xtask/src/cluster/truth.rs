//! What holds once a scenario has played out: the format of `truth.yaml`.
//!
//! A list, an item a line, each a JSON object (JSON is YAML); lines that start with `#` are for the reader. Two forms:
//!
//! - `{"of": "pod/x", "path": "status.containerStatuses[0].state.waiting.reason", "is": "CrashLoopBackOff"}`: a field of an object. A path has names,
//!   positions from zero (`[0]`) and members chosen by a field (`[type=Ready]`); what it does not find is the empty text. An object that has no
//!   namespace is written with a leading slash: `/node/x`.
//! - `{"run": ["logs", "x", "--previous"], "has": "fatal"}`: what kubectl prints, stdout and stderr, in the scenario's namespace. It is run
//!   again until everything holds, so what it changes it has to change only once.
//!
//! Either says what is expected with one of `is` (the text, exactly), `has` (a part of it), `not` (anything but this text). `{{namespace}}` is the
//! scenario's namespace. Nothing else is taken.

use serde_json::Value;

use crate::run::Result;

/// One thing that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What is looked at.
    pub subject: Subject,
    /// What is seen there.
    pub expected: Expected,
}

/// What is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A field of an object: its kind and name, whether it is in the namespace, and the path of the field.
    Field { object: String, namespaced: bool, path: String },
    /// What kubectl prints with these arguments.
    Printed(Vec<String>),
}

/// What is seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// This.
    Is(String),
    /// Something with this in it.
    Has(String),
    /// Anything else.
    Not(String),
}

impl Expected {
    /// Whether `seen` is what was expected.
    pub fn met_by(&self, seen: &str) -> bool {
        match self {
            Self::Is(text) => seen == text,
            Self::Has(text) => seen.contains(text.as_str()),
            Self::Not(text) => seen != text,
        }
    }
}

/// Reads a `truth.yaml`.
pub fn parse(text: &str, namespace: &str) -> Result<Vec<Check>> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'));
    let checks = lines.map(|(number, line)| {
        let line = line.replace("{{namespace}}", namespace);
        check(&line).map_err(|error| format!("line {}: {error}", number + 1))
    });
    let checks = checks.collect::<Result<Vec<_>>>()?;
    if checks.is_empty() { Err("nothing is true of it".to_owned()) } else { Ok(checks) }
}

fn check(line: &str) -> Result<Check> {
    let item = line.strip_prefix("- ").ok_or("it does not start with \"- \"")?;
    let item: Value = serde_json::from_str(item).map_err(|error| error.to_string())?;
    let mut item = item.as_object().ok_or("it is no object")?.clone();
    let mut text = |key: &str| match item.remove(key) {
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => Err(format!("{key} is {other}, not a text")),
        None => Ok(None),
    };
    let field = (text("of")?, text("path")?);
    let expected = match (text("is")?, text("has")?, text("not")?) {
        (Some(text), None, None) => Expected::Is(text),
        (None, Some(text), None) => Expected::Has(text),
        (None, None, Some(text)) => Expected::Not(text),
        _ => return Err("exactly one of is, has, not says what is expected".to_owned()),
    };
    let subject = match (field, item.remove("run")) {
        ((Some(object), Some(path)), None) => {
            let cluster_wide = object.strip_prefix('/').map(str::to_owned);
            Subject::Field { namespaced: cluster_wide.is_none(), object: cluster_wide.unwrap_or(object), path }
        }
        ((None, None), Some(Value::Array(words))) => {
            let words = words.iter().map(|word| word.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>();
            Subject::Printed(words.ok_or("run is a list of texts")?)
        }
        _ => return Err("it has of and path, or run (a list of texts)".to_owned()),
    };
    match item.keys().next() {
        Some(other) => Err(format!("{other:?} is not known")),
        None => Ok(Check { subject, expected }),
    }
}

/// What `path` leads to in `object`, as text.
pub fn field(object: &Value, path: &str) -> Result<String> {
    let mut at = object;
    // A dot between brackets is part of what is compared.
    let mut within = false;
    let steps = path.split(|c| {
        within = c == '[' || within && c != ']';
        c == '.' && !within
    });
    for step in steps {
        let (name, mut rest) = step.split_at(step.find('[').unwrap_or(step.len()));
        at = &at[name];
        while let Some((chosen, behind)) = rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            at = match (chosen.split_once('='), chosen.parse::<usize>()) {
                (Some((key, value)), _) => at
                    .as_array()
                    .and_then(|members| members.iter().find(|member| member[key] == *value))
                    .unwrap_or(&Value::Null),
                (None, Ok(position)) => &at[position],
                (None, Err(_)) => {
                    return Err(format!("[{chosen}] in the path {path:?} is neither a position nor key=value"));
                }
            };
            rest = behind;
        }
        if !rest.is_empty() {
            return Err(format!("{rest:?} in the path {path:?} does not end with ]"));
        }
    }
    Ok(match at {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn both_forms_are_read() {
        let text = r#"# a comment

- {"of": "pod/x", "path": "status.phase", "is": "Running"}
- {"of": "/node/{{namespace}}-1", "path": "spec.taints[0].key", "not": ""}
- {"run": ["logs", "x"], "has": "fatal"}
"#;
        let checks = parse(text, "here").unwrap();
        let field = |object: &str, namespaced, path: &str| Subject::Field {
            object: object.to_owned(),
            namespaced,
            path: path.to_owned(),
        };
        assert_eq!(checks[0].subject, field("pod/x", true, "status.phase"));
        assert_eq!(checks[1].subject, field("node/here-1", false, "spec.taints[0].key"));
        assert_eq!(checks[2].subject, Subject::Printed(vec!["logs".to_owned(), "x".to_owned()]));
        let met = |number: usize, seen: &str| checks[number].expected.met_by(seen);
        assert!(met(0, "Running") && !met(0, "Running too"));
        assert!(met(1, "some") && !met(1, ""));
        assert!(met(2, "a fatal end") && !met(2, "an end"));
    }

    #[test]
    fn what_is_not_understood_is_refused_with_its_line() {
        for (text, why) in [
            ("", "nothing is true"),
            ("# x\nof: pod/x", "line 2: it does not start"),
            (r#"- {"of": "pod/x", "path": "a"}"#, "exactly one of"),
            (r#"- {"of": "pod/x", "path": "a", "is": "1", "has": "1"}"#, "exactly one of"),
            (r#"- {"of": "pod/x", "is": "1"}"#, "of and path, or run"),
            (r#"- {"run": "logs", "is": "1"}"#, "of and path, or run"),
            (r#"- {"run": ["logs"], "is": 1}"#, "is is 1, not a text"),
            (r#"- {"run": ["logs"], "is": "1", "within": "5s"}"#, "\"within\" is not known"),
        ] {
            let refused = parse(text, "x").unwrap_err();
            assert!(refused.contains(why), "{text}: {refused}");
        }
    }

    #[test]
    fn paths_lead_to_text() {
        let object = json!({"a": [{"b": "x"}, {"type": "Ready", "status": true}, {"type": "x.example/y", "status": "dotted"}], "n": 3});
        for (path, found) in [
            ("a[0].b", "x"),
            ("a[type=Ready].status", "true"),
            ("a[type=Other].status", ""),
            ("a[7].b", ""),
            ("a[type=x.example/y].status", "dotted"),
            ("n", "3"),
            ("n.deeper", ""),
        ] {
            assert_eq!(field(&object, path).as_deref(), Ok(found), "{path}");
        }
        assert!(field(&object, "a[x]").unwrap_err().contains("neither a position"));
        assert!(field(&object, "a[0").unwrap_err().contains("does not end with ]"));
    }
}
