//! What one request may take, and why it came to nothing.

use std::fmt;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::body::Longer;
use crate::{
    Call,
    error::{Code, ToolError},
};

/// The most bytes of an answer that is a document.
const DOCUMENT_MAX: usize = 8 << 20;

/// What one request may take. It travels in the request's extensions where a library stands in between.
#[derive(Clone, Debug)]
pub struct Bounds {
    /// When nobody waits for it any longer.
    pub deadline: Instant,
    /// Ends it at once.
    pub cancel: CancellationToken,
    /// The most bytes of the answer's body, decompressed.
    pub body_max: usize,
    /// What is done with a longer one.
    pub longer: Longer,
    /// What is done with an answer that leads elsewhere.
    pub redirects: Redirects,
    /// Whether it changes nothing although it is sent as a write: a question too long for an address. Then it may be repeated.
    pub question: bool,
    /// What the server's limit on requests is kept for (`core`, `graphql`).
    pub group: &'static str,
}

impl Bounds {
    /// A document, asked for by `call`.
    pub fn of(call: &Call) -> Self {
        Self::new(Instant::from_std(call.deadline()), call.cancellation().clone())
    }

    /// A document, until `deadline`.
    pub fn new(deadline: Instant, cancel: CancellationToken) -> Self {
        Self {
            deadline,
            cancel,
            body_max: DOCUMENT_MAX,
            longer: Longer::Fails,
            redirects: Redirects::Shown,
            question: false,
            group: "core",
        }
    }
}

/// What is done with an answer that leads elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Redirects {
    /// It is the answer: whoever asked decides where to go.
    Shown,
    /// A read is led on to other hosts, some times. They get no credentials, and cannot lead back to the API. What stays on the API is the answer, too.
    Elsewhere,
}

/// A request without an answer.
#[derive(Debug)]
pub struct Failure {
    /// Why.
    pub error: ToolError,
    /// Whether the server may have got it.
    pub fate: Fate,
}

/// Whether a server may have acted on a request that got no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It has not seen it.
    NotSent,
    /// Nobody knows.
    Unknown,
}

impl Failure {
    /// One of a request that was not sent.
    pub(super) fn unsent(error: ToolError) -> Self {
        Self { error, fate: Fate::NotSent }
    }

    /// One of a request that may have been acted on.
    pub(super) fn unknown(error: ToolError) -> Self {
        Self { error, fate: Fate::Unknown }
    }

    /// Whether the same may go well in a moment.
    pub(super) fn passes(&self) -> bool {
        self.error.code() == Code::Unavailable
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(formatter)
    }
}

impl std::error::Error for Failure {}
