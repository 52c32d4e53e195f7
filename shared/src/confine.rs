//! Giving up, for the whole life of the process, what it will not need of the file system (Landlock).
//!
//! This is a second line: a server that is talked into something by its input still cannot write outside what its rules
//! name, nor start a program. It needs no privilege and cannot be undone; threads and children started later inherit
//! it. Network access is not touched.
//!
//! What it does not stop: using descriptors that are already open; looking at names and metadata (`stat`, `readlink`,
//! `O_PATH`); connecting to sockets; and, for code that already runs in the process, executing an anonymous file made
//! with `memfd_create`, which belongs to no path.

use std::path::PathBuf;

use landlock::{
    ABI, Access, AccessFs, BitFlags, LandlockStatus, PathBeneath, PathFd, RestrictionStatus, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetError, RulesetStatus,
};
use rustix::fs::FileType;

/// The rights asked for: every file system right up to this ABI (Linux 6.10). Later ones are left out on purpose: the
/// next concerns connecting to sockets.
const WANTED: ABI = ABI::V5;

/// What a process may still do with files. Everything not named is refused; directories stand for all beneath them. A
/// path that does not exist is skipped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// Read, write, create, rename and remove beneath these; no device nodes may be made.
    pub read_write: Vec<PathBuf>,
    /// Read and list beneath these.
    pub read_only: Vec<PathBuf>,
    /// Execute these files, or files beneath these directories; they may be read as well. A dynamically linked program
    /// needs its loader (`/lib64/ld-linux-x86-64.so.2`) here too, and a script its interpreter; shared libraries only
    /// have to be readable. Naming the loader gives away much: it runs any program that can be read.
    pub execute: Vec<PathBuf>,
}

impl Rules {
    /// Rules that allow nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// What nearly every program reads: libraries, configuration, certificates, time zones, resolver settings, `/proc`
    /// and `/sys`, and the harmless devices (`/dev/null`, `/dev/zero`, `/dev/urandom`, `/dev/random`, `/dev/full`).
    #[must_use]
    pub fn system(mut self) -> Self {
        for path in ["/usr", "/lib", "/lib32", "/lib64", "/etc", "/run/systemd/resolve", "/proc", "/sys"] {
            self.read_only.push(path.into());
        }
        for path in ["/dev/zero", "/dev/urandom", "/dev/random", "/dev/full"] {
            self.read_only.push(path.into());
        }
        self.read_write.push("/dev/null".into());
        self
    }

    /// Adds a path to read and write beneath.
    #[must_use]
    pub fn read_write(mut self, path: impl Into<PathBuf>) -> Self {
        self.read_write.push(path.into());
        self
    }

    /// Adds a path to read beneath.
    #[must_use]
    pub fn read_only(mut self, path: impl Into<PathBuf>) -> Self {
        self.read_only.push(path.into());
        self
    }

    /// Adds a program, or a directory of them, that may be executed.
    #[must_use]
    pub fn execute(mut self, path: impl Into<PathBuf>) -> Self {
        self.execute.push(path.into());
        self
    }
}

/// What is in force after [`confine`], for a doctor command.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Confinement {
    /// All the rules, on every thread.
    Full {
        /// The Landlock ABI in use: the lower of the kernel's and the newest this program knows.
        abi: u32,
    },
    /// The rules, with gaps.
    Partial {
        /// The Landlock ABI in use.
        abi: u32,
        /// What is not enforced.
        lacking: String,
    },
    /// Nothing; the reason why.
    Unavailable(String),
}

impl std::fmt::Display for Confinement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Full { abi } => write!(f, "confined by landlock (abi {abi})"),
            Self::Partial { abi, lacking } => write!(f, "confined in part by landlock (abi {abi}): {lacking}"),
            Self::Unavailable(reason) => write!(f, "not confined: {reason}"),
        }
    }
}

/// Puts `rules` in force for this thread and everything it starts from now on. Call it first thing in `main`: a thread
/// that runs already stays free, which is reported as [`Confinement::Partial`].
///
/// It never fails: where the kernel cannot do it, or only in part, the answer says so and the caller decides.
pub fn confine(rules: &Rules) -> Confinement {
    let threads = thread_count();
    let status = match restrict(rules) {
        Ok(status) => status,
        Err(error) => return Confinement::Unavailable(format!("landlock refused the rules: {error}")),
    };
    let abi = match status.landlock {
        LandlockStatus::Available { effective_abi, .. } => effective_abi,
        LandlockStatus::NotEnabled => {
            return Confinement::Unavailable("this kernel has landlock, but it was not enabled at boot".into());
        }
        LandlockStatus::NotImplemented => {
            return Confinement::Unavailable("this kernel has no landlock, or a filter hides it".into());
        }
    };
    let mut lacking = Vec::new();
    match status.ruleset {
        RulesetStatus::NotEnforced => return Confinement::Unavailable("landlock enforced none of the rules".into()),
        RulesetStatus::PartiallyEnforced => lacking.extend(unknown_to(abi)),
        RulesetStatus::FullyEnforced => {}
    }
    match threads {
        Some(1) => {}
        Some(count) => lacking.push(format!("{} threads were running already and stay free", count.saturating_sub(1))),
        None => lacking.push("whether other threads were running is unknown, /proc is not readable".into()),
    }
    let abi = abi as u32;
    if lacking.is_empty() {
        Confinement::Full { abi }
    } else {
        Confinement::Partial { abi, lacking: lacking.join("; ") }
    }
}

fn restrict(rules: &Rules) -> Result<RestrictionStatus, RulesetError> {
    let everything = AccessFs::from_all(WANTED);
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let write = everything & !(AccessFs::Execute | AccessFs::MakeChar | AccessFs::MakeBlock);
    let mut ruleset = Ruleset::default().handle_access(everything)?.create()?;
    for (paths, access) in
        [(&rules.read_only, read), (&rules.read_write, write), (&rules.execute, read | AccessFs::Execute)]
    {
        for path in paths {
            // What cannot be opened now stays refused: leaving out a rule only ever narrows.
            let Ok(handle) = PathFd::new(path) else { continue };
            // The kernel refuses rights on a file that only a directory can have.
            let access = if is_dir(&handle) { access } else { access & AccessFs::from_file(WANTED) };
            ruleset = ruleset.add_rule(PathBeneath::new(handle, access))?;
        }
    }
    ruleset.restrict_self()
}

fn is_dir(handle: &PathFd) -> bool {
    rustix::fs::fstat(handle).is_ok_and(|found| FileType::from_raw_mode(found.st_mode) == FileType::Directory)
}

/// What a kernel of this ABI does not know of [`WANTED`].
fn unknown_to(abi: ABI) -> Option<String> {
    let missing: BitFlags<AccessFs> = AccessFs::from_all(WANTED) & !AccessFs::from_all(abi);
    let names: Vec<_> = [
        (AccessFs::Refer, "moving files between directories is refused everywhere"),
        (AccessFs::Truncate, "truncating files is not restricted"),
        (AccessFs::IoctlDev, "device ioctls are not restricted"),
    ]
    .into_iter()
    .filter_map(|(right, words)| missing.contains(right).then_some(words))
    .collect();
    Some(if names.is_empty() { "some rules had no effect".to_owned() } else { names.join(", ") })
}

fn thread_count() -> Option<usize> {
    Some(std::fs::read_dir("/proc/self/task").ok()?.count())
}
