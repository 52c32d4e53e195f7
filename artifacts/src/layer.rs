//! The archive of an artifact: packed the same always, unpacked with no trust in it.

mod pack;
mod unpack;

pub use pack::{Content, Member, Packed, pack};
pub(crate) use unpack::examine;
pub use unpack::{Limits, Unpacked, unpack, unpack_within};

#[cfg(test)]
mod tests;
