//! What libgit2 tells us on the way, and the answers it needs.
//!
//! The callbacks of an operation count progress, collect the remote's side band and its verdict on each pushed reference, stop
//! libgit2's own long loops after a cancellation, and hold a forced push to its lease.

use git2::{ErrorClass, ErrorCode, Oid, RemoteCallbacks};

use super::operation::{Operation, Rejection};
use super::{Failure, from_git};
use shared::{Code, Result, ToolError};

/// What a forced push expects to overwrite.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The full name of the reference on the remote, for example `refs/heads/main`.
    pub reference: String,
    /// Where it was last seen (the remote-tracking branch); `None` when it must not exist yet.
    pub expected: Option<Oid>,
}

impl Operation {
    /// Callbacks for a fetch, or for a push that forces nothing.
    pub fn callbacks(&self) -> RemoteCallbacks<'static> {
        self.callbacks_with_leases(Vec::new())
    }

    /// Callbacks for a push that may force the references of `leases`, each only while the remote still has what is expected.
    ///
    /// The remote's own check closes the gap between this comparison and its update: a push names the old value.
    pub fn callbacks_with_leases(&self, leases: Vec<Lease>) -> RemoteCallbacks<'static> {
        let mut callbacks = RemoteCallbacks::new();
        let operation = self.clone();
        callbacks.transfer_progress(move |progress| {
            operation.objects(progress.received_objects() as u64, progress.total_objects() as u64);
            operation.goes_on()
        });
        let operation = self.clone();
        callbacks.sideband_progress(move |words| {
            operation.notes().words.push(words);
            operation.goes_on()
        });
        let operation = self.clone();
        callbacks.push_transfer_progress(move |current, total, _bytes| operation.objects(current as u64, total as u64));
        let operation = self.clone();
        callbacks.push_update_reference(move |reference, status| {
            if let Some(reason) = status {
                let rejection = Rejection { reference: reference.to_owned(), reason: reason.to_owned() };
                operation.notes().rejections.push(rejection);
            }
            Ok(())
        });
        let operation = self.clone();
        callbacks.push_negotiation(move |updates| {
            for update in updates {
                let name = update.dst_refname()?;
                operation.notes().pushed.push(name.to_owned());
                let Some(lease) = leases.iter().find(|lease| lease.reference == name) else { continue };
                let found = Some(update.src()).filter(|oid| !oid.is_zero());
                operation.git(held(lease, found))?;
            }
            Ok(())
        });
        callbacks
    }

    fn goes_on(&self) -> bool {
        match self.stopped() {
            Some(error) => {
                self.fail(error);
                false
            }
            None => true,
        }
    }

    /// The final word on an operation; see [`super::run`].
    pub(super) fn outcome<T>(&self, result: Result<T, Failure>) -> Result<T> {
        let rejected = self.rejected();
        match result {
            Ok(value) => rejected.map_or(Ok(value), Err),
            Err(Failure::Tool(error)) => Err(error),
            Err(Failure::Git(error)) => {
                let kept = self.notes().failure.clone();
                let stopped = || self.stopped().filter(|_| is_callback_echo(&error));
                let error = kept.or_else(stopped).or(rejected).unwrap_or_else(|| from_git(&error, self));
                Err(self.with_words(error))
            }
        }
    }

    /// Adds what the remote said on its side band, unless the error has words of its own.
    fn with_words(&self, error: ToolError) -> ToolError {
        let words = self.notes().words.clone();
        match self.said(&words) {
            Some(words) if error.said().is_none() => error.with_said(words),
            _ => error,
        }
    }

    fn rejected(&self) -> Option<ToolError> {
        let (rejections, pushed, mut words) = {
            let notes = self.notes();
            (notes.rejections.clone(), notes.pushed.clone(), notes.words.clone())
        };
        let first = rejections.first()?;
        // The names come from the remote; only one that we sent is repeated outside of its words.
        let what = match (pushed.contains(&first.reference), rejections.len()) {
            (true, 1) => first.reference.clone(),
            (_, count) => format!("{count} references"),
        };
        for rejection in &rejections {
            words.push(format!("\n{}: {}", rejection.reference, rejection.reason).as_bytes());
        }
        let moved = [
            "non-fast-forward",
            "fetch first",
            "stale info",
            "failed to update ref",
            "cannot lock ref",
            "reference already exists",
        ];
        let error = if rejections.iter().all(|rejection| moved.iter().any(|reason| rejection.reason.contains(reason))) {
            ToolError::new(Code::Conflict, format!("push to the remote: it has moved and did not update {what}"))
                .hint("pull first, then push again")
        } else {
            ToolError::new(Code::Forbidden, format!("push to the remote: it refused to update {what}"))
                .hint("read what it said; a hook or a protection rule of the remote decides")
        };
        Some(match self.said(&words) {
            Some(words) => error.with_said(words),
            None => error,
        })
    }
}

fn held(lease: &Lease, found: Option<Oid>) -> Result<()> {
    if lease.expected == found {
        return Ok(());
    }
    let name = |oid: Option<Oid>| oid.map_or("absent".to_owned(), |oid| oid.to_string());
    let (reference, expected, found) = (&lease.reference, name(lease.expected), name(found));
    Err(ToolError::new(
        Code::Conflict,
        format!("force {reference} on the remote: it is {found} there, and was last seen here as {expected}"),
    )
    .hint("fetch, look at what the remote has now, and push again"))
}

/// libgit2's way of saying that a callback of ours asked it to stop.
fn is_callback_echo(error: &git2::Error) -> bool {
    error.code() == ErrorCode::User || error.class() == ErrorClass::Callback
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_holds_only_on_what_was_seen() {
        let oid = |digit: &str| Oid::from_str(&digit.repeat(40)).expect("oid");
        let lease = |expected| Lease { reference: "refs/heads/main".to_owned(), expected };
        held(&lease(Some(oid("a"))), Some(oid("a"))).expect("unchanged");
        held(&lease(None), None).expect("still absent");
        for (expected, found) in [(Some(oid("a")), Some(oid("b"))), (Some(oid("a")), None), (None, Some(oid("a")))] {
            assert_eq!(held(&lease(expected), found).expect_err("moved").code(), Code::Conflict);
        }
    }
}
