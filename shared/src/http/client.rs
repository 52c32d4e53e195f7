//! One API server, spoken to by one policy.
//!
//! - Credentials go to the API's own origin and nowhere else, whatever a redirect or a link says.
//! - A read is asked again where that can help, some times and within its deadline. A write is sent once.
//! - Bodies are bounded after decompression; a read that the server calls unchanged is answered from memory.
//! - What the server's limits say is kept, and a limit that is used up is not run into again.
//! - No more than a number of requests are under way at once.

use std::{
    sync::OnceLock,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use tokio::{
    sync::{OnceCell, Semaphore},
    time::{Instant, sleep_until},
};
use url::Url;

use super::{
    address::{self, Reach},
    bounds::{Bounds, Failure, Redirects},
    connect,
    etags::{Etags, Kept},
    limits::{Limits, used_up},
    origin,
    read::{WHOLE, cancelled, read, silent, slow, stopped},
    retry,
};
use crate::{
    environment::Environment,
    error::{Code, Result, ToolError},
};

/// How long a server may think before the head of its answer.
const HEAD: Duration = Duration::from_secs(20);
/// How often a read is led on.
const HOPS_MAX: usize = 3;
/// Requests under way at once: servers refuse more than a hundred, and each may hold a whole document.
const AT_ONCE: usize = 32;

/// How the servers of one API are spoken to.
#[derive(Clone, Debug)]
pub struct Policy {
    /// What this program calls itself.
    pub user_agent: &'static str,
    /// The API. What is of its origin gets credentials.
    pub base: Url,
}

/// A client of one API.
pub struct Client {
    policy: Policy,
    environment: Environment,
    named: OnceLock<reqwest::Client>,
    redirected: OnceLock<reqwest::Client>,
    etags: Etags,
    limits: Limits,
    lanes: Semaphore,
    /// Whether the API is in a private network itself: only then may redirects lead into one.
    private: OnceCell<bool>,
}

/// In the extensions of an answer whose body was longer than its bound.
#[derive(Clone, Copy, Debug)]
pub struct Cut;

/// In the extensions of an answer: where it came from in the end.
#[derive(Clone, Debug)]
pub struct Origin(pub Url);

impl Client {
    /// A client for `policy`. Nothing is read or opened before the first request.
    pub fn new(policy: Policy, environment: Environment) -> Self {
        Self {
            policy,
            environment,
            named: OnceLock::new(),
            redirected: OnceLock::new(),
            etags: Etags::default(),
            limits: Limits::default(),
            lanes: Semaphore::new(AT_ONCE),
            private: OnceCell::new(),
        }
    }

    /// The API.
    pub fn base(&self) -> &Url {
        &self.policy.base
    }

    /// What the server's limits were when it last answered.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Forgets what was answered to an identity that is not used any longer.
    pub fn forget(&self) {
        self.etags.clear();
    }

    /// Sends `request`, whose URL is absolute, and reads the answer, whatever its status.
    ///
    /// # Errors
    /// A [`Failure`] when there is no answer: it could not be sent, broke off, took too long, is too large, or the limit of the server is known to be
    /// used up ([`Code::RateLimited`], with nothing sent).
    pub async fn send(&self, request: &Request<Bytes>, bounds: &Bounds) -> Result<Response<Bytes>, Failure> {
        if let Some(until) = self.limits.closed(bounds.group, now()) {
            return Err(Failure::unsent(used_up(&self.policy.base, until, now())));
        }
        let lane = tokio::select! {
            lane = self.lanes.acquire() => lane,
            () = bounds.cancel.cancelled() => return Err(Failure::unsent(cancelled())),
        };
        let _lane = lane.map_err(|_| Failure::unsent(ToolError::internal("the client is closed")))?;
        let kept = self.kept(request, bounds);
        let repeatable = bounds.question || retry::repeatable(request.method());
        for attempt in 1.. {
            let answer = self.led(request, kept.as_ref(), bounds, attempt).await;
            // A host that a redirect led to has limits of its own.
            let own = |response: &&Response<Bytes>| {
                response.extensions().get::<Origin>().is_none_or(|origin| origin::same(&self.policy.base, &origin.0))
            };
            if let Some(response) = answer.as_ref().ok().filter(own) {
                self.limits.note(bounds.group, response.status(), response.headers(), now());
            }
            let wait = match retry::asked_again(&answer, now()) {
                Some(asked) if repeatable => retry::wait(attempt, asked, retry::jitter()),
                _ => None,
            };
            let then = wait.map(|wait| Instant::now() + wait).filter(|then| *then < bounds.deadline);
            let Some(then) = then else { return answer.map(|response| self.settled(request, kept, response)) };
            tokio::select! {
                () = sleep_until(then) => {}
                () = bounds.cancel.cancelled() => return Err(Failure::unsent(cancelled())),
            }
        }
        Err(Failure::unsent(ToolError::internal("a request was repeated without end")))
    }

    fn kept(&self, request: &Request<Bytes>, bounds: &Bounds) -> Option<Kept> {
        let cacheable = request.method() == Method::GET && bounds.redirects == Redirects::Shown;
        cacheable.then(|| self.etags.get(&key(request))).flatten()
    }

    /// The answer as whoever asked sees it: what is unchanged is what it was.
    fn settled(&self, request: &Request<Bytes>, kept: Option<Kept>, response: Response<Bytes>) -> Response<Bytes> {
        if request.method() != Method::GET {
            return response;
        }
        match (response.status(), kept) {
            (StatusCode::NOT_MODIFIED, Some(kept)) => {
                let (mut parts, _) = response.into_parts();
                parts.status = StatusCode::OK;
                // What the confirmation says anew is newer: the limits, the date.
                for (name, value) in &kept.headers {
                    if !parts.headers.contains_key(name) {
                        parts.headers.append(name, value.clone());
                    }
                }
                Response::from_parts(parts, kept.body)
            }
            (StatusCode::OK, _) if response.extensions().get::<Cut>().is_none() => {
                self.etags.keep(key(request), response.headers(), response.body());
                response
            }
            _ => response,
        }
    }

    /// One attempt, led on where that is wanted.
    async fn led(
        &self,
        request: &Request<Bytes>,
        kept: Option<&Kept>,
        bounds: &Bounds,
        attempt: u32,
    ) -> Result<Response<Bytes>, Failure> {
        let mut url = Url::parse(&request.uri().to_string())
            .map_err(|_| Failure::unsent(ToolError::internal("a request has no absolute address")))?;
        let follow = bounds.redirects == Redirects::Elsewhere && retry::repeatable(request.method());
        let own = |url: &Url| origin::same(&self.policy.base, url);
        for _ in 0..=HOPS_MAX {
            let response = self.once(request, &url, kept, bounds, attempt).await?;
            let location = response.headers().get(header::LOCATION).filter(|_| response.status().is_redirection());
            let Some(location) = location.filter(|_| follow) else { return Ok(response) };
            let target =
                origin::follow(&url, &String::from_utf8_lossy(location.as_bytes())).map_err(Failure::unsent)?;
            match (own(&url), own(&target)) {
                // Which part of the API may be asked for is for whoever asked to say.
                (true, true) => return Ok(response),
                (false, true) => {
                    let message = format!("follow a redirect of {}: it leads back to the API", origin::place(&url));
                    return Err(Failure::unsent(ToolError::new(Code::Forbidden, message)));
                }
                (_, false) => url = target,
            }
        }
        let message = format!("ask {}: it redirects more than {HOPS_MAX} times", origin::place(&self.policy.base));
        Err(Failure::unsent(ToolError::new(Code::Unavailable, message)))
    }

    /// One request, one answer.
    async fn once(
        &self,
        request: &Request<Bytes>,
        url: &Url,
        kept: Option<&Kept>,
        bounds: &Bounds,
        attempt: u32,
    ) -> Result<Response<Bytes>, Failure> {
        let own = origin::same(&self.policy.base, url);
        let mut sent = reqwest::Request::new(request.method().clone(), url.clone());
        *sent.headers_mut() = headers(request.headers(), own, kept);
        if !request.body().is_empty() {
            *sent.body_mut() = Some(request.body().clone().into());
        }
        let client = self.client(url, own).await.map_err(Failure::unsent)?;
        let stopped = stopped(bounds, bounds.question || retry::repeatable(request.method()));
        tokio::pin!(stopped);
        let place = origin::place(url);
        let started = Instant::now();
        let patience = bounds.deadline.min(started + HEAD);
        let answer = tokio::select! {
            answer = client.execute(sent) => answer,
            () = sleep_until(patience) => return Err(Failure::unknown(silent(&place, started.elapsed()))),
            () = &mut stopped => return Err(Failure::unknown(cancelled())),
        };
        let outcome = match answer {
            Ok(answer) => tokio::select! {
                answer = read(answer, &place, bounds) => answer,
                () = sleep_until(started + WHOLE) => Err(Failure::unknown(slow(&place))),
                () = &mut stopped => return Err(Failure::unknown(cancelled())),
            },
            Err(error) if error.is_connect() || error.is_builder() => {
                Err(Failure::unsent(connect::failed(&place, error)))
            }
            Err(error) => Err(Failure::unknown(connect::failed(&place, error))),
        };
        let milliseconds = started.elapsed().as_millis();
        // Neither the query, which may be signed, nor any header but the one that a server's operator asks for; of another host not even the path.
        let path = if own { url.path() } else { "" };
        match &outcome {
            Ok(answer) => tracing::debug!(
                method = %request.method(), place, path, status = answer.status().as_u16(), milliseconds, attempt,
                bytes = answer.body().len(), request = shown(answer.headers(), "x-github-request-id"), "http"
            ),
            Err(failure) => tracing::debug!(
                method = %request.method(), place, path, milliseconds, attempt, error = %failure, "http"
            ),
        }
        outcome.map(|mut answer| {
            answer.extensions_mut().insert(Origin(url.clone()));
            answer
        })
    }

    async fn client(&self, url: &Url, own: bool) -> Result<&reqwest::Client> {
        let (slot, reach) = if own || self.private().await {
            (&self.named, Reach::Named)
        } else {
            (&self.redirected, Reach::Redirected)
        };
        address::check(url, reach)?;
        if let Some(client) = slot.get() {
            return Ok(client);
        }
        let mut builder = connect::builder(&self.environment, self.policy.user_agent, reach)?;
        if own && url.scheme() == "http" {
            // In clear, so it is this machine: no proxy needs to read it.
            builder = builder.no_proxy();
        }
        let client = connect::built(builder)?;
        Ok(slot.get_or_init(|| client))
    }

    /// Whether the API's own name leads into a private network.
    async fn private(&self) -> bool {
        let find = || async {
            let host = self.policy.base.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
            let port = self.policy.base.port_or_known_default().unwrap_or_default();
            let found = tokio::net::lookup_host((host, port)).await;
            found.is_ok_and(|mut all| all.any(|one| address::forbidden(one.ip(), Reach::Redirected).is_some()))
        };
        *self.private.get_or_init(find).await
    }
}

/// What is asked with: credentials only of the API itself.
fn headers(given: &HeaderMap, own: bool, kept: Option<&Kept>) -> HeaderMap {
    let mut headers = if own { given.clone() } else { HeaderMap::new() };
    if let Some(kept) = kept.filter(|_| own) {
        headers.insert(header::IF_NONE_MATCH, kept.tag.clone());
    }
    headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
    headers
}

fn key(request: &Request<Bytes>) -> String {
    let accept = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok());
    format!("{} {}", request.uri(), accept.unwrap_or_default())
}

fn shown<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// Seconds since 1970.
pub fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
