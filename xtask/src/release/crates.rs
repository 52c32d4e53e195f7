//! What a binary is linked from, for its bill of materials.
//!
//! `cargo tree` says which crates there are, because it settles features for one package as `cargo build --package` does; `cargo metadata` settles
//! them for the workspace, and names crates that only other members switch on. What the crates are is in the metadata and in Cargo.lock.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use artifacts::{oci::Digest, sbom::Package};
use serde_json::Value;

use crate::run::{self, Result};

/// A name and a version.
type Crate = (String, String);

/// What the binary of `package` holds besides the package itself when it is built for `target`, sorted: no development or build dependencies, no
/// procedural macros. A library in C that a crate carries with it and says the version of is one too.
pub fn crates(root: &Path, package: &str, target: &str) -> Result<Vec<Package>> {
    let linked =
        run::stdout(run::cargo(root).args(["tree", "--locked", "--package", package, "--target", target]).args([
            "--edges",
            "normal,no-proc-macro",
            "--prefix",
            "none",
            "--format",
            "{p}",
        ]))?;
    let metadata = run::stdout(run::cargo(root).args([
        "metadata",
        "--locked",
        "--format-version",
        "1",
        "--filter-platform",
        target,
    ]))?;
    let metadata = serde_json::from_str(&metadata).map_err(|error| format!("cargo metadata: {error}"))?;
    let mut linked = names(&linked)?;
    linked.retain(|(name, _)| name != package);
    describe(&linked, &metadata, &checksums(&run::read(&root.join("Cargo.lock"))?)?)
}

/// The crates of what `cargo tree` says: `name v1.0.0 (where it is from) (*)`, one a line.
fn names(tree: &str) -> Result<BTreeSet<Crate>> {
    let name = |line: &str| {
        let mut words = line.split(' ');
        Some((words.next()?.to_owned(), words.next()?.strip_prefix('v')?.to_owned()))
    };
    let lines = tree.lines().filter(|line| !line.is_empty());
    lines
        .map(|line| name(line).ok_or_else(|| format!("cargo tree wrote a line that names no crate: {line:?}")))
        .collect()
}

/// What Cargo.lock says each download hashes to.
fn checksums(lock: &str) -> Result<BTreeMap<Crate, Digest>> {
    let mut found = BTreeMap::new();
    for block in lock.split("[[package]]").skip(1) {
        let value = |key: &str| {
            let line = block.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = \""));
            line.and_then(|rest| rest.strip_suffix('"'))
        };
        if let (Some(name), Some(version), Some(checksum)) = (value("name"), value("version"), value("checksum")) {
            let digest = format!("sha256:{checksum}").parse();
            let digest = digest.map_err(|error| format!("Cargo.lock, {name} {version}: {error}"))?;
            found.insert((name.to_owned(), version.to_owned()), digest);
        }
    }
    Ok(found)
}

fn describe(linked: &BTreeSet<Crate>, metadata: &Value, checksums: &BTreeMap<Crate, Digest>) -> Result<Vec<Package>> {
    let text = |package: &Value, key: &str| package[key].as_str().map(str::to_owned);
    let packages = metadata["packages"].as_array().ok_or("cargo metadata names no packages")?;
    let known: BTreeMap<Crate, &Value> = packages
        .iter()
        .filter_map(|package| Some(((text(package, "name")?, text(package, "version")?), package)))
        .collect();
    let mut found = BTreeSet::new();
    for named in linked {
        let (name, version) = named;
        let package = known.get(named).ok_or_else(|| format!("cargo metadata does not know {name} {version}"))?;
        let links = text(package, "links");
        // A member has no source, and what a stranger publishes under its name is something else.
        let published = text(package, "source").is_some_and(|source| source.starts_with("registry+"));
        found.insert(Package {
            name: name.clone(),
            version: version.clone(),
            sha256: checksums.get(named).copied(),
            licence: text(package, "license"),
            purl: published.then(|| format!("pkg:cargo/{name}@{}", version.replace('+', "%2B"))),
            comment: links.as_ref().map(|links| format!("declares the native library {links}")),
        });
        found.extend(links.and_then(|_| carried(name, version)));
    }
    Ok(found.into_iter().collect())
}

/// The C library inside a `-sys` crate whose version says which it is: `libgit2-sys 0.18.8+1.9.7`.
fn carried(name: &str, version: &str) -> Option<Package> {
    let library = name.strip_suffix("-sys")?;
    let (_, inside) = version.split_once('+')?;
    inside.starts_with(|first: char| first.is_ascii_digit()).then(|| Package {
        name: library.to_owned(),
        version: inside.to_owned(),
        sha256: None,
        // That of the crate is for the bindings.
        licence: None,
        purl: Some(format!("pkg:generic/{library}@{inside}")),
        comment: Some(format!("compiled from the sources inside {name} {version}")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_of_cargo_is_read() {
        let tree = "mcp-x v0.1.0 (/some/where)\nserde v1.0.0\n\nserde v1.0.0 (*)\ng v1.0.0+2 (https://x/y?rev=1#1)\n";
        let found = names(tree).unwrap();
        let expected = [("g", "1.0.0+2"), ("mcp-x", "0.1.0"), ("serde", "1.0.0")];
        assert_eq!(found, expected.map(|(name, version)| (name.to_owned(), version.to_owned())).into());
        assert!(names("error: no").unwrap_err().contains("names no crate"));
    }

    #[test]
    fn what_a_crate_is_comes_from_the_metadata_and_the_lock() {
        let digest = Digest::of(b"x");
        let lock = format!(
            "version = 4\n\n[[package]]\nname = \"m\"\nversion = \"0.1.0\"\ndependencies = [\n \"g-sys\",\n]\n\n\
             [[package]]\nname = \"g-sys\"\nversion = \"1.0.0+2.1\"\nsource = \"registry+x\"\nchecksum = \"{}\"\n",
            digest.hex()
        );
        let checksums = checksums(&lock).unwrap();
        let metadata = serde_json::json!({"packages": [
            {"name": "m", "version": "0.1.0", "source": null, "license": "Apache-2.0", "links": null},
            {"name": "g-sys", "version": "1.0.0+2.1", "source": "registry+x", "license": "MIT/Apache-2.0", "links": "g"},
        ]});
        let linked = names("m v0.1.0\ng-sys v1.0.0+2.1\n").unwrap();
        let found = describe(&linked, &metadata, &checksums).unwrap();
        let names: Vec<&str> = found.iter().map(|package| package.name.as_str()).collect();
        assert_eq!(names, ["g", "g-sys", "m"]);
        assert_eq!((found[0].version.as_str(), &found[0].licence, found[0].sha256), ("2.1", &None, None));
        assert_eq!((found[1].sha256, found[1].purl.as_deref()), (Some(digest), Some("pkg:cargo/g-sys@1.0.0%2B2.1")));
        assert_eq!((found[2].sha256, &found[2].purl, found[2].licence.as_deref()), (None, &None, Some("Apache-2.0")));
        assert!(describe(&super::names("n v1.0.0").unwrap(), &metadata, &checksums).unwrap_err().contains("n 1.0.0"));
        assert!(super::checksums("[[package]]\nname = \"a\"\nversion = \"1\"\nchecksum = \"x\"\n").is_err());
    }

    #[test]
    fn what_is_in_this_binary_is_found() {
        let root = run::root().unwrap();
        let found = crates(&root, "xtask", "x86_64-unknown-linux-gnu").unwrap();
        let has = |name: &str| found.iter().any(|package| package.name == name);
        assert!(has("serde_json") && has("ring") && has("agent-tools-artifacts"));
        // Itself, a procedural macro, something for building, and what only other members ask of it.
        assert!(!has("xtask") && !has("serde_derive") && !has("cc") && !has("reqwest"));
        let checked = found.iter().find(|package| package.name == "serde_json").unwrap();
        assert!(checked.sha256.is_some() && checked.licence.is_some() && checked.purl.is_some());
    }
}
