//! Our JSONPath and columns, against kubectl's own on objects that hold no secret.

use harness::cluster::Cluster;
use serde_json::json;

use crate::{admin, err, framed, ok};

const OBJECTS: &str = r#"
apiVersion: v1
kind: Pod
metadata: {name: one, labels: {app.kubernetes.io/name: web, tier: front}}
spec:
  schedulerName: nobody
  containers:
  - {name: a, image: x, ports: [{containerPort: 80}, {containerPort: 443}], resources: {limits: {cpu: 500m}}}
  - {name: b, image: yy}
---
apiVersion: v1
kind: Pod
metadata: {name: two, labels: {tier: back}}
spec:
  schedulerName: nobody
  priority: 0
  containers: [{name: a, image: z, ports: [{containerPort: 8080}]}]
"#;

#[tokio::test]
async fn templates_print_what_kubectl_prints() {
    let namespace = Cluster::get().namespace("paths");
    namespace.apply(OBJECTS);
    let mut client = admin().await;
    for template in [
        "{.items[*].metadata.name}",
        "{.kind}|{.apiVersion}|{.items[0].kind}",
        "{range .items[*]}{.metadata.name}{\"\\t\"}{.spec.containers[*].image}{\"\\n\"}{end}",
        "{range .items[*]}{range .spec.containers[*]}{.name}={.image};{end}|{end}",
        "{.items[*].spec.containers[*].ports[*].containerPort}",
        "{.items[?(@.metadata.name==\"two\")].metadata.labels.tier}",
        "{.items[?(@.metadata.labels.tier!='back')].metadata.name}",
        "{.items[*].spec.containers[?(@.ports)].name}",
        "{.items[*].spec.containers[0].ports[?(@.containerPort>443)].containerPort}",
        "{.items[0].metadata.labels.app\\.kubernetes\\.io/name}",
        "{.items[0].metadata.labels['app\\.kubernetes\\.io/name']}",
        "{.items[0]['metadata.name','kind']}",
        "{.items[-1:].metadata.name} and {.items[0:1].metadata.name}",
        "{.items[0].spec.containers[::2].name}",
        "{..containerPort}",
        "{.items[0].spec.containers[0].resources}",
        "{.items[*].spec.containers[*].ports}",
        "{.items[*].status.phase} {.nothing.here}x",
        "text {'quoted'} {1} {1.5} {true}",
        "{$.items[0].metadata.name}{@.items[1].metadata.name}",
        "{.items[0].spec.enableServiceLinks}",
    ] {
        let output = format!("jsonpath={template}");
        let expected = namespace.ask(&["get", "pods", &format!("--output={output}")]);
        let text = ok(
            &mut client,
            "kubectl_get",
            json!({"resource": "pods", "namespace": namespace.name(), "output": output}),
        )
        .await;
        assert_eq!(framed(&text), expected.trim_end_matches('\n'), "{template}");
    }
    for template in
        ["{.items[9].kind}", "{.kind", "{kind}", "{.items[?(@.kind==1)]}", "{end}", "{.items[x]}", "{.kind[0]}"]
    {
        let output = format!("jsonpath={template}");
        assert!(!namespace.kubectl(&["get", "pods", &format!("--output={output}")]).status.success(), "{template}");
        let text = err(
            &mut client,
            "kubectl_get",
            json!({"resource": "pods", "namespace": namespace.name(), "output": output}),
        )
        .await;
        assert!(text.starts_with("invalid_argument: "), "{template}: {text}");
    }
}

#[tokio::test]
async fn columns_hold_what_kubectl_s_hold() {
    let namespace = Cluster::get().namespace("columns");
    namespace.apply(OBJECTS);
    let mut client = admin().await;
    for columns in [
        "NAME:.metadata.name,IMAGES:.spec.containers[*].image,NONE:.spec.nodeName",
        "A:metadata.labels,B:{.spec.containers[0].ports},C:{spec.priority}",
    ] {
        let output = format!("custom-columns={columns}");
        let expected = namespace.ask(&["get", "pods", &format!("--output={output}")]);
        let text = ok(
            &mut client,
            "kubectl_get",
            json!({"resource": "pods", "namespace": namespace.name(), "output": output}),
        )
        .await;
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        // What is nothing is shown as it is in other tables.
        let expected = words(&expected.replace("<none>", "-"));
        assert_eq!(words(framed(&text)), expected, "{columns}");
    }
}
