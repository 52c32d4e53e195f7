//! Who may see and do what: tokens of every kind, what is left to them for this hour, and apps with a key.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use serde_json::{Value, json};

use super::objects;
use super::repository::Repository;
use super::state::State;
use super::wire::{Answer, Asked};

/// What kind of token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// None at all.
    Anonymous,
    /// A classic one with these scopes.
    Classic(Vec<String>),
    /// A fine-grained one.
    FineGrained,
    /// That of an app's installation.
    Installation,
}

/// What a token may.
#[derive(Clone, Debug)]
pub struct Access {
    pub(super) kind: Kind,
    login: String,
    /// The repositories it is for, in lower case; without a list, all.
    only: Option<Vec<String>>,
    /// What it may not: `pull_requests`, `issues`, `checks`, …; writing, or all of it.
    denied: Vec<(String, bool)>,
}

impl Access {
    /// A classic token of `login` with these scopes (`repo` sees and changes everything, `public_repo` what is public).
    pub fn classic(login: &str, scopes: &[&str]) -> Self {
        let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        Self { kind: Kind::Classic(scopes), login: login.to_owned(), only: None, denied: Vec::new() }
    }

    /// A fine-grained token of `login` that may everything until it is told otherwise.
    pub fn fine_grained(login: &str) -> Self {
        Self { kind: Kind::FineGrained, login: login.to_owned(), only: None, denied: Vec::new() }
    }

    fn installation() -> Self {
        let login = "harness-app[bot]".to_owned();
        Self { kind: Kind::Installation, login, only: None, denied: Vec::new() }
    }

    /// Only for these repositories.
    #[must_use]
    pub fn only(mut self, repositories: &[&str]) -> Self {
        self.only = Some(repositories.iter().map(|name| name.to_lowercase()).collect());
        self
    }

    /// Without a permission (`pull_requests`, `issues`, `checks`, `statuses`, `contents`, `actions`) on what is private.
    #[must_use]
    pub fn without(mut self, permission: &str) -> Self {
        self.denied.push((permission.to_owned(), true));
        self
    }

    /// Without writing what this permission is for.
    #[must_use]
    pub fn reads(mut self, permission: &str) -> Self {
        self.denied.push((permission.to_owned(), false));
        self
    }

    fn scope(&self, scope: &str) -> bool {
        matches!(&self.kind, Kind::Classic(scopes) if scopes.iter().any(|known| known == scope))
    }

    fn covers(&self, repository: &Repository) -> bool {
        let named = |names: &Vec<String>| names.contains(&repository.full_name().to_lowercase());
        self.only.as_ref().is_none_or(named)
    }

    fn sees(&self, repository: &Repository) -> bool {
        match self.kind {
            _ if !repository.private() => true,
            Kind::Anonymous => false,
            Kind::Classic(_) => self.scope("repo") && self.covers(repository),
            Kind::FineGrained | Kind::Installation => self.covers(repository),
        }
    }
}

/// A token and what is left to it.
pub(super) struct Token {
    pub(super) access: Access,
    pub(super) limit: u64,
    pub(super) remaining: u64,
    /// Until when it is good, in seconds of Unix time.
    until: Option<u64>,
}

impl Token {
    pub(super) fn new(access: Access) -> Self {
        Self { access, limit: 5000, remaining: 5000, until: None }
    }

    pub(super) fn anonymous() -> Self {
        let access = Access { kind: Kind::Anonymous, login: String::new(), only: None, denied: Vec::new() };
        Self { access, limit: 60, remaining: 60, until: None }
    }
}

/// An app, and the key its words are judged by.
#[derive(Clone, Debug)]
pub struct App {
    id: u64,
    installation: u64,
    /// PKCS#1, as ring has it.
    public_key: Vec<u8>,
    /// How many seconds its tokens are good for.
    life: u64,
}

impl App {
    /// The app `id` with one `installation`; `public_key` is the DER of an RSA public key in PKCS#1. Its tokens last an hour.
    pub fn new(id: u64, installation: u64, public_key: impl Into<Vec<u8>>) -> Self {
        Self { id, installation, public_key: public_key.into(), life: 3600 }
    }

    /// How many seconds its tokens are good for.
    #[must_use]
    pub fn life(mut self, seconds: u64) -> Self {
        self.life = seconds;
        self
    }

    /// Why a word is not its own; nothing when it is.
    fn doubts(&self, word: &str) -> Option<&'static str> {
        let mut parts = word.split('.');
        let (Some(head), Some(claims), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Some("A JSON web token could not be decoded");
        };
        let bytes = |part: &str| URL_SAFE_NO_PAD.decode(part).unwrap_or_default();
        let read = |part: &str| serde_json::from_slice::<Value>(&bytes(part)).unwrap_or_default();
        let signed = &word[..head.len() + 1 + claims.len()];
        let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &self.public_key);
        if read(head)["alg"] != json!("RS256") || key.verify(signed.as_bytes(), &bytes(signature)).is_err() {
            return Some("A JSON web token could not be decoded");
        }
        let (claims, now) = (read(claims), now());
        let (issued, expires) = (claims["iat"].as_u64(), claims["exp"].as_u64());
        if claims["iss"] != json!(self.id) && claims["iss"] != json!(self.id.to_string()) {
            return Some("'Issuer' claim ('iss') must be an Integer");
        }
        match (issued, expires) {
            // The clocks of both are never the same, and GitHub forgives nothing.
            (Some(issued), _) if issued > now => {
                Some("'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued")
            }
            (_, Some(expires)) if expires > now + 600 => {
                Some("'Expiration time' claim ('exp') is too far in the future")
            }
            (Some(_), Some(expires)) if expires > now => None,
            _ => Some(
                "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the \
                 assertion expires",
            ),
        }
    }
}

/// Seconds of Unix time.
pub(super) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_secs()
}

/// The key of a token in the state: nothing for nobody.
pub(super) fn bearer(asked: &Asked) -> Option<&str> {
    let value = asked.header("authorization")?;
    let (scheme, token) = value.split_once(' ')?;
    ["bearer", "token"].contains(&scheme.to_lowercase().as_str()).then_some(token.trim())
}

impl State {
    /// Whoever asks, or the refusal of a token that is not good.
    pub(super) fn token(&mut self, asked: &Asked) -> Result<&mut Token, Answer> {
        if asked.header("authorization").is_none() {
            return Ok(&mut self.anonymous);
        }
        let known = bearer(asked).and_then(|token| self.tokens.get_mut(token));
        let good = known.filter(|token| token.until.is_none_or(|until| until > now()));
        good.ok_or_else(|| Answer::error(401, "Bad credentials"))
    }

    /// Whether a repository may be looked at or, with a `permission` that is written, changed; or what is answered instead.
    pub(super) fn allowed(
        access: &Access,
        repository: &Repository,
        permission: &str,
        writes: bool,
    ) -> Result<(), Answer> {
        if !access.sees(repository) {
            return Err(Answer::not_found());
        }
        let denied = access.denied.iter().any(|(name, all)| name == permission && (writes || *all));
        // What is public needs no permission to be read.
        if denied && (writes || repository.private()) || writes && access.only.is_some() && !access.covers(repository) {
            let level = if writes { "write" } else { "read" };
            let whose = if access.kind == Kind::Installation { "integration" } else { "personal access token" };
            let refusal = Answer::error(403, &format!("Resource not accessible by {whose}"));
            return Err(refusal.with("X-Accepted-GitHub-Permissions", format!("{permission}={level}")));
        }
        if !writes {
            return Ok(());
        }
        match &access.kind {
            Kind::Anonymous => Err(Answer::error(401, "Requires authentication")),
            Kind::Classic(_) if !access.scope("repo") && !access.scope("public_repo") => Err(Answer::not_found()),
            _ if repository.json["archived"] == json!(true) => {
                Err(Answer::error(403, "Repository was archived so is read-only."))
            }
            _ => Ok(()),
        }
    }

    /// `GET /user`.
    pub(super) fn who(&self, access: &Access) -> Answer {
        match access.kind {
            Kind::Anonymous => Answer::error(401, "Requires authentication"),
            Kind::Installation => Answer::error(403, "Resource not accessible by integration"),
            _ => Answer::json(200, objects::myself(&self.base, &access.login)),
        }
    }

    /// The user a request is made as.
    pub(super) fn author(&self, access: &Access) -> Value {
        objects::user(&self.base, &access.login)
    }

    /// `POST /app/installations/ID/access_tokens`.
    pub(super) fn installation_token(&mut self, asked: &Asked, installation: &str) -> Answer {
        let Some(app) = &self.app else { return Answer::not_found() };
        let Some(word) = bearer(asked) else { return Answer::error(401, "A JSON web token could not be decoded") };
        if let Some(doubt) = app.doubts(word) {
            return Answer::error(401, doubt);
        }
        if installation.parse() != Ok(app.installation) {
            return Answer::not_found();
        }
        let until = now() + app.life;
        let token = format!("ghs_{}", &objects::sha(&format!("token {} {until}", self.tokens.len()))[..36]);
        let access = Access::installation();
        self.tokens.insert(token.clone(), Token { until: Some(until), ..Token::new(access) });
        let expires = jiff::Timestamp::from_second(i64::try_from(until).expect("a time")).expect("a time");
        let permissions = json!({"contents": "read", "metadata": "read", "issues": "write", "pull_requests": "write"});
        let body = json!({"token": token, "expires_at": expires.to_string(), "permissions": permissions,
            "repository_selection": "all"});
        Answer::json(201, body)
    }
}
