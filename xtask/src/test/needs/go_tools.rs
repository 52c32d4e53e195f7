//! Programs that are Go packages, built from a module that holds nothing but `tool` directives.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::run::{self, Result};

/// The directory in `place` with every tool of `module`; what is not there yet is built. Its name changes with the module's versions, so
/// what is there is what is wanted.
pub fn built(module: &Path, place: &Path) -> Result<PathBuf> {
    let (manifest, sums) = (run::read(&module.join("go.mod"))?, run::read(&module.join("go.sum"))?);
    let directory = place.join(format!("{:016x}", hash(&[&manifest, &sums])));
    for package in tools(&manifest) {
        let name = package.rsplit('/').next().unwrap_or(package);
        let program = directory.join(name);
        if program.exists() {
            continue;
        }
        eprintln!("building {name} for the tests, once");
        fs::create_dir_all(&directory)
            .map_err(|error| format!("{} could not be made: {error}", directory.display()))?;
        // It appears when it is complete.
        let part = directory.join(format!("{name}.part"));
        let mut go = Command::new("go");
        go.current_dir(module).env("CGO_ENABLED", "0").env("GOWORK", "off");
        go.args(["build", "-trimpath", "-ldflags", "-s -w", "-o"]).arg(&part).arg(package);
        run::stdout(&mut go).map_err(|error| format!("there is no {name} for the tests: {error}"))?;
        fs::rename(&part, &program).map_err(|error| format!("{} could not be moved: {error}", part.display()))?;
    }
    Ok(directory)
}

/// The packages of the `tool ( … )` block of a go.mod.
fn tools(manifest: &str) -> impl Iterator<Item = &str> {
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
        assert_eq!(tools(manifest).collect::<Vec<_>>(), ["a.example/cmd/one", "b.example/two"]);
        assert_eq!(tools("module x\n").count(), 0);
    }

    #[test]
    fn what_is_there_is_not_built_again() {
        let place = tempfile::tempdir().unwrap();
        let module = place.path().join("module");
        run::write(&module.join("go.mod"), "module x\n\ntool (\n\ta.invalid/cmd/one\n)\n").unwrap();
        run::write(&module.join("go.sum"), "").unwrap();
        let reason = built(&module, &place.path().join("go")).unwrap_err();
        assert!(reason.starts_with("there is no one for the tests: "), "{reason}");
        let directories = fs::read_dir(place.path().join("go")).unwrap().flatten();
        let directory = directories.map(|entry| entry.path()).next().unwrap();
        run::write(&directory.join("one"), "").unwrap();
        assert_eq!(built(&module, &place.path().join("go")), Ok(directory));
        run::write(&module.join("go.sum"), "another").unwrap();
        built(&module, &place.path().join("go")).unwrap_err();
    }
}
