//! The tools that change objects, on objects of their own.

use std::collections::BTreeSet;

use harness::cluster::Cluster;
use serde_json::json;

use crate::{admin, client, err, framed, ok, server};

const SECRET: &str = "apiVersion: v1\nkind: Secret\nmetadata: {name: s, labels: {v: \"VERSION\"}, annotations: {copy: 'correct-horse'}}\nimmutable: true\nstringData: {word: \"VALUE\"}";

const DEPLOYMENT: &str = r#"
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 0
      containers: [{name: a, image: "IMAGE", imagePullPolicy: Never, command: [sleep, "100000"]}]
"#;

fn map(name: &str, value: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{x: \"{value}\"}}")
}

#[tokio::test]
async fn what_changes_something_is_not_there_in_readonly() {
    let readonly = server(Cluster::get().kubeconfig()).env("MODE", "readonly");
    let mut reader = client(&readonly).await;
    let names = |tools: Vec<serde_json::Value>| -> BTreeSet<String> {
        tools.iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect()
    };
    let reads = names(reader.tools().await);
    let expected = ["get", "describe", "logs", "top", "events", "api_resources", "explain"];
    assert_eq!(reads, expected.iter().map(|name| format!("kubectl_{name}")).collect());
    let all = names(admin().await.tools().await);
    let writes: Vec<_> = all.difference(&reads).collect();
    assert!(writes.len() >= 8, "{writes:?}");
    let text = err(&mut reader, "kubectl_delete", json!({"resource": "pods", "name": "x"})).await;
    assert!(text.starts_with("readonly: "), "{text}");
}

#[tokio::test]
async fn each_object_of_a_manifest_has_its_outcome() {
    let namespace = Cluster::get().namespace("apply");
    let mut client = admin().await;
    let apply = |manifest: String| json!({"manifest": manifest, "namespace": namespace.name()});
    let text = ok(&mut client, "kubectl_apply", apply([map("a", "1"), map("b", "1")].join("\n---\n"))).await;
    assert!(text.contains(": 2 applied\n") && framed(&text) == "configmap/a created\nconfigmap/b created", "{text}");
    // One of a kind that is not there, one that is refused, among good ones.
    let foo = "apiVersion: example.invalid/v1\nkind: Foo\nmetadata: {name: f}".to_owned();
    let mixed = [map("a", "1"), foo, map("Not_A_Name", "1"), map("b", "2")].join("\n---\n");
    let text = ok(&mut client, "kubectl_apply", apply(mixed)).await;
    assert!(text.contains(": 2 applied, 2 FAILED\n"), "{text}");
    let inside = framed(&text);
    assert!(inside.starts_with("configmap/a unchanged\nconfigmap/b configured\n"), "{inside}");
    assert!(
        inside.contains("\nfoo.example.invalid/f failed: ") && inside.contains("\nconfigmap/Not_A_Name failed: "),
        "{inside}"
    );
    assert_eq!(namespace.ask(&["get", "configmap", "b", "--output=jsonpath={.data.x}"]), "2");
    // Nothing that went well is an error.
    let text = err(&mut client, "kubectl_apply", apply(map("Not_A_Name", "1"))).await;
    assert!(text.starts_with("invalid_argument: "), "{text}");
    let text = err(&mut client, "kubectl_apply", apply("/etc/passwd".into())).await;
    assert!(text.starts_with("invalid_argument: "), "{text}");
}

#[tokio::test]
async fn a_kind_and_its_object_come_in_one_manifest() {
    let namespace = Cluster::get().namespace("crd");
    let group = format!("{}.example.org", namespace.name());
    let crd = format!(
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {{name: foos.{group}}}\nspec:\n  group: {group}\n  scope: Namespaced\n  \
         names: {{plural: foos, singular: foo, kind: Foo}}\n  versions: [{{name: v1, served: true, storage: true, schema: {{openAPIV3Schema: {{type: object, x-kubernetes-preserve-unknown-fields: true}}}}}}]"
    );
    let manifest = format!("{crd}\n---\napiVersion: {group}/v1\nkind: Foo\nmetadata: {{name: f}}");
    let mut client = admin().await;
    let text = ok(&mut client, "kubectl_apply", json!({"manifest": manifest, "namespace": namespace.name()})).await;
    namespace.kubectl(&["delete", "crd", &format!("foos.{group}"), "--wait=false"]);
    assert!(text.contains(": 2 applied\n") && text.contains(&format!("foo.{group}/f created")), "{text}");
}

#[tokio::test]
async fn a_dry_run_changes_nothing_and_shows_what_kubectl_diff_shows() {
    let namespace = Cluster::get().namespace("dry");
    namespace.apply(&map("a", "1"));
    let mut client = admin().await;
    let manifest = map("a", "2");
    for dry_run in ["client", "server"] {
        let arguments = json!({"manifest": manifest, "namespace": namespace.name(), "dry_run": dry_run});
        let text = ok(&mut client, "kubectl_apply", arguments).await;
        assert!(text.contains("dry run: nothing was changed") && text.contains("configmap/a configured"), "{text}");
        assert_eq!(namespace.ask(&["get", "configmap", "a", "--output=jsonpath={.data.x}"]), "1");
        if dry_run == "server" {
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), &manifest).unwrap();
            let diff = namespace.kubectl(&["diff", &format!("--filename={}", file.path().display())]);
            let diff = String::from_utf8(diff.stdout).unwrap();
            let (_, hunks) = diff.split_once("@@").unwrap();
            assert!(text.contains(&format!("@@{}", hunks.trim_end())), "{text}\n{diff}");
        }
    }
}

#[tokio::test]
async fn values_of_secrets_are_in_no_answer_of_apply() {
    let namespace = Cluster::get().namespace("applysecret");
    let mut client = admin().await;
    let secret = |version: &str, value: &str| SECRET.replace("VERSION", version).replace("VALUE", value);
    let first = json!({"manifest": secret("1", "correct-horse"), "namespace": namespace.name()});
    let mut texts = vec![ok(&mut client, "kubectl_apply", first).await];
    // The label changes beside an annotation that holds the whole manifest.
    let manifest = secret("2", "correct-horse");
    let labels = json!({"manifest": manifest, "namespace": namespace.name(), "dry_run": "server"});
    texts.push(ok(&mut client, "kubectl_apply", labels).await);
    assert!(texts[1].contains("-    v: \"1\"\n+    v: \"2\""), "{}", texts[1]);
    // What kubectl itself prints does hold it.
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &manifest).unwrap();
    let bare = namespace.kubectl(&["diff", &format!("--filename={}", file.path().display())]);
    assert!(String::from_utf8_lossy(&bare.stdout).contains("correct-horse"));
    // Immutable: kubectl prints the patch that was refused.
    let refused = json!({"manifest": secret("2", "battery-staple"), "namespace": namespace.name()});
    texts.push(err(&mut client, "kubectl_apply", refused).await);
    let broken = json!({"manifest": "apiVersion: v1\nkind: Secret\nmetadata: {name: t}\ndata: {p: '!!battery-staple'}", "namespace": namespace.name()});
    texts.push(err(&mut client, "kubectl_apply", broken).await);
    for text in texts {
        assert!(!text.contains("correct-horse") && !text.contains("battery-staple"), "{text}");
        assert!(!text.contains("Y29ycmVjdC1ob3JzZQ"), "{text}");
    }
}

#[tokio::test]
async fn a_conflict_names_the_owner_and_can_be_forced() {
    let namespace = Cluster::get().namespace("owner");
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), map("a", "1")).unwrap();
    namespace.ask(&[
        "apply",
        "--server-side",
        "--field-manager=the-owner",
        &format!("--filename={}", file.path().display()),
    ]);
    let mut client = admin().await;
    let mut arguments = json!({"manifest": map("a", "2"), "namespace": namespace.name(), "server_side": true});
    let text = err(&mut client, "kubectl_apply", arguments.clone()).await;
    assert!(text.starts_with("conflict: ") && text.contains("\"the-owner\": .data.x"), "{text}");
    arguments["force_conflicts"] = true.into();
    let text = ok(&mut client, "kubectl_apply", arguments).await;
    assert!(text.contains("configmap/a serverside-applied"), "{text}");
    assert_eq!(namespace.ask(&["get", "configmap", "a", "--output=jsonpath={.data.x}"]), "2");
}

#[tokio::test]
async fn deleting_needs_to_be_told_what() {
    let namespace = Cluster::get().namespace("delete");
    namespace.apply(&[map("a", "1"), map("b", "1"), map("c", "1")].join("\n---\n"));
    namespace.ask(&["label", "configmap", "b", "c", "old=1"]);
    let mut client = admin().await;
    let of = |more: serde_json::Value| {
        let mut arguments = json!({"resource": "configmaps", "namespace": namespace.name()});
        arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        arguments
    };
    for more in [json!({}), json!({"selector": ""}), json!({"name": "--all"}), json!({"resource": "all/--all"})] {
        let text = err(&mut client, "kubectl_delete", of(more)).await;
        assert!(text.starts_with("invalid_argument: "), "{text}");
    }
    assert_eq!(namespace.ask(&["get", "configmap", "a", "b", "c", "--output=name"]).lines().count(), 3);
    let text = ok(&mut client, "kubectl_delete", of(json!({"selector": "old=1"}))).await;
    assert!(text.contains("configmap \"b\" deleted") && text.contains("configmap \"c\" deleted"), "{text}");
    let text = ok(&mut client, "kubectl_delete", of(json!({"name": "a", "wait": true}))).await;
    assert!(text.contains("configmap \"a\" deleted"), "{text}");
    let text = err(&mut client, "kubectl_delete", of(json!({"name": "a"}))).await;
    assert!(text.starts_with("not_found: "), "{text}");
}

#[tokio::test]
async fn what_was_deleted_and_what_could_not_be_are_both_told() {
    let namespace = Cluster::get().namespace("part");
    namespace.apply(&map("a", "1"));
    namespace.ask(&["label", "configmap", "a", "old=1"]);
    let user = namespace.user("part", "- {apiGroups: [\"\"], resources: [configmaps], verbs: [get, list, delete]}");
    let mut client = client(&server(&user)).await;
    let arguments = json!({"resource": "configmaps,secrets", "selector": "old=1"});
    let text = ok(&mut client, "kubectl_delete", arguments).await;
    assert!(text.contains(": done, NOT ALL\n") && text.contains("configmap \"a\" deleted"), "{text}");
    assert!(text.contains("failed: ") && text.contains("secrets is forbidden"), "{text}");
}

#[tokio::test]
async fn labels_and_annotations_are_set_changed_and_removed() {
    let namespace = Cluster::get().namespace("label");
    namespace.apply(&map("a", "1"));
    let mut client = admin().await;
    let read =
        |path: &str| namespace.ask(&["get", "configmap", "a", &format!("--output=jsonpath={{.metadata.{path}}}")]);
    let of = |key: &str, value: serde_json::Value, overwrite: bool| json!({"resource": "cm", "name": "a", "namespace": namespace.name(), key: value, "overwrite": overwrite});
    ok(&mut client, "kubectl_label", of("labels", "k=v other=w".into(), false)).await;
    assert_eq!(read("labels"), r#"{"k":"v","other":"w"}"#);
    let text = err(&mut client, "kubectl_label", of("labels", "k=x".into(), false)).await;
    assert!(text.starts_with("conflict: ") && text.contains("'k' already has a value, and overwrite"), "{text}");
    ok(&mut client, "kubectl_label", of("labels", "k=x other-".into(), true)).await;
    assert_eq!(read("labels"), r#"{"k":"x"}"#);
    ok(&mut client, "kubectl_annotate", of("annotations", json!(["note=two words\nand a line", "flag=--all"]), false))
        .await;
    assert_eq!(read("annotations.note"), "two words\nand a line");
    assert_eq!(read("annotations.flag"), "--all");
    for hostile in ["--all", "--overwrite=true", "-l=x"] {
        let text = err(&mut client, "kubectl_label", of("labels", json!([hostile]), false)).await;
        assert!(text.starts_with("invalid_argument: "), "{text}");
    }
}

#[tokio::test]
async fn a_rollout_that_does_not_converge_ends_with_the_cause() {
    let cluster = Cluster::get();
    let namespace = cluster.namespace("rollout");
    namespace.apply(&DEPLOYMENT.replace("IMAGE", cluster.image()));
    let mut client = admin().await;
    let of = |action: &str| json!({"action": action, "resource": "deployment/web", "namespace": namespace.name()});
    let text = ok(&mut client, "kubectl_rollout", of("status")).await;
    assert!(text.contains(": rolled out\n"), "{text}");
    namespace.apply(&DEPLOYMENT.replace("IMAGE", "not-there.invalid/x:1"));
    let mut soon = of("status");
    soon["timeout"] = 30.into();
    let text = ok(&mut client, "kubectl_rollout", soon).await;
    assert!(text.contains(": NOT rolled out\n") && text.contains("cause:\n"), "{text}");
    assert!(text.contains("container a: ErrImageNeverPull") && text.contains("not-there.invalid"), "{text}");
    let text = ok(&mut client, "kubectl_rollout", of("history")).await;
    assert!(text.contains("REVISION"), "{text}");
    ok(&mut client, "kubectl_rollout", of("undo")).await;
    let text = ok(&mut client, "kubectl_rollout", of("status")).await;
    assert!(text.contains(": rolled out\n"), "{text}");
    ok(&mut client, "kubectl_rollout", of("restart")).await;
    let scale = |replicas: u32, current: u32| json!({"resource": "deployment/web", "namespace": namespace.name(), "replicas": replicas, "current_replicas": current});
    let text = err(&mut client, "kubectl_scale", scale(3, 7)).await;
    assert!(text.starts_with("conflict: "), "{text}");
    ok(&mut client, "kubectl_scale", scale(0, 1)).await;
    assert_eq!(namespace.ask(&["get", "deployment", "web", "--output=jsonpath={.spec.replicas}"]), "0");
}

#[tokio::test]
async fn a_rollout_of_many_has_a_few_causes_and_a_failure_is_no_status() {
    let namespace = Cluster::get().namespace("causes");
    namespace.apply(&DEPLOYMENT.replace("IMAGE", "not-there.invalid/x:1").replace("replicas: 1", "replicas: 9"));
    let failing = "--for=jsonpath={.status.unavailableReplicas}=9";
    namespace.wait(&[failing, "deployment/web"]);
    let waiting = || {
        let path = "--output=jsonpath={.items[*].status.containerStatuses[*].state.waiting.reason}";
        namespace.ask(&["get", "pods", path]).matches("ErrImageNeverPull").count()
    };
    harness::until("nine pods without an image", || waiting() == 9).await;
    let mut reader = admin().await;
    let of = |name: &str| json!({"action": "status", "resource": format!("deployment/{name}"), "namespace": namespace.name(), "timeout": 1});
    let text = ok(&mut reader, "kubectl_rollout", of("web")).await;
    assert!(text.contains(": NOT rolled out\n"), "{text}");
    assert_eq!(text.matches(": ErrImageNeverPull").count(), 6, "{text}");
    let text = err(&mut reader, "kubectl_rollout", of("wep")).await;
    assert!(text.starts_with("not_found: ") && text.contains("alike: `web`"), "{text}");
    let mut stranger = client(&server(&namespace.user("stranger", "[]"))).await;
    let text = err(&mut stranger, "kubectl_rollout", of("web")).await;
    assert!(text.starts_with("forbidden: "), "{text}");
}

#[tokio::test]
async fn a_command_s_end_is_told_apart_from_not_getting_there() {
    let namespace = Cluster::get().namespace("exec");
    namespace.apply("apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  terminationGracePeriodSeconds: 0\n  containers:\n  - {name: a, image: \"{{image}}\", imagePullPolicy: Never, command: [sleep, '100000']}\n  - {name: b, image: \"{{image}}\", imagePullPolicy: Never, command: [sleep, '100000']}");
    namespace.wait(&["--for=condition=Ready", "pod/p"]);
    let mut client = admin().await;
    let of = |more: serde_json::Value| {
        let mut arguments = json!({"pod": "p", "namespace": namespace.name(), "container": "a"});
        arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        arguments
    };
    let text = ok(&mut client, "kubectl_exec", of(json!({"command": "echo out; echo bad >&2; exit 7"}))).await;
    assert!(text.contains("pod/p, exit code 7\n") && text.contains("stdout:\n") && framed(&text) == "out", "{text}");
    assert!(text.contains("stderr:\n") && text.contains("\nbad\n") && !text.contains("command terminated"), "{text}");
    // What looks like a flag or like shell is a word of the command.
    let text = ok(&mut client, "kubectl_exec", of(json!({"argv": ["echo", "--server=x", "$(id)", "--"]}))).await;
    assert_eq!(framed(&text), "--server=x $(id) --");
    let text = ok(&mut client, "kubectl_exec", of(json!({"container": "", "command": "true"}))).await;
    assert!(text.contains("exit code 0; container `a of a, b`") && text.ends_with("no output"), "{text}");
    let text = ok(&mut client, "kubectl_exec", of(json!({"command": "seq 100000"}))).await;
    assert!(text.len() < 16_000 && text.contains(" bytes left out here]") && text.contains("\n100000\n"), "{text}");
    let text = ok(&mut client, "kubectl_exec", of(json!({"command": "seq 100000 >&2"}))).await;
    assert!(text.len() < 16_000 && text.contains(" bytes left out here]") && text.contains("\n100000\n"), "{text}");
    let text = ok(&mut client, "kubectl_exec", of(json!({"command": "echo begun; sleep 1000", "timeout": 10}))).await;
    assert!(text.contains("given up after 10 s") && framed(&text) == "begun", "{text}");
    let text = err(&mut client, "kubectl_exec", of(json!({"argv": ["no-such-program"]}))).await;
    assert!(text.starts_with("not_found: "), "{text}");
    let text = err(&mut client, "kubectl_exec", of(json!({"pod": "q", "command": "true"}))).await;
    assert!(text.starts_with("not_found: "), "{text}");
}

#[tokio::test]
async fn no_pod_is_left_whether_it_ends_or_not() {
    let cluster = Cluster::get();
    let namespace = cluster.namespace("run");
    let mut client = admin().await;
    let of = |name: &str, command: &str, timeout: u32| json!({"name": name, "image": cluster.image(), "namespace": namespace.name(), "command": command, "timeout": timeout});
    let text = ok(&mut client, "kubectl_run", of("ends", "echo --hello; exit 4", 60)).await;
    assert!(text.contains("pod ends, exit code 4; it is being removed\n") && framed(&text) == "--hello", "{text}");
    let text = ok(&mut client, "kubectl_run", of("lasts", "echo begun; sleep 1000", 5)).await;
    assert!(text.contains("NOT finished: its time was up; it is being removed\n"), "{text}");
    // Somebody else's pod of the same name stays.
    let mut keep = of("keeps", "echo x", 60);
    keep["rm"] = false.into();
    let text = ok(&mut client, "kubectl_run", keep).await;
    assert!(text.contains("the pod is still there"), "{text}");
    let text = err(&mut client, "kubectl_run", of("keeps", "echo y", 60)).await;
    assert!(text.starts_with("conflict: "), "{text}");
    // Cancelled while it runs.
    let params = json!({"name": "kubectl_run", "arguments": of("cancelled", "sleep 1000", 600)});
    let id = client.ask("tools/call", params).await;
    namespace.wait(&["--for=create", "pod/cancelled"]);
    client.notify("notifications/cancelled", json!({"requestId": id})).await;
    for name in ["ends", "lasts", "cancelled"] {
        namespace.wait(&["--for=delete", &format!("pod/{name}")]);
    }
    assert_eq!(namespace.ask(&["get", "pods", "--output=name"]).trim(), "pod/keeps");
}

#[tokio::test]
async fn a_pod_that_cannot_run_is_not_waited_for() {
    let namespace = Cluster::get().namespace("hopeless");
    let mut client = admin().await;
    let arguments =
        json!({"name": "never", "image": "not-there.invalid/x:1", "namespace": namespace.name(), "timeout": 40});
    let text = ok(&mut client, "kubectl_run", arguments).await;
    assert!(
        text.contains("pod never, NOT finished: it cannot run; it is being removed\n") && text.contains("ImagePull"),
        "{text}"
    );
    namespace.wait(&["--for=delete", "pod/never"]);
}

#[tokio::test]
async fn no_pod_is_left_by_a_call_whose_answer_was_lost_or_that_is_slow_to_remove_it() {
    use std::os::unix::fs::PermissionsExt;
    let cluster = Cluster::get();
    let namespace = cluster.namespace("lost");
    let of = |name: &str| json!({"name": "kubectl_run", "arguments": {"name": name, "image": cluster.image(), "namespace": namespace.name(), "command": "sleep 1000", "timeout": 600}});
    // A kubectl whose answers about new pods do not come, and that is slow to delete where there is a file that says so.
    let directory = tempfile::tempdir().unwrap();
    let (wrapper, slow) = (directory.path().join("kubectl"), directory.path().join("slow"));
    let script = format!(
        "#!/bin/sh\n[ -e {} ] && [ \"$1\" = delete ] && sleep 3\n{} \"$@\" || exit\n[ \"$1\" = run ] && exec sleep 1000\nexit 0\n",
        slow.display(),
        cluster.kubectl_path().display()
    );
    std::fs::write(&wrapper, script).unwrap();
    std::fs::set_permissions(&wrapper, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:/usr/bin:/bin", directory.path().display());
    let mut lost = client(&server(cluster.kubeconfig()).env("PATH", path)).await;
    for name in ["lost", "slow"] {
        let id = lost.ask("tools/call", of(name)).await;
        namespace.wait(&["--for=create", &format!("pod/{name}")]);
        lost.notify("notifications/cancelled", json!({"requestId": id})).await;
        namespace.wait(&["--for=delete", &format!("pod/{name}")]);
        // From now on deleting outlasts the grace that a cancelled call has.
        std::fs::write(&slow, "").unwrap();
    }
}

#[tokio::test]
async fn no_pod_runs_on_when_its_server_has_ended() {
    let cluster = Cluster::get();
    let namespace = cluster.namespace("ended");
    let of = |name: &str| json!({"name": "kubectl_run", "arguments": {"name": name, "image": cluster.image(), "namespace": namespace.name(), "command": "sleep 1000", "timeout": 15}});
    let (mut closed, mut killed) = (admin().await, admin().await);
    closed.ask("tools/call", of("closed")).await;
    killed.ask("tools/call", of("killed")).await;
    namespace.wait(&["--for=create", "pod/closed"]);
    closed.close().await;
    namespace.wait(&["--for=create", "pod/killed"]);
    killed.signal(rustix::process::Signal::KILL);
    assert!(closed.ended().await.success());
    killed.ended().await;
    // Who ends removes it if there is time; who is killed cannot. Then the kubelet ends it, half a minute after its time.
    let running = || {
        let path = "--output=jsonpath={range .items[*]}{.metadata.name}={.status.phase} {end}";
        let left = namespace.ask(&["get", "pods", path]);
        left.split_whitespace().any(|pod| !pod.ends_with("=Failed"))
    };
    // The container does not listen to SIGTERM, so that its grace passes, too.
    let began = std::time::Instant::now();
    while running() {
        assert!(began.elapsed() < std::time::Duration::from_secs(180), "the end of both pods did not come");
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    }
}

#[tokio::test]
async fn words_of_later_runs_hold_no_value_of_a_secret_either() {
    let namespace = Cluster::get().namespace("later");
    let mut client = admin().await;
    // The value stands where it is refused, too, so that kubectl's words repeat it.
    let broken = "apiVersion: v1\nkind: Secret\nmetadata: {name: t, labels: {v: 'battery staple!'}}\nstringData: {w: 'battery staple!'}";
    namespace.apply(&map("a", "1"));
    let manifest = [map("a", "1"), broken.to_owned()].join("\n---\n");
    let tried = json!({"manifest": manifest, "namespace": namespace.name(), "dry_run": "server"});
    let text = ok(&mut client, "kubectl_apply", tried).await;
    assert!(text.contains(": 1 would be applied, 1 FAILED") && text.contains("no diff: "), "{text}");
    assert!(!text.contains("battery staple") && text.contains("[masked]"), "{text}");
    // A kind that comes with the manifest is tried again.
    let group = format!("{}.example.org", namespace.name());
    let crd = format!(
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {{name: bars.{group}}}\nspec:\n  group: {group}\n  scope: Namespaced\n  \
         names: {{plural: bars, singular: bar, kind: Bar}}\n  versions: [{{name: v1, served: true, storage: true, schema: {{openAPIV3Schema: {{type: object}}}}}}]"
    );
    let manifest = format!("{crd}\n---\napiVersion: {group}/v1\nkind: Bar\nmetadata: {{name: f}}\n---\n{broken}");
    let text = ok(&mut client, "kubectl_apply", json!({"manifest": manifest, "namespace": namespace.name()})).await;
    namespace.kubectl(&["delete", "crd", &format!("bars.{group}"), "--wait=false"]);
    assert!(text.contains(": 2 applied, 1 FAILED") && text.contains(&format!("bar.{group}/f created")), "{text}");
    assert!(!text.contains("battery staple") && text.contains("[masked]"), "{text}");
}
