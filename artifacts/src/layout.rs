//! An OCI image layout: a directory of blobs under their digests, and an index of what they are called.

use std::{
    fs,
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use crate::{
    Error, Kind, Result, file,
    layer::Packed,
    oci::{Descriptor, Digest, Hasher, Index, Manifest, annotation, media},
    reference::is_of_digest,
};

/// Documents (manifests, indexes, catalogues) larger than this are not read into memory.
pub const DOCUMENT_MAX: u64 = 4 << 20;

const MARKER: &str = "oci-layout";
const VERSION: &str = r#"{"imageLayoutVersion":"1.0.0"}"#;

/// A layout on disk.
#[derive(Clone, Debug)]
pub struct Layout {
    root: PathBuf,
}

impl Layout {
    /// The layout at `root`, made if there is none yet.
    pub fn create(root: &Path) -> Result<Self> {
        let blobs = root.join("blobs/sha256");
        fs::create_dir_all(&blobs).map_err(|error| Error::io(&blobs, &error))?;
        let layout = Self { root: root.to_owned() };
        if !root.join(MARKER).exists() {
            layout.replace(MARKER, VERSION.as_bytes())?;
        }
        if !root.join("index.json").exists() {
            layout.replace("index.json", &Index::default().bytes())?;
        }
        Ok(layout)
    }

    /// The layout at `root`.
    pub fn open(root: &Path) -> Result<Self> {
        let marker = root.join(MARKER);
        let text = file::read(&marker, 1 << 10)
            .map_err(|error| error.while_doing(format!("{} is not an OCI image layout", root.display())))?;
        let version: serde_json::Value = serde_json::from_slice(&text).unwrap_or_default();
        if version["imageLayoutVersion"].as_str().is_none_or(|version| !version.starts_with("1.")) {
            return Err(Error::refused(format!("{} is a layout of a version that is not 1.x", root.display())));
        }
        Ok(Self { root: root.to_owned() })
    }

    /// Where it is.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// What there is, by name or only by digest.
    pub fn index(&self) -> Result<Index> {
        let path = self.root.join("index.json");
        Index::parse(&file::read(&path, DOCUMENT_MAX)?).map_err(|error| error.while_doing(path.display()))
    }

    /// What `name` (a tag or a digest) stands for.
    pub fn resolve(&self, name: &str) -> Result<Descriptor> {
        let index = self.index()?;
        if let Ok(digest) = name.parse::<Digest>() {
            if let Some(entry) = index.manifests.iter().find(|entry| entry.digest == digest) {
                return Ok(entry.bare());
            }
            return self.describe(digest);
        }
        let found: Vec<&Descriptor> = index
            .manifests
            .iter()
            .filter(|entry| entry.annotations.get(annotation::REF_NAME).is_some_and(|there| there == name))
            .collect();
        match found.as_slice() {
            [entry] => Ok(entry.bare()),
            [] => {
                let mut names = self.tags()?;
                names.retain(|name| !is_of_digest(name));
                let names = format!("{names:?}");
                Err(Error::new(Kind::NotFound, format!("{} has no {name:?}; it has: {names}", self.root.display())))
            }
            _ => Err(Error::refused(format!("{} has {name:?} {} times", self.root.display(), found.len()))),
        }
    }

    /// The descriptor of a manifest or index that the layout's own index does not list: the parts of an index.
    fn describe(&self, digest: Digest) -> Result<Descriptor> {
        let path = self.path(&digest);
        let bytes = file::read(&path, DOCUMENT_MAX)?;
        let document: serde_json::Value = serde_json::from_slice(&bytes).unwrap_or_default();
        let media_type = match document["mediaType"].as_str() {
            Some(media_type) => media_type,
            None if document["manifests"].is_array() => media::INDEX,
            None if document["layers"].is_array() => media::MANIFEST,
            None => return Err(Error::refused(format!("{digest} is neither a manifest nor an index"))),
        };
        let descriptor = Descriptor { digest, ..Descriptor::of(media_type, &bytes) };
        descriptor.check(&bytes)?;
        Ok(descriptor)
    }

    /// The names in the index, sorted.
    pub fn tags(&self) -> Result<Vec<String>> {
        let mut names: Vec<String> = self
            .index()?
            .manifests
            .into_iter()
            .filter_map(|mut entry| entry.annotations.remove(annotation::REF_NAME))
            .collect();
        names.sort();
        names.dedup();
        Ok(names)
    }

    /// The manifests whose subject is `subject`, as the referrers of a registry would list them, sorted by digest.
    pub fn referrers(&self, subject: &Digest) -> Result<Vec<Descriptor>> {
        let mut found = Vec::new();
        for entry in self.index()?.manifests.iter().filter(|entry| entry.is_manifest()) {
            let manifest = Manifest::parse(&self.document(entry)?)?;
            if manifest.subject.as_ref().is_some_and(|there| there.digest == *subject) {
                let artifact_type = Some(manifest.kind().to_owned());
                found.push(Descriptor { artifact_type, annotations: manifest.annotations, ..entry.bare() });
            }
        }
        found.sort_by_key(|entry| entry.digest);
        found.dedup_by_key(|entry| entry.digest);
        Ok(found)
    }

    /// Where the blob of `digest` is, or would be.
    pub fn path(&self, digest: &Digest) -> PathBuf {
        self.root.join("blobs/sha256").join(digest.hex())
    }

    /// The bytes of a document, checked.
    pub fn document(&self, descriptor: &Descriptor) -> Result<Vec<u8>> {
        let path = self.path(&descriptor.digest);
        let bytes = file::read(&path, DOCUMENT_MAX)?;
        descriptor.check(&bytes).map_err(|error| error.while_doing(path.display()))?;
        Ok(bytes)
    }

    /// A blob of any size, checked as a whole before this returns, at its beginning.
    pub fn blob(&self, descriptor: &Descriptor) -> Result<fs::File> {
        let path = self.path(&descriptor.digest);
        let failed = |error: io::Error| Error::io(&path, &error);
        let mut file = file::open(&path)?;
        let size = file.metadata().map_err(failed)?.len();
        if size != descriptor.size {
            let (digest, promised) = (descriptor.digest, descriptor.size);
            let error = Error::corrupt(format!("{digest} has {size} bytes where {promised} were promised"));
            return Err(error.while_doing(path.display()));
        }
        let found = check_file(&mut file, descriptor).map_err(failed)?;
        found.map_err(|error| error.while_doing(path.display()))?;
        Ok(file)
    }

    /// Stores `bytes`; the same bytes twice are one blob.
    pub fn put(&self, media_type: &str, bytes: &[u8]) -> Result<Descriptor> {
        let descriptor = Descriptor::of(media_type, bytes);
        self.replace(&format!("blobs/sha256/{}", descriptor.digest.hex()), bytes)?;
        Ok(descriptor)
    }

    /// Stores what `content` reads as the blob of `descriptor`; nothing is left when it is not what it should be.
    pub fn put_from(&self, descriptor: &Descriptor, content: &mut dyn Read) -> Result<()> {
        let place = self.root.join("blobs/sha256");
        let failed = |error: io::Error| Error::io(&place, &error);
        let mut file = tempfile::NamedTempFile::new_in(&place).map_err(failed)?;
        io::copy(&mut content.take(descriptor.size.saturating_add(1)), file.as_file_mut()).map_err(failed)?;
        check_file(file.as_file_mut(), descriptor).map_err(failed)??;
        publish(file, &self.path(&descriptor.digest))
    }

    /// An empty file beside the blobs, to be filled and then given to [`Layout::adopt`]; it goes away by itself if it is not.
    pub fn incoming(&self) -> Result<tempfile::NamedTempFile> {
        let place = self.root.join("blobs/sha256");
        tempfile::NamedTempFile::new_in(&place).map_err(|error| Error::io(&place, &error))
    }

    /// Makes a file of [`Layout::incoming`] the blob of `descriptor`, if it is that.
    pub fn adopt(&self, mut file: tempfile::NamedTempFile, descriptor: &Descriptor) -> Result<()> {
        let path = self.path(&descriptor.digest);
        check_file(file.as_file_mut(), descriptor).map_err(|error| Error::io(&path, &error))??;
        publish(file, &path)
    }

    /// Stores what `write` writes, under the digest it returns.
    pub fn store(&self, write: impl FnOnce(&mut dyn Write) -> Result<Packed>) -> Result<Packed> {
        let place = self.root.join("blobs/sha256");
        let mut file = tempfile::NamedTempFile::new_in(&place).map_err(|error| Error::io(&place, &error))?;
        let packed = write(file.as_file_mut())?;
        publish(file, &self.path(&packed.digest))?;
        Ok(packed)
    }

    /// Enters `descriptor` into the index, under `name` if it has one. A name moves; an entry without one is kept once.
    pub fn enter(&self, descriptor: &Descriptor, name: Option<&str>) -> Result<()> {
        // Another process may be entering something too. The lock ends with the file.
        let marker = self.root.join(MARKER);
        let lock = file::open(&marker)?;
        lock.lock().map_err(|error| Error::io(&marker, &error))?;
        let mut index = self.index()?;
        let mut entry = descriptor.clone();
        entry.annotations.remove(annotation::REF_NAME);
        match name {
            Some(name) => {
                entry.annotations.insert(annotation::REF_NAME.to_owned(), name.to_owned());
                index
                    .manifests
                    .retain(|there| there.annotations.get(annotation::REF_NAME).is_none_or(|there| there != name));
            }
            None if index.manifests.iter().any(|there| there.digest == entry.digest) => return Ok(()),
            None => {}
        }
        index.manifests.push(entry);
        let key = |entry: &Descriptor| (entry.annotations.get(annotation::REF_NAME).cloned(), entry.digest);
        index.manifests.sort_by_key(key);
        self.replace("index.json", &index.bytes())
    }

    /// Writes a file of the layout whole or not at all.
    fn replace(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let path = self.root.join(name);
        let failed = |error: io::Error| Error::io(&path, &error);
        let place = path.parent().unwrap_or(&self.root);
        let mut file = tempfile::NamedTempFile::new_in(place).map_err(failed)?;
        file.write_all(bytes).map_err(failed)?;
        publish(file, &path)
    }
}

/// Puts the directory `made` where `place` is or would be, in one step: whoever looks sees the old or the new. The old one lies at `made` afterwards.
///
/// # Errors
///
/// The two are not in one file system, or it cannot exchange them.
pub fn exchange(made: &Path, place: &Path) -> Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    let flags = if place.exists() { RenameFlags::EXCHANGE } else { RenameFlags::NOREPLACE };
    renameat_with(CWD, made, CWD, place, flags).map_err(|error| Error::io(place, &error.into()))
}

/// Gives a finished temporary file its name, readable by everyone.
fn publish(file: tempfile::NamedTempFile, path: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let failed = |error: io::Error| Error::io(path, &error);
    file.as_file().set_permissions(fs::Permissions::from_mode(0o644)).map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}

/// Whether `file` is what `descriptor` says; leaves it at its beginning.
fn check_file(file: &mut fs::File, descriptor: &Descriptor) -> io::Result<Result<()>> {
    use std::io::Seek;
    file.rewind()?;
    let (found, size) = Hasher::read(file)?;
    file.rewind()?;
    Ok(if size != descriptor.size {
        Err(Error::corrupt(format!("{} has {size} bytes where {} were promised", descriptor.digest, descriptor.size)))
    } else if found != descriptor.digest {
        Err(Error::corrupt(format!("what was stored as {} hashes to {found}", descriptor.digest)))
    } else {
        Ok(())
    })
}
