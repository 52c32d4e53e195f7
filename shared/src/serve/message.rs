//! What a message must be before the protocol library sees it.

use serde::{
    Deserialize, Deserializer,
    de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

/// Why a message was not taken, as a JSON-RPC error.
#[derive(Debug, PartialEq)]
pub(crate) struct Refusal {
    /// The JSON-RPC code.
    pub(crate) code: i64,
    /// What was wrong.
    pub(crate) message: String,
    /// The id of the request, when it can be told.
    pub(crate) id: serde_json::Value,
}

impl Refusal {
    pub(crate) fn new(code: i64, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), id: serde_json::Value::Null }
    }

    /// The error as a message.
    pub(crate) fn to_json(&self) -> String {
        serde_json::json!({"jsonrpc": "2.0", "id": self.id, "error": {"code": self.code, "message": self.message}})
            .to_string()
    }
}

/// Refuses what is not one JSON object with unique keys. Parsers disagree about which of two equal keys counts; a gateway that judged the first
/// and a server that ran the second would have checked nothing.
pub(crate) fn check(bytes: &[u8]) -> Result<(), Refusal> {
    match bytes.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'[') => {
            return Err(Refusal::new(-32600, "batches are not part of this protocol; send one message at a time"));
        }
        Some(b'{') => {}
        _ => return Err(Refusal::new(-32700, "not a JSON object")),
    }
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let checked = Unique::deserialize(&mut deserializer).and_then(|_| deserializer.end());
    checked.map_err(|error| {
        let mut refusal = if error.is_data() {
            Refusal::new(-32600, error.to_string())
        } else {
            Refusal::new(-32700, format!("not JSON: {error}"))
        };
        refusal.id = id_of(bytes);
        refusal
    })
}

/// The id of a message that is otherwise not acceptable.
pub(crate) fn id_of(bytes: &[u8]) -> serde_json::Value {
    let message: serde_json::Value = serde_json::from_slice(bytes).unwrap_or_default();
    match message.get("id") {
        Some(id) if id.is_string() || id.is_number() => id.clone(),
        _ => serde_json::Value::Null,
    }
}

/// Any JSON whose objects have unique keys.
struct Unique;

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Walk;
        impl<'de> Visitor<'de> for Walk {
            type Value = Unique;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("JSON")
            }
            fn visit_bool<E>(self, _: bool) -> Result<Unique, E> {
                Ok(Unique)
            }
            fn visit_i64<E>(self, _: i64) -> Result<Unique, E> {
                Ok(Unique)
            }
            fn visit_u64<E>(self, _: u64) -> Result<Unique, E> {
                Ok(Unique)
            }
            fn visit_f64<E>(self, _: f64) -> Result<Unique, E> {
                Ok(Unique)
            }
            fn visit_str<E>(self, _: &str) -> Result<Unique, E> {
                Ok(Unique)
            }
            fn visit_unit<E>(self) -> Result<Unique, E> {
                Ok(Unique)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Unique, A::Error> {
                while items.next_element::<Unique>()?.is_some() {}
                Ok(Unique)
            }
            fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Unique, A::Error> {
                let mut seen = std::collections::HashSet::new();
                while let Some(key) = fields.next_key::<String>()? {
                    if !seen.insert(key.clone()) {
                        // The rest is read so that the error is about the data, not about where reading stopped.
                        fields.next_value::<IgnoredAny>()?;
                        let shown: String = key.chars().take(40).collect();
                        return Err(A::Error::custom(format!("the key {shown:?} is given twice")));
                    }
                    fields.next_value::<Unique>()?;
                }
                Ok(Unique)
            }
        }
        deserializer.deserialize_any(Walk)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_object_with_unique_keys_is_taken() {
        assert_eq!(check(br#" {"id":1,"params":{"a":[{"b":1},{"b":2}],"c":null,"d":1.5,"e":-1,"f":true}} "#), Ok(()));
    }

    #[test]
    fn anything_else_is_refused_with_the_right_code() {
        for (message, code, id) in [
            (r#"{"id":7,"params":{"name":"a","name":"b"}}"#, -32600, serde_json::json!(7)),
            (r#"{"id":7,"params":{"x":[{"y":{"k":1,"k":1}}]}}"#, -32600, serde_json::json!(7)),
            (r#"{"id":7,"id":8}"#, -32600, serde_json::json!(8)),
            (r#"[{"id":1}]"#, -32600, serde_json::Value::Null),
            (r#"{"id":1"#, -32700, serde_json::Value::Null),
            (r#"{"id":1} {"id":2}"#, -32700, serde_json::Value::Null),
            ("\"text\"", -32700, serde_json::Value::Null),
            ("", -32700, serde_json::Value::Null),
        ] {
            let refusal = check(message.as_bytes()).unwrap_err();
            assert_eq!((refusal.code, refusal.id), (code, id), "{message}");
        }
    }

    #[test]
    fn depth_is_bounded_not_fatal() {
        let deep = format!("{}{}{}", "{\"a\":".repeat(100_000), "1", "}".repeat(100_000));
        assert_eq!(check(deep.as_bytes()).unwrap_err().code, -32700);
    }
}
