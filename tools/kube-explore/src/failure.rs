//! Why a request failed, in the words of the field.

use std::time::Duration;

use serde_json::Value;
use shared::{Code, ToolError, redact::redact};

use crate::{stream::Broken, unread::Unread};

/// The most bytes of a stranger's message that are kept.
const SAID_MAX: usize = 2_000;

/// A request that failed.
#[derive(Clone, Debug)]
pub struct Failure {
    /// What kind of failure.
    pub code: Code,
    /// The HTTP status; 0 where no answer came.
    pub status: u16,
    /// The reason in a few words of ours.
    pub why: String,
    /// What the API server said.
    pub said: String,
    /// `details` of the API server's Status: which fields are in conflict, and with whom.
    pub details: Value,
    /// How long the API server asked to wait.
    pub after: Option<Duration>,
}

impl Failure {
    /// One without an answer of the API server.
    pub fn new(code: Code, why: impl Into<String>) -> Self {
        Self { code, status: 0, why: why.into(), said: String::new(), details: Value::Null, after: None }
    }

    /// A list that could not be read to its end.
    pub fn expired() -> Self {
        Self::new(Code::Unavailable, "the list expired while it was read")
    }

    /// A list of which there is more than this server reads.
    pub fn endless() -> Self {
        Self::new(Code::TooLarge, "the list is larger than this server reads")
    }

    /// What an answer with an error's status says.
    pub fn answered(status: u16, after: Option<Duration>, body: &[u8]) -> Self {
        let object: Value = serde_json::from_slice(body).unwrap_or_default();
        let said = match object.get("message").and_then(Value::as_str) {
            Some(message) => message.to_owned(),
            None => String::from_utf8_lossy(body).trim().to_owned(),
        };
        // Before it is cut: half a token would not be known as one.
        let said = redact(&said);
        let said = said.get(..said.floor_char_boundary(SAID_MAX)).unwrap_or_default().to_owned();
        let (code, why) = match status {
            400 | 422 => (Code::InvalidArgument, "the API server finds it invalid"),
            401 => (Code::Unauthenticated, "the credentials were refused"),
            403 => (Code::Forbidden, "forbidden"),
            404 => (Code::NotFound, "not found"),
            405 | 406 | 415 => (Code::Unsupported, "the API server does not do this"),
            409 => (Code::Conflict, "conflict"),
            410 => (Code::Unavailable, "the list expired while it was read"),
            413 => (Code::TooLarge, "too large for the API server"),
            429 => (Code::RateLimited, "the API server asks to slow down"),
            503 => (Code::Unavailable, "unavailable"),
            504 => (Code::Timeout, "it did not answer in time"),
            _ => (Code::Unavailable, "the API server failed"),
        };
        let details = object.get("details").cloned().unwrap_or_default();
        Self { code, status, why: why.to_owned(), said, details, after }
    }

    /// Whether the answer might be another one in a moment. Only reads are tried again.
    pub fn passes(&self) -> bool {
        matches!(self.status, 429 | 500 | 502 | 503 | 504) || self.status == 0 && self.code == Code::Unavailable
    }

    /// As an error of the call. `attempted` is what was to be done: "listing pods".
    pub fn error(&self, attempted: &str) -> ToolError {
        let message = format!("{attempted}: {}", self.why);
        let error = ToolError::new(self.code, message);
        let error = if self.said.is_empty() { error } else { error.with_said(self.said.clone()) };
        match (self.code, self.after) {
            (Code::RateLimited, Some(after)) => error.hint(format!("try again in {} s", after.as_secs().max(1))),
            (Code::Unavailable, _) if self.status == 0 => {
                error.hint("check that the cluster runs and can be reached from here; `doctor` tries it")
            }
            (code, _) => match hint(code) {
                Some(hint) => error.hint(hint),
                None => error,
            },
        }
    }

    /// As a source that could not be read.
    pub fn unread(&self, what: &str) -> Unread {
        let why = match (self.code, self.said.is_empty()) {
            // It says again which verb, of what, for whom: the source says that shorter.
            (Code::Forbidden, _) | (_, true) => self.why.clone(),
            (_, false) => format!("{}: {}", self.why, self.said),
        };
        Unread { code: Some(self.code), ..Unread::new(what, &why) }
    }
}

/// What to do about a failure of this kind.
pub fn hint(code: Code) -> Option<&'static str> {
    Some(match code {
        Code::Unauthenticated => "have the operator renew the token or certificate of this context; `doctor` shows it",
        Code::Forbidden => "ask for a role that allows it, or name a namespace that may be read",
        Code::RateLimited => "try again in some seconds",
        Code::Timeout | Code::Unavailable => "try again, or ask for less: one kind, one namespace",
        _ => return None,
    })
}

impl From<Broken> for Failure {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::TooLarge => Self::new(Code::TooLarge, "an object is larger than this server reads"),
            Broken::Short => Self::new(Code::Unavailable, "the answer broke off"),
        }
    }
}

/// Why no client could be made.
pub fn refused(error: &kube::Error) -> ToolError {
    if matches!(error, kube::Error::Auth(_)) {
        let failure = unreachable(error);
        return failure.error("getting credentials");
    }
    // Not in its own words: they may hold a key.
    ToolError::new(Code::Unavailable, "the context's cluster or user cannot be used")
        .hint("have the operator correct them in the kubeconfig: certificates and keys in PEM, a token of one line")
}

/// Why no answer came.
pub fn unreachable(error: &kube::Error) -> Failure {
    if let kube::Error::Auth(auth) = error {
        let mut failure = Failure::new(Code::Unauthenticated, "there are no credentials for this context");
        failure.said = match auth {
            // Its command line, which this error would print, is not for everybody.
            kube::client::AuthError::AuthExecRun { out, .. } => {
                format!("the credential plug-in failed: {}", String::from_utf8_lossy(&out.stderr))
            }
            kube::client::AuthError::AuthExecStart(_) | kube::client::AuthError::MissingCommand => chain(error),
            // What it printed may be the very secret.
            _ => String::from("what the credential plug-in or the kubeconfig gives is not understood"),
        };
        return failure;
    }
    let said = chain(error);
    let mut failure = if said.contains("deadline") || said.contains("timed out") {
        Failure::new(Code::Timeout, "the API server did not answer in time")
    } else {
        Failure::new(Code::Unavailable, "the API server cannot be reached")
    };
    failure.said = said;
    failure
}

/// An error with what caused it, each said once.
fn chain(error: &dyn std::error::Error) -> String {
    let mut said = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_said = cause.to_string();
        if !said.contains(&cause_said) {
            said.push_str(": ");
            said.push_str(&cause_said);
        }
        source = cause.source();
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_told_in_the_words_of_the_field() {
        let body = br#"{"kind":"Status","message":"pods is forbidden: User \"x\" cannot list","reason":"Forbidden","details":{"kind":"pods"}}"#;
        let failure = Failure::answered(403, None, body);
        let error = failure.error("listing pods");
        assert_eq!((error.code(), error.message()), (Code::Forbidden, "listing pods: forbidden"));
        assert!(error.said().unwrap().contains("cannot list"));
        assert_eq!(failure.unread("pods"), Unread { code: Some(Code::Forbidden), ..Unread::new("pods", "forbidden") });
        assert_eq!(failure.details["kind"], "pods");
    }

    #[test]
    fn a_body_that_is_no_status_is_kept_short() {
        let failure = Failure::answered(502, None, "ä".repeat(5_000).as_bytes());
        assert!(failure.said.len() <= SAID_MAX && failure.passes());
        let unavailable = Unread { code: Some(Code::Unavailable), ..Unread::new("x", "unavailable") };
        assert_eq!(Failure::answered(503, None, b"").unread("x"), unavailable);
        assert!(!Failure::answered(403, None, b"").passes() && !Failure::answered(404, None, b"{}").passes());
    }

    #[test]
    fn a_token_that_is_said_back_is_masked_before_it_is_cut() {
        let token = "SAID-BACK-token-0123456789";
        shared::redact::register(token);
        let body = format!("{}{token}", "y".repeat(SAID_MAX + 2 - token.len()));
        let said = Failure::answered(403, None, body.as_bytes()).said;
        assert!(!said.contains("SAID-BACK"), "{said}");
    }

    #[test]
    fn slowing_down_says_for_how_long() {
        let error = Failure::answered(429, Some(Duration::from_secs(7)), b"{}").error("listing pods");
        assert_eq!((error.code(), error.next_step()), (Code::RateLimited, Some("try again in 7 s")));
    }
}
