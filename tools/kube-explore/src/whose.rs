//! What tells the namespace of a row.

use crate::{names::Names, table::Row};

/// What tells the namespace of a row.
#[derive(Clone, Copy)]
pub enum Whose<'a> {
    /// Nothing: its kind is in none.
    Nobody,
    /// The request: it asked for one.
    One(&'a str),
    /// The row itself.
    Own,
    /// The list of names, by the row's place.
    Listed(&'a Names),
}

impl Whose<'_> {
    /// The namespace of the row `at` a place, which is called `name`.
    pub fn of<'s>(&'s self, at: usize, row: &'s Row, name: &str) -> Option<&'s str> {
        match self {
            Self::Nobody => None,
            Self::One(place) => Some(place),
            Self::Own => {
                let object = row.object.as_ref();
                object.map(|object| object.metadata.namespace.as_str()).filter(|name| !name.is_empty())
            }
            Self::Listed(names) => names.namespace(at, name),
        }
    }
}
