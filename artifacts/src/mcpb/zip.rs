//! A zip archive that comes out the same always: entries as given, one time for all, no field that depends on where it is made.

use std::io::Write;

use flate2::{Compression, Crc, write::DeflateEncoder};

use crate::{Error, Result};

/// A file of the archive.
pub struct Entry<'a> {
    /// Its path.
    pub name: &'a str,
    /// What it holds.
    pub bytes: &'a [u8],
    /// Whether it may be run.
    pub executable: bool,
}

/// 1 January 1980, the first day zip can say: the one everybody takes who wants none.
const DATE: u16 = 0x0021;
const TIME: u16 = 0;
/// Version 2.0: deflate.
const NEEDED: u16 = 20;
/// Made on Unix, so that readers look for modes.
const MADE_BY: u16 = 3 << 8 | NEEDED;
const STORED: u16 = 0;
const DEFLATED: u16 = 8;

/// The archive of `entries`.
pub fn archive(entries: &[Entry<'_>]) -> Result<Vec<u8>> {
    let mut archive = Vec::new();
    let mut directory = Vec::new();
    for entry in entries {
        let large =
            |_| Error::refused(format!("{} is too large for the archive, which has 32 bits for it", entry.name));
        let offset = u32::try_from(archive.len()).map_err(large)?;
        let size = u32::try_from(entry.bytes.len()).map_err(large)?;
        let length = u16::try_from(entry.name.len()).map_err(large)?;
        let deflated = deflate(entry.bytes)?;
        let (method, content) =
            if deflated.len() < entry.bytes.len() { (DEFLATED, deflated.as_slice()) } else { (STORED, entry.bytes) };
        let mut crc = Crc::new();
        crc.update(entry.bytes);
        let mut common = Vec::new();
        for number in [NEEDED, 0, method, TIME, DATE] {
            common.extend(number.to_le_bytes());
        }
        for number in [crc.sum(), u32::try_from(content.len()).map_err(large)?, size] {
            common.extend(number.to_le_bytes());
        }
        for number in [length, 0] {
            common.extend(number.to_le_bytes());
        }
        archive.extend(b"PK\x03\x04");
        archive.extend(&common);
        archive.extend(entry.name.as_bytes());
        archive.extend(content);

        let mode: u32 = if entry.executable { 0o100_755 } else { 0o100_644 };
        directory.extend(b"PK\x01\x02");
        directory.extend(MADE_BY.to_le_bytes());
        directory.extend(&common);
        // No comment, the first disk, nothing known about being text.
        directory.extend([0; 6]);
        directory.extend((mode << 16).to_le_bytes());
        directory.extend(offset.to_le_bytes());
        directory.extend(entry.name.as_bytes());
    }
    let large = |_| Error::refused("the archive is too large, it has 32 bits for its own size");
    let (start, size) = (u32::try_from(archive.len()).map_err(large)?, u32::try_from(directory.len()).map_err(large)?);
    let count = u16::try_from(entries.len()).map_err(large)?;
    archive.extend(directory);
    archive.extend(b"PK\x05\x06\0\0\0\0");
    archive.extend(count.to_le_bytes());
    archive.extend(count.to_le_bytes());
    archive.extend(size.to_le_bytes());
    archive.extend(start.to_le_bytes());
    archive.extend([0; 2]);
    Ok(archive)
}

fn deflate(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    let done = encoder.write_all(bytes).and_then(|()| encoder.finish());
    done.map_err(|error| Error::refused(format!("the content could not be compressed: {error}")))
}
