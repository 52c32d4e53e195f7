//! Packing: the same files are the same bytes, whoever packs them, wherever and whenever.

use std::{
    fs,
    io::{self, Read, Write},
    path::PathBuf,
};

use super::{Counted, gzip::Gzip};
use crate::{
    Error, Result,
    oci::{Descriptor, Digest, Hasher},
};

/// The longest name a plain header has room for.
const NAME_MAX: usize = 100;

/// Where the bytes of a member come from.
#[derive(Clone, Debug)]
pub enum Content {
    /// A file, read while it is packed.
    File(PathBuf),
    /// These.
    Bytes(Vec<u8>),
    /// None: it is a directory.
    Directory,
}

/// One entry of an archive.
#[derive(Clone, Debug)]
pub struct Member {
    /// Its name: relative, with `/` between directories.
    pub name: String,
    /// The permission bits: 0755 for what is run, 0644 for what is read.
    pub mode: u32,
    /// Who owns it. 0 in an artifact.
    pub owner: u32,
    /// What it holds.
    pub content: Content,
}

impl Member {
    /// A program.
    pub fn program(name: impl Into<String>, content: Content) -> Self {
        Self { name: name.into(), mode: 0o755, owner: 0, content }
    }

    /// A file that is read.
    pub fn file(name: impl Into<String>, content: Content) -> Self {
        Self { name: name.into(), mode: 0o644, owner: 0, content }
    }
}

/// What came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packed {
    /// The digest of the compressed bytes: the layer's.
    pub digest: Digest,
    /// Their number.
    pub size: u64,
    /// The digest of the archive before it was compressed, which the configuration of an image lists.
    pub uncompressed: Digest,
}

impl Packed {
    /// What points at it as a layer of `media_type`.
    pub fn descriptor(&self, media_type: &str) -> Descriptor {
        Descriptor { size: self.size, digest: self.digest, ..Descriptor::of(media_type, b"") }
    }
}

/// Writes `members` to `out` as a gzipped tar, sorted by name, each with the time `mtime` (seconds since 1970).
///
/// # Errors
///
/// A name that is empty, too long, twice there or not plain; a file that cannot be read or changes while it is.
pub fn pack(mut members: Vec<Member>, mtime: u64, out: &mut dyn Write) -> Result<Packed> {
    members.sort_by(|one, other| one.name.cmp(&other.name));
    if let Some(twice) = members.windows(2).find(|pair| pair[0].name == pair[1].name) {
        return Err(Error::refused(format!("{:?} is there twice", twice[0].name)));
    }
    let failed = |error: io::Error| Error::new(crate::Kind::Io, format!("the archive could not be written: {error}"));
    let compressor = Gzip::new(Measured::new(out)).map_err(failed)?;
    let mut archive = tar::Builder::new(Measured::new(compressor));
    for member in &members {
        append(&mut archive, member, mtime).map_err(|error| error.while_doing(&member.name))?;
    }
    let outer = archive.into_inner().map_err(failed)?;
    let uncompressed = outer.hasher.finish();
    let inner = outer.inner.finish().map_err(failed)?;
    Ok(Packed { digest: inner.hasher.finish(), size: inner.size, uncompressed })
}

fn append(archive: &mut tar::Builder<impl Write>, member: &Member, mtime: u64) -> Result<()> {
    let plain = |part: &str| !matches!(part, "" | "." | "..") && !part.contains(|c: char| c.is_control() || c == '\\');
    if member.name.len() > NAME_MAX || !member.name.split('/').all(plain) {
        return Err(Error::refused(format!("{:?} is no plain relative name of at most {NAME_MAX} bytes", member.name)));
    }
    let mut header = tar::Header::new_ustar();
    header.set_mode(member.mode);
    header.set_uid(member.owner.into());
    header.set_gid(member.owner.into());
    header.set_mtime(mtime);
    header.set_entry_type(tar::EntryType::Regular);
    let written = |error: io::Error| Error::new(crate::Kind::Io, error.to_string());
    match &member.content {
        Content::Bytes(bytes) => {
            header.set_size(bytes.len() as u64);
            archive.append_data(&mut header, &member.name, bytes.as_slice()).map_err(written)
        }
        Content::Directory => {
            header.set_entry_type(tar::EntryType::Directory);
            header.set_size(0);
            archive.append_data(&mut header, format!("{}/", member.name), io::empty()).map_err(written)
        }
        Content::File(path) => {
            let failed = |error: io::Error| Error::io(path, &error);
            let file = fs::File::open(path).map_err(failed)?;
            let size = file.metadata().map_err(failed)?.len();
            header.set_size(size);
            let mut content = Counted { inner: file.take(size), read: 0 };
            archive.append_data(&mut header, &member.name, &mut content).map_err(failed)?;
            // A shorter member would shift all that follows.
            if content.read == size {
                Ok(())
            } else {
                Err(Error::refused(format!("{} became shorter while it was packed", path.display())))
            }
        }
    }
}

/// A writer that knows what went through it.
struct Measured<W> {
    inner: W,
    hasher: Hasher,
    size: u64,
}

impl<W> Measured<W> {
    fn new(inner: W) -> Self {
        Self { inner, hasher: Hasher::default(), size: 0 }
    }
}

impl<W: Write> Write for Measured<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        self.size += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
