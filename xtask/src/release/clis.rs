//! The CLIs that lie beside a server: the pinned download, or the file that `--cli` names.

use std::{fs, path::Path, path::PathBuf};

use artifacts::{
    binary,
    bundles::{Bundle, Bundles},
    layer::{Content, Member},
    oci::{Digest, Platform},
    pack::Cli,
};

use super::Context;
use crate::run::{self, Result};

/// A CLI and the files it is packed as.
pub(super) struct Bundled {
    pub(super) cli: Cli,
    pub(super) members: Vec<Member>,
}

/// What lies beside `server` on `platform`.
pub(super) fn of(context: &Context, server: &str, platform: &Platform) -> Result<Vec<Bundled>> {
    let bundles =
        Bundles::parse(&run::read(&context.root.join("artifacts/bundles.toml"))?).map_err(|error| error.to_string())?;
    bundles.of(server).map(|bundle| one(context, bundle, platform)).collect()
}

fn one(context: &Context, bundle: &Bundle, platform: &Platform) -> Result<Bundled> {
    let name = &bundle.name;
    let (path, url) = match context.options.clis.get(name) {
        Some(path) => (path.clone(), None),
        None => {
            let download = bundle.platform.get(&platform.to_string());
            (fetch(context, name, platform)?, download.map(|download| download.url.clone()))
        }
    };
    let failed = |error: &dyn std::fmt::Display| format!("{name} at {}: {error}", path.display());
    let found = binary::program(&path, name).map_err(|error| failed(&error))?;
    if !found.runs_on(platform) {
        return Err(failed(&format!("it is built for {}, not for {platform}", found.platform)));
    }
    let digest = Digest::of(&fs::read(&path).map_err(|error| failed(&error))?);
    // Whoever names a file is asked nothing, so its version is what the pin says only for the download.
    let version = if url.is_some() { bundle.version.clone() } else { "unknown".to_owned() };
    let licence = context.root.join(&bundle.license_file);
    Ok(Bundled {
        cli: Cli { name: name.clone(), version, digest, url },
        members: vec![
            Member::program(name, Content::File(path)),
            Member::file(format!("{name}.LICENSE"), Content::File(licence)),
        ],
    })
}

/// The pinned download, from the cache or from its publisher, verified: the command does it, because only it opens sockets.
fn fetch(context: &Context, name: &str, platform: &Platform) -> Result<PathBuf> {
    let cache = context.target.join("clis");
    let platform = platform.to_string();
    let pins = context.root.join("artifacts/bundles.toml");
    let arguments = ["fetch", name, "--platform", &platform, "--pins", text(&pins)?, "--cache", text(&cache)?];
    let said = run::stdout(&mut super::command(&context.root, &arguments))
        .map_err(|error| format!("{error}\nwithout a network, pack one you have: --cli {name}=PATH"))?;
    Ok(said.trim().into())
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().ok_or_else(|| format!("{} is not UTF-8", path.display()))
}
