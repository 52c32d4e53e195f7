//! The header of an entry, read so that every other reader reads the same: what could be read in two ways is refused.

use std::io::Read;

use crate::{Error, Result};

/// An extended header with times has some thirty bytes for each.
const EXTENSION_MAX: u64 = 1 << 12;

/// Where POSIX has its name and version, and where the prefix of a name.
const MAGIC: std::ops::Range<usize> = 257..265;
const PREFIX: std::ops::Range<usize> = 345..500;

/// A header that all readers read the same.
pub(super) fn plain(header: &tar::Header) -> Result<()> {
    plain_size(header)?;
    plain_rest(header)
}

/// The size must stand there as every reader reads it: octal digits, and the end of the field.
fn plain_size(header: &tar::Header) -> Result<()> {
    let field = &header.as_old().size;
    let digits = field.iter().take_while(|byte| matches!(byte, b'0'..=b'7')).count();
    let rest = field.get(digits..).unwrap_or_default();
    if digits == 0 || !rest.iter().all(|byte| matches!(byte, 0 | b' ')) {
        return Err(Error::refused("its size is not written in octal digits"));
    }
    Ok(())
}

/// What lies behind the fields that all formats have: nothing, or the prefix of a name as POSIX has it. Readers disagree about everything else there.
fn plain_rest(header: &tar::Header) -> Result<()> {
    let bytes = header.as_bytes();
    let none = |range: std::ops::Range<usize>| bytes.get(range).is_some_and(|part| part.iter().all(|byte| *byte == 0));
    let posix = bytes.get(MAGIC) == Some(b"ustar\x0000");
    if none(PREFIX.start..bytes.len()) || posix && none(PREFIX.end..bytes.len()) {
        Ok(())
    } else {
        Err(Error::refused("its header has something where some readers see a part of the name and others do not"))
    }
}

/// An extended header of `size` bytes that says times only.
pub(super) fn times_only(entry: &mut impl Read, size: u64) -> std::result::Result<(), String> {
    if size > EXTENSION_MAX {
        return Err(format!("of {size} bytes, more than times take"));
    }
    let mut text = String::new();
    entry.read_to_string(&mut text).map_err(|error| format!("that cannot be read: {error}"))?;
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let record = rest.split(' ').next().and_then(|length| length.parse::<usize>().ok());
        let record = record.and_then(|length| rest.get(..length)).filter(|record| record.ends_with('\n'));
        let record = record.ok_or("that is malformed")?;
        let key = record.split_once(' ').and_then(|(_, pair)| pair.split_once('=')).map_or("", |(key, _)| key);
        if !matches!(key, "mtime" | "atime" | "ctime") {
            return Err(format!("that says {key:?}"));
        }
        rest = rest.get(record.len()..).unwrap_or_default();
    }
    Ok(())
}

/// A name that stays inside: relative, plain, without `.` and `..`; `./` in front and `/` behind are how other packers write.
pub(super) fn name(bytes: &[u8]) -> Result<String> {
    let shown = String::from_utf8_lossy(bytes).escape_debug().take(200).collect::<String>();
    let refused = |why: &str| Error::refused(format!("\"{shown}\" {why}"));
    let text = std::str::from_utf8(bytes).map_err(|_| refused("is a name that is not UTF-8"))?;
    if text.starts_with('/') {
        return Err(refused("is an absolute name"));
    }
    if text.contains(|c: char| c.is_control() || c == '\\') {
        return Err(refused("is a name with control characters or backslashes"));
    }
    if text.len() > 1024 || text.split('/').any(|part| part.len() > 255) {
        return Err(refused("is a name that is too long"));
    }
    let mut text = text;
    while let Some(rest) = text.strip_prefix("./") {
        text = rest;
    }
    let text = text.strip_suffix('/').unwrap_or(text);
    if text.is_empty() || text == "." {
        return Ok(String::new());
    }
    if text.split('/').any(|part| part == "..") {
        return Err(refused("is a name that leads outside"));
    }
    // What a container runtime takes for the removal of what lies beneath.
    if text.split('/').any(|part| part.starts_with(".wh.")) {
        return Err(refused("is a name by which images remove files"));
    }
    if text.split('/').any(|part| part.is_empty() || part == ".") {
        return Err(refused("is a name with empty parts"));
    }
    Ok(text.to_owned())
}
