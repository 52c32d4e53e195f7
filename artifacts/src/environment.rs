//! Where settings come from: the environment of the process, or a test's own.

use std::{ffi::OsString, fmt, path::PathBuf, sync::Arc};

use crate::{Error, Kind, Result};

type Lookup = dyn Fn(&str) -> Option<OsString> + Send + Sync;

/// A lookup of environment variables. It goes through this value, so that a test can give its own and the moment of reading is ours.
#[derive(Clone)]
pub struct Environment(Arc<Lookup>);

impl Environment {
    /// The environment of this process, read at each question.
    pub fn process() -> Self {
        Self::from_fn(|name| std::env::var_os(name))
    }

    /// An environment answered by `lookup`.
    pub fn from_fn(lookup: impl Fn(&str) -> Option<OsString> + Send + Sync + 'static) -> Self {
        Self(Arc::new(lookup))
    }

    /// The value of `name`; an empty one counts as unset.
    ///
    /// # Errors
    ///
    /// [`Kind::Usage`] when it is not UTF-8; the value itself is not repeated.
    pub fn text(&self, name: &str) -> Result<Option<String>> {
        let value = (self.0)(name).filter(|value| !value.is_empty());
        value
            .map(OsString::into_string)
            .transpose()
            .map_err(|_| Error::new(Kind::Usage, format!("the value of {name} is not UTF-8")))
    }

    /// The value of `name` as a path; an empty one counts as unset.
    pub fn path(&self, name: &str) -> Option<PathBuf> {
        (self.0)(name).filter(|value| !value.is_empty()).map(PathBuf::from)
    }

    /// The first of `names` that is set.
    ///
    /// # Errors
    ///
    /// As [`Environment::text`].
    pub fn first_text(&self, names: &[&str]) -> Result<Option<String>> {
        for name in names {
            if let Some(value) = self.text(name)? {
                return Ok(Some(value));
            }
        }
        Ok(None)
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Environment")
    }
}
