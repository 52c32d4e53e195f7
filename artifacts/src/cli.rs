//! The command `agent-tools`. A verb is a file and its line in [`VERBS`]. Results go to stdout; progress and what went wrong to stderr.

mod completions;
mod copy;
mod fetch;
mod inspect;
mod key;
mod list;
mod places;
mod print;
mod pull;
mod push;
mod verify;

use std::{future::Future, process::ExitCode, time::Duration};

use clap::{ArgMatches, Command};

use crate::{Error, Kind, Result};

/// The exit code of what failed.
const FAILED: u8 = 1;
/// The exit code of a command line or an environment that could not be understood.
const USAGE: u8 = 2;
/// How long the end waits for what was on its way.
const GRACE: Duration = Duration::from_millis(500);

/// One verb of the command.
struct Verb {
    /// Its grammar, whose name is the verb.
    command: fn() -> Command,
    /// What it does.
    run: fn(&ArgMatches) -> Result<()>,
}

/// In the order of the help.
const VERBS: &[Verb] =
    &[inspect::VERB, verify::VERB, push::VERB, pull::VERB, list::VERB, copy::VERB, fetch::VERB, completions::VERB];

const HELP: &str = "References:
  ghcr.io/team/mcp-git:0.1.0            a tag in a registry; the host is never left out
  ghcr.io/team/mcp-git@sha256:…         a digest, which pins the bytes
  localhost:5000/mcp-git:0.1.0          this machine needs no TLS; others only with --plain-http
  oci:dist/mcp-git:0.1.0                a tag in an OCI image layout on disk

Credentials, in this order; what is configured and does not work is an error, never ignored:
  AGENT_TOOLS_USERNAME and AGENT_TOOLS_PASSWORD (or --username with --password-stdin)
  AGENT_TOOLS_TOKEN or --token-file: with a user name in place of the password, without one as a bearer token
  REGISTRY_AUTH_FILE, $DOCKER_CONFIG/config.json, ~/.docker/config.json, $XDG_RUNTIME_DIR/containers/auth.json,
  with their credential helpers: `docker login` and `podman login` are enough
  Where a command names two registries, AGENT_TOOLS_REGISTRY says which of them the first two lines are for.

Environment: HTTPS_PROXY, NO_PROXY, SSL_CERT_FILE, SSL_CERT_DIR, SOURCE_DATE_EPOCH
Exit codes: 0 ok, 1 it failed, 2 the command line or the environment is wrong";

/// The whole program.
pub fn main() -> ExitCode {
    let matches = match build().try_get_matches() {
        Ok(matches) => matches,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { USAGE } else { 0 });
        }
    };
    let Some((name, matches)) = matches.subcommand() else { return ExitCode::from(USAGE) };
    let Some(verb) = VERBS.iter().find(|verb| (verb.command)().get_name() == name) else {
        return ExitCode::from(USAGE);
    };
    match (verb.run)(matches) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            print::note(&format!("{name} failed: {error}"));
            ExitCode::from(if error.kind == Kind::Usage { USAGE } else { FAILED })
        }
    }
}

fn build() -> Command {
    let command = Command::new("agent-tools")
        .bin_name("agent-tools")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Inspect, verify, push, pull and copy MCP tool servers as OCI artifacts")
        .after_help(HELP)
        .subcommand_required(true)
        .arg_required_else_help(true);
    VERBS.iter().fold(command, |command, verb| command.subcommand((verb.command)()))
}

/// Runs what waits for a network, until it ends or somebody ends it. An end from outside lets temporary files go and leaves tags as they are.
fn wait_for<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Error::new(Kind::Io, format!("starting: {error}")))?;
    let result = runtime.block_on(async {
        tokio::select! {
            result = work => result,
            error = stopped() => {
                // Work on a thread of its own is not waited for; what it started must not stay.
                crate::trial::end_all();
                Err(error)
            }
        }
    });
    // What was on its way is let go of before the process ends, temporary files with it; a helper that still asks somebody is not waited for.
    runtime.shutdown_timeout(GRACE);
    result
}

async fn stopped() -> Error {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        // Then signals do what they always do.
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Error::new(Kind::Unavailable, "it was interrupted: what was not finished is as it was")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grammar_is_sound_and_every_verb_says_what_it_does() {
        let command = build();
        command.clone().debug_assert();
        for verb in command.get_subcommands() {
            assert!(verb.get_about().is_some(), "{}", verb.get_name());
        }
    }
}
