//! What a refusing answer means.

use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Response, StatusCode};

use super::super::operation::Operation;
use super::super::words::Words;
use shared::{Code, ToolError};

/// How much of a refusing body is looked at.
const MAX_BODY: usize = 8 * 1024;

/// The error for an answer that is not a success.
pub(super) fn refused(operation: &Operation, response: Response, place: &str) -> ToolError {
    let status = response.status();
    let wait = retry_after(&response);
    let error = match status {
        StatusCode::UNAUTHORIZED => {
            ToolError::new(Code::Unauthenticated, format!("log in to {place}: the credentials were refused"))
                .hint("check that the token is valid, not expired, and meant for this host (GIT_TOKEN, GIT_USERNAME)")
        }
        StatusCode::FORBIDDEN if wait.is_none() => ToolError::new(
            Code::Forbidden,
            format!("use the repository at {place}: the server forbids it (status 403)"),
        )
        .hint("check what the token is allowed to do"),
        StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS => {
            let when = wait.map_or("later".to_owned(), |wait| format!("after {wait}"));
            ToolError::new(Code::RateLimited, format!("use the repository at {place}: the server asks to slow down"))
                .hint(format!("try again {when}"))
        }
        StatusCode::NOT_FOUND | StatusCode::GONE => {
            ToolError::new(Code::NotFound, format!("find the repository at {place}: there is none at this address"))
                .hint("check the address; a private repository looks like this without a token that may see it")
        }
        StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
            ToolError::new(Code::Unauthenticated, format!("reach {place}: the proxy wants credentials"))
                .hint("put them into HTTPS_PROXY as http://user:password@host:port")
        }
        StatusCode::PAYLOAD_TOO_LARGE => {
            ToolError::new(Code::TooLarge, format!("push to {place}: the server refuses a request of this size"))
                .hint("push fewer commits at a time")
        }
        status if status.is_redirection() => {
            ToolError::new(Code::Unavailable, format!("transfer with {place}: it redirects in mid-conversation"))
                .hint("use the final address of the repository")
        }
        status => {
            let when = wait.map_or("try again later".to_owned(), |wait| format!("try again after {wait}"));
            ToolError::new(
                Code::Unavailable,
                format!("use the repository at {place}: the server answered with status {}", status.as_u16()),
            )
            .hint(when)
        }
    };
    add_words(operation, response, error)
}

/// The error for a success that is not git's.
pub(super) fn not_git(place: &str, content_type: &str) -> ToolError {
    let shown: String =
        content_type.chars().filter(|c| c.is_ascii_alphanumeric() || "/-+. ".contains(*c)).take(60).collect();
    ToolError::new(
        Code::NotFound,
        format!("find the repository at {place}: not a git server at this address (it answered with {shown})"),
    )
    .hint("check the address; a web page of a repository may need `.git` at its end")
}

/// Adds the words of the answer's body, when it is plain text. A web page explains nothing in few words.
pub(super) fn add_words(operation: &Operation, mut response: Response, error: ToolError) -> ToolError {
    let kind = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !["text/plain", "application/json"].iter().any(|plain| kind.starts_with(plain)) {
        return error;
    }
    let body = operation.wait(async {
        let mut body = Vec::new();
        while body.len() < MAX_BODY {
            match response.chunk().await {
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                _ => break,
            }
        }
        body.truncate(MAX_BODY);
        Ok(body)
    });
    match body.ok().and_then(|body| operation.said(&Words::of(&body))) {
        Some(words) => error.with_said(words),
        None => error,
    }
}

/// `Retry-After` as words: a number of seconds, or a date.
fn retry_after(response: &Response) -> Option<String> {
    let value = response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse::<u32>() {
        return Some(format!("{seconds} s"));
    }
    let is_date = value.len() <= 40 && value.chars().all(|c| c.is_ascii_alphanumeric() || " ,:-+".contains(c));
    (is_date && !value.is_empty()).then(|| value.to_owned())
}
