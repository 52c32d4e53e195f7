//! What the tests of processes share: the fake program, and a look into `/proc` that is independent of the library's.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use shared::exec::{Command, Program};
use tempfile::TempDir;

/// A bound for things that take milliseconds on an idle machine.
pub const SOON: Duration = Duration::from_secs(20);

pub fn fake() -> Program {
    Program::at(env!("CARGO_BIN_EXE_fake-program")).expect("cargo has built it")
}

/// A call of the fake program that notes the processes it leaves in a file of its own.
pub struct Fake {
    directory: TempDir,
}

impl Fake {
    pub fn new() -> Self {
        Self { directory: tempfile::tempdir().expect("a directory") }
    }

    pub fn file(&self) -> PathBuf {
        self.directory.path().join("pids")
    }

    pub fn command<'a>(&self, mode: &'static str) -> Command<'a> {
        Command::new(&fake()).literal(mode).env("PIDS", self.file()).expect("a path").timeout(Duration::from_secs(60))
    }

    /// The processes noted so far, with their roles.
    pub fn noted(&self) -> Vec<(String, u32)> {
        let text = std::fs::read_to_string(self.file()).unwrap_or_default();
        text.lines()
            .filter_map(|line| line.strip_prefix("pid ")?.split_once(' '))
            .filter_map(|(role, pid)| Some((role.to_owned(), pid.parse().ok()?)))
            .collect()
    }

    /// Waits until `count` processes have noted themselves.
    pub async fn wait_for(&self, count: usize) -> Vec<(String, u32)> {
        let begin = Instant::now();
        loop {
            let noted = self.noted();
            if noted.len() >= count {
                return noted;
            }
            assert!(begin.elapsed() < SOON, "only {noted:?} were started");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Those of the noted processes that are there, be it as zombies.
    pub fn left(&self) -> Vec<(String, u32)> {
        self.noted().into_iter().filter(|(_, pid)| exists(*pid)).collect()
    }

    pub fn assert_nothing_left(&self, at_least: usize) {
        let noted = self.noted();
        assert!(noted.len() >= at_least, "the test needs {at_least} processes to mean something, got {noted:?}");
        assert_eq!(self.left(), [], "of {noted:?}");
    }

    /// As [`Fake::assert_nothing_left`], for what nobody waited for.
    pub async fn wait_until_nothing_left(&self, at_least: usize) {
        let begin = Instant::now();
        while !self.left().is_empty() && begin.elapsed() < SOON {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        self.assert_nothing_left(at_least);
    }
}

/// Whether there is a fake program with this pid: pids of the dead are given to others.
pub fn exists(pid: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| stat.contains("(fake-program)"))
}

/// The children of this process that are zombies.
pub fn zombies() -> Vec<String> {
    let own = std::process::id().to_string();
    std::fs::read_dir("/proc")
        .expect("/proc")
        .filter_map(|item| std::fs::read_to_string(item.ok()?.path().join("stat")).ok())
        .filter(|stat| {
            let mut fields = stat.rsplit(')').next().unwrap_or_default().split_ascii_whitespace();
            fields.next() == Some("Z") && fields.next() == Some(&own)
        })
        .collect()
}
