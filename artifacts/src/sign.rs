//! Signatures as `cosign verify --key` finds them: what is signed is a small JSON document that names the digest of the subject, the signature
//! stands in an annotation of the layer that is that document, and the manifest around it is found by a tag made from the digest as well as
//! among the referrers of the subject.
//!
//! Of the two forms cosign has, this is the older, because cosign 2 and 3 both find it with no options; the newer one ([`bundle`]) is read.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use p256::{
    SecretKey,
    ecdsa::{
        self, DerSignature,
        signature::{Signer, Verifier},
    },
    pkcs8::{DecodePrivateKey, DecodePublicKey, EncodePublicKey, LineEnding},
};
use serde::{Deserialize, Serialize};

use crate::{
    Error, Kind, Result,
    oci::{Descriptor, Digest, Manifest},
};

pub mod bundle;
mod pem;
mod sealed;

/// The artifact type of a manifest that holds signatures.
pub const ARTIFACT: &str = "application/vnd.dev.cosign.artifact.sig.v1+json";
/// The format of what is signed, a layer.
pub const PAYLOAD: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
/// The annotation of that layer that holds the signature.
pub const ANNOTATION: &str = "dev.cosignproject.cosign/signature";
/// No payload is larger than this; there is no reason to fetch one that is.
const PAYLOAD_MAX: u64 = 64 << 10;
/// No manifest holds more signatures than this.
const SIGNATURES_MAX: usize = 32;

const TYPE: &str = "cosign container image signature";

const KEYS: [&str; 4] =
    ["PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED SIGSTORE PRIVATE KEY", "ENCRYPTED COSIGN PRIVATE KEY"];

/// The tag under which cosign looks for signatures of `subject`.
pub fn tag(subject: &Digest) -> String {
    format!("sha256-{}.sig", subject.hex())
}

/// What is signed.
#[derive(Serialize, Deserialize)]
struct Payload {
    critical: Critical,
    #[serde(default)]
    optional: serde_json::Value,
}

#[derive(Serialize, Deserialize)]
struct Critical {
    identity: Identity,
    image: Image,
    r#type: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Identity {
    docker_reference: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Image {
    docker_manifest_digest: String,
}

/// A signature, ready to be stored: the payload is a blob, the manifest is entered under the tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// What was signed: the bytes of the manifest's one layer.
    pub payload: Vec<u8>,
    /// The manifest, whose subject is what it is about.
    pub manifest: Manifest,
    /// The tag under which cosign looks for it.
    pub tag: String,
}

/// A private key: ECDSA on P-256, what cosign makes.
pub struct SigningKey(ecdsa::SigningKey);

impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SigningKey")
    }
}

impl SigningKey {
    /// Reads a key: PKCS#8, SEC1, or encrypted as cosign does it, which takes the password.
    pub fn from_pem(text: &str, password: Option<&str>) -> Result<Self> {
        if text.contains("-----BEGIN ENCRYPTED PRIVATE KEY-----") {
            let advice =
                "cosign import-key-pair makes an encrypted key of it, openssl pkcs8 -topk8 -nocrypt a plain one";
            return Err(usage(format!("the key is encrypted as PKCS#8, which is not read here: {advice}")));
        }
        let (label, bytes) = pem::find(text, &KEYS)?;
        let secret = match label {
            "PRIVATE KEY" => SecretKey::from_pkcs8_der(&bytes).ok(),
            "EC PRIVATE KEY" => SecretKey::from_sec1_der(&bytes).ok(),
            _ => {
                let password = password.ok_or_else(|| usage("the key is encrypted, its password is needed"))?;
                SecretKey::from_pkcs8_der(&sealed::open(&bytes, password)?).ok()
            }
        };
        // What the parsers say could quote the key.
        let secret =
            secret.ok_or_else(|| usage("the key is not an ECDSA key on the curve P-256 (openssl: prime256v1)"))?;
        Ok(Self(secret.into()))
    }

    /// Signs `subject`, which is in the repository `docker_reference` (without tag). The same key, subject and name give the same bytes
    /// always (RFC 6979), so that a layout comes out the same twice.
    pub fn sign(&self, subject: &Descriptor, docker_reference: &str) -> Signature {
        let payload = Payload {
            critical: Critical {
                identity: Identity { docker_reference: docker_reference.to_owned() },
                image: Image { docker_manifest_digest: subject.digest.to_string() },
                r#type: TYPE.to_owned(),
            },
            optional: serde_json::Value::Null,
        };
        // A struct of strings: there is no way for this to fail.
        let payload = serde_json::to_vec(&payload).unwrap_or_default();
        let signature: DerSignature = self.0.sign(&payload);
        let mut layer = Descriptor::of(PAYLOAD, &payload);
        layer.annotations.insert(ANNOTATION.to_owned(), STANDARD.encode(signature.as_bytes()));
        let mut manifest = Manifest::artifact(ARTIFACT, vec![layer]);
        manifest.subject = Some(subject.bare());
        Signature { payload, manifest, tag: tag(&subject.digest) }
    }

    /// The key that verifies what this one signs.
    pub fn verifying(&self) -> VerifyingKey {
        VerifyingKey(*self.0.verifying_key())
    }

    /// The public key as cosign takes it.
    pub fn public_pem(&self) -> String {
        self.verifying().pem()
    }
}

/// A public key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyingKey(ecdsa::VerifyingKey);

impl VerifyingKey {
    /// Reads a public key (SPKI).
    pub fn from_pem(text: &str) -> Result<Self> {
        let (_, bytes) = pem::find(text, &["PUBLIC KEY"])?;
        let key = ecdsa::VerifyingKey::from_public_key_der(&bytes)
            .map_err(|_| usage("the public key is not an ECDSA key on the curve P-256 (openssl: prime256v1)"))?;
        Ok(Self(key))
    }

    /// Its text.
    pub fn pem(&self) -> String {
        // A point of the curve always has a form.
        self.0.to_public_key_pem(LineEnding::LF).unwrap_or_default()
    }

    /// Whether `manifest` holds a signature of `subject` by this key. `payloads` are the blobs of its layers, in any order; one good
    /// signature suffices.
    pub fn verify(&self, subject: &Digest, manifest: &Manifest, payloads: &[impl AsRef<[u8]>]) -> Result<()> {
        if let Some(about) = manifest.subject.as_ref().filter(|about| about.digest != *subject) {
            return Err(Error::refused(format!("the signature is about {}, not about {subject}", about.digest)));
        }
        let mut errors = Vec::new();
        for layer in manifest.layers.iter().filter(|layer| layer.media_type == PAYLOAD) {
            match self.holds(subject, layer, payloads) {
                Ok(()) => return Ok(()),
                Err(error) => errors.push(error),
            }
        }
        match errors.as_slice() {
            [] => Err(Error::refused(format!("the manifest that should hold signatures of {subject} holds none"))),
            [error] => Err(error.clone()),
            [first, ..] => {
                let all: Vec<String> = errors.iter().map(Error::to_string).collect();
                let message = format!("none of {} signatures is good: {}", errors.len(), all.join("; "));
                Err(Error::new(first.kind, message))
            }
        }
    }

    /// Whether `manifest`, in either form, holds a signature of `subject` by this key. `payloads` are the blobs of [`payloads`].
    ///
    /// # Errors
    ///
    /// Why it does not.
    pub fn signed(&self, subject: &Digest, manifest: &Manifest, payloads: &[Vec<u8>]) -> Result<()> {
        match payloads.first() {
            Some(bundle) if manifest.kind().starts_with(bundle::BUNDLE) => self.verify_bundle(subject, bundle),
            _ => self.verify(subject, manifest, payloads),
        }
    }

    fn holds(&self, subject: &Digest, layer: &Descriptor, payloads: &[impl AsRef<[u8]>]) -> Result<()> {
        let payload = match payloads.iter().map(AsRef::as_ref).find(|payload| layer.check(payload).is_ok()) {
            Some(payload) => payload,
            None => {
                let changed = Error::corrupt(format!("what was signed ({}) is not there unaltered", layer.digest));
                // With one there is no doubt which it should have been.
                return match payloads {
                    [only] => {
                        layer.check(only.as_ref()).map_err(|error| error.while_doing("what was signed is altered"))
                    }
                    _ => Err(changed),
                };
            }
        };
        let signature = layer.annotations.get(ANNOTATION).ok_or_else(|| {
            Error::refused(format!("the layer {} has no annotation {ANNOTATION}, so no signature", layer.digest))
        })?;
        self.made(signature, payload)?;
        let payload: Payload = serde_json::from_slice(payload)
            .map_err(|error| Error::refused(format!("what was signed is not a statement about an image: {error}")))?;
        if payload.critical.r#type != TYPE {
            let other = payload.critical.r#type;
            return Err(Error::refused(format!("what was signed is of the type {other:?}, not {TYPE:?}")));
        }
        let about = payload.critical.image.docker_manifest_digest;
        if about != subject.to_string() {
            return Err(Error::refused(format!("the signature is about {about:?}, not about {subject}")));
        }
        Ok(())
    }

    /// Whether this key made `signature` (base64 of DER) over `message`.
    fn made(&self, signature: &str, message: &[u8]) -> Result<()> {
        let bytes = STANDARD.decode(signature).map_err(|_| Error::refused("the signature is not base64"))?;
        let signature =
            DerSignature::from_bytes(&bytes).map_err(|_| Error::refused("the signature is not one of ECDSA"))?;
        self.0
            .verify(message, &signature)
            .map_err(|_| Error::refused("the signature was not made by this key, or not over this content"))
    }
}

/// The layers of `manifest` that have to be read to know what it signs: small ones, and few.
///
/// # Errors
///
/// There are more of them, or larger ones, than signatures are.
pub fn payloads(manifest: &Manifest) -> Result<Vec<&Descriptor>> {
    let (wanted, most): (Vec<&Descriptor>, u64) = if manifest.kind().starts_with(bundle::BUNDLE) {
        (manifest.layers.iter().take(1).collect(), bundle::BUNDLE_MAX)
    } else {
        (manifest.layers.iter().filter(|layer| layer.media_type == PAYLOAD).collect(), PAYLOAD_MAX)
    };
    if wanted.len() > SIGNATURES_MAX || wanted.iter().any(|layer| layer.size > most) {
        return Err(Error::refused("it holds more than signatures are made of"));
    }
    Ok(wanted)
}

/// That nothing signs `subject`, and why what is there does not.
pub(crate) fn none_good(subject: &Digest, wrong: &[String]) -> Error {
    /// A stranger may have left any number of them.
    const SAID_MAX: usize = 3;
    let more = wrong.len().saturating_sub(SAID_MAX);
    let mut why = wrong.iter().take(SAID_MAX).map(String::as_str).collect::<Vec<_>>().join("; ");
    if wrong.is_empty() {
        why.push_str("there is none");
    } else if more > 0 {
        why.push_str(&format!("; and {more} more"));
    }
    Error::refused(format!("{subject} has no good signature: {why}"))
}

/// Whether a referrer of the type `kind` may hold signatures.
pub(crate) fn may_hold(kind: &str) -> bool {
    kind == ARTIFACT || kind.starts_with(bundle::BUNDLE)
}

fn usage(message: impl Into<String>) -> Error {
    Error::new(Kind::Usage, message)
}

#[cfg(test)]
pub(crate) mod tests;
