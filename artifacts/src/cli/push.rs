//! `agent-tools push`: a layout, one tag of it, or a directory that is packed on the way.

use std::{collections::BTreeSet, path::Path};

use clap::{Arg, ArgAction, ArgMatches, Command};

use super::{
    Verb, copy,
    places::{self, Purpose},
    print, wait_for,
};
use crate::{
    Error, Kind, Result, directory,
    environment::Environment,
    layout::Layout,
    oci::Platform,
    reference::{Location, Reference},
    time,
    transfer::{self, Options, Place},
};

pub(super) const VERB: Verb = Verb { command, run };

fn command() -> Command {
    let command = Command::new("push")
        .about("Push a layout that `cargo xtask release` made, or pack a directory and push it")
        .after_help(
            "Examples:
  agent-tools push dist/mcp-git ghcr.io/team/mcp-git              every tag of the layout but latest
  agent-tools push dist/mcp-git ghcr.io/team/mcp-git --latest     latest too
  agent-tools push dist/mcp-git:0.1.0 ghcr.io/team/mcp-git        one tag, with its platforms and what refers to them
  agent-tools push ./my-server -t localhost:5000/my-server:1      a directory with a manifest.json and the program it names

Tags move last, those of single platforms before those of indexes: when something fails, they stand for what they stood for.",
        )
        .arg(Arg::new("WHAT").required(true).help("A layout, a tag in one (LAYOUT:TAG), or a directory with a manifest.json"))
        .arg(Arg::new("REF").help("Where to; a tag pushes only that one").required_unless_present("tag"))
        .arg(
            Arg::new("tag")
                .short('t')
                .long("tag")
                .value_name("REF")
                .conflicts_with("REF")
                .help("The reference of the artifact that is packed of a directory"),
        )
        .arg(
            Arg::new("latest")
                .long("latest")
                .action(ArgAction::SetTrue)
                .help("Move the tag latest too, if the layout has it"),
        )
        .arg(copy::platform().help("What the directory's program is for; its own platform must be that"))
        .arg(print::output());
    places::options(command)
}

fn run(matches: &ArgMatches) -> Result<()> {
    let what = places::text(matches, "WHAT");
    let named = matches.get_one::<String>("tag").or_else(|| matches.get_one::<String>("REF"));
    let to: Reference = named.map(String::as_str).unwrap_or_default().parse()?;
    to.repository()?;
    if to.digest.is_some() {
        return Err(Error::new(Kind::Usage, format!("{to}: a digest cannot be chosen, leave it out")));
    }
    if matches.contains_id("tag") || Path::new(what).join("manifest.json").is_file() {
        let place = tempfile::tempdir().map_err(|error| Error::new(Kind::Io, format!("a temporary place: {error}")))?;
        // latest moves on purpose only.
        let tag = to.tag.clone().ok_or_else(|| {
            Error::new(Kind::Usage, format!("{to} names no tag for what is packed: write one, as in {to}:0.1.0"))
        })?;
        let from = pack_dir(Path::new(what), place.path(), &tag, matches.get_one::<Platform>("platform"))?;
        // Its platform was checked when it was packed; there is no index to choose from.
        let layout = Place::Layout(from);
        let [target] = places::open(matches, [(&to, Purpose::Write)])?;
        let options = Options { progress: print::progress("pushing"), ..Options::default() };
        let copied = wait_for(transfer::copy(&layout, &tag, &target, Some(&tag), &options))?;
        return copy::report(matches, &to, &copied);
    }
    let from = layout(what)?;
    let Location::Layout(path) = &from.place else {
        return Err(Error::new(
            Kind::Usage,
            format!("{what} is not a layout on disk: to copy from a registry there is agent-tools copy"),
        ));
    };
    if from.tag.is_some() || from.digest.is_some() {
        let copied = copy::between(matches, &from, &to, "pushing")?;
        return copy::report(matches, &to, &copied);
    }
    if matches.contains_id("platform") {
        return Err(Error::new(Kind::Usage, format!("--platform needs one tag of the layout, as in {what}:0.1.0")));
    }
    let layout = Layout::open(path)?;
    let [target] = places::open(matches, [(&to, Purpose::Write)])?;
    let Place::Repository(target) = target else {
        return Err(Error::new(Kind::Usage, format!("{to} is not in a registry")));
    };
    let only: BTreeSet<String> = to.tag.iter().cloned().collect();
    let options = Options { progress: print::progress("pushing"), ..Options::default() };
    let copied = wait_for(transfer::push_layout(&layout, &target, &only, matches.get_flag("latest"), &options))?;
    copy::report(matches, &to, &copied)
}

/// Here a path is more likely than a registry.
fn layout(text: &str) -> Result<Reference> {
    let reference = Reference::parse_or_layout(text);
    if reference.is_err() && !text.contains('@') {
        let path = Path::new(text);
        if path.is_dir() {
            return Err(Error::new(
                Kind::Usage,
                format!("{text:?} holds neither an OCI layout (oci-layout) nor a server (manifest.json)"),
            ));
        }
        return Err(Error::new(Kind::Usage, format!("there is no directory {text:?}")));
    }
    reference
}

/// Packs a directory that holds a `manifest.json` into a layout at `place`.
fn pack_dir(directory: &Path, place: &Path, tag: &str, platform: Option<&Platform>) -> Result<Layout> {
    let layout = Layout::create(place)?;
    let created = Environment::process().text("SOURCE_DATE_EPOCH")?;
    let created = created.map(|seconds| time::source_date(&seconds)).transpose()?;
    directory::pack(directory, &layout, tag, platform, created)?;
    Ok(layout)
}
