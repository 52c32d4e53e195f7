//! `kube_topology` draws what is tied and nothing else, and `kube_logs` says what it did not read.

use harness::cluster::{Cluster, Namespace};
use serde_json::json;

use crate::{admin, err, ok, server};

const TIED: &str = r#"
apiVersion: v1
kind: ServiceAccount
metadata: { name: robot }
---
apiVersion: v1
kind: Pod
metadata: { name: done, labels: { app: dead } }
spec: { restartPolicy: Never, containers: [ { name: c, image: "{{image}}", imagePullPolicy: Never, command: ["true"] } ] }
---
apiVersion: v1
kind: Service
metadata: { name: dead }
spec: { selector: { app: dead }, ports: [ { port: 80 } ] }
---
apiVersion: v1
kind: Service
metadata: { name: web }
spec: { selector: { app: web }, ports: [ { name: a, port: 80, targetPort: nosuch }, { name: b, port: 81, targetPort: 8081 }, { name: c, port: 82, targetPort: http } ] }
---
apiVersion: batch/v1
kind: Job
metadata: { name: train }
spec: { suspend: true, template: { spec: { restartPolicy: Never, containers: [ { name: c, image: "{{image}}", imagePullPolicy: Never, command: ["true"] } ] } } }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: by-user }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: edit }
subjects: [ { kind: User, apiGroup: rbac.authorization.k8s.io, name: "system:serviceaccount:{{ns}}:robot" } ]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: by-group }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: Role, name: nosuch }
subjects: [ { kind: Group, apiGroup: rbac.authorization.k8s.io, name: "system:serviceaccounts:{{ns}}" } ]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: { name: "{{ns}}-robot" }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view }
subjects: [ { kind: ServiceAccount, name: robot, namespace: "{{ns}}" } ]
---
apiVersion: v1
kind: Pod
metadata:
  name: web-0
  labels: { app: web }
  ownerReferences: [ { apiVersion: att.example.com/v1, kind: Job, name: train, uid: 5d3c1e7e-0000-4000-8000-000000000001, controller: true } ]
spec:
  serviceAccountName: robot
  terminationGracePeriodSeconds: 0
  containers: [ { name: c, image: "{{image}}", imagePullPolicy: Never, command: [sleep, "3600"], ports: [ { name: http, containerPort: 8080 } ] } ]
"#;

/// Takes the binding away that is in no namespace.
struct Bound<'c>(&'c Namespace<'c>);

impl Drop for Bound<'_> {
    fn drop(&mut self) {
        let name = format!("{}-robot", self.0.name());
        drop(Cluster::get().kubectl(&["delete", "clusterrolebinding", &name]));
    }
}

#[tokio::test]
async fn what_is_drawn_is_there_and_what_is_there_is_drawn() {
    let cluster = Cluster::get();
    let namespace = cluster.namespace("drawn");
    let _bound = Bound(&namespace);
    namespace.apply(&TIED.replace("{{ns}}", namespace.name()));
    namespace.wait(&["--for=condition=Ready", "pod/web-0"]);
    namespace.wait(&["--for=jsonpath={.status.phase}=Succeeded", "pod/done"]);
    let here = |name: &str| json!({"name": name, "namespace": namespace.name()});
    let mut client = admin().await;

    let text = ok(&mut client, "kube_topology", here("pod/web-0")).await;
    let account = format!("clusterrolebinding/{}-robot: clusterrole/view -> serviceaccount/robot\n", namespace.name());
    for expected in [
        "job.att.example.com/train\n  pod/web-0 (Running 1/1) <- this\n",
        "80 → nosuch, targetPort nosuch is no port of it; 81 → 8081, and its pods name 8080; 82 → http]",
        &account,
        "rolebinding/by-user: clusterrole/edit -> serviceaccount/robot [by its user name]",
        "rolebinding/by-group: role/nosuch IS NOT THERE -> serviceaccount/robot [through group system:serviceaccounts:",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    let text = ok(&mut client, "kube_topology", here("job/train")).await;
    assert!(!text.contains("web-0"), "{text}");
    let text = ok(&mut client, "kube_topology", here("sa/robot")).await;
    assert!(text.contains(&account) && !text.contains("issuer-discovery"), "{text}");

    let text = ok(&mut client, "kube_topology", here("svc/dead")).await;
    assert!(text.contains("selects no pod that runs: 1 ended") && !text.contains("pod/done"), "{text}");
    let text = ok(&mut client, "kube_topology", here("pod/done")).await;
    assert!(text.contains("pod/done (Completed 0/1)") && !text.contains("service/"), "{text}");
    let node = cluster.facts().node.clone().expect("a node");
    let text = ok(&mut client, "kube_topology", json!({"name": format!("node/{node}"), "budget": 4_000})).await;
    assert!(text.contains("\nruns here:\n") && text.matches(&format!("node/{node}")).count() == 2, "{text}");

    // Whoever may not see the bindings of the cluster is told so.
    let rules = r#"[{"apiGroups": ["", "apps", "batch", "rbac.authorization.k8s.io"], "resources": ["*"], "verbs": ["get", "list"]}]"#;
    let mut narrow = crate::client(&server(&namespace.user("narrow", rules))).await;
    let text = ok(&mut narrow, "kube_topology", here("sa/robot")).await;
    let (_, blind) = text.split_once("could not look at:").expect("what could not be looked at");
    assert!(blind.contains("clusterrolebindings.rbac.authorization.k8s.io"), "{text}");
    assert!(text.contains("rolebinding/by-user"), "{text}");
}

const EARLY: &str = r#"
apiVersion: v1
kind: Pod
metadata: { name: early }
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: main
    image: "{{image}}"
    imagePullPolicy: Never
    command: [sh, -c, "echo ERROR: cannot open database; i=0; while [ $i -lt 250 ]; do echo INFO $i; i=$((i+1)); done; echo; sleep 3600"]
"#;

#[tokio::test]
async fn a_log_of_which_only_the_end_was_read_says_so() {
    let cluster = Cluster::get();
    let namespace = cluster.namespace("early");
    namespace.apply(EARLY);
    namespace.wait(&["--for=condition=Ready", "pod/early"]);
    let mut client = admin().await;
    let ask = |more: serde_json::Value| {
        let mut arguments = json!({"name": "early", "namespace": namespace.name(), "budget": 4_000});
        more.as_object().unwrap().iter().for_each(|(key, value)| arguments[key] = value.clone());
        arguments
    };
    // It is written in a moment.
    let mut text = String::new();
    for _ in 0..50 {
        text = ok(&mut client, "kube_logs", ask(json!({"since": "3650d"}))).await;
        if text.contains("252 lines") {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    assert!(text.contains(" 252 lines, ") && text.contains("1 error line of 1 kind"), "{text}");
    assert!(!text.contains("not read"), "{text}");

    let text = ok(&mut client, "kube_logs", ask(json!({}))).await;
    let first = text.lines().next().unwrap();
    assert!(
        first.contains("the last 100 lines of it (older ones not read: since=24h or lines=10000)")
            && first.ends_with(": in these, 0 error lines"),
        "{text}"
    );
    let text = ok(&mut client, "kube_logs", ask(json!({"lines": 300}))).await;
    assert!(text.contains(" 252 lines, ") && !text.contains("not read"), "{text}");
    let text = ok(&mut client, "kube_logs", ask(json!({"lines": 9, "since": "1h"}))).await;
    assert!(text.contains("the last 9 lines of it (older ones not read: leave lines out)"), "{text}");
    let text = err(&mut client, "kube_logs", ask(json!({"since": "99999999999h"}))).await;
    assert!(text.starts_with("invalid_argument: since is longer than ten years"), "{text}");
}
