//! `GITHUB_REPOS`: the repositories this server may speak of.

use shared::{Code, Result, ToolError};

use crate::repository::{Repository, is_name, is_owner};

/// A list of repositories, or all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allowed(Option<Vec<Pattern>>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Pattern {
    owner: String,
    /// Nothing for all of the owner's.
    name: Option<String>,
}

impl Allowed {
    /// Reads `owner/name` and `owner/*`, between commas or blanks. Unset is all repositories.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`] for anything else: a list that is half understood protects nothing.
    pub fn read(given: Option<&str>) -> Result<Self> {
        let Some(given) = given else { return Ok(Self(None)) };
        let mut patterns = Vec::new();
        for word in given.split([',', ' ', '\t', '\n']).filter(|word| !word.is_empty()) {
            let pattern = word.split_once('/').and_then(|(owner, name)| match name {
                _ if !is_owner(owner) => None,
                "*" => Some(Pattern { owner: owner.to_owned(), name: None }),
                name => is_name(name).then(|| Pattern { owner: owner.to_owned(), name: Some(name.to_owned()) }),
            });
            patterns.push(pattern.ok_or_else(|| wrong(word))?);
        }
        if patterns.is_empty() { Err(wrong(given)) } else { Ok(Self(Some(patterns))) }
    }

    /// Whether there is a list at all.
    pub fn restricts(&self) -> bool {
        self.0.is_some()
    }

    /// Whether `repository` is on it.
    pub fn has(&self, repository: &Repository) -> bool {
        self.0.as_ref().is_none_or(|patterns| {
            patterns.iter().any(|pattern| {
                pattern.owner.eq_ignore_ascii_case(repository.owner())
                    && pattern.name.as_ref().is_none_or(|name| name.eq_ignore_ascii_case(repository.name()))
            })
        })
    }

    /// Refuses what is not on it.
    ///
    /// # Errors
    /// [`Code::Forbidden`], with the list.
    pub fn check(&self, repository: &Repository) -> Result<()> {
        if self.has(repository) {
            return Ok(());
        }
        Err(self.refusal(format!("{repository} is not among the repositories this server may speak of")))
    }

    /// What is said of a repository that is not on it, with the list.
    pub fn refusal(&self, message: String) -> ToolError {
        ToolError::new(Code::Forbidden, message).hint(format!("its operator set GITHUB_REPOS to {}", self.shown()))
    }

    /// The list as it was understood.
    pub fn shown(&self) -> String {
        let shown = |pattern: &Pattern| format!("{}/{}", pattern.owner, pattern.name.as_deref().unwrap_or("*"));
        match &self.0 {
            None => String::from("all repositories"),
            Some(patterns) => patterns.iter().map(shown).collect::<Vec<_>>().join(", "),
        }
    }
}

fn wrong(word: &str) -> ToolError {
    ToolError::invalid(format!("GITHUB_REPOS holds {word:?}, which is no owner/name and no owner/*"))
        .hint("list repositories as acme/shop,acme/api or an owner's as acme/*")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_names_and_owners_and_nothing_like_them() {
        let allowed = Allowed::read(Some("acme/shop, tools/*,\nOther/API")).unwrap();
        for (owner, name, expected) in [
            ("acme", "shop", true),
            ("ACME", "Shop", true),
            ("other", "api", true),
            ("tools", "anything", true),
            ("acme", "shop2", false),
            ("acme", "sho", false),
            ("acme2", "shop", false),
            ("tools2", "x", false),
        ] {
            let repository = Repository::parse(owner, name).unwrap();
            assert_eq!(allowed.has(&repository), expected, "{owner}/{name}");
        }
        let everything = Allowed::read(None).unwrap();
        assert!(everything.has(&Repository::parse("a", "b").unwrap()) && !everything.restricts());
    }

    #[test]
    fn what_is_no_list_is_an_error() {
        for wrong in [",", "*", "*/*", "acme", "acme/", "/shop", "acme/sh*p", "https://github.com/acme/shop", "a/b/c"] {
            assert!(Allowed::read(Some(wrong)).unwrap_err().message().contains("GITHUB_REPOS"), "{wrong}");
        }
    }
}
