//! Files of Debian's packages, fetched with apt and unpacked into the user's cache: nothing is installed.

use std::{
    env::consts::ARCH,
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
};

use super::places;
use crate::{
    go::Environment,
    run::{self, Result},
};

/// A busybox that needs no library: what pods of tests run.
pub fn busybox() -> Result<PathBuf> {
    let given = std::env::var_os("CLUSTER_BIN").map(|place| Path::new(&place).join("busybox"));
    if let Some(given) = given.filter(|path| path.is_file()) {
        return Ok(given);
    }
    let tree = package("busybox-static").map_err(|error| {
        format!("no static busybox for the pods: {error}; put one beside the other programs and name their directory in CLUSTER_BIN")
    })?;
    let places = ["bin/busybox", "usr/bin/busybox"].map(|path| tree.join(path));
    places.into_iter().find(|path| path.is_file()).ok_or_else(|| "no busybox in the package busybox-static".to_owned())
}

/// The environment in which runc finds libseccomp.
pub fn seccomp() -> Result<Environment> {
    let tree = package("libseccomp-dev").map_err(|error| format!("no libseccomp for runc: {error}"))?;
    let library = tree.join(format!("usr/lib/{ARCH}-linux-gnu"));
    // It names a library of another package; without it the linker takes the archive.
    let link = library.join("libseccomp.so");
    if link.is_symlink() {
        fs::remove_file(&link).map_err(|error| format!("{} could not be removed: {error}", link.display()))?;
    }
    if run::output(Command::new("pkg-config").arg("--version")).is_err() {
        return Err("no pkg-config to find libseccomp for runc: apt-get install pkg-config".to_owned());
    }
    let descriptions = library.join("pkgconfig").display().to_string();
    Ok(vec![("PKG_CONFIG_LIBDIR", descriptions), ("PKG_CONFIG_SYSROOT_DIR", tree.display().to_string())])
}

/// The files of `name`, fetched once.
fn package(name: &str) -> Result<PathBuf> {
    let cache = places::cache()?.join("debian");
    let tree = cache.join(name);
    if tree.exists() {
        return Ok(tree);
    }
    let failed = |error: std::io::Error| format!("{} could not be written: {error}", cache.display());
    fs::create_dir_all(&cache).map_err(failed)?;
    let lock = File::create(cache.join("lock")).map_err(failed)?;
    lock.lock().map_err(failed)?;
    if tree.exists() {
        return Ok(tree);
    }
    let work = tempfile::tempdir_in(&cache).map_err(failed)?;
    eprintln!("fetching Debian's package {name}, once");
    if let Err(first) = apt(work.path(), &["download", name]) {
        // A new machine has no lists yet.
        apt(work.path(), &["update"]).and_then(|_| apt(work.path(), &["download", name])).map_err(|_| first)?;
    }
    let entries = fs::read_dir(work.path()).map_err(failed)?.flatten().map(|entry| entry.path());
    let archive = entries.into_iter().find(|path| path.extension().is_some_and(|extension| extension == "deb"));
    let archive = archive.ok_or_else(|| format!("apt-get download left no package of {name}"))?;
    let unpacked = work.path().join("tree");
    run::stdout(Command::new("dpkg").arg("-x").arg(archive).arg(&unpacked))?;
    fs::rename(&unpacked, &tree).map_err(failed)?;
    Ok(tree)
}

fn apt(place: &Path, arguments: &[&str]) -> Result<String> {
    run::stdout(Command::new("apt-get").arg("--quiet").args(arguments).current_dir(place).env("LC_ALL", "C"))
}
