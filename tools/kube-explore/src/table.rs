//! Tables as the API server prints them: it knows the columns of every kind, custom ones too.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{self, Visitor},
};

/// The names of a table's columns.
#[derive(Clone, Debug, Default)]
pub struct Columns(Vec<String>);

/// A row.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Row {
    /// What stands in each column.
    #[serde(default)]
    pub cells: Vec<Cell>,
    /// What the object is called, where it was asked for.
    #[serde(default)]
    pub object: Option<Object>,
}

/// The object of a row.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Object {
    /// Its metadata.
    #[serde(default)]
    pub metadata: Meta,
}

/// The part of an object's metadata that is used.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Meta {
    /// Its name.
    #[serde(default)]
    pub name: String,
    /// Its namespace; empty for cluster-wide kinds.
    #[serde(default)]
    pub namespace: String,
}

/// One cell as text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cell(pub String);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head {
    #[serde(default)]
    column_definitions: Vec<Column>,
}

#[derive(Deserialize)]
struct Column {
    #[serde(default)]
    name: String,
}

impl Columns {
    /// Reads the head of a table.
    pub fn read(head: &[u8]) -> Option<Self> {
        let head: Head = serde_json::from_slice(head).ok()?;
        Some(Self(head.column_definitions.into_iter().map(|column| column.name).collect()))
    }

    /// What stands in `row` under `name`, in any case; nothing where there is no such column.
    pub fn cell<'r>(&self, row: &'r Row, name: &str) -> Option<&'r str> {
        let at = self.0.iter().position(|column| column.eq_ignore_ascii_case(name))?;
        row.cells.get(at).map(|cell| cell.0.as_str()).filter(|cell| !matches!(*cell, "" | "<none>"))
    }

    /// The names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl<'de> Deserialize<'de> for Cell {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Cell;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a cell")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Cell, E> {
                Ok(Cell(text.to_owned()))
            }

            fn visit_bool<E: de::Error>(self, value: bool) -> Result<Cell, E> {
                Ok(Cell(value.to_string()))
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Cell, E> {
                Ok(Cell(value.to_string()))
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Cell, E> {
                Ok(Cell(value.to_string()))
            }

            fn visit_f64<E: de::Error>(self, value: f64) -> Result<Cell, E> {
                Ok(Cell(value.to_string()))
            }

            fn visit_unit<E: de::Error>(self) -> Result<Cell, E> {
                Ok(Cell::default())
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, mut seq: A) -> Result<Cell, A::Error> {
                let mut parts = Vec::new();
                while let Some(Cell(part)) = seq.next_element()? {
                    parts.push(part);
                }
                Ok(Cell(parts.join(",")))
            }

            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Cell, A::Error> {
                while map.next_entry::<de::IgnoredAny, de::IgnoredAny>()?.is_some() {}
                Ok(Cell(String::from("{…}")))
            }
        }
        deserializer.deserialize_any(Any)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_text_whatever_they_were() {
        let row: Row =
            serde_json::from_str(r#"{"cells":["web",3,null,true,-2,1.5,["a",["b"]],{"x":[1]}],"object":null}"#)
                .unwrap();
        let cells: Vec<&str> = row.cells.iter().map(|cell| cell.0.as_str()).collect();
        assert_eq!(cells, ["web", "3", "", "true", "-2", "1.5", "a,b", "{…}"]);
    }

    #[test]
    fn a_cell_is_found_by_its_column() {
        let columns =
            Columns::read(br#"{"columnDefinitions":[{"name":"Name"},{"name":"Ready"},{"name":"Node"}],"rows":[]}"#)
                .unwrap();
        let row: Row = serde_json::from_str(r#"{"cells":["web","1/1","<none>"]}"#).unwrap();
        assert_eq!(columns.cell(&row, "ready"), Some("1/1"));
        assert_eq!((columns.cell(&row, "node"), columns.cell(&row, "age")), (None, None));
        let short: Row = serde_json::from_str("{}").unwrap();
        assert_eq!(columns.cell(&short, "name"), None);
    }
}
