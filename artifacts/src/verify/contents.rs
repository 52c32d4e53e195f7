//! What is inside of an artifact or image, held against what is said about it.

use std::{
    fs,
    io::{self, Read},
    path::Path,
};

use flate2::bufread::MultiGzDecoder;
use serde_json::Value;

use crate::{
    Error, Kind, Result, binary,
    catalogue::Catalogue,
    image,
    oci::{self, Annotations, Descriptor, Digest, Hasher, Manifest, Platform, annotation},
    tool_manifest::ToolManifest,
};

/// An image is unpacked to this much at most, to look at its digest.
const IMAGE_MAX: u64 = 2 << 30;

/// The bundled CLIs are the ones the annotations say, and programs for the platform.
pub(super) fn clis(manifest: &Manifest, place: &Path, platform: &Platform) -> Result<()> {
    for (key, value) in &manifest.annotations {
        let Some(name) = key.strip_prefix(annotation::CLI_PREFIX) else { continue };
        let promised: Option<Digest> = value.split(' ').find_map(|word| word.parse().ok());
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let (Some(promised), true) = (promised, name.bytes().all(plain)) else {
            return Err(Error::refused(format!("{key:?} names no file and digest")));
        };
        let path = place.join(name);
        let bytes = fs::read(&path).map_err(|_| Error::refused(format!("{name} is annotated and not there")))?;
        let found = Digest::of(&bytes);
        if found != promised {
            return Err(Error::corrupt(format!("{name} hashes to {found}, annotated is {promised}")));
        }
        let program = binary::program(&path, name)?;
        if !program.runs_on(platform) {
            return Err(Error::refused(format!("{name} is built for {}, not for {platform}", program.platform)));
        }
    }
    Ok(())
}

/// A version is a word that can stand in a sentence and in a tag.
pub(super) fn version(version: Option<&str>) -> Result<()> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'+');
    match version {
        Some(version) if version.is_empty() || version.len() > 128 || !version.bytes().all(plain) => {
            Err(Error::refused(format!("the version {version:?} is none")))
        }
        _ => Ok(()),
    }
}

/// The catalogue is that of the server, and its figures are those of its tools.
pub(super) fn catalogue_is_of(catalogue: &Catalogue, manifest: &ToolManifest) -> Result<()> {
    if (&catalogue.server, &catalogue.description) != (&manifest.name, &manifest.description) {
        let (said, there) = (&catalogue.server, &manifest.name);
        return Err(Error::refused(format!(
            "its catalogue is of {said:?}, its manifest.json of {there:?}, or their descriptions differ"
        )));
    }
    catalogue.check_tokens()
}

/// An image starts its server, as nobody, with an environment that changes nothing about it.
pub(super) fn runs_only_its_server(manifest: &Manifest, config: &[u8]) -> Result<()> {
    let config: Value = oci::loose(config).map_err(|error| error.while_doing("the configuration"))?;
    let run = &config["config"];
    let known = ["User", "Env", "Entrypoint", "Cmd", "WorkingDir", "Labels"];
    if let Some(other) = run.as_object().and_then(|run| run.keys().find(|key| !known.contains(&key.as_str()))) {
        return Err(Error::refused(format!("the image sets {other:?}, which no image of a server needs")));
    }
    let server = manifest.annotations.get(annotation::SERVER).map(String::as_str).unwrap_or_default();
    let entrypoint = serde_json::json!([format!("/mcp-{server}")]);
    if run["Entrypoint"] != entrypoint || !run["Cmd"].as_array().is_none_or(Vec::is_empty) {
        return Err(Error::refused(format!("the image starts {} {}, not {entrypoint}", run["Entrypoint"], run["Cmd"])));
    }
    let user = run["User"].as_str().unwrap_or_default();
    // Names are what a file in the image says they are, and numbers are read in more than one way unless they are plain.
    let plain = |part: &str| {
        !part.starts_with('0') && part.bytes().all(|byte| byte.is_ascii_digit()) && part.parse::<u16>().is_ok()
    };
    if !user.split(':').all(plain) || user.split(':').count() > 2 {
        return Err(Error::refused(format!("the image runs as {user:?}, which may be root: a number says who it is")));
    }
    let variables = match &run["Env"] {
        Value::Null => &[][..],
        Value::Array(variables) => variables,
        other => return Err(Error::refused(format!("the image has the environment {other}"))),
    };
    match variables.iter().find(|variable| !image::ENVIRONMENT.iter().any(|known| *variable == known)) {
        Some(variable) => Err(Error::refused(format!("the image sets {variable}"))),
        None => Ok(()),
    }
}

/// The digest of what a compressed layer unpacks to.
pub(super) fn uncompressed(blob: impl Read) -> Result<Digest> {
    let broken = |error: io::Error| Error::refused(format!("a layer of the image is no gzip: {error}"));
    let mut decoder = MultiGzDecoder::new(io::BufReader::new(blob)).take(IMAGE_MAX + 1);
    let (digest, size) = Hasher::read(&mut decoder).map_err(broken)?;
    if size > IMAGE_MAX {
        return Err(Error::refused(format!("a layer of the image unpacks to more than {IMAGE_MAX} bytes")));
    }
    Ok(digest)
}

/// The catalogue that is promised by annotation and the one that refers must be one.
pub(super) fn promised_catalogue(annotations: &Annotations, found: Option<&Descriptor>) -> Result<()> {
    let promised = annotations.get(annotation::CATALOGUE);
    match (promised, found) {
        (None, _) => Ok(()),
        (Some(promised), Some(found)) if *promised == found.digest.to_string() => Ok(()),
        (Some(promised), Some(found)) => {
            Err(Error::corrupt(format!("its catalogue is {}, promised was {promised}", found.digest)))
        }
        (Some(promised), None) => Err(Error::new(
            Kind::NotFound,
            format!("its catalogue {promised} is not there: was it copied without what refers to it?"),
        )),
    }
}
