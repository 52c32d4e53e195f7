//! Starting children, all from one thread that never ends.
//!
//! The kernel's parent-death signal, by which a child dies with a server that was killed outright, follows the *thread*
//! that forked. Threads of an async runtime come and go, and with them would go their children; so none of them forks.

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::{ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{LazyLock, Mutex, PoisonError};

use rustix::process::{
    Pid, PidfdFlags, Resource, Rlimit, Signal, getpid, getppid, getrlimit, pidfd_open, set_child_subreaper,
    set_parent_process_death_signal, setrlimit, setsid,
};
use tokio::sync::oneshot;

use super::tree::{self, Call, Mark, Message, VARIABLE};

/// A child that runs. Dropping it ends its call.
pub(super) struct Running {
    number: u64,
    reaper: Sender<Message>,
    ended: bool,
    pub(super) root: Pid,
    /// Becomes readable when the child has exited. None where the kernel has no such descriptors.
    pub(super) handle: Option<OwnedFd>,
    pub(super) stdin: Option<ChildStdin>,
    pub(super) stdout: Option<ChildStdout>,
    pub(super) stderr: Option<ChildStderr>,
}

impl Running {
    /// Kills what is left of the call and waits until it is gone. `None` if it did not die.
    pub(super) async fn end(mut self) -> Option<ExitStatus> {
        let (reply, answer) = oneshot::channel();
        self.ended = true;
        self.reaper.send(Message::End { number: self.number, reply: Some(reply) }).ok()?;
        answer.await.ok().flatten()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.ended {
            let _ = self.reaper.send(Message::End { number: self.number, reply: None });
        }
    }
}

struct Request {
    command: Command,
    reply: oneshot::Sender<io::Result<Running>>,
}

#[derive(Clone)]
struct Threads {
    spawner: Sender<Request>,
    reaper: Sender<Message>,
}

#[derive(Default)]
enum State {
    #[default]
    Fresh,
    Open(Threads),
    /// With the way to the reaper, if there ever was one.
    Closed(Option<Sender<Message>>),
}

static STATE: Mutex<State> = Mutex::new(State::Fresh);

/// Tells one server's calls from another's where one runs below the other.
static NONCE: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one(std::process::id()));

fn threads() -> io::Result<Threads> {
    let mut state = STATE.lock().unwrap_or_else(PoisonError::into_inner);
    match &*state {
        State::Open(threads) => Ok(threads.clone()),
        State::Closed(_) => Err(io::Error::other("the server is shutting down")),
        State::Fresh => {
            // Orphans of calls become children of this process instead of init's. Without it they are only found as
            // long as their parents live.
            set_child_subreaper(Some(getpid()))?;
            let reaper = tree::start()?;
            let (spawner, requests) = channel();
            let to_reaper = reaper.clone();
            std::thread::Builder::new().name("exec-spawner".into()).spawn(move || serve(&requests, &to_reaper))?;
            let threads = Threads { spawner, reaper };
            *state = State::Open(threads.clone());
            Ok(threads)
        }
    }
}

/// Lets no further call start, and gives the way to the reaper if there ever was one.
pub(super) fn close() -> Option<Sender<Message>> {
    let mut state = STATE.lock().unwrap_or_else(PoisonError::into_inner);
    let reaper = match std::mem::take(&mut *state) {
        State::Open(threads) => Some(threads.reaper),
        State::Closed(reaper) => reaper,
        State::Fresh => None,
    };
    *state = State::Closed(reaper.clone());
    reaper
}

/// Starts a child. If nobody waits any more when it has started, it is killed.
pub(super) async fn start(command: Command) -> io::Result<Running> {
    let (reply, answer) = oneshot::channel();
    let gone = || io::Error::other("the thread that starts processes is gone");
    threads()?.spawner.send(Request { command, reply }).map_err(|_| gone())?;
    answer.await.map_err(|_| gone())?
}

fn serve(requests: &Receiver<Request>, reaper: &Sender<Message>) {
    for (number, request) in (0_u64..).zip(requests.iter()) {
        if !request.reply.is_closed() {
            let _ = request.reply.send(spawn(number, request.command, reaper));
        }
    }
    // Reached only after a shutdown, which has dropped the sender. The children that may still be dying live on this
    // thread, so it does not end before the process does.
    loop {
        std::thread::park();
    }
}

fn spawn(number: u64, mut command: Command, reaper: &Sender<Message>) -> io::Result<Running> {
    let mark = mark(number, getrlimit(Resource::Rttime).maximum);
    let outer = std::env::var(VARIABLE).ok().filter(|outer| !outer.is_empty());
    command.env(VARIABLE, outer.map_or_else(|| mark.token.clone(), |outer| format!("{outer}:{}", mark.token)));
    run_before_exec(&mut command, getpid(), mark.limits.as_ref().map(|limits| *limits.end()));
    let mut child = command.spawn()?;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let root = Pid::from_child(&child);
    let handle = pidfd_open(root, PidfdFlags::empty()).ok();
    let running = Running { number, reaper: reaper.clone(), ended: false, root, handle, stdin, stdout, stderr };
    let _ = reaper.send(Message::Started(Call { number, root, child, mark }));
    Ok(running)
}

/// The mark of call `number` of a server whose own limit is `own`.
///
/// Limits come in two levels, so that a server below another finds room for marks that are still its outer call's: 2^29
/// marks of a span of 2^32 each, and in each span 2^16 - 1 marks of a span of 2^16. Deeper, or where an administrator has
/// set a limit of this kind, the variable has to do.
fn mark(number: u64, own: Option<u64>) -> Mark {
    const OUTER: u64 = 1 << 32;
    const INNER: u64 = 1 << 16;
    const LEAST: u64 = 1 << 61;
    let (top, span) = match own {
        None => ((LEAST << 1) - (number % (1 << 29)) * OUTER, OUTER),
        Some(own) if own > LEAST && own.is_multiple_of(OUTER) => (own - (number % (INNER - 1) + 1) * INNER, INNER),
        Some(_) => (0, 0),
    };
    let limits = (span > 0).then(|| top - span + 1..=top);
    Mark { token: format!("{:016x}-{number}", *NONCE), limits }
}

/// Has the child, between fork and exec: die with us, lead a session of its own (hence a group of its own, and no
/// terminal), and carry its mark.
#[expect(unsafe_code, reason = "std offers no other way to set the death signal and the limit of the child alone")]
fn run_before_exec(command: &mut Command, server: Pid, limit: Option<u64>) {
    let prepare = move || {
        set_parent_process_death_signal(Some(Signal::KILL))?;
        // If the server died before the line above, there will be no signal.
        if getppid() != Some(server) {
            return Err(rustix::io::Errno::SRCH.into());
        }
        setsid()?;
        if let Some(limit) = limit {
            let current = getrlimit(Resource::Rttime).current.map_or(limit, |current| current.min(limit));
            // The variable still marks the child if a sandbox refuses this.
            let _ = setrlimit(Resource::Rttime, Rlimit { current: Some(current), maximum: Some(limit) });
        }
        Ok(())
    };
    // SAFETY: between fork and exec only async-signal-safe work is allowed, since other threads' locks stay locked in the
    // copy. `prepare` makes plain system calls on copied integers; it neither allocates, locks nor panics, and
    // `io::Error` from an error number does not allocate.
    unsafe {
        command.pre_exec(prepare);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_do_not_overlap_and_nest() {
        let outer: Vec<_> = [0, 1, 2, (1 << 29) - 1].map(|number| mark(number, None).limits.expect("room")).into();
        for (at, one) in outer.iter().enumerate() {
            assert!(outer.iter().skip(at + 1).all(|other| other.end() < one.start() || one.end() < other.start()));
            for number in [0, 1, 65_533, 65_534, 65_535] {
                let inner = mark(number, Some(*one.end())).limits.expect("room");
                assert!(one.contains(inner.start()) && one.contains(inner.end()) && inner.end() < one.end());
                assert_eq!(mark(number, Some(*inner.end())).limits, None, "there is no third level");
            }
        }
        let of_one = |number| mark(number, Some(1 << 62)).limits.expect("room");
        assert!(of_one(1).end() < of_one(0).start());
        assert_eq!(mark(0, Some(200_000)).limits, None, "an administrator's limit is left alone");
        assert_ne!(mark(0, None).token, mark(1, None).token);
    }
}
