//! The one place that starts processes.
//!
//! ```no_run
//! # async fn f(resource: &str, namespace: &str, cancel: &shared::exec::CancellationToken) -> shared::Result<()> {
//! use shared::exec::{Command, Program};
//! let kubectl = Program::find("kubectl")?;
//! let outcome = Command::new(&kubectl)
//!     .literal("get")
//!     .positional("resource", resource)?
//!     .flag_value("--namespace", namespace)?
//!     .inherit(&["KUBECONFIG"])
//!     .timeout(std::time::Duration::from_secs(20))
//!     .run(cancel)
//!     .await?
//!     .finished()?;
//! # Ok(()) }
//! ```
//!
//! What holds for every call:
//!
//! * **No value becomes a flag.** There is no shell and no way to add a bare string to argv: see [`Argv`].
//! * **The environment is an allow-list**: see [`Environment`].
//! * **Nothing can prompt.** stdin is empty or the bytes given, and the child leads a session of its own, which has no
//!   terminal: opening `/dev/tty` fails.
//! * **Memory is bounded** whatever the child prints: see [`Capture`].
//! * **When [`Command::run`] has answered, nothing of the call is left**: neither the child, nor background processes it
//!   left behind, nor zombies. The same is brought about, without waiting for it, when the future is dropped. How
//!   processes that left their group are still known as the call's is told in `tree.rs`.
//! * **A child does not outlive a server that is killed outright**: the kernel kills it (see `spawn.rs`). This reaches the
//!   child itself; what the child had started is then left to the child's own pipes breaking.
//!
//! Not promised: a process that asks another daemon (a container engine, an init system) to start something has not
//! started it itself, and that is out of reach here. A process that changed its user cannot be signalled. A program that
//! forks in new sessions faster than `/proc` can be read can only be held by a limit on the number of processes.
//!
//! Linux only. [`Command::run`] needs a tokio runtime with its IO and time drivers on.

mod argv;
mod capture;
mod command;
mod ends;
mod environment;
mod outcome;
mod proc;
mod program;
mod run;
mod spawn;
mod tree;

pub use tokio_util::sync::CancellationToken;

pub use self::argv::Argv;
pub use self::capture::{Capture, Captured, Collector, Cut, Line, Overflow};
pub use self::command::Command;
pub use self::ends::Ends;
pub use self::environment::Environment;
pub use self::outcome::{Ended, Exit, Outcome};
pub use self::program::Program;
pub use self::tree::shutdown;
