//! An API server that takes connections and says nothing, and one that says it a byte at a time: every tool ends, says what it waited for
//! and what to do, and leaves no kubectl behind.

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use harness::{Client, cluster::Cluster};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use crate::{client, server};

/// Longer than the longest of the tools waits that cannot be told to wait less.
const LONGEST: Duration = Duration::from_secs(240);

/// How such a server treats a connection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Manner {
    Silent,
    Dripping,
}

/// A server of that manner; it ends when dropped.
struct Server {
    address: SocketAddr,
    accepting: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Server {
    async fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let accepting = tokio::spawn(async move {
            let mut open = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                open.spawn(suffer(stream, manner));
            }
        });
        Self { address, accepting }
    }

    /// A kubeconfig that leads to it; without TLS, because a handshake would have to be answered.
    fn kubeconfig(&self, directory: &std::path::Path) -> std::path::PathBuf {
        let path = directory.join("config");
        let address = self.address;
        std::fs::write(
            &path,
            format!(
                "apiVersion: v1\nkind: Config\nclusters: [{{name: k, cluster: {{server: \"http://{address}\"}}}}]\nusers: [{{name: k, user: {{}}}}]\n\
                 contexts: [{{name: k, context: {{cluster: k, user: k}}}}]\ncurrent-context: k\n"
            ),
        )
        .unwrap();
        path
    }
}

async fn suffer(mut stream: TcpStream, manner: Manner) {
    let mut request = [0; 4096];
    while let Ok(1..) = stream.read(&mut request).await {
        if manner == Manner::Silent {
            continue;
        }
        let head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1000000\r\n\r\n{";
        if stream.write_all(head).await.is_err() {
            return;
        }
        while stream.write_all(b" ").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

/// A call of each tool, its time as short as can be set.
fn calls() -> Vec<(&'static str, Value)> {
    vec![
        ("kubectl_get", json!({"resource": "pods"})),
        ("kubectl_describe", json!({"resource": "pod/a"})),
        ("kubectl_logs", json!({"pod": "a"})),
        ("kubectl_top", json!({"resource": "pods"})),
        ("kubectl_events", json!({})),
        ("kubectl_api_resources", json!({})),
        ("kubectl_explain", json!({"resource": "pods"})),
        ("kubectl_exec", json!({"pod": "a", "command": "true", "timeout": 1})),
        ("kubectl_apply", json!({"manifest": "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}"})),
        ("kubectl_delete", json!({"resource": "pod/a"})),
        ("kubectl_run", json!({"name": "a", "image": "a", "timeout": 1})),
        ("kubectl_cp", json!({"src": "a:/x", "dst": "x", "timeout": 1})),
        ("kubectl_rollout", json!({"action": "status", "resource": "deployment/a", "timeout": 1})),
        ("kubectl_scale", json!({"resource": "deployment/a", "replicas": 1})),
        ("kubectl_label", json!({"resource": "pod", "name": "a", "labels": "a=b"})),
        ("kubectl_annotate", json!({"resource": "pod", "name": "a", "annotations": "a=b"})),
    ]
}

/// The answers to all of them, asked at once.
async fn answers(client: &mut Client) -> BTreeMap<&'static str, String> {
    let mut asked = BTreeMap::new();
    for (tool, arguments) in calls() {
        asked.insert(client.ask("tools/call", json!({"name": tool, "arguments": arguments})).await, tool);
    }
    let mut answers = BTreeMap::new();
    while !asked.is_empty() {
        let message = client.next(LONGEST).await.unwrap_or_else(|| panic!("no answer from {:?}", asked.values()));
        if let Some(tool) = message["id"].as_u64().and_then(|id| asked.remove(&id)) {
            answers.insert(tool, format!("{} {}", message["result"]["isError"], harness::text(&message["result"])));
        }
    }
    answers
}

async fn every_tool_ends(manner: Manner) {
    let directory = tempfile::tempdir().unwrap();
    let silent = Server::start(manner).await;
    let start = server(&silent.kubeconfig(directory.path())).env("WORKSPACE", directory.path());
    let mut client = client(&start).await;
    let answers = answers(&mut client).await;
    assert_eq!(answers.len(), client.tools().await.len());
    for (tool, answer) in answers {
        // What was asked to end a command in its time says so; everything else is an error, with its scope and what to do.
        let given_up = tool == "kubectl_exec" && answer.contains("given up after 1 s");
        let error = ["timeout: ", "unavailable: "].iter().any(|code| answer.starts_with(&format!("true {code}")));
        assert!(given_up || error && answer.contains("context `k`"), "{tool}: {answer}");
        assert!(
            given_up
                || answer.contains("; check ")
                || answer.contains("; the cluster may be down")
                || answer.contains("; ask for less"),
            "{tool}: {answer}"
        );
    }
    // Nothing was copied, nor begun to be.
    let left: Vec<_> = std::fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["config"]);
}

#[tokio::test]
async fn an_api_server_that_says_nothing_holds_no_tool() {
    every_tool_ends(Manner::Silent).await;
}

#[tokio::test]
async fn an_api_server_that_drips_holds_no_tool() {
    every_tool_ends(Manner::Dripping).await;
}

#[tokio::test]
async fn the_doctor_is_not_held_either() {
    for manner in [Manner::Silent, Manner::Dripping] {
        let directory = tempfile::tempdir().unwrap();
        let silent = Server::start(manner).await;
        let output = server(&silent.kubeconfig(directory.path())).arg("doctor").output().await;
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(1), "{text}");
        let client = Cluster::get().facts().server_version.as_str();
        assert!(text.contains(client) && text.contains("missing  api server"), "{text}");
        assert!(text.contains("check its address, the network, and whether the cluster is up"), "{text}");
    }
}
