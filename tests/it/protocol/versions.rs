//! Versions with a session, and the one without.

use harness::{Client, GitRepo, Start, demo::Demo, meta, text};
use serde_json::{Value, json};
use shared::{Mode, settings::Settings};

use crate::demo;

fn names(tools: &[Value]) -> Vec<String> {
    tools.iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn every_version_with_a_session_is_spoken() {
    let repo = GitRepo::new();
    repo.commit("first");
    for version in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"] {
        let mut client = Client::spawn(&Start::git(repo.workspace()));
        let greeting = client.initialize(version).await;
        assert_eq!(greeting["protocolVersion"], version);
        assert_eq!(greeting["serverInfo"]["name"], "mcp-git");
        assert!(greeting["capabilities"]["tools"].is_object(), "{greeting}");
        assert!(greeting["instructions"].as_str().is_some_and(|words| !words.is_empty()));
        assert!(names(&client.tools().await).contains(&"git_status".to_owned()));
        let result = client.call("git_status", json!({"cwd": "repo"})).await;
        assert!(text(&result).contains("on `main`"), "{result}");
        assert!(result.get("resultType").is_none(), "{version} knows no resultType: {result}");
        client.close().await;
        assert!(client.ended().await.success());
    }
}

#[tokio::test]
async fn an_unknown_version_is_answered_with_a_known_one() {
    for version in ["1999-01-01", "2099-12-31", "latest", "", "2026-07-28"] {
        let mut client = Client::spawn(&demo());
        let greeting = client.initialize(version).await;
        let answered = greeting["protocolVersion"].as_str().unwrap();
        assert!(
            ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"].contains(&answered),
            "{version:?}: {answered}"
        );
        assert!(!client.tools().await.is_empty());
    }
}

#[tokio::test]
async fn stateless_requests_need_no_session() {
    let repo = GitRepo::new();
    repo.commit("first");
    let mut client = Client::spawn(&Start::git(repo.workspace()));
    let found = client.request("server/discover", json!({"_meta": meta()})).await;
    let found = &found["result"];
    let versions = found["supportedVersions"].as_array().unwrap_or_else(|| panic!("{found}"));
    for version in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"] {
        assert!(versions.contains(&json!(version)), "{versions:?}");
    }
    assert_eq!(found["resultType"], "complete");
    assert!(found["capabilities"]["tools"].is_object(), "{found}");
    assert!(found.to_string().contains("mcp-git"), "{found}");

    let listed = client.request("tools/list", json!({"_meta": meta()})).await;
    let listed = &listed["result"];
    assert_eq!(listed["resultType"], "complete", "{listed}");
    assert!(listed["ttlMs"].as_u64().is_some_and(|ttl| ttl > 0), "{listed}");
    assert!(["private", "public"].contains(&listed["cacheScope"].as_str().unwrap()), "{listed}");
    let again = client.request("tools/list", json!({"_meta": meta()})).await;
    assert_eq!(listed["tools"], again["result"]["tools"], "the same order every time");

    let params = json!({"name": "git_status", "arguments": {"cwd": "repo"}, "_meta": meta()});
    let called = client.request("tools/call", params).await;
    assert_eq!(called["result"]["resultType"], "complete", "{called}");
    assert!(text(&called["result"]).contains("on `main`"), "{called}");
    client.close().await;
    assert!(client.ended().await.success());
}

#[tokio::test]
async fn the_list_is_in_the_same_order_in_every_process_and_version() {
    let mut orders = Vec::new();
    for version in ["2024-11-05", "2025-11-25"] {
        let mut client = Client::spawn(&demo());
        client.initialize(version).await;
        orders.push(names(&client.tools().await));
    }
    let mut client = Client::piped::<Demo>(Settings::new(Mode::Readwrite));
    let listed = client.request("tools/list", json!({"_meta": meta()})).await;
    orders.push(names(listed["result"]["tools"].as_array().unwrap()));
    assert!(orders.windows(2).all(|two| two[0] == two[1]), "{orders:?}");
}

#[tokio::test]
async fn a_stateless_request_without_its_meta_is_an_error_and_the_next_one_is_served() {
    let mut client = Client::spawn(&demo());
    for broken in [json!({}), json!({"_meta": {}}), json!({"_meta": {"io.modelcontextprotocol/protocolVersion": 7}})] {
        let answer = client.request("tools/list", broken).await;
        assert!(answer["error"]["code"].is_i64(), "{answer}");
    }
    let mut unknown = meta();
    unknown["io.modelcontextprotocol/protocolVersion"] = json!("2099-01-01");
    let answer = client.request("tools/list", json!({"_meta": unknown})).await;
    assert!(answer["error"].to_string().contains("2026-07-28"), "the error names what is spoken: {answer}");
    let answer = client.request("tools/list", json!({"_meta": meta()})).await;
    assert!(answer["result"]["tools"].is_array(), "{answer}");
}

#[tokio::test]
async fn pages_of_a_list_carry_no_state() {
    // The cursor of one session is good in another: nothing lives in the first.
    let mut first = Client::piped::<Demo>(Settings::new(Mode::Readwrite)).ready().await;
    let page = first.call("demo_items", json!({"count": 500, "budget": 200})).await;
    let shown = text(&page).to_owned();
    let cursor = shown.split_once("next: cursor=").expect("a cursor").1.trim_end_matches(']').to_owned();
    let last = shown.lines().filter(|line| line.starts_with('#')).count();
    drop(first);
    let mut second = Client::spawn(&demo()).ready().await;
    let page = second.call("demo_items", json!({"count": 500, "budget": 200, "cursor": cursor})).await;
    assert!(text(&page).contains(&format!("#{last} ")) || text(&page).contains(&format!("#{last}\n")), "{page}");
    let stale = second.call("demo_items", json!({"count": 499, "cursor": cursor})).await;
    assert_eq!(stale["isError"], true, "{stale}");
}
