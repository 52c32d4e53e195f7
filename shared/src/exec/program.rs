//! Where a program is.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

use crate::error::{Code, Result, ToolError};

/// A program that was found: an absolute path and the name to speak of it by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    name: String,
    path: PathBuf,
}

impl Program {
    /// Looks for `name` beside this server's own executable, then in the absolute entries of PATH. A relative entry
    /// would let the directory the server happens to stand in choose the program.
    ///
    /// # Errors
    /// [`Code::Unavailable`] if there is none.
    pub fn find(name: &'static str) -> Result<Self> {
        let own = std::env::current_exe().ok();
        Self::find_in(name, own.as_deref().and_then(Path::parent), std::env::var_os("PATH").as_deref())
    }

    /// The program at an absolute path, for one that was configured or unpacked rather than installed.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`] if the path is relative, [`Code::Unavailable`] if there is no executable file.
    pub fn at(path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        let Some(name) = name.filter(|_| path.is_absolute()) else {
            return Err(ToolError::invalid("the path of a program has to be absolute"));
        };
        if !is_executable(&path) {
            return Err(ToolError::new(Code::Unavailable, format!("the configured {name} is not an executable file"))
                .hint(format!("correct the configured path of {name}")));
        }
        Ok(Self { name, path })
    }

    /// The program that the operator's configuration names: by an absolute path, or a name that is looked for in the absolute entries of
    /// PATH. Never one that a caller had a hand in.
    ///
    /// # Errors
    /// As [`Program::at`], and [`Code::Unavailable`] if PATH has none of that name.
    pub fn configured(command: &str) -> Result<Self> {
        if command.contains('/') {
            Self::at(command)
        } else {
            Self::find_in(command, None, std::env::var_os("PATH").as_deref())
        }
    }

    fn find_in(name: &str, own_directory: Option<&Path>, path: Option<&OsStr>) -> Result<Self> {
        own_directory
            .map(Path::to_path_buf)
            .into_iter()
            .chain(std::env::split_paths(path.unwrap_or_default()))
            .filter(|directory| directory.is_absolute())
            .map(|directory| directory.join(name))
            .find(|candidate| is_executable(candidate))
            .map(|path| Self { name: name.to_owned(), path })
            .ok_or_else(|| {
                let (sought, place) = match own_directory {
                    Some(_) => (
                        "neither beside this server's executable nor in PATH",
                        ", or put it beside the server's executable",
                    ),
                    None => ("not in PATH", ""),
                };
                ToolError::new(Code::Unavailable, format!("{name} was found {sought}"))
                    .hint(format!("install {name} and have its directory in PATH{place}"))
            })
    }

    /// Whether the file is of a kind that this machine runs: ELF for the server's own architecture, or a script that
    /// names its interpreter. Every call checks this first, because the C library hands a file that the kernel does not
    /// take to `/bin/sh`, line by line: an error page saved under the program's name would be run as a script.
    ///
    /// # Errors
    /// [`Code::Unavailable`] that says what is wrong with the file.
    pub fn check(&self) -> Result<()> {
        let unavailable = |what: &str| {
            ToolError::new(Code::Unavailable, format!("{} {what}", self.name))
                .hint(format!("install {} for this machine's architecture", self.name))
        };
        let header = header(&self.path).map_err(|error| unavailable(&format!("cannot be read: {error}")))?;
        if header.starts_with(b"#!") {
            return Ok(());
        }
        if !header.starts_with(b"\x7fELF") {
            return Err(unavailable("is neither a binary nor a script that names its interpreter"));
        }
        // Class and byte order, then the machine.
        let kind = |header: &[u8]| Some((header.get(4..6)?.to_vec(), header.get(18..20)?.to_vec()));
        match std::env::current_exe().and_then(|own| self::header(&own)) {
            Ok(own) if kind(&own) != kind(&header) => Err(unavailable("is built for another architecture")),
            _ => Ok(()),
        }
    }

    /// The name, for messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The absolute path.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// The first bytes of a file, up to the end of ELF's field for the machine.
fn header(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut header = Vec::new();
    File::open(path)?.take(20).read_to_end(&mut header)?;
    Ok(header)
}

fn is_executable(path: &Path) -> bool {
    path.is_file() && access(path, Access::EXEC_OK).is_ok()
}

/// The absolute entries of a PATH value; a child gets no relative ones either.
pub(super) fn absolute_entries(path: &OsStr) -> Option<OsString> {
    std::env::join_paths(std::env::split_paths(path).filter(|entry| entry.is_absolute())).ok()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn put(directory: &Path, mode: u32) -> PathBuf {
        let file = directory.join("tool");
        fs::write(&file, "#!/bin/sh\n").expect("write");
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).expect("chmod");
        file
    }

    #[test]
    fn beside_the_server_comes_before_path() {
        let (own, other) = (tempfile::tempdir().expect("own"), tempfile::tempdir().expect("other"));
        let in_path = put(other.path(), 0o755);
        let find = || Program::find_in("tool", Some(own.path()), Some(other.path().as_os_str()));
        assert_eq!(find().expect("in PATH").path(), in_path);
        let beside = put(own.path(), 0o755);
        assert_eq!(find().expect("beside").path(), beside);
    }

    #[test]
    fn what_cannot_be_executed_is_passed_over() {
        let (first, second) = (tempfile::tempdir().expect("first"), tempfile::tempdir().expect("second"));
        put(first.path(), 0o644);
        let good = put(second.path(), 0o755);
        let path = std::env::join_paths([first.path(), second.path()]).expect("join");
        assert_eq!(Program::find_in("tool", None, Some(&path)).expect("second").path(), good);
        fs::remove_file(&good).expect("remove");
        fs::create_dir(&good).expect("a directory of that name");
        assert_eq!(Program::find_in("tool", None, Some(&path)).expect_err("none").code(), Code::Unavailable);
    }

    #[test]
    fn relative_entries_of_path_are_not_looked_at() {
        // Cargo runs tests in the package's directory, so these entries do lead to a directory that holds `tests`.
        for path in ["", ".", "src", ":src:"] {
            assert!(
                Program::find_in("../../../../../../../../../bin/sh", None, Some(OsStr::new(path))).is_err(),
                "{path}"
            );
        }
        assert_eq!(absolute_entries(OsStr::new(".:/a::b:/c")).expect("joins"), "/a:/c");
    }

    #[test]
    fn only_what_the_kernel_runs_is_run() {
        let directory = tempfile::tempdir().expect("directory");
        let file = put(directory.path(), 0o755);
        let program = Program::at(&file).expect("executable");
        let own = header(&std::env::current_exe().expect("own")).expect("own header");
        let mut other = own.clone();
        other[18] ^= 0xFF;
        for (content, says) in [
            (&b"#!/bin/sh\n"[..], None),
            (&own, None),
            (&other, Some("another architecture")),
            (&own[..10], Some("another architecture")),
            (b"<html>not found</html>", Some("neither")),
            (b"", Some("neither")),
        ] {
            fs::write(&file, content).expect("write");
            let error = program.check().err();
            assert_eq!(error.is_some(), says.is_some(), "{error:?}");
            assert!(error.is_none_or(|error| says.is_some_and(|says| error.message().contains(says))), "{says:?}");
        }
    }

    #[test]
    fn absence_says_what_to_do() {
        let error = Program::find("no-such-program-anywhere").expect_err("absent");
        assert_eq!(error.code(), Code::Unavailable);
        assert!(error.message().contains("no-such-program-anywhere"));
        assert!(error.next_step().is_some_and(|hint| hint.contains("PATH")));
        assert_eq!(Program::at("bin/sh").expect_err("relative").code(), Code::InvalidArgument);
        assert_eq!(Program::at("/etc/passwd").expect_err("no program").code(), Code::Unavailable);
    }
}
