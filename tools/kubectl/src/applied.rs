//! What `kubectl apply` did with each object of a manifest, read from what it printed.
//!
//! kubectl goes on after an object that fails, and prints an outcome for each that went well and an error for each that did not; the errors
//! name their objects in a dozen ways. Which objects there are is known from the manifest, so that none is missing from the answer.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use shared::Untrusted;

/// The shortest value of a Secret that is looked for in kubectl's words: shorter ones are in too many words by chance.
const TELLING: usize = 4;

/// How an error begins.
const BEGINNINGS: &[&str] = &[
    "Error from server",
    "error: ",
    "error ",
    "resource mapping not found",
    "the namespace from the provided object",
    "unable to ",
    "The ",
    "Apply failed",
];
/// From here on kubectl explains conflicts in general.
const ADVICE: &str = "Please review the fields above";

/// What a manifest holds, as far as kubectl can read it.
#[derive(Debug, Default)]
pub struct Manifest {
    objects: Vec<Named>,
    values: Vec<String>,
    /// Documents there are, at least.
    documents: usize,
}

/// An object of the manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Named {
    kind: String,
    /// As kubectl prints it: `deployment.apps/web`.
    shown: String,
    name: String,
}

/// What became of one object.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Item {
    /// The object, as kind/name.
    pub object: Untrusted,
    /// created, configured, unchanged, serverside-applied or failed.
    pub outcome: Untrusted,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Untrusted>,
    /// Whether it failed.
    #[serde(skip)]
    pub failed: bool,
}

impl Manifest {
    /// Reads the JSON documents kubectl made of a manifest, as it prints them: the braces of each alone in their lines. One that is not
    /// understood (it is nested too deep) hides no other. `given`: the manifest as the caller wrote it.
    pub fn read(json: &str, given: &str) -> Self {
        let mut manifest = Self { documents: documents(given), ..Self::default() };
        for document in json.split_inclusive("\n}\n") {
            if let Ok(value) = serde_json::from_str::<Value>(document) {
                manifest.object(&value);
            }
        }
        manifest.values.sort_by_key(|value| std::cmp::Reverse(value.len()));
        manifest
    }

    fn object(&mut self, value: &Value) {
        if let Some(items) = value.get("items").and_then(Value::as_array) {
            items.iter().for_each(|item| self.object(item));
            return;
        }
        let text = |path: &str| value.pointer(path).and_then(Value::as_str).unwrap_or_default();
        let (kind, name) = (text("/kind"), text("/metadata/name"));
        let group = text("/apiVersion").split_once('/').map(|(group, _)| format!(".{group}")).unwrap_or_default();
        let shown = format!("{}{group}/{name}", kind.to_lowercase());
        self.objects.push(Named { kind: kind.to_owned(), shown, name: name.to_owned() });
        if kind != "Secret" {
            return;
        }
        for field in ["/data", "/stringData"] {
            for value in value.pointer(field).and_then(Value::as_object).into_iter().flat_map(|data| data.values()) {
                let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                if value.len() >= TELLING {
                    // As it stands, and as it stands in JSON.
                    let quoted = Value::from(value.as_str()).to_string();
                    self.values.push(quoted.trim_matches('"').to_owned());
                    self.values.push(value);
                }
            }
        }
    }

    /// kubectl's words without patches, which repeat whole objects, and without values of Secrets.
    pub fn masked(&self, words: &str) -> String {
        let mut out = String::with_capacity(words.len());
        for line in words.lines() {
            if line.trim_start().starts_with('{') {
                out.push_str("[a patch, left out]");
            } else {
                out.push_str(line);
            }
            out.push('\n');
        }
        for value in &self.values {
            if out.contains(value.as_str()) {
                out = out.replace(value.as_str(), "[masked]");
            }
        }
        out
    }

    /// What became of each object: `printed` is kubectl's stdout, `said` its stderr, masked. `cut_short`: why kubectl was not let to its end.
    pub fn outcomes(&self, printed: &str, said: &str, cut_short: Option<&str>) -> Vec<Item> {
        let mut items: Vec<Item> = printed
            .lines()
            .filter_map(|line| line.split_once(' '))
            .filter(|(object, _)| object.contains('/'))
            .map(|(object, outcome)| Item {
                object: Untrusted::line(object),
                outcome: Untrusted::line(outcome),
                reason: None,
                failed: false,
            })
            .collect();
        let well = |object: &Named| printed.lines().any(|line| line.split(' ').next() == Some(object.shown.as_str()));
        if let Some(why) = cut_short {
            let left = self.objects.iter().filter(|object| !well(object));
            items.extend(left.map(|object| failed(&object.shown, &format!("not known: {why}"))));
            return items;
        }
        let mut left: Vec<&Named> = self.objects.iter().filter(|object| !well(object)).collect();
        let mut errors: Vec<(String, Option<String>)> = errors(said).into_iter().map(|error| (error, None)).collect();
        for (error, object) in &mut errors {
            *object = match left.iter().position(|object| is_about(error, object)) {
                Some(at) => Some(left.remove(at).shown.clone()),
                None => unmapped(error),
            };
        }
        // Some name nothing (conflicts). They come in the order of the manifest: as many as are left are those that are left.
        if errors.iter().filter(|(_, object)| object.is_none()).count() == left.len() {
            let unnamed = errors.iter_mut().filter(|(_, object)| object.is_none());
            unnamed.zip(left.drain(..)).for_each(|((_, object), left)| *object = Some(left.shown.clone()));
        }
        for (error, object) in errors {
            items.push(failed(object.as_deref().unwrap_or("the manifest"), &error));
        }
        // After an error kubectl may leave objects out without a word of them.
        items.extend(left.into_iter().map(|object| failed(&object.shown, "not applied; kubectl does not say why")));
        // Of objects it cannot decode it names none, and says what is wrong with several of them once.
        for _ in items.len()..self.documents {
            items.push(failed(
                "an object without a name",
                "not applied; what kubectl says of another holds for it, too",
            ));
        }
        items
    }
}

fn failed(object: &str, reason: &str) -> Item {
    Item {
        object: Untrusted::line(object),
        outcome: Untrusted::line("failed"),
        reason: Some(Untrusted::line(reason)),
        failed: true,
    }
}

/// How many documents `manifest` has, at least: YAML between lines of dashes, or one.
fn documents(manifest: &str) -> usize {
    let says = |line: &str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
    let mut documents = 0;
    let mut empty = true;
    for line in manifest.lines() {
        if line.starts_with("---") {
            empty = true;
        } else if empty && says(line) {
            empty = false;
            documents += 1;
        }
    }
    documents
}

fn begins(text: &str) -> bool {
    BEGINNINGS.iter().any(|beginning| text.starts_with(beginning))
}

/// A line in which several errors stand, `[one, two]`, as its errors.
fn several(line: &str) -> Vec<&str> {
    let Some(inner) = line.strip_prefix('[').filter(|inner| begins(inner)) else { return vec![line] };
    let mut inner = inner.strip_suffix(']').unwrap_or(inner);
    let mut errors = Vec::new();
    while let Some((at, _)) = inner.match_indices(", ").find(|(at, comma)| begins(&inner[at + comma.len()..])) {
        errors.push(&inner[..at]);
        inner = &inner[at + 2..];
    }
    errors.push(inner);
    errors
}

/// The errors in kubectl's words, each in one line, without its advice on conflicts.
pub fn errors(said: &str) -> Vec<String> {
    let mut errors: Vec<String> = Vec::new();
    let mut advice = false;
    let lines = said.lines().filter(|line| !line.starts_with("Warning:") && !line.trim().is_empty());
    for line in lines.flat_map(several) {
        if begins(line) {
            advice = false;
            errors.push(line.to_owned());
        } else if line.starts_with(ADVICE) {
            advice = true;
        } else if !advice {
            match errors.last_mut() {
                Some(error) => {
                    error.push(' ');
                    error.push_str(line.trim());
                }
                None => errors.push(line.to_owned()),
            }
        }
    }
    errors
}

/// Whether an error is about this object: it names it, or at least its kind and nothing else's name.
fn is_about(error: &str, object: &Named) -> bool {
    let named = [format!("\"{}\"", object.name), format!("/{};", object.name)];
    if object.name.is_empty() {
        return false;
    }
    let kind =
        error.contains(&object.kind) || error.to_lowercase().contains(&format!("{}s", object.kind.to_lowercase()));
    let version = error.contains(&format!("{} in version \"", object.kind));
    kind && named.iter().any(|name| error.contains(name.as_str())) || version
}

/// `resource mapping not found for name: "f" namespace: "" from "STDIN": no matches for kind "Foo" in version "example.org/v1"`
fn unmapped(error: &str) -> Option<String> {
    let (_, rest) = error.split_once("not found for name: \"")?;
    let (name, rest) = rest.split_once('"')?;
    let (kind, rest) = rest.split_once("for kind \"")?.1.split_once('"')?;
    let version = rest.split_once("version \"").and_then(|(_, rest)| rest.split_once('"'));
    let group = version.and_then(|(version, _)| version.split_once('/')).map(|(group, _)| format!(".{group}"));
    Some(format!("{}{}/{name}", kind.to_lowercase(), group.unwrap_or_default()))
}

/// The owners of fields that stand against a server-side apply: `conflict with "other": .data.x`.
pub fn is_conflict(said: &str) -> bool {
    said.contains("Apply failed with ") && said.contains("conflict")
}

#[cfg(test)]
mod tests {
    use super::*;

    const OBJECTS: &str = r#"{
"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}
}
{
"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "B_bad"}
}
{
"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"p": "hunter\"2\nx"}
}
{
"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s2"}, "data": {"p": "!!notbase64"}
}
{
"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}
}
"#;

    const SAID: &str = r#"Warning: something
resource mapping not found for name: "f" namespace: "" from "STDIN": no matches for kind "Foo" in version "example.org/v1"
ensure CRDs are installed first
Error from server (Invalid): error when creating "STDIN": ConfigMap "B_bad" is invalid: metadata.name: Invalid value: "B_bad"
Error from server (Invalid): error when applying patch:
{"stringData":{"p":"hunter\"2\nx"}}
to:
Resource: "/v1, Resource=secrets", GroupVersionKind: "/v1, Kind=Secret"
Name: "s", Namespace: "n"
for: "STDIN": error when patching "STDIN": Secret "s" is invalid: data: Forbidden: hunter\"2\nx
Error from server (BadRequest): error when creating "STDIN": Secret in version "v1" cannot be handled as a Secret: illegal base64 data !!notbase64
"#;

    fn shown(items: &[Item]) -> Vec<String> {
        let text = |item: &Item| serde_json::to_value(item).unwrap();
        items
            .iter()
            .map(text)
            .map(|item| format!("{} {}", item["object"].as_str().unwrap(), item["outcome"].as_str().unwrap()))
            .collect()
    }

    #[test]
    fn every_object_has_its_outcome() {
        let manifest = Manifest::read(OBJECTS, "");
        let items = manifest.outcomes("configmap/a configured (server dry run)\n", &manifest.masked(SAID), None);
        assert_eq!(
            shown(&items),
            [
                "configmap/a configured (server dry run)",
                "foo.example.org/f failed",
                "configmap/B_bad failed",
                "secret/s failed",
                "secret/s2 failed",
                "deployment.apps/web failed",
            ]
        );
    }

    #[test]
    fn an_error_without_a_name_is_that_of_the_object_left() {
        let manifest = Manifest::read(
            "{\n\"kind\": \"ConfigMap\", \"metadata\": {\"name\": \"a\"}\n}\n{\n\"kind\": \"Secret\", \"metadata\": {\"name\": \"s\"}\n}\n",
            "",
        );
        let said = "error: Apply failed with 1 conflict: conflict with \"other\": .stringData.p\n";
        let items = manifest.outcomes("configmap/a serverside-applied\n", said, None);
        assert_eq!(shown(&items), ["configmap/a serverside-applied", "secret/s failed"]);
    }

    #[test]
    fn objects_that_cannot_be_decoded_are_counted() {
        let given = "# all\n---\na: 1\n---\n# none\n--- \nb: 2\n---\nc: 3\n---\nd: 4\n";
        let deep = format!("{{\n{}1{}\n}}\n", "\"a\":{".repeat(300), "}".repeat(300));
        let manifest = Manifest::read(&(deep + OBJECTS.split_inclusive("\n}\n").next().unwrap()), given);
        let said = "[unable to decode \"STDIN\": json: cannot unmarshal, resource mapping not found for name: \"f\" namespace: \"\" from \"STDIN\": no matches for kind \"Foo\" in version \"nosuch.io/v1\"\nensure CRDs are installed first]\n";
        let items = manifest.outcomes("configmap/a created\n", said, None);
        assert_eq!(
            shown(&items),
            ["configmap/a created", "the manifest failed", "foo.nosuch.io/f failed", "an object without a name failed"]
        );
    }

    #[test]
    fn what_was_not_said_in_time_is_not_known() {
        let manifest = Manifest::read(OBJECTS, "");
        let items = manifest.outcomes("configmap/a created\n", "", Some("it took too long"));
        assert_eq!((items.len(), items.iter().filter(|item| item.failed).count()), (5, 4));
        assert_eq!(serde_json::to_value(&items[1]).unwrap()["reason"], "not known: it took too long");
    }

    #[test]
    fn neither_patches_nor_values_of_secrets_are_repeated() {
        let masked = Manifest::read(OBJECTS, "").masked(SAID);
        assert!(!masked.contains("hunter") && !masked.contains("notbase64"), "{masked}");
        assert!(masked.contains("[a patch, left out]") && masked.contains("Forbidden: [masked]"), "{masked}");
    }

    #[test]
    fn a_value_within_another_leaves_nothing_of_it() {
        let manifest = Manifest::read(r#"{"kind": "Secret", "stringData": {"a": "hunter", "b": "hunter-two"}}"#, "");
        assert_eq!(manifest.masked("is hunter-two"), "is [masked]\n");
    }

    #[test]
    fn conflicts_keep_the_owner_and_lose_the_advice() {
        let said = "error: Apply failed with 1 conflict: conflict with \"other\": .data.x\nPlease review the fields above--\n* If\n";
        assert!(is_conflict(said));
        assert_eq!(errors(said), ["error: Apply failed with 1 conflict: conflict with \"other\": .data.x"]);
    }
}
