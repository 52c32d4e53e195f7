//! The archive of an artifact: packed the same always, unpacked with no trust in it.

use std::io::{self, Read};

mod gzip;
mod header;
mod pack;
mod unpack;

pub use pack::{Content, Member, Packed, pack};
pub(crate) use unpack::examine;
pub use unpack::{Limits, Unpacked, holds_no_programs, unpack, unpack_within};

/// A reader that knows how much came out of it.
struct Counted<R> {
    inner: R,
    read: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.read += read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests;
