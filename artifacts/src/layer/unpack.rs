//! Unpacking: an archive is the work of a stranger until every byte of it has been looked at. What is refused is named, and nothing of it stays.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Read, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use super::{
    Counted,
    header::{name, plain, times_only},
};
use flate2::bufread::MultiGzDecoder;

use crate::{Error, Kind, Result, binary, oci::Platform, oci::media, tool_manifest::ToolManifest};

/// What an archive may be at most. A real one holds a handful of files, the largest a CLI of some sixty megabytes.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Entries.
    pub entries: usize,
    /// Bytes of one member.
    pub member: u64,
    /// Bytes of all members.
    pub total: u64,
    /// Bytes of the archive for each byte of the compressed layer, once it is longer than a mebibyte. Programs shrink to a third or a quarter.
    pub ratio: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { entries: 4096, member: 512 << 20, total: 1 << 30, ratio: 100 }
    }
}

/// What an unpacked artifact is.
#[derive(Clone, Debug)]
pub struct Unpacked {
    /// What its `manifest.json` says.
    pub manifest: ToolManifest,
    /// The server's program in the directory it was unpacked to.
    pub program: PathBuf,
    /// What the program was built for.
    pub platform: Platform,
    /// The names of the files, sorted.
    pub files: Vec<String>,
}

/// Unpacks a layer of `media_type` into `place`, which must not exist or be empty, and looks at what it holds: a readable `manifest.json` and, as its `command`, a
/// program for `platform` (any, if it is `None`) that may be run. `place` appears at the end, whole; on an error it is as it was.
///
/// # Errors
///
/// [`Kind::Refused`] with the name of the entry that was refused; [`Kind::Usage`] if `place` is not empty.
pub fn unpack(layer: impl Read, media_type: &str, place: &Path, platform: Option<&Platform>) -> Result<Unpacked> {
    unpack_within(layer, media_type, place, platform, &Limits::default())
}

/// [`unpack`] with other limits.
///
/// # Errors
///
/// As [`unpack`].
pub fn unpack_within(
    layer: impl Read,
    media_type: &str,
    place: &Path,
    platform: Option<&Platform>,
    limits: &Limits,
) -> Result<Unpacked> {
    if !matches!(media_type, media::TOOL | media::TOOL_OLDER) {
        return Err(Error::refused(format!("a layer of type {media_type:?} is no packed server")));
    }
    let free = match fs::read_dir(place) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    };
    if !free {
        return Err(Error::new(
            Kind::Usage,
            format!("{} is not an empty directory: name another, or remove it", place.display()),
        ));
    }
    // Beside its place, so that it can be moved there in one step.
    let parent = place.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(parent).map_err(|error| Error::io(parent, &error))?;
    let staging = tempfile::Builder::new()
        .prefix(".unpacking-")
        .permissions(fs::Permissions::from_mode(0o755))
        .tempdir_in(parent)
        .map_err(|error| Error::io(parent, &error))?;

    let files = entries(layer, staging.path(), limits)?;
    let (manifest, command, found) = examine(staging.path(), platform)?;

    fs::rename(staging.path(), place).map_err(|error| Error::io(place, &error))?;
    // It has moved; there is nothing left to remove.
    let _ = staging.keep();
    Ok(Unpacked { manifest, program: place.join(command), platform: found, files })
}

/// Looks at a directory that is to be, or was, an artifact. Gives the manifest, the relative name of the program, and what it was built for.
pub(crate) fn examine(place: &Path, platform: Option<&Platform>) -> Result<(ToolManifest, String, Platform)> {
    let manifest = ToolManifest::read(place)?;
    // Earlier packers put programs into bin/ and named only the file.
    let command = [manifest.command.clone(), format!("bin/{}", manifest.program())]
        .into_iter()
        .find(|name| place.join(name).is_file())
        .ok_or_else(|| {
            Error::refused(format!("manifest.json names the command {:?}, which is not there", manifest.command))
        })?;
    let found = binary::program(&place.join(&command), &command)?;
    if let Some(wanted) = platform.filter(|wanted| !found.runs_on(wanted)) {
        return Err(Error::refused(format!("{command} is built for {}, not for {wanted}", found.platform)));
    }
    Ok((manifest, command, found.platform))
}

/// Writes the members of the archive into `place`.
fn entries(layer: impl Read, place: &Path, limits: &Limits) -> Result<Vec<String>> {
    let broken = |error: io::Error| Error::refused(format!("the layer is no gzipped tar: {error}"));
    let mut archive = archive(layer, limits);
    let mut seen: BTreeMap<String, bool> = BTreeMap::new();
    let mut total: u64 = 0;
    for (count, entry) in archive.entries().map_err(broken)?.raw(true).enumerate() {
        let mut entry = entry.map_err(broken)?;
        let name = name(&entry.path_bytes())?;
        plain(entry.header()).map_err(|error| error.while_doing(format!("{name:?}")))?;
        let refused = |why: &str| Error::refused(format!("{name:?} {why}"));
        if count >= limits.entries {
            return Err(refused(&format!("is entry {}, more than {} are refused", count + 1, limits.entries)));
        }
        let kind = entry.header().entry_type();
        let directory = match kind {
            tar::EntryType::Regular => false,
            tar::EntryType::Directory if entry.size() == 0 => true,
            tar::EntryType::Directory => return Err(refused("is a directory with content")),
            // Nothing in it changes what any reader unpacks: everything else of an extension can, and readers disagree about it.
            tar::EntryType::XHeader => {
                let size = entry.size();
                times_only(&mut entry, size).map_err(|why| refused(&format!("is an extension header {why}")))?;
                continue;
            }
            tar::EntryType::XGlobalHeader | tar::EntryType::GNULongName | tar::EntryType::GNULongLink => {
                return Err(refused("is an extension header, whose meaning readers disagree about"));
            }
            tar::EntryType::Symlink | tar::EntryType::Link => return Err(refused("is a link")),
            tar::EntryType::Char | tar::EntryType::Block => return Err(refused("is a device")),
            tar::EntryType::Fifo => return Err(refused("is a pipe")),
            tar::EntryType::GNUSparse => {
                return Err(refused("is a sparse file, whose size is not that of its content"));
            }
            other => return Err(refused(&format!("is an entry of type {:?}", char::from(other.as_byte())))),
        };
        if name.is_empty() && directory {
            continue;
        }
        if !directory && entry.path_bytes().ends_with(b"/") {
            return Err(refused("is a file whose name is that of a directory"));
        }
        if name.is_empty() {
            return Err(Error::refused("there is a file without a name"));
        }
        if entry.size() > limits.member {
            return Err(refused(&format!("has {} bytes, more than {} are refused", entry.size(), limits.member)));
        }
        total = total.saturating_add(entry.size());
        if total > limits.total {
            return Err(refused(&format!("brings the archive above {} bytes", limits.total)));
        }
        match seen.get(&name) {
            Some(true) if directory => continue,
            Some(_) => return Err(refused("is there twice")),
            None => {}
        }
        for (at, _) in name.match_indices('/') {
            match seen.get(&name[..at]) {
                Some(false) => return Err(refused("lies in something that is a file")),
                _ => seen.insert(name[..at].to_owned(), true),
            };
        }
        seen.insert(name.clone(), directory);
        let path = place.join(&name);
        let failed = |error: io::Error| refused(&format!("could not be unpacked: {error}"));
        if directory {
            fs::create_dir_all(&path).map_err(failed)?;
            continue;
        }
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(failed)?;
        }
        // Only who may run it is taken from the archive: no set-user bits, no private or writable files.
        let mode = if entry.header().mode().unwrap_or(0) & 0o111 == 0 { 0o644 } else { 0o755 };
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(&path).map_err(failed)?;
        let size = entry.size();
        if io::copy(&mut entry, &mut file).map_err(failed)? != size {
            return Err(refused("ends before its size"));
        }
        file.flush().and_then(|()| file.set_permissions(fs::Permissions::from_mode(mode))).map_err(failed)?;
    }
    rest(archive.into_inner()).map_err(broken)?;
    Ok(seen.into_iter().filter(|(_, directory)| !directory).map(|(name, _)| name).collect())
}

/// Looks at a layer that lies beneath a server: files that are read and directories, which leave the server's own files alone.
///
/// # Errors
///
/// [`Kind::Refused`] with the name of what is a program, a link, a device, leads outside or carries special bits.
pub fn holds_no_programs(layer: impl Read) -> Result<()> {
    let broken = |error: io::Error| Error::refused(format!("the layer is no gzipped tar: {error}"));
    let mut archive = archive(layer, &Limits::default());
    for entry in archive.entries().map_err(broken)?.raw(true) {
        let entry = entry.map_err(broken)?;
        let name = name(&entry.path_bytes())?;
        plain(entry.header()).map_err(|error| error.while_doing(format!("{name:?}")))?;
        let refused = |why: &str| Error::refused(format!("{name:?} {why}"));
        let mode = entry.header().mode().unwrap_or(u32::MAX);
        match entry.header().entry_type() {
            tar::EntryType::Directory => {}
            tar::EntryType::Regular if mode & 0o7111 == 0 => {}
            tar::EntryType::Regular => return Err(refused("may be run, and only the server may")),
            _ => return Err(refused("is neither a file nor a directory")),
        }
    }
    rest(archive.into_inner()).map_err(broken)
}

/// The archive inside a layer, measured.
fn archive<R: Read>(layer: R, limits: &Limits) -> tar::Archive<Bounded<R>> {
    let compressed = Counted { inner: layer, read: 0 };
    // Twice a buffer: what the decoder has taken in and not yet used is counted as well, in favour of the archive.
    let decoder = MultiGzDecoder::new(io::BufReader::with_capacity(1 << 16, compressed));
    tar::Archive::new(Bounded { decoder, produced: 0, limits: *limits })
}

/// Behind the end of the archive there may be padding, nothing else.
fn rest(mut reader: impl Read) -> io::Result<()> {
    let mut buffer = [0; 1 << 12];
    loop {
        let read = reader.read(&mut buffer)?;
        if read == 0 {
            return Ok(());
        }
        if buffer[..read].iter().any(|byte| *byte != 0) {
            return Err(io::Error::other("there is something behind its end"));
        }
    }
}

/// What comes out of the decoder, measured against what went in: long names and extensions of the format are content too, and count.
struct Bounded<R> {
    decoder: MultiGzDecoder<io::BufReader<Counted<R>>>,
    produced: u64,
    limits: Limits,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.decoder.read(buffer)?;
        self.produced += read as u64;
        let taken = self.decoder.get_ref().get_ref().read;
        if self.produced > 1 << 20 && self.produced / taken.max(1) > self.limits.ratio {
            return Err(io::Error::other(format!(
                "it unpacks to more than {} times its size, as a decompression bomb does",
                self.limits.ratio
            )));
        }
        // Headers and padding come on top of the members.
        if self.produced > self.limits.total.saturating_add(self.limits.entries as u64 * 2048) {
            return Err(io::Error::other(format!("it unpacks to more than {} bytes", self.limits.total)));
        }
        Ok(read)
    }
}
