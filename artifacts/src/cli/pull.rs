//! `agent-tools pull REF`: the files of a server, in a directory.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use clap::{Arg, ArgMatches, Command, value_parser};
use serde_json::json;

use super::{
    Verb, copy, key,
    places::{self, Purpose},
    print, wait_for,
};
use crate::{
    Error, Kind, Result, layer,
    oci::{Index, Manifest, Platform, media},
    reference::{Location, Reference},
    sign::VerifyingKey,
    transfer::{Place, Progress},
};

/// A packed server is smaller; unpacking draws the exact lines.
const LAYER_MAX: u64 = 1 << 30;

pub(super) const VERB: Verb = Verb { command, run };

fn command() -> Command {
    let command = Command::new("pull")
        .about("Pull a server and unpack it into a directory")
        .after_help(
            "Examples:
  agent-tools pull ghcr.io/team/mcp-git:0.1.0                     into ./mcp-git
  agent-tools pull ghcr.io/team/mcp-git@sha256:… -o tools/git
  agent-tools pull ghcr.io/team/mcp-git:0.1.0 --key cosign.pub    only if it is signed by that key
  agent-tools pull oci:dist/mcp-git:0.1.0 -o /tmp/git --platform linux/arm64

Every byte is checked before anything appears; the directory must not exist, or be empty. A digest or a key says whose bytes they have to be: a tag alone is
whatever the registry says it is today.",
        )
        .arg(Arg::new("REF").required(true).help("What to pull"))
        .arg(
            Arg::new("dir")
                .short('o')
                .long("out")
                .value_name("DIR")
                .value_parser(value_parser!(PathBuf))
                .help("Where to; the last word of the repository's name if it is left out"),
        )
        .arg(key::argument("what REF names must carry a good signature by it"))
        .arg(copy::platform().help("Which platform's program; this machine's if it is left out"))
        .arg(print::output());
    places::options(command)
}

fn run(matches: &ArgMatches) -> Result<()> {
    let reference = places::reference(matches, "REF")?;
    let place = match matches.get_one::<PathBuf>("dir") {
        Some(place) => place.clone(),
        None => default_place(&reference)?,
    };
    free(&place)?;
    let key = key::given(matches)?;
    let asked = matches.get_one::<Platform>("platform");
    let [source] = places::open(matches, [(&reference, Purpose::Read)])?;
    let progress = print::progress("pulling");
    let layer = wait_for(async {
        let name = places::checked_name(&source, &reference).await?;
        fetch(&source, &name, asked, key.as_ref(), &*progress).await
    });
    let layer = layer.map_err(|error| error.while_doing(&reference))?;
    let unpacked = layer::unpack(layer.file, &layer.media_type, &place, layer.platform.as_ref())
        .map_err(|error| error.while_doing(&reference))?;
    let text =
        format!("{}\n{} {} {}\n", unpacked.program.display(), unpacked.manifest.name, unpacked.platform, layer.digest);
    let value = json!({
        "name": unpacked.manifest.name,
        "directory": place,
        "program": unpacked.program,
        "platform": unpacked.platform,
        "digest": layer.digest,
        "files": unpacked.files,
    });
    print::result(matches, &text, &value)
}

/// Refuses what cannot be the place of what is pulled. Unpacking does too, but only after everything has come.
fn free(place: &Path) -> Result<()> {
    let wrong = |what: &str| {
        let message = format!("{} {what}: name a directory that is not there, or empty, with -o", place.display());
        Err(Error::new(Kind::Usage, message))
    };
    match fs::read_dir(place).map(Iterator::count) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(_) => wrong("is no directory that can be read"),
        // It is replaced as a whole, and who stands in it would stand in what was removed.
        Ok(0) if fs::canonicalize(place).ok() == std::env::current_dir().ok() => wrong("is where you are"),
        Ok(0) => Ok(()),
        Ok(_) => wrong("is not an empty directory"),
    }
}

fn default_place(reference: &Reference) -> Result<PathBuf> {
    match &reference.place {
        Location::Repository(name) => Ok(name.path.rsplit('/').next().unwrap_or(&name.path).into()),
        Location::Layout(_) => {
            Err(Error::new(Kind::Usage, "a layout does not say what to call the directory: name one with -o DIR"))
        }
    }
}

/// The layer of one server, checked.
struct Layer {
    file: std::fs::File,
    media_type: String,
    /// What its program has to be for, if anything said so.
    platform: Option<Platform>,
    /// Of the manifest.
    digest: crate::oci::Digest,
}

async fn fetch(
    source: &Place,
    name: &str,
    asked: Option<&Platform>,
    key: Option<&VerifyingKey>,
    progress: &dyn Progress,
) -> Result<Layer> {
    let mut document = source.document(name).await?;
    if let Some(key) = key {
        // All that follows is pinned by its digest.
        key::check(key, source, &document.descriptor.digest).await?;
    }
    let mut platform = asked.cloned();
    if document.descriptor.is_index() {
        let index = Index::parse(&document.bytes)?;
        let wanted = platform.get_or_insert_with(Platform::host);
        let chosen = index.choose(wanted)?.clone();
        document = source.document(&chosen.digest.to_string()).await?;
        chosen.check(&document.bytes)?;
    }
    let digest = document.descriptor.digest;
    let manifest = Manifest::parse(&document.bytes).map_err(|error| error.while_doing(digest))?;
    let [layer] = manifest.layers.as_slice() else {
        let advice = if manifest.config.media_type == media::IMAGE_CONFIG {
            ": it is a container image, the server alone has the tag without -image"
        } else {
            ""
        };
        return Err(Error::refused(format!(
            "{digest} has {} layers where a server has one{advice}",
            manifest.layers.len()
        )));
    };
    if !matches!(layer.media_type.as_str(), media::TOOL | media::TOOL_OLDER) {
        return Err(Error::refused(format!("{digest} is no server: its layer is of type {:?}", layer.media_type)));
    }
    if layer.size > LAYER_MAX {
        return Err(Error::refused(format!("{digest} has a layer of {} bytes, no server is that large", layer.size)));
    }
    let file = source.blob(layer, progress).await?;
    Ok(Layer { file, media_type: layer.media_type.clone(), platform, digest })
}
