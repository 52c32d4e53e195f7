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

/// Everything in one file; and the addresses to adjust at start packed, which is half a megabyte less to load (glibc 2.36, binutils 2.38).
const FLAGS: &str = "-Ctarget-feature=+crt-static\u{1f}-Clink-arg=-Wl,-z,pack-relative-relocs";

/// Builds `binary` as it is shipped and returns where it is. `target` is where cargo builds.
pub fn build(root: &Path, target: &Path, binary: Binary) -> Result<PathBuf> {
    let triple = host(root)?;
    let mut cargo = run::cargo(root);
    // Flags for a target named on the command line do not reach build scripts and procedural macros, which cannot be static.
    cargo.args(["build", "--quiet", "--profile", "dist", "--target", &triple]);
    // One at a time: beside others it would be built with the features that those want.
    cargo.args(["--package", binary.package, "--bin", binary.name]);
    cargo.env("CARGO_ENCODED_RUSTFLAGS", FLAGS);
    // Else the zlib of the machine, which may be there as a shared library only.
    cargo.env("LIBZ_SYS_STATIC", "1");
    let status = cargo.status().map_err(|error| format!("cargo could not be run: {error}"))?;
    if !status.success() {
        return Err(format!("{} could not be built", binary.name));
    }
    Ok(target.join(triple).join("dist").join(binary.name))
}

/// The platform this machine builds for.
fn host(root: &Path) -> Result<String> {
    let mut rustc = std::process::Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    let said = run::stdout(rustc.arg("-vV").current_dir(root))?;
    let line = said.lines().find_map(|line| line.strip_prefix("host: "));
    line.map(str::to_owned).ok_or_else(|| String::from("rustc -vV names no host"))
}
