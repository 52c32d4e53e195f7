//! A repository's name: the only thing a path of a request is made of besides words of ours, numbers and encoded segments.

use std::fmt;

use shared::{Result, ToolError, Untrusted};

/// `owner/name`, spelled as GitHub allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repository {
    owner: String,
    name: String,
}

impl Repository {
    /// The repository of these two words.
    ///
    /// # Errors
    /// [`shared::Code::InvalidArgument`] for what cannot be a name; it never reaches a path.
    pub fn parse(owner: &str, name: &str) -> Result<Self> {
        if !is_owner(owner) {
            return Err(
                wrong("owner", owner).hint("owner is the user or organisation alone, as in owner=acme repo=shop")
            );
        }
        if !is_name(name) {
            return Err(wrong("repo", name).hint("repo is the name alone, as in owner=acme repo=shop"));
        }
        Ok(Self { owner: owner.to_owned(), name: name.to_owned() })
    }

    /// The repository that GitHub calls `owner/name`.
    pub fn from_full_name(full: &str) -> Result<Self> {
        let (owner, name) = full.split_once('/').unwrap_or((full, ""));
        Self::parse(owner, name)
    }

    /// The user or organisation.
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// The name alone.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The path of this repository's `tail` in the REST API.
    pub fn path(&self, tail: &str) -> String {
        let slash = if tail.is_empty() { "" } else { "/" };
        format!("/repos/{}/{}{slash}{tail}", self.owner, self.name)
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.owner, self.name)
    }
}

/// Whether GitHub lets an account be called so: letters, digits, hyphens; an underscore in those of an enterprise.
pub fn is_owner(text: &str) -> bool {
    (1..=100).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        && !text.starts_with('-')
}

/// Whether GitHub lets a repository be called so.
pub fn is_name(text: &str) -> bool {
    (1..=100).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
        && !matches!(text, "." | "..")
}

fn wrong(parameter: &str, given: &str) -> ToolError {
    ToolError::invalid(format!("{parameter} {} is no name of GitHub", Untrusted::line(given).quoted()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_be_a_path_is_no_name() {
        assert_eq!(Repository::parse("acme", "shop.rs").unwrap().path("pulls/1"), "/repos/acme/shop.rs/pulls/1");
        for (owner, name) in [
            ("", "shop"),
            ("acme", ""),
            ("acme", ".."),
            ("acme", "."),
            ("..", "shop"),
            ("acme/shop", "shop"),
            ("acme", "shop/pulls"),
            ("acme", "shop?x"),
            ("acme", "shop#"),
            ("acme", "sh%2fop"),
            ("acme", "shöp"),
            ("ac me", "shop"),
            ("-acme", "shop"),
            ("acme\n", "shop"),
            ("https://github.com/acme", "shop"),
        ] {
            assert!(Repository::parse(owner, name).is_err(), "{owner} {name}");
        }
        assert!(Repository::from_full_name("acme").is_err());
    }
}
