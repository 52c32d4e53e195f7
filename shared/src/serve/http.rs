//! Streamable HTTP at `/mcp` and a health check at `/health`.
//!
//! Loopback by default. Web pages can reach loopback too, so `Host` must be a loopback name and a request with an `Origin` is refused unless that
//! origin is allowed. Any other address needs a bearer token.

mod connections;
mod guard;
mod held;

use std::{env::VarError, net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, Method, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use rmcp::transport::streamable_http_server::{
    StreamableHttpServerConfig, StreamableHttpService,
    session::local::{LocalSessionManager, SessionConfig},
};
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::connections::Connections;
use super::{Handler, MAX_MESSAGE, message};
use crate::{Server, registry::Registry};

/// How HTTP is served.
#[derive(Clone)]
pub struct HttpOptions {
    /// The bearer token every request to `/mcp` must carry. Required for an address that is not loopback.
    pub token: Option<String>,
    /// Values of `Host` that are served besides loopback's. On another address than loopback, empty means any: the token is what protects there.
    pub hosts: Vec<String>,
    /// Origins of web pages that may call, each with its port (`https://app.example.com:443`); none by default.
    pub origins: Vec<String>,
    /// How long a client may take to send the head of a request, idling before it included, and then to send the body.
    pub patience: Duration,
    /// How many sessions there may be at once, of the protocol versions that have them.
    pub sessions: usize,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self { token: None, hosts: Vec::new(), origins: Vec::new(), patience: Duration::from_secs(30), sessions: 1000 }
    }
}

/// The shortest token taken, in bytes.
const TOKEN_MIN: usize = 16;
/// A session that nobody has used for this long is closed; a person may think for a while between two calls.
const SESSION_IDLE: Duration = Duration::from_secs(60 * 60);
/// How long the answers of calls that have ended may take to be sent, and then connections to close, when the server ends.
const CLOSING: Duration = Duration::from_millis(500);

impl HttpOptions {
    /// Reads `HTTP_TOKEN_FILE` or `HTTP_TOKEN`, `HTTP_ALLOWED_HOSTS` and `HTTP_ALLOWED_ORIGINS`.
    pub fn from_env() -> Result<Self, String> {
        let list = |name: &str| -> Result<Vec<String>, String> {
            let value = match std::env::var(name) {
                Ok(value) => value,
                Err(VarError::NotPresent) => return Ok(Vec::new()),
                Err(VarError::NotUnicode(_)) => return Err(format!("{name} is not text; set it again")),
            };
            Ok(value.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect())
        };
        let token = crate::secret("HTTP_TOKEN")?;
        if let Some(token) = token.as_ref().filter(|token| token.len() < TOKEN_MIN) {
            return Err(format!("the HTTP token has {} bytes; use at least {TOKEN_MIN}", token.len()));
        }
        let origins =
            list("HTTP_ALLOWED_ORIGINS")?.iter().map(|given| guard::origin(given)).collect::<Result<_, _>>()?;
        Ok(Self { token, hosts: list("HTTP_ALLOWED_HOSTS")?, origins, ..Self::default() })
    }
}

/// Binds `address` and serves until `stop` is cancelled. `ready` hears the address that was bound, which matters for port 0.
pub async fn serve<S: Server>(
    registry: Arc<Registry<S>>,
    address: SocketAddr,
    options: HttpOptions,
    stop: CancellationToken,
    ready: impl FnOnce(SocketAddr),
) -> Result<(), String> {
    if !address.ip().is_loopback() && options.token.is_none() {
        return Err(format!(
            "serving on {address} needs a bearer token: set HTTP_TOKEN_FILE (or HTTP_TOKEN), or serve on 127.0.0.1"
        ));
    }
    let listener =
        TcpListener::bind(address).await.map_err(|error| format!("could not listen on {address}: {error}"))?;
    let bound = listener.local_addr().map_err(|error| format!("could not tell the address: {error}"))?;
    let ending = CancellationToken::new();
    let answers = TaskTracker::new();
    let router = router(registry.clone(), address, &options, &ending, &answers);
    let connections = Connections::new(options.patience);
    ready(bound);
    tokio::select! {
        never = connections.accept(&listener, &router) => match never {},
        () = stop.cancelled() => {}
    }
    drop(listener);
    registry.end().await;
    // Calls have ended, and what they say is sent; only then do streams end that would otherwise stay open for ever.
    answers.close();
    let sent = tokio::time::timeout(CLOSING, answers.wait()).await.is_ok();
    ending.cancel();
    if !connections.close(CLOSING).await || !sent {
        tracing::warn!("ending although clients have not taken their answers");
    }
    Ok(())
}

fn router<S: Server>(
    registry: Arc<Registry<S>>,
    address: SocketAddr,
    options: &HttpOptions,
    ending: &CancellationToken,
    answers: &TaskTracker,
) -> Router {
    let mut config = StreamableHttpServerConfig::default()
        .with_json_response(true)
        .with_max_request_body_bytes(MAX_MESSAGE)
        .with_cancellation_token(ending.clone())
        .with_allowed_origins(options.origins.clone())
        .enforce_origin_validation();
    config = if address.ip().is_loopback() {
        let loopback = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
        config.with_allowed_hosts(loopback.into_iter().chain(options.hosts.iter().cloned()))
    } else if options.hosts.is_empty() {
        config.disable_allowed_hosts()
    } else {
        config.with_allowed_hosts(options.hosts.clone())
    };
    let handler = Handler::new(registry);
    let mut sessions = LocalSessionManager::default();
    sessions.session_config = SessionConfig::default();
    sessions.session_config.keep_alive = Some(SESSION_IDLE);
    let sessions = Arc::new(sessions);
    let mcp = StreamableHttpService::new(move || Ok(handler.clone()), sessions.clone(), config);
    let checks =
        Arc::new(Checks { patience: options.patience, most: options.sessions, sessions, answers: answers.clone() });
    let token: Option<Arc<str>> = options.token.as_deref().map(Arc::from);
    Router::new()
        .nest_service("/mcp", mcp)
        .layer(middleware::from_fn_with_state(checks, checked))
        .layer(middleware::from_fn_with_state(token, authorized))
        .layer(middleware::from_fn(guard::unambiguous))
        .route("/health", get(|| async { "ok\n" }))
}

/// Lets through what carries the token, when one is set.
async fn authorized(State(token): State<Option<Arc<str>>>, request: Request, next: Next) -> Response {
    if let Some(token) = token
        && !bearer(request.headers()).is_some_and(|given| same(given.as_bytes(), token.as_bytes()))
    {
        let challenge = [(header::WWW_AUTHENTICATE, "Bearer")];
        return (StatusCode::UNAUTHORIZED, challenge, "unauthenticated: send `Authorization: Bearer TOKEN`\n")
            .into_response();
    }
    next.run(request).await
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Equality whose time does not tell where the first difference is.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |differences, (x, y)| differences | (x ^ y)) == 0
}

/// What the messages of all clients are checked against.
struct Checks {
    patience: Duration,
    most: usize,
    sessions: Arc<LocalSessionManager>,
    answers: TaskTracker,
}

/// Applies the same rules to a body as stdio applies to a line.
async fn checked(State(checks): State<Arc<Checks>>, request: Request, next: Next) -> Response {
    if request.method() != Method::POST {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let bytes = match tokio::time::timeout(checks.patience, to_bytes(body, MAX_MESSAGE)).await {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(_)) => {
            let said = format!("the message is longer than {MAX_MESSAGE} bytes, or was broken off\n");
            return (StatusCode::PAYLOAD_TOO_LARGE, said).into_response();
        }
        Err(_) => {
            // What is left of the body must not be read as the next request.
            let close = [(header::CONNECTION, "close")];
            let said = format!("timeout: the body was not here after {:?}\n", checks.patience);
            return (StatusCode::REQUEST_TIMEOUT, close, said).into_response();
        }
    };
    if let Err(refusal) = message::check(&bytes) {
        let json = [(header::CONTENT_TYPE, "application/json")];
        return (StatusCode::BAD_REQUEST, json, refusal.to_json()).into_response();
    }
    if opens_session(&bytes) && checks.sessions.sessions.read().await.len() >= checks.most {
        let said = format!("unavailable: {} sessions are open; close one with DELETE, or try later\n", checks.most);
        return (StatusCode::SERVICE_UNAVAILABLE, said).into_response();
    }
    let under_way = checks.answers.token();
    held::held(next.run(Request::from_parts(parts, Body::from(bytes))).await, under_way)
}

fn opens_session(message: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Method<'a> {
        #[serde(borrow)]
        method: std::borrow::Cow<'a, str>,
    }
    serde_json::from_slice::<Method<'_>>(message).is_ok_and(|message| message.method == "initialize")
}
