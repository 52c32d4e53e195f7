//! Starting programs, and finding where the workspace is.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    process::{Command, Output},
};

/// What went wrong, for the person who typed the verb.
pub type Result<T> = std::result::Result<T, String>;

/// The workspace the current directory is in. Not the directory xtask was compiled in: that would put a path of the build machine
/// into it, and a test runs it on a copy.
pub fn root() -> Result<PathBuf> {
    let here = std::env::current_dir().map_err(|error| format!("the current directory is not readable: {error}"))?;
    here.ancestors()
        .find(|place| fs::read_to_string(place.join("Cargo.toml")).is_ok_and(|text| text.contains("[workspace]")))
        .map(Path::to_owned)
        .ok_or_else(|| format!("{} is not in a cargo workspace", here.display()))
}

/// `cargo` as the one that runs us, in `root`.
pub fn cargo(root: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root);
    command
}

/// Where cargo builds, as it is configured here.
pub fn target(root: &Path) -> Result<PathBuf> {
    let metadata = stdout(cargo(root).args(["metadata", "--no-deps", "--format-version", "1"]))?;
    let metadata: serde_json::Value =
        serde_json::from_str(&metadata).map_err(|error| format!("cargo metadata: {error}"))?;
    metadata["target_directory"]
        .as_str()
        .map(Into::into)
        .ok_or_else(|| "cargo metadata names no target directory".to_owned())
}

/// Runs `command` to its end and gives its output, whatever its exit code.
pub fn output(command: &mut Command) -> Result<Output> {
    command.output().map_err(|error| format!("{} could not be started: {error}", name(command)))
}

/// What `command` wrote to stdout; an error with the end of its stderr if it failed.
pub fn stdout(command: &mut Command) -> Result<String> {
    let output = output(command)?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let last: Vec<&str> = said.lines().rev().take(5).collect();
        let last: Vec<&str> = last.into_iter().rev().collect();
        return Err(format!("{} failed ({}): {}", name(command), output.status, last.join("\n")));
    }
    String::from_utf8(output.stdout).map_err(|_| format!("{} wrote something that is not text", name(command)))
}

/// A line on stdout. A reader that has gone away is no failure of ours.
pub fn out(line: &str) {
    let _ = writeln!(io::stdout().lock(), "{line}");
}

/// Reads a text file.
pub fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).map_err(|error| format!("{} could not be read: {error}", path.display()))
}

/// Writes a text file, and the directories it is in.
pub fn write(path: &Path, text: &str) -> Result<()> {
    let made = path.parent().map_or(Ok(()), fs::create_dir_all);
    made.and_then(|()| fs::write(path, text))
        .map_err(|error| format!("{} could not be written: {error}", path.display()))
}

/// The servers of the workspace: the folders of `tools/` that hold a package, by name.
pub fn servers(root: &Path) -> Result<Vec<String>> {
    let entries = fs::read_dir(root.join("tools")).map_err(|error| format!("tools/ could not be listed: {error}"))?;
    let mut names: Vec<String> = entries
        .flatten()
        .filter(|entry| entry.path().join("Cargo.toml").is_file())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    Ok(names)
}

fn name(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program()).to_string_lossy();
    let first = command.get_args().next().map(|argument| format!(" {}", argument.to_string_lossy()));
    format!("{program}{}", first.unwrap_or_default())
}
