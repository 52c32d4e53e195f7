//! A token server as the big public registries have one: the registry sends a client here, and takes what it brings back.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hyper::body::Incoming;
use hyper::{Request, Response};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::{PASSWORD, USER};
use crate::faults::{self, Whole};

/// What the registry calls itself to the token server.
pub(super) const SERVICE: &str = "harness-registry";
/// What the token server calls itself to the registry.
pub(super) const ISSUER: &str = "harness-tokens";
/// The name of the one key.
const KEY: &str = "harness-key";

/// A request for a token.
#[derive(Clone, Debug)]
pub struct Asked {
    /// GET, or POST as OAuth2 has it; this server knows GET only.
    pub method: String,
    /// The scopes, decoded: `repository:NAME:pull,push`.
    pub scopes: Vec<String>,
    /// The value of the Authorization header.
    pub authorization: Option<String>,
    /// The status of the answer.
    pub status: u16,
}

struct State {
    key: EcdsaKeyPair,
    asked: Mutex<Vec<Asked>>,
    expired: AtomicUsize,
}

/// A running token server; it ends when dropped.
pub struct TokenServer {
    scheme: &'static str,
    address: SocketAddr,
    state: Arc<State>,
    accepting: JoinHandle<()>,
}

impl TokenServer {
    /// A server with a key of its own; over tls, as the registry is: clients take no other.
    pub(super) fn start(tls: Option<TlsAcceptor>) -> Self {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).expect("key");
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random).expect("key");
        let state = Arc::new(State { key, asked: Mutex::default(), expired: AtomicUsize::new(0) });
        let (listener, address) = crate::listen();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let shared = Arc::clone(&state);
        let accepting = faults::serve(listener, tls, move |request| {
            let answer = shared.answer(&request);
            async move { Ok(answer) }
        });
        Self { scheme, address, state, accepting }
    }

    /// The realm of the challenge: where tokens are asked for.
    pub fn realm(&self) -> String {
        format!("{}://localhost:{}/token", self.scheme, self.address.port())
    }

    /// Every request so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.state.asked.lock().expect("lock").clone()
    }

    /// Makes the next `count` tokens ones that have expired long ago: the registry refuses them as invalid.
    pub fn expired(&self, count: usize) {
        self.state.expired.store(count, Ordering::SeqCst);
    }

    /// Its public key, as a JSON Web Key Set.
    pub(super) fn keys(&self) -> Value {
        // An uncompressed point: 4, x, y.
        let point = self.state.key.public_key().as_ref();
        let (x, y) = (URL_SAFE_NO_PAD.encode(&point[1..33]), URL_SAFE_NO_PAD.encode(&point[33..]));
        json!({"keys": [{"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": KEY, "x": x, "y": y}]})
    }
}

impl Drop for TokenServer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl State {
    fn answer(&self, request: &Request<Incoming>) -> Response<Whole> {
        let authorization = request.headers().get("authorization").and_then(|value| value.to_str().ok());
        let query = request.uri().query().unwrap_or_default();
        let value_of = |name: &'static str| {
            query.split('&').filter_map(move |pair| pair.split_once('=')).filter(move |(key, _)| *key == name)
        };
        // One parameter may hold several, with spaces between them.
        let scopes: Vec<String> = value_of("scope")
            .flat_map(|(_, value)| decoded(value).split(' ').map(str::to_owned).collect::<Vec<_>>())
            .filter(|scope| !scope.is_empty())
            .collect();
        let service = value_of("service").map(|(_, value)| decoded(value)).next().unwrap_or_default();
        let login = format!("Basic {}", STANDARD.encode(format!("{USER}:{PASSWORD}")));
        let (status, body) = if request.uri().path() != "/token" || request.method() != "GET" {
            (404, json!({"errors": [{"code": "UNSUPPORTED", "message": "GET /token is all there is"}]}))
        } else if authorization.is_some_and(|value| value != login) {
            (401, json!({"errors": [{"code": "UNAUTHORIZED", "message": "wrong user or password"}]}))
        } else {
            let token = self.token(&service, &scopes, authorization.is_some());
            (200, json!({"token": token, "access_token": token, "expires_in": 300}))
        };
        self.asked.lock().expect("lock").push(Asked {
            method: request.method().to_string(),
            scopes,
            authorization: authorization.map(str::to_owned),
            status,
        });
        Response::builder()
            .status(status)
            .header("content-type", "application/json")
            .body(Whole::from(body.to_string()))
            .expect("response")
    }

    /// A token for `scopes`; of somebody unknown, only what reads is granted.
    fn token(&self, service: &str, scopes: &[String], known: bool) -> String {
        let access: Vec<Value> = scopes
            .iter()
            .filter_map(|scope| {
                let (kind, rest) = scope.split_once(':')?;
                let (name, actions) = rest.rsplit_once(':')?;
                let granted: Vec<&str> = actions.split(',').filter(|action| known || *action == "pull").collect();
                Some(json!({"type": kind, "name": name, "actions": granted}))
            })
            .collect();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_secs();
        let spend = |left: usize| left.checked_sub(1);
        let stale = self.expired.fetch_update(Ordering::SeqCst, Ordering::SeqCst, spend).is_ok();
        // The registry forgives a minute.
        let from = if stale { now - 3600 } else { now };
        let claims = json!({
            "iss": ISSUER, "sub": if known { USER } else { "" }, "aud": service,
            "iat": from, "nbf": from, "exp": from + 300, "jti": "1", "access": access,
        });
        let encoded = |part: Value| URL_SAFE_NO_PAD.encode(part.to_string());
        let signed = format!("{}.{}", encoded(json!({"typ": "JWT", "alg": "ES256", "kid": KEY})), encoded(claims));
        let signature = self.key.sign(&SystemRandom::new(), signed.as_bytes()).expect("signature");
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
    }
}

/// A part of a query without its `%41` and `+`.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, more @ ..] = rest {
        let hex = (*first == b'%').then(|| more.get(..2)).flatten().and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &more[2..];
            }
            None => {
                bytes.push(if *first == b'+' { b' ' } else { *first });
                rest = more;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
