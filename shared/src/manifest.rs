//! What a server says about itself to programs that do not run it: `manifest.json` and the catalogue.

use serde::Serialize;
use serde_json::Value;

use crate::{Access, Mode, Server, erased::Spec, registry::Registry, settings::Settings, tool::Face};

/// `manifest.json` of an artifact.
#[derive(Debug, Serialize)]
pub struct Manifest {
    /// The server's name.
    pub name: &'static str,
    /// The file to spawn, beside the manifest.
    pub command: String,
    /// How it speaks: always `stdio`.
    pub transport: &'static str,
    /// One sentence.
    pub description: &'static str,
}

impl Manifest {
    /// The manifest of `S`.
    pub fn of<S: Server>() -> Self {
        Self { name: S::NAME, command: format!("mcp-{}", S::NAME), transport: "stdio", description: S::DESCRIPTION }
    }
}

/// A variable of the environment that a person may want to set before the first start: what installers ask for.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Setting {
    /// Its name.
    pub name: &'static str,
    /// A few words for a form.
    pub title: &'static str,
    /// One sentence.
    pub description: &'static str,
    /// What its value is.
    pub kind: SettingKind,
    /// Whether the server is of no use without it.
    pub required: bool,
}

/// What the value of a [`Setting`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SettingKind {
    /// A word or a line.
    Text,
    /// Something nobody else may see.
    Secret,
    /// The path of a file.
    File,
    /// The path of a directory.
    Directory,
}

/// Every tool of a server, readable without running it.
#[derive(Debug, Serialize)]
pub struct Catalogue {
    /// The server's name.
    pub server: &'static str,
    /// One sentence.
    pub description: &'static str,
    /// The mode when MODE is unset.
    pub default_mode: &'static str,
    /// What a person may want to set besides MODE.
    pub settings: &'static [Setting],
    /// Tokens of the whole list, four bytes each, with MODE=readwrite.
    pub tokens: usize,
    /// The tools in their order.
    pub tools: Vec<Entry>,
}

/// One tool of a catalogue.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// The name to call it by.
    pub name: &'static str,
    /// A few words for a person.
    pub title: &'static str,
    /// What it does.
    pub description: &'static str,
    /// `read` or `write`.
    pub access: &'static str,
    /// The four hints clients know.
    pub annotations: Value,
    /// Arguments of an example call.
    pub example: &'static str,
    /// Tokens this tool takes in `tools/list`.
    pub tokens: usize,
    /// Its parameters.
    pub input_schema: Value,
    /// Its structured value.
    pub output_schema: Value,
}

impl Catalogue {
    /// The catalogue of `S`, write tools included.
    pub fn of<S: Server>() -> Result<Self, String> {
        let registry = Registry::<S>::new(Settings::new(Mode::Readwrite), Face::Terminal)?;
        let tools: Vec<Entry> = registry
            .specs()
            .map(|spec| Entry {
                name: spec.name,
                title: spec.title,
                description: spec.description,
                access: if spec.access == Access::Read { "read" } else { "write" },
                annotations: annotations(spec),
                example: spec.example,
                tokens: tokens(spec),
                input_schema: Value::Object((*spec.input).clone()),
                output_schema: registry
                    .output_schema(spec.name)
                    .map_or(Value::Null, |schema| Value::Object((**schema).clone())),
            })
            .collect();
        Ok(Self {
            server: S::NAME,
            description: S::DESCRIPTION,
            default_mode: S::DEFAULT_MODE.as_str(),
            settings: S::SETTINGS,
            tokens: tools.iter().map(|tool| tool.tokens).sum(),
            tools,
        })
    }
}

/// The four hints, all of them always said.
pub fn annotations(spec: &Spec) -> Value {
    serde_json::json!({
        "readOnlyHint": spec.access == Access::Read,
        "destructiveHint": spec.annotations.destructive,
        "idempotentHint": spec.annotations.idempotent,
        "openWorldHint": spec.annotations.open_world,
    })
}

/// What a tool costs in `tools/list`: bytes of name, description and input schema, four to a token.
pub fn tokens(spec: &Spec) -> usize {
    let schema = Value::Object((*spec.input).clone()).to_string();
    (spec.name.len() + spec.description.len() + schema.len()).div_ceil(4)
}
