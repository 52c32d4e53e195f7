//! From the files of a server to everything that is released of it: an artifact and a container image for each platform, an index of each, and
//! what refers to them. It all lies in a layout under the names it will have in a registry.

use crate::{
    Result, base, image,
    layer::{self, Member, Packed},
    layout::Layout,
    oci::{Annotations, Descriptor, Digest, Index, Manifest, Platform, annotation, media},
    sign::{self, SigningKey},
    time,
};

/// What is the same for all platforms of a release.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The server's name: `git`.
    pub server: String,
    /// One sentence.
    pub description: String,
    /// The version, which becomes the tag.
    pub version: String,
    /// The commit, where it is known.
    pub revision: Option<String>,
    /// Where the source is, where that is known.
    pub source: Option<String>,
    /// The licences of what is inside, as an SPDX expression.
    pub licenses: String,
    /// Seconds since 1970: the commit's time, never the clock's.
    pub created: u64,
    /// `catalogue.json`.
    pub catalogue: Vec<u8>,
    /// Further annotations of manifests and indexes.
    pub annotations: Annotations,
}

/// A CLI that lies beside the server.
#[derive(Clone, Debug)]
pub struct Cli {
    /// Its name: `kubectl`.
    pub name: String,
    /// Its version, as far as it is known.
    pub version: String,
    /// The digest of the file.
    pub digest: Digest,
    /// Where it was downloaded from; `None` for a file somebody named in place of the pinned download.
    pub url: Option<String>,
}

/// What is special to one platform.
#[derive(Clone, Debug)]
pub struct Part {
    /// What it runs on.
    pub platform: Platform,
    /// `manifest.json`, the program, the CLIs and their licences.
    pub members: Vec<Member>,
    /// The CLIs among them.
    pub clis: Vec<Cli>,
    /// A bill of materials in SPDX's JSON form.
    pub sbom: Option<Vec<u8>>,
    /// Further annotations of its manifests.
    pub annotations: Annotations,
}

/// What was packed for one platform.
#[derive(Clone, Debug)]
pub struct PackedPart {
    /// What it runs on.
    pub platform: Platform,
    /// The artifact's manifest.
    pub artifact: Descriptor,
    /// The image's manifest.
    pub image: Descriptor,
    /// The layer both share.
    pub layer: Packed,
}

/// What was packed.
#[derive(Clone, Debug)]
pub struct Release {
    /// The index of the artifacts: what `<version>` names.
    pub index: Descriptor,
    /// The index of the images: what `<version>-image` names.
    pub image_index: Descriptor,
    /// The platforms, in the order they came.
    pub parts: Vec<PackedPart>,
}

impl Release {
    /// Everything that can be pulled by itself, and so is worth a signature: both indexes, and the manifests under them.
    pub fn subjects(&self) -> Vec<&Descriptor> {
        let parts = self.parts.iter().flat_map(|part| [&part.artifact, &part.image]);
        [&self.index, &self.image_index].into_iter().chain(parts).collect()
    }
}

/// Packs a release into `layout`. Tags that are there move; nothing else of the layout is touched.
///
/// # Errors
///
/// Files that cannot be read, names that are not plain, a layout that cannot be written.
pub fn release(layout: &Layout, facts: &Facts, parts: Vec<Part>) -> Result<Release> {
    let version = &facts.version;
    layout.put(media::EMPTY, crate::oci::EMPTY)?;
    let base = layer(layout, base::members(), facts.created)?;
    let catalogue = Descriptor::of(media::CATALOGUE, &facts.catalogue);
    layout.put(media::CATALOGUE, &facts.catalogue)?;

    let mut packed = Vec::new();
    for part in parts {
        let platform = part.platform.clone();
        let layer = layer(layout, part.members, facts.created)?;
        let mut annotations = facts.annotations(&part.clis, &catalogue);
        annotations.extend(part.annotations);

        let mut descriptor = layer.descriptor(media::TOOL);
        // The name of the file that `oras pull` makes of it; without one it makes none.
        descriptor.annotations.insert(annotation::TITLE.to_owned(), format!("mcp-{}.tar.gz", facts.server));
        let layers = vec![descriptor];
        let manifest = Manifest { annotations: annotations.clone(), ..Manifest::artifact(media::TOOL, layers) };
        let artifact = layout.put(media::MANIFEST, &manifest.bytes())?;
        layout.enter(&artifact, Some(&format!("{version}-{}", platform.dashed())))?;
        facts.refer(layout, &artifact, media::CATALOGUE, &facts.catalogue, "catalogue.json")?;

        let image = image::put(layout, facts, &platform, [base, layer], annotations)?;
        layout.enter(&image, Some(&format!("{version}-image-{}", platform.dashed())))?;
        facts.refer(layout, &image, media::CATALOGUE, &facts.catalogue, "catalogue.json")?;
        if let Some(sbom) = &part.sbom {
            for subject in [&artifact, &image] {
                facts.refer(layout, subject, media::SPDX, sbom, "sbom.spdx.json")?;
            }
        }
        packed.push(PackedPart { platform, artifact, image, layer });
    }

    let annotations = facts.annotations(&[], &catalogue);
    let list = |entry: fn(&PackedPart) -> &Descriptor, artifact_type: Option<&str>| Index {
        manifests: packed
            .iter()
            .map(|part| Descriptor {
                platform: Some(part.platform.clone()),
                artifact_type: artifact_type.map(str::to_owned),
                ..entry(part).clone()
            })
            .collect(),
        artifact_type: artifact_type.map(str::to_owned),
        annotations: annotations.clone(),
        ..Index::default()
    };
    let enter = |index: &Index, tag: &str| {
        let index = layout.put(media::INDEX, &index.bytes())?;
        layout.enter(&index, Some(tag))?;
        facts.refer(layout, &index, media::CATALOGUE, &facts.catalogue, "catalogue.json")?;
        Ok::<_, crate::Error>(index)
    };
    let index = enter(&list(|part| &part.artifact, Some(media::TOOL)), version)?;
    let image_index = enter(&list(|part| &part.image, None), &format!("{version}-image"))?;
    Ok(Release { index, image_index, parts: packed })
}

/// Signs everything in `layout` that can be pulled by itself. `repository` is the name it will have, without tag.
///
/// # Errors
///
/// The layout cannot be written.
pub fn sign(layout: &Layout, release: &Release, key: &SigningKey, repository: &str) -> Result<()> {
    for subject in release.subjects() {
        let signature = key.sign(subject, repository);
        layout.put(sign::PAYLOAD, &signature.payload)?;
        let manifest = layout.put(media::MANIFEST, &signature.manifest.bytes())?;
        let entry = Descriptor { artifact_type: Some(sign::ARTIFACT.to_owned()), ..manifest };
        layout.enter(&entry, Some(&signature.tag))?;
    }
    Ok(())
}

impl Facts {
    fn annotations(&self, clis: &[Cli], catalogue: &Descriptor) -> Annotations {
        let mut all = self.annotations.clone();
        let mut put = |key: &str, value: &str| all.insert(key.to_owned(), value.to_owned());
        put(annotation::CREATED, &time::rfc3339(self.created));
        put(annotation::TITLE, &format!("mcp-{}", self.server));
        put(annotation::DESCRIPTION, &self.description);
        put(annotation::VERSION, &self.version);
        put(annotation::LICENSES, &self.licenses);
        put(annotation::SERVER, &self.server);
        put(annotation::CATALOGUE, &catalogue.digest.to_string());
        if let Some(revision) = &self.revision {
            put(annotation::REVISION, revision);
        }
        if let Some(source) = &self.source {
            put(annotation::SOURCE, source);
        }
        for cli in clis {
            let local = if cli.url.is_none() { " (local)" } else { "" };
            let value = format!("{} {}{local}", cli.version, cli.digest);
            put(&format!("{}{}", annotation::CLI_PREFIX, cli.name), &value);
        }
        all
    }

    /// Adds a manifest of `artifact_type` that holds `bytes` and is about `subject`.
    fn refer(
        &self,
        layout: &Layout,
        subject: &Descriptor,
        artifact_type: &str,
        bytes: &[u8],
        title: &str,
    ) -> Result<()> {
        let mut descriptor = layout.put(artifact_type, bytes)?;
        descriptor.annotations.insert(annotation::TITLE.to_owned(), title.to_owned());
        let mut manifest = Manifest::artifact(artifact_type, vec![descriptor]);
        manifest.subject = Some(subject.bare());
        manifest.annotations.insert(annotation::CREATED.to_owned(), time::rfc3339(self.created));
        let manifest = layout.put(media::MANIFEST, &manifest.bytes())?;
        layout.enter(&Descriptor { artifact_type: Some(artifact_type.to_owned()), ..manifest }, None)
    }
}

/// A layer of `members`, stored under its digest.
pub(crate) fn layer(layout: &Layout, members: Vec<Member>, created: u64) -> Result<Packed> {
    layout.store(|file| layer::pack(members, created, file))
}
