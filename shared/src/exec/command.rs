//! A call, before it is made.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::argv::Argv;
use super::capture::Capture;
use super::environment::Environment;
use super::outcome::{Ended, Outcome};
use super::program::Program;
use super::run;
use crate::call::Call;
use crate::error::{Code, Result};

/// A call of a program: arguments, environment, input, bounds. See the module's example.
pub struct Command<'a> {
    pub(super) program: Program,
    pub(super) argv: Argv,
    pub(super) environment: Environment,
    pub(super) stdin: Option<Vec<u8>>,
    pub(super) directory: Option<PathBuf>,
    pub(super) timeout: Duration,
    pub(super) stdout: Capture<'a>,
    pub(super) stderr: Capture<'a>,
}

impl<'a> Command<'a> {
    /// A call without arguments, with empty stdin, a timeout of 60 seconds, and both ends kept of each stream.
    pub fn new(program: &Program) -> Self {
        Self {
            program: program.clone(),
            argv: Argv::new(),
            environment: Environment::new(),
            stdin: None,
            directory: None,
            timeout: Duration::from_secs(60),
            stdout: Capture::default(),
            stderr: Capture::default(),
        }
    }

    /// Replaces the arguments by a list built elsewhere.
    #[must_use]
    pub fn argv(mut self, argv: Argv) -> Self {
        self.argv = argv;
        self
    }

    /// See [`Argv::literal`].
    #[must_use]
    pub fn literal(mut self, word: &'static str) -> Self {
        self.argv = self.argv.literal(word);
        self
    }

    /// See [`Argv::flag_value`].
    ///
    /// # Errors
    /// As there.
    pub fn flag_value(mut self, flag: &'static str, value: impl AsRef<OsStr>) -> Result<Self> {
        self.argv = self.argv.flag_value(flag, value)?;
        Ok(self)
    }

    /// See [`Argv::positional`].
    ///
    /// # Errors
    /// As there.
    pub fn positional(mut self, parameter: &str, value: impl AsRef<OsStr>) -> Result<Self> {
        self.argv = self.argv.positional(parameter, value)?;
        Ok(self)
    }

    /// See [`Argv::after_separator`].
    ///
    /// # Errors
    /// As there.
    pub fn after_separator<V: AsRef<OsStr>>(
        mut self,
        parameter: &str,
        values: impl IntoIterator<Item = V>,
    ) -> Result<Self> {
        self.argv = self.argv.after_separator(parameter, values)?;
        Ok(self)
    }

    /// See [`Environment::inherit`].
    #[must_use]
    pub fn inherit(mut self, names: &[&'static str]) -> Self {
        self.environment = self.environment.inherit(names);
        self
    }

    /// See [`Environment::set`].
    ///
    /// # Errors
    /// As there.
    pub fn env(mut self, name: &'static str, value: impl AsRef<OsStr>) -> Result<Self> {
        self.environment = self.environment.set(name, value)?;
        Ok(self)
    }

    /// See [`Environment::configured`].
    ///
    /// # Errors
    /// As there.
    pub fn configured_env(mut self, name: impl Into<String>, value: impl AsRef<OsStr>) -> Result<Self> {
        self.environment = self.environment.configured(name, value)?;
        Ok(self)
    }

    /// Bytes for stdin, after which it ends. A child that does not read them all is no error.
    #[must_use]
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = Some(bytes.into());
        self
    }

    /// The working directory; the server's own if not given.
    #[must_use]
    pub fn directory(mut self, directory: impl AsRef<Path>) -> Self {
        self.directory = Some(directory.as_ref().to_path_buf());
        self
    }

    /// How long the child may take, from the start of [`Command::run`].
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// What to keep of stdout.
    #[must_use]
    pub fn stdout(mut self, capture: Capture<'a>) -> Self {
        self.stdout = capture;
        self
    }

    /// What to keep of stderr.
    #[must_use]
    pub fn stderr(mut self, capture: Capture<'a>) -> Self {
        self.stderr = capture;
        self
    }

    /// The arguments as the program will see them, without the program's own name.
    pub fn args(&self) -> Vec<OsString> {
        self.argv.args()
    }

    /// Makes the call and answers when nothing of it is left. Dropping the future kills what it started.
    ///
    /// # Errors
    /// `Code::Unavailable` if the program cannot be started, `Code::TooLarge` if a stream passed [`Capture::Whole`] or
    /// the arguments are longer than the system takes, `Code::Timeout` or `Code::Cancelled` if that came before the
    /// child was started (later, they are an [`Outcome`]). An exit code is not an error.
    pub async fn run(self, cancel: &CancellationToken) -> Result<Outcome> {
        run::run(self, cancel).await
    }

    /// [`Command::run`] as a part of `call`: it ends with the call, and the error then is the call's own (its time was up, or it was
    /// cancelled) with the last words of the child. A timeout set on the command itself can only be shorter.
    ///
    /// # Errors
    /// As [`Command::run`], and [`Code::Timeout`] or [`Code::Cancelled`] also when the child was stopped. An exit code is not an error:
    /// [`Outcome::succeeded`] makes one of it.
    pub async fn call(self, call: &Call) -> Result<Outcome> {
        let outcome = match self.run(call.cancellation()).await {
            Err(error) if error.code() == Code::Cancelled => return Err(call.stopped()),
            ran => ran?,
        };
        if outcome.ended != Ended::Cancelled {
            return outcome.finished();
        }
        let said = outcome.stderr_end();
        Err(if said.is_empty() { call.stopped() } else { call.stopped().with_said(said) })
    }
}

/// Shows neither stdin nor values of variables.
impl fmt::Debug for Command<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Command")
            .field("program", &self.program.path())
            .field("args", &self.args())
            .field("environment", &self.environment)
            .field("stdin_bytes", &self.stdin.as_ref().map(Vec::len))
            .field("directory", &self.directory)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
