//! Files that must be spoken of: every source by the crate it lies in, every tool by the list of its server.

use super::Finding;
use crate::{
    rust,
    tree::{Source, Tree},
};

/// Looks for forgotten files.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut found: Vec<Finding> = tree
        .sources
        .values()
        .filter(|source| !source.reached)
        .map(|source| {
            Finding::new(&source.path, 1, "no crate declares it as a module, so nothing in it is compiled or run")
        })
        .collect();
    for list in tree.sources.values().filter(|source| is_list(&source.path)) {
        found.extend(tools(tree, list));
    }
    found
}

/// `tools/<server>/src/tools.rs`.
fn is_list(path: &str) -> bool {
    path.strip_prefix("tools/").and_then(|rest| rest.split_once('/')).is_some_and(|(_, rest)| rest == "src/tools.rs")
}

/// The list of a server against its files.
fn tools(tree: &Tree, list: &Source) -> Vec<Finding> {
    let folder = format!("{}/", list.path.trim_end_matches(".rs"));
    let declared: Vec<(usize, String)> =
        rust::modules(&list.code).into_iter().filter(|(at, _)| !list.is_test(*at)).collect();
    let mut found = Vec::new();
    for (at, name) in &declared {
        if rust::find_words(&list.code, &format!("{name}::")).is_empty() {
            found.push(Finding::new(
                &list.path,
                list.line(*at),
                format!("{name} is declared and not in the list, so no client sees it"),
            ));
        }
        if !tree.sources.contains_key(&format!("{folder}{name}.rs")) {
            found.push(Finding::new(
                &list.path,
                list.line(*at),
                format!("{folder}{name}.rs does not exist; a tool is one file"),
            ));
        }
    }
    for path in tree.sources.keys() {
        let name =
            path.strip_prefix(&folder).and_then(|rest| rest.strip_suffix(".rs")).filter(|name| !name.contains('/'));
        if let Some(name) = name
            && !declared.iter().any(|(_, one)| one == name)
            && tree.sources.get(path).is_some_and(|source| !source.test)
        {
            found.push(Finding::new(path, 1, format!("not in {}, so no client sees it", list.path)));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(list: &str, files: &[&str]) -> Vec<String> {
        let mut all = vec![("tools/git/src/tools.rs", list)];
        all.extend(files.iter().map(|path| (*path, "")));
        check(&Tree::of(&all)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn list_and_files_are_the_same() {
        let list = "shared::tools! {\n    crate::Git:\n    read log::Log,\n    write status::Status,\n}\n#[cfg(test)] mod tests;";
        let files =
            ["tools/git/src/tools/log.rs", "tools/git/src/tools/status.rs", "tools/git/src/tools/status/code.rs"];
        assert_eq!(found(list, &files), [""; 0]);
    }

    #[test]
    fn each_way_to_forget_is_found() {
        let list = "mod log;\nshared::tools! { crate::Git:\nread gone::Gone }";
        assert_eq!(
            found(list, &["tools/git/src/tools/log.rs", "tools/git/src/tools/extra.rs"]),
            [
                "tools/git/src/tools.rs:1: log is declared and not in the list, so no client sees it",
                "tools/git/src/tools.rs:3: tools/git/src/tools/gone.rs does not exist; a tool is one file",
                "tools/git/src/tools/extra.rs:1: not in tools/git/src/tools.rs, so no client sees it",
            ]
        );
    }

    #[test]
    fn a_source_no_crate_declares_is_found() {
        let mut tree = Tree::of(&[("tests/it/main.rs", "mod git;"), ("tests/it/git.rs", ""), ("tests/it/lost.rs", "")]);
        if let Some(lost) = tree.sources.get_mut("tests/it/lost.rs") {
            lost.reached = false;
        }
        let found: Vec<String> = check(&tree).into_iter().map(|finding| finding.path).collect();
        assert_eq!(found, ["tests/it/lost.rs"]);
    }
}
