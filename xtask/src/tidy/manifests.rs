//! Who may depend on whom, and where versions are written.

use super::Finding;
use crate::{
    run::{self, Result},
    tree::{Package, Tree},
};

/// Looks at every manifest.
pub fn check(tree: &Tree) -> Result<Vec<Finding>> {
    let mut found = Vec::new();
    let mut members = String::new();
    for package in &tree.packages {
        let path = format!("{}/Cargo.toml", package.folder);
        let text = run::read(&tree.root.join(&path))?;
        found.extend(directions(package, &path, &text));
        found.extend(versions(&path, &text));
        members.push_str(&text);
    }
    found.extend(unused(&run::read(&tree.root.join("Cargo.toml"))?, &members));
    Ok(found)
}

/// What the folder of a member makes it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Shared,
    Server,
    Artifacts,
    Xtask,
    Tests,
    Other,
}

fn kind(folder: &str) -> Kind {
    match folder {
        "shared" => Kind::Shared,
        "artifacts" => Kind::Artifacts,
        "xtask" => Kind::Xtask,
        "tests" => Kind::Tests,
        _ if folder.starts_with("tools/") => Kind::Server,
        _ => Kind::Other,
    }
}

fn directions(package: &Package, path: &str, text: &str) -> Vec<Finding> {
    let (may, why): (&[Kind], &str) = match kind(&package.folder) {
        Kind::Tests => return Vec::new(),
        Kind::Server => (&[Kind::Shared], "a server stands on shared and knows no other server"),
        Kind::Xtask => (&[Kind::Artifacts], "xtask knows servers only as programs and files"),
        Kind::Shared => (&[], "shared knows no server"),
        Kind::Artifacts => (&[], "artifacts knows servers only as files"),
        Kind::Other => (&[], "ARCHITECTURE.md has no place for this package"),
    };
    let wrong = package.members.iter().filter(|(_, folder)| !may.contains(&kind(folder)));
    wrong
        .map(|(name, _)| {
            let line =
                text.lines().position(|line| line.trim_start().starts_with(name.as_str())).map_or(1, |at| at + 1);
            Finding::new(path, line, format!("{} depends on {name}, {why}", package.name))
        })
        .collect()
}

/// The lines of `text` that name a dependency, under a heading `accepted`: line number, name, the rest.
fn entries(text: &str, accepted: impl Fn(&str) -> bool) -> Vec<(usize, &str, &str)> {
    let mut found = Vec::new();
    let (mut inside, mut depth) = (false, 0_i64);
    for (at, line) in text.lines().enumerate() {
        let line = line.split(" #").next().unwrap_or(line).trim();
        if depth == 0 && line.starts_with('[') {
            inside = accepted(line.trim_matches(['[', ']']));
        } else if depth == 0 && inside && !line.is_empty() && !line.starts_with('#') {
            let (name, rest) = line.split_at(line.find(['.', '=', ' ']).unwrap_or(line.len()));
            found.push((at + 1, name, rest));
        }
        if !line.starts_with('[') || depth > 0 {
            let change =
                |open: char, close: char| line.matches(open).count() as i64 - line.matches(close).count() as i64;
            depth += change('[', ']') + change('{', '}');
        }
    }
    found
}

fn versions(path: &str, text: &str) -> Vec<Finding> {
    let why = "versions are written once, in the workspace table";
    let mut found: Vec<Finding> = entries(text, |heading| heading.ends_with("dependencies"))
        .into_iter()
        .filter(|(_, _, rest)| !rest.split_whitespace().collect::<String>().contains("workspace=true"))
        .map(|(line, name, _)| Finding::new(path, line, format!("{name} without workspace = true, {why}")))
        .collect();
    for (at, line) in text.lines().enumerate() {
        if line.starts_with('[') && line.contains("dependencies.") {
            found.push(Finding::new(
                path,
                at + 1,
                format!("a table for one dependency, {why}; write it on one line with workspace = true"),
            ));
        }
    }
    found
}

fn unused(root: &str, members: &str) -> Vec<Finding> {
    let used: Vec<&str> =
        entries(members, |heading| heading.ends_with("dependencies")).into_iter().map(|(_, name, _)| name).collect();
    entries(root, |heading| heading == "workspace.dependencies")
        .into_iter()
        .filter(|(_, name, _)| !used.contains(name))
        .map(|(line, name, _)| {
            Finding::new("Cargo.toml", line, format!("no member uses {name}, remove it from the table"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(from: &str, to: &str) -> bool {
        let package = Package {
            name: "one".into(),
            folder: from.into(),
            members: vec![("other".into(), to.into())],
            targets: Vec::new(),
        };
        directions(&package, "Cargo.toml", "[dependencies]\nother.workspace = true\n").is_empty()
    }

    #[test]
    fn dependencies_have_a_direction() {
        assert!(allowed("tools/git", "shared"));
        assert!(allowed("xtask", "artifacts"));
        for to in ["shared", "tools/git", "artifacts", "xtask"] {
            assert!(allowed("tests", to), "{to}");
        }
        for (from, to) in [
            ("tools/git", "tools/kubectl"),
            ("tools/git", "tests"),
            ("tools/git", "artifacts"),
            ("shared", "tools/git"),
            ("shared", "tests"),
            ("xtask", "shared"),
            ("xtask", "tools/git"),
            ("artifacts", "shared"),
            ("elsewhere", "shared"),
        ] {
            assert!(!allowed(from, to), "{from} on {to}");
        }
    }

    #[test]
    fn a_wrong_direction_is_found_at_its_line() {
        let package = Package {
            name: "mcp-git".into(),
            folder: "tools/git".into(),
            members: vec![("mcp-x".into(), "tools/x".into())],
            targets: Vec::new(),
        };
        let found =
            directions(&package, "tools/git/Cargo.toml", "[dev-dependencies]\nserde = 1\nmcp-x.workspace = true\n");
        assert_eq!(
            found[0].to_string(),
            "tools/git/Cargo.toml:3: mcp-git depends on mcp-x, a server stands on shared and knows no other server"
        );
    }

    #[test]
    fn versions_are_in_the_table_only() {
        let fine = "[package]\nversion = \"1\"\n[dependencies]\na.workspace = true\nb = { workspace = true, features = [\n  \"x\",\n] }\n\
                    # c = \"1\"\n[lints]\nworkspace = true\n";
        assert_eq!(versions("a", fine), []);
        let lines = |text: &str| versions("a", text).into_iter().map(|finding| finding.line).collect::<Vec<_>>();
        assert_eq!(
            lines("[dependencies]\na = \"1\"\nb.workspace = true\n[dev-dependencies]\nc = { version = \"1\" }\n"),
            [2, 5]
        );
        assert_eq!(lines("[target.'cfg(unix)'.dependencies]\na = \"1\"\n"), [2]);
        assert_eq!(lines("[build-dependencies]\na = { path = \"../a\" }\n"), [2]);
        assert_eq!(lines("[dependencies.a]\nversion = \"1\"\n"), [1]);
    }

    #[test]
    fn an_entry_nobody_uses_is_found() {
        let root = "[workspace.dependencies]\n# why\na = \"1\"\nb-c = { version = \"1\", features = [\"x\"] }\n[profile.dev]\ndebug = 1\n";
        let lines: Vec<usize> =
            unused(root, "[dependencies]\na.workspace = true\n").into_iter().map(|finding| finding.line).collect();
        assert_eq!(lines, [4]);
        assert_eq!(
            unused(root, "[dependencies]\na.workspace = true\n[dev-dependencies]\nb-c = { workspace = true }\n"),
            []
        );
    }
}
