//! A stream of bytes as lines, of which no more is held than is looked at.

/// The most of a line that is looked at; what lies behind is counted.
pub const LINE_MAX: usize = 256 << 10;

/// A line without its end, or the beginning of a long one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// What is at hand of it.
    pub bytes: &'a [u8],
    /// Bytes of it that are not.
    pub omitted: u64,
}

impl<'a> Line<'a> {
    /// A line that is at hand as a whole.
    pub fn whole(bytes: &'a [u8]) -> Self {
        Self { bytes, omitted: 0 }
    }
}

/// Cuts one stream into lines, however its bytes arrive.
#[derive(Debug, Default)]
pub struct Splitter {
    /// The beginning of a line whose end has not come.
    begun: Vec<u8>,
    omitted: u64,
}

impl Splitter {
    /// Takes the next bytes of the stream and hands on each line that ends in them.
    pub fn push(&mut self, mut chunk: &[u8], take: &mut impl FnMut(Line<'_>)) {
        while let Some(at) = memchr::memchr(b'\n', chunk) {
            let (line, rest) = chunk.split_at(at);
            chunk = rest.get(1..).unwrap_or_default();
            if self.begun.is_empty() && self.omitted == 0 {
                let (kept, left) = line.split_at(line.len().min(LINE_MAX));
                take(Line { bytes: kept, omitted: left.len() as u64 });
            } else {
                self.hold(line);
                self.hand_on(take);
            }
        }
        self.hold(chunk);
    }

    /// The stream has ended: a last line needs no end of its own.
    pub fn finish(&mut self, take: &mut impl FnMut(Line<'_>)) {
        if !self.begun.is_empty() || self.omitted > 0 {
            self.hand_on(take);
        }
    }

    fn hold(&mut self, piece: &[u8]) {
        let (kept, left) = piece.split_at(piece.len().min(LINE_MAX.saturating_sub(self.begun.len())));
        self.begun.extend_from_slice(kept);
        self.omitted += left.len() as u64;
    }

    fn hand_on(&mut self, take: &mut impl FnMut(Line<'_>)) {
        take(Line { bytes: &self.begun, omitted: self.omitted });
        self.begun.clear();
        self.omitted = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &[u8], step: usize) -> Vec<(Vec<u8>, u64)> {
        let (mut splitter, mut seen) = (Splitter::default(), Vec::new());
        let mut take = |line: Line<'_>| seen.push((line.bytes.to_vec(), line.omitted));
        for chunk in text.chunks(step) {
            splitter.push(chunk, &mut take);
        }
        splitter.finish(&mut take);
        seen
    }

    #[test]
    fn lines_are_the_same_however_the_bytes_arrive() {
        for (text, expected) in [
            (&b""[..], &[][..]),
            (b"\n", &["".as_bytes()]),
            (b"a\n\nb", &[b"a", b"", b"b"]),
            (b"a\r\n\0\xff\n", &[b"a\r", b"\0\xff"]),
        ] {
            for step in [1, 2, 100] {
                let lines: Vec<_> = lines(text, step).into_iter().map(|(line, _)| line).collect();
                assert_eq!(lines, expected, "{step}");
            }
        }
    }

    #[test]
    fn a_line_of_100_mb_is_cut_and_counted() {
        let mut splitter = Splitter::default();
        let mut seen = Vec::new();
        let mut take = |line: Line<'_>| seen.push((line.bytes.len(), line.omitted));
        let chunk = vec![b'x'; 1 << 20];
        for _ in 0..100 {
            splitter.push(&chunk, &mut take);
        }
        assert!(splitter.begun.capacity() <= 2 * LINE_MAX);
        splitter.push(b"\nshort\n", &mut take);
        splitter.finish(&mut take);
        assert_eq!(seen, [(LINE_MAX, (100 << 20) - LINE_MAX as u64), (5, 0)]);
        // In one chunk, too.
        let whole = [&vec![b'y'; LINE_MAX + 3][..], b"\n"].concat();
        assert_eq!(lines(&whole, usize::MAX), [(vec![b'y'; LINE_MAX], 3)]);
    }
}
