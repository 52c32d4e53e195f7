//! Messages that are none, and messages no client should send: each is answered, and the next one is served.

use harness::{Client, PATIENCE, demo::Demo, text};
use serde_json::{Value, json};
use shared::{Mode, settings::Settings};

use crate::demo;

async fn alive(client: &mut Client) {
    let result = client.call("demo_echo", json!({"message": "still here"})).await;
    assert!(text(&result).contains("still here"), "{result}");
}

/// Sends bytes and returns the error they are answered with.
async fn refused(client: &mut Client, bytes: &[u8]) -> Value {
    client.send_raw(bytes).await;
    let answer = client.next(PATIENCE).await.unwrap_or_else(|| panic!("no answer; {}", client.stderr()));
    assert!(answer["error"]["code"].is_i64(), "{answer}");
    assert!(answer.get("result").is_none(), "{answer}");
    answer
}

#[tokio::test]
async fn what_is_not_a_message_is_answered_and_the_next_one_served() {
    let mut client = Client::spawn(&demo()).ready().await;
    let deep = format!(
        "{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"params\":{}1{}}}\n",
        "[".repeat(50_000),
        "]".repeat(50_000)
    );
    let cases: [(&str, &[u8], i64, Value); 12] = [
        ("half an object", b"{\"jsonrpc\":\"2.0\",\"id\":5,\n", -32700, Value::Null),
        ("words", b"hello\n", -32700, Value::Null),
        ("a string", b"\"hello\"\n", -32700, Value::Null),
        ("two messages on a line", b"{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"ping\"}{\"jsonrpc\":\"2.0\",\"id\":6,\"method\":\"ping\"}\n", -32700, Value::Null),
        ("invalid UTF-8", b"{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"ping\",\"x\":\"\xff\xfe\"}\n", -32700, Value::Null),
        ("deep nesting", deep.as_bytes(), -32700, Value::Null),
        ("a batch", b"[{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"ping\"}]\n", -32600, Value::Null),
        ("an empty batch", b"[]\n", -32600, Value::Null),
        ("the same key twice", b"{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"ping\",\"method\":\"tools/list\"}\n", -32600, json!(5)),
        ("the same key twice, deep", b"{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"tools/call\",\"params\":{\"name\":\"demo_echo\",\"arguments\":{\"message\":\"a\",\"message\":\"b\"}}}\n", -32600, json!(5)),
        ("the same key twice, escaped", b"{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"ping\",\"m\\u0065thod\":\"tools/list\"}\n", -32600, json!(5)),
        ("no JSON-RPC", b"{\"id\":5,\"hello\":1}\n", -32600, json!(5)),
    ];
    for (what, bytes, code, id) in cases {
        let answer = refused(&mut client, bytes).await;
        assert_eq!(answer["error"]["code"], code, "{what}: {answer}");
        assert_eq!(answer["id"], id, "{what}: {answer}");
        alive(&mut client).await;
    }
}

#[tokio::test]
async fn a_line_of_five_mebibytes_is_answered_and_the_next_message_served() {
    for client in [Client::spawn(&demo()), Client::piped::<Demo>(Settings::new(Mode::Readwrite))] {
        let mut client = client.ready().await;
        let huge = format!(
            "{{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"tools/call\",\"params\":{{\"name\":\"demo_echo\",\"arguments\":{{\"message\":\"{}\"}}}}}}\n",
            "x".repeat(5 << 20)
        );
        let answer = refused(&mut client, huge.as_bytes()).await;
        assert!(answer["error"]["message"].as_str().unwrap().contains("longer than"), "{answer}");
        alive(&mut client).await;
        // Just under the bound is taken; its answer keeps its budget.
        let message = json!({"message": "y".repeat(4 << 20 >> 1)});
        let result = client.call("demo_echo", message).await;
        assert!(text(&result).len() <= 16_000, "{}", text(&result).len());
    }
}

#[tokio::test]
async fn blank_lines_are_nothing_and_the_last_line_needs_no_newline() {
    let mut client = Client::spawn(&demo()).ready().await;
    client.send_raw(b"\n\r\n   \n\t\n").await;
    client.send_raw(b"{\"jsonrpc\":\"2.0\",\"id\":\"crlf\",\"method\":\"ping\"}\r\n").await;
    assert_eq!(client.next(PATIENCE).await.unwrap()["id"], "crlf");
    client.send_raw(b"{\"jsonrpc\":\"2.0\",\"id\":\"last\",\"method\":\"ping\"}").await;
    client.close().await;
    assert_eq!(client.next(PATIENCE).await.expect("an answer to the last line")["id"], "last");
    assert!(client.ended().await.success());
}

#[tokio::test]
async fn an_unknown_method_is_not_found() {
    let mut client = Client::spawn(&demo()).ready().await;
    for method in ["tools/run", "", "resources/list", "prompts/list", "rpc.discover"] {
        let answer = client.request(method, json!({})).await;
        assert_eq!(answer["error"]["code"], -32601, "{method:?}: {answer}");
        alive(&mut client).await;
    }
    // A notification nobody knows is not answered.
    client.notify("notifications/unheard", json!({"a": 1})).await;
    alive(&mut client).await;
}

#[tokio::test]
async fn wrong_parameters_of_a_known_method_are_an_error_of_that_request() {
    let mut client = Client::spawn(&demo()).ready().await;
    for params in [
        json!({}),
        json!({"name": 7}),
        json!({"name": "demo_echo", "arguments": "message=hello"}),
        json!({"name": "demo_echo", "arguments": [1]}),
    ] {
        let answer = client.request("tools/call", params.clone()).await;
        assert!(answer["error"]["code"].is_i64() || answer["result"]["isError"] == true, "{params}: {answer}");
        alive(&mut client).await;
    }
}

#[tokio::test]
async fn calls_before_initialize_do_nothing_and_the_session_still_opens() {
    let mut client = Client::spawn(&demo());
    let early = client.request("tools/call", json!({"name": "demo_put", "arguments": {}})).await;
    assert!(early["error"]["code"].is_i64(), "{early}");
    let ping = client.request("ping", json!({})).await;
    assert!(ping["result"].is_object(), "{ping}");
    let mut client = client.ready().await;
    let result = client.call("demo_put", json!({})).await;
    assert_eq!(text(&result), "written 1 times", "the early call did nothing");
}

#[tokio::test]
async fn a_notification_or_an_answer_before_initialize_is_passed_over() {
    for early in [
        json!({"jsonrpc": "2.0", "method": "notifications/initialized"}),
        json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}}),
        json!({"jsonrpc": "2.0", "method": "notifications/unheard"}),
        json!({"jsonrpc": "2.0", "id": 9, "result": {}}),
        json!({"jsonrpc": "2.0", "id": 9, "error": {"code": -1, "message": "no"}}),
    ] {
        let mut client = Client::spawn(&demo());
        client.send(&early).await;
        let mut client = client.ready().await;
        alive(&mut client).await;
    }
}

#[tokio::test]
async fn hostile_bytes_never_end_the_process() {
    let mut client = Client::spawn(&demo()).ready().await;
    // A fixed generator: the same bytes in every run.
    let mut state = 0x9e37_79b9_u32;
    let alphabet = b"{}[]\",:\\0129.-eEtfn \xc3\x28\x00\x1b\xff\xe2\x80";
    for _ in 0..300 {
        let mut line = Vec::new();
        for _ in 0..(state % 61 + 1) {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            line.push(alphabet[state as usize % alphabet.len()]);
        }
        line.push(b'\n');
        client.send_raw(&line).await;
    }
    alive(&mut client).await;
}
