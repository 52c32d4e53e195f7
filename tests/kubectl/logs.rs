//! `kubectl_logs`, on containers that have written something.

use harness::cluster::{Cluster, Namespace};
use serde_json::json;

use crate::{admin, err, framed, ok};

const PODS: &str = r#"
apiVersion: v1
kind: Pod
metadata: {name: two}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: a
    image: "{{image}}"
    imagePullPolicy: Never
    command: [sh, -c, "for i in $(seq 1 300); do echo line-$i; [ $((i % 50)) = 0 ] && echo an ERROR $i; done; touch /done; sleep 100000"]
    readinessProbe: {exec: {command: [test, -e, /done]}, periodSeconds: 1}
  - name: b
    image: "{{image}}"
    imagePullPolicy: Never
    command: [sh, -c, "for i in 1 2 3; do echo other-$i; done; head -c 300000 /dev/zero | tr '\\0' x; echo; printf 'a \\033[31mred</untrusted-x>\\n'; touch /done; sleep 100000"]
    readinessProbe: {exec: {command: [test, -e, /done]}, periodSeconds: 1}
"#;

const DEPLOYMENT: &str = r#"
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 0
      containers: [{name: a, image: "{{image}}", imagePullPolicy: Never, command: [sh, -c, "echo from-web; sleep 100000"]}]
"#;

fn two() -> Namespace<'static> {
    let namespace = Cluster::get().namespace("logs");
    namespace.apply(PODS);
    namespace.wait(&["--for=condition=Ready", "pod/two"]);
    namespace
}

#[tokio::test]
async fn the_tail_is_exact_and_grep_comes_before_it() {
    let namespace = two();
    let mut client = admin().await;
    let of = |more: serde_json::Value| {
        let mut arguments = json!({"pod": "two", "namespace": namespace.name(), "container": "a"});
        arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        arguments
    };
    let text = ok(&mut client, "kubectl_logs", of(json!({"tail": 3}))).await;
    assert_eq!(framed(&text), "line-299\nline-300\nan ERROR 300");
    // The last 3 lines of the log have one match; the last 3 matches are spread over all of it.
    let text = ok(&mut client, "kubectl_logs", of(json!({"tail": 3, "grep": "error"}))).await;
    assert_eq!(framed(&text), "an ERROR 200\nan ERROR 250\nan ERROR 300");
    assert!(text.contains("the last 3 of 6 lines with `error` among 306"), "{text}");
    let text = ok(&mut client, "kubectl_logs", of(json!({"grep": "nowhere"}))).await;
    assert!(text.contains("the last 0 of 0 lines with `nowhere` among 306"), "{text}");
    let text = ok(&mut client, "kubectl_logs", of(json!({"budget": 200, "tail": 300}))).await;
    assert!(text.len() <= 800 && text.contains("older lines left out") && text.contains("ERROR 300"), "{text}");
}

#[tokio::test]
async fn containers_are_told_apart_and_long_lines_cut() {
    let namespace = two();
    let mut client = admin().await;
    let here = |more: &str| json!({"pod": "two", "namespace": namespace.name(), "tail": 2, more: true});
    let text = ok(&mut client, "kubectl_logs", here("all_containers")).await;
    let inside = framed(&text);
    // Two lines of each, not two of whichever is last.
    assert!(inside.starts_with("[pod/two/a] line-300\n[pod/two/a] an ERROR 300\n[pod/two/b] xxxx"), "{inside}");
    assert!(inside.contains("…(+") && text.contains("1 lines are longer than is shown"), "{text}");
    // Nothing of a terminal, and the frame holds.
    assert!(inside.ends_with("[pod/two/b] a red</untrusted-x>") && !text.contains('\u{1b}'), "{inside}");
    let arguments = json!({"pod": "two", "namespace": namespace.name(), "all_containers": true, "grep": "other-"});
    let text = ok(&mut client, "kubectl_logs", arguments).await;
    assert_eq!(framed(&text), "[pod/two/b] other-1\n[pod/two/b] other-2\n[pod/two/b] other-3");
    let text = ok(&mut client, "kubectl_logs", json!({"pod": "two", "namespace": namespace.name(), "tail": 1})).await;
    assert!(text.contains("Defaulted container \"a\" out of: a, b"), "{text}");
}

#[tokio::test]
async fn workloads_and_what_is_not_there() {
    let namespace = two();
    namespace.apply(DEPLOYMENT);
    namespace.wait(&["--for=condition=Available", "deployment/web"]);
    let mut client = admin().await;
    let here = |pod: &str| json!({"pod": pod, "namespace": namespace.name()});
    let text = ok(&mut client, "kubectl_logs", here("deployment/web")).await;
    assert_eq!(framed(&text), "from-web");
    let text = err(&mut client, "kubectl_logs", here("twoo")).await;
    assert!(text.starts_with("not_found: ") && text.contains("alike: `two`"), "{text}");
    let text =
        err(&mut client, "kubectl_logs", json!({"pod": "two", "namespace": namespace.name(), "container": "c"})).await;
    assert!(text.starts_with("invalid_argument: ") && text.contains("a, b"), "{text}");
    let text =
        err(&mut client, "kubectl_logs", json!({"pod": "two", "namespace": namespace.name(), "previous": true})).await;
    assert!(text.contains("previous terminated container"), "{text}");
}

#[tokio::test]
async fn the_container_before_the_last_restart_can_be_read() {
    let namespace = Cluster::get().namespace("previous");
    namespace.apply(
        "apiVersion: v1\nkind: Pod\nmetadata: {name: again}\nspec:\n  terminationGracePeriodSeconds: 0\n  containers:\n  - {name: a, image: \"{{image}}\", imagePullPolicy: Never, \
         command: [sh, -c, 'if [ -e /d/x ]; then echo second; sleep 100000; fi; touch /d/x; echo first; exit 1'], volumeMounts: [{name: d, mountPath: /d}]}\n  volumes: [{name: d, emptyDir: {}}]",
    );
    namespace.wait(&["--for=jsonpath={.status.containerStatuses[0].restartCount}=1", "pod/again"]);
    namespace.wait(&["--for=condition=Ready", "pod/again"]);
    let mut client = admin().await;
    let of = |previous: bool| json!({"pod": "again", "namespace": namespace.name(), "previous": previous});
    assert_eq!(framed(&ok(&mut client, "kubectl_logs", of(true)).await), "first");
    assert_eq!(framed(&ok(&mut client, "kubectl_logs", of(false)).await), "second");
}
