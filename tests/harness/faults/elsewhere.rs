//! Another server than the registry: where redirects lead.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use hyper::Response;
use tokio::task::JoinHandle;

use super::body::Whole;
use super::{Log, Seen, drained, serve};

/// A server that gives the blobs of a registry to everybody who asks, as the storage behind the public ones does, says 201 to everything
/// that is sent to it, and remembers all of it; it ends when dropped.
pub struct Elsewhere {
    address: SocketAddr,
    log: Log,
    accepting: JoinHandle<()>,
}

impl Elsewhere {
    /// A server of what lies in `storage`, that of a [`Registry`](crate::registry::Registry).
    pub fn start(storage: &Path) -> Self {
        let (listener, address) = crate::listen();
        let (log, storage) = (Log::default(), storage.to_owned());
        let seen = log.clone();
        let accepting = serve(listener, None, move |request| {
            let (place, came) = seen.add(&request, false);
            let (log, found) = (seen.clone(), found(&storage, request.uri().path()));
            let reads = request.method() == "GET" || request.method() == "HEAD";
            async move {
                drained(request.into_body(), came).await;
                let (status, body) = match found {
                    _ if !reads => (201, Whole::from(String::new())),
                    Some(file) => (200, Whole::from(std::fs::read(file)?)),
                    None => (404, Whole::from("there is no such blob\n".to_owned())),
                };
                log.answered(place, status);
                Response::builder().status(status).body(body).map_err(io::Error::other)
            }
        });
        Self { address, log, accepting }
    }

    /// `127.0.0.1:PORT`.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// `http://127.0.0.1:PORT`, for [`Fault::Redirect`](super::Fault::Redirect) and [`Fault::Location`](super::Fault::Location).
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Every request so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.log.seen()
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// The blob whose digest a path ends with.
fn found(storage: &Path, path: &str) -> Option<PathBuf> {
    let digest = path.rsplit('/').next().unwrap_or_default();
    crate::registry::blob(storage, digest).filter(|file| file.exists())
}
