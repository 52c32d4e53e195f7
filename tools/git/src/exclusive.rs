//! One writer per repository at a time.
//!
//! git's lock files protect single files; what spans several of them (index, work tree, refs) is protected here against the other calls
//! of this process. Other processes are met at the lock files, which turn into [`Code::Conflict`](shared::Code::Conflict).

use std::{
    collections::HashMap,
    future::{Future, poll_fn},
    path::{Path, PathBuf},
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Poll, Waker},
};

use shared::{Call, Result};

use crate::Git;

/// Who writes where, and who waits for it.
#[derive(Default)]
pub(crate) struct Writers(Mutex<HashMap<PathBuf, Vec<Waker>>>);

impl Writers {
    fn places(&self) -> MutexGuard<'_, HashMap<PathBuf, Vec<Waker>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to write at one place; ends when dropped.
#[must_use = "the place is free again as soon as this is dropped"]
pub struct Exclusive {
    writers: Arc<Writers>,
    place: PathBuf,
}

impl Drop for Exclusive {
    fn drop(&mut self) {
        let waiting = self.writers.places().remove(&self.place);
        waiting.into_iter().flatten().for_each(Waker::wake);
    }
}

impl Git {
    /// Waits until no other call of this process writes at `place`: a repository's common directory, or the directory a clone goes to.
    /// Take it before [`Call::blocking`], not inside: whoever waits then holds neither a thread nor a lane. It is not reentrant.
    ///
    /// # Errors
    /// [`Call::stopped`] when the call ends while waiting.
    pub async fn exclusively(&self, place: &Path, call: &Call) -> Result<Exclusive> {
        let place = std::fs::canonicalize(place).unwrap_or_else(|_| place.to_owned());
        let mut stopped = pin!(call.cancellation().cancelled());
        poll_fn(move |context| {
            if stopped.as_mut().poll(context).is_ready() {
                return Poll::Ready(Err(call.stopped()));
            }
            let mut places = self.writers.places();
            match places.get_mut(&place) {
                None => {
                    places.insert(place.clone(), Vec::new());
                    Poll::Ready(Ok(Exclusive { writers: self.writers.clone(), place: place.clone() }))
                }
                Some(waiting) => {
                    if !waiting.iter().any(|waker| waker.will_wake(context.waker())) {
                        waiting.push(context.waker().clone());
                    }
                    Poll::Pending
                }
            }
        })
        .await
    }

    /// [`Self::exclusively`] for the repository that `cwd` is in. Open it afterwards: what was read before may have changed while waiting.
    ///
    /// # Errors
    /// As [`Self::repo`] and [`Self::exclusively`].
    pub async fn exclusively_in(self: &Arc<Self>, cwd: Option<&str>, call: &Call) -> Result<Exclusive> {
        let (server, cwd) = (self.clone(), cwd.map(str::to_owned));
        let place = call.blocking(move || Ok(server.repo(cwd.as_deref())?.git.commondir().to_owned())).await?;
        self.exclusively(&place, call).await
    }
}
