//! What the files of the repository are: text, of a reviewable size, that names no machine.

use std::fs;

use super::Finding;
use crate::{
    run::Result,
    tree::{self, Tree},
};

/// The most bytes of a source that are not tests.
const SOURCE_MAX: usize = 14_000;
/// The most bytes of any file.
const FILE_MAX: usize = 200_000;

/// Sources that are larger, and why they are one idea all the same.
const LARGE: &[(&str, &str)] = &[
    ("tools/git/src/patch.rs", "one format: the patch text and its paging"),
    ("tools/git/src/remote/http.rs", "one protocol: git over HTTP, from the first request to the last byte"),
    ("tools/git/src/remote/url.rs", "one grammar: every spelling of a repository's address"),
];

/// Hosts and directories that say where something was built. They are written in two halves, so that this file does not name them.
const PLACES: &[(&str, &str)] = &[
    (concat!("crates", ".io"), "the host of a registry"),
    (concat!("py", "pi.org"), "the host of a registry"),
    (concat!("python", "hosted.org"), "the host of a registry"),
    (concat!("npm", "js.org"), "the host of a registry"),
    (concat!("proxy.go", "lang.org"), "the host of a registry"),
    (concat!("deb.deb", "ian.org"), "the host of a registry"),
    (concat!("/wo", "rk"), "a path of a build machine"),
    (concat!("/home/run", "ner"), "a path of a build machine"),
    (concat!("/github/work", "space"), "a path of a build machine"),
    (concat!(".cargo/", "registry"), "a path of a build machine"),
    (concat!(".rustup/", "toolchains"), "a path of a build machine"),
];

/// Written by cargo, and it has to name its registry.
const LOCK: &str = "Cargo.lock";

/// Looks at every file.
pub fn check(tree: &Tree) -> Result<Vec<Finding>> {
    let mut found = sizes(tree, LARGE);
    for path in &tree.files {
        let bytes = fs::read(tree.root.join(path)).map_err(|error| format!("{path} could not be read: {error}"))?;
        found.extend(content(path, &bytes));
    }
    Ok(found)
}

fn sizes(tree: &Tree, large: &[(&str, &str)]) -> Vec<Finding> {
    let mut found = Vec::new();
    for source in tree.sources.values() {
        let (bytes, listed) = (source.live_len(), large.iter().any(|(path, _)| *path == source.path));
        if bytes > SOURCE_MAX && !listed {
            let what = format!("{bytes} bytes that are not tests, a file over {SOURCE_MAX} is usually two ideas");
            found.push(Finding::new(&source.path, 1, what));
        }
        if bytes <= SOURCE_MAX && listed {
            found.push(Finding::new(
                &source.path,
                1,
                "listed as large in xtask/src/tidy/files.rs and no longer so, remove it there",
            ));
        }
    }
    let gone = large.iter().filter(|(path, _)| !tree.sources.contains_key(*path));
    found.extend(gone.map(|(path, _)| {
        Finding::new(*path, 1, "listed as large in xtask/src/tidy/files.rs and gone, remove it there")
    }));
    found
}

fn content(path: &str, bytes: &[u8]) -> Vec<Finding> {
    let mut found = Vec::new();
    if bytes.len() > FILE_MAX {
        found.push(Finding::new(path, 1, format!("{} bytes, nobody reviews a file over {FILE_MAX}", bytes.len())));
    }
    let text = match std::str::from_utf8(bytes) {
        Ok(text) if !text.contains('\0') => text,
        _ => {
            found.push(Finding::new(
                path,
                1,
                "not text, what cannot be reviewed is made by a test or fetched by a verb",
            ));
            return found;
        }
    };
    if path != LOCK {
        for (place, what) in PLACES {
            for at in named(text, place) {
                found.push(Finding::new(
                    path,
                    tree::line(text, at),
                    format!("names {place}, {what}; nobody else has it"),
                ));
            }
        }
    }
    found
}

/// Where `text` names `place` as a whole: not inside a longer name.
fn named(text: &str, place: &str) -> Vec<usize> {
    let part = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    text.match_indices(place)
        .map(|(at, _)| at)
        .filter(|at| {
            let before = text.get(..*at).and_then(|before| before.chars().next_back());
            let after = text.get(at + place.len()..).and_then(|after| after.chars().next());
            // An absolute path starts where no other path goes on.
            let starts = before.is_none_or(|c| !part(c) && (!place.starts_with('/') || !"/.*~}>)".contains(c)));
            starts && after.is_none_or(|c| !part(c))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whats(path: &str, bytes: &[u8]) -> Vec<String> {
        content(path, bytes).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn large_sources_are_found_unless_listed() {
        let long = format!("fn f() {{}}\n{}", "// a long line of comment that is code to read\n".repeat(300));
        let tests = format!("fn f() {{}}\n#[cfg(test)]\nmod tests {{\n{}}}\n", "fn g() { h(); }\n".repeat(1000));
        let tree =
            Tree::of(&[("shared/src/long.rs", &long), ("shared/src/tested.rs", &tests), ("tests/it/git.rs", &long)]);
        let paths =
            |large: &[(&str, &str)]| sizes(&tree, large).into_iter().map(|finding| finding.path).collect::<Vec<_>>();
        assert_eq!(paths(&[]), ["shared/src/long.rs"]);
        assert_eq!(paths(&[("shared/src/long.rs", "one idea")]), [""; 0]);
        let stale =
            [("shared/src/long.rs", "one idea"), ("shared/src/tested.rs", "small"), ("shared/src/gone.rs", "gone")];
        assert_eq!(paths(&stale), ["shared/src/tested.rs", "shared/src/gone.rs"]);
    }

    #[test]
    fn files_are_text_of_a_reviewable_size() {
        assert_eq!(whats("a.md", "text, ünïcode\n".as_bytes()), [""; 0]);
        assert_eq!(whats("a.bin", b"a\0b").len(), 1);
        assert_eq!(whats("a.bin", b"\xff\xfe").len(), 1);
        assert_eq!(whats("a.txt", &vec![b'a'; FILE_MAX]).len(), 0);
        assert_eq!(whats("a.txt", &vec![b'a'; FILE_MAX + 1]).len(), 1);
    }

    #[test]
    fn no_file_names_a_machine() {
        let machine = concat!("/wo", "rk");
        for text in [
            format!("x\n{machine}/agent"),
            format!("x\ncd {machine}\n"),
            format!("x\n\"{machine}\""),
            concat!("x\nhttps://py", "pi.org/simple").to_owned(),
        ] {
            let found = whats("README.md", text.as_bytes());
            assert_eq!(found.len(), 1, "{text}");
            assert!(found[0].starts_with("README.md:2: names "), "{found:?}");
        }
        for text in [
            format!("{machine}space"),
            format!("./network{machine}"),
            format!("a{machine}"),
            format!("..{machine}/x"),
            format!("{machine}-tree"),
        ] {
            assert_eq!(whats("README.md", text.as_bytes()), [""; 0], "{text}");
        }
        assert_eq!(whats("Cargo.lock", concat!("index.crates", ".io").as_bytes()), [""; 0]);
    }
}
