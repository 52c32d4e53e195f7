//! `kube_diff` and `kube_apply`: what would change is what then changes.

use harness::cluster::Cluster;
use serde_json::{Value, json};

use crate::{admin, client, err, framed, ok, server};

const DEPLOYMENT: &str = r#"
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: REPLICAS
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
      - {name: a, image: "IMAGE", imagePullPolicy: Never, command: [sleep, "100000"], ports: [{containerPort: 80}], resources: {requests: {cpu: CPU, memory: 1Mi}}}
"#;

fn map(name: &str, value: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{v: \"{value}\"}}\n")
}

fn deployment(replicas: &str, cpu: &str) -> String {
    let image = Cluster::get().image();
    DEPLOYMENT.replace("REPLICAS", replicas).replace("CPU", cpu).replace("IMAGE", image)
}

fn crd(group: &str) -> String {
    format!(
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {{name: foos.{group}}}\nspec:\n  group: {group}\n  scope: Namespaced\n  \
         names: {{plural: foos, singular: foo, kind: Foo}}\n  versions: [{{name: v1, served: true, storage: true, schema: {{openAPIV3Schema: {{type: object, x-kubernetes-preserve-unknown-fields: true}}}}}}]\n"
    )
}

#[tokio::test]
async fn what_diff_shows_is_what_apply_does_and_then_there_is_no_change() {
    let namespace = Cluster::get().namespace("exdiff");
    let mut client = admin().await;
    let with = |key: &str, text: &str| json!({key: text, "namespace": namespace.name()});
    let both = deployment("1", "1m") + "---\n" + &map("c", "1");
    let text = ok(&mut client, "kube_diff", with("source", &both)).await;
    assert!(text.contains("nothing was changed; 2 documents: 2 new"), "{text}");
    assert_eq!(framed(&text), "deployment.apps/web (new)\nconfigmap/c (new)");
    assert_eq!(namespace.ask(&["get", "configmap,deployment", "--output=name"]).matches("web").count(), 0);
    let text = ok(&mut client, "kube_apply", with("yaml", &both)).await;
    assert!(text.contains(": 2 applied\n"), "{text}");
    assert_eq!(framed(&text), "deployment.apps/web created\nconfigmap/c created");
    // The same in other spellings of its quantities: one line a document.
    let same = deployment("1", "0.001").replace("1Mi", "1024Ki") + "---\n" + &map("c", "1");
    let text = ok(&mut client, "kube_diff", with("source", &same)).await;
    assert_eq!(framed(&text), "deployment.apps/web no change\nconfigmap/c no change", "{text}");
    let text = ok(&mut client, "kube_apply", with("yaml", &same)).await;
    assert_eq!(framed(&text), "deployment.apps/web unchanged\nconfigmap/c unchanged", "{text}");
    let other = deployment("0", "2m") + "---\n" + &map("c", "2");
    let fields = "deployment.apps/web:\n  ~ spec.replicas: 1 → 0 [kube-explore (Apply)]\n  ~ spec.template.spec.containers[name=a].resources.requests.cpu: \"1m\" → \"2m\" [kube-explore (Apply)]\nconfigmap/c:\n  ~ data.v: \"1\" → \"2\" [kube-explore (Apply)]";
    let text = ok(&mut client, "kube_diff", with("source", &other)).await;
    assert_eq!(
        framed(&text),
        format!("deployment.apps/web changes in 2 fields\nconfigmap/c changes in 1 field\n{fields}")
    );
    let mut dry = with("yaml", &other);
    dry["dry_run"] = true.into();
    let text = ok(&mut client, "kube_apply", dry).await;
    assert!(text.contains("2 would be applied (dry run: nothing was changed)") && text.contains(fields), "{text}");
    assert_eq!(namespace.ask(&["get", "configmap", "c", "--output=jsonpath={.data.v}"]), "1");
    let text = ok(&mut client, "kube_apply", with("yaml", &other)).await;
    assert_eq!(framed(&text), "deployment.apps/web configured in 2 fields\nconfigmap/c configured in 1 field");
    assert_eq!(namespace.ask(&["get", "configmap", "c", "--output=jsonpath={.data.v}"]), "2");
}

#[tokio::test]
async fn diff_is_there_in_readonly_and_changes_nothing_whatever_it_is_given() {
    let namespace = Cluster::get().namespace("exreadonly");
    namespace.apply(&map("c", "1"));
    let mut client = client(&server(Cluster::get().kubeconfig()).env("MODE", "readonly")).await;
    let names: Vec<String> =
        client.tools().await.iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect();
    assert!(
        names.iter().any(|name| name == "kube_diff") && !names.iter().any(|name| name == "kube_apply"),
        "{names:?}"
    );
    let before = namespace.ask(&["get", "configmap", "c", "--output=jsonpath={.metadata.resourceVersion}"]);
    let hostile = [
        map("c", "2"),
        map("new", "2"),
        map("\"c?dryRun=&x=\"", "2"),
        map("\"c?fieldManager=x&force=true#\"", "2"),
        map("\"../configmaps/c\"", "2"),
        map("c", "2").replace("kind: ConfigMap", "kind: ConfigMap\ndryRun: []\ndry_run: false"),
    ];
    for source in &hostile {
        let _ = crate::ask(&mut client, "kube_diff", json!({"source": source, "namespace": namespace.name()})).await;
    }
    let _ =
        crate::ask(&mut client, "kube_diff", json!({"source": hostile.join("---\n"), "namespace": namespace.name()}))
            .await;
    assert_eq!(namespace.ask(&["get", "configmap", "c", "--output=jsonpath={.metadata.resourceVersion}"]), before);
    assert!(!namespace.ask(&["get", "configmaps", "--output=name"]).contains("new"));
    // Neither is an argument known that would.
    let text = err(&mut client, "kube_diff", json!({"source": map("c", "2"), "dry_run": false})).await;
    assert!(text.starts_with("invalid_argument: "), "{text}");
    let text = err(&mut client, "kube_apply", json!({"yaml": map("c", "2")})).await;
    assert!(text.starts_with("readonly: "), "{text}");
}

#[tokio::test]
async fn each_document_has_its_outcome_and_none_hides_another() {
    let namespace = Cluster::get().namespace("exapply");
    let mut client = admin().await;
    let mixed = [
        map("a", "1"),
        "apiVersion: example.invalid/v1\nkind: Foo\nmetadata: {name: f}\n".into(),
        map("Not_A_Name", "1"),
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: g}\ndata: {v: {w: 1}}\n".into(),
        map("b", "1"),
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndat: {}\n".into(),
    ]
    .join("---\n");
    let text = ok(&mut client, "kube_apply", json!({"yaml": mixed, "namespace": namespace.name()})).await;
    assert!(text.contains(": 2 applied, 4 FAILED\n"), "{text}");
    let lines: Vec<&str> = framed(&text).lines().collect();
    assert_eq!(lines.len(), 6, "{text}");
    for (line, expected) in lines.iter().zip([
        "configmap/a created",
        "foo.example.invalid/f failed: the cluster has no kind Foo in example.invalid/v1",
        "configmap/Not_A_Name failed: ",
        "configmap/g failed: it is no object of its kind: .data.v: expected string",
        "configmap/b created",
        "configmap/c failed: it is no object of its kind: .dat: field not declared in schema",
    ]) {
        assert!(line.starts_with(expected), "{line}\n{expected}");
    }
    // What cannot be read as a whole changes nothing.
    let broken = map("late", "1") + "---\n" + &map("x", "1") + "data: {}\n";
    let text = err(&mut client, "kube_apply", json!({"yaml": broken, "namespace": namespace.name()})).await;
    assert!(text.starts_with("invalid_argument: document 2, line 10: the key `data` stands here twice"), "{text}");
    assert!(!namespace.ask(&["get", "configmaps", "--output=name"]).contains("late"));
    // Nothing that went well is an error, which still names all.
    let none = map("A_", "1") + "---\n" + &map("B_", "1");
    let text = err(&mut client, "kube_apply", json!({"yaml": none, "namespace": namespace.name()})).await;
    assert!(text.starts_with("invalid_argument: none of 2 documents was applied"), "{text}");
    assert!(text.contains("configmap/A_: ") && text.contains("configmap/B_: "), "{text}");
    let generated = "apiVersion: v1\nkind: ConfigMap\nmetadata: {generateName: x-}\n";
    for tool in ["kube_apply", "kube_diff"] {
        let text = err(&mut client, tool, json!({"source": generated})).await;
        assert!(text.starts_with("invalid_argument: document 1: generateName "), "{text}");
    }
}

#[tokio::test]
async fn a_namespace_is_for_documents_without_one() {
    let (namespace, other) = (Cluster::get().namespace("exns"), Cluster::get().namespace("exns2"));
    let mut client = admin().await;
    let there = map("b", "1").replace("{name: b}", &format!("{{name: b, namespace: {}}}", other.name()));
    let text = err(&mut client, "kube_apply", json!({"yaml": there, "namespace": namespace.name()})).await;
    assert!(text.starts_with("invalid_argument: document 1: its namespace is "), "{text}");
    let cluster_wide = format!(
        "apiVersion: v1\nkind: PersistentVolume\nmetadata: {{name: {}}}\nspec: {{capacity: {{storage: 1Mi}}, accessModes: [ReadWriteOnce], hostPath: {{path: /none}}}}\n",
        namespace.name()
    );
    let text = ok(&mut client, "kube_apply", json!({"yaml": there + "---\n" + &cluster_wide})).await;
    namespace.kubectl(&["delete", "persistentvolume", namespace.name(), "--wait=false"]);
    assert_eq!(
        framed(&text),
        format!("configmap/b in {} created\npersistentvolume/{} created", other.name(), namespace.name())
    );
    assert_eq!(other.ask(&["get", "configmap", "b", "--output=jsonpath={.data.v}"]), "1");
    let user = namespace.user("exns", "- {apiGroups: [\"\"], resources: [configmaps], verbs: [get, patch, create]}");
    let mut own = crate::client(&server(&user)).await;
    let text = ok(&mut own, "kube_apply", json!({"yaml": map("mine", "1")})).await;
    assert!(text.contains(&format!("namespace `{}`: 1 applied", namespace.name())), "{text}");
    let text = err(&mut client, "kube_apply", json!({"yaml": map("x", "1"), "namespace": "*"})).await;
    assert!(text.starts_with("invalid_argument: "), "{text}");
    let text = err(&mut client, "kube_apply", json!({"yaml": map("x", "1"), "namespace": "not-there-at-all"})).await;
    assert!(text.starts_with("not_found: ") && text.contains("namespaces \"not-there-at-all\" not found"), "{text}");
}

#[tokio::test]
async fn a_conflict_names_field_and_owner_and_can_be_forced() {
    let namespace = Cluster::get().namespace("exowner");
    namespace.apply(&deployment("1", "1m"));
    let mut client = admin().await;
    namespace.ask(&["scale", "deployment", "web", "--replicas=2"]);
    let with = |key: &str| json!({key: deployment("3", "1m"), "namespace": namespace.name()});
    let text = ok(&mut client, "kube_diff", with("source")).await;
    let conflict = "\n  conflict with kubectl with subresource scale: .spec.replicas\n";
    assert!(
        text.contains("changes in 1 field: applying it needs force_conflicts=true") && text.contains(conflict),
        "{text}"
    );
    assert!(text.contains("  ~ spec.replicas: 2 → 3 [kubectl (Update, scale)]"), "{text}");
    let text = err(&mut client, "kube_apply", with("yaml")).await;
    assert!(
        text.starts_with("conflict: ") && text.contains("kubectl with subresource scale: .spec.replicas"),
        "{text}"
    );
    assert!(text.contains("force_conflicts=true"), "{text}");
    let replicas = || namespace.ask(&["get", "deployment", "web", "--output=jsonpath={.spec.replicas}"]);
    assert_eq!(replicas(), "2");
    // Beside a document that goes well, it is in the list.
    let mut arguments = with("yaml");
    arguments["yaml"] = (deployment("3", "1m") + "---\n" + &map("c", "1")).into();
    let text = ok(&mut client, "kube_apply", arguments.clone()).await;
    assert!(text.contains(": 1 applied, 1 FAILED") && text.contains(conflict), "{text}");
    arguments["force_conflicts"] = true.into();
    let text = ok(&mut client, "kube_apply", arguments).await;
    assert!(text.contains("deployment.apps/web configured in 1 field"), "{text}");
    assert_eq!(replicas(), "3");
}

#[tokio::test]
async fn what_was_changed_since_the_last_apply_is_told_with_who_did() {
    let namespace = Cluster::get().namespace("exsince");
    namespace.apply(&deployment("0", "1m"));
    let mut client = admin().await;
    let of = |name: &str| json!({"name": name, "namespace": namespace.name()});
    let text = ok(&mut client, "kube_diff", of("deploy/web")).await;
    assert!(text.contains("`deployment.apps/web` was applied last by `kubectl-client-side-apply (Update)`"), "{text}");
    assert!(text.ends_with(": no change since"), "{text}");
    namespace.ask(&["scale", "deployment", "web", "--replicas=1"]);
    namespace.ask(&["label", "deployment", "web", "by=hand"]);
    namespace.ask(&["set", "env", "deployment/web", "A=b"]);
    let text = ok(&mut client, "kube_diff", of("web")).await;
    assert!(text.contains(": 3 fields were changed or set by others since\n"), "{text}");
    let lines: Vec<&str> = framed(&text).lines().map(str::trim).collect();
    assert!(lines.contains(&"~ spec.replicas: 0 → 1 [kubectl (Update, scale)]"), "{text}");
    assert!(lines.contains(&"= metadata.labels.by: \"hand\" [kubectl-label (Update)]"), "{text}");
    assert!(lines.iter().any(|line| line.starts_with("= spec.template.spec.containers[name=a].env") && line.contains("kubectl-set")), "{text}");
    // After a server-side apply it is known who, and not what was there before.
    ok(
        &mut client,
        "kube_apply",
        json!({"yaml": map("c", "1").replace("{v:", "{kept: \"1\", v:"), "namespace": namespace.name()}),
    )
    .await;
    namespace.ask(&["patch", "configmap", "c", "--patch={\"data\":{\"v\":\"2\"}}", "--field-manager=somebody"]);
    let text = ok(&mut client, "kube_diff", of("configmap/c")).await;
    assert!(text.contains("by `kube-explore (Apply)`") && text.contains("what the values were is not kept"), "{text}");
    assert_eq!(framed(&text).trim(), "= data.v: \"2\" [somebody (Update)]");
    namespace.ask(&["create", "configmap", "d", "--from-literal=v=1"]);
    let text = ok(&mut client, "kube_diff", of("configmap/d")).await;
    assert!(text.contains("has no field of an apply, it was written by `kubectl-create (Update)`"), "{text}");
    let text = err(&mut client, "kube_diff", json!({})).await;
    assert!(text.starts_with("invalid_argument: "), "{text}");
}

#[tokio::test]
async fn an_order_of_variables_or_init_containers_is_a_change() {
    let namespace = Cluster::get().namespace("exorder");
    let with = |env: &str, init: &str| {
        let image = Cluster::get().image();
        let init: Vec<String> = init
            .split(' ')
            .map(|name| format!("{{name: {name}, image: \"{image}\", imagePullPolicy: Never, command: [\"true\"]}}"))
            .collect();
        let env: Vec<String> = env.split(' ').map(|name| format!("{{name: {name}, value: x}}")).collect();
        deployment("0", "1m").replace(
            "      containers:\n      - {name: a,",
            &format!(
                "      initContainers: [{}]\n      containers:\n      - {{name: a, env: [{}],",
                init.join(", "),
                env.join(", ")
            ),
        )
    };
    namespace.apply(&with("A B", "i j"));
    let generation = || namespace.ask(&["get", "deployment", "web", "--output=jsonpath={.metadata.generation}"]);
    let mut client = admin().await;
    let arguments = |key: &str, text: &str| json!({key: text, "namespace": namespace.name()});
    let env = "~ spec.template.spec.containers[name=a].env: order A, B → B, A";
    let text = ok(&mut client, "kube_diff", arguments("source", &with("B A", "i j"))).await;
    assert_eq!(framed(&text), format!("deployment.apps/web changes in 1 field\n  {env}"));
    assert_eq!(generation(), "1");
    let text = ok(&mut client, "kube_apply", arguments("yaml", &with("B A", "i j"))).await;
    assert_eq!((framed(&text), generation().as_str()), ("deployment.apps/web configured in 1 field", "2"));
    let text = ok(&mut client, "kube_apply", arguments("yaml", &with("B A", "i j"))).await;
    assert_eq!((framed(&text), generation().as_str()), ("deployment.apps/web unchanged", "2"));
    let text = ok(&mut client, "kube_diff", arguments("source", &with("B A", "j i"))).await;
    let init = "~ spec.template.spec.initContainers: order i, j → j, i";
    assert_eq!(framed(&text), format!("deployment.apps/web changes in 1 field\n  {init}"));
    let text = ok(&mut client, "kube_apply", arguments("yaml", &with("B A", "j i"))).await;
    assert_eq!((framed(&text), generation().as_str()), ("deployment.apps/web configured in 1 field", "3"));
    // Moved by somebody after it was applied.
    namespace.apply(&with("A B", "i j").replace("name: web}", "name: moved}"));
    namespace.ask(&[
        "patch",
        "deployment",
        "moved",
        "--type=json",
        "--patch=[{\"op\":\"replace\",\"path\":\"/spec/template/spec/containers/0/env\",\"value\":[{\"name\":\"B\",\"value\":\"x\"},{\"name\":\"A\",\"value\":\"x\"}]}]",
    ]);
    let text = ok(&mut client, "kube_diff", arguments("name", "deploy/moved")).await;
    assert!(text.contains(": 1 field was changed or set by others since"), "{text}");
    assert_eq!(framed(&text).trim(), env);
}

#[tokio::test]
async fn of_custom_resources_every_spelling_and_a_plain_status_are_changes() {
    let namespace = Cluster::get().namespace("excustom");
    let group = format!("{}.example.org", namespace.name());
    let mut client = admin().await;
    let foo = |fields: &str| {
        format!("apiVersion: {group}/v1\nkind: Foo\nmetadata: {{name: f}}\n") + &fields.replace(';', "\n") + "\n"
    };
    let with = |key: &str, text: &str| json!({key: text, "namespace": namespace.name()});
    let first = "version: 1;limits: {name: \"1000\"};words: {storage: 1k};status: {phase: a};spec: {containers: [{name: a}, {name: b}]}";
    ok(&mut client, "kube_apply", with("yaml", &(crd(&group) + "---\n" + &foo(first)))).await;
    let again = ok(&mut client, "kube_apply", with("yaml", &foo(first))).await;
    let mut told = Vec::new();
    let mut source = first.to_owned();
    for (old, new, expected) in [
        ("version: 1", "version: \"1\"", "~ version: 1 → \"1\""),
        ("name: \"1000\"", "name: 1k", "~ limits.name: \"1000\" → \"1k\""),
        ("storage: 1k", "storage: \"1000\"", "~ words.storage: \"1k\" → \"1000\""),
        ("phase: a", "phase: b", "~ status.phase: \"a\" → \"b\""),
    ] {
        source = source.replace(old, new);
        let shown = ok(&mut client, "kube_diff", with("source", &foo(&source))).await;
        let done = ok(&mut client, "kube_apply", with("yaml", &foo(&source))).await;
        told.push((shown, done, expected));
    }
    namespace.kubectl(&["delete", "crd", &format!("foos.{group}"), "--wait=false"]);
    assert_eq!(framed(&again), format!("foo.{group}/f unchanged"));
    for (shown, done, expected) in told {
        assert_eq!(framed(&shown), format!("foo.{group}/f changes in 1 field\n  {expected} [kube-explore (Apply)]"));
        assert_eq!(framed(&done), format!("foo.{group}/f configured in 1 field"));
    }
}

#[tokio::test]
async fn what_was_removed_after_a_server_side_apply_is_not_denied() {
    let namespace = Cluster::get().namespace("exremoved");
    let mut client = admin().await;
    ok(
        &mut client,
        "kube_apply",
        json!({"yaml": map("c", "1").replace("{v:", "{kept: \"1\", v:"), "namespace": namespace.name()}),
    )
    .await;
    namespace.ask(&["patch", "configmap", "c", "--patch={\"data\":{\"v\":null}}", "--field-manager=somebody"]);
    assert_eq!(namespace.ask(&["get", "configmap", "c", "--output=jsonpath={.data}"]), "{\"kept\":\"1\"}");
    let text = ok(&mut client, "kube_diff", json!({"name": "configmap/c", "namespace": namespace.name()})).await;
    assert!(text.contains("fields that were removed since cannot be seen") && !text.contains("no change"), "{text}");
}

#[tokio::test]
async fn a_kind_and_its_object_come_in_one_text() {
    let namespace = Cluster::get().namespace("excrd");
    let group = format!("{}.example.org", namespace.name());
    let both = crd(&group)
        + "---\n"
        + &format!("apiVersion: {group}/v1\nkind: Foo\nmetadata: {{name: f}}\nspec: {{a: {{}}}}\n");
    let mut client = admin().await;
    let with = |key: &str| json!({key: both, "namespace": namespace.name()});
    let text = ok(&mut client, "kube_diff", with("source")).await;
    assert!(text.contains(&format!("foo.{group}/f (new): not tried: its kind comes with this source")), "{text}");
    let text = ok(&mut client, "kube_apply", with("yaml")).await;
    let done = text.contains(": 2 applied\n") && text.contains(&format!("foo.{group}/f created"));
    let again = ok(&mut client, "kube_diff", with("source")).await;
    namespace.kubectl(&["delete", "crd", &format!("foos.{group}"), "--wait=false"]);
    assert!(done, "{text}");
    assert!(again.contains("2 documents: 2 no change"), "{again}");
    // A namespace that comes with the source, too.
    let name = format!("{}-new", namespace.name());
    let inside = map("c", "1").replace("{name: c}", &format!("{{name: c, namespace: {name}}}"));
    let source = format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: {name}}}\n---\n{inside}");
    let text = ok(&mut client, "kube_diff", json!({"source": source})).await;
    assert!(text.contains(&format!("not tried: its namespace {name} comes with this source")), "{text}");
    let text = ok(&mut client, "kube_apply", json!({"yaml": source})).await;
    namespace.kubectl(&["delete", "namespace", &name, "--wait=false"]);
    assert!(text.contains(": 2 applied\n"), "{text}");
}

#[tokio::test]
async fn values_of_secrets_are_in_no_answer() {
    let namespace = Cluster::get().namespace("exsecret");
    let mut client = admin().await;
    let secret = |value: &str| {
        format!(
            "apiVersion: v1\nkind: Secret\nmetadata: {{name: s}}\nstringData: {{word: {value}, same: battery-staple}}\n"
        )
    };
    let with = |key: &str, text: String| json!({key: text, "namespace": namespace.name()});
    let mut texts = vec![ok(&mut client, "kube_apply", with("yaml", secret("correct-horse"))).await];
    texts.push(ok(&mut client, "kube_diff", with("source", secret("correct-house"))).await);
    assert!(
        framed(&texts[1]).contains("~ data.word: \"[masked: 13 bytes]\" → another value, masked alike"),
        "{}",
        texts[1]
    );
    texts.push(err(&mut client, "kube_apply", with("yaml", secret("{deep: correct-horse}"))).await);
    texts.push(
        err(&mut client, "kube_apply", with("yaml", secret("correct-horse").replace("stringData", "data"))).await,
    );
    namespace.apply(&secret("correct-horse").replace("name: s", "name: t"));
    namespace.ask(&[
        "patch",
        "secret",
        "t",
        "--patch={\"stringData\":{\"word\":\"correct-house\",\"more\":\"correct-mouse\"}}",
    ]);
    texts.push(ok(&mut client, "kube_diff", json!({"name": "secret/t", "namespace": namespace.name()})).await);
    assert!(framed(&texts[4]).contains("data.more: \"[masked: 13 bytes]\""), "{}", texts[4]);
    for text in texts {
        for value in ["correct-h", "correct-m", "battery", "Y29ycmVjd", "YmF0dGVye"] {
            assert!(!text.contains(value), "{text}");
        }
    }
}

#[tokio::test]
async fn who_may_not_try_is_answered_with_what_can_be_read() {
    let namespace = Cluster::get().namespace("exreader");
    namespace.apply(&map("c", "1"));
    let user = namespace.user("exreader", "- {apiGroups: [\"\"], resources: [configmaps], verbs: [get]}");
    let mut client = client(&server(&user)).await;
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\n";
    let source = [map("c", "2"), map("d", "2"), secret.to_owned()].join("---\n");
    let text = ok(&mut client, "kube_diff", json!({"source": source})).await;
    let inside = framed(&text);
    assert!(
        inside.contains("configmap/c changes in 1 field: not tried, patching is forbidden: compared as written"),
        "{text}"
    );
    assert!(inside.contains("~ data.v: \"1\" → \"2\" [kubectl-client-side-apply (Update)]"), "{text}");
    assert!(inside.contains("configmap/d (new): not tried, patching is forbidden"), "{text}");
    assert!(inside.contains("secret/s failed: live could not be read: forbidden"), "{text}");
    let text = err(&mut client, "kube_apply", json!({"yaml": map("c", "2")})).await;
    assert!(text.starts_with("forbidden: "), "{text}");
}

#[tokio::test]
async fn answers_are_bounded() {
    let namespace = Cluster::get().namespace("exlarge");
    let mut client = admin().await;
    let large = |value: u32| {
        let entries: String = (0..5_000).map(|n| format!("  k{n}: \"{value}\"\n")).collect();
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: large\n  annotations: {{note: \"{}\"}}\ndata:\n{entries}",
            value.to_string().repeat(100_000)
        )
    };
    ok(&mut client, "kube_apply", json!({"yaml": large(1), "namespace": namespace.name()})).await;
    let arguments = json!({"source": large(2), "namespace": namespace.name(), "budget": 500});
    let text = ok(&mut client, "kube_diff", arguments).await;
    assert!(
        text.len() <= 2_000 && text.contains("changes in 5001 fields") && text.contains(" of 5001 changes"),
        "{text}"
    );
    let result: Value = client.call("kube_diff", json!({"source": "a: &a [x]\nb: &b [*a, *a]\n".repeat(3)})).await;
    assert_eq!(result["isError"], true);
}
