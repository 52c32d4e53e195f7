//! What there is to copy: read first and whole, so that nothing is written when the source is not as it should be.

use std::collections::{BTreeMap, BTreeSet};

use super::{Options, Place, check_tag};
use crate::{
    Error, Result,
    oci::{Descriptor, Digest, Index, Manifest, Platform},
    registry::Fetched,
};

/// How deep indexes may lie in indexes, and referrers refer to referrers.
const DEPTH_MAX: usize = 8;
/// More manifests than this are a mistake or an attack.
const DOCUMENTS_MAX: usize = 10_000;

/// Everything a copy writes, in the order it is written.
pub(super) struct Plan<'a> {
    pub(super) from: &'a Place,
    referrers: bool,
    /// In the order they were met, each once.
    pub(super) blobs: Vec<Descriptor>,
    /// Parts before what is made of them.
    pub(super) documents: Vec<Fetched>,
    /// Subjects before what refers to them.
    pub(super) referring: Vec<Fetched>,
    /// Manifests before indexes.
    pub(super) tags: Vec<(String, Digest)>,
    known: BTreeSet<Digest>,
    sizes: BTreeMap<Digest, u64>,
}

impl<'a> Plan<'a> {
    pub(super) fn new(from: &'a Place, options: &Options) -> Self {
        Self {
            from,
            referrers: options.referrers,
            blobs: Vec::new(),
            documents: Vec::new(),
            referring: Vec::new(),
            tags: Vec::new(),
            known: BTreeSet::new(),
            sizes: BTreeMap::new(),
        }
    }

    /// Takes in what `name` stands for, or of an index only what is for `platform`.
    pub(super) async fn name(&mut self, name: &str, platform: Option<&Platform>) -> Result<Descriptor> {
        let mut top = self.from.document(name).await?;
        let mut depth = 0;
        while let Some(platform) = platform.filter(|_| top.descriptor.is_index()) {
            let index = Index::parse(&top.bytes).map_err(|error| error.while_doing(top.descriptor.digest))?;
            let chosen = index.choose(platform).map_err(|error| error.while_doing(name))?;
            top = fetch(self.from, chosen).await?;
            depth += 1;
            if depth > DEPTH_MAX {
                return Err(Error::refused(format!("{name}: indexes lie in indexes without end")));
            }
        }
        let descriptor = top.descriptor.clone();
        self.take(top).await?;
        Ok(descriptor)
    }

    /// Gives what `descriptor` is, which was taken in, the name `tag`.
    pub(super) fn tag(&mut self, tag: &str, descriptor: &Descriptor) -> Result<()> {
        check_tag(tag)?;
        self.tags.push((tag.to_owned(), descriptor.digest));
        Ok(())
    }

    /// The document of `digest`, if it was taken in.
    pub(super) fn document(&self, digest: &Digest) -> Option<&Fetched> {
        self.documents.iter().chain(&self.referring).find(|document| document.descriptor.digest == *digest)
    }

    /// Takes in a document with all it is made of, and what refers to any of it.
    async fn take(&mut self, top: Fetched) -> Result<()> {
        let mut subjects = Vec::new();
        self.parts(top, false, &mut subjects).await?;
        // What refers to something, then what refers to that.
        for _ in 0..DEPTH_MAX {
            if !self.referrers || subjects.is_empty() {
                return Ok(());
            }
            let mut next = Vec::new();
            for subject in subjects {
                let named = |error: Error| {
                    error.while_doing(format!("what refers to {subject} (it can be left out with --no-referrers)"))
                };
                for referrer in self.from.referrers(&subject).await.map_err(named)? {
                    if !self.known.contains(&referrer.digest) {
                        let fetched = fetch(self.from, &referrer).await.map_err(named)?;
                        if subject_of(&fetched.bytes) != Some(subject) {
                            let digest = referrer.digest;
                            return Err(named(Error::refused(format!(
                                "{digest} is listed there and refers to something else"
                            ))));
                        }
                        self.parts(fetched, true, &mut next).await.map_err(named)?;
                    }
                }
            }
            subjects = next;
        }
        if subjects.is_empty() { Ok(()) } else { Err(Error::refused("referrers refer to referrers without end")) }
    }

    /// Takes in a document after its parts, depth first.
    async fn parts(&mut self, top: Fetched, referring: bool, seen: &mut Vec<Digest>) -> Result<()> {
        // Documents whose parts are still to be looked at, and how deep they lie; `true`: they have been.
        let mut open = vec![(top, 0, false)];
        while let Some((document, depth, ready)) = open.pop() {
            let descriptor = document.descriptor.clone();
            let named = |error: Error| error.while_doing(descriptor.digest);
            if !ready && !self.known.insert(descriptor.digest) {
                continue;
            }
            if ready {
                seen.push(descriptor.digest);
                let subject = referring || subject_of(&document.bytes).is_some();
                if subject {
                    self.referring.push(document)
                } else {
                    self.documents.push(document)
                }
                continue;
            }
            if self.known.len() > DOCUMENTS_MAX || depth > DEPTH_MAX {
                return Err(named(Error::refused("it is made of more than anything here is made of")));
            }
            if descriptor.is_index() {
                let index = Index::parse(&document.bytes).map_err(named)?;
                open.push((document, depth, true));
                for entry in index.manifests.iter().rev() {
                    if !entry.is_index() && !entry.is_manifest() {
                        // An index may list any blob.
                        self.blob(entry).map_err(named)?;
                    } else if !self.known.contains(&entry.digest) {
                        let part = fetch(self.from, entry).await.map_err(named)?;
                        open.push((part, depth + 1, false));
                    }
                }
            } else {
                let manifest = Manifest::parse(&document.bytes).map_err(named)?;
                for blob in [&manifest.config].into_iter().chain(&manifest.layers) {
                    self.blob(blob).map_err(named)?;
                }
                open.push((document, depth, true));
            }
        }
        Ok(())
    }

    fn blob(&mut self, descriptor: &Descriptor) -> Result<()> {
        match self.sizes.insert(descriptor.digest, descriptor.size) {
            None => self.blobs.push(descriptor.bare()),
            Some(size) if size == descriptor.size => {}
            Some(size) => {
                let (digest, other) = (descriptor.digest, descriptor.size);
                return Err(Error::corrupt(format!("{digest} is said to have {size} and {other} bytes")));
            }
        }
        Ok(())
    }
}

/// The document of `descriptor`, checked against all of it.
async fn fetch(from: &Place, descriptor: &Descriptor) -> Result<Fetched> {
    if let Place::Layout(layout) = from {
        return Ok(Fetched { bytes: layout.document(descriptor)?, descriptor: descriptor.bare() });
    }
    let fetched = from.document(&descriptor.digest.to_string()).await?;
    descriptor.check(&fetched.bytes)?;
    if fetched.descriptor.media_type != descriptor.media_type {
        let (there, here) = (&fetched.descriptor.media_type, &descriptor.media_type);
        return Err(Error::refused(format!("{} is {there:?}, and listed as {here:?}", descriptor.digest)));
    }
    Ok(fetched)
}

/// What a manifest or an index refers to.
fn subject_of(bytes: &[u8]) -> Option<Digest> {
    let document: serde_json::Value = serde_json::from_slice(bytes).unwrap_or_default();
    document["subject"]["digest"].as_str()?.parse().ok()
}
