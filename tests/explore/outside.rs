//! What lies outside of the API server: a credential plug-in of the kubeconfig, a webhook and an API behind services that do not answer.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    time::{Duration, Instant},
};

use harness::cluster::{Cluster, Namespace};
use serde_json::{Value, json};

use crate::{admin, ask, client, err, ok, server};

/// A kubeconfig whose user is whoever the plug-in `script` says, in a directory that is theirs alone.
fn plugged(script: &str) -> (tempfile::TempDir, PathBuf) {
    let cluster = Cluster::get();
    let directory = tempfile::tempdir().unwrap();
    let plugin = directory.path().join("plug-in");
    fs::write(&plugin, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&plugin, fs::Permissions::from_mode(0o755)).unwrap();
    let view = cluster.ask(&["config", "view", "--raw", "--flatten", "--output=json"]);
    let mut config: Value = serde_json::from_str(&view).unwrap();
    // A plug-in that lies beside the kubeconfig.
    config["users"][0]["user"] = json!({"exec": {
        "apiVersion": "client.authentication.k8s.io/v1", "command": "./plug-in", "args": ["--for", "tests"],
        "env": [{"name": "OWN", "value": "given"}], "interactiveMode": "IfAvailable", "provideClusterInfo": true}});
    let path = directory.path().join("config");
    fs::write(&path, config.to_string()).unwrap();
    (directory, path)
}

fn token(namespace: &Namespace<'_>) -> String {
    namespace.ask(&["create", "token", "default"]).trim().to_owned()
}

/// Processes whose command line has `word` in it.
fn running(word: &str) -> usize {
    let processes = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let lines = processes.filter_map(|process| fs::read(process.path().join("cmdline")).ok());
    lines.filter(|line| String::from_utf8_lossy(line).contains(word)).count()
}

#[tokio::test]
async fn a_credential_plug_in_gives_a_token_that_is_never_told() {
    let namespace = Cluster::get().namespace("plugged");
    let token = token(&namespace);
    let (directory, kubeconfig) = plugged(&format!(
        r#"cd "$(dirname "$0")"
env > seen
echo "$@" > given
printf '{{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{{"token":"%s"}}}}' {token}"#
    ));
    let start =
        server(&kubeconfig).env("AWS_PROFILE", "theirs").env("SOMEBODY_ELSES_TOKEN", "canary-of-the-environment");
    let mut somebody = client(&start).await;
    let (text, _) = ask(&mut somebody, "kube_find", json!({"query": "web", "kind": "pods"})).await;
    assert!(text.starts_with("forbidden: ") && !text.contains(&token), "{text}");
    let read = |name: &str| fs::read_to_string(directory.path().join(name)).unwrap();
    assert_eq!(read("given"), "--for tests\n");
    let seen = read("seen");
    for line in ["OWN=given", "AWS_PROFILE=theirs", "PATH=/usr/bin:/bin"] {
        assert!(seen.lines().any(|seen| seen == line), "{line}: {seen}");
    }
    let info = seen.lines().find_map(|line| line.strip_prefix("KUBERNETES_EXEC_INFO=")).unwrap();
    let info: Value = serde_json::from_str(info).unwrap();
    assert_eq!((&info["kind"], &info["spec"]["interactive"]), (&json!("ExecCredential"), &json!(false)));
    assert!(info["spec"]["cluster"]["server"].as_str().unwrap().starts_with("https://"), "{info}");
    assert!(!seen.contains("SOMEBODY_ELSES_TOKEN"), "{seen}");

    // A log that has the token in it is told without.
    namespace.apply(&format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: leak, annotations: {{note: 'x {token} y'}}}}\ndata: {{leak: 'x {token} y'}}"
    ));
    namespace.kubectl(&[
        "create",
        "rolebinding",
        "all",
        "--clusterrole=admin",
        &format!("--serviceaccount={}:default", namespace.name()),
    ]);
    let here = json!({"name": "leak", "kind": "configmap", "namespace": namespace.name()});
    let text = ok(&mut somebody, "kube_inspect", here).await;
    assert!(text.contains("leak") && !text.contains(&token), "{text}");
}

#[tokio::test]
async fn what_a_plug_in_does_wrong_is_told_without_its_words_of_secrets() {
    for (script, begins, has) in [
        (
            "echo no session, run login >&2; exit 4",
            "unauthenticated: the credential plug-in `plug-in` failed",
            "no session, run login",
        ),
        (
            "echo canary-token-1234567890",
            "unauthenticated: the credential plug-in `plug-in` printed no credentials",
            "ExecCredential",
        ),
        ("exit 0", "unauthenticated: the credential plug-in `plug-in` printed no credentials", "ExecCredential"),
        ("head -c 3000000 /dev/zero", "too_large: ", "plug-in wrote more than"),
        (
            r#"echo '{"status":{"clientCertificateData":"canary-cert","clientKeyData":"canary-key"}}'"#,
            "unavailable: ",
            "certificates",
        ),
    ] {
        let (_directory, kubeconfig) = plugged(script);
        let mut client = client(&server(&kubeconfig)).await;
        let text = err(&mut client, "kube_health", json!({})).await;
        assert!(text.starts_with(begins) && text.contains(has), "{script}: {text}");
        assert!(!text.contains("canary"), "{text}");
    }
}

#[tokio::test]
async fn a_plug_in_that_hangs_ends_with_the_call_and_all_it_started() {
    let mark = format!("{}.25", 100_000 + std::process::id());
    let (_directory, kubeconfig) = plugged(&format!("sleep {mark} & setsid sleep {mark} & sleep {mark}"));
    let mut client = client(&server(&kubeconfig)).await;
    let call = client.ask("tools/call", json!({"name": "kube_health", "arguments": {}})).await;
    let began = Instant::now();
    while running(&mark) < 3 {
        assert!(began.elapsed() < Duration::from_secs(30), "it was not started");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    client.notify("notifications/cancelled", json!({"requestId": call})).await;
    while running(&mark) > 0 {
        assert!(began.elapsed() < Duration::from_secs(60), "{} are left", running(&mark));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

const WEBHOOK: &str = r#"
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: { name: "{{ns}}-served" }
webhooks:
- name: served.example.com
  clientConfig: { service: { namespace: "{{ns}}", name: policy, path: /check } }
  rules: [ { apiGroups: [apps], apiVersions: [v1], operations: [CREATE], resources: [deployments] } ]
  namespaceSelector: { matchLabels: { kubernetes.io/metadata.name: "{{ns}}" } }
  admissionReviewVersions: [v1]
  sideEffects: None
---
apiVersion: v1
kind: Service
metadata: { name: policy, namespace: "{{ns}}" }
spec: { selector: { app: policy }, ports: [ { port: 443 } ] }
---
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: { name: "v1.{{ns}}.example.com" }
spec: { group: "{{ns}}.example.com", version: v1, service: { namespace: "{{ns}}", name: policy }, insecureSkipTLSVerify: true, groupPriorityMinimum: 100, versionPriority: 100 }
"#;

#[tokio::test]
async fn a_webhook_and_an_api_behind_a_service_without_pods_are_told() {
    let cluster = Cluster::get();
    let namespace = cluster.namespace("served");
    let name = namespace.name();
    namespace.apply(&WEBHOOK.replace("{{ns}}", name));
    let mut client = admin().await;
    let end = Instant::now() + Duration::from_secs(120);
    let text = loop {
        let text = ok(&mut client, "kube_health", json!({"budget": 25_000})).await;
        if text.contains(&format!("apiservice/v1.{name}.example.com: ")) && text.contains(&format!("{name}-served: ")) {
            break text;
        }
        assert!(Instant::now() < end, "{text}");
        tokio::time::sleep(Duration::from_secs(1)).await;
    };
    let line = |has: &str| text.lines().find(|line| line.contains(has)).unwrap();
    let hook = line(&format!("validatingwebhookconfiguration/{name}-served: "));
    assert!(hook.starts_with("CRITICAL ") && hook.contains(&format!("{name}/policy")), "{hook}");
    let api = line(&format!("apiservice/v1.{name}.example.com: "));
    assert!(api.contains("MissingEndpoints") && !api.starts_with("note"), "{api}");

    // What such an API would have is not taken for nothing, and nothing else waits for it.
    let text = ok(&mut client, "kube_find", json!({"query": "policy", "namespace": name})).await;
    assert!(text.contains("policy") && text.contains(&format!("{name}.example.com")), "{text}");
    assert!(text.contains("could not look at"), "{text}");
    cluster.kubectl(&["delete", "apiservice", &format!("v1.{name}.example.com")]);
    cluster.kubectl(&["delete", "validatingwebhookconfiguration", &format!("{name}-served")]);
}

#[tokio::test]
async fn ingresses_and_load_balancers_that_lead_nowhere_are_told() {
    let namespace = Cluster::get().namespace("nowhere");
    namespace.apply(
        r#"
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: { name: shop }
spec: { defaultBackend: { service: { name: gone, port: { number: 80 } } }, rules: [ { http: { paths: [ { path: /, pathType: Prefix, backend: { service: { name: here, port: { number: 81 } } } } ] } } ] }
---
apiVersion: v1
kind: Service
metadata: { name: here }
spec: { type: ExternalName, externalName: example.com, ports: [ { port: 80 } ] }
"#,
    );
    let mut client = admin().await;
    let text = ok(&mut client, "kube_health", json!({"namespace": namespace.name()})).await;
    let line =
        format!("DEGRADED {}/ingress/shop: leads nowhere, service/gone is not there, and 1 more", namespace.name());
    assert!(text.contains(&line), "{text}");
}
