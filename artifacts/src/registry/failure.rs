//! What a registry says when it does not do what it was asked, in words that can be shown.

use std::sync::{Arc, Mutex, PoisonError};

use base64::{Engine, engine::general_purpose::STANDARD};
use reqwest::{Response, StatusCode, header};
use serde::Deserialize;

use super::{
    body,
    retry::{self, Again, Failure},
};
use crate::{Error, Kind, words};

/// How much of an answer is read to find out what it says.
const SAID_MAX: u64 = 64 << 10;

/// The secrets this command used: they are taken out of whatever others say.
#[derive(Clone, Default)]
pub(super) struct Secrets(Arc<Mutex<Vec<String>>>);

impl Secrets {
    pub(super) fn learn(&self, secret: &str) {
        if !secret.is_empty() {
            let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            all.push(secret.to_owned());
            all.push(STANDARD.encode(secret));
        }
    }

    /// `text` fit to be shown.
    pub(super) fn tame(&self, text: &str) -> String {
        words::tame(text, &self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The failure that `response` is, to what `doing` says was asked.
pub(super) async fn of(doing: &str, response: Response, secrets: &Secrets) -> Failure {
    let status = response.status();
    let html = is_html(&response);
    let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
    let after =
        header(header::RETRY_AFTER).and_then(|value| retry::retry_after(value, jiff::Timestamp::now().as_second()));
    // A failure of reading the failure is no news.
    let said = body::read(response, doing, SAID_MAX).await.unwrap_or_default();
    let (code, message) = said_by_registry(&said);
    let said = secrets.tame(&match (&code, &message) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(one), None) | (None, Some(one)) => one.clone(),
        (None, None) => String::new(),
    });
    let kind = kind(status, code.as_deref());
    let mut what = format!("{doing}: {}", plainly(status));
    if html {
        what.push_str(": ");
        what.push_str(PAGE);
    } else if !said.is_empty() {
        what.push_str(&format!(" ({said})"));
    }
    let next = match kind {
        _ if html => "check the address and the network",
        Kind::NotFound => "check the name and the tag; a registry may also say this of what it does not let one see",
        Kind::Forbidden => "the credentials that were used, or none, are not enough for this",
        Kind::RateLimited => "wait, or log in: limits are wider for those who do",
        Kind::Unavailable => "try again later",
        _ => "",
    };
    if !next.is_empty() {
        what.push_str(&format!(": {next}"));
    }
    if let Some(after) = after.filter(|_| kind == Kind::RateLimited) {
        what.push_str(&format!("; it asks to wait {} s", after.as_secs()));
    }
    let again = match after {
        _ if !retry::passes(status.as_u16()) => Again::No,
        Some(after) => Again::After(after),
        None => Again::Soon,
    };
    Failure { error: Error::new(kind, what), again, status: Some(status.as_u16()) }
}

/// What an HTML page in place of a document means.
pub(super) const PAGE: &str =
    "it answered with an HTML page, as a portal, a proxy or a web site does and a registry does not";

/// Whether the answer is a page for people.
pub(super) fn is_html(response: &Response) -> bool {
    let content_type = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    content_type.is_some_and(|value| value.trim_start().to_ascii_lowercase().starts_with("text/html"))
}

fn kind(status: StatusCode, code: Option<&str>) -> Kind {
    match status.as_u16() {
        401 => Kind::Unauthenticated,
        403 if code == Some("TOOMANYREQUESTS") => Kind::RateLimited,
        403 => Kind::Forbidden,
        404 => Kind::NotFound,
        408 => Kind::Timeout,
        429 => Kind::RateLimited,
        500.. => Kind::Unavailable,
        _ => Kind::Refused,
    }
}

fn plainly(status: StatusCode) -> String {
    match status.canonical_reason() {
        Some(reason) => format!("{} {reason}", status.as_u16()),
        None => status.as_u16().to_string(),
    }
}

#[derive(Deserialize)]
struct Said {
    #[serde(default)]
    errors: Vec<OneError>,
    // As token services say it (RFC 6749).
    error: Option<String>,
    error_description: Option<String>,
    message: Option<String>,
    details: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct OneError {
    code: Option<String>,
    message: Option<String>,
}

/// The code and the message of an answer, if it is one of a registry.
fn said_by_registry(bytes: &[u8]) -> (Option<String>, Option<String>) {
    match serde_json::from_slice::<Said>(bytes) {
        Ok(said) => match said.errors.into_iter().next() {
            Some(first) => (first.code, first.message),
            None => {
                let details = said.details.and_then(|details| details.as_str().map(str::to_owned));
                (said.error, said.error_description.or(said.message).or(details))
            }
        },
        // Plain words are worth showing; anything else is noise.
        Err(_) => match std::str::from_utf8(bytes) {
            Ok(text) if !text.trim_start().starts_with(['<', '{', '[']) && !text.trim().is_empty() => {
                (None, Some(text.chars().take(1000).collect()))
            }
            _ => (None, None),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_registries_are_found() {
        let pair = |code: Option<&str>, message: Option<&str>| (code.map(str::to_owned), message.map(str::to_owned));
        for (said, expected) in [
            (
                r#"{"errors":[{"code":"NAME_UNKNOWN","message":"no such","detail":{}}]}"#,
                pair(Some("NAME_UNKNOWN"), Some("no such")),
            ),
            (r#"{"errors":[{"code":"X"}]}"#, pair(Some("X"), None)),
            (
                r#"{"error":"invalid_grant","error_description":"expired"}"#,
                pair(Some("invalid_grant"), Some("expired")),
            ),
            (r#"{"details":"incorrect username or password"}"#, pair(None, Some("incorrect username or password"))),
            ("404 page not found\n", pair(None, Some("404 page not found\n"))),
            ("<html>", pair(None, None)),
            ("", pair(None, None)),
            ("{", pair(None, None)),
        ] {
            assert_eq!(said_by_registry(said.as_bytes()), expected, "{said}");
        }
    }

    #[test]
    fn secrets_do_not_come_back() {
        let secrets = Secrets::default();
        secrets.learn("user:hunter2");
        assert_eq!(secrets.tame("bad header dXNlcjpodW50ZXIy of user:hunter2"), "bad header *** of ***");
    }
}
