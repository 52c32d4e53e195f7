//! Connections: how many, for how long, and how they end.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// The most connections at once. The ones after them wait to be accepted; none is idle for longer than the patience.
const MOST: usize = 4096;
/// Descriptors left to everything else when the system allows fewer than [`MOST`] connections.
const RESERVE: usize = 256;
/// The longest head of a request, in bytes.
const HEAD: usize = 64 * 1024;
/// How long the accepting waits when the process has no descriptor left.
const EXHAUSTED: Duration = Duration::from_millis(100);

/// The connections of a server.
pub(super) struct Connections {
    /// How long a client may take for the head of a request, the time before it begins included.
    patience: Duration,
    running: TaskTracker,
    closing: CancellationToken,
}

impl Connections {
    pub(super) fn new(patience: Duration) -> Self {
        Self { patience, running: TaskTracker::new(), closing: CancellationToken::new() }
    }

    /// Accepts for ever.
    pub(super) async fn accept(&self, listener: &TcpListener, router: &Router) -> Infallible {
        let slots = Arc::new(Semaphore::new(room()));
        loop {
            let Ok(slot) = slots.clone().acquire_owned().await else { return std::future::pending().await };
            let stream = match listener.accept().await {
                Ok((stream, _)) => stream,
                // A client that is gone already is its own affair; a process without descriptors has to wait for some.
                Err(error) => {
                    tracing::debug!(%error, "a connection could not be accepted");
                    tokio::time::sleep(EXHAUSTED).await;
                    continue;
                }
            };
            let connection = serve(stream, router.clone(), self.patience, self.closing.clone());
            self.running.spawn(async move {
                connection.await;
                drop(slot);
            });
        }
    }

    /// Closes every connection after the answer it is in the middle of; says whether all were closed within `limit`.
    pub(super) async fn close(&self, limit: Duration) -> bool {
        self.closing.cancel();
        self.running.close();
        tokio::time::timeout(limit, self.running.wait()).await.is_ok()
    }
}

async fn serve(stream: TcpStream, router: Router, patience: Duration, closing: CancellationToken) {
    let mut connection = std::pin::pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(patience)
            .max_buf_size(HEAD)
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
    );
    let ended = tokio::select! {
        ended = &mut connection => ended,
        () = closing.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended badly");
    }
}

/// How many connections there may be, after asking the system for what they need.
fn room() -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let wanted = (MOST + RESERVE) as u64;
    let limit = getrlimit(Resource::Nofile);
    let now = limit.current.unwrap_or(u64::MAX);
    let raised = wanted.min(limit.maximum.unwrap_or(u64::MAX));
    let allowed = if now >= raised || setrlimit(Resource::Nofile, Rlimit { current: Some(raised), ..limit }).is_err() {
        now
    } else {
        raised
    };
    let allowed = usize::try_from(allowed).unwrap_or(usize::MAX);
    allowed.saturating_sub(RESERVE).clamp(16, MOST)
}
