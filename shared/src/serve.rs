//! Serving MCP: over stdio, or over Streamable HTTP.

mod handler;
mod http;
mod message;
mod stdio;

use std::sync::Arc;

pub(crate) use handler::Handler;
pub use http::{HttpOptions, serve as serve_http};
use rmcp::ServiceExt;
use tokio_util::sync::CancellationToken;

use crate::{Server, registry::Registry};

/// The longest message taken, in bytes. Every argument has to fit in it, a manifest to apply or a file to write included.
pub const MAX_MESSAGE: usize = 4 * 1024 * 1024;

/// Serves MCP on stdin and stdout until stdin ends or `stop` is cancelled. stdout carries protocol and nothing else.
pub async fn serve_stdio<S: Server>(registry: Arc<Registry<S>>, stop: CancellationToken) -> Result<(), String> {
    let (input, output) = rmcp::transport::stdio_pipes();
    serve_streams(registry, input, output, stop).await
}

/// Serves MCP on any pair of streams; tests serve on an in-process pipe.
pub async fn serve_streams<S: Server>(
    registry: Arc<Registry<S>>,
    input: impl tokio::io::AsyncRead + Send + Unpin + 'static,
    output: impl tokio::io::AsyncWrite + Send + Unpin + 'static,
    stop: CancellationToken,
) -> Result<(), String> {
    let transport = stdio::Transport::new(input, output);
    // Not `stop` itself: when that is cancelled the session goes on until its calls have ended, so that what they still say is written.
    let session = CancellationToken::new();
    let started = {
        let starting = std::pin::pin!(Handler::new(registry.clone()).serve_with_ct(transport, session.clone()));
        tokio::select! {
            started = starting => started,
            () = stop.cancelled() => return Ok(()),
        }
    };
    let service = match started {
        Ok(service) => service,
        // The peer left before it said anything: an end, not a failure.
        Err(rmcp::service::ServerInitializeError::ConnectionClosed(_)) => return Ok(()),
        Err(error) => return Err(format!("failed to start the session: {error}")),
    };
    let mut ended = std::pin::pin!(service.waiting());
    let ended = tokio::select! {
        // The end of the input. Calls that were under way have had five seconds to be answered; what still runs has its grace.
        ended = &mut ended => {
            registry.end().await;
            ended
        }
        () = stop.cancelled() => {
            registry.end().await;
            session.cancel();
            // Twice the time of the transport: it is told to close once by the session and once by its end.
            match tokio::time::timeout(stdio::CLOSING * 2, ended).await {
                Ok(ended) => ended,
                Err(_) => {
                    tracing::warn!("ending although the peer has not taken its answers");
                    return Ok(());
                }
            }
        }
    };
    ended.map(drop).map_err(|error| format!("the session ended badly: {error}"))
}
