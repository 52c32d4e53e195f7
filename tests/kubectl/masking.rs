//! No byte of a Secret leaves, in whatever form it is asked for and however it is spelled.

use harness::cluster::Cluster;
use serde_json::{Value, json};

use crate::{admin, ask};

/// Values that are awkward: each is looked for as it is, and in base64.
const VALUES: [(&str, &str); 5] = [
    ("plain", "c29tZS1wbGFpbi1zZWNyZXQ="),
    ("lines", "Zmlyc3Qtc2VjcmV0LWxpbmUKc2Vjb25kLXNlY3JldC1saW5lCg=="),
    ("twice", "YzI5dFpTMWtiM1ZpYkdVdGMyVmpjbVYw"),
    ("binary", "/wD+AYCBgoOEhYaHiImKi4yNjo8="),
    ("word", "ZGVmYXVsdA=="),
];

/// What must not be found: encoded and decoded, and each line.
const TELLING: [&str; 10] = [
    "c29tZS1wbGFpbi1zZWNyZXQ",
    "some-plain-secret",
    "Zmlyc3Qtc2VjcmV0LWxpbmUK",
    "first-secret-line",
    "second-secret-line",
    "YzI5dFpTMWtiM1ZpYkdVdGMyVmpjbVYw",
    "c29tZS1kb3VibGUtc2VjcmV0",
    "some-double-secret",
    "/wD+AYCB",
    "ZGVmYXVsdA",
];

#[tokio::test]
async fn no_value_leaves_in_any_form_under_any_spelling() {
    let namespace = Cluster::get().namespace("masking");
    let data: Vec<String> = VALUES.iter().map(|(key, value)| format!("{key}: \"{value}\"")).collect();
    // Applied, so that the last manifest is in an annotation; and a copy of it in another tool's.
    namespace.apply(&format!(
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: s\n  labels: {{app: x}}\n  annotations: {{other/applied: '{{\"data\":{{\"a\":\"{}\"}}}}', \
         note: \"the value is {}\"}}\ndata: {{{}}}",
        VALUES[0].1,
        VALUES[0].1,
        data.join(", ")
    ));
    let raw = namespace.ask(&["get", "secret", "s", "--output=yaml"]);
    assert!(TELLING.iter().filter(|word| raw.contains(**word)).count() >= 4, "the secret is there: {raw}");

    let mut client = admin().await;
    let mut outputs: Vec<String> = ["wide", "name", "yaml", "json"].map(str::to_owned).to_vec();
    outputs.extend(
        [
            "{.data}",
            "{.data.plain}",
            "{..plain}",
            "{.items[*].data}",
            "{.items[*].data.*}",
            "{range .items[*]}{.data.lines}{.metadata.annotations}{end}",
            "{.metadata.annotations}",
            "{..metadata}",
            "{.items[?(@.data.word)].data}",
            "{$}",
            "{@}",
            "{..}",
        ]
        .map(|path| format!("jsonpath={path}")),
    );
    outputs.extend(
        ["D:.data", "D:.data.*", "D:..plain", "D:.metadata.annotations"].map(|path| format!("custom-columns={path}")),
    );
    let resources =
        ["secret", "secrets", "Secret", "secret/s", "secrets.v1.", "secrets.v1./s", "configmaps,secrets", "SECRETS"];
    let mut seen = 0;
    for resource in resources {
        let mut calls: Vec<(&str, Value)> =
            outputs.iter().map(|output| ("kubectl_get", json!({"resource": resource, "output": output}))).collect();
        calls.push(("kubectl_describe", json!({"resource": resource})));
        calls.push(("kubectl_get", json!({"resource": resource, "sort_by": ".data.plain"})));
        for (tool, mut arguments) in calls {
            arguments["namespace"] = namespace.name().into();
            arguments["budget"] = 25_000.into();
            let (text, error) = ask(&mut client, tool, arguments.clone()).await;
            for word in TELLING {
                assert!(!text.contains(word), "{word} left: {tool} {arguments}: {text}");
            }
            seen += usize::from(!error && text.contains("[masked: "));
            // A value that is a common word masks nothing elsewhere.
            if !error && arguments["output"] == "yaml" && resource == "secret/s" {
                assert!(
                    text.contains("word: \"[masked: 7 bytes]\"") && text.contains("binary: \"[masked: 20 bytes]\""),
                    "{text}"
                );
                assert!(text.contains("app: x"), "{text}");
            }
        }
    }
    assert!(seen > resources.len() * 10, "the matrix looked at masked objects: {seen}");
}

#[tokio::test]
async fn a_service_account_token_is_not_described() {
    let namespace = Cluster::get().namespace("token");
    namespace.apply(
        "apiVersion: v1\nkind: Secret\ntype: kubernetes.io/service-account-token\nmetadata: {name: t, annotations: {kubernetes.io/service-account.name: default}}",
    );
    namespace.wait(&["--for=jsonpath={.data.token}", "secret/t"]);
    let token = namespace.ask(&["get", "secret", "t", "--output=go-template={{.data.token | base64decode}}"]);
    assert!(namespace.ask(&["describe", "secret", "t"]).contains(token.trim()), "kubectl itself prints it");
    let mut client = admin().await;
    let (text, error) =
        ask(&mut client, "kubectl_describe", json!({"resource": "secret/t", "namespace": namespace.name()})).await;
    assert!(!error && text.contains("token: [masked: ") && !text.contains(token.trim()), "{text}");
}
