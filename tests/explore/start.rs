//! `mcp-kube-explore` as it starts, with nothing there and in both modes; and with words of strangers in every place that takes text: none of
//! them leads a request anywhere else.

use std::{collections::BTreeSet, process::Output, time::Duration};

use harness::{
    Client, Start,
    cluster::{Cluster, Wire},
    faults::Seen,
};
use serde_json::{Map, Value, json};

use crate::{client, narrow::filled, server};

const READS: [&str; 6] = ["kube_find", "kube_health", "kube_inspect", "kube_topology", "kube_diff", "kube_logs"];
const WRITES: [&str; 2] = ["kube_exec", "kube_apply"];

/// What an agent may have read somewhere.
const HOSTILE: [&str; 26] = [
    "../secrets/evil",
    "../../../../version?evil",
    "pod/../evil",
    "evil/../../secrets",
    "/api/v1/secrets",
    "//evil",
    "..",
    ".",
    "%2e%2e/evil",
    "%2e%2e%2fsecrets%2fevil",
    "evil?watch=true",
    "evil&watch=true&limit=1",
    "evil#fragment",
    "evil;type=merge",
    "evil\u{0}x",
    "evil\nx",
    "evil\r\nHost: evil.invalid",
    "--server=https://evil.invalid",
    "-A",
    "{.items[*].data.evil}",
    "$..evil",
    "a=b,evil in (x)",
    "metadata.name=evil",
    "http://evil.invalid/x",
    "evil\\..\\x",
    "\u{202e}live é",
];

/// Parameters that requests may have.
const ASKED: [&str; 24] = [
    "limit",
    "continue",
    "includeObject",
    "labelSelector",
    "fieldSelector",
    "resourceVersion",
    "resourceVersionMatch",
    "container",
    "tailLines",
    "limitBytes",
    "previous",
    "sinceSeconds",
    "sinceTime",
    "timestamps",
    "stdin",
    "stdout",
    "stderr",
    "tty",
    "command",
    "dryRun",
    "fieldManager",
    "fieldValidation",
    "force",
    "pretty",
];

/// The server with nothing: no kubeconfig, no home.
fn bare() -> Start {
    Start::new(env!("CARGO_BIN_EXE_explore-server"))
}

async fn run(start: Start, arguments: &[&str]) -> Output {
    start.args(arguments.iter().copied()).output().await
}

fn out(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

fn names(tools: &[Value]) -> Vec<&str> {
    tools.iter().map(|tool| tool["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn it_lists_its_tools_with_nothing_there_and_readonly_is_the_default() {
    for start in [bare(), bare().env("MODE", "readonly")] {
        let mut client = Client::spawn(&start).ready().await;
        let tools = client.tools().await;
        assert_eq!(names(&tools), READS);
        assert!(tools.iter().all(|tool| tool["annotations"]["readOnlyHint"] == true), "{tools:?}");
        for name in WRITES {
            let result = client.call(name, json!({})).await;
            assert!(result["isError"] == true && harness::text(&result).starts_with("readonly: "), "{result}");
        }
    }
    let mut client = Client::spawn(&bare().env("MODE", "readwrite")).ready().await;
    let tools = client.tools().await;
    assert_eq!(names(&tools), [&READS[..], &WRITES].concat());
    let bytes = |tool: &Value| {
        ["name", "description"].iter().map(|key| tool[*key].as_str().unwrap().len()).sum::<usize>()
            + tool["inputSchema"].to_string().len()
    };
    let tokens: usize = tools.iter().map(|tool| bytes(tool).div_ceil(4)).sum();
    assert!(tokens <= 2_500, "{tokens} tokens");
    for tool in &tools {
        let properties = &tool["inputSchema"]["properties"];
        assert!(properties["context"].is_object(), "{tool}");
        let reads = READS.contains(&tool["name"].as_str().unwrap());
        assert!(!reads || properties["budget"].is_object(), "{tool}");
        for (name, property) in properties.as_object().unwrap() {
            assert!(property["description"].as_str().is_some_and(|text| !text.is_empty()), "{name} of {tool}");
        }
        for hint in ["readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"] {
            assert!(tool["annotations"][hint].is_boolean(), "{tool}");
        }
    }
    // What is missing is said by the first call that needs it.
    for tool in &tools {
        let result = client.call(tool["name"].as_str().unwrap(), Value::Object(harmless(tool, None))).await;
        assert!(harness::text(&result).starts_with("unavailable: there is no kubeconfig"), "{result}");
        assert!(harness::text(&result).contains("KUBECONFIG"), "{result}");
    }
}

#[tokio::test]
async fn what_is_misspelt_is_answered_with_the_nearest() {
    let mut client = Client::spawn(&bare().env("MODE", "readwrite")).ready().await;
    let answer = client.request("tools/call", json!({"name": "kube_helth", "arguments": {}})).await;
    assert_eq!(answer["error"]["code"], -32602, "{answer}");
    assert!(answer["error"]["message"].as_str().unwrap().contains("kube_health"), "{answer}");
    for (tool, arguments, expected) in [
        ("kube_find", json!({"query": "x", "namspace": "x"}), "did you mean `namespace`?"),
        ("kube_find", json!({"query": "x", "selctor": "x"}), "did you mean `selector`?"),
        ("kube_inspect", json!({"name": "x", "kin": "x"}), "did you mean `kind`?"),
        ("kube_topology", json!({"name": "x", "dept": 2}), "did you mean `depth`?"),
        ("kube_logs", json!({"name": "x", "previos": true}), "did you mean `previous`?"),
        ("kube_diff", json!({"sorce": "x"}), "did you mean `source`?"),
        ("kube_health", json!({"kubeconfig": "/etc/passwd"}), "there is no parameter \"kubeconfig\""),
        ("kube_health", json!({"server": "https://evil.invalid"}), "there is no parameter \"server\""),
        ("kube_health", json!({"token": "x"}), "there is no parameter \"token\""),
        ("kube_apply", json!({"yaml": "x", "dryrun": true}), "did you mean `dry_run`?"),
        ("kube_exec", json!({"pod": "x", "comand": "x"}), "did you mean `command`?"),
        ("kube_inspect", json!({}), "name"),
    ] {
        let result = client.call(tool, arguments.clone()).await;
        let text = harness::text(&result);
        assert!(text.starts_with("invalid_argument: ") && text.contains(expected), "{tool} {arguments}: {text}");
    }
}

#[tokio::test]
async fn a_wrong_setting_stops_the_start() {
    for (name, value, expected) in [
        ("MODE", "readonyl", "MODE=readonly or MODE=readwrite"),
        ("TOOLS", "kube_fidn", "did you mean kube_find?"),
        ("TOOLS_EXCLUDE", "kube_fidn", "did you mean kube_find?"),
    ] {
        for arguments in [&["serve"][..], &["tools"], &["call", "kube_find", "query=x"]] {
            let output = run(bare().env(name, value), arguments).await;
            assert_eq!(output.status.code(), Some(2), "{name}={value} {arguments:?}: {output:?}");
            assert!(String::from_utf8_lossy(&output.stderr).contains(expected), "{output:?}");
        }
    }
}

#[tokio::test]
async fn it_says_what_it_is() {
    let output = run(bare(), &["manifest"]).await;
    let manifest: Value = serde_json::from_str(out(&output)).unwrap();
    assert_eq!((&manifest["name"], &manifest["command"]), (&json!("kube-explore"), &json!("mcp-kube-explore")));
    assert_eq!(manifest["transport"], "stdio");
    let checked_in = include_str!("../../artifacts/kube-explore/manifest.json");
    assert_eq!(serde_json::from_str::<Value>(checked_in).unwrap(), manifest, "run cargo xtask codegen");
    let output = run(bare(), &["--version"]).await;
    assert_eq!(out(&output), format!("mcp-kube-explore {}\n", env!("CARGO_PKG_VERSION")));
}

#[tokio::test]
async fn help_has_an_example_of_every_tool_and_every_example_is_read() {
    let help = run(bare().env("MODE", "readwrite"), &["--help"]).await;
    for name in READS.iter().chain(&WRITES) {
        let example = out(&help).lines().find(|line| line.contains(&format!("call {name} "))).expect(name);
        // As a shell would read it. It gets as far as it can without a kubeconfig.
        let script =
            format!("exec {} {}", env!("CARGO_BIN_EXE_explore-server"), &example[example.find("call ").unwrap()..]);
        let output = Start::new("/bin/sh").args(["-c", &script]).env("MODE", "readwrite").output().await;
        let text = format!("{}{}", out(&output), String::from_utf8_lossy(&output.stderr));
        assert!(text.contains("unavailable: there is no kubeconfig"), "{example}: {text}");
        assert_eq!(output.status.code(), Some(1), "{example}: {text}");
    }
}

/// Arguments of `tool` that mean something harmless, with every required one.
fn harmless(tool: &Value, namespace: Option<&str>) -> Map<String, Value> {
    let name = tool["name"].as_str().unwrap();
    let arguments = match name {
        "kube_find" => json!({"query": "teller"}),
        "kube_health" => json!({}),
        "kube_diff" => json!({"name": "configmap/settings"}),
        "kube_exec" => json!({"pod": "pod/teller", "command": "true"}),
        "kube_apply" => json!({"yaml": "{apiVersion: v1, kind: ConfigMap, metadata: {name: settings}}"}),
        _ => json!({"name": "pod/teller"}),
    };
    let Value::Object(mut arguments) = arguments else { panic!("{name}") };
    if let Some(namespace) = namespace {
        arguments.insert("namespace".to_owned(), json!(namespace));
    }
    arguments
}

/// The parameters of `tool` that take any text, and whether as a list.
fn places(tool: &Value) -> Vec<(String, bool)> {
    let properties = tool["inputSchema"]["properties"].as_object().unwrap();
    let is = |property: &Value, kind: &str| {
        let choices = property["anyOf"].as_array().cloned().unwrap_or_default();
        property["type"] == kind
            || property["type"].as_array().is_some_and(|kinds| kinds.iter().any(|one| one == kind))
            || choices.iter().any(|choice| choice["type"] == kind)
    };
    let open = properties.iter().filter(|(_, property)| property["enum"].is_null());
    open.filter(|(_, property)| is(property, "string") || is(property, "array"))
        .map(|(name, property)| (name.clone(), is(property, "array")))
        .collect()
}

/// Calls `tools` with every hostile value in every place, several calls at once; whatever comes of them, it is an answer.
async fn try_all(client: &mut Client, tools: &[Value], namespace: &str) -> usize {
    let huge = "evil/".repeat(200_000);
    let mut calls = Vec::new();
    for tool in tools {
        for (place, list) in places(tool) {
            for value in HOSTILE.iter().copied().chain([huge.as_str()]) {
                let mut arguments = harmless(tool, Some(namespace));
                // One excludes the other.
                if place == "argv" {
                    arguments.remove("command");
                }
                arguments.insert(place.clone(), if list { json!([value]) } else { json!(value) });
                calls.push((tool["name"].as_str().unwrap().to_owned(), place.clone(), value, arguments));
            }
        }
    }
    let count = calls.len();
    for some in calls.chunks(8) {
        let mut asked = Vec::new();
        for (tool, place, value, arguments) in some {
            let id = client.ask("tools/call", json!({"name": tool, "arguments": arguments})).await;
            asked.push((id, format!("{tool} {place}={:?}", value.get(..60).unwrap_or(value))));
        }
        for (id, what) in asked {
            let answer = client.answer(id).await;
            let text = harness::text(&answer["result"]);
            assert!(
                !text.starts_with("internal: ") && text.len() <= 25_000,
                "{what}: {} bytes: {text:.2000}",
                text.len()
            );
        }
    }
    count
}

/// The kinds of the cluster, each as group and plural.
fn kinds() -> BTreeSet<(String, String)> {
    let listed = Cluster::get().ask(&["api-resources", "--output=name"]);
    let kind = |line: &str| match line.split_once('.') {
        Some((plural, group)) => (group.to_owned(), plural.to_owned()),
        None => (String::new(), line.to_owned()),
    };
    listed.lines().map(kind).collect()
}

/// What is wrong with the place a request went to.
fn astray(seen: &Seen, kinds: &BTreeSet<(String, String)>, mode: &str) -> Option<&'static str> {
    let (path, query) = seen.target.split_once('?').unwrap_or((&seen.target, ""));
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%+*".contains(&byte);
    let segments: Vec<&str> = path.strip_prefix('/')?.split('/').collect();
    let odd = |segment: &&str| segment.is_empty() || *segment == "." || *segment == ".." || !segment.bytes().all(plain);
    if segments.iter().any(odd) {
        return Some("a segment is no name");
    }
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        if !ASKED.contains(&key) || !value.bytes().all(plain) {
            return Some("an unknown parameter");
        }
    }
    let (group, rest) = match segments.as_slice() {
        ["api"] | ["apis"] | ["version"] | ["metrics"] => return (seen.method != "GET").then_some("no GET"),
        ["api", "v1", rest @ ..] => ("", rest),
        ["apis", group, version, rest @ ..] if version.starts_with('v') && !version.contains('%') => (*group, rest),
        _ => return Some("no path of objects"),
    };
    let (plural, below) = match rest {
        ["namespaces", _, plural, below @ ..] => (*plural, below),
        [plural, below @ ..] => (*plural, below),
        [] => return Some("no kind"),
    };
    // Kinds that another test has brought come and go.
    let letters = |text: &str| {
        text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-".contains(&byte))
    };
    let foreign = group.contains('.') && !group.ends_with(".k8s.io") && letters(group) && letters(plural);
    let evil = group.contains("evil") || plural.contains("evil");
    if evil || !foreign && !kinds.contains(&(group.to_owned(), plural.to_owned())) {
        return Some("an unknown kind");
    }
    let dry = query.split('&').any(|pair| pair == "dryRun=All");
    match (seen.method.as_str(), below) {
        ("GET", [] | [_]) => None,
        ("GET", [_, "log"]) if plural == "pods" => None,
        ("GET", [_, "exec"]) if plural == "pods" && mode == "readwrite" => None,
        ("POST", []) if plural.starts_with("selfsubject") => None,
        ("PATCH", [_]) if dry || mode == "readwrite" => None,
        _ => Some("not what is done to it"),
    }
}

fn none_astray(wire: &Wire, mode: &str) -> usize {
    let (seen, kinds) = (wire.proxy.seen(), kinds());
    for one in &seen {
        if let Some(why) = astray(one, &kinds, mode) {
            panic!("{why}: {} {}", one.method, one.target);
        }
    }
    seen.len()
}

#[test]
fn a_request_that_went_astray_would_be_noticed() {
    let seen = |method: &str, target: &str| Seen {
        method: method.to_owned(),
        target: target.to_owned(),
        headers: Vec::new(),
        body: 0,
        met: false,
        status: None,
    };
    let kinds = kinds();
    for (method, target) in [
        ("GET", "/api/v1/namespaces/a/pods/..%2Fevil?limit=5"),
        ("GET", "/apis/apps/v1/deployments"),
        ("GET", "/api/v1/namespaces/a/pods/x/log?tailLines=1"),
        ("PATCH", "/api/v1/namespaces/a/configmaps/x?dryRun=All"),
    ] {
        assert_eq!(astray(&seen(method, target), &kinds, "readonly"), None, "{method} {target}");
    }
    for (method, target) in [
        ("GET", "/api/v1/namespaces/a/pods/../secrets"),
        ("GET", "/api/v1/namespaces/a/pods/evil/secrets"),
        ("GET", "/api/v1/namespaces/a/pods/x/exec?command=id"),
        ("GET", "/api/v1/namespaces/a/pods?limit=5&watch=true"),
        ("GET", "/api/v1/evil"),
        ("GET", "/apis/example.org/v1/evil"),
        ("GET", "/logs/evil"),
        ("GET", "//evil"),
        ("PATCH", "/api/v1/namespaces/a/configmaps/x"),
        ("DELETE", "/api/v1/namespaces/a/configmaps/x?dryRun=All"),
    ] {
        assert!(astray(&seen(method, target), &kinds, "readonly").is_some(), "{method} {target}");
    }
}

#[tokio::test]
async fn no_word_of_a_reader_leads_a_request_elsewhere() {
    let cluster = Cluster::get();
    let namespace = filled("hostile-reads");
    let wire = cluster.wire(cluster.kubeconfig(), []);
    let mut client = client(&server(wire.kubeconfig()).env("MODE", "readonly")).await;
    let tools = client.tools().await;
    assert_eq!(names(&tools), READS);
    let calls = try_all(&mut client, &tools, namespace.name()).await;
    assert!(none_astray(&wire, "readonly") > calls, "most calls ask something");
}

#[tokio::test]
async fn no_word_of_a_writer_leads_a_request_elsewhere() {
    let cluster = Cluster::get();
    let namespace = filled("hostile-writes");
    // They may try, here, and nowhere else.
    let rules = "- {apiGroups: [''], resources: [pods], verbs: [get, list]}\n- {apiGroups: [''], resources: [pods/exec], verbs: [get, create]}";
    let wire = cluster.wire(&namespace.user("writer", rules), []);
    let mut client = client(&server(wire.kubeconfig())).await;
    let mut tools = client.tools().await;
    tools.retain(|tool| tool["annotations"]["readOnlyHint"] == false);
    assert_eq!(names(&tools), WRITES);
    let calls = try_all(&mut client, &tools, namespace.name()).await;
    assert!(calls > 200 && none_astray(&wire, "readwrite") > 100, "{calls}");
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(
        wire.proxy.seen().iter().any(|seen| seen.target.contains("/exec?")),
        "no command got as far as the API server"
    );
}
