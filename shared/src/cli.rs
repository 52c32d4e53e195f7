//! The terminal face, the same in every binary.

mod call;
mod command;
mod print;

use std::{io::IsTerminal, process::ExitCode, sync::Arc, time::Duration};

use tokio::runtime::{Builder, Runtime};
use tokio_util::sync::CancellationToken;

use crate::{
    Server,
    manifest::{Catalogue, Manifest},
    registry::Registry,
    serve::{HttpOptions, serve_http, serve_stdio},
    settings::Settings,
    tool::Face,
};

/// The exit code of a call that ended in an error, and of a check that failed.
const FAILED: u8 = 1;
/// The exit code of a command line or an environment that could not be understood.
const USAGE: u8 = 2;

/// A whole server process: `fn main() -> ExitCode { shared::main::<Git>() }`.
pub fn main<S: Server>() -> ExitCode {
    let bare = std::env::args_os().len() <= 1;
    if bare && !std::io::stdin().is_terminal() {
        // The way runtimes start it. No command line is parsed: starting is most of what a short session costs.
        return serve::<S>(None);
    }
    if bare {
        print::out(&command::build::<S>().render_help().to_string());
        return ExitCode::SUCCESS;
    }
    let matches = match command::build::<S>().try_get_matches() {
        Ok(matches) => matches,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { USAGE } else { 0 });
        }
    };
    match matches.subcommand() {
        Some(("serve", matches)) => serve::<S>(matches.get_one::<String>("http").map(String::as_str)),
        Some(("tools", _)) => with_registry::<S>(|registry| {
            print::tools(&registry);
            ExitCode::SUCCESS
        }),
        Some(("schema", matches)) => {
            let name = matches.get_one::<String>("TOOL").map(String::as_str).unwrap_or_default();
            with_registry::<S>(|registry| print::schema(&registry, name))
        }
        Some(("call", matches)) => with_registry::<S>(|registry| call::run(registry, matches)),
        Some(("manifest", _)) => print::json(&Manifest::of::<S>()),
        Some(("catalogue", _)) => match Catalogue::of::<S>() {
            Ok(catalogue) => print::json(&catalogue),
            Err(message) => complain(&message, FAILED),
        },
        Some(("doctor", _)) => doctor::<S>(),
        Some(("completions", matches)) => command::completions::<S>(matches),
        _ => complain("nothing to do; see --help", USAGE),
    }
}

/// Says what is wrong on stderr.
fn complain(message: &str, code: u8) -> ExitCode {
    eprintln!("{}", crate::redact::redact(message));
    ExitCode::from(code)
}

fn with_registry<S: Server>(run: impl FnOnce(Arc<Registry<S>>) -> ExitCode) -> ExitCode {
    let settings = Settings::from_env(S::DEFAULT_MODE);
    match settings.and_then(|settings| Registry::<S>::new(settings, Face::Terminal)) {
        Ok(registry) => run(Arc::new(registry)),
        Err(message) => complain(&message, USAGE),
    }
}

fn doctor<S: Server>() -> ExitCode {
    with_registry::<S>(|registry| {
        registry.server().confine();
        let checks = registry.server().checks();
        print::out(&format!("mcp-{} {}, MODE={}\n", S::NAME, S::VERSION, registry.settings().mode));
        for check in &checks {
            print::out(&format!("{check}\n"));
        }
        if checks.iter().all(crate::doctor::Check::passes) { ExitCode::SUCCESS } else { ExitCode::from(FAILED) }
    })
}

fn serve<S: Server>(http: Option<&str>) -> ExitCode {
    let prepared = Settings::from_env(S::DEFAULT_MODE)
        .and_then(|settings| Registry::<S>::new(settings, Face::Protocol))
        .and_then(|registry| match http {
            None => Ok((registry, None)),
            Some(address) => {
                let address = address
                    .parse()
                    .map_err(|_| format!("--http {address:?} is not an address such as 127.0.0.1:8080 or [::1]:0"))?;
                Ok((registry, Some((address, HttpOptions::from_env()?))))
            }
        });
    let (registry, http) = match prepared {
        Ok(prepared) => prepared,
        Err(message) => return complain(&message, USAGE),
    };
    crate::logging::start();
    registry.server().confine();
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(code) => return code,
    };
    let registry = Arc::new(registry);
    let ended = runtime.block_on(async {
        let stop = CancellationToken::new();
        stop_on_signals(&stop);
        match http {
            None => serve_stdio(registry, stop).await,
            Some((address, options)) => {
                serve_http(registry, address, options, stop, |bound| {
                    eprintln!("mcp-{} serves http://{bound}/mcp", S::NAME);
                })
                .await
            }
        }
    });
    end(runtime);
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => complain(&message, FAILED),
    }
}

/// How long the end waits for the children of calls to be killed and collected.
const CHILDREN: Duration = Duration::from_millis(500);

/// The end of the process, when its calls have ended or had their time.
fn end(runtime: Runtime) {
    if !crate::exec::shutdown(CHILDREN) {
        tracing::warn!("ending although children are left; the kernel kills them");
    }
    // A read of stdin that cannot be interrupted must not hold up the end, nor a thread that does not listen.
    runtime.shutdown_background();
}

/// Two workers: a busy one never keeps the other from answering, and more would only cost memory.
fn runtime() -> Result<Runtime, ExitCode> {
    Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| complain(&format!("could not start: {error}"), FAILED))
}

/// Cancels `stop` on SIGTERM and SIGINT.
fn stop_on_signals(stop: &CancellationToken) {
    use tokio::signal::unix::{SignalKind, signal};
    for kind in [SignalKind::terminate(), SignalKind::interrupt()] {
        if let Ok(mut signals) = signal(kind) {
            let stop = stop.clone();
            tokio::spawn(async move {
                if signals.recv().await.is_some() {
                    stop.cancel();
                }
            });
        }
    }
}
