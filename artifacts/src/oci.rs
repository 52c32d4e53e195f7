//! The documents of the OCI image specification 1.1 that artifacts are made of: descriptors, manifests, indexes. They are ours and not a library's
//! because their bytes are what a digest is of: keys in one order, absent fields absent, maps sorted.

use std::{collections::BTreeMap, fmt, io, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Error, Result};

mod names;
mod strict;

pub use names::{annotation, media};
pub(crate) use strict::loose;

/// The SHA-256 of some bytes, written `sha256:<64 hexadecimal digits>`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        let mut hasher = Hasher::default();
        hasher.update(bytes);
        hasher.finish()
    }

    /// The 64 digits alone.
    pub fn hex(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The raw bytes.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// A digest in the making, for what is not in memory as a whole.
pub struct Hasher(ring::digest::Context);

impl Default for Hasher {
    fn default() -> Self {
        Self(ring::digest::Context::new(&ring::digest::SHA256))
    }
}

impl Hasher {
    /// Takes in more bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest of all that `content` reads, and the number of its bytes.
    ///
    /// # Errors
    ///
    /// Those of `content`.
    pub fn read(content: &mut dyn io::Read) -> io::Result<(Digest, u64)> {
        let (mut hasher, mut size, mut buffer) = (Self::default(), 0, vec![0; 1 << 16]);
        loop {
            match content.read(&mut buffer)? {
                0 => return Ok((hasher.finish(), size)),
                read => {
                    hasher.update(&buffer[..read]);
                    size += read as u64;
                }
            }
        }
    }

    /// The digest of everything taken in.
    pub fn finish(self) -> Digest {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(self.0.finish().as_ref());
        Digest(bytes)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "sha256:{}", self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl FromStr for Digest {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = || Error::refused(format!("{text:?} is not a sha256 digest (sha256: and 64 hexadecimal digits)"));
        let hex = text.strip_prefix("sha256:").ok_or_else(wrong)?.as_bytes();
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Some(byte - b'0'),
            b'a'..=b'f' => Some(byte - b'a' + 10),
            _ => None,
        };
        let mut bytes = [0; 32];
        if hex.len() != 64 {
            return Err(wrong());
        }
        for (byte, pair) in bytes.iter_mut().zip(hex.chunks_exact(2)) {
            *byte = digit(pair[0]).zip(digit(pair[1])).map(|(high, low)| high << 4 | low).ok_or_else(wrong)?;
        }
        Ok(Self(bytes))
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Annotations, sorted.
pub type Annotations = BTreeMap<String, String>;

/// What a document points at: how it is to be read, what its bytes hash to, how many there are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// The format of the bytes.
    pub media_type: String,
    /// Their digest.
    pub digest: Digest,
    /// Their number.
    pub size: u64,
    /// What an entry of an index is, when it is no image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// What an entry of an index runs on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    /// Further facts.
    #[serde(default, deserialize_with = "strict::annotations", skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: Annotations,
    /// The bytes themselves, base64, where they are few.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
}

impl Descriptor {
    /// Of `bytes` in the format `media_type`.
    pub fn of(media_type: &str, bytes: &[u8]) -> Self {
        Self {
            media_type: media_type.to_owned(),
            digest: Digest::of(bytes),
            size: bytes.len() as u64,
            artifact_type: None,
            platform: None,
            annotations: Annotations::new(),
            data: None,
        }
    }

    /// The configuration of what has none.
    pub fn empty() -> Self {
        Self { data: Some("e30=".to_owned()), ..Self::of(media::EMPTY, EMPTY) }
    }

    /// Whether it points at a manifest.
    pub fn is_manifest(&self) -> bool {
        matches!(self.media_type.as_str(), media::MANIFEST | media::DOCKER_MANIFEST)
    }

    /// Whether it points at an index.
    pub fn is_index(&self) -> bool {
        matches!(self.media_type.as_str(), media::INDEX | media::DOCKER_LIST)
    }

    /// Only what identifies the content, as a `subject` wants it.
    #[must_use]
    pub fn bare(&self) -> Self {
        Self { artifact_type: None, platform: None, annotations: Annotations::new(), data: None, ..self.clone() }
    }

    /// Refuses `bytes` that are not what this descriptor says.
    pub fn check(&self, bytes: &[u8]) -> Result<()> {
        if bytes.len() as u64 != self.size {
            return Err(Error::corrupt(format!(
                "{} has {} bytes where {} were promised",
                self.digest,
                bytes.len(),
                self.size
            )));
        }
        let found = Digest::of(bytes);
        if found != self.digest {
            return Err(Error::corrupt(format!("what was stored as {} hashes to {found}", self.digest)));
        }
        Ok(())
    }
}

/// The bytes of the empty configuration.
pub const EMPTY: &[u8] = b"{}";

/// An operating system and an architecture, in Go's names: `linux/amd64`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Platform {
    /// The architecture: `amd64`, `arm64`.
    pub architecture: String,
    /// The operating system: `linux`.
    pub os: String,
    /// A variant of the architecture: `v8`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
}

impl Platform {
    /// `linux/<architecture>`.
    pub fn linux(architecture: &str) -> Self {
        Self { architecture: architecture.to_owned(), os: "linux".to_owned(), variant: None }
    }

    /// The platform this program was built for.
    pub fn host() -> Self {
        Self::linux(match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            other => other,
        })
    }

    /// The end of a tag for this platform: `linux-amd64`.
    pub fn dashed(&self) -> String {
        self.to_string().replace('/', "-")
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.os, self.architecture)?;
        self.variant.as_ref().map_or(Ok(()), |variant| write!(formatter, "/{variant}"))
    }
}

impl FromStr for Platform {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let parts: Vec<&str> = text.split('/').collect();
        let good =
            |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        match parts.as_slice() {
            [os, architecture, variant @ ..] if variant.len() < 2 && parts.iter().all(good) => Ok(Self {
                os: (*os).to_owned(),
                architecture: (*architecture).to_owned(),
                variant: variant.first().map(|variant| (*variant).to_owned()),
            }),
            _ => Err(Error::new(crate::Kind::Usage, format!("{text:?} is not a platform such as linux/amd64"))),
        }
    }
}

/// A manifest: one artifact or image for one platform, or a referrer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// Always 2.
    pub schema_version: u32,
    /// Its own format.
    #[serde(default)]
    pub media_type: String,
    /// What it is, when it is no image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// How to run it.
    pub config: Descriptor,
    /// What it holds.
    pub layers: Vec<Descriptor>,
    /// What it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Descriptor>,
    /// Further facts.
    #[serde(default, deserialize_with = "strict::annotations", skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: Annotations,
}

impl Manifest {
    /// A manifest of `artifact_type` without configuration that holds `layers`.
    pub fn artifact(artifact_type: &str, layers: Vec<Descriptor>) -> Self {
        Self {
            schema_version: 2,
            media_type: media::MANIFEST.to_owned(),
            artifact_type: Some(artifact_type.to_owned()),
            config: Descriptor::empty(),
            layers,
            subject: None,
            annotations: Annotations::new(),
        }
    }

    /// What the referrers of a subject list of this manifest: its artifact type, else the type of its configuration.
    pub fn kind(&self) -> &str {
        self.artifact_type.as_deref().unwrap_or(&self.config.media_type)
    }

    /// Its bytes.
    pub fn bytes(&self) -> Vec<u8> {
        bytes(self)
    }

    /// Reads one.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Refused`] for what is no manifest, or could be read as something else too.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let manifest: Self = strict::parse(bytes, strict::Kind::Manifest)?;
        let descriptors = [&manifest.config].into_iter().chain(&manifest.layers).chain(&manifest.subject);
        strict::descriptors(descriptors)?;
        Ok(manifest)
    }
}

/// An index: manifests to choose from, by platform.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Index {
    /// Always 2.
    pub schema_version: u32,
    /// Its own format.
    #[serde(default)]
    pub media_type: String,
    /// What it is, when it is no image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// What there is to choose from.
    #[serde(default)]
    pub manifests: Vec<Descriptor>,
    /// What it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Descriptor>,
    /// Further facts.
    #[serde(default, deserialize_with = "strict::annotations", skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: Annotations,
}

impl Default for Index {
    fn default() -> Self {
        Self {
            schema_version: 2,
            media_type: media::INDEX.to_owned(),
            artifact_type: None,
            manifests: Vec::new(),
            subject: None,
            annotations: Annotations::new(),
        }
    }
}

impl Index {
    /// Its bytes.
    pub fn bytes(&self) -> Vec<u8> {
        bytes(self)
    }

    /// Reads one.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Refused`] for what is no index, or could be read as something else too.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let index: Self = strict::parse(bytes, strict::Kind::Index)?;
        strict::descriptors(index.manifests.iter().chain(&index.subject))?;
        Ok(index)
    }

    /// The one entry for `platform`; an error that names what there is.
    pub fn choose(&self, platform: &Platform) -> Result<&Descriptor> {
        let fits = |entry: &&Descriptor| {
            entry.platform.as_ref().is_some_and(|there| {
                there.os == platform.os
                    && there.architecture == platform.architecture
                    && (platform.variant.is_none() || platform.variant == there.variant)
            })
        };
        self.manifests.iter().find(fits).ok_or_else(|| {
            let there: Vec<String> =
                self.manifests.iter().filter_map(|entry| entry.platform.as_ref()).map(Platform::to_string).collect();
            let there = if there.is_empty() { "none".to_owned() } else { there.join(", ") };
            Error::new(crate::Kind::NotFound, format!("there is nothing for {platform}; there is: {there}"))
        })
    }
}

/// The bytes of a document made of structs and sorted maps.
pub(crate) fn bytes(document: &impl Serialize) -> Vec<u8> {
    // A struct of strings, numbers and sorted maps: there is no way for this to fail.
    serde_json::to_vec(document).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_empty_configuration_is_the_one_of_the_specification() {
        let empty = Descriptor::empty();
        assert_eq!(empty.digest.to_string(), "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");
        assert_eq!((empty.size, empty.data.as_deref()), (2, Some("e30=")));
    }

    #[test]
    fn a_digest_is_read_only_as_it_is_written() {
        let digest = Digest::of(b"x");
        assert_eq!(digest.to_string().parse::<Digest>(), Ok(digest));
        let upper = format!("sha256:{}", digest.hex().to_uppercase());
        for wrong in ["", "sha256:", "sha256:00", "sha512:00", &upper, &digest.hex(), &format!("{digest}0")] {
            assert!(wrong.parse::<Digest>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_platform_is_two_or_three_words() {
        assert_eq!(
            "linux/arm64/v8".parse::<Platform>().map(|platform| platform.to_string()),
            Ok("linux/arm64/v8".into())
        );
        for wrong in ["", "linux", "linux/", "/amd64", "a/b/c/d", "linux/../amd64"] {
            assert!(wrong.parse::<Platform>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_descriptor_catches_a_flipped_byte_and_a_wrong_length() {
        let descriptor = Descriptor::of(media::EMPTY, b"{}");
        assert_eq!(descriptor.check(b"{}"), Ok(()));
        assert!(descriptor.check(b"{]").is_err_and(|error| error.message.contains("hashes to")));
        assert!(descriptor.check(b"{} ").is_err_and(|error| error.message.contains("3 bytes where 2")));
    }

    #[test]
    fn documents_keep_the_order_of_the_specification_and_leave_out_what_is_absent() {
        let text = String::from_utf8(Manifest::artifact(media::TOOL, vec![]).bytes()).unwrap_or_default();
        assert!(text.starts_with(
            r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","artifactType":"#
        ));
        assert!(!text.contains("annotations") && !text.contains("subject"));
    }
}
