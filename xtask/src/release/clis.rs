//! The CLIs that lie beside a server: the pinned download, or the file that `--cli` names.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

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

/// The CLIs there are.
pub(super) fn bundles(root: &Path) -> Result<Bundles> {
    Bundles::parse(&run::read(&root.join("artifacts/bundles.toml"))?).map_err(|error| error.to_string())
}

/// Refuses what `--cli` names and nothing bundles, and files that are no programs: before a build of minutes.
pub(super) fn check(root: &Path, given: &BTreeMap<String, Vec<PathBuf>>) -> Result<()> {
    let known: Vec<String> = bundles(root)?.cli.into_iter().map(|bundle| bundle.name).collect();
    for (name, paths) in given {
        if !known.contains(name) {
            return Err(format!("--cli {name}: no server bundles a CLI of that name; there are: {}", known.join(", ")));
        }
        for path in paths {
            binary::program(path, name).map_err(|error| format!("--cli {name}={}: {error}", path.display()))?;
        }
    }
    Ok(())
}

/// What lies beside `server` on `platform`.
pub(super) fn of(context: &Context, server: &str, platform: &Platform) -> Result<Vec<Bundled>> {
    bundles(&context.root)?.of(server).map(|bundle| one(context, bundle, platform)).collect()
}

fn one(context: &Context, bundle: &Bundle, platform: &Platform) -> Result<Bundled> {
    let name = &bundle.name;
    let given = context.options.clis.get(name).into_iter().flatten();
    let fits = |path: &&PathBuf| binary::program(path, name).is_ok_and(|found| found.runs_on(platform));
    let (path, url) = match given.clone().find(fits) {
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
    let version = if url.is_some() { bundle.version.clone() } else { asked(&path, platform) };
    let licence = context.root.join(&bundle.license_file);
    Ok(Bundled {
        cli: Cli { name: name.clone(), version, digest, url },
        members: vec![
            Member::program(name, Content::File(path)),
            Member::file(format!("{name}.LICENSE"), Content::File(licence)),
        ],
    })
}

/// The version that the CLI at `path` says it has, which both of those there are say alike. Unknown where it does not run.
fn asked(path: &Path, platform: &Platform) -> String {
    let unknown = || "unknown".to_owned();
    if *platform != Platform::host() {
        return unknown();
    }
    let mut command = Command::new(path);
    command.args(["version", "--client"]).env_clear().stdin(Stdio::null());
    run::stdout(&mut command).ok().and_then(|said| version(&said)).unwrap_or_else(unknown)
}

/// The first word that looks like a version: `v1.37.2` of `Client Version: v1.37.2`, `2.9.5` of `flux: v2.9.5`.
fn version(said: &str) -> Option<String> {
    said.split_whitespace().find_map(|word| {
        let word = word.strip_prefix('v').unwrap_or(word);
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'+');
        let numbers = word.split(['-', '+']).next()?.split('.').filter(|part| part.parse::<u32>().is_ok()).count();
        (numbers == 3 && word.len() < 64 && word.bytes().all(plain)).then(|| word.to_owned())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_found_in_what_clis_say() {
        for (said, expected) in [
            ("Client Version: v1.37.2\nKustomize Version: v5.8.1\n", Some("1.37.2")),
            ("flux: v2.9.5\n", Some("2.9.5")),
            ("v2.9.5-rc.1+build\n", Some("2.9.5-rc.1+build")),
            ("Client Version: v1.37\n", None),
            ("1.2.3;rm\n", None),
            ("", None),
        ] {
            assert_eq!(version(said).as_deref(), expected, "{said}");
        }
    }
}
