//! One call from start to end.

use std::io;
use std::os::fd::OwnedFd;
use std::pin::pin;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, Interest};
use tokio::process::{ChildStderr, ChildStdin, ChildStdout};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::capture::{Collector, Overflow};
use super::command::Command;
use super::outcome::{Ended, Exit, Outcome};
use super::spawn::{self, Running};
use crate::error::{Code, Result, ToolError};

/// How long background processes may go on using the pipes of a child that has exited.
const GRACE: Duration = Duration::from_millis(250);
/// How long a pipe may take to end once all of the call is dead. Only something outside the call can make it last.
const DRAIN: Duration = Duration::from_millis(500);
/// How long a start goes on being waited for when the call has been cancelled or its time is over.
const STARTING: Duration = Duration::from_millis(500);
const CHUNK: usize = 64 << 10;

pub(super) async fn run(command: Command<'_>, cancel: &CancellationToken) -> Result<Outcome> {
    let begin = Instant::now();
    let Command { program, argv, environment, stdin, directory, timeout: limit, stdout, stderr } = command;
    let name = program.name().to_owned();
    program.check()?;

    let mut system = std::process::Command::new(program.path());
    system
        .args(argv.args())
        .env_clear()
        .envs(environment.variables(|name| std::env::var_os(name)))
        .stdin(if stdin.is_some() { Stdio::piped() } else { Stdio::null() })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    if let Some(directory) = &directory {
        system.current_dir(directory);
    }

    if cancel.is_cancelled() {
        return Err(ToolError::new(Code::Cancelled, format!("{name} was cancelled before it was started")));
    }
    let mut deadline = pin!(sleep(limit));
    let mut starting = pin!(spawn::start(system));
    // A start that is under way is seen through even so, as the child may have begun its work already. It only takes
    // long when the file system of the program hangs; then the child is killed as soon as it does start.
    let started = tokio::select! {
        biased;
        started = &mut starting => started,
        () = cancel.cancelled() => timeout(STARTING, &mut starting).await.map_err(|_| {
            ToolError::new(Code::Cancelled, format!("{name} was cancelled before it had started"))
        })?,
        () = &mut deadline => timeout(STARTING, &mut starting).await.map_err(|_| {
            ToolError::new(Code::Timeout, format!("{name} had not started after {limit:?}"))
                .hint("allow more time, or try again when the machine is less busy")
        })?,
    };
    let mut running = started.map_err(|error| {
        let missing = directory.as_deref().is_some_and(|directory| !directory.is_dir());
        not_started(&name, &error, missing)
    })?;
    let (mut exit, pipes) = watch(&mut running).map_err(|error| not_started(&name, &error, false))?;

    let (mut out, mut err) = (Collector::new(stdout), Collector::new(stderr));
    let ended;
    let status;
    let mut pumped;
    {
        let mut pumps = pin!(async {
            tokio::try_join!(
                pump(pipes.stdout, &mut out, "stdout"),
                pump(pipes.stderr, &mut err, "stderr"),
                feed(pipes.stdin, stdin.unwrap_or_default()),
            )
        });
        pumped = None;
        ended = loop {
            tokio::select! {
                biased;
                () = cancel.cancelled() => break Ended::Cancelled,
                () = &mut deadline => break Ended::TimedOut,
                () = exit.wait() => break Ended::Exited,
                result = &mut pumps, if pumped.is_none() => {
                    let overflow = result.is_err();
                    pumped = Some(result);
                    if overflow {
                        break Ended::Exited;
                    }
                }
            }
        };
        if ended == Ended::Exited && pumped.is_none() {
            pumped = timeout(GRACE, &mut pumps).await.ok();
        }
        status = running.end().await;
        if pumped.is_none() {
            // What the dead have left in the pipes; all of it is still the child's words.
            pumped = timeout(DRAIN, &mut pumps).await.ok();
        }
    }
    if let Some(Err((stream, Overflow { max }))) = pumped {
        return Err(ToolError::new(Code::TooLarge, format!("{name} wrote more than {max} bytes to {stream}"))
            .hint("ask for less: a narrower selector or a smaller range"));
    }
    Ok(Outcome {
        program: name,
        exit: Exit::from(status),
        ended,
        stdout: out.finish(),
        stderr: err.finish(),
        wall: begin.elapsed(),
    })
}

fn not_started(name: &str, error: &io::Error, directory_missing: bool) -> ToolError {
    let message = format!("{name} could not be started: {error}");
    match error.kind() {
        io::ErrorKind::NotFound if directory_missing => {
            ToolError::new(Code::NotFound, format!("{name} could not be started: its working directory does not exist"))
                .hint("name an existing directory")
        }
        io::ErrorKind::ArgumentListTooLong => {
            ToolError::new(Code::TooLarge, message).hint("pass fewer or shorter arguments")
        }
        io::ErrorKind::WouldBlock | io::ErrorKind::OutOfMemory => {
            ToolError::new(Code::Unavailable, message).hint("try again when fewer processes run")
        }
        _ => ToolError::new(Code::Unavailable, message).hint(format!("check that {name} is installed and runs here")),
    }
}

/// Waits for the exit of a child without collecting it.
enum Watch {
    Handle(AsyncFd<OwnedFd>),
    /// For kernels without process descriptors.
    Poll(Pid),
}

impl Watch {
    async fn wait(&mut self) {
        match self {
            Self::Handle(handle) => {
                // An error means the runtime is being shut down; this future is then about to be dropped.
                let _ = handle.readable().await;
            }
            Self::Poll(root) => {
                let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
                while let Ok(None) = waitid(WaitId::Pid(*root), options) {
                    sleep(Duration::from_millis(20)).await;
                }
            }
        }
    }
}

struct Pipes {
    stdin: Option<ChildStdin>,
    stdout: Option<ChildStdout>,
    stderr: Option<ChildStderr>,
}

#[expect(deprecated, reason = "its successor is unsafe for the sake of types less well-behaved than OwnedFd")]
fn registered(handle: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::with_interest(handle, Interest::READABLE)
}

/// Hands the child's descriptors to the runtime.
fn watch(running: &mut Running) -> io::Result<(Watch, Pipes)> {
    let exit = match running.handle.take() {
        Some(handle) => Watch::Handle(registered(handle)?),
        None => Watch::Poll(running.root),
    };
    let pipes = Pipes {
        stdin: running.stdin.take().map(ChildStdin::from_std).transpose()?,
        stdout: running.stdout.take().map(ChildStdout::from_std).transpose()?,
        stderr: running.stderr.take().map(ChildStderr::from_std).transpose()?,
    };
    Ok((exit, pipes))
}

async fn pump(
    pipe: Option<impl AsyncRead + Unpin>,
    collector: &mut Collector<'_>,
    stream: &'static str,
) -> Result<(), (&'static str, Overflow)> {
    let Some(mut pipe) = pipe else { return Ok(()) };
    let mut chunk = vec![0; CHUNK];
    // A pipe that cannot be read any more ends here like one that has ended, but is not called complete.
    while let Ok(read) = pipe.read(&mut chunk).await {
        if read == 0 {
            collector.complete();
            break;
        }
        collector.take(chunk.get(..read).unwrap_or_default()).map_err(|overflow| (stream, overflow))?;
    }
    Ok(())
}

/// A child need not read its input, or not all of it: that the pipe broke is its affair.
async fn feed(pipe: Option<ChildStdin>, bytes: Vec<u8>) -> Result<(), (&'static str, Overflow)> {
    if let Some(mut pipe) = pipe {
        let _ = pipe.write_all(&bytes).await;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_process_descriptors_the_exit_is_polled_for() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("runtime");
        let mut child = std::process::Command::new("/bin/sleep").arg("0.2").spawn().expect("sleep");
        let root = Pid::from_child(&child);
        let begin = Instant::now();
        runtime.block_on(Watch::Poll(root).wait());
        assert!(begin.elapsed() > Duration::from_millis(150));
        assert!(child.try_wait().expect("still ours to collect").is_some());
    }
}
