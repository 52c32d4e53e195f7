//! A double of GitHub that keeps state and speaks its wire: REST, two queries of GraphQL, redirects of job logs to a storage host.
//!
//! It is judged by GitHub's published description in [`specification`], and judges what it is asked by it.

pub mod app;
pub mod specification;

mod access;
mod checks;
mod faults;
mod graphql;
mod issues;
mod objects;
mod pulls;
mod refs;
mod reply;
mod repository;
mod routes;
mod serving;
mod state;
mod things;
mod wire;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::task::JoinHandle;

pub use self::access::{Access, App};
pub use self::faults::{Fault, Rule};
pub use self::objects::{merge, moment, sha, user};
pub use self::repository::{Branch, Gone, Pull, Repository};
pub use self::state::State;

use self::access::Token;

/// Which of the two servers was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host {
    /// The API.
    Api,
    /// Where job logs are.
    Storage,
}

/// A request that came.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Where it came to.
    pub host: Host,
    /// GET or POST.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// All headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// Whether a rule met it.
    pub met: bool,
    /// The status of the answer; nothing when there was none.
    pub status: Option<u16>,
}

impl Seen {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Whether it has `secret` in it anywhere.
    pub fn holds(&self, secret: &str) -> bool {
        let text = String::from_utf8_lossy(&self.body);
        self.target.contains(secret)
            || text.contains(secret)
            || self.headers.iter().any(|(name, value)| name.contains(secret) || value.contains(secret))
    }
}

/// What both servers share.
struct Inner {
    state: Mutex<State>,
    rules: Mutex<Vec<Rule>>,
    seen: Mutex<Vec<Seen>>,
}

/// A running double; it ends when dropped.
pub struct Github {
    address: SocketAddr,
    storage: SocketAddr,
    inner: Arc<Inner>,
    accepting: [JoinHandle<()>; 2],
}

impl Github {
    /// A double that knows nothing yet. May be called on any thread; the first time, it waits for the description to be fetched.
    pub fn start() -> Self {
        specification::Specification::prepare();
        let ((listener, address), (second, storage)) = (crate::listen(), crate::listen());
        let state = State::new(format!("http://{address}"), format!("http://{storage}"));
        let inner = Arc::new(Inner { state: Mutex::new(state), rules: Mutex::default(), seen: Mutex::default() });
        let (api, logs) = (Arc::clone(&inner), Arc::clone(&inner));
        let accepting = [
            crate::faults::serve(listener, None, move |request| {
                let inner = Arc::clone(&api);
                async move { inner.api(request).await }
            }),
            crate::faults::serve(second, None, move |request| {
                let inner = Arc::clone(&logs);
                async move { inner.storage(request).await }
            }),
        ];
        Self { address, storage, inner, accepting }
    }

    /// `http://127.0.0.1:PORT`, for `GITHUB_API_URL`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// `http://127.0.0.1:PORT` of the host that job logs are on.
    pub fn storage_url(&self) -> String {
        format!("http://{}", self.storage)
    }

    /// Changes what it knows, or looks at it.
    pub fn edit<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.inner.state.lock().expect("lock"))
    }

    /// Changes one repository (`OWNER/NAME`), which is made when it is not there yet: public, with one commit on `main`.
    pub fn repo<T>(&self, full_name: &str, change: impl FnOnce(&mut Repository) -> T) -> T {
        self.edit(|state| change(state.repo(full_name)))
    }

    /// A token that is good from now on.
    pub fn token(&self, token: &str, access: Access) {
        self.edit(|state| state.tokens.insert(token.to_owned(), Token::new(access)));
    }

    /// The one app it knows.
    pub fn app(&self, app: App) {
        self.edit(|state| state.app = Some(app));
    }

    /// How it misbehaves from now on. The first rule that meets a request decides.
    pub fn rules(&self, rules: impl IntoIterator<Item = Rule>) {
        *self.inner.rules.lock().expect("lock") = rules.into_iter().collect();
    }

    /// Every request so far, to both hosts.
    pub fn seen(&self) -> Vec<Seen> {
        self.inner.seen.lock().expect("lock").clone()
    }

    /// How many requests so far had this method and a target that begins like this.
    pub fn count(&self, method: &str, prefix: &str) -> usize {
        let like = |seen: &&Seen| seen.method == method && seen.target.starts_with(prefix);
        self.inner.seen.lock().expect("lock").iter().filter(like).count()
    }

    /// Forgets the requests so far.
    pub fn forget(&self) {
        self.inner.seen.lock().expect("lock").clear();
    }

    /// What was asked and is against GitHub's description. Without the description (see [`Specification::get`](specification::Specification::get))
    /// only what the double itself could not do.
    pub fn violations(&self) -> Vec<String> {
        self.edit(|state| state.violations.clone())
    }
}

impl Drop for Github {
    fn drop(&mut self) {
        self.accepting.iter().for_each(JoinHandle::abort);
    }
}
