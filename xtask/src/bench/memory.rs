//! How much memory a server has had resident, alone and with the programs it starts.

use std::{
    fs,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

/// How often a server and its children are looked at: often enough that the top of a call of a second is not missed.
const EVERY: Duration = Duration::from_millis(5);

/// The most that process `pid` has had by now, in KiB, as the kernel has counted it.
pub(super) fn peak(pid: u32) -> u64 {
    field(pid, "VmHWM")
}

/// Does `work`, and says how much `pid` and all below it had together when it was most, in KiB.
pub(super) fn together<T>(pid: u32, work: impl FnOnce() -> T) -> (T, u64) {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let watch = scope.spawn(|| {
            let mut most = 0;
            loop {
                let last = done.load(Ordering::Relaxed);
                most = most.max(family(pid).into_iter().map(|pid| field(pid, "VmRSS")).sum());
                if last {
                    return most;
                }
                thread::sleep(EVERY);
            }
        });
        let result = work();
        done.store(true, Ordering::Relaxed);
        // What only the kernel has seen counts as well.
        (result, watch.join().unwrap_or_default().max(peak(pid)))
    })
}

/// MiB, for a table.
pub(super) fn mib(kib: u64) -> String {
    format!("{:.1} MiB", kib as f64 / 1024.0)
}

/// `pid` and what descends from it. Each thread has its own list of children.
fn family(pid: u32) -> Vec<u32> {
    let mut all = vec![pid];
    let mut at = 0;
    while let Some(pid) = all.get(at) {
        let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
        let lists = threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
        let children: Vec<u32> = lists.flat_map(|list| numbers(&list)).collect();
        all.extend(children);
        at += 1;
    }
    all
}

fn numbers(list: &str) -> Vec<u32> {
    list.split_whitespace().filter_map(|word| word.parse().ok()).collect()
}

/// A field of the process's status; nothing of one that has ended.
fn field(pid: u32, name: &str) -> u64 {
    kib(&fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default(), name)
}

fn kib(status: &str, name: &str) -> u64 {
    let value = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    value.and_then(|value| value.trim().strip_suffix("kB")?.trim().parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn a_field_is_found_by_its_whole_name() {
        let status = "Name:\tVmRSS: 7 kB\nVmHWM:\t   64740 kB\nVmRSSx:\t1 kB\nVmRSS:\t12 kB\nThreads:\t3\n";
        assert_eq!((kib(status, "VmHWM"), kib(status, "VmRSS")), (64_740, 12));
        assert_eq!((kib(status, "Threads"), kib(status, "VmSwap"), kib("", "VmHWM")), (0, 0, 0));
        assert_eq!(numbers("12 345 \n"), [12, 345]);
    }

    #[test]
    fn children_count_with_the_process_that_started_them() {
        // A shell that waits for a child of its own; both end with their input.
        let mut shell = Command::new("sh");
        shell.args(["-c", "sh -c 'echo up; read line'; :"]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut shell = shell.spawn().unwrap();
        let mut up = [0];
        std::io::Read::read_exact(shell.stdout.as_mut().unwrap(), &mut up).unwrap();
        let family = family(shell.id());
        let alone = field(shell.id(), "VmRSS");
        let ((), most) = together(shell.id(), || ());
        drop(shell.stdin.take());
        shell.wait().unwrap();
        assert_eq!(family.len(), 2, "{family:?}");
        assert!(alone > 0 && most > alone, "{most} KiB of both, {alone} of one");
    }
}
