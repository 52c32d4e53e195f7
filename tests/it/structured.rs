//! RESULTS: what a program gets besides the text, or instead of it.

use std::collections::HashMap;

use harness::{Client, GitRepo, Start, demo::Demo, text};
use serde_json::{Value, json};
use shared::{
    Mode,
    settings::{Results, Settings},
};

fn piped(results: Results) -> Client {
    Client::piped::<Demo>(Settings { results, ..Settings::new(Mode::Readwrite) })
}

fn calls() -> Vec<(&'static str, Value)> {
    vec![
        ("demo_echo", json!({"message": "hello"})),
        ("demo_items", json!({"count": 0})),
        ("demo_items", json!({"count": 3, "filler": "é"})),
        ("demo_items", json!({"count": 5000, "budget": 200})),
        ("demo_long", json!({"lines": 0, "width": 0})),
        ("demo_long", json!({"lines": 5000, "width": 30, "budget": 300})),
        ("demo_put", json!({})),
    ]
}

/// A validator for each tool that lists a schema of its output.
async fn validators(client: &mut Client) -> HashMap<String, jsonschema::Validator> {
    let tools = client.tools().await;
    tools
        .iter()
        .map(|tool| {
            let name = tool["name"].as_str().unwrap().to_owned();
            let schema = tool.get("outputSchema").unwrap_or_else(|| panic!("{name} lists no output schema"));
            assert_eq!(schema["type"], "object", "{name}");
            let validator = jsonschema::validator_for(schema).unwrap_or_else(|error| panic!("{name}: {error}"));
            (name, validator)
        })
        .collect()
}

fn validate(validators: &HashMap<String, jsonschema::Validator>, tool: &str, value: &Value) {
    let problems: Vec<String> = validators[tool].iter_errors(value).map(|error| error.to_string()).collect();
    assert!(problems.is_empty(), "{tool}: {problems:?} in {value}");
    // A schema that takes anything would prove nothing.
    assert!(!validators[tool].is_valid(&json!({"nothing": "like it"})), "{tool}: the schema takes anything");
}

#[tokio::test]
async fn text_alone_carries_neither_schema_nor_structure() {
    let mut client = piped(Results::Text).ready().await;
    for tool in client.tools().await {
        assert!(tool.get("outputSchema").is_none(), "{tool}");
    }
    for (tool, arguments) in calls() {
        let result = client.call(tool, arguments).await;
        assert!(result.get("structuredContent").is_none(), "{result}");
        assert!(!text(&result).is_empty());
    }
}

#[tokio::test]
async fn structured_values_validate_and_keep_the_budget() {
    for results in [Results::Structured, Results::Both] {
        let mut client = piped(results).ready().await;
        let validators = validators(&mut client).await;
        for (tool, arguments) in calls() {
            let budget = arguments["budget"].as_u64().unwrap_or(4000) as usize * 4;
            let result = client.call(tool, arguments).await;
            assert_ne!(result["isError"], true, "{result}");
            let value = &result["structuredContent"];
            validate(&validators, tool, value);
            assert!(value.to_string().len() <= budget, "{tool}: {} bytes", value.to_string().len());
            if results == Results::Both {
                assert!(text(&result).len() <= budget);
            } else {
                assert_eq!(result["content"], json!([]), "{result}");
            }
        }
    }
}

#[tokio::test]
async fn both_forms_say_the_same() {
    let mut client = piped(Results::Both).ready().await;
    let result = client.call("demo_items", json!({"count": 5000, "budget": 200})).await;
    let (shown, items) = (text(&result), &result["structuredContent"]["items"]);
    assert_eq!(items["total"], 5000, "{items}");
    let count = items["items"].as_array().unwrap().len();
    assert_eq!(shown.lines().filter(|line| line.starts_with('#')).count(), count, "{shown}");
    assert_eq!(items["omitted"], 5000 - count as u64);
    assert!(shown.contains(&format!("next: cursor={}", items["cursor"].as_str().unwrap())), "{shown}");
}

#[tokio::test]
async fn an_error_has_its_code_and_message_in_both_forms() {
    let mut client = piped(Results::Both).ready().await;
    for (tool, arguments, code) in [
        ("demo_fail", json!({"words": "their words"}), "conflict"),
        ("demo_echo", json!({}), "invalid_argument"),
        ("demo_late", json!({}), "timeout"),
        ("demo_panic", json!({}), "internal"),
    ] {
        let result = client.call(tool, arguments).await;
        assert_eq!(result["isError"], true, "{result}");
        let value = &result["structuredContent"];
        assert_eq!(value["code"], code, "{result}");
        assert!(value["message"].as_str().is_some_and(|message| !message.is_empty()), "{result}");
        assert!(text(&result).starts_with(&format!("{code}: {}", value["message"].as_str().unwrap())), "{result}");
        if tool == "demo_fail" {
            assert_eq!(value["hint"], "ask it nicely");
            assert!(value["said"].as_str().unwrap().starts_with("<untrusted-"), "{result}");
        }
    }
    let mut client = piped(Results::Text).ready().await;
    let result = client.call("demo_echo", json!({})).await;
    assert!(result.get("structuredContent").is_none(), "{result}");
}

#[tokio::test]
async fn git_values_validate() {
    let repo = GitRepo::new();
    repo.write("a.txt", "one\n");
    repo.commit("first\n\nwith a body\n");
    repo.write("a.txt", "two\n");
    repo.write("b\u{e9}.txt", "new\n");
    let empty = GitRepo::new();
    for repo in [&repo, &empty] {
        let start = Start::git(repo.workspace()).env("RESULTS", "structured");
        let mut client = Client::spawn(&start).ready().await;
        let validators = validators(&mut client).await;
        for tool in ["git_status", "git_log", "git_branch_list"] {
            let result = client.call(tool, json!({"cwd": "repo"})).await;
            if result["isError"] == true {
                assert!(result["structuredContent"]["code"].is_string(), "{result}");
            } else {
                validate(&validators, tool, &result["structuredContent"]);
            }
        }
    }
}
