//! The processes of a trial: none outlives it, none inherits what is not its own, and none is waited for without end.

use std::{
    fs,
    io::{self, BufRead, BufReader, Read},
    os::fd::{BorrowedFd, RawFd},
    process::{Child, Command, ExitStatus},
    sync::{Mutex, PoisonError, mpsc},
    thread,
    time::{Duration, Instant},
};

use rustix::{
    io::{FdFlags, fcntl_setfd},
    process::{Pid, Signal, kill_process_group},
};

use crate::{Error, Kind, Result};

/// How long a server may take for its answers. It starts in milliseconds; the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// The longest answer that is read.
const ANSWER_MAX: u64 = 16 << 20;

/// The process groups that are running.
static RUNNING: Mutex<Vec<Pid>> = Mutex::new(Vec::new());

/// Ends every server that is being tried out: for a process that is about to end itself.
pub fn end_all() {
    for group in RUNNING.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
        let _ = kill_process_group(group, Signal::KILL);
    }
}

/// A child that does not outlive its use.
pub(super) struct Kept(pub(super) Child);

impl Kept {
    pub(super) fn spawn(command: &mut Command) -> io::Result<Self> {
        let child = command.spawn()?;
        RUNNING.lock().unwrap_or_else(PoisonError::into_inner).extend(group(&child));
        Ok(Self(child))
    }
}

fn group(child: &Child) -> Option<Pid> {
    i32::try_from(child.id()).ok().and_then(Pid::from_raw)
}

impl Drop for Kept {
    fn drop(&mut self) {
        if let Some(group) = group(&self.0) {
            let _ = kill_process_group(group, Signal::KILL);
            RUNNING.lock().unwrap_or_else(PoisonError::into_inner).retain(|running| *running != group);
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Kept {
    /// Waits for its end, which follows the end of its output at once, or never.
    pub(super) fn ended(&mut self) -> io::Result<ExitStatus> {
        let started = Instant::now();
        loop {
            match self.0.try_wait()? {
                Some(status) => return Ok(status),
                None if started.elapsed() > PATIENCE => {
                    self.0.kill()?;
                    return self.0.wait();
                }
                None => thread::sleep(Duration::from_millis(10)),
            }
        }
    }
}

/// Gives the lines a child writes to `use_lines`, on a thread of their own so that silence has an end.
pub(super) fn read<T: Send + 'static>(
    child: &mut Kept,
    use_lines: impl FnOnce(Box<dyn Iterator<Item = String>>) -> T + Send + 'static,
) -> Result<T> {
    let stdout =
        child.0.stdout.take().ok_or_else(|| Error::new(Kind::Io, "the output of the server is not readable"))?;
    let (send, receive) = mpsc::channel();
    thread::spawn(move || {
        let lines = BufReader::new(stdout.take(ANSWER_MAX)).lines().map_while(std::result::Result::ok);
        let _ = send.send(use_lines(Box::new(lines)));
    });
    receive
        .recv_timeout(PATIENCE)
        .map_err(|_| Error::new(Kind::Timeout, format!("the server did not answer within {} s", PATIENCE.as_secs())))
}

/// Marks what our caller left open, so that no server inherits it. What this process opens itself is marked from the beginning.
#[expect(unsafe_code, reason = "a descriptor that is known by its number alone can be borrowed in no other way")]
pub(super) fn keep_descriptors() {
    // Without /proc there is nothing to go by; a caller that leaves secrets open on a machine without one is beyond help.
    for entry in fs::read_dir("/proc/self/fd").into_iter().flatten().flatten() {
        let number = entry.file_name().to_str().and_then(|name| name.parse::<RawFd>().ok());
        if let Some(number) = number.filter(|number| *number > 2) {
            // SAFETY: it is borrowed for one system call. If it was closed meanwhile, that fails; if it was opened again, it is marked already.
            let descriptor = unsafe { BorrowedFd::borrow_raw(number) };
            let _ = fcntl_setfd(descriptor, FdFlags::CLOEXEC);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_caller_left_open_is_not_inherited() {
        let file = tempfile::tempfile().unwrap();
        // A copy by `dup` is what a shell's `3<secret` leaves.
        let left = rustix::io::dup(&file).unwrap();
        assert!(!rustix::io::fcntl_getfd(&left).unwrap().contains(FdFlags::CLOEXEC));
        keep_descriptors();
        assert!(rustix::io::fcntl_getfd(&left).unwrap().contains(FdFlags::CLOEXEC));
    }
}
