//! What a person has to say before a server can work for them: variables of its environment, as the documents for clients ask for them.

use std::collections::BTreeSet;

use crate::{
    Error, Kind, Result,
    catalogue::{self as asked, Asked, Catalogue, Mode, plain},
};

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Words.
    Text,
    /// A directory of the person's machine, which the server may work in.
    Directory,
    /// A file of the person's machine, which the server reads.
    File,
}

/// A variable a client should ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The variable: `WORKSPACE`.
    pub variable: String,
    /// What people call it.
    pub title: String,
    /// What it is for.
    pub description: String,
    /// What its value is.
    pub shape: Shape,
    /// Whether there is no working without it.
    pub required: bool,
    /// Whether it is to be kept from eyes.
    pub secret: bool,
    /// What it is when nobody says anything.
    pub default: Option<String>,
    /// All values it may have, when they are few.
    pub choices: Vec<String>,
}

impl Setting {
    /// What clients ask for before they start the server of `catalogue`: what it says itself, and MODE, which every server has.
    pub fn all(catalogue: &Catalogue) -> Vec<Self> {
        catalogue.settings.iter().map(Self::of).chain([Self::mode(catalogue)]).collect()
    }

    fn of(asked: &Asked) -> Self {
        Self {
            variable: asked.name.clone(),
            title: asked.title.clone(),
            description: asked.description.clone(),
            shape: match asked.kind {
                asked::Kind::Text | asked::Kind::Secret => Shape::Text,
                asked::Kind::File => Shape::File,
                asked::Kind::Directory => Shape::Directory,
            },
            required: asked.required,
            secret: asked.kind == asked::Kind::Secret,
            default: None,
            choices: Vec::new(),
        }
    }

    /// The variable MODE, which every server has.
    pub(crate) fn mode(catalogue: &Catalogue) -> Self {
        Self {
            variable: "MODE".to_owned(),
            title: "Mode".to_owned(),
            description: "readonly: only the tools that read; readwrite: all of them.".to_owned(),
            shape: Shape::Text,
            required: false,
            secret: false,
            default: Some(catalogue.default_mode.name().to_owned()),
            choices: [Mode::Readonly, Mode::Readwrite].map(|mode| mode.name().to_owned()).to_vec(),
        }
    }

    /// The variable in small letters, where a document needs an identifier.
    pub(crate) fn key(&self) -> String {
        self.variable.to_ascii_lowercase()
    }

    fn check(&self) -> Result<()> {
        let wrong = |what: &str| Err(Error::new(Kind::Usage, format!("the setting {:?} {what}", self.variable)));
        let good = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
        if !self.variable.starts_with(|first: char| first.is_ascii_uppercase()) || !self.variable.bytes().all(good) {
            return wrong("is not the name of a variable (A-Z, 0-9 and underscore, a letter first)");
        }
        for (what, text) in [("title", &self.title), ("description", &self.description)] {
            if text.trim().is_empty() {
                return wrong(&format!("has no {what}"));
            }
            plain(&format!("the {what} of the setting {}", self.variable), text)?;
        }
        if self.secret && self.default.is_some() {
            return wrong("is a secret and has a default, which everyone could read");
        }
        if self.default.as_ref().is_some_and(|default| !self.choices.is_empty() && !self.choices.contains(default)) {
            return wrong("has a default that is none of its choices");
        }
        Ok(())
    }
}

/// Refuses settings that no document can express, and one variable twice.
pub(crate) fn check(settings: &[Setting]) -> Result<()> {
    let mut seen = BTreeSet::new();
    for setting in settings {
        setting.check()?;
        if !seen.insert(&setting.variable) {
            return Err(Error::new(Kind::Usage, format!("the setting {} is there twice", setting.variable)));
        }
    }
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A directory, as most servers ask for one.
    pub(crate) fn workspace() -> Setting {
        Setting {
            variable: "WORKSPACE".to_owned(),
            title: "Workspace".to_owned(),
            description: "The directory the server works in.".to_owned(),
            shape: Shape::Directory,
            required: true,
            secret: false,
            default: None,
            choices: Vec::new(),
        }
    }

    /// A secret that may be left out.
    pub(crate) fn token() -> Setting {
        Setting {
            variable: "DEMO_TOKEN".to_owned(),
            title: "Token".to_owned(),
            description: "For private places.".to_owned(),
            shape: Shape::Text,
            required: false,
            secret: true,
            ..workspace()
        }
    }

    #[test]
    fn what_no_document_could_express_is_named() {
        assert_eq!(check(&[workspace(), token()]), Ok(()));
        let cases: [(&[Setting], &str); 7] = [
            (&[Setting { variable: "work space".to_owned(), ..workspace() }], "is not the name of a variable"),
            (&[Setting { variable: String::new(), ..workspace() }], "is not the name of a variable"),
            (&[Setting { title: " ".to_owned(), ..workspace() }], "has no title"),
            (&[Setting { description: "\u{1b}c".to_owned(), ..workspace() }], "control character U+001B"),
            (&[Setting { default: Some("x".to_owned()), ..token() }], "is a secret and has a default"),
            (
                &[Setting { default: Some("x".to_owned()), choices: vec!["y".to_owned()], ..workspace() }],
                "none of its choices",
            ),
            (&[workspace(), workspace()], "WORKSPACE is there twice"),
        ];
        for (settings, said) in cases {
            assert!(check(settings).is_err_and(|error| error.message.contains(said)), "{said}");
        }
    }
}
