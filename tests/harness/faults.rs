//! A reverse proxy in front of a registry or an API server that misbehaves by rules, and remembers what it was asked.
//!
//! The `Host` of a request passes through, so that the addresses a registry answers with lead back here.

mod body;
mod elsewhere;
mod rule;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use http_body::Body;
use hyper::body::Incoming;
use hyper::header::{CONNECTION, CONTENT_LENGTH, EXPECT, HeaderMap, HeaderValue, LOCATION};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use self::body::{Reply, Suffers, Through};

pub use self::body::Whole;
pub use self::elsewhere::Elsewhere;
pub use self::rule::{Fault, Rule};

/// What a request looked like.
#[derive(Clone, Debug)]
pub struct Seen {
    /// GET, HEAD, POST, PATCH, PUT, DELETE.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// All headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// How much of the body has come so far.
    pub body: u64,
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

    /// Whether it brought credentials.
    pub fn authorized(&self) -> bool {
        self.header("authorization").is_some()
    }
}

/// A request, and how much of its body has come.
type Entry = (Seen, Arc<AtomicU64>);

/// Requests in the order they came.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<Entry>>>);

impl Log {
    /// Remembers a request; the number is its place.
    fn add(&self, request: &Request<Incoming>, met: bool) -> (usize, Arc<AtomicU64>) {
        let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let seen = Seen {
            method: request.method().to_string(),
            target: request.uri().to_string(),
            headers: request.headers().iter().map(|(name, value)| (name.to_string(), text(value))).collect(),
            body: 0,
            met,
            status: None,
        };
        let (came, mut seens) = (Arc::new(AtomicU64::new(0)), self.0.lock().expect("lock"));
        seens.push((seen, Arc::clone(&came)));
        (seens.len() - 1, came)
    }

    fn answered(&self, place: usize, status: u16) {
        self.0.lock().expect("lock")[place].0.status = Some(status);
    }

    fn seen(&self) -> Vec<Seen> {
        let seens = self.0.lock().expect("lock");
        seens.iter().map(|(seen, came)| Seen { body: came.load(Ordering::SeqCst), ..seen.clone() }).collect()
    }
}

struct State {
    upstream: String,
    /// How to speak to it, where it is not plain http.
    secure: Option<TlsConnector>,
    rules: Mutex<Vec<Rule>>,
    log: Log,
}

/// A running proxy; it ends when dropped.
pub struct FaultProxy {
    address: SocketAddr,
    state: Arc<State>,
    accepting: JoinHandle<()>,
}

impl FaultProxy {
    /// A proxy of the plain http server at `upstream` (`HOST:PORT`). The first of `rules` that meets a request decides.
    pub fn start(upstream: &str, rules: impl IntoIterator<Item = Rule>) -> Self {
        Self::begin(upstream, None, None, rules)
    }

    /// The same over TLS; the authority that vouches for it is `ca.pem` in `directory` then.
    pub fn start_tls(upstream: &str, directory: &Path, rules: impl IntoIterator<Item = Rule>) -> Self {
        Self::begin(upstream, Some(crate::registry::certificates(directory)), None, rules)
    }

    /// A proxy that speaks plain http and asks the https server at `upstream`, which `authority` (PEM) vouches for.
    pub fn start_before(upstream: &str, authority: &[u8], rules: impl IntoIterator<Item = Rule>) -> Self {
        Self::begin(upstream, None, Some(trusting(authority)), rules)
    }

    fn begin(
        upstream: &str,
        tls: Option<TlsAcceptor>,
        secure: Option<TlsConnector>,
        rules: impl IntoIterator<Item = Rule>,
    ) -> Self {
        let upstream = upstream.to_owned();
        let rules = Mutex::new(rules.into_iter().collect());
        let state = Arc::new(State { upstream, secure, rules, log: Log::default() });
        let (listener, address) = crate::listen();
        let shared = Arc::clone(&state);
        let accepting = serve(listener, tls, move |request| {
            let state = Arc::clone(&shared);
            async move { state.answer(request).await }
        });
        Self { address, state, accepting }
    }

    /// `127.0.0.1:PORT`.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// `127.0.0.1:PORT/REPOSITORY:TAG`.
    pub fn reference(&self, repository: &str, tag: &str) -> String {
        format!("{}/{repository}:{tag}", self.address)
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Other rules from now on.
    pub fn rules(&self, rules: impl IntoIterator<Item = Rule>) {
        *self.state.rules.lock().expect("lock") = rules.into_iter().collect();
    }

    /// Every request so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.state.log.seen()
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl State {
    /// An error cuts the connection.
    async fn answer(&self, request: Request<Incoming>) -> io::Result<Response<Reply>> {
        let (method, uri) = (request.method().as_str(), request.uri());
        let meets = |rule: &mut Rule| rule.meets(method, uri.path(), uri.query().unwrap_or_default());
        let fault = self.rules.lock().expect("lock").iter_mut().find_map(meets);
        let (place, came) = self.log.add(&request, fault.is_some());
        let response = self.suffering(request, came, fault).await?;
        self.log.answered(place, response.status().as_u16());
        Ok(response)
    }

    async fn suffering(
        &self,
        request: Request<Incoming>,
        came: Arc<AtomicU64>,
        fault: Option<Fault>,
    ) -> io::Result<Response<Reply>> {
        let target = request.uri().to_string();
        let (on_request, on_response) = match fault {
            Some(Fault::CutRequest(after)) => (Some(Suffers::Cut(after)), None),
            Some(Fault::TrickleRequest(step, pause)) => (Some(Suffers::Trickled(step, pause)), None),
            Some(Fault::CutResponse(after)) => (None, Some(Suffers::Cut(after))),
            Some(Fault::TruncateResponse(after)) => (None, Some(Suffers::Truncated(after))),
            Some(Fault::FlipResponse(at)) => (None, Some(Suffers::Flipped(at))),
            Some(Fault::TrickleResponse(step, pause)) => (None, Some(Suffers::Trickled(step, pause))),
            _ => (None, None),
        };
        match &fault {
            Some(Fault::CutBeforeBody) => return Err(io::Error::other("cut, as the test wants it")),
            Some(Fault::Hang) => std::future::pending().await,
            Some(Fault::Status(code, headers, text)) => {
                tokio::spawn(drained(request.into_body(), came));
                return Ok(status(*code, headers, text));
            }
            Some(Fault::Redirect(code, base)) => {
                tokio::spawn(drained(request.into_body(), came));
                return Ok(status(*code, &[("location", format!("{base}{target}"))], ""));
            }
            Some(Fault::Delay(time)) => tokio::time::sleep(*time).await,
            _ => {}
        }
        let mut response = self.forward(request, came, on_request).await?;
        match fault {
            Some(Fault::CutBeforeResponse) => return Err(io::Error::other("cut, as the test wants it")),
            Some(Fault::Header(name, value)) => {
                response.headers_mut().insert(name, value.parse().expect("a header's value"));
            }
            Some(Fault::Location(base)) => relocate(response.headers_mut(), &base),
            Some(Fault::TruncateResponse(most)) => shorten(response.headers_mut(), most),
            _ => {}
        }
        Ok(response.map(|body| Reply::Through(Box::new(Through::new(body, Arc::default(), on_response)))))
    }

    /// What the server behind answers. Every request has a connection of its own.
    async fn forward(
        &self,
        mut request: Request<Incoming>,
        came: Arc<AtomicU64>,
        suffers: Option<Suffers>,
    ) -> io::Result<Response<Incoming>> {
        let stream = TcpStream::connect(&self.upstream).await?;
        request.headers_mut().remove(CONNECTION);
        request.headers_mut().remove(EXPECT);
        let request = request.map(|body| Through::new(body, came, suffers));
        let Some(secure) = &self.secure else { return exchange(stream, request).await };
        let host = self.upstream.rsplit_once(':').map_or(self.upstream.as_str(), |(host, _)| host).to_owned();
        let name = rustls::pki_types::ServerName::try_from(host).map_err(io::Error::other)?;
        exchange(secure.connect(name, stream).await?, request).await
    }
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Through>,
) -> io::Result<Response<Incoming>> {
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    tokio::spawn(connection);
    let mut response = sender.send_request(request).await.map_err(io::Error::other)?;
    response.headers_mut().remove(CONNECTION);
    Ok(response)
}

/// TLS with whoever `authority` (PEM) vouches for.
fn trusting(authority: &[u8]) -> TlsConnector {
    use rustls::pki_types::{CertificateDer, pem::PemObject as _};

    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(authority) {
        roots.add(certificate.expect("a certificate")).expect("an authority");
    }
    let config = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    TlsConnector::from(Arc::new(config))
}

/// Makes the place an answer names one on another server.
fn relocate(headers: &mut HeaderMap, base: &str) {
    let Some(there) = headers.get(LOCATION).and_then(|value| value.to_str().ok()) else { return };
    let path = there.split_once("://").and_then(|(_, rest)| rest.find('/').map(|at| &rest[at..])).unwrap_or(there);
    let value = format!("{base}{path}").parse().expect("a header's value");
    headers.insert(LOCATION, value);
}

/// Makes the length that an answer says no more than `most`.
fn shorten(headers: &mut HeaderMap, most: u64) {
    let length: Option<u64> = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if let Some(length) = length {
        headers.insert(CONTENT_LENGTH, length.min(most).into());
    }
}

fn status(code: u16, headers: &[(&'static str, String)], text: &str) -> Response<Reply> {
    let mut response = Response::builder().status(code);
    for (name, value) in headers {
        response = response.header(*name, value);
    }
    response.body(Reply::Whole(Whole::from(text.to_owned()))).expect("response")
}

/// Reads on after the answer, as web servers do, so that the connection is not reset under it.
async fn drained(body: Incoming, came: Arc<AtomicU64>) {
    let mut body = Box::pin(Through::new(body, came, None));
    while let Some(Ok(_)) = std::future::poll_fn(|context| body.as_mut().poll_frame(context)).await {}
}

/// Answers every request on `listener` with `answer`, on the runtime of the servers; an error cuts the connection.
pub(crate) fn serve<B, A>(
    listener: std::net::TcpListener,
    tls: Option<TlsAcceptor>,
    answer: impl Fn(Request<Incoming>) -> A + Clone + Send + 'static,
) -> JoinHandle<()>
where
    B: Body<Data: Send, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Send + 'static,
    A: Future<Output = io::Result<Response<B>>> + Send + 'static,
{
    crate::runtime().spawn(async move {
        let listener = TcpListener::from_std(listener).expect("a listener");
        while let Ok((stream, _)) = listener.accept().await {
            let (service, tls) = (service_fn(answer.clone()), tls.clone());
            let http = hyper::server::conn::http1::Builder::new();
            tokio::spawn(async move {
                // Connections that break are what the tests are about.
                match tls {
                    None => http.serve_connection(TokioIo::new(stream), service).await.ok(),
                    Some(tls) => {
                        let stream = tls.accept(stream).await.ok()?;
                        http.serve_connection(TokioIo::new(stream), service).await.ok()
                    }
                }
            });
        }
    })
}
