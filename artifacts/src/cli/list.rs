//! `agent-tools list REPO`: the tags of a repository or a layout.

use clap::{Arg, ArgAction, ArgMatches, Command};
use serde::Serialize;
use tokio::task::JoinSet;

use super::{
    Verb,
    places::{self, Purpose},
    print, wait_for,
};
use crate::{
    Error, Kind, Result,
    oci::{Digest, Index},
    reference::{is_of_digest, is_tag},
    transfer::Place,
};

/// So many tags are looked at at once.
const AT_ONCE: usize = 4;

pub(super) const VERB: Verb = Verb { command, run };

fn command() -> Command {
    let command = Command::new("list")
        .about("List the tags of a repository or a layout")
        .after_help(
            "Examples:
  agent-tools list ghcr.io/team/mcp-git
  agent-tools list ghcr.io/team/mcp-git --long
  agent-tools list dist/mcp-git --output json",
        )
        .arg(Arg::new("REPO").required(true).help("A repository without a tag, or a layout on disk"))
        .arg(
            Arg::new("long")
                .long("long")
                .short('l')
                .action(ArgAction::SetTrue)
                .help("With the digest and the platforms of each; asks the registry about every tag"),
        )
        .arg(
            Arg::new("all")
                .long("all")
                .action(ArgAction::SetTrue)
                .help("Also the tags sha256-… under which clients keep what refers to a digest"),
        )
        .arg(print::output());
    places::options(command)
}

/// One line of the list.
#[derive(Clone, Debug, Serialize)]
struct Entry {
    tag: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<Digest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    platforms: Option<Vec<String>>,
}

fn run(matches: &ArgMatches) -> Result<()> {
    let reference = places::reference(matches, "REPO")?;
    if reference.tag.is_some() || reference.digest.is_some() {
        return Err(Error::new(
            Kind::Usage,
            format!("{reference}: leave out the tag and the digest, tags are what is listed"),
        ));
    }
    let [place] = places::open(matches, [(&reference, Purpose::Read)])?;
    let long = matches.get_flag("long");
    let entries = wait_for(async {
        let mut tags = match &place {
            Place::Layout(layout) => layout.tags()?,
            Place::Repository(repository) => repository.tags().await?,
        };
        let found = tags.len();
        tags.retain(|tag| matches.get_flag("all") || !is_of_digest(tag));
        if tags.len() < found {
            print::note(&format!(
                "{} tags that keep what refers to a digest are left out: --all lists them",
                found - tags.len()
            ));
        }
        if long { described(&place, tags).await } else { Ok(tags.into_iter().map(plain).collect()) }
    })?;
    let widest = entries.iter().map(|entry| entry.tag.len()).max().unwrap_or(0);
    let text: String = entries
        .iter()
        .map(|entry| match (&entry.digest, &entry.platforms) {
            (Some(digest), Some(platforms)) => {
                let line = format!("{:widest$}  {digest}  {}", entry.tag, platforms.join(" "));
                format!("{}\n", line.trim_end())
            }
            _ => format!("{}\n", entry.tag),
        })
        .collect();
    print::result(matches, &text, &entries)
}

/// A layout may hold names that are no tags, and were written by anybody.
fn shown(tag: String) -> String {
    if is_tag(&tag) { tag } else { format!("{tag:?}") }
}

fn plain(tag: String) -> Entry {
    let tag = shown(tag);
    Entry { tag, digest: None, platforms: None }
}

async fn described(place: &Place, tags: Vec<String>) -> Result<Vec<Entry>> {
    let (mut work, mut entries) = (JoinSet::new(), Vec::new());
    let mut waiting = tags.into_iter();
    loop {
        while work.len() < AT_ONCE
            && let Some(tag) = waiting.next()
        {
            let place = place.clone();
            work.spawn(async move { describe(&place, tag).await });
        }
        let Some(done) = work.join_next().await else { break };
        entries.push(done.map_err(|error| Error::new(Kind::Unavailable, format!("looking at a tag: {error}")))??);
    }
    entries.sort_by(|one: &Entry, other| one.tag.cmp(&other.tag));
    Ok(entries)
}

async fn describe(place: &Place, tag: String) -> Result<Entry> {
    let document = place.document(&tag).await?;
    let mut platforms = Vec::new();
    if document.descriptor.is_index() {
        let index = Index::parse(&document.bytes).map_err(|error| error.while_doing(&tag))?;
        platforms.extend(index.manifests.iter().filter_map(|entry| entry.platform.as_ref()).map(ToString::to_string));
    }
    let tag = shown(tag);
    Ok(Entry { tag, digest: Some(document.descriptor.digest), platforms: Some(platforms) })
}
