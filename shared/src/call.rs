//! One call in progress: what a tool may ask of the spine while it runs.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{sync::Semaphore, task::JoinHandle};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::Instrument as _;

use crate::{
    cursor::{Digest, Page},
    error::{Code, Result, ToolError},
    trail::Trail,
};

/// What a call has done so far, for progress notifications.
#[derive(Clone, Default)]
pub struct Progress(Arc<ProgressState>);

#[derive(Default)]
struct ProgressState {
    done: AtomicU64,
    total: AtomicU64,
    message: Mutex<String>,
}

impl Progress {
    /// Reports `done` of `total` units (0 = not known) and what is being done.
    pub fn report(&self, done: u64, total: u64, message: &str) {
        self.0.done.store(done, Ordering::Relaxed);
        self.0.total.store(total, Ordering::Relaxed);
        let mut slot = self.0.message.lock().unwrap_or_else(PoisonError::into_inner);
        if *slot != message {
            message.clone_into(&mut slot);
        }
    }

    /// The last report: done, total (0 = not known), message.
    pub fn last(&self) -> (u64, u64, String) {
        let message = self.0.message.lock().unwrap_or_else(PoisonError::into_inner).clone();
        (self.0.done.load(Ordering::Relaxed), self.0.total.load(Ordering::Relaxed), message)
    }
}

/// What the calls of a process share to run their work.
#[derive(Clone)]
pub(crate) struct Work {
    /// Who may block a thread.
    pub(crate) lanes: Arc<Semaphore>,
    /// What has begun and not ended.
    pub(crate) running: TaskTracker,
    /// What outlives its call.
    pub(crate) afterwards: TaskTracker,
}

/// The handle a running tool holds.
#[derive(Clone)]
pub struct Call {
    cancel: CancellationToken,
    deadline: Instant,
    timed_out: Arc<std::sync::atomic::AtomicBool>,
    query: Digest,
    cursor: Option<String>,
    progress: Progress,
    work: Work,
}

impl Call {
    pub(crate) fn new(
        cancel: CancellationToken,
        timeout: Duration,
        query: Digest,
        cursor: Option<String>,
        progress: Progress,
        work: Work,
    ) -> Self {
        let deadline = Instant::now() + timeout;
        Self { cancel, deadline, timed_out: Arc::default(), query, cursor, progress, work }
    }

    /// Cancelled when the caller goes away, cancels, or the time is up.
    pub fn cancellation(&self) -> &CancellationToken {
        &self.cancel
    }

    /// When the call's time is up.
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// For reporting how far the work is.
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// An error once the call should stop. Long loops ask this between steps.
    pub fn check(&self) -> Result<()> {
        if !self.cancel.is_cancelled() { Ok(()) } else { Err(self.stopped()) }
    }

    /// Why the call stopped, as an error.
    pub fn stopped(&self) -> ToolError {
        if self.timed_out.load(Ordering::Relaxed) {
            ToolError::new(Code::Timeout, "the call took longer than its tool allows and was stopped")
                .hint("ask for less at once, or try again")
        } else {
            ToolError::new(Code::Cancelled, "the call was cancelled")
        }
    }

    pub(crate) fn time_out(&self) {
        self.timed_out.store(true, Ordering::Relaxed);
        self.cancel.cancel();
    }

    /// The page of a result this call asks for. `state` identifies what is read (an object id, a resource version): when it has changed,
    /// the cursor is refused as stale.
    pub fn page(&self, state: impl AsRef<[u8]>) -> Result<Page> {
        Page::open(self.cursor.as_deref(), self.query, state.as_ref())
    }

    /// The page of a list whose members come and go: see [`Page::open_following`].
    pub fn page_following(&self) -> Result<Page> {
        Page::open_following(self.cursor.as_deref(), self.query)
    }

    /// Where this call begins in a list that somebody else pages.
    pub fn trail(&self) -> Result<Trail> {
        Trail::open(self.cursor.as_deref(), self.query)
    }

    /// Runs `work` where blocking is allowed. A bounded number of these run at once, so that a thousand calls are a queue and not a
    /// thousand threads.
    pub async fn blocking<T: Send + 'static>(&self, work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
        let permit = tokio::select! {
            permit = self.work.lanes.clone().acquire_owned() => permit,
            () = self.cancel.cancelled() => return Err(self.stopped()),
        };
        let _permit = permit.map_err(|_| ToolError::internal("the server is shutting down"))?;
        self.waiting(work).await
    }

    /// Work that has to be done whatever becomes of the call: what it has made elsewhere is taken away again. Neither a cancellation nor the
    /// call's time stops it, and the end of the process waits some seconds for it.
    pub fn afterwards<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
        self.work.afterwards.spawn(work.instrument(tracing::Span::current()))
    }

    /// Like [`Self::blocking`] for work that mostly waits for the network: it takes no lane, so that slow remotes do not hold up local work.
    pub async fn waiting<T: Send + 'static>(&self, work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
        let span = tracing::Span::current();
        match self.work.running.spawn_blocking(move || span.in_scope(work)).await {
            Ok(result) => result,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => Err(self.stopped()),
            },
        }
    }
}
