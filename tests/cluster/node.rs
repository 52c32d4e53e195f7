//! What a real node does: run containers, show what they wrote, measure them, and refuse what RBAC forbids.

use harness::cluster::Cluster;

const POD: &str = "
apiVersion: v1
kind: Pod
metadata: {name: talker}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: main
    image: {{image}}
    imagePullPolicy: Never
    command: [sh, -c, 'echo hello from $HOSTNAME; sleep infinity']
    readinessProbe: {exec: {command: ['true']}, periodSeconds: 1}
";

#[test]
fn the_node_is_ready() {
    let cluster = Cluster::get();
    let node = cluster.facts().node.clone().expect("a node");
    cluster.wait(&["--for=condition=Ready", &format!("node/{node}")]);
    let version = cluster.ask(&["get", "--raw", "/version"]);
    assert!(version.contains(&format!("\"gitVersion\": \"{}\"", cluster.facts().server_version)), "{version}");
}

#[test]
fn a_pod_runs_and_shows_what_it_wrote() {
    let namespace = Cluster::get().namespace("pod");
    namespace.apply(POD);
    namespace.wait(&["--for=condition=Ready", "pod/talker"]);
    assert_eq!(namespace.ask(&["logs", "talker"]), "hello from talker\n");
    assert_eq!(namespace.ask(&["exec", "talker", "--", "sh", "-c", "echo $((6 * 7))"]), "42\n");
    let failed = namespace.kubectl(&["exec", "talker", "--", "sh", "-c", "exit 7"]);
    assert_eq!(failed.status.code(), Some(7));
    let address = namespace.ask(&["get", "pod", "talker", "--output=jsonpath={.status.podIP}"]);
    assert!(address.starts_with("10."), "{address}");
}

#[test]
fn usage_is_measured() {
    let cluster = Cluster::get();
    let namespace = cluster.namespace("top");
    namespace.apply(POD);
    namespace.wait(&["--for=condition=Ready", "pod/talker"]);
    cluster.wait(&["--for=condition=Available", "apiservice/v1beta1.metrics.k8s.io"]);
    // The node is measured every ten seconds, and a pod needs two of its own before it is shown.
    harness::block_on(harness::until("kubectl top shows the pod", || {
        let shown = namespace.kubectl(&["top", "pod", "talker", "--no-headers"]);
        String::from_utf8_lossy(&shown.stdout).starts_with("talker ")
    }));
}

#[test]
fn rbac_forbids_what_no_rule_allows() {
    let cluster = Cluster::get();
    let namespace = cluster.namespace("rbac");
    let rules = "- {apiGroups: [''], resources: [pods], verbs: [get, list]}";
    let reader = namespace.user("reader", rules);
    let listed = cluster.kubectl_as(&reader, &["get", "pods"]);
    assert!(listed.status.success(), "{listed:?}");
    for forbidden in [&["get", "secrets"][..], &["get", "pods", "--namespace=default"], &["delete", "pod", "any"]] {
        let refused = cluster.kubectl_as(&reader, forbidden);
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        let who = format!("User \"system:serviceaccount:{}:reader\" cannot", namespace.name());
        assert!(said.contains("Forbidden") && said.contains(&who), "{forbidden:?}: {said}");
    }

    let everywhere = namespace.cluster_user("auditor", rules);
    let listed = cluster.kubectl_as(&everywhere, &["get", "pods", "--all-namespaces"]);
    assert!(listed.status.success(), "{listed:?}");
    let refused = cluster.kubectl_as(&everywhere, &["get", "nodes"]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("Forbidden"), "{refused:?}");
}

#[test]
fn a_scenario_plays_in_a_namespace_of_the_test() {
    let namespace = Cluster::get().scenario("rbac-forbidden");
    assert!(namespace.ask(&["get", "serviceaccounts", "--output=name"]).contains("serviceaccount/dashboard"));
}
