//! The last lines of a log that is read through: of each container its own, however long the log is.

use std::{
    borrow::Cow,
    collections::{BTreeMap, VecDeque},
};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};
use serde_json::json;
use shared::{List, Result, Text, Untrusted, exec::Line, output::Budget, redact};

/// The most of a line that is searched; what lies behind is counted.
pub const LINE_MAX: usize = 1 << 20;
/// A line as long as this may lie in pieces where the log is, each of which counts as a line when the last ones are asked for.
const PIECE: usize = 4 << 10;
/// The most of a line that is shown.
const SHOWN: usize = 2 << 10;
/// How the node begins what it answers in place of a log that it has removed.
const GONE: &[u8] = b"unable to retrieve container logs for ";
/// How kubectl begins what it says between the lines of containers, when it was told to go on after an error.
const ERROR: &[u8] = b"error: ";
/// The most bytes kept of that.
const ERRORS_MAX: usize = 4 << 10;
/// The most bytes kept of all lines together: more than the largest answer shows.
const KEPT: usize = 2 * Budget::BYTES_MAX;

/// Whether a line is wanted.
type Wanted = dyn Fn(&[u8]) -> bool + Send;

/// Takes a log in line by line.
pub struct Tail {
    most: usize,
    prefixed: bool,
    wanted: Box<Wanted>,
    sources: BTreeMap<Vec<u8>, Source>,
    bytes: usize,
    read: u64,
    matched: u64,
    lost: u64,
    /// Unwanted lines of which only the beginning was searched.
    half_searched: u64,
    errors: Vec<u8>,
    /// The source of the line before.
    last: Option<Vec<u8>>,
}

/// The lines of one container.
#[derive(Default)]
struct Source {
    lines: VecDeque<Kept>,
    /// How many there were.
    count: usize,
    /// Whether one may have been in pieces.
    pieces: bool,
}

/// A line, or its beginning.
struct Kept {
    bytes: Vec<u8>,
    cut: bool,
}

impl Tail {
    /// Keeps of each source the last `most` lines that are `wanted`. `prefixed`: kubectl was told to name the source of each line.
    pub fn new(most: usize, prefixed: bool, wanted: impl Fn(&[u8]) -> bool + Send + 'static) -> Self {
        let wanted = Box::new(wanted);
        Self {
            most,
            prefixed,
            wanted,
            sources: BTreeMap::new(),
            bytes: 0,
            read: 0,
            matched: 0,
            lost: 0,
            half_searched: 0,
            errors: Vec::new(),
            last: None,
        }
    }

    /// Takes a line.
    pub fn line(&mut self, line: Line<'_>) {
        let (source, content) = if self.prefixed { split(line.bytes) } else { (&b""[..], line.bytes) };
        // Every line of a container has its source before it; what has none is kubectl's own.
        let kubectls = self.prefixed && source.is_empty() && content.starts_with(ERROR);
        let first = self.last.as_deref() != Some(source);
        if first {
            self.last = Some(source.to_vec());
        }
        if kubectls || first && content.starts_with(GONE) {
            let room = ERRORS_MAX.saturating_sub(self.errors.len()).min(content.len());
            self.errors.extend_from_slice(content.get(..room).unwrap_or_default());
            self.errors.push(b'\n');
            return;
        }
        self.read += 1;
        if !(self.wanted)(content) {
            self.half_searched += u64::from(line.omitted > 0);
            return;
        }
        self.matched += 1;
        let mut kept = line.bytes.get(..SHOWN.min(line.bytes.len())).unwrap_or_default().to_vec();
        let left = (line.bytes.len() - kept.len()) as u64 + line.omitted;
        if left > 0 {
            kept.extend_from_slice(format!("…(+{left} bytes)").as_bytes());
        }
        self.bytes += kept.len();
        let source = match self.sources.get_mut(source) {
            Some(source) => source,
            None => self.sources.entry(source.to_vec()).or_default(),
        };
        source.count += 1;
        source.pieces |= content.len() >= PIECE;
        let lines = &mut source.lines;
        lines.push_back(Kept { bytes: kept, cut: left > 0 });
        if lines.len() > self.most
            && let Some(dropped) = lines.pop_front()
        {
            self.bytes -= dropped.bytes.len();
        }
        while self.bytes > KEPT {
            let sources = self.sources.values_mut().map(|source| &mut source.lines);
            let longest = sources.max_by_key(|lines| lines.len()).and_then(VecDeque::pop_front);
            let Some(dropped) = longest else { break };
            self.bytes -= dropped.bytes.len();
            self.lost += 1;
        }
    }

    /// Lines that were read.
    pub fn read(&self) -> u64 {
        self.read
    }

    /// What kubectl said of containers it could not read.
    pub fn errors(&self) -> String {
        String::from_utf8_lossy(&self.errors).trim_end().to_owned()
    }

    /// Whether what was kept are the last lines, if one more of each container was asked for: pieces of lines would have come in place of lines, and
    /// the first of what came may be the end of one.
    pub fn is_exact(&self) -> bool {
        self.sources.values().all(|source| source.count > self.most || !source.pieces)
    }

    /// What was kept, container by container: kubectl reads them one after the other, in an order that is chance.
    pub fn finish(self) -> Latest {
        let lines: Vec<Kept> = self.sources.into_values().flat_map(|source| source.lines).collect();
        let cut = lines.iter().filter(|line| line.cut).count() as u64;
        let mut joined = Vec::with_capacity(self.bytes + lines.len());
        for line in lines {
            joined.extend_from_slice(&line.bytes);
            joined.push(b'\n');
        }
        // As a whole first: a key of several lines is one secret.
        let joined = String::from_utf8_lossy(&joined);
        let lines: Vec<Untrusted> =
            redact::redact(&joined).lines().map(|line| Untrusted::block(line.as_bytes())).collect();
        Latest {
            keep: lines.len(),
            lines,
            matched: self.matched,
            cut,
            lost: self.lost,
            half_searched: self.half_searched,
        }
    }
}

/// `[pod/web-0/app] text` as its two parts.
fn split(line: &[u8]) -> (&[u8], &[u8]) {
    match line.iter().position(|byte| *byte == b']') {
        Some(at) if line.starts_with(b"[pod/") => {
            let (source, rest) = line.split_at(at + 1);
            (source, rest.strip_prefix(b" ").unwrap_or(rest))
        }
        _ => (b"", line),
    }
}

/// Lines of which the oldest are left out first.
#[derive(Clone, Debug, Default)]
pub struct Latest {
    lines: Vec<Untrusted>,
    matched: u64,
    cut: u64,
    lost: u64,
    half_searched: u64,
    keep: usize,
}

impl Latest {
    fn shown(&self) -> &[Untrusted] {
        self.lines.get(self.lines.len().saturating_sub(self.keep)..).unwrap_or_default()
    }

    /// Lines there were, shown or not.
    pub fn matched(&self) -> u64 {
        self.matched
    }

    /// Lines on show.
    pub fn count(&self) -> usize {
        self.shown().len()
    }

    /// Lines that were asked for and are not on show.
    pub fn left_out(&self) -> u64 {
        self.lost + (self.lines.len() - self.shown().len()) as u64
    }

    /// Lines of which only the beginning is here.
    pub fn cut(&self) -> u64 {
        self.cut
    }

    /// Lines that did not match as far as they were searched, which is not to their end.
    pub fn half_searched(&self) -> u64 {
        self.half_searched
    }

    /// Writes the lines in a frame.
    pub fn write(&self, text: &mut Text<'_>) {
        for line in self.shown() {
            text.framed(|inside| format!("{}\n", line.inside(inside)));
        }
    }
}

impl List for Latest {
    fn units(&self) -> usize {
        self.lines.len()
    }

    fn keep(&mut self, units: usize) {
        self.keep = units;
    }
}

impl Serialize for Latest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let shown = self.shown();
        json!({ "items": shown, "total": self.matched, "omitted": self.matched - shown.len() as u64 })
            .serialize(serializer)
    }
}

impl JsonSchema for Latest {
    fn schema_name() -> Cow<'static, str> {
        "LatestLines".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "properties": {
                "items": Vec::<Untrusted>::json_schema(generator),
                "total": { "type": "integer", "description": "Lines there were." },
                "omitted": { "type": "integer", "description": "Older lines that are left out." },
            },
            "required": ["items", "total", "omitted"],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(tail: &mut Tail, lines: &[&str]) {
        for line in lines {
            tail.line(Line { bytes: line.as_bytes(), omitted: 0 });
        }
    }

    fn shown(latest: &Latest) -> Vec<String> {
        serde_json::from_value(serde_json::to_value(latest).unwrap()["items"].clone()).unwrap()
    }

    #[test]
    fn what_is_unwanted_takes_no_room() {
        let mut tail = Tail::new(2, false, |line| line.starts_with(b"e"));
        feed(&mut tail, &["e1", "x", "e2", "e3", "x", "x"]);
        assert_eq!(tail.read(), 6);
        let latest = tail.finish();
        assert_eq!((shown(&latest), latest.matched()), (vec!["e2".to_owned(), "e3".to_owned()], 3));
    }

    #[test]
    fn lines_that_may_have_come_in_pieces_are_known() {
        let long = "x".repeat(PIECE);
        for (lines, exact) in [
            (&["a"][..], true),
            (&["a", "b", "c"], true),
            (&[&long, "b", "c"], true),
            (&[&long, "c"], false),
            (&[&long], false),
            (&["[pod/p/a] 1", "[pod/p/a] 2", "[pod/p/a] 3", &format!("[pod/p/b] {long}")], false),
        ] {
            let mut tail = Tail::new(2, true, |_| true);
            feed(&mut tail, lines);
            assert_eq!(tail.is_exact(), exact, "{lines:.20?}");
        }
    }

    #[test]
    fn each_container_has_its_own_tail() {
        let mut tail = Tail::new(1, true, |line| line != b"no");
        feed(&mut tail, &["[pod/p/a] 1", "[pod/p/a] 2", "[pod/p/a] no", "[pod/p/b] 3", "[pod/p/b] 4"]);
        assert_eq!(shown(&tail.finish()), ["[pod/p/a] 2", "[pod/p/b] 4"]);
    }

    #[test]
    fn what_kubectl_says_between_the_lines_is_no_line() {
        let mut tail = Tail::new(5, true, |line| line.starts_with(b"x"));
        feed(&mut tail, &["[pod/p/a] x", "error: container \"c\" is waiting to start", "[pod/p/b] error: x"]);
        assert_eq!((tail.read(), tail.errors().as_str()), (2, "error: container \"c\" is waiting to start"));
        assert_eq!(shown(&tail.finish()), ["[pod/p/a] x"]);
        // What a node says in place of a log is its first line; later ones are the log's.
        let gone = "unable to retrieve container logs for containerd://x";
        let mut tail = Tail::new(5, false, |line| line.starts_with(b"x"));
        feed(&mut tail, &[gone]);
        assert_eq!((tail.read(), tail.errors().as_str()), (0, gone));
        let mut tail = Tail::new(5, false, |_| true);
        feed(&mut tail, &["a", gone]);
        assert_eq!((tail.read(), tail.errors().as_str()), (2, ""));
        // A log that is read alone says what it likes.
        let mut tail = Tail::new(5, false, |_| true);
        feed(&mut tail, &["error: mine"]);
        assert_eq!((tail.read(), tail.errors().as_str()), (1, ""));
    }

    #[test]
    fn a_line_too_long_to_search_is_said() {
        let mut tail = Tail::new(5, false, |line| line.starts_with(b"e"));
        tail.line(Line { bytes: b"xxx", omitted: 7 });
        tail.line(Line { bytes: b"exx", omitted: 7 });
        assert_eq!(tail.finish().half_searched(), 1);
    }

    #[test]
    fn memory_is_bounded_and_long_lines_are_cut_and_said() {
        let mut tail = Tail::new(10_000, false, |_| true);
        let line = "x".repeat(LINE_MAX);
        for _ in 0..1000 {
            tail.line(Line { bytes: line.as_bytes(), omitted: 7 });
        }
        assert!(tail.bytes <= KEPT);
        let latest = tail.finish();
        // Of those that are here; nobody asks about the others.
        assert_eq!(latest.cut(), latest.lines.len() as u64);
        assert!(latest.left_out() > 0 && latest.left_out() + latest.count() as u64 == 1000);
        assert!(shown(&latest)[0].ends_with(&format!("…(+{} bytes)", LINE_MAX - SHOWN + 7)));
    }

    #[test]
    fn a_key_of_several_lines_is_masked_as_one() {
        let mut tail = Tail::new(10, false, |_| true);
        feed(
            &mut tail,
            &["-----BEGIN PRIVATE KEY-----", "c2VjcmV0c2VjcmV0c2VjcmV0", "-----END PRIVATE KEY-----", "after"],
        );
        let shown = shown(&tail.finish()).join("\n");
        assert!(!shown.contains("c2VjcmV0") && shown.ends_with("after"), "{shown}");
    }
}
