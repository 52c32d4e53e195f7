//! Labels and annotations to set and to remove: `k=v` and `k-`.

use schemars::JsonSchema;
use serde::Deserialize;
use shared::{Result, ToolError, exec::Argv};

use crate::{
    argv,
    resource::Resource,
    scope::{Reach, Scope},
};

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
    /// The arguments of `verb`, which sets these pairs on one object. `parameter` is what the caller knows them by.
    pub fn argv(
        &self,
        verb: &'static str,
        parameter: &'static str,
        overwrite: bool,
        scope: &Scope,
        resource: &Resource,
    ) -> Result<Argv> {
        let mut argv = argv::verb(verb, scope, Reach::One)?;
        if overwrite {
            argv = argv.literal("--overwrite");
        }
        // kubectl would take such a name for a pair.
        if resource.name().is_none_or(|name| name.contains('=') || name.ends_with('-')) {
            return Err(ToolError::invalid("name is not the name of an object").hint("pass one plain name"));
        }
        resource.joined_on(argv)?.after_separator(parameter, self.read(parameter)?)
    }

    /// The pairs, each of a shape that is no flag and nothing else than a pair. `parameter` is what the caller knows them by.
    fn read(&self, parameter: &str) -> Result<Vec<&str>> {
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
        for wrong in [
            "",
            "--all",
            "--all=true",
            "-a=b",
            "=b",
            "-",
            "a",
            "pod/x",
            "a b",
            "é=x",
            "--overwrite-",
            "a b=c",
            "a:b-",
            "a\n=c",
        ] {
            assert!(Pairs::Many(vec![wrong.into()]).read("labels").is_err(), "{wrong}");
        }
        assert!(Pairs::One(" ".into()).read("labels").is_err());
        assert!(Pairs::Many(vec!["a=b".into(); PAIRS_MAX + 1]).read("labels").is_err());
    }
}
