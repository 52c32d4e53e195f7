//! Labels and annotations to set and to remove: `k=v` and `k-`.

use schemars::JsonSchema;
use serde::Deserialize;
use shared::{Result, ToolError};

/// The most in one call.
const PAIRS_MAX: usize = 64;

/// One string or several.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Pairs {
    /// Split at white space.
    #[schemars(description = "")]
    One(String),
    /// Taken as they are.
    #[schemars(description = "")]
    Many(Vec<String>),
}

impl Pairs {
    /// The pairs, each of a shape that is no flag and nothing else than a pair. `parameter` is what the caller knows them by.
    pub fn read(&self, parameter: &str) -> Result<Vec<&str>> {
        let pairs: Vec<&str> = match self {
            Self::One(line) => line.split_whitespace().collect(),
            Self::Many(pairs) => pairs.iter().map(String::as_str).collect(),
        };
        if pairs.is_empty() || pairs.len() > PAIRS_MAX {
            return Err(ToolError::invalid(format!("{parameter} holds none, or more than {PAIRS_MAX}"))
                .hint("pass k=v to set and k- to remove"));
        }
        match pairs.iter().find(|pair| !fits(pair)) {
            None => Ok(pairs),
            Some(_) => Err(ToolError::invalid(format!("{parameter} holds something that is neither k=v nor k-"))
                .hint("keys are letters, digits, dots, dashes and a slash; pass values with spaces in an array")),
        }
    }
}

fn fits(pair: &str) -> bool {
    let key = match pair.split_once('=') {
        Some((key, _)) => key,
        None => match pair.strip_suffix('-') {
            Some(key) => key,
            None => return false,
        },
    };
    key.starts_with(|c: char| c.is_ascii_alphanumeric())
        && key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_never_become_flags_or_anything_else() {
        let one = Pairs::One(" a=b c- example.org/x=--all ".into());
        assert_eq!(one.read("labels").unwrap(), ["a=b", "c-", "example.org/x=--all"]);
        let many = Pairs::Many(vec!["a=b c=d\n".into()]);
        assert_eq!(many.read("labels").unwrap(), ["a=b c=d\n"]);
        for wrong in ["", "--all", "--all=true", "-a=b", "=b", "-", "a", "pod/x", "a b", "é=x", "--overwrite-"] {
            assert!(Pairs::Many(vec![wrong.into()]).read("labels").is_err(), "{wrong}");
        }
        assert!(Pairs::One(" ".into()).read("labels").is_err());
        assert!(Pairs::Many(vec!["a=b".into(); PAIRS_MAX + 1]).read("labels").is_err());
    }
}
