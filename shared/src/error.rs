//! What a failed call says.
//!
//! A [`ToolError`] has three audiences in one value: a program reads the [`Code`], the agent reads what was attempted and
//! what went wrong, and both follow the hint. Words that came from somewhere else (a server's rejection, a child's stderr) are kept
//! apart in [`ToolError::said`], because they are untrusted and have to be framed when the error is rendered.

use std::fmt;

use serde::Serialize;

/// The machine-readable kind of a failure: the first word of the error text and `code` in the structured value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// An argument is missing, unknown, malformed or out of range; nothing was done.
    InvalidArgument,
    /// The thing named does not exist.
    NotFound,
    /// The name fits several things and choosing one would be a guess.
    Ambiguous,
    /// The identity in use, or a rule of this server, does not allow it.
    Forbidden,
    /// No credentials, or ones that were refused.
    Unauthenticated,
    /// The state of the world stands against it (a conflict, uncommitted work, a moved remote).
    Conflict,
    /// It took longer than allowed and was stopped.
    Timeout,
    /// The caller cancelled it.
    Cancelled,
    /// A server asked to slow down; the text carries when to try again.
    RateLimited,
    /// Something needed is not there or cannot be reached.
    Unavailable,
    /// A bound of this server would be exceeded.
    TooLarge,
    /// Understood, and deliberately not done here.
    Unsupported,
    /// A mutating tool in MODE=readonly.
    Readonly,
    /// A defect of this server.
    Internal,
}

impl Code {
    /// The code as it stands in text and JSON, for example `not_found`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidArgument => "invalid_argument",
            Self::NotFound => "not_found",
            Self::Ambiguous => "ambiguous",
            Self::Forbidden => "forbidden",
            Self::Unauthenticated => "unauthenticated",
            Self::Conflict => "conflict",
            Self::Timeout => "timeout",
            Self::Cancelled => "cancelled",
            Self::RateLimited => "rate_limited",
            Self::Unavailable => "unavailable",
            Self::TooLarge => "too_large",
            Self::Unsupported => "unsupported",
            Self::Readonly => "readonly",
            Self::Internal => "internal",
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A failure of a tool call: a code, what went wrong, what to do next, and, apart, the words of whoever refused.
#[derive(Clone, Debug)]
pub struct ToolError {
    code: Code,
    message: String,
    hint: Option<String>,
    said: Option<String>,
}

/// The result of everything that can fail inside a call.
pub type Result<T, E = ToolError> = std::result::Result<T, E>;

impl ToolError {
    /// `message` is a lowercase fragment that says what was attempted and what went wrong, without a final period.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), hint: None, said: None }
    }

    /// An [`Code::InvalidArgument`] error.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(Code::InvalidArgument, message)
    }

    /// An [`Code::Internal`] error: something that should not be able to happen did.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(Code::Internal, message)
    }

    /// Adds what to do next, as a lowercase imperative fragment.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds the words of somebody else (a remote, a child process). They are untrusted: rendering frames them.
    #[must_use]
    pub fn with_said(mut self, words: impl Into<String>) -> Self {
        self.said = Some(words.into());
        self
    }

    /// The machine-readable kind.
    pub fn code(&self) -> Code {
        self.code
    }

    /// What went wrong, without code and hint.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to do next, where there is something to do.
    pub fn next_step(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// The words of somebody else, unframed; only the renderer should look at them.
    pub fn said(&self) -> Option<&str> {
        self.said.as_deref()
    }
}

/// `code: message; hint`, without the untrusted words. For logs and for the terminal's last resort.
impl fmt::Display for ToolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "; {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for ToolError {}
