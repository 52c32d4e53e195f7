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

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// A server that answers its first connection with `answer`, or takes it and says nothing; gives its port.
    async fn answering(answer: Option<&'static str>) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("listen");
        let port = listener.local_addr().expect("address").port();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("accept");
            let _ = stream.read(&mut [0; 4096]).await;
            match answer {
                Some(answer) => stream.write_all(answer.as_bytes()).await.expect("answer"),
                None => std::future::pending().await,
            }
        });
        port
    }

    async fn get(reach: Reach, address: &str) -> Result<reqwest::Response> {
        let nothing = Environment::from_fn(|_| None);
        let client = built(builder(&nothing, "test", reach)?.timeout(Duration::from_millis(500)))?;
        client.get(address).send().await.map_err(|error| failed("there", error))
    }

    #[tokio::test]
    async fn an_answer_is_as_it_came() {
        let port =
            answering(Some("HTTP/1.1 302 x\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n")).await;
        let response = get(Reach::Named, &format!("http://localhost:{port}/")).await.expect("answer");
        assert_eq!(response.status(), 302);
    }

    #[tokio::test]
    async fn why_there_is_no_answer() {
        let port = answering(Some("HTTP/1.1 200 x\r\n\r\n")).await;
        let error = get(Reach::Redirected, &format!("http://localhost:{port}/")).await.expect_err("loopback");
        assert_eq!(error.code(), Code::Forbidden);
        assert_eq!(error.message(), "connect to there: it leads to a loopback address, which is not allowed");

        let free = TcpListener::bind("127.0.0.1:0").await.expect("listen").local_addr().expect("address");
        for (address, code, words) in [
            (format!("http://{free}/hunter2"), Code::Unavailable, "connect to there: "),
            ("http://no.invalid/hunter2".to_owned(), Code::Unavailable, "connect to there: "),
            (format!("http://127.0.0.1:{}/hunter2", answering(None).await), Code::Timeout, "wait for there: "),
            (
                format!("http://127.0.0.1:{}/hunter2", answering(Some("")).await),
                Code::Unavailable,
                "transfer with there: ",
            ),
            (
                format!("https://127.0.0.1:{}/hunter2", answering(Some("HTTP/1.1 400 x\r\n\r\n")).await),
                Code::Unavailable,
                "set up TLS with there: ",
            ),
        ] {
            let error = get(Reach::Named, &address).await.expect_err(&address);
            assert_eq!(error.code(), code, "{address}: {error}");
            assert!(error.message().starts_with(words) && !error.message().contains("hunter2"), "{address}: {error}");
        }
    }

    #[tokio::test]
    async fn a_proxy_is_asked_but_for_its_exceptions() {
        let proxy = answering(Some("HTTP/1.1 418 x\r\ncontent-length: 0\r\n\r\n")).await;
        let environment = Environment::from_fn(move |name| match name {
            "HTTP_PROXY" => Some(format!("127.0.0.1:{proxy}").into()),
            "NO_PROXY" => Some("localhost".into()),
            _ => None,
        });
        let client = built(builder(&environment, "test", Reach::Named).expect("builder")).expect("client");
        let port = answering(Some("HTTP/1.1 200 x\r\ncontent-length: 0\r\n\r\n")).await;
        for (address, status) in [(format!("http://localhost:{port}/"), 200), ("http://no.invalid/".to_owned(), 418)] {
            assert_eq!(client.get(&address).send().await.expect(&address).status(), status, "{address}");
        }
    }
}
