//! `kube_find`: what is found, in which order, and what is said of what could not be looked at.

use harness::cluster::Cluster;
use serde_json::json;

use crate::{admin, client, err, framed, ok, server};

const PODS: &str = r#"
apiVersion: v1
kind: Pod
metadata: { name: till, labels: { app: till } }
spec: { terminationGracePeriodSeconds: 0, containers: [ { name: c, image: "{{image}}", imagePullPolicy: Never, command: [sleep, "3600"] } ] }
---
apiVersion: v1
kind: Pod
metadata: { name: till-broken }
spec: { terminationGracePeriodSeconds: 0, containers: [ { name: c, image: "no.such/image:1", imagePullPolicy: Never } ] }
---
apiVersion: v1
kind: ConfigMap
metadata: { name: my-till, labels: { app: till } }
data: { a: b }
---
apiVersion: v1
kind: Service
metadata: { name: till }
spec: { ports: [ { port: 80 } ] }
"#;

#[tokio::test]
async fn the_nearest_name_comes_first_and_the_total_is_true() {
    let cluster = Cluster::get();
    let namespace = cluster.namespace("found");
    namespace.apply(PODS);
    namespace.wait(&["--for=condition=Ready", "pod/till"]);
    let mut client = admin().await;
    let text = ok(&mut client, "kube_find", json!({"query": "till", "namespace": namespace.name()})).await;
    let rows: Vec<Vec<&str>> = framed(&text).lines().skip(1).map(|line| line.split_whitespace().collect()).collect();
    let order: Vec<(&str, &str)> = rows.iter().map(|row| (row[0], row[2])).collect();
    assert_eq!(
        order,
        [("pod", "till"), ("service", "till"), ("pod", "till-broken"), ("configmap", "my-till")],
        "{text}"
    );
    assert!(text.contains("; 4 of "), "{text}");

    let text = ok(&mut client, "kube_find", json!({"query": "failing pods", "namespace": namespace.name()})).await;
    assert!(framed(&text).contains("till-broken") && text.contains("; 1 of 2 objects of 1 kind"), "{text}");

    let text = ok(&mut client, "kube_find", json!({"selector": "app=till", "namespace": namespace.name()})).await;
    assert!(text.contains("; 2 of "), "{text}");

    let text = ok(&mut client, "kube_find", json!({"query": "till", "namespace": namespace.name(), "limit": 2})).await;
    assert!(text.contains("[1-2 of 4 objects; 2 left out; narrow the query, or raise limit"), "{text}");
}

#[tokio::test]
async fn nothing_found_is_not_the_same_as_not_looked() {
    let cluster = Cluster::get();
    let namespace = cluster.namespace("blind");
    let mut reader = admin().await;
    let text = ok(&mut reader, "kube_find", json!({"query": "nosuchthing12345"})).await;
    assert!(text.contains("nothing found") && !text.contains("could not look"), "{text}");

    let nothing = namespace.user("nobody", "[]");
    let mut nobody = client(&server(&nothing)).await;
    let text = ok(&mut nobody, "kube_find", json!({"query": "nosuchthing12345"})).await;
    // There are kinds that everybody may list.
    assert!(
        text.contains("nothing found in what could be looked at")
            && text.contains(" more kinds could not be looked at"),
        "{text}"
    );
    assert!(text.contains("could not look at:") && text.contains(": forbidden"), "{text}");
    let text = err(&mut nobody, "kube_find", json!({"query": "web", "kind": "pods"})).await;
    assert!(text.starts_with("forbidden: none of 1 kinds could be looked at"), "{text}");
}

#[tokio::test]
async fn what_is_asked_for_wrongly_is_answered_with_what_would_be_right() {
    let mut client = admin().await;
    for (arguments, begin, has) in [
        (json!({}), "invalid_argument: there is nothing to look for", "kube"),
        (json!({"query": "x", "kind": "deploymnt"}), "not_found: the cluster has no kind", "deployment"),
        (json!({"query": "x", "limit": 201}), "invalid_argument: `limit` must be", "between 1 and 200"),
        (json!({"query": "x", "context": "nosuch"}), "not_found: the kubeconfig has no context", "contexts:"),
        (json!({"query": "x", "namespace": "../kube-system"}), "invalid_argument: ", "cannot be a namespace"),
        (json!({"qurey": "x"}), "invalid_argument: ", "query"),
    ] {
        let text = err(&mut client, "kube_find", arguments.clone()).await;
        assert!(text.starts_with(begin), "{arguments}: {text}");
        assert!(text.contains(has) || begin.contains("nothing to look"), "{arguments}: {text}");
    }
}
