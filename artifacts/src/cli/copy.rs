//! `agent-tools copy FROM TO`: between registries and layouts, in any direction.

use clap::{Arg, ArgAction, ArgMatches, Command};
use serde_json::json;

use super::{
    Verb,
    places::{self, Purpose},
    print, wait_for,
};
use crate::{
    Error, Kind, Result,
    oci::Platform,
    reference::{Reference, is_of_digest},
    transfer::{self, Copied, Options},
};

pub(super) const VERB: Verb = Verb { command, run };

fn command() -> Command {
    let command = Command::new("copy")
        .about("Copy an artifact with all its platforms, and what refers to it, from one registry or layout to another")
        .after_help(
            "Examples:
  agent-tools copy ghcr.io/team/mcp-git:0.1.0 registry.example/mirror/mcp-git
  agent-tools copy ghcr.io/team/mcp-git:0.1.0 oci:mirror
  agent-tools copy oci:mirror:0.1.0 localhost:5000/mcp-git:0.1.0 --platform linux/amd64

The tag of TO is that of FROM unless another is given. It moves last: when something fails, it stands for what it stood for.",
        )
        .arg(Arg::new("FROM").required(true).help("What to copy: a reference, or a layout on disk with a tag"))
        .arg(Arg::new("TO").required(true).help("Where to: a reference; a layout is made if there is none"))
        .arg(platform())
        .arg(
            Arg::new("no-referrers")
                .long("no-referrers")
                .action(ArgAction::SetTrue)
                .help("Leave out catalogues, bills of materials and signatures"),
        )
        .arg(print::output());
    places::options(command)
}

/// `--platform OS/ARCH`.
pub(super) fn platform() -> Arg {
    Arg::new("platform")
        .long("platform")
        .value_name("OS/ARCH")
        .value_parser(|text: &str| text.parse::<Platform>().map_err(|error| error.message))
        .help("Only what is for this platform, such as linux/arm64")
}

fn run(matches: &ArgMatches) -> Result<()> {
    let from = places::reference(matches, "FROM")?;
    let to = places::reference(matches, "TO")?;
    let copied = between(matches, &from, &to, "copying")?;
    report(matches, &to, &copied)
}

/// Copies one thing.
pub(super) fn between(matches: &ArgMatches, from: &Reference, to: &Reference, verb: &'static str) -> Result<Copied> {
    let [source, target] = places::open(matches, [(from, Purpose::Read), (to, Purpose::Write)])?;
    let tag = to.tag.clone().or_else(|| match (&from.tag, &from.digest) {
        (Some(tag), _) => Some(tag.clone()),
        (None, None) => Some("latest".to_owned()),
        (None, Some(_)) => None,
    });
    let options = Options {
        referrers: !matches.try_get_one::<bool>("no-referrers").ok().flatten().is_some_and(|flag| *flag),
        platform: matches.try_get_one::<Platform>("platform").ok().flatten().cloned(),
        progress: print::progress(verb),
    };
    wait_for(async {
        let name = places::checked_name(&source, from).await?;
        if let Some(expected) = &to.digest {
            let found = source.document(&name).await?.descriptor.digest;
            if found != *expected || options.platform.is_some() {
                return Err(Error::new(
                    Kind::Usage,
                    format!("{to}: what is copied is {found}: leave out the digest, or name that one"),
                ));
            }
        }
        transfer::copy(&source, &name, &target, tag.as_deref(), &options).await
    })
}

/// Says what was copied.
pub(super) fn report(matches: &ArgMatches, to: &Reference, copied: &Copied) -> Result<()> {
    let place = Reference { tag: None, digest: None, ..to.clone() };
    let mut text = String::new();
    // Those that clients keep signatures under are in the JSON.
    for (tag, descriptor) in copied.tags.iter().filter(|(tag, _)| !is_of_digest(tag)) {
        text.push_str(&format!("{place}:{tag}@{}\n", descriptor.digest));
    }
    if let (true, Some(top)) = (copied.tags.is_empty(), &copied.top) {
        text.push_str(&format!("{place}@{}\n", top.digest));
    }
    print::note(&format!(
        "{} manifests and indexes ({} of them refer to another), {} blobs sent ({} bytes), {} were there",
        copied.documents, copied.referrers, copied.sent, copied.bytes, copied.present
    ));
    let tags: Vec<_> = copied
        .tags
        .iter()
        .map(|(tag, descriptor)| json!({"tag": tag, "digest": descriptor.digest, "mediaType": descriptor.media_type}))
        .collect();
    let value = json!({
        "place": place.to_string(),
        "tags": tags,
        "digest": copied.top.as_ref().map(|top| top.digest),
        "documents": copied.documents,
        "referrers": copied.referrers,
        "blobs": {"sent": copied.sent, "bytes": copied.bytes, "present": copied.present},
    });
    print::result(matches, &text, &value)
}
