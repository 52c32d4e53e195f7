//! One server for one platform: built, and gathered with what belongs beside it.

use std::fs;

use artifacts::{
    layer::{Content, Member},
    oci::Platform,
    pack::Part,
};

use super::{Binary, Context, Target, clis, dist};
use crate::run::Result;

/// Builds `server` for `target` and gives what is to be packed, and the size of the program.
pub(super) fn build(context: &Context, server: &str, target: &Target) -> Result<(Part, u64)> {
    let name = format!("mcp-{server}");
    let platform = Platform::linux(target.architecture);
    // Before the build, which takes minutes.
    let bundled = clis::of(context, server, &platform)?;
    let program = dist::build(&context.root, &context.target, target, Binary { package: &name, name: &name })?;
    let size = fs::metadata(&program).map_err(|error| format!("{name}: {error}"))?.len();
    let manifest = context.root.join("artifacts").join(server).join("manifest.json");
    let mut members =
        vec![Member::file("manifest.json", Content::File(manifest)), Member::program(&name, Content::File(program))];
    let mut parts = Vec::new();
    for cli in bundled {
        members.extend(cli.members);
        parts.push(cli.cli);
    }
    Ok((Part { platform, members, clis: parts, sbom: None }, size))
}
