//! A server that answers as GitHub would, except where a test says otherwise: down to the bytes of a connection.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use harness::{Client, Start};
use serde_json::{Value, json};

/// The token of these tests.
pub const TOKEN: &str = "ghp_canary0123456789canary0123456789cana";
/// The commit of pull request 1.
pub const SHA: &str = "0123456789abcdef0123456789abcdef01234567";

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Asked {
    pub method: String,
    pub target: String,
    pub head: String,
    pub body: String,
}

impl Asked {
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// Whether it is a read of `tail` of acme/shop.
    pub fn of(&self, tail: &str) -> bool {
        self.method == "GET" && self.path() == format!("/repos/acme/shop{tail}")
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

/// What is answered.
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Written instead of the body, for as long as it likes.
    pub drip: Option<fn(&mut TcpStream)>,
}

pub fn reply(status: u16, body: impl Into<Vec<u8>>) -> Reply {
    Reply { status, headers: Vec::new(), body: body.into(), drip: None }
}

pub fn document(value: &Value) -> Reply {
    reply(200, value.to_string()).with("content-type", "application/json; charset=utf-8")
}

impl Reply {
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }
}

/// The server.
#[derive(Clone)]
pub struct Double {
    pub port: u16,
    seen: Arc<Mutex<Vec<Asked>>>,
}

impl Double {
    /// One that answers with `special` where that has an answer.
    pub fn start(special: impl Fn(&Asked, usize) -> Option<Reply> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("listen");
        let port = listener.local_addr().expect("address").port();
        let seen: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let (kept, special) = (Arc::clone(&seen), Arc::new(special));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (kept, special) = (Arc::clone(&kept), Arc::clone(&special));
                std::thread::spawn(move || {
                    let mut stream = stream;
                    while one(&mut stream, &kept, &*special).is_some() {}
                });
            }
        });
        Self { port, seen }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn seen(&self) -> Vec<Asked> {
        self.seen.lock().expect("seen").clone()
    }

    /// A server set up for it.
    pub fn program(&self) -> Start {
        Start::new(env!("CARGO_BIN_EXE_github-server"))
            .env("GITHUB_API_URL", self.url())
            .env("GITHUB_TOKEN", TOKEN)
            .env("MODE", "readwrite")
    }

    pub async fn client(&self) -> Client {
        Client::spawn(&self.program()).ready().await
    }
}

fn one(
    stream: &mut TcpStream,
    seen: &Mutex<Vec<Asked>>,
    special: &dyn Fn(&Asked, usize) -> Option<Reply>,
) -> Option<()> {
    let mut bytes = Vec::new();
    let mut chunk = [0; 65_536];
    let at = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at;
        }
        match stream.read(&mut chunk).ok()? {
            0 => return None,
            count => bytes.extend_from_slice(&chunk[..count]),
        }
    };
    let head = String::from_utf8_lossy(&bytes[..at]).into_owned();
    let mut words = head.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut asked = Asked { method, target, head, body: String::new() };
    let length: usize = asked.header("content-length").and_then(|text| text.trim().parse().ok()).unwrap_or(0);
    while bytes.len() < at + 4 + length {
        match stream.read(&mut chunk).ok()? {
            0 => return None,
            count => bytes.extend_from_slice(&chunk[..count]),
        }
    }
    asked.body = String::from_utf8_lossy(&bytes[at + 4..]).into_owned();
    let number = {
        let mut seen = seen.lock().expect("seen");
        seen.push(asked.clone());
        seen.len()
    };
    let found = special(&asked, number).or_else(|| usual(&asked));
    let found = found.unwrap_or_else(|| reply(404, r#"{"message":"Not Found"}"#));
    let mut text = format!("HTTP/1.1 {} x\r\n", found.status);
    found.headers.iter().for_each(|(name, value)| text.push_str(&format!("{name}: {value}\r\n")));
    match found.drip {
        Some(drip) => {
            text.push_str("transfer-encoding: chunked\r\n\r\n");
            stream.write_all(text.as_bytes()).ok()?;
            drip(stream);
            None
        }
        None => {
            text.push_str(&format!("content-length: {}\r\n\r\n", found.body.len()));
            stream.write_all(text.as_bytes()).ok()?;
            stream.write_all(&found.body).ok()
        }
    }
}

/// A pull request.
pub fn pull() -> Value {
    let side = |branch: &str, sha: &str| {
        json!({"ref": branch, "sha": sha, "label": format!("acme:{branch}"),
        "repo": {"full_name": "acme/shop"}})
    };
    json!({"number": 1, "title": "Add a cart", "state": "open", "user": {"login": "dev"}, "head": side("feature", SHA),
        "base": side("main", "fedcba9876543210"), "mergeable": true, "mergeable_state": "clean", "changed_files": 1, "additions": 1, "deletions": 0,
        "commits": 1, "comments": 0, "html_url": "https://github.com/acme/shop/pull/1"})
}

/// A check run.
pub fn run(id: u64, name: &str, conclusion: &str) -> Value {
    json!({"id": id, "name": name, "status": "completed", "conclusion": conclusion, "app": {"slug": "github-actions"},
        "details_url": format!("https://github.com/acme/shop/actions/runs/7/job/{id}"), "output": {"annotations_count": 0}})
}

pub fn runs(runs: &[Value]) -> Value {
    json!({"total_count": runs.len(), "check_runs": runs})
}

/// What GraphQL says of required checks.
pub fn required(names: &[&str]) -> Value {
    let branch =
        json!({"name": "main", "refUpdateRule": {"requiredStatusCheckContexts": names}, "rules": {"nodes": []}});
    json!({"data": {"repository": {"nameWithOwner": "acme/shop", "defaultBranchRef": branch,
        "object": {"oid": SHA, "associatedPullRequests": {"nodes": [{"state": "OPEN", "baseRef": branch}]}},
        "pullRequest": {"headRefOid": SHA, "baseRefName": "main", "baseRef": branch}}}})
}

/// The same as GitHub says it when all is well.
fn usual(asked: &Asked) -> Option<Reply> {
    let commit = format!("/commits/{SHA}");
    let value = match (asked.method.as_str(), asked.path()) {
        ("POST", "/graphql") if asked.body.contains("ReviewThreads") => {
            json!({"data": {"repository": {"nameWithOwner": "acme/shop",
            "pullRequest": {"reviewThreads": {"totalCount": 0, "pageInfo": {"hasNextPage": false, "endCursor": null}, "nodes": []}}}}})
        }
        ("POST", "/graphql") => required(&[]),
        ("GET", "/repos/acme/shop") => json!({"full_name": "acme/shop", "default_branch": "main"}),
        _ if asked.of("/pulls/1") && asked.header("accept").is_some_and(|accept| accept.contains("diff")) => {
            return Some(reply(200, "diff --git a/a b/a\n--- a/a\n+++ b/a\n@@ -0,0 +1 @@\n+x\n"));
        }
        _ if asked.of("/pulls/1") => pull(),
        _ if asked.of("/pulls/1/reviews") || asked.of("/pulls") || asked.of("/issues") => json!([]),
        _ if asked.of(&format!("{commit}/check-runs")) => runs(&[run(1, "test", "success")]),
        _ if asked.of(&format!("{commit}/status")) => json!({"statuses": []}),
        _ if asked.of("/issues/1") => {
            json!({"number": 1, "title": "T", "state": "open", "comments": 0, "pull_request": {}})
        }
        _ if asked.of("/issues/2") => json!({"number": 2, "title": "T", "state": "open", "comments": 0}),
        _ if asked.of("/check-runs/1/annotations") => json!([]),
        ("GET", "/rate_limit") => {
            json!({"resources": {"core": {"remaining": 4000, "limit": 5000, "reset": 2_000_000_000}}})
        }
        ("GET", "/user") => json!({"login": "dev"}),
        _ => return None,
    };
    Some(document(&value))
}

/// Says nothing for longer than anybody waits.
pub fn silence(_: &mut TcpStream) {
    std::thread::sleep(Duration::from_secs(200));
}

/// Arguments about acme/shop.
pub fn shop(more: Value) -> Value {
    let mut arguments = json!({"owner": "acme", "repo": "shop"});
    if let (Some(arguments), Value::Object(more)) = (arguments.as_object_mut(), more) {
        arguments.extend(more);
    }
    arguments
}

/// Text, whether it is an error.
pub async fn ask(double: &Double, tool: &str, more: Value) -> (String, bool) {
    let mut client = double.client().await;
    harness::ask(&mut client, tool, shop(more)).await
}
