//! The binaries that are shipped: small, fast, whole in one file that runs wherever the kernel does, and the same from whichever directory
//! they are built.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    fs,
    io::IsTerminal,
    path::{Path, PathBuf},
    process::Command,
};

use crate::run::{self, Result};

/// A binary of a package.
#[derive(Clone, Copy, Debug)]
pub struct Binary<'a> {
    /// The package.
    pub package: &'a str,
    /// The binary in it.
    pub name: &'a str,
}

/// What binaries are built for, and with what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Rust's name: `x86_64-unknown-linux-gnu`.
    pub triple: String,
    /// The registry's name: `amd64`.
    pub architecture: &'static str,
    /// The C compiler, which links as well. `None`: whatever this machine builds for itself with.
    pub compiler: Option<String>,
}

/// Rust's and the registry's name of an architecture.
const ARCHITECTURES: [(&str, &str); 2] = [("x86_64", "amd64"), ("aarch64", "arm64")];

/// Everything in one file; and the addresses to adjust at start packed, which is half a megabyte less to load (glibc 2.36, binutils 2.38).
const FLAGS: [&str; 2] = ["-Ctarget-feature=+crt-static", "-Clink-arg=-Wl,-z,pack-relative-relocs"];

impl Target {
    /// What this machine is.
    pub fn host(root: &Path) -> Result<Self> {
        let said = run::stdout(rustc().arg("-vV").current_dir(root))?;
        let triple = said.lines().find_map(|line| line.strip_prefix("host: ")).ok_or("rustc -vV names no host")?;
        let architecture = triple.split('-').next().unwrap_or_default();
        let known = ARCHITECTURES.iter().find(|(rust, _)| *rust == architecture);
        let (_, architecture) = known.ok_or_else(|| format!("nothing is released for {triple}"))?;
        Ok(Self { triple: triple.to_owned(), architecture, compiler: None })
    }

    /// Every target there is an artifact for, this machine's first; or why it cannot be built here, and what would help.
    pub fn all(root: &Path) -> Result<Vec<(&'static str, Result<Self>)>> {
        let host = Self::host(root)?;
        let others = ARCHITECTURES.iter().filter(|(_, architecture)| *architecture != host.architecture);
        let others: Vec<_> =
            others.map(|(rust, architecture)| (*architecture, Self::cross(root, rust, architecture))).collect();
        Ok([(host.architecture, Ok(host))].into_iter().chain(others).collect())
    }

    /// An architecture that is not this machine's: with the standard library of rustup, and the C compiler and libraries of the distribution.
    fn cross(root: &Path, rust: &str, architecture: &'static str) -> Result<Self> {
        let triple = format!("{rust}-unknown-linux-gnu");
        let compiler = format!("{rust}-linux-gnu-gcc");
        let sysroot = run::stdout(rustc().args(["--print", "sysroot"]).current_dir(root))?;
        let mut missing = Vec::new();
        if !Path::new(sysroot.trim()).join("lib/rustlib").join(&triple).is_dir() {
            missing.push(format!("the standard library (rustup target add {triple})"));
        }
        if Command::new(&compiler).arg("--version").output().is_err() {
            let debian = rust.replace('_', "-");
            missing.push(format!(
                "{compiler} (Debian: apt-get install gcc-{debian}-linux-gnu libc6-dev-{architecture}-cross)"
            ));
        }
        if missing.is_empty() {
            Ok(Self { triple, architecture, compiler: Some(compiler) })
        } else {
            Err(format!("missing: {}", missing.join(" and ")))
        }
    }
}

/// Builds `binary` as it is shipped and returns where it is. `target` is where cargo builds.
pub fn build(root: &Path, target: &Path, platform: &Target, binary: Binary) -> Result<PathBuf> {
    let places = Places::here(root, target)?;
    let mut cargo = run::cargo(root);
    // Flags for a target named on the command line do not reach build scripts and procedural macros, which cannot be static.
    cargo.args(["build", "--locked", "--profile", "dist", "--target", &platform.triple]);
    // It takes minutes: a person is shown how far it is.
    if !std::io::stderr().is_terminal() {
        cargo.arg("--quiet");
    }
    cargo.arg("--target-dir").arg(target);
    // One at a time: beside others it would be built with the features that those want.
    cargo.args(["--package", binary.package, "--bin", binary.name]);
    for (name, value) in environment(&places, platform, std::env::vars_os().map(|(name, _)| name)) {
        match value {
            Some(value) => cargo.env(name, value),
            None => cargo.env_remove(name),
        };
    }
    let status = cargo.status().map_err(|error| format!("cargo could not be run: {error}"))?;
    if !status.success() {
        return Err(format!("{} could not be built for {}", binary.name, platform.triple));
    }
    let path = target.join(&platform.triple).join("dist").join(binary.name);
    let bytes = fs::read(&path).map_err(|error| format!("{} could not be read: {error}", path.display()))?;
    match places.named_in(&bytes) {
        Some(place) => Err(format!("{} names {place}, a path of this machine", binary.name)),
        None => Ok(path),
    }
}

/// The paths of this machine that compilers write into what they make, and what is written in their place.
struct Places {
    /// The longest first, as compilers take the last that fits and scanners the first.
    replaced: Vec<(String, String)>,
    home: Option<String>,
}

impl Places {
    fn here(root: &Path, target: &Path) -> Result<Self> {
        let home = std::env::var("HOME").ok().filter(|home| home.len() > 1);
        let cargo_home = std::env::var_os("CARGO_HOME")
            .map(PathBuf::from)
            .or_else(|| home.as_ref().map(|home| Path::new(home).join(".cargo")));
        let sysroot = run::stdout(rustc().args(["--print", "sysroot"]).current_dir(root))?;
        let mut replaced = BTreeMap::new();
        let mut put = |path: &Path, name: &str| replaced.insert(path.to_string_lossy().into_owned(), name.to_owned());
        put(Path::new(sysroot.trim()), "/rust");
        if let Some(cargo_home) = &cargo_home {
            put(cargo_home, "/cargo");
            // Below it lies a directory for each registry, whose name is that of a host.
            for registry in fs::read_dir(cargo_home.join("registry/src")).into_iter().flatten().flatten() {
                put(&registry.path(), "/crates");
            }
        }
        put(root, "/agent-tools");
        put(target, "/target");
        let mut replaced: Vec<(String, String)> = replaced.into_iter().collect();
        replaced.sort_by_key(|(path, _)| std::cmp::Reverse(path.len()));
        // With what follows: a word such as /root alone says nothing.
        Ok(Self { replaced, home: home.map(|home| format!("{home}/")) })
    }

    /// The first of these paths that stands in `bytes`.
    fn named_in(&self, bytes: &[u8]) -> Option<&str> {
        let paths = self.replaced.iter().map(|(path, _)| path).chain(&self.home);
        paths.map(String::as_str).find(|path| contains(bytes, path.as_bytes()))
    }
}

fn contains(bytes: &[u8], word: &[u8]) -> bool {
    let first = word.first().copied().unwrap_or_default();
    let starts = bytes.iter().enumerate().filter(|(_, byte)| **byte == first);
    starts.map(|(at, _)| &bytes[at..]).any(|rest| rest.starts_with(word))
}

/// The environment of the build: everything that could make two machines build differently is set, or taken away (`None`).
fn environment(
    places: &Places,
    target: &Target,
    there: impl Iterator<Item = OsString>,
) -> Vec<(OsString, Option<OsString>)> {
    let mut set: Vec<(OsString, Option<OsString>)> =
        there.filter(|name| is_setting(name)).map(|name| (name, None)).collect();
    let mut put = |name: String, value: String| set.push((name.into(), Some(value.into())));
    let mut rust: Vec<String> = FLAGS.iter().map(|flag| (*flag).to_owned()).collect();
    let mut c = vec!["-O2".to_owned(), "-g0".to_owned()];
    // The last that fits is taken: the longest has to come last.
    for (path, name) in places.replaced.iter().rev() {
        rust.push(format!("--remap-path-prefix={path}={name}"));
        c.push(format!("'-ffile-prefix-map={}={name}'", path.replace('\'', "'\\''")));
    }
    put("CARGO_ENCODED_RUSTFLAGS".into(), rust.join("\u{1f}"));
    // A path may have a space in it.
    put("CC_SHELL_ESCAPED_FLAGS".into(), "1".into());
    put("CFLAGS".into(), c.join(" "));
    // Else the zlib of the machine, which may be there as a shared library only.
    put("LIBZ_SYS_STATIC".into(), "1".into());
    put("ZERO_AR_DATE".into(), "1".into());
    put("LC_ALL".into(), "C".into());
    put("TZ".into(), "UTC".into());
    if let Some(compiler) = &target.compiler {
        let triple = target.triple.replace('-', "_");
        put(format!("CC_{triple}"), compiler.clone());
        put(format!("CARGO_TARGET_{}_LINKER", triple.to_uppercase()), compiler.clone());
    }
    set
}

/// Whether a variable is one by which people change how cargo, rustc or the C compiler builds.
fn is_setting(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    let starts = ["CARGO_PROFILE_", "CARGO_BUILD_", "CFLAGS", "CPPFLAGS", "LDFLAGS", "CARGO_TARGET_"];
    let whole = [
        "RUSTFLAGS",
        "RUSTC_WRAPPER",
        "RUSTC_WORKSPACE_WRAPPER",
        "RUSTC_BOOTSTRAP",
        "CPATH",
        "C_INCLUDE_PATH",
        "LIBRARY_PATH",
    ];
    (starts.iter().any(|start| name.starts_with(start)) || whole.contains(&&*name)) && name != "CARGO_TARGET_DIR"
}

fn rustc() -> Command {
    Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places() -> Places {
        let replaced = vec![("/home/me/crates/x".into(), "/crates".into()), ("/home/me".into(), "/m".into())];
        Places { replaced, home: Some("/home/me/".into()) }
    }

    #[test]
    fn a_path_of_this_machine_is_found_wherever_it_stands() {
        assert_eq!(places().named_in(b"\0/home/me/src/lib.rs\0"), Some("/home/me"));
        assert_eq!(places().named_in(b"/home/m/home/m"), None);
        assert_eq!(places().named_in(b"x/home/me"), Some("/home/me"));
    }

    #[test]
    fn the_longest_path_is_replaced_last_because_the_last_wins() {
        let target = Target { triple: "a-b-c".into(), architecture: "amd64", compiler: Some("cross-gcc".into()) };
        let there = ["RUSTFLAGS", "CFLAGS_x86_64_unknown_linux_gnu", "PATH", "CARGO_TARGET_DIR"].map(OsString::from);
        let set: BTreeMap<_, _> = environment(&places(), &target, there.into_iter()).into_iter().collect();
        let get = |name: &str| set.get(OsStr::new(name)).and_then(Option::as_ref).and_then(|value| value.to_str());
        let flags = get("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
        assert!(flags.find("/home/me=/m") < flags.find("crates/x=/crates"), "{flags}");
        assert_eq!(get("CARGO_TARGET_A_B_C_LINKER"), Some("cross-gcc"));
        assert_eq!(set.get(OsStr::new("RUSTFLAGS")), Some(&None));
        assert!(!set.contains_key(OsStr::new("PATH")) && !set.contains_key(OsStr::new("CARGO_TARGET_DIR")));
    }
}
