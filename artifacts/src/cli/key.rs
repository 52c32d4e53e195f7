//! `--key FILE`: whose signatures are believed, and whether what is about to be taken carries one.

use std::{io::Read, path::PathBuf};

use clap::{Arg, ArgMatches, value_parser};

use crate::{
    Error, Kind, Result,
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

/// Refuses `subject` of `place` unless it carries a good signature by `key`. Others may have signed too, or left what only looks like a signature.
pub(super) async fn check(key: &VerifyingKey, place: &Place, subject: &Digest) -> Result<()> {
    let referrers = place.referrers(subject).await?.into_iter();
    let named = referrers.filter(|referrer| referrer.artifact_type.as_deref().is_some_and(sign::may_hold));
    // The last is where cosign puts those that refer to nothing.
    let names = named.map(|referrer| referrer.digest.to_string()).chain([sign::tag(subject)]);
    let mut wrong = Vec::new();
    for name in names {
        match signed(key, place, subject, &name).await {
            Ok(()) => return Ok(()),
            Err(error) if error.kind == Kind::NotFound => {}
            Err(error) => wrong.push(error.message),
        }
    }
    Err(sign::none_good(subject, &wrong))
}

/// Whether the manifest `name` holds a good one.
async fn signed(key: &VerifyingKey, place: &Place, subject: &Digest, name: &str) -> Result<()> {
    let document = place.document(name).await?;
    let manifest = Manifest::parse(&document.bytes).map_err(|error| error.while_doing(document.descriptor.digest))?;
    let mut payloads = Vec::new();
    for layer in sign::payloads(&manifest)? {
        let mut bytes = Vec::new();
        let mut file = place.blob(layer, &Silent).await?;
        file.read_to_end(&mut bytes).map_err(|error| Error::new(Kind::Io, format!("{}: {error}", layer.digest)))?;
        payloads.push(bytes);
    }
    key.signed(subject, &manifest, &payloads)
}
