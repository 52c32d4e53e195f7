//! Starting a server's binary with an environment that is known to the last variable.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::{Output, Stdio},
};

use tokio::process::Command;

use crate::PATIENCE;

/// `mcp-git` as this package builds it, beside the running test's own directory.
pub fn mcp_git() -> PathBuf {
    let exe = std::env::current_exe().expect("the running test");
    let profile = exe.parent().and_then(Path::parent).expect("target/PROFILE/deps");
    let binary = profile.join("git-server");
    assert!(binary.exists(), "{} is built with the tests of this package", binary.display());
    binary
}

/// A process to start.
#[derive(Clone)]
pub struct Start {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// Its whole environment.
    pub env: Vec<(OsString, OsString)>,
    /// Where it runs.
    pub dir: PathBuf,
}

impl Start {
    /// `program` with an empty environment, in the root directory.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self { program: program.into(), args: Vec::new(), env: Vec::new(), dir: PathBuf::from("/") }
    }

    /// `mcp-git` on `workspace`.
    pub fn git(workspace: &Path) -> Self {
        Self::new(mcp_git()).env("WORKSPACE", workspace)
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<'a>(self, args: impl IntoIterator<Item = &'a str>) -> Self {
        args.into_iter().fold(self, |start, arg| start.arg(arg))
    }

    /// Adds an environment variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// Runs in `dir`.
    #[must_use]
    pub fn dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.dir = dir.into();
        self
    }

    /// The command: everything piped, killed when dropped.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(&self.args)
            .env_clear()
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .current_dir(&self.dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    /// Runs to the end with nothing on stdin.
    pub async fn output(&self) -> Output {
        let mut command = self.command();
        command.stdin(Stdio::null());
        tokio::time::timeout(PATIENCE, command.output()).await.expect("the process ends").expect("the process starts")
    }
}
