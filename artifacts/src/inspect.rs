//! What an artifact is, read from its documents: nothing is run, and no layer is fetched.

use serde::Serialize;

use crate::{
    Error, Kind, Result,
    catalogue::{Access, Catalogue},
    layout::Layout,
    oci::{Annotations, Descriptor, Digest, Index, Manifest, annotation, media},
    sign::{self, bundle},
    words::is_hidden,
};

/// What an artifact is.
#[derive(Clone, Debug, Serialize)]
pub struct Inspection {
    /// The digest of what the reference names.
    pub digest: Digest,
    /// `index` or `manifest`.
    pub document: &'static str,
    /// The server's name, version, commit and so on, as it is annotated.
    pub annotations: Annotations,
    /// What there is for each platform.
    pub platforms: Vec<PlatformPart>,
    /// The tools; `None` with `without_catalogue` saying why.
    pub tools: Option<Tools>,
    /// Why there are no tools to show.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub without_catalogue: Option<String>,
    /// What refers to it, by type.
    pub referrers: Vec<String>,
    /// How many signatures it has. None of them was checked.
    pub signatures: usize,
}

/// What there is for one platform.
#[derive(Clone, Debug, Serialize)]
pub struct PlatformPart {
    /// `linux/amd64`; `None` when a manifest was named whose index is not there to say.
    pub platform: Option<String>,
    /// The digest of its manifest.
    pub digest: Digest,
    /// `artifact` or `image`.
    pub kind: &'static str,
    /// Bytes of its layers together.
    pub size: u64,
    /// The bundled CLIs: name, version, digest of the file, and `(local)` for one that is not the pinned download.
    pub clis: Vec<String>,
}

/// The tools of a server.
#[derive(Clone, Debug, Serialize)]
pub struct Tools {
    /// The mode when MODE is not set.
    pub default_mode: &'static str,
    /// Tokens of the whole list, four bytes each.
    pub tokens: u64,
    /// One by one, in the order clients see them.
    pub tools: Vec<Tool>,
}

/// One tool.
#[derive(Clone, Debug, Serialize)]
pub struct Tool {
    /// What it is called by.
    pub name: String,
    /// `read` or `write`.
    pub access: &'static str,
    /// What it costs in a model's context.
    pub tokens: u64,
    /// What it does.
    pub description: String,
}

/// Reads what `name` stands for in `layout`, which needs no layers for that.
///
/// # Errors
///
/// It is not there, or is no artifact or image of a server.
pub fn inspect(layout: &Layout, name: &str) -> Result<Inspection> {
    let descriptor = layout.resolve(name)?;
    let bytes = layout.document(&descriptor)?;
    let (document, annotations, entries) = if descriptor.is_index() {
        let index = Index::parse(&bytes)?;
        ("index", index.annotations, index.manifests)
    } else {
        ("manifest", Manifest::parse(&bytes)?.annotations, vec![descriptor.clone()])
    };
    // What is shown of the index must be what its parts promise.
    for entry in entries.iter().filter(|_| descriptor.is_index()) {
        let part = Manifest::parse(&layout.document(entry)?).map_err(|error| error.while_doing(entry.digest))?;
        if part.annotations.get(annotation::CATALOGUE) != annotations.get(annotation::CATALOGUE) {
            return Err(Error::corrupt(format!("{} promises another catalogue than the index it is in", entry.digest)));
        }
    }
    let platforms = entries.iter().map(|entry| part(layout, entry)).collect::<Result<Vec<_>>>()?;
    let referrers: Vec<String> =
        layout.referrers(&descriptor.digest)?.into_iter().filter_map(|entry| entry.artifact_type).collect();
    let signatures =
        referrers.iter().filter(|kind| *kind == sign::ARTIFACT || kind.starts_with(bundle::BUNDLE)).count();
    let (tools, without_catalogue) = match tools(layout, &annotations) {
        Ok(tools) => (Some(tools), None),
        // That it is not there is a fact of the artifact; that it is wrong is not to be passed over.
        Err(error) if error.kind == Kind::NotFound => (None, Some(error.message)),
        Err(error) => return Err(error.while_doing("the catalogue")),
    };
    let digest = descriptor.digest;
    Ok(Inspection { digest, document, annotations, platforms, tools, without_catalogue, referrers, signatures })
}

fn part(layout: &Layout, entry: &Descriptor) -> Result<PlatformPart> {
    let named = |error: Error| error.while_doing(entry.digest);
    let manifest = Manifest::parse(&layout.document(entry).map_err(named)?).map_err(named)?;
    let image = manifest.config.media_type == media::IMAGE_CONFIG;
    let tool = |layer: &Descriptor| matches!(layer.media_type.as_str(), media::TOOL | media::TOOL_OLDER);
    if !image && !manifest.layers.iter().any(tool) {
        let kind = manifest.kind();
        return Err(named(Error::refused(format!("this is no packed server but a manifest of type {kind:?}"))));
    }
    let clis = manifest
        .annotations
        .iter()
        .filter_map(|(key, value)| Some(format!("{} {value}", key.strip_prefix(annotation::CLI_PREFIX)?)));
    Ok(PlatformPart {
        platform: entry.platform.as_ref().map(ToString::to_string),
        digest: entry.digest,
        kind: if image { "image" } else { "artifact" },
        size: manifest.layers.iter().fold(0, |sum, layer| sum.saturating_add(layer.size)),
        clis: clis.collect(),
    })
}

/// The catalogue the annotations promise.
fn tools(layout: &Layout, annotations: &Annotations) -> Result<Tools> {
    let absent = |why: &str| Error::new(Kind::NotFound, why);
    let promised = annotations.get(annotation::CATALOGUE).ok_or_else(|| absent("it names no catalogue"))?;
    let digest: Digest = promised.parse()?;
    let path = layout.path(&digest);
    let size = std::fs::metadata(&path).map_err(|_| {
        absent(&format!("its catalogue {promised} is not there: it was copied without what refers to it"))
    })?;
    let descriptor = Descriptor { digest, size: size.len(), ..Descriptor::of(media::CATALOGUE, b"") };
    let catalogue = Catalogue::parse(&layout.document(&descriptor)?)?;
    let tool = |tool: crate::catalogue::Tool| Tool {
        access: if tool.access == Access::Read { "read" } else { "write" },
        tokens: tool.tokens,
        description: tool.description,
        name: tool.name,
    };
    Ok(Tools {
        default_mode: catalogue.default_mode.name(),
        tokens: catalogue.tokens,
        tools: catalogue.tools.into_iter().map(tool).collect(),
    })
}

impl Inspection {
    /// For a person: what it is, where it runs, what it offers.
    pub fn text(&self) -> String {
        let mut lines = Vec::new();
        let mut line = |name: &str, value: &str| lines.push(format!("{name:<11} {}", clean(value)));
        let annotated = |key: &str| self.annotations.get(key).map(String::as_str);
        line("digest", &format!("{} ({})", self.digest, self.document));
        for (name, key) in [
            ("server", annotation::TITLE),
            ("description", annotation::DESCRIPTION),
            ("version", annotation::VERSION),
            ("revision", annotation::REVISION),
            ("source", annotation::SOURCE),
            ("created", annotation::CREATED),
            ("licenses", annotation::LICENSES),
        ] {
            if let Some(value) = annotated(key) {
                line(name, value);
            }
        }
        for part in &self.platforms {
            let platform = part.platform.as_deref().unwrap_or("(no index says for what)");
            line(part.kind, &format!("{platform}  {} bytes  {}", part.size, part.digest));
            for cli in &part.clis {
                line("  with", cli);
            }
        }
        let referrers = if self.referrers.is_empty() { "none".to_owned() } else { self.referrers.join(", ") };
        line("referrers", &referrers);
        line("signatures", &format!("{}, not checked (agent-tools verify --key)", self.signatures));
        match (&self.tools, &self.without_catalogue) {
            (Some(tools), _) => {
                let count = tools.tools.len();
                line("tools", &format!("{count}, {} tokens, MODE {} if unset", tools.tokens, tools.default_mode));
                let width = tools.tools.iter().map(|tool| tool.name.len()).max().unwrap_or(0);
                for tool in &tools.tools {
                    let description = clean(&tool.description);
                    lines
                        .push(format!("  {:<width$}  {:<5} {:>5}  {description}", tool.name, tool.access, tool.tokens));
                }
            }
            (None, why) => line("tools", &format!("unknown: {}", why.as_deref().unwrap_or("no catalogue"))),
        }
        lines.join("\n")
    }
}

/// What a stranger wrote, without what moves a terminal.
fn clean(text: &str) -> String {
    text.chars().map(|letter| if is_hidden(letter) { '\u{fffd}' } else { letter }).collect()
}
