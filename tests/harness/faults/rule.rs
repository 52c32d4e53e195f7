//! Which requests meet which fault.

use std::time::Duration;

/// What happens to a request and its answer. Where a number of bytes is given, the body has to have more.
#[derive(Clone, Debug)]
pub enum Fault {
    /// The answer is this: status, headers, body. The registry is not asked.
    Status(u16, Vec<(&'static str, String)>, String),
    /// The answer is this status and the same path on another server: `http://HOST:PORT`.
    Redirect(u16, String),
    /// No answer ever.
    Hang,
    /// The connection is cut when the head of the request has come.
    CutBeforeBody,
    /// The connection is cut when the registry has got this many bytes of the request's body.
    CutRequest(u64),
    /// The registry has done what it was asked, and the connection is cut before anybody hears of it.
    CutBeforeResponse,
    /// The connection is cut after this many bytes of the answer's body.
    CutResponse(u64),
    /// The answer's body ends after this many bytes, and its head says so.
    TruncateResponse(u64),
    /// This byte of the answer's body is another one.
    FlipResponse(u64),
    /// The answer has this header instead of its own: a wrong `docker-content-digest`, for one.
    Header(&'static str, String),
    /// The answer names a `location` on another server: `http://HOST:PORT`, where an upload is to go on.
    Location(String),
    /// The registry is asked later.
    Delay(Duration),
    /// The request's body reaches the registry so many bytes at a time, with a pause after each piece.
    TrickleRequest(usize, Duration),
    /// The answer's body comes so many bytes at a time, with a pause after each piece.
    TrickleResponse(usize, Duration),
}

/// A fault for the requests it is meant for.
#[derive(Clone, Debug)]
pub struct Rule {
    method: String,
    path: String,
    query: String,
    fault: Fault,
    from: usize,
    to: usize,
    matched: usize,
}

impl Rule {
    /// `fault` for every request with this method (`*` for any) and a path like this one, where `*` stands for anything.
    pub fn new(method: &str, path: &str, fault: Fault) -> Self {
        let (method, path, query) = (method.to_owned(), path.to_owned(), String::new());
        Self { method, path, query, fault, from: 1, to: usize::MAX, matched: 0 }
    }

    /// Only where the query has this in it: `continue=`.
    #[must_use]
    pub fn asking(mut self, query: &str) -> Self {
        query.clone_into(&mut self.query);
        self
    }

    /// Only the first time.
    #[must_use]
    pub fn once(self) -> Self {
        self.first(1)
    }

    /// Only the first `count` times.
    #[must_use]
    pub fn first(mut self, count: usize) -> Self {
        self.to = count;
        self
    }

    /// Only the time with this number, from 1.
    #[must_use]
    pub fn nth(mut self, number: usize) -> Self {
        (self.from, self.to) = (number, number);
        self
    }

    /// The fault, if the rule is meant for this request; it counts the requests that are like it.
    pub(super) fn meets(&mut self, method: &str, path: &str, query: &str) -> Option<Fault> {
        let meant = (self.method == "*" || self.method == method) && query.contains(&self.query);
        if !meant || !like(&self.path, path) {
            return None;
        }
        self.matched += 1;
        (self.from..=self.to).contains(&self.matched).then(|| self.fault.clone())
    }
}

fn like(pattern: &str, text: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else { return pattern == text };
    let tail = text.strip_prefix(head);
    tail.is_some_and(|tail| tail.char_indices().map(|(at, _)| at).chain([tail.len()]).any(|at| like(rest, &tail[at..])))
}
