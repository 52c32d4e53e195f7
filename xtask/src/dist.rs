//! The binaries that are shipped: small, fast, and whole in one file that runs wherever the kernel does.

use std::path::{Path, PathBuf};

use crate::run::{self, Result};

/// A binary of a package.
#[derive(Clone, Copy)]
pub struct Binary {
    /// The package.
    pub package: &'static str,
    /// The binary in it.
    pub name: &'static str,
}

/// Builds `binaries` as they are shipped and returns the directory they are in.
pub fn build(root: &Path, target: &Path, binaries: &[Binary]) -> Result<PathBuf> {
    let triple = host(root)?;
    let mut cargo = run::cargo(root);
    // Flags for a target named on the command line do not reach build scripts and procedural macros, which cannot be static.
    cargo.args(["build", "--quiet", "--profile", "dist", "--target", &triple]);
    cargo.env("CARGO_ENCODED_RUSTFLAGS", "-Ctarget-feature=+crt-static");
    // Else the zlib of the machine, which may be there as a shared library only.
    cargo.env("LIBZ_SYS_STATIC", "1");
    for binary in binaries {
        cargo.args(["--package", binary.package, "--bin", binary.name]);
    }
    let status = cargo.status().map_err(|error| format!("cargo could not be run: {error}"))?;
    if !status.success() {
        return Err(String::from("the binaries could not be built"));
    }
    Ok(target.join(triple).join("dist"))
}

/// The platform this machine builds for.
fn host(root: &Path) -> Result<String> {
    let mut rustc = std::process::Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    let said = run::stdout(rustc.arg("-vV").current_dir(root))?;
    let line = said.lines().find_map(|line| line.strip_prefix("host: "));
    line.map(str::to_owned).ok_or_else(|| String::from("rustc -vV names no host"))
}
