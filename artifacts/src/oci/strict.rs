//! Reading documents so that no other reader of the same bytes can see something else in them: what is ambiguous is refused.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Deserializer, de::IgnoredAny};

use super::{Annotations, Descriptor, media};
use crate::{Error, Result};

mod keys;

/// Reads `bytes` as JSON of any form, in which no other reader sees another value for a key.
pub(crate) fn loose(bytes: &[u8]) -> Result<serde_json::Value> {
    keys::check(bytes)
        .and_then(|()| serde_json::from_slice(bytes))
        .map_err(|error| Error::refused(format!("this cannot be read: {error}")))
}

/// What a document is read as.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Manifest,
    Index,
}

/// The keys by which readers tell manifests and indexes apart.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shape {
    media_type: Option<String>,
    config: Option<IgnoredAny>,
    layers: Option<IgnoredAny>,
    manifests: Option<IgnoredAny>,
}

/// Reads `bytes` as a document that is of `kind` and of no other.
pub(super) fn parse<T: for<'de> Deserialize<'de>>(bytes: &[u8], kind: Kind) -> Result<T> {
    let (what, other, types) = match kind {
        Kind::Manifest => ("a manifest", "an index", [media::MANIFEST, media::DOCKER_MANIFEST]),
        Kind::Index => ("an index", "a manifest", [media::INDEX, media::DOCKER_LIST]),
    };
    let wrong = |error: serde_json::Error| Error::refused(format!("this is not {what}: {error}"));
    keys::check(bytes).map_err(wrong)?;
    let document = serde_json::from_slice(bytes).map_err(wrong)?;
    let shape: Shape = serde_json::from_slice(bytes).map_err(wrong)?;
    let both = match kind {
        Kind::Manifest => shape.manifests.is_some(),
        Kind::Index => shape.config.is_some() || shape.layers.is_some(),
    };
    if both {
        return Err(Error::refused(format!("this could be read as {what} and as {other}")));
    }
    match shape.media_type {
        Some(named) if !named.is_empty() && !types.contains(&named.as_str()) => {
            Err(Error::refused(format!("this is pointed at as {what} and calls itself {named:?}")))
        }
        _ => Ok(document),
    }
}

/// Refuses descriptors whose embedded bytes are not those they point at, and platforms that are no words.
pub(super) fn descriptors<'a>(descriptors: impl IntoIterator<Item = &'a Descriptor>) -> Result<()> {
    for descriptor in descriptors {
        if let Some(platform) = &descriptor.platform {
            platform.to_string().parse::<super::Platform>()?;
        }
        if let Some(data) = &descriptor.data {
            let bytes = STANDARD.decode(data).map_err(|error| {
                Error::refused(format!("the data embedded for {} is not base64: {error}", descriptor.digest))
            })?;
            descriptor.check(&bytes).map_err(|error| error.while_doing("the embedded data"))?;
        }
    }
    Ok(())
}

/// Annotations; some writers say `null` where there are none.
pub(super) fn annotations<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Annotations, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

#[cfg(test)]
mod tests {
    use super::super::{Index, Manifest};

    fn manifest(change: impl Fn(String) -> String) -> crate::Result<Manifest> {
        let mut manifest = Manifest::artifact(super::media::TOOL, vec![]);
        manifest.annotations.insert("a".to_owned(), "1".to_owned());
        Manifest::parse(change(String::from_utf8(manifest.bytes()).unwrap()).as_bytes())
    }

    fn refused<T: std::fmt::Debug>(outcome: crate::Result<T>, why: &str) {
        let error = outcome.expect_err(why);
        assert!(error.message.contains(why), "{error}");
    }

    #[test]
    fn what_another_reader_would_read_otherwise_is_refused() {
        assert!(manifest(|text| text).is_ok());
        refused(manifest(|text| text.replacen('{', "{\"manifests\":[],", 1)), "and as an index");
        refused(manifest(|text| text.replace("image.manifest.v1", "image.index.v1")), "calls itself");
        refused(manifest(|text| text.replace(r#""a":"1""#, r#""a":"1","a":"2""#)), "\"a\" is there twice");
        refused(
            manifest(|text| text.replace(r#""layers":[]"#, r#""layers":[],"layers":[]"#)),
            "\"layers\" is there twice",
        );
        for (there, twin) in
            [("layers", "Layers"), ("layers", "LAYERS"), ("subject", "\u{17f}ubject"), ("mediaType", "mediatype")]
        {
            refused(manifest(|text| text.replacen('{', &format!("{{\"{twin}\":[],"), 1)), &format!("for {there:?}"));
        }
        // Annotations are told apart by every letter, by everybody.
        assert!(manifest(|text| text.replace(r#""a":"1""#, r#""a":"1","A":"2","Layers":"3""#)).is_ok());
        refused(manifest(|text| text.replace("e30=", "e319")), "the embedded data");
        refused(manifest(|text| text.replace("e30=", "?")), "not base64");
        let index = String::from_utf8(Index::default().bytes()).unwrap();
        assert!(Index::parse(index.as_bytes()).is_ok());
        for key in ["layers", "config"] {
            refused(Index::parse(index.replacen('{', &format!("{{\"{key}\":[],"), 1).as_bytes()), "and as a manifest");
        }
        refused(Index::parse(index.replace("image.index.v1", "image.manifest.v1").as_bytes()), "calls itself");
    }

    #[test]
    fn annotations_may_be_null() {
        assert!(manifest(|text| text.replace(r#"{"a":"1"}"#, "null")).is_ok_and(|found| found.annotations.is_empty()));
    }
}
