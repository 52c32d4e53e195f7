//! Logging in: Basic, or the tokens of a service.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use reqwest::{
    Method, Request, Response, Url,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE},
};
use serde::Deserialize;

use super::{
    Client,
    body::{self, Payload},
    challenge::{self, Challenge},
    failure, origin,
    retry::Failure,
    session::Session,
};
use crate::{
    Error, Kind, Result,
    credentials::{Credential, Found},
    reference::RepositoryName,
};

/// Answers of token services are small.
const TOKEN_MAX: u64 = 1 << 20;

/// Who one is to one repository, and what was handed out for it.
#[derive(Default)]
pub(super) struct Auth {
    found: Mutex<Option<Found>>,
    challenge: Mutex<Option<Challenge>>,
    /// Headers by the scopes they are good for; what is good for all is under the empty name.
    headers: Mutex<HashMap<String, HeaderValue>>,
    /// Several requests that are refused at once log in once.
    gate: tokio::sync::Mutex<()>,
}

impl Auth {
    /// Finds the credentials for `name`.
    pub(super) async fn load(&self, client: &Client, name: &RepositoryName) -> Result<()> {
        let (credentials, wanted) = (client.0.credentials.clone(), name.clone());
        // A helper may take its time.
        let found = tokio::task::spawn_blocking(move || credentials.find(&wanted))
            .await
            .map_err(|error| Error::new(Kind::Unauthenticated, format!("credentials for {}: {error}", name.host)))??;
        match found.as_ref().map(|found| &found.credential) {
            Some(Credential::Basic { username, password }) => {
                client.0.secrets.learn(password.expose());
                client.0.secrets.learn(&format!("{username}:{}", password.expose()));
            }
            Some(Credential::Identity(token) | Credential::Bearer(token)) => client.0.secrets.learn(token.expose()),
            None => {}
        }
        *lock(&self.found) = found;
        Ok(())
    }

    /// Whether there are credentials.
    pub(super) fn configured(&self) -> bool {
        lock(&self.found).is_some()
    }

    /// Remembers how the registry wants to be convinced, if `response` says so.
    pub(super) fn challenged(&self, response: &Response) {
        if response.status() == reqwest::StatusCode::UNAUTHORIZED
            && let Some(challenge) = of(response)
        {
            *lock(&self.challenge) = Some(challenge);
        }
    }

    /// The header for a request that needs `scopes`, if it is known by now that one is wanted.
    pub(super) async fn header(
        &self,
        session: &Session,
        base: &Url,
        scopes: &[String],
    ) -> Result<Option<HeaderValue>, Failure> {
        if let Some(header) = self.known(scopes) {
            return Ok(Some(header));
        }
        let Some(challenge) = lock(&self.challenge).clone() else { return Ok(None) };
        let found = lock(&self.found).clone();
        if found.is_none() && challenge == Challenge::Basic {
            return Ok(None);
        }
        let _alone = self.gate.lock().await;
        if let Some(header) = self.known(scopes) {
            return Ok(Some(header));
        }
        self.obtain(session, base, &challenge, found.as_ref(), scopes).await.map(Some)
    }

    fn known(&self, scopes: &[String]) -> Option<HeaderValue> {
        let headers = lock(&self.headers);
        headers.get(&scopes.join(" ")).or_else(|| headers.get("")).cloned()
    }

    /// Answers a `401`: afterwards there is another header to try with.
    ///
    /// # Errors
    ///
    /// There is nothing (more) to offer.
    pub(super) async fn login(
        &self,
        session: &Session,
        base: &Url,
        response: Response,
        refused: Option<HeaderValue>,
        scopes: &[String],
        doing: &str,
    ) -> Result<(), Failure> {
        let Some(challenge) = of(&response) else { return Err(self.denied(session, response, doing).await) };
        let found = lock(&self.found).clone();
        let fixed = match (&challenge, found.as_ref().map(|found| &found.credential)) {
            (Challenge::Basic, _) | (_, Some(Credential::Bearer(_))) => true,
            (Challenge::Bearer { .. }, _) => false,
        };
        if refused.is_some() && fixed || found.is_none() && challenge == Challenge::Basic {
            return Err(self.denied(session, response, doing).await);
        }
        let _alone = self.gate.lock().await;
        if self.known(scopes).is_some_and(|known| Some(known) != refused) {
            // Another request has logged in meanwhile.
            return Ok(());
        }
        *lock(&self.challenge) = Some(challenge.clone());
        self.obtain(session, base, &challenge, found.as_ref(), scopes).await.map(drop)
    }

    /// The error for a `401` that stays.
    pub(super) async fn denied(&self, session: &Session, response: Response, doing: &str) -> Failure {
        let host = &session.name.host;
        let insufficient = matches!(of(&response), Some(Challenge::Bearer { error: Some(error), .. }) if error == "insufficient_scope");
        let found = lock(&self.found).clone();
        let mut failure = failure::of(doing, response, &session.client.0.secrets).await;
        let next = match found {
            Some(found) if insufficient => {
                failure.error.kind = Kind::Forbidden;
                format!("the credentials from {} may not do this in {}", found.source, session.name)
            }
            Some(found) => {
                format!("the registry did not accept the credentials from {}: log in again", found.source)
            }
            None => format!(
                "there are no credentials for {host} (looked at {}): log in with docker login {host}, or set AGENT_TOOLS_USERNAME and AGENT_TOOLS_PASSWORD; a repository that does not exist may look the same",
                session.client.0.credentials.places()
            ),
        };
        failure.error.message = format!("{}: {next}", failure.error.message);
        failure
    }

    /// Makes or fetches a header and keeps it.
    async fn obtain(
        &self,
        session: &Session,
        base: &Url,
        challenge: &Challenge,
        found: Option<&Found>,
        scopes: &[String],
    ) -> Result<HeaderValue, Failure> {
        let (key, text) = match (challenge, found.map(|found| &found.credential)) {
            (_, Some(Credential::Bearer(token))) => (String::new(), format!("Bearer {}", token.expose())),
            (Challenge::Basic, Some(Credential::Basic { username, password })) => {
                (String::new(), basic(username, password.expose()))
            }
            (Challenge::Basic, _) => {
                let source = found.map(|found| found.source.clone()).unwrap_or_default();
                return Err(Error::new(
                    Kind::Unauthenticated,
                    format!("{} wants a user name and a password, and {source} holds a token", session.name.host),
                )
                .into());
            }
            (Challenge::Bearer { realm, service, scope, .. }, _) => {
                let mut wanted = scopes.to_vec();
                // What the registry found missing, if that is more than what we thought of.
                wanted.extend(scope.iter().filter(|scope| !covered(scope, scopes)).cloned());
                let token = fetch(session, base, realm, service.as_deref(), &wanted, found).await?;
                (scopes.join(" "), format!("Bearer {token}"))
            }
        };
        let mut header = HeaderValue::from_str(&text).map_err(|_| {
            Error::new(
                Kind::Unauthenticated,
                format!("the credentials for {} cannot stand in a header", session.name.host),
            )
        })?;
        header.set_sensitive(true);
        lock(&self.headers).insert(key, header.clone());
        Ok(header)
    }
}

/// Whether each action of `scope` is among those of `ours`.
fn covered(scope: &str, ours: &[String]) -> bool {
    scope.split(' ').all(|one| {
        let Some((resource, actions)) = one.rsplit_once(':') else { return false };
        ours.iter().filter_map(|ours| ours.rsplit_once(':')).any(|(there, granted)| {
            there == resource && actions.split(',').all(|action| granted.split(',').any(|granted| granted == action))
        })
    })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn of(response: &Response) -> Option<Challenge> {
    challenge::best(response.headers().get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok()))
}

fn basic(username: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{username}:{password}")))
}

#[derive(Deserialize)]
struct Token {
    token: Option<String>,
    access_token: Option<String>,
}

/// Gets a token from the service at `realm`: with the credentials if there are any, and then never without.
async fn fetch(
    session: &Session,
    base: &Url,
    realm: &str,
    service: Option<&str>,
    scopes: &[String],
    found: Option<&Found>,
) -> Result<String, Failure> {
    let host = &session.name.host;
    let with =
        found.map_or("without credentials".to_owned(), |found| format!("with the credentials from {}", found.source));
    let mut url = origin::realm(base, realm)
        .map_err(|why| Error::new(Kind::Unauthenticated, format!("logging in to {host} {with}: {why}")))?;
    let doing = format!("logging in to {host} at {} {with}", origin::place(&url));
    let mut authorization = None;
    let mut payload = None;
    match found.map(|found| &found.credential) {
        Some(Credential::Identity(token)) => {
            let mut form =
                reqwest::Url::parse("form:?").map_err(|error| Error::refused(format!("{doing}: {error}")))?;
            form.query_pairs_mut()
                .append_pair("grant_type", "refresh_token")
                .append_pair("refresh_token", token.expose())
                .append_pair("client_id", "agent-tools")
                .append_pair("service", service.unwrap_or_default())
                .append_pair("scope", &scopes.join(" "));
            payload = Some(Payload::bytes(form.query().unwrap_or_default().to_owned()));
        }
        other => {
            if let Some(Credential::Basic { username, password }) = other {
                let mut header = HeaderValue::from_str(&basic(username, password.expose())).map_err(|_| {
                    Error::new(Kind::Unauthenticated, format!("{doing}: they cannot stand in a header"))
                })?;
                header.set_sensitive(true);
                authorization = Some(header);
            }
            let mut query = url.query_pairs_mut();
            if let Some(service) = service {
                query.append_pair("service", service);
            }
            for scope in scopes {
                query.append_pair("scope", scope);
            }
        }
    }
    let mut request = Request::new(if payload.is_some() { Method::POST } else { Method::GET }, url);
    if payload.is_some() {
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        request.headers_mut().insert(CONTENT_TYPE, form);
    }
    if let Some(authorization) = authorization {
        request.headers_mut().insert(AUTHORIZATION, authorization);
    }
    let secrets = &session.client.0.secrets;
    let response = body::send(&session.client.0.http, request, payload.as_ref(), &doing).await?;
    if response.status() != reqwest::StatusCode::OK {
        let mut failure = failure::of(&doing, response, secrets).await;
        if matches!(failure.error.kind, Kind::Refused | Kind::NotFound | Kind::Forbidden | Kind::Unauthenticated) {
            failure.error.kind = Kind::Unauthenticated;
            if found.is_some() {
                failure.error.message.push_str("; nothing was tried without them");
            }
        }
        return Err(failure);
    }
    let bytes = body::document(response, &doing, TOKEN_MAX).await?;
    // What cannot be read is not repeated: it may be the token.
    let answer: Token = serde_json::from_slice(&bytes)
        .map_err(|_| Error::new(Kind::Unauthenticated, format!("{doing}: its answer is not a token's")))?;
    let token = answer.token.filter(|token| !token.is_empty()).or(answer.access_token).unwrap_or_default();
    if token.is_empty() {
        return Err(Error::new(Kind::Unauthenticated, format!("{doing}: its answer holds no token")).into());
    }
    secrets.learn(&token);
    Ok(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_covered_by_a_wider_one() {
        let ours = ["repository:a/b:pull,push".to_owned(), "repository:c:pull".to_owned()];
        for (scope, expected) in [
            ("repository:a/b:pull", true),
            ("repository:a/b:push,pull", true),
            ("repository:a/b:pull repository:c:pull", true),
            ("repository:a/b:delete", false),
            ("repository:c:push", false),
            ("registry:catalog:*", false),
            ("", false),
        ] {
            assert_eq!(covered(scope, &ours), expected, "{scope}");
        }
    }
}
