//! What gave way once, to somebody who tried.

use std::time::Duration;

use harness::cluster::Cluster;
use serde_json::{Value, json};

use rustix::process::Signal;

use crate::{admin, client, err, framed, ok, server};

/// `arguments` in `namespace`.
fn within(namespace: &str, mut arguments: Value) -> Value {
    arguments.as_object_mut().unwrap().insert("namespace".into(), namespace.into());
    arguments
}

#[tokio::test]
async fn output_that_could_not_be_read_is_not_no_output() {
    let namespace = Cluster::get().namespace("unread");
    let rules = r#"[{apiGroups: [""], resources: [pods], verbs: [get, list, create, delete, deletecollection]}]"#;
    let mut client = client(&server(&namespace.user("nologs", rules))).await;
    let arguments = json!({"name": "p", "image": Cluster::get().image(), "command": "echo IMPORTANT"});
    let text = ok(&mut client, "kubectl_run", within(namespace.name(), arguments)).await;
    assert!(text.contains("exit code 0") && text.contains("its output could not be read: `"), "{text}");
    assert!(text.contains("forbidden") && !text.contains("no output"), "{text}");
}

#[tokio::test]
async fn a_container_that_cannot_be_read_is_no_line_of_a_log() {
    let namespace = Cluster::get().namespace("absent-log");
    namespace.apply(
        "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  terminationGracePeriodSeconds: 0\n  containers:\n  - {name: a, image: \"{{image}}\", imagePullPolicy: Never, \
         command: [sh, -c, 'head -c 1500000 /dev/zero | tr \"\\0\" x; echo NEEDLE; echo error: mine; touch /done; sleep 100000'], readinessProbe: {exec: {command: [test, -e, /done]}, periodSeconds: 1}}\n  \
         - {name: c, image: nowhere.invalid/x, imagePullPolicy: Never}",
    );
    namespace.wait(&["--for=jsonpath={.status.containerStatuses[0].ready}=true", "pod/p"]);
    let mut client = admin().await;
    for grep in ["", "mine", "zzz"] {
        let arguments = within(namespace.name(), json!({"pod": "p", "all_containers": true, "grep": grep}));
        let text = ok(&mut client, "kubectl_logs", arguments).await;
        assert!(text.contains("not all could be read: `error: container \"c\""), "{text}");
        assert_eq!(text.matches("container \"c\"").count(), 1, "{text}");
        assert_eq!(text.contains("[pod/p/a] error: mine"), grep != "zzz", "{text}");
    }
    // One line is longer than is searched.
    let arguments = within(namespace.name(), json!({"pod": "p", "container": "a", "grep": "NEEDLE"}));
    let text = ok(&mut client, "kubectl_logs", arguments).await;
    assert!(text.contains("the last 0 of 0 lines with `NEEDLE` among 2\n"), "{text}");
    assert!(text.contains("1 lines without a match are longer than 1024 KiB"), "{text}");
}

#[tokio::test]
async fn events_are_found_by_every_name_of_a_kind() {
    let namespace = Cluster::get().namespace("kinds");
    let name = namespace.name();
    namespace.apply(&format!(
        "apiVersion: v1\nkind: Event\nmetadata: {{name: e}}\ntype: Warning\nreason: Odd\nmessage: it is odd\n\
         involvedObject: {{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, name: np, namespace: {name}}}"
    ));
    let mut client = admin().await;
    for of in ["netpol/np", "networkpolicy/np", "NetworkPolicies/np", "networkpolicies.networking.k8s.io/np"] {
        let text = ok(&mut client, "kubectl_events", within(namespace.name(), json!({"for": of}))).await;
        assert!(text.contains(": 1 events") && text.contains("it is odd"), "{of}: {text}");
    }
    let text = err(&mut client, "kubectl_events", within(namespace.name(), json!({"for": "netpolicy/np"}))).await;
    assert!(text.starts_with("not_found: ") && text.contains("did you mean `NetworkPolicy`"), "{text}");
}

#[tokio::test]
async fn nothing_that_was_done_is_not_done() {
    let namespace = Cluster::get().namespace("nothing");
    let mut client = admin().await;
    let arguments = json!({"resource": "configmaps", "selector": "a=b"});
    let text = ok(&mut client, "kubectl_delete", within(namespace.name(), arguments.clone())).await;
    assert!(text.contains("nothing was done: no configmaps that match the selectors; the namespace exists"), "{text}");
    let text = err(&mut client, "kubectl_delete", within("nowhere-at-all", arguments)).await;
    assert!(text.starts_with("not_found: there is no namespace `nowhere-at-all`"), "{text}");
}

#[tokio::test]
async fn an_object_nested_too_deep_hides_no_other() {
    let cluster = Cluster::get();
    let namespace = cluster.namespace("deep");
    let group = format!("{}.example.org", namespace.name());
    let crd = format!(
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {{name: baskets.{group}}}\nspec:\n  group: {group}\n  scope: Namespaced\n  names: {{kind: Basket, plural: baskets}}\n  \
         versions:\n  - {{name: v1, served: true, storage: true, schema: {{openAPIV3Schema: {{type: object, x-kubernetes-preserve-unknown-fields: true}}}}}}"
    );
    namespace.apply(&crd);
    cluster.wait(&["--for=condition=Established", &format!("crd/baskets.{group}")]);
    let deep = (0..200).fold(json!(1), |inner, _| json!({ "a": inner }));
    for (name, spec) in [("shallow", json!(1)), ("sunken", deep)] {
        let object =
            json!({"apiVersion": format!("{group}/v1"), "kind": "Basket", "metadata": {"name": name}, "spec": spec});
        namespace.apply(&object.to_string());
    }
    let mut client = admin().await;
    let resource = format!("baskets.{group}");
    for output in ["yaml", "json", "jsonpath={.items[*].metadata.name}", "custom-columns=N:.metadata.name"] {
        let arguments = within(namespace.name(), json!({"resource": resource, "output": output}));
        let text = ok(&mut client, "kubectl_get", arguments).await;
        assert!(text.contains("shallow") && text.contains("1 more objects are nested too deep"), "{output}: {text}");
    }
    let arguments = within(namespace.name(), json!({"resource": resource, "name": "sunken", "output": "json"}));
    let text = err(&mut client, "kubectl_get", arguments).await;
    assert!(text.starts_with("unsupported: the object is nested too deep"), "{text}");
    cluster.ask(&["delete", "crd", &format!("baskets.{group}"), "--wait=false"]);
}

#[tokio::test]
async fn what_kubectl_cannot_decode_is_counted() {
    let namespace = Cluster::get().namespace("decode");
    let manifest = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: good}\n---\napiVersion: v1\nkind: Secret\nmetadata: {name: bad}\nstringData: {b: true}\n---\n\
         apiVersion: v1\nkind: ConfigMap\nmetadata: {name: worse, annotations: {x: true}}\n---\napiVersion: nosuch.io/v1\nkind: Foo\nmetadata: {name: f}\n---\n\
         apiVersion: v1\nkind: ConfigMap\nmetadata: {name: elsewhere, namespace: kube-system}\n";
    let mut client = admin().await;
    let text = ok(&mut client, "kubectl_apply", within(namespace.name(), json!({"manifest": manifest}))).await;
    assert!(text.contains(": 1 applied, 4 FAILED\n"), "{text}");
    for words in
        ["configmap/good created", "foo.nosuch.io/f failed: resource mapping not found", "--namespace=kube-system"]
    {
        assert!(text.contains(words), "{words}: {text}");
    }
}

#[tokio::test]
async fn a_command_that_ends_in_the_middle_of_a_line_has_its_exit_code() {
    let namespace = Cluster::get().namespace("unended");
    namespace.apply("apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  terminationGracePeriodSeconds: 0\n  containers: [{name: a, image: \"{{image}}\", imagePullPolicy: Never, command: [sleep, '100000']}]");
    namespace.wait(&["--for=condition=Ready", "pod/p"]);
    let mut client = admin().await;
    let arguments = within(namespace.name(), json!({"pod": "p", "command": "printf oops >&2; exit 3"}));
    let text = ok(&mut client, "kubectl_exec", arguments).await;
    assert!(text.contains("pod/p, exit code 3\n") && framed(&text) == "oops", "{text}");
}

#[tokio::test]
async fn an_order_by_what_no_object_has_is_not_nothing() {
    let namespace = Cluster::get().namespace("order");
    let mut client = admin().await;
    let get = |sort: &str, more: Value| {
        let mut arguments = within(namespace.name(), json!({"resource": "configmaps", "sort_by": sort}));
        arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        arguments
    };
    namespace.apply("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}");
    for sort in [".nosuch", ".metadata.creationTimestmp"] {
        for output in ["wide", "name", "json"] {
            let text = err(&mut client, "kubectl_get", get(sort, json!({"output": output}))).await;
            assert!(text.starts_with("invalid_argument: "), "{sort} {output}: {text}");
        }
    }
    let text = ok(&mut client, "kubectl_get", get(".metadata.name", json!({"selector": "none=here"}))).await;
    assert!(text.contains("no configmaps that match the selectors; the namespace exists"), "{text}");
}

#[tokio::test]
async fn what_an_annotation_of_a_secret_holds_is_not_in_an_error() {
    let namespace = Cluster::get().namespace("annotated");
    let mut client = admin().await;
    let manifest = "apiVersion: v1\nkind: Secret\nmetadata: {name: s, annotations: {copy: \"first\\nZx81-topvalue\"}}\nstringData: {cfg: Zx81-topvalue}";
    ok(&mut client, "kubectl_apply", within(namespace.name(), json!({"manifest": manifest}))).await;
    for key in ["kubectl.kubernetes.io/last-applied-configuration", "copy"] {
        let arguments = json!({"resource": "secret", "name": "s", "annotations": [format!("{key}=x")]});
        let text = err(&mut client, "kubectl_annotate", within(namespace.name(), arguments)).await;
        assert!(text.starts_with("conflict: ") && text.contains("already has a value"), "{text}");
        assert!(!text.contains("Zx81"), "{text}");
    }
}

#[tokio::test]
async fn a_server_that_ends_while_it_makes_a_pod_leaves_none() {
    let cluster = Cluster::get();
    let namespace = cluster.namespace("ends");
    for (at, signal) in
        [(50, None), (300, None), (100, Some(Signal::TERM)), (500, Some(Signal::TERM)), (900, Some(Signal::INT))]
    {
        let mut client = admin().await;
        let arguments = json!({"name": format!("p{at}"), "image": cluster.image(), "command": "sleep 60"});
        let params = json!({"name": "kubectl_run", "arguments": within(namespace.name(), arguments)});
        client.ask("tools/call", params).await;
        tokio::time::sleep(Duration::from_millis(at)).await;
        match signal {
            Some(signal) => client.signal(signal),
            None => client.close().await,
        }
        client.ended().await;
        let left = namespace.ask(&["get", "pods", "--output=json"]);
        let left: Value = serde_json::from_str(&left).unwrap();
        let running = left["items"].as_array().unwrap().iter();
        let running: Vec<_> = running.filter(|pod| pod["metadata"]["deletionTimestamp"].is_null()).collect();
        assert!(running.is_empty(), "{at} {signal:?}: {running:?}");
    }
}

#[tokio::test]
async fn many_calls_at_once_are_a_queue() {
    let namespace = Cluster::get().namespace("many");
    let mut client = admin().await;
    let params =
        json!({"name": "kubectl_get", "arguments": within(namespace.name(), json!({"resource": "configmaps"}))});
    let mut ids = Vec::new();
    for _ in 0..100 {
        ids.push(client.ask("tools/call", params.clone()).await);
    }
    for id in ids {
        let answer = client.answer(id).await;
        assert_eq!(answer["result"]["isError"], false, "{answer}");
    }
}

#[tokio::test]
async fn a_workload_without_pods_is_told_from_one_that_does_not_answer() {
    let namespace = Cluster::get().namespace("podless");
    namespace.apply(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: zero}\nspec:\n  replicas: 0\n  selector: {matchLabels: {app: zero}}\n  template:\n    metadata: {labels: {app: zero}}\n    \
         spec: {containers: [{name: a, image: \"{{image}}\"}]}",
    );
    let mut client = admin().await;
    for (tool, arguments) in [
        ("kubectl_exec", json!({"pod": "deploy/zero", "command": "id"})),
        ("kubectl_logs", json!({"pod": "deploy/zero"})),
    ] {
        let text = err(&mut client, tool, within(namespace.name(), arguments)).await;
        assert!(
            text.starts_with("unavailable: no pod of deploy/zero runs in ") && text.contains("nothing was done"),
            "{tool}: {text}"
        );
    }
}

#[tokio::test]
async fn all_that_was_deleted_is_counted() {
    let namespace = Cluster::get().namespace("counted");
    let maps: Vec<String> = (0..400)
        .map(|at| format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a-rather-long-name-of-a-map-{at}, labels: {{a: b}}}}\n"))
        .collect();
    namespace.apply(&maps.join("---\n"));
    let mut client = admin().await;
    let arguments = json!({"resource": "configmaps", "selector": "a=b"});
    let text = ok(&mut client, "kubectl_delete", within(namespace.name(), arguments)).await;
    assert!(text.contains(" of 400 objects; "), "{text}");
}

#[tokio::test]
async fn a_value_of_the_environment_is_masked_without_its_name() {
    let namespace = Cluster::get().namespace("env");
    namespace.apply(
        "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers: [{name: a, image: nowhere.invalid/x, imagePullPolicy: Never, \
         env: [{name: API_TOKEN, value: tok3ntok3n99}, {name: MODE, value: quick}]}]",
    );
    let mut client = admin().await;
    for output in
        ["yaml", "jsonpath={.spec.containers[*].env[*].value}", "custom-columns=E:.spec.containers[*].env[*].value"]
    {
        let arguments = within(namespace.name(), json!({"resource": "pod/p", "output": output}));
        let text = ok(&mut client, "kubectl_get", arguments).await;
        assert!(text.contains("quick") && !text.contains("tok3n"), "{output}: {text}");
    }
    let text = ok(&mut client, "kubectl_describe", within(namespace.name(), json!({"resource": "pod/p"}))).await;
    assert!(text.contains("quick") && text.contains("API_TOKEN:") && !text.contains("tok3n"), "{text}");
}

#[tokio::test]
async fn nothing_is_begun_where_no_context_is_known() {
    let directory = tempfile::tempdir().unwrap();
    let record = directory.path().join("record");
    let kubectl = directory.path().join("kubectl");
    let real = Cluster::get().kubectl_path().display();
    std::fs::write(&kubectl, format!("#!/bin/sh\necho \"$1\" >> {}\nexec {real} \"$@\"\n", record.display())).unwrap();
    std::fs::set_permissions(&kubectl, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let path = format!("{}:/usr/bin:/bin", directory.path().display());
    let mut client = client(&server("/dev/null".as_ref()).env("PATH", path)).await;
    let text = err(&mut client, "kubectl_delete", json!({"resource": "pod/x"})).await;
    assert!(text.starts_with("unavailable: there is no kubeconfig with a context"), "{text}");
    let text = err(&mut client, "kubectl_exec", json!({"pod": "x", "command": "true"})).await;
    assert!(text.starts_with("unavailable: there is no kubeconfig with a context"), "{text}");
    assert_eq!(
        std::fs::read_to_string(record).unwrap().lines().collect::<std::collections::BTreeSet<_>>(),
        ["config"].into()
    );
}

#[tokio::test]
async fn what_a_newcomer_could_not_make_sense_of_says_what_it_is() {
    let namespace = Cluster::get().namespace("sense");
    namespace.apply(
        "apiVersion: v1\nkind: Pod\nmetadata: {name: greedy, labels: {tier: front}}\nspec:\n  containers: [{name: a, image: x, resources: {requests: {cpu: 10k}}}]\n---\n\
         apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {selector: {app: none}, ports: [{port: 80}]}\n---\n\
         apiVersion: v1\nkind: Pod\nmetadata: {name: waits}\nspec:\n  containers: [{name: a, image: \"{{image}}\", imagePullPolicy: Never, env: [{name: A, valueFrom: {configMapKeyRef: {name: none, key: k}}}]}]",
    );
    namespace.wait(&["--for=jsonpath={.status.conditions[0].reason}=Unschedulable", "pod/greedy"]);
    namespace.wait(&[
        "--for=jsonpath={.status.containerStatuses[0].state.waiting.reason}=CreateContainerConfigError",
        "pod/waits",
    ]);
    let mut client = admin().await;
    // A pod that was never started has no log, and why is said.
    let text = ok(&mut client, "kubectl_logs", within(namespace.name(), json!({"pod": "greedy"}))).await;
    assert!(text.contains("nothing was logged: `pod greedy: Unschedulable: "), "{text}");
    let text = err(&mut client, "kubectl_logs", within(namespace.name(), json!({"pod": "waits"}))).await;
    assert!(text.starts_with("unavailable: the container does not run; kubectl_describe"), "{text}");
    let text =
        err(&mut client, "kubectl_exec", within(namespace.name(), json!({"pod": "waits", "command": "id"}))).await;
    assert!(text.starts_with("unavailable: "), "{text}");
    // A column that is empty may be what is wrong.
    let text =
        ok(&mut client, "kubectl_get", within(namespace.name(), json!({"resource": "services,endpoints"}))).await;
    assert!(text.contains("ENDPOINTS") && text.contains("EXTERNAL-IP"), "{text}");
    let arguments = json!({"resource": "pod", "name": "greedy", "labels": "tier=back"});
    let text = err(&mut client, "kubectl_label", within(namespace.name(), arguments)).await;
    assert!(text.starts_with("conflict: ") && text.contains("pass overwrite=true"), "{text}");
    // What lies in no namespace is in none.
    let text = ok(&mut client, "kubectl_get", json!({"resource": "nodes"})).await;
    assert!(text.starts_with(&format!("context {}: nodes\n", crate::context())), "{text}");
    let text =
        err(&mut client, "kubectl_run", json!({"name": "Probe", "image": "x", "namespace": namespace.name()})).await;
    assert!(text.starts_with("invalid_argument: "), "{text}");
    let text = err(&mut client, "kubectl_apply", json!({"manifest": "a: [b"})).await;
    assert!(text.starts_with("invalid_argument: "), "{text}");
}
