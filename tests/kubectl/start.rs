//! `mcp-kubectl` as it starts: with nothing there, in both modes, and in a terminal.

use std::process::Output;

use harness::{Client, Start};
use serde_json::{Value, json};

/// The server with nothing: no kubeconfig, no kubectl, no home.
fn bare() -> Start {
    Start::new(env!("CARGO_BIN_EXE_kubectl-server"))
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
    let reads = ["get", "describe", "logs", "top", "events", "api_resources", "explain"];
    let writes = ["exec", "apply", "delete", "run", "cp", "rollout", "scale", "label", "annotate"];
    let named = |words: &[&str]| words.iter().map(|word| format!("kubectl_{word}")).collect::<Vec<_>>();
    for start in [bare(), bare().env("MODE", "readonly")] {
        let mut client = Client::spawn(&start).ready().await;
        let tools = client.tools().await;
        assert_eq!(names(&tools), named(&reads));
        assert!(tools.iter().all(|tool| tool["annotations"]["readOnlyHint"] == true), "{tools:?}");
        // What is not listed cannot be called either.
        for name in named(&writes) {
            let result = client.call(&name, json!({})).await;
            assert!(result["isError"] == true && harness::text(&result).starts_with("readonly: "), "{result}");
        }
    }
    let mut client = Client::spawn(&bare().env("MODE", "readwrite")).ready().await;
    let tools = client.tools().await;
    assert_eq!(names(&tools), named(&[&reads[..], &writes].concat()));
    let bytes = |tool: &Value| {
        ["name", "description"].iter().map(|key| tool[*key].as_str().unwrap().len()).sum::<usize>()
            + tool["inputSchema"].to_string().len()
    };
    assert!(tools.iter().map(|tool| bytes(tool).div_ceil(4)).sum::<usize>() <= 3000);
    for tool in &tools {
        let properties = &tool["inputSchema"]["properties"];
        assert!(properties["context"].is_object(), "{tool}");
        for hint in ["readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"] {
            assert!(tool["annotations"][hint].is_boolean(), "{tool}");
        }
    }
    // What is missing is said by the first call that needs it.
    let result = client.call("kubectl_get", json!({"resource": "pods"})).await;
    assert!(harness::text(&result).starts_with("unavailable: kubectl was found neither"), "{result}");
}

#[tokio::test]
async fn what_is_misspelt_is_answered_with_the_nearest() {
    let mut client = Client::spawn(&bare()).ready().await;
    let answer = client.request("tools/call", json!({"name": "kubectl_gett", "arguments": {}})).await;
    assert_eq!(answer["error"]["code"], -32602, "{answer}");
    assert!(answer["error"]["message"].as_str().unwrap().contains("kubectl_get"), "{answer}");
    for (arguments, expected) in [
        (json!({"resource": "pods", "namspace": "x"}), "did you mean `namespace`?"),
        (json!({"resource": "pods", "kubeconfig": "/etc/passwd"}), "there is no parameter \"kubeconfig\""),
        (json!({"resource": "pods", "server": "https://evil.invalid"}), "there is no parameter \"server\""),
        (json!({"resource": "pods", "token": "x"}), "there is no parameter \"token\""),
        (json!({"resource": "pods", "as": "x"}), "there is no parameter \"as\""),
        (json!({"resource": "pods", "raw": "/"}), "there is no parameter \"raw\""),
        (json!({}), "resource"),
    ] {
        let result = client.call("kubectl_get", arguments.clone()).await;
        let text = harness::text(&result);
        assert!(text.starts_with("invalid_argument: ") && text.contains(expected), "{arguments}: {text}");
    }
    // Aliases that models use are not unknown: what is wrong here is that there is no kubectl.
    for alias in ["allNamespaces", "all_namespaces"] {
        let result = client.call("kubectl_get", json!({"resource": "pods", alias: true})).await;
        assert!(harness::text(&result).starts_with("unavailable: "), "{result}");
    }
}

#[tokio::test]
async fn a_wrong_setting_stops_the_start() {
    for (name, value, expected) in [
        ("MODE", "readonyl", "MODE=readonly or MODE=readwrite"),
        ("TOOLS", "kubectl_gte", "did you mean kubectl_get?"),
        ("TOOLS_EXCLUDE", "kubectl_gte", "did you mean kubectl_get?"),
    ] {
        for arguments in [&["serve"][..], &["tools"], &["call", "kubectl_get", "resource=pods"]] {
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
    assert_eq!((&manifest["name"], &manifest["command"]), (&json!("kubectl"), &json!("mcp-kubectl")));
    assert_eq!(manifest["transport"], "stdio");
    let checked_in = include_str!("../../artifacts/kubectl/manifest.json");
    assert_eq!(serde_json::from_str::<Value>(checked_in).unwrap(), manifest, "run cargo xtask codegen");
    let output = run(bare(), &["--version"]).await;
    assert_eq!(out(&output), format!("mcp-kubectl {}\n", env!("CARGO_PKG_VERSION")));
    for shell in ["bash", "zsh", "fish"] {
        assert!(out(&run(bare(), &["completions", shell]).await).contains("mcp-kubectl"), "{shell}");
    }
}

#[tokio::test]
async fn help_has_an_example_of_every_tool_and_every_example_is_read() {
    let readwrite = || bare().env("MODE", "readwrite");
    let help = run(readwrite(), &["--help"]).await;
    let listed = run(readwrite(), &["tools"]).await;
    let mut seen = 0;
    for line in out(&listed).lines().filter(|line| line.starts_with("kubectl_")) {
        let name = line.split_whitespace().next().unwrap();
        let example = out(&help).lines().find(|line| line.contains(&format!("call {name} "))).expect(name);
        // As a shell would read it. It gets as far as it can without kubectl, whatever it would do.
        let script =
            format!("exec {} {}", env!("CARGO_BIN_EXE_kubectl-server"), &example[example.find("call ").unwrap()..]);
        let output = Start::new("/bin/sh")
            .args(["-c", &script])
            .env("MODE", "readwrite")
            .env("WORKSPACE", "/tmp")
            .output()
            .await;
        let text = format!("{}{}", out(&output), String::from_utf8_lossy(&output.stderr));
        assert!(text.contains("unavailable: kubectl was found neither") || name == "kubectl_cp", "{example}: {text}");
        assert!(!text.contains("there is no parameter") && output.status.code() == Some(1), "{example}: {text}");
        seen += 1;
    }
    assert_eq!(seen, 16, "{}", out(&listed));
}
