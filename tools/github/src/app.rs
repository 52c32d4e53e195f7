//! An installation of a GitHub App: a signed statement of who it is, exchanged for a token that lives for an hour.

use std::{fmt, sync::PoisonError};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::{HeaderValue, Method, Request, StatusCode, header};
use ring::{
    rand::SystemRandom,
    signature::{RSA_PKCS1_SHA256, RsaKeyPair},
};
use rustls_pki_types::{PrivateKeyDer, pem::PemObject};
use serde::Deserialize;
use serde_json::json;
use shared::{
    Code, Result, ToolError,
    environment::{Environment, read_text},
    http::{
        bounds::Bounds,
        client::{Client, now},
    },
    redact,
};
use tokio::{
    sync::Mutex,
    time::{Duration, Instant},
};
use tokio_util::sync::CancellationToken;

use crate::{
    api::JSON,
    failure::{self, Attempt},
    identity::bearer,
};

/// The private key's variable.
const KEY: &str = "GITHUB_APP_PRIVATE_KEY_FILE";
/// How long before its end a token is not used any longer, in seconds: a call may take a while.
const RENEWED: i64 = 300;
/// How long a token lives that does not say so, in seconds.
const LIFE: i64 = 3600;
/// How long after a token was not taken another one that is not taken is believed.
const AGAIN: Duration = Duration::from_secs(60);
/// The least that a token is used, in seconds, even if a clock says that its time is over.
const LEAST: i64 = 60;
/// How long a refusal holds.
const REFUSED: Duration = Duration::from_secs(5);
/// How long a statement holds, in seconds; GitHub takes none of more than ten minutes.
const STATEMENT: i64 = 540;
/// How far our clock may be ahead of GitHub's, in seconds.
const DRIFT: i64 = 60;
/// How long a token may take to come.
const PATIENCE: Duration = Duration::from_secs(20);

/// An installation of an App.
pub struct App {
    id: String,
    installation: String,
    key: RsaKeyPair,
    /// What was last answered to the question for a token.
    token: Mutex<Option<Kept>>,
    /// When a token was last not taken, and whether another has to be asked for because of that.
    refused: std::sync::Mutex<(Option<Instant>, bool)>,
}

impl fmt::Debug for App {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "App {} installation {}", self.id, self.installation)
    }
}

/// What was answered to the question for a token.
enum Kept {
    /// A token, until its time. By our own time, whatever the two clocks say.
    Token(HeaderValue, Instant),
    /// None, and not to be asked for again before this time: who waits for the same gets the same answer.
    Refused(ToolError, Instant),
}

/// What GitHub answers.
#[derive(Deserialize)]
struct Minted {
    token: String,
    expires_at: Option<String>,
}

impl App {
    /// The App that the environment names; nothing when it names none.
    ///
    /// # Errors
    /// When part of it is missing or the key is none.
    pub fn read(environment: &Environment) -> Result<Option<Self>> {
        let id = environment.text("GITHUB_APP_ID")?;
        let installation = environment.text("GITHUB_APP_INSTALLATION_ID")?;
        let file = environment.path(KEY);
        let (id, installation, file) = match (id, installation, file) {
            (None, None, None) => return Ok(None),
            (Some(id), Some(installation), Some(file)) => (id, installation, file),
            _ => {
                return Err(unusable("an App is given in part")
                    .hint(format!("set GITHUB_APP_ID, GITHUB_APP_INSTALLATION_ID and {KEY}, or none of them")));
            }
        };
        let word =
            |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.');
        if !word(&id) || installation.is_empty() || !installation.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(unusable("the App's id or its installation's is no id")
                .hint("both stand in the App's settings; the installation's is a number"));
        }
        let pem = read_text(KEY, &file)?;
        redact::register(&pem);
        Ok(Some(Self {
            id,
            installation,
            key: key(&pem)?,
            token: Mutex::default(),
            refused: std::sync::Mutex::default(),
        }))
    }

    /// What a request is signed with, new when what there was is about to end.
    ///
    /// # Errors
    /// When GitHub gives no token.
    pub async fn authorization(&self, client: &Client) -> Result<HeaderValue> {
        // Who comes second waits for the token of who came first.
        let mut token = self.token.lock().await;
        if std::mem::take(&mut self.refused.lock().unwrap_or_else(PoisonError::into_inner).1) {
            *token = None;
        }
        match &*token {
            Some(Kept::Token(value, until)) if *until > Instant::now() => return Ok(value.clone()),
            Some(Kept::Refused(error, until)) if *until > Instant::now() => return Err(error.clone()),
            _ => {}
        }
        match self.mint(client).await {
            Ok((value, seconds)) => {
                let life = Duration::from_secs(u64::try_from((seconds - RENEWED).max(LEAST)).unwrap_or(0));
                *token = Some(Kept::Token(value.clone(), Instant::now() + life));
                Ok(value)
            }
            Err(error) => {
                *token = Some(Kept::Refused(error.clone(), Instant::now() + REFUSED));
                Err(error)
            }
        }
    }

    /// The token in use is not taken any longer. Says whether another may be: where tokens are refused one after the other, more of them do not help.
    pub fn forget(&self) -> bool {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        if refused.0.is_some_and(|last| last.elapsed() < AGAIN) {
            return false;
        }
        *refused = (Some(Instant::now()), true);
        true
    }

    /// A token, and how many seconds it lives.
    async fn mint(&self, client: &Client) -> Result<(HeaderValue, i64)> {
        let statement = self.statement(now())?;
        let path = format!("/app/installations/{}/access_tokens", self.installation);
        let base = client.base().as_str().trim_end_matches('/');
        let request = Request::builder()
            .method(Method::POST)
            .uri(format!("{base}{path}"))
            .header(header::AUTHORIZATION, bearer(KEY, &statement)?)
            .header(header::ACCEPT, JSON)
            .header("x-github-api-version", crate::wire::VERSION)
            .body(Bytes::new())
            .map_err(|_| ToolError::internal("the App's token cannot be asked for"))?;
        let bounds = Bounds::new(Instant::now() + PATIENCE, CancellationToken::new());
        let response = client.send(&request, &bounds).await.map_err(|failure| failure.error)?;
        if response.status() != StatusCode::CREATED {
            let doing = format!("get a token for installation {} of App {}", self.installation, self.id);
            let refusal = failure::of(&Attempt { doing: &doing, somebody: true, base: client.base() }, &response).error;
            return Err(match refusal.code() {
                Code::Unavailable | Code::RateLimited => refusal,
                _ => unusable(refusal.message())
                    .hint("check the three GITHUB_APP_ variables, that the App is installed, and this machine's clock")
                    .with_said(refusal.said().unwrap_or_default()),
            });
        }
        let minted: Minted = serde_json::from_slice(response.body())
            .map_err(|_| ToolError::new(Code::Unavailable, "GitHub's answer holds no token for the App"))?;
        redact::register(&minted.token);
        let end =
            minted.expires_at.and_then(|time| time.parse::<jiff::Timestamp>().ok()).map(jiff::Timestamp::as_second);
        // Held against the clock it was made by.
        let life = end.map_or(LIFE, |end| end - told(response.headers()).unwrap_or_else(now));
        Ok((bearer("the App's token", &minted.token)?, life))
    }

    /// A JSON Web Token that says which App this is, signed by its key.
    fn statement(&self, now: i64) -> Result<String> {
        let part = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let claims = json!({"iat": now - DRIFT, "exp": now + STATEMENT, "iss": self.id});
        let signed = format!("{}.{}", part(json!({"alg": "RS256", "typ": "JWT"})), part(claims));
        let mut signature = vec![0; self.key.public().modulus_len()];
        self.key
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)
            .map_err(|_| unusable("the App's key does not sign"))?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

/// The server's time, in seconds since 1970.
fn told(headers: &http::HeaderMap) -> Option<i64> {
    let date = headers.get(header::DATE)?.to_str().ok()?;
    Some(jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(date).ok()?.as_second())
}

fn key(pem: &str) -> Result<RsaKeyPair> {
    let wrong = || {
        unusable(&format!("the file that {KEY} names holds no RSA key"))
            .hint("download a private key in the App's settings; it begins with -----BEGIN RSA PRIVATE KEY-----")
    };
    match PrivateKeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| wrong())? {
        PrivateKeyDer::Pkcs1(der) => RsaKeyPair::from_der(der.secret_pkcs1_der()).map_err(|_| wrong()),
        PrivateKeyDer::Pkcs8(der) => RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()).map_err(|_| wrong()),
        _ => Err(wrong()),
    }
}

fn unusable(why: &str) -> ToolError {
    ToolError::new(Code::Unauthenticated, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_app_is_given_whole_or_not_at_all() {
        let with = |names: &'static [&'static str]| {
            App::read(&Environment::from_fn(move |name| names.contains(&name).then(|| "1".into())))
        };
        assert!(with(&[]).unwrap().is_none());
        assert!(with(&["GITHUB_APP_ID"]).is_err());
        assert!(with(&["GITHUB_APP_ID", "GITHUB_APP_INSTALLATION_ID"]).is_err());
        // All three, and the file is none.
        let error = with(&["GITHUB_APP_ID", "GITHUB_APP_INSTALLATION_ID", KEY]).unwrap_err();
        assert!(error.message().contains(KEY), "{error}");
    }

    #[test]
    fn what_is_no_key_is_said_without_repeating_it() {
        for pem in ["", "hunter2", "-----BEGIN RSA PRIVATE KEY-----\naHVudGVyMg==\n-----END RSA PRIVATE KEY-----\n"] {
            let error = key(pem).map(|_| ()).unwrap_err().to_string();
            assert!(error.contains(KEY) && !error.contains("hunter2") && !error.contains("aHVu"), "{error}");
        }
    }
}
