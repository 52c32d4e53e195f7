//! Programs that are Go packages, built from a module that holds nothing but `tool` directives.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use crate::run::{self, Result};

mod gap;

pub use gap::Gap;

/// A module, and how its programs are built.
#[derive(Clone, Debug, Default)]
pub struct Module {
    /// The directory of its go.mod.
    pub path: PathBuf,
    /// What the linker is told besides `-s -w`.
    pub link: String,
    /// Build tags, with commas.
    pub tags: &'static str,
    /// What one of its modules lacks.
    pub gap: Option<Gap>,
}

/// The environment of the compiler of a program that is partly C.
pub type Environment = Vec<(&'static str, String)>;

/// A program of a module.
#[derive(Clone, Debug)]
pub struct Program {
    /// What it is called.
    pub name: String,
    /// Its package.
    pub package: String,
    /// Fetches what a program that is partly C is built with; without it, it is all Go.
    pub c: Option<fn() -> Result<Environment>>,
}

impl Program {
    /// `package`, called by its last part.
    pub fn new(package: &str) -> Self {
        let name = package.rsplit('/').next().unwrap_or(package);
        Self { name: name.to_owned(), package: package.to_owned(), c: None }
    }
}

impl Module {
    /// Its `tool` directives.
    pub fn tools(&self) -> Result<Vec<Program>> {
        Ok(listed(&run::read(&self.path.join("go.mod"))?).map(Program::new).collect())
    }

    /// The directory in `place` with `programs` of this module; what is not there yet is built. Its name changes with the module's versions and with
    /// the flags, so what is there is what is wanted. Another process that builds the same is waited for.
    pub fn built(&self, place: &Path, programs: &[Program]) -> Result<PathBuf> {
        let (manifest, sums) = (run::read(&self.path.join("go.mod"))?, run::read(&self.path.join("go.sum"))?);
        let directory = place.join(format!("{:016x}", hash(&[&manifest, &sums, &self.link, self.tags])));
        let absent = || programs.iter().filter(|program| !directory.join(&program.name).exists()).collect::<Vec<_>>();
        if absent().is_empty() {
            return Ok(directory);
        }
        fs::create_dir_all(&directory)
            .map_err(|error| format!("{} could not be made: {error}", directory.display()))?;
        let lock = directory.join("lock");
        let held = File::create(&lock).and_then(|file| file.lock().map(|()| file));
        let _held = held.map_err(|error| format!("{} could not be locked: {error}", lock.display()))?;
        let absent = absent();
        let filled = directory.join("filled");
        let sources = match self.gap {
            Some(gap) if !absent.is_empty() => gap.fill(self, &filled)?,
            _ => &self.path,
        };
        for (number, program) in absent.iter().enumerate() {
            eprintln!("building {}, once ({} of {})", program.name, number + 1, absent.len());
            self.build(sources, &directory, program)
                .map_err(|error| format!("{} could not be built: {error}", program.name))?;
        }
        // Nothing needs it any more; where it cannot be removed it is only in the way.
        let _ = fs::remove_dir_all(&filled);
        Ok(directory)
    }

    /// `module`, at `version`, in the module cache.
    pub fn downloaded(&self, module: &str, version: &str) -> Result<PathBuf> {
        let mut go = Command::new("go");
        go.current_dir(&self.path).env("GOWORK", "off").args(["mod", "download", "-json"]);
        let said = run::stdout(go.arg(format!("{module}@{version}")))?;
        let said: Value = serde_json::from_str(&said).map_err(|error| format!("go mod download: {error}"))?;
        let directory = said["Dir"].as_str().map(PathBuf::from);
        directory.ok_or_else(|| format!("go mod download does not say where {module} {version} is"))
    }

    fn build(&self, sources: &Path, directory: &Path, program: &Program) -> Result<()> {
        // It appears when it is complete.
        let part = directory.join(format!("{}.part", program.name));
        let mut go = Command::new("go");
        go.current_dir(sources).env("GOWORK", "off");
        match program.c {
            Some(fetch) => go.env("CGO_ENABLED", "1").envs(fetch()?),
            None => go.env("CGO_ENABLED", "0"),
        };
        go.args(["build", "-trimpath", "-tags", self.tags, "-ldflags"]).arg(format!("-s -w {}", self.link));
        run::stdout(go.arg("-o").arg(&part).arg(&program.package))?;
        fs::rename(&part, directory.join(&program.name))
            .map_err(|error| format!("{} could not be moved: {error}", part.display()))
    }
}

/// The version of `package` that a go.mod requires: `v1.37.2`.
pub fn version<'a>(manifest: &'a str, package: &str) -> Option<&'a str> {
    let mut lines = manifest.lines().map(|line| line.trim().trim_start_matches("require "));
    lines.find_map(|line| line.strip_prefix(package)?.strip_prefix(' ')?.split(' ').next())
}

/// The packages of the `tool ( … )` block of a go.mod.
fn listed(manifest: &str) -> impl Iterator<Item = &str> {
    let lines = manifest.lines().skip_while(|line| *line != "tool (").skip(1);
    lines.take_while(|line| *line != ")").map(str::trim)
}

/// FNV-1a: it tells versions apart, nothing depends on more.
fn hash(texts: &[&str]) -> u64 {
    let bytes = texts.iter().flat_map(|text| text.bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tools_are_what_the_block_lists() {
        let manifest =
            "module x\n\ntool (\n\ta.example/cmd/one\n\tb.example/two\n)\n\nrequire (\n\tc.example v1 // indirect\n)\n";
        assert_eq!(listed(manifest).collect::<Vec<_>>(), ["a.example/cmd/one", "b.example/two"]);
        assert_eq!(listed("module x\n").count(), 0);
        assert_eq!(version(manifest, "c.example"), Some("v1"));
        assert_eq!(version("require c.example v1.2 // indirect\n", "c.example"), Some("v1.2"));
        assert_eq!(version(manifest, "c"), None);
    }

    #[test]
    fn what_is_there_is_not_built_again() {
        let place = tempfile::tempdir().unwrap();
        let module = place.path().join("module");
        run::write(&module.join("go.mod"), "module x\n\ntool (\n\ta.invalid/cmd/one\n)\n").unwrap();
        run::write(&module.join("go.sum"), "").unwrap();
        let go = place.path().join("go");
        let plain = Module { path: module.clone(), ..Module::default() };
        let tools = plain.tools().unwrap();
        let reason = plain.built(&go, &tools).unwrap_err();
        assert!(reason.starts_with("one could not be built: "), "{reason}");
        let directories = fs::read_dir(&go).unwrap().flatten();
        let directory = directories.map(|entry| entry.path()).next().unwrap();
        run::write(&directory.join("one"), "").unwrap();
        assert_eq!(plain.built(&go, &tools), Ok(directory));
        // Other flags or other versions are another program.
        Module { tags: "other", ..plain.clone() }.built(&go, &tools).unwrap_err();
        run::write(&module.join("go.sum"), "another").unwrap();
        plain.built(&go, &tools).unwrap_err();
    }
}
