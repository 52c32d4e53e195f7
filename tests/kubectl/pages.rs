//! Pages of a list that others change meanwhile.

use harness::{Client, cluster::Cluster};
use serde_json::{Value, json};

use crate::{admin, err, framed, ok};

/// The cursor an answer gives.
fn cursor(text: &str) -> Option<String> {
    text.split_once("next: cursor=").map(|(_, rest)| rest.split(']').next().unwrap().to_owned())
}

/// The names of this test's objects in an answer, whatever its form.
fn names(text: &str) -> Vec<String> {
    let body = framed(text);
    let words = body.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
    words.filter(|word| word.starts_with("member-")).map(str::to_owned).collect()
}

async fn page(client: &mut Client, arguments: &mut Value) -> (Vec<String>, bool) {
    let text = ok(client, "kubectl_get", arguments.clone()).await;
    match cursor(&text) {
        Some(cursor) => {
            arguments["cursor"] = cursor.into();
            (names(&text), true)
        }
        None => (names(&text), false),
    }
}

#[tokio::test]
async fn what_is_added_meanwhile_neither_hides_nor_repeats_anything() {
    let namespace = Cluster::get().namespace("added");
    let map = |name: &str| {
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{long: {}}}", "x".repeat(100))
    };
    let members: Vec<String> = (0..60).map(|n| format!("member-{n:02}")).collect();
    namespace.apply(&members.iter().map(|name| map(name)).collect::<Vec<_>>().join("\n---\n"));
    let mut client = admin().await;
    for (output, budget) in [
        ("json", 1200),
        ("yaml", 1200),
        ("wide", 200),
        ("name", 200),
        ("custom-columns=NAME:.metadata.name,OF:.kind", 300),
    ] {
        let mut arguments =
            json!({"resource": "configmaps", "namespace": namespace.name(), "output": output, "budget": budget});
        let (mut seen, mut pages) = (Vec::new(), 0);
        loop {
            let (names, more) = page(&mut client, &mut arguments).await;
            seen.extend(names);
            pages += 1;
            if !more {
                break;
            }
            // Before everything that was seen, and behind everything.
            let tag = format!("{}{pages}", output.split('=').next().unwrap());
            namespace.apply(&[map(&format!("a-{tag}")), map(&format!("z-{tag}"))].join("\n---\n"));
        }
        assert!(pages > 1, "{output}: {pages} pages");
        assert_eq!(seen, members, "{output}");
    }
}

#[tokio::test]
async fn namespaces_and_kinds_are_not_mixed_up() {
    let cluster = Cluster::get();
    // The same names in two namespaces, and in two kinds.
    let both = [cluster.namespace("twin"), cluster.namespace("twin")];
    let mut objects = Vec::new();
    for n in 0..15 {
        objects.push(format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: member-{n:02}, labels: {{twin: \"{}\"}}}}",
            std::process::id()
        ));
        objects.push(format!(
            "apiVersion: v1\nkind: ServiceAccount\nmetadata: {{name: member-{n:02}, labels: {{twin: \"{}\"}}}}",
            std::process::id()
        ));
    }
    for namespace in &both {
        namespace.apply(&objects.join("\n---\n"));
    }
    let mut client = admin().await;
    for output in ["json", "wide", "name"] {
        let mut arguments = json!({"resource": "configmaps,serviceaccounts", "all_namespaces": true, "output": output,
            "selector": format!("twin={}", std::process::id()), "budget": if output == "json" { 1000 } else { 300 }});
        let mut seen = Vec::new();
        loop {
            let (names, more) = page(&mut client, &mut arguments).await;
            seen.extend(names);
            if !more {
                break;
            }
        }
        // By kind and namespace.
        let expected: Vec<String> = (0..4).flat_map(|_| (0..15).map(|n| format!("member-{n:02}"))).collect();
        assert_eq!(seen, expected, "{output}");
    }
}

#[tokio::test]
async fn a_cursor_leads_on_only_where_it_was_made() {
    let namespace = Cluster::get().namespace("foreign");
    let maps: Vec<String> =
        (0..40).map(|n| format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: member-{n:02}}}")).collect();
    namespace.apply(&maps.join("\n---\n"));
    let mut client = admin().await;
    let arguments = json!({"resource": "configmaps", "namespace": namespace.name(), "output": "name", "budget": 200});
    let text = ok(&mut client, "kubectl_get", arguments.clone()).await;
    let cursor = cursor(&text).expect("a cursor");
    for (tool, change) in [
        ("kubectl_get", json!({"output": "yaml"})),
        ("kubectl_get", json!({"namespace": "default"})),
        ("kubectl_get", json!({"resource": "secrets"})),
        ("kubectl_get", json!({"selector": "a=b"})),
        ("kubectl_describe", json!({"output": null})),
        ("kubectl_get", json!({"cursor": "AAAA"})),
        ("kubectl_get", json!({"cursor": "--all"})),
        ("kubectl_get", json!({"cursor": format!("{cursor}A")})),
    ] {
        let mut foreign = arguments.clone();
        foreign["cursor"] = cursor.clone().into();
        for (key, value) in change.as_object().unwrap() {
            if value.is_null() {
                foreign.as_object_mut().unwrap().remove(key);
            } else {
                foreign[key] = value.clone();
            }
        }
        let text = err(&mut client, tool, foreign).await;
        assert!(text.starts_with("invalid_argument: `cursor` "), "{tool} {change}: {text}");
    }
    // A larger budget is the same call.
    let mut larger = arguments.clone();
    (larger["cursor"], larger["budget"]) = (cursor.clone().into(), 4000.into());
    let rest = names(&ok(&mut client, "kubectl_get", larger).await);
    assert_eq!([names(&text), rest].concat(), (0..40).map(|n| format!("member-{n:02}")).collect::<Vec<_>>());
    // Where the object is gone that the page ended with, nobody can say where it would go on.
    let last = names(&text).pop().unwrap();
    namespace.ask(&["delete", "configmap", &last]);
    let mut gone = arguments.clone();
    gone["cursor"] = cursor.into();
    let text = err(&mut client, "kubectl_get", gone).await;
    assert!(text.starts_with("conflict: ") && text.contains("leave the cursor out"), "{text}");
}
