//! No value of any parameter becomes a flag: every tool that is listed is called with hostile values in every place that takes text, and a
//! kubectl that keeps a record shows which arguments arrived.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use harness::{Client, cluster::Cluster};
use serde_json::{Map, Value, json};

use crate::{client, server};

/// What an agent may have read somewhere.
const HOSTILE: [&str; 28] = [
    "--server=https://evil.invalid",
    "--kubeconfig=/etc/passwd",
    "--token=evil",
    "--as=evil",
    "--raw=/evil",
    "--all",
    "-A",
    "-w",
    "-oyaml",
    "-f https://evil.invalid/x.yaml",
    "-",
    "--",
    "evil --server=https://evil.invalid",
    "evil\t--all",
    "evil\n--all",
    "evil\r--all",
    "evil'\"$(touch evil)`touch evil`;touch evil",
    "pods/evil/exec",
    "evil/--all",
    "evil,--all",
    "../evil",
    "@/etc/passwd",
    "go-template-file=/etc/passwd",
    "jsonpath-file=/etc/passwd",
    "custom-columns-file=/etc/passwd",
    "evil=--all",
    "evil\u{0}x",
    "\u{202e}--lla",
];

/// Flags that the tools may send, ours all of them; what begins with a dash and is none of these came from a caller.
const OURS: [&str; 41] = [
    "--all-namespaces",
    "--api-group",
    "--api-version",
    "--containers",
    "--context",
    "--field-selector",
    "--namespace",
    "--namespaced",
    "--no-headers",
    "--output",
    "--pod-running-timeout",
    "--recursive",
    "--request-timeout",
    "--selector",
    "--sort-by",
    "--verbs",
    "--tail",
    "--since",
    "--previous",
    "--all-containers",
    "--container",
    "--timestamps",
    "--prefix",
    "--max-log-requests",
    "--limit-bytes",
    "--ignore-errors",
    "--since-time",
    "--command",
    "--current-replicas",
    "--dry-run",
    "--filename",
    "--grace-period",
    "--ignore-not-found",
    "--image",
    "--labels",
    "--overrides",
    "--replicas",
    "--restart",
    "--timeout",
    "--validate",
    "--wait",
];

/// Verbs that a tool of the readonly mode may use.
const VERBS: [&str; 7] = ["get", "describe", "logs", "top", "api-resources", "explain", "config"];

/// Verbs that tools of the readwrite mode use besides.
const WRITES: [&str; 10] = ["annotate", "apply", "cp", "create", "delete", "exec", "label", "rollout", "run", "scale"];

/// A kubectl that writes its arguments down, apart by NUL, and runs the real one.
fn recording(directory: &Path) {
    let wrapper = directory.join("kubectl");
    let script = format!(
        "#!/bin/bash\nprintf '%s\\0' \"$@\" > \"$(mktemp {record}/XXXXXXXX)\"\nexec {real} \"$@\"\n",
        record = directory.join("record").display(),
        real = Cluster::get().kubectl_path().display()
    );
    fs::create_dir(directory.join("record")).unwrap();
    fs::write(&wrapper, script).unwrap();
    fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o755)).unwrap();
    // A plug-in of kubectl's, which nothing may reach.
    for name in ["kubectl-evil", "kubectl-get-evil"] {
        fs::write(directory.join(name), format!("#!/bin/sh\ntouch {}/plugin-ran\n", directory.display())).unwrap();
        fs::set_permissions(directory.join(name), fs::Permissions::from_mode(0o755)).unwrap();
    }
}

/// The calls since the last time.
fn recorded(directory: &Path) -> Vec<Vec<String>> {
    let mut calls = Vec::new();
    for file in fs::read_dir(directory.join("record")).unwrap() {
        let path = file.unwrap().path();
        let text = String::from_utf8(fs::read(&path).unwrap()).unwrap();
        fs::remove_file(path).unwrap();
        calls.push(text.split_terminator('\0').map(str::to_owned).collect());
    }
    calls
}

/// Arguments of `tool` that mean something harmless, with every required one.
fn harmless(tool: &Value) -> Map<String, Value> {
    let mut arguments = Map::new();
    for name in tool["inputSchema"]["required"].as_array().unwrap() {
        let name = name.as_str().unwrap();
        let property = &tool["inputSchema"]["properties"][name];
        let value = match (&property["enum"], name, property["type"].as_str()) {
            (Value::Array(choices), ..) => choices[0].clone(),
            (_, "resource", _) => json!("pods"),
            (_, _, Some("integer")) => json!(0),
            (_, _, Some("boolean")) => json!(false),
            _ => json!("harmless"),
        };
        arguments.insert(name.to_owned(), value);
    }
    arguments
}

/// The string parameters of `tool` that are not a closed set.
fn places(tool: &Value) -> Vec<String> {
    let properties = tool["inputSchema"]["properties"].as_object().unwrap();
    let takes_text = |property: &Value| {
        property["enum"].is_null()
            && (property["type"] == "string"
                || property["anyOf"]
                    .as_array()
                    .is_some_and(|choices| choices.iter().any(|choice| choice["type"] == "string")))
    };
    properties
        .iter()
        .filter(|(name, property)| takes_text(property) && *name != "cursor")
        .map(|(name, _)| name.clone())
        .collect()
}

async fn try_all(client: &mut Client, directory: &Path, tool: &Value, verbs: &[&str]) -> usize {
    let name = tool["name"].as_str().unwrap();
    let mut calls = 0;
    for place in places(tool) {
        for value in HOSTILE {
            let mut arguments = harmless(tool);
            arguments.insert(place.clone(), value.into());
            // Whatever comes of it.
            client.call(name, Value::Object(arguments)).await;
            for words in recorded(directory) {
                check(name, &place, value, &words, verbs);
                calls += 1;
            }
            assert!(!directory.join("plugin-ran").exists(), "{name} {place}={value:?} ran a plug-in");
        }
    }
    calls
}

fn check(tool: &str, place: &str, value: &str, words: &[String], verbs: &[&str]) {
    let what = format!("{tool} {place}={value:?} became {words:?}");
    assert!(verbs.contains(&words[0].as_str()), "{what}");
    if words[0] == "config" {
        assert_eq!(
            words,
            ["config", "view", "--output=json", "--request-timeout=20s"][..words.len()].to_vec(),
            "{what}"
        );
    }
    for word in words.iter().take_while(|word| *word != "--").filter(|word| word.starts_with('-')) {
        let flag = word.split('=').next().unwrap();
        assert!(OURS.contains(&flag), "{what}");
        // A switch of ours has no value that a caller could have given.
        if ["--all-namespaces", "--containers", "--no-headers", "--recursive"].contains(&flag) {
            assert_eq!(flag, word, "{what}");
        }
        if flag == "--output" {
            assert!(
                ["wide", "name", "json"].contains(&&word["--output=".len()..])
                    || word.ends_with("=NAMESPACE:.metadata.namespace"),
                "{what}"
            );
        }
    }
    // -A and * are how a namespace says all; nothing else may.
    if words.iter().any(|word| word == "--all-namespaces") && place != "namespace" {
        assert!(words.iter().any(|word| word.starts_with("--field-selector=metadata.name=")), "{what}");
    }
}

#[tokio::test]
async fn no_value_of_any_parameter_becomes_a_flag() {
    let directory = tempfile::tempdir().unwrap();
    recording(directory.path());
    let path = format!("{}:/usr/bin:/bin", directory.path().display());
    let start = server(Cluster::get().kubeconfig()).env("PATH", path).env("MODE", "readonly");
    let mut client = client(&start).await;
    let tools = client.tools().await;
    assert!(tools.len() >= 6, "{tools:?}");
    let mut calls = 0;
    for tool in &tools {
        calls += try_all(&mut client, directory.path(), tool, &VERBS).await;
    }
    // Selectors, paths and contexts do arrive, as values.
    assert!(calls > 100, "{calls}");
    assert!(!directory.path().join("evil").exists() && !Path::new("/evil").exists());
}

#[tokio::test]
async fn no_value_of_a_writer_s_parameter_becomes_a_flag() {
    let directory = tempfile::tempdir().unwrap();
    recording(directory.path());
    let path = format!("{}:/usr/bin:/bin", directory.path().display());
    // Where nothing is: what a hostile value would change is not there to be changed.
    let cluster = Cluster::get();
    let namespace = cluster.namespace("hostile");
    let kubeconfig = namespace.user("nobody", "[]");
    let start = server(&kubeconfig).env("PATH", path).env("WORKSPACE", directory.path());
    let mut client = client(&start).await;
    let verbs: Vec<&str> = VERBS.iter().chain(&WRITES).copied().collect();
    let mut calls = 0;
    for tool in client.tools().await {
        if tool["annotations"]["readOnlyHint"] == false {
            calls += try_all(&mut client, directory.path(), &tool, &verbs).await;
        }
    }
    assert!(calls > 100, "{calls}");
    assert!(!directory.path().join("evil").exists() && !Path::new("/evil").exists());
}

#[tokio::test]
async fn a_person_s_preferences_change_nothing() {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir(directory.path().join(".kube")).unwrap();
    fs::write(
        directory.path().join(".kube/kuberc"),
        "apiVersion: kubectl.config.k8s.io/v1beta1\nkind: Preference\ndefaults:\n- command: get\n  options: [{name: show-labels, default: \"true\"}]\n",
    )
    .unwrap();
    let cluster = Cluster::get();
    let namespace = cluster.namespace("kuberc");
    let mut plain = cluster.command(cluster.kubeconfig());
    plain.env("HOME", directory.path()).args(["get", "configmaps", "--namespace", namespace.name()]);
    let shown = String::from_utf8(plain.output().unwrap().stdout).unwrap();
    assert!(shown.contains("LABELS"), "kubectl itself follows them: {shown}");
    let mut client = client(&server(cluster.kubeconfig()).env("HOME", directory.path())).await;
    let text =
        crate::ok(&mut client, "kubectl_get", json!({"resource": "configmaps", "namespace": namespace.name()})).await;
    assert!(!text.contains("LABELS"), "{text}");
}

#[tokio::test]
async fn the_server_s_environment_reaches_no_kubectl() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).display().to_string();
    let script = |name: &str, text: String| {
        fs::write(path(name), text).unwrap();
        fs::set_permissions(path(name), fs::Permissions::from_mode(0o755)).unwrap();
    };
    let cluster = Cluster::get();
    script(
        "kubectl",
        format!("#!/bin/sh\nenv >> {}\nexec {} \"$@\"\n", path("seen"), cluster.kubectl_path().display()),
    );
    script("differ", format!("#!/bin/sh\ntouch {}\nexit 1\n", path("differ-ran")));
    let namespace = cluster.namespace("environment");
    let map = |value: &str| format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\ndata: {{x: \"{value}\"}}");
    namespace.apply(&map("1"));

    // kubectl itself runs what this variable names.
    fs::write(path("two.yaml"), map("2")).unwrap();
    let mut plain = cluster.command(cluster.kubeconfig());
    plain.env("KUBECTL_EXTERNAL_DIFF", path("differ"));
    plain
        .args(["diff", "--namespace", namespace.name(), &format!("--filename={}", path("two.yaml"))])
        .output()
        .unwrap();
    assert!(Path::new(&path("differ-ran")).exists(), "the control");
    fs::remove_file(path("differ-ran")).unwrap();

    let hostile = [
        ("KUBECTL_EXTERNAL_DIFF", path("differ")),
        ("KUBE_EDITOR", path("differ")),
        ("EDITOR", path("differ")),
        ("KUBECTL_KUBERC", "true".to_owned()),
        ("KUBERC", path("kuberc")),
        ("KUBECTL_COMMAND_HEADERS", "canary".to_owned()),
        ("HTTP_TOKEN", "canary-canary-canary".to_owned()),
        ("GIT_TOKEN", "canary-canary-canary".to_owned()),
        ("BASH_ENV", path("differ")),
        ("ANYTHING", "canary".to_owned()),
    ];
    let start = server(cluster.kubeconfig()).env("PATH", format!("{}:/usr/bin:/bin", directory.path().display()));
    let start = hostile.iter().fold(start, |start, (name, value)| start.env(name, value));
    let mut client = client(&start).await;
    let arguments = json!({"manifest": map("2"), "namespace": namespace.name(), "dry_run": "server"});
    let text = crate::ok(&mut client, "kubectl_apply", arguments).await;
    assert!(text.contains("+  x: \"2\""), "{text}");
    crate::ok(&mut client, "kubectl_get", json!({"resource": "configmaps"})).await;
    assert!(!Path::new(&path("differ-ran")).exists());
    let seen = fs::read_to_string(path("seen")).unwrap();
    assert!(seen.contains("KUBECONFIG="), "{seen}");
    for (name, value) in hostile {
        assert!(!seen.lines().any(|line| line == format!("{name}={value}")), "{name}: {seen}");
    }
    // What switches the preferences of a person off, in both of its spellings.
    assert!(seen.contains("\nKUBERC=off\n") && seen.contains("\nKUBECTL_KUBERC=false\n"), "{seen}");
}
