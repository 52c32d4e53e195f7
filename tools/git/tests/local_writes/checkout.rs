//! Trees that were made to write where a checkout must not.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use serde_json::json;

use crate::world::World;

/// Raw tree objects: git's own tools refuse to make some of these.
fn tree(world: &World, entries: &[(&str, &str, &str)]) -> String {
    let mut raw = Vec::new();
    for (mode, name, id) in entries {
        raw.extend_from_slice(format!("{mode} {name}\0").as_bytes());
        raw.extend((0..20).map(|at| u8::from_str_radix(&id[at * 2..at * 2 + 2], 16).unwrap()));
    }
    world.git_with(&["hash-object", "-t", "tree", "-w", "--literally", "--stdin"], Some(&raw))
}

fn blob(world: &World, content: &str) -> String {
    world.git_with(&["hash-object", "-w", "--stdin"], Some(content.as_bytes()))
}

fn branch(world: &World, tree: &str) {
    let commit = world.git(&["commit-tree", tree, "-m", "evil"]);
    world.git(&["update-ref", "refs/heads/evil", &commit]);
}

fn snapshot(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    let mut todo = vec![dir.to_owned()];
    while let Some(dir) = todo.pop() {
        for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
            let kind = entry.file_type().unwrap();
            found.push((
                entry.path().display().to_string(),
                if kind.is_file() { fs::read(entry.path()).unwrap() } else { Vec::new() },
            ));
            if kind.is_dir() {
                todo.push(entry.path());
            }
        }
    }
    found.sort();
    found
}

#[test]
fn no_tree_writes_outside_the_work_tree_or_into_its_metadata() {
    let world = World::with(&[("f", "f\n")]);
    let outside = world.base().join("ws/outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("b"), "untouched").unwrap();
    let evil = blob(&world, "#!/bin/sh\necho evil\n");
    let target = outside.display().to_string();
    let link = blob(&world, &target);
    let up = blob(&world, "../outside");
    let inner = tree(&world, &[("100755", "b", &evil)]);
    let hooks = tree(&world, &[("100755", "post-checkout", &evil)]);
    let dot_git = tree(&world, &[("40000", "hooks", &hooks), ("100644", "config", &evil)]);
    let trees = [
        // A link and a directory of one name, in both orders.
        tree(&world, &[("120000", "a", &link), ("40000", "a", &inner)]),
        tree(&world, &[("40000", "a", &inner), ("120000", "a", &link)]),
        tree(&world, &[("120000", "a", &up), ("40000", "a", &inner)]),
        // The same under names some file systems take for one.
        tree(&world, &[("120000", "A", &link), ("40000", "a", &inner)]),
        tree(&world, &[("100644", "../outside/b", &evil)]),
        tree(&world, &[("40000", "..", &tree(&world, &[("40000", "outside", &inner)]))]),
        tree(&world, &[("100644", "a/../../outside/b", &evil)]),
        tree(&world, &[("100644", &format!("{target}/b"), &evil)]),
        tree(&world, &[("40000", ".", &inner)]),
        tree(&world, &[("40000", ".git", &dot_git)]),
        tree(&world, &[("40000", ".GIT", &dot_git)]),
        tree(&world, &[("40000", "git~1", &dot_git)]),
        tree(&world, &[("40000", ".git ", &dot_git)]),
        tree(&world, &[("40000", ".g\u{200c}it", &dot_git)]),
        tree(&world, &[("120000", "a", &blob(&world, ".git")), ("40000", "a", &dot_git)]),
        tree(&world, &[("100644", "a\\..\\..\\outside\\b", &evil)]),
        tree(&world, &[("100644", "", &evil)]),
    ];
    let metadata = || (fs::read(world.path(".git/config")).unwrap(), snapshot(&world.path(".git/hooks")));
    let before = (snapshot(&outside), metadata());
    for (at, tree) in trees.iter().enumerate() {
        branch(&world, tree);
        let ran = world.call("git_branch", json!({"name": "evil"}));
        assert_eq!(before, (snapshot(&outside), metadata()), "tree {at}: {}", ran.text);
        assert!(!ran.json["action"].is_null() || !ran.ok);
        // Whatever came of it, HEAD says the truth and the way back is open.
        let on = world.git(&["symbolic-ref", "HEAD"]);
        assert_eq!(on == "refs/heads/evil", ran.ok, "tree {at}: {}", ran.text);
        world.git(&["checkout", "-q", "-f", "main"]);
        world.git(&["clean", "-q", "-ffdx"]);
        assert_eq!(world.read("f"), "f\n");
        assert_eq!(before, (snapshot(&outside), metadata()), "tree {at}");
    }
}

#[test]
fn a_link_that_a_directory_replaces_is_not_followed() {
    // HEAD has the link, the other branch has a directory of its name with a file in it, and the reverse.
    let world = World::with(&[("f", "f\n")]);
    let outside = world.base().join("ws/outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("b"), "untouched").unwrap();
    std::os::unix::fs::symlink(&outside, world.path("a")).unwrap();
    world.commit(&[], "link");
    let file = blob(&world, "evil\n");
    branch(
        &world,
        &tree(&world, &[("40000", "a", &tree(&world, &[("100644", "b", &file), ("100644", "new", &file)]))]),
    );
    world.call("git_branch", json!({"name": "evil"})).fine();
    assert_eq!(snapshot(&outside).len(), 1);
    assert_eq!(fs::read_to_string(outside.join("b")).unwrap(), "untouched");
    assert!(world.path("a").symlink_metadata().unwrap().is_dir());
    assert_eq!((world.read("a/b"), world.status()), ("evil\n".into(), String::new()));
    world.call("git_branch", json!({"name": "main"})).fine();
    assert!(world.path("a").symlink_metadata().unwrap().is_symlink());
    assert_eq!((snapshot(&outside).len(), world.status()), (1, String::new()));
    assert_eq!(fs::read_to_string(outside.join("b")).unwrap(), "untouched");
    world.sound();
}

#[test]
fn modes_and_links_are_as_git_has_them() {
    let world = World::with(&[("f", "f\n"), ("run", "old\n")]);
    world.git(&["switch", "-q", "-c", "other"]);
    world.write("new-run", "x");
    for name in ["run", "new-run"] {
        fs::set_permissions(world.path(name), fs::Permissions::from_mode(0o755)).unwrap();
    }
    std::os::unix::fs::symlink("f", world.path("link")).unwrap();
    world.commit(&[(".gitattributes", "*.bat text eol=crlf\n"), ("x.bat", "a\nb\n")], "other");
    world.git(&["switch", "-q", "main"]);
    let twin = world.twin();
    twin.git(&["switch", "-q", "other"]);
    world.call("git_branch", json!({"name": "other"})).fine();
    assert_eq!(world.status(), "");
    for name in ["run", "new-run", "f", "x.bat"] {
        let mode = |world: &World| fs::metadata(world.path(name)).unwrap().permissions().mode() & 0o111;
        assert_eq!(mode(&world), mode(&twin), "{name}");
        assert_eq!(world.read(name), twin.read(name), "{name}");
    }
    assert_eq!(fs::read_link(world.path("link")).unwrap(), Path::new("f"));
}

#[test]
fn a_filter_does_not_run_on_checkout_and_the_pointer_is_what_is_written() {
    let world = World::with(&[("f", "f\n")]);
    let mark = world.base().join("ran");
    world.git(&["switch", "-q", "-c", "other"]);
    world.commit(
        &[(".gitattributes", "*.bin filter=lfs -text\n"), ("a.bin", "version https://git-lfs.example/spec/v1\n")],
        "lfs",
    );
    world.git(&["switch", "-q", "main"]);
    let run = format!("sh -c 'echo smudge >> \"{}\"; cat >/dev/null; echo full'", mark.display());
    world.git(&["config", "filter.lfs.smudge", &run]);
    world.git(&["config", "filter.lfs.clean", "cat"]);
    let ran = world.call("git_branch", json!({"name": "other"})).fine();
    assert_eq!((&ran.json["unconverted"]["files"], &ran.json["unconverted"]["first"]), (&json!(1), &json!("a.bin")));
    assert!(world.text("git_branch", &json!({"name": "other", "cwd": "r"})).contains("already on"));
    assert_eq!(world.read("a.bin"), "version https://git-lfs.example/spec/v1\n");
    assert_eq!(world.marks(), "");
    // The control: git runs it.
    world.git(&["checkout", "-q", "main"]);
    world.git(&["checkout", "-q", "other"]);
    assert!(world.marks().contains("smudge"));
}
