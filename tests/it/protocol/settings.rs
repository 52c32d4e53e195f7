//! What the environment says about the tools, and what happens when it says nonsense.

use harness::{Client, demo::Demo, text};
use serde_json::json;
use shared::{Mode, settings::Settings};

use crate::demo;

#[tokio::test]
async fn a_read_only_server_lists_no_writer_and_refuses_it_by_name() {
    let mut client = Client::spawn(&demo().env("MODE", "readonly")).ready().await;
    let tools = client.tools().await;
    assert!(!tools.is_empty());
    for tool in &tools {
        assert_eq!(tool["annotations"]["readOnlyHint"], true, "{tool}");
        assert_ne!(tool["name"], "demo_put");
    }
    for arguments in [json!({}), json!({"MODE": "readwrite"}), json!({"mode": "readwrite"})] {
        let result = client.call("demo_put", arguments).await;
        assert_eq!(result["isError"], true, "{result}");
        assert!(text(&result).starts_with("readonly: "), "{result}");
    }
    // The same process with the other mode has it, so its absence was the mode's doing.
    let mut client = Client::spawn(&demo().env("MODE", "readwrite")).ready().await;
    assert_eq!(text(&client.call("demo_put", json!({})).await), "written 1 times");
}

#[tokio::test]
async fn spellings_of_a_writer_do_not_pass_the_mode() {
    let mut client = Client::piped::<Demo>(Settings::new(Mode::Readonly)).ready().await;
    for name in ["demo_put", "Demo_Put", "demo_put ", "demo-put", "demo_put\u{200b}", "tools/demo_put"] {
        let answer = client.request("tools/call", json!({"name": name, "arguments": {}})).await;
        assert!(answer["error"]["code"] == -32602 || answer["result"]["isError"] == true, "{name:?}: {answer}");
        assert!(!answer.to_string().contains("written"), "{name:?}: {answer}");
    }
}

#[tokio::test]
async fn a_wrong_value_stops_the_start_and_names_the_choices() {
    for (variable, value, expected) in [
        ("MODE", "readonyl", "MODE=readonly or MODE=readwrite"),
        ("MODE", "READONLY", "MODE=readonly or MODE=readwrite"),
        ("MODE", " readonly", "MODE=readonly or MODE=readwrite"),
        ("TOOLS", "demo_ecko", "did you mean demo_echo?"),
        ("TOOLS", "demo_echo,nothing_like_it", "demo_items"),
        ("TOOLS_EXCLUDE", "demo_pot", "did you mean demo_put?"),
        ("RESULTS", "json", "text, structured or both"),
    ] {
        for args in
            [&[][..], &["serve"], &["serve", "--http", "127.0.0.1:0"], &["tools"], &["call", "demo_echo", "message=x"]]
        {
            let output = demo().env(variable, value).args(args.iter().copied()).output().await;
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(2), "{variable}={value} {args:?}: {said}");
            assert!(said.contains(variable) && said.contains(expected), "{variable}={value} {args:?}: {said}");
            assert!(output.stdout.is_empty(), "{variable}={value} {args:?}");
        }
    }
}

#[tokio::test]
async fn tools_can_be_chosen_and_left_out() {
    let chosen = demo().env("TOOLS", "demo_echo, demo_put").env("TOOLS_EXCLUDE", "demo_put");
    let mut client = Client::spawn(&chosen).ready().await;
    let tools = client.tools().await;
    assert_eq!(tools.iter().map(|tool| &tool["name"]).collect::<Vec<_>>(), ["demo_echo"]);
    for name in ["demo_put", "demo_items"] {
        let result = client.call(name, json!({})).await;
        assert_eq!(result["isError"], true, "{result}");
        assert!(text(&result).starts_with("forbidden: "), "{result}");
    }
}
