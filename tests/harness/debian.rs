//! Programs of Debian's packages, where the machine has none of its own: fetched with apt and unpacked into the build directory, without
//! being installed.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A program and the libraries it came with.
#[derive(Clone, Debug)]
pub struct Program {
    /// Where it is.
    pub path: PathBuf,
    /// What LD_LIBRARY_PATH is to be; nothing for a program of the system.
    pub libraries: Option<String>,
}

impl Program {
    /// A command that starts it.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.path);
        self.libraries.iter().for_each(|libraries| _ = command.env("LD_LIBRARY_PATH", libraries));
        command
    }
}

/// The program at `path` (`usr/bin/…`) of `packages`, which are fetched once for all tests, or why it is not to be had.
pub fn program(path: &str, packages: &[&str]) -> Result<Program, String> {
    let name = packages.first().copied().unwrap_or(path);
    let tree = cache().join(name);
    let program = tree.join(path);
    if !program.exists() {
        unpack(&tree, packages).map_err(|error| format!("no {name} here; {error}"))?;
    }
    let libraries = ["usr/lib", "lib"]
        .map(|place| tree.join(place).join(format!("{}-linux-gnu", std::env::consts::ARCH)).display().to_string());
    // Another test process may have been faster, or the package has the program elsewhere.
    program
        .exists()
        .then_some(Program { path: program, libraries: Some(libraries.join(":")) })
        .ok_or(format!("no {path} in {name}"))
}

/// The same, of `package` and everything it depends on that this machine lacks.
pub fn program_with_dependencies(path: &str, package: &str) -> Result<Program, String> {
    let there = cache().join(package).join(path).exists();
    let packages = if there { vec![package.to_owned()] } else { with_dependencies(package)? };
    program(path, &packages.iter().map(String::as_str).collect::<Vec<_>>())
}

/// `package` first, and what it depends on and this system lacks, as apt would install it.
fn with_dependencies(package: &str) -> Result<Vec<String>, String> {
    let arguments = ["install", "--print-uris", "--yes", "--no-install-recommends", package];
    let said = run(Path::new("/"), "apt-get", &arguments).map_err(|error| format!("no {package} here; {error}"))?;
    // 'URI' NAME_VERSION_ARCHITECTURE.deb SIZE HASH
    let files = said.lines().filter(|line| line.starts_with('\'')).filter_map(|line| line.split(' ').nth(1));
    let mut names: Vec<String> =
        files.filter_map(|file| file.split_once('_')).map(|(name, _)| name.to_owned()).collect();
    names.sort_by_key(|name| name != package);
    Ok(names)
}

/// `target/test-tools`, beside the profile that the running test is built in.
pub(crate) fn cache() -> PathBuf {
    let exe = std::env::current_exe().expect("the running test");
    let target = exe.ancestors().nth(3).expect("target/PROFILE/deps");
    let cache = target.join("test-tools");
    std::fs::create_dir_all(&cache).expect("a directory");
    cache
}

/// Fetches `packages` and unpacks them as `tree`, which appears complete or not at all.
fn unpack(tree: &Path, packages: &[&str]) -> Result<(), String> {
    let work = tempfile::tempdir_in(tree.parent().expect("a parent")).expect("directory");
    let mut arguments = vec!["download"];
    arguments.extend(packages);
    run(work.path(), "apt-get", &arguments)?;
    let unpacked = work.path().join("tree");
    std::fs::create_dir(&unpacked).expect("directory");
    for entry in std::fs::read_dir(work.path()).expect("list").flatten() {
        if entry.path().extension().is_some_and(|extension| extension == "deb") {
            run(work.path(), "dpkg", &["-x", entry.path().to_str().expect("text"), "tree"])?;
        }
    }
    // It is there already when another test process was faster.
    std::fs::rename(&unpacked, tree).ok();
    Ok(())
}

fn run(directory: &Path, program: &str, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(program).args(arguments).current_dir(directory).env("LC_ALL", "C").output();
    let output = output.map_err(|error| format!("no {program} to get one: {error}"))?;
    if !output.status.success() {
        return Err(format!("{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr).trim_end()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
