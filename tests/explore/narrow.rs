//! Identities that may see a part of the cluster: what they may see is found, and what they may not is named, never taken for absent or well.

use std::{fs, path::PathBuf};

use harness::cluster::{Cluster, Namespace};
use serde_json::{Value, json};

use crate::{admin, ask, client, err, ok, server};

/// Everything that is read of a namespace.
const READER: &str = "- {apiGroups: ['*'], resources: ['*'], verbs: [get, list]}";
/// Pods, and no more.
const PODS: &str = "- {apiGroups: [''], resources: [pods], verbs: [get, list]}";

/// One that is well and says something, one that cannot start, and what both use: the second refers to a map that is not there.
const OBJECTS: &str = r#"
apiVersion: v1
kind: ConfigMap
metadata: { name: settings }
data: { a: b }
---
apiVersion: v1
kind: Pod
metadata: { name: teller, labels: { app: teller } }
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - { name: main, image: "{{image}}", imagePullPolicy: Never, command: [sh, -c, "echo teller is open; sleep infinity"], envFrom: [ { configMapRef: { name: settings } } ] }
---
apiVersion: v1
kind: Pod
metadata: { name: broken }
spec:
  terminationGracePeriodSeconds: 0
  containers: [ { name: main, image: "no.such/image:1", imagePullPolicy: Never, envFrom: [ { configMapRef: { name: absent } } ] } ]
---
apiVersion: v1
kind: Service
metadata: { name: teller }
spec: { selector: { app: teller }, ports: [ { port: 80 } ] }
"#;

pub(crate) fn filled(hint: &str) -> Namespace<'static> {
    let namespace = Cluster::get().namespace(hint);
    namespace.apply(OBJECTS);
    namespace.wait(&["--for=condition=Ready", "pod/teller"]);
    namespace
        .wait(&["--for=jsonpath={.status.containerStatuses[0].state.waiting.reason}=ErrImageNeverPull", "pod/broken"]);
    namespace
}

/// What is true of every answer to somebody who may not see everything: it is short, and says so in few lines.
fn is_quiet(text: &str) {
    assert!(text.len() <= 1_500 * 4, "{} bytes: {text}", text.len());
    assert!(text.matches("forbidden").count() <= 6, "{text}");
    assert!(text.matches("cannot list resource").count() <= 1, "{text}");
    let blind = text.split_once("could not look at:").map_or("", |(_, blind)| blind);
    // Each of them in a frame of three lines.
    assert!(blind.lines().count() <= 13, "{text}");
}

/// Says, for whoever may not look, neither that all is well nor that there is nothing.
fn claims_nothing(text: &str) {
    is_quiet(text);
    for claim in ["HEALTHY", "IS NOT THERE", "is not there", "which has no pods", "selects no pod"] {
        assert!(!text.contains(claim), "{claim}: {text}");
    }
    let nothing = text.contains("nothing found");
    assert!(!nothing || text.contains("nothing found in what could be looked at"), "{text}");
}

fn names_the_blind(text: &str) {
    assert!(text.contains("could not look at:") && text.contains("forbidden"), "{text}");
}

/// The kubeconfig of somebody who may read two namespaces, and has a context for each.
fn two(first: &Namespace<'_>, second: &Namespace<'_>, rules: &str) -> PathBuf {
    let path = first.user("both", rules);
    second.admit(first, "both", rules);
    let mut config: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let mut other = config["contexts"][0].clone();
    other["name"] = json!("second");
    other["context"]["namespace"] = json!(second.name());
    config["contexts"].as_array_mut().unwrap().push(other);
    fs::write(&path, config.to_string()).unwrap();
    path
}

#[tokio::test]
async fn two_namespaces_of_three() {
    let (one, two_, three) = (filled("narrow-one"), filled("narrow-two"), filled("narrow-three"));
    three.apply("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: treasure}\n");
    let hidden = three.name();
    let mut both = client(&server(&two(&one, &two_, READER))).await;

    let text = ok(&mut both, "kube_find", json!({"query": "teller"})).await;
    // A pod and a service of each, and what belongs to the service.
    for namespace in [one.name(), two_.name()] {
        let rows: Vec<&str> =
            text.lines().filter(|line| line.contains(namespace) && line.contains(" teller ")).collect();
        assert_eq!(rows.len(), 2, "{text}");
    }
    assert!(!text.contains(hidden), "{text}");
    names_the_blind(&text);
    assert!(text.contains("namespaces other than"), "{text}");
    claims_nothing(&text);

    let text = ok(&mut both, "kube_find", json!({"query": "failing pods"})).await;
    assert!(text.contains(one.name()) && text.contains(two_.name()) && text.contains("broken"), "{text}");
    names_the_blind(&text);
    let text = ok(&mut both, "kube_find", json!({"query": "treasure"})).await;
    assert!(text.contains("nothing found in what could be looked at"), "{text}");
    names_the_blind(&text);

    for namespace in [&one, &two_] {
        let here = |mut arguments: Value| {
            arguments["namespace"] = json!(namespace.name());
            arguments
        };
        let text = ok(&mut both, "kube_inspect", here(json!({"name": "teller", "kind": "pod"}))).await;
        for has in ["Ready=True", "teller is open", "uses configmap/settings", "service/teller", "Started"] {
            assert!(text.contains(has), "{has}: {text}");
        }
        // The node is beyond, and that is said.
        names_the_blind(&text);
        claims_nothing(&text);
        let text = ok(&mut both, "kube_inspect", here(json!({"name": "broken"}))).await;
        assert!(text.contains("ErrImageNeverPull"), "{text}");
        // What they may see and is not there is missing for them, too.
        assert!(text.contains("configmap/absent") && text.contains("IS NOT THERE"), "{text}");
        let text = ok(&mut both, "kube_logs", here(json!({"name": "teller"}))).await;
        assert!(text.contains("teller is open"), "{text}");
        claims_nothing(&text);
        let text = ok(&mut both, "kube_topology", here(json!({"name": "pod/teller"}))).await;
        assert!(text.contains("service/teller") && text.contains("configmap/settings"), "{text}");
        names_the_blind(&text);
        let text = ok(&mut both, "kube_health", here(json!({}))).await;
        assert!(text.contains("pod/broken") && !text.contains("HEALTHY") && !text.contains(hidden), "{text}");
        is_quiet(&text);
    }
    let text = ok(&mut both, "kube_health", json!({})).await;
    assert!(text.contains(&format!("{}/pod/broken", one.name())), "{text}");
    assert!(text.contains(&format!("{}/pod/broken", two_.name())), "{text}");
    names_the_blind(&text);
    claims_nothing(&text);
    // Without a namespace, the name fits in both.
    let text = ok(&mut both, "kube_inspect", json!({"name": "pod/broken"})).await;
    is_quiet(&text);
    assert!(text.contains(one.name()), "{text}");

    // The third one exists, and is none of theirs.
    for (tool, arguments) in [
        ("kube_inspect", json!({"name": "teller", "namespace": hidden})),
        ("kube_inspect", json!({"name": "pod/teller", "namespace": hidden})),
        ("kube_logs", json!({"name": "teller", "namespace": hidden})),
        ("kube_topology", json!({"name": "pod/teller", "namespace": hidden})),
        ("kube_find", json!({"query": "teller", "namespace": hidden})),
    ] {
        let text = err(&mut both, tool, arguments.clone()).await;
        assert!(text.starts_with("forbidden: "), "{tool} {arguments}: {text}");
        claims_nothing(&text);
    }
    let (text, _) = ask(&mut both, "kube_health", json!({"namespace": hidden})).await;
    claims_nothing(&text);
    assert!(text.contains("UNKNOWN") || text.starts_with("forbidden: "), "{text}");
    // What may be anywhere was looked for where they may look.
    for tool in ["kube_inspect", "kube_topology"] {
        let text = err(&mut both, tool, json!({"name": "treasure"})).await;
        assert!(text.contains("in what could be looked at") && text.contains("could not be read"), "{tool}: {text}");
        claims_nothing(&text);
    }
}

#[tokio::test]
async fn pods_and_no_more() {
    let namespace = filled("pods-only");
    let mut pods = client(&server(&namespace.user("pods", PODS))).await;
    let here = |mut arguments: Value| {
        arguments["namespace"] = json!(namespace.name());
        arguments
    };
    for arguments in [json!({"query": "teller"}), here(json!({"query": "teller"}))] {
        let text = ok(&mut pods, "kube_find", arguments).await;
        let rows = text.lines().filter(|line| line.contains(" teller ")).count();
        assert!(rows == 1 && text.contains("Running"), "{text}");
        assert!(text.contains("more kinds could not be looked at"), "{text}");
        names_the_blind(&text);
        claims_nothing(&text);
    }
    let text = ok(&mut pods, "kube_find", here(json!({"query": "settings"}))).await;
    assert!(text.contains("nothing found in what could be looked at"), "{text}");

    for name in ["teller", "broken"] {
        let text = ok(&mut pods, "kube_inspect", here(json!({"name": format!("pod/{name}")}))).await;
        assert!(text.contains(if name == "teller" { "Ready=True" } else { "ErrImageNeverPull" }), "{text}");
        names_the_blind(&text);
        assert!(text.contains("events"), "{text}");
        claims_nothing(&text);
        // Whether the map is there is not known to them.
        let text = ok(&mut pods, "kube_topology", here(json!({"name": format!("pod/{name}")}))).await;
        assert!(text.contains(&format!("pod/{name}")) && text.contains("configmap/"), "{text}");
        names_the_blind(&text);
        claims_nothing(&text);
    }
    let text = err(&mut pods, "kube_logs", here(json!({"name": "pod/teller"}))).await;
    assert!(text.starts_with("forbidden: "), "{text}");
    claims_nothing(&text);
    for (tool, name) in
        [("kube_inspect", "service/teller"), ("kube_topology", "svc/teller"), ("kube_logs", "svc/teller")]
    {
        let text = err(&mut pods, tool, here(json!({"name": name}))).await;
        assert!(text.starts_with("forbidden: "), "{tool}: {text}");
        claims_nothing(&text);
    }
    for arguments in [json!({}), here(json!({}))] {
        let text = ok(&mut pods, "kube_health", arguments).await;
        assert!(text.contains("pod/broken"), "{text}");
        names_the_blind(&text);
        claims_nothing(&text);
    }
}

#[tokio::test]
async fn nothing_at_all() {
    let namespace = filled("nothing");
    let mut nobody = client(&server(&namespace.user("nobody", "[]"))).await;
    let here = |mut arguments: Value| {
        arguments["namespace"] = json!(namespace.name());
        arguments
    };
    for (tool, arguments) in [
        ("kube_find", json!({"query": "pods"})),
        ("kube_find", here(json!({"query": "teller"}))),
        ("kube_inspect", json!({"name": "pod/teller"})),
        ("kube_inspect", here(json!({"name": "pod/teller"}))),
        ("kube_inspect", here(json!({"name": "teller"}))),
        ("kube_logs", here(json!({"name": "teller"}))),
        ("kube_logs", json!({"name": "pod/teller"})),
        ("kube_topology", here(json!({"name": "teller"}))),
        ("kube_topology", json!({"name": "svc/teller"})),
    ] {
        let text = err(&mut nobody, tool, arguments.clone()).await;
        assert!(text.starts_with("forbidden: "), "{tool} {arguments}: {text}");
        claims_nothing(&text);
    }
    for arguments in [json!({}), here(json!({}))] {
        let (text, error) = ask(&mut nobody, "kube_health", arguments).await;
        assert!(if error { text.starts_with("forbidden: ") } else { text.contains(": UNKNOWN") }, "{text}");
        claims_nothing(&text);
    }
    // Somebody who may is told.
    let text = ok(&mut admin().await, "kube_find", here(json!({"query": "teller"}))).await;
    assert!(!text.contains("could not look"), "{text}");
}

#[tokio::test]
async fn a_token_that_is_refused_is_no_missing_object() {
    let namespace = Cluster::get().namespace("refused");
    let mut stranger = client(&server(&namespace.kubeconfig("stranger", "no-such-token"))).await;
    for (tool, arguments) in [
        ("kube_find", json!({"query": "web"})),
        ("kube_inspect", json!({"name": "pod/web"})),
        ("kube_logs", json!({"name": "web"})),
        ("kube_topology", json!({"name": "web"})),
        ("kube_health", json!({})),
    ] {
        let text = err(&mut stranger, tool, arguments).await;
        assert!(text.starts_with("unauthenticated: ") && !text.contains("no-such-token"), "{tool}: {text}");
    }
}
