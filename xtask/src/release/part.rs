//! One server for one platform: built, and gathered with what belongs beside it and what is said about it.

use std::{fs, path::Path};

use artifacts::{
    catalogue::Catalogue,
    layer::{Content, Member},
    mcpb,
    oci::Platform,
    pack::{Facts, Part},
    sbom::{self, Sbom},
    setting::Setting,
    tool_manifest::ToolManifest,
};

use super::{Binary, Context, Target, clis, crates, dist, source};
use crate::run::Result;

/// What comes out of a build.
pub(super) struct Built {
    /// What is packed.
    pub(super) part: Part,
    /// Bytes of the program.
    pub(super) size: u64,
    /// The bundle for desktop clients.
    pub(super) bundle: Vec<u8>,
}

/// Builds `server` for `target`.
pub(super) fn build(context: &Context, server: &str, facts: &Facts, target: &Target) -> Result<Built> {
    let name = format!("mcp-{server}");
    let platform = Platform::linux(target.architecture);
    // Before the build, which takes minutes.
    let bundled = clis::of(context, server, &platform)?;
    eprintln!("building {name} for {platform}: the first time, some minutes");
    let program = dist::build(&context.root, &context.target, target, Binary { package: &name, name: &name })?;
    let bytes = read(&program)?;
    let manifest = context.root.join("artifacts").join(server).join(ToolManifest::FILE);

    let mut files = vec![mcpb::File { name: name.clone(), bytes: bytes.clone(), executable: true }];
    let mut members = vec![
        Member::file(ToolManifest::FILE, Content::File(manifest.clone())),
        Member::program(&name, Content::File(program)),
    ];
    let mut clis = Vec::new();
    for cli in bundled {
        for member in &cli.members {
            if let Content::File(path) = &member.content {
                files.push(mcpb::File {
                    name: member.name.clone(),
                    bytes: read(path)?,
                    executable: member.mode & 0o111 != 0,
                });
            }
        }
        members.extend(cli.members);
        clis.push(cli.cli);
    }
    let sbom = Sbom {
        server: server.to_owned(),
        version: facts.version.clone(),
        licence: Some(facts.licenses.clone()),
        revision: facts.revision.clone().unwrap_or_default(),
        created: facts.created,
        platform: platform.clone(),
        files: vec![sbom::File::of(&name, &bytes)],
        packages: crates::crates(&context.root, &name, &target.triple)?,
        clis: clis
            .iter()
            .map(|cli| sbom::Cli {
                name: cli.name.clone(),
                version: cli.version.clone(),
                sha256: cli.digest,
                url: cli.url.clone(),
            })
            .collect(),
    };
    let catalogue = Catalogue::parse(&facts.catalogue).map_err(|error| error.to_string())?;
    let bundle = mcpb::Bundle {
        settings: Setting::all(&catalogue),
        catalogue,
        manifest: ToolManifest::parse(&read(&manifest)?).map_err(|error| error.to_string())?,
        version: facts.version.clone(),
        platform: platform.clone(),
        author: "agent-tools".to_owned(),
        repository: facts.source.clone(),
        licence: Some(facts.licenses.clone()),
        files,
    };
    let bundle = bundle.bytes().map_err(|error| error.to_string())?;
    let size = bytes.len() as u64;
    let toolchain = source::toolchain(&context.root, target)?;
    let annotations = [("io.agents.mcp-tool.toolchain".to_owned(), toolchain)].into();
    Ok(Built { part: Part { platform, members, clis, sbom: Some(sbom.bytes()), annotations }, size, bundle })
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(|error| format!("{} could not be read: {error}", path.display()))
}
