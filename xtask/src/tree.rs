//! The workspace as the checks see it: its files, its packages, and which sources belong to tests.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::{
    run::{self, Result},
    rust,
};

/// The workspace.
pub struct Tree {
    /// Where it is.
    pub root: PathBuf,
    /// Every file git tracks or would track, relative to the root, with `/`.
    pub files: Vec<String>,
    /// The members.
    pub packages: Vec<Package>,
    /// The Rust sources among the files, by path.
    pub sources: BTreeMap<String, Source>,
}

/// A workspace member.
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its folder, relative to the root: `tools/git`.
    pub folder: String,
    /// Names and folders of the members it depends on, for development too.
    pub members: Vec<(String, String)>,
    /// The root files of its targets, relative to the workspace, and whether they are tests.
    pub targets: Vec<(String, bool)>,
}

/// A Rust source.
pub struct Source {
    /// Its path, relative to the root.
    pub path: String,
    /// The whole text.
    pub text: String,
    /// The text with comments and literals blanked.
    pub code: String,
    /// Whether some crate declares it.
    pub reached: bool,
    /// Whether only tests do.
    pub test: bool,
    /// The parts that are compiled for tests only.
    test_parts: Vec<Range<usize>>,
}

impl Source {
    /// A source nobody has declared yet.
    pub fn new(path: &str, text: String) -> Self {
        let code = rust::blank(&text);
        let test_parts = rust::under(&code, |text| text == "cfg(test)" || text.starts_with("cfg(all(test,"));
        Self { path: path.to_owned(), text, code, reached: false, test: true, test_parts }
    }

    /// Whether what stands at `at` exists in tests only.
    pub fn is_test(&self, at: usize) -> bool {
        self.test || self.test_parts.iter().any(|part| part.contains(&at))
    }

    /// The line, from 1, that `at` is on.
    pub fn line(&self, at: usize) -> usize {
        line(&self.code, at)
    }

    /// Bytes that are not for tests.
    pub fn live_len(&self) -> usize {
        if self.test {
            0
        } else {
            self.text.len() - self.test_parts.iter().map(Range::len).sum::<usize>().min(self.text.len())
        }
    }
}

/// The line, from 1, that byte `at` of `text` is on.
pub fn line(text: &str, at: usize) -> usize {
    1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count()
}

impl Tree {
    /// Reads the workspace at `root`.
    pub fn load(root: &Path) -> Result<Self> {
        let metadata = run::stdout(run::cargo(root).args(["metadata", "--no-deps", "--format-version", "1"]))?;
        let metadata: Value = serde_json::from_str(&metadata).map_err(|error| format!("cargo metadata: {error}"))?;
        let mut list = std::process::Command::new("git");
        list.current_dir(root).args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
        let listed: BTreeSet<String> = run::stdout(&mut list)?.split_terminator('\0').map(str::to_owned).collect();
        let files: Vec<String> = listed.into_iter().filter(|path| root.join(path).is_file()).collect();
        let mut sources = BTreeMap::new();
        for path in files.iter().filter(|path| path.ends_with(".rs")) {
            sources.insert(path.clone(), Source::new(path, run::read(&root.join(path))?));
        }
        let mut tree = Self { root: root.to_owned(), files, packages: packages(&metadata, root), sources };
        tree.reach();
        Ok(tree)
    }

    /// Follows `mod` declarations from the targets, and notes on every source whether only tests declare it.
    fn reach(&mut self) {
        let mut todo: Vec<(String, bool, bool)> = Vec::new();
        for package in &self.packages {
            todo.extend(package.targets.iter().map(|(path, test)| (path.clone(), *test, true)));
        }
        while let Some((path, test, top)) = todo.pop() {
            let Some(source) = self.sources.get_mut(&path) else { continue };
            if source.reached && (source.test == test || test) {
                continue;
            }
            source.reached = true;
            source.test = test;
            let directory = module_directory(&path, top);
            let found: Vec<(bool, String)> =
                rust::modules(&source.code).into_iter().map(|(at, name)| (source.is_test(at), name)).collect();
            for (test, name) in found {
                todo.push((format!("{directory}/{name}.rs"), test, false));
                todo.push((format!("{directory}/{name}/mod.rs"), test, true));
            }
        }
    }
}

/// Where the modules that `path` declares are.
fn module_directory(path: &str, top: bool) -> String {
    let stem = path.strip_suffix(".rs").unwrap_or(path);
    let parent = stem.rsplit_once('/').map_or("", |(parent, _)| parent);
    if top { parent.to_owned() } else { stem.to_owned() }
}

fn packages(metadata: &Value, root: &Path) -> Vec<Package> {
    // Cargo resolves links on the way to the workspace; the paths it gives do not start with ours if there are any.
    let resolved = metadata["workspace_root"].as_str().map_or(root, Path::new);
    let relative = |path: &Value| {
        let path = Path::new(path.as_str().unwrap_or_default());
        path.strip_prefix(resolved).unwrap_or(path).to_string_lossy().replace('\\', "/")
    };
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    list(&metadata["packages"])
        .iter()
        .map(|package| Package {
            name: package["name"].as_str().unwrap_or_default().to_owned(),
            folder: relative(&package["manifest_path"]).trim_end_matches("/Cargo.toml").to_owned(),
            members: list(&package["dependencies"])
                .iter()
                .filter(|dependency| dependency["path"].is_string())
                .map(|dependency| {
                    (dependency["name"].as_str().unwrap_or_default().to_owned(), relative(&dependency["path"]))
                })
                .collect(),
            targets: list(&package["targets"])
                .iter()
                .map(|target| {
                    (
                        relative(&target["src_path"]),
                        list(&target["kind"]).iter().any(|kind| kind == "test" || kind == "bench"),
                    )
                })
                .collect(),
        })
        .collect()
}

#[cfg(test)]
impl Tree {
    /// A workspace that exists on paper only: sources by path, each reached unless it is under `tests/it`.
    pub fn of(files: &[(&str, &str)]) -> Self {
        let sources = files
            .iter()
            .filter(|(path, _)| path.ends_with(".rs"))
            .map(|(path, text)| {
                let mut source = Source::new(path, (*text).to_owned());
                source.reached = true;
                source.test = path.contains("tests/it/");
                ((*path).to_owned(), source)
            })
            .collect();
        let files = files.iter().map(|(path, _)| (*path).to_owned()).collect();
        Self { root: PathBuf::new(), files, packages: Vec::new(), sources }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reached(files: &[(&str, &str)]) -> Vec<(String, bool, bool)> {
        let mut tree = Tree::of(files);
        for source in tree.sources.values_mut() {
            (source.reached, source.test) = (false, true);
        }
        let targets = vec![
            ("a/src/lib.rs".to_owned(), false),
            ("a/src/main.rs".to_owned(), false),
            ("a/tests/it/main.rs".to_owned(), true),
        ];
        tree.packages.push(Package { name: "a".into(), folder: "a".into(), members: Vec::new(), targets });
        tree.reach();
        tree.sources.values().map(|source| (source.path.clone(), source.reached, source.test)).collect()
    }

    #[test]
    fn sources_are_followed_from_the_targets() {
        let found = reached(&[
            ("a/src/lib.rs", "mod x; #[cfg(test)] mod both; #[cfg(test)] mod only; mod p; #[cfg(test)] mod q;"),
            ("a/src/main.rs", "#[cfg(test)] mod p; mod q;"),
            ("a/src/p.rs", ""),
            ("a/src/q.rs", ""),
            ("a/src/x.rs", "mod y; mod both;"),
            ("a/src/x/y.rs", ""),
            ("a/src/x/both.rs", ""),
            ("a/src/both.rs", ""),
            ("a/src/only/mod.rs", "mod deep;"),
            ("a/src/only/deep.rs", ""),
            ("a/src/forgotten.rs", ""),
            ("a/tests/it/main.rs", "mod git;"),
            ("a/tests/it/git.rs", ""),
            ("a/tests/it/lost.rs", ""),
        ]);
        let lost: Vec<&str> = found.iter().filter(|(_, reached, _)| !reached).map(|(path, ..)| path.as_str()).collect();
        assert_eq!(lost, ["a/src/forgotten.rs", "a/tests/it/lost.rs"]);
        let live: Vec<&str> = found.iter().filter(|(.., test)| !test).map(|(path, ..)| path.as_str()).collect();
        assert_eq!(
            live,
            [
                "a/src/lib.rs",
                "a/src/main.rs",
                "a/src/p.rs",
                "a/src/q.rs",
                "a/src/x.rs",
                "a/src/x/both.rs",
                "a/src/x/y.rs"
            ]
        );
    }

    #[test]
    fn bytes_of_tests_are_not_counted() {
        let mut source = Source::new("a.rs", "fn f() {}\n#[cfg(test)]\nmod tests { fn g() {} }\n".to_owned());
        source.test = false;
        assert_eq!(source.live_len(), 24);
        assert!(source.is_test(30) && !source.is_test(3));
    }
}
