//! A connection to one API server, for one call. The one place of this server that sends requests.
//!
//! Every request has a time of its own, ends with its call, and is bounded in what it reads. Reads that fail for a passing reason are tried
//! again, as long as the API server asks and within their time; what changes something is sent once.

use std::{sync::Arc, time::Duration};

use http::{Method, Request, Response};
use http_body_util::BodyExt as _;
use kube::{Client, client::Body};
use serde_json::Value;
use shared::{Call, Code, Result, ToolError, Untrusted, exec::CancellationToken};
use tokio::{
    sync::{OnceCell, Semaphore, SemaphorePermit},
    time::{Instant, timeout_at},
};

use crate::{
    config,
    failure::{Failure, refused, unreachable},
    kinds::Kinds,
    path::Path,
    plugin,
    scope::Place,
    sight::Sight,
    tries::Tries,
};

mod lists;

pub use lists::{Opened, Step};

/// How long one request may take.
pub const LIMIT: Duration = Duration::from_secs(15);
/// How long before its end a call stops waiting, to have time to answer with what it has.
const MARGIN: Duration = Duration::from_millis(1_500);
/// How many requests are under way at once.
const AT_ONCE: usize = 8;
/// How many foreign ones are, besides.
const FOREIGN_AT_ONCE: usize = 4;
/// The longest pause between two of them.
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// The most bytes of an answer read whole.
const WHOLE_MAX: usize = 16 << 20;
/// The most bytes of an error.
const ERROR_MAX: usize = 64 << 10;

/// JSON as it is.
pub const JSON: &str = "application/json";
/// A table, printed by the API server.
pub const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
/// The kinds, in one document.
const DISCOVERY: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/// A connection.
#[derive(Clone)]
pub struct Cluster {
    client: Client,
    context: Option<String>,
    namespace: String,
    siblings: Vec<String>,
    cancel: CancellationToken,
    deadline: std::time::Instant,
    slots: Arc<Semaphore>,
    foreign: Arc<Semaphore>,
    sight: Arc<OnceCell<Sight>>,
}

impl Cluster {
    /// Connects to the cluster that `context` names, or that is meant without one. Nothing is sent yet.
    pub async fn connect(context: Option<&str>, call: &Call) -> Result<Self> {
        Self::new(context, call.cancellation().clone(), call.deadline()).await
    }

    /// Connects outside of a call, for `limit`.
    pub async fn alone(limit: Duration) -> Result<Self> {
        Self::new(None, CancellationToken::new(), std::time::Instant::now() + limit + MARGIN).await
    }

    async fn new(context: Option<&str>, cancel: CancellationToken, deadline: std::time::Instant) -> Result<Self> {
        let chosen = config::choose(context).await?;
        let namespace = chosen.config.default_namespace.clone();
        let mut config = chosen.config;
        let left = deadline.saturating_duration_since(std::time::Instant::now());
        plugin::run(&mut config.auth_info, left.saturating_sub(MARGIN), &cancel).await?;
        // It reads certificates.
        let made = tokio::task::spawn_blocking(move || Client::try_from(config));
        let made = tokio::select! {
            made = made => made.map_err(|_| ToolError::internal("the client could not be made"))?,
            () = cancel.cancelled() => return Err(ToolError::new(Code::Cancelled, "the call was cancelled")),
        };
        let client = made.map_err(|error| refused(&error))?;
        Ok(Self {
            client,
            context: chosen.context,
            namespace: if namespace.is_empty() { String::from("default") } else { namespace },
            siblings: chosen.siblings,
            cancel,
            deadline,
            slots: Arc::new(Semaphore::new(AT_ONCE)),
            foreign: Arc::new(Semaphore::new(FOREIGN_AT_ONCE)),
            sight: Arc::default(),
        })
    }

    /// The client, for what speaks more than HTTP.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// What was found out of what may be seen.
    pub(crate) fn seen(&self) -> &OnceCell<Sight> {
        &self.sight
    }

    /// The context's own namespace.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Namespaces that contexts of the same identity name.
    pub fn siblings(&self) -> &[String] {
        &self.siblings
    }

    /// Where is looked: in one namespace, or everywhere.
    pub fn place(&self, namespace: Option<&str>) -> Place {
        Place::new(self.context.as_deref(), namespace)
    }

    /// One object.
    pub async fn object(&self, path: &Path) -> Result<Value, Failure> {
        parsed(&self.whole(path, JSON).await?)
    }

    /// What the cluster serves.
    pub async fn kinds(&self) -> Result<Kinds> {
        let (core, groups) = (Path::literal("/api"), Path::literal("/apis"));
        let (core, groups) = futures_util::join!(self.whole(&core, DISCOVERY), self.whole(&groups, DISCOVERY));
        let attempted = "reading which kinds the cluster has";
        let mut kinds = Kinds::default();
        kinds.read(&core.map_err(|failure| failure.error(attempted))?)?;
        kinds.read(&groups.map_err(|failure| failure.error(attempted))?)?;
        if kinds.all.is_empty() {
            return Err(ToolError::new(
                Code::Unsupported,
                "what answers there has no kinds of objects: it is no API server",
            )
            .hint("have the operator correct the server of this context"));
        }
        Ok(kinds)
    }

    /// The bytes of an answer.
    pub async fn whole(&self, path: &Path, accept: &'static str) -> Result<Vec<u8>, Failure> {
        let end = self.end(path.limit());
        let mut tries = Tries::default();
        loop {
            match self.whole_once(path, accept, end).await {
                Ok(bytes) => return Ok(bytes),
                Err(failure) => self.again(failure, &mut tries, end).await?,
            }
        }
    }

    async fn whole_once(&self, path: &Path, accept: &'static str, end: Instant) -> Result<Vec<u8>, Failure> {
        // What the cluster serves waits for no list that hangs: everything else follows from it.
        let _slot = if accept == DISCOVERY { None } else { Some(self.slot(path, end).await?) };
        let response = self.send(Method::GET, path, accept, None, end).await?;
        self.read(response, WHOLE_MAX, end).await
    }

    /// Sends what changes something, once, and reads the object that is answered.
    pub async fn change(
        &self,
        method: Method,
        path: &Path,
        content: (&'static str, Vec<u8>),
    ) -> Result<Value, Failure> {
        let end = self.end(LIMIT);
        let response = self.send(method, path, JSON, Some(content), end).await?;
        parsed(&self.read(response, WHOLE_MAX, end).await?)
    }

    /// An answer whose body is read as it comes, until `limit` is over.
    pub async fn open(&self, path: &Path, limit: Duration) -> Result<Response<Body>, Failure> {
        let end = self.end(limit);
        let mut tries = Tries::default();
        loop {
            match self.send(Method::GET, path, "*/*", None, end).await {
                Ok(response) => return Ok(response),
                Err(failure) => self.again(failure, &mut tries, end).await?,
            }
        }
    }

    /// Waits for `future` until `end`, or the end of the call.
    pub async fn within<T>(&self, end: Instant, future: impl Future<Output = T>) -> Result<T, Failure> {
        tokio::select! {
            done = timeout_at(end, future) => {
                done.map_err(|_| Failure::new(Code::Timeout, "the API server did not answer in time"))
            }
            () = self.cancel.cancelled() => Err(Failure::new(Code::Cancelled, "the call was cancelled")),
        }
    }

    /// When a request that may take `limit` has to end: before its call does.
    pub fn end(&self, limit: Duration) -> Instant {
        let last = self.deadline.checked_sub(MARGIN).unwrap_or(self.deadline);
        (Instant::now() + limit).min(Instant::from_std(last))
    }

    async fn slot(&self, path: &Path, end: Instant) -> Result<SemaphorePermit<'_>, Failure> {
        let slots = if path.is_foreign() { &self.foreign } else { &self.slots };
        let slot = self.within(end, slots.acquire()).await?;
        slot.map_err(|_| Failure::new(Code::Cancelled, "the call has ended"))
    }

    /// Waits before a read is tried again; the failure itself where that is no use or there is no time for it.
    async fn again(&self, failure: Failure, tries: &mut Tries, end: Instant) -> Result<(), Failure> {
        let wait = failure.after.unwrap_or(tries.pause);
        tries.left = tries.left.saturating_sub(1);
        tries.pause *= 3;
        if !failure.passes() || tries.left == 0 || wait > PAUSE_MAX || Instant::now() + wait >= end {
            return Err(failure);
        }
        self.within(end, tokio::time::sleep(wait)).await
    }

    async fn send(
        &self,
        method: Method,
        path: &Path,
        accept: &'static str,
        content: Option<(&'static str, Vec<u8>)>,
        end: Instant,
    ) -> Result<Response<Body>, Failure> {
        let mut request = Request::builder().method(method).uri(path.to_string()).header("accept", accept);
        if let Some((kind, _)) = &content {
            request = request.header("content-type", *kind);
        }
        let body = content.map_or_else(Body::empty, |(_, bytes)| Body::from(bytes));
        let request =
            request.body(body).map_err(|_| Failure::new(Code::InvalidArgument, "this cannot be put into a request"))?;
        let response = self.within(end, self.client.send(request)).await?.map_err(|error| unreachable(&error))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let after = response.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
        let body = self.read(response, ERROR_MAX, end).await.unwrap_or_default();
        Err(Failure::answered(status.as_u16(), after.map(Duration::from_secs), &body))
    }

    async fn read(&self, response: Response<Body>, most: usize, end: Instant) -> Result<Vec<u8>, Failure> {
        let mut body = response.into_body();
        let mut all = Vec::new();
        while let Some(frame) = self.within(end, body.frame()).await? {
            let frame = frame.map_err(|error| unreachable(&error))?;
            if let Some(bytes) = frame.data_ref() {
                if all.len() + bytes.len() > most {
                    return Err(Failure::new(Code::TooLarge, "the answer is larger than this server reads"));
                }
                all.extend_from_slice(bytes);
            }
        }
        Ok(all)
    }
}

fn parsed(bytes: &[u8]) -> Result<Value, Failure> {
    serde_json::from_slice(bytes)
        .map_err(|error| Failure::new(Code::Unsupported, format!("the API server's answer is not understood: {error}")))
}

/// A caller's name between backquotes.
pub fn quoted(name: &str) -> String {
    Untrusted::line(name).quoted().to_string()
}
