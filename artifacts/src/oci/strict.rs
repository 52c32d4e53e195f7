//! Reading documents so that no other reader of the same bytes can see something else in them: what is ambiguous is refused.

use std::{collections::BTreeMap, fmt};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, Visitor},
};

use super::{Annotations, Descriptor, media};
use crate::{Error, Result};

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

/// Refuses descriptors whose embedded bytes are not those they point at.
pub(super) fn data<'a>(descriptors: impl IntoIterator<Item = &'a Descriptor>) -> Result<()> {
    for descriptor in descriptors {
        if let Some(data) = &descriptor.data {
            let bytes = STANDARD.decode(data).map_err(|error| {
                Error::refused(format!("the data embedded for {} is not base64: {error}", descriptor.digest))
            })?;
            descriptor.check(&bytes).map_err(|error| error.while_doing("the embedded data"))?;
        }
    }
    Ok(())
}

/// Annotations of which no key is there twice.
pub(super) fn annotations<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Annotations, D::Error> {
    struct Unique;

    impl<'de> Visitor<'de> for Unique {
        type Value = Annotations;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("annotations")
        }

        /// Some writers say that there are none this way.
        fn visit_unit<E>(self) -> std::result::Result<Annotations, E> {
            Ok(BTreeMap::new())
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Annotations, A::Error> {
            let mut annotations = BTreeMap::new();
            while let Some((key, value)) = map.next_entry::<String, String>()? {
                if annotations.contains_key(&key) {
                    return Err(serde::de::Error::custom(format!("the annotation {key:?} is there twice")));
                }
                annotations.insert(key, value);
            }
            Ok(annotations)
        }
    }

    deserializer.deserialize_any(Unique)
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
        refused(manifest(|text| text.replace(r#""layers":[]"#, r#""layers":[],"layers":[]"#)), "duplicate field");
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
