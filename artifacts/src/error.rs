//! What goes wrong, in words for a person, and in a kind for programs.

use std::{fmt, io, path::Path};

/// Shorthand of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What sort of failure it is: decides what is tried again and the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An argument, a reference or a setting is wrong; nothing was begun.
    Usage,
    /// The tag, manifest or blob does not exist.
    NotFound,
    /// Content is hostile or malformed: what was refused is named.
    Refused,
    /// Content is not what its digest or size says.
    Corrupt,
    /// Credentials are missing or were not accepted.
    Unauthenticated,
    /// The credentials may not do this.
    Forbidden,
    /// The registry asks to wait.
    RateLimited,
    /// The registry cannot be reached or failed.
    Unavailable,
    /// It took too long.
    Timeout,
    /// The file system failed.
    Io,
}

/// What was attempted, what went wrong, and what to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// The sort of failure.
    pub kind: Kind,
    /// A lowercase fragment that fits behind "failed: ".
    pub message: String,
}

impl Error {
    /// An error of `kind`.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// Content that is refused.
    pub fn refused(message: impl Into<String>) -> Self {
        Self::new(Kind::Refused, message)
    }

    /// Content that is not what its digest or size says.
    pub fn corrupt(message: impl Into<String>) -> Self {
        Self::new(Kind::Corrupt, message)
    }

    /// The file system failed at `path`.
    pub fn io(path: &Path, error: &io::Error) -> Self {
        let kind = if error.kind() == io::ErrorKind::NotFound { Kind::NotFound } else { Kind::Io };
        Self::new(kind, format!("{}: {error}", path.display()))
    }

    /// The same error, with what was being done before it.
    #[must_use]
    pub fn while_doing(self, what: impl fmt::Display) -> Self {
        Self { kind: self.kind, message: format!("{what}: {}", self.message) }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for Error {}
