//! `server.json`: the entry of a server in an MCP registry, which says where the image and the bundles are and what clients have to ask before
//! they run them.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{
    Error, Kind, Result,
    oci::Digest,
    setting::{self, Setting, Shape},
};

/// The version of the format.
const SCHEMA: &str = "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json";
/// The longest description it takes, in characters.
const DESCRIPTION_MAX: usize = 100;

/// The label an image must carry, with the server's name in the registry as its value: how the official registry knows that who publishes
/// the entry also publishes the image.
pub const LABEL: &str = "io.modelcontextprotocol.server.name";

/// Where the source is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Repository {
    /// For people and for git.
    pub url: String,
    /// The service: `github`, `gitlab`.
    pub source: String,
    /// The directory in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subfolder: Option<String>,
}

/// A published `.mcpb`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Download {
    /// Where it is: an https URL.
    pub url: String,
    /// Its digest.
    pub sha256: Digest,
}

/// What an entry is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The server's name there: reverse DNS, a slash, a name: `com.example/mcp-git`.
    pub name: String,
    /// What people call it.
    pub title: Option<String>,
    /// What it is for; what is too long for the format is cut between words.
    pub description: String,
    /// Its version.
    pub version: String,
    /// Where its source is.
    pub repository: Option<Repository>,
    /// References of runnable images, each with a tag or a digest.
    pub images: Vec<String>,
    /// Bundles.
    pub bundles: Vec<Download>,
    /// What clients ask.
    pub settings: Vec<Setting>,
}

impl Entry {
    /// The document.
    pub fn bytes(&self) -> Result<Vec<u8>> {
        self.check().map_err(|error| error.while_doing("no server.json"))?;
        let images = self.images.iter().map(|image| self.image(image));
        let bundles = self.bundles.iter().map(|bundle| self.bundle(bundle));
        let document = Document {
            schema: SCHEMA,
            name: &self.name,
            title: self.title.as_deref(),
            description: shorten(&self.description),
            version: &self.version,
            repository: self.repository.as_ref(),
            packages: images.chain(bundles).collect(),
        };
        // Structs of strings: there is no way for this to fail.
        let mut bytes = serde_json::to_vec_pretty(&document).unwrap_or_default();
        bytes.push(b'\n');
        Ok(bytes)
    }

    fn check(&self) -> Result<()> {
        let wrong = |what: String| Err(Error::new(Kind::Usage, what));
        let word = |text: &str, more: &[u8]| {
            !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || more.contains(&byte))
        };
        let named = self.name.split_once('/').is_some_and(|(space, name)| word(space, b".-") && word(name, b"._-"));
        if !named || self.name.len() > 200 {
            return wrong(format!("{:?} is not a name such as com.example/mcp-git", self.name));
        }
        if self.description.trim().is_empty() {
            return wrong("there is no description".to_owned());
        }
        // Ranges and `latest` are refused there; semantic versions have none of these characters.
        if !word(&self.version, b".-+_") || self.version == "latest" || self.version.len() > 255 {
            return wrong(format!("{:?} is not one version", self.version));
        }
        if self.title.as_ref().is_some_and(|title| title.is_empty() || title.chars().count() > 100) {
            return wrong("the title is not 1 to 100 characters".to_owned());
        }
        for image in &self.images {
            let last = image.rsplit('/').next().unwrap_or_default();
            if !image.contains('/') || !last.contains([':', '@']) || last.ends_with(":latest") || image.contains("://")
            {
                return wrong(format!("{image:?} is not the reference of an image with a tag (not latest) or digest"));
            }
        }
        for bundle in &self.bundles {
            if !bundle.url.starts_with("https://") || bundle.url.contains(char::is_whitespace) {
                return wrong(format!("{:?} is not an https URL", bundle.url));
            }
        }
        setting::check(&self.settings)
    }

    /// Run by docker: what is a path on the person's machine is mounted, and the variable names the place inside. The format cannot make both
    /// depend on one answer, so paths that may be left out are.
    fn image<'a>(&'a self, image: &'a str) -> Package<'a> {
        let mut arguments = Vec::new();
        let mut variables = Vec::new();
        for setting in &self.settings {
            let key = setting.key();
            let Some(place) = inside(setting) else {
                variables.push(Variable::asked(setting));
                continue;
            };
            // A variable with a value is always set, and would name a place where nothing was mounted.
            if !setting.required {
                continue;
            }
            let readonly = if setting.shape == Shape::File { ",readonly" } else { "" };
            arguments.push(Argument {
                r#type: "named",
                name: "--mount",
                value: format!("type=bind,src={{{key}}},dst={place}{readonly}"),
                is_required: setting.required,
                variables: BTreeMap::from([(key, Input::of(setting))]),
            });
            let input = Input { format: None, default: None, value: Some(place), ..Input::of(setting) };
            variables.push(Variable { name: &setting.variable, input });
        }
        Package {
            registry_type: "oci",
            identifier: image,
            file_sha256: None,
            runtime_hint: Some("docker"),
            transport: STDIO,
            runtime_arguments: arguments,
            environment_variables: variables,
        }
    }

    /// Run where it was unpacked: paths are what they are.
    fn bundle<'a>(&'a self, bundle: &'a Download) -> Package<'a> {
        Package {
            registry_type: "mcpb",
            identifier: &bundle.url,
            file_sha256: Some(bundle.sha256.hex()),
            runtime_hint: None,
            transport: STDIO,
            runtime_arguments: Vec::new(),
            environment_variables: self.settings.iter().map(Variable::asked).collect(),
        }
    }
}

/// Where a directory or file of the person's machine is mounted.
fn inside(setting: &Setting) -> Option<String> {
    match setting.shape {
        Shape::Text => None,
        // The workspace is where servers look when nobody says anything.
        Shape::Directory => Some(format!("/{}", setting.key())),
        Shape::File => Some(format!("/run/settings/{}", setting.key())),
    }
}

/// `text`, cut between words if the format does not take all of it.
fn shorten(text: &str) -> String {
    let text = text.trim();
    if text.chars().count() <= DESCRIPTION_MAX {
        return text.to_owned();
    }
    let head: String = text.chars().take(DESCRIPTION_MAX - 1).collect();
    // The character behind the head decides whether its last word is whole.
    let whole = text.chars().nth(DESCRIPTION_MAX - 1).is_some_and(char::is_whitespace);
    let cut =
        if whole { head.as_str() } else { head.rsplit_once(char::is_whitespace).map_or(&*head, |(words, _)| words) };
    format!("{}…", cut.trim_end_matches(|last: char| last.is_whitespace() || ",;:.".contains(last)))
}

#[derive(Serialize)]
struct Document<'a> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a str>,
    description: String,
    version: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    repository: Option<&'a Repository>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    packages: Vec<Package<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Package<'a> {
    registry_type: &'static str,
    identifier: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    file_sha256: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    runtime_hint: Option<&'static str>,
    transport: Transport,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    runtime_arguments: Vec<Argument>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    environment_variables: Vec<Variable<'a>>,
}

#[derive(Serialize)]
struct Transport {
    r#type: &'static str,
}

const STDIO: Transport = Transport { r#type: "stdio" };

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Argument {
    r#type: &'static str,
    name: &'static str,
    value: String,
    is_required: bool,
    variables: BTreeMap<String, Input>,
}

#[derive(Serialize)]
struct Variable<'a> {
    name: &'a str,
    #[serde(flatten)]
    input: Input,
}

impl<'a> Variable<'a> {
    fn asked(setting: &'a Setting) -> Self {
        Self { name: &setting.variable, input: Input::of(setting) }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Input {
    description: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<&'static str>,
    is_required: bool,
    is_secret: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    default: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    choices: Vec<String>,
}

impl Input {
    fn of(setting: &Setting) -> Self {
        Self {
            description: setting.description.clone(),
            value: None,
            format: Some(if setting.shape == Shape::Text { "string" } else { "filepath" }),
            is_required: setting.required,
            is_secret: setting.secret,
            default: setting.default.clone(),
            choices: setting.choices.clone(),
        }
    }
}

#[cfg(test)]
mod tests;
