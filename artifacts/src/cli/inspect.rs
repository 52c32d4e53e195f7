//! `agent-tools inspect REF`: what a server offers, without running it or fetching it.

use std::collections::BTreeSet;

use clap::{Arg, ArgMatches, Command};

use super::{
    Verb,
    places::{self, Purpose},
    print, wait_for,
};
use crate::{
    Error, Kind, Result, inspect,
    layout::{DOCUMENT_MAX, Layout},
    oci::{Descriptor, Digest, Index, Manifest, media},
    transfer::{Place, Silent},
    verify::PARTS_MAX,
};

pub(super) const VERB: Verb = Verb { command, run };

fn command() -> Command {
    let command = Command::new("inspect")
        .about("Show the tools, platforms, digests and bundled CLIs of a server, without running it")
        .after_help(
            "Examples:
  agent-tools inspect ghcr.io/team/mcp-git:0.1.0
  agent-tools inspect oci:dist/mcp-git:0.1.0 --output json

Only documents are fetched, each checked against its digest; whether the program keeps what they promise is what verify --run is for.",
        )
        .arg(Arg::new("REF").required(true).help("What to look at"))
        .arg(print::output());
    places::options(command)
}

fn run(matches: &ArgMatches) -> Result<()> {
    let reference = places::reference(matches, "REF")?;
    let [place] = places::open(matches, [(&reference, Purpose::Read)])?;
    let found = wait_for(async {
        let name = places::checked_name(&place, &reference).await?;
        match &place {
            Place::Layout(layout) => inspect::inspect(layout, &name),
            Place::Repository(_) => {
                let kept = tempfile::tempdir().map_err(|error| Error::new(Kind::Io, error.to_string()))?;
                let layout = Layout::create(kept.path())?;
                let digest = documents(&place, &name, &layout).await?;
                inspect::inspect(&layout, &digest.to_string())
            }
        }
    });
    let found = found.map_err(|error| error.while_doing(&reference))?;
    print::result(matches, &format!("{}\n", found.text()), &found)
}

/// Brings the documents of `name` into `layout`: the index and its manifests, what refers to it, and its catalogue. No layers.
async fn documents(place: &Place, name: &str, layout: &Layout) -> Result<Digest> {
    let top = place.document(name).await?;
    layout.put(&top.descriptor.media_type, &top.bytes)?;
    layout.enter(&top.descriptor, None)?;
    if top.descriptor.is_index() {
        let digests: BTreeSet<Digest> = Index::parse(&top.bytes)?.manifests.iter().map(|entry| entry.digest).collect();
        if digests.len() > PARTS_MAX {
            let message =
                format!("{} has {} parts, more than {PARTS_MAX} are refused", top.descriptor.digest, digests.len());
            return Err(Error::refused(message));
        }
        for digest in digests {
            let part = place.document(&digest.to_string()).await?;
            layout.put(&part.descriptor.media_type, &part.bytes)?;
        }
    }
    for referrer in place.referrers(&top.descriptor.digest).await? {
        let document = place.document(&referrer.digest.to_string()).await?;
        layout.put(&document.descriptor.media_type, &document.bytes)?;
        let manifest = Manifest::parse(&document.bytes).map_err(|error| error.while_doing(referrer.digest))?;
        layout.enter(&Descriptor { artifact_type: Some(manifest.kind().to_owned()), ..document.descriptor }, None)?;
        if manifest.kind() == media::CATALOGUE
            && let Some(catalogue) = manifest.layers.first().filter(|layer| layer.size <= DOCUMENT_MAX)
        {
            layout.put_from(catalogue, &mut place.blob(catalogue, &Silent).await?)?;
        }
    }
    Ok(top.descriptor.digest)
}
