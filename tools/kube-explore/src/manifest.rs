//! What a caller wants to be there: several documents of YAML or JSON in one text.
//!
//! Words are read as kubectl reads them (sigs.k8s.io/yaml, which is YAML 1.1): plain `yes`, `on`, `y` and `no`, `off`, `n` are booleans, in keys
//! as well, and `0777` is octal. What means something else here than there would make of a manifest another object. A float without a
//! fraction is an integer, as in Go's JSON: the API server takes no `3.0` for a number of replicas.
//!
//! A text is read as a whole before anything is done with a part of it: one that is wrong in its last document changes nothing.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Value};
use serde_saphyr::{Error, Options};
use shared::{Code, Result, ToolError, Untrusted};

/// The longest text, in bytes.
const TEXT_MAX: usize = 3 << 20;
/// The most objects of a text.
const OBJECTS_MAX: usize = 500;
/// The most that all documents may come to once their aliases are followed.
const WEIGHT_MAX: usize = 4 * TEXT_MAX;
/// The deepest nesting: schemas in CustomResourceDefinitions are the deepest there are, and have half of it.
const DEPTH_MAX: usize = 100;
/// The most nodes of a document.
const NODES_MAX: usize = 500_000;
/// The most nodes that its aliases may come to.
const ALIASED_MAX: usize = 100_000;
/// The most bytes of the parser's words.
const SAID_MAX: usize = 300;
/// Floats beyond this are not all integers.
const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;

/// An object that is wanted.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// Where it stands.
    pub position: Position,
    /// `apps/v1`.
    pub api_version: String,
    /// `Deployment`.
    pub kind: String,
    /// Its name; never empty.
    pub name: String,
    /// Its namespace, where it says one.
    pub namespace: Option<String>,
    /// The whole of it.
    pub value: Value,
}

/// Where an object stands in the text: documents count from 1, empty ones do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Which document.
    pub document: usize,
    /// Which item of it, where it is a list.
    pub item: Option<usize>,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "document {}", self.document)?;
        self.item.map_or(Ok(()), |item| write!(f, ", item {item}"))
    }
}

impl Document {
    /// `deployment.apps/web`, as kubectl prints it.
    pub fn shown(&self) -> String {
        let group = self.api_version.rsplit_once('/').map(|(group, _)| format!(".{group}")).unwrap_or_default();
        format!("{}{group}/{}", self.kind.to_lowercase(), self.name)
    }
}

/// The objects of `text`, in its order.
///
/// # Errors
/// Anything that is no object with an `apiVersion`, a `kind` and a name; each error names its document.
pub fn read(text: &str) -> Result<Vec<Document>> {
    if text.len() > TEXT_MAX {
        return Err(ToolError::new(Code::TooLarge, format!("the text is longer than {TEXT_MAX} bytes"))
            .hint("pass it in parts"));
    }
    let mut read = Reading::default();
    match json(text) {
        Some(values) => values.into_iter().try_for_each(|value| read.document(value))?,
        None => yaml(text, &mut read)?,
    }
    if read.documents.is_empty() {
        return Err(ToolError::invalid("the text holds no object")
            .hint("pass the YAML or JSON itself, not the name of a file or an address"));
    }
    Ok(read.documents)
}

/// The values of JSON, one after the other; nothing if it is anything else.
fn json(text: &str) -> Option<Vec<Value>> {
    if !text.trim_start().starts_with('{') {
        return None;
    }
    let values = serde_json::Deserializer::from_str(text).into_iter::<Node>();
    values.take(OBJECTS_MAX + 1).map(|value| value.ok().map(|node| node.0)).collect()
}

fn yaml(text: &str, read: &mut Reading) -> Result<()> {
    let mut bytes = text.as_bytes();
    let mut values = serde_saphyr::read_with_options::<_, Node>(&mut bytes, options());
    values.try_for_each(|value| match value {
        Ok(Node(value)) => read.document(value),
        Err(error) => Err(fault(read.document + 1, &error)),
    })
}

fn options() -> Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: DEPTH_MAX,
            flow_nesting_limit: DEPTH_MAX,
            max_nodes: NODES_MAX,
            max_total_scalar_bytes: WEIGHT_MAX,
            max_recorded_anchor_events: ALIASED_MAX,
        },
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: ALIASED_MAX },
        legacy_octal_numbers: true,
        with_snippet: false,
    }
}

/// What is wrong with a document that cannot be read.
fn fault(document: usize, error: &Error) -> ToolError {
    let error = error.without_snippet();
    let place = match error.location().map(|location| location.line()) {
        Some(line) if line > 0 => format!("document {document}, line {line}"),
        _ => format!("document {document}"),
    };
    match error {
        Error::DuplicateMappingKey { key: Some(key), .. } => {
            ToolError::invalid(format!("{place}: the key {} stands here twice", Untrusted::line(key).quoted()))
                .hint("leave one of them out")
        }
        Error::Budget { .. } | Error::AliasReplayLimitExceeded { .. } | Error::AliasReplayStackDepthExceeded { .. } => {
            ToolError::new(Code::TooLarge, format!("{place}: more, or nested deeper, than this server reads"))
                .hint("pass it in parts, with its aliases written out")
                .with_said(said(error))
        }
        _ => ToolError::invalid(format!("{place}: it cannot be read")).with_said(said(error)),
    }
}

fn said(error: &Error) -> String {
    let said = error.to_string();
    said.get(..said.floor_char_boundary(SAID_MAX)).unwrap_or_default().to_owned()
}

/// Documents while they are read.
#[derive(Default)]
struct Reading {
    documents: Vec<Document>,
    /// How many documents there were so far.
    document: usize,
    weight: usize,
}

impl Reading {
    fn document(&mut self, value: Value) -> Result<()> {
        if value.is_null() {
            return Ok(());
        }
        self.document += 1;
        self.weight = self.weight.saturating_add(weight(&value));
        if self.weight > WEIGHT_MAX {
            let message = format!("document {}: with its aliases it is more than this server reads", self.document);
            return Err(ToolError::new(Code::TooLarge, message).hint("pass it in parts"));
        }
        self.object(value, Position { document: self.document, item: None })
    }

    fn object(&mut self, value: Value, position: Position) -> Result<()> {
        let wrong = |what: &str| ToolError::invalid(format!("{position}: {what}"));
        let Value::Object(mut object) = value else {
            return Err(wrong("it is no object").hint("an object has apiVersion, kind and metadata"));
        };
        let text = |object: &Map<String, Value>, field: &str| match object.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone()).filter(|text| !text.is_empty())),
            Some(_) => Err(wrong(&format!("{field} is no text")).hint("put it between quotes")),
        };
        let missing = |field: &str| wrong(&format!("{field} is missing"));
        let api_version = text(&object, "apiVersion")?.ok_or_else(|| missing("apiVersion"))?;
        let kind = text(&object, "kind")?.ok_or_else(|| missing("kind"))?;
        if let (Some(of), Some(Value::Array(items))) = (kind.strip_suffix("List"), object.get_mut("items")) {
            let mut count = position.item.unwrap_or_default();
            for mut item in std::mem::take(items) {
                count += 1;
                if let Value::Object(item) = &mut item {
                    // The items of a list of one kind need not say which.
                    for (field, value) in [("apiVersion", api_version.as_str()), ("kind", of)] {
                        if !of.is_empty() && !item.contains_key(field) {
                            item.insert(field.to_owned(), value.into());
                        }
                    }
                }
                self.object(item, Position { item: Some(count), ..position })?;
            }
            return Ok(());
        }
        let none = Map::new();
        let metadata = match object.get("metadata") {
            None | Some(Value::Null) => &none,
            Some(Value::Object(metadata)) => metadata,
            Some(_) => return Err(wrong("metadata is no object")),
        };
        let Some(name) = text(metadata, "name")? else {
            return Err(match metadata.contains_key("generateName") {
                true => wrong("generateName stands where a name has to: applying means the object of that name")
                    .hint("give it metadata.name"),
                false => missing("metadata.name"),
            });
        };
        let namespace = text(metadata, "namespace")?;
        if self.documents.len() == OBJECTS_MAX {
            return Err(ToolError::new(Code::TooLarge, format!("the text has more than {OBJECTS_MAX} objects"))
                .hint("pass it in parts"));
        }
        self.documents.push(Document { position, api_version, kind, name, namespace, value: Value::Object(object) });
        Ok(())
    }
}

/// What a value takes up, about.
fn weight(value: &Value) -> usize {
    const NODE: usize = 32;
    match value {
        Value::Object(object) => object.iter().map(|(key, value)| NODE + key.len() + weight(value)).sum(),
        Value::Array(items) => items.iter().map(|item| NODE + weight(item)).sum(),
        Value::String(text) => text.len(),
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    }
}

/// A value whose keys are all different.
struct Node(Value);

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Any).map(Node)
    }
}

/// A key, as text: `on: x` has the key `true`.
struct Key(String);

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match deserializer.deserialize_any(Any)? {
            Value::String(key) => Ok(Self(key)),
            Value::Bool(key) => Ok(Self(key.to_string())),
            Value::Number(key) => Ok(Self(key.to_string())),
            Value::Null | Value::Array(_) | Value::Object(_) => Err(de::Error::custom("a key is a text")),
        }
    }
}

struct Any;

impl<'de> Visitor<'de> for Any {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        if value.fract() == 0.0 && value.abs() < WHOLE_MAX {
            return Ok((value as i64).into());
        }
        serde_json::Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("JSON has no such number"))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_string<E: de::Error>(self, text: String) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(Node(item)) = seq.next_element()? {
            items.push(item);
        }
        Ok(items.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(Key(key)) = map.next_key()? {
            if object.contains_key(&key) {
                return Err(de::Error::custom(format_args!("the key {key:?} stands here twice")));
            }
            let Node(value) = map.next_value()?;
            object.insert(key, value);
        }
        Ok(object.into())
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use serde_json::json;

    use super::*;

    const MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: NAME}\n";

    fn map(name: &str, rest: &str) -> String {
        MAP.replace("NAME", name) + rest
    }

    fn wrong(text: &str) -> String {
        let error = read(text).unwrap_err();
        format!("{}: {} [{}]", error.code(), error.message(), error.said().unwrap_or_default())
    }

    #[test]
    fn documents_are_read_in_their_order() {
        let text = format!(
            "# head\n---\n\n---\n{}---\n# only words\n---\n{}...\n---\nnull\n--- # last\n{}",
            map("a", "data: {x: |\n  one\n  --- two\n}\n")
                .replace("{x: |\n  one\n  --- two\n}", "\n  x: |\n    ---\n    two"),
            "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: b\n  namespace: shop\n",
            map("c", ""),
        );
        let documents = read(&text).unwrap();
        let shown: Vec<String> =
            documents.iter().map(|one| format!("{} {} {:?}", one.position, one.shown(), one.namespace)).collect();
        assert_eq!(
            shown,
            [
                "document 1 configmap/a None",
                "document 2 deployment.apps/b Some(\"shop\")",
                "document 3 configmap/c None"
            ]
        );
        assert_eq!(documents[0].value["data"]["x"], "---\ntwo\n");
    }

    #[test]
    fn words_mean_what_they_mean_to_kubectl() {
        // What sigs.k8s.io/yaml v1.6.0 makes of them.
        for (plain, expected) in [
            ("yes", json!(true)),
            ("On", json!(true)),
            ("y", json!(true)),
            ("NO", json!(false)),
            ("off", json!(false)),
            ("n", json!(false)),
            ("\"yes\"", json!("yes")),
            ("'on'", json!("on")),
            ("!!str yes", json!("yes")),
            ("~", json!(null)),
            ("", json!(null)),
            ("0777", json!(511)),
            ("0o17", json!(15)),
            ("0x1F", json!(31)),
            ("1_000", json!(1000)),
            ("1e3", json!(1000)),
            ("3.0", json!(3)),
            ("1.5", json!(1.5)),
            ("-7", json!(-7)),
            ("18446744073709551615", json!(u64::MAX)),
            ("12:30:45", json!("12:30:45")),
            ("2001-01-01", json!("2001-01-01")),
            ("1.2.3", json!("1.2.3")),
            ("100m", json!("100m")),
            ("yesterday", json!("yesterday")),
        ] {
            let documents = read(&map("a", &format!("data:\n  x: {plain}\n"))).unwrap();
            assert_eq!(documents[0].value["data"]["x"], expected, "{plain}");
        }
        let documents = read(&map("a", "data: {on: 1, 5: 2, 1.5: 3, \"no\": 4}\n")).unwrap();
        assert_eq!(documents[0].value["data"], json!({"true": 1, "5": 2, "1.5": 3, "no": 4}));
    }

    #[test]
    fn json_is_read_too_one_after_the_other() {
        let one = |name: &str| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}}).to_string();
        let names = |text: &str| -> Vec<String> { read(text).unwrap().into_iter().map(|one| one.name).collect() };
        assert_eq!(names(&format!("{}\n{}", one("a"), one("b"))), ["a", "b"]);
        assert_eq!(names(&format!("{}\n---\n{}", one("a"), one("b"))), ["a", "b"]);
        assert_eq!(names("{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}"), ["a"]);
        let twice = r#"{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "name": "b"}}"#;
        assert!(wrong(twice).contains("document 1, line 1: the key `name` stands here twice"), "{}", wrong(twice));
    }

    #[test]
    fn lists_are_their_items() {
        let text = "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Service, metadata: {name: s}}\n- apiVersion: v1\n  kind: ConfigMapList\n  items: [{metadata: {name: c}}]\n---\n"
            .to_owned()
            + &map("d", "");
        let shown: Vec<String> =
            read(&text).unwrap().iter().map(|one| format!("{}: {}", one.position, one.shown())).collect();
        assert_eq!(
            shown,
            ["document 1, item 1: service/s", "document 1, item 3: configmap/c", "document 2: configmap/d"]
        );
    }

    #[test]
    fn anchors_are_followed_and_merged() {
        let text =
            map("a", "data:\n  base: &base {a: \"1\", b: \"2\"}\n  more: {<<: *base, b: \"3\"}\n  same: *base\n");
        let data = &read(&text).unwrap()[0].value["data"];
        assert_eq!(data["more"], json!({"a": "1", "b": "3"}));
        assert_eq!(data["same"], data["base"]);
    }

    #[test]
    fn an_error_names_its_document_and_line() {
        let good = map("a", "");
        for (text, expected) in [
            (
                format!("{good}---\n{}", map("b", "data:\n  x: \"1\"\n  x: \"2\"\n")),
                "invalid_argument: document 2, line 10: the key `x` stands here twice",
            ),
            (format!("{good}---\n{}", map("b", "data: {1: a, \"1\": b}\n")), "invalid_argument: document 2"),
            (format!("{good}---\n{}", map("b", "data: [1\n")), "invalid_argument: document 2, line"),
            (format!("{good}---\n{good} x: {{\n"), "invalid_argument: document 2, line"),
            (map("b", "data: *nowhere\n"), "invalid_argument: document 1, line 4"),
            (map("b", "data: {x: .inf}\n"), "invalid_argument: document 1, line 4"),
            (format!("{good}---\njust words\n"), "invalid_argument: document 2: it is no object"),
            (format!("{good}---\n- a\n"), "invalid_argument: document 2: it is no object"),
            ("kind: Pod\nmetadata: {name: x}\n".into(), "invalid_argument: document 1: apiVersion is missing"),
            ("apiVersion: v1\nmetadata: {name: x}\n".into(), "invalid_argument: document 1: kind is missing"),
            ("apiVersion: v1\nkind: Pod\n".into(), "invalid_argument: document 1: metadata.name is missing"),
            ("apiVersion: v1\nkind: Pod\nmetadata: x\n".into(), "invalid_argument: document 1: metadata is no object"),
            (
                "apiVersion: v1\nkind: Pod\nmetadata: {generateName: x-}\n".into(),
                "invalid_argument: document 1: generateName stands where",
            ),
            (
                "apiVersion: v1\nkind: Pod\nmetadata: {name: 5}\n".into(),
                "invalid_argument: document 1: name is no text",
            ),
            (
                "apiVersion: v1\nkind: Pod\nmetadata: {name: x, namespace: on}\n".into(),
                "invalid_argument: document 1: namespace is no text",
            ),
            (
                format!(
                    "apiVersion: v1\nkind: List\nitems: [{}, 5]\n",
                    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}})
                ),
                "invalid_argument: document 1, item 2: it is no object",
            ),
            ("/etc/passwd".into(), "invalid_argument: document 1: it is no object"),
            ("\n---\n# nothing\n".into(), "invalid_argument: the text holds no object"),
            (String::new(), "invalid_argument: the text holds no object"),
            ("x".repeat(TEXT_MAX + 1), "too_large: the text is longer"),
            (good.clone() + "\u{0}", "invalid_argument: document 1"),
        ] {
            let wrong = wrong(&text);
            assert!(wrong.starts_with(expected), "{wrong}\n{}", text.get(..200).unwrap_or(&text));
        }
    }

    #[test]
    fn bombs_are_refused_soon_and_in_little_memory() {
        let mut laughs = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for n in 1..12 {
            laughs += &format!("a{n}: &a{n} [{}]\n", vec![format!("*a{}", n - 1); 10].join(", "));
        }
        let long = format!("data:\n  l: &l {}\n  m: [{}]\n", "x".repeat(100_000), vec!["*l"; 5_000].join(", "));
        let one = map("a", &format!("data:\n  l: &l {}\n  m: [{}]\n", "x".repeat(5_000), vec!["*l"; 100].join(", ")));
        for bomb in [
            laughs.clone(),
            map("a", &format!("data:\n  {}", laughs.replace('\n', "\n  "))),
            map("a", &long),
            // Each of them is small.
            vec![one; 100].join("---\n"),
            map("a", &format!("data: {}{}", "[".repeat(200), "]".repeat(200))),
            map("a", &format!("data: {}1", "{a: ".repeat(100_000))),
            map(
                "a",
                &format!(
                    "data:\n{}",
                    (0..3_000)
                        .map(|n| " ".repeat(n + 1) + "a:\n")
                        .collect::<String>()
                        .get(..2_000_000)
                        .unwrap_or_default()
                ),
            ),
            map("a", &format!("data: [{}]", "[],".repeat(900_000))),
            vec![map("a", ""); OBJECTS_MAX + 1].join("---\n"),
            "{\"a\":".repeat(500_000),
            "---\n- ".repeat(200_000),
        ] {
            let began = Instant::now();
            assert!(read(&bomb).is_err(), "{}", bomb.get(..200).unwrap_or(&bomb));
            assert!(began.elapsed() < Duration::from_secs(10), "{}", bomb.get(..200).unwrap_or(&bomb));
        }
    }

    #[test]
    fn a_large_document_is_read() {
        let text = map("a", "data:\n") + &(0..50_000).map(|n| format!("  k{n}: \"{n}\"\n")).collect::<String>();
        assert_eq!(read(&text).unwrap()[0].value["data"].as_object().unwrap().len(), 50_000);
    }
}
