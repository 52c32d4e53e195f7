//! Beneath octocrab: its requests go out by the spine's policy, signed here and nowhere else.
//!
//! octocrab makes requests and reads answers. Its own stack would repeat writes, follow redirects with credentials, read bodies without a bound and take
//! proxies from nowhere; none of it is built in.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use octocrab::OctoBody;
use shared::{
    ToolError,
    http::{
        bounds::{Bounds, Failure, Fate},
        client::Client,
    },
};
use tower_service::Service;
use url::Url;

use crate::identity::Identity;

/// The version of the REST API that is spoken.
pub const VERSION: &str = "2022-11-28";

/// Sends what octocrab asks.
#[derive(Clone)]
pub struct Wire {
    /// The policy.
    pub client: Arc<Client>,
    /// Who asks.
    pub identity: Arc<Identity>,
    /// The GraphQL API, which octocrab's requests to `/graphql` mean.
    pub graphql: Url,
}

impl Service<Request<OctoBody>> for Wire {
    type Response = Response<Full<Bytes>>;
    type Error = Failure;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Failure>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<OctoBody>) -> Self::Future {
        let wire = self.clone();
        Box::pin(async move { wire.send(request).await.map(|response| response.map(Full::new)) })
    }
}

impl Wire {
    async fn send(&self, request: Request<OctoBody>) -> Result<Response<Bytes>, Failure> {
        let unsent = |error: ToolError| Failure { error, fate: Fate::NotSent };
        let (mut parts, body) = request.into_parts();
        let body = body.collect().await.map_err(|_| unsent(ToolError::internal("a request has no body")))?.to_bytes();
        let bounds = parts.extensions.remove::<Bounds>();
        let bounds = bounds.ok_or_else(|| unsent(ToolError::internal("a request came without its bounds")))?;
        parts.uri = self
            .address(&parts.uri)
            .parse()
            .map_err(|_| unsent(ToolError::internal("a request leads to no address")))?;
        // Empty and there is what octocrab says of a body that is not there.
        parts.headers.remove(header::CONTENT_LENGTH);
        parts.headers.insert("x-github-api-version", HeaderValue::from_static(VERSION));
        let mut request = Request::from_parts(parts, body);
        self.sign(&mut request).await.map_err(unsent)?;
        let response = self.client.send(&request, &bounds).await?;
        // An App's token may have been taken back. A read is asked again with a new one; a write is sent once.
        let again = response.status() == StatusCode::UNAUTHORIZED && self.identity.refused();
        if !again || !shared::http::retry::repeatable(request.method()) {
            return Ok(response);
        }
        self.sign(&mut request).await.map_err(unsent)?;
        self.client.send(&request, &bounds).await
    }

    fn address(&self, uri: &http::Uri) -> String {
        if uri.path() == "/graphql" {
            return self.graphql.as_str().to_owned();
        }
        let path = uri.path_and_query().map_or("", http::uri::PathAndQuery::as_str);
        format!("{}{path}", self.client.base().as_str().trim_end_matches('/'))
    }

    async fn sign(&self, request: &mut Request<Bytes>) -> shared::Result<()> {
        match self.identity.authorization(&self.client).await? {
            Some(authorization) => request.headers_mut().insert(header::AUTHORIZATION, authorization),
            None => request.headers_mut().remove(header::AUTHORIZATION),
        };
        Ok(())
    }
}
