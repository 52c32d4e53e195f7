//! What a server says of its tools, read: `catalogue.json`. It may come from a stranger's artifact and end on a terminal or in another
//! program's configuration, so names are held to their pattern and texts hold no control characters.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::Value;

use crate::{Error, Result};

/// Which tools there are when nobody says anything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Those that read.
    Readonly,
    /// All.
    Readwrite,
}

impl Mode {
    /// As the variable MODE is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Readonly => "readonly",
            Self::Readwrite => "readwrite",
        }
    }
}

/// What a tool may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Access {
    /// It looks.
    Read,
    /// It changes something; absent in readonly mode.
    Write,
}

/// The hints MCP has for clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Hints {
    /// It changes nothing.
    pub read_only_hint: bool,
    /// It may change or remove what was there.
    pub destructive_hint: bool,
    /// Twice is as good as once.
    pub idempotent_hint: bool,
    /// It meets a world that others change too.
    pub open_world_hint: bool,
}

/// A tool.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Tool {
    /// What it is called by: `git_status`.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// What the model reads.
    pub description: String,
    /// What it may do.
    pub access: Access,
    /// The hints for clients.
    pub annotations: Hints,
    /// Arguments of a call that works, as `call` takes them on a terminal.
    #[serde(default)]
    pub example: String,
    /// What it costs in a model's context.
    pub tokens: u64,
    /// The schema of its arguments.
    #[serde(rename = "inputSchema")]
    pub input_schema: Value,
    /// The schema of its structured answer.
    #[serde(rename = "outputSchema", default)]
    pub output_schema: Option<Value>,
}

/// What the value of a variable is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A word or a line.
    Text,
    /// Something nobody else may see.
    Secret,
    /// The path of a file.
    File,
    /// The path of a directory.
    Directory,
}

/// A variable of the server's environment that a person may want to set.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Asked {
    /// The variable: `WORKSPACE`.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// What it is for.
    pub description: String,
    /// What its value is.
    pub kind: Kind,
    /// Whether there is no working without it.
    pub required: bool,
}

/// A server and its tools. Fields of later versions are passed over.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Catalogue {
    /// The server's name: `git`.
    pub server: String,
    /// What it is for.
    pub description: String,
    /// What there is when MODE is not set.
    pub default_mode: Mode,
    /// What a person may want to set, MODE not among it.
    #[serde(default)]
    pub settings: Vec<Asked>,
    /// What all tools together cost in a model's context.
    pub tokens: u64,
    /// The tools, in the order clients see them.
    pub tools: Vec<Tool>,
}

impl Catalogue {
    /// Reads `catalogue.json`.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let catalogue: Self = serde_json::from_slice(bytes)
            .map_err(|error| Error::refused(format!("this is not a catalogue of tools: {error}")))?;
        catalogue.check().map_err(|error| error.while_doing("this catalogue of tools is not acceptable"))?;
        Ok(catalogue)
    }

    fn check(&self) -> Result<()> {
        server_name(&self.server)?;
        plain("the description of the server", &self.description)?;
        let mut seen = BTreeSet::new();
        for tool in &self.tools {
            let name = &tool.name;
            let good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
            if name.is_empty() || name.len() > 64 || !name.bytes().all(good) {
                return Err(Error::refused(format!(
                    "{name:?} is not the name of a tool (1 to 64 of a-z, 0-9 and underscore)"
                )));
            }
            if !seen.insert(name) {
                return Err(Error::refused(format!("the tool {name} is there twice")));
            }
            let texts = [("title", &tool.title), ("description", &tool.description), ("example", &tool.example)];
            for (what, text) in texts {
                plain(&format!("the {what} of {name}"), text)?;
            }
            if !tool.input_schema.is_object() {
                return Err(Error::refused(format!("the inputSchema of {name} is not an object")));
            }
        }
        Ok(())
    }

    /// Refuses figures that are not those of the tools: what a list costs is what people choose servers by.
    ///
    /// # Errors
    ///
    /// The first tool whose tokens are not its bytes by four, or a sum that is not theirs.
    pub fn check_tokens(&self) -> Result<()> {
        for tool in &self.tools {
            let bytes = tool.name.len() + tool.description.len() + tool.input_schema.to_string().len();
            let tokens = bytes.div_ceil(4) as u64;
            if tool.tokens != tokens {
                let (name, said) = (&tool.name, tool.tokens);
                return Err(Error::refused(format!(
                    "the catalogue says {said} tokens for {name}, which takes {tokens}"
                )));
            }
        }
        let sum: u64 = self.tools.iter().map(|tool| tool.tokens).sum();
        if sum == self.tokens {
            Ok(())
        } else {
            Err(Error::refused(format!("the catalogue says {} tokens, its tools take {sum}", self.tokens)))
        }
    }

    /// The tools with `access`.
    pub fn with(&self, access: Access) -> impl Iterator<Item = &Tool> {
        self.tools.iter().filter(move |tool| tool.access == access)
    }
}

/// Refuses what is not the name of a server: it becomes part of file names, tags and identifiers.
pub(crate) fn server_name(name: &str) -> Result<()> {
    let good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if name.is_empty() || name.len() > 64 || name.starts_with('-') || !name.bytes().all(good) {
        return Err(Error::refused(format!(
            "{name:?} is not the name of a server (1 to 64 of a-z, 0-9 and hyphen, no hyphen first)"
        )));
    }
    Ok(())
}

/// Refuses what could steer a terminal or show other words than it holds: control characters except line ends and tabs, and those that turn
/// the direction of writing.
pub(crate) fn plain(what: &str, text: &str) -> Result<()> {
    let steers = |character: &char| {
        (character.is_control() && !matches!(character, '\n' | '\t'))
            || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    match text.chars().find(steers) {
        Some(found) => Err(Error::refused(format!("{what} holds the control character U+{:04X}", u32::from(found)))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A catalogue with one tool, in which `change` makes its change.
    fn with(change: impl Fn(&mut Value)) -> Result<Catalogue> {
        let mut value = serde_json::json!({
            "server": "demo", "description": "Shows", "default_mode": "readonly", "tokens": 9, "tools": [{
                "name": "demo_hello", "title": "Say hello", "description": "Greets.", "access": "read",
                "annotations": {
                    "readOnlyHint": true, "destructiveHint": false, "idempotentHint": true, "openWorldHint": false
                },
                "example": "name=x", "tokens": 9, "inputSchema": {"type": "object"}, "outputSchema": {"type": "object"},
            }],
        });
        change(&mut value);
        Catalogue::parse(value.to_string().as_bytes())
    }

    #[test]
    fn the_catalogue_of_a_real_server_is_read() {
        let catalogue = Catalogue::parse(include_bytes!("../git/catalogue.json")).unwrap();
        assert_eq!((catalogue.server.as_str(), catalogue.default_mode.name()), ("git", "readwrite"));
        let status = &catalogue.tools[0];
        assert_eq!(
            (status.name.as_str(), status.access, status.annotations.read_only_hint),
            ("git_status", Access::Read, true)
        );
        assert!(status.output_schema.is_some());
        let (reading, writing) = (catalogue.with(Access::Read).count(), catalogue.with(Access::Write).count());
        assert!(reading > 0 && writing > 0);
        assert_eq!(reading + writing, catalogue.tools.len());
    }

    #[test]
    fn what_is_added_later_is_passed_over_and_what_may_be_absent_is() {
        let catalogue = with(|value| {
            value["later"] = 1.into();
            value["tools"][0]["later"] = serde_json::json!({"x": []});
            value["tools"][0]["annotations"]["laterHint"] = true.into();
            for optional in ["example", "outputSchema"] {
                value["tools"][0].as_object_mut().unwrap().remove(optional);
            }
        })
        .unwrap();
        assert_eq!((catalogue.tools[0].example.as_str(), &catalogue.tools[0].output_schema), ("", &None));
    }

    #[test]
    fn what_is_wrong_is_named() {
        type Change = fn(&mut Value);
        let cases: [(Change, &str); 12] = [
            (|value| value["server"] = "../x".into(), "\"../x\" is not the name of a server"),
            (|value| value["server"] = "-x".into(), "no hyphen first"),
            (|value| value["default_mode"] = "all".into(), "unknown variant `all`"),
            (
                |value| value["description"] = "a\u{1b}[2Jb".into(),
                "the description of the server holds the control character U+001B",
            ),
            (|value| value["tools"] = Value::Null, "invalid type: null"),
            (|value| value["tools"][0]["name"] = "Demo Hello".into(), "\"Demo Hello\" is not the name of a tool"),
            (|value| value["tools"][0]["name"] = "a".repeat(65).into(), "1 to 64"),
            (
                |value| value["tools"][0]["title"] = "a\u{202e}b".into(),
                "the title of demo_hello holds the control character U+202E",
            ),
            (|value| value["tools"][0]["access"] = "root".into(), "unknown variant `root`"),
            (|value| value["tools"][0]["inputSchema"] = true.into(), "the inputSchema of demo_hello is not an object"),
            (|value| value["tools"][0]["tokens"] = (-1).into(), "invalid value"),
            (
                |value| {
                    let again = value["tools"][0].clone();
                    value["tools"].as_array_mut().unwrap().push(again);
                },
                "the tool demo_hello is there twice",
            ),
        ];
        for (change, said) in cases {
            let error = with(change).unwrap_err();
            assert!(error.message.contains(said), "{error}");
            assert_eq!(error.kind, crate::Kind::Refused);
        }
        for bytes in [&b""[..], b"{", b"[]", b"<html>", b"\xff", br#"{"server":"a","server":"b"}"#] {
            assert!(Catalogue::parse(bytes).is_err_and(|error| error.message.contains("not a catalogue")));
        }
    }
}
