//! A container image that runs a server: the base, and above it the layer of the artifact, byte for byte.

use serde::Serialize;

use crate::{
    Result, base,
    layer::Packed,
    layout::Layout,
    oci::{Annotations, Descriptor, Digest, Manifest, Platform, media},
    pack::Facts,
    time,
};

/// The configuration of an image, with the keys of the specification that say something here. A struct and no map: its bytes are part of the digest.
#[derive(Serialize)]
struct Config<'a> {
    created: &'a str,
    architecture: &'a str,
    os: &'a str,
    config: Run<'a>,
    rootfs: RootFs,
    history: [Step<'a>; 2],
}

/// What a server finds in its environment: nothing that changes what it does.
pub const ENVIRONMENT: [&str; 2] = ["PATH=/", "HOME=/home/nonroot"];

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Run<'a> {
    user: String,
    env: [&'a str; 2],
    entrypoint: [String; 1],
    working_dir: &'a str,
    labels: &'a Annotations,
}

#[derive(Serialize)]
struct RootFs {
    r#type: &'static str,
    diff_ids: [Digest; 2],
}

#[derive(Serialize)]
struct Step<'a> {
    created: &'a str,
    created_by: &'a str,
}

/// Stores the image of `layers` (the base, the server) for `platform` and returns its manifest.
pub fn put(
    layout: &Layout,
    facts: &Facts,
    platform: &Platform,
    layers: [Packed; 2],
    annotations: Annotations,
) -> Result<Descriptor> {
    let created = time::rfc3339(facts.created);
    let step = |created_by| Step { created: &created, created_by };
    let config = Config {
        created: &created,
        architecture: &platform.architecture,
        os: &platform.os,
        config: Run {
            user: format!("{0}:{0}", base::USER),
            env: ENVIRONMENT,
            entrypoint: [format!("/mcp-{}", facts.server)],
            // Where git and flux look for what they work on.
            working_dir: "/workspace",
            labels: &annotations,
        },
        rootfs: RootFs { r#type: "layers", diff_ids: layers.map(|layer| layer.uncompressed) },
        history: [step("authorities, a user, /tmp and /workspace"), step("the server")],
    };
    let config = layout.put(media::IMAGE_CONFIG, &crate::oci::bytes(&config))?;
    let layers = layers.map(|layer| layer.descriptor(media::IMAGE_LAYER)).to_vec();
    let manifest = Manifest { artifact_type: None, config, annotations, ..Manifest::artifact(media::TOOL, layers) };
    layout.put(media::MANIFEST, &manifest.bytes())
}
