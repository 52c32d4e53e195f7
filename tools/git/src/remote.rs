//! libgit2 over transports of our own.
//!
//! libgit2 could bring its own TLS, ssh and redirect rules; then there would be two of each in this program, and neither
//! cancellation nor a deadline would reach into a blocked socket. So `https`, `http`, `ssh` and `git` are registered here as *smart
//! subtransports*: libgit2 speaks the git protocol, this module moves the bytes. Nothing in it starts a process: no ssh binary, no
//! credential helper.
//!
//! A fetch or push is an [`Operation`]. [`run`] makes it current on the blocking thread that calls libgit2, where the transport
//! factory finds it:
//!
//! ```no_run
//! use mcp_git::remote::{self, Environment, Limits, Network};
//! # use tokio_util::sync::CancellationToken;
//!
//! # fn clone(url: &str, path: &std::path::Path, cancel: CancellationToken) -> shared::Result<git2::Repository> {
//! // Once per server: settings from the environment, sockets driven by this runtime, every secret that is read told to redaction.
//! let network = Network::new(Environment::process(), tokio::runtime::Handle::current(), |secret| {
//!     shared::redact::register(secret);
//! })?;
//! let operation = network.operation(cancel, Limits::default());
//! let url = network.check(url)?;
//! remote::run(&operation, || {
//!     let mut options = git2::FetchOptions::new();
//!     options.remote_callbacks(operation.callbacks());
//!     git2::build::RepoBuilder::new().fetch_options(options).clone(url.as_str(), path)
//! })
//! # }
//! ```
//!
//! Rules that hold whatever libgit2 or a repository's configuration asks for:
//! * an address is checked when the transport is used ([`Protocols`], [`GitUrl`]), so `insteadOf` cannot widen what is allowed;
//! * credentials are read when a server asks, go to the host they are meant for, and are not given to a host a redirect led to;
//! * a failure reaches the caller as the [`ToolError`] made where it happened, never as libgit2's flattened string;
//! * a remote's own words travel in [`ToolError::said`], bounded and without any secret that was used.
//!
//! Local paths and `file://` stay with libgit2's own transport; callers hold them against [`Network::check`].

mod callbacks;
mod checks;
mod credentials;
mod daemon;
mod http;
mod known_hosts;
mod operation;
mod ssh;
mod url;
mod words;

use std::cell::RefCell;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

pub use self::callbacks::Lease;
pub use self::checks::checks;
pub use self::credentials::{Credentials, Login, Secret, SshIdentity};
pub use self::operation::{Limits, Operation, Progress};
pub use self::url::{GitUrl, Protocols, Scheme};
pub use shared::Environment;
use shared::http::tls;
use shared::{Code, Result, ToolError};

/// What all operations of a server share. Made once; nothing is loaded or opened before the first network call.
pub struct Network {
    environment: Environment,
    protocols: Protocols,
    credentials: Credentials,
    timeout: Option<Duration>,
    runtime: tokio::runtime::Handle,
    tls: OnceLock<Result<tls::ClientConfig>>,
}

impl Network {
    /// A network side that takes its settings from `environment`, drives sockets on `runtime` (which needs time and IO), and tells
    /// every secret it reads to `learn`, the project's redaction.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`] when `GIT_ALLOW_PROTOCOLS` names an unknown protocol or `GIT_TIMEOUT` is no number of seconds.
    pub fn new(environment: Environment, runtime: tokio::runtime::Handle, learn: fn(&str)) -> Result<Arc<Self>> {
        let protocols = Protocols::from_environment(&environment)?;
        let timeout = operation::timeout(&environment)?;
        let credentials = Credentials::new(environment.clone(), learn);
        Ok(Arc::new(Self { environment, protocols, credentials, timeout, runtime, tls: OnceLock::new() }))
    }

    /// Parses an address and holds it against the allowed protocols.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`] for what is no repository address, [`Code::Forbidden`] for a protocol that is not allowed.
    pub fn check(&self, url: &str) -> Result<GitUrl> {
        self.protocols.check(url)
    }

    /// Holds the address that `remote` really uses in `direction` (after `insteadOf` and `pushurl`) against the allowed protocols.
    /// The transports of this module check again; libgit2's own, for local paths, does not.
    ///
    /// # Errors
    /// As [`Network::check`]; [`Code::InvalidArgument`] when the remote has no address.
    pub fn check_remote(&self, remote: &git2::Remote<'_>, direction: git2::Direction) -> Result<GitUrl> {
        let fetch = || remote.url().map_err(|_| ToolError::invalid("use the remote: its address is not UTF-8"));
        let url = match direction {
            git2::Direction::Fetch => fetch()?,
            git2::Direction::Push => match remote.pushurl() {
                Ok(Some(url)) => url,
                Ok(None) => fetch()?,
                Err(_) => return Err(ToolError::invalid("use the remote: its push address is not UTF-8")),
            },
        };
        self.check(url)
    }

    /// The longest that the operator wants an operation to take, where they say so (`GIT_TIMEOUT`).
    pub fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    /// A new operation, stopped by `cancel` and by `limits`. Its time starts now.
    pub fn operation(self: &Arc<Self>, cancel: CancellationToken, limits: Limits) -> Operation {
        Operation::new(Arc::clone(self), cancel, limits)
    }

    pub(crate) fn environment(&self) -> &Environment {
        &self.environment
    }

    pub(crate) fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    pub(crate) fn runtime(&self) -> &tokio::runtime::Handle {
        &self.runtime
    }

    pub(crate) fn tls(&self) -> Result<tls::ClientConfig> {
        self.tls.get_or_init(|| tls::client_config(&self.environment)).clone()
    }
}

/// Why the closure given to [`run`] failed: libgit2, or a rule of ours in between.
#[derive(Debug)]
pub enum Failure {
    /// An error of libgit2, which may be the echo of a transport's.
    Git(git2::Error),
    /// An error that is already the final one.
    Tool(ToolError),
}

impl From<git2::Error> for Failure {
    fn from(error: git2::Error) -> Self {
        Self::Git(error)
    }
}

impl From<ToolError> for Failure {
    fn from(error: ToolError) -> Self {
        Self::Tool(error)
    }
}

thread_local! {
    static CURRENT: RefCell<Option<Operation>> = const { RefCell::new(None) };
}

/// The operation that the transports of this thread belong to.
fn current() -> Option<Operation> {
    CURRENT.with_borrow(Clone::clone)
}

/// Makes `operation` current for as long as it lives, also when the closure panics.
struct Scope(Option<Operation>);

impl Scope {
    fn enter(operation: &Operation) -> Self {
        Self(CURRENT.replace(Some(operation.clone())))
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        CURRENT.set(self.0.take());
    }
}

/// Calls libgit2 with `operation` as the context of every transport that it opens on this thread.
///
/// Call it from a blocking thread (`spawn_blocking`): a transport waits for its sockets there.
///
/// # Errors
/// The first error of a transport, with what the remote said; else a reference that the remote refused to update
/// ([`Code::Conflict`] or [`Code::Forbidden`]), even when libgit2 reports success; else libgit2's own error under the nearest code.
pub fn run<T, E: Into<Failure>>(operation: &Operation, body: impl FnOnce() -> Result<T, E>) -> Result<T> {
    register()?;
    if let Some(error) = operation.stopped() {
        return Err(error);
    }
    let scope = Scope::enter(operation);
    let result = body();
    drop(scope);
    operation.outcome(result.map_err(Into::into))
}

/// Puts our transports in front of libgit2's, once per process.
fn register() -> Result<()> {
    static DONE: OnceLock<std::result::Result<(), String>> = OnceLock::new();
    DONE.get_or_init(|| register_all().map_err(|error| error.message().to_owned()))
        .clone()
        .map_err(|reason| ToolError::internal(format!("register the git transports: {reason}")))
}

#[expect(unsafe_code, reason = "libgit2 keeps its list of transports without a lock of its own")]
fn register_all() -> Result<(), git2::Error> {
    let outside = || git2::Error::from_str("a remote was used outside of an operation");
    // SAFETY: the list must not be changed while a transport is created. Every remote operation of this program goes through `run`,
    // which waits for the `OnceLock` around this call first, so no transport is created before or during it.
    unsafe {
        for scheme in ["https", "http"] {
            git2::transport::register(scheme, move |remote| {
                let operation = current().ok_or_else(outside)?;
                git2::transport::Transport::smart(remote, true, http::Http::new(operation))
            })?;
        }
        git2::transport::register("ssh", move |remote| {
            git2::transport::Transport::smart(remote, false, ssh::Ssh::new(current().ok_or_else(outside)?))
        })?;
        git2::transport::register("git", move |remote| {
            git2::transport::Transport::smart(remote, false, daemon::Daemon::new(current().ok_or_else(outside)?))
        })
    }
}

/// libgit2's error under the nearest of our codes. Network errors quote the remote, so their text counts as its words.
fn from_git(error: &git2::Error, operation: &Operation) -> ToolError {
    use git2::{ErrorClass, ErrorCode};
    let words = words::Words::of(error.message().as_bytes());
    let text = operation.said(&words).unwrap_or_else(|| "no reason given".to_owned());
    let code = match (error.code(), error.class()) {
        (ErrorCode::NotFastForward, _) => {
            return ToolError::new(Code::Conflict, "push to the remote: it has commits that are not here")
                .hint("pull first, then push again")
                .with_said(text);
        }
        (ErrorCode::NotFound | ErrorCode::UnbornBranch, _) => Code::NotFound,
        (ErrorCode::Auth, _) => Code::Unauthenticated,
        (ErrorCode::Certificate, _) => Code::Forbidden,
        (ErrorCode::Timeout, _) => Code::Timeout,
        (ErrorCode::Ambiguous, _) => Code::Ambiguous,
        (ErrorCode::InvalidSpec, _) => Code::InvalidArgument,
        (
            ErrorCode::Exists
            | ErrorCode::Conflict
            | ErrorCode::Locked
            | ErrorCode::Modified
            | ErrorCode::Uncommitted
            | ErrorCode::Unmerged
            | ErrorCode::MergeConflict
            | ErrorCode::Directory,
            _,
        ) => Code::Conflict,
        (_, ErrorClass::Net | ErrorClass::Http | ErrorClass::Ssh | ErrorClass::Ssl | ErrorClass::Os) => {
            Code::Unavailable
        }
        (_, ErrorClass::Checkout | ErrorClass::Merge) => Code::Conflict,
        _ => Code::Internal,
    };
    if error.class() == ErrorClass::Net {
        let code = if code == Code::Internal { Code::Unavailable } else { code };
        return ToolError::new(code, "transfer with the remote: the git protocol broke off").with_said(text);
    }
    ToolError::new(code, format!("transfer with the remote: {text}"))
}
