//! Bodies of answers: decompressed as they come, and never held beyond a bound.

use std::io::{self, Write};

use bytes::Bytes;
use flate2::write::MultiGzDecoder;
use http::{HeaderMap, header::CONTENT_ENCODING};

/// What is done with a body that is longer than its bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Longer {
    /// Nothing of it can be used: half a document is none.
    Fails,
    /// What came is used, and what is missing is said: half a log is half a log.
    Ends,
}

/// A body that is being read.
pub struct Reading {
    sink: Sink,
}

enum Sink {
    Plain(Bounded),
    Gzip(Box<MultiGzDecoder<Bounded>>),
}

/// Bytes up to a bound.
struct Bounded {
    bytes: Vec<u8>,
    max: usize,
    /// Whether there was more.
    over: bool,
}

impl Write for Bounded {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        let room = self.max - self.bytes.len();
        let taken = room.min(piece.len());
        self.bytes.extend_from_slice(&piece[..taken]);
        if taken < piece.len() {
            self.over = true;
            // The decoder would go on decompressing what nobody will see.
            return Err(io::Error::other("longer than its bound"));
        }
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What became of a piece.
#[derive(Debug, PartialEq, Eq)]
pub enum Taken {
    /// It was taken.
    Whole,
    /// The bound is reached.
    Full,
    /// It is not what the headers say it is.
    Broken,
}

impl Reading {
    /// A body with these headers, of which at most `max` bytes are held.
    ///
    /// # Errors
    /// The encoding, when it is one that was not asked for.
    pub fn new(headers: &HeaderMap, max: usize) -> Result<Self, String> {
        let bounded = Bounded { bytes: Vec::new(), max, over: false };
        let sink = match headers.get(CONTENT_ENCODING).map(|value| value.as_bytes().to_ascii_lowercase()).as_deref() {
            None | Some(b"identity" | b"") => Sink::Plain(bounded),
            Some(b"gzip" | b"x-gzip") => Sink::Gzip(Box::new(MultiGzDecoder::new(bounded))),
            Some(other) => return Err(String::from_utf8_lossy(other).into_owned()),
        };
        Ok(Self { sink })
    }

    /// Takes the next piece.
    pub fn take(&mut self, piece: &[u8]) -> Taken {
        let written = match &mut self.sink {
            Sink::Plain(bounded) => bounded.write_all(piece),
            Sink::Gzip(decoder) => decoder.write_all(piece),
        };
        let over = match &self.sink {
            Sink::Plain(bounded) => bounded.over,
            Sink::Gzip(decoder) => decoder.get_ref().over,
        };
        match written {
            _ if over => Taken::Full,
            Ok(()) => Taken::Whole,
            Err(_) => Taken::Broken,
        }
    }

    /// The whole body; nothing when its compressed form has no end.
    pub fn finish(self) -> Option<Bytes> {
        match self.sink {
            Sink::Plain(bounded) => Some(bounded.bytes.into()),
            Sink::Gzip(mut decoder) => {
                decoder.try_finish().ok()?;
                Some(std::mem::take(&mut decoder.get_mut().bytes).into())
            }
        }
    }

    /// What has been read so far.
    pub fn so_far(self) -> Bytes {
        match self.sink {
            Sink::Plain(bounded) => bounded.bytes.into(),
            Sink::Gzip(mut decoder) => std::mem::take(&mut decoder.get_mut().bytes).into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use flate2::{Compression, write::GzEncoder};

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn reading(encoding: Option<&'static str>, max: usize) -> Reading {
        let headers = encoding.map(|value| (CONTENT_ENCODING, value.parse().unwrap()));
        Reading::new(&headers.into_iter().collect(), max).unwrap()
    }

    #[test]
    fn plain_and_compressed_come_out_whole() {
        let mut plain = reading(None, 10);
        assert_eq!((plain.take(b"abc"), plain.take(b"def")), (Taken::Whole, Taken::Whole));
        assert_eq!(plain.finish().as_deref(), Some(&b"abcdef"[..]));
        let mut packed = reading(Some("gzip"), 10);
        for byte in gzip(b"abcdef") {
            assert_eq!(packed.take(&[byte]), Taken::Whole);
        }
        assert_eq!(packed.finish().as_deref(), Some(&b"abcdef"[..]));
    }

    #[test]
    fn the_bound_is_of_what_comes_out() {
        let bomb = gzip(&vec![0; 50 << 20]);
        assert!(bomb.len() < 1 << 20);
        let mut packed = reading(Some("gzip"), 1 << 20);
        assert_eq!(packed.take(&bomb), Taken::Full);
        assert_eq!(packed.so_far().len(), 1 << 20);
        let mut plain = reading(None, 5);
        assert_eq!((plain.take(b"abcde"), plain.take(b"f")), (Taken::Whole, Taken::Full));
        assert_eq!(plain.so_far(), "abcde");
    }

    #[test]
    fn what_is_broken_off_or_is_no_gzip_is_not_whole() {
        let mut cut = reading(Some("gzip"), 100);
        let bytes = gzip(b"abcdef");
        cut.take(&bytes[..bytes.len() - 6]);
        assert_eq!(cut.finish(), None);
        assert_eq!(reading(Some("gzip"), 100).take(b"no gzip at all, by no means"), Taken::Broken);
        let headers = HeaderMap::from_iter([(CONTENT_ENCODING, "br".parse().unwrap())]);
        assert_eq!(Reading::new(&headers, 1).err().as_deref(), Some("br"));
    }
}
