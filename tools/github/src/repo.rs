//! One repository for the length of a call: what is read of it and written to it.
//!
//! A repository that was renamed answers with a redirect to a number. It is not followed blindly: the number is looked up, the name found is held against
//! `GITHUB_REPOS`, and then the same is asked of that name. A write is not led on at all: what it would go to is not what was named, and whoever let it
//! pass by its arguments did not know.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use http::{Method, Response, StatusCode, header};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use shared::{
    Call, Code, Result, ToolError,
    http::{
        bounds::{Bounds, Failure, Fate},
        client::Origin,
    },
};
use url::Url;

use crate::{
    api::{Api, JSON, parse},
    failure::{self, Attempt, Refusal},
    link,
    repository::Repository,
};

/// A repository and the call it is asked about for.
pub struct Repo {
    api: Arc<Api>,
    call: Call,
    asked: Repository,
    now: OnceLock<Repository>,
}

/// What was read.
#[derive(Debug)]
pub struct Document<T> {
    /// The value.
    pub value: T,
    /// What the next page is called, if there is one.
    pub next: Option<String>,
}

/// The name of what a number stands for.
#[derive(Deserialize)]
struct Named {
    full_name: String,
}

impl Repo {
    pub(crate) fn new(api: Arc<Api>, call: Call, asked: Repository) -> Self {
        Self { api, call, asked, now: OnceLock::new() }
    }

    /// What it is called now, as far as is known.
    pub fn name(&self) -> &Repository {
        self.now.get().unwrap_or(&self.asked)
    }

    /// The scope an answer begins with: host when it is not github.com, name, and where that came from when it was renamed.
    pub fn scope(&self) -> String {
        let host = if self.api.config.own { format!("{}/", self.api.config.host()) } else { String::new() };
        match self.now.get() {
            Some(now) => format!("{host}{now} (renamed from {})", self.asked),
            None => format!("{host}{}", self.asked),
        }
    }

    /// Refuses an answer that says of itself that it is about another repository: what is in between may have followed a rename.
    ///
    /// # Errors
    /// [`Code::Forbidden`] when this server may not speak of that one.
    pub fn answers_for(&self, full_name: Option<&str>) -> Result<()> {
        let Some(named) = full_name.and_then(|name| Repository::from_full_name(name).ok()) else { return Ok(()) };
        if self.api.config.allowed.has(&named) {
            return Ok(());
        }
        let message =
            format!("the answer about {} is about a repository that this server may not speak of", self.asked);
        Err(self.api.config.allowed.refusal(message))
    }

    /// The API.
    pub fn api(&self) -> &Arc<Api> {
        &self.api
    }

    /// The call.
    pub fn call(&self) -> &Call {
        &self.call
    }

    /// Reads JSON.
    ///
    /// # Errors
    /// A [`Refusal`] that says `doing`.
    pub async fn read<T: DeserializeOwned>(
        &self,
        doing: &str,
        tail: &str,
        query: &str,
    ) -> Result<Document<T>, Refusal> {
        let response = self.fetch(doing, tail, query, JSON, Bounds::of(&self.call)).await?;
        let value = parse(&format!("{doing} of {}", self.asked), &response)?;
        let next = match response.extensions().get::<Origin>() {
            Some(Origin(url)) => link::next(url, response.headers())?,
            None => None,
        };
        Ok(Document { value, next })
    }

    /// Reads what `accept` names.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub async fn fetch(
        &self,
        doing: &str,
        tail: &str,
        query: &str,
        accept: &'static str,
        bounds: Bounds,
    ) -> Result<Response<Bytes>, Refusal> {
        let doing = &format!("{doing} of {}", self.asked);
        for _ in 0..2 {
            let path = format!("{}{query}", self.name().path(tail));
            let sent = self.api.send(Method::GET, &path, accept, None, bounds.clone()).await;
            let response = sent.map_err(|failure| self.unanswered(doing, failure))?;
            if response.status().is_success() {
                return Ok(response);
            }
            if !response.status().is_redirection() || self.now.get().is_some() {
                return Err(self.refusal(doing, &response));
            }
            let renamed = self.moved(doing, tail, &response).await?;
            let _ = self.now.set(renamed);
        }
        Err(ToolError::internal("a repository was renamed twice in one call").into())
    }

    /// Refuses to write to a repository that was found under another name than the one given.
    ///
    /// # Errors
    /// [`Code::Conflict`] with the new name.
    pub fn unmoved(&self, doing: &str) -> Result<()> {
        self.now.get().map_or(Ok(()), |now| Err(self.renamed(&format!("{doing} in {}", self.asked), now)))
    }

    fn renamed(&self, attempted: &str, now: &Repository) -> ToolError {
        let message = format!("{attempted}: {} is called {now} now; nothing was written", self.asked);
        let hint = format!("call again with owner={} repo={}", now.owner(), now.name());
        ToolError::new(Code::Conflict, message).hint(hint)
    }

    /// Writes. It is sent once; `look` says how to find out what became of it when nobody knows.
    ///
    /// # Errors
    /// As [`Self::read`]. When GitHub may have done it, the error says so.
    pub async fn write(&self, doing: &str, tail: &str, body: &Value, look: &str) -> Result<Response<Bytes>, Refusal> {
        self.unmoved(doing)?;
        let attempted = format!("{doing} in {}", self.asked);
        let path = self.name().path(tail);
        let sent = self.api.send(Method::POST, &path, JSON, Some(body), Bounds::of(&self.call)).await;
        let response = match sent {
            Ok(response) => response,
            Err(failure) if failure.fate == Fate::NotSent => {
                return Err(self.unanswered(&format!("{attempted}: nothing was sent"), failure));
            }
            Err(failure) => return Err(Refusal::silent(unknown(&attempted, failure.error.message(), look))),
        };
        let status = response.status();
        if status == StatusCode::CREATED {
            return Ok(response);
        }
        // Any other success is not what GitHub says of what it has made: somebody in between may have answered.
        if status.is_success() || status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT {
            let why = format!("GitHub answered HTTP {}", status.as_u16());
            return Err(Refusal { error: unknown(&attempted, &why, look), status: Some(status) });
        }
        if status.is_redirection() {
            let now = self.moved(&attempted, tail, &response).await?;
            return Err(Refusal { error: self.renamed(&attempted, &now), status: Some(status) });
        }
        Err(self.refusal(&attempted, &response))
    }

    /// Asks GraphQL for what REST does not tell. `variables` are completed by the repository's.
    ///
    /// # Errors
    /// As [`Self::read`]. GraphQL says 200 also of what it refuses.
    pub async fn graphql<T: DeserializeOwned>(
        &self,
        doing: &str,
        query: &str,
        mut variables: Value,
    ) -> Result<T, Refusal> {
        let doing = &format!("{doing} of {}", self.asked);
        if !self.api.identity().is_somebody() {
            return Err(ToolError::new(Code::Unauthenticated, format!("{doing}: GitHub tells it to tokens only"))
                .hint("set GITHUB_TOKEN")
                .into());
        }
        let name = query.split_whitespace().nth(1).unwrap_or_default().split('(').next().unwrap_or_default();
        variables["owner"] = self.name().owner().into();
        variables["repo"] = self.name().name().into();
        let body = json!({"query": query, "operationName": name, "variables": variables});
        let bounds = Bounds { group: "graphql", question: true, ..Bounds::of(&self.call) };
        let sent = self.api.send(Method::POST, "/graphql", JSON, Some(&body), bounds).await;
        let response = sent.map_err(|failure| self.unanswered(doing, failure))?;
        if !response.status().is_success() {
            return Err(self.refusal(doing, &response));
        }
        let answer: Answered<T> = parse(doing, &response)?;
        match answer.data {
            // In part is not whole: what is missing would look like what is not there.
            Some(data) if answer.errors.is_empty() => Ok(data),
            _ => Err(refused(doing, &answer.errors).into()),
        }
    }

    /// The name that a redirect means, if this server may speak of it.
    async fn moved(&self, doing: &str, tail: &str, response: &Response<Bytes>) -> Result<Repository, Refusal> {
        let unclear = || self.refusal(doing, response);
        let base = &self.api.config.api;
        let location = response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
        let target = location.and_then(|location| base.join(location).ok()).ok_or_else(unclear)?;
        let (number, rest) = numbered(base, &target).ok_or_else(unclear)?;
        let path = format!("/repositories/{number}");
        let sent = self.api.send(Method::GET, &path, JSON, None, Bounds::of(&self.call)).await;
        let answer = sent.map_err(|failure| self.unanswered(doing, failure))?;
        if !answer.status().is_success() {
            return Err(self.refusal(doing, &answer));
        }
        let named: Named = parse(doing, &answer)?;
        let renamed = Repository::from_full_name(&named.full_name).map_err(|_| unclear())?;
        if !self.api.config.allowed.has(&renamed) {
            let message = format!("{doing}: it has moved to a repository that this server may not speak of");
            return Err(self.api.config.allowed.refusal(message).into());
        }
        if rest != tail {
            let number = rest.rsplit('/').next().and_then(|number| number.parse::<u64>().ok()).ok_or_else(unclear)?;
            let message = format!("{doing}: it has moved to {renamed}, as #{number}");
            let hint = format!("call again with owner={} repo={} number={number}", renamed.owner(), renamed.name());
            return Err(ToolError::new(Code::NotFound, message).hint(hint).into());
        }
        Ok(renamed)
    }

    fn refusal(&self, doing: &str, response: &Response<Bytes>) -> Refusal {
        let somebody = self.api.identity().is_somebody();
        failure::of(&Attempt { doing, somebody, base: &self.api.config.api }, response)
    }

    fn unanswered(&self, doing: &str, failure: Failure) -> Refusal {
        let error = failure.error;
        if error.code() == Code::Cancelled {
            return Refusal::silent(self.call.stopped());
        }
        let mut told = ToolError::new(error.code(), format!("{doing}: {}", error.message()));
        if let Some(hint) = error.next_step() {
            told = told.hint(hint);
        }
        Refusal::silent(told)
    }
}

/// The number and the rest of the path that a redirect of a renamed repository leads to: nothing for any other address.
fn numbered<'a>(base: &Url, target: &'a Url) -> Option<(u64, &'a str)> {
    if target.origin() != base.origin() {
        return None;
    }
    let path = target.path().strip_prefix(base.path().trim_end_matches('/'))?.strip_prefix("/repositories/")?;
    let (number, rest) = path.split_once('/').unwrap_or((path, ""));
    Some((number.parse().ok()?, rest))
}

fn unknown(doing: &str, why: &str, look: &str) -> ToolError {
    ToolError::new(
        Code::Unavailable,
        format!("{doing}: {why}. It may have been done or not: nobody here knows, and it was not sent again"),
    )
    .hint(format!("before you try again, look: {look}"))
}

/// An answer of GraphQL.
#[derive(Deserialize)]
struct Answered<T> {
    data: Option<T>,
    #[serde(default)]
    errors: Vec<GraphError>,
}

#[derive(Deserialize)]
struct GraphError {
    #[serde(rename = "type")]
    kind: Option<String>,
    message: Option<String>,
}

fn refused(doing: &str, errors: &[GraphError]) -> ToolError {
    let kind = errors.iter().find_map(|error| error.kind.as_deref()).unwrap_or_default();
    let (code, why, hint) = match kind {
        "NOT_FOUND" => (Code::NotFound, "there is none, or this token may not see it", "check the spelling"),
        "FORBIDDEN" | "INSUFFICIENT_SCOPES" => {
            (Code::Forbidden, "this token may not see it", "`mcp-github doctor` says what this token may")
        }
        "RATE_LIMITED" => (Code::RateLimited, "the limit of GraphQL is used up", "wait up to an hour, or do without"),
        _ => (Code::Unavailable, "GraphQL did not answer it", "try again"),
    };
    let said: Vec<&str> = errors.iter().filter_map(|error| error.message.as_deref()).take(5).collect();
    ToolError::new(code, format!("{doing}: {why}")).hint(hint).with_said(said.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_number_of_the_same_api_is_a_renamed_repository() {
        let base = Url::parse("https://ghe.test/api/v3").unwrap();
        for (target, expected) in [
            ("https://ghe.test/api/v3/repositories/42/pulls/1", Some((42, "pulls/1"))),
            ("https://ghe.test/api/v3/repositories/42", Some((42, ""))),
            ("https://ghe.test/repositories/42", None),
            ("https://evil.test/api/v3/repositories/42", None),
            ("http://ghe.test/api/v3/repositories/42", None),
            ("https://ghe.test/api/v3/repositories/x", None),
            ("https://ghe.test/api/v3/user", None),
        ] {
            assert_eq!(numbered(&base, &Url::parse(target).unwrap()), expected, "{target}");
        }
    }
}
