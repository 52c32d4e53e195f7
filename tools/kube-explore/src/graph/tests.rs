//! What is tied to what, and what is not.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::*;

/// A graph around the first of `objects`, of a namespace of which all was read.
fn around(objects: &[Value]) -> Graph {
    let things: Vec<Thing> = objects.iter().map(Thing::read).collect();
    let looked: BTreeSet<String> =
        ["Secret", "ConfigMap", "Service", "Pod", "Job", "ServiceAccount"].map(str::to_owned).into();
    build(&things[0].id, &things, &looked, 8)
}

fn ties(graph: &Graph) -> Vec<String> {
    let shown = |edge: &Edge| {
        let how = if edge.how.is_empty() { String::new() } else { format!(" [{}]", edge.how) };
        format!("{} {} {}{how}", edge.from.shown(), edge.tie.shown(), edge.to.shown())
    };
    graph.edges.iter().map(shown).collect()
}

fn note(graph: &Graph, name: &str) -> String {
    let node = graph.nodes.iter().find(|node| node.id.shown() == name).unwrap_or_else(|| panic!("{name}: {graph:?}"));
    if node.missing { String::from("missing") } else { node.note.clone() }
}

fn tree(graph: &Graph) -> String {
    draw::tree(graph, &graph.nodes[0].id).join("\n")
}

fn object(kind: &str, name: &str, more: Value) -> Value {
    let mut object = json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": "shop"}});
    for (key, value) in more.as_object().unwrap() {
        if key == "metadata" {
            value.as_object().unwrap().iter().for_each(|(key, value)| object["metadata"][key] = value.clone());
        } else {
            object[key] = value.clone();
        }
    }
    object
}

fn pod(name: &str, phase: &str, more: Value) -> Value {
    let ready = phase == "Running";
    let state =
        if ready { json!({"running": {}}) } else { json!({"terminated": {"exitCode": 0, "reason": "Completed"}}) };
    let mut pod = object(
        "Pod",
        name,
        json!({"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"ports": [{"name": "http", "containerPort": 8080}]}]},
        "status": {"phase": phase, "containerStatuses": [{"ready": ready, "state": state}], "conditions": [{"type": "Ready", "status": if ready { "True" } else { "False" }}]}}),
    );
    for (key, value) in more.as_object().unwrap() {
        value.as_object().unwrap().iter().for_each(|(field, value)| pod[key][field] = value.clone());
    }
    pod
}

fn service(ports: Value) -> Value {
    object("Service", "web", json!({"spec": {"type": "ClusterIP", "selector": {"app": "web"}, "ports": ports}}))
}

#[test]
fn an_owner_is_known_by_its_group_and_its_uid() {
    let owned = |api_version: &str, uid: &str| {
        pod(
            "train-0",
            "Running",
            json!({"metadata": {"ownerReferences": [
            {"apiVersion": api_version, "kind": "Job", "name": "train", "uid": uid, "controller": true}]}}),
        )
    };
    let job = object("Job", "train", json!({"apiVersion": "batch/v1", "metadata": {"uid": "1"}}));
    let own = object("Job", "train", json!({"apiVersion": "att.example.com/v1", "metadata": {"uid": "2"}}));
    for (api_version, uid, expected) in [
        ("batch/v1", "1", vec!["job/train owns pod/train-0"]),
        ("batch/v1", "", vec!["job/train owns pod/train-0"]),
        // One of that name that was there before.
        ("batch/v1", "9", vec![]),
        ("att.example.com/v1", "2", vec!["job.att.example.com/train owns pod/train-0"]),
        ("att.example.com/v1", "9", vec![]),
    ] {
        let graph = around(&[owned(api_version, uid), job.clone(), own.clone()]);
        assert_eq!(ties(&graph), expected, "{api_version} {uid}");
    }
    // Of a kind that is not read it is not known whether it is there.
    let graph = around(&[owned("att.example.com/v1", "2"), job.clone()]);
    assert_eq!(tree(&graph), "job.att.example.com/train\n  pod/train-0 (Running 1/1) <- this");
    assert_eq!(tree(&around(&[owned("batch/v1", "1")])), "job/train IS NOT THERE\n  pod/train-0 (Running 1/1) <- this");
    // It is asked for itself.
    let graph = around(&[own, owned("att.example.com/v1", "2"), job]);
    assert_eq!(tree(&graph), "job.att.example.com/train <- this\n  pod/train-0 (Running 1/1)");
    // A node owns the pods that only it knows.
    let static_pod = json!({"metadata": {"ownerReferences": [{"apiVersion": "v1", "kind": "Node", "name": "n1"}]}, "spec": {"nodeName": "n1"}});
    assert_eq!(
        ties(&around(&[pod("etcd", "Running", static_pod)])),
        ["node/n1 owns pod/etcd", "pod/etcd runs on node/n1"]
    );
}

#[test]
fn nothing_is_sent_to_where_nothing_listens() {
    let ports = |target: Value| service(json!([{"port": 80, "targetPort": target}]));
    for (target, expected) in [
        (json!(8080), "service/web routes to pod/web-0 [80 → 8080]"),
        (json!("nosuch"), "service/web routes to pod/web-0 [80 → nosuch, targetPort nosuch is no port of it]"),
        (json!(8081), "service/web routes to pod/web-0 [80 → 8081, and its pods name 8080]"),
    ] {
        let graph = around(&[ports(target.clone()), pod("web-0", "Running", json!({}))]);
        assert_eq!((ties(&graph), graph.edges[0].bad), (vec![expected.to_owned()], target != 8080));
    }
    // What has ended gets nothing, and what is not ready neither.
    let graph = around(&[ports(json!(8080)), pod("done", "Succeeded", json!({}))]);
    assert_eq!(
        (ties(&graph), note(&graph, "service/web")),
        (vec![], String::from("ClusterIP, selects no pod that runs: 1 ended"))
    );
    assert!(graph.nodes[0].bad);
    let unready = json!({"status": {"conditions": [{"type": "Ready", "status": "False"}]}});
    let graph = around(&[ports(json!(8080)), pod("web-0", "Running", unready.clone())]);
    assert_eq!(ties(&graph), ["service/web routes to pod/web-0 [not ready: gets nothing, 80 → 8080]"]);
    let mut anyway = ports(json!(8080));
    anyway["spec"]["publishNotReadyAddresses"] = true.into();
    assert_eq!(
        ties(&around(&[anyway, pod("web-0", "Running", unready)])),
        ["service/web routes to pod/web-0 [80 → 8080]"]
    );
    // Another name for a host sends to no pod.
    let mut other = ports(json!(8080));
    other["spec"]["type"] = "ExternalName".into();
    assert!(ties(&around(&[other, pod("web-0", "Running", json!({}))])).is_empty());
}

#[test]
fn an_ingress_sends_to_ports_that_the_service_has() {
    let backend = |port: Value| json!({"service": {"name": "web", "port": port}});
    let of = |port: Value| {
        let spec = json!({"spec": {"defaultBackend": backend(port)}});
        let ports = service(json!([{"name": "http", "port": 80}]));
        ties(&around(&[object("Ingress", "web", spec), ports]))
    };
    assert_eq!(of(json!({"number": 80})), ["ingress/web routes to service/web [default port 80]"]);
    assert_eq!(of(json!({"name": "http"})), ["ingress/web routes to service/web [default port http]"]);
    assert_eq!(
        of(json!({"number": 81})),
        ["ingress/web routes to service/web [default port 81, which is no port of it]"]
    );
}

#[test]
fn what_an_account_may_is_said_with_its_role() {
    let binding = |kind: &str, name: &str, namespace: &str, subject: Value| {
        let subject = json!({"metadata": {"namespace": namespace}, "roleRef": {"kind": "ClusterRole", "name": "view"}, "subjects": [subject]});
        object(kind, name, subject)
    };
    let objects = [
        object("ServiceAccount", "robot", json!({})),
        object("ServiceAccount", "other", json!({})),
        binding(
            "ClusterRoleBinding",
            "wide",
            "",
            json!({"kind": "ServiceAccount", "name": "robot", "namespace": "shop"}),
        ),
        binding("RoleBinding", "user", "shop", json!({"kind": "User", "name": "system:serviceaccount:shop:robot"})),
        binding("RoleBinding", "far", "else", json!({"kind": "Group", "name": "system:serviceaccounts:shop"})),
        binding("RoleBinding", "no", "shop", json!({"kind": "User", "name": "robot"})),
    ];
    assert_eq!(
        tree(&around(&objects)),
        "serviceaccount/robot <- this\nrights:\n  \
         clusterrolebinding/wide in : clusterrole/view -> serviceaccount/robot\n  \
         rolebinding/far in else: clusterrole/view -> serviceaccount/robot [through group system:serviceaccounts:shop]\n  \
         rolebinding/user: clusterrole/view -> serviceaccount/robot [by its user name]"
            .replace(" in :", ":")
    );
    // An account of another namespace was not looked for.
    let far = json!({"kind": "ServiceAccount", "name": "robot", "namespace": "else"});
    let near = json!({"kind": "ServiceAccount", "name": "gone"});
    assert_eq!(note(&around(&[binding("RoleBinding", "x", "shop", far)]), "serviceaccount/robot"), "");
    assert_eq!(note(&around(&[binding("RoleBinding", "x", "shop", near)]), "serviceaccount/gone"), "missing");
}

#[test]
fn an_autoscaler_scales_and_says_when_it_does_not() {
    let scaler = object(
        "HorizontalPodAutoscaler",
        "queue",
        json!({"apiVersion": "autoscaling/v2",
        "spec": {"maxReplicas": 5, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "queue"}},
        "status": {"currentReplicas": 1, "conditions": [{"type": "ScalingActive", "status": "False", "reason": "FailedGetResourceMetric"}]}}),
    );
    let deployment = object("Deployment", "queue", json!({"apiVersion": "apps/v1", "status": {"readyReplicas": 1}}));
    let graph = around(&[scaler, deployment]);
    assert_eq!(ties(&graph), ["horizontalpodautoscaler/queue scales deployment/queue"]);
    assert_eq!(
        note(&graph, "horizontalpodautoscaler/queue"),
        "1 to 5 replicas, now 1, ScalingActive=False: FailedGetResourceMetric"
    );
    let chart = draw::mermaid(&graph, &graph.nodes[0].id).join("\n");
    assert!(chart.ends_with("  classDef bad stroke:#d00,stroke-width:3px\n  class n0 bad"), "{chart}");
    let policy =
        object("NetworkPolicy", "shut", json!({"apiVersion": "networking.k8s.io/v1", "spec": {"podSelector": {}}}));
    let budget = object("PodDisruptionBudget", "two", json!({"apiVersion": "policy/v1", "spec": {"selector": {}}}));
    let graph = around(&[pod("web-0", "Running", json!({})), policy, budget]);
    assert_eq!(ties(&graph), ["networkpolicy/shut filters pod/web-0", "poddisruptionbudget/two guards pod/web-0"]);
}

#[test]
fn a_key_that_is_not_there_is_marked_where_the_keys_are_known() {
    let reference = |key: &str, optional: bool| json!({"name": key, "valueFrom": {"configMapKeyRef": {"name": "settings", "key": key, "optional": optional}}});
    let env = json!([reference("HERE", false), reference("DATABASE_URL", false), reference("MAYBE", true)]);
    let api = pod("api", "Running", json!({"spec": {"containers": [{"env": env}]}}));
    let mut things = vec![Thing::read(&api), Thing::read(&object("ConfigMap", "settings", json!({})))];
    let how = |things: &[Thing]| {
        let graph = build(&things[0].id, things, &BTreeSet::new(), 4);
        (graph.edges[0].how.clone(), draw::mermaid(&graph, &things[0].id).join("\n"))
    };
    assert_eq!(how(&things).0, "env DATABASE_URL, env HERE, env MAYBE (optional)");
    assert!(!how(&things).1.contains("linkStyle"));
    things[1].keys = Some(BTreeSet::from([String::from("HERE")]));
    let (how, chart) = how(&things);
    assert_eq!(how, "env DATABASE_URL: key DATABASE_URL IS NOT THERE, env HERE, env MAYBE (optional)");
    assert!(chart.contains("  linkStyle 0 stroke:#d00"), "{chart}");
}

#[test]
fn a_node_says_what_runs_there_in_lines() {
    let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}});
    let mut objects = vec![node];
    objects.extend((0..25).map(|n| {
        pod(&format!("web-{n:02}"), if n == 7 { "Failed" } else { "Running" }, json!({"spec": {"nodeName": "n1"}}))
    }));
    objects[8]["status"]["containerStatuses"] = json!([{"state": {"terminated": {"exitCode": 1, "reason": "Error"}}}]);
    let text = tree(&around(&objects));
    assert!(text.starts_with("node/n1 (Ready) <- this\nruns here:\n  pod/web-07 in shop (Error 0/1)\n  pod/web-00 in shop (Running 1/1)\n"), "{text}");
    assert!(text.ends_with("\n  and 5 more, all well") && !text.contains("runs on"), "{text}");
    assert!(text.lines().all(|line| line.len() < 60), "{text}");
}

#[test]
fn a_long_line_is_several() {
    let env: Vec<Value> =
        (0..12).map(|n| json!({"configMapRef": {"name": format!("settings-of-team-number-{n}")}})).collect();
    let text = tree(&around(&[pod(
        "api",
        "Running",
        json!({"spec": {"containers": [{"envFrom": env}, {"envFrom": [{"secretRef": {"name": "s".repeat(150)}}]}]}}),
    )]));
    assert!(
        text.contains("uses:\n  pod/api (Running 1/2) ->\n    configmap/settings-of-team-number-0 IS NOT THERE, "),
        "{text}"
    );
    assert!(text.contains("\n    secret/sss"), "{text}");
}

#[test]
fn what_leaves_says_so_once() {
    let leaving = json!({"deletionTimestamp": "2026-01-01T00:00:00Z"});
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "x", "deletionTimestamp": "2026-01-01T00:00:00Z"}, "status": {"phase": "Terminating"}});
    let graph = around(&[namespace]);
    assert_eq!((graph.nodes[0].note.as_str(), graph.nodes[0].bad), ("Terminating", true));
    assert_eq!(
        around(&[pod("web-0", "Running", json!({"metadata": leaving.clone()}))]).nodes[0].note,
        "Terminating 1/1"
    );
    let claim = object("PersistentVolumeClaim", "data", json!({"metadata": leaving, "status": {"phase": "Bound"}}));
    assert_eq!(around(&[claim]).nodes[0].note, "Bound, terminating");
}
