//! The cluster of a test run: started when tests that need one will run, and ended with it.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::{
    cluster::{self, Extent, Running},
    run::{self, Result},
};

/// The feature with which tests that need a cluster are built.
const FEATURE: &str = "cluster";
/// The variable in which they find it.
pub const VARIABLE: &str = "AGENT_TOOLS_CLUSTER";

/// What becomes of the tests that need a cluster.
pub enum Cluster {
    /// None of them would run.
    Unwanted,
    /// They run, on a cluster that somebody else keeps.
    Given(PathBuf),
    /// They run, on a cluster that ends when this is dropped.
    Ours(Running),
    /// These cannot run, and why.
    Lacking(Vec<String>, String),
}

impl Cluster {
    /// Starts one if there are `tests` that need it.
    pub fn for_tests(root: &Path, tests: Vec<String>) -> Result<Self> {
        if tests.is_empty() {
            return Ok(Self::Unwanted);
        }
        if let Some(path) = std::env::var_os(VARIABLE).filter(|path| !path.is_empty()) {
            return Ok(Self::Given(path.into()));
        }
        let started = match cluster::lacking() {
            Some(reason) => Err(reason),
            None => Running::start(root, Extent::Whole.into(), None),
        };
        Ok(started.map_or_else(|reason| Self::Lacking(tests, reason), Self::Ours))
    }

    /// Its directory.
    pub fn directory(&self) -> Option<&Path> {
        match self {
            Self::Given(path) => Some(path),
            Self::Ours(running) => Some(running.place().path()),
            Self::Unwanted | Self::Lacking(..) => None,
        }
    }

    /// What makes cargo build the tests that need it.
    pub fn features(root: &Path) -> Result<String> {
        let packages = needy(root)?.into_iter().map(|(package, _)| format!("{package}/{FEATURE}"));
        let mut features: Vec<String> = packages.collect();
        features.dedup();
        Ok(features.join(","))
    }
}

/// The names of the tests that need a cluster and have `filter` in their names.
pub fn tests(root: &Path, filter: Option<&str>) -> Result<Vec<String>> {
    let binaries = needy(root)?;
    let mut cargo = run::cargo(root);
    cargo.args(["test", "--workspace", "--quiet", "--features", &Cluster::features(root)?]);
    binaries.iter().for_each(|(_, binary)| _ = cargo.args(["--test", binary]));
    cargo.args(filter).args(["--", "--list", "--format", "terse"]);
    let listed = run::stdout(&mut cargo)?;
    Ok(listed.lines().filter_map(|line| line.strip_suffix(": test")).map(str::to_owned).collect())
}

/// The test binaries whose manifest asks for the feature, with their packages.
fn needy(root: &Path) -> Result<Vec<(String, String)>> {
    let metadata = run::stdout(run::cargo(root).args(["metadata", "--no-deps", "--format-version", "1"]))?;
    let metadata: Value = serde_json::from_str(&metadata).map_err(|error| format!("cargo metadata: {error}"))?;
    Ok(needy_of(&metadata))
}

fn needy_of(metadata: &Value) -> Vec<(String, String)> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut found = Vec::new();
    for package in list(&metadata["packages"]) {
        for target in list(&package["targets"]) {
            if list(&target["required-features"]).iter().any(|feature| feature == FEATURE) {
                found.push((text(&package["name"]), text(&target["name"])));
            }
        }
    }
    found
}

#[cfg(test)]
mod unit {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_needs_a_cluster_says_so_in_its_manifest() {
        let target = |name: &str, features: Value| json!({"name": name, "required-features": features});
        let metadata = json!({"packages": [
            {"name": "a", "targets": [{"name": "plain"}, target("one", json!(["cluster"])), target("other", json!(["x"]))]},
            {"name": "b", "targets": [target("two", json!(["x", "cluster"]))]},
        ]});
        let pair = |package: &str, binary: &str| (package.to_owned(), binary.to_owned());
        assert_eq!(needy_of(&metadata), [pair("a", "one"), pair("b", "two")]);
    }
}
