//! Diagnostics: to stderr, as `RUST_LOG` asks, text for a person and JSON lines for a machine, redacted.

use std::{
    io::{self, IsTerminal, Write},
    str::FromStr,
};

use tracing_subscriber::{
    filter::{LevelFilter, Targets},
    fmt::MakeWriter,
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

/// Libraries that log the failures they return, which are in the answer already.
const QUIET: [&str; 1] = ["kube_client"];

/// Starts logging for the process. A `RUST_LOG` that cannot be read is reported and means `warn`.
pub fn start() {
    let asked = std::env::var("RUST_LOG").unwrap_or_default();
    let (filter, complaint) = match Targets::from_str(&asked) {
        _ if asked.is_empty() => {
            let filter = Targets::new().with_default(LevelFilter::WARN);
            (filter.with_targets(QUIET.map(|library| (library, LevelFilter::OFF))), None)
        }
        Ok(filter) => (filter, None),
        Err(error) => (Targets::new().with_default(LevelFilter::WARN), Some(error)),
    };
    let registry = tracing_subscriber::registry().with(filter);
    let layer = tracing_subscriber::fmt::layer().with_writer(Redacted);
    let started = if io::stderr().is_terminal() {
        registry.with(layer).try_init()
    } else {
        registry.with(layer.json().flatten_event(true)).try_init()
    };
    if started.is_ok()
        && let Some(error) = complaint
    {
        tracing::warn!(%error, "RUST_LOG is not a filter such as `info` or `shared=debug`; using `warn`");
    }
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let message = panic.payload_as_str().unwrap_or("(no message)");
        tracing::error!(place, message, "panic");
    }));
}

/// stderr, with secrets masked line by line.
struct Redacted;

impl<'a> MakeWriter<'a> for Redacted {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        Line(Vec::new())
    }
}

/// One event: the formatter writes it in pieces, and a secret may span two.
struct Line(Vec<u8>);

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let text = String::from_utf8_lossy(&self.0);
        let _ = io::stderr().lock().write_all(crate::redact::redact(&text).as_bytes());
    }
}
