//! The arguments kubectl is called with: the verb and the flags are literals of ours, everything else is a value of a flag or stands in a
//! place where it cannot be one.

use shared::{Result, ToolError, exec::Argv};

use crate::scope::{Reach, Scope};

/// The longest value of a flag, in bytes: longer than any selector or template that means something.
const VALUE_MAX: usize = 16 << 10;

/// `verb` on `scope`. Only verbs that every supported kubectl knows: for one it does not know it would look for a plug-in.
pub fn verb(verb: &'static str, scope: &Scope, reach: Reach) -> Result<Argv> {
    scope.on(Argv::new().literal(verb), reach)
}

/// Adds `flag=value` where there is a value; `parameter` is what the caller knows it by.
pub fn optional(argv: Argv, flag: &'static str, parameter: &str, value: Option<&str>) -> Result<Argv> {
    match value.filter(|value| !value.is_empty()) {
        None => Ok(argv),
        Some(value) => argv.flag_value(flag, plain(parameter, value)?),
    }
}

/// A value of one line.
pub fn plain<'v>(parameter: &str, value: &'v str) -> Result<&'v str> {
    if value.chars().any(char::is_control) {
        return Err(ToolError::invalid(format!("{parameter} holds a line break or another control character"))
            .hint(format!("pass {parameter} as one line")));
    }
    if value.len() > VALUE_MAX {
        return Err(ToolError::invalid(format!("{parameter} is longer than {VALUE_MAX} bytes")).hint("shorten it"));
    }
    Ok(value)
}

/// A number of seconds between 1 and `max`.
pub fn seconds(given: Option<u32>, default: u32, max: u32) -> Result<u32> {
    match given.unwrap_or(default) {
        seconds if (1..=max).contains(&seconds) => Ok(seconds),
        _ => Err(ToolError::invalid(format!("timeout is not between 1 and {max} seconds")).hint("choose one within")),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The words of an argument list, for tables of tests.
    pub(crate) fn words(argv: &Argv) -> Vec<String> {
        argv.args().into_iter().map(|word| word.into_string().unwrap()).collect()
    }

    #[test]
    fn a_value_is_joined_to_its_flag_or_refused() {
        let argv = verb("get", &Scope::new(Some("c"), None, true).unwrap(), Reach::All).unwrap();
        let argv = optional(argv, "--selector", "selector", Some("--server=https://evil")).unwrap();
        let argv = optional(argv, "--sort-by", "sort_by", None).unwrap();
        assert_eq!(words(&argv), ["get", "--context=c", "--all-namespaces", "--selector=--server=https://evil"]);
        for value in ["a\nb", "a\0", "\u{1b}[0m", &"x".repeat(VALUE_MAX + 1)] {
            assert!(optional(Argv::new(), "--selector", "selector", Some(value)).is_err());
        }
    }
}
