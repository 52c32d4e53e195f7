//! Branches: switching, making, deleting; and that nothing uncommitted is ever lost.

use std::{fs, os::unix::fs::symlink};

use serde_json::json;

use crate::world::World;

/// main has `f` = main, other has `f` = other and `only` besides.
fn two() -> World {
    let world = World::with(&[("f", "main\n"), ("same", "same\n")]);
    world.git(&["switch", "-q", "-c", "other"]);
    world.commit(&[("f", "other\n"), ("only", "only\n"), ("d/e", "e\n")], "other");
    world.git(&["switch", "-q", "main"]);
    world
}

fn exclude(world: &World, rules: &str) {
    fs::create_dir_all(world.path(".git/info")).unwrap();
    fs::write(world.path(".git/info/exclude"), rules).unwrap();
}

fn switch(world: &World, name: &str) -> crate::world::Ran {
    world.call("git_branch", json!({"name": name}))
}

/// The switch is refused, naming `path`, and nothing at all has changed.
#[track_caller]
fn refused_untouched(world: &World, path: &str) {
    let state = || {
        (
            world.git(&["symbolic-ref", "HEAD"]),
            world.status(),
            world.git(&["ls-files", "-s"]),
            fs::read(world.path(".git/index")).unwrap(),
        )
    };
    let before = state();
    switch(world, "other").refused("conflict", &[path]);
    assert_eq!(before, state());
    world.sound();
}

#[test]
fn switching_is_what_git_switch_does() {
    let world = two();
    let twin = world.twin();
    twin.git(&["switch", "-q", "other"]);
    let ran = switch(&world, "other").fine();
    assert_eq!(
        (&ran.json["action"], &ran.json["previous"], &ran.json["files"]),
        (&json!("switched"), &json!("main"), &json!(3))
    );
    assert_eq!(world.status(), "");
    for args in [vec!["symbolic-ref", "HEAD"], vec!["ls-files", "-s"], vec!["reflog", "-1", "--format=%gs|%gn"]] {
        assert_eq!(world.git(&args), twin.git(&args));
    }
    assert_eq!((world.read("f"), world.read("d/e")), ("other\n".into(), "e\n".into()));
    switch(&world, "main").fine();
    assert_eq!(world.status(), "");
    assert!(!world.path("only").exists() && !world.path("d").exists());
    let ran = switch(&world, "main").fine();
    assert_eq!(ran.json["action"], "none");
    world.sound();
}

#[test]
fn uncommitted_work_is_carried_over_or_the_switch_is_refused() {
    // Neither branch touches these: carried over.
    let world = two();
    world.write("same", "edited");
    world.write("untracked", "u");
    world.write("staged", "s");
    world.git(&["add", "staged"]);
    let before = world.status();
    switch(&world, "other").fine();
    assert_eq!(world.status(), before);
    assert_eq!(world.read("same"), "edited");
    switch(&world, "main").fine();
    assert_eq!(world.status(), before);

    let world = two();
    world.write("f", "edited");
    refused_untouched(&world, "f");
    assert_eq!(world.read("f"), "edited");

    let world = two();
    world.write("only", "untracked");
    refused_untouched(&world, "only");
    assert_eq!(world.read("only"), "untracked");

    // Staged, and the file itself is back at what HEAD has: git keeps the staged content, libgit2 alone would not.
    let world = two();
    world.write("f", "staged");
    world.git(&["add", "f"]);
    world.write("f", "main\n");
    refused_untouched(&world, "f");

    // Staged, and the file removed again.
    let world = two();
    world.write("only", "staged");
    world.git(&["add", "only"]);
    fs::remove_file(world.path("only")).unwrap();
    refused_untouched(&world, "only");

    // Staged below what is to be a file, and a staged file where a directory is to be.
    let world = two();
    world.write("only/inside", "staged");
    world.git(&["add", "only"]);
    fs::remove_dir_all(world.path("only")).unwrap();
    refused_untouched(&world, "only/inside");
    let world = two();
    world.write("d", "staged");
    world.git(&["add", "d"]);
    fs::remove_file(world.path("d")).unwrap();
    refused_untouched(&world, "d");

    // Ignored is not worthless.
    let world = two();
    exclude(&world, "only\nd\n");
    world.write("only", "ignored but mine");
    refused_untouched(&world, "only");
    fs::remove_file(world.path("only")).unwrap();
    world.write("only/deep/file", "ignored but mine");
    refused_untouched(&world, "only");
    assert_eq!(world.read("only/deep/file"), "ignored but mine");
    fs::remove_dir_all(world.path("only")).unwrap();
    world.write("d", "a file where a directory is to be");
    refused_untouched(&world, "d");
    assert!(world.path("d").is_file());
}

#[test]
fn what_is_untracked_and_equal_to_the_target_is_not_in_the_way() {
    let world = two();
    world.write("only", "only\n");
    world.write("f", "other\n");
    switch(&world, "other").fine();
    assert_eq!(world.status(), "");
    // As git has it, a deletion that is not staged is not kept when the other branch has another content; otherwise it is.
    switch(&world, "main").fine();
    fs::remove_file(world.path("f")).unwrap();
    fs::remove_file(world.path("same")).unwrap();
    let twin = world.twin();
    twin.git(&["switch", "-q", "other"]);
    switch(&world, "other").fine();
    assert_eq!((world.status(), world.read("f")), (twin.status(), "other\n".into()));
    assert!(!world.path("same").exists());
    world.sound();
}

#[test]
fn a_repository_or_submodule_in_the_way_is_never_removed() {
    let world = two();
    fs::create_dir(world.path("only")).unwrap();
    world.git(&["init", "-q", "only"]);
    world.write("only/work", "w");
    refused_untouched(&world, "only");
    assert_eq!(world.read("only/work"), "w");

    // main has a submodule with work of its own; other does not have it.
    let world = two();
    let source = world.base().join("ws/source");
    fs::create_dir(&source).unwrap();
    world.git_at(&source, &["init", "-q"], None);
    world.git_at(
        &source,
        &["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "--allow-empty", "-m", "one"],
        None,
    );
    world.git(&["submodule", "add", "-q", "../source", "sub"]);
    world.git(&["commit", "-q", "-m", "sub"]);
    world.write("sub/mine", "m");
    refused_untouched(&world, "sub");
    assert_eq!(world.read("sub/mine"), "m");

    // The same with a submodule that is clean, but whose history is in its own directory and nowhere else.
    let world = two();
    world.git(&["init", "-q", "sub"]);
    let sub = world.path("sub");
    world.git_at(
        &sub,
        &["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "--allow-empty", "-m", "one"],
        None,
    );
    world.git(&["submodule", "add", "-q", "./sub", "sub"]);
    world.git(&["commit", "-q", "-m", "sub"]);
    assert!(sub.join(".git").is_dir());
    refused_untouched(&world, "sub");
    assert!(sub.join(".git/HEAD").exists());
}

#[test]
fn a_link_in_place_of_a_directory_is_not_followed() {
    // A tracked directory was replaced by a link that leads outside; the other branch changes a file in it.
    let world = World::with(&[("d/e", "main\n")]);
    world.git(&["switch", "-q", "-c", "other"]);
    world.commit(&[("d/e", "other\n")], "other");
    world.git(&["switch", "-q", "main"]);
    let outside = world.base().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("e"), "main\n").unwrap();
    fs::remove_dir_all(world.path("d")).unwrap();
    symlink(&outside, world.path("d")).unwrap();
    refused_untouched(&world, "d");
    assert_eq!(fs::read_to_string(outside.join("e")).unwrap(), "main\n");

    // The same with a link that is not tracked where the other branch brings a directory.
    let world = two();
    let outside = world.base().join("outside");
    fs::create_dir(&outside).unwrap();
    symlink(&outside, world.path("d")).unwrap();
    refused_untouched(&world, "d");
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
    // And when git is told to ignore it.
    exclude(&world, "d\n");
    refused_untouched(&world, "d");
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
}

#[test]
fn create_begins_where_it_is_told_and_switches() {
    let world = two();
    world.write("same", "edited");
    let ran = world.call("git_branch", json!({"name": "feature/x", "create": true})).fine();
    assert!(ran.json["action"] == "created" && ran.json["files"] == 0, "{}", ran.text);
    assert_eq!(world.git(&["symbolic-ref", "HEAD"]), "refs/heads/feature/x");
    assert_eq!(world.read("same"), "edited");
    world.call("git_branch", json!({"name": "y", "create": true, "start_point": "other"})).fine();
    assert_eq!(world.read("f"), "other\n");
    assert_eq!(world.git(&["rev-parse", "y"]), world.git(&["rev-parse", "other"]));
    for (name, word) in [("main", "exists"), ("feature", "beside"), ("feature/x/z", "beside")] {
        world.call("git_branch", json!({"name": name, "create": true})).refused("conflict", &[word]);
    }
    for name in ["-f", "HEAD", "@", "refs/heads/z", "a..b", "0123456789012345678901234567890123456789"] {
        world.call("git_branch", json!({"name": name, "create": true})).refused("invalid_argument", &["`name`"]);
    }
    world
        .call("git_branch", json!({"name": "z", "create": true, "start_point": "--all"}))
        .refused("invalid_argument", &[]);
    world.call("git_branch", json!({"name": "z", "create": true, "start_point": "nowhere"})).refused("not_found", &[]);
    world.call("git_branch", json!({"name": "z", "start_point": "main"})).refused("invalid_argument", &[]);
    world.call("git_branch", json!({"name": "z", "create": true, "delete": true})).refused("invalid_argument", &[]);
    world.call("git_branch", json!({"name": "nowhere"})).refused("not_found", &["create=true"]);
    // When the files cannot follow, there is no branch either.
    world.write("f", "mine");
    world.call("git_branch", json!({"name": "z", "create": true, "start_point": "main"})).refused("conflict", &["f"]);
    assert_eq!(world.git(&["branch", "--list", "z"]), "");
    assert_eq!(world.read("f"), "mine");
    world.sound();
}

#[test]
fn a_branch_before_the_first_commit() {
    let world = World::empty();
    world.call("git_branch", json!({"name": "trunk", "create": true})).fine();
    assert_eq!(world.git(&["symbolic-ref", "HEAD"]), "refs/heads/trunk");
    world.write("a", "a");
    world.git(&["add", "a"]);
    world.call("git_commit", json!({"message": "first"})).fine();
    assert_eq!(world.git(&["branch", "--show-current"]), "trunk");
    // From a branch without commits to one that has some: what is staged is not lost.
    world.git(&["switch", "-q", "--orphan", "void"]);
    switch(&world, "trunk").fine();
    assert_eq!((world.status(), world.read("a")), (String::new(), "a".into()));
}

#[test]
fn a_branch_of_one_remote_is_followed_and_of_several_is_ambiguous() {
    let world = two();
    world.git(&["clone", "-q", "--bare", ".", "../one.git"]);
    world.git(&["remote", "add", "one", "../one.git"]);
    world.git(&["fetch", "-q", "one"]);
    world.git(&["branch", "-q", "-D", "other"]);
    let ran = switch(&world, "other").fine();
    assert_eq!(ran.json["upstream"], "one/other");
    assert_eq!(world.git(&["rev-parse", "--abbrev-ref", "other@{u}"]), "one/other");
    assert_eq!(world.status(), "");
    switch(&world, "main").fine();
    world.call("git_branch", json!({"name": "other", "delete": true})).fine();
    assert!(!world.git(&["config", "--list"]).contains("branch.other"), "{}", world.git(&["config", "--list"]));
    world.git(&["remote", "add", "two", "../one.git"]);
    world.git(&["fetch", "-q", "two"]);
    switch(&world, "other").refused("ambiguous", &["one/other", "two/other"]);
    let ran = world.call("git_branch", json!({"name": "mine", "create": true, "start_point": "two/other"})).fine();
    assert_eq!(ran.json["upstream"], "two/other");
    assert_eq!(world.git(&["rev-parse", "--abbrev-ref", "mine@{u}"]), "two/other");
}

#[test]
fn delete_takes_only_what_is_merged_and_nowhere_checked_out() {
    let world = two();
    let id = world.git(&["rev-parse", "other"]);
    world
        .call("git_branch", json!({"name": "other", "delete": true}))
        .refused("conflict", &[&id, "nothing was deleted"]);
    world.call("git_branch", json!({"name": "main", "delete": true})).refused("conflict", &["checked out here"]);
    world.call("git_branch", json!({"name": "none", "delete": true})).refused("not_found", &[]);
    world.git(&["worktree", "add", "-q", "../linked", "-b", "linked"]);
    world.call("git_branch", json!({"name": "linked", "delete": true})).refused("conflict", &["another work tree"]);
    switch(&world, "linked").refused("conflict", &["another work tree"]);
    world.call("git_branch", json!({"name": "main", "cwd": "linked"})).refused("conflict", &["another work tree"]);
    world.git(&["merge", "-q", "other"]);
    let ran = world.call("git_branch", json!({"name": "other", "delete": true})).fine();
    assert!(ran.json["id"] == id && ran.text.contains("to restore it"), "{}", ran.text);
    assert_eq!(world.git(&["branch", "--list", "other"]), "");
    world.call("git_branch", json!({"name": "other", "create": true, "start_point": id})).fine();
    world.sound();
}

#[test]
fn a_packed_branch_is_switched_to_and_deleted() {
    let world = two();
    world.git(&["branch", "merged"]);
    world.git(&["pack-refs", "--all"]);
    switch(&world, "other").fine();
    switch(&world, "main").fine();
    world.call("git_branch", json!({"name": "merged", "delete": true})).fine();
    assert_eq!(world.git(&["branch", "--list", "merged"]), "");
    world.sound();
}

#[test]
fn an_operation_in_progress_is_not_left() {
    let world = two();
    world.commit(&[("f", "more\n")], "more");
    assert!(!world.git_at(&world.root(), &["merge", "other"], None).status.success());
    switch(&world, "other").refused("conflict", &["merge is in progress"]);
    world.call("git_branch", json!({"name": "z", "create": true})).refused("conflict", &["merge is in progress"]);
}

#[test]
fn a_linked_work_tree_is_written_in_its_own_place() {
    let world = two();
    world.git(&["worktree", "add", "-q", "../linked", "-b", "linked"]);
    let linked = world.base().join("ws/linked");
    fs::write(linked.join("new"), "n").unwrap();
    world.call("git_add", json!({"files": "new", "cwd": "linked"})).fine();
    world.call("git_commit", json!({"message": "there", "cwd": "linked"})).fine();
    world.call("git_branch", json!({"name": "other", "cwd": "linked"})).fine();
    let there = |args: &[&str]| String::from_utf8(world.git_at(&linked, args, None).stdout).unwrap();
    assert_eq!(there(&["branch", "--show-current"]), "other\n");
    assert_eq!(there(&["status", "--porcelain"]), "");
    assert_eq!(world.git(&["log", "-1", "--format=%s", "linked"]), "there");
    assert_eq!((world.git(&["branch", "--show-current"]), world.status()), ("main".into(), String::new()));
    world.sound();
}
