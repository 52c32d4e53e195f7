//! Argument lists in which a value can never be read as a flag.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use crate::error::{Code, Result, ToolError};

/// An argument list under construction.
///
/// What begins with `-` before the separator is always a literal of this project: a value is joined to its flag in one
/// argument, or refused when it would stand alone and begin with `-`. (What the operator configured is the operator's.) What comes from outside and may begin with `-`
/// (a command line to run elsewhere) goes behind `--`. Refusals name the parameter and never repeat the value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Argv {
    before: Vec<OsString>,
    after: Option<Vec<OsString>>,
}

impl Argv {
    /// An empty list.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a word of ours: a verb or a flag. `--` is not one of them, see [`Argv::after_separator`].
    #[must_use]
    pub fn literal(mut self, word: &'static str) -> Self {
        debug_assert!(word != "--", "the separator is written by after_separator");
        self.before.push(word.into());
        self
    }

    /// Adds `flag=value` as one argument. `flag` is given with its dashes and without `=`.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`] if the value holds NUL. [`Code::Internal`] if `flag` is not a flag, since the two
    /// joined would then be a positional argument.
    pub fn flag_value(mut self, flag: &'static str, value: impl AsRef<OsStr>) -> Result<Self> {
        if !flag.starts_with("--") || flag.len() < 3 || flag.contains('=') {
            return Err(ToolError::internal(format!("{flag:?} is not a long flag that takes a value")));
        }
        let value = value.as_ref();
        refuse_nul(flag, value)?;
        let mut joined = OsString::from(flag);
        joined.push("=");
        joined.push(value);
        self.before.push(joined);
        Ok(self)
    }

    /// Adds a value that stands alone; `parameter` is the name the caller knows it by.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`] if the value is empty, begins with `-`, or holds NUL or a line break.
    pub fn positional(mut self, parameter: &str, value: impl AsRef<OsStr>) -> Result<Self> {
        let value = value.as_ref();
        refuse_nul(parameter, value)?;
        let bytes = value.as_bytes();
        let wrong = if bytes.is_empty() {
            Some("is empty")
        } else if bytes.starts_with(b"-") {
            Some("begins with \"-\", which would be read as a flag")
        } else if bytes.iter().any(|byte| matches!(byte, b'\n' | b'\r')) {
            Some("holds a line break")
        } else {
            None
        };
        if let Some(wrong) = wrong {
            return Err(
                ToolError::invalid(format!("{parameter} {wrong}")).hint(format!("give {parameter} as a plain name"))
            );
        }
        self.before.push(value.to_os_string());
        Ok(self)
    }

    /// Adds words of the operator's own configuration as they are, flags among them. Never words that a caller had a hand in.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`] if a word holds NUL.
    pub fn configured<V: AsRef<OsStr>>(mut self, words: impl IntoIterator<Item = V>) -> Result<Self> {
        for word in words {
            refuse_nul("a configured argument", word.as_ref())?;
            self.before.push(word.as_ref().to_os_string());
        }
        Ok(self)
    }

    /// Adds one `--` at the end of everything else and `values` behind it as they are. A second call adds to the same
    /// place; the separator is written once.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`] if a value holds NUL.
    pub fn after_separator<V: AsRef<OsStr>>(
        mut self,
        parameter: &str,
        values: impl IntoIterator<Item = V>,
    ) -> Result<Self> {
        let after = self.after.get_or_insert_default();
        for value in values {
            refuse_nul(parameter, value.as_ref())?;
            after.push(value.as_ref().to_os_string());
        }
        Ok(self)
    }

    /// The arguments as the program will see them, without the program's own name.
    pub fn args(&self) -> Vec<OsString> {
        let mut all = self.before.clone();
        if let Some(after) = &self.after {
            all.push("--".into());
            all.extend_from_slice(after);
        }
        all
    }
}

pub(super) fn refuse_nul(parameter: &str, value: &OsStr) -> Result<()> {
    if value.as_bytes().contains(&0) {
        return Err(ToolError::new(Code::InvalidArgument, format!("{parameter} holds a NUL byte"))
            .hint(format!("remove the NUL byte from {parameter}")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn words(argv: &Argv) -> Vec<String> {
        argv.args().into_iter().map(|word| word.into_string().expect("test words are UTF-8")).collect()
    }

    #[test]
    fn argv_stands_in_the_order_it_was_built() {
        let argv = Argv::new()
            .literal("exec")
            .after_separator("command", ["sh", "-c", "echo\n--x", ""])
            .and_then(|argv| argv.positional("pod", "web-0"))
            .and_then(|argv| argv.flag_value("--namespace", "a b=c\n--all"))
            .and_then(|argv| argv.after_separator("command", ["--"]))
            .expect("all of it is allowed");
        assert_eq!(
            words(&argv),
            ["exec", "web-0", "--namespace=a b=c\n--all", "--", "sh", "-c", "echo\n--x", "", "--"]
        );
    }

    #[test]
    fn a_separator_without_values_is_still_written() {
        let argv = Argv::new().literal("x").after_separator("command", [""; 0]).expect("nothing to refuse");
        assert_eq!(words(&argv), ["x", "--"]);
    }

    #[test]
    fn hostile_positionals_are_refused_by_name() {
        for value in ["", "-", "--", "-oyaml", "--server=https://evil", "a\nb", "a\rb", "a\0b", "-\0"] {
            let error = Argv::new().positional("resource", value).expect_err(value);
            assert_eq!(error.code(), Code::InvalidArgument, "{value:?}");
            assert!(error.message().starts_with("resource "), "{error}");
            assert!(!error.to_string().contains("evil"), "the value is not repeated: {error}");
        }
    }

    #[test]
    fn nul_is_refused_everywhere() {
        assert_eq!(Argv::new().flag_value("--x", "a\0").expect_err("nul").code(), Code::InvalidArgument);
        assert_eq!(Argv::new().after_separator("c", ["a", "\0"]).expect_err("nul").code(), Code::InvalidArgument);
    }

    #[test]
    fn a_flag_that_is_none_is_our_own_defect() {
        for flag in ["namespace", "-n", "--", "", "--a=b"] {
            assert_eq!(Argv::new().flag_value(flag, "v").expect_err(flag).code(), Code::Internal, "{flag:?}");
        }
    }

    /// Values an agent may have read somewhere, with a heavy lean towards what looks like a flag.
    fn hostile() -> impl Strategy<Value = String> {
        prop_oneof![
            "-{1,3}[a-z]{0,8}=?[ -~]{0,12}",
            "[\\s\\x00-\\x1f]{0,2}-{0,2}[^-]{0,6}",
            "\\PC{0,16}",
            Just("--".to_owned()),
            Just(String::new()),
        ]
    }

    proptest! {
        #[test]
        fn no_value_ever_becomes_a_flag(
            steps in prop::collection::vec((0_u8..4, hostile()), 0..12),
        ) {
            let mut argv = Argv::new();
            let mut ours = 0_usize;
            for (kind, value) in &steps {
                let next = match kind {
                    0 => Ok(argv.clone().literal("--watch=false")),
                    1 => argv.clone().flag_value("--namespace", value),
                    2 => argv.clone().positional("name", value),
                    _ => argv.clone().after_separator("command", [value]),
                };
                if let Ok(next) = next {
                    ours += usize::from(*kind < 2);
                    argv = next;
                }
            }
            let words = words(&argv);
            let before: Vec<_> = words.iter().take_while(|word| *word != "--").collect();
            let dashed: Vec<_> = before.iter().filter(|word| word.starts_with('-')).collect();
            prop_assert_eq!(dashed.len(), ours);
            for word in dashed {
                prop_assert!(*word == "--watch=false" || word.starts_with("--namespace="));
            }
            prop_assert!(words.iter().all(|word| !word.contains('\0')));
        }
    }
}
