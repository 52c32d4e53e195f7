//! Registries: the distribution API, version 1.1, over our own connections. The one place of this crate that opens sockets.
//!
//! The rules, all of them about what must not happen:
//! * authorization goes to the origin of the registry that was named, to the token service it names over https, and nowhere a redirect or an upload leads;
//! * credentials that are configured and do not work are an error, and nobody goes on without them;
//! * only what may be repeated is: what the registry decided (400, 401, 403, 404) stands;
//! * every byte that is kept was hashed first.

mod auth;
mod blobs;
mod body;
mod challenge;
mod download;
mod failure;
mod http;
mod manifests;
mod origin;
mod referrers;
mod retry;
mod session;
mod upload;

use std::{fmt, sync::Arc};

use crate::{Result, credentials::Credentials, environment::Environment, reference::RepositoryName};

pub use manifests::Fetched;
pub use upload::Upload;

/// What is going to be done with a repository: tokens are asked for that much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Reading.
    Pull,
    /// Reading and writing.
    Push,
}

/// Connections to registries, and who one is to them: one per command.
#[derive(Clone)]
pub struct Client(Arc<Shared>);

struct Shared {
    http: http::Http,
    credentials: Credentials,
    plain_http: bool,
    secrets: failure::Secrets,
}

impl Client {
    /// A client that looks for proxies and authorities in `environment`, and speaks http without TLS to this machine, and with `plain_http` to all.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Usage`] for a proxy or certificates in the environment that cannot be used.
    pub fn new(environment: &Environment, credentials: Credentials, plain_http: bool) -> Result<Self> {
        let secrets = failure::Secrets::default();
        let http = http::Http::new(environment, &secrets)?;
        Ok(Self(Arc::new(Shared { http, credentials, plain_http, secrets })))
    }

    /// The repository `name`. Nothing is connected yet.
    pub fn repository(&self, name: &RepositoryName, access: Access) -> Repository {
        Repository { session: Arc::new(session::Session::new(self, name.clone(), access)) }
    }
}

/// A repository of a registry. Copies share one session.
#[derive(Clone)]
pub struct Repository {
    session: Arc<session::Session>,
}

impl Repository {
    /// Its name.
    pub fn name(&self) -> &RepositoryName {
        &self.session.name
    }

    /// Whether `other` is in the same registry, so that blobs can be mounted from it.
    pub fn same_registry(&self, other: &Self) -> bool {
        self.name().server() == other.name().server()
    }
}

impl fmt::Debug for Repository {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Repository({})", self.name())
    }
}
