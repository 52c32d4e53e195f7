//! The HTTP client of an operation, and what its failures mean.

use std::error::Error as _;
use std::io;
use std::net::IpAddr;
use std::sync::OnceLock;
use std::time::Duration;

use reqwest::{Client, NoProxy, Proxy};
use url::{Host, Url};

use super::super::address::{GuardedResolver, Reach, forbidden};
use super::super::environment::Environment;
use super::super::{Network, daemon};
use shared::{Code, Result, ToolError};

/// Some forges answer only to what calls itself git.
const USER_AGENT: &str = concat!("git/2.0 (agent-tools ", env!("CARGO_PKG_VERSION"), ")");

/// The head of an answer is small; more is an attack.
const MAX_HEADERS: usize = 100;

/// A client for hosts that were named and one, with stricter address rules, for hosts that a redirect led to.
#[derive(Default)]
pub(super) struct Clients {
    named: OnceLock<Client>,
    redirected: OnceLock<Client>,
}

impl Clients {
    /// The client for a request to `url`, once its host is known to be no forbidden address.
    pub(super) fn for_request(&self, network: &Network, url: &Url, reach: Reach) -> Result<Client> {
        // A literal address is never resolved, so the resolver's check does not see it.
        let literal = match url.host() {
            Some(Host::Ipv4(ip)) => Some(IpAddr::V4(ip)),
            Some(Host::Ipv6(ip)) => Some(IpAddr::V6(ip)),
            _ => None,
        };
        if let Some(kind) = literal.and_then(|ip| forbidden(ip, reach)) {
            let error = io::Error::new(io::ErrorKind::PermissionDenied, kind);
            return Err(daemon::unreachable(&place(url), &error));
        }
        let slot = match reach {
            Reach::Named => &self.named,
            Reach::Redirected => &self.redirected,
        };
        if let Some(client) = slot.get() {
            return Ok(client.clone());
        }
        let client = build(network, reach)?;
        Ok(slot.get_or_init(|| client).clone())
    }
}

fn build(network: &Network, reach: Reach) -> Result<Client> {
    let mut builder = Client::builder()
        .tls_backend_preconfigured(network.tls()?)
        .user_agent(USER_AGENT)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .http1_only()
        .http1_max_headers(MAX_HEADERS)
        .connect_timeout(Duration::from_secs(30))
        .dns_resolver(GuardedResolver(reach))
        // The library would read the environment by itself, at a moment and in a way of its own.
        .no_proxy();
    let environment = network.environment();
    let exceptions = environment.first_text(&["NO_PROXY", "no_proxy"])?.and_then(|list| NoProxy::from_string(&list));
    for (scheme, url) in proxies(environment)? {
        network.credentials().learn(url.password().unwrap_or_default());
        let proxy = if scheme == "https" { Proxy::https(url) } else { Proxy::http(url) };
        let proxy = proxy.map_err(|_| unusable(if scheme == "https" { "HTTPS_PROXY" } else { "HTTP_PROXY" }))?;
        builder = builder.proxy(proxy.no_proxy(exceptions.clone()));
    }
    builder.build().map_err(|error| ToolError::internal(format!("set up the http client: {}", error.without_url())))
}

fn unusable(variable: &str) -> ToolError {
    ToolError::invalid(format!("use the proxy of {variable}: it is not an http or https address"))
        .hint(format!("set {variable} to http://host:port"))
}

/// The proxies of an environment: for which scheme, and where. An address may hold a password.
///
/// # Errors
/// [`shared::Code::InvalidArgument`] for what is no address of a proxy; it is not repeated.
pub(in super::super) fn proxies(environment: &Environment) -> Result<Vec<(&'static str, Url)>> {
    let mut proxies = Vec::new();
    for (scheme, names) in [
        ("https", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]),
        ("http", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"]),
    ] {
        let Some(address) = environment.first_text(&names)? else { continue };
        // `host:port` without a scheme is common, and means http.
        let address = if address.contains("://") { address } else { format!("http://{address}") };
        let url = Url::parse(&address).map_err(|_| unusable(names[0]))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(unusable(names[0]));
        }
        proxies.push((scheme, url));
    }
    Ok(proxies)
}

/// `scheme://host:port` of an address: enough to know where, nothing that could be a secret.
pub(in super::super) fn place(url: &Url) -> String {
    let host = url.host_str().unwrap_or("no host");
    match url.port() {
        Some(port) => format!("{}://{host}:{port}", url.scheme()),
        None => format!("{}://{host}", url.scheme()),
    }
}

/// Why a request got no answer, or its answer broke off. `place` says where.
pub(super) fn failed(place: &str, error: reqwest::Error) -> ToolError {
    let error = error.without_url();
    let mut source = error.source();
    let mut last = error.to_string();
    while let Some(cause) = source {
        if let Some(tls) = cause.downcast_ref::<rustls::Error>() {
            return untrusted(place, tls);
        }
        if let Some(io) = cause.downcast_ref::<io::Error>() {
            if io.kind() == io::ErrorKind::PermissionDenied {
                return daemon::unreachable(place, io);
            }
            if let Some(tls) = wrapped(io) {
                return untrusted(place, tls);
            }
        }
        last = cause.to_string();
        source = cause.source();
    }
    let (what, hint) = if error.is_connect() {
        ("connect to", "check the host and port, the proxy settings, and that this server may reach them")
    } else {
        ("transfer with", "try again; the connection broke off")
    };
    ToolError::new(Code::Unavailable, format!("{what} {place}: {last}")).hint(hint)
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
