//! Reading files that somebody else put there.

use std::{
    fs,
    io::{self, Read},
    path::Path,
};

use crate::{Error, Result};

/// Opens what is a file: a pipe would keep us waiting, a device never end.
pub(crate) fn open(path: &Path) -> Result<fs::File> {
    let failed = |error: io::Error| Error::io(path, &error);
    if !fs::metadata(path).map_err(failed)?.is_file() {
        return Err(Error::refused(format!("{} is no file", path.display())));
    }
    fs::File::open(path).map_err(failed)
}

/// Reads a file of at most `max` bytes.
pub(crate) fn read(path: &Path, max: u64) -> Result<Vec<u8>> {
    let failed = |error: io::Error| Error::io(path, &error);
    let mut bytes = Vec::new();
    open(path)?.take(max + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > max {
        return Err(Error::refused(format!("{} is larger than {max} bytes, no document is", path.display())));
    }
    Ok(bytes)
}
