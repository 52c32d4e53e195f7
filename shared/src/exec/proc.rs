//! Reading `/proc`: who descends from whom, and what a process carries with it.
//!
//! Nothing here is an error: a process that is gone, or that may not be looked at, is simply not there.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::Read;

/// More environment than the kernel lets a process start with.
const ENVIRONMENT_MAX: u64 = 8 << 20;

/// A process as `/proc/PID/stat` tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) pid: i32,
    pub(super) parent: i32,
    pub(super) group: i32,
    pub(super) session: i32,
    pub(super) zombie: bool,
    /// Clock ticks since boot; with the pid it names one process for good.
    pub(super) start: u64,
}

/// More than `/proc/PID/stat` is long: a name, and some fifty numbers.
const STAT_MAX: usize = 2 << 10;

pub(super) fn entry(pid: i32) -> Option<Entry> {
    // The end of every call waits for a walk over all processes. The kernel hands the whole line out at once; a buffer that grows would
    // ask for it six times.
    let mut stat = [0; STAT_MAX];
    let read = File::open(format!("/proc/{pid}/stat")).ok()?.read(&mut stat).ok()?;
    parse_stat(pid, stat.get(..read)?)
}

fn parse_stat(pid: i32, stat: &[u8]) -> Option<Entry> {
    // The name stands in parentheses and may hold anything, parentheses and line feeds too; nothing behind it does.
    let end = stat.iter().rposition(|byte| *byte == b')')?;
    let mut fields = std::str::from_utf8(stat.get(end + 1..)?).ok()?.split_ascii_whitespace();
    let state = fields.next()?;
    let mut number = || fields.next()?.parse::<i32>().ok();
    let (parent, group, session) = (number()?, number()?, number()?);
    Some(Entry {
        pid,
        parent,
        group,
        session,
        zombie: matches!(state, "Z" | "X"),
        // Field 22; six were taken: pid, name, state, parent, group, session.
        start: fields.nth(15)?.parse().ok()?,
    })
}

/// The processes below `ancestor`, parents before their children.
///
/// The listing is no snapshot: of processes that start and end meanwhile it may have some and lack others. What exists
/// from before the call until after it is in it, if the same holds of all that lies between it and `ancestor`.
pub(super) fn descendants(ancestor: i32) -> Vec<Entry> {
    let Ok(directory) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    below(ancestor, directory.filter_map(|item| item.ok()?.file_name().to_str()?.parse().ok()).filter_map(entry))
}

fn below(ancestor: i32, all: impl Iterator<Item = Entry>) -> Vec<Entry> {
    let mut children: HashMap<i32, Vec<Entry>> = HashMap::new();
    for entry in all.filter(|entry| entry.pid != ancestor) {
        children.entry(entry.parent).or_default().push(entry);
    }
    let mut found = children.remove(&ancestor).unwrap_or_default();
    let mut next = 0;
    while let Some(entry) = found.get(next) {
        // Removing makes this end even if pids were reused meanwhile and the parents form a circle.
        found.extend(children.remove(&entry.pid).unwrap_or_default());
        next += 1;
    }
    found
}

/// The hard limit on real-time CPU time, in microseconds; `None` for unlimited. Readable for zombies and for processes
/// that hide their environment.
pub(super) fn realtime_limit(pid: i32) -> Option<u64> {
    let limits = fs::read_to_string(format!("/proc/{pid}/limits")).ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max realtime timeout"))?;
    line.split_ascii_whitespace().nth(1)?.parse().ok()
}

/// The value of a variable in the environment the process was started with.
pub(super) fn variable(pid: i32, name: &str) -> Option<String> {
    let mut environment = Vec::new();
    File::open(format!("/proc/{pid}/environ")).ok()?.take(ENVIRONMENT_MAX).read_to_end(&mut environment).ok()?;
    let value = environment
        .split(|byte| *byte == 0)
        .find_map(|variable| variable.strip_prefix(name.as_bytes())?.strip_prefix(b"="))?;
    String::from_utf8(value.to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_hold_anything() {
        let stat = b"7 (a) Z 1 (\n) S 3 4 5 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 99 1000 1";
        let expected = Entry { pid: 7, parent: 3, group: 4, session: 5, zombie: false, start: 99 };
        assert_eq!(parse_stat(7, stat), Some(expected));
        assert_eq!(parse_stat(7, b"7 (a"), None);
        assert_eq!(parse_stat(7, b"7 (a) S 1"), None);
    }

    #[test]
    fn we_find_ourselves() {
        let own = i32::try_from(std::process::id()).expect("pids are small");
        let parent = entry(own).expect("we exist").parent;
        assert!(descendants(parent).iter().any(|entry| entry.pid == own));
    }

    fn pids_below(ancestor: i32, rows: &[(i32, i32)]) -> Vec<i32> {
        let row = |&(pid, parent)| Entry { pid, parent, group: pid, session: pid, zombie: false, start: 5 };
        below(ancestor, rows.iter().map(row)).iter().map(|entry| entry.pid).collect()
    }

    #[test]
    fn parents_stand_before_children() {
        let pids = pids_below(10, &[(1, 0), (2, 30), (10, 1), (30, 10), (40, 10), (50, 1), (60, 99)]);
        assert_eq!(pids, [30, 40, 2]);
    }

    #[test]
    fn a_circle_is_survived() {
        assert_eq!(pids_below(10, &[(10, 12), (11, 10), (12, 11)]), [11, 12]);
    }
}
