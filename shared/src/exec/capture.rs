//! Keeping a bounded part of what a child prints, and counting all of it.

use std::collections::VecDeque;
use std::fmt;
use std::io::BufRead;

/// What to keep of one output stream.
pub enum Capture<'a> {
    /// Keeps the first `head` and the last `tail` bytes.
    HeadTail {
        /// Bytes kept from the beginning.
        head: usize,
        /// Bytes kept from the end.
        tail: usize,
    },
    /// Keeps everything; more than `max` bytes is an error (`Code::TooLarge`) and ends the call. For output that is
    /// parsed, of which a part is worth nothing.
    Whole {
        /// Largest number of bytes accepted.
        max: usize,
    },
    /// Keeps nothing and hands each line on as it comes, so that filters can be applied before limits.
    Lines {
        /// Largest number of bytes of a line that is handed on; the rest of it is counted in [`Line::omitted`].
        max_line: usize,
        /// Called for every line. It runs between reads: as long as it takes, the child waits.
        sink: Box<dyn FnMut(Line<'_>) + Send + 'a>,
    },
}

impl<'a> Capture<'a> {
    /// [`Capture::Lines`] with the sink boxed.
    pub fn lines(max_line: usize, sink: impl FnMut(Line<'_>) + Send + 'a) -> Self {
        Self::Lines { max_line, sink: Box::new(sink) }
    }
}

/// Both ends, 32 KiB each.
impl Default for Capture<'_> {
    fn default() -> Self {
        Self::HeadTail { head: 32 << 10, tail: 32 << 10 }
    }
}

impl fmt::Debug for Capture<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HeadTail { head, tail } => write!(f, "HeadTail({head}, {tail})"),
            Self::Whole { max } => write!(f, "Whole({max})"),
            Self::Lines { max_line, .. } => write!(f, "Lines({max_line})"),
        }
    }
}

/// A line given to a sink.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// The line, without its line feed, or as much of its beginning as was allowed. Not necessarily UTF-8.
    pub bytes: &'a [u8],
    /// How many bytes of it were left out.
    pub omitted: u64,
}

/// What was kept of a stream, and how much there was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Captured {
    /// The beginning; everything, if nothing was left out.
    pub head: Vec<u8>,
    /// The end, if something was left out between the two.
    pub tail: Vec<u8>,
    /// How many bytes were read in all.
    pub bytes: u64,
    /// How many lines were read in all; a last one without line feed counts.
    pub lines: u64,
    /// Whether the end of the stream was seen. False when something that is not of this call kept it open.
    pub complete: bool,
}

impl Captured {
    /// How many bytes lie between [`Captured::head`] and [`Captured::tail`] (with [`Capture::Lines`]: all).
    pub fn omitted_bytes(&self) -> u64 {
        self.bytes.saturating_sub((self.head.len() + self.tail.len()) as u64)
    }

    /// Head and tail with the cut moved to line boundaries (inside a line too long for that: to character boundaries).
    pub fn at_lines(&self) -> Cut<'_> {
        if self.omitted_bytes() == 0 {
            return Cut { head: &self.head, tail: &self.tail, omitted_bytes: 0, omitted_lines: 0 };
        }
        let head = match self.head.iter().rposition(|byte| *byte == b'\n') {
            Some(at) => self.head.get(..=at).unwrap_or_default(),
            None => without_partial_end(&self.head),
        };
        let tail = match self.tail.iter().position(|byte| *byte == b'\n') {
            // The line feed may be the very last byte: then the tail lies in one long line and is kept as it is.
            Some(at) if at + 1 < self.tail.len() => self.tail.get(at + 1..).unwrap_or_default(),
            _ => without_partial_start(&self.tail),
        };
        let kept = count_lines(head) + count_lines(tail);
        Cut {
            head,
            tail,
            omitted_bytes: self.bytes.saturating_sub((head.len() + tail.len()) as u64),
            omitted_lines: self.lines.saturating_sub(kept),
        }
    }
}

/// Two ends of a stream and what lies between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut<'a> {
    /// The beginning.
    pub head: &'a [u8],
    /// The end; empty if nothing was left out.
    pub tail: &'a [u8],
    /// Bytes left out.
    pub omitted_bytes: u64,
    /// Lines of which nothing at all is shown.
    pub omitted_lines: u64,
}

fn is_continuation(byte: u8) -> bool {
    byte & 0xC0 == 0x80
}

fn without_partial_end(bytes: &[u8]) -> &[u8] {
    match std::str::from_utf8(bytes) {
        Err(error) if error.error_len().is_none() => bytes.get(..error.valid_up_to()).unwrap_or_default(),
        // Whole characters, or not UTF-8 at all and no boundary to find.
        _ => bytes,
    }
}

fn without_partial_start(bytes: &[u8]) -> &[u8] {
    let partial = bytes.iter().take(3).take_while(|byte| is_continuation(**byte)).count();
    bytes.get(partial..).unwrap_or_default()
}

/// Lines in `bytes`; an unfinished last one counts.
fn count_lines(bytes: &[u8]) -> u64 {
    let mut lines = 0;
    let mut rest = bytes;
    while next_line(&mut rest).is_some() {
        lines += 1;
    }
    lines
}

/// Takes the bytes up to and with the next line feed, or all if there is none. The search is std's, which is quick in
/// every profile.
fn next_line<'b>(rest: &mut &'b [u8]) -> Option<&'b [u8]> {
    let before = *rest;
    match rest.skip_until(b'\n') {
        Ok(taken) if taken > 0 => before.get(..taken),
        _ => None,
    }
}

/// A stream passed the bound of [`Capture::Whole`].
#[derive(Debug, PartialEq, Eq)]
pub struct Overflow {
    /// The bound, in bytes.
    pub max: usize,
}

/// Takes a stream in piece by piece: a child's, or one that comes from elsewhere.
pub struct Collector<'a> {
    capture: Capture<'a>,
    head: Vec<u8>,
    tail: VecDeque<u8>,
    /// The beginning of a line whose end has not come yet, and how much of it was left out.
    line: Vec<u8>,
    line_omitted: u64,
    bytes: u64,
    line_feeds: u64,
    mid_line: bool,
    complete: bool,
}

impl<'a> Collector<'a> {
    /// Keeps what `capture` says.
    pub fn new(capture: Capture<'a>) -> Self {
        Self {
            capture,
            head: Vec::new(),
            tail: VecDeque::new(),
            line: Vec::new(),
            line_omitted: 0,
            bytes: 0,
            line_feeds: 0,
            mid_line: false,
            complete: false,
        }
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// More than [`Capture::Whole`] takes.
    pub fn take(&mut self, chunk: &[u8]) -> Result<(), Overflow> {
        self.bytes += chunk.len() as u64;
        let mut rest = chunk;
        while let Some(piece) = next_line(&mut rest) {
            let content = piece.strip_suffix(b"\n");
            self.mid_line = content.is_none();
            self.line_feeds += u64::from(!self.mid_line);
            if let Capture::Lines { max_line, sink } = &mut self.capture {
                let content = content.unwrap_or(piece);
                let room = max_line.saturating_sub(self.line.len());
                let fits = content.get(..room).unwrap_or(content);
                let omitted = self.line_omitted + (content.len() - fits.len()) as u64;
                if self.mid_line {
                    self.line.extend_from_slice(fits);
                    self.line_omitted = omitted;
                } else if self.line.is_empty() {
                    sink(Line { bytes: fits, omitted });
                    self.line_omitted = 0;
                } else {
                    self.line.extend_from_slice(fits);
                    sink(Line { bytes: &self.line, omitted });
                    self.line.clear();
                    self.line_omitted = 0;
                }
            }
        }
        match self.capture {
            Capture::HeadTail { head, tail } => self.keep_ends(chunk, head, tail),
            Capture::Whole { max } if self.bytes > max as u64 => return Err(Overflow { max }),
            Capture::Whole { .. } => self.head.extend_from_slice(chunk),
            Capture::Lines { .. } => {}
        }
        Ok(())
    }

    fn keep_ends(&mut self, chunk: &[u8], head: usize, tail: usize) {
        let (first, rest) = chunk.split_at(chunk.len().min(head.saturating_sub(self.head.len())));
        self.head.extend_from_slice(first);
        let last = rest.get(rest.len().saturating_sub(tail)..).unwrap_or_default();
        let surplus = (self.tail.len() + last.len()).saturating_sub(tail);
        self.tail.drain(..surplus.min(self.tail.len()));
        self.tail.extend(last);
    }

    /// Says that the end of the stream was seen.
    pub fn complete(&mut self) {
        self.complete = true;
    }

    /// Hands on a last line without line feed, and what there is to tell.
    pub fn finish(mut self) -> Captured {
        if self.mid_line
            && let Capture::Lines { sink, .. } = &mut self.capture
        {
            sink(Line { bytes: &self.line, omitted: self.line_omitted });
        }
        let mut captured = Captured {
            head: self.head,
            tail: self.tail.into(),
            bytes: self.bytes,
            lines: self.line_feeds + u64::from(self.mid_line),
            complete: self.complete,
        };
        if captured.omitted_bytes() == 0 {
            captured.head.append(&mut captured.tail);
        }
        captured
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn collect(capture: Capture<'_>, chunks: &[&[u8]]) -> Captured {
        let mut collector = Collector::new(capture);
        for chunk in chunks {
            collector.take(chunk).expect("no bound passed");
        }
        collector.finish()
    }

    #[test]
    fn both_ends_and_the_cut() {
        let capture = || Capture::HeadTail { head: 6, tail: 6 };
        let all = collect(capture(), &[b"one\ntwo\n", b"thr"]);
        assert_eq!((all.head.as_slice(), all.tail.as_slice(), all.lines), (&b"one\ntwo\nthr"[..], &b""[..], 3));
        assert_eq!(all.at_lines().omitted_bytes, 0);

        let cut = collect(capture(), &[b"one\ntwo\nthree\nfour\nfi", b"ve\nsix\n"]);
        assert_eq!((cut.head.as_slice(), cut.tail.as_slice()), (&b"one\ntw"[..], &b"e\nsix\n"[..]));
        assert_eq!((cut.bytes, cut.lines, cut.omitted_bytes()), (28, 6, 16));
        let lines = cut.at_lines();
        assert_eq!((lines.head, lines.tail), (&b"one\n"[..], &b"six\n"[..]));
        assert_eq!((lines.omitted_bytes, lines.omitted_lines), (20, 4));
    }

    #[test]
    fn a_cut_inside_one_long_line_respects_characters() {
        let text = "ä".repeat(100);
        let cut = collect(Capture::HeadTail { head: 5, tail: 5 }, &[text.as_bytes()]);
        let cut = cut.at_lines();
        assert_eq!((cut.head, cut.tail), ("ää".as_bytes(), "ää".as_bytes()));
        assert_eq!((cut.omitted_bytes, cut.omitted_lines), (192, 0));
    }

    #[test]
    fn whole_takes_exactly_its_maximum() {
        let mut collector = Collector::new(Capture::Whole { max: 4 });
        assert_eq!(collector.take(b"abcd"), Ok(()));
        assert_eq!(collector.take(b"e"), Err(Overflow { max: 4 }));
        assert_eq!(collector.finish().head, b"abcd");
    }

    #[test]
    fn lines_are_bounded_and_counted() {
        let mut seen = Vec::new();
        let capture =
            Capture::lines(4, |line| seen.push((String::from_utf8_lossy(line.bytes).into_owned(), line.omitted)));
        let captured = collect(capture, &[b"ab\n\nabcd", b"efg", b"h\nlast"]);
        assert_eq!((captured.lines, captured.bytes, captured.head.len()), (4, 17, 0));
        let seen: Vec<_> = seen.iter().map(|(text, omitted)| (text.as_str(), *omitted)).collect();
        assert_eq!(seen, [("ab", 0), ("", 0), ("abcd", 4), ("last", 0)]);
    }

    proptest! {
        #[test]
        fn any_chunking_gives_the_same(
            text in prop::collection::vec(prop_oneof![Just(b'\n'), any::<u8>()], 0..200),
            size in 1_usize..40, head in 0_usize..50, tail in 0_usize..50, max_line in 0_usize..20,
        ) {
            let chunks: Vec<&[u8]> = text.chunks(size).collect();
            let kept = collect(Capture::HeadTail { head, tail }, &chunks);
            prop_assert_eq!(kept.bytes, text.len() as u64);
            let mut expected: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
            expected.pop_if(|last| last.is_empty());
            prop_assert_eq!(kept.lines, expected.len() as u64);
            if text.len() <= head + tail {
                prop_assert_eq!(&kept.head, &text);
            } else {
                prop_assert_eq!(&kept.head[..], &text[..head]);
                prop_assert_eq!(&kept.tail[..], &text[text.len() - tail..]);
            }
            let cut = kept.at_lines();
            prop_assert_eq!(cut.omitted_bytes + (cut.head.len() + cut.tail.len()) as u64, text.len() as u64);

            let mut lines = Vec::new();
            collect(Capture::lines(max_line, |line| lines.push((line.bytes.to_vec(), line.omitted))), &chunks);
            prop_assert_eq!(lines.len(), expected.len());
            for ((bytes, omitted), line) in lines.iter().zip(expected) {
                prop_assert_eq!(bytes.as_slice(), &line[..line.len().min(max_line)]);
                prop_assert_eq!(*omitted, line.len().saturating_sub(max_line) as u64);
            }
        }
    }
}
