//! The HTTP client: one TLS policy, one proxy policy, no redirects and no retries of its own.
//!
//! Trust is the compiled-in Mozilla roots, so that an image without certificates works, plus the machine's own store or what `SSL_CERT_FILE` and
//! `SSL_CERT_DIR` name, so that a company's authority works.
//!
//! Much of this is `shared::http` once more, and stays so: `shared` is the spine of servers, and with it this command would link an MCP server (48 crates
//! more than its 173, rmcp and axum among them) for a hundred lines. What differs is the words, which name `--plain-http` and are one sentence, what is
//! tried again, and that this machine is never asked through a proxy. A change of the policy there is a change here too.

use std::{
    error::Error as _,
    io,
    path::Path,
    sync::{Arc, OnceLock},
    time::Duration,
};

use reqwest::{Client, NoProxy, Proxy, Url};
use rustls::{ClientConfig, RootCertStore, pki_types::CertificateDer};

use super::{
    failure::Secrets,
    origin,
    retry::{Again, Failure},
};
use crate::{Error, Kind, Result, environment::Environment, reference::is_loopback};

const USER_AGENT: &str = concat!("agent-tools/", env!("CARGO_PKG_VERSION"));
/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(10);
/// The head of an answer is small; more is an attack.
const HEADERS_MAX: usize = 100;
/// What is never asked of a proxy: this machine.
const NEVER_PROXIED: &str = "localhost,127.0.0.0/8,::1";

/// The clients of a command: what they have in common is made at once, what costs milliseconds when it is needed.
pub(super) struct Http {
    environment: Environment,
    proxies: Vec<(&'static str, Url)>,
    exceptions: Option<NoProxy>,
    /// For http to this machine, where nothing is certified and no proxy is in between.
    bare: OnceLock<Client>,
    /// For all else. To read the machine's authorities takes longer than to push to a registry beside us.
    trusting: OnceLock<Client>,
}

impl Http {
    /// Clients for what `environment` says. The passwords of its proxies become `secrets`.
    pub(super) fn new(environment: &Environment, secrets: &Secrets) -> Result<Self> {
        let proxies = proxies(environment)?;
        for (_, url) in &proxies {
            secrets.learn(url.password().unwrap_or_default());
        }
        let exceptions = environment.first_text(&["NO_PROXY", "no_proxy"])?.unwrap_or_default();
        Ok(Self {
            environment: environment.clone(),
            proxies,
            exceptions: NoProxy::from_string(&format!("{exceptions},{NEVER_PROXIED}")),
            bare: OnceLock::new(),
            trusting: OnceLock::new(),
        })
    }

    /// The client to ask `url` with.
    pub(super) fn client(&self, url: &Url) -> Result<&Client> {
        let bare = url.scheme() == "http" && url.host_str().is_some_and(is_loopback);
        let place = if bare { &self.bare } else { &self.trusting };
        if let Some(client) = place.get() {
            return Ok(client);
        }
        let (roots, proxies) =
            if bare { Default::default() } else { (extra_roots(&self.environment)?, &*self.proxies) };
        let client = self.build(tls(roots)?, proxies)?;
        Ok(place.get_or_init(|| client))
    }

    fn build(&self, tls: ClientConfig, proxies: &[(&'static str, Url)]) -> Result<Client> {
        let mut builder = Client::builder()
            .tls_backend_preconfigured(tls)
            .user_agent(USER_AGENT)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .http1_only()
            .http1_max_headers(HEADERS_MAX)
            .connect_timeout(CONNECT)
            // The library would read the environment by itself, at a moment and in a way of its own.
            .no_proxy();
        for (scheme, url) in proxies {
            let https = *scheme == "https";
            let proxy = if https { Proxy::https(url.clone()) } else { Proxy::http(url.clone()) };
            let proxy = proxy.map_err(|_| unusable(if https { "HTTPS_PROXY" } else { "HTTP_PROXY" }))?;
            builder = builder.proxy(proxy.no_proxy(self.exceptions.clone()));
        }
        builder.build().map_err(|error| {
            Error::new(Kind::Unavailable, format!("setting up the http client: {}", error.without_url()))
        })
    }
}

fn unusable(variable: &str) -> Error {
    Error::new(
        Kind::Usage,
        format!("the proxy of {variable} is not an http or https address: set it to http://host:port"),
    )
}

/// The proxies of an environment: for which scheme, and where. An address may hold a password, so what is wrong is not repeated.
fn proxies(environment: &Environment) -> Result<Vec<(&'static str, Url)>> {
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

fn tls(extra: Vec<CertificateDer<'static>>) -> Result<ClientConfig> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    roots.add_parsable_certificates(extra);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::new(Kind::Unavailable, format!("setting up TLS: {error}")))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}

fn extra_roots(environment: &Environment) -> Result<Vec<CertificateDer<'static>>> {
    let (file, directories) = (environment.path("SSL_CERT_FILE"), environment.path("SSL_CERT_DIR"));
    if file.is_none() && directories.is_none() {
        // A machine without a store is no error: the compiled-in roots remain.
        return Ok(rustls_native_certs::load_native_certs().certs);
    }
    let mut certificates = Vec::new();
    if let Some(file) = &file {
        certificates.extend(from_paths("SSL_CERT_FILE", Some(file), None)?);
    }
    for directory in directories.iter().flat_map(std::env::split_paths) {
        certificates.extend(from_paths("SSL_CERT_DIR", None, Some(&directory))?);
    }
    Ok(certificates)
}

fn from_paths(variable: &str, file: Option<&Path>, directory: Option<&Path>) -> Result<Vec<CertificateDer<'static>>> {
    let found = rustls_native_certs::load_certs_from_paths(file, directory);
    if found.certs.is_empty() {
        let reason = found.errors.first().map_or("no certificate in it".to_owned(), ToString::to_string);
        return Err(Error::new(
            Kind::Usage,
            format!("reading the certificates named by {variable}: {reason}: point it at PEM certificates or unset it"),
        ));
    }
    Ok(found.certs)
}

/// Why a request to `url` got no answer, or its answer broke off.
pub(super) fn failed(doing: &str, url: &Url, error: reqwest::Error) -> Failure {
    let place = origin::place(url);
    let error = error.without_url();
    let mut source = error.source();
    let mut last = error.to_string();
    while let Some(cause) = source {
        if let Some(tls) = cause.downcast_ref::<rustls::Error>() {
            return untrusted(doing, &place, tls);
        }
        if let Some(tls) = cause.downcast_ref::<io::Error>().and_then(wrapped) {
            return untrusted(doing, &place, tls);
        }
        last = cause.to_string();
        source = cause.source();
    }
    let last = crate::words::tame(&last, &[]);
    let again = if error.is_builder() { Again::No } else { Again::Soon };
    let kind = if error.is_timeout() { Kind::Timeout } else { Kind::Unavailable };
    let what = if error.is_connect() {
        format!("connecting to {place}: {last}: check the host and port, and HTTPS_PROXY if there is a proxy")
    } else {
        format!("talking to {place}: {last}: the connection broke off, try again")
    };
    Failure { error: Error::new(kind, format!("{doing}: {what}")), again, status: None }
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

fn untrusted(doing: &str, place: &str, error: &rustls::Error) -> Failure {
    let (kind, what) = match error {
        rustls::Error::InvalidCertificate(reason) => (
            Kind::Refused,
            format!(
                "the certificate of {place} is not trusted: {reason}: check the address; for a private authority set SSL_CERT_FILE to its certificate"
            ),
        ),
        error => (
            Kind::Unavailable,
            format!(
                "TLS with {place}: {error}: check that the port speaks https; --plain-http is for registries that do not"
            ),
        ),
    };
    Error::new(kind, format!("{doing}: {what}")).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(name: &'static str, value: &'static str) -> Environment {
        Environment::from_fn(move |asked| (asked == name).then(|| value.into()))
    }

    #[test]
    fn a_proxy_is_an_address_and_what_is_wrong_is_not_repeated() {
        assert_eq!(proxies(&environment("HTTPS_PROXY", "p:3128")).unwrap()[0].1.as_str(), "http://p:3128/");
        for wrong in ["socks5://hunter2@p", "http://", "http://hunter2@:x"] {
            let error = proxies(&environment("HTTPS_PROXY", wrong)).unwrap_err();
            assert!(!error.message.contains("hunter2") && error.message.contains("HTTPS_PROXY"), "{error}");
        }
    }

    #[test]
    fn a_named_file_without_certificates_is_an_error() {
        assert_eq!(extra_roots(&environment("SSL_CERT_FILE", "/nowhere.pem")).unwrap_err().kind, Kind::Usage);
    }
}
