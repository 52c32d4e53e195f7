//! A client under the policy, and what it means when a request got no answer.

use std::error::Error as _;
use std::io;
use std::time::Duration;

use reqwest::{Client, ClientBuilder};

use super::address::{self, GuardedResolver, Reach};
use super::tls::ClientConfig;
use super::{proxy, tls};
use crate::environment::Environment;
use crate::error::{Code, Result, ToolError};

/// The head of an answer is small; more is an attack.
const MAX_HEADERS: usize = 100;

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(30);

/// A client for hosts that came up as `reach` says. Before each request, ask [`address::check`] too: a host that is an address already
/// is not resolved, and so not seen by the client.
///
/// # Errors
/// [`Code::InvalidArgument`] for a proxy and [`Code::Unavailable`] for certificates in `environment` that cannot be used.
pub fn builder(environment: &Environment, user_agent: &str, reach: Reach) -> Result<ClientBuilder> {
    builder_with(tls::client_config(environment)?, environment, user_agent, reach)
}

/// As [`builder`], with a TLS configuration that is there already: making one takes milliseconds.
///
/// # Errors
/// [`Code::InvalidArgument`] for a proxy in `environment` that cannot be used.
pub fn builder_with(
    tls: ClientConfig,
    environment: &Environment,
    user_agent: &str,
    reach: Reach,
) -> Result<ClientBuilder> {
    let builder = Client::builder()
        .tls_backend_preconfigured(tls)
        .user_agent(user_agent)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .http1_only()
        .http1_max_headers(MAX_HEADERS)
        .connect_timeout(CONNECT)
        .dns_resolver(GuardedResolver(reach))
        // The library would read the environment by itself, at a moment and in a way of its own.
        .no_proxy();
    Ok(proxy::rules(environment)?.into_iter().fold(builder, ClientBuilder::proxy))
}

/// The client of a [`builder`].
///
/// # Errors
/// [`Code::Internal`] for settings that contradict each other.
pub fn built(builder: ClientBuilder) -> Result<Client> {
    builder.build().map_err(|error| ToolError::internal(format!("set up the http client: {}", error.without_url())))
}

/// Why a request got no answer, or its answer broke off. `place` says where, as [`origin::place`](super::origin::place) does.
pub fn failed(place: &str, error: reqwest::Error) -> ToolError {
    let error = error.without_url();
    let mut source = error.source();
    let mut last = error.to_string();
    while let Some(cause) = source {
        if let Some(tls) = cause.downcast_ref::<rustls::Error>() {
            return untrusted(place, tls);
        }
        if let Some(io) = cause.downcast_ref::<io::Error>() {
            if address::is_denied(io) {
                return address::unreachable(place, io);
            }
            if let Some(tls) = wrapped(io) {
                return untrusted(place, tls);
            }
        }
        last = cause.to_string();
        source = cause.source();
    }
    let (code, what, hint) = if error.is_connect() {
        let hint = "check the host and port, the proxy settings, and that this server may reach them";
        (Code::Unavailable, "connect to", hint)
    } else if error.is_timeout() {
        (Code::Timeout, "wait for", "try again later")
    } else {
        (Code::Unavailable, "transfer with", "try again; the connection broke off")
    };
    ToolError::new(code, format!("{what} {place}: {last}")).hint(hint)
}

/// rustls hides inside an io error, or two, and an io error does not name what it wraps as its source.
fn wrapped(error: &io::Error) -> Option<&rustls::Error> {
    let mut inner = error.get_ref()?;
    loop {
        if let Some(tls) = inner.downcast_ref::<rustls::Error>() {
            return Some(tls);
        }
        inner = inner.downcast_ref::<io::Error>()?.get_ref()?;
    }
}

fn untrusted(place: &str, error: &rustls::Error) -> ToolError {
    match error {
        rustls::Error::InvalidCertificate(reason) => {
            ToolError::new(Code::Forbidden, format!("verify the certificate of {place}: {reason}"))
                .hint("check the address; for a private authority set SSL_CERT_FILE to its certificate")
        }
        error => ToolError::new(Code::Unavailable, format!("set up TLS with {place}: {error}"))
            .hint("check that the port speaks https"),
    }
}
