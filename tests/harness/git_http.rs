//! A web server that runs git's own `http-backend`, and misbehaves where a test asks it to.

mod backend;
mod reply;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use http_body::Body as _;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use self::reply::{Reply, endless, limited, stalled, status};

/// A name in the certificate of every tls server that no resolver knows: only a proxy leads there.
pub const FAR: &str = "git.invalid";

/// What the server does with a path.
#[derive(Clone)]
pub enum Rule {
    /// Refuse with a status, headers and a body.
    Status(u16, Vec<(&'static str, String)>, String),
    /// Send on to another base, with this status: the path after the rule's own stays.
    Redirect(u16, String),
    /// Send on to exactly this address.
    RedirectTo(String),
    /// Take the request and never answer.
    Hang,
    /// Answer as git would, but stop for good after this many bytes of the body.
    Stall(usize),
    /// Answer as git would, a few bytes at a time.
    Slow(usize, Duration),
    /// Refuse credentials, and send them back in the refusal.
    Echo,
    /// Answer the discovery freely and ask for credentials at the `POST`.
    LoginAtPost,
    /// Answer the discovery, and never look at a `POST`.
    HangAtPost,
    /// Answer the discovery; of the answer to a `POST` let this many bytes pass, and then nothing more.
    StallAtPost(usize),
    /// Answer the discovery, and refuse a `POST` with this status before its body has been looked at.
    StatusAtPost(u16),
    /// Answer references without end.
    Endless,
}

/// What a request looked like.
#[derive(Clone, Debug)]
pub struct Seen {
    /// GET or POST.
    pub method: String,
    /// Path and query, or what a proxy is asked for.
    pub target: String,
    /// The credentials.
    pub authorization: Option<String>,
    /// What the client calls itself.
    pub user_agent: Option<String>,
    /// The length of the body, when it is said.
    pub content_length: Option<u64>,
    /// All of them.
    pub headers: Vec<String>,
}

struct State {
    root: PathBuf,
    login: Option<(String, String)>,
    rules: Vec<(String, Rule)>,
    seen: Mutex<Vec<Seen>>,
    /// Backends at work.
    running: Arc<AtomicUsize>,
}

/// A running server; it ends when dropped.
pub struct GitHttp {
    address: SocketAddr,
    tls: Option<String>,
    state: Arc<State>,
    accepting: JoinHandle<()>,
}

/// How to start one.
pub struct Setup {
    root: PathBuf,
    login: Option<(String, String)>,
    rules: Vec<(String, Rule)>,
    tls: bool,
}

impl Setup {
    /// A server of the bare repositories below `root`, open to everybody.
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_owned(), login: None, rules: Vec::new(), tls: false }
    }

    /// Demands basic authentication.
    pub fn login(mut self, user: &str, password: &str) -> Self {
        self.login = Some((user.to_owned(), password.to_owned()));
        self
    }

    /// Does something else for paths that begin with `prefix`.
    pub fn rule(mut self, prefix: &str, rule: Rule) -> Self {
        self.rules.push((prefix.to_owned(), rule));
        self
    }

    /// Speaks https with a certificate of its own for `localhost`, `127.0.0.1` and [`FAR`].
    pub fn tls(mut self) -> Self {
        self.tls = true;
        self
    }

    /// Starts it; it answers when this returns. May be called on any thread.
    pub fn start(self) -> GitHttp {
        let (listener, address) = super::listen();
        let state = Arc::new(State {
            root: self.root,
            login: self.login,
            rules: self.rules,
            seen: Mutex::default(),
            running: Arc::default(),
        });
        let (acceptor, pem) = if self.tls {
            let (acceptor, pem) = identity();
            (Some(acceptor), Some(pem))
        } else {
            (None, None)
        };
        let shared = Arc::clone(&state);
        let accepting = super::runtime().spawn(async move {
            let listener = TcpListener::from_std(listener).expect("a listener");
            while let Ok((stream, _)) = listener.accept().await {
                let (state, acceptor) = (Arc::clone(&shared), acceptor.clone());
                tokio::spawn(async move {
                    match acceptor {
                        Some(acceptor) => {
                            if let Ok(stream) = acceptor.accept(stream).await {
                                connection(state, stream).await;
                            }
                        }
                        None => connection(state, stream).await,
                    }
                });
            }
        });
        GitHttp { address, tls: pem, state, accepting }
    }
}

fn identity() -> (tokio_rustls::TlsAcceptor, String) {
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), FAR.to_owned()];
    let certified = rcgen::generate_simple_self_signed(names).expect("certificate");
    let pem = certified.cert.pem();
    let key = rustls::pki_types::PrivateKeyDer::Pkcs8(certified.signing_key.serialize_der().into());
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key)
        .expect("identity");
    (tokio_rustls::TlsAcceptor::from(Arc::new(config)), pem)
}

async fn connection(
    state: Arc<State>,
    stream: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
) {
    let service = service_fn(move |request| {
        let state = Arc::clone(&state);
        async move { Ok::<_, Infallible>(state.answer(request).await) }
    });
    // A client that goes away in the middle is what several tests are about.
    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await.ok();
}

impl GitHttp {
    /// The address of a path on this server.
    pub fn url(&self, path: &str) -> String {
        self.url_as("127.0.0.1", path)
    }

    /// The same under another name for this machine.
    pub fn url_as(&self, host: &str, path: &str) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{host}:{}/{path}", self.address.port())
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Waits until no git works for this server any more, also for clients that have gone away.
    pub async fn idle(&self) {
        crate::until("the end of git's http backend", || self.state.running.load(Ordering::SeqCst) == 0).await;
    }

    /// The server's certificate.
    pub fn certificate(&self) -> &str {
        self.tls.as_deref().expect("a tls server")
    }

    /// Every request so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.state.seen.lock().expect("lock").clone()
    }

    /// Whether any request carried credentials, or anything with `secret` in it.
    pub fn got_credentials(&self, secret: &str) -> bool {
        self.seen().iter().any(|seen| seen.authorization.is_some() || format!("{seen:?}").contains(secret))
    }
}

impl Drop for GitHttp {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl State {
    async fn answer(&self, request: Request<Incoming>) -> Response<Reply> {
        let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let seen = Seen {
            method: request.method().to_string(),
            target: request.uri().to_string(),
            authorization: header("authorization"),
            user_agent: header("user-agent"),
            content_length: header("content-length").and_then(|value| value.parse().ok()),
            headers: request.headers().iter().map(|(name, value)| format!("{name}: {value:?}")).collect(),
        };
        self.seen.lock().expect("lock").push(seen.clone());
        let target = seen.target.clone();
        let rule = self.rules.iter().find(|(prefix, _)| target.starts_with(prefix.as_str()));
        let rest = rule.map_or(target.as_str(), |(prefix, _)| &target[prefix.len()..]).to_owned();
        let wants_login = || status(401, &[("www-authenticate", "Basic realm=\"git\"".to_owned())], "log in, please\n");
        if self.login.is_some() && !self.logged_in(&seen) {
            return wants_login();
        }
        match rule.map(|(_, rule)| rule.clone()) {
            None => self.backend(request, &target, seen.authorization.is_some()).await,
            Some(Rule::Status(code, headers, body)) => status(code, &headers, &body),
            Some(Rule::Redirect(code, base)) => status(code, &[("location", format!("{base}{rest}"))], ""),
            Some(Rule::RedirectTo(target)) => status(302, &[("location", target)], ""),
            Some(Rule::Hang) => std::future::pending().await,
            Some(Rule::Echo) => status(
                401,
                &[("content-type", "text/plain".to_owned()), ("www-authenticate", "Basic realm=\"git\"".to_owned())],
                &format!("bad: {} = {}", seen.authorization.clone().unwrap_or_default(), decoded(&seen)),
            ),
            Some(Rule::LoginAtPost) if seen.method == "POST" && seen.authorization.is_none() => wants_login(),
            Some(Rule::HangAtPost) if seen.method == "POST" => std::future::pending().await,
            Some(Rule::StatusAtPost(code)) if seen.method == "POST" => {
                // Reads on after the answer, as web servers do, so that the connection is not reset under it.
                let mut body = request.into_body();
                tokio::spawn(async move {
                    while let Some(Ok(_)) =
                        std::future::poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await
                    {
                    }
                });
                status(code, &[], "")
            }
            Some(Rule::StallAtPost(after)) if seen.method == "POST" => {
                stalled(self.backend(request, &rest, true).await, after)
            }
            Some(Rule::HangAtPost | Rule::StallAtPost(_) | Rule::StatusAtPost(_)) => {
                self.backend(request, &rest, true).await
            }
            Some(Rule::LoginAtPost) => self.backend(request, &rest, true).await,
            Some(Rule::Stall(after)) => limited(self.backend(request, &rest, true).await, after, None),
            Some(Rule::Slow(step, pause)) => limited(self.backend(request, &rest, true).await, step, Some(pause)),
            Some(Rule::Endless) => endless(),
        }
    }

    fn logged_in(&self, seen: &Seen) -> bool {
        self.login.as_ref().is_some_and(|(user, password)| decoded(seen) == format!("{user}:{password}"))
    }
    /// As git answers.
    async fn backend(&self, request: Request<Incoming>, target: &str, user: bool) -> Response<Reply> {
        backend::backend(&self.root, &self.running, request, target, user).await
    }
}

fn decoded(seen: &Seen) -> String {
    let basic = seen.authorization.as_deref().unwrap_or_default().trim_start_matches("Basic ");
    let bytes = base64::engine::general_purpose::STANDARD.decode(basic).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}
