//! The API as the tools meet it: one request, one answer or a refusal.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, header};
use http_body_util::BodyExt;
use octocrab::{AuthState, Octocrab, OctocrabBuilder};
use serde::de::DeserializeOwned;
use serde_json::Value;
use shared::{
    Call, Code, Result, ToolError,
    environment::Environment,
    http::{
        bounds::{Bounds, Failure, Fate},
        client::{Client, Policy},
    },
};

use crate::{config::Config, failure::Refusal, identity::Identity, repo::Repo, repository::Repository, wire::Wire};

/// What this program calls itself.
const USER_AGENT: &str = concat!("mcp-github/", env!("CARGO_PKG_VERSION"));
/// What answers are asked for as.
pub const JSON: &str = "application/vnd.github+json";
/// A pull request's changes as text.
pub const DIFF: &str = "application/vnd.github.diff";

/// GitHub, as this server is set up to speak to it.
pub struct Api {
    octocrab: Octocrab,
    client: Arc<Client>,
    identity: Arc<Identity>,
    /// What an operator has set.
    pub config: Config,
}

impl Api {
    /// The API that `environment` describes. Opens nothing; has to be made where tokio runs.
    ///
    /// # Errors
    /// When a setting cannot be meant as it is.
    pub fn new(environment: &Environment) -> Result<Self> {
        let config = Config::read(environment)?;
        let identity = Arc::new(Identity::read(environment)?);
        let policy = Policy { user_agent: USER_AGENT, base: config.api.clone() };
        let client = Arc::new(Client::new(policy, environment.clone()));
        let wire =
            Wire { client: Arc::clone(&client), identity: Arc::clone(&identity), graphql: config.graphql.clone() };
        let octocrab = match OctocrabBuilder::new_empty().with_service(wire).with_auth(AuthState::None).build() {
            Ok(octocrab) => octocrab,
            Err(never) => match never {},
        };
        Ok(Self { octocrab, client, identity, config })
    }

    /// Who asks.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The policy beneath, for what it has learned of limits.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// `owner/name` for the length of a call, if this server may speak of it.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`] for what is no name, [`Code::Forbidden`] for what `GITHUB_REPOS` does not list; nothing has been asked then.
    pub fn repo(self: &Arc<Self>, call: &Call, owner: &str, name: &str) -> Result<Repo> {
        let repository = Repository::parse(owner, name)?;
        self.config.allowed.check(&repository)?;
        Ok(Repo::new(Arc::clone(self), call.clone(), repository))
    }

    /// Sends a request to `path` of the API and gives the answer, whatever its status.
    ///
    /// # Errors
    /// Whatever the spine's client says when there is no answer.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        accept: &'static str,
        body: Option<&Value>,
        bounds: Bounds,
    ) -> Result<Response<Bytes>, Failure> {
        let builder = Request::builder()
            .method(method)
            .uri(path)
            .header(header::ACCEPT, HeaderValue::from_static(accept))
            .extension(bounds);
        let request = self.octocrab.build_request(builder, body).map_err(unsent)?;
        let response = self.octocrab.execute(request).await.map_err(failure)?;
        let (parts, body) = response.into_parts();
        // Read whole already, within its bounds, by the client beneath.
        let body = body.collect().await.map_err(unsent)?.to_bytes();
        Ok(Response::from_parts(parts, body))
    }
}

fn unsent(error: octocrab::Error) -> Failure {
    Failure { error: ToolError::internal(format!("the request could not be made: {error}")), fate: Fate::NotSent }
}

/// What went wrong beneath octocrab, which hands it on as it is.
fn failure(error: octocrab::Error) -> Failure {
    match error {
        octocrab::Error::Service { source, .. } => match source.downcast::<Failure>() {
            Ok(failure) => *failure,
            Err(other) => Failure {
                error: ToolError::internal(format!("the request could not be sent: {other}")),
                fate: Fate::Unknown,
            },
        },
        other => unsent(other),
    }
}

/// The value of a JSON answer.
///
/// # Errors
/// [`Code::Unavailable`] when it is something else: a page of a proxy, half a document, a document without what identifies it.
pub fn parse<T: DeserializeOwned>(doing: &str, response: &Response<Bytes>) -> Result<T, Refusal> {
    let wrong = |error: ToolError| Refusal { error, status: Some(response.status()) };
    let stated = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let first = response.body().iter().find(|byte| !byte.is_ascii_whitespace());
    if stated.starts_with("text/html") || first == Some(&b'<') {
        let message = format!("{doing}: the answer is a web page and not GitHub's API");
        return Err(wrong(
            ToolError::new(Code::Unavailable, message)
                .hint("check GITHUB_API_URL and the proxy: some put a login page in between"),
        ));
    }
    let mut reader = serde_json::Deserializer::from_slice(response.body());
    serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        // Place and reason may hold words of the answer.
        let said = format!("{}: {}", error.path(), error.inner());
        let message = format!("{doing}: GitHub's answer is not what this server knows");
        let hint = "try again; if it stays so, GitHub has changed and this server is too old";
        wrong(ToolError::new(Code::Unavailable, message).hint(hint).with_said(said))
    })
}
