//! What a child may know of our environment.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;

use super::argv::refuse_nul;
use super::program::absolute_entries;
use crate::error::{Result, ToolError};

/// Taken over as they are where they are set.
const INHERITED: [&str; 3] = ["HOME", "TMPDIR", "TZ"];

/// The variables of a child: an allow-list, so that a token in the server's environment goes to no program that was not
/// meant to have it.
///
/// Always there: PATH (its absolute entries), HOME, TMPDIR, TZ, and LANG and LC_ALL as `C.UTF-8`, because output is
/// parsed and is UTF-8. Everything else is named by the command. `Debug` shows names, never values.
#[derive(Clone, Default)]
pub struct Environment {
    inherited: Vec<&'static str>,
    set: BTreeMap<String, OsString>,
}

impl Environment {
    /// The allow-list alone.
    pub fn new() -> Self {
        Self::default()
    }

    /// Passes these variables of the server on, where they are set.
    #[must_use]
    pub fn inherit(mut self, names: &[&'static str]) -> Self {
        self.inherited.extend_from_slice(names);
        self
    }

    /// Sets a variable, whatever it would have been otherwise.
    ///
    /// # Errors
    /// `Code::InvalidArgument` if the value holds NUL.
    pub fn set(self, name: &'static str, value: impl AsRef<OsStr>) -> Result<Self> {
        self.configured(name, value)
    }

    /// The same for a variable whose name stands in the operator's own configuration. Never one that a caller had a hand in.
    ///
    /// # Errors
    /// `Code::InvalidArgument` if the name is none, or the value holds NUL.
    pub fn configured(mut self, name: impl Into<String>, value: impl AsRef<OsStr>) -> Result<Self> {
        let name = name.into();
        if name.is_empty() || name.contains(['=', '\0']) {
            return Err(ToolError::invalid("a configured variable has no name that a variable can have"));
        }
        refuse_nul(&name, value.as_ref())?;
        self.set.insert(name, value.as_ref().to_os_string());
        Ok(self)
    }

    /// The variables, given a way to look ours up.
    pub fn variables(&self, own: impl Fn(&str) -> Option<OsString>) -> BTreeMap<String, OsString> {
        let mut all: BTreeMap<String, OsString> =
            ["LANG", "LC_ALL"].into_iter().map(|name| (name.to_owned(), "C.UTF-8".into())).collect();
        if let Some(path) = own("PATH").and_then(|path| absolute_entries(&path)) {
            all.insert(String::from("PATH"), path);
        }
        for name in INHERITED.iter().chain(&self.inherited) {
            if let Some(value) = own(name) {
                all.insert((*name).to_owned(), value);
            }
        }
        all.extend(self.set.clone());
        all
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment")
            .field("inherited", &self.inherited)
            .field("set", &self.set.keys().collect::<Vec<_>>())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(name: &str) -> Option<OsString> {
        let value = match name {
            "PATH" => "bin:/usr/bin::/bin",
            "HOME" => "/home/a",
            "LANG" => "de_DE",
            "LC_ALL" => "de_DE",
            "KUBECONFIG" => "/k",
            "TOKEN" => "secret",
            _ => return None,
        };
        Some(value.into())
    }

    #[test]
    fn only_what_is_listed_passes() {
        let all = Environment::new().inherit(&["KUBECONFIG", "UNSET"]).variables(own);
        let expected = [
            ("HOME", "/home/a"),
            ("KUBECONFIG", "/k"),
            ("LANG", "C.UTF-8"),
            ("LC_ALL", "C.UTF-8"),
            ("PATH", "/usr/bin:/bin"),
        ];
        assert_eq!(all, expected.map(|(name, value)| (name.to_owned(), value.into())).into());
    }

    #[test]
    fn set_wins_and_values_are_not_shown() {
        let environment = Environment::new().set("HOME", "/nowhere-to-see").expect("no NUL");
        assert_eq!(environment.variables(own)["HOME"], "/nowhere-to-see");
        assert!(!format!("{environment:?}").contains("nowhere"));
        assert!(Environment::new().set("X", "a\0b").is_err());
        for name in ["", "A=B", "A\0"] {
            assert!(Environment::new().configured(name, "").is_err(), "{name}");
        }
    }
}
