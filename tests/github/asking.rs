//! The server as a client meets it, with everything that leaves it looked through for the token.

use harness::github::{Github, specification::Specification};
use harness::{Client, Start};
use serde_json::{Value, json};

/// The token of these tests. It must never be seen again outside an `Authorization` header of the API.
pub const TOKEN: &str = "ghp_canary0123456789canary0123456789cana";

/// A server set up for the double.
pub fn start(github: &Github) -> Start {
    Start::new(env!("CARGO_BIN_EXE_github-server"))
        .env("GITHUB_API_URL", github.url())
        .env("GITHUB_TOKEN", TOKEN)
        .env("MODE", "readwrite")
        .env("RUST_LOG", "trace")
}

/// A conversation with the server.
pub struct Asking {
    client: Client,
    said: String,
}

impl Asking {
    /// With a server that is set up for `github`.
    pub async fn of(github: &Github) -> Self {
        Self::with(&start(github)).await
    }

    /// With the server of `start`.
    pub async fn with(start: &Start) -> Self {
        Self { client: Client::spawn(start).ready().await, said: String::new() }
    }

    /// The text of an answer, and whether it is an error.
    pub async fn ask(&mut self, tool: &str, arguments: Value) -> (String, bool) {
        let answer = harness::ask(&mut self.client, tool, arguments).await;
        self.said.push_str(&answer.0);
        answer
    }

    /// The text of an answer that is none of an error.
    pub async fn ok(&mut self, tool: &str, arguments: Value) -> String {
        let (text, error) = self.ask(tool, arguments).await;
        assert!(!error, "{tool}: {text}");
        text
    }

    /// The text of an error.
    pub async fn err(&mut self, tool: &str, arguments: Value) -> String {
        let (text, error) = self.ask(tool, arguments).await;
        assert!(error, "{tool} should have failed: {text}");
        text
    }

    /// About `acme/shop`, with more arguments.
    pub async fn shop(&mut self, tool: &str, more: Value) -> String {
        self.ok(tool, shop(more)).await
    }

    /// An error about `acme/shop`.
    pub async fn shop_err(&mut self, tool: &str, more: Value) -> String {
        self.err(tool, shop(more)).await
    }

    /// The client itself.
    pub fn client(&mut self) -> &mut Client {
        &mut self.client
    }

    /// Everything that must hold when a test is over: the double was asked nothing that the description of the API does not allow, and the token went to
    /// the API alone.
    pub async fn done(mut self, github: &Github) {
        self.client.close().await;
        let stderr = self.client.stderr();
        assert!(!self.said.contains(TOKEN), "an answer holds the token: {}", self.said);
        assert!(!stderr.contains(TOKEN), "the log holds the token: {stderr}");
        for seen in github.seen() {
            if seen.host == harness::github::Host::Storage {
                assert!(!seen.holds(TOKEN), "the storage host got the token");
                assert_eq!(seen.header("authorization"), None, "the storage host got credentials");
            }
            assert!(!seen.target.contains(TOKEN), "an address holds the token: {}", seen.target);
        }
        // Where npm is not to be had, the double says so itself.
        if Specification::get().is_ok() {
            assert_eq!(github.violations(), [""; 0]);
        }
    }
}

/// Arguments about `acme/shop`.
pub fn shop(more: Value) -> Value {
    let mut arguments = json!({"owner": "acme", "repo": "shop"});
    if let (Some(arguments), Value::Object(more)) = (arguments.as_object_mut(), more) {
        arguments.extend(more);
    }
    arguments
}

/// The cursor an answer offers.
pub fn cursor(text: &str) -> Option<&str> {
    text.split_once("cursor=")?.1.split(['\n', ']', ' ']).next()
}

/// Requests the API got, as method and target.
pub fn asked(github: &Github) -> Vec<String> {
    github.seen().into_iter().map(|seen| format!("{} {}", seen.method, seen.target)).collect()
}
