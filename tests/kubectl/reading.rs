//! The readers, on objects that are there.

use harness::cluster::Cluster;
use serde_json::{Value, json};

use crate::{admin, err, framed, ok};

const OBJECTS: &str = r#"
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, labels: {app: web}}
data: {text: "one\ntwo\n", "yes": "no", odd: "  lead\ttab: #x", unicode: "é\u202e"}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: other}
---
apiVersion: v1
kind: Pod
metadata: {name: waits, labels: {app: web}}
spec:
  schedulerName: nobody
  containers: [{name: a, image: x}, {name: b, image: yy}]
"#;

#[tokio::test]
async fn a_table_says_its_scope_and_leaves_out_what_is_empty() {
    let namespace = Cluster::get().namespace("table");
    namespace.apply(OBJECTS);
    let mut client = admin().await;
    let here = json!({"resource": "pods", "namespace": namespace.name()});
    let text = ok(&mut client, "kubectl_get", here).await;
    assert!(
        text.starts_with(&format!("context {}, namespace `{}`: pods\n", crate::context(), namespace.name())),
        "{text}"
    );
    assert!(text.contains("\nNAME   READY  STATUS   RESTARTS  AGE\nwaits  0/2    Pending  0"), "{text}");
    assert!(text.contains("left out, empty in every row: `IP`, `NODE`"), "{text}");
    let text =
        ok(&mut client, "kubectl_get", json!({"resource": "pods", "allNamespaces": true, "selector": "app=web"})).await;
    let scope = format!("context {}, all namespaces: pods\n", crate::context());
    assert!(text.starts_with(&scope) && text.contains(namespace.name()), "{text}");
}

#[tokio::test]
async fn yaml_and_json_are_what_the_server_holds() {
    let namespace = Cluster::get().namespace("forms");
    namespace.apply(OBJECTS);
    let mut client = admin().await;
    let raw = namespace.ask(&["get", "configmap", "settings", "--output=json"]);
    let mut expected: Value = serde_json::from_str(&raw).unwrap();
    expected["metadata"].as_object_mut().unwrap().remove("annotations");
    // What is invisible is shown escaped.
    expected["data"].as_object_mut().unwrap().remove("unicode");
    for output in ["json", "yaml"] {
        let arguments = json!({"resource": "cm/settings", "namespace": namespace.name(), "output": output});
        let text = ok(&mut client, "kubectl_get", arguments).await;
        assert!(!text.contains('\u{202e}') && !text.contains("last-applied"), "{text}");
        // kubectl reads both.
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), framed(&text)).unwrap();
        let path = format!("--filename={}", file.path().display());
        let read = namespace.ask(&["create", "--dry-run=client", "--output=json", &path]);
        let mut read: Value = serde_json::from_str(&read).unwrap();
        read["data"].as_object_mut().unwrap().remove("unicode");
        assert_eq!(read, expected, "{output}");
    }
}

#[tokio::test]
async fn a_cut_list_can_be_parsed_and_goes_on() {
    let namespace = Cluster::get().namespace("pages");
    let maps: Vec<String> = (0..30)
        .map(|n| format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: m{n:02}, labels: {{many: \"1\"}}}}\ndata: {{a: {}}}", "x".repeat(200)))
        .collect();
    namespace.apply(&maps.join("\n---\n"));
    let mut client = admin().await;
    let mut arguments = json!({"resource": "cm", "namespace": namespace.name(), "selector": "many=1", "output": "json", "budget": 1000});
    let mut names = Vec::new();
    loop {
        let text = ok(&mut client, "kubectl_get", arguments.clone()).await;
        assert!(text.len() <= 4000);
        let list: Value = serde_json::from_str(framed(&text)).unwrap_or_else(|error| panic!("{error}: {text}"));
        names.extend(
            list["items"].as_array().unwrap().iter().map(|item| item["metadata"]["name"].as_str().unwrap().to_owned()),
        );
        assert!(text.contains(" of 30 objects; "), "{text}");
        match text.split_once("next: cursor=") {
            Some((_, rest)) => arguments["cursor"] = rest.split(']').next().unwrap().into(),
            None => break,
        }
    }
    assert_eq!(names, (0..30).map(|n| format!("m{n:02}")).collect::<Vec<_>>());
}

#[tokio::test]
async fn an_object_larger_than_the_budget_is_still_an_object() {
    let namespace = Cluster::get().namespace("large");
    let data: Vec<String> = (0..50).map(|n| format!("k{n:02}: {}", "x".repeat(300))).collect();
    namespace
        .apply(&format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: big}}\ndata: {{{}}}", data.join(", ")));
    let mut client = admin().await;
    let arguments = json!({"resource": "cm/big", "namespace": namespace.name(), "output": "json", "budget": 500});
    let text = ok(&mut client, "kubectl_get", arguments).await;
    assert!(text.len() <= 2000 && text.contains("the object is cut"), "{text}");
    let object: Value = serde_json::from_str(framed(&text)).unwrap();
    assert_eq!(object["kind"], "ConfigMap");
}

#[tokio::test]
async fn nothing_is_told_apart_from_nowhere() {
    let namespace = Cluster::get().namespace("nothing");
    let mut client = admin().await;
    let text = ok(&mut client, "kubectl_get", json!({"resource": "pods", "namespace": namespace.name()})).await;
    assert!(text.ends_with("no pods; the namespace exists"), "{text}");
    let missing = format!("{}x", namespace.name());
    for tool in ["kubectl_get", "kubectl_describe"] {
        let text = err(&mut client, tool, json!({"resource": "pods", "namespace": missing})).await;
        assert!(text.starts_with("not_found: there is no namespace") && text.contains(namespace.name()), "{text}");
    }
}

#[tokio::test]
async fn events_are_counted_and_the_newest_is_last() {
    let namespace = Cluster::get().namespace("events");
    let event = |name: &str, kind: &str, last: &str, count: u32| {
        format!(
            "apiVersion: v1\nkind: Event\nmetadata: {{name: {name}}}\ninvolvedObject: {{kind: Pod, name: web, namespace: {n}}}\ntype: {kind}\n\
             reason: R{name}\nmessage: m-{name}\ncount: {count}\nfirstTimestamp: \"2026-01-01T00:00:00Z\"\nlastTimestamp: \"{last}\"",
            n = namespace.name()
        )
    };
    namespace.apply(
        &[
            event("b", "Warning", "2026-01-01T00:02:00Z", 7),
            event("a", "Normal", "2026-01-01T00:03:00Z", 1),
            event("c", "Normal", "2026-01-01T00:01:00Z", 1),
        ]
        .join("\n---\n"),
    );
    let mut client = admin().await;
    let text = ok(&mut client, "kubectl_events", json!({"namespace": namespace.name()})).await;
    let order: Vec<usize> = ["m-c", "m-b", "m-a"].iter().map(|word| text.find(word).unwrap()).collect();
    assert!(order.is_sorted() && text.contains("3 events") && text.contains("(x7 over "), "{text}");
    let text =
        ok(&mut client, "kubectl_events", json!({"namespace": namespace.name(), "types": "Warning", "for": "po/web"}))
            .await;
    assert!(text.contains("1 events") && text.contains("m-b"), "{text}");
    let text = ok(&mut client, "kubectl_events", json!({"namespace": namespace.name(), "for": "deployment/web"})).await;
    assert!(text.ends_with("no events of deployment/web; the namespace exists"), "{text}");
}

#[tokio::test]
async fn kinds_are_listed_and_explained() {
    let mut client = admin().await;
    let text = ok(&mut client, "kubectl_api_resources", json!({"api_group": "apps", "verbs": "list"})).await;
    assert!(text.contains("deployments") && text.contains("deploy ") && !text.contains("pods"), "{text}");
    let text = ok(&mut client, "kubectl_explain", json!({"resource": "deployment.spec.replicas"})).await;
    assert!(text.contains("FIELD: replicas"), "{text}");
    let text = ok(&mut client, "kubectl_describe", json!({"resource": "namespace/default"})).await;
    assert!(text.contains("Status:"), "{text}");
}

#[tokio::test]
async fn what_is_too_large_to_be_read_is_said_and_not_shown_as_nothing() {
    let namespace = Cluster::get().namespace("toolarge");
    let file = tempfile::NamedTempFile::new().unwrap();
    // In JSON each of these takes six bytes, so that the value is a line of 5.4 MB.
    std::fs::write(file.path(), [1; 900_000]).unwrap();
    namespace.ask(&["create", "configmap", "big", &format!("--from-file=x={}", file.path().display())]);
    let mut client = admin().await;
    for resource in ["cm", "cm/big"] {
        for output in ["json", "yaml", "jsonpath={.metadata.name}", "custom-columns=A:.metadata.name"] {
            let arguments = json!({"resource": resource, "namespace": namespace.name(), "output": output});
            let text = err(&mut client, "kubectl_get", arguments).await;
            assert!(text.starts_with("too_large: "), "{resource} {output}: {text}");
        }
    }
    let text = ok(&mut client, "kubectl_get", json!({"resource": "cm/big", "namespace": namespace.name()})).await;
    assert!(text.contains("big"), "{text}");
    // Of many, a template that looks at all at once takes no more than it can hold.
    let many = Cluster::get().namespace("many");
    let map = |name: &str| {
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{x: \"{}\"}}", "x".repeat(200_000))
    };
    many.apply(&(0..6).map(|n| map(&format!("m{n}"))).collect::<Vec<_>>().join("\n---\n"));
    let of =
        |template: &str| json!({"resource": "cm", "namespace": many.name(), "output": format!("jsonpath={template}")});
    let text = err(&mut client, "kubectl_get", of("{.items[0].metadata.name}")).await;
    assert!(text.starts_with("too_large: "), "{text}");
    let text = ok(&mut client, "kubectl_get", of("{.items[*].metadata.name}")).await;
    assert!(text.contains("m0 m1 m2 m3 m4 m5"), "{text}");
}
