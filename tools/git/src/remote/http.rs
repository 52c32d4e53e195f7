//! Smart HTTP.
//!
//! A git conversation over HTTP is one `GET …/info/refs` and then one or more `POST`s. The rules:
//! * only the `GET` follows redirects (at most [`MAX_REDIRECTS`], never from https to http), and what it learns is the base of
//!   the `POST`s, as git does it;
//! * a `401` is answered once with the credentials of the host the caller named; a host that a redirect led to gets none;
//! * a `POST` is never sent twice, but after the `401` that says it was not looked at.

mod answer;
mod client;
mod upload;

use std::io::{self, Read, Write};
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Buf, Bytes};
use git2::transport::{Service, SmartSubtransport, SmartSubtransportStream};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, LOCATION};
use reqwest::{Method, Request, Response, StatusCode};
use url::Url;

use self::client::Clients;
use self::upload::Upload;
use super::credentials;
use super::operation::Operation;
use super::url::Scheme;
use shared::http::address::Reach;
use shared::http::connect::failed;
use shared::http::origin::{self, place};
use shared::{Code, Result, ToolError};

/// How many redirects the first request follows.
const MAX_REDIRECTS: usize = 5;

/// A request body up to this size is sent whole, with its length; a longer one is streamed in chunks. git draws the line here too.
const WHOLE_BODY: usize = 1 << 20;

/// The subtransport that libgit2 drives.
pub(crate) struct Http(Arc<Session>);

impl Http {
    pub(crate) fn new(operation: Operation) -> Self {
        Self(Arc::new(Session { clients: Clients::default(), operation, route: Mutex::default() }))
    }
}

impl SmartSubtransport for Http {
    fn action(&self, url: &str, service: Service) -> Result<Box<dyn SmartSubtransportStream>, git2::Error> {
        let operation = &self.0.operation;
        let (name, advertise) = match service {
            Service::UploadPackLs => ("git-upload-pack", true),
            Service::UploadPack => ("git-upload-pack", false),
            Service::ReceivePackLs => ("git-receive-pack", true),
            Service::ReceivePack => ("git-receive-pack", false),
        };
        let exchange = if advertise {
            let answer = operation.git(self.0.discover(url, name))?;
            Exchange::Answering(Answer { response: answer, rest: Bytes::new() })
        } else {
            Exchange::Collecting(Vec::new())
        };
        Ok(Box::new(Stream { session: Arc::clone(&self.0), name, exchange }))
    }

    fn close(&self) -> Result<(), git2::Error> {
        Ok(())
    }
}

/// Where the `POST`s go and with which credentials: what the first request found out.
#[derive(Clone)]
struct Route {
    base: Url,
    reach: Reach,
    /// Whether this is the host the caller named, which alone may be given credentials.
    trusted: bool,
    authorization: Option<HeaderValue>,
}

/// One connection of libgit2 to one repository.
struct Session {
    operation: Operation,
    clients: Clients,
    route: Mutex<Option<Route>>,
}

impl Session {
    fn route(&self) -> MutexGuard<'_, Option<Route>> {
        self.route.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known_route(&self) -> Result<Route> {
        self.route()
            .clone()
            .ok_or_else(|| ToolError::internal("transfer with the remote: a request came before its discovery"))
    }

    /// Asks for the references; the answer's body is still unread.
    fn discover(&self, url: &str, service: &'static str) -> Result<Response> {
        let given = self.operation.network().check(url)?;
        if !matches!(given.scheme(), Scheme::Https | Scheme::Http) {
            return Err(ToolError::internal("transfer with the remote: the http transport got another address"));
        }
        let base = Url::parse(given.as_str().trim_end_matches('/'))
            .map_err(|error| ToolError::invalid(format!("parse the repository address: {error}")))?;
        let named = base.clone();
        let suffix = format!("/info/refs?service={service}");
        let mut route = Route { base, reach: Reach::Named, trusted: true, authorization: None };
        for _ in 0..=MAX_REDIRECTS {
            let at = Url::parse(&format!("{}{suffix}", route.base.as_str().trim_end_matches('/')))
                .map_err(|error| ToolError::invalid(format!("parse the repository address: {error}")))?;
            let mut response = self.ask(&route, &at)?;
            if response.status() == StatusCode::UNAUTHORIZED {
                route.authorization = Some(self.log_in(&route, response)?);
                response = self.ask(&route, &at)?;
            }
            if response.status().is_redirection() {
                route = self.follow(&named, &route, &at, &response, &suffix)?;
                continue;
            }
            let response = self.accept(&route, response, &format!("application/x-{service}-advertisement"))?;
            *self.route() = Some(route);
            return Ok(response);
        }
        Err(ToolError::new(Code::Unavailable, format!("reach the repository: more than {MAX_REDIRECTS} redirects"))
            .hint("use the address that the last redirect leads to"))
    }

    fn ask(&self, route: &Route, at: &Url) -> Result<Response> {
        let mut request = Request::new(Method::GET, at.clone());
        request.headers_mut().insert(ACCEPT, HeaderValue::from_static("*/*"));
        self.send(route, request)
    }

    /// Sends a request and waits for the head of the answer.
    fn send(&self, route: &Route, mut request: Request) -> Result<Response> {
        if let Some(authorization) = &route.authorization {
            request.headers_mut().insert(AUTHORIZATION, authorization.clone());
        }
        let client = self.clients.for_request(self.operation.network(), request.url(), route.reach)?;
        let at = place(request.url());
        self.operation.wait(async { client.execute(request).await.map_err(|error| failed(&at, error)) })
    }

    /// The route after a redirect.
    fn follow(&self, named: &Url, route: &Route, from: &Url, response: &Response, suffix: &str) -> Result<Route> {
        let bad = |reason: String| {
            ToolError::new(Code::Unavailable, format!("follow a redirect of {}: {reason}", place(from)))
                .hint("use the final address of the repository")
        };
        let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
        let location = location.ok_or_else(|| bad("it names no target".to_owned()))?;
        let target = origin::follow(from, location).map_err(|error| match error.code() {
            Code::Forbidden => error.hint("use the final https address of the repository"),
            _ => error.hint("use the final address of the repository"),
        })?;
        let base = target.as_str().strip_suffix(suffix).and_then(|base| Url::parse(base).ok());
        let base =
            base.ok_or_else(|| bad(format!("its target ({}) is not a repository's reference list", place(&target))))?;
        let same_host = named.host_str() == base.host_str();
        let upgraded = same_host
            && named.scheme() == "http"
            && base.scheme() == "https"
            && named.port().is_none()
            && base.port().is_none();
        let trusted = named.origin() == base.origin() || upgraded;
        let authorization = route.authorization.clone().filter(|_| route.base.origin() == base.origin());
        Ok(Route { base, reach: if same_host { Reach::Named } else { Reach::Redirected }, trusted, authorization })
    }

    /// Answers a `401`: the header for the one further attempt, or the error when there is nothing (more) to offer.
    fn log_in(&self, route: &Route, response: Response) -> Result<HeaderValue> {
        let at = place(&route.base);
        if route.authorization.is_some() {
            return Err(answer::refused(&self.operation, response, &at));
        }
        if !route.trusted {
            return Err(ToolError::new(
                Code::Unauthenticated,
                format!("log in to {at}: a redirect led there, and credentials are not given to another host than the one named"),
            )
            .hint("use the address it redirects to, so that its own credentials apply"));
        }
        let url = super::GitUrl::parse(route.base.as_str())?;
        let login = self.operation.network().credentials().login(&url)?;
        let login =
            login.ok_or_else(|| answer::add_words(&self.operation, response, credentials::none_for(&at, false)))?;
        let mut header = HeaderValue::from_str(&login.authorization())
            .map_err(|_| ToolError::invalid(format!("use {}: it cannot stand in a header", login.source)))?;
        header.set_sensitive(true);
        Ok(header)
    }

    /// Lets only a git server's success through.
    fn accept(&self, route: &Route, response: Response, content_type: &str) -> Result<Response> {
        let at = place(&route.base);
        if response.status() != StatusCode::OK {
            return Err(answer::refused(&self.operation, response, &at));
        }
        let got =
            response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("no content type");
        let essence = got.split(';').next().unwrap_or_default().trim();
        if essence.eq_ignore_ascii_case(content_type) {
            return Ok(response);
        }
        Err(answer::not_git(&at, essence))
    }

    fn request(&self, route: &Route, service: &str, body: reqwest::Body) -> Result<Request> {
        let url = Url::parse(&format!("{}/{service}", route.base.as_str().trim_end_matches('/')))
            .map_err(|error| ToolError::internal(format!("build a request: {error}")))?;
        let mut request = Request::new(Method::POST, url);
        let value = |kind: &str| {
            HeaderValue::from_str(&format!("application/x-{service}-{kind}"))
                .map_err(|error| ToolError::internal(format!("build a request: {error}")))
        };
        request.headers_mut().insert(CONTENT_TYPE, value("request")?);
        request.headers_mut().insert(ACCEPT, value("result")?);
        *request.body_mut() = Some(body);
        Ok(request)
    }

    /// Sends a body that is complete; it may be sent again after a `401`, which means that nobody has read it.
    fn post(&self, service: &'static str, body: Bytes) -> Result<Response> {
        let mut route = self.known_route()?;
        self.operation.sent(body.len());
        let mut response = self.send(&route, self.request(&route, service, body.clone().into())?)?;
        if response.status() == StatusCode::UNAUTHORIZED {
            route.authorization = Some(self.log_in(&route, response)?);
            response = self.send(&route, self.request(&route, service, body.into())?)?;
            *self.route() = Some(route.clone());
        }
        self.accept(&route, response, &format!("application/x-{service}-result"))
    }

    /// Starts a body that is too long to be kept for a second attempt. An empty request finds out first whether the server wants
    /// credentials for this one.
    fn stream(&self, service: &'static str) -> Result<Upload> {
        if self.known_route()?.authorization.is_none() {
            drop(self.post(service, Bytes::from_static(b"0000"))?);
        }
        let route = self.known_route()?;
        let (sender, body) = upload::body();
        let mut request = self.request(&route, service, body)?;
        if let Some(authorization) = &route.authorization {
            request.headers_mut().insert(AUTHORIZATION, authorization.clone());
        }
        let client = self.clients.for_request(self.operation.network(), request.url(), route.reach)?;
        let at = place(request.url());
        let answer = async move { client.execute(request).await.map_err(|error| failed(&at, error)) };
        Ok(Upload::new(sender, self.operation.network().runtime().spawn(answer)))
    }
}

struct Answer {
    response: Response,
    rest: Bytes,
}

/// Where one request and its answer are.
enum Exchange {
    Collecting(Vec<u8>),
    Streaming(Upload),
    Answering(Answer),
    Failed,
}

/// The stream libgit2 writes one request to and reads its answer from.
struct Stream {
    session: Arc<Session>,
    name: &'static str,
    exchange: Exchange,
}

impl Stream {
    fn push(&mut self, buffer: &[u8]) -> Result<()> {
        let operation = &self.session.operation;
        match &mut self.exchange {
            Exchange::Collecting(body) if body.len() + buffer.len() <= WHOLE_BODY => body.extend_from_slice(buffer),
            Exchange::Collecting(body) => {
                let body = mem::take(body);
                let mut upload = self.session.stream(self.name)?;
                upload.push(operation, &body)?;
                upload.push(operation, buffer)?;
                self.exchange = Exchange::Streaming(upload);
            }
            Exchange::Streaming(upload) => upload.push(operation, buffer)?,
            Exchange::Answering(_) | Exchange::Failed => {
                return Err(ToolError::internal("transfer with the remote: written to after its answer began"));
            }
        }
        Ok(())
    }

    fn pull(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let response = match mem::replace(&mut self.exchange, Exchange::Failed) {
            Exchange::Answering(answer) => {
                self.exchange = Exchange::Answering(answer);
                None
            }
            Exchange::Collecting(body) => Some(self.session.post(self.name, body.into())?),
            Exchange::Streaming(upload) => {
                let response = upload.finish(&self.session.operation)?;
                let route = self.session.known_route()?;
                Some(self.session.accept(&route, response, &format!("application/x-{}-result", self.name))?)
            }
            Exchange::Failed => None,
        };
        if let Some(response) = response {
            self.exchange = Exchange::Answering(Answer { response, rest: Bytes::new() });
        }
        match &mut self.exchange {
            Exchange::Answering(answer) => answer.read(&self.session.operation, buffer),
            _ => Err(ToolError::internal("transfer with the remote: read after a failure")),
        }
    }
}

impl Answer {
    fn read(&mut self, operation: &Operation, buffer: &mut [u8]) -> Result<usize> {
        while self.rest.is_empty() {
            let response = &mut self.response;
            let chunk = operation.wait(async {
                let at = place(response.url());
                response.chunk().await.map_err(|error| failed(&at, error))
            })?;
            match chunk {
                Some(chunk) => {
                    operation.received(chunk.len())?;
                    self.rest = chunk;
                }
                None => return Ok(0),
            }
        }
        let count = self.rest.len().min(buffer.len());
        self.rest.copy_to_slice(&mut buffer[..count]);
        Ok(count)
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.pull(buffer);
        self.session.operation.io(read)
    }
}

impl Write for Stream {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let pushed = self.push(buffer);
        if pushed.is_err() {
            self.exchange = Exchange::Failed;
        }
        self.session.operation.io(pushed)?;
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
