//! What a server is told at start through its environment: `MODE`, `TOOLS`, `TOOLS_EXCLUDE`, `RESULTS`.
//!
//! All of it is validated before anything is served; a wrong value stops the start with a message that names the choices, because
//! a misspelt `MODE=readonyl` that falls back to something is how a read-only deployment turns out not to be one.

use std::fmt;

/// Whether mutating tools exist in this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Only tools that change nothing are registered.
    Readonly,
    /// Every tool is registered.
    Readwrite,
}

impl Mode {
    /// The value as it stands in `MODE`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Readonly => "readonly",
            Self::Readwrite => "readwrite",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Which forms of an answer a result carries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Results {
    /// One text item and nothing else: what a model should read.
    #[default]
    Text,
    /// Only `structuredContent`, for programs.
    Structured,
    /// Both; clients disagree about which of the two the model then sees.
    Both,
}

impl Results {
    /// Whether results carry `structuredContent` and the tool list carries output schemas.
    pub fn structured(self) -> bool {
        self != Self::Text
    }

    /// Whether results carry the text.
    pub fn text(self) -> bool {
        self != Self::Structured
    }
}

/// The settings of one process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Whether mutating tools exist.
    pub mode: Mode,
    /// The forms of an answer.
    pub results: Results,
    /// `TOOLS`: when present, only these tools are registered.
    pub only: Option<Vec<String>>,
    /// `TOOLS_EXCLUDE`: these tools are not registered.
    pub exclude: Vec<String>,
}

impl Settings {
    /// The settings of a process whose environment says nothing.
    pub fn new(mode: Mode) -> Self {
        Self { mode, results: Results::default(), only: None, exclude: Vec::new() }
    }

    /// Reads the process environment. `default_mode` is the server's own.
    pub fn from_env(default_mode: Mode) -> Result<Self, String> {
        Self::read(default_mode, |name| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned()))
    }

    /// Reads the settings through `lookup`. An empty variable counts as unset; tool names are checked by the registry.
    pub fn read(default_mode: Mode, lookup: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        let get = |name: &str| lookup(name).filter(|value| !value.is_empty());
        let mode = match get("MODE").as_deref() {
            None => default_mode,
            Some("readonly") => Mode::Readonly,
            Some("readwrite") => Mode::Readwrite,
            Some(other) => return Err(format!("MODE={other:?} is not a mode; set MODE=readonly or MODE=readwrite")),
        };
        let results = match get("RESULTS").as_deref() {
            None | Some("text") => Results::Text,
            Some("structured") => Results::Structured,
            Some("both") => Results::Both,
            Some(other) => {
                return Err(format!("RESULTS={other:?} is not a choice; set RESULTS=text, structured or both"));
            }
        };
        let names = |value: String| -> Vec<String> {
            value.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
        };
        Ok(Self {
            mode,
            results,
            only: get("TOOLS").map(names),
            exclude: get("TOOLS_EXCLUDE").map(names).unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Settings, String> {
        Settings::read(Mode::Readwrite, |name| {
            pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn unset_and_empty_mean_the_default() {
        assert_eq!(read(&[]).unwrap(), Settings::new(Mode::Readwrite));
        assert_eq!(read(&[("MODE", ""), ("RESULTS", "")]).unwrap(), Settings::new(Mode::Readwrite));
    }

    #[test]
    fn a_wrong_value_names_the_choices() {
        for wrong in ["readonyl", "ReadOnly", "ro", "readonly "] {
            let error = read(&[("MODE", wrong)]).unwrap_err();
            assert!(error.contains("MODE=readonly or MODE=readwrite"), "{error}");
        }
        assert!(read(&[("RESULTS", "json")]).unwrap_err().contains("text, structured or both"));
    }

    #[test]
    fn lists_are_split_and_trimmed() {
        let settings = read(&[("TOOLS", "a, b,,"), ("TOOLS_EXCLUDE", "c")]).unwrap();
        assert_eq!(settings.only.unwrap(), ["a", "b"]);
        assert_eq!(settings.exclude, ["c"]);
    }
}
