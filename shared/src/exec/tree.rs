//! Ending calls: one thread that knows every call's processes, kills them and collects them.
//!
//! A child leads its own session, so its process group dies at one stroke. What leaves the group (setsid, double fork)
//! is found by walking `/proc`. The server is a *child subreaper*: whatever lost its parent becomes a child of the
//! server, so every process of every call is a descendant of the server at any moment. Whose it is is decided like
//! this, from the server's children downwards:
//!
//! 1. the child of a call is the call's, and so is everything below it;
//! 2. an adopted orphan is the call's whose session it is in, or whose it was in an earlier walk;
//! 3. else, the call's whose *mark* it carries. The mark is twofold. A variable in the environment, which a program can
//!    lose (`env -i`), overwrite (`setproctitle`) or hide (`PR_SET_DUMPABLE`); and a hard limit on real-time CPU time,
//!    a different one for each call and none below 73,000 years, which is inherited over fork and exec, cannot be
//!    raised without privilege, can be read from zombies too, and means nothing to programs;
//! 4. else it is nobody's, and left alone: somebody else in this process may have started it.
//!
//! **When a call is over.** `/proc` cannot be read at one stroke: while it is, a process may fork, exit, and be collected
//! by its parent, and neither it nor what it forked is seen. So it matters who can collect. Once the child is dead, every
//! process of the call is, or has above it, an adopted orphan, and only this thread collects those. An orphan that is
//! there when the walk begins is therefore still there, be it as a zombie, when the walk comes to it. A walk that began
//! after the death of the child and found nothing has shown that nothing is left; any other walk has shown nothing.
//!
//! No process of a call can join another call's process group, since groups do not cross sessions. Signals go through
//! process descriptors, so that a reused pid is not hit. The child itself stays a zombie until nothing else of its call is
//! left: until then neither its pid nor its group's id can be used again.

use std::collections::{HashMap, HashSet};
use std::process::{Child, ExitStatus};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use rustix::process::{
    Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, WaitOptions, getpgrp, getpid, kill_process_group, pidfd_open,
    pidfd_send_signal, waitid, waitpid,
};
use tokio::sync::oneshot;

use super::proc::{self, Entry};
use super::spawn;

/// How long a caller waits for processes that do not die.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often orphans that have ended are collected while calls go on.
const ROUND: Duration = Duration::from_secs(1);
const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LAST_PAUSE: Duration = Duration::from_millis(100);

/// The name of the marking variable. Its value is a list, outermost call first, because a server may run below another.
pub(super) const VARIABLE: &str = "AGENT_TOOLS_CALL";

/// What the processes of a call carry.
#[derive(Clone, Debug)]
pub(super) struct Mark {
    /// The last item of the marking variable.
    pub(super) token: String,
    /// The limits that are this call's: its own, and those its processes may give to calls of their own.
    pub(super) limits: Option<std::ops::RangeInclusive<u64>>,
}

/// A call that was started.
pub(super) struct Call {
    pub(super) number: u64,
    pub(super) root: Pid,
    pub(super) child: Child,
    pub(super) mark: Mark,
}

impl Call {
    /// The number of a call whose child has exited. Leaves the child as a zombie.
    fn is_dead(&self) -> Option<u64> {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
        // An error means that somebody else collected it.
        (!matches!(waitid(WaitId::Pid(self.root), options), Ok(None))).then_some(self.number)
    }
}

pub(super) enum Message {
    Started(Call),
    /// Kill what is left of the call; the reply is the child's status once nothing is.
    End {
        number: u64,
        reply: Option<oneshot::Sender<Option<ExitStatus>>>,
    },
    Shutdown {
        done: SyncSender<()>,
    },
}

struct Tracked {
    call: Call,
    ending: Option<Ending>,
}

struct Ending {
    since: Instant,
    reply: Option<oneshot::Sender<Option<ExitStatus>>>,
}

impl Ending {
    fn now(reply: Option<oneshot::Sender<Option<ExitStatus>>>) -> Self {
        Self { since: Instant::now(), reply }
    }
}

/// Kills everything every call has started, refuses new calls, and waits until all is gone, at most `limit`. For the end
/// of the server; it blocks. Says whether nothing is left.
pub fn shutdown(limit: Duration) -> bool {
    let Some(reaper) = spawn::close() else { return true };
    let (done, finished) = sync_channel(1);
    reaper.send(Message::Shutdown { done }).is_err() || finished.recv_timeout(limit).is_ok()
}

/// The thread's work.
pub(super) fn attend(inbox: &Receiver<Message>) {
    let mut reaper = Reaper::default();
    let mut pause = FIRST_PAUSE;
    let mut next = Instant::now();
    loop {
        let first = if reaper.calls.is_empty() {
            inbox.recv().map_err(|_| RecvTimeoutError::Disconnected)
        } else {
            inbox.recv_timeout(next.saturating_duration_since(Instant::now()))
        };
        let mut urgent = match first {
            Ok(message) => reaper.hear(message),
            Err(RecvTimeoutError::Timeout) => true,
            Err(RecvTimeoutError::Disconnected) => return,
        };
        while let Ok(message) = inbox.try_recv() {
            urgent |= reaper.hear(message);
        }
        if urgent || next <= Instant::now() {
            pause = if reaper.sweep() { FIRST_PAUSE } else { LAST_PAUSE.min(pause * 2) };
            let ending = reaper.calls.values().any(|tracked| tracked.ending.is_some());
            next = Instant::now() + if ending { pause } else { ROUND };
        }
    }
}

#[derive(Default)]
struct Reaper {
    calls: HashMap<u64, Tracked>,
    /// Whose each process was in the last walk, by pid and start.
    known: HashMap<(i32, u64), u64>,
    closed: Vec<SyncSender<()>>,
}

impl Reaper {
    /// Takes a message in and says whether it is to be acted on at once.
    fn hear(&mut self, message: Message) -> bool {
        match message {
            Message::Started(call) => {
                let ending = (!self.closed.is_empty()).then(|| Ending::now(None));
                let urgent = ending.is_some();
                self.calls.insert(call.number, Tracked { call, ending });
                urgent
            }
            Message::End { number, reply } => {
                // A call that is not known has been ended by a shutdown: the dropped reply says so.
                let Some(tracked) = self.calls.get_mut(&number) else {
                    return false;
                };
                tracked.ending.get_or_insert_with(|| Ending::now(None)).reply = reply;
                let _ = kill_process_group(tracked.call.root, Signal::KILL);
                true
            }
            Message::Shutdown { done } => {
                self.closed.push(done);
                for tracked in self.calls.values_mut() {
                    tracked.ending.get_or_insert_with(|| Ending::now(None));
                }
                self.tell_closed();
                true
            }
        }
    }

    /// One walk: kills what belongs to ending calls, collects zombies, answers for calls of which nothing is left.
    /// Says whether anything was left.
    fn sweep(&mut self) -> bool {
        // Only a walk that began after the child's death can show that a call is over: see the module.
        let over: HashSet<u64> = self.calls.values().filter_map(|tracked| tracked.call.is_dead()).collect();
        let own = getpid().as_raw_nonzero().get();
        let found = proc::descendants(own);
        let owners = self.attribute(own, &found);
        let mut left: HashSet<u64> = HashSet::new();
        for entry in &found {
            let Some(number) = owners.get(&(entry.pid, entry.start)) else {
                continue;
            };
            let Some(tracked) = self.calls.get(number) else {
                continue;
            };
            if entry.pid == tracked.call.root.as_raw_nonzero().get() {
                if tracked.ending.is_some() {
                    let _ = kill_process_group(tracked.call.root, Signal::KILL);
                }
                continue;
            }
            left.insert(*number);
            // A zombie is killed too: only its first thread may have ended.
            if tracked.ending.is_some() {
                kill(entry);
            }
            if entry.zombie && entry.parent == own {
                let _ = waitpid(Pid::from_raw(entry.pid), WaitOptions::NOHANG);
            }
        }
        self.known = owners;
        self.calls.retain(|number, tracked| {
            let Some(ending) = &mut tracked.ending else { return true };
            let quiet = over.contains(number) && !left.contains(number);
            if quiet && let Ok(Some(status)) = tracked.call.child.try_wait() {
                if let Some(reply) = ending.reply.take() {
                    let _ = reply.send(Some(status));
                }
                return false;
            }
            if ending.since.elapsed() > PATIENCE
                && let Some(reply) = ending.reply.take()
            {
                let _ = reply.send(None);
            }
            true
        });
        self.tell_closed();
        !left.is_empty()
    }

    fn tell_closed(&self) {
        if self.calls.is_empty() {
            for done in &self.closed {
                let _ = done.try_send(());
            }
        }
    }

    fn attribute(&self, own: i32, entries: &[Entry]) -> HashMap<(i32, u64), u64> {
        let roots: HashMap<i32, u64> =
            self.calls.iter().map(|(number, tracked)| (tracked.call.root.as_raw_nonzero().get(), *number)).collect();
        let mut by_pid: HashMap<i32, u64> = HashMap::new();
        let mut owners = HashMap::new();
        for entry in entries {
            let owner = if entry.parent == own {
                roots
                    .get(&entry.pid)
                    .or_else(|| roots.get(&entry.session))
                    .or_else(|| self.known.get(&(entry.pid, entry.start)))
                    .copied()
                    .or_else(|| self.marked(entry.pid))
            } else {
                by_pid.get(&entry.parent).copied()
            };
            if let Some(owner) = owner {
                by_pid.insert(entry.pid, owner);
                owners.insert((entry.pid, entry.start), owner);
            }
        }
        owners
    }

    fn marked(&self, pid: i32) -> Option<u64> {
        let find = |carries: &dyn Fn(&Mark) -> bool| {
            self.calls.iter().find(|(_, tracked)| carries(&tracked.call.mark)).map(|(number, _)| *number)
        };
        let limit = proc::realtime_limit(pid);
        let by_limit =
            limit.and_then(|limit| find(&|mark| mark.limits.as_ref().is_some_and(|limits| limits.contains(&limit))));
        by_limit.or_else(|| {
            let value = proc::variable(pid, VARIABLE)?;
            find(&|mark| value.split(':').any(|token| token == mark.token))
        })
    }
}

/// Kills the process that was seen, and its group, which is of the same call because groups do not cross sessions.
fn kill(seen: &Entry) {
    let Some(pid) = Pid::from_raw(seen.pid) else { return };
    let handle = pidfd_open(pid, PidfdFlags::empty());
    // What holds now, with the handle open, holds of the process behind the handle.
    if proc::entry(seen.pid).is_none_or(|now| now.start != seen.start) {
        return;
    }
    if let Some(group) = Pid::from_raw(seen.group).filter(|group| *group != getpgrp()) {
        let _ = kill_process_group(group, Signal::KILL);
    }
    let _ = match handle {
        Ok(handle) => pidfd_send_signal(handle, Signal::KILL),
        Err(_) => rustix::process::kill_process(pid, Signal::KILL),
    };
}

pub(super) fn start() -> std::io::Result<Sender<Message>> {
    let (sender, inbox) = std::sync::mpsc::channel();
    std::thread::Builder::new().name("exec-reaper".into()).spawn(move || attend(&inbox))?;
    Ok(sender)
}
