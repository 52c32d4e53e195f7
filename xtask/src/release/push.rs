//! A verified release brought to a registry, and looked at there.

use std::path::Path;

use artifacts::{
    catalogue::Catalogue,
    layout::Layout,
    pack::Facts,
    server_json::{self, Entry},
    setting::Setting,
};

use super::{Context, options::Options};
use crate::run::{self, Result};

/// Pushes the layout of `server` and verifies what came to lie in the registry, by pulling it.
pub(super) fn push(context: &Context, server: &str, facts: &Facts) -> Result<()> {
    let Some(repository) = context.options.repository(server) else { return Ok(()) };
    let layout = context.place(server).to_string_lossy().into_owned();
    if !context.options.replace {
        not_there(context, &format!("{repository}:{}", facts.version), &layout, &facts.version)?;
    }
    command(context, vec!["push", &layout, &repository])?;
    let key = context.options.output.join(super::PUBLIC_KEY).to_string_lossy().into_owned();
    for tag in [facts.version.clone(), format!("{}-image", facts.version)] {
        let reference = format!("{repository}:{tag}");
        let mut verify = vec!["verify", &reference, "--run"];
        if context.options.sign.is_some() {
            verify.extend(["--key", &key]);
        }
        command(context, verify)?;
    }
    if context.options.latest {
        let (version, latest) = (format!("{repository}:{}", facts.version), format!("{repository}:latest"));
        command(context, vec!["copy", &version, &latest])?;
    }
    Ok(())
}

/// Refuses to give a version another digest: people may have pinned the one it has.
fn not_there(context: &Context, reference: &str, layout: &str, version: &str) -> Result<()> {
    let mut inspect = vec!["inspect", reference, "--output", "json"];
    inspect.extend(context.options.plain_http.then_some("--plain-http"));
    // What cannot be reached is told by the push itself.
    let Ok(said) = run::stdout(&mut super::command(&context.root, &inspect)) else { return Ok(()) };
    let there: serde_json::Value = serde_json::from_str(&said).unwrap_or_default();
    let ours = Layout::open(Path::new(layout))
        .and_then(|layout| layout.resolve(version))
        .map_err(|error| error.to_string())?;
    match there["digest"].as_str() {
        Some(digest) if digest != ours.digest.to_string() => Err(format!(
            "{reference} is {digest} and would become {}: release another version, or say --replace",
            ours.digest
        )),
        _ => Ok(()),
    }
}

fn command(context: &Context, mut arguments: Vec<&str>) -> Result<()> {
    arguments.extend(context.options.plain_http.then_some("--plain-http"));
    let status = super::command(&context.root, &arguments).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err(format!("agent-tools {} failed", arguments.join(" "))),
        Err(error) => Err(format!("agent-tools could not be run: {error}")),
    }
}

/// The entry for an MCP registry, if it is known who publishes it and where the image is.
pub(super) fn server_json(options: &Options, facts: &Facts) -> Result<Option<Vec<u8>>> {
    let (Some(name), Some(repository)) = (name(options, &facts.server), options.repository(&facts.server)) else {
        return Ok(None);
    };
    let catalogue = Catalogue::parse(&facts.catalogue).map_err(|error| error.to_string())?;
    let host = options.source.as_deref().and_then(|source| source.strip_prefix("https://")?.split('/').next());
    let service = match host {
        Some("github.com") => Some("github"),
        Some("gitlab.com") => Some("gitlab"),
        _ => None,
    };
    let entry = Entry {
        name,
        title: Some(format!("mcp-{}", facts.server)),
        description: facts.description.clone(),
        version: facts.version.clone(),
        repository: service.map(|service| server_json::Repository {
            url: options.source.clone().unwrap_or_default(),
            source: service.to_owned(),
            subfolder: Some(format!("tools/{}", facts.server)),
        }),
        images: vec![format!("{repository}:{}-image", facts.version)],
        // Where bundles will be published is not known here.
        bundles: Vec::new(),
        settings: Setting::all(&catalogue),
    };
    entry.bytes().map(Some).map_err(|error| error.to_string())
}

/// The server's name in an MCP registry.
pub(super) fn name(options: &Options, server: &str) -> Option<String> {
    options.namespace.as_ref().map(|namespace| format!("{namespace}/mcp-{server}"))
}
