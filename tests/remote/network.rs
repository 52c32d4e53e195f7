//! A network side with an environment of its own, for the tests of the transports.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use harness::runtime;
use mcp_git::remote::{self, Environment, Limits, Network, Operation};
use shared::{Result, ToolError};
use tokio_util::sync::CancellationToken;

/// The token in every test that logs in; no error may contain it.
pub const CANARY: &str = "canary-t0ken-5f2d8a";

static LEARNT: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn learn(secret: &str) {
    LEARNT.lock().expect("lock").push(secret.to_owned());
}

/// Whether the redaction hook has been told `secret`.
pub fn was_learnt(secret: &str) -> bool {
    LEARNT.lock().expect("lock").iter().any(|learnt| learnt == secret)
}

/// A client of its own, with nothing in its environment but what is given.
pub struct Client {
    pub network: Arc<Network>,
    pub limits: Limits,
    pub cancel: CancellationToken,
}

impl Client {
    pub fn new(pairs: &[(&str, &str)]) -> Self {
        let map: HashMap<String, String> =
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let environment = Environment::from_fn(move |name| map.get(name).map(Into::into));
        let network = Network::new(environment, runtime().handle().clone(), learn).expect("network");
        let limits = Limits { overall: Duration::from_secs(60), idle: Duration::from_secs(30), ..Limits::default() };
        Self { network, limits, cancel: CancellationToken::new() }
    }

    pub fn operation(&self) -> Operation {
        self.network.operation(self.cancel.clone(), self.limits)
    }

    /// Clones `url` to `to`, all of it or `depth` commits.
    pub fn clone_to(&self, url: &str, to: &Path, depth: Option<i32>) -> Result<git2::Repository> {
        self.clone_by(&self.operation(), url, to, depth)
    }

    pub fn clone_by(
        &self,
        operation: &Operation,
        url: &str,
        to: &Path,
        depth: Option<i32>,
    ) -> Result<git2::Repository> {
        self.network.check(url)?;
        checked(remote::run(operation, || {
            let mut options = git2::FetchOptions::new();
            options.remote_callbacks(operation.callbacks());
            if let Some(depth) = depth {
                options.depth(depth);
            }
            git2::build::RepoBuilder::new().fetch_options(options).clone(url, to)
        }))
    }

    pub fn fetch(&self, repository: &git2::Repository, depth: Option<i32>) -> Result<()> {
        let operation = self.operation();
        checked(remote::run(&operation, || {
            let mut options = git2::FetchOptions::new();
            options.remote_callbacks(operation.callbacks());
            if let Some(depth) = depth {
                options.depth(depth);
            }
            repository.find_remote("origin")?.fetch(&[] as &[&str], Some(&mut options), None)
        }))
    }

    pub fn push(&self, repository: &git2::Repository, refspec: &str, leases: Vec<remote::Lease>) -> Result<()> {
        self.push_by(&self.operation(), repository, refspec, leases)
    }

    pub fn push_by(
        &self,
        operation: &Operation,
        repository: &git2::Repository,
        refspec: &str,
        leases: Vec<remote::Lease>,
    ) -> Result<()> {
        checked(remote::run(operation, || {
            let mut options = git2::PushOptions::new();
            options.remote_callbacks(operation.callbacks_with_leases(leases));
            repository.find_remote("origin")?.push(&[refspec], Some(&mut options))
        }))
    }
}

/// Every error of every test passes here: none may hold the token, in clear or as the header spells it.
pub fn checked<T>(result: Result<T>) -> Result<T> {
    if let Err(error) = &result {
        assert_no_canary(error);
    }
    result
}

pub fn assert_no_canary(error: &ToolError) {
    use base64::Engine as _;
    let everything = format!("{error} {error:?} {:?} {:?}", error.said(), error.next_step());
    assert!(!everything.contains(CANARY), "the token is in {everything}");
    for user in ["git", "me", "x-access-token", "oauth2"] {
        let basic = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{CANARY}"));
        assert!(!everything.contains(&basic), "the header is in {everything}");
    }
}
