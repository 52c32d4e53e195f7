//! The newer form: a Sigstore bundle, which cosign 3 makes where 2 made a payload and an annotation. Read, not written: cosign 3 looks for the
//! older form where there is no bundle, and cosign 2 finds no bundle without being told to.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;

use super::VerifyingKey;
use crate::{Error, Result, oci::Digest};

/// The media type of a bundle begins with this; the artifact type of the manifest around it is the same.
pub const BUNDLE: &str = "application/vnd.dev.sigstore.bundle";
/// No bundle is larger than this: those with certificates and entries of logs have some 10 kB.
pub(super) const BUNDLE_MAX: u64 = 1 << 20;

const STATEMENT: &str = "application/vnd.in-toto+json";
const SIGNED: &str = "https://sigstore.dev/cosign/sign/v1";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bundle {
    media_type: String,
    dsse_envelope: Option<Envelope>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope {
    payload: String,
    payload_type: String,
    signatures: Vec<Signed>,
}

#[derive(Deserialize)]
struct Signed {
    sig: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Statement {
    subject: Vec<Subject>,
    predicate_type: String,
}

#[derive(Deserialize)]
struct Subject {
    digest: std::collections::BTreeMap<String, String>,
}

impl VerifyingKey {
    /// Whether `bundle` is a signature of `subject` by this key. Certificates and transparency logs are not looked at: the key is the trust.
    pub fn verify_bundle(&self, subject: &Digest, bundle: &[u8]) -> Result<()> {
        let not = |what: String| Error::refused(format!("this is not a bundle with a signature of an image: {what}"));
        let bundle: Bundle = serde_json::from_slice(bundle).map_err(|error| not(error.to_string()))?;
        if !bundle.media_type.starts_with(BUNDLE) {
            return Err(not(format!("its mediaType is {:?}", bundle.media_type)));
        }
        let envelope = bundle.dsse_envelope.ok_or_else(|| not("it has no dsseEnvelope".to_owned()))?;
        if envelope.payload_type != STATEMENT {
            return Err(not(format!("its payloadType is {:?}", envelope.payload_type)));
        }
        let payload = STANDARD.decode(&envelope.payload).map_err(|_| not("its payload is not base64".to_owned()))?;
        // An envelope may be signed by several. An attacker can add signatures, so one that is no good takes nothing away.
        let signed = message(&envelope.payload_type, &payload);
        let mut error = not("it has no signatures".to_owned());
        let mut good = false;
        for signature in &envelope.signatures {
            match self.made(&signature.sig, &signed) {
                Ok(()) => good = true,
                Err(other) => error = other,
            }
        }
        if !good {
            return Err(error);
        }
        let statement: Statement = serde_json::from_slice(&payload).map_err(|error| not(error.to_string()))?;
        // The same key may have signed other statements about the same digest, for instance a bill of materials.
        if statement.predicate_type != SIGNED {
            return Err(not(format!("its predicateType is {:?}", statement.predicate_type)));
        }
        let digests: Vec<&String> =
            statement.subject.iter().filter_map(|subject| subject.digest.get("sha256")).collect();
        if !digests.contains(&&subject.hex()) {
            return Err(Error::refused(format!("the signature is about {digests:?}, not about {subject}")));
        }
        Ok(())
    }
}

/// What is signed of an envelope (DSSE's pre-authentication encoding).
fn message(kind: &str, payload: &[u8]) -> Vec<u8> {
    let mut message = format!("DSSEv1 {} {kind} {} ", kind.len(), payload.len()).into_bytes();
    message.extend_from_slice(payload);
    message
}
