//! `--key FILE`: whose signatures are believed, and whether what is about to be taken carries one.

use std::{io::Read, path::PathBuf};

use clap::{Arg, ArgMatches, value_parser};

use crate::{
    Error, Kind, Result,
    layout::DOCUMENT_MAX,
    oci::{Digest, Manifest},
    sign::{self, VerifyingKey},
    transfer::{Place, Silent},
};

/// A public key is a few lines.
const KEY_MAX: u64 = 64 << 10;

/// The option, whose help ends with what it asks for.
pub(super) fn argument(asks: &str) -> Arg {
    Arg::new("key")
        .long("key")
        .value_name("FILE")
        .value_parser(value_parser!(PathBuf))
        .help(format!("A public key (PEM, as cosign.pub): {asks}"))
}

/// The key that was given, if one was.
pub(super) fn given(matches: &ArgMatches) -> Result<Option<VerifyingKey>> {
    let Some(path) = matches.get_one::<PathBuf>("key") else { return Ok(None) };
    let failed = |error| Error::io(path, &error);
    let mut text = String::new();
    std::fs::File::open(path).map_err(failed)?.take(KEY_MAX).read_to_string(&mut text).map_err(failed)?;
    VerifyingKey::from_pem(&text).map(Some).map_err(|error| error.while_doing(path.display()))
}

/// Refuses `subject` of `place` unless it carries a good signature by `key`.
pub(super) async fn check(key: &VerifyingKey, place: &Place, subject: &Digest) -> Result<()> {
    let mut found = Vec::new();
    for referrer in place.referrers(subject).await? {
        if referrer.artifact_type.as_deref().is_some_and(sign::may_hold) {
            found.push(manifest(place, &referrer.digest.to_string()).await?);
        }
    }
    // Where cosign puts those that refer to nothing.
    match manifest(place, &sign::tag(subject)).await {
        Ok(tagged) => found.push(tagged),
        Err(error) if error.kind == Kind::NotFound => {}
        Err(error) => return Err(error),
    }
    let mut candidates = Vec::new();
    for manifest in &found {
        candidates.push((manifest, payloads(place, manifest).await));
    }
    key.one_of(subject, candidates)
}

async fn manifest(place: &Place, name: &str) -> Result<Manifest> {
    let document = place.document(name).await?;
    Manifest::parse(&document.bytes).map_err(|error| error.while_doing(document.descriptor.digest))
}

async fn payloads(place: &Place, manifest: &Manifest) -> Result<Vec<Vec<u8>>> {
    let mut payloads = Vec::new();
    for layer in &manifest.layers {
        if layer.size > DOCUMENT_MAX {
            return Err(Error::refused(format!(
                "{} has {} bytes, no signature is that large",
                layer.digest, layer.size
            )));
        }
        let mut bytes = Vec::new();
        let mut file = place.blob(layer, &Silent).await?;
        file.read_to_end(&mut bytes).map_err(|error| Error::new(Kind::Io, format!("{}: {error}", layer.digest)))?;
        payloads.push(bytes);
    }
    Ok(payloads)
}
