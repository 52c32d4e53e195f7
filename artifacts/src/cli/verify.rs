//! `agent-tools verify REF`: every byte of a server, what refers to it, and on request whether it does what its catalogue says.

use std::collections::BTreeSet;

use clap::{Arg, ArgAction, ArgMatches, Command};
use serde_json::json;

use super::{
    Verb, key,
    places::{self, Purpose},
    print, wait_for,
};
use crate::{
    Error, Kind, Result,
    layout::Layout,
    oci::{Digest, Index},
    sign,
    transfer::{self, Place, Progress},
    verify::{self, Report},
};

pub(super) const VERB: Verb = Verb { command, run };

fn command() -> Command {
    let command = Command::new("verify")
        .about("Check the digests, platforms, catalogue and signatures of a server")
        .after_help(
            "Examples:
  agent-tools verify ghcr.io/team/mcp-git:0.1.0
  agent-tools verify ghcr.io/team/mcp-git:0.1.0 --key cosign.pub
  agent-tools verify oci:dist/mcp-git:0.1.0 --run

All of it is fetched and hashed: all platforms, and what refers to them. With --run the program of this machine's platform is started in an empty
environment (as root also with nothing but its own files around it, and as nobody), its tools are compared with the catalogue, and one that only
reads is called. Run only what you would run anyway: verify it with --key first.",
        )
        .arg(Arg::new("REF").required(true).help("What to check"))
        .arg(key::argument("every index and manifest must carry a good signature by it"))
        .arg(Arg::new("run").long("run").action(ArgAction::SetTrue).help("Start the server and compare its tools with the catalogue"))
        .arg(print::output());
    places::options(command)
}

fn run(matches: &ArgMatches) -> Result<()> {
    let reference = places::reference(matches, "REF")?;
    let key = key::given(matches)?;
    let [place] = places::open(matches, [(&reference, Purpose::Read)])?;
    let (signed, run) = (key.is_some(), matches.get_flag("run"));
    // On a thread of its own, so that a signal ends it.
    let check = |layout: Layout, name: String| {
        tokio::task::spawn_blocking(move || verify::verify(&layout, &name, &verify::Options { key: key.as_ref(), run }))
    };
    let progress = print::progress("fetching");
    let report = wait_for(async {
        let name = places::checked_name(&place, &reference).await?;
        let ended =
            |error: tokio::task::JoinError| Error::new(Kind::Unavailable, format!("checking ended early: {error}"));
        match &place {
            Place::Layout(layout) => check(layout.clone(), name).await.map_err(ended)?,
            Place::Repository(_) => {
                let kept = tempfile::tempdir().map_err(|error| Error::new(Kind::Io, error.to_string()))?;
                let layout = Layout::create(kept.path())?;
                let digest = fetch(&place, &name, &layout, progress).await?;
                check(layout, digest.to_string()).await.map_err(ended)?
            }
        }
    });
    let report = report.map_err(|error| error.while_doing(&reference))?;
    print::result(matches, &text(&report, signed), &value(&report))
}

/// Brings all of `name` into `layout`, with what refers to it, and the signatures that only a tag leads to.
async fn fetch(place: &Place, name: &str, layout: &Layout, progress: std::sync::Arc<dyn Progress>) -> Result<Digest> {
    let options = transfer::Options { progress, ..transfer::Options::default() };
    let top = place.document(name).await?;
    let digest = top.descriptor.digest;
    let here = Place::Layout(layout.clone());
    transfer::copy(place, &digest.to_string(), &here, None, &options).await?;
    let mut subjects = BTreeSet::from([digest]);
    if top.descriptor.is_index() {
        subjects.extend(Index::parse(&top.bytes)?.manifests.iter().map(|entry| entry.digest));
    }
    for subject in subjects {
        let tag = sign::tag(&subject);
        match transfer::copy(place, &tag, &here, Some(&tag), &options).await {
            Err(error) if error.kind != Kind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(digest)
}

fn text(report: &Report, key: bool) -> String {
    let mut lines = Vec::new();
    for checked in &report.manifests {
        let kind = if checked.image { "image" } else { "artifact" };
        let tools = checked.tools.map_or("no catalogue".to_owned(), |tools| format!("{tools} tools"));
        let ran = match &checked.ran {
            Ok(tool) => format!("ran: lists what the catalogue says, {tool} answered"),
            Err(why) => format!("not run: {why}"),
        };
        let version = checked.version.as_ref().map_or("no version".to_owned(), |version| format!("version {version}"));
        lines.push(format!("{kind} {} {}: {version}, {tools}; {ran}", checked.platform, checked.digest));
    }
    let signatures = if key {
        format!("{} good signatures", report.signatures)
    } else {
        format!("{} signatures, not checked (no --key)", report.unchecked_signatures)
    };
    lines.extend(report.digest.map(|digest| format!("digest {digest}")));
    lines.push(format!("verified: {} blobs and documents; {signatures}", report.blobs.len()));
    lines.join("\n") + "\n"
}

fn value(report: &Report) -> serde_json::Value {
    let manifests: Vec<serde_json::Value> = report
        .manifests
        .iter()
        .map(|checked| {
            json!({
                "digest": checked.digest,
                "platform": checked.platform.to_string(),
                "version": checked.version,
                "kind": if checked.image { "image" } else { "artifact" },
                "tools": checked.tools,
                "referrers": checked.referrers,
                "called": checked.ran.as_ref().ok(),
                "notRun": checked.ran.as_ref().err(),
            })
        })
        .collect();
    json!({
        "verified": true,
        "digest": report.digest,
        "manifests": manifests,
        "blobs": report.blobs.len(),
        "signatures": report.signatures,
        "uncheckedSignatures": report.unchecked_signatures,
    })
}
