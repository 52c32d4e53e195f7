//! Ways in which GitHub, or whatever is between, misbehaves; and which requests meet them.

use std::time::Duration;

use serde_json::Value;

use super::wire::Asked;

/// What happens to a request and its answer.
#[derive(Clone, Debug)]
pub enum Fault {
    /// The answer is this: status, headers, body. Nothing is done.
    Status(u16, Vec<(&'static str, String)>, String),
    /// What was asked is done, and the answer is this status, as if it had failed.
    DoneBut(u16),
    /// What was asked is done, and the connection is closed without an answer.
    DoneAndCut,
    /// Nothing is done, and the connection is closed without an answer.
    Cut,
    /// Nothing is done, and nothing is ever answered.
    Hang,
    /// The hour's requests are spent; there are more in so many seconds.
    Primary(u64),
    /// Too much at once: this status (403 or 429), and after how many seconds to come again, when that is said.
    Secondary(u16, Option<u64>),
    /// The repository has another name: this status (301, 307), and the same by its number.
    Renamed(u16),
    /// This status, and the same target on another server: `http://HOST:PORT`.
    Elsewhere(u16, String),
    /// The organisation wants a single sign-on first.
    SingleSignOn,
    /// The connection is cut after this many bytes of the body, of which its head says all.
    CutBody(usize),
    /// The body ends after this many bytes, and its head says so.
    Shortened(usize),
    /// So many bytes at a time, with a pause after each piece.
    Trickle(usize, Duration),
    /// A body that begins as it should and never ends.
    Endless,
    /// So many megabytes of JSON, compressed to a thousandth, whether that was asked for or not.
    Bomb(usize),
    /// A page for people, with status 200.
    Html,
    /// The right body under another content type.
    ContentType(&'static str),
    /// The right JSON, but for what this JSON pointer leads to.
    Replaced(&'static str, Value),
    /// The right answer, with this header instead of its own.
    Header(&'static str, String),
    /// The right answer, and the connection is closed after it.
    Close,
    /// The right answer, after a while.
    Delay(Duration),
}

impl Fault {
    /// Whether the body is another than the one its tag is of: such an answer is never "unchanged", and has no tag to be kept by.
    pub(super) fn alters(&self) -> bool {
        matches!(
            self,
            Self::CutBody(_)
                | Self::Shortened(_)
                | Self::Trickle(..)
                | Self::Endless
                | Self::Bomb(_)
                | Self::ContentType(_)
                | Self::Replaced(..)
        )
    }
}

/// A fault for the requests it is meant for.
#[derive(Clone, Debug)]
pub struct Rule {
    method: String,
    prefix: String,
    exact: bool,
    holding: String,
    fault: Fault,
    from: usize,
    to: usize,
    matched: usize,
}

impl Rule {
    /// `fault` for every request with this method (`*` for any) and a path and query that begin like this.
    pub fn new(method: &str, prefix: &str, fault: Fault) -> Self {
        let (method, prefix, holding) = (method.to_owned(), prefix.to_owned(), String::new());
        Self { method, prefix, exact: false, holding, fault, from: 1, to: usize::MAX, matched: 0 }
    }

    /// Only where path and query are exactly these.
    #[must_use]
    pub fn exactly(mut self) -> Self {
        self.exact = true;
        self
    }

    /// Only where the body has this in it: the name of a query.
    #[must_use]
    pub fn holding(mut self, text: &str) -> Self {
        text.clone_into(&mut self.holding);
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
    pub(super) fn meets(&mut self, asked: &Asked) -> Option<Fault> {
        let method = self.method == "*" || self.method == asked.method;
        let holds = self.holding.is_empty() || String::from_utf8_lossy(&asked.body).contains(&self.holding);
        let like = if self.exact { asked.target == self.prefix } else { asked.target.starts_with(&self.prefix) };
        if !method || !holds || !like {
            return None;
        }
        self.matched += 1;
        (self.from..=self.to).contains(&self.matched).then(|| self.fault.clone())
    }
}
