//! One fetch or push, seen from outside: its bounds, its progress, and what went wrong.
//!
//! libgit2 runs on a blocking thread and calls our transports back on it; each such call drives one asynchronous step to its end.
//! All steps go through [`Operation::wait`], so no read, write or connect can outlast a cancellation, the deadline or a silent peer.
//! libgit2 flattens errors to strings, so the first typed error is kept here and handed out at the end.

use std::future::Future;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Network;
use super::words::Words;
use shared::{Code, Environment, Result, ToolError};

/// How long an operation may take and how much it may receive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// From the start to the end.
    pub overall: Duration,
    /// Without a byte in either direction.
    pub idle: Duration,
    /// Bytes received in all.
    pub received: u64,
}

/// Ten minutes, a minute of silence, 4 GiB.
impl Default for Limits {
    fn default() -> Self {
        Self { overall: Duration::from_secs(600), idle: Duration::from_secs(60), received: 4 << 30 }
    }
}

/// Bytes of references a remote may show: some 700,000 of them.
const ADVERTISED_MAX: u64 = 64 << 20;

/// `GIT_TIMEOUT`: how many seconds an operation may take, when the operator wants it to be less than the tools' own limit.
///
/// # Errors
/// [`Code::InvalidArgument`] for what is no number of seconds above zero.
pub(super) fn timeout(environment: &Environment) -> Result<Option<Duration>> {
    let Some(text) = environment.text("GIT_TIMEOUT")? else { return Ok(None) };
    match text.trim().parse::<u32>() {
        Ok(seconds @ 1..) => Ok(Some(Duration::from_secs(seconds.into()))),
        _ => Err(ToolError::invalid("read GIT_TIMEOUT: it is not a number of seconds")
            .hint("set it to a whole number, such as 120, or unset it")),
    }
}

/// How far an operation is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Bytes received from the remote.
    pub bytes_received: u64,
    /// Bytes sent to the remote.
    pub bytes_sent: u64,
    /// Objects that have arrived, or, in a push, have been written to the pack.
    pub objects: u64,
    /// Objects that will, as far as is known; 0 before that.
    pub objects_total: u64,
}

#[derive(Debug, Default)]
struct Counters {
    received: AtomicU64,
    sent: AtomicU64,
    objects: AtomicU64,
    total: AtomicU64,
}

/// A reference that the remote did not update.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rejection {
    pub(crate) reference: String,
    pub(crate) reason: String,
}

#[derive(Debug, Default)]
pub(crate) struct Notes {
    pub(crate) failure: Option<ToolError>,
    /// The side band of the remote: what `git` prints after `remote: `.
    pub(crate) words: Words,
    pub(crate) rejections: Vec<Rejection>,
    /// The references this side asked to update, to recognise them in the remote's answer.
    pub(crate) pushed: Vec<String>,
}

struct Inner {
    network: Arc<Network>,
    cancel: CancellationToken,
    deadline: Instant,
    limits: Limits,
    counters: Counters,
    notes: Mutex<Notes>,
}

/// The context of one fetch or push. Clones are the same operation.
#[derive(Clone)]
pub struct Operation(Arc<Inner>);

impl Operation {
    pub(crate) fn new(network: Arc<Network>, cancel: CancellationToken, limits: Limits) -> Self {
        // `Instant + Duration` panics beyond what the clock can hold; so far away is as good as never.
        let now = Instant::now();
        let deadline = now.checked_add(limits.overall).unwrap_or(now + Duration::from_secs(86_400 * 365));
        Self(Arc::new(Inner {
            network,
            cancel,
            deadline,
            limits,
            counters: Counters::default(),
            notes: Mutex::default(),
        }))
    }

    /// How far the operation is; may be asked from any thread at any time.
    pub fn progress(&self) -> Progress {
        let Counters { received, sent, objects, total } = &self.0.counters;
        Progress {
            bytes_received: received.load(Relaxed),
            bytes_sent: sent.load(Relaxed),
            objects: objects.load(Relaxed),
            objects_total: total.load(Relaxed),
        }
    }

    /// What the remote has said on its side band so far: untrusted, bounded, without control characters.
    pub fn remote_words(&self) -> String {
        self.said(&self.notes().words.clone()).unwrap_or_default()
    }

    pub(crate) fn network(&self) -> &Network {
        &self.0.network
    }

    pub(crate) fn notes(&self) -> MutexGuard<'_, Notes> {
        self.0.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps the first failure; what follows it is only its echo.
    pub(crate) fn fail(&self, error: ToolError) {
        self.notes().failure.get_or_insert(error);
    }

    /// `words` as they may be shown: without any secret that this server has used.
    pub(crate) fn said(&self, words: &Words) -> Option<String> {
        words.said(|text| self.network().credentials().scrub(text))
    }

    /// Whether a step would be refused, for loops inside libgit2 that do no IO.
    pub(crate) fn stopped(&self) -> Option<ToolError> {
        if self.0.cancel.is_cancelled() {
            return Some(cancelled());
        }
        (Instant::now() >= self.0.deadline).then(|| self.late())
    }

    pub(crate) fn objects(&self, done: u64, total: u64) {
        self.0.counters.objects.store(done, Relaxed);
        self.0.counters.total.store(total, Relaxed);
    }

    pub(crate) fn sent(&self, bytes: usize) {
        self.0.counters.sent.fetch_add(bytes as u64, Relaxed);
    }

    /// Counts received bytes.
    ///
    /// # Errors
    /// [`Code::TooLarge`] beyond [`Limits::received`], and beyond [`ADVERTISED_MAX`] before the first object.
    pub(crate) fn received(&self, bytes: usize) -> Result<()> {
        let before = self.0.counters.received.fetch_add(bytes as u64, Relaxed);
        let limit = self.0.limits.received;
        let after = before.saturating_add(bytes as u64);
        // Objects are counted as soon as they begin; what comes before them is references, and all of them are held in memory.
        if after > ADVERTISED_MAX && self.0.counters.total.load(Relaxed) == 0 {
            return Err(ToolError::new(
                Code::TooLarge,
                format!("read the references of the remote: more than {} MiB of them", ADVERTISED_MAX >> 20),
            )
            .hint("use git itself for a remote with so many references"));
        }
        if after <= limit {
            return Ok(());
        }
        Err(ToolError::new(
            Code::TooLarge,
            format!("transfer from the remote: more than the {} MiB allowed", limit >> 20),
        )
        .hint("fetch less: give a depth or a single branch"))
    }

    fn late(&self) -> ToolError {
        ToolError::new(
            Code::Timeout,
            format!("transfer with the remote: not done after {} s", self.0.limits.overall.as_secs()),
        )
        .hint("try again, with a depth or a single branch when the repository is large")
    }

    /// Runs one step of the transfer to its end on this (blocking) thread, unless the operation has to stop before.
    ///
    /// # Errors
    /// Those of `step`; [`Code::Cancelled`]; [`Code::Timeout`] at the deadline or after [`Limits::idle`].
    pub(crate) fn wait<T>(&self, step: impl Future<Output = Result<T>>) -> Result<T> {
        self.0.network.runtime().block_on(async {
            tokio::select! {
                biased;
                () = self.0.cancel.cancelled() => Err(cancelled()),
                () = tokio::time::sleep_until(self.0.deadline) => Err(self.late()),
                done = step => done,
                () = tokio::time::sleep(self.0.limits.idle) => Err(ToolError::new(
                    Code::Timeout,
                    format!("transfer with the remote: nothing moved for {} s", self.0.limits.idle.as_secs()),
                )
                .hint("try again; the remote or the way to it is stuck")),
            }
        })
    }

    /// Keeps the error of a transport's callback and turns it into the one libgit2 sees, which says nothing.
    pub(crate) fn io<T>(&self, result: Result<T>) -> io::Result<T> {
        result.map_err(|error| {
            self.fail(error);
            io::Error::other("the transfer failed")
        })
    }

    /// As [`Operation::io`], for callbacks that answer with a [`git2::Error`].
    pub(crate) fn git<T>(&self, result: Result<T>) -> Result<T, git2::Error> {
        result.map_err(|error| {
            self.fail(error);
            git2::Error::new(git2::ErrorCode::GenericError, git2::ErrorClass::Net, "the transfer failed")
        })
    }
}

fn cancelled() -> ToolError {
    ToolError::new(Code::Cancelled, "transfer with the remote: cancelled by the caller")
}
