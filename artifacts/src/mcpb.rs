//! An `.mcpb` bundle: what a desktop client installs with a click. A zip with the server, and a manifest that says how it is started and what the
//! person is to be asked.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::{
    Error, Kind, Result,
    catalogue::Catalogue,
    oci::Platform,
    setting::{self, Setting, Shape},
    tool_manifest::{ToolManifest, is_file_name},
};

mod zip;

/// The version of the format. 0.4 exists, is called experimental, and adds only what Python needs; clients that know it know this one.
const VERSION: &str = "0.3";

/// A file beside the manifest of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its name, as the server's manifest would give it: `mcp-git`, `bin/mcp-git`, `kubectl`.
    pub name: String,
    /// What it holds.
    pub bytes: Vec<u8>,
    /// Whether it is a program.
    pub executable: bool,
}

/// What a bundle is made of.
#[derive(Clone, Debug, PartialEq)]
pub struct Bundle {
    /// The server's tools.
    pub catalogue: Catalogue,
    /// Its manifest.
    pub manifest: ToolManifest,
    /// Its version.
    pub version: String,
    /// What it runs on. The format knows operating systems only, so there is a bundle per architecture, and this is said beside.
    pub platform: Platform,
    /// Who publishes it.
    pub author: String,
    /// Where its source is, a URL.
    pub repository: Option<String>,
    /// Its licence, as an SPDX expression.
    pub licence: Option<String>,
    /// What the person is asked, in this order.
    pub settings: Vec<Setting>,
    /// Its files, the program among them.
    pub files: Vec<File>,
}

impl Bundle {
    /// The bytes of the bundle: the same input gives the same.
    pub fn bytes(&self) -> Result<Vec<u8>> {
        self.check().map_err(|error| error.while_doing(format!("no bundle of {}", self.manifest.name)))?;
        let manifest = self.document();
        let mut files: Vec<(String, &[u8], bool)> = self
            .files
            .iter()
            .map(|file| (format!("server/{}", file.name), file.bytes.as_slice(), file.executable))
            .collect();
        files.push(("manifest.json".to_owned(), &manifest, false));
        files.sort();
        let entries: Vec<zip::Entry<'_>> =
            files.iter().map(|(name, bytes, executable)| zip::Entry { name, bytes, executable: *executable }).collect();
        zip::archive(&entries)
    }

    fn check(&self) -> Result<()> {
        let wrong = |what: String| Err(Error::new(Kind::Usage, what));
        if self.catalogue.server != self.manifest.name {
            return wrong(format!("the catalogue is of another server, {}", self.catalogue.server));
        }
        for (what, text) in [("version", &self.version), ("author", &self.author)] {
            if text.trim().is_empty() {
                return wrong(format!("it has no {what}"));
            }
        }
        setting::check(&self.settings)?;
        let mut seen = BTreeSet::new();
        for file in &self.files {
            if !is_file_name(file.name.strip_prefix("bin/").unwrap_or(&file.name)) {
                return wrong(format!("{:?} is neither the name of a file nor bin/ and one", file.name));
            }
            if !seen.insert(&file.name) {
                return wrong(format!("{} is there twice", file.name));
            }
        }
        match self.files.iter().find(|file| file.name == self.manifest.command) {
            None => wrong(format!("its program {} is not among its files", self.manifest.command)),
            Some(program) if !program.executable => wrong(format!("its program {} may not be run", program.name)),
            Some(_) => Ok(()),
        }
    }

    /// The manifest.
    fn document(&self) -> Vec<u8> {
        let path = format!("server/{}", self.manifest.command);
        let document = Manifest {
            manifest_version: VERSION,
            name: format!("mcp-{}", self.manifest.name),
            version: &self.version,
            description: &self.manifest.description,
            author: Author { name: &self.author },
            repository: self.repository.as_deref().map(|url| Repository { r#type: "git", url }),
            license: self.licence.as_deref(),
            server: Server {
                r#type: "binary",
                mcp_config: Start {
                    command: format!("${{__dirname}}/{path}"),
                    args: [],
                    env: self
                        .settings
                        .iter()
                        .map(|setting| (setting.variable.as_str(), format!("${{user_config.{}}}", setting.key())))
                        .collect(),
                },
                entry_point: path,
            },
            tools: self
                .catalogue
                .tools
                .iter()
                .map(|tool| Tool { name: &tool.name, description: &tool.description })
                .collect(),
            user_config: self.settings.iter().map(|setting| (setting.key(), Question::of(setting))).collect(),
            compatibility: Compatibility { platforms: [&self.platform.os] },
            meta: BTreeMap::from([("io.agents.mcp-tool", Meta { platform: self.platform.to_string() })]),
        };
        // Structs of strings: there is no way for this to fail.
        let mut bytes = serde_json::to_vec_pretty(&document).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }
}

#[derive(Serialize)]
struct Manifest<'a> {
    manifest_version: &'static str,
    name: String,
    version: &'a str,
    description: &'a str,
    author: Author<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    repository: Option<Repository<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    license: Option<&'a str>,
    server: Server<'a>,
    tools: Vec<Tool<'a>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    user_config: BTreeMap<String, Question<'a>>,
    compatibility: Compatibility<'a>,
    #[serde(rename = "_meta")]
    meta: BTreeMap<&'static str, Meta>,
}

#[derive(Serialize)]
struct Author<'a> {
    name: &'a str,
}

#[derive(Serialize)]
struct Repository<'a> {
    r#type: &'static str,
    url: &'a str,
}

#[derive(Serialize)]
struct Server<'a> {
    r#type: &'static str,
    entry_point: String,
    mcp_config: Start<'a>,
}

#[derive(Serialize)]
struct Start<'a> {
    command: String,
    args: [&'static str; 0],
    env: BTreeMap<&'a str, String>,
}

#[derive(Serialize)]
struct Tool<'a> {
    name: &'a str,
    description: &'a str,
}

#[derive(Serialize)]
struct Compatibility<'a> {
    platforms: [&'a str; 1],
}

#[derive(Serialize)]
struct Meta {
    platform: String,
}

#[derive(Serialize)]
struct Question<'a> {
    r#type: &'static str,
    title: &'a str,
    description: String,
    required: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    sensitive: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    default: Option<&'a str>,
}

impl<'a> Question<'a> {
    fn of(setting: &'a Setting) -> Self {
        let description = match setting.choices.as_slice() {
            [] => setting.description.clone(),
            // The format has no choices, so they are words.
            choices => format!("{} One of: {}.", setting.description, choices.join(", ")),
        };
        Self {
            r#type: match setting.shape {
                Shape::Text => "string",
                Shape::Directory => "directory",
                Shape::File => "file",
            },
            title: &setting.title,
            description,
            required: setting.required,
            sensitive: setting.secret,
            // Clients leave `${user_config.…}` standing as it is where they know no value; an empty variable is one that is not set.
            default: setting.default.as_deref().or((!setting.required).then_some("")),
        }
    }
}

#[cfg(test)]
mod tests;
