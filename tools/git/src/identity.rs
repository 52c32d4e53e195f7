//! Who a commit is by.

use git2::{Config, Signature};
use shared::{Result, ToolError};

use crate::failure::OrFail;

/// The name when nobody says another.
pub const DEFAULT_NAME: &str = "mcp-git";
/// The email when nobody says another.
pub const DEFAULT_EMAIL: &str = "mcp-git@localhost";

/// The two people of a commit.
pub struct People {
    /// Who wrote it.
    pub author: Signature<'static>,
    /// Who put it here.
    pub committer: Signature<'static>,
    /// Whether a part of either is [`DEFAULT_NAME`] or [`DEFAULT_EMAIL`].
    pub default: bool,
}

/// What a caller said about the author.
#[derive(Clone, Copy, Default)]
pub struct Said<'a> {
    /// The name.
    pub name: Option<&'a str>,
    /// The email.
    pub email: Option<&'a str>,
}

/// Name and email, each from the first that has it. The author: the arguments, `GIT_AUTHOR_*`, the configuration, the default. The
/// committer: `GIT_COMMITTER_*`, the configuration, the author. `environment` is [`std::env::var`], made lenient.
///
/// # Errors
/// Invalid for a name or email that a commit cannot hold, from wherever it came.
pub fn people(said: Said<'_>, config: &Config, environment: impl Fn(&str) -> Option<String>) -> Result<People> {
    check("author_name", said.name)?;
    check("author_email", said.email)?;
    let configured = |who: &str, what: &str| {
        let get = |section: &str| config.get_string(&format!("{section}.{what}")).ok();
        get(who).or_else(|| get("user")).filter(|value| !value.trim().is_empty())
    };
    let from_environment = |variable: &str| environment(variable).filter(|value| !value.trim().is_empty());
    let author = |said: Option<&str>, variable: &str, what: &str| {
        said.map(str::to_owned).or_else(|| from_environment(variable)).or_else(|| configured("author", what))
    };
    let committer = |variable: &str, what: &str| from_environment(variable).or_else(|| configured("committer", what));
    let name = author(said.name, "GIT_AUTHOR_NAME", "name");
    let email = author(said.email, "GIT_AUTHOR_EMAIL", "email");
    let default = name.is_none() || email.is_none();
    let name = name.unwrap_or_else(|| DEFAULT_NAME.to_owned());
    let email = email.unwrap_or_else(|| DEFAULT_EMAIL.to_owned());
    let committer_name = committer("GIT_COMMITTER_NAME", "name").unwrap_or_else(|| name.clone());
    let committer_email = committer("GIT_COMMITTER_EMAIL", "email").unwrap_or_else(|| email.clone());
    Ok(People { author: signature(&name, &email)?, committer: signature(&committer_name, &committer_email)?, default })
}

fn check(parameter: &str, value: Option<&str>) -> Result<()> {
    let Some(value) = value else { return Ok(()) };
    if value.contains(['<', '>']) || value.chars().any(char::is_control) {
        return Err(ToolError::invalid(format!("`{parameter}` has a character that a commit cannot hold: {value:?}"))
            .hint("leave out <, > and control characters; name and email are two parameters"));
    }
    // git cuts these off at both ends; a name of nothing else is no name.
    let crud = |c: char| c.is_whitespace() || matches!(c, '.' | ',' | ':' | ';' | '"' | '\\' | '\'');
    if value.trim_matches(crud).is_empty() {
        return Err(ToolError::invalid(format!("`{parameter}` is empty")));
    }
    Ok(())
}

fn signature(name: &str, email: &str) -> Result<Signature<'static>> {
    if [name, email].iter().any(|text| text.contains(['<', '>']) || text.chars().any(char::is_control)) {
        return Err(ToolError::invalid(
            "the identity in the environment or in the git configuration cannot stand in a commit",
        )
        .hint(
            "set user.name and user.email without <, > and control characters, or pass author_name and author_email",
        ));
    }
    Signature::now(name, email).or_fail("make the signature of the commit")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> (tempfile::TempDir, Config) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config");
        std::fs::write(&path, text).unwrap();
        let config = Config::open(&path).unwrap();
        (dir, config)
    }

    fn shown(people: &People) -> (String, String) {
        (people.author.to_string(), people.committer.to_string())
    }

    #[test]
    fn each_part_comes_from_the_first_that_has_it() {
        let (_dir, config) = config("[user]\nname = Con Fig\nemail = con@fig\n");
        let none = |_: &str| None;
        let people_of =
            |said, environment: &dyn Fn(&str) -> Option<String>| people(said, &config, environment).unwrap();
        assert_eq!(shown(&people_of(Said::default(), &none)).0, "Con Fig <con@fig>");
        let environment = |name: &str| (name == "GIT_AUTHOR_NAME").then(|| "En Viron".to_owned());
        let mixed = people_of(Said::default(), &environment);
        assert_eq!(shown(&mixed), ("En Viron <con@fig>".into(), "Con Fig <con@fig>".into()));
        let said = people_of(Said { name: Some("Ada"), email: None }, &environment);
        assert_eq!(shown(&said).0, "Ada <con@fig>");
        assert!(!said.default);
    }

    #[test]
    fn without_anything_the_default_is_used_and_said() {
        let (_dir, config) = config("");
        let found = people(Said::default(), &config, |_| None).unwrap();
        assert_eq!(shown(&found).0, "mcp-git <mcp-git@localhost>");
        assert!(found.default);
        let said = people(Said { name: Some("Ada"), email: Some("a@b") }, &config, |_| None).unwrap();
        assert_eq!(shown(&said), ("Ada <a@b>".into(), "Ada <a@b>".into()));
        assert!(!said.default);
    }

    #[test]
    fn what_a_commit_cannot_hold_is_refused() {
        let (_dir, config) = config("[user]\nname = a<b\nemail = x\n");
        for bad in ["a <b>", "a\nb", "a\0b", "", "  ", ".,;", "a>"] {
            assert!(people(Said { name: Some(bad), email: None }, &config, |_| None).is_err(), "{bad:?}");
            assert!(people(Said { name: Some("x"), email: Some(bad) }, &config, |_| None).is_err(), "{bad:?}");
        }
        assert!(people(Said::default(), &config, |_| None).is_err());
        let environment = |_: &str| Some("a\ncommitter b".to_owned());
        assert!(people(Said { name: Some("x"), email: Some("y") }, &config, environment).is_err());
    }
}
