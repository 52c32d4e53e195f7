//! The logs of pods, read through a distiller: several at once, however long they are.

mod plan;
mod since;
mod view;

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use futures_util::{StreamExt as _, stream};
use http_body_util::BodyExt as _;
pub use plan::{Note, Plan, SOURCES_MAX, Source, Which, plan};
use shared::Call;
pub use since::Since;
pub use view::{Last, Names, View};

use crate::{
    cluster::Cluster,
    distil::{Digest, Distiller, Grep, Line, Options, Splitter},
    failure::Failure,
    kinds,
    path::Path,
    unread::Unread,
};

/// How many logs are read at once.
const AT_ONCE: usize = 8;
/// How a node begins what it answers in place of a log that it has not any more.
const GONE: [&[u8]; 2] = [b"unable to retrieve container logs for ", b"failed to try resolving symlinks in path "];
/// The most bytes of that, and of what the API server says of a log.
const SAID_MAX: usize = 300;

/// What is read of each log.
#[derive(Clone, Debug, Default)]
pub struct Want {
    /// Only its last lines; nothing for all.
    pub tail: Option<u32>,
    /// Only lines that are not older.
    pub since: Option<Since>,
    /// Only lines with this text.
    pub grep: Option<Grep>,
    /// How many of the last lines are kept as they are.
    pub last: usize,
}

/// What was read.
#[derive(Debug, Default)]
pub struct Logs {
    /// What came of the lines.
    pub digest: Digest,
    /// Logs that could not be read, or not to their end.
    pub unread: Vec<Unread>,
    /// Which of the sources those are of which nothing was read.
    pub missing: Vec<u16>,
    /// The first failure, for where nothing could be read.
    pub failure: Option<Failure>,
}

/// Reads `sources`, pods of `namespace`, for no longer than `limit`, and tells `call` how far it is.
pub async fn read(
    cluster: &Cluster,
    namespace: &str,
    sources: &[Source],
    want: &Want,
    limit: Duration,
    call: &Call,
) -> Logs {
    let options = Options { stamped: true, grep: want.grep.clone(), last: want.last };
    let distiller = Mutex::new(Distiller::new(options));
    let total = sources.len() as u64;
    let each = sources.iter().zip(0_u16..).map(|(source, number)| {
        let (path, distiller) = (path(namespace, source, want), &distiller);
        async move { (number, source, one(cluster, &path, number, distiller, limit).await) }
    });
    // Nothing is sent before its turn.
    let each: Vec<_> = each.collect();
    let mut reading = stream::iter(each).buffer_unordered(AT_ONCE);
    let (mut unread, mut missing, mut failure, mut done) = (Vec::new(), Vec::new(), None, 0);
    while let Some((number, source, result)) = reading.next().await {
        done += 1;
        call.progress().report(done, total, "reading logs");
        match result {
            Ok(None) => {}
            Ok(Some(gone)) => {
                missing.push(number);
                unread.push(Unread::new(&source.shown(), &gone));
            }
            Err(Stopped { failure: mut why, begun }) => {
                why.said.truncate(why.said.floor_char_boundary(SAID_MAX));
                let what = if begun {
                    format!("the rest of {}", source.shown())
                } else {
                    missing.push(number);
                    source.shown()
                };
                unread.push(why.unread(&what));
                failure.get_or_insert(why);
            }
        }
    }
    drop(reading);
    // As they are listed, and not as they happened to end.
    unread.sort();
    let distiller = distiller.into_inner().unwrap_or_else(PoisonError::into_inner);
    Logs { digest: distiller.finish(), unread, missing, failure }
}

/// Why a log was not read to its end.
struct Stopped {
    failure: Failure,
    /// Whether some of it was.
    begun: bool,
}

/// Reads one log. What the node says in place of a log that is gone is handed back.
async fn one(
    cluster: &Cluster,
    path: &Path,
    number: u16,
    distiller: &Mutex<Distiller>,
    limit: Duration,
) -> Result<Option<String>, Stopped> {
    let end = cluster.end(limit);
    let stopped = |failure, begun| Stopped { failure, begun };
    let response = cluster.open(path, limit).await.map_err(|failure| stopped(failure, false))?;
    let mut body = response.into_body();
    let mut splitter = Splitter::default();
    let (mut begun, mut gone) = (false, None);
    let mut feed = |splitter: &mut Splitter, bytes: Option<&[u8]>| {
        let mut distiller = distiller.lock().unwrap_or_else(PoisonError::into_inner);
        let mut take = |line: Line<'_>| {
            // Lines of a log have a time before them: these are the node's own words.
            if !begun && GONE.iter().any(|start| line.bytes.starts_with(start)) {
                let said = line.bytes.get(..line.bytes.len().min(SAID_MAX)).unwrap_or_default();
                gone = Some(String::from_utf8_lossy(said).into_owned());
            } else {
                distiller.line(number, line);
            }
            begun = true;
        };
        match bytes {
            Some(bytes) => splitter.push(bytes, &mut take),
            None => splitter.finish(&mut take),
        }
    };
    let broken = loop {
        match cluster.within(end, body.frame()).await {
            Ok(Some(Ok(frame))) => {
                if let Some(bytes) = frame.data_ref() {
                    feed(&mut splitter, Some(bytes));
                }
            }
            Ok(Some(Err(_))) => break Some(Failure::new(shared::Code::Unavailable, "the log broke off")),
            Ok(None) => break None,
            Err(failure) => break Some(failure),
        }
    };
    feed(&mut splitter, None);
    match broken {
        Some(failure) => Err(stopped(failure, begun)),
        None => Ok(gone),
    }
}

/// Where a log is.
fn path(namespace: &str, source: &Source, want: &Want) -> Path {
    let tail = want.tail.map(|lines| lines.to_string());
    let (seconds, time) = match &want.since {
        Some(Since::Seconds(seconds)) => (Some(seconds.to_string()), None),
        Some(Since::Time(time)) => (None, Some(time.to_string())),
        None => (None, None),
    };
    Path::object(&kinds::pods(), Some(namespace), &source.pod)
        .segment("log")
        .query("container", &source.container)
        .query("timestamps", "true")
        .optional("previous", source.previous.then_some("true"))
        .optional("tailLines", tail.as_deref())
        .optional("sinceSeconds", seconds.as_deref())
        .optional("sinceTime", time.as_deref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_asked_for_as_it_is_wanted() {
        let source = |previous| Source { pod: "web-1".into(), container: "a&b".into(), previous };
        let since = |text| Since::read(text).ok();
        for (source, want, expected) in [
            (source(false), Want::default(), "container=a%26b&timestamps=true"),
            (
                source(true),
                Want { tail: Some(7), since: since("5m"), ..Want::default() },
                "container=a%26b&timestamps=true&previous=true&tailLines=7&sinceSeconds=300",
            ),
            (
                source(false),
                Want { since: since("2026-01-31T09:00:00+01:00"), ..Want::default() },
                "container=a%26b&timestamps=true&sinceTime=2026-01-31T08%3A00%3A00Z",
            ),
        ] {
            let expected = format!("/api/v1/namespaces/shop/pods/web-1/log?{expected}");
            assert_eq!(path("shop", &source, &want).to_string(), expected);
        }
    }
}
