//! Compression on all cores whose output depends on none of them.
//!
//! What is written is cut every [`BLOCK`] bytes. Each block is compressed by itself and ends on a byte, so that they
//! are compressed at once and still make one deflate stream (RFC 1951), inside one gzip member (RFC 1952).

use std::{
    io::{self, Write},
    num::NonZero,
    thread,
};

use flate2::{Compress, Compression, Crc, FlushCompress, Status};

/// How hard to compress. Part of the format as much as the compressor is: another level is another digest.
///
/// Of a server, 6 saves one byte in a hundred and takes almost twice the time.
const LEVEL: u32 = 5;

/// How much is compressed by itself, in bytes. As much a part of the format as [`LEVEL`].
pub(super) const BLOCK: usize = 512 * 1024;

/// How many threads compress at most: what waits is a block for each.
const LANES: usize = 16;

/// A member without name, time or system: what it holds is all that it says.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

/// A writer that compresses what is written to it.
pub(super) struct Gzip<W> {
    inner: W,
    /// What is not compressed yet: at most a block for each lane, and never nothing once something was written, because
    /// the last block has to be known as such.
    waiting: Vec<u8>,
    lanes: usize,
    crc: Crc,
}

impl<W: Write> Gzip<W> {
    /// A writer into `inner` on the cores of this machine.
    ///
    /// # Errors
    ///
    /// The header could not be written.
    pub(super) fn new(inner: W) -> io::Result<Self> {
        Self::on(inner, thread::available_parallelism().map_or(1, NonZero::get).min(LANES))
    }

    /// The same on a number of threads.
    pub(super) fn on(mut inner: W, lanes: usize) -> io::Result<Self> {
        inner.write_all(&HEADER)?;
        Ok(Self { inner, waiting: Vec::with_capacity(lanes * BLOCK), lanes, crc: Crc::new() })
    }

    /// Compresses what waits and ends the member.
    ///
    /// # Errors
    ///
    /// It could not be written.
    pub(super) fn finish(mut self) -> io::Result<W> {
        self.compress(true)?;
        self.inner.write_all(&self.crc.sum().to_le_bytes())?;
        self.inner.write_all(&self.crc.amount().to_le_bytes())?;
        Ok(self.inner)
    }

    fn compress(&mut self, to_the_end: bool) -> io::Result<()> {
        self.crc.update(&self.waiting);
        let mut blocks: Vec<_> = self.waiting.chunks(BLOCK).map(|block| (block, false)).collect();
        match blocks.last_mut() {
            Some((_, last)) => *last = to_the_end,
            None => blocks.push((&[], to_the_end)),
        }
        let compressed: Vec<io::Result<Vec<u8>>> = thread::scope(|scope| {
            let started = blocks.iter().map(|(block, last)| {
                let thread = thread::Builder::new().spawn_scoped(scope, || deflate(block, *last));
                // Where there are no more threads to be had, it is done here.
                thread.map_err(|_| deflate(block, *last))
            });
            // All are started before the first is waited for.
            let started: Vec<_> = started.collect();
            let ended = started.into_iter().map(|block| match block {
                Ok(thread) => thread.join().unwrap_or_else(|_| Err(io::Error::other("the compressor gave up"))),
                Err(done) => done,
            });
            ended.collect()
        });
        for block in compressed {
            self.inner.write_all(&block?)?;
        }
        self.waiting.clear();
        Ok(())
    }
}

impl<W: Write> Write for Gzip<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.waiting.len() == self.lanes * BLOCK && !bytes.is_empty() {
            self.compress(false)?;
        }
        let taken = bytes.len().min(self.lanes * BLOCK - self.waiting.len());
        self.waiting.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    /// Does nothing: to compress early would be to compress otherwise.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// One block, up to a byte's end, or as the end of the stream.
fn deflate(block: &[u8], last: bool) -> io::Result<Vec<u8>> {
    /// Room without which the compressor is not asked: a block's end takes a few bytes, and must not be asked for twice.
    const ROOM: usize = 1024;
    let mut compressor = Compress::new(Compression::new(LEVEL), false);
    let mut out = Vec::with_capacity(block.len() / 2 + ROOM);
    let flush = if last { FlushCompress::Finish } else { FlushCompress::Sync };
    let mut rest = block;
    loop {
        if out.capacity() - out.len() < ROOM {
            out.reserve(block.len() / 4 + ROOM);
        }
        let before = compressor.total_in();
        let status = compressor.compress_vec(rest, &mut out, flush)?;
        let taken = usize::try_from(compressor.total_in() - before).map_err(io::Error::other)?;
        rest = rest.get(taken..).unwrap_or_default();
        // With room left there is nothing that waits inside.
        let done = if last { status == Status::StreamEnd } else { rest.is_empty() && out.len() < out.capacity() };
        if done {
            return Ok(out);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    /// Bytes that compress about as a program does: words of a small set, with noise between.
    fn bytes(len: usize) -> Vec<u8> {
        let mut state = 1_u32;
        let mut out = Vec::with_capacity(len + 8);
        while out.len() < len {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let word = if state >> 31 == 0 { u64::from(state >> 24) << 8 } else { u64::from(state) * 0x9e37_79b9 };
            out.extend_from_slice(&word.to_le_bytes());
        }
        out.truncate(len);
        out
    }

    fn compressed(content: &[u8], lanes: usize, step: usize) -> Vec<u8> {
        let mut gzip = Gzip::on(Vec::new(), lanes).unwrap();
        for part in content.chunks(step) {
            gzip.write_all(part).unwrap();
            gzip.flush().unwrap();
        }
        gzip.finish().unwrap()
    }

    #[test]
    fn what_comes_out_is_what_went_in() {
        for len in [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, 3 * BLOCK + 17] {
            let content = bytes(len);
            let mut read = Vec::new();
            let member = compressed(&content, 2, 64 * 1024);
            let mut decoder = flate2::bufread::GzDecoder::new(member.as_slice());
            decoder.read_to_end(&mut read).unwrap();
            assert!(read == content, "{len} bytes came back as {}", read.len());
            assert!(decoder.into_inner().is_empty(), "something follows the member of {len} bytes");
        }
    }

    #[test]
    fn neither_threads_nor_steps_are_seen_in_the_output() {
        let content = bytes(5 * BLOCK + 17);
        let expected = compressed(&content, 1, content.len());
        for (lanes, step) in [(1, 1000), (2, 64 * 1024), (3, BLOCK), (8, 5 * BLOCK), (64, 1 << 20)] {
            assert!(compressed(&content, lanes, step) == expected, "{lanes} threads, {step} bytes at a time");
        }
    }

    #[test]
    fn what_does_not_compress_fits_too() {
        let mut noise = vec![0; BLOCK + 3];
        ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut noise).unwrap();
        let mut read = Vec::new();
        flate2::read::GzDecoder::new(compressed(&noise, 2, 4096).as_slice()).read_to_end(&mut read).unwrap();
        assert!(read == noise);
    }
}
