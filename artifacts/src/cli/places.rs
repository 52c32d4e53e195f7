//! From what a command line names to places that are open.

use std::{
    io::{self, BufRead, Read},
    path::PathBuf,
};

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use crate::{
    Error, Kind, Result,
    credentials::{Credentials, Given, Secret},
    environment::Environment,
    layout::Layout,
    reference::{Location, Reference},
    registry::{Access, Client},
    transfer::Place,
};

/// A password is shorter than this.
const PASSWORD_MAX: u64 = 64 << 10;

/// The options of everything that talks to a registry.
pub(super) fn options(command: Command) -> Command {
    command
        .arg(
            Arg::new("plain-http")
                .long("plain-http")
                .action(ArgAction::SetTrue)
                .help("Speak http without TLS also to registries that are not on this machine; credentials then can be read on the way"),
        )
        .arg(
            Arg::new("username")
                .long("username")
                .value_name("NAME")
                .help("The user's name; the password never stands here"),
        )
        .arg(
            Arg::new("password-stdin")
                .long("password-stdin")
                .action(ArgAction::SetTrue)
                .conflicts_with("token-file")
                .help("Read the password from the first line of stdin"),
        )
        .arg(
            Arg::new("token-file")
                .long("token-file")
                .value_name("FILE")
                .value_parser(value_parser!(PathBuf))
                .help("Read a token from FILE"),
        )
}

/// Reads the argument `name` as a reference.
pub(super) fn reference(matches: &ArgMatches, name: &str) -> Result<Reference> {
    Reference::parse_or_layout(text(matches, name))
}

/// The argument `name`, which clap requires.
pub(super) fn text<'a>(matches: &'a ArgMatches, name: &str) -> &'a str {
    matches.get_one::<String>(name).map(String::as_str).unwrap_or_default()
}

/// What is to be done with a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    Read,
    Write,
}

/// Opens what `references` name, for what each is named for.
pub(super) fn open<const N: usize>(matches: &ArgMatches, references: [(&Reference, Purpose); N]) -> Result<[Place; N]> {
    let environment = Environment::process();
    let hosts: Vec<&str> = references
        .iter()
        .filter_map(|(reference, _)| match &reference.place {
            Location::Repository(name) => Some(name.host.as_str()),
            Location::Layout(_) => None,
        })
        .collect();
    let client = if hosts.is_empty() {
        None
    } else {
        let credentials = Credentials::new(&given(matches)?, environment.clone(), &hosts)?;
        Some(Client::new(&environment, credentials, matches.get_flag("plain-http"))?)
    };
    let mut places = Vec::new();
    for (reference, purpose) in references {
        places.push(match (&reference.place, &client) {
            (Location::Layout(path), _) => Place::Layout(match purpose {
                Purpose::Read => Layout::open(path)?,
                Purpose::Write => Layout::create(path)?,
            }),
            (Location::Repository(name), Some(client)) => Place::Repository(client.repository(
                name,
                match purpose {
                    Purpose::Read => Access::Pull,
                    Purpose::Write => Access::Push,
                },
            )),
            (Location::Repository(name), None) => {
                return Err(Error::new(Kind::Usage, format!("{name} cannot be reached without a client")));
            }
        });
    }
    places.try_into().map_err(|_| Error::new(Kind::Usage, "a reference is missing"))
}

fn given(matches: &ArgMatches) -> Result<Given> {
    let password = if matches.get_flag("password-stdin") {
        let mut line = String::new();
        io::stdin()
            .lock()
            .take(PASSWORD_MAX)
            .read_line(&mut line)
            .map_err(|error| Error::new(Kind::Unauthenticated, format!("--password-stdin: {error}")))?;
        Some(Secret::new(line.trim_end_matches(['\r', '\n'])))
    } else {
        None
    };
    Ok(Given {
        username: matches.get_one::<String>("username").cloned(),
        password,
        token_file: matches.get_one::<PathBuf>("token-file").cloned(),
    })
}

/// The name to ask `place` for. Where a tag stands beside a digest and is there, it must stand for that digest.
pub(super) async fn checked_name(place: &Place, reference: &Reference) -> Result<String> {
    if let (Some(digest), Some(tag)) = (&reference.digest, &reference.tag) {
        let found = match place {
            Place::Layout(layout) => layout.resolve(tag),
            Place::Repository(repository) => repository.resolve(tag).await,
        };
        match found {
            Ok(found) if found.digest != *digest => {
                return Err(Error::corrupt(format!(
                    "{reference}: the tag {tag} stands for {} now: leave out the tag if the digest is what you want",
                    found.digest
                )));
            }
            Ok(_) => {}
            // A tag may have been removed since the digest was noted.
            Err(error) if error.kind == Kind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(reference.name())
}
