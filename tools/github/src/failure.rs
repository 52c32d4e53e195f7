//! What GitHub's refusals mean, and what to do next.

use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode};
use serde::Deserialize;
use serde_json::Value;
use shared::{
    Code, ToolError,
    http::{
        client::now,
        limits::{Refused, refused, used_up},
    },
};
use url::Url;

/// A request that did not give what was asked for.
#[derive(Debug)]
pub struct Refusal {
    /// What to say.
    pub error: ToolError,
    /// What GitHub answered with; nothing when it did not answer.
    pub status: Option<StatusCode>,
}

impl Refusal {
    /// One without an answer.
    pub fn silent(error: ToolError) -> Self {
        Self { error, status: None }
    }

    /// Whether GitHub answered with `status`.
    pub fn is(&self, status: StatusCode) -> bool {
        self.status == Some(status)
    }
}

impl From<Refusal> for ToolError {
    fn from(refusal: Refusal) -> Self {
        refusal.error
    }
}

impl From<ToolError> for Refusal {
    fn from(error: ToolError) -> Self {
        Self::silent(error)
    }
}

/// What was attempted, and as whom.
pub struct Attempt<'a> {
    /// "read pull request #12 of acme/shop".
    pub doing: &'a str,
    /// Whether there is a token.
    pub somebody: bool,
    /// The API.
    pub base: &'a Url,
}

/// The body of a refusal.
#[derive(Default, Deserialize)]
struct Body {
    #[serde(default)]
    message: Option<Value>,
    #[serde(default)]
    errors: Option<Value>,
}

/// The most bytes of GitHub's own words.
const SAID_MAX: usize = 1500;

/// The refusal that `response` is.
pub fn of(attempt: &Attempt<'_>, response: &Response<Bytes>) -> Refusal {
    let status = response.status();
    let said = said(response.body());
    let (code, why, hint) = meaning(attempt, status, response.headers(), &said);
    let error = match refused(status, response.headers(), now()).or_else(|| only_told(status, &said)) {
        Some(refused) => limited(attempt, &refused),
        None => ToolError::new(code, format!("{}: {why}", attempt.doing)).hint(hint),
    };
    let error = if said.is_empty() { error } else { error.with_said(said) };
    Refusal { error, status: Some(status) }
}

/// The secondary limit has no header of its own: without `Retry-After` only the words tell it from a missing permission. They choose a code and a hint, and
/// nothing is remembered because of them.
fn only_told(status: StatusCode, said: &str) -> Option<Refused> {
    let told = status == StatusCode::FORBIDDEN && said.contains("secondary rate limit");
    told.then_some(Refused::Secondary { wait: None })
}

fn limited(attempt: &Attempt<'_>, refused: &Refused) -> ToolError {
    let error = match refused {
        Refused::Primary { reset } => used_up(attempt.base, *reset, now()),
        Refused::Secondary { wait: Some(wait) } => {
            let seconds = wait.as_secs();
            let until = now().saturating_add(i64::try_from(seconds).unwrap_or(i64::MAX));
            let when = jiff::Timestamp::from_second(until).map(|time| time.to_string()).unwrap_or_default();
            ToolError::new(
                Code::RateLimited,
                format!("GitHub asks for fewer requests at once (secondary limit), until {when} (in {seconds} s)"),
            )
            .hint(format!("wait {seconds} s before the next call; nothing was changed"))
        }
        Refused::Secondary { wait: None } => {
            ToolError::new(Code::RateLimited, "GitHub asks for fewer requests at once (secondary limit)")
                .hint("wait a minute before the next call; nothing was changed")
        }
    };
    let hint = error.next_step().unwrap_or_default().to_owned();
    let token = if attempt.somebody { "" } else { "; with a token in GITHUB_TOKEN the limit is higher" };
    ToolError::new(Code::RateLimited, format!("{}: {}", attempt.doing, error.message())).hint(format!("{hint}{token}"))
}

/// Code, reason, and what to do.
fn meaning(attempt: &Attempt<'_>, status: StatusCode, headers: &HeaderMap, said: &str) -> (Code, String, String) {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let login = "set GITHUB_TOKEN to a token that may; `mcp-github doctor` says what there is";
    let (code, why, hint) = match status.as_u16() {
        401 if attempt.somebody => (
            Code::Unauthenticated,
            "GitHub does not take this token".to_owned(),
            "it may have expired or been revoked; `mcp-github doctor` says where it came from",
        ),
        401 => (Code::Unauthenticated, "this needs a token".to_owned(), "set GITHUB_TOKEN"),
        403 => return forbidden(attempt, headers, said),
        404 if attempt.somebody => (
            Code::NotFound,
            "there is none, or this token may not see it".to_owned(),
            "check the spelling; a fine-grained token has to be given the repository, and what is private looks like what is not there",
        ),
        404 => (
            Code::NotFound,
            "there is none, or it is private".to_owned(),
            "check the spelling; for private repositories set GITHUB_TOKEN",
        ),
        406 => (Code::TooLarge, "GitHub does not give this in one piece".to_owned(), "ask for a smaller part"),
        409 => {
            (Code::Conflict, "the repository's state stands against it".to_owned(), "look at it with github_get_repo")
        }
        410 => {
            (Code::NotFound, "it is gone, or turned off here".to_owned(), "github_get_repo says whether issues are on")
        }
        422 => (Code::InvalidArgument, "GitHub finds it invalid".to_owned(), "change the arguments as GitHub says"),
        451 => (Code::Forbidden, "blocked for legal reasons".to_owned(), "nothing can be done from here"),
        408 | 500..=599 => (
            Code::Unavailable,
            format!("GitHub failed (HTTP {})", status.as_u16()),
            "try again; githubstatus.com says whether there is an incident",
        ),
        300..=399 => (
            Code::Unavailable,
            format!("GitHub leads elsewhere (HTTP {}), where this is not followed", status.as_u16()),
            "check owner and repo",
        ),
        other => {
            let stated = text("content-type").unwrap_or("nothing");
            (Code::Unavailable, format!("GitHub answered HTTP {other} ({stated})"), login)
        }
    };
    (code, why, hint.to_owned())
}

fn forbidden(attempt: &Attempt<'_>, headers: &HeaderMap, said: &str) -> (Code, String, String) {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    if let Some(link) = text("x-github-sso").and_then(|header| header.split_once("url=")).map(|(_, link)| link) {
        let why = "the organisation wants this token authorised by single sign-on".to_owned();
        return (Code::Forbidden, why, sso(attempt.base, link));
    }
    if let Some(wanted) = text("x-accepted-github-permissions").filter(|wanted| !wanted.is_empty()) {
        let hint = format!("give the token {} on this repository", words(wanted).replace(';', ", or"));
        return (Code::Forbidden, "this token lacks a permission".to_owned(), hint);
    }
    let (wanted, has) = (text("x-accepted-oauth-scopes").unwrap_or_default(), text("x-oauth-scopes"));
    if let Some(has) = has {
        let scopes = |text: &str| words(text).split(',').map(|scope| scope.trim().to_owned()).collect::<Vec<_>>();
        let held = scopes(has);
        if !wanted.is_empty() && !scopes(wanted).iter().any(|scope| held.contains(scope)) {
            let has = if has.is_empty() { "none".to_owned() } else { words(has) };
            let hint = format!("give it one of: {}", words(wanted));
            return (Code::Forbidden, format!("this token lacks a scope; it has {has}"), hint);
        }
    }
    if said.contains("archived") {
        return (
            Code::Forbidden,
            "the repository is archived".to_owned(),
            "unarchive it, or write elsewhere".to_owned(),
        );
    }
    if said.contains("is locked") {
        let hint = "only those with write access may comment there; ask one of them".to_owned();
        return (Code::Forbidden, "its conversation is locked".to_owned(), hint);
    }
    let hint = if attempt.somebody {
        "ask who administers the repository; `mcp-github doctor` says who this token is"
    } else {
        "set GITHUB_TOKEN"
    };
    (Code::Forbidden, "GitHub does not allow it".to_owned(), hint.to_owned())
}

/// The link that authorises a token: only one of GitHub itself is passed on.
fn sso(base: &Url, link: &str) -> String {
    let url = Url::parse(link.split([';', ' ', '"']).next().unwrap_or_default()).ok();
    let own = |url: &Url| {
        let host = url.host_str().unwrap_or_default();
        url.scheme() == "https"
            && (host == "github.com"
                || base.host_str().is_some_and(|base| base == host || base == format!("api.{host}")))
    };
    match url.filter(own) {
        Some(url) => format!("a person has to open {url} and authorise it"),
        None => String::from("a person has to authorise it in the settings of the token"),
    }
}

/// A header's words: nothing but what permissions and scopes are spelled with.
fn words(text: &str) -> String {
    let plain = |character: char| character.is_ascii_alphanumeric() || " _-=:;,/".contains(character);
    text.chars().filter(|character| plain(*character)).take(200).collect()
}

/// GitHub's own words: its message, and what it says of single fields.
fn said(body: &[u8]) -> String {
    let Ok(body) = serde_json::from_slice::<Body>(body) else { return String::new() };
    let mut said: Vec<String> = body.message.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    let errors = match &body.errors {
        Some(Value::Array(errors)) => errors.as_slice(),
        Some(other) => std::slice::from_ref(other),
        None => &[],
    };
    for error in errors {
        let part = |name: &str| error.get(name).and_then(Value::as_str);
        match (error.as_str().or_else(|| part("message")), part("field"), part("code")) {
            (Some(message), ..) => said.push(message.to_owned()),
            (None, Some(field), Some(code)) => said.push(format!("{field}: {code}")),
            (None, _, Some(code)) => said.push(code.to_owned()),
            _ => {}
        }
    }
    let mut said = said.join("\n");
    said.truncate(said.floor_char_boundary(SAID_MAX));
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(status: u16, headers: &[(&'static str, &str)], body: &str) -> (Code, String, String) {
        let mut response = Response::builder().status(status);
        for (name, value) in headers {
            response = response.header(*name, *value);
        }
        let response = response.body(Bytes::from(body.to_owned())).unwrap();
        let base = Url::parse("https://api.github.com").unwrap();
        let refusal = of(&Attempt { doing: "read it", somebody: true, base: &base }, &response);
        let error = refusal.error;
        (error.code(), error.to_string(), error.said().unwrap_or_default().to_owned())
    }

    #[test]
    fn a_refusal_says_what_is_missing() {
        let sso = "required; url=https://github.com/orgs/acme/sso?authorization_request=abc";
        type Case<'a> = (u16, &'a [(&'static str, &'a str)], Code, &'a str);
        let cases: &[Case<'_>] = &[
            (401, &[], Code::Unauthenticated, "does not take this token"),
            (
                403,
                &[("x-github-sso", sso)],
                Code::Forbidden,
                "open https://github.com/orgs/acme/sso?authorization_request=abc",
            ),
            (
                403,
                &[("x-github-sso", "required; url=https://evil.test/x")],
                Code::Forbidden,
                "in the settings of the token",
            ),
            (
                403,
                &[("x-accepted-github-permissions", "pull_requests=write; contents=read")],
                Code::Forbidden,
                "pull_requests=write, or contents=read",
            ),
            (
                403,
                &[("x-oauth-scopes", "read:org"), ("x-accepted-oauth-scopes", "repo, public_repo")],
                Code::Forbidden,
                "it has read:org; give it one of: repo, public_repo",
            ),
            (
                403,
                &[("x-oauth-scopes", "repo"), ("x-accepted-oauth-scopes", "repo")],
                Code::Forbidden,
                "does not allow it",
            ),
            (404, &[], Code::NotFound, "or this token may not see it"),
            (410, &[], Code::NotFound, "turned off"),
            (422, &[], Code::InvalidArgument, "as GitHub says"),
            (451, &[], Code::Forbidden, "legal"),
            (502, &[], Code::Unavailable, "HTTP 502"),
            (418, &[("content-type", "text/html")], Code::Unavailable, "HTTP 418 (text/html)"),
            (429, &[("retry-after", "60")], Code::RateLimited, "in 60 s"),
            (
                403,
                &[("x-ratelimit-limit", "5000"), ("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "9999999999")],
                Code::RateLimited,
                "2286-11-20T17:46:39Z",
            ),
        ];
        for (status, headers, code, text) in cases {
            let (found, shown, _) = refusal(*status, headers, "");
            assert_eq!(found, *code, "{status} {headers:?}");
            assert!(shown.contains(text), "{status} {headers:?}: {shown}");
        }
    }

    #[test]
    fn githubs_words_are_kept_apart_and_bounded() {
        let body = r#"{"message":"Validation Failed","errors":[{"resource":"PullRequest","code":"custom","message":"A pull request already exists for acme:x."},{"field":"head","code":"invalid"},"plain"]}"#;
        let (_, shown, said) = refusal(422, &[], body);
        assert_eq!(said, "Validation Failed\nA pull request already exists for acme:x.\nhead: invalid\nplain");
        assert!(!shown.contains("already"));
        assert_eq!(refusal(500, &[], "<html>").2, "");
        assert_eq!(refusal(500, &[], r#"{"message":null,"errors":7}"#).2, "");
        assert!(refusal(500, &[], &format!(r#"{{"message":"{}"}}"#, "é".repeat(5000))).2.len() <= SAID_MAX);
    }
}
