//! One repository's conversation: where its registry is, requests with the right authorization, redirects.

use std::time::Duration;

use reqwest::{
    Method, Request, Response, StatusCode, Url,
    header::{AUTHORIZATION, CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue, LOCATION},
};
use tokio::sync::OnceCell;

use super::{
    Access, Client,
    auth::Auth,
    body::{self, Payload},
    failure,
    origin::{self, REDIRECTS_MAX},
    retry::{Failure, Patience},
};
use crate::{Error, Kind, Result, reference::RepositoryName};

/// How long a document may take, from asking to its last byte.
pub(super) const DOCUMENT: Duration = Duration::from_secs(60);

/// A conversation about one repository.
pub(super) struct Session {
    pub(super) client: Client,
    pub(super) name: RepositoryName,
    access: Access,
    auth: Auth,
    base: OnceCell<Url>,
}

/// A request to be sent.
#[derive(Clone)]
pub(super) struct Ask {
    /// What it is for, as errors say it.
    pub(super) doing: String,
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) payload: Option<Payload>,
    /// What a token must allow besides the access of the session.
    pub(super) scope: Option<String>,
}

impl Ask {
    pub(super) fn new(doing: impl Into<String>, method: Method, url: Url) -> Self {
        Self { doing: doing.into(), method, url, headers: Vec::new(), payload: None, scope: None }
    }

    pub(super) fn header(mut self, name: HeaderName, value: &str) -> Result<Self> {
        let value = HeaderValue::from_str(value)
            .map_err(|_| Error::refused(format!("{}: {name} cannot be said in a header", self.doing)))?;
        self.headers.push((name, value));
        Ok(self)
    }

    pub(super) fn payload(mut self, payload: Payload) -> Self {
        self.payload = Some(payload);
        self
    }
}

impl Session {
    pub(super) fn new(client: &Client, name: RepositoryName, access: Access) -> Self {
        Self { client: client.clone(), name, access, auth: Auth::default(), base: OnceCell::new() }
    }

    /// The address of `rest` beneath the repository: `manifests/1.0.0`.
    pub(super) async fn url(&self, rest: &str) -> Result<Url> {
        let base = self.base().await?;
        base.join(&format!("v2/{}/{rest}", self.name.path))
            .map_err(|error| Error::new(Kind::Usage, format!("{}/{rest} is no address: {error}", self.name)))
    }

    /// The registry's origin. Finds out first who one is to it: what is configured and cannot be had must fail before anything is asked.
    async fn base(&self) -> Result<&Url> {
        self.base
            .get_or_try_init(|| async {
                self.auth.load(&self.client, &self.name).await?;
                let mut patience = Patience::default();
                loop {
                    match self.greet().await {
                        Ok(base) => return Ok(base),
                        Err(failure) => patience.after(failure).await?,
                    }
                }
            })
            .await
    }

    /// Finds the scheme, and how the registry wants to be convinced where there is something to convince it with.
    async fn greet(&self) -> Result<Url, Failure> {
        let parse = |scheme: &str| {
            Url::parse(&format!("{scheme}://{}/", self.name.server()))
                .map_err(|error| Error::new(Kind::Usage, format!("{} is no address: {error}", self.name.host)))
        };
        let (https, http) = (parse("https")?, parse("http")?);
        let loopback = self.name.is_loopback();
        if !loopback && !self.auth.configured() {
            // The first request will show whether it wants to know.
            return Ok(if self.client.0.plain_http { http } else { https });
        }
        if self.client.0.plain_http || loopback {
            let answer = self.ping(&http).await;
            // A server that speaks TLS says 400 to http, or hangs up. Nothing secret was said so far.
            let doubtful = answer.as_ref().map_or(true, |answer| answer.status() == StatusCode::BAD_REQUEST);
            if doubtful && !self.client.0.plain_http {
                match self.ping(&https).await {
                    Ok(answer) => {
                        self.auth.challenged(&answer);
                        return Ok(https);
                    }
                    // It does speak TLS, and nothing less will do.
                    Err(failure) if failure.error.kind == Kind::Refused => return Err(failure),
                    Err(_) => {}
                }
            }
            self.auth.challenged(&answer?);
            return Ok(http);
        }
        self.auth.challenged(&self.ping(&https).await?);
        Ok(https)
    }

    async fn ping(&self, base: &Url) -> Result<Response, Failure> {
        let doing = format!("reaching the registry {}", self.name.host);
        let url = base.join("v2/").map_err(|error| Error::new(Kind::Usage, format!("{doing}: {error}")))?;
        let request = Request::new(Method::GET, url);
        body::send(&self.client.0.http, request, None, &doing).await
    }

    /// The scopes a token must have for `ask`.
    fn scopes(&self, ask: &Ask) -> Vec<String> {
        let actions = match self.access {
            Access::Pull => "pull",
            Access::Push => "pull,push",
        };
        let mut scopes = vec![format!("repository:{}:{actions}", self.name.path)];
        scopes.extend(ask.scope.clone());
        scopes
    }

    /// Sends `ask` once, and again when that is what logging in or a redirect takes. The answer has any status but those.
    pub(super) async fn once(&self, ask: &Ask) -> Result<Response, Failure> {
        let base = self.base().await?.clone();
        let scopes = self.scopes(ask);
        let (mut url, mut hops, mut refused) = (ask.url.clone(), 0, 0);
        loop {
            let ours = origin::same(&url, &base);
            let authorization = if ours { self.auth.header(self, &base, &scopes).await? } else { None };
            let response = self.send(ask, &url, authorization.clone()).await?;
            let status = response.status();
            if status == StatusCode::UNAUTHORIZED && ours {
                if refused == 2 {
                    return Err(self.auth.denied(self, response, &ask.doing).await);
                }
                refused += 1;
                self.auth.login(self, &base, response, authorization, &scopes, &ask.doing).await?;
                continue;
            }
            let reading = matches!(ask.method, Method::GET | Method::HEAD);
            if !reading || !status.is_redirection() || status == StatusCode::NOT_MODIFIED {
                return Ok(response);
            }
            hops += 1;
            url = location(&response, &ask.doing)?;
            if hops > REDIRECTS_MAX {
                return Err(Error::new(
                    Kind::Unavailable,
                    format!("{}: more than {REDIRECTS_MAX} redirects, the last to {}", ask.doing, origin::place(&url)),
                )
                .into());
            }
        }
    }

    async fn send(&self, ask: &Ask, url: &Url, authorization: Option<HeaderValue>) -> Result<Response, Failure> {
        let mut request = Request::new(ask.method.clone(), url.clone());
        let headers: &mut HeaderMap = request.headers_mut();
        for (name, value) in &ask.headers {
            headers.insert(name, value.clone());
        }
        if let Some(authorization) = authorization {
            headers.insert(AUTHORIZATION, authorization);
        }
        if ask.payload.is_none() && !matches!(ask.method, Method::GET | Method::HEAD) {
            headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        body::send(&self.client.0.http, request, ask.payload.as_ref(), &ask.doing).await
    }

    /// Sends `ask`, again as long as that may help, until the answer has one of the `expected` statuses.
    pub(super) async fn ask(&self, ask: &Ask, expected: &[u16]) -> Result<Response> {
        let mut patience = Patience::default();
        loop {
            let outcome = match self.once(ask).await {
                Ok(response) => self.expect(ask, response, expected).await,
                Err(failure) => Err(failure),
            };
            match outcome {
                Ok(response) => return Ok(response),
                Err(failure) => patience.after(failure).await?,
            }
        }
    }

    /// Lets an answer of one of the `expected` statuses through.
    pub(super) async fn expect(&self, ask: &Ask, response: Response, expected: &[u16]) -> Result<Response, Failure> {
        if expected.contains(&response.status().as_u16()) {
            return Ok(response);
        }
        Err(failure::of(&ask.doing, response, &self.client.0.secrets).await)
    }

    /// Asks for a document of at most `max` bytes. Gives the head of the answer, and its bytes if its status is the first of `expected`.
    pub(super) async fn document(
        &self,
        ask: &Ask,
        expected: &[u16],
        max: u64,
    ) -> Result<(StatusCode, HeaderMap, Vec<u8>)> {
        let mut patience = Patience::default();
        loop {
            let attempt = async {
                let response = self.expect(ask, self.once(ask).await?, expected).await?;
                let (status, headers) = (response.status(), response.headers().clone());
                if expected.first() != Some(&status.as_u16()) {
                    return Ok((status, headers, Vec::new()));
                }
                Ok((status, headers, body::document(response, &ask.doing, max).await?))
            };
            let outcome = match tokio::time::timeout(DOCUMENT, attempt).await {
                Ok(outcome) => outcome,
                Err(_) => Err(Failure::passing(Error::new(
                    Kind::Timeout,
                    format!("{}: it took longer than {} s", ask.doing, DOCUMENT.as_secs()),
                ))),
            };
            match outcome {
                Ok(document) => return Ok(document),
                Err(failure) => patience.after(failure).await?,
            }
        }
    }
}

/// Where the `Location` of an answer leads.
pub(super) fn location(response: &Response, doing: &str) -> Result<Url> {
    let refused = |why: String| {
        let place = origin::place(response.url());
        Error::refused(format!("{doing}: {place} sends elsewhere: {why}"))
    };
    let header = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
    let header = header.ok_or_else(|| refused("it does not say where".to_owned()))?;
    origin::follow(response.url(), header).map_err(refused)
}
