//! Where settings come from.
//!
//! What speaks to a network reads a dozen variables, some of them secrets, some of them only when a server asks. They go through this
//! value instead of [`mod@std::env`], so that a test can give its own and the moment of reading stays ours. It is not
//! [`exec::Environment`](crate::exec::Environment), which is what a child may know.

use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{Code, Result, ToolError};

/// Settings and secrets are small; a larger file is a wrong path.
const MAX_FILE: u64 = 64 * 1024;

type Lookup = dyn Fn(&str) -> Option<OsString> + Send + Sync;

/// A lookup of environment variables.
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

    /// The value of `name`; an empty one counts as unset, as it does for most programs.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`] when the value is not UTF-8; the value itself is not repeated.
    pub fn text(&self, name: &str) -> Result<Option<String>> {
        match (self.0)(name).filter(|value| !value.is_empty()) {
            None => Ok(None),
            Some(value) => match value.into_string() {
                Ok(text) => Ok(Some(text)),
                Err(_) => Err(ToolError::invalid(format!("read {name}: its value is not UTF-8"))),
            },
        }
    }

    /// The value of `name` as a path; an empty one counts as unset.
    pub fn path(&self, name: &str) -> Option<PathBuf> {
        (self.0)(name).filter(|value| !value.is_empty()).map(PathBuf::from)
    }

    /// The first of `names` that is set.
    ///
    /// # Errors
    /// As [`Environment::text`].
    pub fn first_text(&self, names: &[&str]) -> Result<Option<String>> {
        for name in names {
            if let Some(value) = self.text(name)? {
                return Ok(Some(value));
            }
        }
        Ok(None)
    }

    /// A value given as `NAME` or, when that is unset, as the content of the file that `NAME_FILE` names, without the final line break.
    ///
    /// # Errors
    /// [`Code::Unavailable`] when the file cannot be read, [`Code::TooLarge`] when it cannot be a setting,
    /// [`Code::InvalidArgument`] when it is not text.
    pub fn text_or_file(&self, name: &str) -> Result<Option<String>> {
        if let Some(value) = self.text(name)? {
            return Ok(Some(value));
        }
        let variable = format!("{name}_FILE");
        match self.path(&variable) {
            None => Ok(None),
            Some(path) => read_text(&variable, &path).map(|text| {
                let text = text.trim_end_matches(['\r', '\n']);
                (!text.is_empty()).then(|| text.to_owned())
            }),
        }
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Environment")
    }
}

/// Reads the small text file that `variable` points to.
///
/// # Errors
/// As [`Environment::text_or_file`]; the content is never part of the error.
pub fn read_text(variable: &str, path: &Path) -> Result<String> {
    let unreadable = |reason: String| {
        ToolError::new(Code::Unavailable, format!("read the file named by {variable}: {reason}"))
            .hint(format!("check that {variable} names a readable file"))
    };
    let file = File::open(path).map_err(|error| unreadable(error.kind().to_string()))?;
    let mut bytes = Vec::new();
    file.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(|error| unreadable(error.kind().to_string()))?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(ToolError::new(
            Code::TooLarge,
            format!("read the file named by {variable}: larger than {MAX_FILE} bytes"),
        ));
    }
    String::from_utf8(bytes)
        .map_err(|_| ToolError::invalid(format!("read the file named by {variable}: not UTF-8 text")))
}
