//! git's own `http-backend`, a CGI program.

use std::path::Path;
use std::pin::Pin;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http_body::Body as _;
use hyper::body::Incoming;
use hyper::{Request, Response};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::sync::{mpsc, oneshot};

use super::reply::Reply;

/// Runs the CGI.
pub(super) async fn backend(
    root: &Path,
    running: &Arc<AtomicUsize>,
    request: Request<Incoming>,
    target: &str,
    user: bool,
) -> Response<Reply> {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut command = tokio::process::Command::new("git");
    command
        .arg("http-backend")
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", root)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_PROJECT_ROOT", root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("PATH_INFO", path)
        .env("QUERY_STRING", query)
        .env("REQUEST_METHOD", request.method().as_str())
        .env("REMOTE_ADDR", "127.0.0.1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    if user {
        command.env("REMOTE_USER", "user");
    }
    for (name, variable) in
        [("content-type", "CONTENT_TYPE"), ("content-length", "CONTENT_LENGTH"), ("git-protocol", "HTTP_GIT_PROTOCOL")]
    {
        if let Some(value) = request.headers().get(name).and_then(|value| value.to_str().ok()) {
            command.env(variable, value);
        }
    }
    // In a task of its own: the client may go away, and git then has to come to its end all the same.
    let (heads, head) = oneshot::channel();
    let (pieces, receiver) = mpsc::channel(4);
    tokio::spawn(run(command, request.into_body(), heads, pieces, Running::new(running)));
    head.await.expect("a head").body(Reply::Pieces(receiver)).expect("response")
}
/// Counts a backend for as long as it lives.
struct Running(Arc<AtomicUsize>);

impl Running {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(count))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

async fn run(
    mut command: tokio::process::Command,
    mut body: Incoming,
    heads: oneshot::Sender<hyper::http::response::Builder>,
    pieces: mpsc::Sender<Bytes>,
    _running: Running,
) {
    let mut child = command.spawn().expect("git http-backend");
    let mut stdin = child.stdin.take().expect("stdin");
    tokio::spawn(async move {
        while let Some(Ok(frame)) = std::future::poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
            if let Ok(data) = frame.into_data()
                && stdin.write_all(&data).await.is_err()
            {
                break;
            }
        }
    });
    let mut stdout = BufReader::new(child.stdout.take().expect("stdout"));
    let mut response = Response::builder().status(200);
    loop {
        let mut line = String::new();
        stdout.read_line(&mut line).await.expect("a head");
        match line.trim_end().split_once(": ") {
            Some(("Status", value)) => response = response.status(value.split(' ').next().unwrap_or("500")),
            Some((name, value)) => response = response.header(name, value),
            None => break,
        }
    }
    heads.send(response).ok();
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(count @ 1..) = stdout.read(&mut buffer).await {
        // Nobody may be listening any more; what git has to say is read all the same.
        pieces.send(Bytes::copy_from_slice(&buffer[..count])).await.ok();
    }
    child.wait().await.ok();
}
