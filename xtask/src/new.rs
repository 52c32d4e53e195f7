//! `cargo xtask new <server>`: a server that compiles, has one tool, passes its tests, and appears everywhere it has to.

use std::{path::Path, process::ExitCode};

use crate::{
    codegen,
    run::{self, Result},
};

mod edit;

/// The files of a server, with where they go below `tools/<server>/`.
const TEMPLATE: &[(&str, &str)] = &[
    ("Cargo.toml", include_str!("../template/Cargo.toml.in")),
    ("src/main.rs", include_str!("../template/main.rs.in")),
    ("src/lib.rs", include_str!("../template/lib.rs.in")),
    ("src/server.rs", include_str!("../template/server.rs.in")),
    ("src/tools.rs", include_str!("../template/tools.rs.in")),
    ("src/tools/hello.rs", include_str!("../template/hello.rs.in")),
];

/// Its end-to-end test.
const TEST: &str = include_str!("../template/it.rs.in");

/// What that test is made with.
const TEST_NEEDS: &[&str] = &["agent-tools-shared", "serde_json", "tokio", "tokio-util"];

/// The most characters of a server's name: clients limit the names of tools.
const NAME_MAX: usize = 24;

/// Writes the server `name`.
pub fn run(name: &str) -> Result<ExitCode> {
    let names = Names::of(name)?;
    let root = run::root()?;
    for (path, text) in files(&root, &names)? {
        run::write(&root.join(&path), &text)?;
        run::out(&format!("wrote {path}"));
    }
    let code = codegen::run(false)?;
    run::out(&format!(
        "next: say what mcp-{name} is for in tools/{name}/Cargo.toml, what it needs in `checks` of src/server.rs, and write its tools"
    ));
    Ok(code)
}

/// One name in the spellings that are needed.
struct Names {
    /// `my-server`.
    server: String,
    /// `my_server`.
    ident: String,
    /// `MyServer`.
    kind: String,
}

impl Names {
    fn of(name: &str) -> Result<Self> {
        let letters = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        let shape = name.starts_with(|c: char| c.is_ascii_lowercase()) && !name.ends_with('-') && !name.contains("--");
        if !letters || !shape || name.len() > NAME_MAX {
            return Err(format!(
                "{name:?} is no name for a server: lowercase letters, digits and single dashes between them, a letter first, at most {NAME_MAX}"
            ));
        }
        let capital = |part: &str| {
            let mut chars = part.chars();
            chars.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(chars).collect::<String>()
        };
        let kind: String = name.split('-').map(capital).collect();
        // Names the files of a server already use for something else.
        let taken = [
            "Annotations",
            "Answer",
            "Arc",
            "Call",
            "Check",
            "Face",
            "Greeting",
            "Hello",
            "Mode",
            "Outcome",
            "Params",
            "Progress",
            "Read",
            "Registry",
            "Result",
            "Self",
            "Server",
            "Settings",
            "String",
            "Text",
            "Tool",
            "ToolError",
            "Toolset",
            "Untrusted",
            "Value",
            "Vec",
        ];
        let kind = if taken.contains(&kind.as_str()) { format!("{kind}Server") } else { kind };
        Ok(Self { server: name.to_owned(), ident: name.replace('-', "_"), kind })
    }

    fn fill(&self, template: &str) -> String {
        template
            .replace("@server@", &self.server)
            .replace("@ident@", &self.ident)
            .replace("@crate@", &format!("mcp_{}", self.ident))
            .replace("@Type@", &self.kind)
    }
}

/// Every file to write, whole. Nothing is written before all of them are known.
fn files(root: &Path, names: &Names) -> Result<Vec<(String, String)>> {
    let (server, ident) = (&names.server, &names.ident);
    let folder = format!("tools/{server}");
    let test = format!("tests/it/{ident}.rs");
    for path in [&folder, &test] {
        if root.join(path).exists() {
            return Err(format!("{path} exists already"));
        }
    }
    let mut files: Vec<(String, String)> =
        TEMPLATE.iter().map(|(path, text)| (format!("{folder}/{path}"), names.fill(text))).collect();
    files.push((test, names.fill(TEST)));

    let package = format!("mcp-{server}");
    let needs: Vec<&str> = TEST_NEEDS.iter().copied().chain([package.as_str()]).collect();
    let mut change = |path: &str, edit: &dyn Fn(&str) -> Result<String>| -> Result<()> {
        let text = edit(&run::read(&root.join(path))?).map_err(|error| format!("{path}: {error}"))?;
        files.push((path.to_owned(), text));
        Ok(())
    };
    change("Cargo.toml", &|text| edit::entry(text, &package, &format!("{package} = {{ path = \"{folder}\" }}")))?;
    change("tests/Cargo.toml", &|text| Ok(edit::needs(text, &needs)))?;
    change("tests/it/main.rs", &|text| edit::module(text, ident))?;
    change("README.md", &|text| edit::section(text, server))?;
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_spelt_for_their_place() {
        let names = Names::of("my-k8s").unwrap();
        assert_eq!([names.server.as_str(), &names.ident, &names.kind], ["my-k8s", "my_k8s", "MyK8s"]);
        assert_eq!(Names::of("tool").unwrap().kind, "ToolServer");
        assert_eq!(Names::of("self").unwrap().kind, "SelfServer");
        assert_eq!(names.fill("@server@ @ident@ @crate@ @Type@"), "my-k8s my_k8s mcp_my_k8s MyK8s");
    }

    #[test]
    fn other_names_are_refused() {
        for name in
            ["", "Demo", "1a", "-a", "a-", "a--b", "a_b", "a/b", "../a", "a b", "ä", "a.b", "abcdefghijklmnopqrstuvwxy"]
        {
            assert!(Names::of(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn nothing_stays_unfilled() {
        let names = Names::of("my-k8s").unwrap();
        for (path, text) in TEMPLATE.iter().chain([&("it", TEST)]) {
            assert!(!names.fill(text).contains('@'), "{path}");
        }
    }

    #[test]
    fn an_existing_server_is_not_written_over() {
        let directory = tempfile::tempdir().unwrap();
        run::write(&directory.path().join("tools/demo/Cargo.toml"), "").unwrap();
        let error = files(directory.path(), &Names::of("demo").unwrap()).unwrap_err();
        assert_eq!(error, "tools/demo exists already");
    }
}
