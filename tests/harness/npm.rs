//! Files of npm packages that tests are judged by: fetched once with npm, pinned by what is in them, without running anything of theirs.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest;

/// A package, pinned.
pub struct Package {
    /// Its name.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
    /// The SHA-512 of its archive, in base64.
    pub sha512: &'static str,
    /// What of it is wanted, by the paths it has in the archive (`package/…`).
    pub members: &'static [&'static str],
}

impl Package {
    /// The directory of the package, which holds what is wanted of it; or why it is not to be had.
    pub fn directory(&self) -> Result<PathBuf, String> {
        let tree = crate::debian::cache().join(format!("npm-{}-{}", self.name.replace('/', "-"), self.version));
        if !tree.exists() {
            self.fetch(&tree).map_err(|error| format!("no npm package {}; {error}", self.name))?;
        }
        Ok(tree.join("package"))
    }

    /// Fetches the archive, compares it and unpacks it as `tree`, which appears complete or not at all.
    fn fetch(&self, tree: &Path) -> Result<(), String> {
        let place = tree.parent().ok_or("no place for it")?;
        let work = tempfile::tempdir_in(place).map_err(|error| error.to_string())?;
        let wanted = format!("{}@{}", self.name, self.version);
        run(work.path(), "npm", &["pack", "--ignore-scripts", "--silent", &wanted])?;
        let files = std::fs::read_dir(work.path()).map_err(|error| error.to_string())?.flatten();
        let archives = files.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|end| end == "tgz"));
        let archive = archives.last().ok_or("npm pack left no archive")?;
        let bytes = std::fs::read(&archive).map_err(|error| error.to_string())?;
        let sha512 = STANDARD.encode(digest::digest(&digest::SHA512, &bytes));
        if sha512 != self.sha512 {
            return Err(format!("{wanted} is another one than was pinned: npm brought sha512-{sha512}"));
        }
        let unpacked = work.path().join("tree");
        std::fs::create_dir(&unpacked).map_err(|error| error.to_string())?;
        let archive = archive.display().to_string();
        run(&unpacked, "tar", &[&["-xzf", archive.as_str()], self.members].concat())?;
        // It is there already when another test process was faster.
        std::fs::rename(&unpacked, tree).ok();
        if tree.exists() { Ok(()) } else { Err(format!("{} cannot be written", tree.display())) }
    }
}

fn run(directory: &Path, program: &str, arguments: &[&str]) -> Result<(), String> {
    let mut command = Command::new(program);
    let output = command.args(arguments).current_dir(directory).stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("no {program} here: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("{program} {arguments:?}: {}", said.lines().last().unwrap_or("failed")))
}
