//! Where a field is in an object, readable: `spec.template.spec.containers[name=web].image`.

use std::fmt::Write as _;

use serde_json::{Map, Value};

/// The most bytes of one step that are shown, and of a whole path.
const STEP_MAX: usize = 100;
const PATH_MAX: usize = 400;

/// One step of a path.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// A field.
    Field(String),
    /// An item of a list, by what it is known by: its name, its port and protocol.
    Key(Map<String, Value>),
    /// An item of a set: itself.
    Value(Value),
    /// An item of a list whose order matters.
    Index(usize),
}

impl Step {
    /// As `managedFields` spells it.
    pub fn managed(&self) -> String {
        match self {
            Self::Field(name) => format!("f:{name}"),
            Self::Key(key) => format!("k:{}", Value::Object(key.clone())),
            Self::Value(value) => format!("v:{value}"),
            Self::Index(at) => format!("i:{at}"),
        }
    }

    /// The step that `managedFields` spells so.
    pub fn parse(managed: &str) -> Option<Self> {
        let (how, what) = managed.split_once(':')?;
        match how {
            "f" => Some(Self::Field(what.to_owned())),
            "k" => serde_json::from_str(what).ok().map(Self::Key),
            "v" => serde_json::from_str(what).ok().map(Self::Value),
            "i" => what.parse().ok().map(Self::Index),
            _ => None,
        }
    }

    /// What an item is called among the others of its list; nothing where it is known by its place.
    pub fn called(&self) -> Option<String> {
        match self {
            Self::Key(key) => Some(parts(key).map(|(_, value)| bare(value)).collect::<Vec<_>>().join("/")),
            Self::Value(value) => Some(bare(value)),
            Self::Field(_) | Self::Index(_) => None,
        }
    }

    /// What is there, one step below `value`.
    pub fn below<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        match self {
            Self::Field(name) => value.get(name),
            Self::Key(key) => {
                let is = |item: &&Value| key.iter().all(|(name, value)| field(item, name).as_ref() == Some(value));
                value.as_array()?.iter().find(is)
            }
            Self::Value(wanted) => value.as_array()?.iter().find(|item| *item == wanted),
            Self::Index(at) => value.get(at),
        }
    }
}

/// A field that is part of a key. A port without a protocol is one of TCP.
pub fn field(item: &Value, name: &str) -> Option<Value> {
    match item.get(name) {
        None | Some(Value::Null) if name == "protocol" => Some("TCP".into()),
        found => found.cloned(),
    }
}

/// A path as a person reads it.
pub fn shown(path: &[Step]) -> String {
    let mut out = String::new();
    for (at, step) in path.iter().enumerate() {
        if out.len() > PATH_MAX {
            // Writing to a String does not fail.
            let _ = write!(out, "…(+{} steps)", path.len() - at);
            break;
        }
        match step {
            Step::Field(name) if is_plain(name) => {
                if at > 0 {
                    out.push('.');
                }
                out.push_str(&cut(name));
            }
            Step::Field(name) => {
                let _ = write!(out, "[{}]", Value::from(cut(name)));
            }
            Step::Key(key) => {
                let parts: Vec<String> =
                    parts(key).map(|(name, value)| format!("{}={}", cut(name), bare(value))).collect();
                let _ = write!(out, "[{}]", parts.join(","));
            }
            Step::Value(value) => {
                let _ = write!(out, "[{}]", Value::from(cut(&bare(value))));
            }
            Step::Index(at) => {
                let _ = write!(out, "[{at}]");
            }
        }
    }
    out
}

/// The parts of a key that are shown: that a port is one of TCP goes without saying.
fn parts(key: &Map<String, Value>) -> impl Iterator<Item = (&String, &Value)> {
    key.iter().filter(|(name, value)| key.len() == 1 || *name != "protocol" || *value != "TCP")
}

/// Whether a name can stand between dots.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_$".contains(&byte))
}

/// A value without quotation marks, where nobody can miss them.
fn bare(value: &Value) -> String {
    match value {
        Value::String(text) if !text.is_empty() && !text.contains(['[', ']', ',', '=', '"', '\n']) => cut(text),
        value => cut(&value.to_string()),
    }
}

fn cut(text: &str) -> String {
    let kept = text.get(..text.floor_char_boundary(STEP_MAX)).unwrap_or_default();
    if kept.len() == text.len() { text.to_owned() } else { format!("{kept}…(+{} bytes)", text.len() - kept.len()) }
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::json;

    use super::*;

    /// A path as `managedFields` spells its steps, with spaces between.
    pub fn path(managed: &str) -> Vec<Step> {
        managed.split(' ').map(|step| Step::parse(step).unwrap()).collect()
    }

    #[test]
    fn a_path_can_be_read() {
        for (managed, expected) in [
            (r#"f:spec f:containers k:{"name":"web"} f:image"#, "spec.containers[name=web].image"),
            (r#"f:ports k:{"containerPort":80,"protocol":"TCP"} f:name"#, "ports[containerPort=80].name"),
            (r#"f:ports k:{"port":53,"protocol":"UDP"}"#, "ports[port=53,protocol=UDP]"),
            (r#"f:metadata f:annotations f:example.com/x"#, "metadata.annotations[\"example.com/x\"]"),
            (r#"f:metadata f:finalizers v:"a/b""#, "metadata.finalizers[\"a/b\"]"),
            ("f:args i:3", "args[3]"),
            (r#"f:x k:{"name":"a]=b"}"#, "x[name=\"a]=b\"]"),
        ] {
            let path = path(managed);
            assert_eq!(shown(&path), expected);
            let again: Vec<String> = path.iter().map(Step::managed).collect();
            assert_eq!(again.join(" "), managed);
        }
        let long = vec![Step::Field("ä".repeat(10_000)); 1_000];
        assert!(shown(&long).len() < 1_000, "{}", shown(&long));
    }

    #[test]
    fn a_path_leads_to_a_value() {
        let object =
            json!({"ports": [{"port": 80}, {"port": 53, "protocol": "UDP", "name": "dns"}], "set": ["a", "b"]});
        let at = |managed: &str| path(managed).iter().try_fold(&object, |value, step| step.below(value));
        assert_eq!(at(r#"f:ports k:{"port":53,"protocol":"UDP"} f:name"#), Some(&json!("dns")));
        assert_eq!(at(r#"f:ports k:{"port":80,"protocol":"TCP"} f:port"#), Some(&json!(80)));
        assert_eq!(at(r#"f:set v:"b""#), Some(&json!("b")));
        assert_eq!(at("f:set i:0"), Some(&json!("a")));
        for none in [r#"f:ports k:{"port":53,"protocol":"TCP"}"#, "f:nope f:x", r#"f:set v:"c""#, "f:set i:9", "i:0"] {
            assert_eq!(at(none), None, "{none}");
        }
        for odd in ["", "f", "x:y", "k:[1]", "k:{", "v:", "i:-1", "."] {
            assert_eq!(Step::parse(odd), None, "{odd}");
        }
    }
}
