//! Everything about an artifact that can be checked: that each blob is what its digest says, that a program is for the platform it claims, that
//! what refers to it is about it, and, on request, that the server does what its catalogue says.

use std::{collections::BTreeSet, fs};

use serde_json::Value;

use crate::{
    Error, Kind, Result,
    catalogue::Catalogue,
    layer,
    layout::Layout,
    oci::{self, Descriptor, Digest, Index, Manifest, Platform, annotation, media},
    sign::VerifyingKey,
    trial,
};

mod contents;
mod referrers;

/// The platforms of an index are a handful.
pub(crate) const PARTS_MAX: usize = 32;

/// What to check besides digests.
#[derive(Clone, Copy, Default)]
pub struct Options<'a> {
    /// The key signatures are checked with; then each index and manifest needs a good one. `None`: signatures are counted and not believed.
    pub key: Option<&'a VerifyingKey>,
    /// Whether programs for this machine are spawned and compared with their catalogue.
    pub run: bool,
}

/// What was found to be as it should be.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// What was named: the digest to pin.
    pub digest: Option<Digest>,
    /// The manifests, in the order they were looked at.
    pub manifests: Vec<Checked>,
    /// Blobs and documents whose bytes were hashed, each counted once.
    pub blobs: BTreeSet<Digest>,
    /// Signatures that were checked with the key.
    pub signatures: usize,
    /// Signatures that are there and were not checked, because no key was given.
    pub unchecked_signatures: usize,
}

/// One manifest that is as it should be.
#[derive(Clone, Debug)]
pub struct Checked {
    /// Its digest.
    pub digest: Digest,
    /// What its program was built for.
    pub platform: Platform,
    /// Whether it is a container image rather than an artifact.
    pub image: bool,
    /// The version it is annotated with, if it is; a program that was run says the same.
    pub version: Option<String>,
    /// The digest of its catalogue, if it has one.
    pub catalogue: Option<Digest>,
    /// The number of tools that lists.
    pub tools: Option<usize>,
    /// What refers to it, by type.
    pub referrers: Vec<String>,
    /// The tool that was called, or why nothing was run.
    pub ran: std::result::Result<String, String>,
}

/// Checks `name` (a tag or a digest) in `layout`.
///
/// # Errors
///
/// The first thing that is not as it should be, by name.
pub fn verify(layout: &Layout, name: &str, options: &Options) -> Result<Report> {
    let descriptor = layout.resolve(name)?;
    let mut report = Report { digest: Some(descriptor.digest), ..Report::default() };
    Walk { layout, options, report: &mut report }.any(&descriptor)?;
    Ok(report)
}

struct Walk<'a> {
    layout: &'a Layout,
    options: &'a Options<'a>,
    report: &'a mut Report,
}

impl Walk<'_> {
    fn any(&mut self, descriptor: &Descriptor) -> Result<()> {
        let named = |error: Error| error.while_doing(descriptor.digest);
        if descriptor.is_index() {
            let index = Index::parse(&self.document(descriptor)?).map_err(named)?;
            if index.manifests.is_empty() {
                return Err(named(Error::refused("the index is empty")));
            }
            if index.manifests.len() > PARTS_MAX {
                return Err(named(Error::refused(format!("the index has more than {PARTS_MAX} parts"))));
            }
            let catalogue = self.referrers(descriptor)?.0;
            contents::promised_catalogue(&index.annotations, catalogue.as_ref()).map_err(named)?;
            let mut seen = BTreeSet::new();
            for entry in &index.manifests {
                if !seen.insert(entry.digest) {
                    return Err(named(Error::refused(format!("the index has {} twice", entry.digest))));
                }
                self.part(entry, entry.platform.as_ref())?;
                // What is shown of the index must be what its parts are.
                let part = self.report.manifests.last();
                let version = part.and_then(|checked| checked.version.as_deref());
                if let Some(said) = index.annotations.get(annotation::VERSION).filter(|said| version != Some(said)) {
                    let part = version.unwrap_or("none");
                    let message = format!("the index says it is version {said:?}, {} says {part:?}", entry.digest);
                    return Err(named(Error::corrupt(message)));
                }
                let part = part.and_then(|checked| checked.catalogue);
                if let Some(catalogue) = catalogue.as_ref().filter(|catalogue| part != Some(catalogue.digest)) {
                    let (index, part) = (catalogue.digest, part.map_or("none".to_owned(), |part| part.to_string()));
                    let message = format!("the catalogue of the index is {index}, that of {} {part}", entry.digest);
                    return Err(named(Error::corrupt(message)));
                }
            }
            Ok(())
        } else {
            self.part(descriptor, None)
        }
    }

    /// What is for one platform: an index in an index would be for several.
    fn part(&mut self, descriptor: &Descriptor, platform: Option<&Platform>) -> Result<()> {
        let named = |error: Error| error.while_doing(descriptor.digest);
        if !descriptor.is_manifest() {
            return Err(named(Error::refused(format!("{:?} is no manifest", descriptor.media_type))));
        }
        let manifest = Manifest::parse(&self.document(descriptor)?).map_err(named)?;
        self.manifest(descriptor, &manifest, platform).map_err(named)
    }

    fn manifest(&mut self, descriptor: &Descriptor, manifest: &Manifest, platform: Option<&Platform>) -> Result<()> {
        let image = manifest.config.media_type == media::IMAGE_CONFIG;
        for blob in [&manifest.config].into_iter().chain(&manifest.layers) {
            self.blob(blob)?;
        }
        let (catalogue, referrers) = self.referrers(descriptor)?;
        contents::promised_catalogue(&manifest.annotations, catalogue.as_ref())?;
        let configured;
        let (tool, platform) = if image {
            configured = self.image(manifest)?;
            contents::runs_only_its_server(manifest, &self.layout.document(&manifest.config)?)?;
            for below in manifest.layers.iter().rev().skip(1) {
                layer::holds_no_programs(self.layout.blob(below)?).map_err(|error| error.while_doing(below.digest))?;
            }
            if let Some(claimed) = platform.filter(|claimed| **claimed != configured) {
                return Err(Error::refused(format!("the index says {claimed}, the image says {configured}")));
            }
            (manifest.layers.last(), Some(&configured))
        } else {
            if manifest.layers.len() != 1 {
                return Err(Error::refused(format!("it has {} layers where one is right", manifest.layers.len())));
            }
            (manifest.layers.first(), platform)
        };
        let tool = tool.ok_or_else(|| Error::refused("it has no layers"))?;
        let media_type = if image { media::TOOL } else { tool.media_type.as_str() };

        let place = tempfile::tempdir().map_err(|error| Error::new(Kind::Io, error.to_string()))?;
        let inside = place.path().join("tool");
        let unpacked = layer::unpack(self.layout.blob(tool)?, media_type, &inside, platform)?;
        if let Some(server) =
            manifest.annotations.get(annotation::SERVER).filter(|name| **name != unpacked.manifest.name)
        {
            return Err(Error::refused(format!(
                "it is annotated as {server:?} and holds {:?}",
                unpacked.manifest.name
            )));
        }
        let catalogue_digest = catalogue.as_ref().map(|catalogue| catalogue.digest);
        contents::clis(manifest, &inside, &unpacked.platform)?;
        let catalogue: Option<Value> = match catalogue {
            Some(descriptor) => {
                let bytes = self.layout.document(&descriptor)?;
                let catalogue = Catalogue::parse(&bytes)?;
                contents::catalogue_is_of(&catalogue, &unpacked.manifest)?;
                serde_json::from_slice(&bytes).ok()
            }
            None => None,
        };
        let tools = catalogue.as_ref().map(|catalogue| catalogue["tools"].as_array().map_or(0, Vec::len));
        let version = manifest.annotations.get(annotation::VERSION).cloned();
        contents::version(version.as_deref())?;
        let ran = if !self.options.run {
            Err("not asked to".to_owned())
        } else if unpacked.platform != Platform::host() {
            Err(format!("this machine is {}", Platform::host()))
        } else {
            let program = unpacked.program.strip_prefix(&inside).unwrap_or(&unpacked.program);
            Ok(trial::try_out(&inside, &program.to_string_lossy(), catalogue.as_ref(), version.as_deref())?)
        };
        let digest = descriptor.digest;
        let (platform, catalogue) = (unpacked.platform, catalogue_digest);
        self.report.manifests.push(Checked { digest, platform, image, version, catalogue, tools, referrers, ran });
        Ok(())
    }

    /// The platform of an image whose layers unpack to what its configuration lists.
    fn image(&self, manifest: &Manifest) -> Result<Platform> {
        let config: Value = oci::loose(&self.layout.document(&manifest.config)?)
            .map_err(|error| error.while_doing("the configuration"))?;
        let listed = config["rootfs"]["diff_ids"].as_array().map(Vec::as_slice).unwrap_or_default();
        if listed.len() != manifest.layers.len() {
            let (layers, listed) = (manifest.layers.len(), listed.len());
            return Err(Error::refused(format!("it has {layers} layers and its configuration lists {listed}")));
        }
        for (layer, listed) in manifest.layers.iter().zip(listed) {
            let found = contents::uncompressed(self.layout.blob(layer)?)?;
            if listed.as_str() != Some(&found.to_string()) {
                return Err(Error::corrupt(format!(
                    "layer {} unpacks to {found}, its configuration says {listed}",
                    layer.digest
                )));
            }
        }
        let word = |key: &str| config[key].as_str().unwrap_or_default();
        let variant = config["variant"].as_str().map(|variant| format!("/{variant}")).unwrap_or_default();
        format!("{}/{}{variant}", word("os"), word("architecture")).parse()
    }

    fn document(&mut self, descriptor: &Descriptor) -> Result<Vec<u8>> {
        let bytes = self.layout.document(descriptor)?;
        self.report.blobs.insert(descriptor.digest);
        Ok(bytes)
    }

    fn blob(&mut self, descriptor: &Descriptor) -> Result<()> {
        if self.report.blobs.contains(&descriptor.digest) {
            // Hashed under this digest already; the size is this descriptor's own claim.
            let path = self.layout.path(&descriptor.digest);
            let size = fs::metadata(&path).map_err(|error| Error::io(&path, &error))?.len();
            if size != descriptor.size {
                let (digest, promised) = (descriptor.digest, descriptor.size);
                return Err(Error::corrupt(format!("{digest} has {size} bytes where {promised} were promised")));
            }
            return Ok(());
        }
        self.layout.blob(descriptor)?;
        self.report.blobs.insert(descriptor.digest);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
