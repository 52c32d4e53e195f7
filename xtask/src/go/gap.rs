//! Modules that do not build as they are published.

use std::{fs, path::Path};

use super::{Module, version};
use crate::run::{self, Result};

/// A file that a package embeds and its module does not have, because its authors make it when they release: an empty one stands in for it.
#[derive(Clone, Copy, Debug)]
pub struct Gap {
    /// The module.
    pub module: &'static str,
    /// The file's place in it.
    pub file: &'static str,
}

impl Gap {
    /// `whole` once more in `place`, with a copy of the module that lacks the file: a module cache is not written into.
    pub fn fill<'a>(&self, whole: &Module, place: &'a Path) -> Result<&'a Path> {
        let (manifest, sums) = (run::read(&whole.path.join("go.mod"))?, run::read(&whole.path.join("go.sum"))?);
        let version = version(&manifest, self.module)
            .ok_or_else(|| format!("{} requires no {}", whole.path.join("go.mod").display(), self.module))?;
        if place.exists() {
            // Of one that was interrupted.
            fs::remove_dir_all(place).map_err(|error| format!("{} could not be removed: {error}", place.display()))?;
        }
        let copy = place.join("copy");
        let original = whole.downloaded(self.module, version)?;
        copied(&original, &copy).map_err(|error| format!("{} could not be copied: {error}", original.display()))?;
        run::write(&copy.join(self.file), "")?;
        run::write(&place.join("go.sum"), &sums)?;
        run::write(&place.join("go.mod"), &format!("{manifest}\nreplace {} => ./copy\n", self.module))?;
        Ok(place)
    }
}

/// Contents only: what is in a module cache is nobody's to write, and its copy has to be ours to remove.
fn copied(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type()?.is_dir() { copied(&from, &to)? } else { fs::write(&to, fs::read(&from)?)? }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_whole_and_can_be_removed() {
        let place = tempfile::tempdir().unwrap();
        let (from, to) = (place.path().join("from"), place.path().join("to"));
        run::write(&from.join("a/b"), "text").unwrap();
        let sealed = |path: &Path| {
            let mut permissions = fs::metadata(path).unwrap().permissions();
            permissions.set_readonly(true);
            fs::set_permissions(path, permissions).unwrap();
        };
        sealed(&from.join("a/b"));
        copied(&from, &to).unwrap();
        assert_eq!(run::read(&to.join("a/b")).unwrap(), "text");
        assert!(!fs::metadata(to.join("a/b")).unwrap().permissions().readonly());
    }

    #[test]
    fn a_gap_in_a_module_that_is_not_required_is_said() {
        let place = tempfile::tempdir().unwrap();
        let module = Module { path: place.path().join("module"), ..Module::default() };
        run::write(&module.path.join("go.mod"), "module x\n").unwrap();
        run::write(&module.path.join("go.sum"), "").unwrap();
        let gap = Gap { module: "a.invalid", file: "none.yaml" };
        let refused = gap.fill(&module, &place.path().join("filled")).unwrap_err();
        assert!(refused.ends_with("requires no a.invalid"), "{refused}");
    }
}
