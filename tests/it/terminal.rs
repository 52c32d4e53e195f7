//! The terminal face of `mcp-git`, and what its schemas promise.

use std::process::{Output, Stdio};

use harness::{GitRepo, PATIENCE, Start, skip, start::mcp_git};
use serde_json::{Value, json};

async fn run(start: Start, args: &[&str]) -> Output {
    start.args(args.iter().copied()).output().await
}

fn out(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

fn err(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}

fn repository() -> GitRepo {
    let repo = GitRepo::new();
    repo.write("a.txt", "one\n");
    repo.commit("first change");
    repo
}

#[tokio::test]
async fn exit_codes_tell_success_failure_and_misuse_apart() {
    let repo = repository();
    for (args, code) in [
        (&["call", "git_status", "cwd=repo"][..], 0),
        (&["call", "git_log", "cwd=repo", "count=1", "oneline=true"], 0),
        (&["call", "git_log", "--json", r#"{"cwd":"repo","count":1}"#], 0),
        (&["tools"], 0),
        (&["manifest"], 0),
        (&["catalogue"], 0),
        (&["doctor"], 0),
        (&["--version"], 0),
        (&["--help"], 0),
        (&["help"], 0),
        (&["schema", "git_log"], 0),
        (&["call", "git_status", "cwd=nowhere"], 1),
        (&["call", "git_log", "cwd=repo", "ref=nothing"], 1),
        (&["call", "git_log", "cwd=repo", "count=many"], 1),
        (&["call", "git_log", "cwd=repo", "cuont=1"], 1),
        (&["call", "git_nothing"], 2),
        (&["schema", "git_nothing"], 2),
        (&["call", "git_log", "novalue"], 2),
        (&["call", "git_log", "--json", "[1]"], 2),
        (&["call", "git_log", "--json", "{"], 2),
        (&["call", "git_log", "cwd=repo", "--json", "{}"], 2),
        (&["call", "git_log", "-o", "yaml"], 2),
        (&["call"], 2),
        (&["frobnicate"], 2),
        (&["completions", "tcsh"], 2),
        (&["serve", "--http", "nowhere"], 2),
    ] {
        let output = run(Start::git(repo.workspace()), args).await;
        assert_eq!(output.status.code(), Some(code), "{args:?}: {}{}", out(&output), err(&output));
        if code == 2 {
            assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{args:?}: {output:?}");
        } else {
            assert!(!output.stdout.is_empty(), "{args:?}");
        }
    }
    let output = run(Start::git(repo.workspace()).env("MODE", "readonyl"), &["tools"]).await;
    assert_eq!(output.status.code(), Some(2));
}

#[tokio::test]
async fn a_call_prints_text_or_json() {
    let repo = repository();
    let git = || Start::git(repo.workspace());
    let pairs = run(git(), &["call", "git_log", "cwd=repo", "oneline=true"]).await;
    let object = run(git(), &["call", "git_log", "--json", r#"{"cwd":"repo","oneline":true}"#]).await;
    assert!(out(&pairs).contains("first change"), "{}", out(&pairs));
    let stripped = |text: &str| text.lines().filter(|line| !line.contains("untrusted-")).collect::<Vec<_>>().join("\n");
    assert_eq!(stripped(out(&pairs)), stripped(out(&object)), "but for the frame's tag");
    for flag in ["-o", "--output"] {
        let output = run(git(), &["call", "git_log", "cwd=repo", flag, "json"]).await;
        let value: Value = serde_json::from_str(out(&output)).expect("JSON");
        assert_eq!(value["commits"]["items"][0]["subject"], "first change", "{value}");
    }
    let output = run(git(), &["call", "git_status", "cwd=nowhere", "-o", "json"]).await;
    let value: Value = serde_json::from_str(out(&output)).expect("JSON");
    assert_eq!(value["code"], "not_found", "{value}");
    assert_eq!(output.status.code(), Some(1));
}

#[tokio::test]
async fn a_read_only_terminal_refuses_writers_with_exit_code_one() {
    let output =
        run(Start::new(env!("CARGO_BIN_EXE_demo-server")).env("MODE", "readonly"), &["call", "demo_put"]).await;
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(out(&output).starts_with("readonly: ") || err(&output).starts_with("readonly: "), "{output:?}");
}

#[tokio::test]
async fn completions_exist_for_five_shells() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let output = run(Start::new(mcp_git()), &["completions", shell]).await;
        assert!(output.status.success(), "{shell}: {}", err(&output));
        assert!(out(&output).contains("mcp-git") && out(&output).contains("doctor"), "{shell}");
    }
}

#[tokio::test]
async fn the_version_is_the_packages() {
    let output = run(Start::new(mcp_git()), &["--version"]).await;
    assert_eq!(out(&output), format!("mcp-git {}\n", env!("CARGO_PKG_VERSION")));
}

#[tokio::test]
async fn help_has_an_example_of_every_tool_and_every_example_is_read() {
    let help = run(Start::new(mcp_git()), &["--help"]).await;
    let listed = run(Start::new(mcp_git()), &["tools"]).await;
    let repo = repository();
    let mut seen = 0;
    for line in out(&listed).lines().filter(|line| line.starts_with("git_")) {
        let name = line.split_whitespace().next().unwrap();
        let example = out(&help).lines().find(|line| line.contains(&format!("call {name} "))).expect(name);
        // A reader can be tried: whatever it finds, it does not complain about its own example's parameters.
        if line.split_whitespace().nth(1) == Some("read") {
            let args: Vec<&str> = example.split_whitespace().skip_while(|word| *word != "call").collect();
            let output = run(Start::git(repo.path()), &args).await;
            assert!(!out(&output).contains("there is no parameter"), "{example}: {}", out(&output));
        }
        seen += 1;
    }
    assert!(seen >= 3, "{}", out(&listed));
}

/// Every schema inside `schema`, itself included: properties are walked as schemas, not as keywords.
fn schemas<'a>(schema: &'a Value, found: &mut Vec<&'a Value>) {
    found.push(schema);
    for (_, property) in schema["properties"].as_object().into_iter().flatten() {
        schemas(property, found);
    }
    for key in ["items", "additionalProperties"] {
        if schema[key].is_object() {
            schemas(&schema[key], found);
        }
    }
    for key in ["anyOf", "oneOf", "allOf"] {
        for choice in schema[key].as_array().into_iter().flatten() {
            schemas(choice, found);
        }
    }
}

fn check_schema(name: &str, schema: &Value, reads: bool) {
    assert_eq!(schema["type"], "object", "{name}");
    assert_eq!(schema["additionalProperties"], false, "{name}");
    let properties = schema["properties"].as_object().unwrap_or_else(|| panic!("{name} has no properties"));
    let required = schema["required"].as_array().unwrap_or_else(|| panic!("{name} has no required"));
    for key in ["anyOf", "oneOf", "allOf", "not", "if"] {
        assert!(schema.get(key).is_none(), "{name} is a union at the top");
    }
    for wanted in required {
        assert!(properties.contains_key(wanted.as_str().unwrap()), "{name}: {wanted}");
    }
    let mut all = Vec::new();
    schemas(schema, &mut all);
    for part in all {
        for key in ["$ref", "$defs", "definitions", "format", "$schema"] {
            assert!(part.get(key).is_none(), "{name} has {key}: {part}");
        }
        assert_ne!(part["type"], "null", "{name}: {part}");
        assert!(part["type"].as_array().is_none_or(|kinds| !kinds.contains(&json!("null"))), "{name}: {part}");
        for (parameter, property) in part["properties"].as_object().into_iter().flatten() {
            let described = property["description"].as_str().is_some_and(|words| words.trim().len() > 3);
            assert!(described, "{name}: {parameter} is not described");
            let typed = property.get("type").is_some() || property.get("anyOf").is_some();
            assert!(typed, "{name}: {parameter} has no type");
        }
    }
    if reads {
        let budget = &properties["budget"];
        assert_eq!(
            (&budget["minimum"], &budget["default"], &budget["maximum"]),
            (&json!(200), &json!(4000), &json!(25000)),
            "{name}"
        );
    }
}

#[tokio::test]
async fn every_schema_keeps_the_contract() {
    for start in [Start::new(mcp_git()), Start::new(env!("CARGO_BIN_EXE_demo-server"))] {
        let output = run(start.clone(), &["catalogue"]).await;
        let catalogue: Value = serde_json::from_str(out(&output)).expect("JSON");
        let tools = catalogue["tools"].as_array().unwrap();
        assert!(tools.len() >= 3);
        let mut cost = 0;
        for tool in tools {
            let name = tool["name"].as_str().unwrap();
            for hint in ["readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"] {
                assert!(tool["annotations"][hint].is_boolean(), "{name}: {hint}");
            }
            let reads = tool["access"] == "read";
            assert_eq!(tool["annotations"]["readOnlyHint"], reads, "{name}");
            assert!(!reads || tool["annotations"]["destructiveHint"] == false, "{name}");
            assert!(tool["title"].as_str().is_some_and(|title| !title.is_empty()), "{name}");
            check_schema(name, &tool["inputSchema"], reads);
            let printed = run(start.clone(), &["schema", name]).await;
            assert_eq!(serde_json::from_str::<Value>(out(&printed)).unwrap(), tool["inputSchema"], "{name}");
            let bytes =
                name.len() + tool["description"].as_str().unwrap().len() + tool["inputSchema"].to_string().len();
            cost += bytes.div_ceil(4);
        }
        assert!(cost <= 2500, "{cost} tokens");
        assert_eq!(catalogue["tokens"], cost, "the catalogue counts what it costs");
    }
}

#[tokio::test]
async fn the_manifest_names_the_binary() {
    let output = run(Start::new(mcp_git()), &["manifest"]).await;
    let manifest: Value = serde_json::from_str(out(&output)).expect("JSON");
    assert_eq!((&manifest["name"], &manifest["command"]), (&json!("git"), &json!("mcp-git")));
    assert_eq!(manifest["transport"], "stdio");
    assert!(manifest["description"].as_str().is_some_and(|words| !words.is_empty()));
    assert_eq!(manifest.as_object().unwrap().len(), 4, "{manifest}");
}

#[tokio::test]
async fn the_doctor_says_what_is_missing() {
    let repo = repository();
    let output = run(Start::git(repo.workspace()), &["doctor"]).await;
    assert!(out(&output).contains("workspace") && output.status.success(), "{output:?}");
    let output = run(Start::new(mcp_git()).env("WORKSPACE", "/does/not/exist"), &["doctor"]).await;
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(out(&output).contains("missing") && out(&output).contains("/does/not/exist"), "{output:?}");
}

#[tokio::test]
async fn a_reader_that_has_had_enough_is_no_failure() {
    for args in ["tools", "catalogue", "completions bash", "--help"] {
        let script = format!("{} {args} | head -n 1", mcp_git().display());
        let mut command = tokio::process::Command::new("/bin/sh");
        let command = command.args(["-c", &script]).env_clear().env("PATH", "/usr/bin:/bin").kill_on_drop(true);
        let output = tokio::time::timeout(PATIENCE, command.output()).await.expect("in time").expect("sh");
        assert_eq!(out(&output).lines().count(), 1, "{args}: {output:?}");
        assert!(!err(&output).contains("panicked"), "{args}: {}", err(&output));
    }
    // Sure to be closed before the first write.
    let mut command = Start::new(mcp_git()).arg("catalogue").command();
    let mut child = command.stdin(Stdio::null()).spawn().unwrap();
    drop(child.stdout.take());
    let output = tokio::time::timeout(PATIENCE, child.wait_with_output()).await.expect("in time").expect("wait");
    assert!(!err(&output).contains("panicked"), "{}", err(&output));
    assert_ne!(output.status.code(), Some(101));
}

#[tokio::test]
async fn on_a_terminal_no_arguments_print_help() {
    let name = "on_a_terminal_no_arguments_print_help";
    let script = ["/usr/bin/script", "/bin/script"].into_iter().find(|path| std::path::Path::new(path).exists());
    let Some(script) = script else { return skip(name, "there is no script(1) to make a terminal") };
    let start = Start::new(script)
        .args(["-qec"])
        .arg(mcp_git())
        .arg("/dev/null")
        .env("PATH", "/usr/bin:/bin")
        .env("TERM", "dumb");
    let output = start.output().await;
    assert!(out(&output).contains("Usage: mcp-git"), "{output:?}");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
}
