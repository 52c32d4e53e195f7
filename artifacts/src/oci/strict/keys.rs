//! Keys of JSON objects that readers take for one another. Go's reader, which most of the tools of registries and containers stand on, takes `Layers` for
//! `layers`, and of two the later; ours does neither.

use std::{collections::BTreeSet, fmt};

use serde::{
    Deserializer,
    de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor},
};

/// The keys that mean something in manifests, indexes and configurations of images, as they are written.
const KNOWN: [&str; 35] = [
    "schemaVersion",
    "mediaType",
    "artifactType",
    "config",
    "layers",
    "manifests",
    "subject",
    "annotations",
    "digest",
    "size",
    "urls",
    "data",
    "platform",
    "architecture",
    "os",
    "os.version",
    "os.features",
    "variant",
    "created",
    "author",
    "rootfs",
    "type",
    "diff_ids",
    "history",
    "created_by",
    "comment",
    "empty_layer",
    "User",
    "Env",
    "Entrypoint",
    "Cmd",
    "WorkingDir",
    "Labels",
    "Volumes",
    "ExposedPorts",
];

/// Objects whose keys are anybody's words: every letter counts, to everybody.
const WORDS: [&str; 4] = ["annotations", "Labels", "Volumes", "ExposedPorts"];

/// Refuses a document with a key twice in one object, or with one that some readers take for a known one.
pub(super) fn check(bytes: &[u8]) -> serde_json::Result<()> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    Value { words: false }.deserialize(&mut reader)?;
    reader.end()
}

/// As Go folds keys: ASCII without case, and the two letters outside of it that fold into it.
fn folded(key: &str) -> String {
    key.chars()
        .map(|letter| match letter {
            '\u{17f}' => 's',
            '\u{212a}' => 'k',
            letter => letter.to_ascii_lowercase(),
        })
        .collect()
}

/// A value that is looked through and not kept. `words`: the keys of an object here are words.
#[derive(Clone, Copy)]
struct Value {
    words: bool,
}

impl<'de> DeserializeSeed<'de> for Value {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(Self { words: false })?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = BTreeSet::new();
        while let Some(key) = map.next_key::<String>()? {
            if !self.words {
                let folded = folded(&key);
                let known = KNOWN.iter().find(|known| self::folded(known) == folded);
                if let Some(known) = known.filter(|known| **known != key) {
                    return Err(A::Error::custom(format!("some readers take the key {key:?} for {known:?}")));
                }
            }
            map.next_value_seed(Self { words: !self.words && WORDS.contains(&key.as_str()) })?;
            if seen.contains(&key) {
                return Err(A::Error::custom(format!("the key {key:?} is there twice")));
            }
            seen.insert(key);
        }
        Ok(())
    }
}
